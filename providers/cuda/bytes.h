/* Kernels that move elements of any dtype: by their size. */
#ifndef FRT_CUDA_BYTES_H
#define FRT_CUDA_BYTES_H

#include "gpu.h"

/* CALL(T) with an unsigned type of `size` bytes. */
#define FRT_GPU_BY_SIZE(size, CALL)       \
  do switch (size) {                      \
      case 1: return CALL(uint8_t);       \
      case 2: return CALL(uint16_t);      \
      case 4: return CALL(uint32_t);      \
      default: return CALL(uint64_t);     \
    } while (0)

/* to[into(i)] = from[out_of(i)] for i in [0, n). */
template <class T>
static frt_status_t frt_gpu_move_as(const frt_run_t *r, int64_t n, const frt_gpu_walk_t &into,
                                    const frt_gpu_walk_t &out_of, void *to, const void *from,
                                    frt_error_t *err) {
  const frt_gpu_walk_t a = into, b = out_of;
  return frt_gpu_each(
      r, n,
      [=] FRT_GPU_FN(int64_t i) {
        ((T *)to)[frt_gpu_at(a, i)] = ((const T *)from)[frt_gpu_at(b, i)];
      },
      err);
}
static inline frt_status_t frt_gpu_move(const frt_run_t *r, int64_t n,
                                        const frt_gpu_walk_t &into,
                                        const frt_gpu_walk_t &out_of, void *to,
                                        const void *from, size_t size, frt_error_t *err) {
#define FRT_GPU_MOVE_(T) frt_gpu_move_as<T>(r, n, into, out_of, to, from, err)
  FRT_GPU_BY_SIZE(size, FRT_GPU_MOVE_);
#undef FRT_GPU_MOVE_
}

static inline frt_status_t frt_gpu_clear(const frt_run_t *r, const frt_api_tensor_t *t,
                                         frt_error_t *err) {
  if (t->bytes == 0) return FRT_OK;
  return frt_gpu_result(cudaMemsetAsync(t->data, 0, (size_t)t->bytes, FRT_GPU_QUEUE(r)->stream),
                        "clearing a tensor", err);
}
static inline frt_status_t frt_gpu_copy_all(const frt_run_t *r, const frt_api_tensor_t *to,
                                            const frt_api_tensor_t *from, frt_error_t *err) {
  if (to->bytes == 0 || to->data == from->data) return FRT_OK;
  return frt_gpu_result(cudaMemcpyAsync(to->data, from->data, (size_t)to->bytes,
                                        cudaMemcpyDeviceToDevice, FRT_GPU_QUEUE(r)->stream),
                        "copying a tensor", err);
}

#endif
