/* Initializers, and what they initialise: parameters and global variables. Each puts its
 * op at the front of the startup program, so that the last one made runs first. */
#include <math.h>
#include <string.h>

#include "train/train.h"

typedef struct init_job {
  frt_program_t *startup; /* NULL: the main program's current block, at its end */
  const frt_var_info_t *var;
  const frt_initializer_t *init;
  const char *device;
  int32_t seed;
} init_job_t;

static frt_status_t emit(frt_builder_t *b, const init_job_t *j, const char *type,
                         const frti_arg_t *in, const frt_attr_info_t *attrs,
                         bool prepend, frt_error_t *err) {
  const frti_spec_t spec = {.type = type, .program = j->startup, .in = in,
                            .out = FRTI_IN({"Out", FRTI_ONE(j->var->name)}),
                            .attrs = attrs, .prepend = prepend, .device = j->device};
  return frti_append(b, &spec, NULL, err);
}

static frt_status_t constant(frt_builder_t *b, const init_job_t *j, frt_error_t *err) {
  return emit(b, j, "fill_constant", NULL,
              FRTI_ATTRS({.name = "shape", .count = j->var->rank, .is = j->var->dims},
                         {.name = "dtype", .i = j->var->dtype},
                         {.name = "value", .f = j->init->value},
                         {.name = "force_cpu", .i = j->init->force_cpu}),
              true, err);
}

static frt_status_t uniform(frt_builder_t *b, const init_job_t *j, double low,
                            double high, frt_error_t *err) {
  const frt_initializer_t *o = j->init;
  return emit(b, j, "uniform_random", FRTI_NO_INPUTS,
              FRTI_ATTRS({.name = "shape", .count = j->var->rank, .is = j->var->dims},
                         {.name = "dtype", .i = j->var->dtype}, {.name = "min", .f = low},
                         {.name = "max", .f = high}, {.name = "seed", .i = j->seed},
                         {.name = "diag_num", .i = o->diag_num},
                         {.name = "diag_step", .i = o->diag_step},
                         {.name = "diag_val", .f = FRTI_REAL(o->diag_val, 1.0)}),
              true, err);
}

static frt_status_t normal(frt_builder_t *b, const init_job_t *j, const char *type,
                           double mean, double deviation, frt_error_t *err) {
  return emit(b, j, type, NULL,
              FRTI_ATTRS({.name = "shape", .count = j->var->rank, .is = j->var->dims},
                         {.name = "dtype", .i = j->var->dtype}, {.name = "mean", .f = mean},
                         {.name = "std", .f = deviation}, {.name = "seed", .i = j->seed}),
              true, err);
}

/* Extents of a filter beyond the first two count as one receptive field. */
static void fans(const frt_var_info_t *v, double *in, double *out) {
  double field = 1;
  for (uint32_t i = 2; i < v->rank; ++i) field *= (double)v->dims[i];
  *in = *out = v->rank ? (double)v->dims[0] : 1;
  if (v->rank == 2) *out = (double)v->dims[1];
  if (v->rank > 2) {
    *in = (double)v->dims[1] * field;
    *out = (double)v->dims[0] * field;
  }
}

static frt_status_t fan_based(frt_builder_t *b, const init_job_t *j, bool xavier,
                              frt_error_t *err) {
  const frt_initializer_t *o = j->init;
  double in, out;
  fans(j->var, &in, &out);
  if (o->fan_in != 0) in = o->fan_in;
  if (o->fan_out != 0) out = o->fan_out;
  const double fan = xavier ? in + out : in;
  if (o->normal) return normal(b, j, "gaussian_random", 0, sqrt(2.0 / fan), err);
  const double limit = sqrt(6.0 / fan);
  return uniform(b, j, -limit, limit, err);
}

/* ---- assign_value ------------------------------------------------------------------ */

/* Floats as double, integers as int64: what an attribute holds. */
static frt_status_t assign(frt_builder_t *b, const init_job_t *j, const double *fs,
                           const int64_t *is, uint32_t n, bool prepend,
                           frt_error_t *err) {
  const char *values = j->var->dtype == FRT_F32   ? "fp32_values"
                       : j->var->dtype == FRT_I32 ? "int32_values"
                       : j->var->dtype == FRT_I64 ? "int64_values"
                                                  : "bool_values";
  return emit(b, j, "assign_value", NULL,
              FRTI_ATTRS({.name = "dtype", .i = j->var->dtype},
                         {.name = "shape", .count = j->var->rank, .is = j->var->dims},
                         {.name = values, .count = n, .fs = fs, .is = is}),
              prepend, err);
}

