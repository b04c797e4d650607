#include "blas.h"

#include <cblas.h>

#include "isa.h"
#include "loop.h"
#include "rows.h"
#undef A
#undef B

enum { ROUTE_EMPTY, ROUTE_INLINE, ROUTE_ROWS, ROUTE_BLAS };

/* Multiply-adds below which a call into BLAS costs more than the work, those that
 * are worth a piece of their own, and the least rows or columns of a piece: thinner
 * ones take other kernels of the BLAS, with other bits. */
enum { INLINE_WORK = 1024, PIECE_WORK = 4 << 20, PIECE_LEAST = 16, PIECES_MOST = 64 };
/* Rows up to which, and work up to which, packing B costs more than it saves. */
enum { FEW_ROWS = 8, SMALL_WORK = 64 * 64 * 64 };

/* The OpenMP build keeps its thread count per thread, so it is set before each call
 * there; the others keep one for the process. */
static int blas_openmp;

void frt_cpu_blas_open(void) {
  openblas_set_num_threads(1);
  __atomic_store_n(&blas_openmp, openblas_get_parallel() == 2, __ATOMIC_RELAXED);
}

static int floor_power_of_two(int64_t x) {
  int p = 1;
  while (2 * (int64_t)p <= x && p < PIECES_MOST) p *= 2;
  return p;
}

/* Pieces along the longer side of C, a multiple of 16 each, the last one not thin. */
static void plan_pieces(frt_cpu_gemm_t *g, int64_t work) {
  const int64_t side = g->by_rows ? g->m : g->n;
  const int want = floor_power_of_two(work / PIECE_WORK);
  int64_t piece = (frt_cpu_div_up(side, want) + 15) / 16 * 16;
  if (piece < 4 * PIECE_LEAST) piece = 4 * PIECE_LEAST;
  g->piece = piece;
  g->pieces = side / piece + (side % piece >= PIECE_LEAST);
  if (g->pieces < 1) g->pieces = 1;
}

/* The own kernel takes B as it lies, and is slow in columns that no vector fits. */
static int rows_pay(const frt_cpu_gemm_t *g, double work) {
  const int64_t odd = g->n % 16;
  if (g->ta || g->tb) return 0;
  if (g->m == 1) return 1;
  if (g->m <= FEW_ROWS) return 4 * odd <= g->n;
  return work <= SMALL_WORK && 8 * odd <= g->n;
}

frt_status_t frt_cpu_gemm_plan(frt_cpu_gemm_t *g, int64_t m, int64_t n, int64_t k,
                               int ta, int tb, frt_error_t *err) {
  const int64_t most = INT32_MAX;
  double work;
  if (m > most || n > most || k > most)
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "product of [%lld, %lld] by [%lld, %lld]: an extent exceeds %lld",
                    (long long)m, (long long)k, (long long)k, (long long)n,
                    (long long)most);
  *g = (frt_cpu_gemm_t){m, n, k, ta, tb, ROUTE_EMPTY, 0, n, 1};
  if (!m || !n || !k) return FRT_OK;
  work = (double)m * (double)n * (double)k;
  if (work <= INLINE_WORK) {
    g->route = ROUTE_INLINE;
    return FRT_OK;
  }
  g->route = rows_pay(g, work) ? ROUTE_ROWS : ROUTE_BLAS;
  g->by_rows = g->route == ROUTE_BLAS && m > n;
  plan_pieces(g, work > 1e15 ? (int64_t)1e15 : (int64_t)work);
  return FRT_OK;
}

/* c[0..w) of one row: chains over rising k. */
FRT_CPU_BODY void inline_strip(int64_t k, const float *a, int64_t as, const float *b,
                               int64_t bk, int64_t bn, int w, float *c) {
  float acc[8];
  for (int j = 0; j < w; ++j) acc[j] = 0.0f;
  for (int64_t i = 0; i < k; ++i)
    for (int j = 0; j < w; ++j) acc[j] += a[i * as] * b[i * bk + j * bn];
  for (int j = 0; j < w; ++j) c[j] = acc[j];
}

/* Strips of a width that the compiler knows, so that the sums stay in registers. */
static void run_inline(const frt_cpu_gemm_t *g, const float *a, const float *b, float *c) {
  const int64_t am = g->ta ? 1 : g->k, ak = g->ta ? g->m : 1;
  const int64_t bk = g->tb ? 1 : g->n, bn = g->tb ? g->k : 1;
  for (int64_t m = 0; m < g->m; ++m, a += am, c += g->n) {
    int64_t n = 0;
    if (bn == 1)
      for (; n + 8 <= g->n; n += 8) inline_strip(g->k, a, ak, b + n, bk, 1, 8, c + n);
    for (; n + 4 <= g->n; n += 4) inline_strip(g->k, a, ak, b + n * bn, bk, bn, 4, c + n);
    for (; n < g->n; ++n) inline_strip(g->k, a, ak, b + n * bn, bk, bn, 1, c + n);
  }
}

typedef struct gemm_call {
  const frt_cpu_gemm_t *g;
  const float *a, *b;
  float *c;
} gemm_call_t;

void frt_cpu_multiply(const frt_cpu_product_t *p, const float *a, const float *b, float *c) {
  if (__atomic_load_n(&blas_openmp, __ATOMIC_RELAXED) || openblas_get_num_threads() != 1)
    openblas_set_num_threads(1);
  cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans,
              p->tb ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1.0f, a,
              (int)p->lda, b, (int)p->ldb, p->beta, c, (int)p->ldc);
}

static void blas_piece(const gemm_call_t *x, int64_t lo, int64_t hi) {
  const frt_cpu_gemm_t *g = x->g;
  frt_cpu_product_t p = {g->ta, g->tb, g->m, g->n, g->k, g->ta ? g->m : g->k,
                         g->tb ? g->k : g->n, g->n, 0.0f};
  const float *a = x->a, *b = x->b;
  float *c = x->c;
  if (g->by_rows) {
    a += lo * (g->ta ? 1 : g->k);
    c += lo * g->n;
    p.m = hi - lo;
  } else {
    b += lo * (g->tb ? g->k : 1);
    c += lo;
    p.n = hi - lo;
  }
  frt_cpu_multiply(&p, a, b, c);
}

static void gemm_pieces(void *arg, int64_t lo, int64_t hi) {
  const gemm_call_t *x = (const gemm_call_t *)arg;
  const frt_cpu_gemm_t *g = x->g;
  const int64_t side = g->by_rows ? g->m : g->n;
  const frt_cpu_rows_t rows = {g->m, g->n, g->k, x->a, x->b, x->c};
  for (int64_t p = lo; p < hi; ++p) {
    const int64_t from = p * g->piece, to = p + 1 == g->pieces ? side : from + g->piece;
    if (g->route == ROUTE_ROWS) frt_cpu_rows(&rows, from, to);
    else blas_piece(x, from, to);
  }
}

void frt_cpu_gemm_run(const frt_cpu_gemm_t *g, const frt_run_t *r, const float *a,
                      const float *b, float *c) {
  gemm_call_t call = {g, a, b, c};
  switch (g->route) {
    case ROUTE_EMPTY:
      if (g->m && g->n) memset(c, 0, (size_t)(g->m * g->n) * sizeof *c);
      return;
    case ROUTE_INLINE:
      run_inline(g, a, b, c);
      return;
    default:
      if (g->pieces == 1) gemm_pieces(&call, 0, 1);
      else r->host->parallel_for(r->host->ctx, g->pieces, 1, gemm_pieces, &call);
  }
}
