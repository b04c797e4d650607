/* Layers beside those of layers.h: activations with arguments, further losses, matrices
 * and shapes, random numbers. The same holds of them: op for op what Fluid 1.8 appends,
 * errors that begin with the layer and name the argument.
 *
 * An argument 0 is Fluid's default (in brackets), FRT_ZERO a real zero.
 * Source: Paddle 1.8 fluid.layers. */
#ifndef FLUIDRT_LAYERS_MORE_H
#define FLUIDRT_LAYERS_MORE_H

#include "fluidrt/builder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- activations ------------------------------------------------------------------- */

/* x where x >= 0, else alpha * x [0.02]. */
FRT_API frt_status_t frt_layers_leaky_relu(frt_builder_t *b, frt_var_t x, double alpha,
    frt_var_t *out, frt_error_t *err);
/* x where x >= 0, else alpha * (exp(x) - 1) [1]. */
FRT_API frt_status_t frt_layers_elu(frt_builder_t *b, frt_var_t x, double alpha,
    frt_var_t *out, frt_error_t *err);
/* x limited to [0, threshold] [6]. */
FRT_API frt_status_t frt_layers_relu6(frt_builder_t *b, frt_var_t x, double threshold,
    frt_var_t *out, frt_error_t *err);
/* x / (1 + exp(-beta * x)) [1]. */
FRT_API frt_status_t frt_layers_swish(frt_builder_t *b, frt_var_t x, double beta,
    frt_var_t *out, frt_error_t *err);
/* slope * x + offset limited to [0, 1] [0.2, 0.5]. */
FRT_API frt_status_t frt_layers_hard_sigmoid(frt_builder_t *b, frt_var_t x, double slope,
    double offset, frt_var_t *out, frt_error_t *err);
/* x * min(max(0, x + offset), threshold) / scale [6, 6, 3]. */
FRT_API frt_status_t frt_layers_hard_swish(frt_builder_t *b, frt_var_t x,
    double threshold, double scale, double offset, frt_var_t *out, frt_error_t *err);
/* x where |x| > threshold, else 0 [0.5]. */
FRT_API frt_status_t frt_layers_hard_shrink(frt_builder_t *b, frt_var_t x,
    double threshold, frt_var_t *out, frt_error_t *err);
/* By the error function, or approximately by tanh. */
FRT_API frt_status_t frt_layers_gelu(frt_builder_t *b, frt_var_t x, int approximate,
    frt_var_t *out, frt_error_t *err);
/* scale_b * tanh(scale_a * x) [0.67, 1.7159]. */
FRT_API frt_status_t frt_layers_stanh(frt_builder_t *b, frt_var_t x, double scale_a,
    double scale_b, frt_var_t *out, frt_error_t *err);
/* x limited to [t_min, t_max]; both 0: [0, 24]. */
FRT_API frt_status_t frt_layers_brelu(frt_builder_t *b, frt_var_t x, double t_min,
    double t_max, frt_var_t *out, frt_error_t *err);
