/* Inside `virtual`: devices, slabs, queues of jobs, and the faults asked for. */
#ifndef FRT_VIRTUAL_H
#define FRT_VIRTUAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fluidrt/provider.h"

enum { VIRTUAL_MAX_DEVICES = 8, VIRTUAL_MAX_REFUSED = 8 };

/* What FRT_VIRTUAL_FAULT and the other variables ask for; counts start at 1, 0 is never. */
typedef struct settings {
  char base[32];
  uint32_t n_devices;
  uint64_t seed, delay_us;
  int late; /* copies touch the host's memory when their turn comes, not before */
  uint64_t oom, lost, fail, copy, slow;
  char refused[VIRTUAL_MAX_REFUSED][48];
  uint32_t n_refused;
} settings_t;
frt_status_t frt_virtual_settings(settings_t *s, frt_error_t *err);
/* One option or variable of that name, without its prefix and in lower case. */
frt_status_t frt_virtual_set(settings_t *s, const char *key, const char *value,
                             frt_error_t *err);

/* ---- memory ----------------------------------------------------------------- */

typedef struct slab {
  char *token, *alias; /* token: never accessible, never handed out twice */
  uint64_t bytes, mapped;
  uint32_t kind, device;
} slab_t;

typedef struct region { /* address space that tokens are cut from */
  char *at;
  size_t bytes, used;
  struct region *next;
} region_t;

typedef struct memory {
  const frt_api_host_t *host;
  pthread_rwlock_t lock; /* shared while a job uses aliases */
  slab_t *slabs;         /* the living ones */
  uint32_t n, cap;
  region_t *regions;
} memory_t;

void frt_virtual_memory_init(memory_t *m, const frt_api_host_t *host);
void frt_virtual_memory_close(memory_t *m);
frt_status_t frt_virtual_slab_new(memory_t *m, uint32_t device, uint32_t kind, uint64_t bytes,
                                  void **out, frt_error_t *err);
/* NULL, or what is wrong with freeing it. */
const char *frt_virtual_slab_free(memory_t *m, uint32_t device, uint32_t kind, void *p);
/* Where `bytes` at token address p of this device lie; the lock is held. Errors:
 * INTERNAL that names the address and `what`. */
frt_status_t frt_virtual_real(const memory_t *m, uint32_t device, const void *p,
                              uint64_t bytes, const char *what, void **out, frt_error_t *err);
/* Whether host code may use this address: no token of a device is in the range. */
int frt_virtual_is_host(memory_t *m, const void *p, uint64_t bytes);
/* Whether all of the range is in one pinned slab. */
int frt_virtual_is_pinned(memory_t *m, const void *p, uint64_t bytes);

/* ---- devices, queues, events ---------------------------------------------------- */

typedef struct virtual {
  const frt_api_host_t *host;
  frt_api_provider_t *base;
  settings_t settings;
  memory_t memory;
  char desc[VIRTUAL_MAX_DEVICES][96];
} virtual_t;

struct frt_dev {
  virtual_t *v;
  uint32_t index;
  settings_t settings;
  frt_dev_t *base;
  _Atomic int lost;
  _Atomic uint64_t ops, slabs, copies;
  _Atomic uint32_t queues;
};

struct frt_prepared {
  virtual_t *v;
  frt_prepared_t *base;
  int32_t block, op;
  char type[48];
};

struct frt_event {
  const frt_api_host_t *host;
  pthread_mutex_t lock;
  pthread_cond_t done_one;
  uint64_t recorded, done; /* numbers of records: asked for, reached */
  uint32_t refs;
};

typedef enum job_kind { JOB_RUN, JOB_COPY, JOB_RECORD, JOB_WAIT } job_kind_t;

typedef struct job {
  struct job *next;
  job_kind_t kind;
  uint64_t number; /* of the queue's jobs */
  const frt_prepared_t *k;
  frt_api_run_t run;  /* all it points at lies in `room` */
  uint32_t direction; /* copies */
  void *dst;
  const void *src;
  uint64_t bytes;
  frt_event_t *event;
  uint64_t ticket;
  char *room;
  size_t room_bytes;
} job_t;

struct frt_queue {
  frt_dev_t *dev;
  frt_queue_t *base;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t work, idle;
  job_t *first, *last, *spare;
  uint64_t asked, done;
  int ending;
  frt_status_t status; /* of the first job that failed since the last sync */
  frt_error_t err;
  uint64_t dice;
};

frt_status_t frt_virtual_lost(const frt_dev_t *dev, frt_error_t *err);
frt_status_t frt_virtual_queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err);
frt_status_t frt_virtual_queue_sync(frt_queue_t *q, frt_error_t *err);
void frt_virtual_queue_close(frt_queue_t *q);
frt_status_t frt_virtual_event_open(frt_dev_t *dev, frt_event_t **out, frt_error_t *err);
frt_status_t frt_virtual_event_record(frt_event_t *e, frt_queue_t *q, frt_error_t *err);
frt_status_t frt_virtual_event_wait(frt_event_t *e, frt_queue_t *q, frt_error_t *err);
void frt_virtual_event_close(frt_event_t *e);
frt_status_t frt_virtual_copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                              const void *src, uint64_t bytes, frt_error_t *err);
frt_status_t frt_virtual_op_run(const frt_prepared_t *k, const frt_api_run_t *run,
                                frt_error_t *err);

/* jobs.c: an empty job with at least this much room, and its end; q->lock is not held. */
job_t *frt_virtual_job_new(frt_queue_t *q, size_t room);
void frt_virtual_job_drop(frt_queue_t *q, job_t *j);
/* Copies a run and all it points at into a job. */
frt_status_t frt_virtual_job_run(frt_queue_t *q, const frt_prepared_t *k,
                                 const frt_api_run_t *run, job_t **out, frt_error_t *err);
/* Does a job; called by the queue's thread. */
frt_status_t frt_virtual_job_do(frt_queue_t *q, job_t *j, frt_error_t *err);

#endif
