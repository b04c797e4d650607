/* Ops of the trace, run as a program of their own. */
#include <string.h>

#include "imperative/guard.h"

/* Beyond that many, all are forgotten: a loop whose shapes never repeat. */
enum { MOST_SEGMENTS = 4096, MAX_NAME = 1024 };

const char *frti_scope_name(const frti_var_t *v) {
  return v->persistable != 1 && v->name[0] && v->name[1] == '~' ? v->name + 1 : v->name;
}

/* What says where an op came from, not what it does. */
static bool is_told(const frti_attr_t *a) {
  static const char *const names[] = {"op_namescope", "op_role_var", "op_callstack"};
  for (size_t i = 0; i < FRTI_COUNT(names); ++i)
    if (!strcmp(a->name, names[i])) return true;
  return false;
}

/* ---- the key: everything that the program will be made of --------------------------- */

static void put(frti_str_t *k, const void *bytes, size_t n) { frti_str_add_n(k, bytes, n); }

static void put_text(frti_str_t *k, const char *text) { put(k, text, strlen(text) + 1); }

static void put_slots(frti_str_t *k, const frt_program_t *p, const frti_slot_t *slots,
                      uint32_t n) {
  put(k, &n, sizeof n);
  for (uint32_t s = 0; s < n; ++s) {
    put_text(k, slots[s].name);
    put(k, &slots[s].n, sizeof slots[s].n);
    for (uint32_t i = 0; i < slots[s].n; ++i) {
      const frti_var_t *v = frti_program_resolve(p, 0, slots[s].args[i], NULL);
      put_text(k, v ? frti_scope_name(v) : slots[s].args[i]);
      if (!v) continue;
      put(k, &v->dtype, sizeof v->dtype);
      put(k, &v->persistable, sizeof v->persistable);
      put(k, &v->rank, sizeof v->rank);
      if (v->rank) put(k, v->dims, v->rank * sizeof *v->dims);
    }
  }
}

static void put_attr(frti_str_t *k, const frti_attr_t *a) {
  put_text(k, a->name);
  put(k, &a->type, sizeof a->type);
  put(k, &a->count, sizeof a->count);
  switch (a->type) {
    case FRTI_WIRE_FLOAT: case FRTI_WIRE_FLOAT64: put(k, &a->v.f, sizeof a->v.f); break;
    case FRTI_WIRE_STRING: put_text(k, a->v.s); break;
    case FRTI_WIRE_STRINGS:
      for (uint32_t i = 0; i < a->count; ++i) put_text(k, a->v.ss[i]);
      break;
    case FRTI_WIRE_FLOATS: case FRTI_WIRE_FLOAT64S:
      put(k, a->v.fs, a->count * sizeof *a->v.fs);
      break;
    case FRTI_WIRE_INTS: case FRTI_WIRE_LONGS: case FRTI_WIRE_BOOLEANS:
    case FRTI_WIRE_BLOCKS:
      put(k, a->v.is, a->count * sizeof *a->v.is);
      break;
    default: put(k, &a->v.i, sizeof a->v.i);
  }
}

static void write_key(frti_str_t *k, const frt_program_t *p, uint32_t from, uint32_t to,
                      bool keep_all) {
  k->len = 0;
  put(k, &keep_all, sizeof keep_all);
  for (uint32_t i = from; i < to; ++i) {
    const frti_op_t *op = &p->blocks[0].ops[i];
    put_text(k, op->type);
    put_slots(k, p, op->in, op->n_in);
    put_slots(k, p, op->out, op->n_out);
    for (uint32_t a = 0; a < op->n_attrs; ++a)
      if (!is_told(&op->attrs[a])) put_attr(k, &op->attrs[a]);
  }
}

/* ---- the program ---------------------------------------------------------------------- */

typedef struct job {
  const frt_program_t *from;
  frt_program_t *to;
  bool keep_all;
  uint32_t op; /* in `to` */
  frt_error_t *err;
} job_t;

/* What is read first was made before: it is in the scope. */
static frt_status_t declare(const job_t *j, const frti_var_t *v, bool read) {
  frt_var_info_t info = {.name = frti_scope_name(v), .kind = v->kind, .dtype = v->dtype,
                         .rank = v->rank, .dims = v->dims, .lod_level = v->lod_level};
  frt_var_info_t have;
  if (frt_program_find_var(j->to, 0, info.name, &have, NULL) == FRT_OK) return FRT_OK;
  info.persistable = read || j->keep_all || v->persistable == 1;
  return frt_program_add_var(j->to, 0, &info, j->err);
}

