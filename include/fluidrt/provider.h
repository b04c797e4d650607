/* The provider ABI: all that an execution provider implements, and all that it is
 * given. Plain C11 data and function pointers; a provider imports no symbol of
 * libfluidrt. `kernel.h` turns a table of kernels into most of this.
 *
 * Versioning: the major is part of the entry symbol's name. Within a major
 * structs only grow at the end; every struct that may grow starts with the bytes
 * its sender filled, and FRT_HAS is the only legal test for a later field. Slot,
 * attribute and copy structs are frozen.
 * Ownership: what is inside an op or a run lives for the call; a provider copies
 * what it keeps. Who allocates frees, through the same table.
 * Threads: provider-level calls and op_query from any thread at once; device calls
 * too, unless the device says SINGLE_THREAD; one queue by one thread at a time;
 * op_run with one prepared kernel on several queues at once.
 * A provider never prints, exits, aborts, or changes the floating-point
 * environment, signal handlers, locale or process environment, and no exception or
 * longjmp leaves it. A library that cannot be closed is linked with -z nodelete. */
#ifndef FLUIDRT_PROVIDER_H
#define FLUIDRT_PROVIDER_H

#include "fluidrt/status.h"
#include "fluidrt/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FRT_ABI_MAJOR 1u
#define FRT_ABI_MINOR 0u
#define FRT_HAS(p, T, field) \
  ((p)->size >= offsetof(T, field) + sizeof(((T *)0)->field))

/* ---- what an op looks like ---------------------------------------------- */

/* data: NULL during query and prepare, and always for SHAPE_ONLY slots. */
typedef struct frt_api_tensor {
  uint32_t size, dtype, rank, flags; /* flags: FRT_TENSOR_* */
  void *data;
  const int64_t *dims;    /* -1 = unknown, only in op_query */
  const int64_t *strides; /* reserved: NULL = dense, row-major */
  int64_t numel;          /* -1 = unknown */
  uint64_t bytes;
} frt_api_tensor_t;
enum { FRT_TENSOR_PERSISTABLE = 1, FRT_TENSOR_FED = 2 };

/* One slot of an op, in the order of the op's schema; absent: count 0. Frozen. */
typedef struct frt_api_slot {
  const char *name;
  uint32_t count, reserved;
  const frt_api_tensor_t *const *t;
} frt_api_slot_t;

/* One attribute, in the order of the op's schema, defaults filled in. Numbers
 * travel as int64 or as the double that holds the fp32 value. Frozen. */
enum { FRT_ATTR_INT = 0, FRT_ATTR_F32 = 1, FRT_ATTR_STRING = 2, FRT_ATTR_INTS = 3,
       FRT_ATTR_F32S = 4, FRT_ATTR_STRINGS = 5, FRT_ATTR_BOOL = 6,
       FRT_ATTR_BLOCK = 8 };
typedef struct frt_api_attr {
  const char *name;
  uint32_t type, count; /* count: elements of a list; 1 for scalars */
  union {
    int64_t i; /* INT, BOOL, BLOCK */
    double f;
    const char *s;
    const int64_t *is;
    const double *fs;
    const char *const *ss;
  } v;
} frt_api_attr_t;

struct frt_api_host;

typedef struct frt_api_op {
  uint32_t size, version;
  const char *type;
  int32_t block, index; /* in the loaded program */
  const frt_api_slot_t *in, *out;
  uint32_t n_in, n_out;
  const frt_api_attr_t *attrs;
  uint32_t n_attrs, flags;
  const struct frt_api_host *host;
} frt_api_op_t;

/* ---- may this op run here? ---------------------------------------------- */

#define FRT_REASON_MAP(X)                                                       \
  X(NONE, 0, "") X(NO_KERNEL, 1, "no kernel") X(DTYPE, 2, "dtype")              \
  X(RANK, 3, "rank") X(SHAPE, 4, "shape") X(DYNAMIC_SHAPE, 5, "dynamic shape")  \
  X(ATTR, 6, "attribute") X(LAYOUT, 7, "layout") X(ALIAS, 8, "alias")           \
  X(MEMORY, 9, "memory") X(DEVICE_FEATURE, 10, "device feature")                \
  X(DISABLED, 11, "disabled") X(NO_DEVICE, 12, "no device")                     \
  X(VERSION, 13, "op version")
