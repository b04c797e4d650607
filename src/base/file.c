/* Files: read whole, written to the side, listed in order. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/file.h"

frt_status_t frti_os_error(frt_error_t *err, const char *what, const char *path, int e) {
  frt_status_t status = e == ENOENT ? FRT_NOT_FOUND : FRT_UNAVAILABLE;
  const char *why = strerrordesc_np(e);
  frt_fail(err, status, "cannot %s '%s': %s", what, path, why ? why : "unknown error");
  if (err) err->native = e;
  return frti_error_name(err, status, path);
}

bool frti_is_dir(const char *path) {
  struct stat st;
  return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool frti_is_file(const char *path) {
  struct stat st;
  return !stat(path, &st) && S_ISREG(st.st_mode);
}

bool frti_others_may_write(const char *path) {
  struct stat st;
  return !stat(path, &st) && (st.st_mode & S_IWOTH) != 0;
}

/* ---- reading ------------------------------------------------------------------ */

static frt_status_t too_large(frt_error_t *err, const char *path, uint64_t max) {
  frt_fail(err, FRT_RESOURCE_EXHAUSTED, "'%s' is larger than %" PRIu64 " bytes", path, max);
  return frti_error_name(err, FRT_RESOURCE_EXHAUSTED, path);
}

/* Reads to the end: the size that was told may be old (a file that grows) or 0. */
static frt_status_t read_all(int fd, const char *path, uint64_t max, size_t guess,
                             frti_str_t *to, frt_error_t *err) {
  size_t cap = guess + 1; /* one more tells "all" from "more" */
  for (;;) {
    ssize_t got;
    if (to->cap < to->len + cap + 1) {
      size_t want = to->len + cap + 1;
      char *p = frti_realloc(to->text, want);
      if (!p) return frti_no_memory(err);
      to->text = p;
      to->cap = want;
    }
    got = read(fd, to->text + to->len, to->cap - 1 - to->len);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return frti_os_error(err, "read", path, errno);
    if (got == 0) break;
    to->len += (size_t)got;
    if (max && to->len > max) return too_large(err, path, max);
    if (to->cap - 1 == to->len) cap = FRTI_MAX(to->len, 4096u);
    else cap = to->cap - 1 - to->len;
  }
  to->text[to->len] = 0;
  return FRT_OK;
}

frt_status_t frti_fd_read(int fd, const char *path, uint64_t max, uint8_t **bytes, size_t *n,
                          frt_error_t *err) {
  frti_str_t all = {0};
  struct stat st;
  frt_status_t status;
  *bytes = NULL;
  *n = 0;
  if (fd < 0 && errno == ELOOP) {
    frt_fail(err, FRT_INVALID_ARGUMENT, "'%s' is a symbolic link; wanted the file itself",
             path);
    return frti_error_name(err, FRT_INVALID_ARGUMENT, path);
  }
  if (fd < 0) return frti_os_error(err, "open", path, errno);
  if (fstat(fd, &st)) {
    status = frti_os_error(err, "read", path, errno);
  } else if (!S_ISREG(st.st_mode)) {
    frt_fail(err, FRT_INVALID_ARGUMENT, "'%s' is not a regular file", path);
    status = frti_error_name(err, FRT_INVALID_ARGUMENT, path);
  } else if (max && (uint64_t)st.st_size > max) {
    status = too_large(err, path, max);
  } else {
    status = read_all(fd, path, max, (size_t)st.st_size, &all, err);
  }
  close(fd);
  if (status != FRT_OK) {
    frti_str_release(&all);
    return status;
  }
  *bytes = (uint8_t *)all.text;
  *n = all.len;
  return FRT_OK;
}

static frt_status_t read_file(const char *path, int flags, uint64_t max, uint8_t **bytes,
                              size_t *n, frt_error_t *err) {
  int fd;
  do fd = open(path, FRTI_READ_FLAGS | flags);
  while (fd < 0 && errno == EINTR);
  return frti_fd_read(fd, path, max, bytes, n, err);
}

frt_status_t frti_file_read(const char *path, uint64_t max, uint8_t **bytes, size_t *n,
                            frt_error_t *err) {
  return read_file(path, 0, max, bytes, n, err);
}

frt_status_t frti_file_read_itself(const char *path, uint8_t **bytes, size_t *n,
                                   frt_error_t *err) {
  return read_file(path, O_NOFOLLOW, 0, bytes, n, err);
}

/* ---- writing ------------------------------------------------------------------ */

bool frti_fd_write(int fd, const uint8_t *bytes, size_t n) {
  while (n) {
    ssize_t put = write(fd, bytes, n);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes += put;
    n -= (size_t)put;
  }
  return true;
}

bool frti_fd_sync(int fd) {
  while (fsync(fd))
    if (errno != EINTR) return false;
  return true;
}

/* Not every file system can sync a folder; that is not a failed write. */
static frt_status_t sync_folder(const char *path, frt_error_t *err) {
  const char *slash = strrchr(path, '/');
  size_t n = slash ? FRTI_MAX((size_t)(slash - path), 1u) : 1;
  char *folder = frti_alloc(n + 1);
  frt_status_t status = FRT_OK;
  int fd;
  if (!folder) return frti_no_memory(err);
  memcpy(folder, slash ? path : ".", n);
  folder[n] = 0;
  do fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (fd < 0 && errno == EINTR);
  /* Who may write into a folder need not be allowed to read it. */
  if (fd < 0 && errno != EACCES) status = frti_os_error(err, "sync folder", folder, errno);
  if (fd >= 0 && !frti_fd_sync(fd) && errno != EINVAL && errno != ENOTSUP)
    status = frti_os_error(err, "sync folder", folder, errno);
  if (fd >= 0) close(fd);
  frti_free(folder);
  return status;
}

