/* test_virtual FILE: the virtual provider through the ABI alone, then under the runtime:
 * its memory, its late queues, its events and its faults. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../programs/session.h"
#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

static const char *module_file;

typedef struct {
  frt_runtime_t *rt;
  void *library;
  frt_api_provider_t api;
  frt_dev_t *dev;
  frt_queue_t *q;
} virtual_t;

static frt_status_t enter(virtual_t *v, frt_error_t *err) {
  frt_provider_entry_t entry;
  memset(v, 0, sizeof *v);
  v->rt = make_runtime(1);
  v->library = dlopen(module_file, RTLD_NOW | RTLD_LOCAL);
  if (!v->library) fail_msg("%s", dlerror());
  *(void **)&entry = dlsym(v->library, FRT_PROVIDER_ENTRY_NAME);
  assert_non_null(*(void **)&entry);
  v->api.size = sizeof v->api;
  return entry(frt_runtime_host(v->rt), &v->api, err);
}

static virtual_t virtual_open(const char *key, const char *value) {
  virtual_t v;
  const frt_api_option_t option = {key, value};
  frt_error_t err = FRT_ERROR_INIT;
  MUST(enter(&v, &err));
  MUST(v.api.dev_open(v.api.self, 0, &option, key != NULL, &v.dev, &err));
  MUST(v.api.queue_open(v.dev, &v.q, &err));
  return v;
}

static void virtual_close(virtual_t *v) {
  v->api.queue_close(v->q);
  v->api.dev_close(v->dev);
  v->api.close(v->api.self);
  dlclose(v->library);
  frt_runtime_release(v->rt);
}

static float *slab(virtual_t *v, frt_dev_t *dev) {
  void *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(v->api.slab_alloc(dev, FRT_MEM_DEVICE, 64, &p, &err));
  return p;
}

/* One `clip` of three numbers to [-1, 1]. */
typedef struct {
  int64_t dims[1];
  frt_api_tensor_t x, out;
  const frt_api_tensor_t *x_at, *out_at;
  frt_api_slot_t in[3], outs[1];
  frt_api_attr_t attrs[2];
  frt_api_op_t op;
  frt_prepared_t *k;
  uint64_t workspace;
  void *room;
} clip_t;

static void clip_prepare(virtual_t *v, clip_t *c) {
  frt_error_t err = FRT_ERROR_INIT;
  memset(c, 0, sizeof *c);
  c->dims[0] = 3;
  c->x = (frt_api_tensor_t){sizeof c->x, FRT_F32, 1, 0, NULL, c->dims, NULL, 3, 12};
  c->out = c->x;
  c->x_at = &c->x;
  c->out_at = &c->out;
  c->in[FRT_CLIP_IN_X] = (frt_api_slot_t){"X", 1, 0, &c->x_at};
  c->in[FRT_CLIP_IN_MIN].name = "Min";
  c->in[FRT_CLIP_IN_MAX].name = "Max";
  c->outs[0] = (frt_api_slot_t){"Out", 1, 0, &c->out_at};
  c->attrs[FRT_CLIP_ATTR_MIN] = (frt_api_attr_t){"min", FRT_ATTR_F32, 1, {.f = -1}};
  c->attrs[FRT_CLIP_ATTR_MAX] = (frt_api_attr_t){"max", FRT_ATTR_F32, 1, {.f = 1}};
  c->op = (frt_api_op_t){sizeof c->op, 1, "clip", 0, 7, c->in, c->outs, 3, 1, c->attrs, 2, 0,
                         frt_runtime_host(v->rt)};
  MUST(v->api.op_prepare(v->api.self, v->dev, &c->op, &c->k, &c->workspace, &err));
  if (c->workspace)
    MUST(v->api.slab_alloc(v->dev, FRT_MEM_DEVICE, c->workspace, &c->room, &err));
}

static frt_status_t clip_run(virtual_t *v, clip_t *c, void *x, void *out, frt_error_t *err) {
  const frt_api_run_t run = {sizeof run, 0, v->q, c->in, c->outs, 3, 1, c->room,
                             c->workspace, 1, frt_runtime_host(v->rt)};
  c->x.data = x;
  c->out.data = out;
  const frt_status_t status = v->api.op_run(c->k, &run, err);
  c->x.data = c->out.data = NULL; /* what a run points at ends with the call */
  return status;
}

static void to_device(virtual_t *v, void *p, float value) {
  float x[3] = {value, value, value};
  frt_error_t err = FRT_ERROR_INIT;
  MUST(v->api.copy(v->dev, v->q, FRT_COPY_TO_DEVICE, p, x, sizeof x, &err));
  x[0] = x[1] = x[2] = 99; /* the call took what it needs */
}

