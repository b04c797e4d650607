/* Questions that several verbs ask of a program. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool frti_cli_attr(const frt_program_t *p, int32_t block, uint32_t op, const char *name,
    frt_attr_info_t *out) {
  const uint32_t n = frt_program_op_n_attrs(p, block, op);
  for (uint32_t i = 0; i < n; ++i)
    if (!frt_program_op_attr(p, block, op, i, out, NULL) && !strcmp(out->name, name))
      return true;
  return false;
}

const char *frti_cli_in(
    const frt_program_t *p, int32_t block, uint32_t op, const char *slot) {
  frt_slot_info_t s;
  for (uint32_t i = 0, n = frt_program_op_n_inputs(p, block, op); i < n; ++i)
    if (!frt_program_op_input(p, block, op, i, &s, NULL) && !strcmp(s.name, slot))
      return s.count ? s.args[0] : NULL;
  return NULL;
}

const char *frti_cli_out(
    const frt_program_t *p, int32_t block, uint32_t op, const char *slot) {
  frt_slot_info_t s;
  for (uint32_t i = 0, n = frt_program_op_n_outputs(p, block, op); i < n; ++i)
    if (!frt_program_op_output(p, block, op, i, &s, NULL) && !strcmp(s.name, slot))
      return s.count ? s.args[0] : NULL;
  return NULL;
}

typedef struct column {
  int64_t col;
  const char *name;
} column_t;

static int by_col(const void *a, const void *b) {
  const column_t *x = a, *y = b;
  return x->col < y->col ? -1 : x->col > y->col;
}

/* The variables that ops of `type` (feed, fetch) stand for, in col order. */
static void columns(const frt_program_t *p, const char *type, frti_cli_list_t *out) {
  const uint32_t n = frt_program_n_ops(p, 0);
  const bool feed = !strcmp(type, "feed");
  column_t *c = frti_cli_alloc((n + 1) * sizeof *c);
  size_t found = 0;
  for (uint32_t i = 0; i < n; ++i) {
    frt_attr_info_t col = {0};
    const char *name;
    if (strcmp(frt_program_op_type(p, 0, i), type)) continue;
    name = feed ? frti_cli_out(p, 0, i, "Out") : frti_cli_in(p, 0, i, "X");
    if (!name) continue;
    c[found].col = frti_cli_attr(p, 0, i, "col", &col) ? col.i : (int64_t)found;
    c[found++].name = name;
  }
  if (found) qsort(c, found, sizeof *c, by_col);
  for (size_t i = 0; i < found; ++i) frti_cli_list_add(out, c[i].name);
  free(c);
}

void frti_cli_fetches(const frt_program_t *p, frti_cli_list_t *out) {
  columns(p, "fetch", out);
}

/* Adds what op reads before anything wrote it; then what it writes is written. */
static void read_and_write(const frt_program_t *p, int32_t block, uint32_t op,
    frti_cli_list_t *written, frti_cli_list_t *out) {
  frt_slot_info_t s;
  for (uint32_t i = 0, n = frt_program_op_n_inputs(p, block, op); i < n; ++i) {
    if (frt_program_op_input(p, block, op, i, &s, NULL)) continue;
    for (uint32_t a = 0; a < s.count; ++a) {
      frt_var_info_t v;
      if (frt_program_find_var(p, block, s.args[a], &v, NULL) || v.persistable ||
          v.kind != FRT_VAR_LOD_TENSOR || frti_cli_list_has(written, s.args[a]) ||
          frti_cli_list_has(out, s.args[a]))
        continue;
      frti_cli_list_add(out, s.args[a]);
    }
  }
  for (uint32_t i = 0, n = frt_program_op_n_outputs(p, block, op); i < n; ++i) {
    if (frt_program_op_output(p, block, op, i, &s, NULL)) continue;
    for (uint32_t a = 0; a < s.count; ++a)
      if (!frti_cli_list_has(written, s.args[a])) frti_cli_list_add(written, s.args[a]);
  }
}

void frti_cli_feeds(const frt_program_t *p, frti_cli_list_t *out) {
  frti_cli_list_t written = {0};
  columns(p, "feed", out);
  if (out->n) return;
  for (uint32_t i = 0, n = frt_program_n_ops(p, 0); i < n; ++i)
    read_and_write(p, 0, i, &written, out);
  frti_cli_list_release(&written);
}

void frti_cli_unknown_ops(const frt_program_t *p, frti_cli_list_t *out) {
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    for (uint32_t i = 0, n = frt_program_n_ops(p, b); i < n; ++i) {
      const char *type = frt_program_op_type(p, b, i);
      if (!frt_op_find(type) && !frti_cli_list_has(out, type))
        frti_cli_list_add(out, type);
    }
  frti_cli_list_sort(out);
}

const char *frti_cli_marked_loss(const frt_program_t *p) {
  for (uint32_t i = 0, n = frt_program_n_ops(p, 0); i < n; ++i) {
    frt_attr_info_t role;
    frt_slot_info_t out;
    if (frti_cli_attr(p, 0, i, "op_role", &role) && (role.i & ~3) == 256 &&
        !(role.i & 1) && !frt_program_op_output(p, 0, i, 0, &out, NULL) && out.count)
      return out.args[0];
  }
  return NULL;
}
