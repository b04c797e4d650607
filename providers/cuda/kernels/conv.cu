#include "blas.h"
#include "team.h"
#include "window.h"

/* Two ways. Sums element by element suit few channels and any layout. Where groups are
 * wide, what the window sees is written out as the columns of a matrix and cuBLAS
 * multiplies, as many images at a time as fit the space. */
enum { WIDE_GROUP = 16, COLUMNS_SPACE = 256 << 20 };
/* So many sums of so few terms are done by a thread each. */
enum { MANY_ROWS = 4096, LONG_ROW = 2048 };

typedef struct {
  frt_gpu_window_t w;
  int columns;    /* by matrices */
  int64_t images; /* at a time */
} conv_t;

/* ---- element by element ------------------------------------------------------------------ */

static frt_status_t sum_grid(const conv_t *s, const frt_run_t *r, int wide, const void *image,
                             const void *filter, void *grid, frt_error_t *err) {
  const frt_gpu_window_t w = s->w;
  return frt_gpu_each(
      r, w.n * w.m * w.cells,
      [=] FRT_GPU_FN(int64_t at) {
        const frt_gpu_place_t p = frt_gpu_place_of(w.last, w.grid, w.m, at);
        const int64_t first = p.c / w.out_per * w.per;
        double v = 0.0;
        for (int64_t c = 0; c < w.per; ++c)
          for (int64_t k = 0; k < w.taps; ++k) {
            const int64_t y = frt_gpu_seen(w, 0, p.y, k / w.kernel[1]);
            const int64_t x = frt_gpu_seen(w, 1, p.x, k % w.kernel[1]);
            if (y < 0 || x < 0) continue;
            v += frt_gpu_real(image, wide, frt_gpu_place_at(w.last, w.image, w.c, p.n,
                                                            first + c, y, x)) *
                 frt_gpu_real(filter, wide, p.c * w.depth + c * w.taps + k);
          }
        frt_gpu_put(grid, wide, at, v);
      },
      err);
}

static frt_status_t sum_image(const conv_t *s, const frt_run_t *r, int wide, const void *grid,
                              const void *filter, void *image, frt_error_t *err) {
  const frt_gpu_window_t w = s->w;
  return frt_gpu_each(
      r, w.n * w.c * w.pixels,
      [=] FRT_GPU_FN(int64_t at) {
        const frt_gpu_place_t p = frt_gpu_place_of(w.last, w.image, w.c, at);
        const int64_t first = p.c / w.per * w.out_per, mine = p.c % w.per;
        double v = 0.0;
        for (int64_t k = 0; k < w.taps; ++k) {
          const int64_t y = frt_gpu_seer(w, 0, p.y, k / w.kernel[1]);
          const int64_t x = frt_gpu_seer(w, 1, p.x, k % w.kernel[1]);
          if (y < 0 || x < 0) continue;
          for (int64_t m = first; m < first + w.out_per; ++m)
            v += frt_gpu_real(grid, wide,
                              frt_gpu_place_at(w.last, w.grid, w.m, p.n, m, y, x)) *
                 frt_gpu_real(filter, wide, m * w.depth + mine * w.taps + k);
        }
        frt_gpu_put(image, wide, at, v);
      },
      err);
}

/* One element of the filter, over the batch and the grid. */
struct filter_sum {
  frt_gpu_window_t w;
  int wide;
  const void *grid, *image;
  void *filter;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const frt_gpu_window_t &v = w;
    const int64_t m = row / v.depth, k = row % v.taps, c = row / v.taps % v.per;
    const int64_t channel = m / v.out_per * v.per + c, i = k / v.kernel[1], j = k % v.kernel[1];
    const double sum = frt_gpu_over(team, frt_gpu_sum(), v.n * v.cells, [=](int64_t at) {
      const int64_t n = at / v.cells, gy = at % v.cells / v.grid[1], gx = at % v.grid[1];
      const int64_t y = frt_gpu_seen(v, 0, gy, i), x = frt_gpu_seen(v, 1, gx, j);
      if (y < 0 || x < 0) return 0.0;
      return frt_gpu_real(grid, wide, frt_gpu_place_at(v.last, v.grid, v.m, n, m, gy, gx)) *
             frt_gpu_real(image, wide,
                          frt_gpu_place_at(v.last, v.image, v.c, n, channel, y, x));
    });
    if (team.leads()) frt_gpu_put(filter, wide, row, sum);
  }
};
static frt_status_t sum_filter(const conv_t *s, const frt_run_t *r, int wide, const void *grid,
                               const void *image, void *filter, frt_error_t *err) {
  const struct filter_sum f = {s->w, wide, grid, image, filter};
  const int64_t rows = s->w.m * s->w.depth, n = s->w.n * s->w.cells;
  return frt_gpu_rows(r, rows, rows >= MANY_ROWS && n < LONG_ROW ? 1 : n, f, err);
}

