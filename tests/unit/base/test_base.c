/* Memory, sizes, names, errors. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "base/fault.h"

static bool always(void) { return true; }

static void every_door_can_fail(void **state) {
  FRTI_UNUSED(state);
  frti_arena_t arena = {0};
  frti_str_t s = {0};
  int *array = NULL;
  size_t cap = 0;
  frti_alloc_fails = always;
  assert_null(frti_alloc(1));
  assert_null(frti_calloc(1, 1));
  assert_null(frti_realloc(NULL, 1));
  assert_null(frti_alloc_aligned(64, 64));
  assert_null(frti_strdup("a"));
  assert_null(frti_arena_alloc(&arena, 1));
  assert_false(FRTI_GROW(array, 0, cap));
  frti_str_add(&s, "text");
  assert_true(s.failed);
  frti_alloc_fails = NULL;
  frti_str_add(&s, "text");
  assert_null(s.text);
  frti_str_release(&s);
}

static void allocations_of_nothing_are_not_null(void **state) {
  FRTI_UNUSED(state);
  void *p[] = {frti_alloc(0), frti_calloc(0, 8), frti_realloc(NULL, 0),
               frti_alloc_aligned(0, 64)};
  for (size_t i = 0; i < FRTI_COUNT(p); ++i) {
    assert_non_null(p[i]);
    frti_free(p[i]);
  }
  assert_null(frti_calloc(SIZE_MAX, 2));
}

static void arrays_grow_and_keep_their_contents(void **state) {
  FRTI_UNUSED(state);
  int *array = NULL;
  size_t cap = 0;
  for (int i = 0; i < 1000; ++i) {
    assert_true(FRTI_GROW(array, (size_t)i, cap));
    array[i] = i;
  }
  for (int i = 0; i < 1000; ++i) assert_int_equal(array[i], i);
  assert_true(cap >= 1000);
  frti_free(array);
  size_t huge = SIZE_MAX / 2;
  void *none = NULL;
  assert_false(frti_grow(&none, huge, &huge, 8));
}

static void arena_pieces_are_aligned_and_limited(void **state) {
  FRTI_UNUSED(state);
  frti_arena_t a = {.limit = 1 << 20};
  for (size_t n = 0; n < 300; ++n) {
    uint8_t *p = frti_arena_alloc(&a, n);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    memset(p, 0xff, n);
  }
  uint8_t *zero = frti_arena_calloc(&a, 100, 7);
  for (size_t i = 0; i < 700; ++i) assert_int_equal(zero[i], 0);
  assert_string_equal(frti_arena_strdup(&a, "name"), "name");
  assert_true(a.used <= a.limit);
  assert_null(frti_arena_alloc(&a, 1 << 20));
  assert_null(frti_arena_alloc(&a, SIZE_MAX));
  assert_null(frti_arena_calloc(&a, SIZE_MAX, 2));
  frti_arena_release(&a);
  assert_int_equal(a.used, 0);
  assert_non_null(frti_arena_alloc(&a, 1 << 19)); /* may be used again */
  frti_arena_release(&a);
}

static void sizes_that_wrap_are_found(void **state) {
  FRTI_UNUSED(state);
  size_t n;
  int64_t numel;
  assert_true(frti_mul_size(3, 4, &n) && n == 12);
  assert_false(frti_mul_size(SIZE_MAX, 2, &n));
  assert_true(frti_add_size(SIZE_MAX - 1, 1, &n) && n == SIZE_MAX);
  assert_false(frti_add_size(SIZE_MAX, 1, &n));
  assert_true(frti_numel(0, NULL, &numel) && numel == 1);
  assert_true(frti_numel(2, (int64_t[]){2, 3}, &numel) && numel == 6);
  assert_true(frti_numel(2, (int64_t[]){0, 3}, &numel) && numel == 0);
  assert_false(frti_numel(1, (int64_t[]){-1}, &numel));
  assert_false(frti_numel(2, (int64_t[]){INT64_MAX, 2}, &numel));
  assert_false(frti_numel(3, (int64_t[]){0, INT64_MAX, 2}, &numel));
  assert_false(frti_numel(3, (int64_t[]){INT64_MAX, 2, 0}, &numel));
  assert_false(frti_numel(2, (int64_t[]){0, -1}, &numel));
}

static void equal_names_are_one_pointer(void **state) {
  FRTI_UNUSED(state);
  frti_arena_t arena = {0};
  frti_names_t t;
  const char *first[5000];
  char text[32];
  frti_names_init(&t, &arena);
  assert_null(frti_names_find(&t, "x", 1));
  for (int i = 0; i < 5000; ++i) {
    snprintf(text, sizeof text, "fc_%d.w_0", i);
    first[i] = frti_names_add(&t, text, strlen(text));
    assert_non_null(first[i]);
    assert_int_equal(frti_name_id(first[i]), i);
    assert_int_equal(frti_name_len(first[i]), strlen(text));
  }
  for (int i = 0; i < 5000; ++i) {
    snprintf(text, sizeof text, "fc_%d.w_0", i);
    assert_ptr_equal(frti_names_add(&t, text, strlen(text)), first[i]);
    assert_ptr_equal(frti_names_find(&t, text, strlen(text)), first[i]);
    assert_ptr_equal(t.by_id[i], first[i]);
  }
  assert_int_equal(t.n, 5000);
  assert_ptr_equal(frti_names_add(&t, "fc_1.w_0@GRAD", 8), first[1]);
  const char *empty = frti_names_add(&t, "", 0);
  assert_string_equal(empty, "");
  assert_ptr_equal(frti_names_find(&t, NULL, 0), empty);
  assert_null(frti_names_find(&t, "no such", 7));
  frti_names_release(&t);
  frti_arena_release(&arena);
}

