/* Records of Paddle's `save`, one after the other as in a combined file. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t at = 0; at <= size;) {
    frt_tensor_t *t = NULL;
    frt_error_t err = FRT_ERROR_INIT;
    size_t used = 0;
    frt_status_t status = frt_paddle_tensor_parse(data + at, size - at, &t, &used, &err);
    fuzz_error(status, &err);
    if (status != FRT_OK) {
      if (t) WRONG("an error and a tensor");
      return 0;
    }
    if (!used || used > size - at || frt_tensor_bytes(t) > used)
      WRONG("%zu bytes used of %zu", used, size - at);
    frt_tensor_release(t);
    at += used;
  }
  return 0;
}
