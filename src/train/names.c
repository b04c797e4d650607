/* Unique names, name scopes, and the notes on programs and variables. */
#include <math.h>
#include <string.h>

#include "train/train.h"

const char *frti_intern(frt_builder_t *b, const char *text) {
  return frti_names_add(&b->names, text, strlen(text));
}

const char *frti_internf(frt_builder_t *b, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  const int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return n < 0 || (size_t)n >= sizeof text ? NULL : frti_intern(b, text);
}

/* The number of the next `key`; -1: out of memory. */
static int64_t count(frti_counter_t **counters, size_t *n, size_t *cap, const char *key) {
  for (size_t i = 0; i < *n; ++i)
    if (!strcmp((*counters)[i].key, key)) return (*counters)[i].next++;
  if (!frti_grow((void **)counters, *n, cap, sizeof **counters)) return -1;
  (*counters)[(*n)++] = (frti_counter_t){key, 1};
  return 0;
}

const char *frti_unique(frt_builder_t *b, const char *key) {
  frti_name_guard_t *g = &b->name_guards[b->n_name_guards - 1];
  const char *kept = frti_intern(b, key);
  if (!kept) return NULL;
  const int64_t number = count(&g->counters, &g->n, &g->cap, kept);
  return number < 0 ? NULL
                    : frti_internf(b, "%s%s_%lld", g->prefix, kept, (long long)number);
}

const char *frti_unique_kept(frt_builder_t *b, const char *key) {
  frt_var_info_t have;
  if (!b->live) return frti_unique(b, key);
  for (uint64_t i = 0;; ++i) {
    const char *name = frti_internf(b, "%s_%llu", key, (unsigned long long)i);
    if (!name ||
        frt_program_find_var(frt_builder_main(b), 0, name, &have, NULL) != FRT_OK)
      return name;
  }
}

frt_status_t frt_builder_unique_name(frt_builder_t *b, const char *key, const char **out,
                                     frt_error_t *err) {
  frti_say(b, "unique_name");
  FRT_TRY(frti_check_text(b, "key", key, err));
  *out = frti_unique(b, key);
  return *out ? FRT_OK : frti_no_memory(err);
}

frt_status_t frt_builder_push_names(frt_builder_t *b, const char *prefix,
                                    frt_error_t *err) {
  if (!FRTI_GROW(b->name_guards, b->n_name_guards, b->name_guards_cap))
    return frti_no_memory(err);
  const char *kept = frti_intern(b, prefix ? prefix : "");
  if (!kept) return frti_no_memory(err);
  b->name_guards[b->n_name_guards++] = (frti_name_guard_t){.prefix = kept};
  return FRT_OK;
}

frt_status_t frt_builder_pop_names(frt_builder_t *b, frt_error_t *err) {
  if (b->n_name_guards < 2)
    return frt_fail(err, FRT_FAILED_PRECONDITION, "unique names: no guard is open");
  frti_free(b->name_guards[--b->n_name_guards].counters);
  return FRT_OK;
}

/* ---- name scopes ------------------------------------------------------------------- */

frt_status_t frt_builder_push_scope(frt_builder_t *b, const char *prefix,
                                    frt_error_t *err) {
  frti_say(b, "name_scope");
  FRT_TRY(frti_check_text(b, "prefix", prefix, err));
  frti_scope_level_t *top = &b->scopes[b->n_scopes - 1];
  const char *kept = frti_intern(b, prefix);
  const int64_t number = kept ? count(&top->children, &top->n, &top->cap, kept) : -1;
  const char *path = number < 0 ? NULL
                     : number   ? frti_internf(b, "%s%s_%lld/", top->path, kept,
                                               (long long)number)
                                : frti_internf(b, "%s%s/", top->path, kept);
  if (!path || !FRTI_GROW(b->scopes, b->n_scopes, b->scopes_cap))
    return frti_no_memory(err);
  b->scopes[b->n_scopes++] = (frti_scope_level_t){.path = path};
  return FRT_OK;
}

