/* Every pair of dtypes through `cast`, on both providers. Wanted values follow the
 * definition: floats to integers truncate and saturate, integers wrap around, to bool is
 * x != 0. */
#include <math.h>

#include "unit/runtime/fixture.h"

enum { KINDS = 8, VALUES = 7 };
static const int kinds[KINDS] = {FRT_BOOL, FRT_U8,  FRT_I8,  FRT_I16,
                                 FRT_I32,  FRT_I64, FRT_F32, FRT_F64};
static const double values[VALUES] = {0, 1, -1, 2.5, -3.75, 300, -70000};

static int is_float(int dtype) { return dtype == FRT_F32 || dtype == FRT_F64; }

static void range(int dtype, double *lo, double *hi) {
  const int bits = dtype == FRT_U8 ? 8 : 8 * (int)frt_dtype_size((uint32_t)dtype) - 1;
  *lo = dtype == FRT_U8 ? 0 : -ldexp(1, bits);
  *hi = ldexp(1, bits) - 1;
}

/* v modulo 2^bits, in the range of the type; v is whole. */
static double wrap(int dtype, double v) {
  const double n = ldexp(1, 8 * (int)frt_dtype_size((uint32_t)dtype));
  double lo, hi;
  range(dtype, &lo, &hi);
  v = fmod(v, n);
  if (v < lo) v += n;
  if (v > hi) v -= n;
  return v;
}

/* What `v` is as an element of this type, and what a cast from `from` gives. */
static double convert(int from, int to, double v) {
  double lo, hi;
  if (to == FRT_BOOL) return v != 0;
  if (is_float(to)) return to == FRT_F32 ? (double)(float)v : v;
  if (!is_float(from)) return wrap(to, v);
  range(to, &lo, &hi);
  return isnan(v) ? 0 : trunc(v) < lo ? lo : trunc(v) > hi ? hi : trunc(v);
}

static double get(const frt_tensor_t *t, int i) {
  const void *p = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_BOOL: case FRT_U8: return ((const uint8_t *)p)[i];
    case FRT_I8: return ((const int8_t *)p)[i];
    case FRT_I16: return ((const int16_t *)p)[i];
    case FRT_I32: return ((const int32_t *)p)[i];
    case FRT_I64: return (double)((const int64_t *)p)[i];
    case FRT_F32: return (double)((const float *)p)[i];
    default: return ((const double *)p)[i];
  }
}

static void put(frt_tensor_t *t, int i, double v) {
  void *p = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_BOOL: case FRT_U8: ((uint8_t *)p)[i] = (uint8_t)v; return;
    case FRT_I8: ((int8_t *)p)[i] = (int8_t)v; return;
    case FRT_I16: ((int16_t *)p)[i] = (int16_t)v; return;
    case FRT_I32: ((int32_t *)p)[i] = (int32_t)v; return;
    case FRT_I64: ((int64_t *)p)[i] = (int64_t)v; return;
    case FRT_F32: ((float *)p)[i] = (float)v; return;
    default: ((double *)p)[i] = v; return;
  }
}

static void cast_pair(fixture_t *f, frt_executor_t *exe, int from, int to) {
  static const int64_t dims[] = {VALUES};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_tensor_t *x, *out = NULL;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "x", from, 1, dims, 0);
  add_var(p, 0, "y", to, 1, dims, 0);
  const uint32_t op = add_op(p, 0, "cast", "X=x", "Out=y");
  OK(frt_program_set_attr_int(p, 0, op, "in_dtype", from, &err));
  OK(frt_program_set_attr_int(p, 0, op, "out_dtype", to, &err));
  OK(frt_tensor_create((frt_dtype_t)from, 1, dims, &x, &err));
  for (int i = 0; i < VALUES; ++i) put(x, i, convert(FRT_F64, from, values[i]));
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch = {.var = "y"};
  OK(frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  for (int i = 0; i < VALUES; ++i) {
    const double want = convert(from, to, get(x, i)), got = get(out, i);
    if (!(got == want))
      fail_msg("%s %g to %s: got %g, want %g", frt_dtype_name((uint32_t)from), get(x, i),
               frt_dtype_name((uint32_t)to), got, want);
  }
  frt_tensor_release(x);
  frt_tensor_release(out);
  frt_program_release(p);
}

static void every_pair_on(fixture_t *f, const char *place) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  OK(frt_executor_create(f->rt, place, NULL, &exe, &err));
  for (int a = 0; a < KINDS; ++a)
    for (int b = 0; b < KINDS; ++b) cast_pair(f, exe, kinds[a], kinds[b]);
  frt_executor_release(exe);
}

static void every_pair_of_types_on_cpu(void **state) { every_pair_on(*state, "cpu"); }
static void every_pair_of_types_on_reference(void **state) {
  every_pair_on(*state, "reference");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_pair_of_types_on_cpu, setup, teardown),
      cmocka_unit_test_setup_teardown(every_pair_of_types_on_reference, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
