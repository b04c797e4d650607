/* Appending ops the way Fluid's Operator does: slots in name order (C++ keeps them in a
 * sorted map), every attribute of the OpProto with its default, roles, name scope. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "program/bind.h"
#include "program/parts.h"
#include "train/op_defaults.h"
#include "train/train.h"

static int by_type(const void *key, const void *row) {
  return strcmp(key, ((const frti_op_default_t *)row)->type);
}

static const frti_op_default_t *find_default(const char *type) {
  return bsearch(type, frti_op_defaults, frti_n_op_defaults, sizeof *frti_op_defaults,
                 by_type);
}

/* One word of a row at *at; false at the end. */
static bool next_word(const char **at, char *word, size_t cap) {
  while (**at == ' ') ++*at;
  const size_t n = strcspn(*at, " ");
  if (!n || n >= cap) return false;
  memcpy(word, *at, n);
  word[n] = 0;
  *at += n;
  return true;
}

/* ---- slots ------------------------------------------------------------------------- */

enum { MAX_SLOTS = 16 };
typedef struct slot_set {
  frti_arg_t slots[MAX_SLOTS];
  char names[MAX_SLOTS][48];
  size_t n;
} slot_set_t;

static void insert(slot_set_t *set, const char *name, const frti_arg_t *from) {
  if (set->n == MAX_SLOTS) return;
  size_t at = set->n++;
  for (; at > 0 && strcmp(set->names[at - 1], name) > 0; --at) {
    set->slots[at] = set->slots[at - 1];
    memcpy(set->names[at], set->names[at - 1], sizeof set->names[at]);
  }
  snprintf(set->names[at], sizeof set->names[at], "%s", name);
  set->slots[at] = from ? *from : (frti_arg_t){0};
}

static const frti_arg_t *given(const frti_arg_t *args, const char *slot) {
  for (; args && args->slot; ++args)
    if (!strcmp(args->slot, slot)) return args;
  return NULL;
}

/* Optional slots that Python did not name are written empty on the input side. */
static void collect(const char *words, const frti_arg_t *args, bool input,
                    slot_set_t *set) {
  char word[48];
  set->n = 0;
  if (!args) return;
  while (next_word(&words, word, sizeof word)) {
    const size_t len = strlen(word);
    if (word[len - 1] == '?') word[len - 1] = 0;
    const frti_arg_t *arg = given(args, word);
    if (arg || input) insert(set, word, arg);
  }
}

static void collect_raw(const frti_arg_t *args, slot_set_t *set) {
  set->n = 0;
  for (; args && args->slot; ++args) insert(set, args->slot, args);
}

static frt_status_t write_slots(frt_program_t *p, int32_t block, uint32_t op,
                                const slot_set_t *in, const slot_set_t *out,
                                frt_error_t *err) {
  for (size_t i = 0; i < in->n; ++i)
    FRT_TRY(frt_program_set_input(p, block, op, in->names[i], in->slots[i].names,
                                  in->slots[i].n, err));
  for (size_t i = 0; i < out->n; ++i)
    FRT_TRY(frt_program_set_output(p, block, op, out->names[i], out->slots[i].names,
                                   out->slots[i].n, err));
  return FRT_OK;
}

/* ---- attributes -------------------------------------------------------------------- */

static int32_t wire_of(char kind) {
  static const struct { char kind; int32_t wire; } map[] = {
      {'i', FRTI_WIRE_INT}, {'l', FRTI_WIRE_LONG}, {'b', FRTI_WIRE_BOOLEAN},
      {'f', FRTI_WIRE_FLOAT}, {'s', FRTI_WIRE_STRING}, {'B', FRTI_WIRE_BLOCK},
      {'I', FRTI_WIRE_INTS}, {'L', FRTI_WIRE_LONGS}, {'F', FRTI_WIRE_FLOATS},
      {'S', FRTI_WIRE_STRINGS}, {'O', FRTI_WIRE_BOOLEANS}};
  for (size_t i = 0; i < FRTI_COUNT(map); ++i)
    if (map[i].kind == kind) return map[i].wire;
  return -1;
}

enum { MAX_LIST = 16 };
typedef struct list_text { int64_t is[MAX_LIST]; double fs[MAX_LIST]; } list_text_t;