frt_status_t frt_builder_pop_scope(frt_builder_t *b, frt_error_t *err) {
  if (b->n_scopes < 2)
    return frt_fail(err, FRT_FAILED_PRECONDITION, "name scopes: none is open");
  frti_free(b->scopes[--b->n_scopes].children);
  return FRT_OK;
}

/* ---- notes ------------------------------------------------------------------------- */

frti_program_note_t *frti_program_note(frt_builder_t *b, frt_program_t *p) {
  for (size_t i = 0; i < b->n_programs; ++i)
    if (b->programs[i].program == p) return &b->programs[i];
  if (!FRTI_GROW(b->programs, b->n_programs, b->programs_cap)) return NULL;
  frti_program_note_t *note = &b->programs[b->n_programs++];
  *note = (frti_program_note_t){.program = frt_program_retain(p)};
  return note;
}

static frti_var_note_t *find(const frt_builder_t *b, const frt_program_t *p,
                             int32_t block, const char *name) {
  for (size_t i = b->n_vars; i-- > 0;) {
    frti_var_note_t *v = &b->vars[i];
    if (v->program == p && v->block == block && !strcmp(v->name, name)) return v;
  }
  return NULL;
}

const frti_var_note_t *frti_find_note(const frt_builder_t *b, const frt_program_t *p,
                                      int32_t block, const char *name) {
  for (; block >= 0; block = frt_program_parent(p, block)) {
    const frti_var_note_t *v = find(b, p, block, name);
    if (v) return v;
  }
  return NULL;
}

frti_var_note_t *frti_var_note(frt_builder_t *b, frt_program_t *p, int32_t block,
                               const char *name) {
  frti_var_note_t *v = find(b, p, block, name);
  if (v) return v;
  const char *kept = frti_intern(b, name);
  if (!kept || !FRTI_GROW(b->vars, b->n_vars, b->vars_cap)) return NULL;
  v = &b->vars[b->n_vars++];
  *v = (frti_var_note_t){.program = p, .block = block, .name = kept, .learning_rate = 1};
  return v;
}

int32_t frti_current_block(frt_builder_t *b) {
  const frti_program_note_t *note = frti_program_note(b, frt_builder_main(b));
  return note ? note->current_block : 0;
}

void frti_say(frt_builder_t *b, const char *layer) { b->layer = layer; }

/* If there is no memory for a new graph, the op that is to be appended says so. */
void frti_enter(frt_builder_t *b, const char *layer) {
  b->layer = layer;
  if (b->live) b->live->enter(b->live->im);
}

frt_status_t frti_fail(const frt_builder_t *b, frt_error_t *err, frt_status_t status,
                       const char *argument, const char *fmt, ...) {
  char text[300];
  va_list ap;
  va_start(ap, fmt);
  frt_error_text_(text, sizeof text, fmt, ap);
  va_end(ap);
  frt_fail(err, status, "%s: %s%s%s", b->layer, argument ? argument : "",
           argument ? " " : "", text);
  return argument ? frti_error_name(err, status, argument) : status;
}

frti_role_t frti_role_set(frt_builder_t *b, frt_program_t *p, int32_t role,
                          const char *param, const char *grad) {
  frti_program_note_t *note = frti_program_note(b, p);
  frti_role_t old = {0};
  if (!note) return old;
  old = (frti_role_t){note->role, {note->role_var[0], note->role_var[1]}};
  note->role = role;
  note->role_var[0] = param;
  note->role_var[1] = grad;
  return old;
}

void frti_role_restore(frt_builder_t *b, frt_program_t *p, frti_role_t old) {
  frti_program_note_t *note = frti_program_note(b, p);
  if (!note) return;
  note->role = old.role;
  note->role_var[0] = old.var[0];
  note->role_var[1] = old.var[1];
}
