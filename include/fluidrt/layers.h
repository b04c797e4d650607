/* Layers: each call appends to the builder's main program what the Fluid 1.8 function of
 * the same name appends, op for op, and gives the result as *out. Options are structs
 * whose zero is Fluid's default; NULL is a zeroed struct.
 *
 * Errors of every layer: INVALID_ARGUMENT shapes, dtypes or options (the message begins
 *   with the layer and names the argument); NOT_FOUND a variable that the main program
 *   does not have; RESOURCE_EXHAUSTED memory. -1 in a shape is the batch.
 * More layers: layers_more.h, layers_image.h, layers_norm.h.
 * Source: Paddle 1.8 fluid.layers. */
#ifndef FLUIDRT_LAYERS_H
#define FLUIDRT_LAYERS_H

#include "fluidrt/builder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* fluid.layers.data: shape without the batch, which is put in front unless
 * no_batch_size (append_batch_size=False) or a dim is negative. No gradient. */
FRT_API frt_status_t frt_layers_data(frt_builder_t *b, const char *name, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, int no_batch_size, frt_var_t *out,
    frt_error_t *err);
/* fluid.data: the shape as it is (-1 = any), checked when it is fed. */
FRT_API frt_status_t frt_data(frt_builder_t *b, const char *name, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, frt_var_t *out, frt_error_t *err);

typedef struct frt_fc_options {
  int num_flatten_dims; /* 0: 1; -1: rank-1 */
  const frt_param_attr_t *param_attr; /* one, or n_param_attrs = number of inputs */
  size_t n_param_attrs;               /* 0 or 1: one, copied for each input */
  const frt_param_attr_t *bias_attr;  /* .none: no bias */
  const char *act;                    /* "relu", "tanh", "softmax" ... */
  const char *name;
} frt_fc_options_t;
/* out = act(input [.., k] . weight [k, size] + bias [size]). */
FRT_API frt_status_t frt_layers_fc(frt_builder_t *b, frt_var_t input, int64_t size,
    const frt_fc_options_t *options, frt_var_t *out, frt_error_t *err);
/* Several inputs, each with its own weight, summed before the bias. */
FRT_API frt_status_t frt_layers_fc_n(frt_builder_t *b, const frt_var_t *inputs, size_t n,
    int64_t size, const frt_fc_options_t *options, frt_var_t *out, frt_error_t *err);

typedef struct frt_embedding_options {
  int is_sparse, is_distributed;
  int has_padding;       /* padding_idx counts; negative: from the end */
  int64_t padding_idx;
  const frt_param_attr_t *param_attr;
  frt_dtype_t dtype;     /* 0: float32 */
  int v2;                /* fluid.embedding: ids without the trailing 1 */
} frt_embedding_options_t;
/* Rows of a new table [vocabulary, width]; ids int64 [.., 1]. */
FRT_API frt_status_t frt_layers_embedding(frt_builder_t *b, frt_var_t ids,
    int64_t vocabulary, int64_t width, const frt_embedding_options_t *options,
    frt_var_t *out, frt_error_t *err);

/* ---- elementwise, one input -------------------------------------------------------- */

#define FRT_LAYERS_UNARY_MAP(X)                                                        \
  X(relu) X(tanh) X(sigmoid) X(sqrt) X(rsqrt) X(square) X(exp) X(log) X(abs) X(floor)  \
  X(ceil) X(round) X(sin) X(cos) X(reciprocal) X(sign) X(logsigmoid) X(softplus)       \
  X(softsign) X(tanh_shrink) X(erf) X(atan)
#define FRT_LAYERS_UNARY(name)                                                         \
  FRT_API frt_status_t frt_layers_##name(frt_builder_t *b, frt_var_t x,                \
      frt_var_t *out, frt_error_t *err);
FRT_LAYERS_UNARY_MAP(FRT_LAYERS_UNARY)

