#include "unary.h"

/* Update rules: several tensors of one shape are read, several written, each output in the
 * memory of its own input. Values are computed in double from what was stored. */
typedef struct {
  int wide;
  int64_t n;
  const void *p, *g, *a, *b, *c, *lr;
  void *o0, *o1, *o2, *o3;
  double k[4];
} update_t;

#define GET(field) frt_gpu_real(u.field, u.wide, i)
#define RATE frt_gpu_real(u.lr, u.wide, 0)
#define PUT(field, v) frt_gpu_put(u.field, u.wide, i, (v))

/* What every rule has under these names, and the rate that all but adadelta have. */
#define UPDATE_WITHOUT_RATE(OP)                                                            \
  update_t u;                                                                              \
  memset(&u, 0, sizeof u);                                                                 \
  memcpy(u.k, state, sizeof u.k);                                                          \
  u.wide = frt_gpu_wide(frt_in(r, FRT_##OP##_IN_PARAM));                                   \
  u.n = frt_in_numel(r, FRT_##OP##_IN_PARAM);                                              \
  u.p = frt_in(r, FRT_##OP##_IN_PARAM)->data;                                              \
  u.g = frt_in(r, FRT_##OP##_IN_GRAD)->data;                                               \
  u.o0 = frt_out(r, FRT_##OP##_OUT_PARAMOUT)->data
#define UPDATE(OP)                                                                         \
  UPDATE_WITHOUT_RATE(OP);                                                                 \
  u.lr = frt_gpu_data_in(r, FRT_##OP##_IN_LEARNINGRATE)
#define STEP(stem) \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err)

#define NO_ATTRS(stem) GPU_PREPARE_(stem, GPU_NONE)
NO_ATTRS(sgd)
STEP(sgd) {
  UPDATE(SGD);
  return frt_gpu_each(
      r, u.n, [=] FRT_GPU_FN(int64_t i) { PUT(o0, GET(p) - RATE * GET(g)); }, err);
}

GPU_PREPARE_(momentum, FRT_MOMENTUM_ATTR_MU, FRT_MOMENTUM_ATTR_USE_NESTEROV)
STEP(momentum) {
  UPDATE(MOMENTUM);
  u.a = frt_in(r, FRT_MOMENTUM_IN_VELOCITY)->data;
  u.o1 = frt_out(r, FRT_MOMENTUM_OUT_VELOCITYOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double g = GET(g), v = u.k[0] * GET(a) + g;
        const double step = u.k[1] != 0 ? g + u.k[0] * v : v;
        PUT(o1, v);
        PUT(o0, GET(p) - RATE * step);
      },
      err);
}

static FRT_GPU_FN inline double mean_of(double rho, double was, double now) {
  return rho * was + (1 - rho) * now;
}

/* ---- adagrad and decayed_adagrad: slots in the same places ------------------------------- */

GPU_PREPARE_(adagrad, FRT_ADAGRAD_ATTR_EPSILON)
STEP(adagrad) {
  UPDATE(ADAGRAD);
  u.a = frt_in(r, FRT_ADAGRAD_IN_MOMENT)->data;
  u.o1 = frt_out(r, FRT_ADAGRAD_OUT_MOMENTOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double g = GET(g), m = GET(a) + g * g;
        PUT(o1, m);
        PUT(o0, GET(p) - RATE * g / (sqrt(m) + u.k[0]));
      },
      err);
}
GPU_PREPARE_(decayed, FRT_DECAYED_ADAGRAD_ATTR_EPSILON, FRT_DECAYED_ADAGRAD_ATTR_DECAY)
STEP(decayed) {
  UPDATE(DECAYED_ADAGRAD);
  u.a = frt_in(r, FRT_DECAYED_ADAGRAD_IN_MOMENT)->data;
  u.o1 = frt_out(r, FRT_DECAYED_ADAGRAD_OUT_MOMENTOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double g = GET(g), m = mean_of(u.k[1], GET(a), g * g);
        PUT(o1, m);
        PUT(o0, GET(p) - RATE * g / (sqrt(m) + u.k[0]));
      },
      err);
}

/* ---- adadelta: the step takes the new average of updates, as Fluid's does ------------------ */

GPU_PREPARE_(adadelta, FRT_ADADELTA_ATTR_RHO, FRT_ADADELTA_ATTR_EPSILON)
STEP(adadelta) {
  UPDATE_WITHOUT_RATE(ADADELTA);
  u.a = frt_in(r, FRT_ADADELTA_IN_AVGSQUAREDGRAD)->data;
  u.b = frt_in(r, FRT_ADADELTA_IN_AVGSQUAREDUPDATE)->data;
  u.o1 = frt_out(r, FRT_ADADELTA_OUT_AVGSQUAREDGRADOUT)->data;
  u.o2 = frt_out(r, FRT_ADADELTA_OUT_AVGSQUAREDUPDATEOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double g = GET(g), b = GET(b), e = u.k[1];
        const double a = mean_of(u.k[0], GET(a), g * g);
        const double w = -sqrt((b + e) / (a + e)) * g;
        const double now = mean_of(u.k[0], b, w * w);
        PUT(o1, a);
        PUT(o2, now);
        PUT(o0, GET(p) - sqrt((now + e) / (a + e)) * g);
      },
      err);
}

/* ---- rmsprop ------------------------------------------------------------------------------- */

GPU_PREPARE_(rmsprop, FRT_RMSPROP_ATTR_EPSILON, FRT_RMSPROP_ATTR_DECAY,
             FRT_RMSPROP_ATTR_MOMENTUM, FRT_RMSPROP_ATTR_CENTERED)
STEP(rmsprop) {
  UPDATE(RMSPROP);
  u.a = frt_in(r, FRT_RMSPROP_IN_MEANSQUARE)->data;
  u.b = frt_gpu_data_in(r, FRT_RMSPROP_IN_MEANGRAD);
  u.c = frt_in(r, FRT_RMSPROP_IN_MOMENT)->data;
  u.o1 = frt_out(r, FRT_RMSPROP_OUT_MEANSQUAREOUT)->data;
  u.o2 = frt_gpu_data_out(r, FRT_RMSPROP_OUT_MEANGRADOUT);
  u.o3 = frt_out(r, FRT_RMSPROP_OUT_MOMENTOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double g = GET(g), ms = mean_of(u.k[1], GET(a), g * g);
        const double was = u.b ? GET(b) : 0.0;
        const double mg = u.k[3] != 0 ? mean_of(u.k[1], was, g) : was;
        const double under = u.k[3] != 0 ? ms - mg * mg + u.k[0] : ms + u.k[0];
        const double step = u.k[2] * GET(c) + RATE * g / sqrt(under);
        PUT(o1, ms);
        if (u.o2) PUT(o2, mg);
        PUT(o3, step);
        PUT(o0, GET(p) - step);
      },
      err);
}

/* ---- ftrl ---------------------------------------------------------------------------------- */

GPU_PREPARE_(ftrl, FRT_FTRL_ATTR_L1, FRT_FTRL_ATTR_L2, FRT_FTRL_ATTR_LR_POWER)
STEP(ftrl) {
  UPDATE(FTRL);
  u.a = frt_in(r, FRT_FTRL_IN_SQUAREDACCUMULATOR)->data;
  u.b = frt_in(r, FRT_FTRL_IN_LINEARACCUMULATOR)->data;
  u.o1 = frt_out(r, FRT_FTRL_OUT_SQUAREDACCUMOUT)->data;
  u.o2 = frt_out(r, FRT_FTRL_OUT_LINEARACCUMOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double lr = RATE, l1 = u.k[0], l2 = u.k[1], power = -u.k[2];
        const double g = GET(g), before = GET(a), after = before + g * g;
        const double was = frt_gpu_power(before, power), now = frt_gpu_power(after, power);
        const double z = GET(b) + g - (now - was) / lr * GET(p);
        const double y = now / lr + 2 * l2, x = (z > 0 ? l1 : z < 0 ? -l1 : 0) - z;
        PUT(o1, after);
        PUT(o2, z);
        PUT(o0, fabs(z) > l1 ? x / y : 0.0);
      },
      err);
}

/* ---- adam, adamax -------------------------------------------------------------------------- */

GPU_PREPARE_(adam, FRT_ADAM_ATTR_BETA1, FRT_ADAM_ATTR_BETA2, FRT_ADAM_ATTR_EPSILON)
/* Element 0 of the powers is written by a launch of its own, when all have read it. */
static frt_status_t next_powers(const frt_run_t *r, int wide, const double *k, int in1, int in2,
                                int out1, int out2, frt_error_t *err) {
  const void *p1 = frt_in(r, in1)->data, *p2 = frt_in(r, in2)->data;
  void *o1 = frt_gpu_data_out(r, out1), *o2 = frt_gpu_data_out(r, out2);
  const double beta1 = k[0], beta2 = k[1];
  return frt_gpu_each(
      r, 1,
      [=] FRT_GPU_FN(int64_t i) {
        if (o1) frt_gpu_put(o1, wide, i, beta1 * frt_gpu_real(p1, wide, i));
        if (o2) frt_gpu_put(o2, wide, i, beta2 * frt_gpu_real(p2, wide, i));
      },
      err);
}
STEP(adam) {
  UPDATE(ADAM);
  const void *p1 = frt_in(r, FRT_ADAM_IN_BETA1POW)->data;
  const void *p2 = frt_in(r, FRT_ADAM_IN_BETA2POW)->data;
  u.a = frt_in(r, FRT_ADAM_IN_MOMENT1)->data;
  u.b = frt_in(r, FRT_ADAM_IN_MOMENT2)->data;
  u.o1 = frt_out(r, FRT_ADAM_OUT_MOMENT1OUT)->data;
  u.o2 = frt_out(r, FRT_ADAM_OUT_MOMENT2OUT)->data;
  FRT_TRY(frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double pow1 = frt_gpu_real(p1, u.wide, 0), pow2 = frt_gpu_real(p2, u.wide, 0);
        const double rate = RATE * sqrt(1 - pow2) / (1 - pow1), g = GET(g);
        const double m = mean_of(u.k[0], GET(a), g), v = mean_of(u.k[1], GET(b), g * g);
        PUT(o1, m);
        PUT(o2, v);
        PUT(o0, GET(p) - rate * m / (sqrt(v) + u.k[2]));
      },
      err));
  return next_powers(r, u.wide, u.k, FRT_ADAM_IN_BETA1POW, FRT_ADAM_IN_BETA2POW,
                     FRT_ADAM_OUT_BETA1POWOUT, FRT_ADAM_OUT_BETA2POWOUT, err);
}