static float from_device(virtual_t *v, const void *p) {
  float x[3] = {0};
  frt_error_t err = FRT_ERROR_INIT;
  MUST(v->api.copy(v->dev, v->q, FRT_COPY_FROM_DEVICE, x, p, sizeof x, &err));
  assert_true(x[0] == x[1] && x[1] == x[2]);
  return x[0];
}

static void an_op_runs_on_memory_of_its_own(void **state) {
  (void)state;
  virtual_t v = virtual_open("delay_us", "300");
  float *x = slab(&v, v.dev), *y = slab(&v, v.dev);
  clip_t c;
  frt_error_t err = FRT_ERROR_INIT;
  clip_prepare(&v, &c);
  for (int i = 0; i < 20; ++i) {
    to_device(&v, x, (float)i / 10);
    MUST(clip_run(&v, &c, x, y, &err));
    assert_true(from_device(&v, y) == (i < 10 ? (float)i / 10 : 1));
  }
  v.api.op_release(c.k);
  v.api.slab_free(v.dev, FRT_MEM_DEVICE, x);
  v.api.slab_free(v.dev, FRT_MEM_DEVICE, y);
  virtual_close(&v);
}

static int touching_kills(const volatile float *p) {
  int status = 0;
  const pid_t pid = fork();
  if (!pid) {
    signal(SIGSEGV, SIG_DFL);
    _exit(*p == 12345.0f ? 0 : 0);
  }
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void the_host_cannot_touch_a_slab_nor_its_place_afterwards(void **state) {
  (void)state;
  virtual_t v = virtual_open(NULL, NULL);
  float *x = slab(&v, v.dev);
  assert_true(touching_kills(x));
  v.api.slab_free(v.dev, FRT_MEM_DEVICE, x);
  assert_true(touching_kills(x));
  assert_ptr_not_equal(x, slab(&v, v.dev));
  virtual_close(&v);
}

static void refused(virtual_t *v, clip_t *c, void *x, void *out, const char *words) {
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(FRT_INTERNAL, clip_run(v, c, x, out, &err));
  if (!strstr(err.message, words)) fail_msg("'%s' does not say '%s'", err.message, words);
}

static void a_wrong_address_is_named(void **state) {
  (void)state;
  virtual_t v = virtual_open(NULL, NULL);
  frt_dev_t *other = NULL;
  float host[3] = {0}, *x = slab(&v, v.dev), *gone = slab(&v, v.dev);
  clip_t c;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(v.api.dev_open(v.api.self, 1, NULL, 0, &other, &err));
  float *theirs = slab(&v, other);
  clip_prepare(&v, &c);
  v.api.slab_free(v.dev, FRT_MEM_DEVICE, gone);
  refused(&v, &c, host, x, "slot X[0]");
  refused(&v, &c, host, x, "in no slab");
  refused(&v, &c, x, host, "slot Out[0]");
  refused(&v, &c, x, theirs, "another device");
  refused(&v, &c, x, gone, "freed");
  refused(&v, &c, x, x + 14, "beyond the end");
  assert_int_equal(FRT_INTERNAL,
                   v.api.copy(v.dev, v.q, FRT_COPY_TO_DEVICE, x, theirs, 12, &err));
  MUST(v.api.copy(v.dev, v.q, FRT_COPY_WITHIN, x, gone, 12, &err));
  assert_int_equal(FRT_INTERNAL, v.api.queue_sync(v.q, &err)); /* found when its turn came */
  MUST(v.api.queue_sync(v.q, &err));
  v.api.op_release(c.k);
  v.api.dev_close(other);
  virtual_close(&v);
}

static void a_failure_is_reported_once_with_its_op(void **state) {
  (void)state;
  virtual_t v = virtual_open("fault", "fail:2");
  float *x = slab(&v, v.dev), *y = slab(&v, v.dev), *z = slab(&v, v.dev);
  clip_t c;
  frt_error_t err = FRT_ERROR_INIT;
  clip_prepare(&v, &c);
  to_device(&v, x, 5);
  to_device(&v, y, 3);
  to_device(&v, z, 3);
  MUST(clip_run(&v, &c, x, y, &err));
  MUST(clip_run(&v, &c, x, z, &err)); /* fails, later */
  MUST(clip_run(&v, &c, x, z, &err)); /* skipped, it may need what failed */
  assert_int_equal(FRT_INTERNAL, v.api.queue_sync(v.q, &err));
  assert_int_equal(0, err.block);
  assert_int_equal(7, err.op);
  assert_string_equal("clip", err.op_type);
  MUST(v.api.queue_sync(v.q, &err));
  assert_true(from_device(&v, y) == 1 && from_device(&v, z) == 3);
  v.api.op_release(c.k);
  virtual_close(&v);
}

static void a_lost_device_stays_lost(void **state) {
  (void)state;
  virtual_t v = virtual_open("fault", "lost:1");
  float *x = slab(&v, v.dev);
  void *more = NULL;
  clip_t c;
  frt_error_t err = FRT_ERROR_INIT;
  clip_prepare(&v, &c);
  to_device(&v, x, 5);
  MUST(clip_run(&v, &c, x, x, &err));
  for (int i = 0; i < 3; ++i)
    assert_int_equal(FRT_DEVICE_LOST, v.api.queue_sync(v.q, &err));
  assert_int_equal(FRT_DEVICE_LOST, clip_run(&v, &c, x, x, &err));
  assert_int_equal(FRT_DEVICE_LOST, v.api.slab_alloc(v.dev, FRT_MEM_DEVICE, 4, &more, &err));
  assert_null(more);
  v.api.slab_free(v.dev, FRT_MEM_DEVICE, x);
  v.api.op_release(c.k);
  virtual_close(&v);
}

static void the_second_slab_fails_and_the_third_does_not(void **state) {
  (void)state;
  virtual_t v = virtual_open("fault", "oom:2");
  void *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  slab(&v, v.dev);
  assert_int_equal(FRT_RESOURCE_EXHAUSTED,
                   v.api.slab_alloc(v.dev, FRT_MEM_DEVICE, 64, &p, &err));
  assert_null(p);
  slab(&v, v.dev);
  virtual_close(&v);
}

static void a_refused_op_says_why(void **state) {
  (void)state;
  virtual_t v = virtual_open("fault", "refuse:relu,refuse:clip");
  frt_api_support_t s = {.size = sizeof s};
  clip_t c;
  frt_error_t err = FRT_ERROR_INIT;
  clip_prepare(&v, &c);
  MUST(v.api.op_query(v.api.self, v.dev, &c.op, &s, &err));
  assert_int_equal(FRT_NO, s.verdict);
  assert_int_equal(FRT_REASON_DISABLED, s.reason);
  assert_non_null(strstr(s.detail, "clip"));
  v.api.op_release(c.k);
  virtual_close(&v);
}

static void events_order_two_queues(void **state) {
  (void)state;
  virtual_t v = virtual_open("delay_us", "2000");
  frt_queue_t *second = NULL;
  frt_event_t *e = NULL;
  float *x = slab(&v, v.dev), *y = slab(&v, v.dev);
  frt_error_t err = FRT_ERROR_INIT;
  MUST(v.api.queue_open(v.dev, &second, &err));
  MUST(v.api.event_open(v.dev, &e, &err));
  for (int i = 0; i < 10; ++i) {
    to_device(&v, x, (float)i);
    MUST(v.api.event_record(e, v.q, &err));
    MUST(v.api.event_wait(e, second, &err));
    MUST(v.api.copy(v.dev, second, FRT_COPY_WITHIN, y, x, 12, &err));
    MUST(v.api.event_record(e, second, &err));
    MUST(v.api.event_wait(e, v.q, &err));
    assert_true(from_device(&v, y) == (float)i);
  }
  MUST(v.api.event_record(e, second, &err));
  MUST(v.api.event_wait(e, NULL, &err));
  v.api.event_close(e);
  v.api.queue_close(second);
  virtual_close(&v);
}

static void what_is_misspelt_is_refused(void **state) {
  (void)state;
  virtual_t v = virtual_open(NULL, NULL);
  const frt_api_option_t option = {"delay", "5"}, bad = {"fault", "ooom:5"};
  frt_dev_t *dev = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   v.api.dev_open(v.api.self, 0, &option, 1, &dev, &err));
  assert_non_null(strstr(err.message, "no option 'delay'"));
  assert_int_equal(FRT_INVALID_ARGUMENT, v.api.dev_open(v.api.self, 0, &bad, 1, &dev, &err));
  assert_int_equal(FRT_NOT_FOUND, v.api.dev_open(v.api.self, 2, NULL, 0, &dev, &err));
  virtual_close(&v);
  setenv("FRT_VIRTUAL_BASE", "absent", 1);
  assert_int_equal(FRT_UNAVAILABLE, enter(&v, &err));
  assert_non_null(strstr(err.message, "absent"));
  unsetenv("FRT_VIRTUAL_BASE");
  dlclose(v.library);
  frt_runtime_release(v.rt);
}

