/* A worker's life: it opens the provider, runs the jobs of one family in a fixed order
 * and says on a pipe, line by line, what it is about to do and how it went. When it
 * dies, the suite knows which job killed it and starts another one behind that. */
#include <fnmatch.h>
#include <stdlib.h>

#include "runner/replay.h"

#define FRT_CASE_ROW(table) extern const frt_case_t table[];
#include "cases.inc"
#undef FRT_CASE_ROW

/* The name without "frt_cases_". */
const frti_family_t frti_families[] = {
#define FRT_CASE_ROW(table) {#table + 10, table},
#include "cases.inc"
#undef FRT_CASE_ROW
};
const size_t frti_n_families = sizeof frti_families / sizeof frti_families[0];

enum { JOB_CASE, JOB_GRAD, JOB_CLAIMS, JOB_UNKNOWN };
typedef struct worker {
  const frti_options_t *o;
  frti_bench_t b;
  uint32_t at, first; /* job numbers */
  const char *skip;   /* an op that hung */
  FILE *to;
} worker_t;

static void row_text(char *to, size_t cap, const frt_case_t *c, const int64_t *row) {
  size_t used = 0, n = 4;
  to[0] = 0;
  if (!row) return;
  for (; n > 1; --n) { /* trailing columns that no row of the case uses */
    int any = 0;
    for (uint32_t r = 0; r < c->n_sizes; ++r) any |= c->sizes[r][n - 1] != 0;
    if (any) break;
  }
  for (size_t i = 0; i < n; ++i)
    used += (size_t)snprintf(to + used, cap - used, "%s%lld", i ? "," : "[",
                             (long long)row[i]);
  snprintf(to + used, cap - used, "]");
}

static void job(worker_t *w, int kind, const frt_case_t *c, const int64_t *row,
                uint32_t dtype) {
  static const char *const kinds[] = {"", " central differences", " claims",
                                      " asked without sizes"};
  char why[FRTI_TEXT] = "", sizes[96];
  double worst = 0;
  int v;
  if (w->at++ < w->first || !strcmp(c->op, w->skip)) return;
  row_text(sizes, sizeof sizes, c, row);
  frti_set_cpu_limit();
  fprintf(w->to, "B\t%u\t%s\t%s%s %s%s\n", w->at - 1, c->op,
          kind == JOB_CLAIMS ? "-" : c->name, sizes, frt_dtype_name(dtype), kinds[kind]);
  fflush(w->to);
  if (kind == JOB_CASE) v = frti_run_case(&w->b, c, row, dtype, &worst, why, sizeof why);
  else if (kind == JOB_GRAD) v = frti_run_grad(&w->b, c, row, why, sizeof why);
  else if (kind == JOB_CLAIMS) v = frti_run_claims(&w->b, c, why, sizeof why);
  else v = frti_run_unknown(&w->b, c, row, dtype, why, sizeof why);
  for (char *s = why; *s; ++s)
    if (*s == '\n' || *s == '\t') *s = ' ';
  fprintf(w->to, "%c\t%s\t%.9g\n", v ? v : 'S', why, worst);
  fflush(w->to);
}

/* The case's entry for the key slot; NULL when the op has no inputs here. */
static const frt_case_in_t *key_entry(const frt_op_schema_t *s, const frt_case_t *c) {
  for (int i = 0; i < FRT_MAX_SLOTS && s->inputs[i].name; ++i)
    for (int k = 0; k < FRT_CASE_INS && c->in[k].slot; ++k)
      if (!strcmp(c->in[k].slot, s->inputs[i].name)) return &c->in[k];
  return NULL;
}

/* The dtypes to try. A key slot with a dtype of its own (labels) says nothing about
 * the others: then float32 unless the case says more. */
static uint32_t dtypes_to_try(const frt_op_schema_t *s, const frt_case_t *c,
                              uint32_t claimed) {
  const frt_case_in_t *key = key_entry(s, c);
  const uint32_t wanted = c->dtypes ? c->dtypes : FRT_FLOATS;
  if (key && key->dtype)
    return !(claimed & FRT_DTYPE_BIT(key->dtype - 1)) ? 0 : c->dtypes ? wanted : FRT_F32S;
  return wanted & claimed;
}

