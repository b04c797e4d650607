/* Opened folders: what is done in one stays in it, though its path may come to mean another
 * folder meanwhile. Links in it are not followed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/file.h"

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC, TEXT = 4096 };

/* "folder/name" for messages. */
static const char *text_of(const frti_folder_t *f, const char *name, char *to) {
  snprintf(to, TEXT, "%s/%s", f->path, name);
  return to;
}

static frt_status_t failed(const frti_folder_t *f, const char *what, const char *name,
                           frt_error_t *err) {
  const int e = errno;
  char text[TEXT];
  return frti_os_error(err, what, text_of(f, name, text), e);
}

/* A failure of writing, whatever errno says. */
static frt_status_t unwritten(frt_status_t status, frt_error_t *err) {
  if (status == FRT_OK) return FRT_OK;
  if (err) err->status = FRT_UNAVAILABLE;
  return FRT_UNAVAILABLE;
}

static int open_in(int at, const char *name, int flags, mode_t mode) {
  int fd;
  do fd = openat(at, name, flags, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

static frt_status_t opened(int fd, const char *path, frti_folder_t *out, frt_error_t *err) {
  if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
    frt_fail(err, FRT_INVALID_ARGUMENT, "'%s' is no folder, or a link to one", path);
    return frti_error_name(err, FRT_INVALID_ARGUMENT, path);
  }
  if (fd < 0) return frti_os_error(err, "open folder", path, errno);
  *out = (frti_folder_t){fd, frti_strdup(path)};
  if (out->path) return FRT_OK;
  frti_folder_close(out);
  return frti_no_memory(err);
}

frt_status_t frti_folder_open(const char *path, frti_folder_t *out, frt_error_t *err) {
  *out = (frti_folder_t)FRTI_NO_FOLDER;
  return opened(open_in(AT_FDCWD, path, FOLDER_FLAGS, 0), path, out, err);
}

frt_status_t frti_folder_enter(const frti_folder_t *f, const char *name, frti_folder_t *out,
                               frt_error_t *err) {
  char text[TEXT];
  *out = (frti_folder_t)FRTI_NO_FOLDER;
  const int fd = open_in(f->fd, name, FOLDER_FLAGS | O_NOFOLLOW, 0);
  return opened(fd, text_of(f, name, text), out, err);
}

frt_status_t frti_folder_make(const frti_folder_t *f, const char *name, frti_folder_t *out,
                              frt_error_t *err) {
  *out = (frti_folder_t)FRTI_NO_FOLDER;
  if (mkdirat(f->fd, name, 0777)) return failed(f, "make folder", name, err);
  return frti_folder_enter(f, name, out, err);
}

void frti_folder_close(frti_folder_t *f) {
  if (f->fd >= 0) close(f->fd);
  frti_free(f->path);
  *f = (frti_folder_t)FRTI_NO_FOLDER;
}

frti_entry_t frti_folder_has(const frti_folder_t *f, const char *name) {
  struct stat st;
  if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW)) return FRTI_NOTHING;
  return S_ISDIR(st.st_mode) ? FRTI_FOLDER : S_ISREG(st.st_mode) ? FRTI_FILE : FRTI_OTHER;
}

frt_status_t frti_folder_read(const frti_folder_t *f, const char *name, uint64_t max,
                              uint8_t **bytes, size_t *n, frt_error_t *err) {
  char text[TEXT];
  const int fd = open_in(f->fd, name, FRTI_READ_FLAGS | O_NOFOLLOW, 0);
  return frti_fd_read(fd, text_of(f, name, text), max, bytes, n, err);
}

/* ---- writing --------------------------------------------------------------------------- */

static int write_opened(int fd, const void *bytes, size_t n) {
  int e = 0;
  if (!frti_fd_write(fd, bytes, n) || !frti_fd_sync(fd)) e = errno ? errno : EIO;
  if (close(fd) && !e && errno != EINTR) e = errno;
  return e;
}

frt_status_t frti_folder_write_new(const frti_folder_t *f, const char *name,
                                   const void *bytes, size_t n, frt_error_t *err) {
  const int fd = open_in(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) {
    frt_fail(err, FRT_ALREADY_EXISTS, "'%.200s/%.60s' is there already: on this disk two "
             "names are one", f->path, name);
    return frti_error_name(err, FRT_ALREADY_EXISTS, name);
  }
  errno = fd < 0 ? errno : write_opened(fd, bytes, n);
  return errno ? unwritten(failed(f, "write", name, err), err) : FRT_OK;
}

