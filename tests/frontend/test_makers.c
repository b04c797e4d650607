/* Every gradient maker against central differences, in double on the reference provider.
 * For each case of the conformance suite whose op has a gradient: a program of the op,
 * append_backward, and the gradient it makes; the op once and twice over the same inputs
 * (sums), and with one input after the other barred from having a gradient. Which ops are
 * checked is counted; those that cannot be are listed. `frontend_makers OP...` runs some. */
#include <stdlib.h>

#include "makers.h"


enum { MAX_ELEMENTS = 400, MAX_SAMPLES = 60 };

typedef struct check {
  frti_bench_t bench;
  frti_probe_t *probe;
  maker_net_t net;
  int64_t elements; /* compared */
  char why[FRTI_TEXT];
  frt_error_t err;
} check_t;

/* Ops with a gradient that no case here reaches, and why. */
static const struct { const char *op, *why; } aside[] = {
    {"conditional_block", "has a block; unit_train_test_cond does it"}};

/* ---- one element ------------------------------------------------------------------------ */

static double loss_at(check_t *k, uint32_t i, int64_t e, double x) {
  double loss = NAN;
  return maker_loss(&k->net, i, e, x, &loss, &k->err) == FRT_OK ? loss : (double)NAN;
}

/* Truncation is O(h^2): what halving h changes is three times what is left. */
static int check_element(check_t *k, uint32_t i, int64_t e, double got) {
  const double x = k->probe->in[i].d[e], h = 0x1p-14 * fmax(1, fabs(x));
  const double up = loss_at(k, i, e, x + h), mid = loss_at(k, i, e, x),
               down = loss_at(k, i, e, x - h);
  const double right = (up - mid) / h, left = (mid - down) / h;
  const double coarse = (up - down) / (2 * h);
  const double slope = (loss_at(k, i, e, x + h / 2) - loss_at(k, i, e, x - h / 2)) / h;
  const double allowed = 1e-6 * fmax(fabs(got), fabs(slope)) + fabs(coarse - slope) + 1e-8 +
                         1e-10 * fabs(mid);
  /* A kink within h: the one-sided slopes disagree by far more than O(h). */
  if (fabs(right - left) > 1e-2 * (fabs(right) + fabs(left)) + 1e-4) return 1;
  ++k->elements;
  if (fabs(got - slope) <= allowed) return 1;
  snprintf(k->why, sizeof k->why, "%s[%lld] of input %u: %.12g, central difference %.12g",
           k->probe->in[i].def->name, (long long)e, i, got, slope);
  return 0;
}

static int check_input(check_t *k, uint32_t i) {
  double grad[MAX_ELEMENTS];
  const int64_t n = k->probe->in[i].api.numel;
  const int64_t step = n > MAX_SAMPLES ? n / MAX_SAMPLES : 1;
  if (maker_gradient(&k->net, i, grad, &k->err) != FRT_OK) {
    snprintf(k->why, sizeof k->why, "%s of input %u: %s", k->probe->in[i].def->name, i,
             k->err.message);
    return 0;
  }
  for (int64_t e = 0; e < n; e += step)
    if (!check_element(k, i, e, grad[e])) return 0;
  return 1;
}

/* ---- one program ------------------------------------------------------------------------- */

/* barred: an input without gradient, -1: none. */
static int check_net(check_t *k, int times, int barred, int by_flag) {
  double grad[MAX_ELEMENTS];
  int ok = maker_build(&k->net, k->probe, times, k->bench.rt[0], &k->err) == FRT_OK &&
           maker_backward(&k->net, barred, by_flag, &k->err) == FRT_OK;
  if (!ok) snprintf(k->why, sizeof k->why, "%s", k->err.message);
  for (uint32_t i = 0; ok && i < k->probe->n_in; ++i) {
    if ((int)i == barred) {
      ok = maker_gradient(&k->net, i, grad, &k->err) == FRT_NOT_FOUND;
      if (!ok) snprintf(k->why, sizeof k->why, "input %u has a gradient all the same", i);
    } else if (maker_differentiable(k->probe, i)) {
      ok = check_input(k, i);
    }
  }
  maker_release(&k->net);
  return ok;
}

static uint32_t n_differentiable(const frti_probe_t *p) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->n_in; ++i) n += (uint32_t)maker_differentiable(p, i);
  return n;
}

/* Once, twice, and with each of several inputs barred in turn. */
static int check_all(check_t *k) {
  if (!check_net(k, 1, -1, 0) || !check_net(k, 2, -1, 0)) return 0;
  for (uint32_t i = 0; n_differentiable(k->probe) > 1 && i < k->probe->n_in; ++i)
    if (maker_differentiable(k->probe, i) && !check_net(k, 1, (int)i, i & 1)) return 0;
  return 1;
}

/* ---- cases ------------------------------------------------------------------------------- */

