/* Attributes and shapes that no op can work with: refused before anything runs, by the
 * validator and by the planner alike. */
#include "catalogue.h"

#define MUL_BASE X23 V("y", "FP32", "3, 2") O
#define COLS(type, value) BINARY("mul", ATTR("x_num_col_dims", type, value))

static void attribute_of_another_type(void **state) {
  (void)state;
  REFUSED(BAD(MUL_BASE COLS("FLOAT", "f: 1"), "'x_num_col_dims' is FLOAT; wanted INT"),
          BAD(MUL_BASE COLS("STRING", "s: '1'"), "'x_num_col_dims' is STRING; wanted INT"),
          BAD(MUL_BASE COLS("INTS", "ints: [1, 1]"), "'x_num_col_dims' is INTS of 2"),
          BAD(MUL_BASE COLS("INTS", ""), "'x_num_col_dims' is INTS of 0"),
          BAD(MUL_BASE COLS("BOOLEAN", "b: true"), "'x_num_col_dims' is BOOLEAN"));
}

static void mul_columns_out_of_range(void **state) {
  (void)state;
  REFUSED(BAD(MUL_BASE COLS("INT", "i: 0"), "x_num_col_dims is 0; wanted 1 to 1"),
          BAD(MUL_BASE COLS("INT", "i: -1"), "x_num_col_dims is -1"),
          BAD(MUL_BASE COLS("INT", "i: 2"), "x_num_col_dims is 2"),
          BAD(MUL_BASE COLS("INT", "i: 99"), "x_num_col_dims is 99"),
          BAD(MUL_BASE COLS("INT", "i: -2147483648"), "x_num_col_dims is -2147483648"),
          BAD(MUL_BASE BINARY("mul", ATTR("y_num_col_dims", "INT", "i: 2")),
              "y_num_col_dims is 2"));
}

static void matmul_shapes(void **state) {
  (void)state;
  REFUSED(BAD(X23 V("y", "FP32", "2, 3") O BINARY("matmul", ""), "[2, 3]"),
          BAD(V("x", "FP32", "2, 4, 3") V("y", "FP32", "5, 3, 2") O BINARY("matmul", ""),
              "[5, 3, 2]"),
          BAD(V("x", "FP32", "") V("y", "FP32", "3, 2") O BINARY("matmul", ""), "X"));
}

static void elementwise_axis_out_of_range(void **state) {
  (void)state;
  REFUSED(BAD(X23 V("y", "FP32", "3") O
                  BINARY("elementwise_add", ATTR("axis", "INT", "i: -2")), "axis is -2"),
          BAD(X23 V("y", "FP32", "3") O
                  BINARY("elementwise_add", ATTR("axis", "INT", "i: 3")), "axis is 3"),
          BAD(X23 V("y", "FP32", "3") O
                  BINARY("elementwise_add", ATTR("axis", "INT", "i: -2147483648")),
              "axis is -2147483648"));
}

static void elementwise_shapes_that_do_not_broadcast(void **state) {
  (void)state;
  REFUSED(BAD(X23 V("y", "FP32", "2") O BINARY("elementwise_add", ""), "Y has shape [2]"),
          BAD(V("x", "FP32", "3") V("y", "FP32", "2, 3") O BINARY("elementwise_add", ""),
              "Y has shape [2, 3]"));
}

#define REDUCE(attrs) X23 O UNARY("reduce_sum", attrs)
#define DIM(list) ATTR("dim", "INTS", "ints: [" list "]")
static void reduce_axes(void **state) {
  (void)state;
  REFUSED(BAD(REDUCE(DIM("2")), "dim is 2; wanted -2 to 1"),
          BAD(REDUCE(DIM("-3")), "dim is -3; wanted -2 to 1"),
          BAD(REDUCE(DIM("-2147483648")), "dim is -2147483648"),
          BAD(REDUCE(DIM("0, 0")), "dim is [0, 0]"),
          BAD(REDUCE(DIM("1, -1")), "dim is [1, -1]"),
          BAD(REDUCE(DIM("0, 1, 0")), "dim is [0, 1, 0]"));
}

static void reduce_without_axes_takes_the_first(void **state) {
  (void)state;
  accepted(X23 V("o", "FP32", "3") UNARY("reduce_sum", DIM("")));
}