/* scale 0: 1, FRT_ZERO: 0; scale*x + bias, or scale*(x + bias) if bias_first. */
FRT_API frt_status_t frt_layers_scale(frt_builder_t *b, frt_var_t x, double scale,
    double bias, int bias_first, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_cast(frt_builder_t *b, frt_var_t x, frt_dtype_t dtype,
    frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_clip(frt_builder_t *b, frt_var_t x, double min,
    double max, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_clip_by_norm(frt_builder_t *b, frt_var_t x,
    double max_norm, frt_var_t *out, frt_error_t *err);
/* axis -1 is the default axis of Fluid's. */
FRT_API frt_status_t frt_layers_softmax(frt_builder_t *b, frt_var_t x, int axis,
    frt_var_t *out, frt_error_t *err);

typedef struct frt_dropout_options {
  int is_test;
  int32_t seed;        /* 0: the main program's, if it has one */
  int upscale_in_train; /* dropout_implementation; default downgrade_in_infer */
} frt_dropout_options_t;
FRT_API frt_status_t frt_layers_dropout(frt_builder_t *b, frt_var_t x, double prob,
    const frt_dropout_options_t *options, frt_var_t *out, frt_error_t *err);

/* ---- elementwise, two inputs ------------------------------------------------------- */

/* axis: where y's dims begin in x's; -1: y is aligned at the end. act may be NULL. */
#define FRT_LAYERS_ELEMENTWISE_MAP(X) X(add) X(sub) X(mul) X(div) X(max) X(min) X(pow)
#define FRT_LAYERS_ELEMENTWISE(name)                                                   \
  FRT_API frt_status_t frt_layers_elementwise_##name(frt_builder_t *b, frt_var_t x,    \
      frt_var_t y, int axis, const char *act, frt_var_t *out, frt_error_t *err);
FRT_LAYERS_ELEMENTWISE_MAP(FRT_LAYERS_ELEMENTWISE)

/* Results are bool. */
#define FRT_LAYERS_COMPARE_MAP(X)                                                      \
  X(less_than) X(less_equal) X(greater_than) X(greater_equal) X(equal) X(not_equal)    \
  X(logical_and) X(logical_or) X(logical_xor)
#define FRT_LAYERS_COMPARE(name)                                                       \
  FRT_API frt_status_t frt_layers_##name(frt_builder_t *b, frt_var_t x, frt_var_t y,   \
      frt_var_t *out, frt_error_t *err);
FRT_LAYERS_COMPARE_MAP(FRT_LAYERS_COMPARE)
/* less_than(x, y, cond=to): into an existing bool variable, as loops need it. */
FRT_API frt_status_t frt_layers_less_than_to(frt_builder_t *b, frt_var_t x, frt_var_t y,
    frt_var_t to, frt_error_t *err);
FRT_API frt_status_t frt_layers_logical_not(frt_builder_t *b, frt_var_t x,
    frt_var_t *out, frt_error_t *err);

/* Python's operators on Variables, which name their results tmp_0, tmp_1 ...:
 * x op y for "add", "sub", "mul", "div", "pow", "less_than", "equal" ... */
FRT_API frt_status_t frt_var_op(frt_builder_t *b, const char *op, frt_var_t x,
    frt_var_t y, frt_var_t *out, frt_error_t *err);
/* x op number; with reversed, number op x. */
FRT_API frt_status_t frt_var_op_number(frt_builder_t *b, const char *op, frt_var_t x,
    double number, int reversed, frt_var_t *out, frt_error_t *err);

/* ---- reductions -------------------------------------------------------------------- */

typedef struct frt_reduce_options {
  const int64_t *dim; /* NULL: all */
  uint32_t n_dim;
  int keep_dim;
} frt_reduce_options_t;
#define FRT_LAYERS_REDUCE_MAP(X) X(sum) X(mean) X(max) X(min) X(prod)
#define FRT_LAYERS_REDUCE(name)                                                        \
  FRT_API frt_status_t frt_layers_reduce_##name(frt_builder_t *b, frt_var_t x,         \
      const frt_reduce_options_t *options, frt_var_t *out, frt_error_t *err);
FRT_LAYERS_REDUCE_MAP(FRT_LAYERS_REDUCE)
/* Over all elements, [1]. */
FRT_API frt_status_t frt_layers_mean(frt_builder_t *b, frt_var_t x, frt_var_t *out,
    frt_error_t *err);
/* fluid.layers.sums. */
FRT_API frt_status_t frt_layers_sums(frt_builder_t *b, const frt_var_t *x, size_t n,
    frt_var_t *out, frt_error_t *err);

/* sums(x, out=to): `to` may be one of x. */
FRT_API frt_status_t frt_layers_sums_to(frt_builder_t *b, const frt_var_t *x, size_t n,
    frt_var_t to, frt_error_t *err);

/* ---- losses and metrics ------------------------------------------------------------ */

typedef struct frt_cross_entropy_options {
  int soft_label;
  int has_ignore_index; /* otherwise -100 */
  int32_t ignore_index;
  int unstable;         /* softmax_with_cross_entropy: numeric_stable_mode=False */
} frt_cross_entropy_options_t;
/* input [N, C] probabilities; label int64 [N, 1], or [N, C] soft; out [N, 1]. */
FRT_API frt_status_t frt_layers_cross_entropy(frt_builder_t *b, frt_var_t input,
    frt_var_t label, const frt_cross_entropy_options_t *options, frt_var_t *out,
    frt_error_t *err);
/* softmax may be NULL; it gets the probabilities [N, C]. */
FRT_API frt_status_t frt_layers_softmax_with_cross_entropy(frt_builder_t *b,
    frt_var_t logits, frt_var_t label, const frt_cross_entropy_options_t *options,
    frt_var_t *loss, frt_var_t *softmax, frt_error_t *err);
