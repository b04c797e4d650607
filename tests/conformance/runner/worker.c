/* A worker's life: it opens the provider, runs the jobs of one family in a fixed order
 * and says on a pipe, line by line, what it is about to do and how it went. When it
 * dies, the suite knows which job killed it and starts another one behind that. */
#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

#include "runner/life.h"
#include "runner/replay.h"
#include "runner/trial.h"

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

/* The cases of a family; those of the provider's own ops are behind the last one. */
const frt_case_t *frti_cases_of(size_t family) {
  return family < frti_n_families ? frti_families[family].cases : frti_own_cases();
}

enum { JOB_CASE, JOB_GRAD, JOB_CLAIMS, JOB_UNKNOWN, JOB_SUPPORT, JOB_STEADY, JOB_PARALLEL,
       JOB_ORDER, JOB_SHORTAGE, JOB_DRIFT, JOB_SPEED };
typedef struct worker {
  const frti_options_t *o;
  frti_bench_t b;
  uint32_t at, first; /* job numbers */
  uint32_t jobs;      /* of one op and seed, counted when a sample is wanted */
  int counting, later; /* later: not the first seed */
  const char *skip;   /* an op that hung */
  time_t deadline;    /* of level stress, for this family */
  FILE *to;
  frti_process_t was; /* the process before the job */
} worker_t;

/* "case:3,5/float32", as --replay takes it: "@seed" behind it where that is not 0. */
static void name_of(const worker_t *w, int kind, const frt_case_t *c, const int64_t *row,
                    uint32_t dtype, char *to, size_t cap) {
  static const char *const kinds[] = {"", "/differences", "claims", "/unknown_sizes",
                                      "/support", "/repeated", "/in_parallel",
                                      "/behind_an_event", "/short_of_memory",
                                      "/many_steps", "/speed"};
  size_t used = 0, n = 4;
  if (kind == JOB_CLAIMS) {
    snprintf(to, cap, "claims");
    return;
  }
  used = (size_t)snprintf(to, cap, "%s", c->name);
  for (; row && n > 1; --n) { /* trailing columns that no row of the case uses */
    int any = 0;
    for (uint32_t r = 0; r < c->n_sizes; ++r) any |= c->sizes[r][n - 1] != 0;
    if (any) break;
  }
  for (size_t i = 0; row && i < n && used < cap; ++i)
    used += (size_t)snprintf(to + used, cap - used, "%c%lld", i ? ',' : ':',
                             (long long)row[i]);
  if (used < cap)
    used += (size_t)snprintf(to + used, cap - used, "/%s%s", frt_dtype_name(dtype), kinds[kind]);
  if (w->b.seed && used < cap)
    snprintf(to + used, cap - used, "@%llu", (unsigned long long)w->b.seed);
}

/* Whether it is one of those that were asked for. */
static int is_wanted(worker_t *w, const frt_case_t *c, const char *name) {
  const char *only = w->o->replay;
  const size_t n = strlen(c->op);
  return !only || (!strncmp(only, c->op, n) && only[n] == '/' && !strcmp(only + n + 1, name));
}

/* Of each op and seed about `sample` jobs, drawn by the seed. */
static int is_drawn(worker_t *w, uint32_t at) {
  const uint64_t key = frti_mix(w->b.seed ^ 0x5eed);
  return w->o->sample <= 0 || !w->jobs ||
         frti_unit(key, at) * (double)w->jobs < w->o->sample;
}

