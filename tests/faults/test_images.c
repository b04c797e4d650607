/* Convolutions and poolings that no image can go through: refused before anything runs, by
 * the validator and by the planner alike. */
#include "catalogue.h"

#define LIST(name, numbers) ATTR(name, "INTS", "ints: [" numbers "]")
#define TEXT(name, text) ATTR(name, "STRING", "s: '" text "'")
#define FLAG(name) ATTR(name, "BOOLEAN", "b: true")
#define STEPS(numbers) LIST("strides", numbers)
#define PADS(numbers) LIST("paddings", numbers)
#define HOLES(numbers) LIST("dilations", numbers)
#define GROUPS(n) ATTR("groups", "INT", "i: " n)
#define PLAIN STEPS("1, 1") PADS("0, 0") HOLES("1, 1")

#define IMAGE(dims) V("x", "FP32", dims)
#define FILTER(dims) V("w", "FP32", dims)
#define FITTING IMAGE("2, 4, 5, 6") FILTER("6, 4, 3, 3") O
#define OF(type, attrs) \
  OP(type, IN("Input", "'x'") IN("Filter", "'w'") OUT("Output", "'o'") attrs)
#define CONV(attrs) FITTING OF("conv2d", attrs)
#define SHAPED(image, filter, attrs) IMAGE(image) FILTER(filter) O OF("conv2d", attrs)
#define TURNED(attrs) IMAGE("2, 4, 5, 6") FILTER("4, 6, 3, 3") O OF("conv2d_transpose", attrs)

static void strides_of_a_convolution(void **state) {
  (void)state;
  REFUSED(BAD(CONV(STEPS("0, 1") PADS("0, 0") HOLES("1, 1")), "'strides' is 0; wanted 1 to"),
          BAD(CONV(STEPS("1, -1") PADS("0, 0") HOLES("1, 1")), "'strides' is -1"),
          BAD(CONV(STEPS("1") PADS("0, 0") HOLES("1, 1")), "strides is [1]; wanted 2 numbers"),
          BAD(CONV(STEPS("1, 1, 1") PADS("0, 0") HOLES("1, 1")), "strides is [1, 1, 1]"),
          BAD(CONV(STEPS("") PADS("0, 0") HOLES("1, 1")), "strides is []"),
          BAD(CONV(PADS("0, 0") HOLES("1, 1")), "'strides' is missing"),
          BAD(TURNED(STEPS("0, 1") PADS("0, 0") HOLES("1, 1")), "'strides' is 0"));
}

static void dilations_of_a_convolution(void **state) {
  (void)state;
  REFUSED(BAD(CONV(STEPS("1, 1") PADS("0, 0") HOLES("0, 1")), "'dilations' is 0; wanted 1 to"),
          BAD(CONV(STEPS("1, 1") PADS("0, 0") HOLES("1, -1")), "'dilations' is -1"),
          BAD(CONV(STEPS("1, 1") PADS("0, 0") HOLES("")), "dilations is []; wanted 2 numbers"),
          BAD(CONV(STEPS("1, 1") PADS("0, 0") HOLES("1, 1, 1")), "dilations is [1, 1, 1]"));
}

static void paddings_of_a_convolution(void **state) {
  (void)state;
  REFUSED(BAD(CONV(STEPS("1, 1") PADS("-1, 0") HOLES("1, 1")), "'paddings' is -1; wanted 0 to"),
          BAD(CONV(STEPS("1, 1") PADS("0, 2147483647") HOLES("1, 1")), "'paddings' is 2.14748e+09"),
          BAD(CONV(STEPS("1, 1") PADS("0") HOLES("1, 1")), "paddings is [0]; wanted 2 or 4"),
          BAD(CONV(STEPS("1, 1") PADS("0, 0, 0") HOLES("1, 1")), "paddings is [0, 0, 0]"),
          BAD(CONV(STEPS("1, 1") PADS("") HOLES("1, 1")), "paddings is []"));
}

