/* What the tests of whole programs share: a model's two programs in a scope of their
 * own, and deterministic data for digits. */
#ifndef SESSION_H
#define SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fluidrt/fluidrt.h"

enum { PIXELS = 64, BATCH = 64 };
#define DIGITS_LOSS "mean_0.tmp_0"

typedef struct session {
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_program_t *startup, *main;
} session_t;

static inline void must_(frt_status_t status, const frt_error_t *err, const char *what) {
  if (status != FRT_OK) fail_msg("%s: %s: %s", what, frt_status_text(status), err->message);
}
/* Calls with a local `frt_error_t err` and fails with its message. */
#define MUST(call) must_((call), &err, #call)

static inline frt_program_t *load_model(const char *model, const char *file) {
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  char path[1024];
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  snprintf(path, sizeof path, "%s/models/%s/%s", root ? root : ".", model, file);
  MUST(frt_program_load(path, NULL, &p, &err));
  return p;
}

static inline frt_runtime_t *make_runtime(uint32_t threads) {
  const frt_runtime_options_t options = {.struct_size = sizeof options,
                                         .threads = threads};
  frt_runtime_t *rt = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_runtime_create(&options, &rt, &err));
  return rt;
}

/* Runs `program` without feeds and fetches. */
static inline void run_plain(session_t *s, const frt_program_t *program) {
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_executor_run(s->exe, program, s->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
}

/* A runtime, an executor, a scope in which the startup program has run. */
static inline session_t session_open(const char *model, const char *places,
                                     uint32_t threads) {
  session_t s = {.rt = make_runtime(threads)};
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_executor_create(s.rt, places, NULL, &s.exe, &err));
  MUST(frt_scope_create(s.rt, &s.scope, &err));
  s.startup = load_model(model, "startup.pdmodel");
  s.main = load_model(model, "main.pdmodel");
  run_plain(&s, s.startup);
  return s;
}

static inline void session_close(session_t *s) {
  frt_program_release(s->main);
  frt_program_release(s->startup);
  frt_scope_release(s->scope);
  frt_executor_release(s->exe);
  frt_runtime_release(s->rt);
}

static inline frt_tensor_t *make_tensor(frt_dtype_t dtype, uint32_t rank,
                                        const int64_t *dims) {
  frt_tensor_t *t = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_tensor_create(dtype, rank, dims, &t, &err));
  return t;
}

/* [0, 1), the same on every machine. */
static inline float draw(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / 16777216.0f;
}

typedef struct digits {
  frt_tensor_t *img, *label;
} digits_t;

/* A batch that can be learnt: noise, and bright pixels where the label says. */
static inline digits_t digits_batch(uint32_t seed) {
  const int64_t img[] = {BATCH, PIXELS}, label[] = {BATCH, 1};
  digits_t d = {make_tensor(FRT_F32, 2, img), make_tensor(FRT_I64, 2, label)};
  float *x = (float *)frt_tensor_data(d.img);
  int64_t *y = (int64_t *)frt_tensor_data(d.label);
  uint32_t state = seed * 2654435761u + 12345u;
  for (int row = 0; row < BATCH; ++row) {
    y[row] = row % 10;
    for (int i = 0; i < PIXELS; ++i) {
      const float noise = draw(&state);
      x[row * PIXELS + i] = i % 10 == y[row] ? 0.7f + 0.3f * noise : 0.5f * noise;
    }
  }
  return d;
}

static inline void digits_release(digits_t *d) {
  frt_tensor_release(d->img);
  frt_tensor_release(d->label);
}

/* One training step; the loss lands in *loss (NULL, or last step's: reused). */
static inline void digits_step(session_t *s, const digits_t *d, frt_tensor_t **loss) {
  const frt_feed_t feed[] = {{"img", d->img}, {"label", d->label}};
  const frt_fetch_t fetch = {DIGITS_LOSS, 0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_executor_run(s->exe, s->main, s->scope, feed, 2, &fetch, 1, loss, NULL, &err));
}

static inline float first_f32(const frt_tensor_t *t) {
  return *(const float *)frt_tensor_data(t);
}

/* All persistables of a scope, name by name, as one block of bytes for free(). */
static inline unsigned char *scope_bytes(frt_scope_t *scope, size_t *n) {
  const char **names = NULL;
  size_t n_names = 0;
  unsigned char *all = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  *n = 0;
  MUST(frt_scope_names(scope, &names, &n_names, &err));
  for (size_t i = 0; i < n_names; ++i) {
    frt_tensor_t *t = NULL;
    MUST(frt_scope_get(scope, names[i], &t, &err));
    const size_t bytes = frt_tensor_bytes(t);
    all = (unsigned char *)realloc(all, *n + bytes + 1);
    assert_non_null(all);
    memcpy(all + *n, frt_tensor_data(t), bytes);
    *n += bytes;
    frt_tensor_release(t);
  }
  frt_free((void *)names);
  return all;
}

#endif