static int do_job(worker_t *w, int kind, const frt_case_t *c, const int64_t *row,
                  uint32_t dtype, double *worst, char *why, size_t cap) {
  switch (kind) {
    case JOB_CASE: return frti_run_case(&w->b, c, row, dtype, worst, why, cap);
    case JOB_GRAD: return frti_run_grad(&w->b, c, row, why, cap);
    case JOB_CLAIMS: return frti_run_claims(&w->b, c, why, cap);
    case JOB_SUPPORT: return frti_run_support(&w->b, c, row, dtype, why, cap);
    case JOB_STEADY: return frti_run_steady(&w->b, c, row, dtype, why, cap);
    case JOB_PARALLEL: return frti_run_parallel(&w->b, c, row, dtype, why, cap);
    case JOB_ORDER: return frti_run_order(&w->b, c, row, dtype, why, cap);
    case JOB_SHORTAGE: return frti_run_shortage(&w->b, c, row, dtype, why, cap);
    case JOB_DRIFT: return frti_run_drift(&w->b, c, row, dtype, why, cap);
    case JOB_SPEED: return frti_run_speed(&w->b, c, row, dtype, w->to, why, cap);
    default: return frti_run_unknown(&w->b, c, row, dtype, why, cap);
  }
}

/* key: the dtype of the key slot, which is what the kernel table claims; 32: none. */
static void job(worker_t *w, int kind, const frt_case_t *c, const int64_t *row,
                uint32_t dtype, uint32_t key) {
  char why[FRTI_TEXT] = "", name[160];
  double worst = 0;
  int v;
  if (w->counting) {
    ++w->jobs;
    return;
  }
  if (w->at++ < w->first || !strcmp(c->op, w->skip) || !is_drawn(w, w->at)) return;
  name_of(w, kind, c, row, dtype, name, sizeof name);
  if (!is_wanted(w, c, name)) return;
  frti_set_cpu_limit(w->o->time_limit);
  fprintf(w->to, "B\t%u\t%s\t%s\t%u\n", w->at - 1, c->op, name, key);
  fflush(w->to);
  v = do_job(w, kind, c, row, dtype, &worst, why, sizeof why);
  if (v != FRTI_FAIL && frti_process_changed(&w->was, why, sizeof why)) v = FRTI_FAIL;
  frti_process_look(&w->was);
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
  const frt_op_schema_t *s = frti_schema_of(op);
  uint32_t tried = 0;
  for (const frt_case_t *c = cases; c->op; ++c) {
    const frt_case_in_t *key = key_entry(s, c);
    if (strcmp(c->op, op)) continue;
    tried |= key && key->dtype ? FRT_DTYPE_BIT(key->dtype - 1) : dtypes_to_try(s, c, claimed);
  }
  fprintf(w->to, "U\t%s\t%u\n", op, claimed & ~tried & FRT_ANY_DTYPE);
}

/* What differs from seed to seed: something in it is drawn. */
static int is_seeded(const frt_op_schema_t *s, const frt_case_t *c) {
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i)
    if (c->in[i].data.kind != FRT_DATA_VALUES && c->in[i].data.kind != FRT_DATA_FORWARD &&
        c->in[i].data.kind != FRT_DATA_NONE)
      return 1;
  return (s->flags & FRT_OP_RANDOM) && !c->rng && !c->want[0].slot;
}

static int is_gradient(const frt_op_schema_t *s) {
  for (int i = 0; i < FRT_MAX_SLOTS && s->outputs[i].name; ++i)
    if (strstr(s->outputs[i].name, "@GRAD")) return 1;
  return 0;
}

/* Whether jobs that run the op's kernel belong to the mode. */
static int mode_runs(const worker_t *w, const frt_op_schema_t *s) {
  const int grad = is_gradient(s), update = (s->flags & FRT_OP_OPTIMIZER) != 0;
  if (w->o->level == FRTI_LOAD || w->o->mode == FRTI_SUPPORT || w->o->mode == FRTI_PERF)
    return 0;
  switch (w->o->mode) {
    case FRTI_TEST: return !grad && !update;
    case FRTI_GRAD: return grad;
    case FRTI_TRAIN: return update;
    default: return 1;
  }
}

/* Whether the question without sizes, and the honest NO, do. */
static int mode_asks(const worker_t *w) {
  return !w->later && (w->o->mode == FRTI_ALL || w->o->mode == FRTI_CLAIMS);
}