static void reduce_to_an_unknown_dtype(void **state) {
  (void)state;
  REFUSED(BAD(REDUCE(ATTR("out_dtype", "INT", "i: 77")), "out_dtype is 77, no dtype"));
}

#define BOUNDS(lo, hi) X4 O UNARY("clip", ATTR("min", "FLOAT", "f: " lo) \
                                              ATTR("max", "FLOAT", "f: " hi))
static void clip_bounds(void **state) {
  (void)state;
  REFUSED(BAD(BOUNDS("2", "1"), "min is 2, max is 1"),
          BAD(BOUNDS("nan", "1"), "nan"), BAD(BOUNDS("0", "nan"), "nan"),
          BAD(X4 O UNARY("clip", ATTR("min", "FLOAT", "f: 0")), "'max' is missing"));
}

static void clip_bounds_may_be_infinite(void **state) {
  (void)state;
  accepted(BOUNDS("-inf", "inf"));
}

static void clip_by_norm_of_nothing(void **state) {
  (void)state;
  REFUSED(BAD(X4 O UNARY("clip_by_norm", ATTR("max_norm", "FLOAT", "f: 0")), "max_norm is 0"),
          BAD(X4 O UNARY("clip_by_norm", ATTR("max_norm", "FLOAT", "f: -1")),
              "max_norm is -1"),
          BAD(X4 O UNARY("clip_by_norm", ATTR("max_norm", "FLOAT", "f: nan")), "nan"));
}

static void sum_of_nothing_and_of_unlike_shapes(void **state) {
  (void)state;
  REFUSED(BAD(O OP("sum", OUT("Out", "'o'")), "'X' is missing"),
          BAD(X23 V("y", "FP32", "3, 2") O OP("sum", IN("X", "'x', 'y'") OUT("Out", "'o'")),
              "X[1] has shape [3, 2]; wanted [2, 3]"));
}

#define CAST(from, to) X4 O UNARY("cast", ATTR("in_dtype", "INT", "i: " from) \
                                              ATTR("out_dtype", "INT", "i: " to))
static void cast_to_no_number_or_from_another(void **state) {
  (void)state;
  REFUSED(BAD(CAST("5", "7"), "out_dtype is 7"), BAD(CAST("5", "77"), "out_dtype is 77"),
          BAD(CAST("5", "-1"), "out_dtype is -1"), BAD(CAST("3", "5"), "in_dtype is 3"));
}

#define RANDOM(type, attrs) O OP(type, OUT("Out", "'o'") attrs)
#define SHAPE(list) ATTR("shape", "LONGS", "longs: [" list "]")
static void gaussian_parameters(void **state) {
  (void)state;
  REFUSED(BAD(RANDOM("gaussian_random", SHAPE("3") ATTR("std", "FLOAT", "f: -1")), "'std' is -1"),
          BAD(RANDOM("gaussian_random", SHAPE("3") ATTR("std", "FLOAT", "f: nan")), "nan"),
          BAD(RANDOM("gaussian_random", SHAPE("3") ATTR("mean", "FLOAT", "f: inf")),
              "'mean' is inf"));
}

static void random_shapes(void **state) {
  (void)state;
  REFUSED(BAD(RANDOM("uniform_random", SHAPE("-1")), "shape is [-1]"),
          BAD(RANDOM("uniform_random", ""), "shape has 0 extents"),
          BAD(RANDOM("uniform_random", SHAPE("4611686018427387904, 4")), "overflows 64 bits"),
          BAD(RANDOM("uniform_random", SHAPE("3") ATTR("dtype", "INT", "i: 2")), "dtype is 2"));
}

static void uniform_bounds(void **state) {
  (void)state;
  REFUSED(BAD(RANDOM("uniform_random", SHAPE("3") ATTR("min", "FLOAT", "f: 2")),
              "min is 2, max is 1"),
          BAD(RANDOM("uniform_random", SHAPE("3") ATTR("min", "FLOAT", "f: nan")), "nan"),
          BAD(RANDOM("uniform_random", SHAPE("3") ATTR("min", "FLOAT", "f: -3e38")
                         ATTR("max", "FLOAT", "f: 3e38")), "float32 can hold"));
}

static void uniform_diagonal(void **state) {
  (void)state;
  REFUSED(NOT_YET(RANDOM("uniform_random", SHAPE("3") ATTR("diag_num", "INT", "i: 9")),
                  "diag_num is 9"),
          NOT_YET(RANDOM("uniform_random", SHAPE("3") ATTR("diag_num", "INT", "i: -1")),
                  "diag_num is -1"));
}