/* ---- by matrices ----------------------------------------------------------------------------- */

/* Images [n, n + count) of one group: their columns, [count][depth][cells]. */
typedef struct { int64_t n, count, group; } part_t;

static frt_status_t take_columns(const conv_t *s, const frt_run_t *r, int wide, part_t part,
                                 const void *image, frt_error_t *err) {
  const frt_gpu_window_t w = s->w;
  void *columns = r->workspace;
  return frt_gpu_each(
      r, part.count * w.depth * w.cells,
      [=] FRT_GPU_FN(int64_t at) {
        const int64_t p = at % w.cells, k = at / w.cells % w.depth;
        const int64_t n = part.n + at / w.cells / w.depth, tap = k % w.taps;
        const int64_t c = part.group * w.per + k / w.taps;
        const int64_t y = frt_gpu_seen(w, 0, p / w.grid[1], tap / w.kernel[1]);
        const int64_t x = frt_gpu_seen(w, 1, p % w.grid[1], tap % w.kernel[1]);
        frt_gpu_put(columns, wide, at,
                    y < 0 || x < 0
                        ? 0.0
                        : frt_gpu_real(image, wide, ((n * w.c + c) * w.image[0] + y) *
                                                            w.image[1] + x));
      },
      err);
}

/* The reverse: each pixel sums the columns that stand for it. */
static frt_status_t add_columns(const conv_t *s, const frt_run_t *r, int wide, part_t part,
                                void *image, frt_error_t *err) {
  const frt_gpu_window_t w = s->w;
  const void *columns = r->workspace;
  return frt_gpu_each(
      r, part.count * w.per * w.pixels,
      [=] FRT_GPU_FN(int64_t at) {
        const int64_t px = at % w.image[1], py = at / w.image[1] % w.image[0];
        const int64_t c = at / w.pixels % w.per, n = at / w.pixels / w.per;
        double v = 0.0;
        for (int64_t k = 0; k < w.taps; ++k) {
          const int64_t y = frt_gpu_seer(w, 0, py, k / w.kernel[1]);
          const int64_t x = frt_gpu_seer(w, 1, px, k % w.kernel[1]);
          if (y < 0 || x < 0) continue;
          v += frt_gpu_real(columns, wide,
                            (n * w.depth + c * w.taps + k) * w.cells + y * w.grid[1] + x);
        }
        frt_gpu_put(image, wide,
                    ((part.n + n) * w.c + part.group * w.per + c) * w.pixels + at % w.pixels, v);
      },
      err);
}

static frt_status_t multiply(const frt_run_t *r, int wide, const frt_gpu_gemm_t *g,
                             const void *a, int64_t a_at, const void *b, int64_t b_at, void *c,
                             int64_t c_at, frt_error_t *err) {
  if (wide)
    return frt_gpu_dgemm(r, g, (const double *)a + a_at, (const double *)b + b_at,
                         (double *)c + c_at, err);
  return frt_gpu_sgemm(r, g, (const float *)a + a_at, (const float *)b + b_at,
                       (float *)c + c_at, err);
}

static int64_t grid_start(const frt_gpu_window_t *w, part_t part) {
  return (part.n * w->m + part.group * w->out_per) * w->cells;
}

static frt_status_t grid_part(const conv_t *s, const frt_run_t *r, int wide, part_t part,
                              const void *image, const void *filter, void *grid,
                              frt_error_t *err) {
  const frt_gpu_window_t *w = &s->w;
  const frt_gpu_gemm_t g = {0, 0, w->out_per, w->cells, w->depth, part.count, 0,
                            w->depth * w->cells, w->m * w->cells, 1.0};
  FRT_TRY(take_columns(s, r, wide, part, image, err));
  return multiply(r, wide, &g, filter, part.group * w->out_per * w->depth, r->workspace, 0, grid,
                  grid_start(w, part), err);
}

static frt_status_t image_part(const conv_t *s, const frt_run_t *r, int wide, part_t part,
                               const void *grid, const void *filter, void *image,
                               frt_error_t *err) {
  const frt_gpu_window_t *w = &s->w;
  const frt_gpu_gemm_t g = {1, 0, w->depth, w->cells, w->out_per, part.count, 0,
                            w->m * w->cells, w->depth * w->cells, 1.0};
  FRT_TRY(multiply(r, wide, &g, filter, part.group * w->out_per * w->depth, grid,
                   grid_start(w, part), r->workspace, 0, err));
  return add_columns(s, r, wide, part, image, err);
}