static void jobs_of_row(worker_t *w, const frt_case_t *c, const int64_t *row, int first,
                        uint32_t wanted) {
  const frt_op_schema_t *s = frti_schema_of(c->op);
  const frt_case_in_t *key = key_entry(s, c);
  const int runs = mode_runs(w, s) && (!w->later || is_seeded(s, c));
  for (uint32_t d = 0; d < 32; ++d) {
    const uint32_t by = key && key->dtype ? (uint32_t)key->dtype - 1 : d;
    if (!(wanted & FRT_DTYPE_BIT(d))) continue;
    if (first && mode_asks(w)) job(w, JOB_UNKNOWN, c, row, d, by);
    if (w->o->mode == FRTI_SUPPORT) job(w, JOB_SUPPORT, c, row, d, by);
    if (runs) job(w, JOB_CASE, c, row, d, by);
  }
  if (w->o->level != FRTI_LOAD && (w->o->mode == FRTI_ALL || w->o->mode == FRTI_GRAD) &&
      (!w->later || is_seeded(s, c)) && frti_grad_possible(c, row))
    job(w, JOB_GRAD, c, row, FRT_F64, 32);
}

static void jobs_of_case(worker_t *w, const frt_case_t *c, uint32_t claimed) {
  const uint32_t wanted = dtypes_to_try(frti_schema_of(c->op), c, claimed);
  const uint32_t rows = c->n_sizes ? c->n_sizes : 1;
  for (uint32_t r = 0; r < rows; ++r)
    jobs_of_row(w, c, c->n_sizes ? c->sizes[r] : NULL, !r, wanted);
  for (uint32_t r = 0; r < c->n_full && (w->o->level >= FRTI_FULL || w->o->replay); ++r)
    jobs_of_row(w, c, c->full[r], 0, wanted);
}

/* ---- what one case of each op is enough for ---------------------------------------------- */

/* Elements of a case, in and out; -1: it is of no use beyond itself. */
static int64_t elements(const worker_t *w, frti_probe_t *p, const frt_case_t *c,
                        const int64_t *row, uint32_t dtype) {
  frt_error_t err = FRT_ERROR_INIT;
  int64_t n = -1;
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i)
    if (c->in[i].data.kind == FRT_DATA_SPECIALS) return -1;
  if (c->flags & FRT_CASE_OUT_OF_RANGE) return -1;
  if (frti_probe_build(p, c, row, dtype, &w->b, &err) == FRT_OK) {
    n = 0;
    for (uint32_t i = 0; i < p->n_in; ++i) n += p->in[i].api.numel;
    for (uint32_t i = 0; i < p->n_out; ++i) n += p->out[i].api.numel;
  }
  frti_probe_release(p);
  return n;
}

typedef struct pick { const frt_case_t *c; const int64_t *row; uint32_t dtype; } pick_t;

static uint32_t lowest(uint32_t bits) {
  uint32_t d = 0;
  while (d < 31 && !(bits & FRT_DTYPE_BIT(d))) ++d;
  return d;
}

/* The op's largest case of at most `most` elements; c NULL: there is none. full: also
 * among the sizes of level full. */
static pick_t pick(const worker_t *w, const frt_case_t *first, uint32_t claimed,
                   int64_t most, int full) {
  frti_probe_t *p = malloc(sizeof *p);
  pick_t best = {NULL, NULL, 0};
  int64_t best_n = 0;
  for (const frt_case_t *c = first; p && c->op; ++c) {
    const uint32_t dtypes =
        strcmp(c->op, first->op) ? 0 : dtypes_to_try(frti_schema_of(c->op), c, claimed);
    const uint32_t small = c->n_sizes ? c->n_sizes : 1;
    for (uint32_t r = 0; dtypes && r < small + (full ? c->n_full : 0); ++r) {
      const int64_t *row = r >= small ? c->full[r - small] : c->n_sizes ? c->sizes[r] : NULL;
      const int64_t n = elements(w, p, c, row, lowest(dtypes));
      if (n > most || n <= best_n) continue;
      best = (pick_t){c, row, lowest(dtypes)};
      best_n = n;
    }
  }
  free(p);
  return best;
}