/* Says which claimed dtypes of an op no case of the family tries. */
static void untested(worker_t *w, const frt_case_t *cases, const char *op,
                     uint32_t claimed) {
  const frt_op_schema_t *s = frt_op_find(op);
  uint32_t tried = 0;
  for (const frt_case_t *c = cases; c->op; ++c) {
    const frt_case_in_t *key = key_entry(s, c);
    if (strcmp(c->op, op)) continue;
    tried |= key && key->dtype ? FRT_DTYPE_BIT(key->dtype - 1) : dtypes_to_try(s, c, claimed);
  }
  for (uint32_t d = 0; d < 32; ++d)
    if ((claimed & ~tried & FRT_DTYPE_BIT(d)) && frt_dtype_size(d))
      fprintf(w->to, "U\t%s\t%s\n", op, frt_dtype_name(d));
}

static void jobs_of_case(worker_t *w, const frt_case_t *c, uint32_t claimed) {
  const uint32_t wanted = dtypes_to_try(frt_op_find(c->op), c, claimed);
  const uint32_t rows = c->n_sizes ? c->n_sizes : 1;
  for (uint32_t r = 0; r < rows; ++r) {
    const int64_t *row = c->n_sizes ? c->sizes[r] : NULL;
    for (uint32_t d = 0; d < 32; ++d) {
      if (!(wanted & FRT_DTYPE_BIT(d))) continue;
      if (!r) job(w, JOB_UNKNOWN, c, row, d);
      if (!w->o->load) job(w, JOB_CASE, c, row, d);
    }
    if (!w->o->load && frti_grad_possible(c, row)) job(w, JOB_GRAD, c, row, FRT_F64);
  }
}

static int first_of_op(const frt_case_t *cases, const frt_case_t *c) {
  for (const frt_case_t *k = cases; k != c; ++k)
    if (!strcmp(k->op, c->op)) return 0;
  return 1;
}

int frti_worker_family(const frti_options_t *o, size_t family, uint32_t first,
                       const char *skip, FILE *to) {
  worker_t w = {.o = o, .first = first, .skip = skip, .to = to};
  const frt_case_t *cases = frti_families[family].cases;
  frt_error_t err = FRT_ERROR_INIT;
  if (frti_bench_open(&w.b, o->provider, o->seed, o->load ? 1 : FRTI_N_THREADS, !o->load,
                      &err) != FRT_OK) {
    fprintf(to, "E\t%u\t%s\n", err.status, err.message);
    return 1;
  }
  for (const frt_case_t *c = cases; c->op; ++c) {
    const uint32_t claimed = frti_claimed(w.b.target[0].api, c->op);
    if (o->ops && fnmatch(o->ops, c->op, 0)) continue;
    if (!frt_op_find(c->op)) {
      fprintf(to, "B\t%u\t%s\t%s\nF\tno such op in the registry\n", w.at++, c->op, c->name);
      continue;
    }
    if (first_of_op(cases, c)) {
      if (!first && !o->load) untested(&w, cases, c->op, claimed);
      job(&w, JOB_CLAIMS, c, NULL, FRT_F32);
    }
    jobs_of_case(&w, c, claimed);
  }
  frti_bench_close(&w.b);
  fputs("Z\n", to);
  return 0;
}

int frti_worker_claims(const frti_options_t *o, FILE *to) {
  frti_bench_t b;
  frt_error_t err = FRT_ERROR_INIT;
  if (frti_bench_open(&b, o->provider, o->seed, 1, 0, &err) != FRT_OK) {
    fprintf(to, "E\t%u\t%s\n", err.status, err.message);
    frti_bench_close(&b);
    return 1;
  }
  fprintf(to, "N\t%s\t%s\n", b.target[0].api->name, b.target[0].api->version);
  for (size_t i = 0; i < frt_op_count(); ++i)
    if (frti_claimed(b.target[0].api, frt_op_at(i)->type))
      fprintf(to, "K\t%s\n", frt_op_at(i)->type);
  if (o->load) {
    frti_check_devices(b.target[0].api, to);
    frti_check_table(b.target[0].api, to);
  }
  frti_bench_close(&b);
  fputs("Z\n", to);
  return 0;
}
