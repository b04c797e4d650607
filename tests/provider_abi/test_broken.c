/* provider_broken FOLDER: opens every broken plug-in of the folder. Each is refused or
 * survived, with a message of its own, and leaves nothing behind. */
#define _GNU_SOURCE
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fluidrt/fluidrt.h"

static const char *folder;

/* ---- what is expected ------------------------------------------------------------------ */

/* Where it shows: loading, making an executor, running. CHECK: running with
 * check_provider. WORKS: it is tolerated, and computes. */
typedef enum stage { LOAD, OPEN, RUN, CHECK, WORKS } stage_t;
typedef struct fault {
  const char *name;
  stage_t stage;
  frt_status_t status;
  const char *words;
} fault_t;

#define SIZE_TEXT(n) "provider table has " #n " bytes"
static const fault_t FAULTS[] = {
    {"no_entry", LOAD, FRT_ABI_MISMATCH, "no symbol 'frt_provider_entry_v1'"},
    {"major_two", LOAD, FRT_ABI_MISMATCH, "ABI major is 2; this library speaks 1"},
    {"major_zero", LOAD, FRT_ABI_MISMATCH, "ABI major is 0; this library speaks 1"},
    {"wants_newer_host", LOAD, FRT_ABI_MISMATCH, "ABI minor 7 or newer; this one is 0"},
    {"short_manifest", LOAD, FRT_ABI_MISMATCH, "manifest has 36 bytes; wanted 96"},
    {"no_manifest", WORKS, FRT_OK, ""},
    {"missing_libraries", LOAD, FRT_UNAVAILABLE, "libgone_first.so"},
    {"missing_libraries", LOAD, FRT_UNAVAILABLE, "libgone_second.so"},
    {"missing_symbols", LOAD, FRT_UNAVAILABLE, "symbol 'gone_first' is defined by none"},
    {"missing_symbols", LOAD, FRT_UNAVAILABLE, "symbol 'gone_second' is defined by none"},
    {"sanitized", LOAD, FRT_UNAVAILABLE, "built with AddressSanitizer"},
    {"entry_fails", LOAD, FRT_UNAVAILABLE, "the licence server does not answer"},
    {"entry_fails_silently", LOAD, FRT_UNAVAILABLE, "the entry failed without a word"},
    {"entry_status", LOAD, FRT_INTERNAL, "status 4711, which there is not"},
    {"entry_text", LOAD, FRT_UNAVAILABLE, "eeeeeeee"},
    {"entry_fills_nothing", LOAD, FRT_ABI_MISMATCH, "lacks 'name', 'device_count'"},
    {"size_zero", LOAD, FRT_ABI_MISMATCH, SIZE_TEXT(0)},
    {"size_small", LOAD, FRT_ABI_MISMATCH, SIZE_TEXT(60)},
    {"size_huge", WORKS, FRT_OK, ""},
    {"writes_past_table", LOAD, FRT_ABI_MISMATCH, "wrote past the "},
    {"no_run", LOAD, FRT_ABI_MISMATCH, "lacks 'queue_sync', 'op_run'"},
    {"no_optional", WORKS, FRT_OK, ""},
    {"name_null", LOAD, FRT_ABI_MISMATCH, "provider table lacks 'name'"},
    {"name_empty", LOAD, FRT_ABI_MISMATCH, "1 to 31 bytes; ''"},
    {"name_long", LOAD, FRT_ABI_MISMATCH, "1 to 31 bytes; 'nnnn"},
    {"name_bytes", LOAD, FRT_ABI_MISMATCH, "byte 0xf6 at 2"},
    {"name_colon", LOAD, FRT_ABI_MISMATCH, "byte 0x3a at 6"},
    {"name_taken", LOAD, FRT_ALREADY_EXISTS, "named 'reference' is registered already"},
    {"schema", LOAD, FRT_INVALID_ARGUMENT, "op 'nodot'"},
    {"kernel_twice", LOAD, FRT_ABI_MISMATCH, "claims op 'clip' twice"},
    {"kernel_unnamed", LOAD, FRT_ABI_MISMATCH, "kernel row 1 has no op type"},
    {"kernel_empty_name", LOAD, FRT_ABI_MISMATCH, "kernel row 1 has an op type without"},
    {"kernel_no_dtype", LOAD, FRT_ABI_MISMATCH, "('relu') claims no dtype"},
    {"kernel_versions", LOAD, FRT_ABI_MISMATCH, "('relu') is for op versions 3 to 1"},
    {"million_kernels", LOAD, FRT_RESOURCE_EXHAUSTED, "1000000 kernel rows; at most"},
    {"no_kernel_table", LOAD, FRT_ABI_MISMATCH, "1 kernel rows, but no table"},
    {"stride", LOAD, FRT_ABI_MISMATCH, "kernel_stride is 8"},
    {"many_devices", LOAD, FRT_ABI_MISMATCH, "4000000000 devices"},
    {"info_fails", LOAD, FRT_UNAVAILABLE, "the card does not say what it is"},
    {"no_device", OPEN, FRT_UNAVAILABLE, "has no device: xxxx"},
    {"open_fails", OPEN, FRT_UNAVAILABLE, "the card is in another process"},
    {"null_device", OPEN, FRT_INTERNAL, "dev_open succeeded, but gave no device"},
    {"queue_fails", OPEN, FRT_RESOURCE_EXHAUSTED, "all 8 queues are taken"},
    {"no_slabs", OPEN, FRT_ABI_MISMATCH, "no slab_alloc, slab_free or copy"},
    {"null_slab", RUN, FRT_RESOURCE_EXHAUSTED, "succeeded, but gave no memory"},
    {"crooked_slab", RUN, FRT_INTERNAL, "wanted a multiple of 64"},
    {"query_fails", RUN, FRT_INTERNAL, "op #0 clip: the table of kernels is not sorted"},
    {"prepare_fails", RUN, FRT_RESOURCE_EXHAUSTED, "clip: the tuner found no kernel"},
    {"fails_half_way", RUN, FRT_INTERNAL, "block 0 op #1 clip: unit 3 does not answer"},
    {"fails_silently", RUN, FRT_INTERNAL, "block 0 op #0 clip: internal error"},
    {"run_status", RUN, FRT_INTERNAL, "block 0 op #0 clip: the kernel returned status -77"},
    {"writes_past_end", CHECK, FRT_INTERNAL, "writes past the end of Out 'y': byte 16 of 16"},
    {"writes_before_start", CHECK, FRT_INTERNAL, "writes before the start of Out 'y'"},
    {"writes_input", CHECK, FRT_INTERNAL, "writes to its input X 'x'"},
    {"writes_past_workspace", CHECK, FRT_INTERNAL, "past the end of workspace '': byte 32"},
    {"leaves_tail", CHECK, FRT_INTERNAL, "leaves 1 of 4 elements of Out 'y' unwritten"},
    {"rounding", CHECK, FRT_INTERNAL, "belongs to the process: rounding mode"},
#if defined(__x86_64__)
    {"subnormals", CHECK, FRT_INTERNAL, "belongs to the process: handling of subnormals"},
#endif
    {"locale", CHECK, FRT_INTERNAL, "belongs to the process: locale"},
    {"folder", CHECK, FRT_INTERNAL, "belongs to the process: working folder"},
    {"signal_mask", CHECK, FRT_INTERNAL, "belongs to the process: signal mask"},
    {"signal_handler", CHECK, FRT_INTERNAL, "belongs to the process: signal handlers"},
    {"sound", WORKS, FRT_OK, ""},
};
enum { N_FAULTS = sizeof FAULTS / sizeof FAULTS[0] };

