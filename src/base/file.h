/* What file.c and folder.c share: opened files. */
#ifndef FRTI_BASE_FILE_H
#define FRTI_BASE_FILE_H

#include <dirent.h>
#include <fcntl.h>

#include "base/base.h"

/* NONBLOCK: opening a FIFO must not wait for a writer. */
enum { FRTI_READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* "cannot `what` 'path': ...", native = e. NOT_FOUND for ENOENT, else UNAVAILABLE. */
frt_status_t frti_os_error(frt_error_t *err, const char *what, const char *path, int e);
/* Reads what was opened (fd -1: says what errno does) and closes it. */
frt_status_t frti_fd_read(int fd, const char *path, uint64_t max, uint8_t **bytes,
                          size_t *n, frt_error_t *err);
bool frti_fd_write(int fd, const uint8_t *bytes, size_t n); /* false: errno */
bool frti_fd_sync(int fd);
/* "NAME.tmp" and six letters. */
void frti_side_name(char *to, size_t cap, const char *of);
/* Names in `d` (NULL: says what errno does), which it closes: regular files that end in
 * `suffix`, or, with NULL, folders that are no links. */
frt_status_t frti_list_opened(DIR *d, const char *dir, const char *suffix,
                              const char ***names, size_t *n, frt_error_t *err);

#endif
