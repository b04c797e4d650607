/* Same inputs, same bits: at any number of threads, and whatever number of threads
 * the environment asks OpenBLAS for (the file argument carries results over). */
#include "session.h"

enum { STEPS = 20, WIDTHS = 4 };

typedef struct {
  float loss[STEPS];
  unsigned char *state;
  size_t n;
} result_t;

static result_t train(const char *places, uint32_t threads) {
  result_t r = {.n = 0};
  session_t s = session_open("digits", places, threads);
  frt_tensor_t *loss = NULL;
  for (uint32_t i = 0; i < STEPS; ++i) {
    digits_t d = digits_batch(i);
    digits_step(&s, &d, &loss);
    r.loss[i] = first_f32(loss);
    digits_release(&d);
  }
  r.state = scope_bytes(s.scope, &r.n);
  frt_tensor_release(loss);
  session_close(&s);
  return r;
}

static void thread_counts_agree_on(const char *places) {
  const uint32_t threads[WIDTHS] = {1, 2, 3, 7};
  result_t first = train(places, threads[0]);
  assert_true(first.n > 0);
  for (int i = 1; i < WIDTHS; ++i) {
    result_t r = train(places, threads[i]);
    assert_memory_equal(first.loss, r.loss, sizeof first.loss);
    assert_int_equal(first.n, r.n);
    assert_memory_equal(first.state, r.state, first.n);
    free(r.state);
  }
  free(first.state);
}

static void any_thread_count_gives_the_same_bits_on_cpu(void **state) {
  (void)state;
  thread_counts_agree_on("cpu");
}

static void any_thread_count_gives_the_same_bits_on_reference(void **state) {
  (void)state;
  thread_counts_agree_on("reference");
}

/* Writes the file if OPENBLAS_NUM_THREADS is 1, else compares with it. */
static int carry(const char *path) {
  const char *blas = getenv("OPENBLAS_NUM_THREADS");
  const int write = blas && !strcmp(blas, "1");
  result_t now = train("cpu", 2), then = now;
  FILE *f = fopen(path, write ? "wb" : "rb");
  int same;
  if (!f) return 1;
  if (write) {
    same = fwrite(now.loss, sizeof now.loss, 1, f) == 1 &&
           fwrite(now.state, now.n, 1, f) == 1;
  } else {
    then.state = (unsigned char *)malloc(now.n);
    same = then.state && fread(then.loss, sizeof then.loss, 1, f) == 1 &&
           fread(then.state, now.n, 1, f) == 1 &&
           !memcmp(then.loss, now.loss, sizeof now.loss) &&
           !memcmp(then.state, now.state, now.n);
    free(then.state);
  }
  free(now.state);
  if (fclose(f)) same = 0;
  printf("%s %s\n", path, !same ? "differs" : write ? "written" : "agrees");
  return same ? 0 : 1;
}

static const char *carried;
static void results_carried_over_agree(void **state) {
  (void)state;
  assert_int_equal(0, carry(carried));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_thread_count_gives_the_same_bits_on_cpu), /* 3h: 245 */
      cmocka_unit_test(any_thread_count_gives_the_same_bits_on_reference) /* 3h: 245 */};
  const struct CMUnitTest carry_tests[] = {cmocka_unit_test(results_carried_over_agree)};
  if (argc == 2) {
    carried = argv[1];
    return cmocka_run_group_tests(carry_tests, NULL, NULL);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
