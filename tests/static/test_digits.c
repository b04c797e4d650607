/* libfluidrt.a and provider_cpu.a in one executable train digits: no dlopen, no
 * search for files but the model's own. */
#include "session.h"

frt_status_t frt_provider_cpu_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                    frt_error_t *err);

enum { STEPS = 60 };

static session_t open_linked_in(void) {
  session_t s = {.rt = make_runtime(2)};
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_runtime_add_provider(s.rt, frt_provider_cpu_entry, &err));
  MUST(frt_executor_create(s.rt, "cpu", NULL, &s.exe, &err));
  MUST(frt_scope_create(s.rt, &s.scope, &err));
  s.startup = load_model("digits", "startup.pdmodel");
  s.main = load_model("digits", "main.pdmodel");
  run_plain(&s, s.startup);
  return s;
}

static void the_loss_falls_by_half(void **state) {
  (void)state;
  session_t s = open_linked_in();
  frt_tensor_t *loss = NULL;
  float first = 0;
  for (uint32_t i = 0; i < STEPS; ++i) {
    digits_t d = digits_batch(i);
    digits_step(&s, &d, &loss);
    if (i == 0) first = first_f32(loss);
    digits_release(&d);
  }
  assert_true(first_f32(loss) < 0.5f * first);
  frt_tensor_release(loss);
  session_close(&s);
}

static void a_linked_in_provider_has_no_path(void **state) {
  (void)state;
  frt_runtime_t *rt = make_runtime(1);
  frt_provider_info_t info;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err));
  assert_int_equal(1, frt_runtime_n_providers(rt));
  MUST(frt_runtime_provider(rt, 0, &info, &err));
  assert_string_equal("cpu", info.name);
  assert_string_equal("", info.path);
  assert_int_equal(FRT_ALREADY_EXISTS,
                   frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err));
  frt_runtime_release(rt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_loss_falls_by_half),
                                     cmocka_unit_test(a_linked_in_provider_has_no_path)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
