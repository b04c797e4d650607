/* Host tensors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "base/fault.h"
#include "fluidrt/tensor.h"

static void new_tensors_are_zero_and_aligned(void **state) {
  FRTI_UNUSED(state);
  frt_tensor_t *t;
  const int64_t dims[] = {3, 5};
  assert_int_equal(frt_tensor_create(FRT_F32, 2, dims, &t, NULL), FRT_OK);
  assert_int_equal((uintptr_t)frt_tensor_data(t) % 64, 0);
  assert_int_equal(frt_tensor_dtype(t), FRT_F32);
  assert_int_equal(frt_tensor_rank(t), 2);
  assert_memory_equal(frt_tensor_dims(t), dims, sizeof dims);
  assert_int_equal(frt_tensor_numel(t), 15);
  assert_int_equal(frt_tensor_bytes(t), 60);
  for (int i = 0; i < 15; ++i) assert_true(((float *)frt_tensor_data(t))[i] == 0);
  assert_ptr_equal(frt_tensor_retain(t), t);
  frt_tensor_release(t);
  ((float *)frt_tensor_data(t))[14] = 1; /* still there */
  frt_tensor_release(t);
  frt_tensor_release(NULL);
}

static void scalars_and_empty_tensors_exist(void **state) {
  FRTI_UNUSED(state);
  frt_tensor_t *t;
  assert_int_equal(frt_tensor_create(FRT_I64, 0, NULL, &t, NULL), FRT_OK);
  assert_int_equal(frt_tensor_numel(t), 1);
  frt_tensor_release(t);
  assert_int_equal(frt_tensor_create(FRT_I64, 2, (int64_t[]){0, 4}, &t, NULL), FRT_OK);
  assert_int_equal(frt_tensor_bytes(t), 0);
  assert_non_null(frt_tensor_data(t));
  frt_tensor_release(t);
}

static void bad_tensors_are_refused(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  const int64_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  assert_int_equal(frt_tensor_create((frt_dtype_t)7, 1, ones, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "7 is no dtype");
  assert_int_equal(frt_tensor_create(FRT_F32, 10, ones, &t, &err), FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "tensor rank 10, at most 9");
  assert_int_equal(frt_tensor_create(FRT_F32, 2, (int64_t[]){2, -1}, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "tensor with a negative extent: [2, -1]");
  assert_int_equal(frt_tensor_create(FRT_F32, 2, (int64_t[]){INT64_MAX, 2}, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_int_equal(frt_tensor_create(FRT_F64, 1, (int64_t[]){INT64_MAX / 2}, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_non_null(strstr(err.message, "size overflows"));
  assert_null(t);
}

static void wrapped_memory_is_not_copied(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  float data[6] = {0};
  const int64_t dims[] = {2, 3};
  assert_int_equal(frt_tensor_wrap(FRT_F32, 2, dims, data, sizeof data, &t, &err), FRT_OK);
  assert_ptr_equal(frt_tensor_data(t), data);
  frt_tensor_release(t);
  assert_int_equal(frt_tensor_wrap(FRT_F32, 2, dims, data, sizeof data - 1, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_int_equal(frt_tensor_wrap(FRT_F32, 2, dims, NULL, 24, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_int_equal(frt_tensor_wrap(FRT_F32, 1, dims, (char *)data + 1, 8, &t, &err),
                   FRT_INVALID_ARGUMENT);
  assert_null(t);
  assert_int_equal(frt_tensor_wrap(FRT_F32, 1, (int64_t[]){0}, NULL, 0, &t, &err), FRT_OK);
  assert_null(frt_tensor_data(t));
  frt_tensor_release(t);
}

static int calls_left;
static bool after_some(void) { return calls_left-- <= 0; }

static void memory_that_is_out_is_said(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  for (int n = 0; n < 2; ++n) {
    calls_left = n;
    frti_alloc_fails = after_some;
    frt_status_t s = frt_tensor_create(FRT_F32, 1, (int64_t[]){8}, &t, &err);
    frti_alloc_fails = NULL;
    assert_int_equal(s, FRT_RESOURCE_EXHAUSTED);
    assert_null(t);
  }
  assert_string_equal(err.message, "out of memory: tensor of 32 bytes");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new_tensors_are_zero_and_aligned),
      cmocka_unit_test(scalars_and_empty_tensors_exist),
      cmocka_unit_test(bad_tensors_are_refused),
      cmocka_unit_test(wrapped_memory_is_not_copied),
      cmocka_unit_test(memory_that_is_out_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
