/* How long an op takes: the same prepared kernel again and again, queued in batches long
 * enough for the clock; the median of the batches, and half their interquartile range. */
#include <stdlib.h>
#include <time.h>

#include "runner/exec.h"

enum { SAMPLES = 31, MIN_SAMPLES = 7 };
static const double BATCH = 3e-4, BUDGET = 0.15; /* seconds: of a batch, of an op */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct work { /* what is timed: an op, or a copy */
  frti_exec_t *x;
  const frti_target_t *t;
  uint32_t direction;
  void *to, *from;
  uint64_t bytes;
} work_t;

static frt_status_t once(const work_t *w, frt_error_t *err) {
  if (w->x) return frti_exec_launch(w->x, err);
  return w->t->api->copy(w->t->dev, w->t->queue, w->direction, w->to, w->from, w->bytes, err);
}

/* Seconds of one, when `n` are queued and waited for. */
static frt_status_t batch(const work_t *w, uint32_t n, double *seconds, frt_error_t *err) {
  const double start = now();
  for (uint32_t i = 0; i < n; ++i) FRT_TRY(once(w, err));
  FRT_TRY(w->t->api->queue_sync(w->t->queue, err));
  *seconds = (now() - start) / n;
  return FRT_OK;
}

static frt_status_t measure(const work_t *w, double *median, double *spread, frt_error_t *err) {
  double all[SAMPLES], one;
  const double start = now();
  uint32_t n, done = 0;
  FRT_TRY(batch(w, 1, &one, err));
  FRT_TRY(batch(w, 2, &one, err)); /* the first one warmed the caches */
  n = one < BATCH ? (uint32_t)(BATCH / fmax(one, 1e-8)) + 1 : 1;
  while (done < SAMPLES && (done < MIN_SAMPLES || now() - start < BUDGET))
    FRT_TRY(batch(w, n, &all[done++], err));
  qsort(all, done, sizeof *all, by_size);
  *median = all[done / 2];
  *spread = (all[3 * done / 4] - all[done / 4]) / 2;
  return FRT_OK;
}

/* Operations and bytes by the schema; without a cost of its own: one operation an element
 * of the outputs, every tensor moved once. */
static frt_cost_t cost_of(const frti_probe_t *p) {
  frt_shape_t in[FRTI_MAX_TENSORS] = {{0}}, out[FRTI_MAX_TENSORS] = {{0}};
  frt_infer_slot_t in_slots[FRT_MAX_SLOTS] = {{0}}, out_slots[FRT_MAX_SLOTS] = {{0}};
  const frt_infer_t x = {sizeof x, p->schema, p->attrs, in_slots, out_slots};
  frt_cost_t sum = {0, 0};
  for (uint32_t i = 0; i < p->n_in; ++i) {
    in[i] = (frt_shape_t){.dtype = p->in[i].api.dtype, .rank = p->in[i].api.rank};
    memcpy(in[i].dims, p->in[i].dims, sizeof in[i].dims);
    if (!(p->in[i].def->flags & FRT_SLOT_SHAPE_ONLY)) sum.bytes += (double)p->in[i].api.bytes;
  }
  for (uint32_t i = 0; i < p->n_out; ++i) {
    out[i] = (frt_shape_t){.dtype = p->out[i].api.dtype, .rank = p->out[i].api.rank};
    memcpy(out[i].dims, p->out[i].dims, sizeof out[i].dims);
    if (p->out[i].def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    sum.bytes += (double)p->out[i].api.bytes;
    sum.flops += (double)p->out[i].api.numel;
  }
  for (uint32_t s = 0; s < p->op.n_in; ++s)
    in_slots[s] = (frt_infer_slot_t){p->in_slots[s].count, in + (p->in_slots[s].t - p->in_at)};
  for (uint32_t s = 0; s < p->op.n_out; ++s)
    out_slots[s] =
        (frt_infer_slot_t){p->out_slots[s].count, out + (p->out_slots[s].t - p->out_at)};
  return p->schema->cost ? p->schema->cost(&x) : sum;
}

static frt_status_t time_op(const frti_bench_t *b, frti_probe_t *p, FILE *to, frt_error_t *err) {
  const frti_variant_t plain = {.fill = 0xFF};
  const frt_cost_t cost = cost_of(p);
  work_t w = {.t = &b->target[0]};
  double median = 0, spread = 0;
  frt_status_t status;
  FRT_TRY(frti_probe_fill(p, b, err));
  FRT_TRY(frti_exec_open(w.t, p, plain, &w.x, err));
  status = measure(&w, &median, &spread, err);
  frti_exec_close(w.x);
  if (status == FRT_OK)
    fprintf(to, "T\t%.9g\t%.9g\t%.9g\t%.9g\n", median, spread, cost.flops, cost.bytes);
  return status;
}

static int time_if_taken(void *to, const frti_bench_t *b, frti_probe_t *p, char *why,
                         size_t cap) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_api_support_t support;
  const int v = frti_ask(&b->target[0], &p->op, &support, why, cap);
  if (v != FRTI_PASS || time_op(b, p, to, &err) == FRT_OK) return v;
  snprintf(why, cap, "%s", err.message);
  return FRTI_FAIL;
}

int frti_run_speed(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                   uint32_t dtype, FILE *to, char *why, size_t cap) {
  return frti_probe_case(b, c, row, dtype, why, cap, time_if_taken, to);
}

/* ---- copies ---------------------------------------------------------------------------- */

static frt_status_t time_copy(const frti_target_t *t, void *host, void *dev, void *dev2,
                              uint32_t direction, uint64_t bytes, FILE *to, frt_error_t *err) {
  static const char *const names[] = {"to_device", "from_device", "within_device"};
  work_t w = {.t = t, .direction = direction, .bytes = bytes};
  double median = 0, spread = 0;
  w.to = direction == FRT_COPY_FROM_DEVICE ? host : dev;
  w.from = direction == FRT_COPY_TO_DEVICE ? host : direction == FRT_COPY_WITHIN ? dev2 : dev;
  FRT_TRY(measure(&w, &median, &spread, err));
  fprintf(to, "B\t0\tcopy\t%s:%llu\t32\nT\t%.9g\t%.9g\t0\t%.9g\nP\t\t0\n", names[direction],
          (unsigned long long)bytes, median, spread, (double)bytes);
  return FRT_OK;
}

void frti_time_copies(const frti_bench_t *b, FILE *to) {
  static const uint64_t sizes[] = {4096, 1 << 20, 1 << 24};
  const frti_target_t *t = &b->target[0];
  const uint64_t most = sizes[sizeof sizes / sizeof *sizes - 1];
  void *host = NULL, *dev = NULL, *dev2 = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if ((t->info.flags & FRT_DEVICE_HOST_MEMORY) || !t->api->slab_alloc) return;
  host = calloc(1, most);
  if (host && !t->api->slab_alloc(t->dev, FRT_MEM_DEVICE, most, &dev, &err) &&
      !t->api->slab_alloc(t->dev, FRT_MEM_DEVICE, most, &dev2, &err))
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
      for (uint32_t d = 0; d < 3; ++d)
        if (time_copy(t, host, dev, dev2, d, sizes[i], to, &err))
          fprintf(to, "B\t0\tcopy\tdirection %u\t32\nF\t%s\n", d, err.message);
  if (dev) t->api->slab_free(t->dev, FRT_MEM_DEVICE, dev);
  if (dev2) t->api->slab_free(t->dev, FRT_MEM_DEVICE, dev2);
  free(host);
}
