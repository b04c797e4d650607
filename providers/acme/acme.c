/* An op of your own, whole: schema, gradient, kernels, the formula in double that says
 * what is right, and the cases that hold the kernels to it. `-p ./frt_acme.so,cpu` runs
 * programs with acme.swish in them; `fluidrt conform ./frt_acme.so` certifies it. */
#include <math.h>

#include "fluidrt/case.h"
#include "fluidrt/host_module.h"

/* ---- what the ops are -------------------------------------------------------------- */

static frt_status_t same_shape(const frt_infer_t *x, frt_error_t *err) {
  (void)err;
  *x->out[0].shapes = *x->in[0].shapes;
  return FRT_OK;
}

#define BETA {{"beta", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "slope", 1.0}}
static const frt_op_schema_t swish = {
    .struct_size = sizeof swish, .type = "acme.swish", .doc = "Out = X / (1 + exp(-beta X)).",
    .source = "Ramachandran et al. 2017", .inputs = {{"X", FRT_F32S, 0, "any shape"}},
    .outputs = {{"Out", FRT_F32S, 0, "shape of X"}}, .attrs = BETA,
    .infer_shape = same_shape, .grad = "acme.swish_grad"};
static const frt_op_schema_t swish_grad = {
    .struct_size = sizeof swish_grad, .type = "acme.swish_grad",
    .doc = "X@GRAD = Out@GRAD * s (1 + beta X (1 - s)), s = 1 / (1 + exp(-beta X)).",
    .source = "its derivative",
    .inputs = {{"Out@GRAD", FRT_F32S, 0, "shape of X"}, {"X", FRT_F32S, 0, "any shape"}},
    .outputs = {{"X@GRAD", FRT_F32S, 0, "shape of X"}}, .attrs = BETA,
    .infer_shape = same_shape, .grad = FRT_NO_GRAD};

/* ---- kernels: slots and attributes by their place in the schema ---------------------- */

static frt_status_t swish_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float beta = *(const float *)state, *x = frt_in_f32(r, 0);
  float *out = frt_out_f32(r, 0);
  (void)err;
  for (int64_t i = 0; i < frt_in_numel(r, 0); ++i) out[i] = x[i] / (1.0f + expf(-beta * x[i]));
  return FRT_OK;
}
static frt_status_t swish_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float beta = *(const float *)state, *g = frt_in_f32(r, 0), *x = frt_in_f32(r, 1);
  float *out = frt_out_f32(r, 0);
  (void)err;
  for (int64_t i = 0; i < frt_in_numel(r, 0); ++i) {
    const float s = 1.0f / (1.0f + expf(-beta * x[i]));
    out[i] = g[i] * (s + beta * x[i] * s * (1.0f - s));
  }
  return FRT_OK;
}
static frt_status_t beta_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  (void)workspace, (void)err;
  *(float *)state = frt_attr_f32(op, 0);
  return FRT_OK;
}
static const frt_kernel_row_t rows[] = {
    {"acme.swish", FRT_F32S, sizeof(float), beta_prepare, swish_run, FRT_KERNEL_INPLACE, NULL},
    {"acme.swish_grad", FRT_F32S, sizeof(float), beta_prepare, swish_grad_run, 0, NULL},
    FRT_KERNELS_END};

/* ---- what is right: the formulas in double, from the definition ----------------------- */

static frt_status_t eval(void *self, const frt_api_op_t *op, uint64_t rng,
                         const double *const *in, double *const *out, double *const *mag,
                         frt_error_t *err) {
  const double beta = op->attrs[0].v.f;
  const int grad = !strcmp(op->type, "acme.swish_grad");
  const double *x = in[grad ? 1 : 0];
  (void)self, (void)rng, (void)err;
  for (int64_t i = 0; i < op->in[0].t[0]->numel; ++i) {
    const double s = 1 / (1 + exp(-beta * x[i]));
    out[0][i] = grad ? in[0][i] * s * (1 + beta * x[i] * (1 - s)) : x[i] * s;
    if (mag && mag[0])
      mag[0][i] = grad ? fabs(in[0][i]) * s * (1 + fabs(beta * x[i]) * (1 - s)) : fabs(out[0][i]);
  }
  return FRT_OK;
}

/* ---- cases: what is tried, and how exact it must be ------------------------------------ */

/* beta X is rounded, and exp multiplies that by |beta X|; exp, sum and quotient: 4 more. */
static double roundings(const frt_case_view_t *v, int64_t e) {
  return fabs(frt_case_attr(v, "beta")->v.f * frt_case_in(v, "X").d[e]) + 4;
}
static void swish_error(const frt_case_view_t *v, const frt_case_array_t *out, double *to) {
  for (int64_t e = 0; e < out->numel; ++e)
    to[e] = 1.01 * frt_case_u(v) * roundings(v, e) * fabs(out->d[e]);
}
/* Each s has the error of a quotient, 1 - s that of s besides; four operations follow. */
static void grad_error(const frt_case_view_t *v, const frt_case_array_t *out, double *to) {
  const double beta = frt_case_attr(v, "beta")->v.f;
  for (int64_t e = 0; e < out->numel; ++e) {
    const double b = fabs(beta * frt_case_in(v, "X").d[e]), k = roundings(v, e);
    const double s = 1 / (1 + exp(-beta * frt_case_in(v, "X").d[e]));
    to[e] = 1.01 * frt_case_u(v) * fabs(frt_case_in(v, "Out@GRAD").d[e]) *
            (s * (k + 2) + b * s * (1 - s) * (k + 6) + b * s * s * k);
  }
}
#define ROWS SIZES({1}, {7}, {16}, {17}, {4099}, {0})
static const frt_case_t cases[] = {
    {.op = "acme.swish", .name = "by_hand", .in = {{"X", SHAPE(3), VALUES(0, 20, -20)}},
     .want = {{"Out", VALUES(0, 20 / (1 + 2.0611536224385579e-9),
                             -20 * 2.0611536224385579e-9 / (1 + 2.0611536224385579e-9))}},
     .bound = {FORMULA("Out", swish_error)}, .dtypes = FRT_F32S},
    {.op = "acme.swish", .name = "lengths", .in = {{"X", SHAPE(DIM_N), UNIFORM(-8, 8)}},
     .attrs = {{"beta", 2}}, .bound = {FORMULA("Out", swish_error)}, .dtypes = FRT_F32S, .ROWS},
    {.op = "acme.swish_grad", .name = "lengths", .attrs = {{"beta", 2}},
     .in = {{"Out@GRAD", SHAPE(DIM_N), UNIFORM(-2, 2)}, {"X", SHAPE(DIM_N), UNIFORM(-8, 8)}},
     .bound = {FORMULA("X@GRAD", grad_error)}, .dtypes = FRT_F32S, .ROWS},
    {0}};

/* ---- the module ------------------------------------------------------------------------- */

static const void *extras(void *self, const char *name) {
  static const frt_op_schema_t *const list[] = {&swish, &swish_grad};
  static const frt_api_schemas_t schemas = {sizeof schemas, 2, list};
  static const frt_api_oracle_t oracle = {sizeof oracle, 0, eval};
  static const frt_api_cases_t tried = {sizeof tried, sizeof *cases, cases};
  (void)self;
  return !strcmp(name, FRT_SCHEMAS_V1) ? (const void *)&schemas
         : !strcmp(name, "frt.oracle.v1") ? (const void *)&oracle
         : !strcmp(name, FRT_CASES_V1) ? (const void *)&tried : NULL;
}
FRT_MANIFEST("acme", "1.0");
FRT_HOST_MODULE("acme", "1.0", "an op of one's own", rows, extras)
