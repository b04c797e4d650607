/* Ops that map one tensor element by element, and their gradients, as data: each is a
 * short list of loops over strips that stay in the first-level cache. */
#ifndef FRT_CPU_UNARY_H
#define FRT_CPU_UNARY_H

#include "loop.h"

/* The strips: the input or what the gradient reads (X or Out), Out@GRAD, the output,
 * and two of scratch. The output may be an input's memory: only the last step, which
 * goes element by element, writes it. */
enum { FRT_CPU_RX, FRT_CPU_RG, FRT_CPU_RO, FRT_CPU_RZ, FRT_CPU_RW, FRT_CPU_REGISTERS };
enum { FRT_CPU_STEPS = 8, FRT_CPU_PARAMS = 4 };

/* One of: a loop of loop.h, with P and Q the parameters `at` and at + 1; a vector
 * function of one argument; of two. */
typedef struct frt_cpu_step {
  uint8_t to, a, b, at;
  void (*loop)(void *ew, int64_t lo, int64_t hi);
  void (*math)(float *y, const float *x, int64_t n);
  void (*math2)(float *y, const float *x, const float *e, int64_t n);
} frt_cpu_step_t;
#define FRT_CPU_STEP(to, a, b, loop) \
  {FRT_CPU_R##to, FRT_CPU_R##a, FRT_CPU_R##b, 0, loop, NULL, NULL}
#define FRT_CPU_STEP_AT(to, a, b, loop, at) \
  {FRT_CPU_R##to, FRT_CPU_R##a, FRT_CPU_R##b, at, loop, NULL, NULL}
#define FRT_CPU_MATH(to, a, fn) {FRT_CPU_R##to, FRT_CPU_R##a, 0, 0, NULL, fn, NULL}
#define FRT_CPU_MATH2(to, a, b, fn) \
  {FRT_CPU_R##to, FRT_CPU_R##a, FRT_CPU_R##b, 0, NULL, NULL, fn}

typedef struct frt_cpu_unary {
  const char *type;
  int x, g, out;              /* slots; g: -1 in a forward op */
  int n_params;
  int params[FRT_CPU_PARAMS]; /* attributes */
  frt_cpu_step_t steps[FRT_CPU_STEPS];
} frt_cpu_unary_t;

/* What a kernel keeps. */
typedef struct frt_cpu_unary_state {
  const frt_cpu_unary_t *op;
  float p[FRT_CPU_PARAMS + 1];
} frt_cpu_unary_state_t;

/* The row of `table` (ended by a NULL type) for this op, with its parameters. */
void frt_cpu_unary_make(frt_cpu_unary_state_t *s, const frt_cpu_unary_t *table,
                        const frt_op_t *op);
frt_status_t frt_cpu_unary_run(const void *state, const frt_run_t *r, frt_error_t *err);

/* Slots of a forward op, and of a gradient that reads X or Out. */
#define FRT_CPU_FORWARD(OP) \
  .x = FRT_##OP##_IN_X, .g = -1, .out = FRT_##OP##_OUT_OUT
#define FRT_CPU_BACKWARD(OP, FROM) \
  .x = FRT_##OP##_IN_##FROM, .g = FRT_##OP##_IN_OUT_GRAD, .out = FRT_##OP##_OUT_X_GRAD

#endif