#define FILL(text) RANDOM("fill_constant", SHAPE("3") ATTR("dtype", "INT", "i: 5") \
                              ATTR("str_value", "STRING", "s: '" text "'"))
static void fill_constant_texts(void **state) {
  (void)state;
  REFUSED(BAD(FILL("one"), "str_value is 'one'"), BAD(FILL("1e999"), "str_value is '1e999'"),
          BAD(FILL("1,5"), "str_value is '1,5'"), BAD(FILL("0x10"), "str_value is '0x10'"));
  accepted(V("o", "FP32", "3") OP("fill_constant", OUT("Out", "'o'") SHAPE("3")
               ATTR("dtype", "INT", "i: 5") ATTR("str_value", "STRING", "s: 'inf'")));
}

static void softmax_axis(void **state) {
  (void)state;
  REFUSED(BAD(X23 O UNARY("softmax", ATTR("axis", "INT", "i: 2")), "axis is 2; wanted -2 to 1"),
          BAD(X23 O UNARY("softmax", ATTR("axis", "INT", "i: -3")), "axis is -3"));
}

#define DROPOUT(attrs) X23 O V("m", "UINT8", "2, 3") \
  OP("dropout", IN("X", "'x'") OUT("Out", "'o'") OUT("Mask", "'m'") attrs)
static void dropout_parameters(void **state) {
  (void)state;
  REFUSED(BAD(DROPOUT(ATTR("dropout_prob", "FLOAT", "f: -0.1")), "dropout_prob"),
          BAD(DROPOUT(ATTR("dropout_prob", "FLOAT", "f: 1.5")), "dropout_prob"),
          BAD(DROPOUT(ATTR("dropout_prob", "FLOAT", "f: nan")), "dropout_prob"),
          BAD(DROPOUT(ATTR("dropout_implementation", "STRING", "s: 'none'")),
              "dropout_implementation is 'none'"));
}

#define ENTROPY(label) X23 O V("s", "FP32", "2, 3") label \
  OP("softmax_with_cross_entropy", IN("Logits", "'x'") IN("Label", "'l'") \
         OUT("Softmax", "'s'") OUT("Loss", "'o'"))
static void labels_of_wrong_count_or_dtype(void **state) {
  (void)state;
  REFUSED(BAD(ENTROPY(V("l", "INT64", "3, 1")), "Label has shape [3, 1]"),
          BAD(ENTROPY(V("l", "FP32", "2, 1")), "Label has dtype float32"));
}

#define LOOKUP(ids, attrs) V("w", "FP32", "7, 3") ids O \
  OP("lookup_table", IN("W", "'w'") IN("Ids", "'i'") OUT("Out", "'o'") attrs)
#define IDS V("i", "INT64", "4, 1")
static void lookup_table_options(void **state) {
  (void)state;
  REFUSED(BAD(LOOKUP(IDS, ATTR("padding_idx", "LONG", "l: 7")), "padding_idx is 7"),
          BAD(LOOKUP(V("i", "FP32", "4, 1"), ""), "Ids has dtype float32"),
          BAD(LOOKUP(V("i", "INT64", "4, 2"), ""), "Ids has shape [4, 2]"),
          NOT_YET(LOOKUP(IDS, ATTR("remote_prefetch", "BOOLEAN", "b: true")),
                  "remote_prefetch is true"),
          NOT_YET(LOOKUP(IDS, ATTR("epmap", "STRINGS", "strings: ['127.0.0.1:1']")),
                  "epmap has 1 endpoints"));
}

#define TOP_K(k) X23 O V("n", "INT64", "") \
  OP("top_k", IN("X", "'x'") OUT("Out", "'o'") OUT("Indices", "'n'") ATTR("k", "INT", "i: " k))
static void top_k_out_of_range(void **state) {
  (void)state;
  REFUSED(BAD(TOP_K("0"), "k is 0"), BAD(TOP_K("4"), "k is 4"), BAD(TOP_K("-1"), "k is -1"));
}

#define RESHAPE(list) X23 O V("h", "FP32", "0, 2, 3") \
  OP("reshape2", IN("X", "'x'") OUT("Out", "'o'") OUT("XShape", "'h'") \
         ATTR("shape", "INTS", "ints: [" list "]"))
