/* provider_module FILE NAME: opens a provider module without libfluidrt and talks to it
 * through the ABI alone. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

static const char *module_file, *module_name;
static long live; /* allocations that were not returned */

static void host_log(void *ctx, int level, const char *text) {
  (void)ctx;
  (void)level;
  (void)text;
}
static void *host_alloc(void *ctx, size_t bytes, size_t align) {
  (void)ctx;
  void *p = NULL;
  if (posix_memalign(&p, align < sizeof p ? sizeof p : align, bytes ? bytes : 1))
    return NULL;
  ++live;
  return p;
}
static void host_free(void *ctx, void *p) {
  (void)ctx;
  if (p) --live;
  free(p);
}
static void host_parallel_for(void *ctx, int64_t n, int64_t grain,
                              void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg) {
  (void)ctx;
  for (int64_t lo = 0; lo < n; lo += grain) fn(arg, lo, lo + grain < n ? lo + grain : n);
}
static int host_cancelled(void *ctx) {
  (void)ctx;
  return 0;
}
static uint64_t host_now(void *ctx) {
  (void)ctx;
  return 0;
}
static const frt_api_host_t host = {
    sizeof host, FRT_ABI_MINOR, NULL, host_log, host_alloc, host_free,
    host_parallel_for, host_cancelled, host_now};

typedef struct {
  void *handle;
  frt_api_provider_t api;
} module_t;

static module_t module_open(void) {
  module_t m = {.handle = dlopen(module_file, RTLD_NOW | RTLD_LOCAL)};
  frt_provider_entry_t entry;
  frt_error_t err = FRT_ERROR_INIT;
  if (!m.handle) fail_msg("%s", dlerror());
  *(void **)&entry = dlsym(m.handle, FRT_PROVIDER_ENTRY_NAME);
  assert_non_null(*(void **)&entry);
  m.api.size = sizeof m.api;
  assert_int_equal(FRT_OK, entry(&host, &m.api, &err));
  return m;
}

static void module_close(module_t *m) {
  m->api.close(m->api.self);
  dlclose(m->handle);
}

static const frt_api_kernel_decl_t *claim(const module_t *m, uint32_t i) {
  return (const frt_api_kernel_decl_t *)(const void *)((const char *)m->api.kernels +
                                                       (size_t)i * m->api.kernel_stride);
}

static void the_table_is_filled(void **state) {
  (void)state;
  module_t m = module_open();
  assert_string_equal(module_name, m.api.name);
  assert_true(m.api.n_kernels > 0);
  assert_true(m.api.kernel_stride >= sizeof(frt_api_kernel_decl_t));
  for (uint32_t i = 0; i < m.api.n_kernels; ++i) {
    assert_true(claim(&m, i)->type[0] != 0);
    assert_true(claim(&m, i)->dtypes != 0);
  }
  module_close(&m);
  assert_int_equal(0, live);
}

/* One `clip` of three numbers, every structure filled by hand. */
typedef struct {
  int64_t dims[1];
  float x[3], y[3];
  frt_api_tensor_t in_t, out_t;
  const frt_api_tensor_t *in_p, *out_p;
  frt_api_slot_t in[3], out[1];
  frt_api_attr_t attrs[2];
  frt_api_op_t op;
} clip_t;

static void clip_fill(clip_t *c, const char *type) {
  memset(c, 0, sizeof *c);
  c->dims[0] = 3;
  c->x[0] = -2;
  c->x[1] = 0.5f;
  c->x[2] = 2;
  c->in_t.size = sizeof c->in_t;
  c->in_t.dtype = FRT_F32;
  c->in_t.rank = 1;
  c->in_t.dims = c->dims;
  c->in_t.numel = 3;
  c->in_t.bytes = sizeof c->x;
  c->out_t = c->in_t;
  c->in_p = &c->in_t;
  c->out_p = &c->out_t;
  c->in[FRT_CLIP_IN_X] = (frt_api_slot_t){"X", 1, 0, &c->in_p};
  c->in[FRT_CLIP_IN_MIN].name = "Min";
  c->in[FRT_CLIP_IN_MAX].name = "Max";
  c->out[FRT_CLIP_OUT_OUT] = (frt_api_slot_t){"Out", 1, 0, &c->out_p};
  c->attrs[FRT_CLIP_ATTR_MIN] = (frt_api_attr_t){"min", FRT_ATTR_F32, 1, {.f = -1}};
  c->attrs[FRT_CLIP_ATTR_MAX] = (frt_api_attr_t){"max", FRT_ATTR_F32, 1, {.f = 1}};
  c->op = (frt_api_op_t){sizeof c->op, 1, type, 0, 0, c->in, c->out, 3, 1,
                         c->attrs, 2, 0, &host};
}

static void run_clip(module_t *m, frt_dev_t *dev, clip_t *c) {
  frt_queue_t *q = NULL;
  frt_prepared_t *k = NULL;
  uint64_t workspace = 0;
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(FRT_OK, m->api.queue_open(dev, &q, &err));
  assert_int_equal(FRT_OK, m->api.op_prepare(m->api.self, dev, &c->op, &k, &workspace, &err));
  c->in_t.data = c->x;
  c->out_t.data = c->y;
  void *scratch = workspace ? host_alloc(NULL, (size_t)workspace, 64) : NULL;
  const frt_api_run_t run = {sizeof run, 0, q, c->in, c->out, 3, 1, scratch, workspace,
                             1, &host};
  assert_int_equal(FRT_OK, m->api.op_run(k, &run, &err));
  assert_int_equal(FRT_OK, m->api.queue_sync(q, &err));
  m->api.op_release(k);
  host_free(NULL, scratch);
  m->api.queue_close(q);
}

static void clip_runs_through_the_abi(void **state) {
  (void)state;
  module_t m = module_open();
  frt_dev_t *dev = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_api_support_t support = {.size = sizeof support};
  clip_t c;
  clip_fill(&c, "clip");
  assert_true(m.api.device_count(m.api.self, NULL) >= 1);
  assert_int_equal(FRT_OK, m.api.dev_open(m.api.self, 0, NULL, 0, &dev, &err));
  assert_int_equal(FRT_OK, m.api.op_query(m.api.self, dev, &c.op, &support, &err));
  assert_int_equal(FRT_YES, support.verdict);
  run_clip(&m, dev, &c);
  assert_true(c.y[0] == -1 && c.y[1] == 0.5f && c.y[2] == 1);
  m.api.dev_close(dev);
  module_close(&m);
  assert_int_equal(0, live);
}

static void an_unknown_op_is_refused_with_a_reason(void **state) {
  (void)state;
  module_t m = module_open();
  frt_api_support_t support = {.size = sizeof support};
  frt_error_t err = FRT_ERROR_INIT;
  clip_t c;
  clip_fill(&c, "acme.unknown");
  assert_int_equal(FRT_OK, m.api.op_query(m.api.self, NULL, &c.op, &support, &err));
  assert_int_equal(FRT_NO, support.verdict);
  assert_int_equal(FRT_REASON_NO_KERNEL, support.reason);
  assert_non_null(strstr(support.detail, "acme.unknown"));
  module_close(&m);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_is_filled), cmocka_unit_test(clip_runs_through_the_abi),
      cmocka_unit_test(an_unknown_op_is_refused_with_a_reason)};
  if (argc != 3) return 64;
  module_file = argv[1];
  module_name = argv[2];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
