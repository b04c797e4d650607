#include "unary.h"

#include <string.h>

enum { STRIP = 512 }; /* 2 KiB, a multiple of every vector */

typedef struct {
  const frt_cpu_unary_state_t *s;
  const float *x, *g;
  float *o;
} call_t;

void frt_cpu_unary_make(frt_cpu_unary_state_t *s, const frt_cpu_unary_t *table,
                        const frt_op_t *op) {
  while (table->type && strcmp(table->type, op->type)) ++table;
  s->op = table;
  for (int i = 0; i < table->n_params; ++i) s->p[i] = frt_attr_f32(op, table->params[i]);
}

static void strip(const frt_cpu_unary_state_t *s, float *const *reg, int64_t n) {
  for (const frt_cpu_step_t *t = s->op->steps; t < s->op->steps + FRT_CPU_STEPS; ++t) {
    if (t->loop) {
      frt_cpu_ew_t e = {reg[t->to], reg[t->a], reg[t->b], s->p[t->at], s->p[t->at + 1]};
      t->loop(&e, 0, n);
    } else if (t->math) {
      t->math(reg[t->to], reg[t->a], n);
    } else if (t->math2) {
      t->math2(reg[t->to], reg[t->a], reg[t->b], n);
    } else {
      return;
    }
  }
}

static void piece(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  float z[STRIP], w[STRIP];
  for (int64_t at = lo; at < hi; at += STRIP) {
    /* Steps only read the first two. */
    float *reg[FRT_CPU_REGISTERS] = {(float *)c->x + at, c->g ? (float *)c->g + at : NULL,
                                     c->o + at, z, w};
    strip(c->s, reg, hi - at < STRIP ? hi - at : STRIP);
  }
}

static int has_math(const frt_cpu_unary_t *op) {
  for (int i = 0; i < FRT_CPU_STEPS; ++i)
    if (op->steps[i].math || op->steps[i].math2) return 1;
  return 0;
}

frt_status_t frt_cpu_unary_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_cpu_unary_state_t *s = (const frt_cpu_unary_state_t *)state;
  const frt_cpu_unary_t *op = s->op;
  call_t c;
  (void)err;
  if (!frt_has_out(r, op->out)) return FRT_OK;
  c = (call_t){s, frt_in_f32(r, op->x), op->g < 0 ? NULL : frt_in_f32(r, op->g),
               frt_out_f32(r, op->out)};
  frt_cpu_for(r, frt_in_numel(r, op->x), has_math(op) ? FRT_CPU_GRAIN_MATH : FRT_CPU_GRAIN,
              piece, &c);
  return FRT_OK;
}
