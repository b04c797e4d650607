/* Normalizing layers, in the manner of layers.h: each call appends what the Fluid 1.8
 * function of the same name appends. Dims of the input that say how large a parameter is
 * must be known. Source: Paddle 1.8 fluid.layers. */
#ifndef FLUIDRT_LAYERS_NORM_H
#define FLUIDRT_LAYERS_NORM_H

#include "fluidrt/builder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* epsilon 0: 1e-5, FRT_ZERO: 0; at most 0.001, group_norm's at most 1. Weights begin at 1,
 * biases at 0. act: "relu" ...; nhwc: the channels are the last dim, not dim 1. */

typedef struct frt_batch_norm_options {
  double momentum; /* what the moving statistics keep; 0: 0.9, FRT_ZERO: 0 */
  double epsilon;
  int is_test, use_global_stats, nhwc;
  const frt_param_attr_t *param_attr, *bias_attr;
  const char *moving_mean_name, *moving_variance_name; /* NULL: like a weight's */
  const char *act, *name;
} frt_batch_norm_options_t;
/* Over the samples and all dims but the channels'; input of rank 2 to 5. Makes four vectors:
 * weight, bias, and the moving mean (0 at first) and variance (1), which are persistable,
 * not trained and overwritten by the op itself. frt_builder_clone for test, and inference
 * programs, normalize with the moving statistics. */
FRT_API frt_status_t frt_layers_batch_norm(frt_builder_t *b, frt_var_t input,
    const frt_batch_norm_options_t *options, frt_var_t *out, frt_error_t *err);

typedef struct frt_layer_norm_options {
  int no_scale, no_shift;
  int begin_norm_axis; /* 0: 1 */
  double epsilon;
  const frt_param_attr_t *param_attr, *bias_attr;
  const char *act, *name;
} frt_layer_norm_options_t;
/* Over the dims from begin_norm_axis on. Weight and bias have an element for each of
 * those. */
FRT_API frt_status_t frt_layers_layer_norm(frt_builder_t *b, frt_var_t input,
    const frt_layer_norm_options_t *options, frt_var_t *out, frt_error_t *err);

typedef struct frt_group_norm_options {
  double epsilon;
  int nhwc;
  const frt_param_attr_t *param_attr, *bias_attr; /* NULL or .none: no such parameter */
  const char *act, *name;
} frt_group_norm_options_t;
/* Over each sample's channels in `groups` sets of neighbours. As in Fluid there is no weight
 * and no bias unless an attribute is given; see the op group_norm_grad for what its gradient
 * is without a weight. */
FRT_API frt_status_t frt_layers_group_norm(frt_builder_t *b, frt_var_t input, int groups,
    const frt_group_norm_options_t *options, frt_var_t *out, frt_error_t *err);

typedef struct frt_instance_norm_options {
  double epsilon;
  const frt_param_attr_t *param_attr, *bias_attr;
  const char *name;
} frt_instance_norm_options_t;
/* Over each sample's each channel (dim 1); input of rank 2 to 5. */
FRT_API frt_status_t frt_layers_instance_norm(frt_builder_t *b, frt_var_t input,
    const frt_instance_norm_options_t *options, frt_var_t *out, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
