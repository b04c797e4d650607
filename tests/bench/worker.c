/* A bench worker: reads "TASK key=value ..." a line, answers "ok us=.. best=.. cpu=.. n=..",
 * so that this runtime and others are timed in turn by one driver.
 *   seed            one step of models/lars_seed
 *   mlp             one step of models/digits (64-128-10, batch 64, LARS with decay, clip
 *                   and schedule: more than a bare MLP step)
 *   chain n=N       one run of N elementwise_add ops on 2x2 tensors, us per op
 *   frt_bench_worker MODELS_DIR [PLACES]; FRT_THREADS threads (1) */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "fluidrt/fluidrt.h"

static frt_runtime_t *rt;
static frt_executor_t *exe;
static frt_error_t err;

typedef struct job {
  frt_program_t *program;
  frt_scope_t *scope;
  frt_feed_t feed[2];
  size_t n_feed;
  char fetch_name[64];
  frt_tensor_t *out;
  double per_call; /* iterations in one call */
} job_t;

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static frt_status_t step(job_t *j) {
  const frt_fetch_t fetch = {.var = j->fetch_name};
  return frt_executor_run(exe, j->program, j->scope, j->feed, j->n_feed, &fetch, 1, &j->out,
                          NULL, &err);
}

static frt_status_t ramp(frt_dtype_t dtype, int64_t a, int64_t b, frt_tensor_t **out) {
  const int64_t dims[] = {a, b};
  FRT_TRY(frt_tensor_create(dtype, 2, dims, out, &err));
  for (int64_t i = 0; dtype == FRT_F32 && i < a * b; ++i)
    ((float *)frt_tensor_data(*out))[i] = (float)(i % 17) / 16.0f;
  return FRT_OK;
}

static frt_status_t open_model(job_t *j, const char *models, const char *name) {
  char path[4096];
  frt_program_t *startup;
  j->per_call = 1;
  FRT_TRY(frt_scope_create(rt, &j->scope, &err));
  snprintf(path, sizeof path, "%s/%s/startup.pdmodel", models, name);
  FRT_TRY(frt_program_load(path, NULL, &startup, &err));
  frt_status_t status =
      frt_executor_run(exe, startup, j->scope, NULL, 0, NULL, 0, NULL, NULL, &err);
  frt_program_release(startup);
  FRT_TRY(status);
  snprintf(path, sizeof path, "%s/%s/main.pdmodel", models, name);
  return frt_program_load(path, NULL, &j->program, &err);
}

static frt_status_t make_seed(job_t *j, const char *models) {
  FRT_TRY(open_model(j, models, "lars_seed"));
  j->feed[j->n_feed++].name = "inp";
  snprintf(j->fetch_name, sizeof j->fetch_name, "reduce_sum_0.tmp_0");
  return ramp(FRT_F32, 2, 2, &j->feed[0].tensor);
}

static frt_status_t make_mlp(job_t *j, const char *models) {
  FRT_TRY(open_model(j, models, "digits"));
  j->feed[0].name = "img";
  j->feed[1].name = "label";
  j->n_feed = 2;
  snprintf(j->fetch_name, sizeof j->fetch_name, "mean_0.tmp_0");
  FRT_TRY(ramp(FRT_F32, 64, 64, &j->feed[0].tensor));
  return ramp(FRT_I64, 64, 1, &j->feed[1].tensor);
}