/* (input - label)^2. */
FRT_API frt_status_t frt_layers_square_error_cost(frt_builder_t *b, frt_var_t input,
    frt_var_t label, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_top_k(frt_builder_t *b, frt_var_t x, int k,
    frt_var_t *values, frt_var_t *indices, frt_error_t *err);
/* k 0: 1. out float32 [1]. */
FRT_API frt_status_t frt_layers_accuracy(frt_builder_t *b, frt_var_t input,
    frt_var_t label, int k, frt_var_t *out, frt_error_t *err);

/* ---- shapes ------------------------------------------------------------------------ */

FRT_API frt_status_t frt_layers_reshape(frt_builder_t *b, frt_var_t x, uint32_t rank,
    const int64_t *dims, const char *act, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_transpose(frt_builder_t *b, frt_var_t x, uint32_t rank,
    const int64_t *perm, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_concat(frt_builder_t *b, const frt_var_t *x, size_t n,
    int axis, frt_var_t *out, frt_error_t *err);

/* ---- variables --------------------------------------------------------------------- */

/* name NULL: a unique one. The startup program fills it with value. */
FRT_API frt_status_t frt_layers_create_global_var(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, double value, frt_dtype_t dtype, int persistable,
    const char *name, frt_var_t *out, frt_error_t *err);
/* fluid.layers.create_parameter: initialised like fc's weight by default. */
FRT_API frt_status_t frt_layers_create_parameter(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, const frt_param_attr_t *attr,
    frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_fill_constant(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, double value, frt_var_t *out,
    frt_error_t *err);
/* The same over an existing variable of known shape. */
FRT_API frt_status_t frt_layers_fill_constant_to(frt_builder_t *b, double value,
    frt_var_t to, frt_error_t *err);
/* x += step in place; *out (may be NULL) is x. new_var: into a variable of its own. */
FRT_API frt_status_t frt_layers_increment(frt_builder_t *b, frt_var_t x, double step,
    int new_var, frt_var_t *out, frt_error_t *err);
/* to NULL or {0} in *to: a new variable; otherwise *to is written. */
FRT_API frt_status_t frt_layers_assign(frt_builder_t *b, frt_var_t x, frt_var_t *to,
    frt_error_t *err);

/* Block.append_op in the current block: any op that this library knows. Slots hold
 * variables that exist; outputs take their shapes from the op. Attributes are given by
 * value (i, f, s or count with is, fs, ss); their wire type comes from Fluid's OpProto,
 * whose defaults fill in the rest. index (may be NULL): in its block.
 * Errors: also UNIMPLEMENTED an op that is not known. */
typedef struct frt_op_slot {
  const char *slot;
  uint32_t n;
  const char *const *names;
} frt_op_slot_t;
FRT_API frt_status_t frt_append_op(frt_builder_t *b, const char *type,
    const frt_op_slot_t *inputs, size_t n_inputs, const frt_op_slot_t *outputs,
    size_t n_outputs, const frt_attr_info_t *attrs, size_t n_attrs, uint32_t *index,
    frt_error_t *err);

/* ---- control flow ------------------------------------------------------------------ */

/* with fluid.layers.Switch() as s: with s.case(cond): ...; with s.default(): ...
 * What is built between begin and end goes into a block of its own, and is meant to
 * assign to variables from outside.
 * Errors: FAILED_PRECONDITION end without case, case inside case, default first. */
typedef struct frt_switch frt_switch_t;
FRT_API frt_status_t frt_switch_begin(frt_builder_t *b, frt_switch_t **out,
    frt_error_t *err);
FRT_API frt_status_t frt_switch_case(frt_switch_t *s, frt_var_t condition,
    frt_error_t *err);
FRT_API frt_status_t frt_switch_default(frt_switch_t *s, frt_error_t *err);
FRT_API frt_status_t frt_switch_end_case(frt_switch_t *s, frt_error_t *err);

/* A branch of cond: builds ops and leaves its results in out[0..n-1]. */
typedef frt_status_t (*frt_branch_t)(frt_builder_t *b, void *ctx, frt_var_t *out,
    frt_error_t *err);
/* fluid.layers.cond(pred, yes, no): n results of equal shape and dtype; pred bool [1]. */
FRT_API frt_status_t frt_layers_cond(frt_builder_t *b, frt_var_t pred, frt_branch_t yes,
    frt_branch_t no, void *ctx, size_t n, frt_var_t *out, frt_error_t *err);

/* fluid.layers.While(cond): the body is built between begin and end, and has to write
 * `condition` (bool [1]). */
typedef struct frt_while frt_while_t;
FRT_API frt_status_t frt_while_begin(frt_builder_t *b, frt_var_t condition, int is_test,
    frt_while_t **out, frt_error_t *err);
FRT_API frt_status_t frt_while_end(frt_while_t *w, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
