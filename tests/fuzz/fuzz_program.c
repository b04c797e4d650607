/* Bytes -> wire pre-scan -> decode -> structure. What loads can be looked at, checked,
 * printed, and saved to bytes that load again and stay. */
#include "fuzz.h"

static void look(const frt_program_t *p) {
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b) {
    for (uint32_t i = 0; i < frt_program_n_vars(p, b); ++i) {
      frt_var_info_t v, same;
      frt_error_t err = FRT_ERROR_INIT;
      if (frt_program_var(p, b, i, &v, &err) ||
          frt_program_find_var(p, b, v.name, &same, &err))
        WRONG("variable %u of block %d: %s", i, b, err.message);
    }
    for (uint32_t o = 0; o < frt_program_n_ops(p, b); ++o)
      for (uint32_t a = 0; a < frt_program_op_n_attrs(p, b, o); ++a) {
        frt_attr_info_t info;
        frt_error_t err = FRT_ERROR_INIT;
        fuzz_error(frt_program_op_attr(p, b, o, a, &info, &err), &err);
      }
  }
}

static void same_again(const frt_program_t *p, const frt_load_options_t *o) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *again = NULL;
  void *one = NULL, *two = NULL;
  size_t n_one, n_two;
  frt_status_t status = frt_program_serialize(p, &one, &n_one, &err);
  if (status) WRONG("cannot be saved: %s", err.message);
  status = frt_program_parse(one, n_one, o, &again, &err);
  fuzz_error(status, &err);
  if (status == FRT_OK) {
    if (frt_program_serialize(again, &two, &n_two, &err)) WRONG("%s", err.message);
    if (n_one != n_two || memcmp(one, two, n_one)) WRONG("saved twice, two results");
    frt_free(two);
    frt_program_release(again);
  } else if (status != FRT_RESOURCE_EXHAUSTED) {
    WRONG("what was saved does not load: %s", err.message);
  }
  frt_free(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const frt_load_options_t o = fuzz_limits();
  frt_program_t *p = NULL;
  frt_findings_t *f = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  frt_status_t status = frt_program_parse(data, size, &o, &p, &err);
  fuzz_error(status, &err);
  if (status != FRT_OK) return 0;
  look(p);
  same_again(p, &o);
  status = frt_program_check(p, NULL, &f, &err);
  fuzz_error(status, &err);
  frt_findings_release(f);
  status = frt_program_to_text(p, &text, &err);
  fuzz_error(status, &err);
  frt_free(text);
  frt_program_release(p);
  return 0;
}