static void job_of_pick(worker_t *w, int kind, const pick_t *k) {
  const frt_case_in_t *key = k->c ? key_entry(frti_schema_of(k->c->op), k->c) : NULL;
  if (k->c)
    job(w, kind, k->c, k->row, k->dtype, key && key->dtype ? (uint32_t)key->dtype - 1 : k->dtype);
}

static void jobs_of_pick(worker_t *w, const frt_case_t *first, uint32_t claimed) {
  static const int kinds[] = {JOB_STEADY, JOB_PARALLEL, JOB_ORDER, JOB_SHORTAGE};
  const frt_op_schema_t *s = frti_schema_of(first->op);
  const pick_t large = pick(w, first, claimed, 20000, 0), small = pick(w, first, claimed, 400, 0);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) job_of_pick(w, kinds[i], &large);
  if (s->flags & FRT_OP_OPTIMIZER) job_of_pick(w, JOB_DRIFT, &small);
}

/* --mode perf: the largest case, and one so small that only the launch counts. */
static void jobs_of_speed(worker_t *w, const frt_case_t *first, uint32_t claimed) {
  const pick_t large = pick(w, first, claimed, INT64_MAX, 1), small = pick(w, first, claimed, 8, 0);
  job_of_pick(w, JOB_SPEED, &large);
  if (small.c && (small.c != large.c || small.row != large.row))
    job_of_pick(w, JOB_SPEED, &small);
}

static int first_of_op(const frt_case_t *cases, const frt_case_t *c) {
  for (const frt_case_t *k = cases; k != c; ++k)
    if (!strcmp(k->op, c->op)) return 0;
  return 1;
}

/* Every job of an op, in an order that no sample and no crash changes. */
static void jobs_of_op(worker_t *w, const frt_case_t *cases, const frt_case_t *first,
                       uint32_t claimed) {
  if (mode_asks(w)) job(w, JOB_CLAIMS, first, NULL, FRT_F32, 32);
  for (const frt_case_t *c = first; c->op; ++c)
    if (!strcmp(c->op, first->op)) jobs_of_case(w, c, claimed);
  if (!w->later && w->o->mode == FRTI_PERF) jobs_of_speed(w, first, claimed);
  if (!w->later && mode_runs(w, frti_schema_of(first->op))) jobs_of_pick(w, first, claimed);
  (void)cases;
}

static void run_op(worker_t *w, const frt_case_t *cases, const frt_case_t *c) {
  const uint32_t claimed = frti_claimed(w->b.target[0].api, c->op);
  if (!frti_schema_of(c->op)) {
    if (!w->later)
      fprintf(w->to, "B\t%u\t%s\t%s\t32\nF\tno such op in the registry\n", w->at++, c->op,
              c->name);
    return;
  }
  if (!w->first && !w->later) untested(w, cases, c->op, claimed);
  if (w->o->sample > 0) {
    w->jobs = 0;
    w->counting = 1;
    jobs_of_op(w, cases, c, claimed);
    w->counting = 0;
  }
  jobs_of_op(w, cases, c, claimed);
}

/* Level stress goes on with other seeds until its time is over; the first is whole. */
static int is_over(const worker_t *w) {
  return w->later && w->o->level == FRTI_STRESS && time(NULL) >= w->deadline;
}

/* How many families share the time; 1 at least, for the provider's own ops. */
static uint64_t families_of(const frti_options_t *o) {
  uint64_t n = 0;
  for (size_t f = 0; f < frti_n_families; ++f) {
    const frt_case_t *c = frti_families[f].cases;
    while (c->op && o->ops && fnmatch(o->ops, c->op, 0)) ++c;
    n += c->op != NULL;
  }
  return n ? n : 1;
}