/* ---- two clips, one behind the other ------------------------------------------------------ */

typedef struct bench {
  frt_runtime_t *rt;
  frt_scope_t *scope;
  frt_program_t *program;
  frt_executor_t *exe;
  frt_tensor_t *x;
} bench_t;

#define OK(call)                                                                         \
  do {                                                                                   \
    frt_status_t ok_ = (call);                                                           \
    if (ok_ != FRT_OK) fail_msg("%s: %s: %s", #call, frt_status_text(ok_), err.message); \
  } while (0)

static void add_clip(frt_program_t *p, const char *in, const char *out) {
  frt_error_t err = FRT_ERROR_INIT;
  uint32_t op;
  OK(frt_program_add_op(p, 0, "clip", &op, &err));
  OK(frt_program_set_input(p, 0, op, "X", &in, 1, &err));
  OK(frt_program_set_output(p, 0, op, "Out", &out, 1, &err));
  OK(frt_program_set_attr_f32(p, 0, op, "min", -1, &err));
  OK(frt_program_set_attr_f32(p, 0, op, "max", 1, &err));
}

static bench_t bench_open(void) {
  static const int64_t dims[] = {4};
  static const char *const names[] = {"x", "y", "w"};
  frt_error_t err = FRT_ERROR_INIT;
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1};
  bench_t b = {0};
  OK(frt_runtime_create(&o, &b.rt, &err));
  OK(frt_runtime_load_provider(b.rt, "reference", &err));
  OK(frt_scope_create(b.rt, &b.scope, &err));
  OK(frt_program_create(&b.program, &err));
  for (int i = 0; i < 3; ++i) {
    const frt_var_info_t v = {.name = names[i], .dtype = FRT_F32, .rank = 1, .dims = dims,
                              .persistable = i == 2};
    OK(frt_program_add_var(b.program, 0, &v, &err));
  }
  add_clip(b.program, "x", "y");
  add_clip(b.program, "y", "w");
  OK(frt_tensor_create(FRT_F32, 1, dims, &b.x, &err));
  const float values[] = {-3, 0.25f, 2, 0.5f};
  memcpy(frt_tensor_data(b.x), values, sizeof values);
  return b;
}

