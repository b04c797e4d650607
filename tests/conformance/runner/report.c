/* What a walk over a program found, for people and for programs. */
#include <errno.h>
#include <stdlib.h>

#include "runner/replay.h"
#include "runner/tally.h"

enum { EXIT_NO = 1, EXIT_CANNOT_WRITE = 74 };

void frti_note(frti_replay_notes_t *to, const char *text) {
  char *copy;
  for (uint32_t i = 0; i < to->n; ++i)
    if (!strcmp(to->all[i].text, text)) {
      ++to->all[i].times;
      return;
    }
  if (to->n == to->cap) {
    const uint32_t cap = to->cap ? 2 * to->cap : 16;
    frti_replay_note_t *all = realloc(to->all, cap * sizeof *all);
    if (!all) return;
    to->all = all;
    to->cap = cap;
  }
  copy = malloc(strlen(text) + 1);
  if (!copy) return;
  strcpy(copy, text);
  to->all[to->n++] = (frti_replay_note_t){copy, 1};
}

/* The first answer about an op is what counts. In a pruned program only block 0 keeps
 * its numbers for sure. */
void frti_replay_ask(frti_walk_t *w, int32_t block, uint32_t index, int verdict,
                     const char *type, const char *why) {
  const frt_program_t *loaded = w->record->p;
  const uint32_t number = block || !w->run->kept ? index : w->run->kept[index];
  uint8_t *answer;
  char text[320];
  if (block >= frt_program_n_blocks(loaded) || number >= frt_program_n_ops(loaded, block) ||
      strcmp(frt_program_op_type(loaded, block, number), type))
    return;
  answer = &w->record->answer[block][number];
  if (*answer) return;
  *answer = verdict == FRTI_PASS ? FRTI_CLAIMED : FRTI_UNCLAIMED;
  if (verdict == FRTI_PASS) return;
  snprintf(text, sizeof text, "%s: %.160s", type, why);
  frti_note(&w->r->unclaimed, text);
}

static int counts(const char *type) {
  const frt_op_schema_t *s = frti_schema_of(type);
  return !s || !(s->flags & FRT_OP_RUNTIME);
}

/* An op that no run came to: asked about with its declared shapes. */
static void ask_declared(frti_walk_t *w, int32_t b, uint32_t i) {
  const char *type = frt_program_op_type(w->run->program, b, i);
  frti_probe_t *p = calloc(1, sizeof *p);
  frt_error_t err = FRT_ERROR_INIT;
  frt_api_support_t support;
  char why[FRTI_TEXT] = "";
  int v = FRTI_DECLINED;
  if (!p) return;
  if (frti_probe_of_op(w, b, i, 1, p, &err) != FRT_OK)
    snprintf(why, sizeof why, "%s", err.message);
  else if ((v = frti_ask(&w->r->b.target[0], &p->op, &support, why, sizeof why)) ==
           FRTI_DECLINED)
    snprintf(why, sizeof why, "%s", support.detail);
  frti_replay_ask(w, b, i, v, type, why);
  frti_probe_release(p);
  free(p);
}

static void add_up(frti_replay_t *r, frti_replay_program_t *p, uint32_t *claimed,
                   uint32_t *all, uint32_t *unreached) {
  const frti_replay_run_t run = {.name = p->name, .when = "", .loaded = p->p,
                                 .program = p->p};
  frti_walk_t w = {.r = r, .run = &run, .record = p};
  for (int32_t b = 0; b < frt_program_n_blocks(p->p); ++b)
    for (uint32_t i = 0; i < frt_program_n_ops(p->p, b); ++i) {
      if (!counts(frt_program_op_type(p->p, b, i))) continue;
      ++*all;
      if (p->answer[b][i] == FRTI_ASKED_NOT) {
        ++*unreached;
        ask_declared(&w, b, i);
      }
      *claimed += p->answer[b][i] == FRTI_CLAIMED;
    }
}

static void print_table(const frti_replay_t *r) {
  printf("%-34s %6s %6s %6s %8s %7s  %s\n", "op", "runs", "passed", "failed", "declined",
         "worst", "share of its bound, at");
  for (size_t i = 0; i < frt_op_count() + frti_own_count(); ++i) {
    const frti_replay_row_t *row = &r->rows[i];
    if (!row->runs && !row->failed) continue;
    printf("%-34s %6u %6u %6u %8u %7.3f  %s\n", frti_replay_op(i), row->runs, row->passed,
           row->failed, row->declined, row->worst, row->where);
  }
}