/* Defaults are plain numbers, so strtod's locale does not matter but for the point. */
static double number(const char *text, char **end) {
  double whole = strtod(text, end);
  if (**end != '.') return whole;
  const char *digits = *end + 1;
  double fraction = (double)strtoll(digits, end, 10) / pow(10, (double)(*end - digits));
  return signbit(whole) ? whole - fraction : whole + fraction;
}

static void parse_default(const char *text, frt_attr_info_t *a, list_text_t *list) {
  const bool ints = a->type == FRTI_WIRE_INTS || a->type == FRTI_WIRE_LONGS ||
                    a->type == FRTI_WIRE_BOOLEANS;
  a->count = 1;
  a->s = text;
  if (a->type == FRTI_WIRE_STRING) return;
  if (!ints && a->type != FRTI_WIRE_FLOATS && a->type != FRTI_WIRE_STRINGS) {
    char *end;
    a->f = number(text, &end);
    a->i = (int64_t)a->f;
    return;
  }
  a->count = 0;
  a->is = list->is;
  a->fs = list->fs;
  while (*text && a->count < MAX_LIST && a->type != FRTI_WIRE_STRINGS) {
    char *end;
    list->fs[a->count] = number(text, &end);
    list->is[a->count] = (int64_t)list->fs[a->count];
    ++a->count;
    text = *end == ',' ? end + 1 : end;
    if (end == text && *end) break;
  }
}

static const frt_attr_info_t *find_attr(const frt_attr_info_t *attrs, const char *name) {
  for (; attrs && attrs->name; ++attrs)
    if (!strcmp(attrs->name, name)) return attrs->count == FRTI_ABSENT ? NULL : attrs;
  return NULL;
}

/* "axis:i=-1" or "mu:f!": the layer's value, else the default, else nothing. */
static frt_status_t write_attr(frt_program_t *p, int32_t block, uint32_t op, char *word,
                               const frt_attr_info_t *attrs, frt_error_t *err) {
  char *colon = strchr(word, ':');
  list_text_t list;
  *colon = 0;
  frt_attr_info_t a = {0};
  const frt_attr_info_t *set = find_attr(attrs, word);
  if (set) a = *set;
  a.name = word;
  a.type = wire_of(colon[1]);
  if (!set) {
    const bool lists = strchr("ILFSO", colon[1]) != NULL;
    if (colon[2] == '!' && !lists) return FRT_OK;
    parse_default(colon[2] == '!' ? "" : colon + 3, &a, &list);
  }
  return frt_program_set_attr(p, block, op, &a, err);
}

static frt_status_t write_common(frt_builder_t *b, const frti_spec_t *spec,
                                 frt_program_t *p, int32_t block, uint32_t op,
                                 frt_error_t *err) {
  const frti_program_note_t *note = frti_program_note(b, p);
  if (!note) return frti_no_memory(err);
  const frt_attr_info_t pair = {.name = "op_role_var", .type = FRTI_WIRE_STRINGS,
                                .count = note->role_var[0] ? 2 : 0,
                                .ss = note->role_var};
  FRT_TRY(frt_program_set_attr_int(p, block, op, "op_role", note->role, err));
  FRT_TRY(frt_program_set_attr(p, block, op, &pair, err));
  FRT_TRY(frt_program_set_attr_string(p, block, op, "op_namescope",
                                      b->scopes[b->n_scopes - 1].path, err));
  return frt_program_set_attr_string(p, block, op, "op_device",
                                     spec->device && !b->live ? spec->device : "", err);
}

/* ---- shapes ------------------------------------------------------------------------ */

static frt_status_t load_shapes(frt_builder_t *b, const frt_program_t *p, int32_t block,
                                const frti_bound_slot_t *from, uint32_t n,
                                frt_infer_slot_t *to, frt_error_t *err) {
  for (uint32_t i = 0; i < n; ++i) {
    to[i].count = from[i].n;
    to[i].shapes = frti_arena_calloc(&b->scratch, from[i].n, sizeof *to[i].shapes);
    if (!to[i].shapes) return frti_no_memory(err);
    for (uint32_t k = 0; k < from[i].n; ++k) {
      const frti_var_t *v = frti_program_resolve(p, block, from[i].args[k], NULL);
      frt_shape_t *s = &to[i].shapes[k];
      if (!v)
        return frt_fail(err, FRT_NOT_FOUND, "'%.120s' is not in block %d",
                        from[i].args[k] ? from[i].args[k] : "", block);
      s->dtype = (uint32_t)v->dtype;
      s->rank = v->rank;
      if (v->rank) memcpy(s->dims, v->dims, v->rank * sizeof *s->dims);
    }
  }
  return FRT_OK;
}