static void bench_close(bench_t *b) {
  frt_executor_release(b->exe);
  frt_tensor_release(b->x);
  frt_program_release(b->program);
  frt_scope_release(b->scope);
  frt_runtime_release(b->rt);
}

static const char *path_of(const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/frt_%s.so", folder, name);
  return path;
}

static frt_status_t bench_executor(bench_t *b, const char *name, int check,
                                   frt_error_t *err) {
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_provider = check};
  return frt_executor_create(b->rt, path_of(name), &o, &b->exe, err);
}

static frt_status_t bench_run(bench_t *b, frt_error_t *err) {
  const frt_feed_t feed = {"x", b->x};
  const frt_fetch_t fetch = {.var = "w"};
  static const float want[] = {-1, 0.25f, 1, 0.5f};
  frt_tensor_t *out = NULL;
  frt_status_t status =
      frt_executor_run(b->exe, b->program, b->scope, &feed, 1, &fetch, 1, &out, NULL, err);
  if (status == FRT_OK) assert_memory_equal(frt_tensor_data(out), want, sizeof want);
  frt_tensor_release(out);
  return status;
}

/* ---- one plug-in ------------------------------------------------------------------------------ */

static frt_status_t go(bench_t *b, const fault_t *f, frt_error_t *err) {
  FRT_TRY(frt_runtime_load_provider(b->rt, path_of(f->name), err));
  if (f->stage == LOAD) return FRT_OK;
  FRT_TRY(bench_executor(b, f->name, f->stage == CHECK || f->stage == WORKS, err));
  if (f->stage == OPEN) return FRT_OK;
  return bench_run(b, err);
}

/* A refused file is not mapped any more, and no op of its own is known. */
static void nothing_is_left(bench_t *b, const fault_t *f) {
  const frt_op_schema_t op = {.struct_size = sizeof op, .type = "broken.good"};
  char line[4096];
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(1, frt_runtime_n_providers(b->rt)); /* reference */
  frt_runtime_add_op(b->rt, &op, &err);
  if (strstr(err.message, "known already")) fail_msg("%s: its op stayed", f->name);
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    if (strstr(line, path_of(f->name))) fail_msg("%s is still mapped", f->name);
  fclose(maps);
}

static int try_fault(const fault_t *f, char *message, size_t cap) {
  frt_error_t err = FRT_ERROR_INIT;
  if (access(path_of(f->name), R_OK)) return 0; /* sanitized, in a sanitized build */
  bench_t b = bench_open();
  const frt_status_t status = go(&b, f, &err);
  if (status != f->status)
    fail_msg("%s: %s, wanted %s: %s", f->name, frt_status_text(status),
             frt_status_text(f->status), err.message);
  if (!strstr(err.message, f->words))
    fail_msg("%s: '%s' lacks '%s'", f->name, err.message, f->words);
  if (f->stage == LOAD || f->stage == OPEN || f->stage == CHECK)
    assert_int_equal(err.phase, FRT_PHASE_PROVIDER);
  if (f->stage == LOAD) nothing_is_left(&b, f);
  snprintf(message, cap, "%s", err.message);
  bench_close(&b);
  return 1;
}

static void every_fault_has_its_message(void **state) {
  static char messages[N_FAULTS][360];
  int tried = 0, tolerated = 0, distinct = 0;
  (void)state;
  for (int i = 0; i < N_FAULTS; ++i) {
    if (i && !strcmp(FAULTS[i - 1].name, FAULTS[i].name)) { /* another word of one message */
      char again[360];
      try_fault(&FAULTS[i], again, sizeof again);
      continue;
    }
    if (!try_fault(&FAULTS[i], messages[i], sizeof messages[i])) continue;
    ++tried;
    tolerated += FAULTS[i].stage == WORKS;
    /* The file's own name would make any two differ. */
    char *path = strstr(messages[i], ".so: ");
    if (path) memmove(messages[i], path + 5, strlen(path + 5) + 1);
    for (int k = 0; k < i && messages[i][0]; ++k)
      if (!strcmp(messages[i], messages[k]))
        fail_msg("%s and %s: %s", FAULTS[i].name, FAULTS[k].name, messages[i]);
    distinct += messages[i][0] != 0;
  }
  print_message("%d plug-ins: %d refused with %d distinct messages, %d tolerated\n", tried,
                tried - tolerated, distinct, tolerated);
  assert_true(tried - tolerated >= 25);
  assert_int_equal(tried - tolerated, distinct);
}