static json_t *notes_json(const frti_replay_notes_t *notes) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < notes->n; ++i)
    json_array_append_new(all, json_pack("{s:i, s:s*}", "times", (int)notes->all[i].times,
                                         "text", notes->all[i].text));
  return all;
}

static json_t *row_json(const frti_replay_row_t *row, const char *op) {
  return json_pack("{s:s, s:i, s:i, s:i, s:i, s:o, s:s*}", "op", op, "runs", (int)row->runs,
                   "passed", (int)row->passed, "failed", (int)row->failed, "declined",
                   (int)row->declined, "worst",
                   isfinite(row->worst) ? json_real(row->worst) : json_null(), "worst_at",
                   row->where);
}

typedef struct answer { uint32_t claimed, all, unreached; } answer_t;

static json_t *document(const frti_replay_t *r, const answer_t *a) {
  json_t *ops = json_array();
  for (size_t i = 0; i < frt_op_count() + frti_own_count(); ++i)
    if (r->rows[i].runs || r->rows[i].failed)
      json_array_append_new(ops, row_json(&r->rows[i], frti_replay_op(i)));
  return json_pack("{s:i, s:s, s:{s:i, s:s}, s:s*, s:b, s:i, s:i, s:i, s:I, s:I, s:o, s:o, "
                   "s:o}", "format", 2, "kind", "fluidrt program conformance", "suite",
                   "version", (int)FRT_CASE_VERSION, "hash", frti_suite_hash, "provider",
                   r->b.target[0].api->name, "passes", !r->failed && r->passed, "claimed",
                   (int)a->claimed, "of", (int)a->all, "not_reached", (int)a->unreached,
                   "passed", (json_int_t)r->passed, "failed", (json_int_t)r->failed,
                   "failures", notes_json(&r->failures), "unclaimed",
                   notes_json(&r->unclaimed), "ops", ops);
}

/* 0, or errno. */
static int write_out(const frti_replay_t *r, const answer_t *a) {
  const int json = r->o.json && r->o.mode != FRTI_TRAIN; /* then part of a larger one */
  json_t *root = json || r->o.report ? document(r, a) : NULL;
  char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
  int code = 0;
  if (json && text) puts(text);
  if (r->o.report) code = text ? frti_write_file(r->o.report, text) : ENOMEM;
  if (code) fprintf(stderr, "fluidrt conform: %s: %s\n", r->o.report, strerror(code));
  free(text);
  json_decref(root);
  return code;
}

/* The question that the user asked, answered in a sentence. */
static void print_answer(const frti_replay_t *r, const answer_t *a) {
  const char *name = r->b.target[0].api->name;
  for (uint32_t i = 0; i < r->unclaimed.n; ++i)
    printf("not on %s, %u of the ops: %s\n", name, r->unclaimed.all[i].times,
           r->unclaimed.all[i].text);
  if (a->unreached) printf("not reached by any run, only asked about: %u ops\n", a->unreached);
  if (!r->passed && !r->failed)
    printf("FAIL: nothing was judged: %s runs none of the ops that were reached\n", name);
  if (r->failed)
    printf("%s can not run this program: %llu results are outside their bounds\n", name,
           (unsigned long long)r->failed);
  else if (a->claimed == a->all)
    printf("%s can run this program whole\n", name);
  else if (a->claimed)
    printf("%s can run %u of the %u ops; the others need a place behind it, as in "
           "-p %s,cpu\n", name, a->claimed, a->all, name);
  else
    printf("%s can run none of the %u ops of this program\n", name, a->all);
  printf("program: %u of %u ops claimed\n", a->claimed, a->all);
  printf("%llu passed, %llu failed\n", (unsigned long long)r->passed,
         (unsigned long long)r->failed);
}

int frti_replay_report(frti_replay_t *r) {
  answer_t a = {0, 0, 0};
  snprintf(r->progress->now, sizeof r->progress->now, "asking about ops not reached");
  for (uint32_t i = 0; i < r->n_programs; ++i)
    add_up(r, &r->programs[i], &a.claimed, &a.all, &a.unreached);
  if (r->o.mode != FRTI_TRAIN && !r->o.json) {
    print_table(r);
    print_answer(r, &a);
  }
  if (write_out(r, &a)) return EXIT_CANNOT_WRITE;
  return r->failed || !r->passed ? EXIT_NO : 0;
}
