#include "team.h"
#include "unary.h"

#define FRT_RNG_FN static FRT_GPU_BOTH inline
#include "fluidrt/rng.h"

/* The engine's numbers have places: any thread jumps to its own, so that what is drawn does
 * not depend on who draws it. A thread takes RUN places in a row and jumps once. */
enum { RUN = 16 };
static int64_t runs_of(int64_t n) { return (n + RUN - 1) / RUN; }

GPU_PREPARE_(uniform, FRT_UNIFORM_RANDOM_ATTR_MIN, FRT_UNIFORM_RANDOM_ATTR_MAX)
static frt_status_t uniform_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_numbers_t *q = (const frt_gpu_numbers_t *)state;
  const float lo = (float)q->v[0], hi = (float)q->v[1], width = hi - lo;
  const int64_t n = frt_out_numel(r, FRT_UNIFORM_RANDOM_OUT_OUT);
  float *out = frt_out_f32(r, FRT_UNIFORM_RANDOM_OUT_OUT);
  const uint32_t start = (uint32_t)r->rng_state;
  return frt_gpu_each(
      r, runs_of(n),
      [=] FRT_GPU_FN(int64_t k) {
        uint32_t x = frt_rng_jump(start, (uint64_t)k * RUN);
        FRT_GPU_ROLLED
        for (int64_t i = k * RUN; i < n && i < (k + 1) * RUN; ++i) {
          x = frt_rng_next(x);
          const float v = frt_rng_unit(x) * width;
          out[i] = v + lo;
        }
      },
      err);
}

GPU_PREPARE_(truncated, FRT_TRUNCATED_GAUSSIAN_RANDOM_ATTR_MEAN,
             FRT_TRUNCATED_GAUSSIAN_RANDOM_ATTR_STD)
static frt_status_t truncated_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double mean = ((const frt_gpu_numbers_t *)state)->v[0];
  const double std = ((const frt_gpu_numbers_t *)state)->v[1];
  const int64_t n = frt_out_numel(r, FRT_TRUNCATED_GAUSSIAN_RANDOM_OUT_OUT);
  float *out = frt_out_f32(r, FRT_TRUNCATED_GAUSSIAN_RANDOM_OUT_OUT);
  const uint32_t start = (uint32_t)r->rng_state;
  return frt_gpu_each(
      r, runs_of(n),
      [=] FRT_GPU_FN(int64_t k) {
        uint32_t x = frt_rng_jump(start, (uint64_t)k * RUN);
        FRT_GPU_ROLLED
        for (int64_t i = k * RUN; i < n && i < (k + 1) * RUN; ++i) {
          x = frt_rng_next(x);
          out[i] = (float)(mean + std * frt_rng_truncated(x));
        }
      },
      err);
}

/* ---- rejection: a block tries, and keeps what was accepted in the order of the trials ------ */

/* How many of the threads before this one bring 1, and how many all do. */
static FRT_GPU_FN inline int64_t places(int mine, int64_t *all) {
  const frt_gpu_any_int sum = {FRT_GPU_SUM};
  return frt_gpu_block_scan(sum, (int64_t)mine, all);
}

/* A trial takes two draws and gives two numbers. */
FRT_GPU_KERNEL gaussian_kernel(float *out, int64_t n, uint32_t start, float mean, float std) {
  uint32_t x = frt_rng_next(frt_rng_jump(start, 2 * (uint64_t)frt_gpu_thread()));
  const uint64_t round = frt_rng_jump(1, 2 * FRT_GPU_BLOCK); /* the factor of one round */
  int64_t done = 0;
  while (done < n) {
    float pair[2] = {0, 0};
    int64_t all;
    const int good = frt_rng_gaussian_pair(x, frt_rng_next(x), pair);
    const int64_t at = done + 2 * places(good, &all);
    for (int k = 0; k < 2; ++k) {
      const float v = pair[k] * std;
      if (good && at + k < n) out[at + k] = v + mean;
    }
    done += 2 * all;
    x = (uint32_t)(x * round % FRT_RNG_MOD);
  }
}

