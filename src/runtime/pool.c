/* A fixed pool of threads. Work is cut at multiples of the grain, never by the number
 * of threads, so results do not depend on who runs a piece. Workers spin briefly, then
 * sleep; a caller that finds the pool taken does its work alone. */
#include <pthread.h>
#include <stdatomic.h>

#include "runtime/internal.h"

enum {
  SPINS = 2000,
  MIN_STACK = 1 << 20 /* of a worker, whatever the process' limit: kernels use blocks */
};

typedef struct job {
  void (*fn)(void *arg, int64_t lo, int64_t hi);
  void *arg;
  int64_t n, grain;
} job_t;

struct frti_pool {
  uint32_t threads, started;
  uint64_t process; /* that has the workers: a child of fork has none */
  pthread_t *ids;
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  _Atomic uint64_t round; /* raised for each job */
  _Atomic int64_t next;   /* first element nobody has taken */
  _Atomic uint32_t busy;  /* workers inside the current job */
  _Atomic int taken;
  bool stop;
  job_t job;
};

static void work(frti_pool_t *p, const job_t *job) {
  for (;;) {
    int64_t lo = atomic_fetch_add_explicit(&p->next, job->grain, memory_order_relaxed);
    if (lo >= job->n) return;
    job->fn(job->arg, lo, FRTI_MIN(lo + job->grain, job->n));
  }
}

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/* Waits for a round other than `seen`; false when the pool stops. */
static bool wait_round(frti_pool_t *p, uint64_t seen) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(&p->round, memory_order_acquire) != seen) break;
    relax();
  }
  pthread_mutex_lock(&p->lock);
  while (!p->stop && atomic_load(&p->round) == seen)
    pthread_cond_wait(&p->wake, &p->lock);
  bool stop = p->stop;
  pthread_mutex_unlock(&p->lock);
  return !stop;
}

static void *worker(void *arg) {
  frti_pool_t *p = arg;
  uint64_t seen = 0;
  while (wait_round(p, seen)) {
    seen = atomic_load(&p->round);
    job_t job = p->job;
    work(p, &job);
    if (atomic_fetch_sub_explicit(&p->busy, 1, memory_order_acq_rel) == 1) {
      pthread_mutex_lock(&p->lock);
      pthread_cond_signal(&p->done);
      pthread_mutex_unlock(&p->lock);
    }
  }
  return NULL;
}

static int start_worker(frti_pool_t *p) {
  pthread_attr_t attr;
  size_t stack;
  int e = pthread_attr_init(&attr);
  if (e) return e;
  if (!pthread_attr_getstacksize(&attr, &stack) && stack < MIN_STACK)
    pthread_attr_setstacksize(&attr, MIN_STACK);
  e = pthread_create(&p->ids[p->started], &attr, worker, p);
  pthread_attr_destroy(&attr);
  return e;
}

frt_status_t frti_pool_create(uint32_t threads, frti_pool_t **out, frt_error_t *err) {
  frti_pool_t *p = frti_calloc(1, sizeof *p);
  *out = NULL;
  if (!p) return frti_no_memory(err);
  p->threads = threads ? threads : 1;
  p->process = frti_process_id();
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->wake, NULL);
  pthread_cond_init(&p->done, NULL);
  p->ids = frti_calloc(p->threads, sizeof *p->ids);
  if (!p->ids) {
    frti_pool_release(p);
    return frti_no_memory(err);
  }
  for (; p->started + 1 < p->threads; ++p->started) {
    const int e = start_worker(p);
    if (!e) continue;
    const uint32_t got = p->started + 1;
    frti_pool_release(p);
    frt_fail(err, FRT_RESOURCE_EXHAUSTED, "cannot start thread %u of the %u wanted", got,
             threads);
    if (err) err->native = e;
    return FRT_RESOURCE_EXHAUSTED;
  }
  *out = p;
  return FRT_OK;
}

static void stop_workers(frti_pool_t *p) {
  pthread_mutex_lock(&p->lock);
  p->stop = true;
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->lock);
  for (uint32_t i = 0; i < p->started; ++i) pthread_join(p->ids[i], NULL);
  pthread_cond_destroy(&p->done);
  pthread_cond_destroy(&p->wake);
  pthread_mutex_destroy(&p->lock);
}

void frti_pool_release(frti_pool_t *p) {
  if (!p) return;
  /* In a child of fork there is nobody to join, and the lock may be held for ever. */
  if (p->process == frti_process_id()) stop_workers(p);
  frti_free(p->ids);
  frti_free(p);
}

uint32_t frti_pool_threads(const frti_pool_t *p) { return p->threads; }

static void run_alone(const job_t *job) {
  for (int64_t lo = 0; lo < job->n; lo += job->grain)
    job->fn(job->arg, lo, FRTI_MIN(lo + job->grain, job->n));
}

static void run_shared(frti_pool_t *p, const job_t *job) {
  pthread_mutex_lock(&p->lock);
  p->job = *job;
  atomic_store(&p->next, 0);
  atomic_store(&p->busy, p->started);
  atomic_fetch_add(&p->round, 1);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->lock);
  work(p, job);
  for (int i = 0; i < SPINS; ++i) {
    if (!atomic_load_explicit(&p->busy, memory_order_acquire)) return;
    relax();
  }
  pthread_mutex_lock(&p->lock);
  while (atomic_load(&p->busy)) pthread_cond_wait(&p->done, &p->lock);
  pthread_mutex_unlock(&p->lock);
}

void frti_pool_for(frti_pool_t *p, int64_t n, int64_t grain,
                   void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg) {
  const job_t job = {fn, arg, n, grain > 0 ? grain : 1};
  if (n <= 0) return;
  if (n <= job.grain || p->threads == 1 || p->process != frti_process_id() ||
      atomic_exchange(&p->taken, 1)) {
    run_alone(&job);
    return;
  }
  run_shared(p, &job);
  atomic_store(&p->taken, 0);
}
