/* models/five_ops against the definitions of its ops, written out here in double and
 * compared step by step: each step's oracle starts from the values that the scope
 * really holds. */
#include <math.h>

#include "fluidrt/rng.h"
#include "session.h"

enum { ROWS = 5, IN = 4, OUT = 3, STEPS = 8, SEED = 90 };
static const double RATE = 0.1f, MU = 0.9f, COEFF = 0.1f, WEIGHT_DECAY = 0.0005f,
                    L2 = 0.01f, BOUND = 1.5f; /* fp32 in the program */

/* A value and its magnitude: the same expression with absolute values. Each output
 * sums or multiplies fewer than 64 rounded values, so |error| <= 64 u magnitude. */
typedef struct { double v, mag; } exact_t;

static exact_t known(double v) { return (exact_t){v, fabs(v)}; }
static exact_t add(exact_t a, exact_t b) { return (exact_t){a.v + b.v, a.mag + b.mag}; }
static exact_t sub(exact_t a, exact_t b) { return (exact_t){a.v - b.v, a.mag + b.mag}; }
static exact_t mul(exact_t a, exact_t b) { return (exact_t){a.v * b.v, a.mag * b.mag}; }

static void close_to(const char *what, int index, float got, exact_t want) {
  const double bound = 64 * ldexp(1, -24) * want.mag;
  if (!(fabs((double)got - want.v) <= bound))
    fail_msg("%s[%d]: %.9g, wanted %.17g within %.3g", what, index, (double)got, want.v,
             bound);
}

typedef struct { float w[IN * OUT], b[OUT], vw[IN * OUT], vb[OUT]; } state_t;

typedef struct {
  exact_t y[ROWS * OUT], loss, gw[IN * OUT], gb[OUT], cw[IN * OUT], cb[OUT],
      dw[IN * OUT], db[OUT];
} step_t;

static exact_t clipped(exact_t g) {
  return g.v < -BOUND ? known(-BOUND) : g.v > BOUND ? known(BOUND) : g;
}

static exact_t decayed(exact_t g, float p) { return add(g, mul(known(L2), known(p))); }

static void forward(const float *x, const state_t *s, step_t *t) {
  t->loss = known(0);
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < OUT; ++j) {
      exact_t y = known(s->b[j]);
      for (int k = 0; k < IN; ++k)
        y = add(y, mul(known(x[i * IN + k]), known(s->w[k * OUT + j])));
      /* At the kink a rounding would decide: the data keeps away from it. */
      assert_true(fabs(y.v) > 64 * ldexp(1, -24) * y.mag);
      t->y[i * OUT + j] = y.v > 0 ? y : known(0);
      t->loss = add(t->loss, t->y[i * OUT + j]);
    }
}

static void backward(const float *x, const state_t *s, step_t *t) {
  for (int j = 0; j < OUT; ++j) {
    t->gb[j] = known(0);
    for (int k = 0; k < IN; ++k) t->gw[k * OUT + j] = known(0);
    for (int i = 0; i < ROWS; ++i) {
      if (t->y[i * OUT + j].v <= 0) continue;
      t->gb[j] = add(t->gb[j], known(1));
      for (int k = 0; k < IN; ++k)
        t->gw[k * OUT + j] = add(t->gw[k * OUT + j], known(x[i * IN + k]));
    }
    t->cb[j] = clipped(t->gb[j]);
    t->db[j] = decayed(t->cb[j], s->b[j]);
  }
  for (int i = 0; i < IN * OUT; ++i) {
    t->cw[i] = clipped(t->gw[i]);
    t->dw[i] = decayed(t->cw[i], s->w[i]);
  }
}

/* velocity = mu velocity + local (grad + wd param), param -= velocity, where
 * local = rate coeff |param| / (|grad| + wd |param|), the plain rate if a norm is 0. */
static void lars(int n, const exact_t *g, const float *p, const float *v, exact_t *new_p,
                 exact_t *new_v) {
  double pp = 0, gg = 0;
  for (int i = 0; i < n; ++i) {
    pp += (double)p[i] * (double)p[i];
    gg += g[i].v * g[i].v;
  }
  const double pn = sqrt(pp), gn = sqrt(gg);
  const double local =
      pn > 0 && gn > 0 ? RATE * COEFF * pn / (gn + WEIGHT_DECAY * pn) : RATE;
  for (int i = 0; i < n; ++i) {
    const exact_t pull = add(g[i], mul(known(WEIGHT_DECAY), known(p[i])));
    new_v[i] = add(mul(known(MU), known(v[i])), mul(known(local), pull));
    new_p[i] = sub(known(p[i]), new_v[i]);
  }
}

static void read_var(session_t *s, const char *name, float *to, int n) {
  frt_tensor_t *t = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_scope_get(s->scope, name, &t, &err));
  assert_int_equal(n, frt_tensor_numel(t));
  memcpy(to, frt_tensor_data(t), (size_t)n * sizeof *to);
  frt_tensor_release(t);
}

