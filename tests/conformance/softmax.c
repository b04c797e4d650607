#include "runner/case.h"

#include <stdlib.h>

/* Along an axis: element i of row r at (r / inner) * n * inner + i * inner + r % inner. */
typedef struct rows { int64_t rows, n, inner; } rows_t;

static rows_t rows_of(const frt_case_view_t *v, const frt_case_array_t *a) {
  int64_t axis = frt_case_attr(v, "axis")->v.i;
  rows_t r = {1, 1, 1};
  if (axis < 0) axis += (int64_t)a->rank;
  r.n = a->dims[axis];
  for (uint32_t i = (uint32_t)axis + 1; i < a->rank; ++i) r.inner *= a->dims[i];
  r.rows = r.n ? a->numel / r.n : 0;
  return r;
}
static int64_t place(const rows_t *r, int64_t row, int64_t i) {
  return (row / r->inner * r->n + i) * r->inner + row % r->inner;
}

/* Relative error of exp(z_i) / sum exp(z_j), first order: z_i = x_i - max carries
 * u |z_i| into exp as a relative error, exp is within 2 ulp (4u), the denominator has
 * the mean of that over its terms (weights p_j) and n - 1 roundings, the quotient one.
 * Admits max-subtraction in one, two or three passes and any order of the sum. */
static void row_errors(const frt_case_view_t *v, const frt_case_array_t *x,
                       const double *p, const rows_t *r, int64_t row, double *err) {
  const double u = frt_case_u(v);
  double top = -INFINITY, below = 0;
  for (int64_t i = 0; i < r->n; ++i) top = fmax(top, x->d[place(r, row, i)]);
  for (int64_t i = 0; i < r->n; ++i)
    below += p[place(r, row, i)] * fmin(top - x->d[place(r, row, i)], 64);
  for (int64_t i = 0; i < r->n; ++i) {
    const double z = fmin(top - x->d[place(r, row, i)], 64);
    err[i] = 1.01 * u * (z + below + 4 + 4 + (double)r->n);
  }
}

static void softmax_errors(const frt_case_view_t *v, const char *slot,
                           const frt_case_array_t *out, double *allowed) {
  const frt_case_array_t x = frt_case_in(v, slot);
  const rows_t r = rows_of(v, out);
  double *err = malloc((size_t)(r.n + 1) * sizeof *err);
  for (int64_t row = 0; err && row < r.rows; ++row) {
    row_errors(v, &x, out->d, &r, row, err);
    for (int64_t i = 0; i < r.n; ++i)
      allowed[place(&r, row, i)] = err[i] * out->d[place(&r, row, i)];
  }
  free(err);
}
static void softmax_allowed(const frt_case_view_t *v, const frt_case_array_t *out,
                            double *allowed) {
  softmax_errors(v, "X", out, allowed);
}
static void probabilities_allowed(const frt_case_view_t *v, const frt_case_array_t *out,
                                  double *allowed) {
  softmax_errors(v, "Logits", out, allowed);
}

/* -log p: the relative error of p becomes absolute, log adds 2 ulp (4u) of itself.
 * log(sum) - z instead: 4u of the log of the sum, u of z and of the difference, and
 * |log sum| <= |loss| + |z|. Soft labels sum n such terms. */
static void loss_allowed(const frt_case_view_t *v, const frt_case_array_t *out,
                         double *allowed) {
  const frt_case_array_t x = frt_case_in(v, "Logits"), label = frt_case_in(v, "Label"),
                         p = frt_case_out_at(v, "Softmax", 0);
  const int soft = frt_case_attr(v, "soft_label")->v.i != 0;
  const double u = frt_case_u(v);
  const rows_t r = rows_of(v, &x);
  double *err = malloc((size_t)(r.n + 1) * sizeof *err);
  (void)out;
  for (int64_t row = 0; err && row < r.rows; ++row) {
    double top = -INFINITY, sum = 0, total = 0;
    row_errors(v, &x, p.d, &r, row, err);
    for (int64_t i = 0; i < r.n; ++i) top = fmax(top, x.d[place(&r, row, i)]);
    for (int64_t i = 0; i < r.n; ++i) sum += exp(-fmin(top - x.d[place(&r, row, i)], 64));
    for (int64_t i = 0; i < r.n; ++i) {
      const int64_t at = place(&r, row, i);
      const double weight = soft ? fabs(label.d[at]) : label.d[row] == (double)i;
      const double z = fmin(top - x.d[at], 64), term = z + log(sum);
      if (weight == 0) continue;
      total += weight * (err[i] + u * (4 * (2 * term + z) + z + term) +
                         (soft ? 1.01 * u * (double)r.n * term : 0));
    }
    allowed[row] = total;
  }
  free(err);
}

