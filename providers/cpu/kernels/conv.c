/* Convolutions as products of matrices: what the window sees of the image, a tile of grid
 * cells at a time, times the filter. Tiles, blocks and chunks follow from the shape alone,
 * and so do the bits. */
#include "blas.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#include "window.h"
#undef A
#undef B

/* Floats of a tile, which is written, packed and read again: half of a usual L2 cache.
 * Columns of a tile at least; rows of a block of channels at least; what the work of a
 * pass is cut into at least; scratch buffers at most, one for each thread at a time. */
enum { TILE = 128 * 1024, TILE_LEAST = 64, BLOCK_ROWS = 128, PARTS = 16, SLOTS = 32 };
/* Multiply-adds below which a pass stays on its thread; bytes of scratch at most. */
enum { ALONE_WORK = 1 << 17, SCRATCH = 64 << 20 };

/* One of the three passes: into the grid, the image or the filter. */
typedef struct {
  int64_t tile, block, blocks, chunks;
  int64_t tasks, slots, scratch; /* scratch: floats of a slot */
} pass_t;

typedef struct {
  frt_cpu_window_t w;
  int64_t per, out_per, depth; /* channels of a group in image and grid; per * taps */
  pass_t pass;                 /* into the grid or, alone, the image */
  pass_t filter;
} conv_t;

typedef struct call {
  const conv_t *s;
  const pass_t *pass;
  const frt_run_t *r;
  const float *from, *by; /* grid or image, and the other factor */
  float *to, *partial;
  void (*task)(const struct call *c, int64_t task, float *scratch);
} call_t;

/* ---- running a pass ------------------------------------------------------------------- */

static void run_slots(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  const pass_t *p = c->pass;
  for (int64_t slot = lo; slot < hi; ++slot) {
    const int64_t to = (slot + 1) * p->tasks / p->slots;
    float *scratch = (float *)c->r->workspace;
    if (p->scratch) scratch += slot * p->scratch;
    for (int64_t t = slot * p->tasks / p->slots; t < to; ++t) c->task(c, t, scratch);
  }
}

static void run_pass(call_t *c) {
  if (c->pass->slots <= 1) run_slots(c, 0, c->pass->slots);
  else c->r->host->parallel_for(c->r->host->ctx, c->pass->slots, 1, run_slots, c);
}

static float *grid_at(const conv_t *s, const float *grid, int64_t n, int64_t group,
                      int64_t p) {
  const frt_cpu_window_t *w = &s->w;
  const int64_t m = group * s->out_per;
  return (float *)grid + (w->last ? (n * w->cells + p) * w->m + m
                                  : (n * w->m + m) * w->cells + p);
}

/* ---- into the grid: filter . columns ----------------------------------------------------- */

static void grid_task(const call_t *c, int64_t task, float *scratch) {
  const conv_t *s = c->s;
  const frt_cpu_window_t *w = &s->w;
  const int64_t tiles = frt_cpu_div_up(w->cells, c->pass->tile);
  const int64_t p0 = task % tiles * c->pass->tile, group = task / tiles % w->groups;
  const int64_t n = task / tiles / w->groups;
  const int64_t p1 = p0 + c->pass->tile < w->cells ? p0 + c->pass->tile : w->cells;
  const frt_cpu_columns_t part = {w, n, group * s->per, (group + 1) * s->per, p0, p1};
  const float *filter = c->by + group * s->out_per * s->depth, *columns = scratch;
  float *to = grid_at(s, c->to, n, group, p0);
  int64_t step = p1 - p0;
  if (w->plain && !w->last) {
    columns = c->from + (n * w->c + group * s->per) * w->cells + p0;
    step = w->cells;
  } else {
    frt_cpu_columns_take(&part, c->from, scratch);
  }
  if (w->last) {
    const frt_cpu_product_t p = {1, 1, p1 - p0, s->out_per, s->depth, step, s->depth, w->m, 0};
    frt_cpu_multiply(&p, columns, filter, to);
  } else {
    const frt_cpu_product_t p = {0, 0, s->out_per, p1 - p0, s->depth, s->depth, step,
                                 w->cells, 0};
    frt_cpu_multiply(&p, filter, columns, to);
  }
}

