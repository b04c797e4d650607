/* The reference provider's kernels: plain loops, double in, double out.
 *
 * A kernel is written once. op_run converts the inputs to double, calls it, and
 * rounds the outputs to their dtype; the oracle extension calls it on the caller's
 * doubles and hands the outputs out unrounded, each with a magnitude: the same
 * expression with every term replaced by its absolute value, which is what an error
 * bound is proportional to. Integer and bool ops have a second form on int64, which
 * op_run uses when the key tensor is of such a dtype, because a double would lose
 * bits. All inputs are converted before an output is stored: sharing memory between
 * an input and an output is always right. */
#ifndef FRT_REFERENCE_REF_H
#define FRT_REFERENCE_REF_H

#include <math.h>

#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

typedef struct ref_tensor {
  const frt_api_tensor_t *meta;
  int64_t n;
  double *v;   /* the elements; NULL when there is no data */
  int64_t *i;  /* the same memory in the integer form, else NULL */
  double *mag; /* outputs of the oracle; may be NULL */
} ref_tensor_t;

typedef struct ref_slot {
  uint32_t count;
  ref_tensor_t *t;
} ref_slot_t;

typedef struct ref_call {
  const frt_op_t *op;
  ref_slot_t *in, *out;
  uint64_t rng_state;
} ref_call_t;

typedef frt_status_t (*ref_fn)(const ref_call_t *c, frt_error_t *err);

/* REF_BYTES: op_run copies the first input's bytes to the first output. */
enum { REF_BYTES = 1 };

typedef struct ref_row {
  const char *type;
  uint32_t dtypes; /* of the key slot: the first input present, else first output */
  ref_fn fn;
  ref_fn ints; /* NULL: the op takes no integers, or `fn` is exact for them */
  uint32_t flags;
} ref_row_t;

#define REF_KERNELS(family)                               \
  extern const ref_row_t frt_reference_kernels_##family[]; \
  const ref_row_t frt_reference_kernels_##family[]
#define REF_END {NULL, 0, NULL, NULL, 0}

/* The first tensor of a slot; NULL when the slot is absent. */
static inline ref_tensor_t *ref_in(const ref_call_t *c, int slot) {
  return c->in[slot].count ? &c->in[slot].t[0] : NULL;
}
static inline ref_tensor_t *ref_out(const ref_call_t *c, int slot) {
  return c->out[slot].count ? &c->out[slot].t[0] : NULL;
}

static inline void ref_put(const ref_tensor_t *t, int64_t at, double v, double mag) {
  t->v[at] = v;
  if (t->mag) t->mag[at] = mag;
}
/* A value that no arithmetic made, or whose error follows its own size. */
static inline void ref_put_own(const ref_tensor_t *t, int64_t at, double v) {
  ref_put(t, at, v, fabs(v));
}

static inline int ref_is_int(uint32_t dtype) {
  return dtype == FRT_BOOL || dtype == FRT_I16 || dtype == FRT_I32 ||
         dtype == FRT_I64 || dtype == FRT_U8 || dtype == FRT_I8;
}

/* Product of dims[from .. to - 1]. */
static inline int64_t ref_product(const int64_t *dims, uint32_t from, uint32_t to) {
  int64_t n = 1;
  for (uint32_t d = from; d < to; ++d) n *= dims[d];
  return n;
}

/* A tensor seen as outer x axis x inner; a negative axis counts from the end. */
typedef struct ref_axis {
  int64_t outer, n, inner;
} ref_axis_t;
static inline ref_axis_t ref_split(const frt_api_tensor_t *t, int64_t axis) {
  ref_axis_t a = {1, 1, 1};
  if (t->rank == 0) return a;
  if (axis < 0) axis += t->rank;
  a.outer = ref_product(t->dims, 0, (uint32_t)axis);
  a.n = t->dims[axis];
  a.inner = ref_product(t->dims, (uint32_t)axis + 1, t->rank);
  return a;
}

/* Truncates, saturates, NaN gives 0. */
static inline int64_t ref_to_i64(double x, int64_t lo, int64_t hi) {
  if (x != x) return 0;
  if (x <= (double)lo) return lo;
  if (x >= (double)hi) return hi;
  return (int64_t)x;
}

/* Integers wrap around, without the undefined behaviour of signed overflow. */
static inline int64_t ref_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static inline int64_t ref_sub(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a - (uint64_t)b);
}
static inline int64_t ref_mul(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* convert.c: between memory of a dtype and the working arrays. */
void frt_reference_load(const ref_tensor_t *t, const void *data);
void frt_reference_store(const ref_tensor_t *t, void *data);

/* op_copy.c: what the provider keeps of an op, in one block of host memory. */
frt_op_t *frt_reference_op_copy(const frt_op_t *op, const frt_api_host_t *host);

/* broadcast.c: Y of an elementwise op laid over X at `axis`. */
typedef struct ref_broadcast {
  uint32_t rank;
  int64_t dims[FRT_MAX_RANK], xs[FRT_MAX_RANK], ys[FRT_MAX_RANK];
  int64_t n;
} ref_broadcast_t;
ref_broadcast_t frt_reference_broadcast(const frt_api_tensor_t *x,
    const frt_api_tensor_t *y, const frt_api_tensor_t *out, int64_t axis);
/* Where element `at` of the output comes from. */
void frt_reference_locate(const ref_broadcast_t *b, int64_t at, int64_t *x, int64_t *y);

#endif
