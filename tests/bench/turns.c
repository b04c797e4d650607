/* Training steps of one model on several places, in turn within one process, so that what
 * else the machine does meets all alike: medians of rounds, and the ratio to the first.
 *   frt_bench_turns FOLDER BATCH PLACES...
 * FOLDER is of `fluidrt new`; every feed is a ramp, the loss is fetched at each step.
 * FRT_THREADS: threads of the pool (default: the CPUs allowed). */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "fluidrt/fluidrt.h"

enum { ROUNDS = 11, MOST_PLACES = 4, MOST_FEEDS = 8 };
static const char LOSS[] = "mean_0.tmp_0";

typedef struct side {
  const char *places;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_tensor_t *loss;
  double rounds[ROUNDS];
} side_t;

static frt_runtime_t *rt;
static frt_program_t *startup, *train;
static frt_feed_t feeds[MOST_FEEDS];
static size_t n_feeds;
static frt_error_t err;

static void must(frt_status_t status) {
  if (status == FRT_OK) return;
  fprintf(stderr, "frt_bench_turns: %s: %s\n", frt_status_text(status), err.message);
  exit(status == FRT_UNAVAILABLE ? 69 : 1);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static frt_program_t *load(const char *folder, const char *file) {
  char path[4096];
  frt_program_t *p;
  snprintf(path, sizeof path, "%s/%s", folder, file);
  must(frt_program_load(path, NULL, &p, &err));
  return p;
}

static frt_tensor_t *ramp(const frt_var_info_t *v, int64_t batch) {
  int64_t dims[8];
  frt_tensor_t *t;
  for (uint32_t d = 0; d < v->rank && d < 8; ++d) dims[d] = v->dims[d] < 0 ? batch : v->dims[d];
  must(frt_tensor_create((frt_dtype_t)v->dtype, v->rank, dims, &t, &err));
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i) {
    if (v->dtype == FRT_F32) ((float *)frt_tensor_data(t))[i] = (float)(i % 17) / 16.0f;
    if (v->dtype == FRT_I64) ((int64_t *)frt_tensor_data(t))[i] = i % 10;
  }
  return t;
}

static void make_feeds(int64_t batch) {
  for (uint32_t i = 0; i < frt_program_n_vars(train, 0) && n_feeds < MOST_FEEDS; ++i) {
    frt_var_info_t v;
    must(frt_program_var(train, 0, i, &v, &err));
    if (!v.need_check_feed) continue;
    feeds[n_feeds].name = v.name;
    feeds[n_feeds++].tensor = ramp(&v, batch);
  }
}

static void open_side(side_t *s) {
  must(frt_executor_create(rt, s->places, NULL, &s->exe, &err));
  must(frt_scope_create(rt, &s->scope, &err));
  must(frt_executor_run(s->exe, startup, s->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
}
static void close_side(side_t *s) {
  frt_tensor_release(s->loss);
  frt_scope_release(s->scope);
  frt_executor_release(s->exe);
}

/* Seconds per step; the loss is waited for. */
static double steps(side_t *s, int n) {
  const frt_fetch_t fetch = {.var = LOSS};
  const double began = seconds();
  for (int i = 0; i < n; ++i)
    must(frt_executor_run(s->exe, train, s->scope, feeds, n_feeds, &fetch, 1, &s->loss, NULL,
                          &err));
  return (seconds() - began) / n;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void race(side_t *sides, int n) {
  int each[MOST_PLACES];
  for (int s = 0; s < n; ++s) { /* rounds of some 30 ms */
    steps(&sides[s], 3);
    const double one = steps(&sides[s], 2);
    each[s] = one < 0.015 ? (int)(0.03 / one) : 2;
  }
  for (int r = 0; r < ROUNDS; ++r)
    for (int s = 0; s < n; ++s) sides[s].rounds[r] = steps(&sides[s], each[s]);
}

static void report(side_t *sides, int n) {
  double first = 0;
  for (int s = 0; s < n; ++s) {
    qsort(sides[s].rounds, ROUNDS, sizeof *sides[s].rounds, by_value);
    const double middle = sides[s].rounds[ROUNDS / 2];
    if (s == 0) first = middle;
    printf("%-12s %10.1f us per step (%.1f to %.1f)  %6.2f x the speed of %s\n",
           sides[s].places, middle * 1e6, sides[s].rounds[0] * 1e6,
           sides[s].rounds[ROUNDS - 1] * 1e6, first / middle, sides[0].places);
  }
}

int main(int argc, char **argv) {
  const char *threads = getenv("FRT_THREADS");
  const frt_runtime_options_t o = {.struct_size = sizeof o,
                                   .threads = threads ? (uint32_t)atoi(threads) : 0};
  side_t sides[MOST_PLACES] = {{0}};
  const int n = argc - 3 < MOST_PLACES ? argc - 3 : MOST_PLACES;
  if (n < 1) {
    fprintf(stderr, "usage: frt_bench_turns FOLDER BATCH PLACES...\n");
    return 64;
  }
  must(frt_runtime_create(&o, &rt, &err));
  startup = load(argv[1], "startup.pdmodel");
  train = load(argv[1], "main.pdmodel");
  make_feeds(atoll(argv[2]));
  for (int s = 0; s < n; ++s) {
    sides[s].places = argv[3 + s];
    open_side(&sides[s]);
  }
  race(sides, n);
  printf("%s, batch %s\n", argv[1], argv[2]);
  report(sides, n);
  for (int s = 0; s < n; ++s) close_side(&sides[s]);
  for (size_t i = 0; i < n_feeds; ++i) frt_tensor_release(feeds[i].tensor);
  frt_program_release(train);
  frt_program_release(startup);
  frt_runtime_release(rt);
  return 0;
}