/* ---- into the image: filter^T . grid, each column added where it was seen ------------------ */

static void clear(const conv_t *s, float *image, int64_t n, int64_t c0, int64_t c1) {
  const frt_cpu_window_t *w = &s->w;
  const size_t row = (size_t)(c1 - c0) * sizeof *image;
  if (!w->last) {
    memset(image + (n * w->c + c0) * w->pixels, 0, row * (size_t)w->pixels);
    return;
  }
  for (int64_t p = 0; p < w->pixels; ++p)
    memset(image + (n * w->pixels + p) * w->c + c0, 0, row);
}

static void image_task(const call_t *c, int64_t task, float *scratch) {
  const conv_t *s = c->s;
  const frt_cpu_window_t *w = &s->w;
  const int64_t block = task % c->pass->blocks, group = task / c->pass->blocks % w->groups;
  const int64_t n = task / c->pass->blocks / w->groups, b0 = block * c->pass->block;
  const int64_t b1 = b0 + c->pass->block < s->per ? b0 + c->pass->block : s->per;
  frt_cpu_columns_t part = {w, n, group * s->per + b0, group * s->per + b1, 0, 0};
  const float *filter = c->by + group * s->out_per * s->depth + b0 * w->taps;
  const int direct = w->plain && !w->last;
  if (!direct) clear(s, c->to, n, part.c0, part.c1);
  for (; part.p0 < w->cells; part.p0 = part.p1) {
    const int64_t left = w->cells - part.p0;
    part.p1 = part.p0 + (left < c->pass->tile ? left : c->pass->tile);
    const frt_cpu_product_t p = {1, w->last, (b1 - b0) * w->taps, part.p1 - part.p0, s->out_per,
                                 s->depth, w->last ? w->m : w->cells,
                                 direct ? w->cells : part.p1 - part.p0, 0};
    float *to = direct ? c->to + (n * w->c + part.c0) * w->cells + part.p0 : scratch;
    frt_cpu_multiply(&p, filter, grid_at(s, c->from, n, group, part.p0), to);
    if (!direct) frt_cpu_columns_add(&part, scratch, c->to);
  }
}

/* ---- into the filter: grid . columns^T, summed over tiles and batch ------------------------- */

/* A chunk of the batch: the first one's sum is the target, the others wait in `partial`. */
static void filter_task(const call_t *c, int64_t task, float *scratch) {
  const conv_t *s = c->s;
  const frt_cpu_window_t *w = &s->w;
  const int64_t block = task % c->pass->blocks, group = task / c->pass->blocks % w->groups;
  const int64_t chunk = task / c->pass->blocks / w->groups, b0 = block * c->pass->block;
  const int64_t b1 = b0 + c->pass->block < s->per ? b0 + c->pass->block : s->per;
  const int64_t n1 = (chunk + 1) * w->n / c->pass->chunks;
  frt_cpu_columns_t part = {w, chunk * w->n / c->pass->chunks, group * s->per + b0,
                            group * s->per + b1, 0, 0};
  float *to = chunk ? c->partial + (chunk - 1) * w->m * s->depth : c->to;
  frt_cpu_product_t p = {w->last, 1, s->out_per, (b1 - b0) * w->taps, 0,
                         w->last ? w->m : w->cells, 0, s->depth, 0};
  to += group * s->out_per * s->depth + b0 * w->taps;
  for (; part.n < n1; ++part.n)
    for (part.p0 = 0; part.p0 < w->cells; part.p0 = part.p1) {
      const float *columns = scratch;
      const int64_t left = w->cells - part.p0;
      part.p1 = part.p0 + (left < c->pass->tile ? left : c->pass->tile);
      p.k = p.ldb = part.p1 - part.p0;
      if (w->plain && !w->last) {
        columns = c->by + (part.n * w->c + part.c0) * w->cells + part.p0;
        p.ldb = w->cells;
      } else {
        frt_cpu_columns_take(&part, c->by, scratch);
      }
      frt_cpu_multiply(&p, grid_at(s, c->from, part.n, group, part.p0), columns, to);
      p.beta = 1.0f;
    }
}

