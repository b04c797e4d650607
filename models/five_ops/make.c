/* A training program made of fc, reduce_sum, clip, decay and lars_momentum, and of the
 * gradients of the first two, op by op: what `fluidrt new five-ops` writes. Nothing but
 * fluidrt/program.h is needed to write one. */
#include "five_ops/make.h"

enum { FORWARD = 0, BACKWARD = 1, OPTIMIZE = 2, LOSS = 256 }; /* op_role */
enum { WIDE = 4, OUT = 3 };

/* One program being written; the first failure stays and ends all further work. */
typedef struct {
  frt_program_t *program;
  uint32_t op;
  frt_status_t status;
  frt_error_t err;
} writer_t;

/* The name prefix of a parameter and everything that belongs to it. */
typedef struct {
  const char *param, *grad, *clipped, *decayed, *velocity;
  uint32_t rank;
  int64_t dims[2];
} param_t;

/* In the order Fluid updates them: by name. */
static const param_t params[] = {
    {"fc_0.b_0", "fc_0.b_0@GRAD", "clip_0.tmp_0", "decay_0.tmp_0",
     "fc_0.b_0_velocity_0", 1, {OUT}},
    {"fc_0.w_0", "fc_0.w_0@GRAD", "clip_1.tmp_0", "decay_1.tmp_0",
     "fc_0.w_0_velocity_0", 2, {WIDE, OUT}}};
enum { BIAS, WEIGHT, N_PARAMS };

static void var(writer_t *w, const char *name, uint32_t rank, const int64_t *dims,
                int persistable) {
  const frt_var_info_t info = {.name = name, .kind = FRT_VAR_LOD_TENSOR,
                               .dtype = FRT_F32, .rank = rank, .dims = dims,
                               .persistable = persistable};
  if (w->status == FRT_OK)
    w->status = frt_program_add_var(w->program, 0, &info, &w->err);
}

static void op(writer_t *w, const char *type, int32_t role) {
  if (w->status == FRT_OK)
    w->status = frt_program_add_op(w->program, 0, type, &w->op, &w->err);
  if (w->status == FRT_OK)
    w->status =
        frt_program_set_attr_int(w->program, 0, w->op, "op_role", role, &w->err);
}

static void in(writer_t *w, const char *slot, const char *name) {
  if (w->status == FRT_OK)
    w->status = frt_program_set_input(w->program, 0, w->op, slot, &name, 1, &w->err);
}

static void out(writer_t *w, const char *slot, const char *name) {
  if (w->status == FRT_OK)
    w->status = frt_program_set_output(w->program, 0, w->op, slot, &name, 1, &w->err);
}

static void f32(writer_t *w, const char *attr, float value) {
  if (w->status == FRT_OK)
    w->status = frt_program_set_attr_f32(w->program, 0, w->op, attr, value, &w->err);
}

static void i32(writer_t *w, const char *attr, int32_t value) {
  if (w->status == FRT_OK)
    w->status = frt_program_set_attr_int(w->program, 0, w->op, attr, value, &w->err);
}

static void flag(writer_t *w, const char *attr, int value) {
  if (w->status == FRT_OK)
    w->status = frt_program_set_attr_bool(w->program, 0, w->op, attr, value, &w->err);
}

static void text(writer_t *w, const char *attr, const char *value) {
  if (w->status == FRT_OK)
    w->status =
        frt_program_set_attr_string(w->program, 0, w->op, attr, value, &w->err);
}

static void shape(writer_t *w, uint32_t rank, const int64_t *dims) {
  i32(w, "dtype", FRT_F32);
  if (w->status == FRT_OK)
    w->status =
        frt_program_set_attr_longs(w->program, 0, w->op, "shape", dims, rank, &w->err);
}

static void fill(writer_t *w, const char *name, uint32_t rank, const int64_t *dims,
                 float value, int32_t role) {
  op(w, "fill_constant", role);
  out(w, "Out", name);
  shape(w, rank, dims);
  f32(w, "value", value);
}

/* Parameters, velocities and the rate: what lasts from run to run. */
static void persistables(writer_t *w) {
  const int64_t one = 1;
  for (int i = 0; i < N_PARAMS; ++i) {
    var(w, params[i].param, params[i].rank, params[i].dims, 1);
    var(w, params[i].velocity, params[i].rank, params[i].dims, 1);
  }
  var(w, "learning_rate_0", 1, &one, 1);
}

static void startup(writer_t *w) {
  const int64_t one = 1;
  persistables(w);
  fill(w, "learning_rate_0", 1, &one, 0.1f, FORWARD);
  for (int i = 0; i < N_PARAMS; ++i)
    fill(w, params[i].velocity, params[i].rank, params[i].dims, 0, FORWARD);
  fill(w, params[BIAS].param, params[BIAS].rank, params[BIAS].dims, 0.5f, FORWARD);
  op(w, "uniform_random", FORWARD);
  out(w, "Out", params[WEIGHT].param);
  shape(w, params[WEIGHT].rank, params[WEIGHT].dims);
  f32(w, "min", -1);
  f32(w, "max", 1);
  i32(w, "seed", 90); /* fixed: the same weights on every machine and provider */
}

