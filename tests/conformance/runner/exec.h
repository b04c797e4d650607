/* One op prepared on one target, with buffers of its own: for axes that run it more than
 * once, from several threads or on several queues. frti_exec does all steps in turn. */
#ifndef FRTI_CONFORM_EXEC_H
#define FRTI_CONFORM_EXEC_H

#include "runner/runner.h"

/* A buffer in an arena: its bytes, and around them guards from `from` up to `to`. */
typedef struct frti_buffer {
  size_t at, bytes, from, to;
  uint8_t *before; /* an input's bytes before the run */
  int laid;        /* it has a place */
} frti_buffer_t;

/* All buffers of one run, one behind the other. For a device with memory of its own,
 * `host` is the image of what lies in `dev`. */
typedef struct frti_arena {
  uint8_t *host, *dev;
  size_t bytes;
  int place; /* FRTI_ALIGNED ... */
  void *base;
} frti_arena_t;

/* buffers.c. Buffers are laid first, then the arena is opened, then they have addresses. */
void frti_buffer_lay(frti_arena_t *a, frti_buffer_t *b, size_t bytes, size_t align);
frt_status_t frti_arena_open(frti_arena_t *a, const frti_target_t *t, frt_error_t *err);
void frti_arena_close(frti_arena_t *a, const frti_target_t *t);
/* The whole arena to or from the device; nothing to do in host memory. */
frt_status_t frti_arena_copy(const frti_arena_t *a, const frti_target_t *t,
                             uint32_t direction, frt_error_t *err);
/* Gives a buffer its pages: for reading only, or for both. Arenas of pages only. */
void frti_buffer_permit(const frti_arena_t *a, const frti_buffer_t *b, int read_only);
/* What was broken around it, or NULL. */
const char *frti_buffer_fault(const frti_arena_t *a, const frti_buffer_t *b);
/* Where an address lies seen from this buffer: "the byte 4 behind it"; 0: elsewhere. */
int frti_buffer_locate(const frti_arena_t *a, const frti_buffer_t *b, const void *address,
                       char *to, size_t cap);

typedef struct frti_exec frti_exec_t;
frt_status_t frti_exec_open(const frti_target_t *t, const frti_probe_t *p, frti_variant_t v,
                            frti_exec_t **out, frt_error_t *err);
/* The same with another exec's prepared kernel, which lives longer; t differs from its
 * target in the queue only. */
frt_status_t frti_exec_share(const frti_exec_t *with, const frti_target_t *t,
                             frti_variant_t v, frti_exec_t **out, frt_error_t *err);
/* Hands the op to the target's queue and does not wait. */
frt_status_t frti_exec_launch(frti_exec_t *x, frt_error_t *err);
/* Waits for the queue, and takes outputs and faults. */
frt_status_t frti_exec_finish(frti_exec_t *x, frti_outcome_t *o, frt_error_t *err);
/* From now on input i is output k of another one, where it lies. */
void frti_exec_link(frti_exec_t *x, uint32_t i, const frti_exec_t *from, uint32_t k);
/* Other values for input i, as doubles. */
frt_status_t frti_exec_write(frti_exec_t *x, uint32_t i, const double *d, frt_error_t *err);
void frti_exec_close(frti_exec_t *x);
/* Says which buffer of the exec that runs now an address is near to; for a signal
 * handler. 0: none. */
int frti_exec_locate(const void *address, char *to, size_t cap);

#endif
