/* The builder's life, its guards and its variables. */
#include <math.h>
#include <string.h>

#include "program/parts.h"
#include "train/train.h"

frt_program_t *frt_builder_main(const frt_builder_t *b) {
  return b->guards[b->n_guards - 1].main;
}

frt_program_t *frt_builder_startup(const frt_builder_t *b) {
  return b->guards[b->n_guards - 1].startup;
}

static frt_status_t push(frt_builder_t *b, frt_program_t *main, frt_program_t *startup,
                         frt_error_t *err) {
  if (!frti_program_note(b, main) || !frti_program_note(b, startup) ||
      !FRTI_GROW(b->guards, b->n_guards, b->guards_cap))
    return frti_no_memory(err);
  b->guards[b->n_guards++] = (frti_guard_t){main, startup};
  return FRT_OK;
}

frt_status_t frt_builder_push_programs(frt_builder_t *b, frt_program_t *main,
                                       frt_program_t *startup, frt_error_t *err) {
  if (b->live)
    return frt_fail(err, FRT_FAILED_PRECONDITION,
                    "program guard: imperative mode runs what is built, in no program");
  return push(b, main ? main : frt_builder_main(b),
              startup ? startup : frt_builder_startup(b), err);
}

frt_status_t frt_builder_pop_programs(frt_builder_t *b, frt_error_t *err) {
  if (b->n_guards < 2)
    return frt_fail(err, FRT_FAILED_PRECONDITION, "program guard: none is open");
  --b->n_guards;
  return FRT_OK;
}

static frt_status_t fill(frt_builder_t *b, frt_error_t *err) {
  frt_program_t *main = NULL, *startup = NULL;
  frt_status_t status = frt_program_create(&main, err);
  if (status == FRT_OK) status = frt_program_create(&startup, err);
  if (status == FRT_OK) status = push(b, main, startup, err);
  frt_program_release(main);
  frt_program_release(startup);
  FRT_TRY(status);
  FRT_TRY(frt_builder_push_names(b, "", err));
  if (!FRTI_GROW(b->scopes, b->n_scopes, b->scopes_cap)) return frti_no_memory(err);
  b->scopes[b->n_scopes++] = (frti_scope_level_t){.path = "/"};
  return FRT_OK;
}

frt_status_t frt_builder_create(frt_builder_t **out, frt_error_t *err) {
  *out = NULL;
  frt_builder_t *b = frti_calloc(1, sizeof *b);
  if (!b) return frti_no_memory(err);
  b->layer = "builder";
  frti_names_init(&b->names, &b->arena);
  const frt_status_t status = fill(b, err);
  if (status != FRT_OK) {
    frt_builder_release(b);
    return status;
  }
  *out = b;
  return FRT_OK;
}

void frt_builder_release(frt_builder_t *b) {
  if (!b) return;
  for (size_t i = 0; i < b->n_programs; ++i) frt_program_release(b->programs[i].program);
  for (size_t i = 0; i < b->n_name_guards; ++i) frti_free(b->name_guards[i].counters);
  for (size_t i = 0; i < b->n_scopes; ++i) frti_free(b->scopes[i].children);
  frti_free(b->guards);
  frti_free(b->name_guards);
  frti_free(b->scopes);
  frti_free(b->programs);
  frti_free(b->vars);
  frti_names_release(&b->names);
  frti_arena_release(&b->arena);
  frti_arena_release(&b->results);
  frti_arena_release(&b->scratch);
  frti_free(b);
}

frt_status_t frt_builder_set_seed(frt_builder_t *b, frt_program_t *p, int32_t seed,
                                  frt_error_t *err) {
  frt_program_t *const both[] = {p ? p : frt_builder_main(b),
                                 p ? p : frt_builder_startup(b)};
  for (size_t i = 0; i < 2; ++i) {
    frti_program_note_t *note = frti_program_note(b, both[i]);
    if (!note) return frti_no_memory(err);
    note->seed = seed;
  }
  return FRT_OK;
}

