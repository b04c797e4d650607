#include <stdlib.h>
#include <string.h>

#include "frontend.h"

typedef struct where {
  char *text;
  size_t cap;
  int32_t block;
  int32_t op; /* -1: not at an op */
  const char *type;
} where_t;

static int differ(const where_t *w, const char *fmt, ...) FRT_PRINTF(2, 3);
static int differ(const where_t *w, const char *fmt, ...) {
  va_list ap;
  int n = w->op < 0 ? snprintf(w->text, w->cap, "block %d: ", w->block)
                    : snprintf(w->text, w->cap, "block %d op #%d %s: ", w->block, w->op,
                               w->type);
  va_start(ap, fmt);
  vsnprintf(w->text + n, w->cap - (size_t)n, fmt, ap);
  va_end(ap);
  return 0;
}

/* ---- variables --------------------------------------------------------------------- */

static void shape_text(char *to, size_t cap, const frt_var_info_t *v) {
  size_t at = (size_t)snprintf(to, cap, "kind %d dtype %d%s%s lod %d [", v->kind, v->dtype,
                               v->persistable ? " persistable" : "",
                               v->need_check_feed ? " need_check_feed" : "", v->lod_level);
  for (uint32_t i = 0; i < v->rank; ++i)
    at += (size_t)snprintf(to + at, cap - at, i ? ", %lld" : "%lld",
                           (long long)v->dims[i]);
  snprintf(to + at, cap - at, "]");
}

/* The variable of this block alone. */
static int find_here(const frt_program_t *p, int32_t block, const char *name,
                     frt_var_info_t *out) {
  for (uint32_t i = 0; i < frt_program_n_vars(p, block); ++i)
    if (frt_program_var(p, block, i, out, NULL) == FRT_OK && !strcmp(out->name, name))
      return 1;
  return 0;
}

static int same_vars(const frt_program_t *got, const frt_program_t *want,
                     const where_t *w) {
  frt_var_info_t a, b;
  char ta[256], tb[256];
  for (uint32_t i = 0; i < frt_program_n_vars(want, w->block); ++i) {
    frt_program_var(want, w->block, i, &b, NULL);
    if (!find_here(got, w->block, b.name, &a))
      return differ(w, "variable '%s' is missing", b.name);
    shape_text(ta, sizeof ta, &a);
    shape_text(tb, sizeof tb, &b);
    if (strcmp(ta, tb) != 0)
      return differ(w, "variable '%s': got %s, wanted %s", b.name, ta, tb);
  }
  for (uint32_t i = 0; i < frt_program_n_vars(got, w->block); ++i) {
    frt_program_var(got, w->block, i, &a, NULL);
    if (!find_here(want, w->block, a.name, &b))
      return differ(w, "variable '%s' is not wanted", a.name);
  }
  return 1;
}

/* ---- ops --------------------------------------------------------------------------- */

static void slot_text(char *to, size_t cap, const frt_slot_info_t *s) {
  size_t at = (size_t)snprintf(to, cap, "%s=", s->name);
  for (uint32_t i = 0; i < s->count && at < cap; ++i)
    at += (size_t)snprintf(to + at, cap - at, "%s%s", i ? "," : "", s->args[i]);
}

/* What a sub-block reads and writes comes out of a Python set, in hash order. */
static int unordered(const frt_program_t *p, const where_t *w, const frt_slot_info_t *s) {
  const char *type = frt_program_op_type(p, w->block, (uint32_t)w->op);
  return (!strcmp(type, "conditional_block") || !strcmp(type, "while")) &&
         (!strcmp(s->name, "Input") || !strcmp(s->name, "Out") || !strcmp(s->name, "X"));
}

static int same_names(const frt_slot_info_t *a, const frt_slot_info_t *b) {
  if (a->count != b->count || strcmp(a->name, b->name) != 0) return 0;
  for (uint32_t i = 0; i < b->count; ++i) {
    uint32_t k = 0;
    while (k < a->count && strcmp(a->args[k], b->args[i]) != 0) ++k;
    if (k == a->count) return 0;
  }
  return 1;
}

static int same_slots(const frt_program_t *got, const frt_program_t *want,
                      const where_t *w, int outputs) {
  const uint32_t op = (uint32_t)w->op;
  const char *side = outputs ? "output" : "input";
  const uint32_t na = outputs ? frt_program_op_n_outputs(got, w->block, op)
                              : frt_program_op_n_inputs(got, w->block, op);
  const uint32_t nb = outputs ? frt_program_op_n_outputs(want, w->block, op)
                              : frt_program_op_n_inputs(want, w->block, op);
  for (uint32_t i = 0; i < na || i < nb; ++i) {
    frt_slot_info_t a = {"(no slot)", 0, NULL}, b = a;
    char ta[2048], tb[2048];
    if (outputs) {
      if (i < na) frt_program_op_output(got, w->block, op, i, &a, NULL);
      if (i < nb) frt_program_op_output(want, w->block, op, i, &b, NULL);
    } else {
      if (i < na) frt_program_op_input(got, w->block, op, i, &a, NULL);
      if (i < nb) frt_program_op_input(want, w->block, op, i, &b, NULL);
    }
    if (unordered(want, w, &b)) {
      if (!same_names(&a, &b)) return differ(w, "%s slot %s: other names", side, b.name);
      continue;
    }
    slot_text(ta, sizeof ta, &a);
    slot_text(tb, sizeof tb, &b);
    if (strcmp(ta, tb) != 0)
      return differ(w, "%s slot %u: got %s, wanted %s", side, i, ta, tb);
  }
  return 1;
}

