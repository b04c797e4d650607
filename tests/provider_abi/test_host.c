/* provider_host FILE: a provider module under hosts that are older and newer than its
 * headers. Every structure ends at a page without access rights: who reads or writes past
 * the size it was told ends here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fluidrt/provider.h"

static const char *file;
static void *library;
static frt_provider_entry_t entry;

/* ---- structures at the end of what there is ---------------------------------------------- */

enum { PAGE = 4096 };
typedef struct edge { char *pages; void *at; } edge_t;

/* `bytes` that end where memory ends, filled with `fill`. */
static edge_t edge_open(size_t bytes, int fill) {
  edge_t e;
  e.pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(e.pages != MAP_FAILED && bytes <= PAGE);
  memset(e.pages, fill, PAGE);
  assert_int_equal(0, mprotect(e.pages + PAGE, PAGE, PROT_NONE));
  e.at = e.pages + PAGE - bytes;
  memset(e.at, 0, bytes);
  return e;
}
static void edge_close(edge_t *e) { munmap(e->pages, 2 * PAGE); }
/* Nothing in front of it was touched either. */
static void edge_untouched(const edge_t *e, int fill) {
  for (const char *c = e->pages; c < (const char *)e->at; ++c)
    if ((unsigned char)*c != (unsigned char)fill) fail_msg("wrote before the structure");
}

/* ---- a host --------------------------------------------------------------------------------- */

static void host_log(void *ctx, int level, const char *text) { (void)ctx, (void)level, (void)text; }
static void *host_alloc(void *ctx, size_t bytes, size_t align) {
  void *p = NULL;
  (void)ctx;
  return posix_memalign(&p, align < 16 ? 16 : align, bytes ? bytes : 1) ? NULL : p;
}
static void host_free(void *ctx, void *p) { (void)ctx, free(p); }
static void host_for(void *ctx, int64_t n, int64_t grain,
                     void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg) {
  (void)ctx;
  for (int64_t lo = 0; lo < n; lo += grain) fn(arg, lo, lo + grain < n ? lo + grain : n);
}
static int host_cancelled(void *ctx) { return (void)ctx, 0; }
static uint64_t host_now(void *ctx) { return (void)ctx, 0; }
static const frt_api_host_t HOST = {sizeof HOST, 0, NULL, host_log, host_alloc, host_free,
                                    host_for, host_cancelled, host_now};

/* Opens under a host of these sizes; closes what opened. Returns the entry's status. */
static frt_status_t open_sized(size_t host_bytes, size_t io_bytes, frt_error_t *err) {
  edge_t host = edge_open(host_bytes, 0x55), io = edge_open(io_bytes, 0x55);
  frt_api_host_t *h = host.at;
  frt_api_provider_t *p = io.at;
  const size_t known = host_bytes < sizeof HOST ? host_bytes : sizeof HOST;
  memcpy(h, &HOST, known);
  if (host_bytes > sizeof HOST) memset((char *)h + sizeof HOST, 0x77, host_bytes - sizeof HOST);
  h->size = (uint32_t)host_bytes;
  p->size = (uint32_t)io_bytes;
  const frt_status_t status = entry(h, p, err);
  if (status == FRT_OK) {
    assert_true(p->size <= io_bytes);
    for (size_t i = sizeof *p; i < io_bytes; ++i) assert_int_equal(0, ((char *)p)[i]);
    if (p->close) p->close(p->self);
  }
  edge_untouched(&host, 0x55);
  edge_untouched(&io, 0x55);
  edge_close(&host);
  edge_close(&io);
  return status;
}

/* ---- older and newer ------------------------------------------------------------------------- */

static void an_older_host_is_served_or_refused_by_name(void **state) {
  (void)state;
  for (size_t bytes = offsetof(frt_api_host_t, ctx); bytes <= sizeof HOST; bytes += 8) {
    frt_error_t err = FRT_ERROR_INIT;
    const frt_status_t status = open_sized(bytes, sizeof(frt_api_provider_t), &err);
    if (status != FRT_OK) assert_int_equal(FRT_ABI_MISMATCH, status);
    if (status != FRT_OK && !err.message[0]) fail_msg("a host of %zu bytes: no text", bytes);
    if (bytes == sizeof HOST) assert_int_equal(FRT_OK, status);
  }
}

static void a_smaller_table_is_filled_or_refused(void **state) {
  (void)state;
  for (size_t bytes = 16; bytes <= sizeof(frt_api_provider_t); bytes += 8) {
    frt_error_t err = FRT_ERROR_INIT;
    const frt_status_t status = open_sized(sizeof HOST, bytes, &err);
    if (status != FRT_OK) assert_int_equal(FRT_ABI_MISMATCH, status);
    if (status != FRT_OK && !err.message[0]) fail_msg("a table of %zu bytes: no text", bytes);
  }
}

static void a_newer_host_is_served(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  assert_int_equal(FRT_OK, open_sized(sizeof HOST + 64, sizeof(frt_api_provider_t), &err));
  assert_int_equal(FRT_OK, open_sized(sizeof HOST, sizeof(frt_api_provider_t) + 128, &err));
}

