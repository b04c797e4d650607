#include "fluidrt/op_index.h"
#include "fluidrt/rng.h"
#include "loop.h"
#undef A
#undef B

/* Element i takes draw i + 1 behind the run's state, so pieces jump to where they
 * begin; eight engines each take every eighth state. */
enum { GRAIN = 8192, STREAMS = 8 };

typedef struct {
  float p, keep;   /* keep = 1 - p, in fp32 as Fluid has it */
  int32_t up, test;
  uint32_t state;  /* 0: the run's */
} dropout_t;

typedef struct {
  const dropout_t *s;
  const float *x;
  float *out;
  uint8_t *mask; /* may be NULL */
  uint32_t state;
} dropout_call_t;

static frt_status_t dropout_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  dropout_t *s = (dropout_t *)state;
  (void)workspace, (void)err;
  s->p = frt_attr_f32(op, FRT_DROPOUT_ATTR_DROPOUT_PROB);
  s->keep = 1.0f - s->p;
  s->up = !strcmp(frt_attr_str(op, FRT_DROPOUT_ATTR_DROPOUT_IMPLEMENTATION),
                  "upscale_in_train");
  s->test = frt_attr_bool(op, FRT_DROPOUT_ATTR_IS_TEST);
  /* Seed 0 is a seed too when it is meant. */
  if (frt_attr_bool(op, FRT_DROPOUT_ATTR_FIX_SEED) &&
      frt_attr_i64(op, FRT_DROPOUT_ATTR_SEED) == 0)
    s->state = frt_rng_seed(0);
  return FRT_OK;
}

/* One kernel for mask and product: what is dropped is 0, whatever it was. */
FRT_CPU_BODY void apply_body(float *o, const float *x, const uint8_t *mask, int64_t n,
                             float keep, int up) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    const float v = up ? x[i] / keep : x[i];
    o[i] = mask[i] ? v : 0.0f;
  }
}
FRT_CPU_VARIANTS(apply,
                 (float *o, const float *x, const uint8_t *mask, int64_t n, float keep, int up),
                 (o, x, mask, n, keep, up))

static void draw(uint8_t *mask, int64_t n, uint32_t state, int64_t skip, float p) {
  const uint32_t step = frt_rng_jump(1u, STREAMS); /* 48271^8 */
  uint32_t x = frt_rng_jump(state, (uint64_t)skip), at[STREAMS];
  for (int j = 0; j < STREAMS; ++j) at[j] = x = frt_rng_next(x);
  for (int64_t i = 0; i < n; i += STREAMS)
    for (int64_t j = 0; j < STREAMS; ++j) {
      if (i + j < n) mask[i + j] = frt_rng_unit(at[j]) >= p;
      at[j] = (uint32_t)((uint64_t)at[j] * step % FRT_RNG_MOD);
    }
}

static void dropout_piece(void *arg, int64_t lo, int64_t hi) {
  enum { BUFFER = 1024 };
  const dropout_call_t *c = (const dropout_call_t *)arg;
  uint8_t own[BUFFER];
  for (int64_t i = lo; i < hi; i += BUFFER) {
    const int64_t n = hi - i < BUFFER ? hi - i : BUFFER;
    uint8_t *mask = c->mask ? c->mask + i : own;
    draw(mask, n, c->state, i, c->s->p);
    apply(c->out + i, c->x + i, mask, n, c->s->keep, c->s->up);
  }
}

static void test_piece(void *arg, int64_t lo, int64_t hi) {
  const dropout_call_t *c = (const dropout_call_t *)arg;
  const float factor = c->s->up ? 1.0f : c->s->keep;
  if (c->mask) memset(c->mask + lo, 1, (size_t)(hi - lo));
  for (int64_t i = lo; i < hi; ++i) c->out[i] = c->x[i] * factor;
}

static frt_status_t dropout_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const dropout_t *s = (const dropout_t *)state;
  dropout_call_t c = {s, frt_in_f32(r, FRT_DROPOUT_IN_X),
                      frt_out_f32(r, FRT_DROPOUT_OUT_OUT), NULL,
                      s->state ? s->state : (uint32_t)r->rng_state};
  (void)err;
  if (frt_has_out(r, FRT_DROPOUT_OUT_MASK))
    c.mask = (uint8_t *)frt_out(r, FRT_DROPOUT_OUT_MASK)->data;
  frt_cpu_for(r, frt_in_numel(r, FRT_DROPOUT_IN_X), GRAIN,
              s->test ? test_piece : dropout_piece, &c);
  return FRT_OK;
}

typedef dropout_t dropout_grad_t;

static frt_status_t dropout_grad_prepare(const frt_op_t *op, void *state,
                                         uint64_t *workspace, frt_error_t *err) {
  dropout_grad_t *s = (dropout_grad_t *)state;
  (void)workspace, (void)err;
  s->keep = 1.0f - frt_attr_f32(op, FRT_DROPOUT_GRAD_ATTR_DROPOUT_PROB);
  s->up = !strcmp(frt_attr_str(op, FRT_DROPOUT_GRAD_ATTR_DROPOUT_IMPLEMENTATION),
                  "upscale_in_train");
  return FRT_OK;
}

static void grad_piece(void *arg, int64_t lo, int64_t hi) {
  const dropout_call_t *c = (const dropout_call_t *)arg;
  apply(c->out + lo, c->x + lo, c->mask + lo, hi - lo, c->s->keep, c->s->up);
}

static frt_status_t dropout_grad_run(const void *state, const frt_run_t *r,
                                     frt_error_t *err) {
  dropout_call_t c = {(const dropout_grad_t *)state,
                      frt_in_f32(r, FRT_DROPOUT_GRAD_IN_OUT_GRAD), NULL,
                      (uint8_t *)frt_in(r, FRT_DROPOUT_GRAD_IN_MASK)->data, 0};
  (void)err;
  if (!frt_has_out(r, FRT_DROPOUT_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.out = frt_out_f32(r, FRT_DROPOUT_GRAD_OUT_X_GRAD);
  frt_cpu_for(r, frt_in_numel(r, FRT_DROPOUT_GRAD_IN_OUT_GRAD), FRT_CPU_GRAIN, grad_piece,
              &c);
  return FRT_OK;
}

/* The key slot is Mask: the gradient's dtype decides. */
static frt_reason_t dropout_grad_refuse(const frt_op_t *op, char detail[160]) {
  const uint32_t dtype = frt_in(op, FRT_DROPOUT_GRAD_IN_OUT_GRAD)->dtype;
  if (dtype == FRT_F32) return FRT_REASON_NONE;
  snprintf(detail, 160, "Out@GRAD has dtype %s; the kernel takes float32",
           frt_dtype_name(dtype));
  return FRT_REASON_DTYPE;
}

FRT_KERNELS(cpu, dropout) = {
    FRT_KERNEL("dropout", FRT_F32S, dropout, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    {"dropout_grad", FRT_DTYPE_BIT(FRT_U8), sizeof(dropout_grad_t), dropout_grad_prepare,
     dropout_grad_run, FRT_KERNEL_DETERMINISTIC, dropout_grad_refuse},
    FRT_KERNELS_END};