/* ---- under the runtime ------------------------------------------------------------- */

static void the_runtime_names_the_op_that_failed_late(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *loss = NULL;
  setenv("FRT_VIRTUAL_FAULT", "fail:40", 1);
  session_t s = session_open("digits", "virtual", 1);
  digits_t d = digits_batch(1);
  const frt_feed_t feed[] = {{"img", d.img}, {"label", d.label}};
  const frt_fetch_t fetch = {DIGITS_LOSS, 0, 0};
  int failures = 0;
  for (int i = 0; i < 4; ++i) {
    const frt_status_t status = frt_executor_run(s.exe, s.main, s.scope, feed, 2, &fetch, 1,
                                                 &loss, NULL, &err);
    if (status == FRT_OK) continue;
    ++failures;
    assert_int_equal(FRT_INTERNAL, status);
    assert_int_equal(FRT_PHASE_RUN, err.phase);
    assert_true(err.op >= 0 && err.op_type[0]);
    assert_non_null(strstr(err.message, "op 40 fails as asked"));
    assert_int_equal(1, frt_scope_partly_updated(s.scope));
  }
  assert_int_equal(1, failures); /* and the run after it finds clean queues */
  unsetenv("FRT_VIRTUAL_FAULT");
  digits_release(&d);
  frt_tensor_release(loss);
  session_close(&s);
}

