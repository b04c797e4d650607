#include <float.h>

#include "shape.h"

static frt_status_t random_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out = {0};
  FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &out.dtype, err));
  FRT_TRY(shape_attr(x, "shape", 1, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t uniform_shape(const frt_infer_t *x, frt_error_t *err) {
  const double lo = shape_f32(x, "min"), hi = shape_f32(x, "max");
  const int64_t diag = shape_int(x, "diag_num");
  if (!(lo <= hi))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "min",
                      "min is %g, max is %g; wanted min <= max", lo, hi);
  if (hi - lo > FLT_MAX)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "max",
                      "min is %g, max is %g; wanted a difference that float32 can hold",
                      lo, hi);
  if (diag)
    return shape_fail(err, FRT_UNIMPLEMENTED, "diag_num",
                      "diag_num is %lld; only 0 is supported", (long long)diag);
  return random_shape(x, err);
}

/* Drawing and shaping a number: about ten operations. */
static frt_cost_t random_cost(const frt_infer_t *x) {
  const frt_shape_t *out = frt_infer_out(x, "Out");
  return shape_cost(x, out ? 10 * shape_elements(out) : 0);
}

#define SHAPE_TENSORS                                              \
  .inputs = {{"ShapeTensor", FRT_INTS, SHAPE_REFUSED, "[rank]"},   \
             {"ShapeTensorList", FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1]"}}
#define OUT .outputs = {{"Out", FRT_FLOATS, 0, "shape"}}
#define SHAPE(flags) {"shape", FRT_ATTR_INTS, flags, "extents of Out, >= 1"}
#define BOUNDED(name, def, lo, hi, doc) \
  {name, FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE, doc, def, NULL, lo, hi}
#define FINITE(name, def, doc) BOUNDED(name, def, -FLT_MAX, FLT_MAX, doc)
#define SEED {"seed", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
              "start of the engine; 0: a new one each run", 0}
#define DTYPE {"dtype", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "the number of Out's dtype", FRT_F32}

FRT_OPS(random) = {
    {.type = "uniform_random",
     .flags = FRT_OP_RANDOM,
     .doc = "Out = u * (max - min) + min, u uniform in [0, 1), row by row.",
     .source = "PaddlePaddle 1.8 op uniform_random (CPU engine)",
     SHAPE_TENSORS, OUT,
     .attrs = {SHAPE(FRT_ATTR_DEFAULT), FINITE("min", -1, "lower bound"),
               FINITE("max", 1, "upper bound, >= min"), SEED,
               {"diag_num", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "only 0 is supported", 0},
               {"diag_step", FRT_ATTR_INT, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED,
                "no meaning without diag_num", 0},
               {"diag_val", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED,
                "no meaning without diag_num", 1},
               DTYPE},
     .infer_shape = uniform_shape,
     .cost = random_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "gaussian_random",
     .flags = FRT_OP_RANDOM,
     .doc = "Out = mean + std * z, z standard normal (polar method), row by row.",
     .source = "PaddlePaddle 1.8 op gaussian_random (CPU engine)",
     SHAPE_TENSORS, OUT,
     .attrs = {SHAPE(FRT_ATTR_DEFAULT), FINITE("mean", 0, "centre"),
               BOUNDED("std", 1, 0, FLT_MAX, "standard deviation, >= 0"), SEED, DTYPE,
               SHAPE_IGNORED_BOOL("use_mkldnn")},
     .infer_shape = random_shape,
     .cost = random_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "truncated_gaussian_random",
     .flags = FRT_OP_RANDOM,
     .doc = "Out = mean + std * z, z standard normal within [-2, 2] (inverse of its "
            "distribution function), row by row.",
     .source = "PaddlePaddle 1.8 op truncated_gaussian_random (CPU engine)",
     OUT,
     .attrs = {SHAPE(0), FINITE("mean", 0, "centre"),
               BOUNDED("std", 1, 0, FLT_MAX, "standard deviation before the cut, >= 0"),
               SEED, DTYPE},
     .infer_shape = random_shape,
     .cost = random_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
