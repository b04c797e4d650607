/* The process that a provider is a guest in: what it must leave as it was, and what must
 * not pile up. */
#ifndef FRTI_CONFORM_PROCESS_H
#define FRTI_CONFORM_PROCESS_H

#include "runner/runner.h"

/* Takes standard output and error away, so that what is printed can be seen, and explains
 * faults: a line for the case on `to`, then the process ends with this status. */
enum { FRTI_EXPLAINED = 86 };
void frti_process_watch(FILE *to);

typedef struct frti_process {
  int rounding;
  uint32_t modes;                   /* of floating-point arithmetic */
  uint64_t environment, signals, folder;
  int64_t printed[2];               /* bytes on standard output and error */
  char locale[256];
} frti_process_t;
void frti_process_look(frti_process_t *p);
/* Compares with how it was and says what was changed; 0: nothing. Arithmetic is put right
 * again, for the sake of what comes next. */
int frti_process_changed(const frti_process_t *was, char *why, size_t cap);

/* Things that a steady run must not gather. */
enum { FRTI_FILES, FRTI_THREADS, FRTI_BLOCKS, FRTI_BYTES, FRTI_PAGES, FRTI_N_THINGS };
extern const char *const frti_thing_names[FRTI_N_THINGS];
typedef struct frti_things { int64_t n[FRTI_N_THINGS]; } frti_things_t;
void frti_things_count(frti_things_t *t, const frti_bench_t *b);
/* 1 and why if something grew from each of n counts to the next. */
int frti_things_grow(const frti_things_t *counts, int n, char *why, size_t cap);

#endif