static frt_status_t make_chain(job_t *j, int n) {
  static const int64_t dims[] = {2, 2};
  FRT_TRY(frt_scope_create(rt, &j->scope, &err));
  FRT_TRY(frt_program_create(&j->program, &err));
  for (int i = 0; i <= n; ++i) {
    char in[32], out[32];
    const char *x = in, *o = out;
    uint32_t op;
    snprintf(in, sizeof in, "t%d", i - 1);
    snprintf(out, sizeof out, "t%d", i);
    const frt_var_info_t v = {.name = out, .dtype = FRT_F32, .rank = 2, .dims = dims};
    FRT_TRY(frt_program_add_var(j->program, 0, &v, &err));
    if (!i) continue;
    FRT_TRY(frt_program_add_op(j->program, 0, "elementwise_add", &op, &err));
    FRT_TRY(frt_program_set_input(j->program, 0, op, "X", &x, 1, &err));
    FRT_TRY(frt_program_set_input(j->program, 0, op, "Y", &x, 1, &err));
    FRT_TRY(frt_program_set_output(j->program, 0, op, "Out", &o, 1, &err));
  }
  j->per_call = n;
  j->feed[j->n_feed++].name = "t0";
  snprintf(j->fetch_name, sizeof j->fetch_name, "t%d", n);
  return ramp(FRT_F32, 2, 2, &j->feed[0].tensor);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Short chunks for `seconds`; median, 2nd percentile, CPU time; us per iteration. */
static frt_status_t measure(job_t *j, double seconds) {
  enum { CHUNKS = 20000 };
  static double walls[CHUNKS];
  const double warm_end = seconds_of(CLOCK_MONOTONIC) + (seconds < 0.2 ? seconds : 0.2);
  double one = 1;
  size_t n = 0;
  while (seconds_of(CLOCK_MONOTONIC) < warm_end) {
    const double began = seconds_of(CLOCK_MONOTONIC);
    FRT_TRY(step(j));
    const double took = seconds_of(CLOCK_MONOTONIC) - began;
    if (took < one) one = took;
  }
  const int k = one < 0.0005 ? (int)(0.0005 / (one > 1e-8 ? one : 1e-8)) : 1;
  const double end = seconds_of(CLOCK_MONOTONIC) + seconds;
  const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  while (n < CHUNKS && (n < 5 || seconds_of(CLOCK_MONOTONIC) < end)) {
    const double began = seconds_of(CLOCK_MONOTONIC);
    for (int i = 0; i < k; ++i) FRT_TRY(step(j));
    walls[n++] = (seconds_of(CLOCK_MONOTONIC) - began) / k;
  }
  const double spent = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)n / k;
  const double f = 1e6 / j->per_call;
  qsort(walls, n, sizeof *walls, by_value);
  printf("ok us=%.6g best=%.6g cpu=%.6g n=%.0f\n", walls[n / 2] * f, walls[n / 50] * f,
         spent * f, (double)n * k * j->per_call);
  return FRT_OK;
}

static void close_job(job_t *j) {
  for (size_t i = 0; i < j->n_feed; ++i) frt_tensor_release(j->feed[i].tensor);
  frt_tensor_release(j->out);
  frt_program_release(j->program);
  frt_scope_release(j->scope);
  memset(j, 0, sizeof *j);
}

static frt_status_t serve(const char *line, const char *models) {
  const char *s = strstr(line, "seconds="), *n = strstr(line, " n=");
  job_t j = {0};
  frt_status_t status;
  if (!strncmp(line, "seed", 4)) status = make_seed(&j, models);
  else if (!strncmp(line, "mlp", 3)) status = make_mlp(&j, models);
  else if (!strncmp(line, "chain", 5)) status = make_chain(&j, n ? atoi(n + 3) : 10000);
  else status = frt_fail(&err, FRT_NOT_FOUND, "no task '%.20s'", line);
  if (status == FRT_OK) status = measure(&j, s ? strtod(s + 8, NULL) : 0.5);
  close_job(&j);
  return status;
}

int main(int argc, char **argv) {
  const char *threads = getenv("FRT_THREADS");
  const frt_runtime_options_t o = {.struct_size = sizeof o,
                                   .threads = threads ? (uint32_t)atoi(threads) : 1};
  char line[4096];
  if (argc < 2) {
    fprintf(stderr, "usage: frt_bench_worker MODELS_DIR [PLACES]\n");
    return 64;
  }
  if (frt_runtime_create(&o, &rt, &err) ||
      frt_executor_create(rt, argc > 2 ? argv[2] : "cpu", NULL, &exe, &err)) {
    fprintf(stderr, "frt_bench_worker: %s\n", err.message);
    return 1;
  }
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    if (serve(line, argv[1]) != FRT_OK) printf("err %s\n", err.message);
    fflush(stdout);
  }
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return 0;
}
