/* The text format: what loads is printed, loads again and has the same bytes. */
#include "fuzz.h"

static void same_again(const frt_program_t *p, const frt_load_options_t *o) {
  frt_program_t *again = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  char *one = NULL, *two = NULL;
  if (frt_program_to_text(p, &one, &err)) WRONG("cannot be printed: %s", err.message);
  frt_status_t status = frt_program_parse_text(one, strlen(one), o, &again, &err);
  fuzz_error(status, &err);
  if (status == FRT_OK) {
    if (frt_program_to_text(again, &two, &err)) WRONG("%s", err.message);
    if (strcmp(one, two)) WRONG("printed twice, two texts");
    frt_free(two);
    frt_program_release(again);
  } else if (status != FRT_RESOURCE_EXHAUSTED) {
    WRONG("what was printed does not load: %s", err.message);
  }
  frt_free(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const frt_load_options_t o = fuzz_limits();
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frt_program_parse_text((const char *)data, size, &o, &p, &err);
  fuzz_error(status, &err);
  if (status != FRT_OK) return 0;
  same_again(p, &o);
  frt_program_release(p);
  return 0;
}
