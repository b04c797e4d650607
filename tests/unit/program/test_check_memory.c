/* The validator without memory. Its arena asks for a block once in a while only: programs
 * of every size, so that each place that takes from it is once the one that asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/fault.h"
#include "fluidrt/program.h"

enum { MOST = 120 };

static int calls, failing; /* failing counts from 1 */

static bool hook_fails(void) { return ++calls == failing; }

static void unary(frt_program_t *p, const char *type, const char *from, const char *to) {
  uint32_t op;
  assert_int_equal(FRT_OK, frt_program_add_op(p, 0, type, &op, NULL));
  assert_int_equal(FRT_OK, frt_program_set_input(p, 0, op, "X", &from, 1, NULL));
  assert_int_equal(FRT_OK, frt_program_set_output(p, 0, op, "Out", &to, 1, NULL));
}

/* n times relu of a variable of its own, which nothing has written before. */
static frt_program_t *program_of(int n) {
  const int64_t dims[] = {2, 3};
  frt_program_t *p = NULL;
  assert_int_equal(FRT_OK, frt_program_create(&p, NULL));
  for (int i = 0; i < n; ++i) {
    char name[2][16];
    for (int k = 0; k < 2; ++k) {
      snprintf(name[k], sizeof name[k], "%c_%d", "xy"[k], i);
      const frt_var_info_t v = {.name = name[k], .dtype = FRT_F32, .rank = 2, .dims = dims};
      assert_int_equal(FRT_OK, frt_program_add_var(p, 0, &v, NULL));
    }
    unary(p, "relu", name[0], name[1]);
  }
  return p;
}

static void every_allocation_of_programs_of_every_size(void **state) {
  int refused = 0;
  (void)state;
  for (int n = 1; n <= MOST; ++n) {
    frt_program_t *p = program_of(n);
    bool done = false;
    for (failing = 1; !done; ++failing) {
      frt_findings_t *f = NULL;
      frt_error_t err = FRT_ERROR_INIT;
      calls = 0;
      frti_alloc_fails = hook_fails;
      const frt_status_t status = frt_program_check(p, NULL, &f, &err);
      frti_alloc_fails = NULL;
      done = calls < failing;
      refused += !done;
      assert_int_equal(done ? FRT_OK : FRT_RESOURCE_EXHAUSTED, status);
      assert_true(done == (f != NULL));
      frt_findings_release(f);
    }
    frt_program_release(p);
  }
  assert_true(refused > MOST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_programs_of_every_size)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