static void fc_attrs(writer_t *w) {
  i32(w, "in_num_col_dims", 1);
  text(w, "activation_type", "relu");
}

static void sum_attrs(writer_t *w) {
  const int32_t dim = 0;
  if (w->status == FRT_OK)
    w->status = frt_program_set_attr_ints(w->program, 0, w->op, "dim", &dim, 1, &w->err);
  flag(w, "keep_dim", 0);
  flag(w, "reduce_all", 1);
}

static void forward(writer_t *w) {
  const int64_t x[] = {-1, WIDE}, y[] = {-1, OUT}, one = 1;
  var(w, "x", 2, x, 0);
  var(w, "fc_0.tmp_0", 2, y, 0);
  var(w, "reduce_sum_0.tmp_0", 1, &one, 0);
  op(w, "fc", FORWARD);
  in(w, "Input", "x");
  in(w, "W", params[WEIGHT].param);
  in(w, "Bias", params[BIAS].param);
  out(w, "Out", "fc_0.tmp_0");
  fc_attrs(w);
  op(w, "reduce_sum", FORWARD | LOSS);
  in(w, "X", "fc_0.tmp_0");
  out(w, "Out", "reduce_sum_0.tmp_0");
  sum_attrs(w);
}

static void backward(writer_t *w) {
  const int64_t y[] = {-1, OUT}, one = 1;
  var(w, "reduce_sum_0.tmp_0@GRAD", 1, &one, 0);
  var(w, "fc_0.tmp_0@GRAD", 2, y, 0);
  for (int i = 0; i < N_PARAMS; ++i)
    var(w, params[i].grad, params[i].rank, params[i].dims, 0);
  fill(w, "reduce_sum_0.tmp_0@GRAD", 1, &one, 1, BACKWARD | LOSS);
  op(w, "reduce_sum_grad", BACKWARD);
  in(w, "X", "fc_0.tmp_0");
  in(w, "Out@GRAD", "reduce_sum_0.tmp_0@GRAD");
  out(w, "X@GRAD", "fc_0.tmp_0@GRAD");
  sum_attrs(w);
  op(w, "fc_grad", BACKWARD);
  in(w, "Input", "x");
  in(w, "W", params[WEIGHT].param);
  in(w, "Bias", params[BIAS].param);
  in(w, "Out", "fc_0.tmp_0");
  in(w, "Out@GRAD", "fc_0.tmp_0@GRAD");
  out(w, "W@GRAD", params[WEIGHT].grad);
  out(w, "Bias@GRAD", params[BIAS].grad);
  fc_attrs(w);
}

static void role_var(writer_t *w, const param_t *p) {
  const char *const pair[] = {p->param, p->grad};
  const frt_attr_info_t attr = {.name = "op_role_var", .type = 5, .count = 2, .ss = pair};
  if (w->status == FRT_OK)
    w->status = frt_program_set_attr(w->program, 0, w->op, &attr, &w->err);
}

static void clip(writer_t *w, const param_t *p) {
  var(w, p->clipped, p->rank, p->dims, 0);
  op(w, "clip", OPTIMIZE);
  in(w, "X", p->grad);
  out(w, "Out", p->clipped);
  f32(w, "min", -1.5f);
  f32(w, "max", 1.5f);
  role_var(w, p);
}

static void decay(writer_t *w, const param_t *p) {
  var(w, p->decayed, p->rank, p->dims, 0);
  op(w, "decay", OPTIMIZE);
  in(w, "Grad", p->clipped);
  in(w, "Param", p->param);
  out(w, "Out", p->decayed);
  text(w, "mode", "l2");
  f32(w, "coeff", 0.01f);
  role_var(w, p);
}

static void lars(writer_t *w, const param_t *p) {
  op(w, "lars_momentum", OPTIMIZE);
  in(w, "Param", p->param);
  in(w, "Grad", p->decayed);
  in(w, "Velocity", p->velocity);
  in(w, "LearningRate", "learning_rate_0");
  out(w, "ParamOut", p->param);
  out(w, "VelocityOut", p->velocity);
  f32(w, "mu", 0.9f);
  f32(w, "lars_coeff", 0.1f);
  f32(w, "lars_weight_decay", 0.0005f);
  role_var(w, p);
}

static void training(writer_t *w) {
  persistables(w);
  forward(w);
  backward(w);
  for (int i = 0; i < N_PARAMS; ++i) clip(w, &params[i]);
  for (int i = 0; i < N_PARAMS; ++i) decay(w, &params[i]);
  for (int i = 0; i < N_PARAMS; ++i) lars(w, &params[i]);
}

static frt_status_t filled(writer_t *w, frt_error_t *err) {
  if (w->status != FRT_OK && err) *err = w->err;
  return w->status;
}

frt_status_t five_ops_startup(frt_program_t *p, frt_error_t *err) {
  writer_t w = {.program = p};
  startup(&w);
  return filled(&w, err);
}

frt_status_t five_ops_main(frt_program_t *p, frt_error_t *err) {
  writer_t w = {.program = p};
  training(&w);
  return filled(&w, err);
}
