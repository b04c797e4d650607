/* Shapes and attributes of the loss ops. */
#include "infer.h"

static void cross_entropy_wants_one_label_a_row(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "cross_entropy");
  IN(&o, "X", FRT_F32, -1, 10);
  IN(&o, "Label", FRT_I64, 8, 1);
  accepts(&o);
  OUT(&o, "Y", FRT_F32, 8, 1);
  op_init(&o, "cross_entropy");
  IN(&o, "X", FRT_F32, 8, 3, 10);
  IN(&o, "Label", FRT_I64, 8, 3);
  accepts(&o);
  OUT(&o, "Y", FRT_F32, 8, 3);
  SET_INT(&o, "soft_label", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Label has dtype int64; wanted float32 as soft_label is true");
  op_init(&o, "cross_entropy");
  IN(&o, "X", FRT_F32, 8, 10);
  IN(&o, "Label", FRT_I64, 7, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "Label has shape [7, 1]; wanted [8, 1], one label a row, "
                                    "as X has shape [8, 10]");
}

static void cross_entropy_wants_labels_of_its_kind(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "cross_entropy");
  IN(&o, "X", FRT_F32, 8, 10);
  IN(&o, "Label", FRT_F32, 8, 10);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Label has dtype float32; wanted int64 as soft_label is false");
  SET_INT(&o, "soft_label", 1);
  accepts(&o);
  OUT(&o, "Y", FRT_F32, 8, 1);
  op_init(&o, "cross_entropy");
  IN(&o, "X", FRT_F32, 8, 0);
  IN(&o, "Label", FRT_F32, 8, 0);
  SET_INT(&o, "soft_label", 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [8, 0]; wanted [..., classes]");
  op_init(&o, "cross_entropy_grad");
  IN(&o, "Label", FRT_I64, 8, 1);
  IN(&o, "X", FRT_F32, 8, 10);
  IN(&o, "Y@GRAD", FRT_F32, 8);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y@GRAD has shape [8]; wanted [8, 1], the shape of Y");
}

static void cross_entropy2_notes_the_dims_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "cross_entropy2");
  IN(&o, "X", FRT_F32, 6, 5);
  IN(&o, "Label", FRT_I64, 6, 1);
  accepts(&o);
  OUT(&o, "Y", FRT_F32, 6, 1);
  OUT(&o, "XShape", FRT_F32, 6, 5, 0);
  OUT(&o, "MatchX", FRT_F32, 6, 1);
  op_init(&o, "cross_entropy2");
  IN(&o, "X", FRT_F32, 1, 1, 1, 1, 1, 1, 1, 1, 5);
  IN(&o, "Label", FRT_I64, 1, 1, 1, 1, 1, 1, 1, 1, 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X has shape [1, 1, 1, 1, 1, 1, 1, 1, 5]; wanted rank 8 at most");
  op_init(&o, "cross_entropy_grad2");
  IN(&o, "Label", FRT_I64, 6, 1);
  IN(&o, "MatchX", FRT_F32, 6, 1);
  IN(&o, "XShape", FRT_F32, 6, 5, 0);
  IN(&o, "Y@GRAD", FRT_F32, 6, 1);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 6, 5);
  o.in_shapes[2][0].rank = 1;
  refuses(&o, FRT_INVALID_ARGUMENT, "XShape has shape [6]; wanted the dims of X, then 0");
}

static void pairs_want_one_shape(void **state) {
  static const struct { const char *op, *a, *b, *message; } rows[] = {
      {"sigmoid_cross_entropy_with_logits", "X", "Label",
       "Label has shape [4, 2]; wanted [4, 3], the shape of X"},
      {"huber_loss", "X", "Y", "Y has shape [4, 2]; wanted [4, 3], the shape of X"},
      {"smooth_l1_loss", "X", "Y", "Y has shape [4, 2]; wanted [4, 3], the shape of X"},
      {"log_loss", "Predicted", "Labels",
       "Labels has shape [4, 2]; wanted [4, 3], the shape of Predicted"}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    op_t o;
    op_init(&o, rows[i].op);
    IN(&o, rows[i].a, FRT_F32, 4, 3);
    IN(&o, rows[i].b, FRT_F32, 4, 2);
    refuses(&o, FRT_INVALID_ARGUMENT, rows[i].message);
  }
}

static void smooth_l1_loss_wants_a_width_and_both_weights(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "smooth_l1_loss");
  IN(&o, "X", FRT_F32, 4, 3, 2);
  IN(&o, "Y", FRT_F32, 4, 3, 2);
  accepts(&o);
  OUT(&o, "Diff", FRT_F32, 4, 3, 2);
  OUT(&o, "Out", FRT_F32, 4, 1);
  SET_F32(&o, "sigma", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "sigma is 0; wanted a number > 0");
  SET_F32(&o, "sigma", 1);
  IN(&o, "InsideWeight", FRT_F32, 4, 3, 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "OutsideWeight is absent; wanted both weights or none");
  IN(&o, "OutsideWeight", FRT_F32, 4, 3, 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "OutsideWeight has shape [4, 3, 1]; wanted [4, 3, 2], the shape of X");
  op_init(&o, "smooth_l1_loss");
  IN(&o, "X", FRT_F32, 4);
  IN(&o, "Y", FRT_F32, 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [4]; wanted rank 2 at least");
}

static void gradients_want_the_shape_of_what_they_belong_to(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "smooth_l1_loss_grad");
  IN(&o, "Diff", FRT_F32, 4, 3);
  IN(&o, "Out@GRAD", FRT_F32, 4, 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "Out@GRAD has shape [4, 3]; wanted [4, 1], the shape of Out");
  op_init(&o, "huber_loss_grad");
  IN(&o, "Residual", FRT_F32, 4, 3);
  IN(&o, "Out@GRAD", FRT_F32, 4);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [4]; wanted [4, 3], the shape of Residual");
  op_init(&o, "log_loss_grad");
  IN(&o, "Labels", FRT_F32, 4, 1);
  IN(&o, "Predicted", FRT_F32, 4, 1);
  IN(&o, "Loss@GRAD", FRT_F32, 4);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Loss@GRAD has shape [4]; wanted [4, 1], the shape of Predicted");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cross_entropy_wants_one_label_a_row),
      cmocka_unit_test(cross_entropy_wants_labels_of_its_kind),
      cmocka_unit_test(cross_entropy2_notes_the_dims_of_x),
      cmocka_unit_test(pairs_want_one_shape),
      cmocka_unit_test(smooth_l1_loss_wants_a_width_and_both_weights),
      cmocka_unit_test(gradients_want_the_shape_of_what_they_belong_to)};
  return cmocka_run_group_tests_name("loss shapes", tests, NULL, NULL);
}
