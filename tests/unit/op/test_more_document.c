/* The description of ops: everything that a schema can say, and numbers JSON cannot. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fluidrt/op.h"
#include "fluidrt/program.h"

static void holds(const char *text, const char *word) {
  if (!strstr(text, word)) fail_msg("no '%s' in:\n%s", word, text);
}

static char *document(const frt_op_schema_t *s, int json) {
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  if (frt_op_document(s, json, &text, &err) != FRT_OK) fail_msg("%s", err.message);
  return text;
}

static const frt_op_schema_t odd = {
    .type = "acme.odd", .doc = "Out = \"odd\" of X\\Y.", .source = "a test",
    .flags = FRT_OP_RANDOM | FRT_OP_DATA_SHAPE | FRT_OP_VIEW | FRT_OP_EXTENSION,
    .inputs = {{"X", FRT_FLOATS, FRT_SLOT_OPTIONAL | FRT_SLOT_VARIADIC, "any shape", NULL},
               {"Y", FRT_I64S, FRT_SLOT_SHAPE_ONLY | FRT_SLOT_REFUSED, "any", NULL}},
    .outputs = {{"Out", FRT_FLOATS, 0, "shape of X", "X"},
                {"Seen", FRT_BOOLS, FRT_SLOT_INTERMEDIATE, "any", NULL}},
    .attrs = {{"i", FRT_ATTR_INT, FRT_ATTR_DEFAULT | FRT_ATTR_LIST_TOO, "an int", 7, NULL, 0, 0},
              {"f", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "a float", 0.1, NULL, 0, 0},
              {"up", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "a float", INFINITY, NULL, 0, 0},
              {"down", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "a float", -INFINITY, NULL, 0, 0},
              {"none", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "a float", NAN, NULL, 0, 0},
              {"r", FRT_ATTR_F32, FRT_ATTR_RANGE, "a range", 0, NULL, 0, 1},
              {"s", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, "a string", 0, "te\"xt", 0, 0},
              {"e", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, "empty", 0, NULL, 0, 0},
              {"is", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "ints", 0, NULL, 0, 0},
              {"fs", FRT_ATTR_F32S, FRT_ATTR_DEFAULT, "floats", 0, NULL, 0, 0},
              {"ss", FRT_ATTR_STRINGS, FRT_ATTR_IGNORED, "strings", 0, NULL, 0, 0},
              {"b", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "a bool", 1, NULL, 0, 0},
              {"block", FRT_ATTR_BLOCK, 0, "a block", 0, NULL, 0, 0},
              {"strange", 77, 0, "of no type", 0, NULL, 0, 0}},
    .grad = FRT_NO_GRAD};

static void json_quotes_what_is_no_number(void **state) {
  char *text = document(&odd, 1);
  (void)state;
  holds(text, "\"inf\"");
  holds(text, "\"-inf\"");
  holds(text, "\"nan\"");
  holds(text, "\\\"odd\\\"");
  holds(text, "te\\\"xt");
  holds(text, "\"?\"");
  holds(text, "0.1");
  frt_free(text);
}

static void every_flag_has_a_word(void **state) {
  static const char *const words[] = {"random",     "data shape", "view",    "extension",
                                      "optional",   "variadic",   "shape only", "refused",
                                      "intermediate", "list too", "ignored"};
  (void)state;
  for (int json = 0; json < 2; ++json) {
    char *text = document(&odd, json);
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) holds(text, words[i]);
    frt_free(text);
  }
}

static void an_update_op_says_so(void **state) {
  char *text = document(frt_op_find("sgd"), 1), *view = document(frt_op_find("reshape2"), 1);
  (void)state;
  holds(text, "\"optimizer\"");
  holds(text, "not differentiable");
  holds(view, "\"view\"");
  holds(view, "reshape2_grad");
  frt_free(text);
  frt_free(view);
}

static void the_registry_ends_where_it_ends(void **state) {
  (void)state;
  assert_null(frt_op_at(frt_op_count()));
  assert_null(frt_op_at(SIZE_MAX));
  assert_null(frt_op_find(""));
  assert_null(frt_op_find("zzz"));
  assert_null(frt_op_nearest("nothing of the kind at all"));
  for (size_t i = 0; i < frt_op_count(); ++i)
    assert_ptr_equal(frt_op_at(i), frt_op_find(frt_op_at(i)->type));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(json_quotes_what_is_no_number),
                                     cmocka_unit_test(every_flag_has_a_word),
                                     cmocka_unit_test(an_update_op_says_so),
                                     cmocka_unit_test(the_registry_ends_where_it_ends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