static void groups_of_a_convolution(void **state) {
  (void)state;
  REFUSED(BAD(CONV(PLAIN GROUPS("0")), "'groups' is 0; wanted 1 to"),
          BAD(CONV(PLAIN GROUPS("-1")), "'groups' is -1"),
          BAD(CONV(PLAIN GROUPS("3")), "groups is 3; wanted Input's channels = groups times"),
          BAD(SHAPED("2, 4, 5, 6", "3, 2, 3, 3", PLAIN GROUPS("2")),
              "wanted groups that divide Filter's dim 0"),
          BAD(TURNED(PLAIN GROUPS("3")), "wanted groups that divide Filter's dim 0"));
}

static void shapes_of_a_convolution(void **state) {
  (void)state;
  REFUSED(BAD(SHAPED("2, 3, 5, 6", "6, 4, 3, 3", PLAIN), "Filter has shape [6, 4, 3, 3], Input "
                                                          "has shape [2, 3, 5, 6], groups is 1"),
          BAD(SHAPED("4, 5, 6", "6, 4, 3, 3", PLAIN), "Input has shape [4, 5, 6]; wanted rank 4"),
          BAD(SHAPED("2, 4, 5, 6", "6, 4, 3", PLAIN), "Filter has shape [6, 4, 3]; wanted rank 4"),
          BAD(SHAPED("2, 4, 5, 6", "6, 4, 0, 3", PLAIN), "Filter has shape [6, 4, 0, 3]; wanted"),
          BAD(SHAPED("2, 4, 5, 6", "0, 4, 3, 3", PLAIN), "Filter has shape [0, 4, 3, 3]; wanted"),
          BAD(SHAPED("2, 4, 0, 6", "6, 4, 3, 3", PLAIN), "Input has shape [2, 4, 0, 6]; wanted"),
          BAD(SHAPED("2, 4, 2, 6", "6, 4, 5, 3", PLAIN),
              "rows: Input has 2, padding 0 and 0, the filter spans 5; the output would have -2"),
          BAD(SHAPED("2, 4, 5, 6", "6, 4, 3, 3", STEPS("2, 2") PADS("0, 0") HOLES("1, 4")),
              "columns: Input has 6, padding 0 and 0, the filter spans 9; the output would have -1"),
          BAD(IMAGE("2, 4, 5, 6") V("w", "FP64", "6, 4, 3, 3") O OF("conv2d", PLAIN),
              "Filter has dtype float64; wanted float32"),
          BAD(IMAGE("2, 4, 5, 6") FILTER("4, 2, 3, 3") O OF("depthwise_conv2d", PLAIN GROUPS("2")),
              "wanted 1 in Filter's dim 1"));
}

static void shapes_of_a_transpose(void **state) {
  (void)state;
  REFUSED(BAD(IMAGE("2, 3, 5, 6") FILTER("4, 6, 3, 3") O OF("conv2d_transpose", PLAIN),
              "wanted Filter's dim 0 = Input's channels"),
          BAD(TURNED(PLAIN LIST("output_size", "9, 8")), "output_size is [9, 8]; wanted 7 to 7 rows"),
          BAD(TURNED(STEPS("2, 2") PADS("0, 0") HOLES("1, 1") LIST("output_size", "11, 15")),
              "wanted 13 to 14 columns"),
          BAD(TURNED(PLAIN LIST("output_size", "7")), "output_size is [7]; wanted 2 numbers or none"),
          BAD(TURNED(STEPS("1, 1") PADS("4, 0") HOLES("1, 1")), "the output would have -1"));
}

static void layouts_and_paddings_by_name(void **state) {
  (void)state;
  REFUSED(BAD(CONV(PLAIN TEXT("data_format", "NCWH")), "data_format is 'NCWH'; wanted NCHW, NHWC"),
          BAD(CONV(PLAIN TEXT("padding_algorithm", "same")), "padding_algorithm is 'same'; wanted"),
          BAD(TURNED(PLAIN TEXT("data_format", "")), "data_format is ''"));
  accepted(CONV(PLAIN TEXT("data_format", "AnyLayout") TEXT("padding_algorithm", "SAME")));
}

