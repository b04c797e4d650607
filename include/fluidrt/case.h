/* What a conformance case is: compact constant data, one table a family of ops. The
 * suite's own cases (tests/conformance) are written with this, and so are those of a
 * module that brings ops of its own and wants `fluidrt conform` to certify them: it
 * hands out the extension "frt.cases.v1" (below) beside "frt.schemas.v1" and, for what
 * is right, "frt.oracle.v1" (provider.h), the ops' formulas in double precision.
 *
 * A case is expanded over `sizes` (rows of values for DIM_N, DIM_M, DIM_K, DIM_P)
 * and over the dtypes in `dtypes` that the provider claims for the op's key slot.
 * Every expansion is a pure function of (suite version, op, name, row, dtype, seed).
 * Wrong, whatever the oracle says: values other than those of `want`, a gradient op of
 * the oracle's that is not the derivative of its forward op (central differences). */
#ifndef FLUIDRT_CASE_H
#define FLUIDRT_CASE_H

#include <float.h>
#include <math.h>

#include "fluidrt/op.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FRT_CASE_VERSION = 1, FRT_CASE_INS = 9, FRT_CASE_ATTRS = 7, FRT_CASE_OUTS = 5 };

/* Stand-ins for a row's values, in shapes, in attributes and in VALUES of inputs. */
#define DIM_N (-1000001)
#define DIM_M (-1000002)
#define DIM_K (-1000003)
#define DIM_P (-1000004)
/* In an attribute: the dtype under test. */
#define THE_DTYPE (-1000010)

typedef struct frt_case_dims { uint32_t rank; int64_t d[FRT_MAX_RANK]; } frt_case_dims_t;
#define SHAPE(...) \
  {(uint32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}}

/* VALUES repeat when there are more elements; WHOLE: integers in [lo, hi]; UNIFORM:
 * [lo, hi); SPECIALS: NaN, infinities, zeros of both signs, subnormals, the largest
 * numbers; FORWARD: what this op computes from the slots of the same names. */
enum { FRT_DATA_NONE, FRT_DATA_VALUES, FRT_DATA_UNIFORM, FRT_DATA_WHOLE,
       FRT_DATA_SPECIALS, FRT_DATA_FORWARD };
typedef struct frt_case_data {
  int kind;
  uint32_t n;
  const double *v;
  double lo, hi;
  const char *op;
} frt_case_data_t;
#define FRT_LIST(...)                                             \
  (uint32_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), \
      (const double[]) { __VA_ARGS__ }
#define VALUES(...) {FRT_DATA_VALUES, FRT_LIST(__VA_ARGS__), 0, 0, NULL}
#define UNIFORM(lo, hi) {FRT_DATA_UNIFORM, 0, NULL, lo, hi, NULL}
#define WHOLE(lo, hi) {FRT_DATA_WHOLE, 0, NULL, lo, hi, NULL}
#define SPECIALS {FRT_DATA_SPECIALS, 0, NULL, 0, 0, NULL}
#define FORWARD(op) {FRT_DATA_FORWARD, 0, NULL, 0, 0, op}
#define NO_DATA {FRT_DATA_NONE, 0, NULL, 0, 0, NULL}

/* Several entries of one slot are the elements of a variadic slot. dtype: AS(d), or
 * nothing for the dtype under test. */
#define AS(dtype) ((dtype) + 1)
typedef struct frt_case_in {
  const char *slot;
  frt_case_dims_t shape;
  frt_case_data_t data;
  int dtype;
} frt_case_in_t;

typedef struct frt_case_attr {
  const char *name;
  double v;
  const char *s;
  uint32_t n;
  const double *list;
} frt_case_attr_t;
#define ATTR_LIST(name, ...) {name, 0, NULL, FRT_LIST(__VA_ARGS__)}
#define ATTR_TEXT(name, text) {name, 0, text, 0, NULL}

/* Several entries of one variadic slot: one for each of its tensors, in order. */
typedef struct frt_case_want { const char *slot; frt_case_data_t data; } frt_case_want_t;

/* A built case, as terms and formulas see it; the outputs are the oracle's. What they
 * ask goes through `calls`, so that a module imports no symbol. */
