/* A recorded case once per op, that op alone forced to another place: what copies and
 * ordering get wrong shows here and nowhere else. Shared by `verify --force-each` and
 * `conform --mode train`. */
#include <stdlib.h>
#include <string.h>

#include "case.h"

typedef struct force {
  const frti_cli_force_t *how;
  const frti_cli_case_t *c;
  frt_runtime_t *rt;
  frti_cli_case_result_t *sum;
  frt_executor_t *pinned; /* runs the program of this name; the plain one the others */
  const char *program;
  uint64_t *moved;
} force_t;

static frt_executor_t *choose(void *ctx, const char *program) {
  const force_t *f = ctx;
  frt_executor_t *exe = !strcmp(program, f->program) ? f->pinned : f->how->plain;
  frti_cli_watch(exe);
  return exe;
}

static void merge(
    frti_cli_case_result_t *sum, frti_cli_case_result_t *one, const char *op) {
  sum->runs += one->runs;
  sum->tensors += one->tensors;
  if (one->worst > sum->worst) {
    sum->worst = one->worst;
    snprintf(sum->where, sizeof sum->where, "%.120s with %.100s forced", one->where, op);
  }
  for (size_t i = 0; i < one->failures.n; ++i) {
    char *line = frti_cli_text("%s forced: %s", op, one->failures.items[i]);
    frti_cli_list_add(&sum->failures, line);
    free(line);
  }
  if (one->on_purpose) {
    sum->on_purpose = one->on_purpose;
    snprintf(sum->left_out, sizeof sum->left_out, "%s", one->left_out);
  }
  frti_cli_case_result_release(one);
}

/* The case once more with op (block, op) of one program on another place. */
static int force_one(force_t *f, frt_pin_t pin) {
  frt_executor_stats_t stats = {.struct_size = sizeof stats};
  frti_cli_case_result_t one;
  char *what;
  const int code = frti_cli_executor(f->how->cli, f->rt, f->how->places, &pin, &f->pinned);
  if (code) return code;
  what = frti_cli_text("%s op %d.%d (%s)", f->program, (int)pin.block, (int)pin.op,
      frt_program_op_type(
          frti_cli_case_program(f->c, f->program), pin.block, (uint32_t)pin.op));
  if (f->how->beat) f->how->beat(f->how->ctx, what);
  frti_cli_case_run(f->c, f->rt, choose, f, &one);
  merge(f->sum, &one, what);
  free(what);
  frt_executor_stats(f->pinned, &stats);
  *f->moved += stats.fallback_ops > 0;
  frti_cli_watch(NULL);
  frt_executor_release(f->pinned);
  f->pinned = NULL;
  return CLI_OK;
}

static bool used(const frti_cli_case_t *c, const char *program) {
  const json_t *steps = json_object_get(c->json, "steps");
  if (!strcmp(program, "startup") || !json_is_array(steps)) return true;
  for (size_t i = 0; i < json_array_size(steps); ++i) {
    const char *p =
        json_string_value(json_object_get(json_array_get(steps, i), "program"));
    if (p && !strcmp(p, program)) return true;
  }
  return false;
}

int frti_cli_case_force(const frti_cli_force_t *how, const frti_cli_case_t *c,
    frt_runtime_t *rt, frti_cli_case_result_t *sum, uint64_t *forced, uint64_t *moved) {
  force_t f = {how, c, rt, sum, NULL, NULL, moved};
  memset(sum, 0, sizeof *sum);
  for (size_t i = 0; i < c->n_programs; ++i) {
    const frt_program_t *p = c->programs[i].program;
    if (!used(c, c->programs[i].name)) continue;
    f.program = c->programs[i].name;
    for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
      for (uint32_t o = 0, n = frt_program_n_ops(p, b); o < n; ++o) {
        const frt_op_schema_t *schema = frt_op_find(frt_program_op_type(p, b, o));
        int code;
        if (!schema || schema->flags & FRT_OP_RUNTIME) continue;
        code = force_one(&f, (frt_pin_t){b, (int32_t)o, how->to});
        if (code) return code;
        if (frti_cli_interrupted()) return CLI_INTERRUPTED;
        ++*forced;
      }
  }
  return CLI_OK;
}
