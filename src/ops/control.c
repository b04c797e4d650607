#include "shape.h"

/* The runtime runs these ops itself and takes shapes from feeds and sub-blocks. */
static frt_status_t by_the_runtime(const frt_infer_t *x, frt_error_t *err) {
  (void)x;
  (void)err;
  return FRT_OK;
}

/* Holder variables (feed, fetch, step scopes) are no tensors: no dtype fits. */
#define NO_TENSOR 0u
#define ANY_NUMBER (FRT_SLOT_OPTIONAL | FRT_SLOT_VARIADIC)
#define SKIP {"skip_eager_deletion_vars", FRT_ATTR_STRINGS, \
              FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "memory is planned here"}
#define COL {"col", FRT_ATTR_INT, FRT_ATTR_RANGE, "place in the list, from 0", 0, NULL, 0, \
             2147483647.0}

FRT_OPS(control) = {
    {.type = "feed",
     .flags = FRT_OP_RUNTIME,
     .doc = "Out = entry col of the fed tensors.",
     .source = "PaddlePaddle 1.8 op feed",
     .inputs = {{"X", NO_TENSOR, 0, "the holder of what is fed"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "shape of what is fed"}},
     .attrs = {COL},
     .infer_shape = by_the_runtime,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "fetch",
     .flags = FRT_OP_RUNTIME,
     .doc = "Entry col of the results = X.",
     .source = "PaddlePaddle 1.8 op fetch",
     .inputs = {{"X", FRT_ANY_DTYPE, 0, "any shape"}},
     .outputs = {{"Out", NO_TENSOR, 0, "the holder of the results"}},
     .attrs = {COL},
     .infer_shape = by_the_runtime,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "while",
     .flags = FRT_OP_RUNTIME,
     .doc = "Runs sub_block as long as Condition is true; read again after each pass.",
     .source = "PaddlePaddle 1.8 op while",
     .inputs = {{"X", FRT_ANY_DTYPE, ANY_NUMBER, "what sub_block reads from outside"},
                {"Condition", FRT_BOOLS, FRT_SLOT_VARIADIC, "[1]"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, ANY_NUMBER, "what sub_block writes outside"},
                 {"StepScopes", NO_TENSOR, FRT_SLOT_OPTIONAL, "no meaning here"}},
     .attrs = {SKIP, SHAPE_IGNORED_BOOL("is_test"),
               {"sub_block", FRT_ATTR_BLOCK, 0, "the block to run"}},
     .infer_shape = by_the_runtime,
     .grad = FRT_NO_GRAD},
    {.type = "conditional_block",
     .flags = FRT_OP_RUNTIME,
     .doc = "Runs sub_block once if Cond is true; if is_scalar_condition is false, if Cond "
            "has elements.",
     .source = "PaddlePaddle 1.8 op conditional_block",
     .inputs = {{"Cond", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, "[1], bool"},
                {"Input", FRT_ANY_DTYPE, ANY_NUMBER, "what sub_block reads from outside"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, ANY_NUMBER, "what sub_block writes outside"},
                 {"Scope", NO_TENSOR, FRT_SLOT_OPTIONAL, "no meaning here"}},
     .attrs = {SKIP,
               {"is_scalar_condition", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "whether Cond is one bool"},
               {"sub_block", FRT_ATTR_BLOCK, 0, "the block to run"}},
     .infer_shape = by_the_runtime,
     .grad = "conditional_block_grad"},
    {.type = "conditional_block_grad",
     .flags = FRT_OP_RUNTIME,
     .doc = "Runs sub_block if Cond is true and hands its gradients of Input to Input@GRAD; "
            "otherwise these are 0.",
     .source = "PaddlePaddle 1.8 op conditional_block_grad",
     .inputs = {{"Cond", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, "[1], bool"},
                {"Input", FRT_ANY_DTYPE, ANY_NUMBER, "what the branch read from outside"},
                {"Out@GRAD", FRT_ANY_DTYPE, ANY_NUMBER, "gradients of what it wrote"},
                {"Scope", NO_TENSOR, FRT_SLOT_OPTIONAL, "no meaning here"}},
     .outputs = {{"Cond@GRAD", FRT_ANY_DTYPE, ANY_NUMBER, "never written"},
                 {"Input@GRAD", FRT_ANY_DTYPE, ANY_NUMBER, "gradients of Input"}},
     .attrs = {SKIP,
               {"is_scalar_condition", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "whether Cond is one bool"},
               {"sub_block", FRT_ATTR_BLOCK, 0,
                "the block to run; its forward_block_idx is the branch"}},
     .infer_shape = by_the_runtime,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
