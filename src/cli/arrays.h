/* Named tensors in one file or folder: what `fluidrt convert` reads and writes when it is
 * about parameters. */
#ifndef FRTI_ARRAYS_H
#define FRTI_ARRAYS_H

#include "cli.h"

typedef struct frti_cli_arrays {
  struct frti_cli_array {
    char *name;
    frt_tensor_t *tensor;
  } * items;
  size_t n, cap;
} frti_cli_arrays_t;

/* Copies the name, takes over the tensor. */
void frti_cli_arrays_add(frti_cli_arrays_t *a, const char *name, frt_tensor_t *tensor);
void frti_cli_arrays_sort(frti_cli_arrays_t *a); /* bytewise by name */
/* A name that occurs twice in sorted arrays, NULL if there is none. */
const char *frti_cli_arrays_twice(const frti_cli_arrays_t *a);
void frti_cli_arrays_release(frti_cli_arrays_t *a);

/* Written to the side, synced, renamed. 0, or the exit status after an error line. */
int frti_cli_write_file(
    const frti_cli_t *cli, const char *path, const void *bytes, size_t n);

/* ---- npz.c: stored, one NAME.npy for each tensor
 * --------------------------------------- */

int frti_cli_npz_write(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a);
frt_status_t frti_cli_npz_read(
    const char *path, frti_cli_arrays_t *out, frt_error_t *err);

/* ---- safetensors.c
 * ------------------------------------------------------------------------ */

int frti_cli_safetensors_write(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a);
/* Strict: the header says all of the data, no more, no less, nothing twice.
 * Errors: NOT_FOUND, UNAVAILABLE; DATA_LOSS; UNIMPLEMENTED a dtype. */
frt_status_t frti_cli_safetensors_read(
    const char *path, frti_cli_arrays_t *out, frt_error_t *err);
/* The same from memory. */
frt_status_t frti_cli_safetensors_parse(
    const void *bytes, size_t n, frti_cli_arrays_t *out, frt_error_t *err);

/* ---- params.c: fluidrt convert of parameters
 * ---------------------------------------------- */

/* Whether one of the two files is of parameters. */
bool frti_cli_is_params(const char *in, const char *out);
int frti_cli_convert_params(const frti_cli_t *cli, const char *in, const char *out,
    const char *program, bool combined);

#endif