static frt_status_t infer(frt_builder_t *b, frt_program_t *p, int32_t block, uint32_t op,
                          const frt_op_schema_t *schema, frt_error_t *err) {
  frti_bound_t bound;
  frt_infer_slot_t in[FRT_MAX_SLOTS], out[FRT_MAX_SLOTS];
  FRT_TRY(frti_bind_op(p, block, op, schema, &b->scratch, &bound, err));
  FRT_TRY(load_shapes(b, p, block, bound.in, bound.n_in, in, err));
  for (uint32_t i = 0; i < bound.n_out; ++i) {
    out[i].count = bound.out[i].n;
    out[i].shapes = frti_arena_calloc(&b->scratch, out[i].count, sizeof *out[i].shapes);
    if (!out[i].shapes) return frti_no_memory(err);
  }
  const frt_infer_t x = {sizeof x, schema, bound.attrs, in, out};
  FRT_TRY(schema->infer_shape(&x, err));
  for (uint32_t i = 0; i < bound.n_out; ++i)
    for (uint32_t k = 0; k < bound.out[i].n; ++k) {
      const frti_var_t *v = frti_program_resolve(p, block, bound.out[i].args[k], NULL);
      if (v && v->persistable != 1)
        FRT_TRY(frti_set_shape(p, block, v->name, &out[i].shapes[k], err));
    }
  return FRT_OK;
}

/* ---- the op ------------------------------------------------------------------------ */

static void move_to_front(frt_program_t *p, int32_t block) {
  frti_block_t *b = &p->blocks[block];
  const frti_op_t last = b->ops[b->n_ops - 1];
  memmove(b->ops + 1, b->ops, (b->n_ops - 1) * sizeof *b->ops);
  b->ops[0] = last;
  frti_program_touch(p);
}

static frt_status_t write_op(frt_builder_t *b, const frti_spec_t *spec, frt_program_t *p,
                             int32_t block, const frti_op_default_t *row, uint32_t op,
                             frt_error_t *err) {
  slot_set_t in, out;
  char word[96];
  collect(row->inputs, spec->in, true, &in);
  collect(row->outputs, spec->out, false, &out);
  FRT_TRY(write_slots(p, block, op, &in, &out, err));
  for (const char *at = row->attrs; next_word(&at, word, sizeof word);)
    FRT_TRY(write_attr(p, block, op, word, spec->attrs, err));
  FRT_TRY(write_common(b, spec, p, block, op, err));
  const frt_op_schema_t *schema = frt_op_find(spec->type);
  if (!schema)
    return frt_fail(err, FRT_UNIMPLEMENTED, "op %s is not known here", spec->type);
  return schema->flags & FRT_OP_RUNTIME ? FRT_OK : infer(b, p, block, op, schema, err);
}

/* Imperative mode: a started op is one that is done. */
static frt_status_t run_now(frt_builder_t *b, frt_program_t *p, uint32_t op,
                            frt_error_t *err) {
  if (!b->live || (b->live->quiet && p == frt_builder_main(b))) return FRT_OK;
  return b->live->run(b->live->im, p, op, err);
}

frt_status_t frti_append(frt_builder_t *b, const frti_spec_t *spec, uint32_t *index,
                         frt_error_t *err) {
  frt_program_t *p = spec->program ? spec->program : frt_builder_main(b);
  const int32_t block = spec->program ? spec->block : frti_current_block(b);
  const frti_op_default_t *row = find_default(spec->type);
  uint32_t op = 0;
  if (!row)
    return frti_fail(b, err, FRT_UNIMPLEMENTED, NULL, "op %s is not known here",
                     spec->type);
  if (b->live && b->live->ended && !b->live->quiet) return frti_no_memory(err);
  FRT_TRY(frt_program_add_op(p, block, spec->type, &op, err));
  const frt_status_t status = write_op(b, spec, p, block, row, op, err);
  frti_arena_release(&b->scratch);
  if (status != FRT_OK) {
    char said[280], name[96];
    --p->blocks[block].n_ops;
    snprintf(said, sizeof said, "%s", err ? err->message : "");
    snprintf(name, sizeof name, "%s", err ? err->name : "");
    frti_fail(b, err, status, NULL, "op %s: %s", spec->type, said);
    return frti_error_name(err, status, name);
  }
  const frt_status_t ran = run_now(b, p, op, err);
  if (ran != FRT_OK) {
    --p->blocks[block].n_ops;
    return ran;
  }
  if (spec->prepend) move_to_front(p, block);
  if (index) *index = spec->prepend ? 0 : op;
  return FRT_OK;
}

