/* What the machine lacks, and objects that are used while they are in use. */
#include "faults.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static char *self;

static void in_child(int (*fn)(void)) {
  int status = 0;
  const pid_t id = fork();
  assert_true(id >= 0);
  if (!id) _exit(fn());
  assert_int_equal(id, waitpid(id, &status, 0));
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    fail_msg("the child ended with status 0x%x", (unsigned)status);
}

/* ---- no device --------------------------------------------------------------------------- */

static void a_device_that_is_not_there(void **state) {
  frt_runtime_t *rt = linked_runtime(1);
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe = NULL;
  (void)state;
  const frt_status_t status = frt_executor_create(rt, "cuda", NULL, &exe, &err);
  if (status == FRT_OK) { /* then there is one */
    frt_executor_release(exe);
    frt_runtime_release(rt);
    skip();
  }
  assert_true(status == FRT_NOT_FOUND || status == FRT_UNAVAILABLE);
  assert_int_equal(FRT_PHASE_PROVIDER, err.phase);
  assert_non_null(strstr(err.message, "cuda"));
  assert_null(exe);
  expect_error(frt_executor_create(rt, "cpu:7", NULL, &exe, &err), &err, FRT_UNAVAILABLE,
               FRT_PHASE_PROVIDER, "wanted device 7");
  OK(frt_executor_create(rt, "cpu", NULL, &exe, &err)); /* cpu is as usable as before */
  frt_executor_release(exe);
  frt_runtime_release(rt);
}

/* ---- little address space ------------------------------------------------------------------ */

/* One gibibyte that is not to be had: said so, and the same executor goes on. */
static int with_little_memory(void) {
  static const int64_t large[] = {1 << 28};
  const struct rlimit little = {(rlim_t)600 << 20, (rlim_t)600 << 20};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = linked_runtime(1);
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_program_t *p = new_program(), *q = new_program();
  var(p, 0, "w", FRT_F32, 1, large, 1);
  constant(p, 0, "w", 1, large, FRT_F32, 1);
  var(q, 0, "w", FRT_F32, 1, THREE, 1);
  constant(q, 0, "w", 1, THREE, FRT_F32, 1);
  if (frt_executor_create(rt, "cpu", NULL, &exe, &err)) return 1;
  if (frt_scope_create(rt, &scope, &err)) return 2;
  if (setrlimit(RLIMIT_AS, &little)) return 3;
  if (frt_executor_run(exe, p, scope, NULL, 0, NULL, 0, NULL, NULL, &err) !=
      FRT_RESOURCE_EXHAUSTED)
    return 4;
  if (!strstr(err.message, "memory") || !strstr(err.message, "1073741824")) return 5;
  if (frt_executor_run(exe, q, scope, NULL, 0, NULL, 0, NULL, NULL, &err)) return 6;
  frt_program_release(q);
  frt_program_release(p);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return 0;
}

static void a_limit_on_address_space(void **state) {
  (void)state;
  if (SANITIZED) skip(); /* its shadow alone is larger */
  in_child(with_little_memory);
}

/* ---- the environment's wishes for BLAS ------------------------------------------------------ */

