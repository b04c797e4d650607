#include "runner/case.h"

/* A product and a difference: two roundings, or one when fused. */

FRT_CASES(optimizer) = {
    {.op = "sgd", .name = "by_hand",
     .in = {{"Param", SHAPE(3), VALUES(1, 2, 3)}, {"Grad", SHAPE(3), VALUES(4, -8, 0)},
            {"LearningRate", SHAPE(1), VALUES(.25)}},
     .want = {{"ParamOut", VALUES(0, 4, 3)}}},
    {.op = "sgd", .name = "lengths", .bound = {SUM("ParamOut", 1, frt_terms_2)}, .LENGTHS,
     .in = {{"Param", SHAPE(DIM_N), UNIFORM(-1, 1)}, {"Grad", SHAPE(DIM_N), UNIFORM(-3, 3)},
            {"LearningRate", SHAPE(1), VALUES(.037)}}},
    {.op = "sgd", .name = "matrix", .bound = {SUM("ParamOut", 1, frt_terms_2)},
     .in = {{"Param", SHAPE(17, 31), UNIFORM(-1, 1)}, {"Grad", SHAPE(17, 31), UNIFORM(-3, 3)},
            {"LearningRate", SHAPE(1), VALUES(.5)}}},
    {0}};
