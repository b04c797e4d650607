/* What the files of this layer share. */
#ifndef FRTI_IO_IO_H
#define FRTI_IO_IO_H

#include "base/base.h"
#include "fluidrt/io.h"

/* Puts "'path': " before the message and the path in `name`. */
frt_status_t frti_io_in_file(frt_error_t *err, frt_status_t status, const char *path);

/* "dir/file"; NULL: out of memory. */
char *frti_io_join(const char *dir, const char *file);

/* A tensor of these elements, copied; bools other than 0 become 1, as a C bool holds
 * nothing else. `n` covers the shape. */
frt_status_t frti_io_tensor(frt_dtype_t dtype, uint32_t rank, const int64_t *dims,
                            const uint8_t *bytes, frt_tensor_t **out, frt_error_t *err);

/* Sets all variables or none: on an error what was set is put back. */
frt_status_t frti_io_set_all(frt_scope_t *scope, const char *const *names,
                             frt_tensor_t *const *tensors, size_t n, frt_error_t *err);

/* Writes dir/<escaped name> with the tensor's record; adds its line to a manifest. */
frt_status_t frti_io_save_record(const char *dir, const char *name, const frt_tensor_t *t,
                                 frti_str_t *manifest, frt_error_t *err);

#endif