static void reshape_targets(void **state) {
  (void)state;
  REFUSED(BAD(RESHAPE("-1, -1"), "shape is [-1, -1]"), BAD(RESHAPE("-2, 3"), "shape is [-2, 3]"),
          BAD(RESHAPE("2, 3, 0"), "shape is [2, 3, 0]"), BAD(RESHAPE("5"), "shape is [5]"),
          BAD(RESHAPE("-1, 4"), "shape is [-1, 4]"),
          BAD(RESHAPE("2147483647, 2147483647, 2147483647"), "shape is [2147483647"),
          BAD(RESHAPE(""), "shape"));
}

#define JOIN(second, axis) X23 second O \
  OP("concat", IN("X", "'x', 'y'") OUT("Out", "'o'") ATTR("axis", "INT", "i: " axis))
static void concat_of_unlike_inputs(void **state) {
  (void)state;
  REFUSED(BAD(JOIN(V("y", "FP32", "2, 3"), "2"), "axis is 2; wanted -2 to 1"),
          BAD(JOIN(V("y", "FP32", "2, 3"), "-3"), "axis is -3"),
          BAD(JOIN(V("y", "FP32", "2, 4"), "0"), "X[1] has shape [2, 4]"),
          BAD(JOIN(V("y", "FP64", "2, 3"), "0"), "X[1] has dtype float64; wanted float32"));
}

#define TURN(list) X23 O V("h", "FP32", "0, 2, 3") \
  OP("transpose2", IN("X", "'x'") OUT("Out", "'o'") OUT("XShape", "'h'") \
         ATTR("axis", "INTS", "ints: [" list "]"))
static void transpose_of_no_permutation(void **state) {
  (void)state;
  REFUSED(BAD(TURN("0, 0"), "axis is [0, 0]"), BAD(TURN("1"), "axis is [1]"),
          BAD(TURN("0, 2"), "axis is [0, 2]; wanted each of 0 to 1 once"),
          BAD(TURN(""), "axis is []"), BAD(TURN("-1, 0, 1"), "axis is [-1, 0, 1]"));
}

#define SLICE(axes, starts, ends) X23 O \
  OP("slice", IN("Input", "'x'") OUT("Out", "'o'") ATTR("axes", "INTS", "ints: [" axes "]") \
         ATTR("starts", "INTS", "ints: [" starts "]") ATTR("ends", "INTS", "ints: [" ends "]"))
static void slices_of_axes_that_are_not_there(void **state) {
  (void)state;
  REFUSED(BAD(SLICE("2", "0", "1"), "axes is 2; wanted -2 to 1"),
          BAD(SLICE("0, 0", "0, 0", "1, 1"), "0 is repeated"),
          BAD(SLICE("0, 1", "0", "1, 1"), "starts has 1 elements; wanted 2"),
          BAD(SLICE("0, 1", "0, 0", "1"), "ends has 1 elements; wanted 2"));
  accepted(X23 V("o", "FP32", "") "vars { name: 'e' type { type: LOD_TENSOR lod_tensor { tensor "
           "{ data_type: FP32 } } } } " /* start after end: an empty result */
           OP("slice", IN("Input", "'x'") OUT("Out", "'e'") ATTR("axes", "INTS", "ints: [0]")
                  ATTR("starts", "INTS", "ints: [2]") ATTR("ends", "INTS", "ints: [1]")));
}

#define SPLIT(attrs) V("x", "FP32", "2, 6") O V("p", "FP32", "") \
  OP("split", IN("X", "'x'") OUT("Out", "'o', 'p'") ATTR("axis", "INT", "i: 1") attrs)
static void parts_that_do_not_add_up(void **state) {
  (void)state;
  REFUSED(BAD(SPLIT(ATTR("sections", "INTS", "ints: [1, 4]")), "sections is [1, 4]"),
          BAD(SPLIT(ATTR("num", "INT", "i: 4")), "num is 4"),
          BAD(SPLIT(ATTR("num", "INT", "i: 3")), "Out has 2 tensors; wanted 3"),
          BAD(SPLIT(ATTR("num", "INT", "i: -2")), "num is -2"));
}

