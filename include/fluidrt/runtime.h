/* The root object: providers, thread pool, log sink. Everything made from a runtime
 * keeps it alive. There is no global and no thread-local state. */
#ifndef FLUIDRT_RUNTIME_H
#define FLUIDRT_RUNTIME_H

#include "fluidrt/provider.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_runtime frt_runtime_t;

enum { FRT_LOG_ERROR = 0, FRT_LOG_WARNING = 1, FRT_LOG_INFO = 2, FRT_LOG_DEBUG = 3 };

typedef struct frt_runtime_options {
  uint32_t struct_size;
  uint32_t threads; /* of the pool, the caller's included; 0 = the CPUs allowed */
  void (*log)(void *ctx, int level, const char *text); /* NULL: nothing is said */
  void *log_ctx;
  const char *provider_path; /* folders, ':'-separated; NULL: FLUIDRT_PROVIDER_PATH,
                                then `fluidrt/` beside the library */
} frt_runtime_options_t;

/* options may be NULL. Errors: RESOURCE_EXHAUSTED memory, threads. */
FRT_API frt_status_t frt_runtime_create(const frt_runtime_options_t *options,
    frt_runtime_t **out, frt_error_t *err);
FRT_API frt_runtime_t *frt_runtime_retain(frt_runtime_t *rt);
FRT_API void frt_runtime_release(frt_runtime_t *rt);
FRT_API uint32_t frt_runtime_threads(const frt_runtime_t *rt);

/* Registers a provider that is linked into the program; the name comes from it.
 * Errors (phase PROVIDER): ALREADY_EXISTS the name; ABI_MISMATCH; the entry's own. */
FRT_API frt_status_t frt_runtime_add_provider(frt_runtime_t *rt,
    frt_provider_entry_t entry, frt_error_t *err);
/* Loads a provider by name ("cpu": frt_cpu.so in the provider path) or by a path
 * that contains '/'. Loading one twice is a no-op.
 * Errors (phase PROVIDER): NOT_FOUND no such file (all places that were tried);
 *   ABI_MISMATCH another major; UNAVAILABLE it cannot be opened (what is missing). */
FRT_API frt_status_t frt_runtime_load_provider(frt_runtime_t *rt,
    const char *name_or_path, frt_error_t *err);

typedef struct frt_provider_info {
  const char *name, *version, *description, *path; /* path "" if linked in */
  uint32_t n_devices, n_kernels;
  char why[160];    /* why there is no device; "" if there is one */
  char device[96];  /* description of device 0 */
} frt_provider_info_t;

/* Loads every provider found in the provider path, keeping those that fail out.
 * fail(ctx, path, message) is told about them (may be NULL). */
FRT_API void frt_runtime_load_all(frt_runtime_t *rt,
    void (*fail)(void *ctx, const char *path, const char *message), void *ctx);
FRT_API size_t frt_runtime_n_providers(frt_runtime_t *rt);
FRT_API frt_status_t frt_runtime_provider(frt_runtime_t *rt, size_t index,
    frt_provider_info_t *out, frt_error_t *err);
/* The provider's own table, for tools such as a conformance suite; lent. */
FRT_API const frt_api_provider_t *frt_runtime_provider_api(frt_runtime_t *rt,
    const char *name);
/* The services that providers of this runtime get; lent. */
FRT_API const frt_api_host_t *frt_runtime_host(frt_runtime_t *rt);

#ifdef __cplusplus
}
#endif
#endif
