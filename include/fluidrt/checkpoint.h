/* Keeping training state: Paddle's parameter files, and checkpoints that survive a crash.
 *
 * A checkpoint is a folder DIR/step-N with one file per variable (Paddle's own record) and
 * a manifest that guards every byte. It is written as DIR/step-N.tmp, synced, and renamed;
 * DIR/LATEST names the newest; the two newest are kept. Whatever moment a process dies at,
 * the newest whole checkpoint is found again. What is saved is the scope at one moment,
 * between two runs; memory for a copy of it is needed. Links below DIR are not followed. */
#ifndef FLUIDRT_CHECKPOINT_H
#define FLUIDRT_CHECKPOINT_H

#include "fluidrt/program.h"
#include "fluidrt/scope.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One record as Paddle's `save` op writes it, for frt_free. Errors: UNIMPLEMENTED a dtype
 * that Fluid does not know; RESOURCE_EXHAUSTED memory. */
FRT_API frt_status_t frt_paddle_tensor_serialize(const frt_tensor_t *t, void **bytes,
    size_t *n, frt_error_t *err);

/* The persistable LOD_TENSORs of block 0 of `program`, as save_persistables writes them:
 * `path` becomes a folder with a file per variable, or, with `combined`, one file of all
 * records in bytewise order of names. `only` (n_only > 0) names the variables to write, as
 * save_params does. A '/' in a name becomes "%2F": nothing is written outside the folder.
 * Errors: FAILED_PRECONDITION variables that are not initialized (all are listed);
 *   NOT_FOUND an `only` that is no persistable; INVALID_ARGUMENT a name too long for a
 *   file; UNAVAILABLE (native = errno); BUSY. */
FRT_API frt_status_t frt_params_save(const char *path, const frt_program_t *program,
    frt_scope_t *scope, int combined, const char *const *only, size_t n_only,
    frt_error_t *err);

typedef struct frt_checkpoint_info {
  uint32_t struct_size;
  uint64_t step; /* the caller's count */
  uint64_t run;  /* frt_executor_stats_t.runs: where draws with seed 0 go on */
  uint64_t seed; /* of the executor */
} frt_checkpoint_info_t;

/* Writes DIR/step-<info->step> with every initialized variable of `scope`, then LATEST;
 * older checkpoints but the one before go. DIR is made if need be.
 * Errors: UNAVAILABLE (native = errno), then the last good checkpoint is as it was; BUSY
 *   the scope, or another saver in DIR; INVALID_ARGUMENT a name too long for a file;
 *   ALREADY_EXISTS two names that are one on this disk. Source: decision of this
 *   project; the records are Paddle 1.8's. */
FRT_API frt_status_t frt_checkpoint_save(const char *dir, frt_scope_t *scope,
    const frt_checkpoint_info_t *info, frt_error_t *err);

/* Reads a checkpoint into `scope`, all or nothing: `dir` is the folder that was saved to
 * (its newest whole checkpoint is taken) or one step-N in it. Variables of the scope that
 * the checkpoint lacks stay. *info gets what was saved (struct_size set by the caller).
 * Errors: NOT_FOUND no checkpoint; DATA_LOSS a file is missing, cut or changed (which,
 *   wanted and found), and no older one is whole; BUSY. */
FRT_API frt_status_t frt_checkpoint_load(const char *dir, frt_scope_t *scope,
    frt_checkpoint_info_t *info, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
