/* The oracle's gradient op against central differences of the oracle's forward op, in
 * double: what certifies the reference where no closed form does. */
#include <stdlib.h>

#include "runner/runner.h"

enum { MAX_ELEMENTS = 400, MAX_SAMPLES = 60 };

typedef struct check {
  const frti_bench_t *b;
  frti_probe_t f, g;                /* forward op, gradient op */
  double *cotangent[FRTI_MAX_TENSORS]; /* of the forward outputs, NULL: zero */
  double scale;                     /* sum of |cotangent * output| */
  int checked, kinks;
  char *why;
  size_t cap;
} check_t;

static int has_suffix(const char *name) {
  const size_t n = strlen(name);
  return n > 5 && !strcmp(name + n - 5, "@GRAD");
}

int frti_grad_possible(const frt_case_t *c, const int64_t *row) {
  const frt_op_schema_t *f = frti_schema_of(c->op);
  const frt_op_schema_t *g = f && f->grad && f->grad[0] != '!' ? frti_schema_of(f->grad) : NULL;
  int found = 0;
  (void)row;
  if (!g || (c->flags & (FRT_CASE_ROUGH | FRT_CASE_OUT_OF_RANGE))) return 0;
  if (c->dtypes && !(c->dtypes & FRT_F32S)) return 0;
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i)
    if (c->in[i].data.kind == FRT_DATA_SPECIALS) return 0;
  for (int i = 0; i < FRT_MAX_SLOTS && g->inputs[i].name; ++i)
    if (has_suffix(g->inputs[i].name)) found = 1;
  return found;
}

/* Index of the tensor of slot `name` (without @GRAD if cut), -1 if there is none. */
static int find(const frti_probe_t *p, int outputs, const char *name, int cut) {
  char text[64];
  int s;
  snprintf(text, sizeof text, "%.*s", (int)strlen(name) - (cut ? 5 : 0), name);
  s = frti_slot_index(outputs ? p->schema->outputs : p->schema->inputs, text);
  if (s < 0) return -1;
  if (outputs)
    return p->out_slots[s].count ? (int)(p->out_slots[s].t - p->out_at) : -1;
  return p->in_slots[s].count ? (int)(p->in_slots[s].t - p->in_at) : -1;
}

/* What an input of the gradient op is, seen from the forward op. */
static const frti_value_t *source(check_t *k, const char *name, const double **d) {
  int at = find(&k->f, 0, name, 0);
  if (at >= 0) {
    *d = k->f.in[at].d;
    return &k->f.in[at];
  }
  at = find(&k->f, 1, name, 0);
  if (at >= 0) {
    *d = k->f.out[at].d;
    return &k->f.out[at];
  }
  at = has_suffix(name) ? find(&k->f, 1, name, 1) : -1;
  if (at < 0) return NULL;
  if (!k->cotangent[at]) {
    const int64_t n = k->f.out[at].api.numel;
    k->cotangent[at] = malloc((size_t)(n + 1) * sizeof(double));
    for (int64_t e = 0; e < n && k->cotangent[at]; ++e)
      k->cotangent[at][e] =
          2 * frti_unit(frti_mix(k->f.seed + 99u + (uint64_t)at), (uint64_t)e) - 1;
  }
  *d = k->cotangent[at];
  return &k->f.out[at];
}