static void every_file_of_the_folder_is_expected(void **state) {
  static const char *const elsewhere[] = {"crashes_at_close", "never_unloaded", "calls_back",
                                          "aborts"};
  (void)state;
  DIR *d = opendir(folder);
  for (struct dirent *e; (e = readdir(d));) {
    int found = 0;
    char name[300];
    if (sscanf(e->d_name, "frt_%255[^.].so", name) != 1) continue;
    for (int i = 0; i < N_FAULTS; ++i) found |= !strcmp(name, FAULTS[i].name);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; ++i)
      found |= !strcmp(name, elsewhere[i]);
#if !defined(__x86_64__)
    found |= !strcmp(name, "subnormals");
#endif
    if (!found) fail_msg("nobody expects anything of %s", e->d_name);
  }
  closedir(d);
}

/* ---- around a failure ---------------------------------------------------------------------------- */

static void a_kernel_that_fails_half_way_marks_the_scope(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  bench_t b = bench_open();
  OK(bench_executor(&b, "fails_half_way", 0, &err));
  assert_int_equal(FRT_INTERNAL, bench_run(&b, &err));
  assert_int_equal(0, err.block);
  assert_int_equal(1, err.op);
  assert_int_equal(1, frt_scope_partly_updated(b.scope));
  /* Another place does the same program on the same scope. */
  frt_executor_release(b.exe);
  OK(frt_executor_create(b.rt, "reference", NULL, &b.exe, &err));
  OK(bench_run(&b, &err));
  assert_int_equal(0, frt_scope_partly_updated(b.scope));
  bench_close(&b);
}

static void what_a_kernel_changed_is_put_back(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char before[4096], after[4096];
  (void)state;
  bench_t b = bench_open();
  assert_non_null(getcwd(before, sizeof before));
  OK(bench_executor(&b, "folder", 1, &err));
  assert_int_equal(FRT_INTERNAL, bench_run(&b, &err));
  assert_non_null(getcwd(after, sizeof after));
  assert_string_equal(before, after);
  bench_close(&b);
}