#define EXPAND(times) X23 O UNARY("expand", ATTR("expand_times", "INTS", "ints: [" times "]"))
static void expansions_without_end(void **state) {
  (void)state;
  REFUSED(BAD(EXPAND("-1, 1"), "expand_times is [-1, 1]"), BAD(EXPAND("0, 1"), "[0, 1]"),
          BAD(EXPAND("2"), "expand_times is [2]"),
          BAD(V("x", "FP32", "2147483647, 2147483647") O
                  UNARY("expand", ATTR("expand_times", "INTS", "ints: [2147483647, 2147483647]")),
              "overflows"));
}

#define BATCH_NORM(channels, attrs)                                                     \
  V("x", "FP32", "2, 3, 4") V("s", "FP32", channels) V("b", "FP32", "3")                \
  V("m", "FP32", "3") V("v", "FP32", "3") O V("sm", "FP32", "3") V("sv", "FP32", "3")   \
  OP("batch_norm", IN("X", "'x'") IN("Scale", "'s'") IN("Bias", "'b'") IN("Mean", "'m'") \
     IN("Variance", "'v'") OUT("Y", "'o'") OUT("MeanOut", "'m'") OUT("VarianceOut", "'v'") \
     OUT("SavedMean", "'sm'") OUT("SavedVariance", "'sv'") attrs)
static void batch_norm_channels(void **state) {
  (void)state;
  accepted(BATCH_NORM("3", ""));
  REFUSED(BAD(BATCH_NORM("4", ""), "Scale has shape [4]; wanted [3], the channels of X"),
          BAD(BATCH_NORM("3, 1", ""), "Scale has shape [3, 1]; wanted [3]"),
          BAD(BATCH_NORM("3", ATTR("data_layout", "STRING", "s: 'NHWC'")),
              "Scale has shape [3]; wanted [4]"),
          BAD(BATCH_NORM("3", ATTR("data_layout", "STRING", "s: 'NCW'")),
              "data_layout is 'NCW'; wanted NCHW or NHWC"),
          BAD(BATCH_NORM("3", ATTR("epsilon", "FLOAT", "f: -1e-5")), "epsilon"),
          BAD(BATCH_NORM("3", ATTR("epsilon", "FLOAT", "f: 0.01")), "epsilon"),
          BAD(BATCH_NORM("3", ATTR("momentum", "FLOAT", "f: nan")), "momentum"),
          NOT_YET(BATCH_NORM("3", ATTR("fuse_with_relu", "BOOLEAN", "b: true")),
                  "fuse_with_relu is true"));
}

#define LAYER_NORM(begin, attrs)                                                       \
  V("x", "FP32", "2, 3, 4") V("s", "FP32", "12") O V("m", "FP32", "") V("v", "FP32", "") \
  OP("layer_norm", IN("X", "'x'") IN("Scale", "'s'") OUT("Y", "'o'") OUT("Mean", "'m'")  \
     OUT("Variance", "'v'") ATTR("begin_norm_axis", "INT", "i: " begin) attrs)
static void layer_norm_rows(void **state) {
  (void)state;
  accepted(LAYER_NORM("1", ""));
  REFUSED(BAD(LAYER_NORM("0", ""), "'begin_norm_axis' is 0; wanted 1 to 8"),
          BAD(LAYER_NORM("-1", ""), "'begin_norm_axis' is -1"),
          BAD(LAYER_NORM("3", ""), "begin_norm_axis is 3; wanted 1 to 2 as X has shape [2, 3, 4]"),
          BAD(LAYER_NORM("2147483647", ""), "'begin_norm_axis' is 2.14748e+09"),
          BAD(LAYER_NORM("2", ""), "Scale has shape [12]; wanted [4]"),
          BAD(LAYER_NORM("1", ATTR("epsilon", "FLOAT", "f: -1e-5")), "epsilon"),
          BAD(LAYER_NORM("1", ATTR("epsilon", "FLOAT", "f: 0.01")), "epsilon"),
          BAD(LAYER_NORM("1", ATTR("epsilon", "FLOAT", "f: nan")), "epsilon"));
}

/* ---- lars_momentum, sgd --------------------------------------------------------------------- */

#define LARS(grad, velocity, rate, mu)                                               \
  V("p", "FP32", "4, 3") V("g", "FP32", grad) V("v", "FP32", velocity)               \
  V("r", "FP32", rate)                                                               \
  OP("lars_momentum", IN("Param", "'p'") IN("Grad", "'g'") IN("Velocity", "'v'")     \
         IN("LearningRate", "'r'") OUT("ParamOut", "'p'") OUT("VelocityOut", "'v'") mu)