typedef struct frt_case_view { const struct frt_case_calls *calls; } frt_case_view_t;
typedef struct frt_case_array {
  uint32_t rank;
  const int64_t *dims;
  int64_t numel;
  const double *d;
} frt_case_array_t;
typedef struct frt_case_calls {
  uint32_t size, reserved;
  frt_case_array_t (*in)(const frt_case_view_t *v, const char *slot, uint32_t i);
  frt_case_array_t (*out)(const frt_case_view_t *v, const char *slot, uint32_t i);
  uint32_t (*count)(const frt_case_view_t *v, const char *slot); /* of an input slot */
  const frt_api_attr_t *(*attr)(const frt_case_view_t *v, const char *name);
  double (*u)(const frt_case_view_t *v);
} frt_case_calls_t;
/* Shape and values of a slot's first tensor (_at: the i-th); zeros where there is none. */
static inline frt_case_array_t frt_case_in(const frt_case_view_t *v, const char *slot) {
  return v->calls->in(v, slot, 0);
}
static inline frt_case_array_t frt_case_in_at(const frt_case_view_t *v, const char *slot,
                                              uint32_t i) {
  return v->calls->in(v, slot, i);
}
static inline frt_case_array_t frt_case_out_at(const frt_case_view_t *v, const char *slot,
                                               uint32_t i) {
  return v->calls->out(v, slot, i);
}
static inline uint32_t frt_case_count(const frt_case_view_t *v, const char *slot) {
  return v->calls->count(v, slot);
}
static inline const frt_api_attr_t *frt_case_attr(const frt_case_view_t *v,
                                                  const char *name) {
  return v->calls->attr(v, name);
}
/* Unit roundoff of the dtype under test. */
static inline double frt_case_u(const frt_case_view_t *v) { return v->calls->u(v); }

/* Roundings on the way to an element of output `out` ("n" of g(n) = n/(1-nu)). */
typedef double (*frt_case_terms_fn)(const frt_case_view_t *v, const frt_case_array_t *out);
/* Fills the absolute error allowed for each element of `out`. */
typedef void (*frt_case_formula_fn)(const frt_case_view_t *v,
                                    const frt_case_array_t *out, double *allowed);

/* EXACT: the bits of the oracle's value rounded once (integers: equal).
 * ULP: at most k representable numbers away from that.
 * SUM: |got - ref| <= c * g(n) * u * S + eta; S is the oracle's magnitude.
 * Outputs that are no floats are always EXACT. slot NULL: every output. */
enum { FRT_BOUND_EXACT, FRT_BOUND_ULP, FRT_BOUND_SUM, FRT_BOUND_FORMULA };
typedef struct frt_case_bound {
  int kind;
  const char *slot;
  double k;
  frt_case_terms_fn terms; /* SUM: NULL means n = 1 */
  frt_case_formula_fn formula;
} frt_case_bound_t;
#define EXACT(slot) {FRT_BOUND_EXACT, slot, 0, NULL, NULL}
#define ULP(slot, k) {FRT_BOUND_ULP, slot, k, NULL, NULL}
#define SUM(slot, c, terms) {FRT_BOUND_SUM, slot, c, terms, NULL}
#define FORMULA(slot, fn) {FRT_BOUND_FORMULA, slot, 0, NULL, fn}

/* SIGNED_ZERO: -0 and +0 differ here. ROUGH: no central differences (the forward op
 * is not smooth at these values). OUT_OF_RANGE: an id or a label is none, and the run has
 * to say so; there are no values to judge. */
enum { FRT_CASE_SIGNED_ZERO = 1, FRT_CASE_ROUGH = 2, FRT_CASE_OUT_OF_RANGE = 4 };

typedef struct frt_case {
  const char *op, *name;
  frt_case_in_t in[FRT_CASE_INS];
  frt_case_attr_t attrs[FRT_CASE_ATTRS];
  const char *without[FRT_CASE_OUTS]; /* optional outputs that are left out */
  frt_case_want_t want[FRT_CASE_OUTS];
  frt_case_bound_t bound[FRT_CASE_OUTS]; /* none: EXACT */
  uint32_t dtypes;                       /* of the key slot; 0: FRT_FLOATS */
  uint32_t flags;
  uint32_t rng; /* engine state; 0: 1 */
  uint32_t n_sizes;
  const int64_t (*sizes)[4];
  uint32_t outs; /* tensors of a variadic output that no input counts; 0: 1 */
  /* Rows that --level full adds: past the sizes where kernels change their ways. */
  uint32_t n_full;
  const int64_t (*full)[4];
} frt_case_t;
/* .SIZES({1, 2}, {3, 4}) */
#define SIZES(...)                                                             \
  n_sizes = (uint32_t)(sizeof((const int64_t[][4]){__VA_ARGS__}) / (4 * sizeof(int64_t))), \
  .sizes = (const int64_t[][4]) { __VA_ARGS__ }
#define FULL_SIZES(...)                                                        \
  n_full = (uint32_t)(sizeof((const int64_t[][4]){__VA_ARGS__}) / (4 * sizeof(int64_t))), \
  .full = (const int64_t[][4]) { __VA_ARGS__ }

#define FRT_CASES(family)                     \
  extern const frt_case_t frt_cases_##family[]; \
  const frt_case_t frt_cases_##family[]

/* Extension "frt.cases.v1": the cases of a module's own ops; `cases` ends in {0}. They
 * live until the provider is closed. */
#define FRT_CASES_V1 "frt.cases.v1"
typedef struct frt_api_cases {
  uint32_t size, case_size; /* sizeof(frt_api_cases_t), sizeof(frt_case_t) */
  const frt_case_t *cases;
} frt_api_cases_t;

#ifdef __cplusplus
}
#endif
#endif
