/* A module in which one op each crashes, hangs, sleeps or leaves in one case, and whose
 * own op has a wrong gradient that its kernel and its formula agree on. What conformance
 * makes of it is told in tests/cli/test_conform.sh. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "fluidrt/case.h"
#include "fluidrt/host_module.h"

enum { THE_CASE = 257 }; /* elements */

#define UNARY(name, value, at_the_case)                                             \
  static frt_status_t name##_run(const void *state, const frt_run_t *r,             \
                                 frt_error_t *err) {                                \
    const float *x = frt_in_f32(r, 0);                                              \
    float *out = frt_out_f32(r, 0);                                                 \
    (void)state, (void)err;                                                         \
    if (frt_in_numel(r, 0) == THE_CASE) { at_the_case; }                            \
    for (int64_t i = 0; i < frt_in_numel(r, 0); ++i) out[i] = value;                \
    return FRT_OK;                                                                  \
  }
static volatile int *volatile nowhere, forever = 1;
UNARY(abs, fabsf(x[i]), *nowhere = 1)
UNARY(floor, floorf(x[i]), while (forever) continue)
UNARY(ceil, ceilf(x[i]), sleep(600))
UNARY(square, x[i] * x[i], exit(3))
UNARY(relu, x[i] > 0 || isnan(x[i]) ? x[i] : 0, ;)

static frt_status_t cube_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)state, (void)err;
  for (int64_t i = 0; i < frt_in_numel(r, 0); ++i)
    frt_out_f32(r, 0)[i] = frt_in_f32(r, 0)[i] * frt_in_f32(r, 1)[i];
  return FRT_OK;
}
UNARY(cube, x[i] * x[i] * x[i], ;)

static const frt_kernel_row_t rows[] = {
    FRT_KERNEL_PLAIN("abs", FRT_F32S, abs, 0), FRT_KERNEL_PLAIN("floor", FRT_F32S, floor, 0),
    FRT_KERNEL_PLAIN("ceil", FRT_F32S, ceil, 0), FRT_KERNEL_PLAIN("square", FRT_F32S, square, 0),
    FRT_KERNEL_PLAIN("relu", FRT_F32S, relu, 0),
    FRT_KERNEL_PLAIN("broken.cube", FRT_F32S, cube, 0),
    FRT_KERNEL_PLAIN("broken.cube_grad", FRT_F32S, cube_grad, 0), FRT_KERNELS_END};

static frt_status_t same_shape(const frt_infer_t *x, frt_error_t *err) {
  (void)err;
  *x->out[0].shapes = *x->in[0].shapes;
  return FRT_OK;
}
static const frt_op_schema_t cube = {
    .struct_size = sizeof cube, .type = "broken.cube", .doc = "Out = X^3.", .source = "none",
    .inputs = {{"X", FRT_F32S, 0, "any"}}, .outputs = {{"Out", FRT_F32S, 0, "as X"}},
    .infer_shape = same_shape, .grad = "broken.cube_grad"};
static const frt_op_schema_t cube_grad = {
    .struct_size = sizeof cube_grad, .type = "broken.cube_grad", .doc = "Not 3 X^2.",
    .source = "none",
    .inputs = {{"Out@GRAD", FRT_F32S, 0, "as X"}, {"X", FRT_F32S, 0, "any"}},
    .outputs = {{"X@GRAD", FRT_F32S, 0, "as X"}}, .infer_shape = same_shape,
    .grad = FRT_NO_GRAD};

static frt_status_t eval(void *self, const frt_api_op_t *op, uint64_t rng,
                         const double *const *in, double *const *out, double *const *mag,
                         frt_error_t *err) {
  const int grad = !strcmp(op->type, "broken.cube_grad");
  (void)self, (void)rng, (void)err;
  for (int64_t i = 0; i < op->in[0].t[0]->numel; ++i) {
    out[0][i] = grad ? in[0][i] * in[1][i] : in[0][i] * in[0][i] * in[0][i];
    if (mag && mag[0]) mag[0][i] = fabs(out[0][i]);
  }
  return FRT_OK;
}

static double two(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 2;
}
static const frt_case_t cases[] = {
    {.op = "broken.cube", .name = "some", .in = {{"X", SHAPE(5), UNIFORM(1, 2)}},
     .bound = {SUM("Out", 1, two)}},
    {.op = "broken.cube_grad", .name = "some", .bound = {SUM("X@GRAD", 1, two)},
     .in = {{"Out@GRAD", SHAPE(5), UNIFORM(1, 2)}, {"X", SHAPE(5), UNIFORM(1, 2)}}},
    {0}};

static const void *extras(void *self, const char *name) {
  static const frt_op_schema_t *const list[] = {&cube, &cube_grad};
  static const frt_api_schemas_t schemas = {sizeof schemas, 2, list};
  static const frt_api_oracle_t oracle = {sizeof oracle, 0, eval};
  static const frt_api_cases_t tried = {sizeof tried, sizeof *cases, cases};
  (void)self;
  return !strcmp(name, FRT_SCHEMAS_V1) ? (const void *)&schemas
         : !strcmp(name, "frt.oracle.v1") ? (const void *)&oracle
         : !strcmp(name, FRT_CASES_V1) ? (const void *)&tried : NULL;
}
FRT_MANIFEST("broken", "1.0");
FRT_HOST_MODULE("broken", "1.0", "wrong on purpose", rows, extras)
