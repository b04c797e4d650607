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
  int strict_files; /* refuse provider files that other users may write, in folders that
                       they may write, or that are not named by an absolute path; always
                       so for what FLUIDRT_PROVIDER_PATH names */
  /* Where providers get the memory they ask the host for; both or neither, NULL: the
   * library's own. Any thread; align is a power of two, NULL means out of memory. */
  void *(*mem_alloc)(void *ctx, size_t bytes, size_t align);
  void (*mem_free)(void *ctx, void *p);
  void *mem_ctx;
} frt_runtime_options_t;

/* options may be NULL. Errors: RESOURCE_EXHAUSTED memory, threads; INVALID_ARGUMENT one
 *   of mem_alloc and mem_free without the other. */
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
 * that contains '/'. Loading one twice is a no-op. The file is judged before any of its
 * code runs, all that is wrong is said in one message, and a failure leaves nothing behind.
 * Errors (phase PROVIDER): NOT_FOUND no such file (all places that were tried);
 *   INVALID_ARGUMENT not a regular file, or one that strict_files refuses;
 *   ABI_MISMATCH another major, a table that breaks the ABI; ALREADY_EXISTS the name;
 *   UNAVAILABLE it cannot be opened (which libraries or symbols are missing). */
FRT_API frt_status_t frt_runtime_load_provider(frt_runtime_t *rt,
    const char *name_or_path, frt_error_t *err);

/* Closes a provider and its file, so that the file can be replaced and loaded again. Not
 * while another thread asks about this provider or makes an executor: its table is lent.
 * Errors (phase PROVIDER): NOT_FOUND the name (nearest); BUSY an executor lists it, memory
 *   of its devices is in use, or it brought ops that a plan may hold. */
FRT_API frt_status_t frt_runtime_unload_provider(frt_runtime_t *rt, const char *name,
    frt_error_t *err);

/* What a provider file says of itself, read without running any of its code. */
typedef struct frt_provider_file {
  uint32_t struct_size;
  int32_t has_manifest; /* 0: what comes from the note is 0 and "" */
  int32_t has_entry;    /* it exports frt_provider_entry_v1 */
  uint32_t abi_major, abi_minor, host_minor; /* host_minor: the host's must reach it */
  char name[32], version[32];
  uint64_t bytes;
  const char *soname, *runpath; /* NULL: none */
  const char *const *needed;    /* the libraries it is linked with */
  size_t n_needed;
} frt_provider_file_t;

/* Errors (phase PROVIDER): NOT_FOUND; INVALID_ARGUMENT not a regular file; UNAVAILABLE not
 *   a whole shared library for this machine. */
FRT_API frt_status_t frt_provider_file_read(const char *path, frt_provider_file_t **out,
    frt_error_t *err);
FRT_API void frt_provider_file_release(frt_provider_file_t *file);

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