GPU_PREPARE_(gaussian, FRT_GAUSSIAN_RANDOM_ATTR_MEAN, FRT_GAUSSIAN_RANDOM_ATTR_STD)
static frt_status_t gaussian_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_numbers_t *q = (const frt_gpu_numbers_t *)state;
  const float mean = (float)q->v[0], std = (float)q->v[1];
  const int64_t n = frt_out_numel(r, FRT_GAUSSIAN_RANDOM_OUT_OUT);
  float *out = frt_out_f32(r, FRT_GAUSSIAN_RANDOM_OUT_OUT);
  const uint32_t start = (uint32_t)r->rng_state;
  if (n == 0) return FRT_OK;
  FRT_LAUNCH(gaussian_kernel, 1, FRT_GPU_BLOCK, FRT_GPU_QUEUE(r), out, n, start, mean, std);
  return frt_gpu_launched(err);
}

/* A range that one draw covers: the quotient of a state, but not in the incomplete last
 * interval (frt_rng_range). */
FRT_GPU_KERNEL randint_kernel(void *out, int wide, int64_t n, uint32_t start, int64_t low,
                              uint32_t range) {
  const uint32_t states = FRT_RNG_MOD - 1u, parts = range + 1u, width = (states - 1u) / parts;
  uint32_t x = frt_rng_next(frt_rng_jump(start, (uint64_t)frt_gpu_thread()));
  const uint64_t round = frt_rng_jump(1, FRT_GPU_BLOCK);
  int64_t done = 0;
  while (done < n) {
    int64_t all;
    const uint32_t v = x - 1u;
    const int good = !width || v < width * parts;
    const int64_t at = done + places(good, &all);
    if (good && at < n) frt_gpu_put(out, wide, at, low + (int64_t)(width ? v / width : v));
    done += all;
    x = (uint32_t)(x * round % FRT_RNG_MOD);
  }
}

typedef struct { int64_t low, high; } randint_t;
static frt_status_t randint_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  randint_t *s = (randint_t *)state;
  (void)workspace, (void)err;
  s->low = frt_attr_i64(op, FRT_RANDINT_ATTR_LOW);
  s->high = frt_attr_i64(op, FRT_RANDINT_ATTR_HIGH);
  return FRT_OK;
}
static frt_status_t randint_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const randint_t s = *(const randint_t *)state;
  const frt_api_tensor_t *t = frt_out(r, FRT_RANDINT_OUT_OUT);
  const int wide = frt_gpu_wide(t);
  const uint32_t range = (uint32_t)(s.high - 1 - s.low), start = (uint32_t)r->rng_state;
  const int64_t n = t->numel, low = s.low;
  void *out = t->data;
  if (n == 0) return FRT_OK;
  if (range < FRT_RNG_MOD - 1u) {
    FRT_LAUNCH(randint_kernel, 1, FRT_GPU_BLOCK, FRT_GPU_QUEUE(r), out, wide, n, start, low,
               range);
    return frt_gpu_launched(err);
  }
  return frt_gpu_each( /* two draws or more a number: how many, only the draws tell */
      r, 1,
      [=] FRT_GPU_FN(int64_t) {
        uint32_t x = start;
        for (int64_t i = 0; i < n; ++i)
          frt_gpu_put(out, wide, i, low + (int64_t)frt_rng_range(&x, range));
      },
      err);
}

/* ---- dropout: 1 - p is rounded to fp32, as in Fluid; the product or quotient is not ---------- */

