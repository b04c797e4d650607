/* Tensors in files: npy, Paddle's own records, folders of either.
 * Names become file names with '%' written "%25" and '/' written "%2F"; control
 * characters and the names "." and ".." likewise.
 * Everything is written to the side, synced and renamed. */
#ifndef FLUIDRT_IO_H
#define FLUIDRT_IO_H

#include "fluidrt/program.h"
#include "fluidrt/scope.h"
#include "fluidrt/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* npy versions 1 to 3, C order, little endian; bool, ints, floats.
 * Errors: NOT_FOUND, UNAVAILABLE (native = errno); DATA_LOSS not such a file. */
FRT_API frt_status_t frt_npy_parse(const void *bytes, size_t n, frt_tensor_t **out,
    frt_error_t *err);
FRT_API frt_status_t frt_npy_load(const char *path, frt_tensor_t **out,
    frt_error_t *err);
/* Version 1.0. Errors: UNAVAILABLE (native = errno). */
FRT_API frt_status_t frt_npy_save(const char *path, const frt_tensor_t *t,
    frt_error_t *err);

/* One array of an .npz as numpy.savez writes it, by its name there (".npy" may be left
 * out). Errors: NOT_FOUND the file, or the array (nearest name); DATA_LOSS damage;
 *   UNIMPLEMENTED compression (savez_compressed), 4 GiB and more; UNAVAILABLE. */
FRT_API frt_status_t frt_npz_load(const char *path, const char *array,
    frt_tensor_t **out, frt_error_t *err);

/* One record as Paddle's `save` writes it; *used (may be NULL) gets its length, and
 * then bytes may follow it. Errors: DATA_LOSS; UNIMPLEMENTED a LoD. */
FRT_API frt_status_t frt_paddle_tensor_parse(const void *bytes, size_t n,
    frt_tensor_t **out, size_t *used, frt_error_t *err);
/* The persistable LOD_TENSORs of block 0 into `scope`, from a folder with a file per
 * variable, or from one combined file (names sorted bytewise). All or nothing; other
 * files are ignored, links in the folder are not followed. Nothing in Paddle's files
 * guards their data: a flipped bit loads (checkpoint.h notices it).
 * Errors: NOT_FOUND files (all are listed); DATA_LOSS; INVALID_ARGUMENT a declared
 *   shape or dtype that differs (both are said), a link; BUSY. */
FRT_API frt_status_t frt_params_load(const char *path, const frt_program_t *program,
    frt_scope_t *scope, frt_error_t *err);

/* Every V.npy of a folder becomes variable V / every initialized variable of the
 * scope becomes V.npy in a folder, which is made if need be. */
FRT_API frt_status_t frt_scope_load_dir(frt_scope_t *s, const char *dir,
    frt_error_t *err);
FRT_API frt_status_t frt_scope_save_dir(frt_scope_t *s, const char *dir,
    frt_error_t *err);
/* "a/b" -> "a%2Fb" and back; "." and ".." become "%2E" and "%2E%2E". Two names are
 * never one file name. Errors: INVALID_ARGUMENT it does not fit in `cap`, no such code. */
FRT_API frt_status_t frt_name_to_file(const char *name, char *to, size_t cap,
    frt_error_t *err);
FRT_API frt_status_t frt_file_to_name(const char *file, char *to, size_t cap,
    frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
