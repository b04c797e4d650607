/* From a program to what save_inference_model puts into its file. The work is done on a
 * copy: Fluid appends the scale ops to the caller's own program, here it stays clean. */
#include <stdlib.h>
#include <string.h>

#include "fluidrt/inference.h"
#include "program/parts.h"

enum { FORMAT_VERSION = 1008005, ROLE_OPTIMIZE = 2 };

/* Fluid's prune never keeps an op of role Optimize that is no target; feed and fetch ops
 * make room for new ones. */
static void drop_ops(frt_program_t *p) {
  frti_block_t *b = &p->blocks[0];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < b->n_ops; ++i) {
    const frti_op_t *op = &b->ops[i];
    if (strcmp(op->type, "feed") && strcmp(op->type, "fetch") &&
        !(frti_op_role(op) & ROLE_OPTIMIZE))
      b->ops[kept++] = *op;
  }
  b->n_ops = kept;
  frti_program_touch(p);
}

/* ---- ops that are added ----------------------------------------------------------------- */

/* What every op of Fluid carries. */
static frt_status_t set_common(frt_program_t *p, uint32_t op, frt_error_t *err) {
  const frt_attr_info_t none = {.name = "op_role_var", .type = FRTI_WIRE_STRINGS};
  FRT_TRY(frt_program_set_attr_int(p, 0, op, "op_role", 0, err));
  FRT_TRY(frt_program_set_attr(p, 0, op, &none, err));
  FRT_TRY(frt_program_set_attr_string(p, 0, op, "op_namescope", "/", err));
  return frt_program_set_attr_string(p, 0, op, "op_device", "", err);
}

static frt_status_t add_op(frt_program_t *p, const char *type, const char *in,
                           const char *out, uint32_t *op, frt_error_t *err) {
  FRT_TRY(frt_program_add_op(p, 0, type, op, err));
  FRT_TRY(frt_program_set_input(p, 0, *op, "X", &in, 1, err));
  FRT_TRY(frt_program_set_output(p, 0, *op, "Out", &out, 1, err));
  return set_common(p, *op, err);
}

/* Fluid counts k up for each call in a process; here it is the first that is free. */
static void free_name(const frt_program_t *p, size_t i, char *to, size_t cap) {
  frt_var_info_t v;
  uint32_t k = 0;
  do snprintf(to, cap, "save_infer_model/scale_%zu.tmp_%u", i, k++);
  while (frt_program_find_var(p, 0, to, &v, NULL) == FRT_OK);
}

/* target -> scale by 1 -> *out (in `arena`). */
static frt_status_t add_scale(frt_program_t *p, size_t i, const char *target,
                              frti_arena_t *arena, const char **out, frt_error_t *err) {
  frt_var_info_t v;
  char name[80];
  uint32_t op;
  FRT_TRY(frt_program_find_var(p, 0, target, &v, err));
  if (v.kind != FRT_VAR_LOD_TENSOR) {
    frt_fail(err, FRT_INVALID_ARGUMENT, "target '%.96s': no tensor, but of kind %d", target,
             v.kind);
    return frti_error_name(err, FRT_INVALID_ARGUMENT, target);
  }
  free_name(p, i, name, sizeof name);
  if (!(*out = frti_arena_strdup(arena, name))) return frti_no_memory(err);
  v.name = name;
  v.persistable = v.need_check_feed = 0;
  FRT_TRY(frt_program_add_var(p, 0, &v, err));
  FRT_TRY(add_op(p, "scale", target, name, &op, err));
  FRT_TRY(frt_program_set_input(p, 0, op, "ScaleTensor", NULL, 0, err));
  FRT_TRY(frt_program_set_attr_f32(p, 0, op, "scale", 1, err));
  FRT_TRY(frt_program_set_attr_f32(p, 0, op, "bias", 0, err));
  return frt_program_set_attr_bool(p, 0, op, "bias_after_scale", 1, err);
}

static frt_status_t add_holder(frt_program_t *p, const char *name, int32_t kind,
                               frt_error_t *err) {
  const frt_var_info_t v = {.name = name, .kind = kind, .dtype = -1, .persistable = 1};
  return frt_program_add_var(p, 0, &v, err);
}

/* The last n ops of block 0 become its first. */
static frt_status_t rotate(frt_program_t *p, size_t n, frt_error_t *err) {
  frti_block_t *b = &p->blocks[0];
  frti_op_t *last;
  if (!n) return FRT_OK;
  last = frti_calloc(n, sizeof *last);
  if (!last) return frti_no_memory(err);
  memcpy(last, b->ops + (b->n_ops - n), n * sizeof *last);
  memmove(b->ops + n, b->ops, (b->n_ops - n) * sizeof *last);
  memcpy(b->ops, last, n * sizeof *last);
  frti_free(last);
  frti_program_touch(p);
  return FRT_OK;
}

static frt_status_t add_ends(frt_program_t *p, const char *const *feeds, size_t n_feeds,
                             const char *const *fetches, size_t n_fetches,
                             frt_error_t *err) {
  uint32_t op;
  FRT_TRY(add_holder(p, "feed", FRT_VAR_FEED_MINIBATCH, err));
  FRT_TRY(add_holder(p, "fetch", FRT_VAR_FETCH_LIST, err));
  /* Fluid prepends one feed op after the other, so the last column comes first. */
  for (size_t i = n_feeds; i-- > 0;) {
    FRT_TRY(add_op(p, "feed", "feed", feeds[i], &op, err));
    FRT_TRY(frt_program_set_attr_int(p, 0, op, "col", (int32_t)i, err));
  }
  FRT_TRY(rotate(p, n_feeds, err));
  for (size_t i = 0; i < n_fetches; ++i) {
    FRT_TRY(add_op(p, "fetch", fetches[i], "fetch", &op, err));
    FRT_TRY(frt_program_set_attr_int(p, 0, op, "col", (int32_t)i, err));
  }
  return FRT_OK;
}