frt_status_t frti_append_raw(frt_program_t *p, int32_t block, const frti_spec_t *spec,
                             uint32_t *index, frt_error_t *err) {
  slot_set_t in, out;
  uint32_t op = 0;
  FRT_TRY(frt_program_add_op(p, block, spec->type, &op, err));
  collect_raw(spec->in, &in);
  collect_raw(spec->out, &out);
  FRT_TRY(write_slots(p, block, op, &in, &out, err));
  for (const frt_attr_info_t *a = spec->attrs; a && a->name; ++a)
    FRT_TRY(frt_program_set_attr(p, block, op, a, err));
  if (index) *index = op;
  return FRT_OK;
}

/* Whether `name` is a word of the row, up to its '?' or ':'. */
static bool in_row(const char *words, const char *name) {
  char word[96];
  while (next_word(&words, word, sizeof word)) {
    word[strcspn(word, "?:")] = 0;
    if (!strcmp(word, name)) return true;
  }
  return false;
}

/* What is misspelt is refused, not left out. */
static frt_status_t check_names(frt_builder_t *b, const char *type, const frti_arg_t *in,
                                const frti_arg_t *out, const frt_attr_info_t *attrs,
                                frt_error_t *err) {
  const frti_op_default_t *row = find_default(type);
  if (!row) return FRT_OK; /* said by frti_append */
  for (; in->slot; ++in)
    if (!in_row(row->inputs, in->slot))
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "inputs", "'%.40s' is no input of op %s",
                       in->slot, type);
  for (; out->slot; ++out)
    if (!in_row(row->outputs, out->slot))
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "outputs",
                       "'%.40s' is no output of op %s", out->slot, type);
  for (; attrs->name; ++attrs)
    if (!in_row(row->attrs, attrs->name))
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "attrs",
                       "'%.40s' is no attribute of op %s", attrs->name, type);
  return FRT_OK;
}

/* ---- public ------------------------------------------------------------------------ */

static frt_status_t take_slots(frt_builder_t *b, const frt_op_slot_t *from, size_t n,
                               frti_arg_t *to, frt_error_t *err) {
  if (n > MAX_SLOTS)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "slots", "are %zu; wanted at most %d",
                     n, MAX_SLOTS);
  for (size_t i = 0; i < n; ++i) {
    if (!from[i].slot)
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "slots", "[%zu] has no name", i);
    for (uint32_t k = 0; k < from[i].n; ++k)
      if (!from[i].names || !from[i].names[k])
        return frti_fail(b, err, FRT_INVALID_ARGUMENT, "slots", "%.40s[%u] is NULL",
                         from[i].slot, k);
    to[i] = (frti_arg_t){from[i].slot, from[i].n, from[i].names};
  }
  return FRT_OK;
}

frt_status_t frt_append_op(frt_builder_t *b, const char *type,
                           const frt_op_slot_t *inputs, size_t n_inputs,
                           const frt_op_slot_t *outputs, size_t n_outputs,
                           const frt_attr_info_t *attrs, size_t n_attrs, uint32_t *index,
                           frt_error_t *err) {
  frti_arg_t in[MAX_SLOTS + 1] = {{0}}, out[MAX_SLOTS + 1] = {{0}};
  frti_enter(b, "append_op");
  if (!type || !type[0])
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "type", "is empty");
  FRT_TRY(take_slots(b, inputs, n_inputs, in, err));
  FRT_TRY(take_slots(b, outputs, n_outputs, out, err));
  frt_attr_info_t *set = frti_calloc(n_attrs + 1, sizeof *set);
  if (!set) return frti_no_memory(err);
  if (n_attrs) memcpy(set, attrs, n_attrs * sizeof *set);
  for (size_t i = 0; i < n_attrs; ++i)
    if (!set[i].name) {
      frti_free(set);
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "attrs", "[%zu] has no name", i);
    }
  const frti_spec_t spec = {.type = type, .in = in, .out = out, .attrs = set};
  frt_status_t status = check_names(b, type, in, out, set, err);
  if (status == FRT_OK) status = frti_append(b, &spec, index, err);
  frti_free(set);
  return status;
}
