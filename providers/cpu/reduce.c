#include "reduce.h"

#include <math.h>

#include "sums.h"
#undef A
#undef B

/* Columns that one strip of accumulators covers, and elements of one block of the
 * reduced loops: long column sums are cut there, whatever the number of threads. */
enum { STRIP = 64, BLOCK_WORK = 1 << 16, BLOCKS_MOST = 256 };

FRT_CPU_SUM_BLOCK(plain, u)

/* NaN wins, and stays. */
FRT_CPU_BODY double larger(double best, double x) {
  return x > best || x != x ? (best != best ? best : x) : best;
}

FRT_CPU_BODY double smaller(double best, double x) {
  return x < best || x != x ? (best != best ? best : x) : best;
}
FRT_CPU_BODY double times(double best, double x) { return best * x; }

/* All of a run of elements: a maximum (CMP is >) or a minimum (<). */
#define EXTREME_RUN(name, CMP, pick)                                               \
  FRT_CPU_BODY void name##_body(const float *x, int64_t n, double *best) {         \
    enum { LANES = 16 };                                                           \
    float l[LANES];                                                                \
    int64_t i = 0;                                                                 \
    double m = *best;                                                              \
    if (n >= LANES) {                                                              \
      int nan = 0;                                                                 \
      for (int j = 0; j < LANES; ++j) l[j] = x[j];                                 \
      for (; i + LANES <= n; i += LANES)                                           \
        for (int j = 0; j < LANES; ++j) {                                          \
          const float v = x[i + j];                                                \
          l[j] = v CMP l[j] ? v : l[j];                                            \
          nan |= v != v;                                                           \
        }                                                                          \
      if (nan) m = (double)NAN;                                                    \
      for (int j = 0; j < LANES; ++j) m = pick(m, (double)l[j]);                   \
    }                                                                              \
    for (; i < n; ++i) m = pick(m, (double)x[i]);                                  \
    *best = m;                                                                     \
  }                                                                                \
  FRT_CPU_VARIANTS(name, (const float *x, int64_t n, double *best), (x, n, best))
EXTREME_RUN(max_run, >, larger)
EXTREME_RUN(min_run, <, smaller)

/* Eight products side by side, joined by a fixed tree. */
FRT_CPU_BODY void prod_run_body(const float *x, int64_t n, double *best) {
  double l[8] = {1, 1, 1, 1, 1, 1, 1, 1}, m = *best;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; ++j) l[j] *= (double)x[i + j];
  for (int w = 4; w; w /= 2)
    for (int j = 0; j < w; ++j) l[j] *= l[j + w];
  m *= l[0];
  for (; i < n; ++i) m *= (double)x[i];
  *best = m;
}
FRT_CPU_VARIANTS(prod_run, (const float *x, int64_t n, double *best), (x, n, best))

FRT_CPU_BODY void add_row_body(const float *x, int64_t n, double *acc) {
  for (int64_t j = 0; j < n; ++j) acc[j] += (double)x[j];
}
FRT_CPU_VARIANTS(add_row, (const float *x, int64_t n, double *acc), (x, n, acc))

#define PICK_ROW(name, pick)                                                       \
  FRT_CPU_BODY void name##_body(const float *x, int64_t n, double *acc) {          \
    for (int64_t j = 0; j < n; ++j) acc[j] = pick(acc[j], (double)x[j]);           \
  }                                                                                \
  FRT_CPU_VARIANTS(name, (const float *x, int64_t n, double *acc), (x, n, acc))
PICK_ROW(max_row, larger)
PICK_ROW(min_row, smaller)
PICK_ROW(prod_row, times)

/* What FRT_CPU_SUM ... FRT_CPU_PROD mean: where they start, all of a run into one
 * value (a sum takes blocks instead), a row into as many, one value into another. */
typedef struct {
  double start;
  void (*run)(const float *x, int64_t n, double *best);
  void (*row)(const float *x, int64_t n, double *acc);
} kind_t;
static const kind_t kinds[] = {{0.0, NULL, add_row},
                               {-(double)INFINITY, max_run, max_row},
                               {(double)INFINITY, min_run, min_row},
                               {1.0, prod_run, prod_row}};

static double joined(int what, double a, double b) {
  switch (what) {
    case FRT_CPU_MAX: return larger(a, b);
    case FRT_CPU_MIN: return smaller(a, b);
    case FRT_CPU_PROD: return a * b;
    default: return a + b;
  }
}

/* ---- making the plan ------------------------------------------------------------ */

typedef struct {
  int64_t n, s;
  int goes;
} axis_t;

/* Joins neighbours of one kind, innermost first; returns how many loops are left. */
static int join(uint32_t rank, const int64_t *dims, uint32_t goes, axis_t *loops) {
  int64_t stride = 1;
  int at = 0;
  for (int d = (int)rank - 1; d >= 0; --d) {
    const int g = (int)(goes >> d & 1u);
    if (dims[d] == 1) continue;
    if (at && loops[at - 1].goes == g) loops[at - 1].n *= dims[d];
    else loops[at++] = (axis_t){dims[d], stride, g};
    stride *= dims[d];
  }
  if (!at) loops[at++] = (axis_t){1, 1, 1};
  return at;
}

