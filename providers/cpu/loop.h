/* Elementwise loops and how they are cut into pieces. */
#ifndef FRT_CPU_LOOP_H
#define FRT_CPU_LOOP_H

#include "fluidrt/kernel.h"
#include "isa.h"

/* Elements of one piece of a loop that moves memory, and of one that computes an
 * exponential an element. Multiples of 16. */
enum { FRT_CPU_GRAIN = 16384, FRT_CPU_GRAIN_MATH = 2048 };

/* Below two pieces the hand-over costs more than it gains; depends on n alone. */
static inline void frt_cpu_for(const frt_run_t *r, int64_t n, int64_t grain,
                               void (*fn)(void *arg, int64_t lo, int64_t hi),
                               void *arg) {
  if (n <= 0) return;
  if (n <= 2 * grain) fn(arg, 0, n);
  else r->host->parallel_for(r->host->ctx, n, grain, fn, arg);
}

/* The floats of a slot that may be empty. */
static inline const float *frt_cpu_in_or_null(const frt_run_t *r, int slot) {
  return frt_has_in(r, slot) ? frt_in_f32(r, slot) : NULL;
}
static inline float *frt_cpu_out_or_null(const frt_run_t *r, int slot) {
  return frt_has_out(r, slot) ? frt_out_f32(r, slot) : NULL;
}

static inline int64_t frt_cpu_div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* What an elementwise float loop works on: o[i] = f(a[i], b[i], p, q). */
typedef struct frt_cpu_ew {
  float *o;
  const float *a, *b;
  float p, q;
} frt_cpu_ew_t;

/* Defines void name(void *ew, lo, hi). In `expr` A, B, P, Q are the operands. */
#define FRT_CPU_LOOP(name, expr)                                       \
  FRT_CPU_BODY void name##_body(void *arg, int64_t lo, int64_t hi) {   \
    const frt_cpu_ew_t *e = (const frt_cpu_ew_t *)arg;                 \
    float *o = e->o;                                                   \
    const float *a = e->a, *b = e->b;                                  \
    const float P = e->p, Q = e->q;                                    \
    (void)a, (void)b, (void)P, (void)Q;                                \
    FRT_CPU_IVDEP                                                      \
    for (int64_t i = lo; i < hi; ++i) o[i] = (expr);                   \
  }                                                                    \
  FRT_CPU_VARIANTS(name, (void *arg, int64_t lo, int64_t hi), (arg, lo, hi))
#define A (a[i])
#define B (b[i])

/* The run function of an op with one float input and one float output. */
#define FRT_CPU_UNARY_RUN(stem, in_slot, out_slot, loop)                        \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r,         \
                                 frt_error_t *err) {                            \
    frt_cpu_ew_t e = {frt_out_f32(r, out_slot), frt_in_f32(r, in_slot), NULL, 0, 0}; \
    (void)state, (void)err;                                                     \
    frt_cpu_for(r, frt_out_numel(r, out_slot), FRT_CPU_GRAIN, loop, &e);        \
    return FRT_OK;                                                              \
  }
/* The same with two inputs of one shape. */
#define FRT_CPU_BINARY_RUN(stem, a_slot, b_slot, out_slot, loop)                \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r,         \
                                 frt_error_t *err) {                            \
    frt_cpu_ew_t e = {frt_out_f32(r, out_slot), frt_in_f32(r, a_slot),          \
                      frt_in_f32(r, b_slot), 0, 0};                             \
    (void)state, (void)err;                                                     \
    frt_cpu_for(r, frt_out_numel(r, out_slot), FRT_CPU_GRAIN, loop, &e);        \
    return FRT_OK;                                                              \
  }

/* The workspace from `offset` on; without one it is NULL, to which nothing can be added. */
static inline void *frt_cpu_workspace(const frt_run_t *r, int64_t offset) {
  return r->workspace ? (char *)r->workspace + offset : NULL;
}

#endif