/* A product an image, behind the columns; then their sum, onto what earlier parts left. */
static frt_status_t filter_part(const conv_t *s, const frt_run_t *r, int wide, part_t part,
                                const void *grid, const void *image, void *filter,
                                frt_error_t *err) {
  const frt_gpu_window_t *w = &s->w;
  const int64_t size = w->out_per * w->depth, behind = s->images * w->depth * w->cells;
  const int64_t to = part.group * size, count = part.count;
  const int first = part.n == 0;
  const void *sums = r->workspace;
  const frt_gpu_gemm_t g = {0, 1, w->out_per, w->depth, w->cells, part.count, w->m * w->cells,
                            w->depth * w->cells, size, 1.0};
  FRT_TRY(take_columns(s, r, wide, part, image, err));
  FRT_TRY(multiply(r, wide, &g, grid, grid_start(w, part), r->workspace, 0, r->workspace, behind,
                   err));
  return frt_gpu_each(
      r, size,
      [=] FRT_GPU_FN(int64_t i) {
        double v = first ? 0.0 : frt_gpu_real(filter, wide, to + i);
        for (int64_t n = 0; n < count; ++n) v += frt_gpu_real(sums, wide, behind + n * size + i);
        frt_gpu_put(filter, wide, to + i, v);
      },
      err);
}

typedef frt_status_t (*part_fn)(const conv_t *s, const frt_run_t *r, int wide, part_t part,
                                const void *a, const void *b, void *to, frt_error_t *err);
typedef frt_status_t (*sum_fn)(const conv_t *s, const frt_run_t *r, int wide, const void *a,
                               const void *b, void *to, frt_error_t *err);

static frt_status_t over_parts(const conv_t *s, const frt_run_t *r, const frt_api_tensor_t *a,
                               const frt_api_tensor_t *b, void *to, sum_fn plain, part_fn fn,
                               frt_error_t *err) {
  const int wide = frt_gpu_wide(a);
  if (!to) return FRT_OK;
  if (!s->columns) return plain(s, r, wide, a->data, b->data, to, err);
  for (part_t part = {0, 0, 0}; part.n < s->w.n; part.n += part.count) {
    part.count = s->w.n - part.n < s->images ? s->w.n - part.n : s->images;
    for (part.group = 0; part.group < s->w.groups; ++part.group)
      FRT_TRY(fn(s, r, wide, part, a->data, b->data, to, err));
  }
  return FRT_OK;
}

/* ---- plans -------------------------------------------------------------------------------------- */

static void make(conv_t *s, const frt_op_t *op, const frt_gpu_window_attrs_t *at,
                 const frt_api_tensor_t *image, const frt_api_tensor_t *grid,
                 const frt_api_tensor_t *padded, const frt_api_tensor_t *filter,
                 int64_t sums, uint64_t *workspace) {
  const frt_gpu_window_t *w = &s->w;
  const int64_t size = frt_gpu_wide(image) ? 8 : 4;
  frt_gpu_window_make(&s->w, op, at, image, grid, padded, filter->dims + 2);
  const int64_t one = (w->depth * w->cells + sums * w->out_per * w->depth) * size;
  s->columns = !w->last && w->n && w->out_per >= WIDE_GROUP && w->depth >= WIDE_GROUP;
  s->images = one < COLUMNS_SPACE ? COLUMNS_SPACE / one : 1;
  if (s->images > w->n) s->images = w->n;
  if (s->columns) *workspace = (uint64_t)(s->images * one);
}

static const frt_gpu_window_attrs_t CONV = {
    FRT_CONV2D_ATTR_STRIDES, FRT_CONV2D_ATTR_PADDINGS, FRT_CONV2D_ATTR_DILATIONS,
    FRT_CONV2D_ATTR_GROUPS, FRT_CONV2D_ATTR_PADDING_ALGORITHM, FRT_CONV2D_ATTR_DATA_FORMAT};
static const frt_gpu_window_attrs_t TURNED = {
    FRT_CONV2D_TRANSPOSE_ATTR_STRIDES, FRT_CONV2D_TRANSPOSE_ATTR_PADDINGS,
    FRT_CONV2D_TRANSPOSE_ATTR_DILATIONS, FRT_CONV2D_TRANSPOSE_ATTR_GROUPS,
    FRT_CONV2D_TRANSPOSE_ATTR_PADDING_ALGORITHM, FRT_CONV2D_TRANSPOSE_ATTR_DATA_FORMAT};

