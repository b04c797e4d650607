#include "shape.h"

static frt_status_t randint_shape(const frt_infer_t *x, frt_error_t *err) {
  const int64_t low = shape_int(x, "low"), high = shape_int(x, "high");
  frt_shape_t out = {0};
  if (low >= high)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "low",
                      "low is %lld, high is %lld; wanted low < high", (long long)low,
                      (long long)high);
  if (low < INT32_MIN || high > INT32_MAX)
    return shape_fail(err, FRT_INVALID_ARGUMENT, low < INT32_MIN ? "low" : "high",
                      "low is %lld, high is %lld; wanted numbers of 32 bits",
                      (long long)low, (long long)high);
  FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &out.dtype, err));
  FRT_TRY(shape_attr(x, "shape", 1, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_cost_t randint_cost(const frt_infer_t *x) {
  const frt_shape_t *out = frt_infer_out(x, "Out");
  return shape_cost(x, out ? 5 * shape_elements(out) : 0);
}

FRT_OPS(random_more) = {
    {.type = "randint",
     .flags = FRT_OP_RANDOM,
     .doc = "Out = whole numbers, each of low to high - 1 alike likely, row by row.",
     .source = "PaddlePaddle 1.8 op randint (CPU engine, libstdc++'s uniform_int_distribution)",
     .inputs = {{"ShapeTensor", FRT_INTS, SHAPE_REFUSED, "[rank]"},
                {"ShapeTensorList", FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1]"}},
     .outputs = {{"Out", FRT_INTS, 0, "shape"}},
     .attrs = {{"shape", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "extents of Out, >= 1"},
               {"low", FRT_ATTR_INT, 0, "smallest number"},
               {"high", FRT_ATTR_INT, 0, "one above the largest number"},
               {"dtype", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "the number of Out's dtype", FRT_I64},
               {"seed", FRT_ATTR_INT, FRT_ATTR_DEFAULT,
                "start of the engine; 0: a new one each run", 0}},
     .infer_shape = randint_shape,
     .cost = randint_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