/* A kernel that runs the executor it is run by gets BUSY, and no deadlock. */
typedef struct callback { bench_t *b; frt_status_t status; } callback_t;
static void call_back(void *arg) {
  callback_t *c = arg;
  c->status = frt_executor_run(c->b->exe, c->b->program, c->b->scope, NULL, 0, NULL, 0, NULL,
                               NULL, NULL);
}
static void a_kernel_that_calls_back_gets_busy(void **state) {
  static const int64_t dims[] = {4};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *out = NULL;
  (void)state;
  bench_t b = bench_open();
  callback_t c = {&b, FRT_OK};
  const struct { void (*fn)(void *); void *arg; } call = {call_back, &c};
  const frt_feed_t feed = {"x", b.x};
  const frt_fetch_t fetch = {.var = "y"}; /* the first clip alone sees the pointers */
  frt_program_t *one;
  OK(frt_program_create(&one, &err));
  for (int i = 0; i < 2; ++i) {
    const frt_var_info_t v = {.name = i ? "y" : "x", .dtype = FRT_F32, .rank = 1, .dims = dims};
    OK(frt_program_add_var(one, 0, &v, &err));
  }
  add_clip(one, "x", "y");
  assert_int_equal(sizeof call, frt_tensor_bytes(b.x));
  memcpy(frt_tensor_data(b.x), &call, sizeof call);
  OK(bench_executor(&b, "calls_back", 0, &err));
  OK(frt_executor_run(b.exe, one, b.scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  assert_int_equal(FRT_BUSY, c.status);
  frt_tensor_release(out);
  frt_program_release(one);
  bench_close(&b);
}

/* The file is closed when its runtime is: what crashes then takes the process, unless the
 * file is linked with -z nodelete. Seen from outside. */
static int ends_by_signal(const char *name) {
  int status = 0;
  const pid_t child = fork();
  if (!child) {
    frt_runtime_t *rt = NULL;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it */
    if (frt_runtime_create(NULL, &rt, NULL) ||
        frt_runtime_load_provider(rt, path_of(name), NULL))
      _exit(9);
    frt_runtime_release(rt);
    _exit(0);
  }
  assert_int_equal(child, waitpid(child, &status, 0));
  if (WIFEXITED(status)) assert_int_equal(0, WEXITSTATUS(status));
  return WIFSIGNALED(status);
}
static void a_file_can_ask_never_to_be_closed(void **state) {
  (void)state;
  assert_true(ends_by_signal("crashes_at_close"));
  assert_false(ends_by_signal("never_unloaded"));
}

/* ---- unloading -------------------------------------------------------------------------------------- */

/* Mapped pieces of libraries. */
static long lines_of_maps(void) {
  char line[4096];
  long n = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) n += strstr(line, ".so") != NULL;
  fclose(maps);
  return n;
}
static long resident_kib(void) {
  long pages = 0, all;
  FILE *f = fopen("/proc/self/statm", "r");
  if (fscanf(f, "%ld %ld", &all, &pages) != 2) pages = 0;
  fclose(f);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void a_provider_in_use_is_not_unloaded(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  bench_t b = bench_open();
  OK(bench_executor(&b, "sound", 0, &err));
  assert_int_equal(FRT_BUSY, frt_runtime_unload_provider(b.rt, "broken", &err));
  assert_non_null(strstr(err.message, "'broken' is in use: 1 executors"));
  OK(bench_run(&b, &err)); /* and still works */
  frt_executor_release(b.exe);
  b.exe = NULL;
  assert_int_equal(FRT_NOT_FOUND, frt_runtime_unload_provider(b.rt, "brokn", &err));
  assert_non_null(strstr(err.message, "nearest is 'broken'"));
  OK(frt_runtime_unload_provider(b.rt, "broken", &err));
  nothing_is_left(&b, &(fault_t){.name = "sound"});
  bench_close(&b);
}

static void a_mirror_keeps_its_device(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  bench_t b = bench_open();
  OK(frt_executor_create(b.rt, "virtual", NULL, &b.exe, &err));
  OK(bench_run(&b, &err)); /* `w` lies on the device now */
  frt_executor_release(b.exe);
  b.exe = NULL;
  assert_int_equal(FRT_BUSY, frt_runtime_unload_provider(b.rt, "virtual", &err));
  frt_scope_release(b.scope);
  b.scope = NULL;
  OK(frt_runtime_unload_provider(b.rt, "virtual", &err));
  bench_close(&b);
}

static void reload_one(const char *place, const char *name, bench_t *b) {
  frt_error_t err = FRT_ERROR_INIT;
  OK(frt_executor_create(b->rt, place, NULL, &b->exe, &err));
  OK(frt_scope_create(b->rt, &b->scope, &err));
  OK(bench_run(b, &err));
  frt_executor_release(b->exe);
  frt_scope_release(b->scope);
  b->exe = NULL;
  b->scope = NULL;
  OK(frt_runtime_unload_provider(b->rt, name, &err));
}

static void a_hundred_reloads_leave_no_trace(void **state) {
  (void)state;
  bench_t b = bench_open();
  long maps = 0, kib = 0;
  frt_scope_release(b.scope);
  for (int i = 0; i < 110; ++i) {
    if (i == 10) maps = lines_of_maps(), kib = resident_kib();
    reload_one(path_of("sound"), "broken", &b);
    if (i % 10 == 0) reload_one("virtual", "virtual", &b); /* a space of its own */
  }
  assert_true(lines_of_maps() <= maps);
  (void)kib;
#if !defined(SANITIZED) /* which keeps what was freed */
  assert_true(resident_kib() < kib + 1024);
#endif
  bench_close(&b);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_fault_has_its_message), /* 3f: 198-206, 208, 209, 216 */
      cmocka_unit_test(every_file_of_the_folder_is_expected),
      cmocka_unit_test(a_kernel_that_fails_half_way_marks_the_scope), /* 3f: 207 */
      cmocka_unit_test(what_a_kernel_changed_is_put_back), /* 3f: 216 */
      cmocka_unit_test(a_kernel_that_calls_back_gets_busy), /* 3f: 217 */
      cmocka_unit_test(a_file_can_ask_never_to_be_closed), /* 3f: 214 */
      cmocka_unit_test(a_provider_in_use_is_not_unloaded), /* 3f: 213 */
      cmocka_unit_test(a_mirror_keeps_its_device),
      cmocka_unit_test(a_hundred_reloads_leave_no_trace)};
  if (argc != 2) return 64;
  folder = argv[1];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