/* Out * (dOut - sum of Out * dOut): n products summed, a difference, a product. */
static double gradient_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return frt_terms_axis(v, out) + 2;
}

#define LAST SIZES({1, 1}, {3, 2}, {5, 10}, {7, 15}, {2, 16}, {4, 17}, {1, 257}, {401, 10}, \
                   {67, 1000}, {0, 5}), \
  .FULL_SIZES({4099, 257}, {3, 70001})
#define MIDDLE SIZES({1, 1, 1}, {2, 3, 5}, {3, 17, 16}, {5, 33, 7}, {2, 0, 3}), \
  .FULL_SIZES({31, 257, 129})
#define BOUNDS                                                                     \
  .bound = {FORMULA("Softmax", probabilities_allowed), FORMULA("Loss", loss_allowed)}
#define SOFT .attrs = {{"soft_label", 1}}
#define FAR 1.6038108905486379e-28 /* e^-64 */
#define HAND_IN {"Logits", SHAPE(2, 2), VALUES(0, 0, 3, 3)}

FRT_CASES(softmax) = {
    {.op = "softmax", .name = "equal", .in = {{"X", SHAPE(2, 4), VALUES(0, 0, 0, 0, 9, 9, 9, 9)}},
     .want = {{"Out", VALUES(.25)}}},
    {.op = "softmax", .name = "log_of_ratios",
     .in = {{"X", SHAPE(1, 2), VALUES(0, 1)}}, .bound = {FORMULA("Out", softmax_allowed)},
     .want = {{"Out", VALUES(0.26894142136999512, 0.73105857863000488)}}}, /* 1/(1+e), e/(1+e) */
    {.op = "softmax", .name = "last", .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-4, 4)}},
     .bound = {FORMULA("Out", softmax_allowed)}, .LAST},
    {.op = "softmax", .name = "middle", .attrs = {{"axis", 1}},
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-4, 4)}},
     .bound = {FORMULA("Out", softmax_allowed)}, .MIDDLE},
    {.op = "softmax", .name = "large", .in = {{"X", SHAPE(7, 13), UNIFORM(-1000, 1000)}},
     .bound = {FORMULA("Out", softmax_allowed)}, .flags = FRT_CASE_ROUGH},
    /* Equal extents: a wrong axis has the right shape. */
    {.op = "softmax", .name = "rank_9", .attrs = {{"axis", 3}},
     .in = {{"X", SHAPE(2, 1, 2, 3, 1, 2, 3, 2, 2), UNIFORM(-4, 4)}},
     .bound = {FORMULA("Out", softmax_allowed)}},
    {.op = "softmax", .name = "square", .in = {{"X", SHAPE(17, 17), UNIFORM(-4, 4)}},
     .bound = {FORMULA("Out", softmax_allowed)}},
    {.op = "softmax", .name = "square_down", .attrs = {{"axis", 0}},
     .in = {{"X", SHAPE(5, 5, 5), UNIFORM(-4, 4)}}, .bound = {FORMULA("Out", softmax_allowed)}},
    {.op = "softmax_grad", .name = "square", .attrs = {{"axis", 0}},
     .in = {{"Out", SHAPE(7, 7), UNIFORM(0, 1)}, {"Out@GRAD", SHAPE(7, 7), UNIFORM(-1, 1)}},
     .bound = {SUM("X@GRAD", 1, gradient_terms)}},
    {.op = "softmax_grad", .name = "by_hand",
     .in = {{"Out", SHAPE(1, 2), VALUES(.25, .75)}, {"Out@GRAD", SHAPE(1, 2), VALUES(4, 8)}},
     .want = {{"X@GRAD", VALUES(-.75, .75)}}},
    {.op = "softmax_grad", .name = "last",
     .in = {{"Out", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)},
            {"Out@GRAD", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}},
     .bound = {SUM("X@GRAD", 1, gradient_terms)}, .LAST},
    {.op = "softmax_grad", .name = "middle", .attrs = {{"axis", 1}},
     .in = {{"Out", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(0, 1)},
            {"Out@GRAD", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}},
     .bound = {SUM("X@GRAD", 1, gradient_terms)}, .MIDDLE},
    {.op = "softmax_with_cross_entropy", .name = "log_2", BOUNDS,
     .in = {HAND_IN, {"Label", SHAPE(2, 1), VALUES(0, 1), AS(FRT_I64)}},
     .want = {{"Softmax", VALUES(.5)}, {"Loss", VALUES(0.69314718055994531)}}},
    {.op = "softmax_with_cross_entropy", .name = "soft_log_2", SOFT, BOUNDS,
     .in = {HAND_IN, {"Label", SHAPE(2, 2), VALUES(1, 0, .25, .75)}},
     .want = {{"Softmax", VALUES(.5)}, {"Loss", VALUES(0.69314718055994531)}}},
    {.op = "softmax_with_cross_entropy", .name = "ignored", BOUNDS,
     .attrs = {{"ignore_index", 1}},
     .in = {HAND_IN, {"Label", SHAPE(2, 1), VALUES(0, 1), AS(FRT_I64)}},
     .want = {{"Softmax", VALUES(.5)}, {"Loss", VALUES(0.69314718055994531, 0)}}},
    {.op = "softmax_with_cross_entropy", .name = "last", BOUNDS,
     .in = {{"Logits", SHAPE(DIM_N, DIM_M), UNIFORM(-4, 4)},
            {"Label", SHAPE(DIM_N, 1), WHOLE(0, 1), AS(FRT_I64)}},
     .SIZES({1, 2}, {3, 2}, {5, 10}, {7, 15}, {2, 16}, {4, 17}, {1, 257}, {401, 10}, {67, 1000},
            {0, 5})},
    {.op = "softmax_with_cross_entropy", .name = "all_labels", BOUNDS,
     .in = {{"Logits", SHAPE(101, 10), UNIFORM(-4, 4)},
            {"Label", SHAPE(101, 1), WHOLE(0, 9), AS(FRT_I64)}}},
    {.op = "softmax_with_cross_entropy", .name = "middle", BOUNDS, .attrs = {{"axis", 1}},
     .in = {{"Logits", SHAPE(3, 5, 7), UNIFORM(-4, 4)},
            {"Label", SHAPE(3, 1, 7), WHOLE(0, 4), AS(FRT_I64)}}},
    /* The gradient op takes labels for granted that sum to one. */
    {.op = "softmax_with_cross_entropy", .name = "soft_sums_to_1", SOFT, BOUNDS,
     .in = {{"Logits", SHAPE(5, 4), UNIFORM(-3, 3)},
            {"Label", SHAPE(5, 4), VALUES(.125, .5, .25, .125)}}},
    {.op = "softmax_with_cross_entropy", .name = "soft", SOFT, BOUNDS,
     .flags = FRT_CASE_ROUGH,
     .in = {{"Logits", SHAPE(DIM_N, DIM_M), UNIFORM(-4, 4)},
            {"Label", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)}},
     .LAST},
    {.op = "softmax_with_cross_entropy", .name = "large", BOUNDS, .flags = FRT_CASE_ROUGH,
     .in = {{"Logits", SHAPE(9, 4), UNIFORM(-40, 40)},
            {"Label", SHAPE(9, 1), WHOLE(0, 3), AS(FRT_I64)}}},
    {.op = "softmax_with_cross_entropy", .name = "far_apart", BOUNDS, .flags = FRT_CASE_ROUGH,
     .in = {{"Logits", SHAPE(31, 4), UNIFORM(-1000, 1000)},
            {"Label", SHAPE(31, 1), WHOLE(0, 3), AS(FRT_I64)}}},
    /* Differences are held to 64, as in Fluid: e^-64 and a loss of 64. */
    {.op = "softmax_with_cross_entropy", .name = "thousand", BOUNDS, .flags = FRT_CASE_ROUGH,
     .in = {{"Logits", SHAPE(2, 2), VALUES(1000, -1000, -1000, 1000)},
            {"Label", SHAPE(2, 1), VALUES(0, 0), AS(FRT_I64)}},
     .want = {{"Softmax", VALUES(1, FAR, FAR, 1)}, {"Loss", VALUES(0, 64)}}},
    {.op = "softmax_with_cross_entropy", .name = "no_label",
     .flags = FRT_CASE_OUT_OF_RANGE, .SIZES({-1}, {10}, {0x7fffffff}),
     .in = {{"Logits", SHAPE(3, 10), UNIFORM(-4, 4)},
            {"Label", SHAPE(3, 1), VALUES(3, DIM_N, 0), AS(FRT_I64)}}},
    {.op = "softmax_with_cross_entropy", .name = "square", BOUNDS, .attrs = {{"axis", 1}},
     .in = {{"Logits", SHAPE(5, 5, 5), UNIFORM(-4, 4)},
            {"Label", SHAPE(5, 1, 5), WHOLE(0, 4), AS(FRT_I64)}}},
    {.op = "softmax_with_cross_entropy_grad", .name = "no_label",
     .flags = FRT_CASE_OUT_OF_RANGE, .SIZES({-1}, {2}),
     .in = {{"Softmax", SHAPE(2, 2), VALUES(.5, .5, .25, .75)},
            {"Label", SHAPE(2, 1), VALUES(0, DIM_N), AS(FRT_I64)},
            {"Loss@GRAD", SHAPE(2, 1), VALUES(2, 4)}}},
    {.op = "softmax_with_cross_entropy_grad", .name = "by_hand",
     .in = {{"Softmax", SHAPE(2, 2), VALUES(.5, .5, .25, .75)},
            {"Label", SHAPE(2, 1), VALUES(0, 1), AS(FRT_I64)},
            {"Loss@GRAD", SHAPE(2, 1), VALUES(2, 4)}},
     .want = {{"Logits@GRAD", VALUES(-1, 1, 1, -1)}}},
    /* An ignored row has loss 0, so its gradient is 0. */
    {.op = "softmax_with_cross_entropy_grad", .name = "ignored", .attrs = {{"ignore_index", 1}},
     .in = {{"Softmax", SHAPE(2, 2), VALUES(.5, .5, .25, .75)},
            {"Label", SHAPE(2, 1), VALUES(0, 1), AS(FRT_I64)},
            {"Loss@GRAD", SHAPE(2, 1), VALUES(2, 4)}},
     .want = {{"Logits@GRAD", VALUES(-1, 1, 0, 0)}}},
    /* One difference, one product. */
    {.op = "softmax_with_cross_entropy_grad", .name = "last",
     .bound = {SUM("Logits@GRAD", 1, frt_terms_2)},
     .in = {{"Softmax", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)},
            {"Label", SHAPE(DIM_N, 1), WHOLE(0, 1), AS(FRT_I64)},
            {"Loss@GRAD", SHAPE(DIM_N, 1), UNIFORM(-1, 1)}},
     .SIZES({1, 2}, {3, 2}, {5, 10}, {7, 15}, {2, 16}, {4, 17}, {1, 257}, {401, 10}, {67, 1000},
            {0, 5})},
    {.op = "softmax_with_cross_entropy_grad", .name = "middle", .attrs = {{"axis", 1}},
     .bound = {SUM("Logits@GRAD", 1, frt_terms_2)},
     .in = {{"Softmax", SHAPE(3, 5, 7), UNIFORM(0, 1)},
            {"Label", SHAPE(3, 1, 7), WHOLE(0, 4), AS(FRT_I64)},
            {"Loss@GRAD", SHAPE(3, 1, 7), UNIFORM(-1, 1)}}},
    {.op = "softmax_with_cross_entropy_grad", .name = "soft", SOFT,
     .bound = {SUM("Logits@GRAD", 1, frt_terms_2)},
     .in = {{"Softmax", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)},
            {"Label", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)},
            {"Loss@GRAD", SHAPE(DIM_N, 1), UNIFORM(-1, 1)}},
     .LAST},
    {0}};