static void failures_need_no_record(void **state) {
  (void)state;
  assert_int_equal(FRT_ABI_MISMATCH, open_sized(8, 16, NULL));
}

/* ---- questions with nobody listening ------------------------------------------------------------- */

typedef struct module { frt_api_provider_t api; } module_t;

static module_t module_open(void) {
  module_t m = {{.size = sizeof m.api}};
  frt_error_t err = FRT_ERROR_INIT;
  if (entry(&HOST, &m.api, &err) != FRT_OK) fail_msg("%s", err.message);
  return m;
}
static void module_close(module_t *m) {
  if (m->api.close) m->api.close(m->api.self);
}

static frt_api_op_t unknown_op(void) {
  const frt_api_op_t op = {.size = sizeof op, .version = 1, .type = "acme.unknown",
                           .host = &HOST};
  return op;
}

static void errors_without_a_record_are_errors(void **state) {
  (void)state;
  module_t m = module_open();
  const frt_api_option_t option = {"sed", "1"};
  const frt_api_op_t op = unknown_op();
  frt_api_device_info_t info = {.size = sizeof info};
  frt_dev_t *dev = NULL;
  frt_prepared_t *k = NULL;
  uint64_t workspace = 0;
  assert_int_not_equal(FRT_OK, m.api.device_info(m.api.self, 99, &info, NULL));
  assert_int_not_equal(FRT_OK, m.api.dev_open(m.api.self, 99, NULL, 0, &dev, NULL));
  assert_int_not_equal(FRT_OK, m.api.dev_open(m.api.self, 0, &option, 1, &dev, NULL));
  assert_int_equal(FRT_OK, m.api.dev_open(m.api.self, 0, NULL, 0, &dev, NULL));
  assert_int_not_equal(FRT_OK, m.api.op_prepare(m.api.self, dev, &op, &k, &workspace, NULL));
  m.api.dev_close(dev);
  module_close(&m);
}

static void an_unknown_option_is_refused_by_name(void **state) {
  (void)state;
  module_t m = module_open();
  const frt_api_option_t option = {"sed", "1"};
  frt_error_t err = FRT_ERROR_INIT;
  frt_dev_t *dev = NULL;
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   m.api.dev_open(m.api.self, 0, &option, 1, &dev, &err));
  if (!strstr(err.message, "'sed'")) fail_msg("'%s' does not name it", err.message);
  if (strstr(file, "virtual") && !strstr(err.message, "nearest is 'seed'"))
    fail_msg("'%s' names no near one", err.message);
  module_close(&m);
}

/* What is filled for the host fits into what the host gave. */
static void answers_keep_to_their_size(void **state) {
  (void)state;
  module_t m = module_open();
  const frt_api_op_t op = unknown_op();
  for (size_t bytes = offsetof(frt_api_device_info_t, mem_total);
       bytes <= sizeof(frt_api_device_info_t); bytes += 8) {
    edge_t e = edge_open(bytes, 0x33);
    ((frt_api_device_info_t *)e.at)->size = (uint32_t)bytes;
    assert_int_equal(FRT_OK, m.api.device_info(m.api.self, 0, e.at, NULL));
    edge_untouched(&e, 0x33);
    edge_close(&e);
  }
  edge_t e = edge_open(sizeof(frt_api_support_t), 0x33);
  frt_api_support_t *s = e.at;
  s->size = sizeof *s;
  assert_int_equal(FRT_OK, m.api.op_query(m.api.self, NULL, &op, s, NULL));
  assert_int_equal(FRT_NO, s->verdict);
  edge_close(&e);
  edge_t why = edge_open(160, 0x33);
  m.api.device_count(m.api.self, why.at);
  edge_untouched(&why, 0x33);
  edge_close(&why);
  module_close(&m);
}

static void it_opens_and_closes_a_hundred_times(void **state) {
  (void)state;
  for (int i = 0; i < 100; ++i) {
    module_t m = module_open();
    module_close(&m);
  }
}

static int load(void **state) {
  (void)state;
  library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) return print_error("%s\n", dlerror()), -1;
  *(void **)&entry = dlsym(library, FRT_PROVIDER_ENTRY_NAME);
  return entry ? 0 : -1;
}
static int unload(void **state) {
  (void)state;
  return dlclose(library);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_older_host_is_served_or_refused_by_name),
      cmocka_unit_test(a_smaller_table_is_filled_or_refused),
      cmocka_unit_test(a_newer_host_is_served), cmocka_unit_test(failures_need_no_record),
      cmocka_unit_test(errors_without_a_record_are_errors),
      cmocka_unit_test(an_unknown_option_is_refused_by_name),
      cmocka_unit_test(answers_keep_to_their_size),
      cmocka_unit_test(it_opens_and_closes_a_hundred_times)};
  if (argc != 2) return 64;
  file = argv[1];
  return cmocka_run_group_tests(tests, load, unload);
}