/* Notes on variables of block 0 that the clone has. */
static frt_status_t copy_notes(frt_builder_t *b, frt_program_t *from, frt_program_t *to,
                               int for_test, frt_error_t *err) {
  frti_program_note_t *note = frti_program_note(b, to);
  if (!note) return frti_no_memory(err);
  const frti_program_note_t *old = frti_program_note(b, from);
  if (!old) return frti_no_memory(err);
  note = frti_program_note(b, to); /* the table may have moved */
  note->seed = for_test ? 0 : old->seed;
  note->gradients = for_test ? 0 : old->gradients;
  for (size_t i = 0, n = b->n_vars; i < n; ++i) {
    frt_var_info_t info;
    const frti_var_note_t was = b->vars[i];
    if (was.program != from || was.block != 0 ||
        frt_program_find_var(to, 0, was.name, &info, NULL) != FRT_OK)
      continue;
    frti_var_note_t *is = frti_var_note(b, to, 0, was.name);
    if (!is) return frti_no_memory(err);
    *is = was;
    is->program = to;
  }
  return FRT_OK;
}

frt_status_t frt_builder_clone(frt_builder_t *b, frt_program_t *p, int for_test,
                               frt_program_t **out, frt_error_t *err) {
  frt_program_t *from = p ? p : frt_builder_main(b);
  FRT_TRY(frt_program_clone(from, for_test, out, err));
  const frt_status_t status = copy_notes(b, from, *out, for_test, err);
  if (status == FRT_OK) return FRT_OK;
  frt_program_release(*out);
  *out = NULL;
  return status;
}

/* ---- variables --------------------------------------------------------------------- */

static const frti_var_t *look(const frt_program_t *p, int32_t block, const char *name,
                              int32_t *owner) {
  const char *interned = frti_names_find(&p->names, name, strlen(name));
  return frti_program_resolve(p, block, interned, owner);
}

frt_status_t frt_builder_var(frt_builder_t *b, const char *name, frt_var_t *out,
                             frt_error_t *err) {
  frt_program_t *p = frt_builder_main(b);
  frt_var_info_t info;
  int32_t owner = 0;
  frti_say(b, "builder_var");
  FRT_TRY(frti_check_text(b, "name", name, err));
  const frt_status_t status =
      frt_program_find_var(p, frti_current_block(b), name, &info, err);
  if (status != FRT_OK) {
    char said[200];
    snprintf(said, sizeof said, "%s", err ? err->message : "");
    frti_fail(b, err, status, "name", "%s", said);
    return frti_error_name(err, status, name);
  }
  look(p, frti_current_block(b), name, &owner);
  const char *kept = frti_intern(b, name);
  if (!kept) return frti_no_memory(err);
  *out = (frt_var_t){p, owner, kept};
  return FRT_OK;
}

frt_status_t frti_check_dims(frt_builder_t *b, const char *argument, uint32_t rank,
                             const int64_t *dims, int64_t least, frt_error_t *err) {
  if (rank > FRT_MAX_RANK)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "has rank %u; wanted at most %d", rank, FRT_MAX_RANK);
  if (rank && !dims)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "is NULL; its rank is %u", rank);
  for (uint32_t i = 0; i < rank; ++i)
    if (dims[i] < least)
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                       "[%u] is %lld; wanted %lld or more", i, (long long)dims[i],
                       (long long)least);
  return FRT_OK;
}

frt_status_t frti_check_text(frt_builder_t *b, const char *argument, const char *text,
                             frt_error_t *err) {
  if (text && text[0]) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "is empty");
}

frt_status_t frti_info(frt_builder_t *b, frt_var_t v, const char *argument,
                       frt_var_info_t *out, frt_error_t *err) {
  if (!v.program || !v.name)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "is no variable");
  /* Before it is looked into: another guard's program may be gone. */
  if (b->live && v.program != frt_builder_main(b) && v.program != frt_builder_startup(b))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "is a variable of another guard");
  const frt_status_t status = frt_program_find_var(v.program, v.block, v.name, out, err);
  if (status == FRT_OK) return FRT_OK;
  return frti_fail(b, err, status, argument, "'%.120s' is not in block %d of its program",
                   v.name, v.block);
}

