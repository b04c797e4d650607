#include "runner/case.h"

/* Bounds, in units of u = half an ulp against the magnitude of the expression. Made of
 * selections and one operation: EXACT. An exponential, tanh, erf or log1p counts 4u
 * (2 ulp; libraries promise 1), each other operation and each constant 1u:
 *   gelu 8 (erf's argument 2, erf 4, 1 + and the product 2); with tanh 16 (argument 7);
 *   gelu_grad 12 (exp 4, constants and products 4 beside erf's 6); with tanh 32 (tanh's
 *   11 counts twice in its square);
 *   elu and its gradient 6; softplus, logsigmoid 10 (exp, log1p, a sum); their
 *   gradients 8; swish 8 and 10; stanh 6 and 16; tanh_shrink 6 and 10; softsign 2 and 4;
 *   hard_sigmoid 2; hard_swish 4 (also where scale is inverted first). */

#define ONE(op_, name_, attrs_, lo, hi, ...)                                        \
  {.op = op_, .name = name_, .in = {{"X", SHAPE(DIM_N), UNIFORM(lo, hi)}},          \
   .attrs = attrs_, .bound = {__VA_ARGS__}, .LENGTHS}
#define UNARY(op_, lo, hi, ...)                                                     \
  ONE(op_, "lengths", {{0}}, lo, hi, __VA_ARGS__),                                  \
  {.op = op_, .name = "shapes", .in = {{"X", SHAPE(DIM_N, DIM_M, 3), UNIFORM(lo, hi)}}, \
   .bound = {__VA_ARGS__}, .SIZES({1, 1}, {2, 3}, {13, 17}, {5, 0})},               \
  {.op = op_, .name = "specials", .in = {{"X", SHAPE(7, 29), SPECIALS}},            \
   .bound = {__VA_ARGS__}}
#define ONE_BACK(op_, name_, from, attrs_, lo, hi, ...)                             \
  {.op = op_, .name = name_,                                                        \
   .in = {{from, SHAPE(DIM_N), UNIFORM(lo, hi)},                                    \
          {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-2, 2)}},                              \
   .attrs = attrs_, .bound = {__VA_ARGS__}, .LENGTHS}
#define BACK(op_, from, lo, hi, ...)                                                \
  ONE_BACK(op_, "lengths", from, {{0}}, lo, hi, __VA_ARGS__),                       \
  {.op = op_, .name = "shapes",                                                     \
   .in = {{from, SHAPE(3, DIM_N, DIM_M), UNIFORM(lo, hi)},                          \
          {"Out@GRAD", SHAPE(3, DIM_N, DIM_M), UNIFORM(-2, 2)}},                    \
   .bound = {__VA_ARGS__}, .SIZES({1, 1}, {2, 3}, {13, 17}, {0, 5})}
#define HAND(op_, name_, attrs_, x, out)                                         \
  {.op = op_, .name = name_, .in = {{"X", SHAPE(6), x}}, .attrs = attrs_,       \
   .want = {{"Out", out}}, .flags = FRT_CASE_ROUGH}
#define HAND_BACK(op_, name_, from, attrs_, x, g, out)                           \
  {.op = op_, .name = name_,                                                        \
   .in = {{from, SHAPE(6), x}, {"Out@GRAD", SHAPE(6), g}}, .attrs = attrs_,         \
   .want = {{"X@GRAD", out}}}
#define OUT(c) SUM("Out", c, NULL)
#define DX(c) SUM("X@GRAD", c, NULL)
#define LIST(...) {__VA_ARGS__}
#define NO_ATTRS LIST({0})
#define APPROXIMATE LIST({"approximate", 1})
#define SWISHY LIST({"offset", 1}, {"threshold", 4}, {"scale", 2})

