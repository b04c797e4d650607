/* The process around the library, and several users of one object. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* ---- a session on lars_seed -------------------------------------------------------------- */

typedef struct session {
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_program_t *startup, *main;
  frt_tensor_t *inp;
} session_t;

static void open_on(session_t *s, frt_runtime_t *rt, const char *places) {
  static const int64_t dims[] = {2, 2};
  frt_error_t err = FRT_ERROR_INIT;
  s->rt = frt_runtime_retain(rt);
  OK(frt_executor_create(rt, places, NULL, &s->exe, &err));
  OK(frt_scope_create(rt, &s->scope, &err));
  OK(frt_program_load(model_path("lars_seed/startup.pdmodel"), NULL, &s->startup, &err));
  OK(frt_program_load(model_path("lars_seed/main.pdmodel"), NULL, &s->main, &err));
  s->inp = floats(2, dims, 1.0f);
  OK(frt_executor_run(s->exe, s->startup, s->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
}

static frt_status_t step(session_t *s, float *loss, frt_error_t *err) {
  const frt_feed_t feed = {"inp", s->inp};
  const frt_fetch_t fetch = {"reduce_sum_0.tmp_0", 0, 0};
  frt_tensor_t *out = NULL;
  frt_status_t status =
      frt_executor_run(s->exe, s->main, s->scope, &feed, 1, &fetch, 1, &out, NULL, err);
  if (status == FRT_OK) *loss = *(float *)frt_tensor_data(out);
  frt_tensor_release(out);
  return status;
}

static void close_session(session_t *s) {
  frt_tensor_release(s->inp);
  frt_program_release(s->main);
  frt_program_release(s->startup);
  frt_scope_release(s->scope);
  frt_executor_release(s->exe);
  frt_runtime_release(s->rt);
}

/* The losses of ten steps, alone in the process. */
enum { STEPS = 10 };
static float expected[STEPS];

static int setup(void **state) {
  session_t s;
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = linked_runtime(2);
  (void)state;
  open_on(&s, rt, "cpu");
  for (int i = 0; i < STEPS; ++i) OK(step(&s, &expected[i], &err));
  close_session(&s);
  frt_runtime_release(rt);
  return 0;
}

static void *train(void *arg) {
  session_t *s = arg;
  for (int i = 0; i < STEPS; ++i) {
    float loss = 0;
    if (step(s, &loss, NULL) != FRT_OK || memcmp(&loss, &expected[i], sizeof loss)) return s;
  }
  return NULL;
}

/* ---- the process ---------------------------------------------------------------------------- */

static void a_decimal_comma_changes_nothing(void **state) {
  static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "de_DE",
                                        "ru_RU.UTF-8"};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = loop_program(10.5f, 0.25f), *again = NULL;
  char *plain = NULL, *text = NULL;
  const char *got = NULL;
  (void)state;
  OK(frt_program_to_text(p, &plain, &err));
  for (int i = 0; i < 5 && !got; ++i) got = setlocale(LC_ALL, locales[i]);
  if (got) {
    OK(frt_program_to_text(p, &text, &err));
    assert_string_equal(plain, text);
    OK(frt_program_parse_text(text, strlen(text), NULL, &again, &err));
    frt_program_release(again);
    setlocale(LC_ALL, "C");
  }
  frt_free(plain);
  frt_free(text);
  frt_program_release(p);
  if (!got) {
    print_message("no locale with a decimal comma is installed\n");
    skip();
  }
}

/* Runs `fn` in a child and wants the status 0. */
static void in_child(int (*fn)(void)) {
  int status = 0;
  const pid_t id = fork();
  assert_true(id >= 0);
  if (!id) _exit(fn());
  for (int tenths = 0; waitpid(id, &status, WNOHANG) == 0; ++tenths) {
    if (tenths == 300) {
      kill(id, SIGKILL);
      waitpid(id, &status, 0);
      fail_msg("the child did not end");
    }
    usleep(100000);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    fail_msg("the child ended with status 0x%x", (unsigned)status);
}

static int without_standard_streams(void) {
  session_t s;
  char dir[512], path[600];
  for (int fd = 0; fd < 3; ++fd) close(fd);
  frt_runtime_t *rt = linked_runtime(2);
  open_on(&s, rt, "cpu");
  if (train(&s)) return 1;
  snprintf(path, sizeof path, "%s/scope", make_folder(dir, sizeof dir));
  if (frt_scope_save_dir(s.scope, path, NULL) || frt_scope_load_dir(s.scope, path, NULL)) return 2;
  close_session(&s);
  frt_runtime_release(rt);
  remove_folder(dir);
  return 0;
}

static void closed_standard_streams_change_nothing(void **state) {
  (void)state;
  in_child(without_standard_streams);
}

static int without_descriptors(void) {
  frt_error_t err = FRT_ERROR_INIT;
  struct rlimit none;
  frt_program_t *p = NULL;
  char dir[512], path[600];
  const char *model = model_path("lars_seed/main.pdmodel");
  frt_tensor_t *t = floats(1, THREE, 1.0f);
  snprintf(path, sizeof path, "%s/t.npy", make_folder(dir, sizeof dir));
  getrlimit(RLIMIT_NOFILE, &none);
  const rlim_t before = none.rlim_cur;
  none.rlim_cur = 3;
  if (setrlimit(RLIMIT_NOFILE, &none)) return 1;
  for (int fd = 3; fd < 64; ++fd) close(fd);
  if (open("/dev/null", O_RDONLY) >= 0) return 2;
  if (frt_program_load(model, NULL, &p, &err) != FRT_UNAVAILABLE || err.native != EMFILE) return 3;
  if (frt_npy_save(path, t, &err) != FRT_UNAVAILABLE || err.native != EMFILE) return 4;
  if (frt_scope_load_dir(NULL, dir, &err) != FRT_UNAVAILABLE || err.native != EMFILE) return 5;
  none.rlim_cur = before;
  setrlimit(RLIMIT_NOFILE, &none);
  if (frt_program_load(model, NULL, &p, &err)) return 6;
  frt_program_release(p);
  frt_tensor_release(t);
  remove_folder(dir);
  return 0;
}

static void running_out_of_descriptors_is_an_error(void **state) {
  (void)state;
  in_child(without_descriptors);
}

/* ---- fork ---------------------------------------------------------------------------------------- */

static session_t forked;

static int release_all(void) {
  close_session(&forked);
  return 0;
}
static int train_and_release(void) {
  if (train(&forked)) return 1;
  close_session(&forked);
  return 0;
}

static void a_child_may_release_what_it_inherits(void **state) {
  frt_runtime_t *rt = linked_runtime(4);
  (void)state;
  open_on(&forked, rt, "cpu");
  frt_runtime_release(rt); /* the session keeps it */
  in_child(release_all);
  in_child(train_and_release);
  assert_null(train(&forked)); /* and the parent goes on */
  close_session(&forked);
}

/* ---- little stack ---------------------------------------------------------------------------------- */

static char *self;

static int run_with_little_stack(void) {
  const struct rlimit little = {1 << 16, 1 << 16};
  if (setrlimit(RLIMIT_STACK, &little)) return 1;
  execl(self, self, "--train", (char *)NULL);
  return 2;
}

static void workers_have_stack_enough(void **state) {
  (void)state;
  if (SANITIZED) skip(); /* its own code needs more */
  in_child(run_with_little_stack);
}

/* Work for all threads: [256, 256] x [256, 256], softmax, sums. */
static int train_wide(void) {
  static const int64_t dims[] = {256, 256};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = linked_runtime(4);
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_program_t *p = new_program();
  frt_tensor_t *t = floats(2, dims, 0.0f), *out = NULL;
  const frt_feed_t feed = {"x", t};
  const frt_fetch_t fetch = {"s", 0, 0};
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i)
    ((float *)frt_tensor_data(t))[i] = (float)(i % 7) * 0.125f;
  var(p, 0, "x", FRT_F32, 2, dims, 0);
  var(p, 0, "y", FRT_F32, 2, dims, 0);
  var(p, 0, "z", FRT_F32, 2, dims, 0);
  var(p, 0, "s", FRT_F32, 1, ONE, 0);
  op(p, 0, "mul", "X=x;Y=x", "Out=y");
  op(p, 0, "softmax", "X=y", "Out=z");
  const uint32_t at = op(p, 0, "reduce_sum", "X=z", "Out=s");
  OK(frt_program_set_attr_bool(p, 0, at, "reduce_all", 1, &err));
  OK(frt_executor_create(rt, "cpu", NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  for (int i = 0; i < 3; ++i)
    OK(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  const float sum = *(float *)frt_tensor_data(out); /* each row of a softmax sums to 1 */
  frt_tensor_release(out);
  frt_tensor_release(t);
  frt_program_release(p);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return fabsf(sum - 256.0f) < 0.01f ? 0 : 1;
}

/* ---- several at once ----------------------------------------------------------------------------------- */

enum { CROWD = 16 };

static void sixteen_sessions_share_a_runtime(void **state) {
  frt_runtime_t *rt = linked_runtime(3);
  session_t s[CROWD];
  pthread_t id[CROWD];
  int wrong = 0;
  (void)state;
  for (int i = 0; i < CROWD; ++i) open_on(&s[i], rt, "cpu");
  for (int i = 0; i < CROWD; ++i)
    assert_int_equal(0, pthread_create(&id[i], NULL, train, &s[i]));
  for (int i = 0; i < CROWD; ++i) {
    void *bad = NULL;
    pthread_join(id[i], &bad);
    wrong += bad != NULL;
  }
  assert_int_equal(0, wrong);
  for (int i = 0; i < CROWD; ++i) close_session(&s[i]);
  frt_runtime_release(rt);
}

typedef struct shared {
  frt_executor_t *exe;
  frt_scope_t *scope;
  const frt_program_t *p;
  frt_status_t status;
} shared_t;

static void *run_shared(void *arg) {
  shared_t *s = arg;
  s->status = frt_executor_run(s->exe, s->p, s->scope, NULL, 0, NULL, 0, NULL, NULL, NULL);
  return NULL;
}

/* An endless run that writes `w` holds its scope and its executor. */
static void what_is_in_use_is_busy(void **state) {
  frt_runtime_t *rt = linked_runtime(1);
  frt_executor_t *first = NULL, *second = NULL;
  frt_scope_t *scope = NULL, *other = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *endless = loop_program(1.0f, 0.0f), *set = new_program();
  frt_tensor_t *t = floats(1, ONE, 1.0f);
  pthread_t id;
  (void)state;
  OK(frt_executor_create(rt, "cpu", NULL, &first, &err));
  OK(frt_executor_create(rt, "cpu", NULL, &second, &err));
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_scope_create(rt, &other, &err));
  var(set, 0, "w", FRT_F32, 1, ONE, 1);
  constant(set, 0, "w", 1, ONE, FRT_F32, 1.0f);
  var(endless, 0, "w", FRT_F32, 1, ONE, 1);
  op(endless, 0, "increment", "X=i", "Out=w");
  OK(frt_executor_run(first, set, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  shared_t s = {first, scope, endless, FRT_OK};
  assert_int_equal(0, pthread_create(&id, NULL, run_shared, &s));
  /* It reads the scope to plan; it is in the loop once it has taken it for writing. */
  while (frt_scope_set(scope, "unrelated", t, &err) == FRT_OK || strstr(err.message, "being read"))
    usleep(1000);
  expect_error(frt_scope_set(scope, "unrelated", t, &err), &err, FRT_BUSY, FRT_PHASE_NONE,
               "written by another run");
  expect_error(frt_executor_run(second, set, scope, NULL, 0, NULL, 0, NULL, NULL, &err), &err,
               FRT_BUSY, FRT_PHASE_NONE, "written by another run");
  expect_error(frt_executor_run(first, set, other, NULL, 0, NULL, 0, NULL, NULL, &err), &err,
               FRT_BUSY, FRT_PHASE_NONE, "running a program");
  OK(frt_executor_run(second, set, other, NULL, 0, NULL, 0, NULL, NULL, &err));
  frt_executor_cancel(first);
  pthread_join(id, NULL);
  assert_int_equal(FRT_CANCELLED, s.status);
  OK(frt_executor_run(second, set, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  frt_tensor_release(t);
  frt_program_release(set);
  frt_program_release(endless);
  frt_scope_release(other);
  frt_scope_release(scope);
  frt_executor_release(second);
  frt_executor_release(first);
  frt_runtime_release(rt);
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

static void the_nan_check_names_one_op_everywhere(void **state) {
  static const char *const places[] = {"cpu", "reference"};
  frt_runtime_t *rt = linked_runtime(1);
  frt_program_t *p = new_program();
  frt_tensor_t *x = floats(1, THREE, -1.0f), *out = NULL; /* -1, 0, 1 */
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch = {"z", 0, 0};
  (void)state;
  var(p, 0, "x", FRT_F32, 1, THREE, 0);
  var(p, 0, "y", FRT_F32, 1, THREE, 0);
  var(p, 0, "z", FRT_F32, 1, THREE, 0);
  op(p, 0, "sqrt", "X=x", "Out=y");
  op(p, 0, "relu", "X=y", "Out=z");
  for (int i = 0; i < 2; ++i) {
    const frt_executor_options_t o = {.struct_size = sizeof o, .check_nan = 1};
    frt_error_t err = FRT_ERROR_INIT;
    frt_executor_t *exe = NULL;
    frt_scope_t *scope = NULL;
    OK(frt_executor_create(rt, places[i], &o, &exe, &err));
    OK(frt_scope_create(rt, &scope, &err));
    expect_error(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err), &err,
                 FRT_OUT_OF_RANGE, FRT_PHASE_RUN, "1 nan and 0 inf, the first at element 0");
    assert_string_equal("sqrt", err.op_type);
    assert_int_equal(0, err.op);
    assert_null(out);
    frt_scope_release(scope);
    frt_executor_release(exe);
  }
  frt_tensor_release(x);
  frt_program_release(p);
  frt_runtime_release(rt);
}

/* No provider may switch to flushing: not in its own threads, not in the caller's. */
static void denormals_are_kept(void **state) {
  static const char *const places[] = {"cpu", "reference"};
  frt_runtime_t *rt = linked_runtime(2);
  frt_program_t *p = new_program();
  frt_tensor_t *x = floats(1, THREE, 0.0f), *out = NULL;
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch = {"y", 0, 0};
  const float in[] = {0x1p-140f, -0x1p-149f, -0.0f}, want[] = {0x1p-139f, -0x1p-148f, -0.0f};
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  memcpy(frt_tensor_data(x), in, sizeof in);
  var(p, 0, "x", FRT_F32, 1, THREE, 0);
  var(p, 0, "y", FRT_F32, 1, THREE, 0);
  op(p, 0, "elementwise_add", "X=x;Y=x", "Out=y");
  for (int i = 0; i < 2; ++i) {
    frt_executor_t *exe = NULL;
    frt_scope_t *scope = NULL;
    OK(frt_executor_create(rt, places[i], NULL, &exe, &err));
    OK(frt_scope_create(rt, &scope, &err));
    OK(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err));
    assert_memory_equal(want, frt_tensor_data(out), sizeof want);
    frt_scope_release(scope);
    frt_executor_release(exe);
  }
  frt_tensor_release(out);
  frt_tensor_release(x);
  frt_program_release(p);
  frt_runtime_release(rt);
}

/* Sixty blocks, each the body of two ops of its parent, would be 2^60 ops. */
static void a_block_is_the_body_of_one_op(void **state) {
  frt_runtime_t *rt = linked_runtime(1);
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = new_program();
  const frt_var_info_t scopes = {.name = "scopes", .kind = FRT_VAR_STEP_SCOPES, .dtype = -1};
  (void)state;
  var(p, 0, "i", FRT_F32, 1, ONE, 0);
  var(p, 0, "go", FRT_BOOL, 1, ONE, 0);
  OK(frt_program_add_var(p, 0, &scopes, &err));
  constant(p, 0, "i", 1, ONE, FRT_F32, 0.0f);
  op(p, 0, "less_than", "X=i;Y=i", "Out=go");
  for (int32_t parent = 0, body; parent < 60; parent = body) {
    OK(frt_program_add_block(p, parent, &body, &err));
    const frt_attr_info_t block = {.name = "sub_block", .type = 8, .count = 1, .i = body};
    for (int k = 0; k < 2; ++k) {
      const uint32_t at =
          op(p, parent, "while", "X=i;Condition=go", "Out=i,go;StepScopes=scopes");
      OK(frt_program_set_attr(p, parent, at, &block, &err));
    }
  }
  const uint32_t at = op(p, 60, "increment", "X=i", "Out=i");
  OK(frt_program_set_attr_f32(p, 60, at, "step", 1.0f, &err));
  OK(frt_executor_create(rt, "cpu", NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  const frt_fetch_t fetch = {"i", 0, 0};
  frt_tensor_t *out = NULL;
  expect_error(frt_executor_run(exe, p, scope, NULL, 0, &fetch, 1, &out, NULL, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN, "body of another op");
  frt_program_release(p);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
}

static void objects_are_released_in_any_order(void **state) {
  frt_runtime_t *rt = linked_runtime(2);
  session_t s;
  (void)state;
  open_on(&s, rt, "cpu,reference");
  frt_runtime_release(rt);
  frt_runtime_release(s.rt); /* executor and scope still hold it */
  s.rt = NULL;
  assert_null(train(&s));
  close_session(&s);
  frt_runtime_release(NULL);
  frt_executor_release(NULL);
  frt_scope_release(NULL);
  frt_program_release(NULL);
  frt_tensor_release(NULL);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_decimal_comma_changes_nothing), /* 3g: 229 */
      cmocka_unit_test(closed_standard_streams_change_nothing), /* 3g: 229 */
      cmocka_unit_test(running_out_of_descriptors_is_an_error), /* 3g: 221 */
      cmocka_unit_test(a_child_may_release_what_it_inherits), /* 3g: 222 */
      cmocka_unit_test(workers_have_stack_enough), /* 3g: 221 */
      cmocka_unit_test(sixteen_sessions_share_a_runtime), /* 3h: 232, 234 */
      cmocka_unit_test(what_is_in_use_is_busy), /* 3h: 233 */
      cmocka_unit_test(the_nan_check_names_one_op_everywhere), /* 3h: 240 */
      cmocka_unit_test(denormals_are_kept), /* 3h: 242 */
      cmocka_unit_test(a_block_is_the_body_of_one_op),
      cmocka_unit_test(objects_are_released_in_any_order) /* 3g: 231 */};
  if (argc > 1 && !strcmp(argv[1], "--train")) return train_wide();
  self = argv[0];
  return cmocka_run_group_tests(tests, setup, NULL);
}