typedef enum frt_reason {
#define FRT_REASON_ENUM(name, number, text) FRT_REASON_##name = number,
  FRT_REASON_MAP(FRT_REASON_ENUM)
#undef FRT_REASON_ENUM
} frt_reason_t;

enum { FRT_NO = 0, FRT_YES = 1 };
/* FRT_SUPPORT_INPLACE: the first output may share memory with the first input. */
enum { FRT_SUPPORT_INPLACE = 1, FRT_SUPPORT_DETERMINISTIC = 2 };

/* A NO names the slot or attribute and both values in `detail`. */
typedef struct frt_api_support {
  uint32_t size;
  int32_t verdict, reason;
  uint32_t flags;
  char detail[160];
} frt_api_support_t;

/* A static claim, readable without a device. An op type may have several rows, each for
 * other dtypes. */
typedef struct frt_api_kernel_decl {
  const char *type;
  uint32_t ver_min, ver_max, dtypes, flags; /* dtypes of the key slot, as bits */
} frt_api_kernel_decl_t;

/* ---- devices ------------------------------------------------------------- */

enum { FRT_DEVICE_HOST_MEMORY = 1, /* kernels read and write host memory */
       FRT_DEVICE_ASYNC = 2, FRT_DEVICE_SINGLE_THREAD = 4 };
typedef struct frt_api_device_info {
  uint32_t size, flags;
  char desc[96];
  uint64_t mem_total, mem_free, alloc_align; /* 0 = unknown; align 0 = 64 */
} frt_api_device_info_t;

typedef struct frt_dev frt_dev_t;           /* provider-side handles */
typedef struct frt_queue frt_queue_t;
typedef struct frt_event frt_event_t;
typedef struct frt_prepared frt_prepared_t;

enum { FRT_MEM_DEVICE = 0, FRT_MEM_PINNED = 1 };
enum { FRT_COPY_TO_DEVICE = 0, FRT_COPY_FROM_DEVICE = 1, FRT_COPY_WITHIN = 2 };

typedef struct frt_api_run {
  uint32_t size, flags;
  frt_queue_t *queue;
  const frt_api_slot_t *in, *out;
  uint32_t n_in, n_out;
  void *workspace;
  uint64_t workspace_bytes;
  uint64_t rng_state; /* Lehmer engine state before the first draw, 1..2^31-2 */
  const struct frt_api_host *host;
} frt_api_run_t;

typedef struct frt_api_option { const char *key, *value; } frt_api_option_t;

/* Services of the host. parallel_for: calls fn on [lo, hi) pieces of [0, n) whose
 * borders are multiples of `grain`, whatever the number of threads; returns when
 * all are done; a body must not call parallel_for. mem_*: any thread. */
typedef struct frt_api_host {
  uint32_t size, abi_minor;
  void *ctx;
  void (*log)(void *ctx, int level, const char *text);
  void *(*mem_alloc)(void *ctx, size_t bytes, size_t align);
  void (*mem_free)(void *ctx, void *p);
  void (*parallel_for)(void *ctx, int64_t n, int64_t grain,
                       void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg);
  int (*cancelled)(void *ctx);
  uint64_t (*now_ns)(void *ctx);
} frt_api_host_t;