static state_t read_state(session_t *s) {
  state_t now;
  read_var(s, "fc_0.w_0", now.w, IN * OUT);
  read_var(s, "fc_0.b_0", now.b, OUT);
  read_var(s, "fc_0.w_0_velocity_0", now.vw, IN * OUT);
  read_var(s, "fc_0.b_0_velocity_0", now.vb, OUT);
  return now;
}

static void compare(const char *what, const frt_tensor_t *got, const exact_t *want,
                    int n) {
  assert_int_equal(n, frt_tensor_numel(got));
  for (int i = 0; i < n; ++i)
    close_to(what, i, ((const float *)frt_tensor_data(got))[i], want[i]);
}

static void compare_updates(const step_t *t, const state_t *old, const state_t *now) {
  exact_t p[IN * OUT], v[IN * OUT];
  lars(IN * OUT, t->dw, old->w, old->vw, p, v);
  for (int i = 0; i < IN * OUT; ++i) {
    close_to("fc_0.w_0", i, now->w[i], p[i]);
    close_to("fc_0.w_0_velocity_0", i, now->vw[i], v[i]);
  }
  lars(OUT, t->db, old->b, old->vb, p, v);
  for (int i = 0; i < OUT; ++i) {
    close_to("fc_0.b_0", i, now->b[i], p[i]);
    close_to("fc_0.b_0_velocity_0", i, now->vb[i], v[i]);
  }
}

enum { N_FETCH = 8 };

static float one_step(session_t *s, frt_tensor_t *x) {
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch[N_FETCH] = {
      {"fc_0.tmp_0", 0, 0},    {"reduce_sum_0.tmp_0", 0, 0}, {"fc_0.w_0@GRAD", 0, 0},
      {"fc_0.b_0@GRAD", 0, 0}, {"clip_1.tmp_0", 0, 0},       {"clip_0.tmp_0", 0, 0},
      {"decay_1.tmp_0", 0, 0}, {"decay_0.tmp_0", 0, 0}};
  frt_tensor_t *out[N_FETCH] = {NULL};
  frt_error_t err = FRT_ERROR_INIT;
  const state_t old = read_state(s);
  step_t t;
  forward((const float *)frt_tensor_data(x), &old, &t);
  backward((const float *)frt_tensor_data(x), &old, &t);
  MUST(frt_executor_run(s->exe, s->main, s->scope, &feed, 1, fetch, N_FETCH, out, NULL,
                        &err));
  const struct { const exact_t *want; int n; } wanted[N_FETCH] = {
      {t.y, ROWS * OUT}, {&t.loss, 1},      {t.gw, IN * OUT}, {t.gb, OUT},
      {t.cw, IN * OUT},  {t.cb, OUT},       {t.dw, IN * OUT}, {t.db, OUT}};
  for (int i = 0; i < N_FETCH; ++i) compare(fetch[i].var, out[i], wanted[i].want, wanted[i].n);
  const float loss = first_f32(out[1]);
  for (int i = 0; i < N_FETCH; ++i) frt_tensor_release(out[i]);
  const state_t now = read_state(s);
  compare_updates(&t, &old, &now);
  return loss;
}

/* uniform_random: u (max - min) + min in fp32, u from the engine's next states. */
static void startup_is_what_the_seed_says(session_t *s) {
  const state_t now = read_state(s);
  uint32_t x = frt_rng_seed(SEED);
  for (int i = 0; i < IN * OUT; ++i) {
    x = frt_rng_next(x);
    const float want = frt_rng_unit(x) * 2.0f + -1.0f;
    assert_memory_equal(&want, &now.w[i], sizeof want);
  }
  for (int i = 0; i < OUT; ++i) assert_true(now.b[i] == 0.5f && now.vb[i] == 0);
}

static void train_on(const char *places) {
  const int64_t dims[] = {ROWS, IN};
  session_t s = session_open("five_ops", places, 2);
  frt_tensor_t *x = make_tensor(FRT_F32, 2, dims);
  uint32_t seed = 7;
  float first = 0, last = 0;
  for (int i = 0; i < ROWS * IN; ++i)
    ((float *)frt_tensor_data(x))[i] = draw(&seed) - 0.25f;
  startup_is_what_the_seed_says(&s);
  for (int i = 0; i < STEPS; ++i) {
    last = one_step(&s, x);
    if (i == 0) first = last;
  }
  assert_true(last < first);
  frt_tensor_release(x);
  session_close(&s);
}

static void every_step_on_cpu_is_the_definition(void **state) {
  (void)state;
  train_on("cpu");
}

static void every_step_on_reference_is_the_definition(void **state) {
  (void)state;
  train_on("reference");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_step_on_cpu_is_the_definition),
      cmocka_unit_test(every_step_on_reference_is_the_definition)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