void frt_cpu_reduce_make(frt_cpu_reduce_t *p, int what, uint32_t rank,
                         const int64_t *dims, uint32_t goes, uint64_t *workspace) {
  axis_t loops[FRT_MAX_RANK];
  int n;
  memset(p, 0, sizeof *p);
  p->what = what;
  p->numel = p->outputs = p->kept = p->gone = 1;
  for (uint32_t d = 0; d < rank; ++d) {
    p->numel *= dims[d];
    if (!(goes >> d & 1u)) p->outputs *= dims[d];
  }
  if (!p->numel) return;
  n = join(rank, dims, goes, loops);
  p->last = loops[0].n;
  p->last_goes = loops[0].goes;
  p->whole = n == 1 && p->last_goes;
  for (int i = n - 1; i > 0; --i) { /* outermost first */
    if (loops[i].goes) {
      p->gone_n[p->n_gone] = loops[i].n;
      p->gone_s[p->n_gone++] = loops[i].s;
      p->gone *= loops[i].n;
    } else {
      p->kept_n[p->n_kept] = loops[i].n;
      p->kept_s[p->n_kept++] = loops[i].s;
      p->kept *= loops[i].n;
    }
  }
  p->strips = p->last_goes ? 1 : frt_cpu_div_up(p->last, STRIP);
  p->blocks = p->gone * p->last / BLOCK_WORK;
  if (p->blocks > BLOCKS_MOST) p->blocks = BLOCKS_MOST;
  if (p->blocks > p->gone) p->blocks = p->gone;
  if (p->blocks < 1) p->blocks = 1;
  p->block = frt_cpu_div_up(p->gone, p->blocks);
  p->blocks = frt_cpu_div_up(p->gone, p->block);
  if (p->whole) *workspace += (uint64_t)frt_cpu_blocks(p->last) * sizeof(double);
  else if (p->blocks > 1)
    *workspace += (uint64_t)p->outputs * (uint64_t)p->blocks * sizeof(double);
}

/* ---- running it ------------------------------------------------------------------ */

typedef struct {
  const frt_cpu_reduce_t *p;
  const float *x;
  float *out;
  double *partials;
  double divisor;
} reduce_call_t;

static int64_t offset(const int64_t *n, const int64_t *s, int count, int64_t at) {
  int64_t to = 0;
  for (int d = count - 1; d >= 0; --d) {
    to += at % n[d] * s[d];
    at /= n[d];
  }
  return to;
}

/* All of one row, a block at a time; the block sums are added in order. */
static double row_value(const frt_cpu_reduce_t *p, const float *x, double acc) {
  if (p->what != FRT_CPU_SUM) {
    kinds[p->what].run(x, p->last, &acc);
    return acc;
  }
  for (int64_t at = 0; at < p->last; at += FRT_CPU_BLOCK) {
    const int64_t n = p->last - at < FRT_CPU_BLOCK ? p->last - at : FRT_CPU_BLOCK;
    double s;
    plain(x + at, x + at, n, &s);
    acc += s;
  }
  return acc;
}

static void put(const reduce_call_t *c, int64_t output, int64_t block, double v) {
  if (c->p->blocks > 1) c->partials[block * c->p->outputs + output] = v;
  else c->out[output] = (float)(v / c->divisor);
}

/* An item is one (kept index, strip of columns, block of the reduced loops). */
static void reduce_items(void *arg, int64_t lo, int64_t hi) {
  const reduce_call_t *c = (const reduce_call_t *)arg;
  const frt_cpu_reduce_t *p = c->p;
  for (int64_t item = lo; item < hi; ++item) {
    const int64_t block = item % p->blocks, strip = item / p->blocks % p->strips;
    const int64_t kept = item / p->blocks / p->strips, j = strip * STRIP;
    const int64_t width = p->last_goes ? 1 : p->last - j < STRIP ? p->last - j : STRIP;
    const int64_t first = block * p->block;
    const int64_t end = p->gone < first + p->block ? p->gone : first + p->block;
    const float *x = c->x + offset(p->kept_n, p->kept_s, p->n_kept, kept) + j;
    double acc[STRIP];
    for (int64_t i = 0; i < width; ++i) acc[i] = kinds[p->what].start;
    for (int64_t g = first; g < end; ++g) {
      const float *row = x + offset(p->gone_n, p->gone_s, p->n_gone, g);
      if (p->last_goes) acc[0] = row_value(p, row, acc[0]);
      else kinds[p->what].row(row, width, acc);
    }
    for (int64_t i = 0; i < width; ++i)
      put(c, (p->last_goes ? kept : kept * p->last) + j + i, block, acc[i]);
  }
}

/* Joins the blocks of every output, in order. */
static void reduce_join(void *arg, int64_t lo, int64_t hi) {
  const reduce_call_t *c = (const reduce_call_t *)arg;
  const frt_cpu_reduce_t *p = c->p;
  for (int64_t i = lo; i < hi; ++i) {
    double acc = c->partials[i];
    for (int64_t b = 1; b < p->blocks; ++b)
      acc = joined(p->what, acc, c->partials[b * p->outputs + i]);
    c->out[i] = (float)(acc / c->divisor);
  }
}

void frt_cpu_reduce_run(const frt_cpu_reduce_t *p, const frt_run_t *r, const float *x,
                        float *out, void *workspace, double divisor) {
  reduce_call_t c = {p, x, out, (double *)workspace, divisor};
  if (!p->numel) {
    for (int64_t i = 0; i < p->outputs; ++i) out[i] = (float)(kinds[p->what].start / divisor);
    return;
  }
  if (p->whole && p->what == FRT_CPU_SUM) {
    frt_cpu_sum_t s = {plain, x, x, p->last, (double *)workspace};
    out[0] = (float)(frt_cpu_sum_all(r, &s) / divisor);
    return;
  }
  const int64_t work = p->gone * p->last / p->strips / p->blocks;
  frt_cpu_for(r, p->kept * p->strips * p->blocks,
              frt_cpu_div_up(FRT_CPU_GRAIN, work > 0 ? work : 1), reduce_items, &c);
  if (p->blocks > 1) frt_cpu_for(r, p->outputs, 1024, reduce_join, &c);
}