void frti_side_name(char *to, size_t cap, const char *of) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
  uint64_t r = frti_random_seed();
  char end[7];
  for (int i = 0; i < 6; ++i, r >>= 5) end[i] = letters[r & 31];
  end[6] = 0;
  snprintf(to, cap, "%s.tmp%s", of, end);
}

/* A new file beside `path`. Not mkstemp: its files are private to the user, these
 * follow the umask. */
static int open_beside(const char *path, char *temp, size_t cap) {
  for (int tries = 0; tries < 100; ++tries) {
    frti_side_name(temp, cap, path);
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || (errno != EEXIST && errno != EINTR)) return fd;
  }
  return -1;
}

frt_status_t frti_file_write(const char *path, const void *bytes, size_t n,
                             frt_error_t *err) {
  size_t cap = strlen(path) + 16;
  struct stat st;
  char *temp;
  int fd, e = 0;
  /* Renaming over a device or a folder would destroy or fail: say so before. */
  if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
    frt_fail(err, FRT_UNAVAILABLE, "cannot write '%s': not a regular file", path);
    if (err) err->native = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    return frti_error_name(err, FRT_UNAVAILABLE, path);
  }
  temp = frti_alloc(cap);
  if (!temp) return frti_no_memory(err);
  fd = open_beside(path, temp, cap);
  if (fd < 0) {
    e = errno;
  } else {
    if (!frti_fd_write(fd, bytes, n) || !frti_fd_sync(fd)) e = errno ? errno : EIO;
    if (close(fd) && !e && errno != EINTR) e = errno;
    while (!e && rename(temp, path))
      if (errno != EINTR) e = errno;
    if (e) unlink(temp);
  }
  frti_free(temp);
  if (!e) return sync_folder(path, err);
  frti_os_error(err, "write", path, e);
  if (err) err->status = FRT_UNAVAILABLE;
  return FRT_UNAVAILABLE;
}

frt_status_t frti_make_dir(const char *path, frt_error_t *err) {
  char *copy = frti_strdup(path);
  frt_status_t status = FRT_OK;
  if (!copy) return frti_no_memory(err);
  for (char *at = copy + 1; copy[0]; ++at) {
    char was = *at;
    if (was && was != '/') continue;
    *at = 0;
    if (mkdir(copy, 0777) && (errno != EEXIST || !frti_is_dir(copy))) {
      status = frti_os_error(err, "make folder", copy, errno == EEXIST ? ENOTDIR : errno);
      break;
    }
    *at = was;
    if (!was) break;
  }
  frti_free(copy);
  return status;
}

/* ---- listing ------------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A regular file that ends in `suffix`, or, with NULL, a folder that is no link. */
static bool wanted(int folder, const char *name, const char *suffix) {
  size_t n = strlen(name), m = suffix ? strlen(suffix) : 0;
  struct stat st;
  if (!suffix)
    return strcmp(name, ".") && strcmp(name, "..") &&
           !fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
  if (n < m || strcmp(name + n - m, suffix)) return false;
  return !fstatat(folder, name, &st, 0) && S_ISREG(st.st_mode);
}

/* Moves the pieces into one block: the pointers, then the texts. */
static const char **pack(char **pieces, size_t n) {
  size_t bytes = FRTI_MAX(n, 1u) * sizeof(char *);
  const char **all;
  char *text;
  for (size_t i = 0; i < n; ++i) bytes += strlen(pieces[i]) + 1;
  all = frti_alloc(bytes);
  if (!all) return NULL;
  text = (char *)(all + FRTI_MAX(n, 1u));
  for (size_t i = 0; i < n; ++i) {
    size_t len = strlen(pieces[i]) + 1;
    all[i] = memcpy(text, pieces[i], len);
    text += len;
  }
  return all;
}

frt_status_t frti_list_opened(DIR *d, const char *dir, const char *suffix,
                              const char ***names, size_t *n, frt_error_t *err) {
  char **pieces = NULL;
  size_t count = 0, cap = 0;
  frt_status_t status = FRT_OK;
  struct dirent *entry;
  *names = NULL;
  *n = 0;
  if (!d) return frti_os_error(err, "open folder", dir, errno);
  while (errno = 0, (entry = readdir(d)) != NULL) {
    if (!wanted(dirfd(d), entry->d_name, suffix)) continue;
    if (!FRTI_GROW(pieces, count, cap) || !(pieces[count] = frti_strdup(entry->d_name))) {
      status = frti_no_memory(err);
      break;
    }
    ++count;
  }
  if (status == FRT_OK && errno) status = frti_os_error(err, "read folder", dir, errno);
  closedir(d);
  if (count) qsort(pieces, count, sizeof *pieces, by_bytes);
  if (status == FRT_OK && !(*names = pack(pieces, count))) status = frti_no_memory(err);
  if (status == FRT_OK) *n = count;
  for (size_t i = 0; i < count; ++i) frti_free(pieces[i]);
  frti_free(pieces);
  return status;
}

frt_status_t frti_list_dir(const char *dir, const char *suffix, const char ***names,
                           size_t *n, frt_error_t *err) {
  return frti_list_opened(opendir(dir), dir, suffix, names, n, err);
}
