/* Defects that act on what the base has computed. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "distort.h"
#include "number.h"

#define AFTER(name) void frt_mutant_##name(call_t *c)
/* The output, or nothing to do: no data, no element. */
#define TARGET(t) \
  const frt_api_tensor_t *t = target(c); \
  if (!t || !t->data || t->numel < 1) return

static void put_back(call_t *c, int64_t from, int64_t n) {
  TARGET(t);
  const size_t size = frt_dtype_size(t->dtype);
  if (from < 0) {
    n += from;
    from = 0;
  }
  if (c->saved && n > 0)
    memcpy((char *)t->data + (size_t)from * size, (char *)c->saved + (size_t)from * size,
           (size_t)n * size);
}
AFTER(keep_tail) { TARGET(t); put_back(c, t->numel - (int64_t)c->d->value, (int64_t)c->d->value); }
AFTER(keep_head) { TARGET(t); put_back(c, 0, (int64_t)c->d->value < t->numel ? (int64_t)c->d->value : t->numel); }
AFTER(keep_all) { TARGET(t); put_back(c, 0, t->numel); }

static void move_ulps(const frt_api_tensor_t *t, int64_t i, int ulps) {
  for (int k = 0; k < ulps; ++k) {
    const double v = number_get(t, i);
    if (t->dtype == FRT_F32) number_set(t, i, nextafterf((float)v, INFINITY));
    else if (t->dtype == FRT_F64) number_set(t, i, nextafter(v, INFINITY));
    else number_set(t, i, v + 1);
  }
}
AFTER(nudge) { TARGET(t); move_ulps(t, t->numel / 2, (int)c->d->value); }
AFTER(off_by_one) { TARGET(t); number_set(t, t->numel - 1, number_get(t, t->numel - 1) + 1); }
AFTER(flip_sign) {
  TARGET(t);
  for (int64_t i = t->numel - 1; i >= 0; --i)
    if (number_get(t, i) != 0) {
      number_set(t, i, -number_get(t, i));
      return;
    }
}
AFTER(add_old) {
  TARGET(t);
  frt_api_tensor_t old = *t;
  old.data = c->saved;
  if (!c->saved) return;
  const double was = number_get(&old, t->numel / 2);
  if (isnan(was) || fabs(was) > 1) move_ulps(t, t->numel / 2, isnan(was) ? 1 : 2);
}
AFTER(again_inplace) {
  TARGET(t);
  const frt_api_tensor_t *x = input_of(c, NULL);
  if (x && x->data == t->data) c->k->m->base->op_run(c->k->base, &c->run, NULL);
}
AFTER(write_input) {
  const frt_api_tensor_t *x = input_of(c, c->d->where);
  if (x && x->data && x->numel > 0) number_set(x, x->numel - 1, number_get(x, x->numel - 1) + 1);
}
AFTER(overrun) { TARGET(t); ((uint8_t *)t->data)[t->bytes] ^= 0xFF; }
AFTER(underrun) { TARGET(t); ((uint8_t *)t->data)[-1] ^= 0xFF; }
AFTER(stale_workspace) {
  TARGET(t);
  const uint8_t *w = c->run.workspace;
  if (w && (w[c->k->workspace] & 0x80)) move_ulps(t, 0, 2);
}
AFTER(workspace_overrun) {
  uint8_t *w = c->run.workspace;
  if (w) w[c->k->workspace + 64] ^= 0xFF;
}

/* ---- what results must not depend on ---------------------------------------------- */

typedef struct hands { pthread_t first; _Atomic int others; } hands_t;
static void lend(void *arg, int64_t lo, int64_t hi) {
  const struct timespec nap = {0, 200000};
  hands_t *h = arg;
  (void)lo, (void)hi;
  if (!pthread_equal(h->first, pthread_self())) atomic_store(&h->others, 1);
  nanosleep(&nap, NULL);
}
AFTER(by_threads) {
  TARGET(t);
  hands_t h = {.first = pthread_self()};
  c->run.host->parallel_for(c->run.host->ctx, 32, 1, lend, &h);
  if (atomic_load(&h.others)) move_ulps(t, 0, 1);
}
AFTER(by_address) {
  TARGET(t);
  if ((uintptr_t)t->data % 64) move_ulps(t, 0, 1);
}
AFTER(by_calls) {
  static _Atomic unsigned calls;
  TARGET(t);
  if (atomic_fetch_add(&calls, 1) % 2) move_ulps(t, 0, 1);
}
AFTER(reads_past_end) {
  static _Atomic unsigned seen;
  const frt_api_tensor_t *x = input_of(c, NULL);
  if (x && x->data) atomic_fetch_add(&seen, ((const uint8_t *)x->data)[x->bytes]);
}

