/* What a walk over a program found, for people and for programs. */
#include <stdlib.h>

#include "runner/replay.h"

enum { EXIT_NO = 1 };

void frti_print_json(const char *text) {
  putchar('"');
  for (; *text; ++text) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 32 || c > 126) printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

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
  const frt_op_schema_t *s = frt_op_find(type);
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
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frti_replay_row_t *row = &r->rows[i];
    if (!row->runs && !row->failed) continue;
    printf("%-34s %6u %6u %6u %8u %7.3f  %s\n", frt_op_at(i)->type, row->runs, row->passed,
           row->failed, row->declined, row->worst, row->where);
  }
}

static void print_notes(const frti_replay_notes_t *notes, const char *key) {
  printf("  \"%s\": [", key);
  for (uint32_t i = 0; i < notes->n; ++i) {
    printf("%s\n    {\"times\": %u, \"text\": ", i ? "," : "", notes->all[i].times);
    frti_print_json(notes->all[i].text);
    putchar('}');
  }
  fputs("\n  ],\n", stdout);
}

static void print_json(const frti_replay_t *r, uint32_t claimed, uint32_t all,
                       uint32_t unreached) {
  fputs("{\n  \"format\": 1, \"level\": \"program\", \"provider\": ", stdout);
  frti_print_json(r->b.target[0].api->name);
  fputs(",\n  \"ops\": [", stdout);
  for (size_t i = 0, n = 0; i < frt_op_count(); ++i) {
    const frti_replay_row_t *row = &r->rows[i];
    if (!row->runs && !row->failed) continue;
    printf("%s\n    {\"op\": \"%s\", \"runs\": %u, \"passed\": %u, \"failed\": %u, "
           "\"declined\": %u, \"worst\": ", n++ ? "," : "", frt_op_at(i)->type, row->runs,
           row->passed, row->failed, row->declined);
    if (isfinite(row->worst)) printf("%.6g", row->worst);
    else fputs("null", stdout);
    fputs(", \"worst_at\": ", stdout);
    frti_print_json(row->where);
    putchar('}');
  }
  fputs("\n  ],\n", stdout);
  print_notes(&r->failures, "failures");
  print_notes(&r->unclaimed, "unclaimed");
  printf("  \"claimed\": %u, \"of\": %u, \"not_reached\": %u, \"passed\": %llu, "
         "\"failed\": %llu\n}\n", claimed, all, unreached, (unsigned long long)r->passed,
         (unsigned long long)r->failed);
}

int frti_replay_report(frti_replay_t *r) {
  uint32_t claimed = 0, all = 0, unreached = 0;
  snprintf(r->progress->now, sizeof r->progress->now, "asking about ops not reached");
  for (uint32_t i = 0; i < r->n_programs; ++i)
    add_up(r, &r->programs[i], &claimed, &all, &unreached);
  if (r->o.json) {
    print_json(r, claimed, all, unreached);
  } else {
    print_table(r);
    for (uint32_t i = 0; i < r->unclaimed.n; ++i)
      printf("unclaimed %s (%u ops)\n", r->unclaimed.all[i].text,
             r->unclaimed.all[i].times);
    if (unreached) printf("not reached by any run, only asked about: %u ops\n", unreached);
    if (!r->passed && !r->failed) printf("FAIL: nothing was judged\n");
    printf("program: %u of %u ops claimed\n", claimed, all);
    printf("%llu passed, %llu failed\n", (unsigned long long)r->passed,
           (unsigned long long)r->failed);
  }
  return r->failed || !r->passed ? EXIT_NO : 0;
}