/* x ^ factor [1]. */
FRT_API frt_status_t frt_layers_pow(frt_builder_t *b, frt_var_t x, double factor,
    frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_cumsum(frt_builder_t *b, frt_var_t x, int axis,
    int exclusive, int reverse, frt_var_t *out, frt_error_t *err);
/* x / sqrt(sum of x^2 along axis + epsilon) [1e-12]. */
FRT_API frt_status_t frt_layers_l2_normalize(frt_builder_t *b, frt_var_t x, int axis,
    double epsilon, frt_var_t *out, frt_error_t *err);

/* ---- losses ------------------------------------------------------------------------ */

/* x, label [N, C]; elements whose label is ignore_index (has_ignore_index; otherwise
 * -100) count nothing; normalize divides by the number of the others. */
FRT_API frt_status_t frt_layers_sigmoid_cross_entropy_with_logits(frt_builder_t *b,
    frt_var_t x, frt_var_t label, int has_ignore_index, int32_t ignore_index,
    int normalize, frt_var_t *out, frt_error_t *err);
/* Squared below delta, linear above. */
FRT_API frt_status_t frt_layers_huber_loss(frt_builder_t *b, frt_var_t input,
    frt_var_t label, double delta, frt_var_t *out, frt_error_t *err);
/* sigma 0: [1]; out [N, 1], summed over all dims but the first. */
FRT_API frt_status_t frt_layers_smooth_l1(frt_builder_t *b, frt_var_t x, frt_var_t y,
    double sigma, frt_var_t *out, frt_error_t *err);
/* input [N, 1] probabilities, label [N, 1] [1e-4]. */
FRT_API frt_status_t frt_layers_log_loss(frt_builder_t *b, frt_var_t input,
    frt_var_t label, double epsilon, frt_var_t *out, frt_error_t *err);

/* ---- matrices ---------------------------------------------------------------------- */

/* alpha * x . y over the last two axes [1]. */
FRT_API frt_status_t frt_layers_matmul(frt_builder_t *b, frt_var_t x, frt_var_t y,
    int transpose_x, int transpose_y, double alpha, frt_var_t *out, frt_error_t *err);
/* x and y flattened to matrices before axis x_num_col_dims, y_num_col_dims [1, 1]. */
FRT_API frt_status_t frt_layers_mul(frt_builder_t *b, frt_var_t x, frt_var_t y,
    int x_num_col_dims, int y_num_col_dims, frt_var_t *out, frt_error_t *err);

/* ---- shapes ------------------------------------------------------------------------ */

/* n parts along axis: of equal extent (sections NULL), or of sections[0..n-1]. */
FRT_API frt_status_t frt_layers_split(frt_builder_t *b, frt_var_t x, int axis, uint32_t n,
    const int64_t *sections, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_stack(frt_builder_t *b, const frt_var_t *x, size_t n,
    int axis, frt_var_t *out, frt_error_t *err);
/* x[starts[i] : ends[i]] along axes[i], i < n. */
FRT_API frt_status_t frt_layers_slice(frt_builder_t *b, frt_var_t x, uint32_t n,
    const int64_t *axes, const int64_t *starts, const int64_t *ends, frt_var_t *out,
    frt_error_t *err);
FRT_API frt_status_t frt_layers_unsqueeze(frt_builder_t *b, frt_var_t x, uint32_t n,
    const int64_t *axes, frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_squeeze(frt_builder_t *b, frt_var_t x, uint32_t n,
    const int64_t *axes, frt_var_t *out, frt_error_t *err);
/* Rank 2: dims before axis made one, and dims from it on. */
FRT_API frt_status_t frt_layers_flatten(frt_builder_t *b, frt_var_t x, int axis,
    frt_var_t *out, frt_error_t *err);
/* times[i] copies along dim i. */
FRT_API frt_status_t frt_layers_expand(frt_builder_t *b, frt_var_t x, uint32_t rank,
    const int64_t *times, frt_var_t *out, frt_error_t *err);
/* Rows of x; index int32 or int64 [n]. */
FRT_API frt_status_t frt_layers_gather(frt_builder_t *b, frt_var_t x, frt_var_t index,
    frt_var_t *out, frt_error_t *err);
/* paddings: before and after, for each dim: 2 * rank numbers. */
FRT_API frt_status_t frt_layers_pad(frt_builder_t *b, frt_var_t x, uint32_t rank,
    const int64_t *paddings, double value, frt_var_t *out, frt_error_t *err);
/* int32 [rank of x]. */
FRT_API frt_status_t frt_layers_shape(frt_builder_t *b, frt_var_t x, frt_var_t *out,
    frt_error_t *err);

/* ---- indices, constants, random numbers -------------------------------------------- */

/* int64, without the axis. */
FRT_API frt_status_t frt_layers_argmax(frt_builder_t *b, frt_var_t x, int axis,
    frt_var_t *out, frt_error_t *err);
FRT_API frt_status_t frt_layers_argmin(frt_builder_t *b, frt_var_t x, int axis,
    frt_var_t *out, frt_error_t *err);
/* Sorted values and where they were, int64. */
FRT_API frt_status_t frt_layers_argsort(frt_builder_t *b, frt_var_t x, int axis,
    int descending, frt_var_t *out, frt_var_t *indices, frt_error_t *err);
/* x int64 [.., 1]; out float32 [.., depth]. */
FRT_API frt_status_t frt_layers_one_hot(frt_builder_t *b, frt_var_t x, int depth,
    frt_var_t *out, frt_error_t *err);
/* fluid.layers.assign(array): `bytes` of dtype float32, int32, int64 or bool. */
FRT_API frt_status_t frt_layers_assign_array(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, const void *data, size_t bytes,
    frt_var_t *out, frt_error_t *err);
/* min and max both 0: [-1, 1]. seed 0: other numbers in each run, here and below. */
FRT_API frt_status_t frt_layers_uniform_random(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, double min, double max, int32_t seed,
    frt_var_t *out, frt_error_t *err);
/* std [1]. */
FRT_API frt_status_t frt_layers_gaussian_random(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, double mean, double std, int32_t seed,
    frt_var_t *out, frt_error_t *err);
/* Integers from low to high - 1; dtype int32 or int64. */
FRT_API frt_status_t frt_layers_randint(frt_builder_t *b, uint32_t rank,
    const int64_t *dims, frt_dtype_t dtype, int64_t low, int64_t high, int32_t seed,
    frt_var_t *out, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
