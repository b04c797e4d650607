/* The trace from one graph to the next. */
#include <string.h>

#include "imperative/guard.h"

typedef struct keeper { frt_imperative_t *im; bool temporaries; } keeper_t;

static bool was_dropped(const frt_imperative_t *im, const char *name) {
  const char *end = strstr(name, FRTI_GRAD_SUFFIX);
  const size_t n = end ? (size_t)(end - name) : strlen(name);
  for (size_t i = 0; im->n_dropped && i < im->b->n_vars; ++i) {
    const frti_var_note_t *v = &im->b->vars[i];
    if (v->dropped && v->program == im->trace && !strncmp(v->name, name, n) && !v->name[n])
      return true;
  }
  return false;
}

static bool keep(void *ctx, const frti_var_t *v) {
  const keeper_t *k = ctx;
  if (v->persistable != 1) return k->temporaries;
  if (!was_dropped(k->im, v->name)) return true;
  frt_scope_erase(k->im->scope, v->name, NULL); /* a gradient may never have been made */
  return false;
}

/* Notes of variables that are gone would be found again under the next one's name. */
static void drop_notes(frt_imperative_t *im) {
  frt_builder_t *b = im->b;
  size_t n = 0;
  for (size_t i = 0; i < b->n_vars; ++i) {
    const frti_var_note_t *v = &b->vars[i];
    frt_var_info_t info;
    if (v->program != im->trace ||
        frt_program_find_var(im->trace, 0, v->name, &info, NULL) == FRT_OK)
      b->vars[n++] = *v;
  }
  b->n_vars = n;
}

/* Notes which temporaries this graph had; false: out of memory. */
static bool note_names(frt_imperative_t *im) {
  const frti_block_t *block = &im->trace->blocks[0];
  for (uint32_t i = 0; i < block->n_vars; ++i) {
    const char *name = frti_scope_name(&block->vars[i]);
    if (block->vars[i].persistable == 1) continue;
    const size_t before = im->seen.n;
    const char *kept = frti_names_add(&im->seen, name, strlen(name));
    if (!kept || !FRTI_GROW(im->last, im->seen.n, im->last_cap)) return false;
    if (im->seen.n > before) im->last[before] = 0;
    im->last[frti_name_id(kept)] = im->graph + 1;
  }
  return true;
}

/* Values of the graph before this one that this one did not make again. */
static void give_back(frt_imperative_t *im) {
  for (size_t i = 0; i < im->seen.n; ++i)
    if (im->last[i] && im->last[i] == im->graph) {
      frt_scope_erase(im->scope, im->seen.by_id[i], NULL);
      im->last[i] = 0;
    }
}

static void restart_names(frt_imperative_t *im) {
  static const char *const tags[] = {"0~", "1~", "2~", "3~", "4~", "5~", "6~", "7~"};
  frt_builder_t *b = im->b;
  for (size_t i = 1; i < b->n_name_guards; ++i) b->name_guards[i].n = 0;
  b->scopes[0].n = 0;
  im->live.tag = tags[++im->graph % FRTI_COUNT(tags)];
}

frt_status_t frti_graph_renew(frt_imperative_t *im, bool temporaries, frt_error_t *err) {
  keeper_t k = {im, temporaries};
  FRT_TRY(frti_program_renew(im->trace, keep, &k, err));
  drop_notes(im);
  im->n_dropped = 0;
  return FRT_OK;
}

static bool keep_none(void *ctx, const frti_var_t *v) {
  FRTI_UNUSED(ctx);
  FRTI_UNUSED(v);
  return false;
}

/* What initialised parameters has run. */
static void forget_startup(frt_program_t *p) {
  enum { MUCH = 1 << 16 };
  if (!p->blocks[0].n_vars) return;
  if (p->arena.used < MUCH || frti_program_renew(p, keep_none, NULL, NULL) != FRT_OK)
    frti_program_cut(p, 0, 0, false);
}

void frti_graph_enter(void *ctx) {
  frt_imperative_t *im = ctx;
  forget_startup(frt_builder_startup(im->b));
  if (!im->live.ended || im->live.quiet) return;
  if (!note_names(im) || frti_graph_renew(im, false, NULL) != FRT_OK) return;
  give_back(im);
  restart_names(im);
  frti_arena_release(&im->b->results);
  im->live.ended = false;
}

frti_mark_t frti_graph_mark(const frt_imperative_t *im) {
  return (frti_mark_t){frt_program_n_ops(im->trace, 0), frt_program_n_vars(im->trace, 0)};
}

void frt_imperative_end_graph(frt_imperative_t *im) { im->live.ended = true; }
