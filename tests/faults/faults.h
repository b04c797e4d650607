/* What the fault tests share: small programs, folders of their own, checks of errors. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fluidrt/fluidrt.h"

frt_status_t frt_provider_cpu_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                    frt_error_t *err);
frt_status_t frt_provider_reference_entry(const frt_api_host_t *host,
                                          frt_api_provider_t *io, frt_error_t *err);

/* Calls with a local `frt_error_t err` and fails with its message. */
#define OK(call)                                                                   \
  do {                                                                             \
    frt_status_t ok_ = (call);                                                     \
    if (ok_ != FRT_OK) fail_msg("%s: %s: %s", #call, frt_status_text(ok_), err.message); \
  } while (0)

/* An error with this code and phase whose message holds `word`. */
static inline void expect_error(frt_status_t got, const frt_error_t *err, frt_status_t want,
                                frt_phase_t phase, const char *word) {
  if (got != want || err->status != (uint32_t)want)
    fail_msg("got %s (%s), wanted %s", frt_status_text(got), err->message,
             frt_status_text(want));
  if (err->phase != (uint32_t)phase)
    fail_msg("phase is %u, wanted %u: %s", err->phase, phase, err->message);
  if (!strstr(err->message, word))
    fail_msg("'%s' does not say '%s'", err->message, word);
}

static inline frt_runtime_t *linked_runtime(uint32_t threads) {
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = threads};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = NULL;
  OK(frt_runtime_create(&o, &rt, &err));
  OK(frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err));
  OK(frt_runtime_add_provider(rt, frt_provider_reference_entry, &err));
  return rt;
}

static inline const char *model_path(const char *file) {
  static char path[1024];
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  snprintf(path, sizeof path, "%s/models/%s", root ? root : ".", file);
  return path;
}

static inline frt_tensor_t *floats(uint32_t rank, const int64_t *dims, float value) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL;
  OK(frt_tensor_create(FRT_F32, rank, dims, &t, &err));
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i)
    ((float *)frt_tensor_data(t))[i] = value + (float)i;
  return t;
}

/* ---- building programs ----------------------------------------------------------- */

static inline void var(frt_program_t *p, int32_t block, const char *name, int32_t dtype,
                       uint32_t rank, const int64_t *dims, int persistable) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_var_info_t v = {.name = name, .dtype = dtype, .rank = rank, .dims = dims,
                            .persistable = persistable};
  OK(frt_program_add_var(p, block, &v, &err));
}

/* in and out: "Slot=var,var;Slot=var". Returns the op's index. */
static inline uint32_t op(frt_program_t *p, int32_t block, const char *type, const char *in,
                          const char *out) {
  frt_error_t err = FRT_ERROR_INIT;
  uint32_t index;
  OK(frt_program_add_op(p, block, type, &index, &err));
  for (int side = 0; side < 2; ++side) {
    char text[512], *save = NULL;
    snprintf(text, sizeof text, "%s", side ? out : in);
    for (char *pair = strtok_r(text, ";", &save); pair; pair = strtok_r(NULL, ";", &save)) {
      const char *args[16];
      uint32_t n = 0;
      char *inner = NULL, *value = strchr(pair, '=');
      *value++ = 0;
      for (char *a = strtok_r(value, ",", &inner); a && n < 16; a = strtok_r(NULL, ",", &inner))
        args[n++] = a;
      if (side) OK(frt_program_set_output(p, block, index, pair, args, n, &err));
      else OK(frt_program_set_input(p, block, index, pair, args, n, &err));
    }
  }
  return index;
}

static inline void constant(frt_program_t *p, int32_t block, const char *name, uint32_t rank,
                            const int64_t *dims, int dtype, float value) {
  frt_error_t err = FRT_ERROR_INIT;
  char out[64];
  snprintf(out, sizeof out, "Out=%s", name);
  uint32_t at = op(p, block, "fill_constant", "", out);
  OK(frt_program_set_attr_longs(p, block, at, "shape", dims, rank, &err));
  OK(frt_program_set_attr_int(p, block, at, "dtype", dtype, &err));
  OK(frt_program_set_attr_f32(p, block, at, "value", value, &err));
}

static inline frt_program_t *new_program(void) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  OK(frt_program_create(&p, &err));
  return p;
}

static const int64_t ONE[] = {1}, THREE[] = {3}, ANY_BY_3[] = {-1, 3};

/* i = 0; while (i < limit) { i += step } */
static inline frt_program_t *loop_program(float limit, float step) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = new_program();
  int32_t body;
  const frt_var_info_t scopes = {.name = "scopes", .kind = FRT_VAR_STEP_SCOPES, .dtype = -1};
  var(p, 0, "i", FRT_F32, 1, ONE, 0);
  var(p, 0, "limit", FRT_F32, 1, ONE, 0);
  var(p, 0, "go", FRT_BOOL, 1, ONE, 0);
  OK(frt_program_add_var(p, 0, &scopes, &err));
  constant(p, 0, "i", 1, ONE, FRT_F32, 0.0f);
  constant(p, 0, "limit", 1, ONE, FRT_F32, limit);
  op(p, 0, "less_than", "X=i;Y=limit", "Out=go");
  OK(frt_program_add_block(p, 0, &body, &err));
  uint32_t at = op(p, body, "increment", "X=i", "Out=i");
  OK(frt_program_set_attr_f32(p, body, at, "step", step, &err));
  op(p, body, "less_than", "X=i;Y=limit", "Out=go");
  at = op(p, 0, "while", "X=i,limit;Condition=go", "Out=i,go;StepScopes=scopes");
  const frt_attr_info_t block = {.name = "sub_block", .type = 8, .count = 1, .i = body};
  OK(frt_program_set_attr(p, 0, at, &block, &err));
  return p;
}

/* ---- folders ----------------------------------------------------------------------- */

static inline char *make_folder(char *to, size_t cap) {
  /* Memory if there is such a folder: tests sync thousands of files. */
  const char *base = getenv("TMPDIR");
  if (!base && !access("/dev/shm", W_OK)) base = "/dev/shm";
  snprintf(to, cap, "%s/frt_faults_XXXXXX", base ? base : "/tmp");
  assert_non_null(mkdtemp(to));
  return to;
}

static inline void remove_folder(const char *dir) {
  char command[1200];
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  if (system(command)) print_message("cannot remove %s\n", dir);
}

#endif
