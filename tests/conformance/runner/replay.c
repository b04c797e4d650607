/* The walk: what each op gets, who runs it, what comes of it. */
#include <fnmatch.h>
#include <stdlib.h>

#include "runner/replay.h"

enum { MAX_PASSES = 1000000 };

/* ---- variables -------------------------------------------------------------------- */

/* The block that declares `name` as seen from `block`; a persistable lives in the scope. */
frti_variable_t *frti_walk_variable(frti_walk_t *w, int32_t block, const char *name,
                                    int make) {
  const frti_variable_t *d = NULL;
  frti_variables_t *in = &w->local;
  int32_t at = block;
  for (int32_t depth = 0; at >= 0 && depth < frt_program_n_blocks(w->run->program); ++depth) {
    d = frti_variable_find(&w->declared, at, name);
    if (d || !at) break;
    at = frt_program_parent(w->run->program, at);
  }
  if (d && d->persistable) {
    in = w->scope;
    at = FRTI_LASTING;
  }
  return make ? frti_variable_get(in, at, name) : frti_variable_find(in, at, name);
}

static frt_status_t declare(frti_walk_t *w, frt_error_t *err) {
  for (int32_t b = 0; b < frt_program_n_blocks(w->run->program); ++b)
    for (uint32_t i = 0; i < frt_program_n_vars(w->run->program, b); ++i) {
      frt_var_info_t info;
      frti_variable_t *v;
      FRT_TRY(frt_program_var(w->run->program, b, i, &info, err));
      v = frti_variable_get(&w->declared, b, info.name);
      if (!v) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
      v->persistable = info.persistable;
    }
  return FRT_OK;
}

static frt_status_t put(frti_walk_t *w, int32_t block, const char *name, frt_tensor_t *t,
                        frt_error_t *err) {
  frti_variable_t *v = frti_walk_variable(w, block, name, 1);
  if (!v) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  frt_tensor_release(v->t);
  v->t = frt_tensor_retain(t);
  return FRT_OK;
}

/* ---- one op --------------------------------------------------------------------------- */

typedef struct op_run {
  frti_walk_t *w;
  int32_t block;
  uint32_t index;
  frti_probe_t p;
  frti_outcome_t mine;
  frti_replay_row_t *row;
  char where[128]; /* "step 2 main op #12 mul" */
} op_run_t;

const char *frti_replay_op(size_t i) {
  return i < frt_op_count() ? frt_op_at(i)->type : frti_own_at(i - frt_op_count())->type;
}

static frti_replay_row_t *row_of(frti_replay_t *r, const char *type) {
  for (size_t i = 0; i < frt_op_count() + frti_own_count(); ++i)
    if (!strcmp(frti_replay_op(i), type)) return &r->rows[i];
  return NULL;
}

static void place_text(const frti_walk_t *w, int32_t block, uint32_t index, char *to,
                       size_t cap) {
  const uint32_t number = block || !w->run->kept ? index : w->run->kept[index];
  char inner[32] = "";
  if (block) snprintf(inner, sizeof inner, " block %d", (int)block);
  snprintf(to, cap, "%s %s%s op #%u %s", w->run->when, w->run->name, inner, number,
           frt_program_op_type(w->run->program, block, index));
}

static void failed(frti_replay_t *r, frti_replay_row_t *row, const char *where,
                   const char *variable, const char *why) {
  char text[1024];
  snprintf(text, sizeof text, "%s%s%s%s: %s", where, variable ? " '" : "",
           variable ? variable : "", variable ? "'" : "", why);
  frti_note(&r->failures, text);
  fprintf(r->o.json ? stderr : stdout, "FAIL %s\n", text);
  fflush(stdout);
  ++r->failed;
  ++r->progress->failed;
  if (row) ++row->failed;
}

/* Random ops: the bits of the reference provider. 1 if they are. */
static int judge_random(op_run_t *o, char *why, size_t cap, uint32_t *at) {
  const frti_variant_t plain = {0xFF, 0, 0};
  frti_outcome_t theirs;
  frt_error_t err = FRT_ERROR_INIT;
  int good = frti_exec(&o->w->r->b.reference, &o->p, plain, &theirs, &err) == FRT_OK;
  if (!good) snprintf(why, cap, "the reference provider: %s", err.message);
  for (uint32_t k = 0; k < o->p.n_out && good; ++k) {
    const frti_value_t *v = &o->p.out[k];
    const size_t size = frt_dtype_size(v->api.dtype);
    for (int64_t e = 0; e < v->api.numel && good; ++e) {
      const size_t byte = (size_t)e * size;
      if (!memcmp(o->mine.out[k] + byte, theirs.out[k] + byte, size)) continue;
      snprintf(why, cap, "%s[%lld]: got %.9g, wanted the reference's bits, %.9g",
               v->def->name, (long long)e, frti_load(v->api.dtype, o->mine.out[k], e),
               frti_load(v->api.dtype, theirs.out[k], e));
      *at = k;
      good = 0;
    }
  }
  frti_outcome_release(&theirs);
  return good;
}