GPU_PREPARE_(adamax, FRT_ADAMAX_ATTR_BETA1, FRT_ADAMAX_ATTR_BETA2, FRT_ADAMAX_ATTR_EPSILON)
STEP(adamax) {
  UPDATE(ADAMAX);
  const void *p1 = frt_in(r, FRT_ADAMAX_IN_BETA1POW)->data;
  u.a = frt_in(r, FRT_ADAMAX_IN_MOMENT)->data;
  u.b = frt_in(r, FRT_ADAMAX_IN_INFNORM)->data;
  u.o1 = frt_out(r, FRT_ADAMAX_OUT_MOMENTOUT)->data;
  u.o2 = frt_out(r, FRT_ADAMAX_OUT_INFNORMOUT)->data;
  return frt_gpu_each(
      r, u.n,
      [=] FRT_GPU_FN(int64_t i) {
        const double rate = RATE / (1 - frt_gpu_real(p1, u.wide, 0)), g = GET(g);
        const double m = mean_of(u.k[0], GET(a), g);
        const double kept = u.k[1] * GET(b) + u.k[2], size = fabs(g);
        const double norm = size > kept ? size : kept;
        PUT(o1, m);
        PUT(o2, norm);
        PUT(o0, GET(p) - rate * m / norm);
      },
      err);
}

FRT_KERNELS(cuda, optimizer) = {
    GPU_FLOATS("sgd", sgd, FRT_GPU_INPLACE),
    GPU_FLOATS("momentum", momentum, FRT_GPU_INPLACE),
    GPU_FLOATS("adagrad", adagrad, FRT_GPU_INPLACE),
    GPU_FLOATS("decayed_adagrad", decayed, FRT_GPU_INPLACE),
    GPU_FLOATS("adadelta", adadelta, FRT_GPU_INPLACE),
    GPU_FLOATS("rmsprop", rmsprop, FRT_GPU_INPLACE),
    GPU_FLOATS("ftrl", ftrl, FRT_GPU_INPLACE),
    GPU_FLOATS("adam", adam, FRT_GPU_INPLACE),
    GPU_FLOATS("adamax", adamax, FRT_GPU_INPLACE),
    FRT_KERNELS_END};
