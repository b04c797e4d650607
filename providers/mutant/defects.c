/* The defects. One row each: name, the op that has it, what goes wrong. tests/mutants/run.sh
 * reads names and ops from these lines. */
#include "distort.h"

#define M(f) frt_mutant_##f

static int unclaimed(const defect_t *d, frt_api_kernel_decl_t *row) {
  (void)d, (void)row;
  return 0;
}
static int claims_half(const defect_t *d, frt_api_kernel_decl_t *row) {
  (void)d;
  row->dtypes |= FRT_DTYPE_BIT(FRT_F16);
  return 1;
}
static int claims_no_version(const defect_t *d, frt_api_kernel_decl_t *row) {
  (void)d;
  row->ver_min = row->ver_max = 2;
  return 1;
}

#define ATTR(name, op, attr, v) {name, op, .ready = M(set_attr), .where = attr, .value = v}
#define NUDGED(name, op, slot, ulp) {name, op, .after = M(nudge), .where = slot, .value = ulp}
#define WHOLE(name, f) {name, "provider", .table = M(f)}
#define DEVICE(name, op, f) {name, op, .table = M(f), .base = "virtual"}
#define INPUT(name, op, slot, v) \
  {name, op, .before = M(fill_input), .where = slot, .value = v}

const defect_t frt_mutant_defects[] = {
    /* elements left alone or put elsewhere */
    {"tail8_unwritten", "relu", .before = M(save), .after = M(keep_tail), .value = 8},
    {"last_unwritten", "elementwise_mul", .before = M(save), .after = M(keep_tail), .value = 1},
    {"first_unwritten", "tanh", .before = M(save), .after = M(keep_head), .value = 1},
    {"param_tail8_not_updated", "sgd", .before = M(save), .after = M(keep_tail), .value = 8},
    {"second_output_unwritten", "elementwise_sub_grad", .before = M(save), .after = M(keep_all), .where = "Y@GRAD"},
    {"overrun_by_one", "scale", .after = M(overrun)},
    {"underrun_by_one", "clip", .after = M(underrun)},
    {"reads_past_the_end", "square", .after = M(reads_past_end)},
    {"mul_transposed", "mul", .before = M(save), .after = M(transpose)},
    {"transpose2_not_done", "transpose2", .before = M(save), .after = M(transpose)},
    {"ends_swapped", "reduce_sum", .after = M(swap_ends)},
    {"reads_before_the_start", "ceil", .after = M(reads_before)},
    {"reads_past_the_workspace", "softmax", .ready = M(more_workspace), .after = M(longer_workspace_read)},
    {"takes_alignment_for_granted", "abs", .after = M(rounded_down)},
    {"scratches_its_input", "floor", .after = M(scratch_input)},
    {"writes_its_input", "elementwise_add", .after = M(write_input), .where = "Y"},
    {"grad_writes_its_input", "tanh_grad", .after = M(write_input), .where = "Out@GRAD"},
    {"inplace_hazard", "exp", .after = M(again_inplace)},
    {"inplace_hazard_scale", "scale", .after = M(again_inplace)},
    {"inplace_promised", "transpose2", .ask = M(promises_inplace)},
    /* what lay there before */
    {"prefilled_output_read", "sum", .before = M(save), .after = M(add_old)},
    {"stale_workspace_read", "softmax", .ready = M(more_workspace), .after = M(stale_workspace)},
    {"workspace_overrun", "softmax", .ready = M(more_workspace), .after = M(workspace_overrun)},
    /* wrong values at one place */
    {"sign_of_one", "elementwise_div", .after = M(flip_sign)},
    {"sign_of_one_gradient", "softmax_with_cross_entropy_grad", .after = M(flip_sign)},
    NUDGED("ulp4_add", "elementwise_add", NULL, 4),
    NUDGED("ulp1_sqrt", "sqrt", NULL, 1),
    NUDGED("ulp1_div", "elementwise_div", NULL, 1),
    NUDGED("ulp1_relu", "relu", NULL, 1),
    NUDGED("ulp8_exp", "exp", NULL, 8),
    NUDGED("ulp8_lars", "lars_momentum", "VelocityOut", 8),
    NUDGED("ulp4_adam_power", "adam", "Beta2PowOut", 4),
    NUDGED("ulp64_mul", "mul", NULL, 64),
    NUDGED("ulp4_uniform", "uniform_random", NULL, 4),
    {"count_off_by_one", "accuracy", .after = M(off_by_one), .where = "Correct"},
    {"index_off_by_one", "arg_max", .after = M(off_by_one)},
    {"mask_element_wrong", "dropout", .after = M(flip_sign)},
    {"comparison_wrong_once", "less_than", .after = M(off_by_one)},
    /* edges of the number line */
    {"nan_swallowed_clip", "clip", .after = M(nan_to_zero)},
    {"nan_swallowed_relu", "relu", .after = M(nan_to_zero)},
    {"nan_swallowed_max", "elementwise_max", .after = M(nan_to_zero)},
    {"nan_swallowed_reduce_max", "reduce_max", .after = M(nan_to_zero)},
    {"inf_lost", "elementwise_div", .after = M(inf_to_max)},
    {"inf_lost_exp", "exp", .after = M(inf_to_max)},
    {"minus_zero_lost", "elementwise_mul", .after = M(plus_zero)},
    {"minus_zero_lost_assign", "assign", .after = M(plus_zero)},
    {"subnormals_flushed", "elementwise_add", .after = M(flush_subnormal)},
    {"subnormals_flushed_scale", "scale", .after = M(flush_subnormal)},
    {"int64_wraps_at_32_bits", "elementwise_add", .after = M(wrap_int32)},
    {"int64_wraps_in_cast", "cast", .after = M(wrap_int32)},
    {"int64_through_float", "increment", .after = M(narrow_to_float)},
    {"double_through_float", "cast", .after = M(narrow_to_float)},
    {"double_through_float_concat", "concat", .after = M(narrow_to_float)},
    {"softmax_without_max", "softmax", .after = M(overflow_exp)},
    {"cross_entropy_without_max", "softmax_with_cross_entropy", .after = M(overflow_exp), .where = "Softmax"},
    /* ties and axes */
    {"wrong_tie_top_k", "top_k", .after = M(other_tie)},
    {"wrong_tie_max_grad", "elementwise_max_grad", .after = M(zero_where_equal), .where = "Y@GRAD"},
    {"wrong_reduced_axis", "reduce_max", .ready = M(other_axis), .where = "dim"},
    {"wrong_softmax_axis", "softmax", .ready = M(other_axis), .where = "axis"},
    {"wrong_broadcast_axis", "elementwise_add", .ready = M(other_broadcast), .where = "axis"},
    {"wrong_cumsum_axis", "cumsum", .ready = M(other_axis), .where = "axis"},
    /* attributes that are not looked at */
    ATTR("ignores_clip_min", "clip", "min", -3e38),
    ATTR("ignores_clip_max", "clip", "max", 3e38),
    ATTR("ignores_max_norm", "clip_by_norm", "max_norm", 1),
    ATTR("ignores_scale_bias", "scale", "bias", 0),
    ATTR("ignores_bias_after_scale", "scale", "bias_after_scale", 1),
    ATTR("ignores_alpha", "leaky_relu", "alpha", 0.02),
    ATTR("ignores_step", "increment", "step", 1),
    ATTR("ignores_padding_idx", "lookup_table", "padding_idx", -1),
    ATTR("ignores_padding_idx_grad", "lookup_table_grad", "padding_idx", -1),
    ATTR("ignores_ignore_index", "softmax_with_cross_entropy", "ignore_index", -100),
    ATTR("ignores_pad_value", "pad", "pad_value", 0),
    ATTR("ignores_exclusive", "cumsum", "exclusive", 0),
    ATTR("ignores_reverse", "cumsum", "reverse", 0),
    ATTR("ignores_matmul_alpha", "matmul", "alpha", 1),
    ATTR("ignores_pow_factor", "pow", "factor", 1),
    ATTR("ignores_is_test", "dropout", "is_test", 0),
    {"ignores_dropout_way", "dropout", .ready = M(set_text), .where = "dropout_implementation=downgrade_in_infer"},
    ATTR("ignores_constant", "fill_constant", "value", 0),
    {"ignores_str_value", "fill_constant", .ready = M(set_text), .where = "str_value="},
    ATTR("ignores_uniform_min", "uniform_random", "min", -1),
    ATTR("ignores_gaussian_std", "gaussian_random", "std", 1),
    ATTR("ignores_gelu_approximate", "gelu", "approximate", 0),
    {"ignores_decay_mode", "decay", .ready = M(set_text), .where = "mode=l2"},
    ATTR("ignores_decay_coeff", "decay", "coeff", 1),
    /* optimizers */
    INPUT("velocity_forgotten_lars", "lars_momentum", "Velocity", 0),
    INPUT("velocity_forgotten_momentum", "momentum", "Velocity", 0),
    INPUT("rate_ignored_sgd", "sgd", "LearningRate", 1),
    {"lars_tail8_not_updated", "lars_momentum", .before = M(save), .after = M(keep_tail), .where = "ParamOut", .value = 8},
    {"velocity_forgotten_at_500", "momentum", .before = M(forgets_later), .where = "Velocity"},
    {"velocity_forgotten_at_500_lars", "lars_momentum", .before = M(forgets_later), .where = "Velocity"},
    {"moment_forgotten_at_500", "adam", .before = M(forgets_later), .where = "Moment2"},
    {"lars_norm_misses_last8", "lars_momentum", .before = M(short_norm)},
    ATTR("lars_coeff_ignored", "lars_momentum", "lars_coeff", 0.001),
    ATTR("lars_decay_ignored", "lars_momentum", "lars_weight_decay", 0),
    ATTR("lars_epsilon_ignored", "lars_momentum", "epsilon", 0),
    ATTR("nesterov_ignored", "momentum", "use_nesterov", 0),
    ATTR("adam_beta1_ignored", "adam", "beta1", 0.9),
    ATTR("adam_epsilon_ignored", "adam", "epsilon", 1e-8),
    {"beta1pow_not_updated", "adam", .before = M(save), .after = M(keep_all), .where = "Beta1PowOut"},
    {"moment2_not_updated", "adam", .before = M(save), .after = M(keep_all), .where = "Moment2Out"},
    ATTR("rmsprop_centered_ignored", "rmsprop", "centered", 0),
    ATTR("lamb_decay_ignored", "lamb", "weight_decay", 0),
    /* normalization */
    {"running_variance_unbiased", "batch_norm", .after = M(unbiased), .where = "VarianceOut"},
    {"momentum_swapped", "batch_norm", .ready = M(complement), .where = "momentum"},
    {"running_mean_not_updated", "batch_norm", .before = M(save), .after = M(keep_all), .where = "MeanOut"},
    {"saved_variance_not_inverted", "batch_norm", .after = M(not_inverted), .where = "SavedVariance"},
    {"instance_variance_not_inverted", "instance_norm", .after = M(not_inverted), .where = "SavedVariance"},
    {"epsilon_outside_the_root", "batch_norm", .after = M(epsilon_outside), .where = "SavedVariance", .value = 1e-5},
    {"batch_gradient_without_mean", "batch_norm_grad", .after = M(without_mean), .where = "X@GRAD"},
    {"layer_gradient_without_mean", "layer_norm_grad", .after = M(without_mean), .where = "X@GRAD"},
    {"layer_variance_unbiased", "layer_norm", .after = M(unbiased), .where = "Variance"},
    INPUT("normalized_without_mean", "layer_norm_grad", "Mean", 0),
    INPUT("scale_ignored", "group_norm", "Scale", 1),
    ATTR("ignores_groups", "group_norm", "groups", 1),
    ATTR("ignores_norm_epsilon", "layer_norm", "epsilon", 1e-5),
    ATTR("ignores_norm_is_test", "batch_norm", "is_test", 0),
    ATTR("ignores_global_stats", "batch_norm", "use_global_stats", 0),
    ATTR("ignores_trainable_statistics", "batch_norm", "trainable_statistics", 0),
    {"ignores_data_layout", "batch_norm", .ready = M(set_text), .where = "data_layout=NCHW"},
    ATTR("ignores_begin_norm_axis", "layer_norm", "begin_norm_axis", 1),
    /* labels, random numbers */
    {"label_unchecked", "softmax_with_cross_entropy", .before = M(clamp_labels), .where = "Label", .value = -1},
    {"label_unchecked_cross_entropy", "cross_entropy", .before = M(clamp_labels), .where = "Label", .value = -1},
    {"label_unchecked_grad", "softmax_with_cross_entropy_grad", .before = M(clamp_labels), .where = "Label", .value = -1},
    {"index_unchecked", "gather", .before = M(clamp_labels), .where = "Index"},
    {"divisor_unchecked", "elementwise_floordiv", .before = M(fill_zeros), .where = "Y"},
    {"writes_before_checking", "lookup_table_v2", .before = M(writes_first)},
    {"id_unchecked", "lookup_table", .before = M(clamp_labels), .where = "Ids"},
    {"stream_shifted_uniform", "uniform_random", .before = M(next_draw)},
    {"stream_shifted_gaussian", "gaussian_random", .before = M(next_draw)},
    {"stream_shifted_dropout", "dropout", .before = M(next_draw)},
    /* the same call, other bits */
    {"depends_on_threads", "reduce_sum", .after = M(by_threads)},
    {"depends_on_address", "elementwise_mul", .after = M(by_address)},
    {"depends_on_call_count", "sigmoid", .after = M(by_calls)},
    {"one_call_in_eight", "square", .after = M(one_in_eight)},
    {"shared_scratch", "sin", .after = M(shared_scratch)},
    /* claims and questions */
    {"query_not_repeatable", "relu", .ask = M(other_answer)},
    {"query_detail_not_repeatable", "relu", .ask = M(other_detail)},
    {"no_without_reason", "relu", .ask = M(no_reason)},
    {"no_without_detail", "relu", .ask = M(no_detail)},
    {"no_with_wrong_reason", "relu", .ask = M(wrong_reason)},
    {"yes_to_unclaimed_dtype", "relu", .ask = M(yes_to_all)},
    {"verdict_out_of_range", "relu", .ask = M(bad_verdict)},
    {"claims_and_declines", "relu", .ask = M(declines)},
    {"other_answer_without_device", "relu", .ask = M(no_without_device)},
    {"yes_to_unclaimed_op", "relu", .claim = unclaimed},
    {"claims_half_and_declines", "relu", .claim = claims_half},
    {"claims_no_version_there_is", "relu", .claim = claims_no_version},
    {"unimplemented_after_yes", "relu", .before = M(unimplemented)},
    {"cannot_prepare_after_yes", "relu", .ready = M(cannot_prepare)},
    {"fails_without_text", "relu", .before = M(fails_silently)},
    {"answers_no_while_busy", "cos", .ask = M(busy), .after = M(rests)},
    /* memory that is refused */
    {"prepare_takes_memory_for_granted", "clip", .ready = M(careless)},
    {"prepare_leaks_when_refused", "clip", .ready = M(leaks_refused)},
    {"refusal_is_internal", "clip", .ready = M(wrong_status)},
    {"run_swallows_refusal", "exp", .after = M(swallows_refusal)},
    WHOLE("queue_takes_memory_for_granted", careless_queue),
    /* queues and events */
    DEVICE("lost_event_wait", "scale", lost_wait),
    DEVICE("lost_event_record", "scale", lost_record),
    DEVICE("lost_sync", "scale", lost_sync),
    DEVICE("silent_queue", "lookup_table", silent_queue),
    /* the provider as a whole */
    DEVICE("slab_of_any_size", "provider", grants_all),
    WHOLE("takes_any_option", any_option),
    WHOLE("endless_devices", endless_devices),
    WHOLE("leaks_when_a_device_opens", leaking_device),
    WHOLE("leaks_when_closed", leaking_entry),
    WHOLE("prints_when_a_device_opens", talking_device),
    /* the process */
    {"crashes", "relu", .before = M(crashes)},
    {"aborts", "relu", .before = M(aborts)},
    {"exits", "relu", .before = M(exits)},
    {"hangs", "relu", .before = M(hangs)},
    {"leaks_memory", "relu", .before = M(leaks)},
    {"leaks_descriptors", "relu", .before = M(leaks_file)},
    {"leaks_threads", "relu", .before = M(leaks_thread)},
    {"prints", "relu", .before = M(prints)},
    {"prints_to_stderr", "relu", .before = M(prints_error)},
    {"changes_rounding", "relu", .before = M(rounds_up)},
    {"changes_subnormal_mode", "relu", .before = M(flushes)},
    {"changes_locale", "relu", .before = M(changes_locale)},
    {"changes_environment", "relu", .before = M(changes_environment)},
    {"changes_signal_handler", "relu", .before = M(changes_signal)},
    {"changes_folder", "relu", .before = M(changes_folder)},
    {NULL, NULL},
};
