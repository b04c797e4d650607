/* Ids, labels and masks that point nowhere are named with their place and value, on every
 * provider, and nothing is written. */
#include "fixture.h"

enum { MAX_IN = 4 };

/* The last input in `in` is the one with the bad index; keep [2, 2] is the output. */
typedef struct fault {
  const char *op, *in, *out;
  struct { const char *name; int32_t dtype; uint32_t rank; int64_t dims[3]; } var[MAX_IN];
  int64_t index[2]; /* of the variable "i" */
  const char *message;
} fault_t;

#define F(name, ...) \
  {name, FRT_F32, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}
#define I(...) \
  {"i", FRT_I64, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}
#define ROWS "W=a;Ids=i"
#define ROWS_BACK "W=a;Out@GRAD=b;Ids=i"
#define TABLE {F("a", 3, 2), I(2, 1)}
#define IDS(where, value) "Ids: position " where " is " value "; wanted 0 to "
#define LABEL(where, value) "Label: row " where " is " value "; wanted 0 to 1, or ignore_index -100"

static const fault_t faults[] = {
    {"lookup_table", ROWS, "Out=keep", TABLE, {0, 3}, IDS("1", "3") "2"},
    {"lookup_table", ROWS, "Out=keep", TABLE, {-2, 0}, IDS("0", "-2") "2"},
    {"lookup_table", ROWS, "Out=keep", TABLE, {0, 4294967296}, IDS("1", "4294967296") "2"},
    {"lookup_table", ROWS, "Out=keep", TABLE, {INT64_MIN, 0},
     IDS("0", "-9223372036854775808") "2"},
    {"lookup_table", ROWS, "Out=keep", TABLE, {0, INT64_MAX},
     IDS("1", "9223372036854775807") "2"},
    {"lookup_table_v2", ROWS, "Out=keep", {F("a", 3, 2), I(2)}, {-1, 0}, IDS("0", "-1") "2"},
    {"lookup_table_grad", ROWS_BACK, "W@GRAD=keep", {F("a", 2, 2), F("b", 2, 2), I(2, 1)},
     {0, 2}, IDS("1", "2") "1"},
    {"lookup_table_v2_grad", ROWS_BACK, "W@GRAD=keep", {F("a", 2, 2), F("b", 2, 2), I(2)},
     {0, 2}, IDS("1", "2") "1"},
    {"cross_entropy", "X=a;Label=i", "Y=keep", {F("a", 2, 2, 2), I(2, 2)}, {0, 2},
     LABEL("1", "2")},
    {"cross_entropy2", "X=a;Label=i", "Y=keep;MatchX=m", {F("a", 2, 2, 2), I(2, 2)}, {-1, 0},
     LABEL("0", "-1")},
    {"cross_entropy_grad", "X=a;Y@GRAD=b;Label=i", "X@GRAD=keep",
     {F("a", 2, 2), F("b", 2, 1), I(2, 1)}, {0, INT64_MIN}, LABEL("1", "-9223372036854775808")},
    {"cross_entropy_grad2", "MatchX=a;Y@GRAD=b;XShape=s;Label=i", "X@GRAD=keep",
     {F("a", 2, 1), F("b", 2, 1), F("s", 2, 2, 0), I(2, 1)}, {7, 0}, LABEL("0", "7")},
    {"select_input", "X=a,b;Mask=i", "Out=keep",
     {F("a", 2, 2), F("b", 2, 2), {"i", FRT_I32, 1, {1}}}, {2, 0},
     "Mask: position 0 is 2; wanted 0 to 1"},
    {"select_input", "X=a,b;Mask=i", "Out=keep",
     {F("a", 2, 2), F("b", 2, 2), {"i", FRT_I32, 1, {1}}}, {-1, 0},
     "Mask: position 0 is -1; wanted 0 to 1"}};

/* Ones everywhere, but for the first two indices. */
static frt_tensor_t *tensor(const fault_t *c, int k) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(c->var[k].dtype, c->var[k].rank, c->var[k].dims, &t, &err));
  int64_t n = 1;
  for (uint32_t d = 0; d < c->var[k].rank; ++d) n *= c->var[k].dims[d];
  for (int64_t i = 0; i < n; ++i)
    if (c->var[k].dtype == FRT_F32) ((float *)frt_tensor_data(t))[i] = 1;
    else if (c->var[k].dtype == FRT_I32) *(int32_t *)frt_tensor_data(t) = (int32_t)c->index[0];
    else ((int64_t *)frt_tensor_data(t))[i] = i < 2 ? c->index[i] : 0;
  return t;
}

static frt_tensor_t *fives(void) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(FRT_F32, 2, (const int64_t[]){2, 2}, &t, &err));
  for (int i = 0; i < 4; ++i) ((float *)frt_tensor_data(t))[i] = 5;
  return t;
}

static void check(fixture_t *f, const fault_t *c, const char *place) {
  frt_error_t err = FRT_ERROR_INIT, fault = FRT_ERROR_INIT;
  frt_tensor_t *fed[MAX_IN], *keep = fives();
  frt_feed_t feed[MAX_IN];
  frt_program_t *p;
  frt_executor_t *exe;
  size_t n = 0;
  OK(frt_program_create(&p, &err));
  for (; n < MAX_IN && c->var[n].name; ++n) {
    add_var(p, 0, c->var[n].name, c->var[n].dtype, c->var[n].rank, c->var[n].dims, 0);
    feed[n] = (frt_feed_t){c->var[n].name, fed[n] = tensor(c, (int)n)};
  }
  add_var(p, 0, "keep", FRT_F32, 2, (const int64_t[]){2, 2}, 1);
  add_var(p, 0, "m", FRT_F32, 2, (const int64_t[]){2, 2}, 0);
  add_op(p, 0, c->op, c->in, c->out);
  OK(frt_scope_set(f->scope, "keep", keep, &err));
  frt_tensor_release(keep);
  OK(frt_executor_create(f->rt, place, NULL, &exe, &err));
  const frt_status_t status =
      frt_executor_run(exe, p, f->scope, feed, n, NULL, 0, NULL, NULL, &fault);
  if (status != FRT_OUT_OF_RANGE || !strstr(fault.message, c->message))
    fail_msg("%s on %s: %s: %s", c->op, place, frt_status_text(status), fault.message);
  assert_string_equal(fault.op_type, c->op);
  OK(frt_scope_get(f->scope, "keep", &keep, &err));
  for (int i = 0; i < 4; ++i) assert_true(((float *)frt_tensor_data(keep))[i] == 5);
  frt_tensor_release(keep);
  for (size_t i = 0; i < n; ++i) frt_tensor_release(fed[i]);
  frt_executor_release(exe);
  frt_program_release(p);
}

static void a_bad_index_is_named_and_nothing_is_written(void **state) {
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; ++i) {
    /* The reference computes in double, which holds 2^63 - 1 as 2^63; it saturates. */
    check(*state, &faults[i], "reference");
    check(*state, &faults[i], "cpu");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
      a_bad_index_is_named_and_nothing_is_written, setup, teardown) /* 3c: 107, 111 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