static void what_only_other_kernels_know(void **state) {
  (void)state;
  REFUSED(NOT_YET(CONV(PLAIN FLAG("fuse_relu")), "fuse_relu is set"),
          NOT_YET(CONV(PLAIN FLAG("fuse_residual_connection")), "fuse_residual_connection is set"),
          NOT_YET(CONV(PLAIN TEXT("fuse_activation", "relu")), "fuse_activation is set"),
          NOT_YET(FITTING V("b", "FP32", "6")
                      OP("conv2d", IN("Input", "'x'") IN("Filter", "'w'") IN("Bias", "'b'")
                             OUT("Output", "'o'") PLAIN), "'Bias'"));
  accepted(CONV(PLAIN FLAG("use_cudnn") FLAG("use_mkldnn") FLAG("is_test")));
}

/* ---- pooling ---------------------------------------------------------------------------- */

#define POOL(kind, ksize, attrs) \
  IMAGE("2, 3, 5, 6") O UNARY("pool2d", TEXT("pooling_type", kind) LIST("ksize", ksize) attrs)
#define TWO STEPS("2, 2") PADS("0, 0")

static void windows_of_a_pooling(void **state) {
  (void)state;
  REFUSED(BAD(POOL("max", "0, 2", TWO), "ksize is [0, 2]; wanted 1 to"),
          BAD(POOL("max", "2, -2", TWO), "ksize is [2, -2]"),
          BAD(POOL("max", "2", TWO), "ksize is [2]; wanted 2 numbers"),
          BAD(POOL("max", "2, 2, 2", TWO), "ksize is [2, 2, 2]"),
          BAD(POOL("max", "2, 2", STEPS("0, 2") PADS("0, 0")), "'strides' is 0; wanted 1 to"),
          BAD(POOL("max", "2, 2", STEPS("2") PADS("0, 0")), "strides is [2]"),
          BAD(POOL("max", "2, 2", STEPS("2, 2") PADS("0, 0, 0")), "paddings is [0, 0, 0]"),
          BAD(POOL("min", "2, 2", TWO), "pooling_type is 'min'; wanted max or avg"),
          BAD(POOL("avg", "0, 2", TWO FLAG("adaptive")), "ksize is [0, 2]"),
          BAD(POOL("avg", "2, 2", TWO FLAG("adaptive") FLAG("global_pooling")),
              "adaptive and global_pooling are both set"),
          BAD(POOL("avg", "6, 2", TWO), "rows: X has 5, padding 0 and 0, ksize is 6"),
          BAD(IMAGE("3, 5, 6") O UNARY("pool2d", TEXT("pooling_type", "max") LIST("ksize", "2, 2") TWO),
              "X has shape [3, 5, 6]; wanted rank 4"));
  accepted(POOL("avg", "-1, -1", TWO FLAG("global_pooling")));
}

static void windows_without_a_cell(void **state) {
  (void)state;
  REFUSED(BAD(POOL("avg", "2, 2", STEPS("2, 2") PADS("2, 0")),
              "rows: the padding is 2, ksize is 2; wanted less padding"),
          BAD(POOL("max", "2, 2", STEPS("2, 2") PADS("0, 0, 0, 3")),
              "columns: the last window starts at 6, X has 6"),
          BAD(POOL("avg", "1, 1", STEPS("3, 5") PADS("0, 0") FLAG("ceil_mode")),
              "rows: the last window starts at 6, X has 5"));
  /* Not read there. */
  accepted(POOL("avg", "2, 2", STEPS("2, 2") PADS("2, 0") FLAG("adaptive")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strides_of_a_convolution), /* 3c: 117 */
      cmocka_unit_test(dilations_of_a_convolution), /* 3c: 118 */
      cmocka_unit_test(paddings_of_a_convolution), /* 3c: 119 */
      cmocka_unit_test(groups_of_a_convolution), /* 3c: 120 */
      cmocka_unit_test(shapes_of_a_convolution), /* 3c: 121 */
      cmocka_unit_test(shapes_of_a_transpose),
      cmocka_unit_test(layouts_and_paddings_by_name), /* 3c: 122 */
      cmocka_unit_test(what_only_other_kernels_know),
      cmocka_unit_test(windows_of_a_pooling), /* 3c: 123 */
      cmocka_unit_test(windows_without_a_cell), /* 3c: 124 */
  };
  return cmocka_run_group_tests(tests, open_catalogue, close_catalogue);
}