/* ---- checks ------------------------------------------------------------------------------ */

static frt_status_t check_feeds(const frt_program_t *p, const char *const *feeds, size_t n,
                                frt_error_t *err) {
  for (size_t i = 0; i < n; ++i) {
    frt_var_info_t v;
    FRT_TRY(frt_program_find_var(p, 0, feeds[i], &v, err));
    for (size_t k = 0; k < i; ++k) {
      if (strcmp(feeds[i], feeds[k])) continue;
      frt_fail(err, FRT_INVALID_ARGUMENT, "feed '%.96s' is named twice", feeds[i]);
      return frti_error_name(err, FRT_INVALID_ARGUMENT, feeds[i]);
    }
  }
  return FRT_OK;
}

static frt_status_t check_needed(const frt_program_t *p, const char *const *feeds, size_t n,
                                 frt_error_t *err) {
  for (size_t i = 0; i < n; ++i) {
    frt_var_info_t v;
    if (frt_program_find_var(p, 0, feeds[i], &v, NULL) == FRT_OK) continue;
    frt_fail(err, FRT_INVALID_ARGUMENT, "feed '%.96s': no target needs it", feeds[i]);
    return frti_error_name(err, FRT_INVALID_ARGUMENT, feeds[i]);
  }
  return FRT_OK;
}

static void mark_slots(bool *mark, const frti_slot_t *slots, uint32_t n) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].n; ++i) mark[frti_name_id(slots[s].args[i])] = true;
}

/* Adds to `list` the outer variables that the op reads and nothing gives; each once. */
static void list_missing(const frt_program_t *p, uint32_t block, const frti_op_t *op,
                         bool *given, size_t *n, frti_str_t *list) {
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i) {
      const char *name = op->in[s].args[i];
      int32_t owner = -1;
      const frti_var_t *v = frti_program_resolve(p, (int32_t)block, name, &owner);
      if (!v || owner || v->persistable == 1 || v->kind != FRT_VAR_LOD_TENSOR ||
          given[frti_name_id(name)])
        continue;
      given[frti_name_id(name)] = true;
      frti_str_addf(list, "%s'%s'", (*n)++ ? ", " : "", name);
    }
}

/* A variable that no op writes is an input: somebody must feed it. */
static frt_status_t check_inputs(const frt_program_t *p, const char *const *feeds,
                                 size_t n_feeds, frt_error_t *err) {
  bool *given = frti_calloc(p->names.n + 1, sizeof *given);
  frti_str_t list = {0};
  size_t n = 0;
  frt_status_t status = FRT_OK;
  if (!given) return frti_no_memory(err);
  for (size_t i = 0; i < n_feeds; ++i) {
    const char *name = frti_names_find(&p->names, feeds[i], strlen(feeds[i]));
    if (name) given[frti_name_id(name)] = true;
  }
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i)
      mark_slots(given, p->blocks[b].ops[i].out, p->blocks[b].ops[i].n_out);
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i)
      list_missing(p, b, &p->blocks[b].ops[i], given, &n, &list);
  if (n)
    status = frt_fail(err, FRT_FAILED_PRECONDITION,
                      "the targets need %zu inputs that are not fed: %s", n,
                      list.text ? list.text : "");
  frti_str_release(&list);
  frti_free(given);
  return status;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* `fetches` has room for n_targets names, which live in `arena`. */
static frt_status_t make(frt_program_t *whole, const char *const *feeds, size_t n_feeds,
                         const char *const *targets, size_t n_targets,
                         const char **fetches, frti_arena_t *arena, frt_program_t **out,
                         frt_error_t *err) {
  FRT_TRY(check_feeds(whole, feeds, n_feeds, err));
  drop_ops(whole);
  for (size_t i = 0; i < n_targets; ++i)
    FRT_TRY(add_scale(whole, i, targets[i], arena, &fetches[i], err));
  const frt_prune_request_t request = {
      .struct_size = sizeof request, .feeds = feeds, .n_feeds = n_feeds,
      .fetches = fetches, .n_fetches = n_targets};
  FRT_TRY(frt_program_prune(whole, &request, out, NULL, NULL, err));
  FRT_TRY(check_needed(*out, feeds, n_feeds, err));
  FRT_TRY(check_inputs(*out, feeds, n_feeds, err));
  FRT_TRY(frti_program_set_is_test(*out, err));
  (*out)->has_version = (*out)->has_version_number = true;
  if ((*out)->format_version < FORMAT_VERSION) (*out)->format_version = FORMAT_VERSION;
  return add_ends(*out, feeds, n_feeds, fetches, n_targets, err);
}

frt_status_t frt_inference_program(const frt_program_t *program,
    const char *const *feeds, size_t n_feeds, const char *const *targets,
    size_t n_targets, frt_program_t **out, frt_error_t *err) {
  frti_arena_t arena = {0};
  frt_program_t *whole = NULL;
  const char **fetches;
  *out = NULL;
  if (!n_targets) return frt_fail(err, FRT_INVALID_ARGUMENT, "no target: nothing to save");
  fetches = frti_arena_calloc(&arena, n_targets, sizeof *fetches);
  frt_status_t status = fetches ? frt_program_clone(program, 0, &whole, err) : frti_no_memory(err);
  if (status == FRT_OK)
    status = make(whole, feeds, n_feeds, targets, n_targets, fetches, &arena, out, err);
  if (status != FRT_OK) {
    frt_program_release(*out);
    *out = NULL;
    frti_error_phase(err, status, FRT_PHASE_PLAN);
  }
  frt_program_release(whole);
  frti_arena_release(&arena);
  return status;
}
