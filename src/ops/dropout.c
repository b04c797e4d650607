#include "shape.h"

static frt_status_t implementation(const frt_infer_t *x, frt_error_t *err) {
  const char *how = shape_str(x, "dropout_implementation");
  if (!strcmp(how, "downgrade_in_infer") || !strcmp(how, "upscale_in_train")) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "dropout_implementation",
                    "dropout_implementation is '%.64s'; wanted \"downgrade_in_infer\" or "
                    "\"upscale_in_train\"", how);
}

static frt_status_t dropout_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(implementation(x, err));
  FRT_TRY(shape_out(x, "Out", *s, err));
  return shape_out(x, "Mask", shape_with(s, FRT_U8), err);
}

static frt_status_t dropout_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Out@GRAD"), *mask = frt_infer_in(x, "Mask");
  const frt_shape_t want = shape_with(g, FRT_U8);
  frt_shape_t out = *g;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(implementation(x, err));
  FRT_TRY(shape_same("Mask", mask, "Out@GRAD", &want, err));
  if (shape_int(x, "is_test"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "is_test",
                      "is_test is true; wanted false: there is no gradient in test mode");
  shape_join(&out, mask);
  return shape_out(x, "X@GRAD", out, err);
}

/* Draw, compare, scale. */
static frt_cost_t dropout_cost(const frt_infer_t *x) {
  return shape_cost(x, 5 * shape_elements(frt_infer_in(x, "X")));
}

#define MASKS FRT_DTYPE_BIT(FRT_U8)
#define PROB {"dropout_prob", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE, \
              "p: how likely an element is dropped, 0 to 1", 0.5, NULL, 0, 1}
#define IS_TEST {"is_test", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "nothing is dropped"}
#define HOW {"dropout_implementation", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, \
             "downgrade_in_infer or upscale_in_train", 0, "downgrade_in_infer"}
#define UNUSED(name, type) {name, type, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, \
                            "the forward op's; Mask says all"}

FRT_OPS(dropout) = {
    {.type = "dropout",
     .flags = FRT_OP_RANDOM,
     .doc = "Mask = u >= p, u uniform in [0, 1), row by row; downgrade_in_infer: Out = X * "
            "Mask, in test mode X * (1 - p); upscale_in_train: Out = X * Mask / (1 - p), in "
            "test mode X.",
     .source = "PaddlePaddle 1.8 op dropout (CPU engine)",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape"},
                {"Seed", FRT_DTYPE_BIT(FRT_I32), SHAPE_REFUSED, "[1]"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"},
                 {"Mask", MASKS, FRT_SLOT_OPTIONAL | FRT_SLOT_INTERMEDIATE,
                  "shape of X; 1 where kept, all 1 in test mode"}},
     .attrs = {PROB, IS_TEST,
               {"fix_seed", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "seed 0 starts the engine too, as 1"},
               {"seed", FRT_ATTR_INT, FRT_ATTR_DEFAULT,
                "start of the engine; 0 without fix_seed: a new one each run", 0},
               HOW},
     .infer_shape = dropout_shape,
     .cost = dropout_cost,
     .grad = "dropout_grad"},
    {.type = "dropout_grad",
     .doc = "X@GRAD = Out@GRAD * Mask, with upscale_in_train / (1 - p); 0 where Mask is 0.",
     .source = "PaddlePaddle 1.8 op dropout_grad",
     .inputs = {{"Mask", MASKS, 0, "shape of Out@GRAD"},
                {"Out@GRAD", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Out@GRAD"}},
     .attrs = {HOW, PROB, UNUSED("fix_seed", FRT_ATTR_BOOL),
               {"is_test", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "only false"},
               UNUSED("seed", FRT_ATTR_INT)},
     .infer_shape = dropout_grad_shape,
     .grad = FRT_NO_GRAD},
    {0}};