FRT_CASES(activation_more) = {
    /* ---- values known in closed form ---- */
    HAND("gelu", "by_hand", NO_ATTRS, VALUES(0, INFINITY, NAN, 20, -40, 0),
         VALUES(0, INFINITY, NAN, 20, 0, 0)),
    HAND("gelu", "tanh_by_hand", APPROXIMATE, VALUES(0, INFINITY, NAN, 20, -40, 0x1p100),
         VALUES(0, INFINITY, NAN, 20, 0, 0x1p100)),
    HAND("elu", "by_hand", LIST({"alpha", 0.5}), VALUES(0, 2, -INFINITY, NAN, INFINITY, -1e6),
         VALUES(0, 2, -0.5, NAN, INFINITY, -0.5)),
    HAND("relu6", "by_hand", LIST({"threshold", 4}), VALUES(-1, 0, 3.5, 5, NAN, INFINITY),
         VALUES(0, 0, 3.5, 4, NAN, 4)),
    HAND("leaky_relu", "by_hand", LIST({"alpha", 0.25}),
         VALUES(-4, 0, 3.5, NAN, -INFINITY, INFINITY),
         VALUES(-1, 0, 3.5, NAN, -INFINITY, INFINITY)),
    /* max(x, alpha x), so the steeper side is the right one. */
    HAND("leaky_relu", "steep_by_hand", LIST({"alpha", 2}), VALUES(-4, 0, 3.5, NAN, -1, 1),
         VALUES(-4, 0, 7, NAN, -1, 2)),
    HAND("leaky_relu", "falling_by_hand", LIST({"alpha", -0.5}), VALUES(-4, 0, 3.5, NAN, -1, 1),
         VALUES(2, 0, 3.5, NAN, 0.5, 1)),
    HAND("softplus", "by_hand", NO_ATTRS, VALUES(INFINITY, -INFINITY, NAN, 1e6, -1e6, 300),
         VALUES(INFINITY, 0, NAN, 1e6, 0, 300)),
    HAND("logsigmoid", "by_hand", NO_ATTRS, VALUES(INFINITY, -INFINITY, NAN, 1e6, -1e6, -300),
         VALUES(0, -INFINITY, NAN, 0, -1e6, -300)),
    HAND("softsign", "by_hand", NO_ATTRS, VALUES(0, 1, -3, NAN, 7, -0.0),
         VALUES(0, 0.5, -0.75, NAN, 0.875, 0)),
    HAND("hard_shrink", "by_hand", LIST({"threshold", 0.5}),
         VALUES(0.5, -0.5, 0.75, -2, NAN, 0), VALUES(0, 0, 0.75, -2, NAN, 0)),
    HAND("hard_shrink", "no_gap_by_hand", LIST({"threshold", -1}),
         VALUES(0.5, -0.5, 0.75, -2, NAN, 0), VALUES(0.5, -0.5, 0.75, -2, NAN, 0)),
    HAND("hard_sigmoid", "by_hand", LIST({"slope", 0.5}, {"offset", 0.25}),
         VALUES(0, 1, 2, -1, NAN, -0.5), VALUES(0.25, 0.75, 1, 0, NAN, 0)),
    HAND("hard_swish", "by_hand", SWISHY, VALUES(0, 1, 3, 5, -1, -2),
         VALUES(0, 1, 6, 10, 0, 0)),
    HAND("swish", "by_hand", LIST({"beta", 2}), VALUES(0, 100, NAN, INFINITY, -0.0, 64),
         VALUES(0, 100, NAN, INFINITY, 0, 64)),
    HAND("swish", "half_by_hand", LIST({"beta", 0}), VALUES(0, 100, NAN, -4, 6, -1),
         VALUES(0, 50, NAN, -2, 3, -.5)),
    HAND("stanh", "by_hand", LIST({"scale_a", 2}, {"scale_b", 3}),
         VALUES(0, 40, -40, NAN, INFINITY, 0), VALUES(0, 3, -3, NAN, 3, 0)),
    HAND("tanh_shrink", "by_hand", NO_ATTRS, VALUES(0, 40, -40, NAN, INFINITY, 0),
         VALUES(0, 39, -39, NAN, INFINITY, 0)),
    HAND("brelu", "by_hand", LIST({"t_min", -1}, {"t_max", 2}), VALUES(-2, -1, 0.5, 2, 3, NAN),
         VALUES(-1, -1, 0.5, 2, 2, NAN)),
    HAND_BACK("gelu_grad", "by_hand", "X", NO_ATTRS, VALUES(0, 20, -40, 0, 30, 0),
         VALUES(1, 2, 3, 4, 5, 6), VALUES(.5, 2, 0, 2, 5, 3)),
    HAND_BACK("gelu_grad", "tanh_by_hand", "X", APPROXIMATE, VALUES(0, 30, -40, 0, 1e30, -1e30),
         VALUES(1, 2, 3, 4, 5, 6), VALUES(.5, 2, 0, 2, 5, 0)),
    HAND_BACK("elu_grad", "by_hand", "X", LIST({"alpha", 0.5}), VALUES(0, 20, -1e6, 3, 0, 1),
         VALUES(1, 2, 3, 4, 5, 6), VALUES(.5, 2, 0, 4, 2.5, 6)),
    HAND_BACK("relu6_grad", "by_hand", "Out", LIST({"threshold", 4}), VALUES(0, 4, 2, 3, 0, 1),
         VALUES(1, 2, 3, 4, INFINITY, 6), VALUES(0, 0, 3, 4, 0, 6)),
    HAND_BACK("leaky_relu_grad", "by_hand", "Out", LIST({"alpha", 0.25}),
         VALUES(0, 4, -2, 3, -1, 1), VALUES(1, 2, 3, 4, 5, 6), VALUES(.25, 2, .75, 4, 1.25, 6)),
    HAND_BACK("leaky_relu_grad", "steep_by_hand", "Out", LIST({"alpha", 2}),
         VALUES(-1, 4, -2, 3, -1, 1), VALUES(1, 2, 3, 4, 5, 6), VALUES(1, 4, 3, 8, 5, 12)),
    HAND_BACK("softplus_grad", "by_hand", "X", NO_ATTRS, VALUES(0, 1e6, -1e6, 0, 1000, -1000),
         VALUES(1, 2, 3, 4, 5, 6), VALUES(.5, 2, 0, 2, 5, 0)),
    HAND_BACK("logsigmoid_grad", "by_hand", "X", NO_ATTRS, VALUES(0, 1e6, -1e6, 0, 1000, -1000),
         VALUES(1, 2, 3, 4, 5, 6), VALUES(.5, 0, 3, 2, 0, 6)),
    HAND_BACK("softsign_grad", "by_hand", "X", NO_ATTRS, VALUES(0, 1, -3, 0, 1, -1),
         VALUES(1, 2, 16, 4, 8, 4), VALUES(1, .5, 1, 4, 2, 1)),
    HAND_BACK("hard_shrink_grad", "by_hand", "X", LIST({"threshold", 0.5}),
         VALUES(.5, -.5, 1, -2, 0, 3), VALUES(1, 2, 3, 4, INFINITY, 6),
         VALUES(0, 0, 3, 4, 0, 6)),
    HAND_BACK("hard_sigmoid_grad", "by_hand", "Out", LIST({"slope", 0.5}),
         VALUES(0, 1, .5, .25, 0, .75), VALUES(1, 2, 3, 4, INFINITY, 6),
         VALUES(0, 0, 1.5, 2, 0, 3)),
    HAND_BACK("hard_swish_grad", "by_hand", "X", SWISHY, VALUES(-1, 0, 1, 3, 5, -2),
         VALUES(1, 2, 4, 4, 5, 6), VALUES(0, 1, 6, 8, 10, 0)),
    HAND_BACK("swish_grad", "by_hand", "X", LIST({"beta", 0}), VALUES(-1, 0, 1, 3, 5, -2),
         VALUES(1, 2, 4, 4, 5, 6), VALUES(.5, 1, 2, 2, 2.5, 3)),
    HAND_BACK("stanh_grad", "by_hand", "X", LIST({"scale_a", 2}, {"scale_b", 3}),
         VALUES(0, 40, -40, 0, 0, 50), VALUES(1, 2, 3, 4, 5, 6), VALUES(6, 0, 0, 24, 30, 0)),
    HAND_BACK("tanh_shrink_grad", "by_hand", "X", NO_ATTRS, VALUES(0, 40, -40, 0, 0, 50),
         VALUES(1, 2, 3, 4, 5, 6), VALUES(0, 2, 3, 0, 0, 6)),
    HAND_BACK("brelu_grad", "by_hand", "X", LIST({"t_min", -1}, {"t_max", 2}),
         VALUES(-2, -1, 0, 2, 3, 1), VALUES(1, 2, 3, 4, INFINITY, 6), VALUES(0, 0, 3, 0, 0, 6)),

    /* ---- forward ---- */
    UNARY("gelu", -5, 5, OUT(8)), ONE("gelu", "tanh", APPROXIMATE, -5, 5, OUT(16)),
    UNARY("elu", -5, 5, OUT(6)), ONE("elu", "alpha", LIST({"alpha", 0.3}), -5, 5, OUT(6)),
    UNARY("relu6", -3, 9, EXACT("Out")), UNARY("leaky_relu", -3, 3, EXACT("Out")),
    UNARY("softplus", -20, 20, OUT(10)), UNARY("logsigmoid", -20, 20, OUT(10)),
    UNARY("softsign", -5, 5, OUT(2)), UNARY("hard_shrink", -2, 2, EXACT("Out")),
    UNARY("hard_sigmoid", -4, 4, OUT(2)), UNARY("hard_swish", -5, 5, OUT(4)),
    ONE("hard_sigmoid", "line", LIST({"slope", -0.7}, {"offset", 0.3}), -4, 4, OUT(2)),
    ONE("hard_swish", "ramp", LIST({"offset", 0.7}, {"threshold", 2.3}, {"scale", -1.7}), -5, 5,
        OUT(4)),
    UNARY("swish", -9, 9, OUT(8)), ONE("swish", "beta", LIST({"beta", -1.3}), -9, 9, OUT(8)),
    UNARY("stanh", -5, 5, OUT(6)), UNARY("tanh_shrink", -5, 5, OUT(6)),
    UNARY("brelu", -5, 30, EXACT("Out")),
    ONE("brelu", "bounds", LIST({"t_min", -0.3}, {"t_max", 0.3}), -1, 1, EXACT("Out")),
    ONE("softplus", "small", NO_ATTRS, -80, -20, OUT(10)),
    ONE("logsigmoid", "small", NO_ATTRS, 20, 80, OUT(10)),

    /* ---- gradients ---- */
    BACK("gelu_grad", "X", -5, 5, DX(12)),
    ONE_BACK("gelu_grad", "tanh", "X", APPROXIMATE, -5, 5, DX(32)),
    BACK("elu_grad", "X", -5, 5, DX(6)),
    ONE_BACK("elu_grad", "alpha", "X", LIST({"alpha", 0.3}), -5, 5, DX(6)),
    BACK("relu6_grad", "Out", -1, 7, EXACT("X@GRAD")),
    BACK("leaky_relu_grad", "Out", -1, 1, EXACT("X@GRAD")),
    BACK("softplus_grad", "X", -20, 20, DX(8)), BACK("logsigmoid_grad", "X", -20, 20, DX(8)),
    BACK("softsign_grad", "X", -5, 5, DX(4)),
    ONE_BACK("hard_shrink_grad", "gap", "X", LIST({"threshold", 1.25}), -2, 2, EXACT("X@GRAD")),
    ONE_BACK("hard_sigmoid_grad", "line", "Out", LIST({"slope", -0.75}, {"offset", 0.3}), -0.5, 1.5,
             EXACT("X@GRAD")),
    BACK("hard_shrink_grad", "X", -2, 2, EXACT("X@GRAD")),
    BACK("hard_sigmoid_grad", "Out", -0.5, 1.5, EXACT("X@GRAD")),
    BACK("hard_swish_grad", "X", -5, 5, DX(4)),
    ONE_BACK("hard_swish_grad", "ramp", "X",
             LIST({"offset", 0.75}, {"threshold", 2.25}, {"scale", -1.7}), -5, 5, DX(4)),
    BACK("swish_grad", "X", -9, 9, DX(10)),
    ONE_BACK("swish_grad", "beta", "X", LIST({"beta", -1.3}), -9, 9, DX(10)),
    BACK("stanh_grad", "X", -5, 5, DX(16)), BACK("tanh_shrink_grad", "X", -5, 5, DX(10)),
    BACK("brelu_grad", "X", -5, 30, EXACT("X@GRAD")),
    {0}};
