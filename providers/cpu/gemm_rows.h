/* C = A B for few rows of A, without packing B. Included once per instruction set
 * with VEC (vector type), WIDTH, MADD(a, b, c), ATTR and NAME(stem) defined.
 *
 * Every element of C is the same chain c = madd(a[k], b[k], c) over rising k,
 * wherever it lies, so tiles and tails need not agree on anything. */

/* A tile of `rows` x (`vecs` * WIDTH), k in [k0, k1); C is read unless k0 is 0. */
FRT_CPU_BODY ATTR void NAME(tile)(const frt_cpu_rows_t *g, int rows, int vecs, int64_t m,
                                  int64_t j, int64_t k0, int64_t k1) {
  VEC acc[4][8];
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < vecs; ++v)
      acc[i][v] = k0 ? NAME(load)(g->c + (m + i) * g->n + j + v * WIDTH) : (VEC){0};
  for (int64_t k = k0; k < k1; ++k) {
    VEC b[8];
    for (int v = 0; v < vecs; ++v) b[v] = NAME(load)(g->b + k * g->n + j + v * WIDTH);
    for (int i = 0; i < rows; ++i) {
      const VEC a = NAME(splat)(g->a[(m + i) * g->k + k]);
      for (int v = 0; v < vecs; ++v) acc[i][v] = MADD(a, b[v], acc[i][v]);
    }
  }
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < vecs; ++v)
      NAME(store)(g->c + (m + i) * g->n + j + v * WIDTH, acc[i][v]);
}

FRT_CPU_BODY ATTR void NAME(rows)(const frt_cpu_rows_t *g, int vecs, int64_t j, int64_t k0,
                                  int64_t k1) {
  int64_t m = 0;
  if (vecs <= 2) /* more would not fit the registers */
    for (; m + 4 <= g->m; m += 4) NAME(tile)(g, 4, vecs, m, j, k0, k1);
  for (; m + 2 <= g->m; m += 2) NAME(tile)(g, 2, vecs, m, j, k0, k1);
  for (; m < g->m; ++m) NAME(tile)(g, 1, vecs, m, j, k0, k1);
}

/* Columns [lo, hi) that no vector fits. */
ATTR static void NAME(rest)(const frt_cpu_rows_t *g, int64_t lo, int64_t hi, int64_t k0,
                            int64_t k1) {
  for (int64_t m = 0; m < g->m; ++m) {
    float acc[WIDTH];
    for (int64_t j = lo; j < hi; ++j) acc[j - lo] = k0 ? g->c[m * g->n + j] : 0.0f;
    for (int64_t k = k0; k < k1; ++k) {
      const float a = g->a[m * g->k + k];
      for (int64_t j = lo; j < hi; ++j)
        acc[j - lo] = SCALAR_MADD(a, g->b[k * g->n + j], acc[j - lo]);
    }
    for (int64_t j = lo; j < hi; ++j) g->c[m * g->n + j] = acc[j - lo];
  }
}

/* One row of A: eight rows of B stream by while C stays in the first cache. */
ATTR static void NAME(one_row)(const frt_cpu_rows_t *g, int64_t lo, int64_t hi, int64_t k0,
                               int64_t k1) {
  const int64_t n = g->n;
  for (int64_t k = k0; k < k1; k += 8) {
    const int64_t left = k1 - k < 8 ? k1 - k : 8;
    const float *a = g->a + k, *b = g->b + k * n;
    int64_t j = lo;
    if (left == 8)
      for (; j + WIDTH <= hi; j += WIDTH) {
        VEC acc = k ? NAME(load)(g->c + j) : (VEC){0};
        for (int i = 0; i < 8; ++i)
          acc = MADD(NAME(splat)(a[i]), NAME(load)(b + i * n + j), acc);
        NAME(store)(g->c + j, acc);
      }
    for (; j < hi; ++j) {
      float acc = k ? g->c[j] : 0.0f;
      for (int64_t i = 0; i < left; ++i) acc = SCALAR_MADD(a[i], b[i * n + j], acc);
      g->c[j] = acc;
    }
  }
}

/* Columns [lo, hi) of C. */
ATTR static void NAME(few_rows)(const frt_cpu_rows_t *g, int64_t lo, int64_t hi) {
  enum { DEEP = 256 }; /* rows of B whose panel stays in the first cache */
  for (int64_t k0 = 0; k0 < g->k; k0 += DEEP) {
    const int64_t k1 = g->k - k0 < DEEP ? g->k : k0 + DEEP;
    int64_t j = lo;
    if (g->m == 1) {
      NAME(one_row)(g, lo, hi, k0, k1);
      continue;
    }
    if (g->m <= 2)
      for (; j + 4 * WIDTH <= hi; j += 4 * WIDTH) NAME(rows)(g, 4, j, k0, k1);
    for (; j + 2 * WIDTH <= hi; j += 2 * WIDTH) NAME(rows)(g, 2, j, k0, k1);
    for (; j + WIDTH <= hi; j += WIDTH) NAME(rows)(g, 1, j, k0, k1);
    if (j < hi) NAME(rest)(g, j, hi, k0, k1);
  }
}

#undef VEC
#undef WIDTH
#undef MADD
#undef SCALAR_MADD
#undef ATTR
#undef NAME
