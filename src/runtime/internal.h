/* The runtime's own objects: providers, devices, spaces, the pool. */
#ifndef FRTI_RUNTIME_INTERNAL_H
#define FRTI_RUNTIME_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"
#include "fluidrt/executor.h"
#include "fluidrt/op.h"
#include "fluidrt/runtime.h"
#include "fluidrt/scope.h"

/* Memory spaces are numbered by the runtime; 0 is host memory. A set of spaces is a
 * bit mask. */
enum { FRTI_HOST = 0, FRTI_MAX_SPACES = 16 };
#define FRTI_SPACE_BIT(space) (1u << (space))

/* Large arrays that all start at the same place of a page slow loops over several of them
 * by up to 2.6 times (loads wait for stores that only look alike): starts are moved apart
 * by an odd number of cache lines. */
enum { FRTI_STAGGER = 21 * 64 };

typedef struct frti_provider frti_provider_t;

typedef struct frti_device {
  frti_provider_t *provider;
  pthread_mutex_t *single; /* the runtime's, if it says SINGLE_THREAD, else NULL */
  uint32_t index, flags, space;
  uint64_t align;       /* of its slabs */
  _Atomic int64_t users; /* places of executors, and slabs that are out */
  _Atomic int lost;      /* it said DEVICE_LOST once: it is not asked again */
  frt_dev_t *dev;
  char desc[96];
} frti_device_t;

struct frti_provider {
  frt_api_provider_t api;
  char *path; /* "" if linked in */
  void *library;
  uint32_t n_devices;
  char why[160];
  frti_device_t *devices; /* n_devices; dev is NULL until opened */
  frti_provider_t *next;
};

typedef struct frti_pool frti_pool_t;
frt_status_t frti_pool_create(uint32_t threads, frti_pool_t **out, frt_error_t *err);
void frti_pool_release(frti_pool_t *pool);
uint32_t frti_pool_threads(const frti_pool_t *pool);
/* As frt_api_host_t.parallel_for; runs inline while another caller has the pool. */
void frti_pool_for(frti_pool_t *pool, int64_t n, int64_t grain,
                   void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg);

struct frt_runtime {
  _Atomic uint32_t refs;
  pthread_mutex_t lock;    /* providers, devices, spaces */
  pthread_mutex_t loading; /* held while a module is opened; taken before `lock` */
  pthread_mutex_t single;  /* recursive: held around calls of SINGLE_THREAD devices; one for
                              all of them, so that no two are taken in two orders */
  frt_api_host_t host;
  frti_pool_t *pool;
  void (*log)(void *ctx, int level, const char *text);
  void *log_ctx;
  void *(*mem_alloc)(void *ctx, size_t bytes, size_t align); /* NULL: the library's own */
  void (*mem_free)(void *ctx, void *p);
  void *mem_ctx;
  char *provider_path;
  bool strict_files;
  frti_provider_t *providers; /* in order of registration */
  struct frti_own_op *_Atomic own_ops;
  _Atomic int planned;     /* a plan was made: the ops are settled */
  uint32_t n_spaces;
  frti_device_t *spaces[FRTI_MAX_SPACES]; /* [0] is NULL: host */
};

void frti_log(frt_runtime_t *rt, int level, const char *fmt, ...) FRT_PRINTF(3, 4);

/* The provider of that name, NULL if it is not registered. */
frti_provider_t *frti_provider_find(frt_runtime_t *rt, const char *name);
/* The provider that was loaded from this file, NULL if none was. */
frti_provider_t *frti_provider_at(frt_runtime_t *rt, const char *path);
/* Opens device `index` of a provider, once, and counts one more user of it.
 * Errors: UNAVAILABLE (the provider's why). */
frt_status_t frti_device_open(frt_runtime_t *rt, frti_provider_t *p, uint32_t index,
                              frti_device_t **out, frt_error_t *err);
void frti_provider_release(frti_provider_t *p);
/* Around calls of a device, or of all that an executor has: waits for other threads if it
 * says SINGLE_THREAD, else does nothing. They nest. */
void frti_device_enter(frti_device_t *d);
void frti_device_leave(frti_device_t *d);
void frti_places_enter(frt_executor_t *exe);
void frti_places_leave(frt_executor_t *exe);
/* Errors: DEVICE_LOST it was lost before. */
frt_status_t frti_device_alive(const frti_device_t *d, frt_error_t *err);
/* Takes note if `status`, which the device gave, is DEVICE_LOST. Returns it. */
frt_status_t frti_device_said(frti_device_t *d, frt_status_t status);
/* Registers what `entry` fills; `path`, `library` may be NULL. */
frt_status_t frti_provider_register(frt_runtime_t *rt, frt_provider_entry_t entry,
    const char *path, void *library, frt_error_t *err);