static frt_status_t copy_slot(const job_t *j, const frti_slot_t *slot, bool input) {
  const char **names = frti_calloc(slot->n + 1u, sizeof *names);
  frt_status_t status = names ? FRT_OK : frti_no_memory(j->err);
  for (uint32_t i = 0; status == FRT_OK && i < slot->n; ++i) {
    const frti_var_t *v = frti_program_resolve(j->from, 0, slot->args[i], NULL);
    names[i] = v ? frti_scope_name(v) : slot->args[i];
    if (v) status = declare(j, v, input);
  }
  if (status == FRT_OK)
    status = input ? frt_program_set_input(j->to, 0, j->op, slot->name, names, slot->n, j->err)
                   : frt_program_set_output(j->to, 0, j->op, slot->name, names, slot->n,
                                            j->err);
  frti_free(names);
  return status;
}

static frt_status_t copy_op(job_t *j, uint32_t index) {
  const frti_op_t *op = &j->from->blocks[0].ops[index];
  frt_attr_info_t info;
  FRT_TRY(frt_program_add_op(j->to, 0, op->type, &j->op, j->err));
  for (uint32_t s = 0; s < op->n_in; ++s) FRT_TRY(copy_slot(j, &op->in[s], true));
  for (uint32_t s = 0; s < op->n_out; ++s) FRT_TRY(copy_slot(j, &op->out[s], false));
  for (uint32_t a = 0; a < op->n_attrs; ++a) {
    if (is_told(&op->attrs[a])) continue;
    FRT_TRY(frt_program_op_attr(j->from, 0, index, a, &info, j->err));
    FRT_TRY(frt_program_set_attr(j->to, 0, j->op, &info, j->err));
  }
  return FRT_OK;
}

static frt_status_t make(const frt_program_t *p, uint32_t from, uint32_t to, bool keep_all,
                         frt_program_t **out, frt_error_t *err) {
  FRT_TRY(frt_program_create(out, err));
  job_t j = {p, *out, keep_all, 0, err};
  frt_status_t status = FRT_OK;
  for (uint32_t i = from; status == FRT_OK && i < to; ++i) status = copy_op(&j, i);
  if (status == FRT_OK) return FRT_OK;
  frt_program_release(*out);
  *out = NULL;
  return status;
}

/* ---- finding it again ------------------------------------------------------------------ */

static void forget(frti_segments_t *s) {
  for (size_t i = 0; i < s->keys.n; ++i) frt_program_release(s->programs[i]);
  frti_names_release(&s->keys);
  frti_arena_release(&s->arena);
  frti_names_init(&s->keys, &s->arena);
}

void frti_segments_release(frti_segments_t *s) {
  forget(s);
  frti_names_release(&s->keys);
  frti_free(s->programs);
  frti_str_release(&s->key);
}

static frt_status_t find(frti_segments_t *s, const frt_program_t *p, uint32_t from,
                         uint32_t to, bool keep_all, frt_program_t **out,
                         frt_error_t *err) {
  frt_program_t *made = NULL;
  write_key(&s->key, p, from, to, keep_all);
  if (s->key.failed) {
    frti_str_release(&s->key); /* the next one begins with a new text */
    s->key = (frti_str_t){0};
    return frti_no_memory(err);
  }
  const char *key = frti_names_find(&s->keys, s->key.text, s->key.len);
  if (key) {
    *out = s->programs[frti_name_id(key)];
    return FRT_OK;
  }
  if (s->keys.n >= MOST_SEGMENTS) forget(s);
  FRT_TRY(make(p, from, to, keep_all, &made, err));
  const size_t id = s->keys.n;
  if (!FRTI_GROW(s->programs, id, s->cap) ||
      !(key = frti_names_add(&s->keys, s->key.text, s->key.len))) {
    frt_program_release(made);
    return frti_no_memory(err);
  }
  s->programs[id] = *out = made;
  return FRT_OK;
}

static frt_status_t run(frt_imperative_t *im, const frt_program_t *p, frt_error_t *err) {
  return frt_executor_run(im->exe, p, im->scope, NULL, 0, NULL, 0, NULL, NULL, err);
}

frt_status_t frti_segment_run(frt_imperative_t *im, const frt_program_t *p, uint32_t from,
                              uint32_t to, bool keep_all, bool once, frt_error_t *err) {
  frt_program_t *program = NULL;
  if (from == to) return FRT_OK;
  if (!once) {
    FRT_TRY(find(&im->segments, p, from, to, keep_all, &program, err));
    return run(im, program, err);
  }
  FRT_TRY(make(p, from, to, keep_all, &program, err));
  const frt_status_t status = run(im, program, err);
  frt_program_release(program);
  return status;
}

/* Start values are drawn once. */
frt_status_t frti_segment_run_op(void *ctx, frt_program_t *p, uint32_t op,
                                 frt_error_t *err) {
  frt_imperative_t *im = ctx;
  return frti_segment_run(im, p, op, op + 1, true, p != im->trace, err);
}

frt_status_t frti_segment_run_since(frt_imperative_t *im, frti_mark_t mark,
                                    frt_error_t *err) {
  const frt_status_t status = frti_segment_run(
      im, im->trace, mark.n_ops, frt_program_n_ops(im->trace, 0), false, false, err);
  frti_program_cut(im->trace, mark.n_ops, mark.n_vars, true);
  return status;
}