static int smooth(const frt_case_t *c) {
  if (c->flags & (FRT_CASE_ROUGH | FRT_CASE_OUT_OF_RANGE)) return 0;
  if (c->dtypes && !(c->dtypes & FRT_DTYPE_BIT(FRT_F64))) return 0;
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i)
    if (c->in[i].data.kind == FRT_DATA_SPECIALS) return 0;
  return 1;
}

static int small(const frti_probe_t *p) {
  int counted = 0;
  if (!p->n_in || p->n_in > MAKER_MAX || p->n_out > MAKER_MAX) return 0;
  for (uint32_t i = 0; i < p->n_in; ++i)
    if (!p->in[i].api.numel || p->in[i].api.numel > MAX_ELEMENTS) return 0;
  for (uint32_t i = 0; i < p->n_out; ++i) {
    counted += maker_counts(p, i);
    if (!(p->out[i].def->flags & FRT_SLOT_SHAPE_ONLY) &&
        (!p->out[i].api.numel || p->out[i].api.numel > 10 * MAX_ELEMENTS))
      return 0;
  }
  return counted && n_differentiable(p) > 0;
}

/* The first row of sizes that is small: 1 checked, 0 wrong, -1 there is none. */
static int check_case(check_t *k, const frt_case_t *c) {
  int verdict = -1;
  for (uint32_t r = 0; verdict < 0 && (r < c->n_sizes || (!r && !c->n_sizes)); ++r) {
    const int64_t *row = c->n_sizes ? c->sizes[r] : NULL;
    if (frti_probe_build(k->probe, c, row, FRT_F64, &k->bench, &k->err) == FRT_OK &&
        small(k->probe) && frti_probe_fill(k->probe, &k->bench, &k->err) == FRT_OK)
      verdict = check_all(k);
    frti_probe_release(k->probe);
  }
  if (!verdict) printf("WRONG %s %s: %s\n", c->op, c->name, k->why);
  return verdict;
}

/* All cases of an op: how many were checked; *wrong counts those that failed. */
static int check_op(check_t *k, const char *op, int *wrong) {
  int checked = 0;
  for (size_t f = 0; f < frti_n_families; ++f)
    for (const frt_case_t *c = frti_cases_of(f); c->op; ++c) {
      if (strcmp(c->op, op) != 0 || !smooth(c)) continue;
      const int verdict = check_case(k, c);
      checked += verdict > 0;
      *wrong += !verdict;
    }
  return checked;
}

static const char *excuse(const char *op) {
  for (size_t i = 0; i < sizeof aside / sizeof *aside; ++i)
    if (!strcmp(aside[i].op, op)) return aside[i].why;
  return NULL;
}

static int chosen(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    if (!strcmp(argv[i], name)) return 1;
  return argc < 2;
}

/* Ops that have no gradient, by what their schemas say. */
static void list_without(const char *grad, const char *heading) {
  int n = 0;
  printf("%s:", heading);
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const char *type = frt_op_at(i)->type;
    if (strcmp(frt_op_at(i)->grad, grad) != 0 || strstr(type, "_grad")) continue;
    printf(" %s", type);
    ++n;
  }
  printf(" (%d)\n", n);
}

static int run(check_t *k, int argc, char **argv) {
  int ops = 0, cases = 0, wrong = 0, missing = 0;
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frt_op_schema_t *s = frt_op_at(i);
    if (!s->grad || s->grad[0] == '!' || !chosen(s->type, argc, argv)) continue;
    const int before = wrong;
    const int checked = excuse(s->type) ? 0 : check_op(k, s->type, &wrong);
    ops += checked > 0;
    cases += checked;
    if (checked || wrong > before) continue;
    printf("not checked %s: %s\n", s->type,
           excuse(s->type) ? excuse(s->type) : "NO SMALL SMOOTH CASE IN DOUBLE");
    missing += !excuse(s->type);
  }
  list_without(FRT_NO_GRAD, "no gradient in Fluid either");
  list_without(FRT_NOT_DIFFERENTIABLE, "integers, comparisons, draws, updates");
  printf("gradients of %d ops: %d cases, %lld elements right, %d wrong, %d ops without a "
         "case\n", ops, cases, (long long)k->elements, wrong, missing);
  return !ops || wrong || missing;
}

int main(int argc, char **argv) {
  const frti_options_t o = {.provider = "reference"};
  check_t *k = calloc(1, sizeof *k);
  int failed = 1;
  if (!k) return 1;
  k->err = (frt_error_t)FRT_ERROR_INIT;
  k->probe = calloc(1, sizeof *k->probe);
  if (k->probe && frti_bench_open(&k->bench, &o, 1, 1, &k->err) == FRT_OK)
    failed = run(k, argc, argv);
  else
    printf("%s\n", k->err.message);
  frti_bench_close(&k->bench);
  free(k->probe);
  free(k);
  return failed;
}
