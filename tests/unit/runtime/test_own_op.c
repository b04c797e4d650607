/* An application's own op: schema, kernel and gradient kernel, used in a program. The
 * part between the lines is the example that the documentation points at. */
#include <math.h>

#include "fluidrt/kernel.h"
#include "unit/runtime/fixture.h"

/* ---- 8< -------------------------------------------------------------------------- */

static frt_status_t same_shape(const frt_infer_t *x, frt_error_t *err) {
  (void)err;
  *x->out[0].shapes = *x->in[0].shapes;
  return FRT_OK;
}

/* The order of slots and attributes is what kernels index. */
enum { SWISH_IN_X = 0, SWISH_GRAD_IN_G = 0, SWISH_GRAD_IN_X = 1, SWISH_ATTR_BETA = 0 };

static const frt_op_schema_t acme_swish = {
    .struct_size = sizeof acme_swish, .type = "acme.swish",
    .doc = "Out = X * sigmoid(beta * X).", .source = "Ramachandran et al. 2017",
    .inputs = {{"X", FRT_F32S, 0, "any shape"}},
    .outputs = {{"Out", FRT_F32S, 0, "shape of X"}},
    .attrs = {{"beta", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "slope", 1.0}},
    .infer_shape = same_shape, .grad = "acme.swish_grad"};
static const frt_op_schema_t acme_swish_grad = {
    .struct_size = sizeof acme_swish_grad, .type = "acme.swish_grad",
    .doc = "X@GRAD = Out@GRAD * d swish / dX.", .source = "its derivative",
    .inputs = {{"Out@GRAD", FRT_F32S, 0, "shape of X"}, {"X", FRT_F32S, 0, "any shape"}},
    .outputs = {{"X@GRAD", FRT_F32S, 0, "shape of X"}},
    .attrs = {{"beta", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "slope", 1.0}},
    .infer_shape = same_shape, .grad = FRT_NO_GRAD};

typedef struct swish { float beta; } swish_t;

static frt_status_t swish_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  (void)workspace;
  (void)err;
  ((swish_t *)state)->beta = frt_attr_f32(op, SWISH_ATTR_BETA);
  return FRT_OK;
}
static frt_status_t swish_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float beta = ((const swish_t *)state)->beta, *x = frt_in_f32(r, SWISH_IN_X);
  float *out = frt_out_f32(r, 0);
  (void)err;
  for (int64_t i = 0; i < frt_in_numel(r, SWISH_IN_X); ++i)
    out[i] = x[i] / (1.0f + expf(-beta * x[i]));
  return FRT_OK;
}
static frt_status_t swish_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float beta = ((const swish_t *)state)->beta, *x = frt_in_f32(r, SWISH_GRAD_IN_X);
  const float *g = frt_in_f32(r, SWISH_GRAD_IN_G);
  float *out = frt_out_f32(r, 0);
  (void)err;
  for (int64_t i = 0; i < frt_in_numel(r, SWISH_GRAD_IN_X); ++i) {
    const float s = 1.0f / (1.0f + expf(-beta * x[i]));
    out[i] = g[i] * (s + beta * x[i] * s * (1.0f - s));
  }
  return FRT_OK;
}
static const frt_kernel_row_t rows[] = {
    {"acme.swish", FRT_F32S, sizeof(swish_t), swish_prepare, swish_run, 0, NULL},
    {"acme.swish_grad", FRT_F32S, sizeof(swish_t), swish_prepare, swish_grad_run, 0, NULL},
    FRT_KERNELS_END};

/* ---- >8: the provider around the rows --------------------------------------------- */

static frt_module_t module;

static uint32_t count(void *self, char *why) { (void)self; (void)why; return 1; }
static frt_status_t info(void *self, uint32_t i, frt_api_device_info_t *out, frt_error_t *err) {
  (void)self;
  (void)i;
  (void)err;
  out->flags = FRT_DEVICE_HOST_MEMORY;
  return FRT_OK;
}
static frt_status_t dev_open(void *self, uint32_t i, const frt_api_option_t *o, uint32_t n,
                             frt_dev_t **out, frt_error_t *err) {
  (void)i; (void)o; (void)n; (void)err;
  *out = self;
  return FRT_OK;
}
static void dev_close(frt_dev_t *d) { (void)d; }
static frt_status_t queue_open(frt_dev_t *d, frt_queue_t **out, frt_error_t *err) {
  (void)err;
  *out = (frt_queue_t *)d;
  return FRT_OK;
}
static frt_status_t queue_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q;
  (void)err;
  return FRT_OK;
}
static void queue_close(frt_queue_t *q) { (void)q; }
static frt_status_t query(void *self, frt_dev_t *d, const frt_api_op_t *op,
                          frt_api_support_t *s, frt_error_t *err) {
  (void)self; (void)d; (void)err;
  return frt_module_query(&module, op, s);
}
static frt_status_t prepare(void *self, frt_dev_t *d, const frt_api_op_t *op,
                            frt_prepared_t **out, uint64_t *ws, frt_error_t *err) {
  (void)self; (void)d;
  return frt_module_prepare(&module, op, out, ws, err);
}
static void close_provider(void *self) { (void)self; frt_module_close(&module); }

