/* What the runtime costs: a step of the smallest training program and of the digits
 * classifier, one op in a long chain, loading and planning per op. Medians of rounds; one
 * thread unless FRT_THREADS says otherwise.
 *   frt_bench MODELS_DIR [PLACES] */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "fluidrt/fluidrt.h"

enum { ROUNDS = 15, CHAIN = 10000 };

static frt_runtime_t *rt;
static frt_executor_t *exe;
static frt_error_t err;

static void must(frt_status_t status) {
  if (status == FRT_OK) return;
  fprintf(stderr, "frt_bench: %s: %s\n", frt_status_text(status), err.message);
  exit(1);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct job {
  frt_program_t *program;
  frt_scope_t *scope;
  frt_feed_t feed[2];
  size_t n_feed;
  frt_fetch_t fetch;
  frt_tensor_t *out;
} job_t;

static void step(job_t *j) {
  must(frt_executor_run(exe, j->program, j->scope, j->feed, j->n_feed, &j->fetch,
                        j->fetch.var ? 1 : 0, &j->out, NULL, &err));
}

/* Median us of a step over rounds of `n`. */
static double time_steps(job_t *j, int n) {
  double rounds[ROUNDS];
  for (int i = 0; i < 3; ++i) step(j);
  for (int r = 0; r < ROUNDS; ++r) {
    const double began = now_us();
    for (int i = 0; i < n; ++i) step(j);
    rounds[r] = (now_us() - began) / n;
  }
  qsort(rounds, ROUNDS, sizeof *rounds, by_value);
  return rounds[ROUNDS / 2];
}

static frt_tensor_t *tensor(frt_dtype_t dtype, uint32_t rank, int64_t a, int64_t b) {
  const int64_t dims[] = {a, b};
  frt_tensor_t *t;
  must(frt_tensor_create(dtype, rank, dims, &t, &err));
  for (int64_t i = 0; dtype == FRT_F32 && i < frt_tensor_numel(t); ++i)
    ((float *)frt_tensor_data(t))[i] = (float)(i % 17) / 16.0f;
  return t;
}

static job_t open_model(const char *models, const char *name) {
  char path[4096];
  frt_program_t *startup;
  job_t j = {0};
  must(frt_scope_create(rt, &j.scope, &err));
  snprintf(path, sizeof path, "%s/%s/startup.pdmodel", models, name);
  must(frt_program_load(path, NULL, &startup, &err));
  must(frt_executor_run(exe, startup, j.scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  frt_program_release(startup);
  snprintf(path, sizeof path, "%s/%s/main.pdmodel", models, name);
  must(frt_program_load(path, NULL, &j.program, &err));
  return j;
}

static void close_job(job_t *j) {
  for (size_t i = 0; i < j->n_feed; ++i) frt_tensor_release(j->feed[i].tensor);
  frt_tensor_release(j->out);
  frt_program_release(j->program);
  frt_scope_release(j->scope);
}

static void bench_models(const char *models) {
  job_t seed = open_model(models, "lars_seed"), digits = open_model(models, "digits");
  seed.feed[seed.n_feed++] = (frt_feed_t){"inp", tensor(FRT_F32, 2, 2, 2)};
  seed.fetch.var = "reduce_sum_0.tmp_0";
  digits.feed[digits.n_feed++] = (frt_feed_t){"img", tensor(FRT_F32, 2, 64, 64)};
  digits.feed[digits.n_feed++] = (frt_feed_t){"label", tensor(FRT_I64, 2, 64, 1)};
  digits.fetch.var = "mean_0.tmp_0";
  printf("lars_seed      %8.3f us per step\n", time_steps(&seed, 20000));
  printf("digits         %8.2f us per step (64-128-10, batch 64)\n",
         time_steps(&digits, 500));
  close_job(&seed);
  close_job(&digits);
}

/* v0 (fed) -> v1 = v0 + v0 -> ... on 2x2 tensors; serialized, so that loading counts. */
static void make_chain(void **bytes, size_t *n) {
  static const int64_t dims[] = {2, 2};
  frt_program_t *p;
  must(frt_program_create(&p, &err));
  for (int i = 0; i <= CHAIN; ++i) {
    char in[32], out[32];
    const char *x = in, *o = out;
    snprintf(in, sizeof in, "tmp_%d", i - 1);
    snprintf(out, sizeof out, "tmp_%d", i);
    const frt_var_info_t v = {.name = out, .dtype = FRT_F32, .rank = 2, .dims = dims};
    must(frt_program_add_var(p, 0, &v, &err));
    if (!i) continue;
    uint32_t op;
    must(frt_program_add_op(p, 0, "elementwise_add", &op, &err));
    must(frt_program_set_input(p, 0, op, "X", &x, 1, &err));
    must(frt_program_set_input(p, 0, op, "Y", &x, 1, &err));
    must(frt_program_set_output(p, 0, op, "Out", &o, 1, &err));
    must(frt_program_set_attr_int(p, 0, op, "axis", -1, &err));
    must(frt_program_set_attr_int(p, 0, op, "op_role", 0, &err));
    must(frt_program_set_attr_string(p, 0, op, "op_namescope", "/", &err));
    must(frt_program_set_attr_string(p, 0, op, "op_device", "", &err));
  }
  must(frt_program_serialize(p, bytes, n, &err));
  frt_program_release(p);
}

static void bench_chain(void) {
  double parse[ROUNDS], prepare[ROUNDS];
  char last[32];
  void *bytes;
  size_t n;
  job_t j = {0};
  make_chain(&bytes, &n);
  snprintf(last, sizeof last, "tmp_%d", CHAIN);
  j.feed[j.n_feed++] = (frt_feed_t){"tmp_0", tensor(FRT_F32, 2, 2, 2)};
  j.fetch.var = last;
  must(frt_scope_create(rt, &j.scope, &err));
  for (int r = 0; r < ROUNDS; ++r) {
    frt_program_release(j.program);
    const double a = now_us();
    must(frt_program_parse(bytes, n, NULL, &j.program, &err));
    const double b = now_us();
    step(&j);
    prepare[r] = (now_us() - b) / CHAIN;
    parse[r] = (b - a) / CHAIN;
  }
  const double steady = time_steps(&j, 5) / CHAIN;
  qsort(parse, ROUNDS, sizeof *parse, by_value);
  qsort(prepare, ROUNDS, sizeof *prepare, by_value);
  printf("chain          %8.1f ns per op (%d elementwise_add on 2x2)\n", steady * 1e3, CHAIN);
  printf("load           %8.3f us per op (%zu bytes an op)\n", parse[ROUNDS / 2], n / CHAIN);
  printf("prepare        %8.3f us per op (first run less a steady one)\n",
         prepare[ROUNDS / 2] - steady);
  frt_free(bytes);
  close_job(&j);
}

int main(int argc, char **argv) {
  const char *threads = getenv("FRT_THREADS");
  const frt_runtime_options_t o = {.struct_size = sizeof o,
                                   .threads = threads ? (uint32_t)atoi(threads) : 1};
  struct rusage usage;
  if (argc < 2) {
    fprintf(stderr, "usage: frt_bench MODELS_DIR [PLACES]\n");
    return 64;
  }
  must(frt_runtime_create(&o, &rt, &err));
  must(frt_executor_create(rt, argc > 2 ? argv[2] : "cpu", NULL, &exe, &err));
  bench_models(argv[1]);
  getrusage(RUSAGE_SELF, &usage);
  printf("peak memory    %8.1f MiB after the two models\n", (double)usage.ru_maxrss / 1024);
  bench_chain();
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return 0;
}