typedef struct {
  float p;
  int up, test, fixed;
} dropout_t;
static int upscales(const frt_op_t *op, int attr) {
  return !strcmp(frt_attr_str(op, attr), "upscale_in_train");
}
static frt_status_t dropout_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  dropout_t *s = (dropout_t *)state;
  (void)workspace, (void)err;
  s->p = frt_attr_f32(op, FRT_DROPOUT_ATTR_DROPOUT_PROB);
  s->up = upscales(op, FRT_DROPOUT_ATTR_DROPOUT_IMPLEMENTATION);
  s->test = frt_attr_bool(op, FRT_DROPOUT_ATTR_IS_TEST);
  /* Seed 0 is a seed too when it is meant. */
  s->fixed = frt_attr_bool(op, FRT_DROPOUT_ATTR_FIX_SEED) &&
             frt_attr_i64(op, FRT_DROPOUT_ATTR_SEED) == 0;
  return FRT_OK;
}
static frt_status_t dropout_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const dropout_t s = *(const dropout_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_DROPOUT_IN_X));
  const void *x = frt_in(r, FRT_DROPOUT_IN_X)->data;
  void *out = frt_out(r, FRT_DROPOUT_OUT_OUT)->data;
  uint8_t *mask = (uint8_t *)frt_gpu_data_out(r, FRT_DROPOUT_OUT_MASK);
  const int64_t n = frt_in_numel(r, FRT_DROPOUT_IN_X);
  const uint32_t start = s.fixed ? frt_rng_seed(0) : (uint32_t)r->rng_state;
  const float keep = 1.0f - s.p;
  return frt_gpu_each(
      r, runs_of(n),
      [=] FRT_GPU_FN(int64_t k) {
        uint32_t draw = s.test ? 1u : frt_rng_jump(start, (uint64_t)k * RUN);
        FRT_GPU_ROLLED
        for (int64_t i = k * RUN; i < n && i < (k + 1) * RUN; ++i) {
          double v = frt_gpu_real(x, wide, i);
          draw = frt_rng_next(draw);
          const int kept = s.test || frt_rng_unit(draw) >= s.p;
          if (s.test) v = s.up ? v : v * (double)keep;
          else v = !kept ? 0.0 : s.up ? v / (double)keep : v;
          frt_gpu_put(out, wide, i, v);
          if (mask) mask[i] = (uint8_t)kept;
        }
      },
      err);
}

typedef dropout_t dropout_grad_t;
static frt_status_t dropout_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                         frt_error_t *err) {
  dropout_t *s = (dropout_t *)state;
  (void)workspace, (void)err;
  s->p = frt_attr_f32(op, FRT_DROPOUT_GRAD_ATTR_DROPOUT_PROB);
  s->up = upscales(op, FRT_DROPOUT_GRAD_ATTR_DROPOUT_IMPLEMENTATION);
  return FRT_OK;
}
static frt_status_t dropout_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const dropout_t s = *(const dropout_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_DROPOUT_GRAD_IN_OUT_GRAD));
  const uint8_t *mask = frt_gpu_in(uint8_t, r, FRT_DROPOUT_GRAD_IN_MASK);
  const void *g = frt_in(r, FRT_DROPOUT_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_DROPOUT_GRAD_OUT_X_GRAD);
  const float keep = 1.0f - s.p;
  if (!dx) return FRT_OK;
  return frt_gpu_each(
      r, frt_out_numel(r, FRT_DROPOUT_GRAD_OUT_X_GRAD),
      [=] FRT_GPU_FN(int64_t i) {
        const double v = frt_gpu_real(g, wide, i);
        frt_gpu_put(dx, wide, i, mask[i] == 0 ? 0.0 : s.up ? v / (double)keep : v);
      },
      err);
}

#define F32_ROW(type, stem)                                                             \
  {type, FRT_F32S, sizeof(frt_gpu_numbers_t), stem##_prepare, stem##_run, FRT_GPU_FLAGS, NULL}
FRT_KERNELS(cuda, random) = {
    F32_ROW("uniform_random", uniform),
    F32_ROW("gaussian_random", gaussian),
    F32_ROW("truncated_gaussian_random", truncated),
    FRT_KERNEL("randint", FRT_INTS, randint, FRT_GPU_FLAGS),
    FRT_KERNEL("dropout", FRT_FLOATS, dropout, FRT_GPU_INPLACE),
    FRT_KERNEL("dropout_grad", FRT_DTYPE_BIT(FRT_U8), dropout_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