int frti_worker_family(const frti_options_t *o, size_t family, uint32_t first,
                       const char *skip, FILE *to) {
  worker_t w = {.o = o, .first = first, .skip = skip, .to = to};
  const int runs = o->level != FRTI_LOAD && o->mode != FRTI_SUPPORT;
  const frt_case_t *cases;
  frt_error_t err = FRT_ERROR_INIT;
  frti_process_watch(to);
  if (frti_bench_open(&w.b, o, runs ? FRTI_N_THREADS : 1, runs, &err) != FRT_OK) {
    fprintf(to, "E\t%u\t%s\n", err.status, err.message);
    return 1;
  }
  frti_process_look(&w.was);
  cases = frti_cases_of(family);
  w.deadline = time(NULL) + (time_t)(o->seconds / families_of(o) + 1);
  for (uint64_t s = 0; s < (runs ? o->seeds : 1) && !is_over(&w); ++s) {
    w.b.seed = o->seed + s;
    w.later = s > 0;
    for (const frt_case_t *c = cases; c->op && !is_over(&w); ++c)
      if (first_of_op(cases, c) && (!o->ops || !fnmatch(o->ops, c->op, 0)))
        run_op(&w, cases, c);
  }
  frti_bench_close(&w.b);
  fputs("Z\n", to);
  return 0;
}

/* ---- the provider at large ------------------------------------------------------------- */

static void fact(FILE *to, const char *key, const char *value) {
  fprintf(to, "N\t%s\t", key);
  for (; value && *value; ++value) fputc(*value == '\t' || *value == '\n' ? ' ' : *value, to);
  fputc('\n', to);
}

static void facts(const frti_bench_t *b, FILE *to) {
  const frt_api_provider_t *api = b->target[0].api;
  frt_provider_info_t info;
  char number[16];
  fact(to, "name", api->name);
  fact(to, "version", api->version);
  fact(to, "description", api->description);
  fact(to, "device", b->target[0].info.desc);
  snprintf(number, sizeof number, "%u", api->abi_minor);
  fact(to, "abi_minor", number);
  if (!frt_runtime_provider(b->rt[0], 0, &info, NULL)) fact(to, "path", info.path);
}

static int has_case(const char *type) {
  for (const frt_case_t *c = frti_own_cases(); c->op; ++c)
    if (!strcmp(c->op, type)) return 1;
  return 0;
}

/* Once for the whole provider: where no op is named, or it is asked for by name. */
static int wants_life(const frti_options_t *o) {
  return o->level != FRTI_LOAD && o->mode == FRTI_ALL &&
         (!o->ops || !fnmatch(o->ops, FRTI_LIFE, 0));
}

int frti_worker_claims(const frti_options_t *o, FILE *to) {
  frti_bench_t b;
  frti_process_t was;
  frt_error_t err = FRT_ERROR_INIT;
  frti_process_watch(to);
  frti_process_look(&was);
  if (frti_bench_open(&b, o, 1, 0, &err) != FRT_OK) {
    fprintf(to, "E\t%u\t%s\n", err.status, err.message);
    frti_bench_close(&b);
    return 1;
  }
  facts(&b, to);
  for (size_t i = 0; i < frt_op_count(); ++i)
    if (frti_claimed(b.target[0].api, frt_op_at(i)->type))
      fprintf(to, "K\t%s\t%u\n", frt_op_at(i)->type,
              frti_claimed(b.target[0].api, frt_op_at(i)->type));
  for (size_t i = 0; i < frti_own_count(); ++i) {
    const char *type = frti_own_at(i)->type;
    fprintf(to, "K\t%s\t%u\t%d\n", type, frti_claimed(b.target[0].api, type), has_case(type));
  }
  if (o->level == FRTI_LOAD) {
    frti_check_devices(b.target[0].api, to);
    frti_check_table(b.target[0].api, to);
  }
  if (o->mode == FRTI_PERF) frti_time_copies(&b, to);
  frti_bench_close(&b);
  if (wants_life(o)) frti_run_life(o, &was, to);
  fputs("Z\n", to);
  return 0;
}
