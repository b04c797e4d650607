/* Scopes: named variables that last from run to run. A startup program writes its
 * persistables here, a main program reads and updates them. Each record has one
 * authoritative copy and valid mirrors on other devices; tensors given and taken
 * here are host tensors and are copied.
 * A run that writes takes the scope for itself, runs that only read share it; what
 * conflicts answers BUSY at once. Calls here count as short reads or writes. */
#ifndef FLUIDRT_SCOPE_H
#define FLUIDRT_SCOPE_H

#include "fluidrt/runtime.h"
#include "fluidrt/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_scope frt_scope_t;

FRT_API frt_status_t frt_scope_create(frt_runtime_t *rt, frt_scope_t **out,
    frt_error_t *err);
FRT_API frt_scope_t *frt_scope_retain(frt_scope_t *s);
FRT_API void frt_scope_release(frt_scope_t *s);

/* Makes or replaces variable `name` with a copy of `t`. Errors: BUSY. */
FRT_API frt_status_t frt_scope_set(frt_scope_t *s, const char *name,
    const frt_tensor_t *t, frt_error_t *err);
/* A copy of the variable, brought from its device if need be.
 * Errors: NOT_FOUND with the nearest name; FAILED_PRECONDITION not initialized; BUSY. */
FRT_API frt_status_t frt_scope_get(frt_scope_t *s, const char *name,
    frt_tensor_t **out, frt_error_t *err);
/* Errors: NOT_FOUND, BUSY. */
FRT_API frt_status_t frt_scope_erase(frt_scope_t *s, const char *name,
    frt_error_t *err);
/* The names of all initialized variables, sorted bytewise: an array of *n strings,
 * one block for frt_free. */
FRT_API frt_status_t frt_scope_names(frt_scope_t *s, const char ***names, size_t *n,
    frt_error_t *err);
/* 1 after a run failed half-way through its updates; cleared by frt_scope_set of
 * anything or by a run that ends well. */
FRT_API int frt_scope_partly_updated(const frt_scope_t *s);

#ifdef __cplusplus
}
#endif
#endif