static void add_chunks(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  const int64_t n = c->s->w.m * c->s->depth;
  for (int64_t k = 0; k + 1 < c->pass->chunks; ++k) {
    const float *from = c->partial + k * n;
    FRT_CPU_IVDEP
    for (int64_t i = lo; i < hi; ++i) c->to[i] += from[i];
  }
}

/* ---- plans ------------------------------------------------------------------------------------ */

/* Grid cells of a tile under `rows` rows of the matrix, all tiles about as wide. */
static int64_t tile_of(const conv_t *s, int64_t rows) {
  int64_t tile = TILE / rows / 16 * 16;
  if (tile < TILE_LEAST) tile = TILE_LEAST;
  if (tile >= s->w.cells) return s->w.cells;
  return frt_cpu_div_up(frt_cpu_div_up(s->w.cells, frt_cpu_div_up(s->w.cells, tile)), 16) * 16;
}

/* Channels of a block, so that `parts` blocks make enough work for all, but not thin. */
static void plan_blocks(const conv_t *s, pass_t *p, int64_t parts) {
  const int64_t least = frt_cpu_div_up(BLOCK_ROWS, s->w.taps);
  p->block = frt_cpu_div_up(s->per, parts < 1 ? 1 : parts);
  if (p->block < least) p->block = least;
  if (p->block > s->per) p->block = s->per;
  p->blocks = frt_cpu_div_up(s->per, p->block);
  p->tile = tile_of(s, p->block * s->w.taps);
  p->scratch = p->block * s->w.taps * p->tile;
}

static void plan_slots(const conv_t *s, pass_t *p, uint64_t *workspace) {
  const double work = (double)s->w.n * (double)s->w.cells * (double)s->w.m * (double)s->depth;
  const int64_t most = p->scratch ? SCRATCH / 4 / p->scratch : SLOTS;
  uint64_t bytes;
  p->scratch = frt_cpu_div_up(p->scratch, 16) * 16;
  p->slots = p->tasks < SLOTS ? p->tasks : SLOTS;
  if (p->slots > most) p->slots = most > 2 ? most : 2;
  if (p->slots > p->tasks) p->slots = p->tasks;
  if (work <= ALONE_WORK && p->slots > 1) p->slots = 1;
  bytes = (uint64_t)(p->slots * p->scratch) * sizeof(float);
  if (*workspace < bytes) *workspace = bytes;
}

static void plan_grid(conv_t *s, uint64_t *workspace) {
  pass_t *p = &s->pass;
  p->tile = tile_of(s, s->depth);
  p->scratch = s->w.plain && !s->w.last ? 0 : s->depth * p->tile;
  p->tasks = s->w.n * s->w.groups * frt_cpu_div_up(s->w.cells, p->tile);
  plan_slots(s, p, workspace);
}

static void plan_image(conv_t *s, uint64_t *workspace) {
  pass_t *p = &s->pass;
  const int64_t outer = s->w.n * s->w.groups;
  plan_blocks(s, p, outer ? frt_cpu_div_up(PARTS, outer) : 1);
  if (s->w.plain && !s->w.last) p->scratch = 0;
  p->tasks = outer * p->blocks;
  plan_slots(s, p, workspace);
}

static void plan_filter(conv_t *s, uint64_t *workspace) {
  pass_t *p = &s->filter;
  uint64_t bytes = 0;
  plan_blocks(s, p, PARTS);
  if (s->w.plain && !s->w.last) p->scratch = 0;
  p->chunks = frt_cpu_div_up(PARTS, s->w.groups * p->blocks);
  if (p->chunks > s->w.n) p->chunks = s->w.n ? s->w.n : 1;
  p->tasks = s->w.groups * p->blocks * p->chunks;
  plan_slots(s, p, &bytes);
  bytes += (uint64_t)((p->chunks - 1) * s->w.m * s->depth) * sizeof(float);
  if (*workspace < bytes) *workspace = bytes;
}

