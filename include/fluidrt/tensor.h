/* Dense row-major host tensors. Reference-counted (atomic); the contents are not
 * locked: who shares a tensor between threads orders the accesses. */
#ifndef FLUIDRT_TENSOR_H
#define FLUIDRT_TENSOR_H

#include "fluidrt/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers equal VarType.Type of Fluid's framework.proto, so a dtype is a bit. */
typedef enum frt_dtype {
  FRT_BOOL = 0, FRT_I16 = 1, FRT_I32 = 2, FRT_I64 = 3, FRT_F16 = 4,
  FRT_F32 = 5, FRT_F64 = 6, FRT_U8 = 20, FRT_I8 = 21, FRT_BF16 = 22
} frt_dtype_t;

#define FRT_DTYPE_BIT(dtype) (1u << (unsigned)(dtype))
#define FRT_BOOLS FRT_DTYPE_BIT(FRT_BOOL)
#define FRT_F32S FRT_DTYPE_BIT(FRT_F32)
#define FRT_I64S FRT_DTYPE_BIT(FRT_I64)
#define FRT_FLOATS (FRT_F32S | FRT_DTYPE_BIT(FRT_F64))
#define FRT_INTS (FRT_DTYPE_BIT(FRT_I32) | FRT_I64S)
#define FRT_NUMBERS (FRT_FLOATS | FRT_INTS)
#define FRT_ANY_DTYPE                                                        \
  (FRT_NUMBERS | FRT_BOOLS | FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_F16) | \
   FRT_DTYPE_BIT(FRT_U8) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_BF16))

#define FRT_MAX_RANK 9

/* Bytes of one element, 0 for a number that is no dtype. Inline: providers too. */
static inline size_t frt_dtype_size(uint32_t dtype) {
  switch (dtype) {
    case FRT_BOOL: case FRT_U8: case FRT_I8: return 1;
    case FRT_I16: case FRT_F16: case FRT_BF16: return 2;
    case FRT_I32: case FRT_F32: return 4;
    case FRT_I64: case FRT_F64: return 8;
    default: return 0;
  }
}

/* "float32", numpy's and Paddle's name; "?" for a number that is no dtype. */
static inline const char *frt_dtype_name(uint32_t dtype) {
  switch (dtype) {
    case FRT_BOOL: return "bool";
    case FRT_I16: return "int16";
    case FRT_I32: return "int32";
    case FRT_I64: return "int64";
    case FRT_F16: return "float16";
    case FRT_F32: return "float32";
    case FRT_F64: return "float64";
    case FRT_U8: return "uint8";
    case FRT_I8: return "int8";
    case FRT_BF16: return "bfloat16";
    default: return "?";
  }
}

typedef struct frt_tensor frt_tensor_t;

/* A new tensor of zeros, 64-byte aligned. dims: `rank` extents >= 0, rank 0..9.
 * Errors: INVALID_ARGUMENT dtype, rank, extent or a size that overflows;
 *   RESOURCE_EXHAUSTED memory. */
FRT_API frt_status_t frt_tensor_create(frt_dtype_t dtype, uint32_t rank,
    const int64_t *dims, frt_tensor_t **out, frt_error_t *err);

/* A tensor over the caller's memory: `bytes` must cover the shape, `data` lives
 * until the last release. Nothing is copied. Errors: as frt_tensor_create. */
FRT_API frt_status_t frt_tensor_wrap(frt_dtype_t dtype, uint32_t rank,
    const int64_t *dims, void *data, size_t bytes, frt_tensor_t **out,
    frt_error_t *err);

FRT_API frt_tensor_t *frt_tensor_retain(frt_tensor_t *t);
FRT_API void frt_tensor_release(frt_tensor_t *t);

FRT_API frt_dtype_t frt_tensor_dtype(const frt_tensor_t *t);
FRT_API uint32_t frt_tensor_rank(const frt_tensor_t *t);
FRT_API const int64_t *frt_tensor_dims(const frt_tensor_t *t);
FRT_API int64_t frt_tensor_numel(const frt_tensor_t *t);
FRT_API size_t frt_tensor_bytes(const frt_tensor_t *t);
/* The elements; NULL only for a tensor of zero elements that wraps NULL. */
FRT_API void *frt_tensor_data(const frt_tensor_t *t);

#ifdef __cplusplus
}
#endif
#endif
