/* Running what a fuzzer made: fixed data, little memory, little time. */
#define _GNU_SOURCE
#include <signal.h>
#include <time.h>

#include "fuzz.h"

enum { MAX_ELEMENTS = 4096, LIMIT_NS = 200000000 };

frt_status_t frt_provider_cpu_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                    frt_error_t *err);
frt_status_t frt_provider_reference_entry(const frt_api_host_t *host,
                                          frt_api_provider_t *io, frt_error_t *err);

/* ---- the watchdog: a signal handler that cancels ------------------------------------- */

static frt_executor_t *volatile running;
static timer_t timer;

static void bark(int signal) {
  (void)signal;
  frt_executor_t *exe = running;
  if (exe) frt_executor_cancel(exe);
}

static void set_watchdog(long ns) {
  const struct itimerspec t = {{0, 0}, {0, ns}};
  timer_settime(timer, 0, &t, NULL);
}

frt_runtime_t *fuzz_runtime(void) {
  static frt_runtime_t *rt;
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1,
                                   .provider_path = "/nonexistent"};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
  struct sigaction action = {.sa_handler = bark, .sa_flags = SA_RESTART};
  frt_error_t err = FRT_ERROR_INIT;
  if (rt) return rt;
  if (frt_runtime_create(&o, &rt, &err) ||
      frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err) ||
      frt_runtime_add_provider(rt, frt_provider_reference_entry, &err))
    WRONG("%s", err.message);
  sigaction(SIGUSR2, &action, NULL);
  if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer)) WRONG("no timer");
  return rt;
}

frt_executor_t *fuzz_executor(const char *places, int no_fuse) {
  const frt_executor_options_t o = {.struct_size = sizeof o, .max_memory = 1 << 22,
                                    .no_fuse = no_fuse};
  frt_executor_t *exe = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_executor_create(fuzz_runtime(), places, &o, &exe, &err)) WRONG("%s", err.message);
  return exe;
}

frt_status_t fuzz_run(frt_executor_t *exe, const frt_program_t *p, frt_scope_t *s,
                      const frt_feed_t *feed, size_t n_feed, const frt_fetch_t *fetch,
                      size_t n_fetch, frt_tensor_t **out, frt_error_t *err) {
  running = exe;
  set_watchdog(LIMIT_NS);
  frt_status_t status =
      frt_executor_run(exe, p, s, feed, n_feed, fetch, n_fetch, out, NULL, err);
  set_watchdog(0);
  running = NULL;
  fuzz_error(status, err);
  return status;
}

/* ---- data ------------------------------------------------------------------------------ */

static void fill(frt_tensor_t *t, uint32_t seed) {
  void *data = frt_tensor_data(t);
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i) {
    seed = seed * 1664525u + 1013904223u;
    /* Halves and quarters from 0.25 to 2: logs, roots and divisions are fine. */
    const double v = 0.25 * (double)(1 + (seed >> 24) % 8);
    switch (frt_tensor_dtype(t)) {
      case FRT_F32: ((float *)data)[i] = (float)v; break;
      case FRT_F64: ((double *)data)[i] = v; break;
      case FRT_I32: ((int32_t *)data)[i] = (int32_t)((seed >> 24) % 2); break;
      case FRT_I64: ((int64_t *)data)[i] = (int64_t)((seed >> 24) % 2); break;
      default: /* bool and bytes; halves: two zeros or a denormal */
        memset((char *)data + (size_t)i * frt_dtype_size(frt_tensor_dtype(t)),
               (int)((seed >> 24) % 2), 1);
    }
  }
}

frt_tensor_t *fuzz_tensor(const frt_var_info_t *v, uint32_t seed) {
  int64_t dims[FRT_MAX_RANK], numel = 1;
  frt_tensor_t *t = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if (v->rank > FRT_MAX_RANK || v->dtype < 0 || !frt_dtype_size((uint32_t)v->dtype)) return NULL;
  for (uint32_t i = 0; i < v->rank; ++i) {
    dims[i] = v->dims[i] == -1 ? 2 : v->dims[i];
    if (dims[i] < 0 || dims[i] > MAX_ELEMENTS || (numel *= dims[i]) > MAX_ELEMENTS) return NULL;
  }
  if (frt_tensor_create((frt_dtype_t)v->dtype, v->rank, dims, &t, &err)) return NULL;
  fill(t, seed);
  return t;
}
