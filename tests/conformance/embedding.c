#include "runner/case.h"

#include <stdlib.h>

/* Rows are moved: exact. Gradients: k rows that meet make k - 1 roundings; k at most is
 * how often the most frequent id occurs. */
static double most_repeats(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t ids = frt_case_in(v, "Ids");
  double *count = calloc((size_t)out->dims[0] + 1, sizeof *count), most = 1;
  for (int64_t i = 0; count && i < ids.numel; ++i) {
    double *c = &count[(int64_t)ids.d[i]];
    if (++*c > most) most = *c;
  }
  free(count);
  return most - 1;
}

/* DIM_N ids into DIM_M rows (at least 5) of DIM_K. */
#define W_IN(...) {"W", SHAPE(DIM_M, DIM_K), __VA_ARGS__}
#define IDS1 {"Ids", SHAPE(DIM_N, 1), WHOLE(0, 4), AS(FRT_I64)}
#define IDS2 {"Ids", SHAPE(DIM_N), WHOLE(0, 4), AS(FRT_I64)}
#define WIDE SIZES({1, 5, 1}, {2, 6, 3}, {31, 17, 16}, {257, 11, 17}, {1031, 64, 33}, \
                   {300, 4096, 64}, {0, 5, 4}, {3, 5, 0})
#define HAND_W {"W", SHAPE(3, 2), VALUES(1, 2, 3, 4, 5, 6)}
#define HAND_IDS {"Ids", SHAPE(4, 1), VALUES(2, 0, 2, 1), AS(FRT_I64)}
#define HAND_G {"Out@GRAD", SHAPE(4, 2), VALUES(1, 10, 2, 20, 4, 40, 8, 80)}
#define G_IN {"Out@GRAD", SHAPE(DIM_N, DIM_K), UNIFORM(-1, 1)}
/* The table has three rows. */
#define NO_ROW .flags = FRT_CASE_OUT_OF_RANGE, .SIZES({-2}, {3}, {0x7fffffff})
#define PADDING(id) .attrs = {{"padding_idx", id}}
#define ADDED .bound = {SUM("W@GRAD", 1, most_repeats)}

FRT_CASES(embedding) = {
    {.op = "lookup_table", .name = "by_hand", .in = {HAND_W, HAND_IDS},
     .want = {{"Out", VALUES(5, 6, 1, 2, 5, 6, 3, 4)}}},
    {.op = "lookup_table", .name = "padding", PADDING(2), .in = {HAND_W, HAND_IDS},
     .want = {{"Out", VALUES(0, 0, 1, 2, 0, 0, 3, 4)}}},
    {.op = "lookup_table", .name = "rows", .in = {W_IN(UNIFORM(-1, 1)), IDS1}, .WIDE},
    {.op = "lookup_table", .name = "rows_with_padding", PADDING(0),
     .in = {W_IN(UNIFORM(-1, 1)), IDS1}, .WIDE},
    {.op = "lookup_table", .name = "sparse_is_dense", .attrs = {{"is_sparse", 1}},
     .in = {HAND_W, HAND_IDS}, .want = {{"Out", VALUES(5, 6, 1, 2, 5, 6, 3, 4)}}},
    {.op = "lookup_table_v2", .name = "sparse_is_dense", .attrs = {{"is_sparse", 1}},
     .in = {HAND_W, {"Ids", SHAPE(2), VALUES(1, 0), AS(FRT_I64)}},
     .want = {{"Out", VALUES(3, 4, 1, 2)}}},
    {.op = "lookup_table_v2_grad", .name = "sparse_is_dense", .attrs = {{"is_sparse", 1}},
     .in = {{"Ids", SHAPE(4), VALUES(2, 0, 2, 1), AS(FRT_I64)}, HAND_G,
            {"W", SHAPE(3, 2), NO_DATA}},
     .want = {{"W@GRAD", VALUES(2, 20, 8, 80, 5, 50)}}},
    {.op = "lookup_table", .name = "rank_3",
     .in = {{"W", SHAPE(5, 4), UNIFORM(-1, 1)}, {"Ids", SHAPE(3, 7, 1), WHOLE(0, 4), AS(FRT_I64)}}},
    {.op = "lookup_table", .name = "no_row", NO_ROW,
     .in = {HAND_W, {"Ids", SHAPE(4, 1), VALUES(2, DIM_N, 0, 1), AS(FRT_I64)}}},
    {.op = "lookup_table_v2", .name = "no_row", NO_ROW,
     .in = {HAND_W, {"Ids", SHAPE(2, 2), VALUES(2, DIM_N, 0, 1), AS(FRT_I64)}}},
    {.op = "lookup_table_grad", .name = "no_row", NO_ROW,
     .in = {{"Ids", SHAPE(4, 1), VALUES(2, DIM_N, 0, 1), AS(FRT_I64)}, HAND_G,
            {"W", SHAPE(3, 2), NO_DATA}}},
    {.op = "lookup_table_v2_grad", .name = "no_row", NO_ROW,
     .in = {{"Ids", SHAPE(4), VALUES(2, DIM_N, 0, 1), AS(FRT_I64)}, HAND_G,
            {"W", SHAPE(3, 2), NO_DATA}}},
    {.op = "lookup_table_grad", .name = "by_hand",
     .in = {HAND_IDS, HAND_G, {"W", SHAPE(3, 2), NO_DATA}},
     .want = {{"W@GRAD", VALUES(2, 20, 8, 80, 5, 50)}}},
    {.op = "lookup_table_grad", .name = "padding", PADDING(2),
     .in = {HAND_IDS, HAND_G, {"W", SHAPE(3, 2), NO_DATA}},
     .want = {{"W@GRAD", VALUES(2, 20, 8, 80, 0, 0)}}},
    {.op = "lookup_table_grad", .name = "sparse_is_dense", .attrs = {{"is_sparse", 1}},
     .in = {HAND_IDS, HAND_G, {"W", SHAPE(4, 2), NO_DATA}},
     .want = {{"W@GRAD", VALUES(2, 20, 8, 80, 5, 50, 0, 0)}}},
    {.op = "lookup_table_grad", .name = "rows", ADDED, .in = {IDS1, G_IN, W_IN(NO_DATA)}, .WIDE},
    {.op = "lookup_table_v2", .name = "by_hand",
     .in = {HAND_W, {"Ids", SHAPE(2, 2), VALUES(2, 0, 2, 1), AS(FRT_I64)}},
     .want = {{"Out", VALUES(5, 6, 1, 2, 5, 6, 3, 4)}}},
    {.op = "lookup_table_v2", .name = "padding", PADDING(1),
     .in = {HAND_W, {"Ids", SHAPE(2), VALUES(1, 0), AS(FRT_I64)}},
     .want = {{"Out", VALUES(0, 0, 1, 2)}}},
    {.op = "lookup_table_v2", .name = "rows", .in = {W_IN(UNIFORM(-1, 1)), IDS2}, .WIDE},
    {.op = "lookup_table_v2_grad", .name = "by_hand",
     .in = {{"Ids", SHAPE(2, 2), VALUES(2, 0, 2, 1), AS(FRT_I64)},
            {"Out@GRAD", SHAPE(2, 2, 2), VALUES(1, 10, 2, 20, 4, 40, 8, 80)},
            {"W", SHAPE(3, 2), NO_DATA}},
     .want = {{"W@GRAD", VALUES(2, 20, 8, 80, 5, 50)}}},
    {.op = "lookup_table_v2_grad", .name = "rows_with_padding", ADDED, PADDING(3),
     .in = {IDS2, G_IN, W_IN(NO_DATA)}, .WIDE},
    {0}};