frt_status_t frt_var_stop_gradient(frt_builder_t *b, frt_var_t var, int on,
                                   frt_error_t *err) {
  frt_var_info_t info;
  frti_say(b, "stop_gradient");
  FRT_TRY(frti_info(b, var, "var", &info, err));
  frti_var_note_t *note = frti_var_note(b, var.program, var.block, var.name);
  if (!note) return frti_no_memory(err);
  note->stop_gradient = on != 0;
  return FRT_OK;
}

frt_status_t frt_var_set_persistable(frt_builder_t *b, frt_var_t var, int on,
                                     frt_error_t *err) {
  frt_var_info_t info;
  int32_t owner = 0;
  frti_say(b, "persistable");
  FRT_TRY(frti_info(b, var, "var", &info, err));
  const frti_var_t *v = look(var.program, var.block, var.name, &owner);
  const frti_block_t *block = &var.program->blocks[owner];
  block->vars[v - block->vars].persistable = on ? 1 : -1;
  frti_program_touch(var.program);
  return FRT_OK;
}

frt_status_t frti_declare(frt_builder_t *b, frt_program_t *p, int32_t block,
                          const frt_var_info_t *info, frt_var_t *out, frt_error_t *err) {
  int32_t owner = -1;
  const char *kept = frti_intern(b, info->name);
  if (!kept) return frti_no_memory(err);
  if (!look(p, block, kept, &owner) || owner != block) {
    const frt_status_t status = frt_program_add_var(p, block, info, err);
    if (status != FRT_OK) {
      char said[200];
      snprintf(said, sizeof said, "%s", err ? err->message : "");
      return frti_fail(b, err, status, NULL, "%s", said);
    }
  }
  *out = (frt_var_t){p, block, kept};
  return FRT_OK;
}

frt_status_t frti_tmp(frt_builder_t *b, const char *key, uint32_t dtype, frt_var_t *out,
                      frt_error_t *err) {
  if (b->live && !(key = frti_internf(b, "%s%s", b->live->tag, key)))
    return frti_no_memory(err);
  const frt_var_info_t info = {.name = frti_unique(b, key), .dtype = (int32_t)dtype};
  if (!info.name) return frti_no_memory(err);
  return frti_declare(b, frt_builder_main(b), frti_current_block(b), &info, out, err);
}

frt_status_t frt_builder_create_var(frt_builder_t *b, const char *key, frt_dtype_t dtype,
                                    frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "create_var");
  return frti_tmp(b, key ? key : "_generated_var", dtype, out, err);
}

frt_status_t frti_helper_tmp(frt_builder_t *b, const char *helper, uint32_t dtype,
                             frt_var_t *out, frt_error_t *err) {
  const char *key = frti_internf(b, "%s.tmp", helper);
  return key ? frti_tmp(b, key, dtype, out, err) : frti_no_memory(err);
}

frt_status_t frti_set_shape(frt_program_t *p, int32_t block, const char *name,
                            const frt_shape_t *shape, frt_error_t *err) {
  int32_t owner = 0;
  const frti_var_t *found = look(p, block, name, &owner);
  if (!found || found->kind != FRT_VAR_LOD_TENSOR) return FRT_OK;
  frti_var_t *v = &p->blocks[owner].vars[found - p->blocks[owner].vars];
  int64_t *dims = frti_arena_calloc(&p->arena, shape->rank, sizeof *dims);
  if (!dims) return frti_no_memory(err);
  if (shape->rank) memcpy(dims, shape->dims, shape->rank * sizeof *dims);
  v->dtype = (int32_t)shape->dtype;
  v->rank = shape->rank;
  v->dims = dims;
  frti_program_touch(p);
  return FRT_OK;
}
