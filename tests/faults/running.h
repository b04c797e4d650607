/* Runs programs that are given as text, on one place, with small feeds. */
#ifndef TESTS_RUNNING_H
#define TESTS_RUNNING_H

#include <math.h>

#include "catalogue.h"

/* A variable that is fed or computed. */
#define T(name, type, dims)                                                              \
  "vars { name: '" name "' type { type: LOD_TENSOR lod_tensor { tensor { data_type: " type \
  " dims: [" dims "] } } } } "
#define FLOAT(name, value) ATTR(name, "FLOAT", "f: " value)
#define INT(name, value) ATTR(name, "INT", "i: " value)
#define BOOLEAN(name, value) ATTR(name, "BOOLEAN", "b: " value)

enum { MOST = 8 };
typedef struct value {
  const char *name;
  frt_dtype_t dtype;
  uint32_t rank;
  int64_t dims[3];
  double v[MOST]; /* of integers beyond 2^53: `whole` */
  int64_t whole;
} value_t;

static const char *const both[] = {"reference", "cpu"};

static inline void put_value(frt_tensor_t *t, int64_t i, double v, int64_t whole) {
  void *to = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_F32: ((float *)to)[i] = (float)v; return;
    case FRT_F64: ((double *)to)[i] = v; return;
    case FRT_I32: ((int32_t *)to)[i] = whole ? (int32_t)whole : (int32_t)v; return;
    case FRT_I64: ((int64_t *)to)[i] = whole ? whole : (int64_t)v; return;
    default: ((uint8_t *)to)[i] = (uint8_t)v;
  }
}
static inline double get_value(const frt_tensor_t *t, int64_t i) {
  const void *from = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_F32: return (double)((const float *)from)[i];
    case FRT_F64: return ((const double *)from)[i];
    case FRT_I32: return ((const int32_t *)from)[i];
    case FRT_I64: return (double)((const int64_t *)from)[i];
    default: return ((const uint8_t *)from)[i];
  }
}

static inline frt_tensor_t *tensor_of(const value_t *v) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL;
  OK(frt_tensor_create(v->dtype, v->rank, v->dims, &t, &err));
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i) put_value(t, i, v->v[i % MOST], v->whole);
  return t;
}

typedef struct outcome {
  frt_status_t status;
  frt_error_t err;
  int64_t n;
  double v[MOST];
} outcome_t;

/* Block 0 once, on `place`; what of `fetch`, NULL for nothing. */
static inline outcome_t run_with(const char *contents, const char *place,
                                 const frt_executor_options_t *o, const value_t *in,
                                 size_t n_in, const char *fetch) {
  outcome_t r = {.err = FRT_ERROR_INIT};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = read_block(contents);
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_tensor_t *out = NULL;
  frt_feed_t feed[MOST];
  const frt_fetch_t wanted = {fetch, 0, 0};
  for (size_t i = 0; i < n_in; ++i) feed[i] = (frt_feed_t){in[i].name, tensor_of(&in[i])};
  OK(frt_executor_create(catalogue_rt, place, o, &exe, &err));
  OK(frt_scope_create(catalogue_rt, &scope, &err));
  r.status = frt_executor_run(exe, p, scope, feed, n_in, &wanted, fetch ? 1 : 0,
                              fetch ? &out : NULL, NULL, &r.err);
  if (out) r.n = frt_tensor_numel(out);
  for (int64_t i = 0; i < r.n && i < MOST; ++i) r.v[i] = get_value(out, i);
  frt_tensor_release(out);
  for (size_t i = 0; i < n_in; ++i) frt_tensor_release(feed[i].tensor);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_program_release(p);
  return r;
}

static inline void same_values(const outcome_t *r, const double *want, int64_t n,
                               const char *place) {
  if (r->status != FRT_OK) fail_msg("%s: %s", place, r->err.message);
  if (r->n != n) fail_msg("%s: %lld elements", place, (long long)r->n);
  for (int64_t i = 0; i < n; ++i)
    if (isnan(want[i]) ? !isnan(r->v[i])
                       : r->v[i] != want[i] || signbit(r->v[i]) != signbit(want[i]))
      fail_msg("%s: element %lld is %.9g, wanted %.9g", place, (long long)i, r->v[i], want[i]);
}

#define VALUES(...) (const double[]){__VA_ARGS__}, \
  sizeof((double[]){__VA_ARGS__}) / sizeof(double)
#define FED(...) (const value_t[]){__VA_ARGS__}, \
  sizeof((value_t[]){__VA_ARGS__}) / sizeof(value_t)

/* On both providers: o is exactly that. */
static inline void gives(const char *contents, const value_t *in, size_t n_in,
                         const double *want, size_t n) {
  for (int i = 0; i < 2; ++i) {
    const outcome_t r = run_with(contents, both[i], NULL, in, n_in, "o");
    same_values(&r, want, (int64_t)n, both[i]);
  }
}
/* On both providers: the run fails so. */
static inline void fails(const char *contents, const value_t *in, size_t n_in,
                         frt_status_t status, const char *word) {
  for (int i = 0; i < 2; ++i) {
    const outcome_t r = run_with(contents, both[i], NULL, in, n_in, "o");
    expect_error(r.status, &r.err, status, FRT_PHASE_RUN, word);
  }
}
/* On both providers: the NaN check names this op. */
static inline void reported(const char *contents, const value_t *in, size_t n_in,
                            const char *op_type, const char *word) {
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_nan = 1};
  for (int i = 0; i < 2; ++i) {
    const outcome_t r = run_with(contents, both[i], &o, in, n_in, "o");
    expect_error(r.status, &r.err, FRT_OUT_OF_RANGE, FRT_PHASE_RUN, word);
    assert_string_equal(op_type, r.err.op_type);
  }
}

#endif
