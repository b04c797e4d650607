/* Dense host tensors: one header, elements of their own or of the caller. */
#include "fluidrt/tensor.h"

#include <stdatomic.h>
#include <string.h>

#include "base/base.h"

enum { ALIGN = 64 }; /* a cache line, and the widest vector */

struct frt_tensor {
  _Atomic uint32_t refs;
  uint32_t dtype, rank;
  bool owned;
  int64_t dims[FRT_MAX_RANK];
  int64_t numel;
  size_t bytes;
  void *data;
};

static frt_status_t bad(frt_error_t *err, const char *what, uint32_t rank,
                        const int64_t *dims) {
  char text[160];
  return frt_fail(err, FRT_INVALID_ARGUMENT, "tensor %s: %s", what,
                  frti_dims_text(text, sizeof text, rank, dims));
}

static frt_status_t make(frt_dtype_t dtype, uint32_t rank, const int64_t *dims,
                         frt_tensor_t **out, frt_error_t *err) {
  size_t elem = frt_dtype_size((uint32_t)dtype), bytes;
  int64_t numel;
  frt_tensor_t *t;
  *out = NULL;
  if (!elem)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "%d is no dtype", (int)dtype);
  if (rank > FRT_MAX_RANK)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "tensor rank %u, at most %d", rank,
                    FRT_MAX_RANK);
  for (uint32_t i = 0; i < rank; ++i)
    if (dims[i] < 0) return bad(err, "with a negative extent", rank, dims);
  if (!frti_numel(rank, dims, &numel) || !frti_mul_size((size_t)numel, elem, &bytes) ||
      bytes > PTRDIFF_MAX - ALIGN)
    return bad(err, "size overflows", rank, dims);
  t = frti_calloc(1, sizeof *t);
  if (!t) return frti_no_memory(err);
  atomic_init(&t->refs, 1);
  t->dtype = (uint32_t)dtype;
  t->rank = rank;
  if (rank) memcpy(t->dims, dims, rank * sizeof *dims);
  t->numel = numel;
  t->bytes = bytes;
  *out = t;
  return FRT_OK;
}

frt_status_t frt_tensor_create(frt_dtype_t dtype, uint32_t rank, const int64_t *dims,
                               frt_tensor_t **out, frt_error_t *err) {
  frt_tensor_t *t;
  size_t padded;
  *out = NULL;
  FRT_TRY(make(dtype, rank, dims, &t, err));
  padded = (FRTI_MAX(t->bytes, 1u) + ALIGN - 1) / ALIGN * ALIGN;
  t->data = frti_alloc_aligned(padded, ALIGN);
  if (!t->data) {
    size_t bytes = t->bytes;
    frti_free(t);
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory: tensor of %zu bytes",
                    bytes);
  }
  memset(t->data, 0, padded);
  t->owned = true;
  *out = t;
  return FRT_OK;
}

frt_status_t frt_tensor_wrap(frt_dtype_t dtype, uint32_t rank, const int64_t *dims,
                             void *data, size_t bytes, frt_tensor_t **out,
                             frt_error_t *err) {
  frt_tensor_t *t;
  const char *why = NULL;
  *out = NULL;
  FRT_TRY(make(dtype, rank, dims, &t, err));
  if (bytes < t->bytes) why = "needs more bytes than are given";
  else if (!data && t->bytes) why = "has no data";
  else if ((uintptr_t)data % frt_dtype_size(t->dtype)) why = "data is misaligned";
  if (why) {
    frti_free(t);
    return bad(err, why, rank, dims);
  }
  t->data = data;
  *out = t;
  return FRT_OK;
}

frt_tensor_t *frt_tensor_retain(frt_tensor_t *t) {
  if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
  return t;
}

void frt_tensor_release(frt_tensor_t *t) {
  if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
  if (t->owned) frti_free(t->data);
  frti_free(t);
}

frt_dtype_t frt_tensor_dtype(const frt_tensor_t *t) { return (frt_dtype_t)t->dtype; }
uint32_t frt_tensor_rank(const frt_tensor_t *t) { return t->rank; }
const int64_t *frt_tensor_dims(const frt_tensor_t *t) { return t->dims; }
int64_t frt_tensor_numel(const frt_tensor_t *t) { return t->numel; }
size_t frt_tensor_bytes(const frt_tensor_t *t) { return t->bytes; }
void *frt_tensor_data(const frt_tensor_t *t) { return t->data; }
