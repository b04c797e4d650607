/* The system's calls for files, linked with --wrap: one of them can be made to fail, or
 * something can be made to happen just before one. */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

/* From FSTAT on they are not interrupted. */
enum { OPEN, OPENAT, READ, WRITE, FSYNC, RENAME, RENAMEAT, CLOSE, FSTAT, MKDIR, MKDIRAT,
       UNLINKAT, RENAMEAT2, OPENDIR, FDOPENDIR, READDIR, CALLS };
static const char *const call_names[CALLS] = {
    "open", "openat", "read", "write", "fsync", "rename", "renameat", "close", "fstat", "mkdir",
    "mkdirat", "unlinkat", "renameat2", "opendir", "fdopendir", "readdir"};
enum { SHORT = -1 }; /* instead of an errno: a count of one byte */

static struct {
  int on, call, at, how; /* the at-th `call` (from 1) fails so */
  int seen[CALLS], hit;
  int cannot_exchange; /* an errno for every renameat2 */
  void (*before)(int call, int n, const char *name); /* something happens meanwhile */
} fault;

/* From now on, until fault.on is 0. Call -1: none fails. */
static void arm(int call, int n, int how) {
  memset(&fault, 0, sizeof fault);
  fault.call = call;
  fault.at = n;
  fault.how = how;
  fault.on = 1;
}

/* 0: go on. Else SHORT, or what errno now is. */
static int fails(int call, const char *name) {
  if (!fault.on) return 0;
  if (call == RENAMEAT2 && fault.cannot_exchange) return errno = fault.cannot_exchange;
  ++fault.seen[call];
  if (fault.before) {
    fault.on = 0; /* its own calls are not seen */
    fault.before(call, fault.seen[call], name);
    fault.on = 1;
  }
  if (fault.call != call || fault.seen[call] != fault.at) return 0;
  fault.hit = 1;
  if (fault.how > 0) errno = fault.how;
  return fault.how;
}

#define WRAP(type, call, index, params, args, name, failure)              \
  type __real_##call params;                                              \
  type __wrap_##call params;                                              \
  type __wrap_##call params {                                             \
    return fails(index, name) > 0 ? failure : __real_##call args;         \
  }
WRAP(int, fsync, FSYNC, (int fd), (fd), NULL, -1)
WRAP(int, rename, RENAME, (const char *f, const char *t), (f, t), t, -1)
WRAP(int, renameat, RENAMEAT, (int a, const char *f, int b, const char *t), (a, f, b, t), t, -1)
WRAP(int, renameat2, RENAMEAT2, (int a, const char *f, int b, const char *t, unsigned how),
     (a, f, b, t, how), t, -1)
WRAP(int, fstat, FSTAT, (int fd, struct stat *st), (fd, st), NULL, -1)
WRAP(int, mkdir, MKDIR, (const char *p, mode_t m), (p, m), p, -1)
WRAP(int, mkdirat, MKDIRAT, (int a, const char *p, mode_t m), (a, p, m), p, -1)
WRAP(int, unlinkat, UNLINKAT, (int a, const char *p, int f), (a, p, f), p, -1)
WRAP(DIR *, opendir, OPENDIR, (const char *p), (p), p, NULL)
WRAP(DIR *, fdopendir, FDOPENDIR, (int fd), (fd), NULL, NULL)
WRAP(struct dirent *, readdir, READDIR, (DIR *d), (d), NULL, NULL)

static int mode_of(int flags, va_list ap) { return flags & O_CREAT ? va_arg(ap, int) : 0; }
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
  va_list ap;
  va_start(ap, flags);
  const int mode = mode_of(flags, ap);
  va_end(ap);
  return fails(OPEN, path) > 0 ? -1 : __real_open(path, flags, mode);
}
int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...) {
  va_list ap;
  va_start(ap, flags);
  const int mode = mode_of(flags, ap);
  va_end(ap);
  return fails(OPENAT, path) > 0 ? -1 : __real_openat(at, path, flags, mode);
}
ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n) {
  const int how = fails(READ, NULL);
  return how > 0 ? -1 : __real_read(fd, to, how == SHORT && n ? 1 : n);
}
ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n) {
  const int how = fails(WRITE, NULL);
  return how > 0 ? -1 : __real_write(fd, from, how == SHORT && n ? 1 : n);
}
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
  const int got = __real_close(fd); /* it is closed all the same */
  return fails(CLOSE, NULL) > 0 ? -1 : got;
}

#endif
