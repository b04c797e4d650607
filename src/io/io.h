/* What the files of this layer share. */
#ifndef FRTI_IO_IO_H
#define FRTI_IO_IO_H

#include "base/base.h"
#include "fluidrt/io.h"
#include "runtime/internal.h"

/* Puts "'path': " before the message and the path in `name`. */
frt_status_t frti_io_in_file(frt_error_t *err, frt_status_t status, const char *path);

/* "dir/file"; NULL: out of memory. */
char *frti_io_join(const char *dir, const char *file);

/* A tensor of these elements, copied; bools other than 0 become 1, as a C bool holds
 * nothing else. `n` covers the shape. */
frt_status_t frti_io_tensor(frt_dtype_t dtype, uint32_t rank, const int64_t *dims,
                            const uint8_t *bytes, frt_tensor_t **out, frt_error_t *err);

/* What frt_npy_save writes, for frti_free. UNIMPLEMENTED: a dtype that npy has not. */
frt_status_t frti_npy_serialize(const frt_tensor_t *t, void **bytes, size_t *n,
                                frt_error_t *err);

/* The name as the name of a file of at most 255 bytes less `suffix`. Errors:
 * INVALID_ARGUMENT. */
enum { FRTI_IO_NAME = 256 };
frt_status_t frti_io_file_name(const char *name, const char *suffix,
                               char to[FRTI_IO_NAME], frt_error_t *err);

/* A tensor into a file of its own, written to the side and renamed. */
typedef frt_status_t (*frti_serialize_fn)(const frt_tensor_t *t, void **bytes, size_t *n,
                                          frt_error_t *err);
frt_status_t frti_io_save(const frti_folder_t *f, const char *name, const char *suffix,
                          frti_serialize_fn serialize, const frt_tensor_t *t,
                          frt_error_t *err);

#endif