static size_t numbers_text(char *to, size_t cap, const frt_attr_info_t *a, int floats) {
  size_t at = 0;
  for (uint32_t i = 0; i < a->count && at < cap; ++i)
    at += floats ? (size_t)snprintf(to + at, cap - at, " %.9g", a->fs[i])
                 : (size_t)snprintf(to + at, cap - at, " %lld", (long long)a->is[i]);
  return at;
}

static void attr_text(char *to, size_t cap, const frt_attr_info_t *a) {
  size_t at = (size_t)snprintf(to, cap, "type %d:", a->type);
  switch (a->type) {
    case 1: case 15: snprintf(to + at, cap - at, " %.9g", a->f); return;
    case 2:
      /* Python writes 0 or 0.0, as the user's number was an int or a float. */
      if (!strcmp(a->name, "str_value") && a->s[0])
        snprintf(to + at, cap - at, " %.17g", strtod(a->s, NULL));
      else
        snprintf(to + at, cap - at, " '%s'", a->s);
      return;
    case 3: case 7: case 10: case 11: numbers_text(to + at, cap - at, a, 0); return;
    case 4: numbers_text(to + at, cap - at, a, 1); return;
    case 5:
      for (uint32_t i = 0; i < a->count && at < cap; ++i)
        at += (size_t)snprintf(to + at, cap - at, " '%s'", a->ss[i]);
      return;
    default: snprintf(to + at, cap - at, " %lld", (long long)a->i);
  }
}

static int find_attr(const frt_program_t *p, const where_t *w, const char *name,
                     frt_attr_info_t *out) {
  const uint32_t n = frt_program_op_n_attrs(p, w->block, (uint32_t)w->op);
  for (uint32_t i = 0; i < n; ++i)
    if (frt_program_op_attr(p, w->block, (uint32_t)w->op, i, out, NULL) == FRT_OK &&
        !strcmp(out->name, name))
      return 1;
  return 0;
}

static int aside(const frt_attr_info_t *a) {
  return !strcmp(a->name, "op_callstack") ||
         (!strcmp(a->name, "op_device") && a->type == 2 && !a->s[0]);
}

static int same_attrs(const frt_program_t *got, const frt_program_t *want,
                      const where_t *w) {
  frt_attr_info_t a, b;
  char ta[4096], tb[4096];
  for (uint32_t i = 0; i < frt_program_op_n_attrs(want, w->block, (uint32_t)w->op); ++i) {
    frt_program_op_attr(want, w->block, (uint32_t)w->op, i, &b, NULL);
    if (aside(&b)) continue;
    attr_text(tb, sizeof tb, &b);
    if (!find_attr(got, w, b.name, &a))
      return differ(w, "attribute %s is missing; wanted %s", b.name, tb);
    attr_text(ta, sizeof ta, &a);
    if (strcmp(ta, tb) != 0)
      return differ(w, "attribute %s: got %s, wanted %s", b.name, ta, tb);
  }
  for (uint32_t i = 0; i < frt_program_op_n_attrs(got, w->block, (uint32_t)w->op); ++i) {
    frt_program_op_attr(got, w->block, (uint32_t)w->op, i, &a, NULL);
    if (!aside(&a) && !find_attr(want, w, a.name, &b))
      return differ(w, "attribute %s is not wanted", a.name);
  }
  return 1;
}

static int same_ops(const frt_program_t *got, const frt_program_t *want, where_t *w) {
  const uint32_t na = frt_program_n_ops(got, w->block);
  const uint32_t nb = frt_program_n_ops(want, w->block);
  for (uint32_t i = 0; i < na || i < nb; ++i) {
    const char *a = i < na ? frt_program_op_type(got, w->block, i) : "nothing";
    const char *b = i < nb ? frt_program_op_type(want, w->block, i) : "nothing";
    w->op = (int32_t)i;
    w->type = b;
    if (strcmp(a, b) != 0) return differ(w, "got %s, wanted %s", a, b);
    if (!same_slots(got, want, w, 0) || !same_slots(got, want, w, 1) ||
        !same_attrs(got, want, w))
      return 0;
  }
  w->op = -1;
  return 1;
}

int same_graph(const frt_program_t *got, const frt_program_t *want, char *text,
               size_t cap) {
  where_t w = {text, cap, 0, -1, ""};
  const int32_t blocks = frt_program_n_blocks(want);
  for (w.block = 0; w.block < blocks && w.block < frt_program_n_blocks(got); ++w.block) {
    if (frt_program_parent(got, w.block) != frt_program_parent(want, w.block))
      return differ(&w, "parent is %d, wanted %d", frt_program_parent(got, w.block),
                    frt_program_parent(want, w.block));
    if (!same_ops(got, want, &w) || !same_vars(got, want, &w)) return 0;
  }
  if (blocks != frt_program_n_blocks(got))
    return differ(&w, "got %d blocks, wanted %d", frt_program_n_blocks(got), blocks);
  return 1;
}