#define MU ATTR("mu", "FLOAT", "f: 0.9")
static void lars_shapes(void **state) {
  (void)state;
  REFUSED(BAD(LARS("3, 4", "4, 3", "1", MU), "Grad has shape [3, 4]; wanted [4, 3]"),
          BAD(LARS("4, 3", "3, 4", "1", MU), "Velocity has shape [3, 4]; wanted [4, 3]"),
          BAD(LARS("4, 3", "4, 3", "2", MU), "LearningRate has shape [2]; wanted [1]"));
}

static void lars_parameters(void **state) {
  (void)state;
  REFUSED(BAD(LARS("4, 3", "4, 3", "1", ATTR("mu", "INT", "i: 1")), "'mu' is INT; wanted FLOAT"),
          BAD(LARS("4, 3", "4, 3", "1", ATTR("mu", "FLOAT", "f: nan")), "nan"),
          BAD(LARS("4, 3", "4, 3", "1", ""), "'mu' is missing"));
}

static void sgd_with_an_integer_gradient(void **state) {
  (void)state;
  REFUSED(BAD(V("p", "FP32", "3") V("g", "INT64", "3") V("r", "FP32", "1")
                  OP("sgd", IN("Param", "'p'") IN("Grad", "'g'") IN("LearningRate", "'r'")
                         OUT("ParamOut", "'p'")), "Grad has dtype int64"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attribute_of_another_type), /* 3c: 78 */
      cmocka_unit_test(mul_columns_out_of_range), /* 3c: 79 */
      cmocka_unit_test(matmul_shapes), /* 3c: 80 */
      cmocka_unit_test(elementwise_axis_out_of_range), /* 3c: 81 */
      cmocka_unit_test(elementwise_shapes_that_do_not_broadcast), /* 3c: 82 */
      cmocka_unit_test(reduce_axes), /* 3c: 84 */
      cmocka_unit_test(reduce_without_axes_takes_the_first), /* 3c: 85 */
      cmocka_unit_test(reduce_to_an_unknown_dtype), /* 3c: 87 */
      cmocka_unit_test(clip_bounds), /* 3c: 88, 89 */
      cmocka_unit_test(clip_bounds_may_be_infinite), /* 3c: 90 */
      cmocka_unit_test(clip_by_norm_of_nothing),
      cmocka_unit_test(sum_of_nothing_and_of_unlike_shapes), /* 3c: 94 */
      cmocka_unit_test(cast_to_no_number_or_from_another),
      cmocka_unit_test(gaussian_parameters), /* 3c: 96 */
      cmocka_unit_test(random_shapes), /* 3c: 98 */
      cmocka_unit_test(uniform_bounds), /* 3c: 100 */
      cmocka_unit_test(uniform_diagonal), /* 3c: 101 */
      cmocka_unit_test(fill_constant_texts), /* 3c: 102 */
      cmocka_unit_test(softmax_axis), /* 3c: 103 */
      cmocka_unit_test(dropout_parameters), /* 3c: 106 */
      cmocka_unit_test(labels_of_wrong_count_or_dtype), /* 3c: 109 */
      cmocka_unit_test(lookup_table_options), /* 3c: 112, 113 */
      cmocka_unit_test(top_k_out_of_range), /* 3c: 116 */
      cmocka_unit_test(reshape_targets), /* 3c: 126 */
      cmocka_unit_test(concat_of_unlike_inputs), /* 3c: 125 */
      cmocka_unit_test(transpose_of_no_permutation), /* 3c: 127 */
      cmocka_unit_test(slices_of_axes_that_are_not_there), /* 3c: 128 */
      cmocka_unit_test(parts_that_do_not_add_up), /* 3c: 129 */
      cmocka_unit_test(expansions_without_end), /* 3c: 130 */
      cmocka_unit_test(batch_norm_channels), /* 3c: 131 */
      cmocka_unit_test(layer_norm_rows), /* 3c: 132 */
      cmocka_unit_test(lars_shapes), /* 3c: 138 */
      cmocka_unit_test(lars_parameters),
      cmocka_unit_test(sgd_with_an_integer_gradient), /* 3c: 139 */
  };
  return cmocka_run_group_tests(tests, open_catalogue, close_catalogue);
}
