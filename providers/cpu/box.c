#include "box.h"

#include "loop.h"
#undef A
#undef B

enum { TILE = 16 };

void frt_cpu_box_make(frt_cpu_box_t *b, size_t size, uint32_t rank, const int64_t *n,
                      const int64_t *from, const int64_t *to) {
  int at = 0;
  b->size = (int32_t)size;
  b->numel = 1;
  for (uint32_t d = 0; d < rank; ++d) {
    b->numel *= n[d];
    if (n[d] == 1) continue;
    if (at && b->from[at - 1] == from[d] * n[d] && b->to[at - 1] == to[d] * n[d]) {
      b->n[at - 1] *= n[d];
    } else {
      b->n[at++] = n[d];
    }
    b->from[at - 1] = from[d];
    b->to[at - 1] = to[d];
  }
  if (!at) {
    b->n[0] = b->from[0] = b->to[0] = 1;
    at = 1;
  }
  b->rank = at;
  b->turned = 0;
  /* The loop that is dense in the source comes next to the one dense in the target. */
  for (int d = 0; at > 1 && b->from[at - 1] > 1 && b->to[at - 1] == 1 && d < at - 1; ++d) {
    if (b->from[d] != 1) continue;
    const int64_t nd = b->n[d], to_d = b->to[d];
    for (int k = d; k < at - 2; ++k) {
      b->n[k] = b->n[k + 1];
      b->from[k] = b->from[k + 1];
      b->to[k] = b->to[k + 1];
    }
    b->n[at - 2] = nd;
    b->from[at - 2] = 1;
    b->to[at - 2] = to_d;
    b->turned = 1;
    break;
  }
  b->rows = b->n[at - 1] ? b->numel / b->n[at - 1] : 0;
}

typedef struct {
  const frt_cpu_box_t *b;
  const char *from;
  char *to;
} box_call_t;

/* Offsets of index `row` of the loops before `loops`. */
static void locate(const frt_cpu_box_t *b, int loops, int64_t row, int64_t *from,
                   int64_t *to) {
  *from = *to = 0;
  for (int d = loops - 1; d >= 0; --d) {
    const int64_t i = row % b->n[d];
    row /= b->n[d];
    *from += i * b->from[d];
    *to += i * b->to[d];
  }
}

#define STRIDED(T, bits)                                                            \
  static void strided_##bits(T *to, int64_t ts, const T *from, int64_t fs, int64_t n) { \
    if (fs == 0 && ts == 1) {                                                       \
      const T v = *from;                                                            \
      for (int64_t i = 0; i < n; ++i) to[i] = v;                                    \
      return;                                                                       \
    }                                                                               \
    for (int64_t i = 0; i < n; ++i) to[i * ts] = from[i * fs];                      \
  }                                                                                 \
  /* Tiles of TILE elements that are dense in the source. */                        \
  static void turn_##bits(T *to, int64_t ts, const T *from, int64_t fs, int64_t n,  \
                          int64_t w) {                                              \
    if (w == TILE)                                                                  \
      for (int64_t i = 0; i < n; ++i)                                               \
        for (int64_t j = 0; j < TILE; ++j) to[j * ts + i] = from[i * fs + j];       \
    else                                                                            \
      for (int64_t i = 0; i < n; ++i)                                               \
        for (int64_t j = 0; j < w; ++j) to[j * ts + i] = from[i * fs + j];          \
  }
STRIDED(uint8_t, 8)
STRIDED(uint16_t, 16)
STRIDED(uint32_t, 32)
STRIDED(uint64_t, 64)

static void one_row(const frt_cpu_box_t *b, char *to, const char *from, int64_t n) {
  const int64_t fs = b->from[b->rank - 1], ts = b->to[b->rank - 1];
  if (fs == 1 && ts == 1 && n * b->size > 16) {
    memcpy(to, from, (size_t)(n * b->size));
    return;
  }
  switch (b->size) {
    case 1: strided_8((uint8_t *)to, ts, (const uint8_t *)from, fs, n); return;
    case 2: strided_16((uint16_t *)(void *)to, ts, (const uint16_t *)(const void *)from, fs,
                       n); return;
    case 4: strided_32((uint32_t *)(void *)to, ts, (const uint32_t *)(const void *)from, fs,
                       n); return;
    default: strided_64((uint64_t *)(void *)to, ts, (const uint64_t *)(const void *)from, fs,
                        n);
  }
}

static void box_rows(void *arg, int64_t lo, int64_t hi) {
  const box_call_t *c = (const box_call_t *)arg;
  const frt_cpu_box_t *b = c->b;
  for (int64_t row = lo; row < hi; ++row) {
    int64_t from, to;
    locate(b, b->rank - 1, row, &from, &to);
    one_row(b, c->to + to * b->size, c->from + from * b->size, b->n[b->rank - 1]);
  }
}

/* Pieces of the only row. */
static void box_flat(void *arg, int64_t lo, int64_t hi) {
  const box_call_t *c = (const box_call_t *)arg;
  const frt_cpu_box_t *b = c->b;
  one_row(b, c->to + lo * b->to[0] * b->size, c->from + lo * b->from[0] * b->size, hi - lo);
}

/* Pieces are (outer loops) x (tiles of the last but one). */
static void box_tiles(void *arg, int64_t lo, int64_t hi) {
  const box_call_t *c = (const box_call_t *)arg;
  const frt_cpu_box_t *b = c->b;
  const int at = b->rank - 2;
  const int64_t tiles = frt_cpu_div_up(b->n[at], TILE), n = b->n[at + 1];
  const int64_t fs = b->from[at + 1], ts = b->to[at];
  for (int64_t p = lo; p < hi; ++p) {
    const int64_t first = p % tiles * TILE;
    const int64_t w = b->n[at] - first < TILE ? b->n[at] - first : TILE;
    int64_t from, to;
    locate(b, at, p / tiles, &from, &to);
    const char *f = c->from + (from + first) * b->size;
    char *t = c->to + (to + first * ts) * b->size;
    switch (b->size) {
      case 1: turn_8((uint8_t *)t, ts, (const uint8_t *)f, fs, n, w); break;
      case 2: turn_16((uint16_t *)(void *)t, ts, (const uint16_t *)(const void *)f, fs, n, w);
        break;
      case 4: turn_32((uint32_t *)(void *)t, ts, (const uint32_t *)(const void *)f, fs, n, w);
        break;
      default: turn_64((uint64_t *)(void *)t, ts, (const uint64_t *)(const void *)f, fs, n, w);
    }
  }
}

void frt_cpu_box_run(const frt_cpu_box_t *b, const frt_run_t *r, const void *from,
                     void *to) {
  box_call_t c = {b, (const char *)from, (char *)to};
  const int64_t inner = b->n[b->rank - 1];
  if (!b->numel) return;
  if (b->turned) {
    const int64_t rows = b->n[b->rank - 2], tiles = frt_cpu_div_up(rows, TILE);
    frt_cpu_for(r, b->rows / rows * tiles, frt_cpu_div_up(FRT_CPU_GRAIN, TILE * inner),
                box_tiles, &c);
  } else if (b->rank == 1) {
    frt_cpu_for(r, inner, FRT_CPU_GRAIN, box_flat, &c);
  } else {
    frt_cpu_for(r, b->rows, frt_cpu_div_up(FRT_CPU_GRAIN, inner), box_rows, &c);
  }
}
