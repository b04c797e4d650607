/* Clock, processors, randomness. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

uint64_t frti_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void frti_pause(void) {
  const struct timespec t = {0, 100000};
  nanosleep(&t, NULL);
}

uint32_t frti_cpu_count(void) {
  /* A set of fixed size is too small for the largest machines: it grows on EINVAL. */
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    int n = set && !sched_getaffinity(0, bytes, set) ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (n > 0) return (uint32_t)n;
  }
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (uint32_t)n : 1;
}

uint64_t frti_process_id(void) { return (uint64_t)getpid(); }

uint64_t frti_random_seed(void) {
  uint64_t seed;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) return seed;
  seed = frti_now_ns() ^ ((uint64_t)getpid() << 32);
  return frti_hash(&seed, sizeof seed, 0);
}