static void names_say_when_memory_is_out(void **state) {
  FRTI_UNUSED(state);
  frti_arena_t arena = {0};
  frti_names_t t;
  frti_names_init(&t, &arena);
  frti_alloc_fails = always;
  assert_null(frti_names_add(&t, "x", 1));
  frti_alloc_fails = NULL;
  assert_non_null(frti_names_add(&t, "x", 1));
  frti_names_release(&t);
  frti_arena_release(&arena);
}

static void seeds_differ_and_hashes_use_them(void **state) {
  FRTI_UNUSED(state);
  assert_true(frti_random_seed() != frti_random_seed());
  assert_true(frti_hash("abc", 3, 1) == frti_hash("abc", 3, 1));
  assert_true(frti_hash("abc", 3, 1) != frti_hash("abc", 3, 2));
  assert_true(frti_cpu_count() >= 1);
  uint64_t t = frti_now_ns();
  assert_true(frti_now_ns() >= t);
}

static void an_error_gets_its_place_once(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t s = frt_fail(&err, FRT_INVALID_ARGUMENT, "slot X: 2 arguments, wanted 1");
  assert_int_equal(frti_error_at(&err, s, FRT_PHASE_PLAN, 1, 7, "mul"), s);
  const char *want = "block 1 op #7 mul: slot X: 2 arguments, wanted 1";
  assert_string_equal(err.message, want);
  assert_int_equal(err.phase, FRT_PHASE_PLAN);
  assert_int_equal(err.block, 1);
  assert_int_equal(err.op, 7);
  assert_string_equal(err.op_type, "mul");
  frti_error_at(&err, s, FRT_PHASE_RUN, 0, 3, "while");
  assert_string_equal(err.message, want);
  assert_int_equal(err.block, 1);
  assert_int_equal(err.phase, FRT_PHASE_RUN);
  assert_int_equal(frti_error_at(NULL, FRT_INTERNAL, FRT_PHASE_RUN, 0, 0, "x"), FRT_INTERNAL);
}

static void places_may_lack_op_and_type(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_fail(&err, FRT_INTERNAL, "m");
  frti_error_at(&err, FRT_INTERNAL, FRT_PHASE_VALIDATE, 2, -1, NULL);
  assert_string_equal(err.message, "block 2: m");
  frt_fail(&err, FRT_INTERNAL, "m");
  frti_error_at(&err, FRT_INTERNAL, FRT_PHASE_VALIDATE, 2, 4, NULL);
  assert_string_equal(err.message, "block 2 op #4: m");
  frt_fail(&err, FRT_INTERNAL, "m");
  frti_error_at(&err, FRT_INTERNAL, FRT_PHASE_VALIDATE, -1, -1, NULL);
  assert_string_equal(err.message, "m");
  memset(&err, 0, sizeof err);
  frti_error_at(&err, FRT_DEVICE_LOST, FRT_PHASE_RUN, 0, 0, "mul");
  assert_string_equal(err.message, "block 0 op #0 mul: device lost");
  assert_int_equal(err.status, FRT_DEVICE_LOST);
}

static void long_errors_end_in_dots(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  char text[500];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  frt_fail(&err, FRT_INTERNAL, "%s", text);
  frti_error_at(&err, FRT_INTERNAL, FRT_PHASE_RUN, 0, 1, text);
  assert_int_equal(strlen(err.message), sizeof err.message - 1);
  assert_string_equal(err.message + sizeof err.message - 5, "x...");
  assert_int_equal(strlen(err.op_type), sizeof err.op_type - 1);
  frti_error_name(&err, FRT_INTERNAL, text);
  assert_int_equal(strlen(err.name), sizeof err.name - 1);
  frti_error_phase(&err, FRT_INTERNAL, FRT_PHASE_FEED);
  assert_int_equal(err.phase, FRT_PHASE_FEED);
}

static void numbers_have_texts(void **state) {
  FRTI_UNUSED(state);
  assert_string_equal(frt_status_text(FRT_NOT_FOUND), "not found");
  assert_string_equal(frt_status_text((frt_status_t)77), "unknown status");
  assert_string_equal(frt_phase_text(FRT_PHASE_PLAN), "plan");
  assert_string_equal(frt_phase_text((frt_phase_t)77), "");
  assert_int_equal(frt_version()[1], '.');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_door_can_fail),
      cmocka_unit_test(allocations_of_nothing_are_not_null),
      cmocka_unit_test(arrays_grow_and_keep_their_contents),
      cmocka_unit_test(arena_pieces_are_aligned_and_limited),
      cmocka_unit_test(sizes_that_wrap_are_found),
      cmocka_unit_test(equal_names_are_one_pointer),
      cmocka_unit_test(names_say_when_memory_is_out),
      cmocka_unit_test(seeds_differ_and_hashes_use_them),
      cmocka_unit_test(an_error_gets_its_place_once),
      cmocka_unit_test(places_may_lack_op_and_type),
      cmocka_unit_test(long_errors_end_in_dots),
      cmocka_unit_test(numbers_have_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
