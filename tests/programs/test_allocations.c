/* From the second run of a plan on, nothing is allocated: the allocator's functions
 * are interposed here, in the executable, and counted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "session.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* A sanitizer has the allocator for itself. */
int main(void) { return 77; }
#else

static atomic_int counting;
static atomic_ulong calls;

static void count(void) {
  if (atomic_load(&counting)) atomic_fetch_add(&calls, 1);
}

/* glibc's own names stay reachable behind the interposed ones. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t n) { count(); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { count(); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { count(); return __libc_realloc(p, n); }
void *memalign(size_t align, size_t n);
void *memalign(size_t align, size_t n) { count(); return __libc_memalign(align, n); }
void *aligned_alloc(size_t align, size_t n) { count(); return __libc_memalign(align, n); }
int posix_memalign(void **out, size_t align, size_t n) {
  count();
  *out = __libc_memalign(align, n);
  return *out ? 0 : 12;
}
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
  static void *(*next)(void *, size_t, int, int, int, off_t);
  count();
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "mmap");
  return next(at, n, prot, flags, fd, offset);
}

enum { STEPS = 20 };

/* Runs `steps` steps; counts from the second on. */
static unsigned long count_steps(session_t *s, const frt_feed_t *feed, size_t n_feed,
                                 const char *loss) {
  const frt_fetch_t fetch = {loss, 0, 0};
  frt_tensor_t *out = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = FRT_OK;
  atomic_store(&calls, 0);
  for (int i = 0; i < STEPS && status == FRT_OK; ++i) {
    status = frt_executor_run(s->exe, s->main, s->scope, feed, n_feed, &fetch, 1, &out,
                              NULL, &err);
    atomic_store(&counting, 1);
  }
  atomic_store(&counting, 0);
  must_(status, &err, "run");
  frt_tensor_release(out);
  return atomic_load(&calls);
}

static unsigned long lars_seed(const char *places) {
  const int64_t dims[] = {2, 2};
  session_t s = session_open("lars_seed", places, 2);
  frt_tensor_t *inp = make_tensor(FRT_F32, 2, dims);
  const frt_feed_t feed = {"inp", inp};
  for (int i = 0; i < 4; ++i) ((float *)frt_tensor_data(inp))[i] = (float)(i + 1);
  const unsigned long n = count_steps(&s, &feed, 1, "reduce_sum_0.tmp_0");
  frt_tensor_release(inp);
  session_close(&s);
  return n;
}

static unsigned long digits(const char *places) {
  session_t s = session_open("digits", places, 2);
  digits_t d = digits_batch(1);
  const frt_feed_t feed[] = {{"img", d.img}, {"label", d.label}};
  const unsigned long n = count_steps(&s, feed, 2, DIGITS_LOSS);
  digits_release(&d);
  session_close(&s);
  return n;
}

static void the_counter_counts(void **state) {
  (void)state;
  atomic_store(&calls, 0);
  atomic_store(&counting, 1);
  void *volatile p = malloc(100);
  atomic_store(&counting, 0);
  free(p);
  assert_int_equal(1, atomic_load(&calls));
}

static void lars_seed_allocates_nothing_from_the_second_run(void **state) {
  (void)state;
  assert_int_equal(0, lars_seed("cpu"));
  assert_int_equal(0, lars_seed("reference"));
}

static void digits_allocates_nothing_from_the_second_run(void **state) {
  (void)state;
  assert_int_equal(0, digits("cpu"));
  assert_int_equal(0, digits("reference"));
  assert_int_equal(0, digits("cpu,reference"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_counter_counts),
      cmocka_unit_test(lars_seed_allocates_nothing_from_the_second_run),
      cmocka_unit_test(digits_allocates_nothing_from_the_second_run)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