static frt_status_t make(conv_t *s, const frt_op_t *op, const frt_cpu_window_attrs_t *at,
                         const frt_api_tensor_t *image, const frt_api_tensor_t *grid,
                         const frt_api_tensor_t *padded, const frt_api_tensor_t *filter,
                         frt_error_t *err) {
  frt_cpu_window_t *w = &s->w;
  frt_cpu_window_make(w, op, at, image, grid, padded, filter->dims + 2);
  s->per = w->c / w->groups;
  s->out_per = w->m / w->groups;
  s->depth = s->per * w->taps;
  if (w->cells <= INT32_MAX && w->pixels <= INT32_MAX && s->depth <= INT32_MAX) return FRT_OK;
  return frt_fail(err, FRT_INVALID_ARGUMENT,
                  "a convolution of %lld pixels, %lld outputs a channel and %lld products each: "
                  "one exceeds %d", (long long)w->pixels, (long long)w->cells,
                  (long long)s->depth, INT32_MAX);
}

/* ---- passes, for the ops ------------------------------------------------------------------------ */

static void into_grid(const conv_t *s, const frt_run_t *r, const float *image,
                      const float *filter, float *grid) {
  call_t c = {s, &s->pass, r, image, filter, grid, NULL, grid_task};
  run_pass(&c);
}

static void into_image(const conv_t *s, const frt_run_t *r, const float *grid,
                       const float *filter, float *image) {
  call_t c = {s, &s->pass, r, grid, filter, image, NULL, image_task};
  run_pass(&c);
}

static void into_filter(const conv_t *s, const frt_run_t *r, const float *grid,
                        const float *image, float *filter) {
  call_t c = {s, &s->filter, r, grid, image, filter, NULL, filter_task};
  const int64_t n = s->w.m * s->depth;
  if (!s->w.n) {
    memset(filter, 0, (size_t)n * sizeof *filter);
    return;
  }
  if (s->filter.chunks > 1)
    c.partial = (float *)r->workspace + s->filter.slots * s->filter.scratch;
  run_pass(&c);
  frt_cpu_for(r, n, FRT_CPU_GRAIN, add_chunks, &c);
}

/* ---- conv2d, depthwise_conv2d: one order of slots and attributes --------------------------------- */

static const frt_cpu_window_attrs_t CONV = {
    FRT_CONV2D_ATTR_STRIDES, FRT_CONV2D_ATTR_PADDINGS, FRT_CONV2D_ATTR_DILATIONS,
    FRT_CONV2D_ATTR_GROUPS, FRT_CONV2D_ATTR_PADDING_ALGORITHM, FRT_CONV2D_ATTR_DATA_FORMAT};

static frt_status_t conv_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  conv_t *s = (conv_t *)state;
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_IN_INPUT);
  FRT_TRY(make(s, op, &CONV, in, frt_out(op, FRT_CONV2D_OUT_OUTPUT), in,
               frt_in(op, FRT_CONV2D_IN_FILTER), err));
  plan_grid(s, workspace);
  return FRT_OK;
}

static frt_status_t conv_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  into_grid((const conv_t *)state, r, frt_in_f32(r, FRT_CONV2D_IN_INPUT),
            frt_in_f32(r, FRT_CONV2D_IN_FILTER), frt_out_f32(r, FRT_CONV2D_OUT_OUTPUT));
  return FRT_OK;
}

static frt_status_t conv_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  conv_t *s = (conv_t *)state;
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_GRAD_IN_INPUT);
  FRT_TRY(make(s, op, &CONV, in, frt_in(op, FRT_CONV2D_GRAD_IN_OUTPUT_GRAD), in,
               frt_in(op, FRT_CONV2D_GRAD_IN_FILTER), err));
  if (frt_has_out(op, FRT_CONV2D_GRAD_OUT_INPUT_GRAD)) plan_image(s, workspace);
  if (frt_has_out(op, FRT_CONV2D_GRAD_OUT_FILTER_GRAD)) plan_filter(s, workspace);
  return FRT_OK;
}

static frt_status_t conv_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const conv_t *s = (const conv_t *)state;
  const float *g = frt_in_f32(r, FRT_CONV2D_GRAD_IN_OUTPUT_GRAD);
  (void)err;
  if (frt_has_out(r, FRT_CONV2D_GRAD_OUT_INPUT_GRAD))
    into_image(s, r, g, frt_in_f32(r, FRT_CONV2D_GRAD_IN_FILTER),
               frt_out_f32(r, FRT_CONV2D_GRAD_OUT_INPUT_GRAD));
  if (frt_has_out(r, FRT_CONV2D_GRAD_OUT_FILTER_GRAD))
    into_filter(s, r, g, frt_in_f32(r, FRT_CONV2D_GRAD_IN_INPUT),
                frt_out_f32(r, FRT_CONV2D_GRAD_OUT_FILTER_GRAD));
  return FRT_OK;
}

