#include "runner/case.h"

#define ROWS SIZES({1, 2}, {3, 2}, {5, 10}, {7, 15}, {2, 16}, {4, 17}, {1, 257}, {401, 10}, \
                   {4099, 3}, {0, 5}), \
  .FULL_SIZES({4099, 257})
#define X_IN {"X", SHAPE(DIM_N, DIM_M), UNIFORM(0.2, 1)}
#define HARD_IN {"Label", SHAPE(DIM_N, 1), WHOLE(0, 1), AS(FRT_I64)}
#define HAND_X {"X", SHAPE(2, 2), VALUES(.5, .25, .125, .75)}
#define HAND_LABEL {"Label", SHAPE(2, 1), VALUES(0, 1), AS(FRT_I64)}
#define BAD_LABEL {"Label", SHAPE(2, 1), VALUES(1, DIM_N), AS(FRT_I64)}
#define NO_LABEL .flags = FRT_CASE_OUT_OF_RANGE, .SIZES({-1}, {2}, {0x7fffffff})
#define ROW_GRAD {"Y@GRAD", SHAPE(DIM_N, 1), UNIFORM(-1, 1)}
#define HAND_GRAD {"Y@GRAD", SHAPE(2, 1), VALUES(2, 3)}
#define SOFT .attrs = {{"soft_label", 1}}
/* -log(1/2), -log(3/4) */
#define LOG_HALF 0.69314718055994531
#define LOG_3_4 0.28768207245178093

/* One logarithm, good to 2 ulp, and its rounding. */
#define LOG_BOUND .bound = {ULP("Y", 3), EXACT("MatchX")}

/* n logarithms within 4u, n products, n - 1 sums. */
static double soft_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t x = frt_case_in(v, "X");
  (void)out;
  return 5 + (double)x.dims[x.rank - 1];
}
/* exp within 4u, log1p within 4u and on from exp's error, a product, two sums, a quotient. */
static double logit_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 12;
}
/* exp within 4u, sum, quotient, difference, product, quotient. */
static double sigmoid_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 9;
}
/* Difference (of which twice as much is squared), square, factors. */
static double huber_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 6;
}
/* The difference and weight, twice by the square, sigma^2 (2), factors (3), and the row. */
static double smooth_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t x = frt_case_in(v, "X");
  return 9 + (out->numel ? (double)(x.numel / out->numel) : 0);
}
/* sigma^2 (1), four factors. */
static double smooth_grad_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 6;
}
/* Two logarithms within 4u, their arguments (2 roundings each), products, sums. */
static double log_loss_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 9;
}
/* Two quotients with arguments of 2 roundings each, a difference, a product. */
static double log_loss_grad_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 6;
}

#define PAIR(a, b, ...) {a, SHAPE(DIM_N), __VA_ARGS__}, {b, SHAPE(DIM_N), UNIFORM(0, 1)}
#define SIGMOID "sigmoid_cross_entropy_with_logits"
#define SMOOTH_IN {"X", SHAPE(DIM_N, DIM_M), UNIFORM(-2, 2)}, \
                  {"Y", SHAPE(DIM_N, DIM_M), UNIFORM(-2, 2)}
#define WEIGHTS {"InsideWeight", SHAPE(DIM_N, DIM_M), UNIFORM(0.5, 2)}, \
                {"OutsideWeight", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 2)}
#define SMOOTH_BOUND .bound = {SUM("Diff", 1, frt_terms_2), SUM("Out", 1, smooth_terms)}
#define SMOOTH_GRAD_BOUND .bound = {SUM(NULL, 1, smooth_grad_terms)}