/* Filled by the provider in its entry. Optional functions are marked. */
typedef struct frt_api_provider {
  uint32_t size, abi_minor;
  void *self;
  const char *name, *version, *description;
  const frt_api_kernel_decl_t *kernels; /* static claims */
  uint32_t n_kernels, kernel_stride;
  void (*close)(void *self);
  /* How many devices; `why` (NULL or 160 bytes) says why there is none. */
  uint32_t (*device_count)(void *self, char *why);
  frt_status_t (*device_info)(void *self, uint32_t index,
                              frt_api_device_info_t *out, frt_error_t *err);
  frt_status_t (*dev_open)(void *self, uint32_t index, const frt_api_option_t *opt,
                           uint32_t n_opt, frt_dev_t **out, frt_error_t *err);
  void (*dev_close)(frt_dev_t *dev);
  /* Raw memory; the host sub-allocates. NULL for HOST_MEMORY devices. */
  frt_status_t (*slab_alloc)(frt_dev_t *dev, uint32_t kind, uint64_t bytes,
                             void **out, frt_error_t *err);
  void (*slab_free)(frt_dev_t *dev, uint32_t kind, void *p);
  frt_status_t (*copy)(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                       const void *src, uint64_t bytes, frt_error_t *err);
  /* Ordering. queue_sync reports asynchronous failures. Events: ASYNC only. */
  frt_status_t (*queue_open)(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err);
  frt_status_t (*queue_sync)(frt_queue_t *q, frt_error_t *err);
  void (*queue_close)(frt_queue_t *q);
  frt_status_t (*event_open)(frt_dev_t *dev, frt_event_t **out, frt_error_t *err);
  frt_status_t (*event_record)(frt_event_t *e, frt_queue_t *q, frt_error_t *err);
  frt_status_t (*event_wait)(frt_event_t *e, frt_queue_t *q_or_null, frt_error_t *err);
  void (*event_close)(frt_event_t *e);
  /* Pure and repeatable; dev may be NULL. `support` is zeroed and sized. */
  frt_status_t (*op_query)(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                           frt_api_support_t *support, frt_error_t *err);
  /* All dims known. workspace: bytes that each op_run wants. */
  frt_status_t (*op_prepare)(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_prepared_t **out, uint64_t *workspace,
                             frt_error_t *err);
  /* Ids, labels, positions, integer divisors that are none: OUT_OF_RANGE with a text from
   * here or from the next queue_sync, after which the queue works on. A kernel in host
   * memory writes nothing then, a device nothing outside the outputs. */
  frt_status_t (*op_run)(const frt_prepared_t *k, const frt_api_run_t *run,
                         frt_error_t *err);
  void (*op_release)(frt_prepared_t *k);
  /* Optional: an extension table by name ("frt.oracle.v1"), or NULL. */
  const void *(*extension)(void *self, const char *name);
} frt_api_provider_t;

/* The one symbol of a provider. `io` arrives zeroed but for `size`. */
typedef frt_status_t (*frt_provider_entry_t)(const frt_api_host_t *host,
    frt_api_provider_t *io, frt_error_t *err);
#ifndef FRT_PROVIDER_ENTRY /* overridden to link several providers statically */
#define FRT_PROVIDER_ENTRY frt_provider_entry_v1
#endif
#define FRT_PROVIDER_ENTRY_NAME "frt_provider_entry_v1"

/* Extension "frt.oracle.v1": an op in double precision. Arrays are one per tensor,
 * slot by slot; NULL for absent or SHAPE_ONLY ones. mag[k][e] is the magnitude of
 * out[k][e]: the same expression with every term replaced by its absolute value;
 * mag or an entry of it may be NULL. Pure; any thread. */
typedef struct frt_api_oracle {
  uint32_t size, reserved;
  frt_status_t (*eval)(void *self, const frt_api_op_t *op, uint64_t rng_state,
                       const double *const *in, double *const *out,
                       double *const *mag, frt_error_t *err);
} frt_api_oracle_t;

/* ---- the manifest, readable without running the file ---------------------- */

typedef struct frt_api_manifest {
  uint32_t namesz, descsz, type; /* an ELF note: 4, bytes below, 1 */
  char owner[4];                 /* "frt" */
  uint32_t abi_major, abi_minor, host_minor, reserved;
  char name[32], version[32];
} frt_api_manifest_t;

#define FRT_MANIFEST(name_, version_)                                           \
  __attribute__((used, section(".note.frt"), aligned(4)))                       \
  static const frt_api_manifest_t frt_manifest_ = {                             \
      4, (uint32_t)(sizeof(frt_api_manifest_t) - 16), 1, "frt",                 \
      FRT_ABI_MAJOR, FRT_ABI_MINOR, 0, 0, name_, version_}

#ifdef __cplusplus
}
#endif
#endif