/* ---- conv2d_transpose: its Input is the grid, its Output the image -------------------------------- */

static const frt_cpu_window_attrs_t TURNED = {
    FRT_CONV2D_TRANSPOSE_ATTR_STRIDES, FRT_CONV2D_TRANSPOSE_ATTR_PADDINGS,
    FRT_CONV2D_TRANSPOSE_ATTR_DILATIONS, FRT_CONV2D_TRANSPOSE_ATTR_GROUPS,
    FRT_CONV2D_TRANSPOSE_ATTR_PADDING_ALGORITHM, FRT_CONV2D_TRANSPOSE_ATTR_DATA_FORMAT};

static frt_status_t turned_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  conv_t *s = (conv_t *)state;
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_TRANSPOSE_IN_INPUT);
  FRT_TRY(make(s, op, &TURNED, frt_out(op, FRT_CONV2D_TRANSPOSE_OUT_OUTPUT), in, in,
               frt_in(op, FRT_CONV2D_TRANSPOSE_IN_FILTER), err));
  plan_image(s, workspace);
  return FRT_OK;
}

static frt_status_t turned_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  into_image((const conv_t *)state, r, frt_in_f32(r, FRT_CONV2D_TRANSPOSE_IN_INPUT),
             frt_in_f32(r, FRT_CONV2D_TRANSPOSE_IN_FILTER),
             frt_out_f32(r, FRT_CONV2D_TRANSPOSE_OUT_OUTPUT));
  return FRT_OK;
}

static frt_status_t turned_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                        frt_error_t *err) {
  conv_t *s = (conv_t *)state;
  const frt_api_tensor_t *in = frt_in(op, FRT_CONV2D_TRANSPOSE_GRAD_IN_INPUT);
  FRT_TRY(make(s, op, &TURNED, frt_in(op, FRT_CONV2D_TRANSPOSE_GRAD_IN_OUTPUT_GRAD), in, in,
               frt_in(op, FRT_CONV2D_TRANSPOSE_GRAD_IN_FILTER), err));
  if (frt_has_out(op, FRT_CONV2D_TRANSPOSE_GRAD_OUT_INPUT_GRAD)) plan_grid(s, workspace);
  if (frt_has_out(op, FRT_CONV2D_TRANSPOSE_GRAD_OUT_FILTER_GRAD)) plan_filter(s, workspace);
  return FRT_OK;
}

static frt_status_t turned_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const conv_t *s = (const conv_t *)state;
  const float *g = frt_in_f32(r, FRT_CONV2D_TRANSPOSE_GRAD_IN_OUTPUT_GRAD);
  (void)err;
  if (frt_has_out(r, FRT_CONV2D_TRANSPOSE_GRAD_OUT_INPUT_GRAD))
    into_grid(s, r, g, frt_in_f32(r, FRT_CONV2D_TRANSPOSE_GRAD_IN_FILTER),
              frt_out_f32(r, FRT_CONV2D_TRANSPOSE_GRAD_OUT_INPUT_GRAD));
  if (frt_has_out(r, FRT_CONV2D_TRANSPOSE_GRAD_OUT_FILTER_GRAD))
    into_filter(s, r, frt_in_f32(r, FRT_CONV2D_TRANSPOSE_GRAD_IN_INPUT), g,
                frt_out_f32(r, FRT_CONV2D_TRANSPOSE_GRAD_OUT_FILTER_GRAD));
  return FRT_OK;
}

#define ROW(name, stem)                                                                    \
  {name, FRT_F32S, sizeof(conv_t), stem##_prepare, stem##_run, FRT_KERNEL_DETERMINISTIC, \
   NULL}
FRT_KERNELS(cpu, conv) = {ROW("conv2d", conv), ROW("conv2d_grad", conv_grad),
                          ROW("depthwise_conv2d", conv),
                          ROW("depthwise_conv2d_grad", conv_grad),
                          ROW("conv2d_transpose", turned),
                          ROW("conv2d_transpose_grad", turned_grad), FRT_KERNELS_END};
