/* Status codes, the caller-owned error record, and what every header needs.
 *
 * A function that can fail returns frt_status_t and takes `frt_error_t *err`
 * last. The record belongs to the caller, may be NULL, and is never freed. The
 * code is for programs, the message for people. Thread-safety: a record is
 * written by one call at a time; nothing here is global. */
#ifndef FLUIDRT_STATUS_H
#define FLUIDRT_STATUS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(FRT_BUILDING_LIBRARY)
#define FRT_API __attribute__((visibility("default")))
#else
#define FRT_API
#endif
#define FRT_PRINTF(f, a) __attribute__((format(printf, f, a)))

#ifdef __cplusplus
extern "C" {
#endif

/* The canonical numbers; 32 and above are ours. X(NAME, number, text) */
#define FRT_STATUS_MAP(X)                                  \
  X(OK, 0, "ok")                                           \
  X(CANCELLED, 1, "cancelled")                             \
  X(INVALID_ARGUMENT, 3, "invalid argument")               \
  X(NOT_FOUND, 5, "not found")                             \
  X(ALREADY_EXISTS, 6, "already exists")                   \
  X(RESOURCE_EXHAUSTED, 8, "resource exhausted")           \
  X(FAILED_PRECONDITION, 9, "failed precondition")         \
  X(OUT_OF_RANGE, 11, "out of range")                      \
  X(UNIMPLEMENTED, 12, "unimplemented")                    \
  X(INTERNAL, 13, "internal error")                        \
  X(UNAVAILABLE, 14, "unavailable")                        \
  X(DATA_LOSS, 15, "data loss")                            \
  X(DEVICE_LOST, 32, "device lost")                        \
  X(BUSY, 33, "busy")                                      \
  X(ABI_MISMATCH, 34, "ABI mismatch")

typedef enum frt_status {
#define FRT_STATUS_ENUM(name, number, text) FRT_##name = number,
  FRT_STATUS_MAP(FRT_STATUS_ENUM)
#undef FRT_STATUS_ENUM
} frt_status_t;

/* Where in the life of a program an error arose. */
#define FRT_PHASE_MAP(X)                                                 \
  X(NONE, 0, "") X(PARSE, 1, "parse") X(VALIDATE, 2, "validate")         \
  X(PLAN, 3, "plan") X(FEED, 4, "feed") X(RUN, 5, "run")                 \
  X(FETCH, 6, "fetch") X(CHECKPOINT, 7, "checkpoint")                    \
  X(PROVIDER, 8, "provider")

typedef enum frt_phase {
#define FRT_PHASE_ENUM(name, number, text) FRT_PHASE_##name = number,
  FRT_PHASE_MAP(FRT_PHASE_ENUM)
#undef FRT_PHASE_ENUM
} frt_phase_t;

/* Frozen: no field is ever added or re-typed. `block` and `op` count in the
 * program as it was loaded; -1 when the error is not at an op. `name` is the
 * variable, slot, attribute or file concerned. A too long message ends in "...". */
typedef struct frt_error {
  uint32_t size;   /* sizeof(frt_error_t), or 0 */
  uint32_t status; /* frt_status_t */
  uint32_t phase;  /* frt_phase_t */
  int32_t native;  /* errno, CUDA error ... or 0 */
  int32_t block, op;
  char op_type[48];
  char name[96];
  char message[360];
} frt_error_t;

#define FRT_ERROR_INIT {sizeof(frt_error_t), 0, 0, 0, -1, -1, {0}, {0}, {0}}

/* Passes a failure up unchanged. */
#define FRT_TRY(expr)                             \
  do {                                            \
    frt_status_t frt_try_ = (expr);               \
    if (frt_try_ != FRT_OK) return frt_try_;      \
  } while (0)

/* Options structs begin with struct_size; whether the caller's reaches `field`. */
#define FRT_HAS_OPTION(o, T, field) \
  ((o)->struct_size >= offsetof(T, field) + sizeof(((T *)0)->field))

static inline void frt_error_text_(char *to, size_t cap, const char *fmt,
                                   va_list ap) {
  int n = vsnprintf(to, cap, fmt, ap);
  if (n >= (int)cap) memcpy(to + cap - 4, "...", 4);
}

/* Fills `err` (may be NULL) with status and message, clears the rest, and returns
 * `status`, so that `return frt_fail(err, FRT_NOT_FOUND, "...");` reads well.
 * Inline, because a provider imports no symbol of the library. */
static inline frt_status_t frt_fail(frt_error_t *err, frt_status_t status,
                                    const char *fmt, ...) FRT_PRINTF(3, 4);
static inline frt_status_t frt_fail(frt_error_t *err, frt_status_t status,
                                    const char *fmt, ...) {
  va_list ap;
  if (!err) return status;
  memset(err, 0, sizeof *err);
  err->size = (uint32_t)sizeof *err;
  err->status = (uint32_t)status;
  err->block = err->op = -1;
  va_start(ap, fmt);
  frt_error_text_(err->message, sizeof err->message, fmt, ap);
  va_end(ap);
  return status;
}

/* "not found" for FRT_NOT_FOUND; "status 77" texts do not exist: an unknown
 * number gives "unknown status". Never NULL. Any thread. */
FRT_API const char *frt_status_text(frt_status_t status);
/* "plan" for FRT_PHASE_PLAN; "" for NONE and unknown numbers. Never NULL. */
FRT_API const char *frt_phase_text(frt_phase_t phase);
/* The library's version, "0.1.0". */
FRT_API const char *frt_version(void);

#ifdef __cplusplus
}
#endif
#endif