/* Builds the gradient op from the forward op's tensors. */
static frt_status_t build_gradient(check_t *k, frt_error_t *err) {
  const frt_op_schema_t *g = frti_schema_of(k->f.schema->grad);
  frt_case_t *c = calloc(1, sizeof *c);
  const double *d[FRT_CASE_INS];
  int n = 0;
  frt_status_t status;
  if (!c) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  c->op = g->type;
  c->name = k->f.c->name;
  memcpy(c->attrs, k->f.c->attrs, sizeof c->attrs);
  for (int s = 0; s < FRT_MAX_SLOTS && g->inputs[s].name && n < FRT_CASE_INS; ++s) {
    const frti_value_t *v = source(k, g->inputs[s].name, &d[n]);
    if (!v) continue;
    c->in[n].slot = g->inputs[s].name;
    c->in[n].shape.rank = v->api.rank;
    memcpy(c->in[n].shape.d, v->dims, sizeof v->dims);
    c->in[n++].dtype = AS((int)v->api.dtype);
  }
  status = frti_probe_build(&k->g, c, k->f.row, k->f.dtype, k->b, err);
  for (uint32_t i = 0; status == FRT_OK && i < k->g.n_in; ++i) {
    const size_t bytes = (size_t)k->g.in[i].api.numel * sizeof(double);
    if (k->g.in[i].def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    for (int s = 0; s < n; ++s)
      if (!strcmp(c->in[s].slot, k->g.in[i].def->name) &&
          (k->g.in[i].d = malloc(bytes + 8)))
        memcpy(k->g.in[i].d, d[s], bytes);
  }
  if (status == FRT_OK) status = frti_probe_oracle(&k->g, k->b, err);
  k->g.c = k->f.c; /* c does not live on */
  free(c);
  return status;
}

/* sum of cotangent * output with one element of one input moved. */
static double loss(check_t *k, uint32_t input, int64_t e, double x) {
  const double was = k->f.in[input].d[e];
  double total = 0;
  frt_error_t err = FRT_ERROR_INIT;
  k->f.in[input].d[e] = x;
  if (frti_probe_oracle(&k->f, k->b, &err) != FRT_OK) total = NAN;
  k->scale = 0;
  for (uint32_t o = 0; o < k->f.n_out; ++o)
    for (int64_t i = 0; k->cotangent[o] && i < k->f.out[o].api.numel; ++i) {
      total += k->cotangent[o][i] * k->f.out[o].d[i];
      k->scale += fabs(k->cotangent[o][i] * k->f.out[o].d[i]);
    }
  k->f.in[input].d[e] = was;
  return total;
}

static int check_element(check_t *k, uint32_t output, uint32_t input, int64_t e) {
  const double x = k->f.in[input].d[e], h = 0x1p-14 * fmax(1, fabs(x));
  const double got = k->g.out[output].d[e];
  const double up = loss(k, input, e, x + h), mid = loss(k, input, e, x),
               down = loss(k, input, e, x - h);
  const double right = (up - mid) / h, left = (mid - down) / h;
  const double coarse = (up - down) / (2 * h);
  const double slope = (loss(k, input, e, x + h / 2) - loss(k, input, e, x - h / 2)) / h;
  /* Truncation is O(h^2): halving h takes three quarters of it away, so the change is
   * three times what is left. The rest is rounding of the two losses over h. */
  const double allowed = 1e-6 * fmax(fabs(got), fabs(slope)) + fabs(coarse - slope) + 1e-8 +
                         1e-10 * k->scale;
  /* A kink within h: the one-sided slopes disagree by far more than O(h). */
  if (fabs(right - left) > 1e-2 * (fabs(right) + fabs(left)) + 1e-4) {
    ++k->kinks;
    return 1;
  }
  ++k->checked;
  if (fabs(got - slope) <= allowed) return 1;
  snprintf(k->why, k->cap, "%s[%lld]: the oracle's %s says %.12g, central difference %.12g, "
           "%.3g times the bound", k->g.out[output].def->name, (long long)e,
           k->g.schema->type, got, slope, fabs(got - slope) / allowed);
  return 0;
}

static int check_all(check_t *k) {
  for (uint32_t o = 0; o < k->g.n_out; ++o) {
    const char *name = k->g.out[o].def->name;
    const int input = has_suffix(name) ? find(&k->f, 0, name, 1) : -1;
    const int64_t n = k->g.out[o].api.numel;
    const int64_t step = n > MAX_SAMPLES ? n / MAX_SAMPLES : 1;
    if (input < 0 || !k->f.in[input].d) continue;
    if (n != k->f.in[input].api.numel) {
      snprintf(k->why, k->cap, "%s has another size than the input", name);
      return FRTI_FAIL;
    }
    for (int64_t e = 0; e < n; e += step)
      if (!check_element(k, o, (uint32_t)input, e)) return FRTI_FAIL;
  }
  if (k->checked) return FRTI_PASS;
  /* Whole numbers that a seed drew may all tie; seed 0 must leave something to check. */
  if (k->kinks && k->b->seed) return 0;
  snprintf(k->why, k->cap, "no element could be checked");
  return FRTI_FAIL;
}

static int small(const frti_probe_t *p) {
  int64_t in = 0, out = 0;
  for (uint32_t i = 0; i < p->n_in; ++i) in += p->in[i].api.numel;
  for (uint32_t i = 0; i < p->n_out; ++i) out += p->out[i].api.numel;
  return in > 0 && in <= MAX_ELEMENTS && out > 0 && out <= 10 * MAX_ELEMENTS;
}

int frti_run_grad(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                  char *why, size_t cap) {
  check_t *k = calloc(1, sizeof *k);
  frt_error_t err = FRT_ERROR_INIT;
  int v = FRTI_FAIL;
  if (!k) return v;
  k->b = b;
  k->why = why;
  k->cap = cap;
  if (frti_probe_build(&k->f, c, row, FRT_F32, b, &err) != FRT_OK) {
    snprintf(why, cap, "the case cannot be built: %s", err.message);
  } else if (!small(&k->f)) {
    v = 0; /* nothing to do at this size */
  } else if (frti_probe_fill(&k->f, b, &err) || frti_probe_oracle(&k->f, b, &err) ||
             build_gradient(k, &err)) {
    snprintf(why, cap, "the oracle: %s", err.message);
  } else {
    v = check_all(k);
  }
  for (int i = 0; i < FRTI_MAX_TENSORS; ++i) free(k->cotangent[i]);
  frti_probe_release(&k->f);
  frti_probe_release(&k->g);
  free(k);
  return v;
}