FRT_CASES(loss) = {
    {.op = "cross_entropy", .name = "by_hand", LOG_BOUND, .in = {HAND_X, HAND_LABEL},
     .want = {{"Y", VALUES(LOG_HALF, LOG_3_4)}}},
    {.op = "cross_entropy", .name = "flat_labels", LOG_BOUND,
     .in = {HAND_X, {"Label", SHAPE(2), VALUES(0, 1), AS(FRT_I64)}},
     .want = {{"Y", VALUES(LOG_HALF, LOG_3_4)}}},
    {.op = "cross_entropy", .name = "no_label", NO_LABEL, .in = {HAND_X, BAD_LABEL}},
    {.op = "cross_entropy2", .name = "no_label", NO_LABEL, .in = {HAND_X, BAD_LABEL}},
    {.op = "cross_entropy_grad", .name = "no_label", NO_LABEL,
     .in = {BAD_LABEL, HAND_X, HAND_GRAD}},
    {.op = "cross_entropy", .name = "ignored", LOG_BOUND, .attrs = {{"ignore_index", 1}},
     .in = {HAND_X, HAND_LABEL}, .want = {{"Y", VALUES(LOG_HALF, 0)}}},
    {.op = "cross_entropy", .name = "ignored_is_no_class", LOG_BOUND,
     .attrs = {{"ignore_index", -7}},
     .in = {HAND_X, {"Label", SHAPE(2, 1), VALUES(-7, 1), AS(FRT_I64)}},
     .want = {{"Y", VALUES(0, LOG_3_4)}}},
    {.op = "cross_entropy", .name = "log_of_0_is_held", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(3, 2), VALUES(0, 1, 1, 0, INFINITY, 0)},
            {"Label", SHAPE(3, 1), VALUES(0, 1, 0), AS(FRT_I64)}},
     .want = {{"Y", VALUES(1e20, 1e20, -1e20)}}, .bound = {ULP("Y", 1)}},
    {.op = "cross_entropy", .name = "hard", LOG_BOUND, .in = {X_IN, HARD_IN}, .ROWS},
    {.op = "cross_entropy", .name = "rank_3", LOG_BOUND,
     .in = {{"X", SHAPE(3, 5, 7), UNIFORM(0.2, 1)},
            {"Label", SHAPE(3, 5, 1), WHOLE(0, 6), AS(FRT_I64)}}},
    {.op = "cross_entropy", .name = "soft_by_hand", SOFT, .bound = {SUM("Y", 1, soft_terms)},
     .in = {{"X", SHAPE(1, 2), VALUES(.5, .75)}, {"Label", SHAPE(1, 2), VALUES(1, 0)}},
     .want = {{"Y", VALUES(LOG_HALF)}}},
    {.op = "cross_entropy", .name = "soft_with_0", SOFT, .flags = FRT_CASE_ROUGH,
     .bound = {SUM("Y", 1, soft_terms)},
     .in = {{"X", SHAPE(2, 2), VALUES(0, .5, 0, 1)}, {"Label", SHAPE(2, 2), VALUES(0, 1, .5, .5)}},
     .want = {{"Y", VALUES(LOG_HALF, 5e19)}}},
    {.op = "cross_entropy", .name = "soft", SOFT, .bound = {SUM("Y", 1, soft_terms)},
     .in = {X_IN, {"Label", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)}}, .ROWS},
    {.op = "cross_entropy_grad", .name = "by_hand", .in = {HAND_LABEL, HAND_X, HAND_GRAD},
     .want = {{"X@GRAD", VALUES(-4, 0, 0, -4)}}},
    {.op = "cross_entropy_grad", .name = "ignored", .attrs = {{"ignore_index", 1}},
     .in = {HAND_LABEL, HAND_X, HAND_GRAD}, .want = {{"X@GRAD", VALUES(-4, 0, 0, 0)}}},
    {.op = "cross_entropy_grad", .name = "hard", .in = {HARD_IN, X_IN, ROW_GRAD}, .ROWS,
     .bound = {ULP("X@GRAD", 2)}},
    {.op = "cross_entropy_grad", .name = "soft", SOFT, .ROWS,
     .in = {{"Label", SHAPE(DIM_N, DIM_M), UNIFORM(0, 1)}, X_IN, ROW_GRAD},
     .bound = {SUM("X@GRAD", 1, frt_terms_2)}},
    {.op = "cross_entropy2", .name = "by_hand", LOG_BOUND, .in = {HAND_X, HAND_LABEL},
     .want = {{"Y", VALUES(LOG_HALF, LOG_3_4)}, {"MatchX", VALUES(.5, .75)}}},
    {.op = "cross_entropy2", .name = "ignored", LOG_BOUND, .attrs = {{"ignore_index", 1}},
     .in = {HAND_X, HAND_LABEL},
     .want = {{"Y", VALUES(LOG_HALF, 0)}, {"MatchX", VALUES(.5, 1)}}},
    {.op = "cross_entropy2", .name = "log_of_0_is_held", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(1, 2), VALUES(0, 1)}, {"Label", SHAPE(1, 1), VALUES(0), AS(FRT_I64)}},
     .want = {{"Y", VALUES(1e20)}, {"MatchX", VALUES(0)}}, .bound = {ULP("Y", 1)}},
    {.op = "cross_entropy2", .name = "rows", LOG_BOUND, .in = {X_IN, HARD_IN}, .ROWS},
    {.op = "cross_entropy_grad2", .name = "by_hand",
     .in = {HAND_LABEL, {"MatchX", SHAPE(2, 1), VALUES(.5, .75)},
            {"XShape", SHAPE(2, 2, 0), NO_DATA}, HAND_GRAD},
     .want = {{"X@GRAD", VALUES(-4, 0, 0, -4)}}},
    {.op = "cross_entropy_grad2", .name = "ignored", .attrs = {{"ignore_index", 0}},
     .in = {HAND_LABEL, {"MatchX", SHAPE(2, 1), VALUES(1, .75)},
            {"XShape", SHAPE(2, 2, 0), NO_DATA}, HAND_GRAD},
     .want = {{"X@GRAD", VALUES(0, 0, 0, -4)}}},
    {.op = "cross_entropy_grad2", .name = "rows", .ROWS, .bound = {ULP("X@GRAD", 2)},
     .in = {HARD_IN, {"MatchX", SHAPE(DIM_N, 1), UNIFORM(0.2, 1)},
            {"XShape", SHAPE(DIM_N, DIM_M, 0), NO_DATA}, ROW_GRAD}},
    {.op = SIGMOID, .name = "log_2", .bound = {SUM("Out", 1, logit_terms)},
     .in = {{"X", SHAPE(2), VALUES(0)}, {"Label", SHAPE(2), VALUES(0, 1)}},
     .want = {{"Out", VALUES(LOG_HALF)}}},
    {.op = SIGMOID, .name = "large", .bound = {SUM("Out", 1, logit_terms)},
     .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(4), VALUES(1000, -1000, 1000, -1000)},
            {"Label", SHAPE(4), VALUES(0, 0, 1, 1)}},
     .want = {{"Out", VALUES(1000, 0, 0, 1000)}}},
    {.op = SIGMOID, .name = "ignored", .attrs = {{"ignore_index", 1}, {"normalize", 1}},
     .bound = {SUM("Out", 1, logit_terms)},
     .in = {{"X", SHAPE(4), VALUES(0, 5, 0, 3)}, {"Label", SHAPE(4), VALUES(0, 1, 0, 1)}},
     .want = {{"Out", VALUES(LOG_HALF / 2, 0, LOG_HALF / 2, 0)}}},
    {.op = SIGMOID, .name = "all_ignored", .attrs = {{"ignore_index", 1}, {"normalize", 1}},
     .in = {{"X", SHAPE(2), VALUES(2, 5)}, {"Label", SHAPE(2), VALUES(1)}},
     .want = {{"Out", VALUES(0)}}},
    {.op = SIGMOID, .name = "length", .in = {PAIR("X", "Label", UNIFORM(-6, 6))}, .LENGTHS,
     .bound = {SUM("Out", 1, logit_terms)}},
    {.op = SIGMOID, .name = "normalized", .in = {PAIR("X", "Label", UNIFORM(-6, 6))}, .LENGTHS,
     .attrs = {{"normalize", 1}}, .bound = {SUM("Out", 1, logit_terms)}},
    {.op = SIGMOID "_grad", .name = "by_hand",
     .in = {{"Label", SHAPE(3), VALUES(0, 1, -100)}, {"Out@GRAD", SHAPE(3), VALUES(4)},
            {"X", SHAPE(3), VALUES(0)}},
     .want = {{"X@GRAD", VALUES(2, -2, 0)}}},
    /* Two of four labels count: (sigmoid(0) - label) * 4 / 2. */
    {.op = SIGMOID "_grad", .name = "ignored", .attrs = {{"ignore_index", 1}, {"normalize", 1}},
     .in = {{"Label", SHAPE(4), VALUES(0, 1, 0, 1)}, {"Out@GRAD", SHAPE(4), VALUES(4)},
            {"X", SHAPE(4), VALUES(0)}},
     .want = {{"X@GRAD", VALUES(1, 0, 1, 0)}}},
    {.op = SIGMOID "_grad", .name = "normalized", .bound = {SUM("X@GRAD", 1, sigmoid_terms)},
     .in = {PAIR("X", "Label", UNIFORM(-6, 6)), {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}},
     .attrs = {{"normalize", 1}}, .LENGTHS},
    {.op = SIGMOID "_grad", .name = "length", .bound = {SUM("X@GRAD", 1, sigmoid_terms)},
     .in = {PAIR("X", "Label", UNIFORM(-6, 6)), {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}},
     .LENGTHS},
    {.op = "huber_loss", .name = "by_hand", .attrs = {{"delta", 2}},
     .in = {{"X", SHAPE(4), VALUES(1, 1, 1, 1)}, {"Y", SHAPE(4), VALUES(2, 3, 5, -3)}},
     .want = {{"Residual", VALUES(1, 2, 4, -4)}, {"Out", VALUES(.5, 2, 6, 6)}}},
    {.op = "huber_loss", .name = "length", .attrs = {{"delta", 0.5}},
     .in = {PAIR("X", "Y", UNIFORM(-2, 2))}, .LENGTHS,
     .bound = {EXACT("Residual"), SUM("Out", 1, huber_terms)}},
    {.op = "huber_loss_grad", .name = "by_hand", .attrs = {{"delta", 2}},
     .in = {{"Out@GRAD", SHAPE(4), VALUES(1, 3, 1, 1)},
            {"Residual", SHAPE(4), VALUES(1, -1, 5, -5)}},
     .want = {{"X@GRAD", VALUES(-1, 3, -2, 2)}, {"Y@GRAD", VALUES(1, -3, 2, -2)}}},
    {.op = "huber_loss_grad", .name = "length", .attrs = {{"delta", 0.5}},
     .in = {{"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}, {"Residual", SHAPE(DIM_N), UNIFORM(-2, 2)}},
     .LENGTHS},
    {.op = "huber_loss_grad", .name = "only_y", .attrs = {{"delta", 2}}, .without = {"X@GRAD"},
     .in = {{"Out@GRAD", SHAPE(2), VALUES(3)}, {"Residual", SHAPE(2), VALUES(1, 9)}},
     .want = {{"Y@GRAD", VALUES(3, 6)}}},
    {.op = "smooth_l1_loss", .name = "by_hand",
     .in = {{"X", SHAPE(2, 2), VALUES(1, 0, 3, -3)}, {"Y", SHAPE(2, 2), VALUES(.5, 3, 3, -3.5)}},
     .want = {{"Diff", VALUES(.5, -3, 0, .5)}, {"Out", VALUES(2.625, .125)}}},
    {.op = "smooth_l1_loss", .name = "sigma_2", .attrs = {{"sigma", 2}}, /* up to 1/4 */
     .in = {{"X", SHAPE(2, 2), VALUES(.125, 0, 1, 0)}, {"Y", SHAPE(2, 2), VALUES(0, 0, 0, 0)}},
     .want = {{"Out", VALUES(.03125, .875)}}},
    {.op = "smooth_l1_loss", .name = "rows", SMOOTH_BOUND, .in = {SMOOTH_IN}, .ROWS},
    {.op = "smooth_l1_loss", .name = "weighted", SMOOTH_BOUND, .in = {SMOOTH_IN, WEIGHTS},
     .attrs = {{"sigma", 1.5}}, .ROWS},
    {.op = "smooth_l1_loss", .name = "rank_3", SMOOTH_BOUND,
     .in = {{"X", SHAPE(3, 5, 7), UNIFORM(-2, 2)}, {"Y", SHAPE(3, 5, 7), UNIFORM(-2, 2)}}},
    {.op = "smooth_l1_loss_grad", .name = "by_hand",
     .in = {{"Diff", SHAPE(2, 2), VALUES(.5, -3, 0, 4)}, {"Out@GRAD", SHAPE(2, 1), VALUES(2, 3)}},
     .want = {{"X@GRAD", VALUES(1, -2, 0, 3)}, {"Y@GRAD", VALUES(-1, 2, 0, -3)}}},
    {.op = "smooth_l1_loss_grad", .name = "rows", SMOOTH_GRAD_BOUND, .attrs = {{"sigma", 1.5}},
     .in = {{"Diff", SHAPE(DIM_N, DIM_M), UNIFORM(-2, 2)}, WEIGHTS,
            {"Out@GRAD", SHAPE(DIM_N, 1), UNIFORM(-1, 1)}},
     .ROWS},
    {.op = "log_loss", .name = "log_2", .attrs = {{"epsilon", 0}},
     .bound = {SUM("Loss", 1, log_loss_terms)},
     .in = {{"Predicted", SHAPE(2, 1), VALUES(.5)}, {"Labels", SHAPE(2, 1), VALUES(0, 1)}},
     .want = {{"Loss", VALUES(LOG_HALF)}}},
    {.op = "log_loss", .name = "length", .attrs = {{"epsilon", 1e-4}}, .LENGTHS,
     .bound = {SUM("Loss", 1, log_loss_terms)},
     .in = {PAIR("Predicted", "Labels", UNIFORM(0.2, 0.8))}},
    {.op = "log_loss", .name = "sure", .attrs = {{"epsilon", 1e-4}}, .flags = FRT_CASE_ROUGH,
     .bound = {SUM("Loss", 1, log_loss_terms)},
     .in = {{"Predicted", SHAPE(4, 1), VALUES(0, 1, 0, 1)},
            {"Labels", SHAPE(4, 1), VALUES(0, 0, 1, 1)}}},
    {.op = "log_loss_grad", .name = "by_hand", .attrs = {{"epsilon", 0}},
     .in = {{"Labels", SHAPE(2, 1), VALUES(0, 1)}, {"Loss@GRAD", SHAPE(2, 1), VALUES(3)},
            {"Predicted", SHAPE(2, 1), VALUES(.5, .25)}},
     .want = {{"Predicted@GRAD", VALUES(6, -12)}}},
    {.op = "log_loss_grad", .name = "length", .attrs = {{"epsilon", 1e-4}}, .LENGTHS,
     .bound = {SUM("Predicted@GRAD", 1, log_loss_grad_terms)},
     .in = {PAIR("Predicted", "Labels", UNIFORM(0.2, 0.8)),
            {"Loss@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}}},
    {0}};