static void a_lost_device_ends_every_run_with_that_status(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  setenv("FRT_VIRTUAL_FAULT", "lost:40", 1);
  session_t s = session_open("digits", "virtual", 1);
  digits_t d = digits_batch(1);
  const frt_feed_t feed[] = {{"img", d.img}, {"label", d.label}};
  frt_status_t status = FRT_OK;
  for (int i = 0; i < 3; ++i)
    status = frt_executor_run(s.exe, s.main, s.scope, feed, 2, NULL, 0, NULL, NULL, &err);
  assert_int_equal(FRT_DEVICE_LOST, status);
  unsetenv("FRT_VIRTUAL_FAULT");
  digits_release(&d);
  session_close(&s);
}

/* Every k-th slab in turn fails; afterwards the same executor finishes the same step. */
static void a_run_survives_the_failure_of_any_slab(void **state) {
  (void)state;
  for (int k = 1, failures = 1; failures; ++k) {
    char fault[32];
    frt_error_t err = FRT_ERROR_INIT;
    frt_executor_t *exe = NULL;
    session_t s = session_open("digits", "cpu", 1);
    digits_t d = digits_batch(1);
    const frt_feed_t feed[] = {{"img", d.img}, {"label", d.label}};
    snprintf(fault, sizeof fault, "oom:%d", k);
    setenv("FRT_VIRTUAL_FAULT", fault, 1);
    MUST(frt_executor_create(s.rt, "virtual", NULL, &exe, &err));
    failures = 0;
    for (int i = 0; i < 2; ++i) {
      const frt_status_t status =
          frt_executor_run(exe, s.main, s.scope, feed, 2, NULL, 0, NULL, NULL, &err);
      if (status == FRT_OK) continue;
      ++failures;
      assert_int_equal(FRT_RESOURCE_EXHAUSTED, status);
      assert_int_equal(0, i);
    }
    frt_executor_release(exe);
    digits_release(&d);
    session_close(&s);
    assert_true(k < 200);
  }
  unsetenv("FRT_VIRTUAL_FAULT");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_op_runs_on_memory_of_its_own),
      cmocka_unit_test(the_host_cannot_touch_a_slab_nor_its_place_afterwards),
      cmocka_unit_test(a_wrong_address_is_named),
      cmocka_unit_test(a_failure_is_reported_once_with_its_op),
      cmocka_unit_test(a_lost_device_stays_lost), /* 3g: 226 */
      cmocka_unit_test(the_second_slab_fails_and_the_third_does_not), /* 3g: 225 */
      cmocka_unit_test(a_refused_op_says_why),
      cmocka_unit_test(events_order_two_queues),
      cmocka_unit_test(what_is_misspelt_is_refused),
      cmocka_unit_test(the_runtime_names_the_op_that_failed_late),
      cmocka_unit_test(a_lost_device_ends_every_run_with_that_status), /* 3g: 226 */
      cmocka_unit_test(a_run_survives_the_failure_of_any_slab) /* 3g: 225 */};
  if (argc != 2) return 64;
  module_file = argv[1];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