static void widen(const init_job_t *j, uint32_t n, double *fs, int64_t *is) {
  for (uint32_t i = 0; i < n; ++i) {
    const char *from = j->init->data;
    switch (j->var->dtype) {
      case FRT_F32: fs[i] = ((const float *)(const void *)from)[i]; break;
      case FRT_I32: is[i] = ((const int32_t *)(const void *)from)[i]; break;
      case FRT_I64: is[i] = ((const int64_t *)(const void *)from)[i]; break;
      default: is[i] = from[i] != 0;
    }
  }
}

/* size = extent of the last axis; Paddle divides the row index as a real number. */
static void bilinear_values(int64_t size, uint32_t n, double *fs) {
  const double f = ceil((double)size / 2);
  const double c = (2 * f - 1 - fmod(f, 2)) / (2 * f);
  for (uint32_t i = 0; i < n; ++i) {
    const double x = (double)(i % size), y = fmod((double)i / (double)size, (double)size);
    fs[i] = (1 - fabs(x / f - c)) * (1 - fabs(y / f - c));
  }
}

static frt_status_t array(frt_builder_t *b, const init_job_t *j, const char *argument,
                          frt_error_t *err) {
  const frt_var_info_t *v = j->var;
  const bool bilinear = j->init->kind == FRT_INIT_BILINEAR;
  int64_t n = 0;
  if (!frti_numel(v->rank, v->dims, &n) || n > 1024 * 1024)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "is an array; '%.80s' has more than 1024*1024 elements", v->name);
  if (bilinear && (v->rank != 4 || v->dims[2] != v->dims[3] || v->dtype != FRT_F32))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "is bilinear; '%.80s' is no float32 [.., .., k, k]", v->name);
  if (v->dtype != FRT_F32 && v->dtype != FRT_I32 && v->dtype != FRT_I64 &&
      v->dtype != FRT_BOOL)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "is an array, which cannot be %s", frt_dtype_name((uint32_t)v->dtype));
  if (!bilinear &&
      (!j->init->data ||
       j->init->data_bytes != (size_t)n * frt_dtype_size((uint32_t)v->dtype)))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "has %zu bytes; '%.80s' wants %lld elements of %s",
                     j->init->data_bytes, v->name, (long long)n,
                     frt_dtype_name((uint32_t)v->dtype));
  double *fs = frti_calloc((size_t)n + 1, sizeof *fs);
  int64_t *is = frti_calloc((size_t)n + 1, sizeof *is);
  frt_status_t status = fs && is ? FRT_OK : frti_no_memory(err);
  if (status == FRT_OK) {
    if (bilinear) bilinear_values(v->dims[3], (uint32_t)n, fs);
    else widen(j, (uint32_t)n, fs, is);
    status = assign(b, j, fs, is, (uint32_t)n, !bilinear && j->startup, err);
  }
  frti_free(fs);
  frti_free(is);
  return status;
}

frt_status_t frti_assign_array(frt_builder_t *b, const frt_var_info_t *var,
                               const void *data, size_t bytes, frt_error_t *err) {
  const frt_initializer_t init = {.kind = FRT_INIT_ARRAY, .data = data,
                                  .data_bytes = bytes};
  const init_job_t j = {NULL, var, &init, NULL, 0};
  return array(b, &j, "input", err);
}

frt_status_t frti_initialise(frt_builder_t *b, frt_program_t *startup,
                             const frt_var_info_t *var, const frt_initializer_t *init,
                             const char *device, frt_error_t *err) {
  const frti_program_note_t *note = frti_program_note(b, startup);
  if (!note) return frti_no_memory(err);
  const init_job_t j = {startup, var, init, device,
                        init->seed ? init->seed : note->seed};
  const double scale = FRTI_REAL(init->scale, 1.0);
  const bool range = init->low != 0 || init->high != 0;
  switch (init->kind) {
    case FRT_INIT_CONSTANT: return constant(b, &j, err);
    case FRT_INIT_UNIFORM:
      return uniform(b, &j, range ? init->low : -1, range ? init->high : 1, err);
    case FRT_INIT_NORMAL: return normal(b, &j, "gaussian_random", init->loc, scale, err);
    case FRT_INIT_TRUNCATED_NORMAL:
      return normal(b, &j, "truncated_gaussian_random", init->loc, scale, err);
    case FRT_INIT_DEFAULT: case FRT_INIT_XAVIER: return fan_based(b, &j, true, err);
    case FRT_INIT_MSRA: return fan_based(b, &j, false, err);
    case FRT_INIT_ARRAY: case FRT_INIT_BILINEAR: return array(b, &j, "initializer", err);
  }
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "initializer", "%d is no kind",
                   (int)init->kind);
}