/* A product that goes to BLAS; prints its bits. */
static int product(void) {
  static const int64_t dims[] = {300, 300};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = linked_runtime(2);
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_program_t *p = new_program();
  frt_tensor_t *t = floats(2, dims, 0), *out = NULL;
  uint64_t mix = 0;
  const frt_feed_t feed = {"x", t};
  const frt_fetch_t fetch = {"y", 0, 0};
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i)
    ((float *)frt_tensor_data(t))[i] = 1.0f / (float)(1 + i % 97);
  var(p, 0, "x", FRT_F32, 2, dims, 0);
  var(p, 0, "y", FRT_F32, 2, dims, 0);
  op(p, 0, "mul", "X=x;Y=x", "Out=y");
  OK(frt_executor_create(rt, "cpu", NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  for (int64_t i = 0; i < frt_tensor_numel(out); ++i) {
    uint32_t bits;
    memcpy(&bits, (float *)frt_tensor_data(out) + i, sizeof bits);
    mix = mix * 31 + bits;
  }
  printf("%016llx\n", (unsigned long long)mix);
  frt_tensor_release(out);
  frt_tensor_release(t);
  frt_program_release(p);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return 0;
}

static void bits_with(const char *environment, char *to, size_t cap) {
  char command[1400];
  snprintf(command, sizeof command, "env %s '%s' --product", environment, self);
  FILE *f = popen(command, "r");
  assert_non_null(f);
  assert_non_null(fgets(to, (int)cap, f));
  assert_int_equal(0, pclose(f));
}

/* BLAS runs on one thread whatever the environment says: the bits do not change. */
static void threads_that_the_environment_wants_for_blas(void **state) {
  char plain[64], wished[64];
  (void)state;
  bits_with("-u OPENBLAS_NUM_THREADS -u OMP_NUM_THREADS", plain, sizeof plain);
  assert_int_equal(17, strlen(plain));
  static const char *const wishes[] = {"OPENBLAS_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=8",
                                       "OMP_NUM_THREADS=3 GOTO_NUM_THREADS=5"};
  for (int i = 0; i < 3; ++i) {
    bits_with(wishes[i], wished, sizeof wished);
    assert_string_equal(plain, wished);
  }
}

/* BLAS counts in int: what does not fit is refused when the plan is made, also where
 * there would be nothing to do. */
static void extents_that_blas_cannot_count(void **state) {
  static const int64_t tall[] = {INT64_C(1) << 32, 0}, none[] = {0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = linked_runtime(1);
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_program_t *p = new_program();
  frt_tensor_t *x = floats(2, tall, 0), *y = floats(2, none, 0), *out = NULL;
  (void)state;
  var(p, 0, "x", FRT_F32, 2, tall, 0);
  var(p, 0, "y", FRT_F32, 2, none, 0);
  var(p, 0, "z", FRT_F32, 2, tall, 0);
  op(p, 0, "mul", "X=x;Y=y", "Out=z");
  OK(frt_executor_create(rt, "cpu", NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  const frt_feed_t feed[] = {{"x", x}, {"y", y}};
  const frt_fetch_t fetch = {"z", 0, 0};
  expect_error(frt_executor_run(exe, p, scope, feed, 2, &fetch, 1, &out, NULL, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN, "an extent exceeds 2147483647");
  assert_null(out);
  frt_tensor_release(x);
  frt_tensor_release(y);
  frt_program_release(p);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
}

/* ---- loaded again and again -------------------------------------------------------------------- */

static long resident_pages(void) {
  long all, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  assert_non_null(f);
  assert_int_equal(2, fscanf(f, "%ld %ld", &all, &resident));
  fclose(f);
  return resident;
}

static int reload(const char *path) {
  frt_status_t (*create)(const frt_runtime_options_t *, frt_runtime_t **, frt_error_t *);
  frt_status_t (*load)(frt_runtime_t *, const char *, frt_error_t *);
  void (*release)(frt_runtime_t *);
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = NULL;
  void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL), *s;
  if (!lib) return 1;
  s = dlsym(lib, "frt_runtime_create");
  memcpy(&create, &s, sizeof s);
  s = dlsym(lib, "frt_runtime_load_provider");
  memcpy(&load, &s, sizeof s);
  s = dlsym(lib, "frt_runtime_release");
  memcpy(&release, &s, sizeof s);
  if (create(&o, &rt, &err) || load(rt, "reference", &err)) return 2;
  release(rt);
  return dlclose(lib) ? 3 : 0;
}

static void the_library_is_loaded_a_thousand_times(void **state) {
  char path[1024];
  (void)state;
  if (SANITIZED) skip(); /* it keeps what it knows of each library */
  snprintf(path, sizeof path, "%s/lib/libfluidrt.so", getenv("FLUIDRT_BUILD_DIR"));
  for (int i = 0; i < 50; ++i) assert_int_equal(0, reload(path));
  const long before = resident_pages();
  for (int i = 0; i < 950; ++i) assert_int_equal(0, reload(path));
  const long grown = resident_pages() - before;
  if (grown * 4096 > 1 << 20) fail_msg("%ld pages more", grown);
}

/* ---- in use ------------------------------------------------------------------------------------------ */

typedef struct shared {
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_program_t *p;
  frt_status_t status;
  _Atomic int began;
} shared_t;

static void *run_shared(void *arg) {
  shared_t *s = arg;
  s->began = 1;
  s->status = frt_executor_run(s->exe, s->p, s->scope, NULL, 0, NULL, 0, NULL, NULL, NULL);
  return NULL;
}

/* A program that ends only when it is cancelled, on a thread of its own. */
static void start_endless(shared_t *s, frt_runtime_t *rt, pthread_t *id) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = floats(1, ONE, 1);
  memset(s, 0, sizeof *s);
  s->p = loop_program(1.0f, 0.0f);
  var(s->p, 0, "w", FRT_F32, 1, ONE, 1);
  op(s->p, 0, "increment", "X=i", "Out=w");
  OK(frt_executor_create(rt, "cpu", NULL, &s->exe, &err));
  OK(frt_scope_create(rt, &s->scope, &err));
  assert_int_equal(0, pthread_create(id, NULL, run_shared, s));
  while (frt_scope_set(s->scope, "unrelated", t, &err) == FRT_OK) usleep(1000);
  frt_tensor_release(t);
}

static void a_provider_is_added_while_a_program_runs(void **state) {
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = NULL;
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_program_t *p = loop_program(10.0f, 1.0f);
  frt_tensor_t *out = NULL;
  const frt_fetch_t fetch = {"i", 0, 0};
  shared_t s;
  pthread_t id;
  (void)state;
  OK(frt_runtime_create(&o, &rt, &err));
  OK(frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err));
  start_endless(&s, rt, &id);
  OK(frt_runtime_add_provider(rt, frt_provider_reference_entry, &err));
  expect_error(frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err), &err,
               FRT_ALREADY_EXISTS, FRT_PHASE_PROVIDER, "cpu");
  OK(frt_executor_create(rt, "reference", NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_executor_run(exe, p, scope, NULL, 0, &fetch, 1, &out, NULL, &err));
  assert_true(*(float *)frt_tensor_data(out) == 10.0f);
  frt_executor_cancel(s.exe);
  pthread_join(id, NULL);
  assert_int_equal(FRT_CANCELLED, s.status);
  frt_tensor_release(out);
  frt_program_release(p);
  frt_program_release(s.p);
  frt_scope_release(scope);
  frt_scope_release(s.scope);
  frt_executor_release(exe);
  frt_executor_release(s.exe);
  frt_runtime_release(rt);
}

/* Releasing an executor ends its run first. */
static void an_executor_is_released_while_it_runs(void **state) {
  frt_runtime_t *rt = linked_runtime(2);
  (void)state;
  for (int times = 0; times < 5; ++times) {
    shared_t s;
    pthread_t id;
    start_endless(&s, rt, &id);
    frt_executor_release(s.exe);
    pthread_join(id, NULL);
    assert_int_equal(FRT_CANCELLED, s.status);
    frt_program_release(s.p);
    frt_scope_release(s.scope);
  }
  frt_runtime_release(rt);
}

/* ---- errors of several threads ------------------------------------------------------------------------ */

enum { THREADS = 8 };
typedef struct wrong { int number; int bad; } wrong_t;

static void *fail_often(void *arg) {
  wrong_t *w = arg;
  char path[64], word[80];
  snprintf(path, sizeof path, "/nowhere/file-%d", w->number);
  snprintf(word, sizeof word, "%s'", path);
  for (int i = 0; i < 2000; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *t = NULL;
    if (frt_npy_load(path, &t, &err) != FRT_NOT_FOUND || !strstr(err.message, word) ||
        strcmp(err.name, path))
      ++w->bad;
  }
  return NULL;
}

static void each_thread_has_its_own_error(void **state) {
  pthread_t id[THREADS];
  wrong_t w[THREADS];
  (void)state;
  for (int i = 0; i < THREADS; ++i) {
    w[i] = (wrong_t){i, 0};
    assert_int_equal(0, pthread_create(&id[i], NULL, fail_often, &w[i]));
  }
  for (int i = 0; i < THREADS; ++i) {
    pthread_join(id[i], NULL);
    assert_int_equal(0, w[i].bad);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_device_that_is_not_there), /* 3g: 224 */
      cmocka_unit_test(a_limit_on_address_space), /* 3g: 221 */
      cmocka_unit_test(threads_that_the_environment_wants_for_blas), /* 3g: 228 */
      cmocka_unit_test(extents_that_blas_cannot_count), /* 3g: 228 */
      cmocka_unit_test(the_library_is_loaded_a_thousand_times), /* 3g: 230 */
      cmocka_unit_test(a_provider_is_added_while_a_program_runs), /* 3h: 235 */
      cmocka_unit_test(an_executor_is_released_while_it_runs), /* 3h: 237 */
      cmocka_unit_test(each_thread_has_its_own_error), /* 3h: 238 */
  };
  if (argc > 1 && !strcmp(argv[1], "--product")) return product();
  self = argv[0];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