frt_status_t frti_folder_write(const frti_folder_t *f, const char *name, const void *bytes,
                               size_t n, frt_error_t *err) {
  char side[32];
  int fd = -1, e = 0;
  if (frti_folder_has(f, name) == FRTI_FOLDER) {
    errno = EISDIR;
    return failed(f, "write", name, err);
  }
  for (int tries = 0; fd < 0 && tries < 100; ++tries) {
    frti_side_name(side, sizeof side, "%"); /* no name of a variable, and short */
    fd = open_in(f->fd, side, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) break;
  }
  if (fd < 0) return unwritten(failed(f, "write", name, err), err);
  e = write_opened(fd, bytes, n);
  while (!e && renameat(f->fd, side, f->fd, name))
    if (errno != EINTR) e = errno;
  if (!e) return FRT_OK;
  unlinkat(f->fd, side, 0);
  errno = e;
  return unwritten(failed(f, "write", name, err), err);
}

/* Not every file system can sync a folder; that is not a failed write. */
frt_status_t frti_folder_sync(const frti_folder_t *f, frt_error_t *err) {
  if (frti_fd_sync(f->fd) || errno == EINVAL || errno == ENOTSUP) return FRT_OK;
  return frti_os_error(err, "sync folder", f->path, errno);
}

frt_status_t frti_folder_rename(const frti_folder_t *f, const char *from, const char *to,
                                frt_error_t *err) {
  while (renameat(f->fd, from, f->fd, to))
    if (errno != EINTR) return failed(f, "rename", from, err);
  return frti_folder_sync(f, err);
}

/* One step for who looks: neither name is ever missing. */
frt_status_t frti_folder_exchange(const frti_folder_t *f, const char *a, const char *b,
                                  bool *done, frt_error_t *err) {
  *done = !renameat2(f->fd, a, f->fd, b, RENAME_EXCHANGE);
  if (*done) return frti_folder_sync(f, err);
  if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) return FRT_OK;
  return failed(f, "rename", a, err);
}

uint64_t frti_folder_stamp(const frti_folder_t *f, const char *name) {
  struct stat st;
  if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW)) return 0;
  const uint64_t parts[] = {st.st_ino, (uint64_t)st.st_mtim.tv_sec,
                            (uint64_t)st.st_mtim.tv_nsec, (uint64_t)st.st_ctim.tv_nsec};
  return frti_hash(parts, sizeof parts, 1);
}

/* ---- listing and removing ----------------------------------------------------------------- */

/* A handle of its own: reading moves the position, and closing closes it. */
static DIR *reader_of(const frti_folder_t *f) {
  const int fd = open_in(f->fd, ".", FOLDER_FLAGS, 0);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  const int e = errno;
  if (!d && fd >= 0) close(fd);
  errno = e;
  return d;
}

frt_status_t frti_folder_list(const frti_folder_t *f, const char *suffix,
                              const char ***names, size_t *n, frt_error_t *err) {
  return frti_list_opened(reader_of(f), f->path, suffix, names, n, err);
}

static frt_status_t empty(const frti_folder_t *f, frt_error_t *err) {
  frt_status_t status = FRT_OK;
  struct dirent *entry;
  DIR *d = reader_of(f);
  if (!d) return frti_os_error(err, "open folder", f->path, errno);
  while (status == FRT_OK && (errno = 0, entry = readdir(d)) != NULL)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
        unlinkat(f->fd, entry->d_name, 0) && errno != ENOENT)
      status = failed(f, "remove", entry->d_name, err);
  if (status == FRT_OK && errno) status = frti_os_error(err, "read folder", f->path, errno);
  closedir(d);
  return status;
}

frt_status_t frti_folder_remove(const frti_folder_t *f, const char *name, frt_error_t *err) {
  const frti_entry_t kind = frti_folder_has(f, name);
  frti_folder_t inner;
  if (kind == FRTI_NOTHING) return FRT_OK;
  if (kind == FRTI_FOLDER) {
    FRT_TRY(frti_folder_enter(f, name, &inner, err));
    const frt_status_t status = empty(&inner, err);
    frti_folder_close(&inner);
    FRT_TRY(status);
  }
  if (unlinkat(f->fd, name, kind == FRTI_FOLDER ? AT_REMOVEDIR : 0) && errno != ENOENT)
    return failed(f, "remove", name, err);
  return FRT_OK;
}

/* The kernel gives it back when the process dies. Where there are no such locks (some
 * network disks), nothing is locked. */
frt_status_t frti_folder_lock(const frti_folder_t *f, frt_error_t *err) {
  while (flock(f->fd, LOCK_EX | LOCK_NB)) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return FRT_OK;
    return frt_fail(err, FRT_BUSY, "another process or thread is saving to '%.200s'", f->path);
  }
  return FRT_OK;
}
