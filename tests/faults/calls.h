/* The system's calls for files, linked with --wrap: one of them can be made to fail. */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { OPEN, READ, WRITE, FSYNC, RENAME, CLOSE, FSTAT, MKDIR, OPENDIR, READDIR, CALLS };
static const char *const call_names[CALLS] = {"open", "read", "write", "fsync", "rename",
                                              "close", "fstat", "mkdir", "opendir", "readdir"};
enum { SHORT = -1 }; /* instead of an errno: a count of one byte */

static struct {
  int on, call, at, how; /* the at-th `call` (from 1) fails so */
  int seen[CALLS];
  int hit;
} fault;

/* A file that another process adds to with each read. */
static struct { const char *path; int reads; } growing;
static void grow_file(void) {
  static char more[4096];
  FILE *f = fopen(growing.path, "ab");
  assert_non_null(f);
  ++growing.reads;
  assert_int_equal(1, fwrite(more, sizeof more, 1, f));
  fclose(f);
}

/* 0: go on. */
static int fails(int call) {
  if (!fault.on) return 0;
  ++fault.seen[call];
  if (fault.call != call || fault.seen[call] != fault.at) return 0;
  fault.hit = 1;
  return fault.how;
}
static int failed(int how) {
  errno = how;
  return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
  va_list ap;
  va_start(ap, flags);
  const int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
  va_end(ap);
  const int how = fails(OPEN);
  return how > 0 ? failed(how) : __real_open(path, flags, mode);
}
int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...) {
  va_list ap;
  va_start(ap, flags);
  const int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
  va_end(ap);
  const int how = fails(OPEN);
  return how > 0 ? failed(how) : __real_openat(at, path, flags, mode);
}
ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n) {
  const int how = fails(READ);
  if (growing.path) grow_file();
  return how > 0 ? failed(how) : __real_read(fd, to, how == SHORT && n ? 1 : n);
}
ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n) {
  const int how = fails(WRITE);
  return how > 0 ? failed(how) : __real_write(fd, from, how == SHORT && n ? 1 : n);
}
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
  const int how = fails(FSYNC);
  return how > 0 ? failed(how) : __real_fsync(fd);
}
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
  const int how = fails(RENAME);
  return how > 0 ? failed(how) : __real_rename(from, to);
}
int __real_renameat(int at, const char *from, int to_at, const char *to);
int __wrap_renameat(int at, const char *from, int to_at, const char *to);
int __wrap_renameat(int at, const char *from, int to_at, const char *to) {
  const int how = fails(RENAME);
  return how > 0 ? failed(how) : __real_renameat(at, from, to_at, to);
}
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
  const int how = fails(CLOSE), got = __real_close(fd); /* it is closed all the same */
  return how > 0 ? failed(how) : got;
}
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st) {
  const int how = fails(FSTAT);
  return how > 0 ? failed(how) : __real_fstat(fd, st);
}
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode) {
  const int how = fails(MKDIR);
  return how > 0 ? failed(how) : __real_mkdir(path, mode);
}
int __real_mkdirat(int at, const char *path, mode_t mode);
int __wrap_mkdirat(int at, const char *path, mode_t mode);
int __wrap_mkdirat(int at, const char *path, mode_t mode) {
  const int how = fails(MKDIR);
  return how > 0 ? failed(how) : __real_mkdirat(at, path, mode);
}
DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd) {
  const int how = fails(OPENDIR);
  if (how <= 0) return __real_fdopendir(fd);
  errno = how;
  return NULL;
}
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path) {
  const int how = fails(OPENDIR);
  if (how <= 0) return __real_opendir(path);
  errno = how;
  return NULL;
}
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d) {
  const int how = fails(READDIR);
  if (how <= 0) return __real_readdir(d);
  errno = how;
  return NULL;
}

#endif
