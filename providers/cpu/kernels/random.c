#include "fluidrt/rng.h"

#include <math.h>

#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* The three ops have the same bits as on every other provider: rng.h has the engine
 * and the arithmetic. Element i of uniform and truncated takes draw i + 1 behind the
 * run's state, so pieces jump to where they begin. */
enum { GRAIN = 8192, STREAMS = 8 };

typedef struct { float a, b; } random_t; /* min, max - min; or mean, std */

typedef struct {
  const random_t *s;
  float *out;
  uint32_t state;
} random_call_t;

/* Eight engines, each of which takes every eighth state: the steps do not wait for
 * each other. */
typedef struct { uint32_t x[STREAMS], step; } streams_t;

static void streams_start(streams_t *t, uint32_t state, int64_t skip) {
  uint32_t x = frt_rng_jump(state, (uint64_t)skip);
  for (int j = 0; j < STREAMS; ++j) t->x[j] = x = frt_rng_next(x);
  t->step = frt_rng_jump(1u, STREAMS); /* 48271^8 */
}

static void streams_move(streams_t *t) {
  for (int j = 0; j < STREAMS; ++j)
    t->x[j] = (uint32_t)((uint64_t)t->x[j] * t->step % FRT_RNG_MOD);
}

static void uniform_piece(void *arg, int64_t lo, int64_t hi) {
  const random_call_t *c = (const random_call_t *)arg;
  const float low = c->s->a, width = c->s->b;
  streams_t t;
  streams_start(&t, c->state, lo);
  for (int64_t i = lo; i < hi; i += STREAMS, streams_move(&t)) {
    const int64_t n = hi - i < STREAMS ? hi - i : STREAMS;
    for (int64_t j = 0; j < n; ++j) c->out[i + j] = frt_rng_unit(t.x[j]) * width + low;
  }
}

static void truncated_piece(void *arg, int64_t lo, int64_t hi) {
  const random_call_t *c = (const random_call_t *)arg;
  uint32_t x = frt_rng_jump(c->state, (uint64_t)lo);
  for (int64_t i = lo; i < hi; ++i) {
    x = frt_rng_next(x);
    c->out[i] = (float)((double)c->s->a + (double)c->s->b * frt_rng_truncated(x));
  }
}

#define PREPARE(name, OP, A_ATTR, B_ATTR, from)                                       \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,                 \
                                     uint64_t *workspace, frt_error_t *err) {         \
    random_t *s = (random_t *)state;                                                  \
    (void)workspace, (void)err;                                                       \
    s->a = frt_attr_f32(op, FRT_##OP##_ATTR_##A_ATTR);                                \
    s->b = frt_attr_f32(op, FRT_##OP##_ATTR_##B_ATTR) - (from);                       \
    return FRT_OK;                                                                    \
  }
PREPARE(uniform, UNIFORM_RANDOM, MIN, MAX, s->a)
PREPARE(gaussian, GAUSSIAN_RANDOM, MEAN, STD, 0.0f)
PREPARE(truncated, TRUNCATED_GAUSSIAN_RANDOM, MEAN, STD, 0.0f)

#define RUN(name, OP)                                                                 \
  static frt_status_t name##_run(const void *state, const frt_run_t *r,               \
                                 frt_error_t *err) {                                  \
    random_call_t c = {(const random_t *)state, frt_out_f32(r, FRT_##OP##_OUT_OUT),   \
                       (uint32_t)r->rng_state};                                       \
    (void)err;                                                                        \
    frt_cpu_for(r, frt_out_numel(r, FRT_##OP##_OUT_OUT), GRAIN, name##_piece, &c);    \
    return FRT_OK;                                                                    \
  }
RUN(uniform, UNIFORM_RANDOM)
RUN(truncated, TRUNCATED_GAUSSIAN_RANDOM)

/* How many trials are needed is known only on the way: one after another. */
static frt_status_t gaussian_run(const void *state, const frt_run_t *r,
                                 frt_error_t *err) {
  const random_t *s = (const random_t *)state;
  const int64_t n = frt_out_numel(r, FRT_GAUSSIAN_RANDOM_OUT_OUT);
  float *out = frt_out_f32(r, FRT_GAUSSIAN_RANDOM_OUT_OUT), pair[2];
  uint32_t x = (uint32_t)r->rng_state;
  (void)err;
  for (int64_t i = 0; i < n;) {
    const uint32_t s1 = frt_rng_next(x), s2 = frt_rng_next(s1);
    x = s2;
    if (!frt_rng_gaussian_pair(s1, s2, pair)) continue;
    out[i++] = pair[0] * s->b + s->a;
    if (i < n) out[i++] = pair[1] * s->b + s->a;
  }
  return FRT_OK;
}

#define ROW(type, name) FRT_KERNEL(type, FRT_F32S, name, FRT_KERNEL_DETERMINISTIC)
typedef random_t uniform_t, gaussian_t, truncated_t;
FRT_KERNELS(cpu, random) = {ROW("uniform_random", uniform), ROW("gaussian_random", gaussian),
                            ROW("truncated_gaussian_random", truncated), FRT_KERNELS_END};