static void note_worst(op_run_t *o, uint32_t k, double worst) {
  if (worst <= o->row->worst) return;
  o->row->worst = worst;
  snprintf(o->row->where, sizeof o->row->where, "%s %s", o->where, o->p.out[k].def->name);
}

/* Every output against the oracle. 1: all within their bounds; else output *at. */
static int judge_oracle(op_run_t *o, char *why, size_t cap, uint32_t *at) {
  frti_replay_t *r = o->w->r;
  frt_error_t err = FRT_ERROR_INIT;
  if (frti_probe_oracle(&o->p, &r->b, &err) != FRT_OK) {
    snprintf(why, cap, "the oracle: %s", err.message);
    return 0;
  }
  for (uint32_t k = 0; k < o->p.n_out; ++k) {
    const frti_value_t *v = &o->p.out[k];
    frti_bounds_t bounds = frti_bounds_of_op(&o->p, k);
    frti_judged_t judged;
    *at = k;
    if (v->def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    if (!bounds.n) {
      snprintf(why, cap, "%s: no conformance case says how exact this op must be",
               v->def->name);
      return 0;
    }
    if (r->b.self) bounds = frti_bounds_exact(&o->p);
    if (!frti_judge(&o->p, k, o->mine.out[k], v->d, &bounds, &judged, why, cap)) {
      note_worst(o, k, judged.worst);
      return 0;
    }
    note_worst(o, k, judged.worst);
  }
  return 1;
}

static void judge(op_run_t *o) {
  frti_replay_t *r = o->w->r;
  char why[FRTI_TEXT] = "";
  uint32_t at = UINT32_MAX;
  int good = 0;
  if (o->mine.fault[0])
    snprintf(why, sizeof why, "%s", o->mine.fault);
  else if (frti_drawn(o->p.schema))
    good = judge_random(o, why, sizeof why, &at);
  else
    good = judge_oracle(o, why, sizeof why, &at);
  if (good) {
    ++o->row->passed;
    ++r->passed;
    ++r->progress->passed;
    return;
  }
  failed(r, o->row, o->where, at < o->p.n_out
         ? frti_probe_name(o->w, &o->p, o->block, o->index, 1, at) : NULL, why);
}

/* The provider's outputs become the variables' values. */
static frt_status_t keep(op_run_t *o, frt_error_t *err) {
  for (uint32_t k = 0; k < o->p.n_out; ++k) {
    const frti_value_t *v = &o->p.out[k];
    frt_tensor_t *t = NULL;
    frt_status_t status;
    FRT_TRY(frt_tensor_create((frt_dtype_t)v->api.dtype, v->api.rank, v->dims, &t, err));
    if (v->api.bytes && !(v->def->flags & FRT_SLOT_SHAPE_ONLY))
      memcpy(frt_tensor_data(t), o->mine.out[k], v->api.bytes);
    status = put(o->w, o->block,
                 frti_probe_name(o->w, &o->p, o->block, o->index, 1, k), t, err);
    frt_tensor_release(t);
    FRT_TRY(status);
  }
  return FRT_OK;
}

static int wanted(const frti_replay_t *r, const char *type) {
  return !r->o.ops || !fnmatch(r->o.ops, type, 0);
}

/* Where the op is to run, NULL after a wrong answer of op_query. */
static const frti_target_t *choose(op_run_t *o) {
  frti_replay_t *r = o->w->r;
  frt_api_support_t support;
  char why[FRTI_TEXT] = "";
  const int v = frti_ask(&r->b.target[0], &o->p.op, &support, why, sizeof why);
  if (v == FRTI_FAIL) {
    failed(r, o->row, o->where, NULL, why);
    return NULL;
  }
  frti_replay_ask(o->w, o->block, o->index, v, o->p.schema->type, support.detail);
  if (v == FRTI_PASS) return &r->b.target[0];
  ++o->row->declined;
  return &r->b.reference;
}

static int run_probe(op_run_t *o, frt_error_t *err) {
  const frti_variant_t plain = {0xFF, 0, 0};
  frti_replay_t *r = o->w->r;
  const frti_target_t *target = choose(o);
  const int mine = target == &r->b.target[0];
  if (!target) return 0;
  if (frti_exec(target, &o->p, plain, &o->mine, err) != FRT_OK) {
    failed(r, o->row, o->where, NULL, err->message);
    return 0;
  }
  ++o->row->runs;
  if (mine && wanted(r, o->p.schema->type)) judge(o);
  if (keep(o, err) == FRT_OK) return 1;
  failed(r, o->row, o->where, NULL, err->message);
  return 0;
}

/* 1: go on with the next op. */
static int run_op(frti_walk_t *w, int32_t block, uint32_t index) {
  frti_replay_t *r = w->r;
  op_run_t *o = calloc(1, sizeof *o);
  frt_error_t err = FRT_ERROR_INIT;
  int go_on = 0;
  if (!o) return 0;
  o->w = w;
  o->block = block;
  o->index = index;
  o->row = row_of(r, frt_program_op_type(w->run->program, block, index));
  place_text(w, block, index, o->where, sizeof o->where);
  snprintf(r->progress->now, sizeof r->progress->now, "%s", o->where);
  ++r->progress->beats;
  frti_set_cpu_limit(r->o.time_limit);
  if (frti_probe_of_op(w, block, index, 0, &o->p, &err) == FRT_OK)
    go_on = run_probe(o, &err);
  else
    failed(r, o->row, o->where, NULL, err.message);
  frti_outcome_release(&o->mine);
  frti_probe_release(&o->p);
  free(o);
  return go_on;
}

/* ---- control -------------------------------------------------------------------------- */

static int run_block(frti_walk_t *w, int32_t block, int depth);

static int stop(frti_walk_t *w, int32_t block, uint32_t index, const char *why) {
  char where[128];
  place_text(w, block, index, where, sizeof where);
  failed(w->r, NULL, where, NULL, why);
  return 0;
}

/* The variables of a slot; count 0 if there is none. */
static frt_slot_info_t slot_of(frti_walk_t *w, int32_t block, uint32_t index,
                               const char *name) {
  frt_slot_info_t s, none = {0};
  for (uint32_t i = 0; i < frt_program_op_n_inputs(w->run->program, block, index); ++i)
    if (!frt_program_op_input(w->run->program, block, index, i, &s, NULL) &&
        !strcmp(s.name, name))
      return s;
  return none;
}

static int64_t attr_of(frti_walk_t *w, int32_t block, uint32_t index, const char *name,
                       int64_t otherwise) {
  frt_attr_info_t a;
  for (uint32_t i = 0; i < frt_program_op_n_attrs(w->run->program, block, index); ++i)
    if (!frt_program_op_attr(w->run->program, block, index, i, &a, NULL) &&
        !strcmp(a.name, name))
      return a.i;
  return otherwise;
}

/* What a block that is not run leaves without a value; select_input may name it. */
static void skip_outputs(frti_walk_t *w, int32_t block, uint32_t index) {
  frt_slot_info_t s;
  for (uint32_t i = 0; i < frt_program_op_n_outputs(w->run->program, block, index); ++i) {
    if (frt_program_op_output(w->run->program, block, index, i, &s, NULL) ||
        strcmp(s.name, "Out"))
      continue;
    for (uint32_t k = 0; k < s.count; ++k) {
      frti_variable_t *v = frti_walk_variable(w, block, s.args[k], 1);
      if (v) v->skipped = 1;
    }
  }
}

/* Whether the block is to run; -1: the condition has no value. */
static int holds(frti_walk_t *w, int32_t block, uint32_t index, const char *slot,
                 int scalar) {
  const frt_slot_info_t s = slot_of(w, block, index, slot);
  int all = s.count > 0;
  for (uint32_t i = 0; i < s.count; ++i) {
    const frti_variable_t *v = frti_walk_variable(w, block, s.args[i], 0);
    if (!v || !v->t) return -1;
    if (scalar)
      return frt_tensor_numel(v->t) > 0 &&
             frti_load((uint32_t)frt_tensor_dtype(v->t), frt_tensor_data(v->t), 0) != 0;
    all &= frt_tensor_numel(v->t) > 0;
  }
  return all;
}

static int run_control(frti_walk_t *w, int32_t block, uint32_t index, int depth) {
  const int loop = !strcmp(frt_program_op_type(w->run->program, block, index), "while");
  const int scalar = loop || attr_of(w, block, index, "is_scalar_condition", 0) != 0;
  const int64_t body = attr_of(w, block, index, "sub_block", -1);
  if (body <= 0 || body >= frt_program_n_blocks(w->run->program) || depth > 64)
    return stop(w, block, index, "has no block to run");
  for (int pass = 0; pass < (loop ? MAX_PASSES : 1); ++pass) {
    const int go = holds(w, block, index, loop ? "Condition" : "Cond", scalar);
    if (go < 0) return stop(w, block, index, "its condition has no value");
    if (!go && !pass) skip_outputs(w, block, index);
    if (!go) return 1;
    if (!run_block(w, (int32_t)body, depth + 1)) return 0;
  }
  return loop ? stop(w, block, index, "a million passes and no end") : 1;
}

static int run_block(frti_walk_t *w, int32_t block, int depth) {
  const uint32_t n = frt_program_n_ops(w->run->program, block);
  for (uint32_t i = 0; i < n; ++i) {
    const char *type = frt_program_op_type(w->run->program, block, i);
    int go_on = 1;
    if (!strcmp(type, "while") || !strcmp(type, "conditional_block"))
      go_on = run_control(w, block, i, depth);
    else if (strcmp(type, "feed") && strcmp(type, "fetch"))
      go_on = run_op(w, block, i);
    if (!go_on) return 0;
  }
  return 1;
}

/* ---- runs -------------------------------------------------------------------------------- */

static frti_replay_program_t *record_of(frti_replay_t *r, const frti_replay_run_t *run) {
  const int32_t blocks = frt_program_n_blocks(run->loaded);
  frti_replay_program_t *to = &r->programs[r->n_programs];
  for (uint32_t i = 0; i < r->n_programs; ++i)
    if (r->programs[i].p == run->loaded) return &r->programs[i];
  if (r->n_programs == sizeof r->programs / sizeof r->programs[0]) return NULL;
  to->answer = calloc((size_t)blocks, sizeof *to->answer);
  for (int32_t b = 0; to->answer && b < blocks; ++b) {
    to->answer[b] = calloc(frt_program_n_ops(run->loaded, b) + 1u, 1);
    if (!to->answer[b]) return NULL;
  }
  if (!to->answer) return NULL;
  snprintf(to->name, sizeof to->name, "%s", run->name);
  to->p = frt_program_retain((frt_program_t *)(uintptr_t)run->loaded);
  ++r->n_programs;
  return to;
}

frt_status_t frti_replay_run(frti_replay_t *r, frti_variables_t *scope,
                             const frti_replay_run_t *run, frt_error_t *err) {
  frti_walk_t w = {.r = r, .run = run, .scope = scope};
  frt_status_t status = declare(&w, err);
  w.record = record_of(r, run);
  if (!w.record) status = frt_fail(err, FRT_RESOURCE_EXHAUSTED, "too many programs");
  for (size_t i = 0; i < run->n_feeds && status == FRT_OK; ++i)
    status = put(&w, 0, run->feeds[i].name, run->feeds[i].tensor, err);
  ++r->n_runs;
  if (status == FRT_OK) run_block(&w, 0, 0);
  frti_variables_release(&w.local);
  frti_variables_release(&w.declared);
  return status;
}

frti_variables_t *frti_replay_scope(frti_replay_t *r, const char *name, int *fresh) {
  *fresh = 0;
  for (uint32_t i = 0; i < r->n_scopes; ++i)
    if (!strcmp(r->scopes[i].name, name)) return &r->scopes[i].v;
  if (r->n_scopes == sizeof r->scopes / sizeof r->scopes[0]) return NULL;
  *fresh = 1;
  snprintf(r->scopes[r->n_scopes].name, sizeof r->scopes[0].name, "%s", name);
  return &r->scopes[r->n_scopes++].v;
}

frt_status_t frti_replay_set(frti_variables_t *scope, const char *name, frt_tensor_t *t,
                             frt_error_t *err) {
  frti_variable_t *v = frti_variable_get(scope, FRTI_LASTING, name);
  if (!v) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  frt_tensor_release(v->t);
  v->t = frt_tensor_retain(t);
  return FRT_OK;
}

frt_status_t frti_replay_open(const frti_options_t *o, frti_progress_t *progress,
                              frti_replay_t **out, frt_error_t *err) {
  frti_replay_t *r = calloc(1, sizeof *r);
  *out = r;
  if (!r) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  r->o = *o;
  r->progress = progress;
  snprintf(progress->now, sizeof progress->now, "opening %.200s", o->provider);
  FRT_TRY(frti_bench_open(&r->b, o, 1, 1, err));
  r->rows = calloc(frt_op_count() + frti_own_count() + 1, sizeof *r->rows);
  return r->rows ? FRT_OK : frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
}

frt_runtime_t *frti_replay_runtime(frti_replay_t *r) { return r->b.rt[0]; }

static void release_notes(frti_replay_notes_t *notes) {
  for (uint32_t i = 0; i < notes->n; ++i) free(notes->all[i].text);
  free(notes->all);
}

void frti_replay_close(frti_replay_t *r) {
  if (!r) return;
  for (uint32_t i = 0; i < r->n_scopes; ++i) frti_variables_release(&r->scopes[i].v);
  for (uint32_t i = 0; i < r->n_programs; ++i) {
    frti_replay_program_t *p = &r->programs[i];
    for (int32_t b = 0; b < frt_program_n_blocks(p->p); ++b) free(p->answer[b]);
    free(p->answer);
    frt_program_release((frt_program_t *)(uintptr_t)p->p);
  }
  release_notes(&r->failures);
  release_notes(&r->unclaimed);
  frti_bench_close(&r->b);
  free(r->rows);
  free(r);
}
