/* npy bytes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  frt_tensor_t *t = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frt_npy_parse(data, size, &t, &err);
  fuzz_error(status, &err);
  if (status != FRT_OK) {
    if (t) WRONG("an error and a tensor");
    return 0;
  }
  if (frt_tensor_bytes(t) > size) WRONG("more elements than there were bytes");
  frt_tensor_release(t);
  return 0;
}