/* ---- rows ---------------------------------------------------------------------------------------- */

static frt_status_t conv_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_IN_INPUT);
  (void)err;
  make((conv_t *)state, op, &CONV, in, frt_out(op, FRT_CONV2D_OUT_OUTPUT), in,
       frt_in(op, FRT_CONV2D_IN_FILTER), 0, workspace);
  return FRT_OK;
}
static frt_status_t conv_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return over_parts((const conv_t *)state, r, frt_in(r, FRT_CONV2D_IN_INPUT),
                    frt_in(r, FRT_CONV2D_IN_FILTER), frt_out(r, FRT_CONV2D_OUT_OUTPUT)->data,
                    sum_grid, grid_part, err);
}

static frt_status_t conv_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_GRAD_IN_INPUT);
  (void)err;
  make((conv_t *)state, op, &CONV, in, frt_in(op, FRT_CONV2D_GRAD_IN_OUTPUT_GRAD), in,
       frt_in(op, FRT_CONV2D_GRAD_IN_FILTER), 1, workspace);
  return FRT_OK;
}
static frt_status_t conv_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const conv_t *s = (const conv_t *)state;
  const frt_api_tensor_t *g = frt_in(r, FRT_CONV2D_GRAD_IN_OUTPUT_GRAD);
  FRT_TRY(over_parts(s, r, g, frt_in(r, FRT_CONV2D_GRAD_IN_FILTER),
                     frt_gpu_data_out(r, FRT_CONV2D_GRAD_OUT_INPUT_GRAD), sum_image, image_part,
                     err));
  return over_parts(s, r, g, frt_in(r, FRT_CONV2D_GRAD_IN_INPUT),
                    frt_gpu_data_out(r, FRT_CONV2D_GRAD_OUT_FILTER_GRAD), sum_filter,
                    filter_part, err);
}

static frt_status_t turned_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_TRANSPOSE_IN_INPUT);
  (void)err;
  make((conv_t *)state, op, &TURNED, frt_out(op, FRT_CONV2D_TRANSPOSE_OUT_OUTPUT), in, in,
       frt_in(op, FRT_CONV2D_TRANSPOSE_IN_FILTER), 0, workspace);
  return FRT_OK;
}
static frt_status_t turned_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return over_parts((const conv_t *)state, r, frt_in(r, FRT_CONV2D_TRANSPOSE_IN_INPUT),
                    frt_in(r, FRT_CONV2D_TRANSPOSE_IN_FILTER),
                    frt_out(r, FRT_CONV2D_TRANSPOSE_OUT_OUTPUT)->data, sum_image, image_part,
                    err);
}

static frt_status_t turned_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                        frt_error_t *err) {
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_TRANSPOSE_GRAD_IN_INPUT);
  (void)err;
  make((conv_t *)state, op, &TURNED, frt_in(op, FRT_CONV2D_TRANSPOSE_GRAD_IN_OUTPUT_GRAD), in,
       in, frt_in(op, FRT_CONV2D_TRANSPOSE_GRAD_IN_FILTER), 1, workspace);
  return FRT_OK;
}
static frt_status_t turned_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const conv_t *s = (const conv_t *)state;
  const frt_api_tensor_t *g = frt_in(r, FRT_CONV2D_TRANSPOSE_GRAD_IN_OUTPUT_GRAD);
  const frt_api_tensor_t *in = frt_in(r, FRT_CONV2D_TRANSPOSE_GRAD_IN_INPUT);
  FRT_TRY(over_parts(s, r, g, frt_in(r, FRT_CONV2D_TRANSPOSE_GRAD_IN_FILTER),
                     frt_gpu_data_out(r, FRT_CONV2D_TRANSPOSE_GRAD_OUT_INPUT_GRAD), sum_grid,
                     grid_part, err));
  return over_parts(s, r, in, g, frt_gpu_data_out(r, FRT_CONV2D_TRANSPOSE_GRAD_OUT_FILTER_GRAD),
                    sum_filter, filter_part, err);
}

#define ROW(name, stem) \
  {name, FRT_FLOATS, sizeof(conv_t), stem##_prepare, stem##_run, FRT_GPU_FLAGS, NULL}
FRT_KERNELS(cuda, conv) = {ROW("conv2d", conv), ROW("conv2d_grad", conv_grad),
                           ROW("depthwise_conv2d", conv),
                           ROW("depthwise_conv2d_grad", conv_grad),
                           ROW("conv2d_transpose", turned),
                           ROW("conv2d_transpose_grad", turned_grad), FRT_KERNELS_END};
