/* Texts: growing, numbers, JSON, the nearest name. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/base.h"

static const char *f32(frti_str_t *s, float v) {
  frti_str_release(s);
  frti_str_add_f32(s, v);
  return s->text;
}

static const char *f64(frti_str_t *s, double v) {
  frti_str_release(s);
  frti_str_add_f64(s, v);
  return s->text;
}

static void texts_grow(void **state) {
  FRTI_UNUSED(state);
  frti_str_t s = {0};
  for (int i = 0; i < 1000; ++i) frti_str_addf(&s, "%d,", i % 10);
  assert_int_equal(s.len, 2000);
  assert_int_equal(strlen(s.text), 2000);
  frti_str_add_n(&s, "a\0b", 3);
  assert_int_equal(s.len, 2003);
  assert_int_equal(s.text[2003], 0);
  frti_str_release(&s);
  assert_null(s.text);
}

static void floats_are_short_and_exact(void **state) {
  FRTI_UNUSED(state);
  frti_str_t s = {0};
  assert_string_equal(f32(&s, 0.1f), "0.1");
  assert_string_equal(f32(&s, 1.0f), "1");
  assert_string_equal(f32(&s, -0.0f), "-0");
  assert_string_equal(f32(&s, 0.001f), "0.001");
  assert_string_equal(f32(&s, FLT_MAX), "3.4028235e+38");
  assert_string_equal(f32(&s, 1e-45f), "1e-45");
  assert_string_equal(f32(&s, NAN), "nan");
  assert_string_equal(f32(&s, INFINITY), "inf");
  assert_string_equal(f32(&s, -INFINITY), "-inf");
  assert_string_equal(f64(&s, 0.1), "0.1");
  assert_string_equal(f64(&s, 0.1f), "0.10000000149011612");
  assert_string_equal(f64(&s, 5e-324), "5e-324");
  assert_string_equal(f64(&s, -NAN), "nan");
  uint32_t bits = 12345;
  for (int i = 0; i < 20000; ++i) {
    float v;
    bits = bits * 1664525u + 1013904223u;
    memcpy(&v, &bits, sizeof v);
    if (isfinite(v)) assert_true(strtof(f32(&s, v), NULL) == v);
  }
  frti_str_release(&s);
}

static void no_locale_changes_the_point(void **state) {
  FRTI_UNUSED(state);
  frti_str_t s = {0};
  const char *places[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
  for (size_t i = 0; i < FRTI_COUNT(places); ++i) {
    if (!setlocale(LC_ALL, places[i])) continue; /* not every machine has them */
    assert_string_equal(f32(&s, 1.5f), "1.5");
    assert_string_equal(f64(&s, -2.5e-7), "-2.5e-07");
  }
  setlocale(LC_ALL, "C");
  frti_str_release(&s);
}

static void json_is_escaped(void **state) {
  FRTI_UNUSED(state);
  frti_str_t s = {0};
  frti_str_add_json(&s, "a\"b\\c\n\t\x1b[31m\x7f\xc3\xa4");
  assert_string_equal(s.text, "\"a\\\"b\\\\c\\n\\t\\u001b[31m\\u007f\xc3\xa4\"");
  frti_str_release(&s);
}

static void dims_read_like_lists(void **state) {
  FRTI_UNUSED(state);
  char text[64], small[8];
  assert_string_equal(frti_dims_text(text, sizeof text, 2, (int64_t[]){2, 3}), "[2, 3]");
  assert_string_equal(frti_dims_text(text, sizeof text, 2, (int64_t[]){-1, 3}), "[-1, 3]");
  assert_string_equal(frti_dims_text(text, sizeof text, 1, (int64_t[]){5}), "[5]");
  assert_string_equal(frti_dims_text(text, sizeof text, 0, NULL), "[]");
  assert_string_equal(frti_dims_text(small, sizeof small, 3, (int64_t[]){10, 20, 30}),
                      "[10,...");
}

static void the_nearest_name_is_alike(void **state) {
  FRTI_UNUSED(state);
  frti_nearest_t n = {.wanted = "los"};
  frti_nearest_offer(&n, "accuracy");
  assert_null(n.best);
  frti_nearest_offer(&n, "loss");
  frti_nearest_offer(&n, "lost");
  assert_string_equal(n.best, "loss");
  assert_int_equal(n.distance, 1);
  n = (frti_nearest_t){.wanted = "fc_0.w_0"};
  frti_nearest_offer(&n, "fc_1.b_0");
  frti_nearest_offer(&n, "fc_1.w_0");
  frti_nearest_offer(&n, "");
  assert_string_equal(n.best, "fc_1.w_0");
  n = (frti_nearest_t){.wanted = "x"};
  frti_nearest_offer(&n, "y");
  assert_null(n.best);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_grow),
      cmocka_unit_test(floats_are_short_and_exact),
      cmocka_unit_test(no_locale_changes_the_point),
      cmocka_unit_test(json_is_escaped),
      cmocka_unit_test(dims_read_like_lists),
      cmocka_unit_test(the_nearest_name_is_alike),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