AFTER(one_in_eight) {
  static _Atomic unsigned calls;
  TARGET(t);
  if (atomic_fetch_add(&calls, 1) % 8 == 7) move_ulps(t, 0, 1);
}
/* Slow enough that another thread comes in between. */
AFTER(shared_scratch) {
  static uint8_t scratch[1 << 16];
  const struct timespec nap = {0, 300000};
  TARGET(t);
  if (t->bytes > sizeof scratch) return;
  memcpy(scratch, t->data, t->bytes);
  memset(t->data, 0, t->bytes);
  if (t->numel > 64) nanosleep(&nap, NULL);
  memcpy(t->data, scratch, t->bytes);
  memset(scratch, 0, t->bytes);
}
AFTER(rounded_down) {
  TARGET(t);
  uint8_t *to = (uint8_t *)((uintptr_t)t->data & ~(uintptr_t)15);
  if (to != t->data) memmove(to, t->data, t->bytes);
}
AFTER(swallows_refusal) {
  TARGET(t);
  const frt_api_host_t *host = c->k->m->host;
  void *p = host->mem_alloc(host->ctx, 64, 16);
  if (!p) memset(t->data, 0, t->bytes);
  host->mem_free(host->ctx, p);
}
AFTER(scratch_input) {
  const frt_api_tensor_t *x = input_of(c, NULL);
  TARGET(t);
  if (!x || !x->data || x->numel < 1 || x->data == t->data) return;
  volatile uint8_t *at = x->data;
  const uint8_t was = *at;
  *at = (uint8_t)~was;
  *at = was;
}
AFTER(rests) {
  const struct timespec nap = {0, 300000};
  TARGET(t);
  if (t->numel > 64) nanosleep(&nap, NULL);
}
AFTER(reads_before) {
  static _Atomic unsigned seen;
  const frt_api_tensor_t *x = input_of(c, NULL);
  if (x && x->data) atomic_fetch_add(&seen, ((const uint8_t *)x->data)[-1]);
}
AFTER(longer_workspace_read) {
  static _Atomic unsigned seen;
  const uint8_t *w = c->run.workspace;
  if (w) atomic_fetch_add(&seen, w[c->k->workspace + 64]);
}

/* ---- wrong places -------------------------------------------------------------------- */

AFTER(swap_ends) {
  TARGET(t);
  const double first = number_get(t, 0);
  number_set(t, 0, number_get(t, t->numel - 1));
  number_set(t, t->numel - 1, first);
}
AFTER(transpose) {
  TARGET(t);
  const int64_t rows = t->dims[0], columns = rows ? t->numel / rows : 0;
  frt_api_tensor_t old = *t;
  old.data = c->saved;
  if (!c->saved) return;
  memcpy(c->saved, t->data, t->bytes);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      number_set(t, j * rows + i, number_get(&old, i * columns + j));
}
/* The place of `value` in a row of n, the last one before `end`; -1 if there is none. */
static int64_t last_of(const frt_api_tensor_t *x, int64_t row, int64_t n, int64_t end,
                       double value) {
  while (--end >= 0)
    if (number_get(x, row * n + end) == value) return end;
  return -1;
}
AFTER(other_tie) {
  TARGET(v);
  const frt_api_tensor_t *at = slot_first(c->run.out, c->run.n_out, "Indices");
  const frt_api_tensor_t *x = input_of(c, "X");
  if (!at || !at->data || !x || !x->data || !v->rank) return;
  const int64_t k = v->dims[v->rank - 1], n = x->dims[x->rank - 1];
  for (int64_t i = 0; i < v->numel; ++i) {
    const int tied = i % k && number_get(v, i) == number_get(v, i - 1);
    const int64_t end = tied ? ((int64_t *)at->data)[i - 1] : n;
    const int64_t place = last_of(x, i / k, n, end, number_get(v, i));
    if (place >= 0) ((int64_t *)at->data)[i] = place;
  }
}
AFTER(last_of_ties) {
  TARGET(t);
  const frt_api_tensor_t *x = input_of(c, "X");
  if (!x || !x->data || x->numel != t->numel) return;
  for (int64_t i = t->numel - 1; i > 0; --i) {
    const double first = number_get(t, i - 1);
    if (number_get(x, i) != number_get(x, i - 1) || first == 0 || number_get(t, i) != 0) continue;
    number_set(t, i, first);
    number_set(t, i - 1, 0);
  }
}
AFTER(zero_where_equal) {
  TARGET(t);
  const frt_api_tensor_t *x = input_of(c, "X"), *y = input_of(c, "Y");
  if (!x || !y || x->numel != t->numel || y->numel != t->numel) return;
  for (int64_t i = 0; i < t->numel; ++i)
    if (number_get(x, i) == number_get(y, i)) number_set(t, i, 0);
}