/* Whether a table keeps the ABI: entries, name, kernel rows. `api` is sized. */
frt_status_t frti_provider_check(const frt_api_provider_t *api, frt_error_t *err);

/* The library's op, or one that was added to this runtime. */
const frt_op_schema_t *frti_op_find(frt_runtime_t *rt, const char *type);
/* All of the ops that a provider brings, or none. Inside rt->lock, these two. */
frt_status_t frti_add_provider_ops(frt_runtime_t *rt, const frti_provider_t *p,
                                   frt_error_t *err);
void frti_drop_provider_ops(frt_runtime_t *rt, const frti_provider_t *p);
bool frti_provider_has_ops(frt_runtime_t *rt, const frti_provider_t *p);
void frti_own_ops_release(frt_runtime_t *rt);

/* ---- loader ------------------------------------------------------------------- */

/* The provider folders, in order; an array of *n strings, one frti_free. */
frt_status_t frti_provider_dirs(const frt_runtime_t *rt, char ***dirs, size_t *n,
                                frt_error_t *err);

/* ---- device memory ------------------------------------------------------------- */

/* Memory in a space; host memory is 64-byte aligned. */
frt_status_t frti_space_alloc(frt_runtime_t *rt, uint32_t space, uint64_t bytes,
                              void **out, frt_error_t *err);
void frti_space_free(frt_runtime_t *rt, uint32_t space, void *p);
/* Copies between the host and a space, or inside the host; waits for it. */
frt_status_t frti_space_copy(frt_runtime_t *rt, void *dst, uint32_t dst_space,
    const void *src, uint32_t src_space, uint64_t bytes, frt_error_t *err);

/* ---- scope ---------------------------------------------------------------------- */

typedef struct frti_record {
  const char *name; /* interned in the scope */
  bool initialized;
  uint32_t dtype, rank;
  int64_t dims[FRT_MAX_RANK];
  uint64_t bytes;
  uint32_t valid;                 /* spaces that hold the current value */
  void *block[FRTI_MAX_SPACES];   /* what was allocated */
  void *data[FRTI_MAX_SPACES];    /* buffers in it, whether valid or not */
  uint64_t cap[FRTI_MAX_SPACES];
} frti_record_t;

struct frt_scope {
  _Atomic uint32_t refs;
  frt_runtime_t *rt;
  uint64_t uid;
  uint64_t layout; /* raised when a record appears, moves or changes shape */
  _Atomic int32_t users; /* readers, or -1 for a writer */
  int partly_updated;
  frti_arena_t arena;
  frti_names_t names;
  frti_record_t **records; /* by name id */
  size_t cap;
};

/* Copies of n variables as they were at one moment; NULL for one without a value. BUSY. */
frt_status_t frti_scope_get_all(frt_scope_t *s, const char *const *names, size_t n,
                                frt_tensor_t **out, frt_error_t *err);
/* Sets all or none. BUSY. */
frt_status_t frti_scope_set_all(frt_scope_t *s, const char *const *names,
                                frt_tensor_t *const *tensors, size_t n, frt_error_t *err);

frt_status_t frti_scope_enter(frt_scope_t *s, bool write, frt_error_t *err);
void frti_scope_leave(frt_scope_t *s, bool write);
/* Inside enter/leave. The record, NULL if the scope has none of that name. */
frti_record_t *frti_scope_find(frt_scope_t *s, const char *name);
frt_status_t frti_scope_record(frt_scope_t *s, const char *name, frti_record_t **out,
                               frt_error_t *err);
/* Gives the record this dtype and shape; drops its value if they differ. */
frt_status_t frti_record_shape(frt_scope_t *s, frti_record_t *r, uint32_t dtype,
    uint32_t rank, const int64_t *dims, frt_error_t *err);
/* A buffer for the record in `space`, contents undefined if new. */
frt_status_t frti_record_reserve(frt_scope_t *s, frti_record_t *r, uint32_t space,
                                 frt_error_t *err);
/* Makes the value valid in `space`; *copied is raised if bytes moved. */
frt_status_t frti_record_bring(frt_scope_t *s, frti_record_t *r, uint32_t space,
                               uint64_t *copied, frt_error_t *err);

#endif
