/* Inference models: folders as Fluid 1.8's save_inference_model writes them, with one
 * program (`__model__`) that feeds, computes and fetches, and its parameters. */
#ifndef FLUIDRT_INFERENCE_H
#define FLUIDRT_INFERENCE_H

#include "fluidrt/program.h"
#include "fluidrt/scope.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_inference_options {
  uint32_t struct_size;
  /* Names of files in the folder, without '/'.
   *   model_filename   NULL: `__model__`; loading then also knows `model`,
   *                    `model.pdmodel` and `inference.pdmodel`.
   *   params_filename  one file of all parameters. NULL: saving writes a file per
   *                    parameter; loading takes `__params__`, `params` or the model's
   *                    stem with .pdiparams or .pdparams where one is there. */
  const char *model_filename, *params_filename;
} frt_inference_options_t;

/* What save_inference_model would put into its program file: block 0 is feed ops (last
 * column first), what `targets` need of `program`, a `scale` by 1 for each target and
 * fetch ops. Update ops, clips and decays are left out, is_test is true everywhere.
 * `program` stays as it is. *out is a new program, of format 1008005 or newer.
 *   feeds    column 0, 1, ...; may be intermediate variables
 *   targets  LOD_TENSORs of block 0 in the order wanted, at least one
 * Errors: NOT_FOUND a feed or target (nearest name); INVALID_ARGUMENT a feed named twice
 *   or that no target needs, no target, a target that is no tensor;
 *   FAILED_PRECONDITION inputs that the targets need and nobody feeds (all are listed);
 *   ALREADY_EXISTS a variable of the program named `feed` or `fetch`.
 * Source: Paddle 1.8 fluid.io.save_inference_model(program_only=True). */
FRT_API frt_status_t frt_inference_program(const frt_program_t *program,
    const char *const *feeds, size_t n_feeds, const char *const *targets,
    size_t n_targets, frt_program_t **out, frt_error_t *err);

/* That program and its parameters from `scope` into the folder `dir`, which is made if
 * need be. Parameters are written first, the program last; each file is whole or not
 * there.
 * Errors: those of frt_inference_program and frt_params_save; INVALID_ARGUMENT names of
 *   files. Source: Paddle 1.8 fluid.io.save_inference_model. */
FRT_API frt_status_t frt_inference_save(const char *dir, const frt_program_t *program,
    const char *const *feeds, size_t n_feeds, const char *const *targets,
    size_t n_targets, frt_scope_t *scope, const frt_inference_options_t *options,
    frt_error_t *err);

/* Reads such a folder: the program, and its parameters into `scope`, all or nothing.
 * feeds, fetches (NULL: not wanted) get the names in column order, each an array of *n
 * strings in one block for frt_free.
 * Errors: those of frt_program_load and frt_params_load; INVALID_ARGUMENT a program
 *   without fetch ops or with two of one column, names of files.
 * Source: Paddle 1.8 fluid.io.load_inference_model. */
FRT_API frt_status_t frt_inference_load(const char *dir,
    const frt_inference_options_t *options, frt_scope_t *scope, frt_program_t **program,
    const char ***feeds, size_t *n_feeds, const char ***fetches, size_t *n_fetches,
    frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