static const void *bring_schemas(void *self, const char *name) {
  static const frt_op_schema_t *const list[] = {&acme_swish, &acme_swish_grad};
  static const frt_api_schemas_t schemas = {sizeof schemas, 2, list};
  (void)self;
  return strcmp(name, FRT_SCHEMAS_V1) ? NULL : &schemas;
}

static const void *(*extension)(void *self, const char *name);

static frt_status_t acme_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                               frt_error_t *err) {
  const frt_kernel_row_t *tables[] = {rows};
  FRT_TRY(frt_module_open(&module, host, tables, 1, err));
  const frt_api_provider_t mine = {
      .size = sizeof mine, .abi_minor = FRT_ABI_MINOR, .self = &module, .name = "acme",
      .version = "1", .kernels = module.decls, .n_kernels = module.n,
      .kernel_stride = sizeof *module.decls, .close = close_provider, .device_count = count,
      .device_info = info, .dev_open = dev_open, .dev_close = dev_close,
      .queue_open = queue_open, .queue_sync = queue_sync, .queue_close = queue_close,
      .op_query = query, .op_prepare = prepare, .op_run = frt_module_run,
      .op_release = frt_module_release, .extension = extension};
  *io = mine;
  return FRT_OK;
}

static frt_program_t *make_program(void) {
  static const int64_t three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  OK(frt_program_create(&p, &err));
  for (const char *const *v = (const char *const[]){"a", "b", "g", "ag", NULL}; *v; ++v)
    add_var(p, 0, *v, FRT_F32, 1, three, 0);
  uint32_t op = add_op(p, 0, "acme.swish", "X=a", "Out=b");
  OK(frt_program_set_attr_f32(p, 0, op, "beta", 2.0f, &err));
  op = add_op(p, 0, "acme.swish_grad", "Out@GRAD=g;X=a", "X@GRAD=ag");
  OK(frt_program_set_attr_f32(p, 0, op, "beta", 2.0f, &err));
  return p;
}

static void run_and_check(fixture_t *f, const frt_program_t *p) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *a = vector(-1, 0, 2), *g = vector(1, 1, 1), *out[2] = {0};
  const frt_feed_t feed[] = {{"a", a}, {"g", g}};
  const frt_fetch_t fetch[] = {{.var = "b"}, {.var = "ag"}};
  OK(frt_executor_create(f->rt, "acme,reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, feed, 2, fetch, 2, out, NULL, &err));
  for (int i = 0; i < 3; ++i) { /* swish and its derivative in double */
    const double x = ((float *)frt_tensor_data(a))[i], s = 1 / (1 + exp(-2 * x));
    assert_float_equal(((float *)frt_tensor_data(out[0]))[i], x * s, 1e-6);
    assert_float_equal(((float *)frt_tensor_data(out[1]))[i], s + 2 * x * s * (1 - s), 1e-6);
  }
  frt_tensor_release(out[0]);
  frt_tensor_release(out[1]);
  frt_tensor_release(a);
  frt_tensor_release(g);
  frt_executor_release(exe);
}

static void an_own_op_runs_beside_fluids(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = make_program();
  extension = NULL;
  OK(frt_runtime_add_provider(f->rt, acme_entry, &err));
  OK(frt_runtime_add_op(f->rt, &acme_swish, &err));
  OK(frt_runtime_add_op(f->rt, &acme_swish_grad, &err));
  run_and_check(f, p);
  assert_int_equal(FRT_ALREADY_EXISTS, frt_runtime_add_op(f->rt, &acme_swish, &err));
  frt_program_release(p);
}

static void a_provider_may_bring_its_ops(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = make_program();
  extension = bring_schemas;
  OK(frt_runtime_add_provider(f->rt, acme_entry, &err));
  run_and_check(f, p);
  frt_program_release(p);
}

static void bad_schemas_are_refused(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_op_schema_t s = acme_swish;
  s.type = "swish2";
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_runtime_add_op(f->rt, &s, &err));
  assert_string_equal(err.message,
                      "op 'swish2': the type of an op of your own needs a dot, as 'acme.swish2'");
  s = acme_swish;
  s.grad = NULL;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_runtime_add_op(f->rt, &s, &err));
  assert_non_null(strstr(err.message, "lacks grad"));
  s = acme_swish;
  s.struct_size = 12;
  assert_int_equal(FRT_ABI_MISMATCH, frt_runtime_add_op(f->rt, &s, &err));
  s = acme_swish;
  s.flags = FRT_OP_RUNTIME;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_runtime_add_op(f->rt, &s, &err));
}

static void after_the_first_plan_it_is_too_late(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_runtime_add_op(f->rt, &acme_swish, &err));
  frt_executor_release(exe);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(an_own_op_runs_beside_fluids), T(a_provider_may_bring_its_ops),
      T(bad_schemas_are_refused), T(after_the_first_plan_it_is_too_late)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
