/* Places may change from run to run on one scope: the values follow. */
#include "session.h"

enum { STEPS = 6 };

static frt_executor_t *executor(frt_runtime_t *rt, const char *places) {
  frt_executor_t *exe = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_executor_create(rt, places, NULL, &exe, &err));
  return exe;
}

/* Trains with places[i % n] in step i and returns the last loss. */
static float train(const char *const *places, size_t n, unsigned char **state,
                   size_t *bytes) {
  session_t s = session_open("digits", places[0], 2);
  frt_executor_t *own = s.exe, *exes[2] = {NULL, NULL};
  frt_tensor_t *loss = NULL;
  for (size_t i = 0; i < n; ++i) exes[i] = executor(s.rt, places[i]);
  for (uint32_t i = 0; i < STEPS; ++i) {
    digits_t d = digits_batch(i);
    s.exe = exes[i % n];
    digits_step(&s, &d, &loss);
    digits_release(&d);
  }
  const float last = first_f32(loss);
  *state = scope_bytes(s.scope, bytes);
  for (size_t i = 0; i < n; ++i) frt_executor_release(exes[i]);
  s.exe = own;
  frt_tensor_release(loss);
  session_close(&s);
  return last;
}

static void a_place_list_runs_like_its_first_place(void **state) {
  (void)state;
  const char *const one[] = {"cpu"}, *const list[] = {"cpu,reference", "cpu"};
  unsigned char *a, *b;
  size_t n, m;
  const float x = train(one, 1, &a, &n), y = train(list, 2, &b, &m);
  assert_memory_equal(&x, &y, sizeof x);
  assert_int_equal(n, m);
  assert_memory_equal(a, b, n);
  free(a);
  free(b);
}

static void places_alternate_on_one_scope(void **state) {
  (void)state;
  const char *const cpu[] = {"cpu"}, *const mixed[] = {"cpu", "reference"};
  unsigned char *a, *b;
  size_t n, m;
  const float x = train(cpu, 1, &a, &n), y = train(mixed, 2, &b, &m);
  free(a);
  free(b);
  assert_int_equal(n, m);
  /* Two providers round differently; 1e-5 is 100 roundings of fp32. */
  assert_true(x - y <= 1e-5f * x && y - x <= 1e-5f * x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_place_list_runs_like_its_first_place),
      cmocka_unit_test(places_alternate_on_one_scope)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
