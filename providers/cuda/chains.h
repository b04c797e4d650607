/* Gradients that add rows at ids: positions of one id form a chain, in order; the first of a
 * chain adds it up. No atomics, so one order. */
#ifndef FRT_CUDA_CHAINS_H
#define FRT_CUDA_CHAINS_H

#include "check.h"

/* links[i]: the next position with the id of position i, or -1; links[n + i]: is i first? */
static inline uint64_t frt_gpu_chains_bytes(int64_t n) { return 16 * (uint64_t)n; }

static inline frt_status_t frt_gpu_chains(const frt_run_t *r, const frt_api_tensor_t *t,
                                          int64_t *links, frt_error_t *err) {
  const int wide = frt_gpu_wide(t);
  const void *ids = t->data;
  const int64_t n = t->numel;
  return frt_gpu_each(
      r, n,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t id = frt_gpu_int(ids, wide, i);
        int64_t next = i + 1, before = i - 1;
        FRT_GPU_ROLLED
        while (next < n && frt_gpu_int(ids, wide, next) != id) ++next;
        FRT_GPU_ROLLED
        while (before >= 0 && frt_gpu_int(ids, wide, before) != id) --before;
        links[i] = next < n ? next : -1;
        links[n + i] = before < 0;
      },
      err, FRT_GPU_STOP(r));
}

/* to[id] = the sum of g's rows with that id, or the last of them; `padding` is left out. */
static inline frt_status_t frt_gpu_chains_add(const frt_run_t *r, const frt_api_tensor_t *t,
                                              const int64_t *links, const void *g, void *to,
                                              int wide, int64_t width, int64_t padding,
                                              int replaces, frt_error_t *err) {
  const int wide_ids = frt_gpu_wide(t);
  const void *ids = t->data;
  const int64_t n = t->numel;
  return frt_gpu_each(
      r, n * width,
      [=] FRT_GPU_FN(int64_t e) {
        const int64_t i = e / width, c = e % width, id = frt_gpu_int(ids, wide_ids, i);
        double v = 0.0;
        if (!links[n + i] || id == padding) return;
        FRT_GPU_ROLLED
        for (int64_t k = i; k >= 0; k = links[k]) {
          const double more = frt_gpu_real(g, wide, k * width + c);
          v = replaces ? more : v + more;
        }
        frt_gpu_put(to, wide, id * width + c, v);
      },
      err, FRT_GPU_STOP(r));
}

#endif