/* ---- wrong values ---------------------------------------------------------------------- */

#define EACH(t, v) \
  TARGET(t); \
  for (int64_t i = 0; i < t->numel; ++i) { \
    const double v = number_get(t, i);
#define SET(t, x) number_set(t, i, x)

AFTER(nan_to_zero) { EACH(t, v) if (isnan(v)) SET(t, 0); } }
AFTER(inf_to_max) { EACH(t, v) if (isinf(v)) SET(t, v > 0 ? (double)FLT_MAX : -(double)FLT_MAX); } }
AFTER(plus_zero) { EACH(t, v) if (v == 0) SET(t, 0.0); } }
AFTER(flush_subnormal) {
  EACH(t, v)
    const double least = t->dtype == FRT_F32 ? (double)FLT_MIN : DBL_MIN;
    if (is_float(t) && fabs(v) < least) SET(t, 0.0);
  }
}
AFTER(wrap_int32) {
  TARGET(t);
  for (int64_t i = 0; t->dtype == FRT_I64 && i < t->numel; ++i)
    ((int64_t *)t->data)[i] = (int32_t)((int64_t *)t->data)[i];
}
AFTER(narrow_to_float) {
  TARGET(t);
  for (int64_t i = 0; i < t->numel; ++i) {
    if (t->dtype == FRT_F64) number_set(t, i, (double)(float)number_get(t, i));
    if (t->dtype == FRT_I64) number_set(t, i, (double)(float)number_get(t, i));
  }
}
AFTER(unbiased) {
  TARGET(t);
  const frt_api_tensor_t *x = input_of(c, "X");
  const double n = x ? (double)x->numel / (double)t->numel : 0;
  for (int64_t i = 0; i < t->numel && n > 1; ++i)
    number_set(t, i, number_get(t, i) * (n / (n - 1)));
}
AFTER(not_inverted) {
  TARGET(t);
  for (int64_t i = 0; i < t->numel; ++i) {
    const double v = number_get(t, i);
    number_set(t, i, v == 0 ? 0 : 1 / (v * v));
  }
}
AFTER(epsilon_outside) {
  TARGET(t);
  for (int64_t i = 0; i < t->numel; ++i) {
    const double v = number_get(t, i), variance = 1 / (v * v) - c->d->value;
    if (v > 0) number_set(t, i, 1 / (sqrt(variance > 0 ? variance : 0) + c->d->value));
  }
}
AFTER(without_mean) {
  TARGET(t);
  const frt_api_tensor_t *g = input_of(c, "Y@GRAD");
  double mean = 0;
  for (int64_t i = 0; g && i < g->numel; ++i) mean += number_get(g, i) / (double)g->numel;
  for (int64_t i = 0; i < t->numel; ++i) number_set(t, i, number_get(t, i) + mean);
}
AFTER(overflow_exp) {
  TARGET(t);
  const frt_api_tensor_t *x = input_of(c, NULL);
  const int64_t n = t->rank ? t->dims[t->rank - 1] : 0;
  if (!x || !x->data || n < 1 || x->numel != t->numel) return;
  for (int64_t row = 0; row < t->numel / n; ++row) {
    double top = -INFINITY;
    for (int64_t j = 0; j < n; ++j) top = fmax(top, number_get(x, row * n + j));
    for (int64_t j = 0; j < n && (top > 88.7 || top < -103); ++j)
      number_set(t, row * n + j, NAN);
  }
}
