#include "runner/case.h"

/* VelocityOut: a product and a sum, 2 roundings. ParamOut: 2 more; with nesterov the
 * velocity's 2, a product and a sum, then 2: 6. A provider may fuse any of them. */
static double terms_4(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 4;
}
static double terms_6(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 6;
}

#define TENSORS(...)                                                                    \
  {"Param", SHAPE(__VA_ARGS__), UNIFORM(-.1, .1)}, {"Grad", SHAPE(__VA_ARGS__), UNIFORM(-2, 2)}, \
  {"Velocity", SHAPE(__VA_ARGS__), UNIFORM(-2, 2)}
#define RATE(lr) {"LearningRate", SHAPE(1), VALUES(lr)}
#define PLAIN .bound = {SUM("VelocityOut", 1, frt_terms_2), SUM("ParamOut", 1, terms_4)}
#define AHEAD .bound = {SUM("VelocityOut", 1, frt_terms_2), SUM("ParamOut", 1, terms_6)}
#define HAND(p, g, v_) \
  {"Param", SHAPE(3), p}, {"Grad", SHAPE(3), g}, {"Velocity", SHAPE(3), v_}

FRT_CASES(optimizer_momentum) = {
    {.op = "momentum", .name = "by_hand", .attrs = {{"mu", 0.5}},
     .in = {HAND(VALUES(1, 2, 3), VALUES(4, -8, 0), VALUES(2, 0, -4)), RATE(.25)},
     .want = {{"VelocityOut", VALUES(5, -8, -2)}, {"ParamOut", VALUES(-.25, 4, 3.5)}}},
    /* Steps of .25 (4 + 2.5), .25 (-8 - 4), .25 (0 - 1). */
    {.op = "momentum", .name = "nesterov_by_hand", .attrs = {{"mu", 0.5}, {"use_nesterov", 1}},
     .in = {HAND(VALUES(1, 2, 3), VALUES(4, -8, 0), VALUES(2, 0, -4)), RATE(.25)},
     .want = {{"VelocityOut", VALUES(5, -8, -2)}, {"ParamOut", VALUES(-.625, 5, 3.25)}}},
    {.op = "momentum", .name = "no_momentum", .attrs = {{"mu", 0}},
     .in = {HAND(VALUES(1, 2, 3), VALUES(4, -8, 0), VALUES(2, 0, -4)), RATE(.25)},
     .want = {{"VelocityOut", VALUES(4, -8, 0)}, {"ParamOut", VALUES(0, 4, 3)}}},
    {.op = "momentum", .name = "lengths", PLAIN, .attrs = {{"mu", 0.9}}, .LENGTHS,
     .in = {TENSORS(DIM_N), RATE(.37)}},
    {.op = "momentum", .name = "nesterov_lengths", AHEAD, .LENGTHS,
     .attrs = {{"mu", 0.9}, {"use_nesterov", 1}}, .in = {TENSORS(DIM_N), RATE(.37)}},
    {.op = "momentum", .name = "matrix", PLAIN, .attrs = {{"mu", 0.99}},
     .in = {TENSORS(17, 31), RATE(.01)}},
    {.op = "momentum", .name = "nesterov_matrix", AHEAD,
     .attrs = {{"mu", 0.99}, {"use_nesterov", 1}}, .in = {TENSORS(17, 31), RATE(.01)}},
    {0}};
