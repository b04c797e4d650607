/* What the harnesses share. Each is a libFuzzer target; compiled without libFuzzer it is
 * linked to replay.c and runs over files. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fluidrt/fluidrt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A finding that is no crash: says what, and stops. */
#define WRONG(...)                  \
  do {                              \
    fprintf(stderr, __VA_ARGS__);   \
    fputc('\n', stderr);            \
    abort();                        \
  } while (0)

/* A failed call must say so: code and text agree, the text is one. */
static inline void fuzz_error(frt_status_t status, const frt_error_t *err) {
  if (status == FRT_OK) return;
  if (err->status != (uint32_t)status || !err->message[0] ||
      !memchr(err->message, 0, sizeof err->message))
    WRONG("status %d, but the record has %u '%.50s'", (int)status, err->status, err->message);
  if (status == FRT_INTERNAL) WRONG("internal error: %s", err->message);
}

/* Small limits: an input that is larger is refused, not waited for. */
static inline frt_load_options_t fuzz_limits(void) {
  const frt_load_options_t o = {.struct_size = sizeof o, .max_bytes = 1 << 18,
                                .max_memory = 1 << 24, .max_ops = 2000, .max_vars = 4000,
                                .max_args = 20000, .max_depth = 8};
  return o;
}

/* ---- running: run.c ---------------------------------------------------------------- */

frt_runtime_t *fuzz_runtime(void); /* one for the process, one thread, both providers */
frt_executor_t *fuzz_executor(const char *places, int no_fuse);
/* A tensor of that shape, -1 counting as 2, with values that most ops accept; NULL if it
 * would have more than 4096 elements. */
frt_tensor_t *fuzz_tensor(const frt_var_info_t *v, uint32_t seed);
/* Runs with a time limit: a run that takes 0.2 s of processor time is cancelled. */
frt_status_t fuzz_run(frt_executor_t *exe, const frt_program_t *p, frt_scope_t *s,
                      const frt_feed_t *feed, size_t n_feed, const frt_fetch_t *fetch,
                      size_t n_fetch, frt_tensor_t **out, frt_error_t *err);

#endif
