/* Saving and loading while single calls fail, or while something happens between two. */
#include "calls.h"
#include "checkpoints.h"

/* ---- each call fails once ----------------------------------------------------------------------- */

/* A save of step 2 over step 1. True while the call was there to fail. */
static bool failing_save(int call, int n, int how, int *ok) {
  frt_error_t err = FRT_ERROR_INIT;
  clear();
  assert_int_equal(FRT_OK, save(1, &err));
  arm(call, n, how);
  const frt_status_t status = save(2, &err);
  fault.on = 0;
  if (!fault.hit) return false;
  *ok += status == FRT_OK;
  if (status == FRT_OK) {
    assert_int_equal(2, newest());
  } else {
    if (how == EINTR || how == SHORT)
      fail_msg("%s #%d, %d: %s", call_names[call], n, how, err.message);
    if (status != FRT_UNAVAILABLE || err.native != how || err.phase != FRT_PHASE_CHECKPOINT)
      fail_msg("%s #%d: errno %d came as %s, native %d, phase %u: %s", call_names[call], n,
               how, frt_status_text(status), err.native, err.phase, err.message);
    assert_in_range(newest(), 1, 2);
    if (call != UNLINKAT && call != READDIR && call != OPENAT)
      assert_int_equal(0, entries(at("ck"), ".tmp"));
  }
  OK(save(3, &err)); /* and what was left behind goes */
  assert_int_equal(3, newest());
  assert_int_equal(0, entries(at("ck"), ".tmp") + entries(at("ck"), ".old"));
  return true;
}

static void every_call_of_a_save_fails_once(void **state) {
  static const int ways[] = {ENOSPC, EIO, EDQUOT, EACCES, EROFS, EINTR, SHORT};
  int points = 0, ok = 0;
  (void)state;
  for (int call = 0; call < CALLS; ++call)
    for (size_t k = 0; k < sizeof ways / sizeof *ways; ++k) {
      if (ways[k] == SHORT && call != WRITE && call != READ) continue;
      if (ways[k] == EINTR && call >= FSTAT) continue; /* these are not interrupted */
      for (int n = 1; failing_save(call, n, ways[k], &ok); ++n) ++points;
    }
  print_message("%d failing calls, %d of them harmless\n", points, ok);
  assert_true(points > 150);
}

static void every_call_of_a_load_fails_once(void **state) {
  static const int ways[] = {EIO, EACCES, EINTR, SHORT};
  frt_error_t err = FRT_ERROR_INIT;
  int points = 0;
  (void)state;
  clear();
  OK(save(1, &err));
  for (int call = 0; call < CALLS; ++call)
    for (size_t k = 0; k < sizeof ways / sizeof *ways; ++k) {
      if (ways[k] == SHORT && call != READ) continue;
      if (ways[k] == EINTR && call >= FSTAT) continue;
      for (int n = 1;; ++n) {
        fill(w.scope, 50);
        arm(call, n, ways[k]);
        const frt_status_t status = frt_checkpoint_load(at("ck"), w.scope, NULL, &err);
        fault.on = 0;
        if (!fault.hit) break;
        ++points;
        if (status != FRT_OK && (ways[k] < EIO || ways[k] == EINTR))
          fail_msg("%s #%d: %s", call_names[call], n, err.message);
        assert_int_equal(status == FRT_OK ? 1 : 50, held(w.scope)); /* all or nothing */
      }
    }
  assert_true(points > 20);
}

/* Step 1 again, with other contents: on disks that exchange names and on those that do not
 * the old or the new one is found, whichever call fails. */
static void replacing_a_step_loses_neither(void **state) {
  static const struct { int call, how, first; } ways[] = {
      {RENAMEAT2, EIO, 0}, {RENAMEAT2, ENOSYS, 0}, {RENAMEAT, EIO, EINVAL},
      {UNLINKAT, EIO, EINVAL}, {UNLINKAT, EIO, 0}};
  const frt_checkpoint_info_t info = {sizeof info, 1, 1, 1};
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i)
    for (int n = 1, hit = 1; hit; ++n) {
      clear();
      OK(save(1, &err));
      fill(w.scope, 20);
      arm(ways[i].call, n, ways[i].how);
      fault.cannot_exchange = ways[i].first;
      const frt_status_t status = frt_checkpoint_save(at("ck"), w.scope, &info, &err);
      hit = fault.hit;
      fault.on = 0;
      OK(frt_checkpoint_load(at("ck"), w.scope, NULL, &err));
      const int now = held(w.scope);
      if (status == FRT_OK) assert_int_equal(20, now);
      else assert_true(now == 1 || now == 20);
    }
}

/* Once opened, the folder is meant, not its name. */
static int swapped;
static void swap_the_folder(int call, int n, const char *name) {
  char command[2048];
  if (swapped || call != OPENAT || !name || strcmp(name, "a")) return;
  swapped = 1;
  (void)n;
  snprintf(command, sizeof command,
           "cd '%s' && mkdir -p '%s.out/step-2.tmp' && mv ck ck.moved && ln -s '%s.out' ck",
           w.dir, w.dir, w.dir);
  assert_int_equal(0, system(command));
}

static void a_folder_swapped_for_a_link_leads_nowhere(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char outside[600];
  (void)state;
  clear();
  snprintf(outside, sizeof outside, "%s.out/step-2.tmp", w.dir);
  OK(save(1, &err));
  swapped = 0;
  arm(-1, 0, 0);
  fault.before = swap_the_folder;
  OK(save(2, &err));
  fault.on = 0;
  assert_int_equal(1, swapped);
  assert_int_equal(0, entries(outside, ""));
  assert_int_equal(1, entries(at("ck.moved"), "step-2"));
  /* The same while loading. */
  unlink(at("ck"));
  assert_int_equal(0, rename(at("ck.moved"), at("ck")));
  swapped = 0;
  fault.on = 1;
  fill(w.scope, 50);
  OK(frt_checkpoint_load(at("ck"), w.scope, NULL, &err));
  fault.on = 0;
  fault.before = NULL;
  assert_int_equal(1, swapped);
  assert_int_equal(2, held(w.scope));
}

/* ---- others ------------------------------------------------------------------------------------------- */

static frt_status_t other_status;
static frt_error_t other_err;
static int other_saved;
static void another_save(int call, int n, const char *name) {
  (void)n;
  if (other_saved || call != OPENAT || !name || strcmp(name, "a")) return;
  other_saved = 1;
  const frt_checkpoint_info_t info = {sizeof info, 2, 1, 1};
  other_status = frt_checkpoint_save(at("ck"), w.scope, &info, &other_err);
}

static void a_second_saver_is_told_so(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  clear();
  OK(save(1, &err));
  other_saved = 0;
  arm(-1, 0, 0);
  fault.before = another_save;
  OK(save(2, &err));
  fault.on = 0;
  fault.before = NULL;
  assert_int_equal(1, other_saved);
  expect_error(other_status, &other_err, FRT_BUSY, FRT_PHASE_CHECKPOINT,
               "another process or thread is saving");
  assert_int_equal(2, newest());
}

/* On a disk that takes two names for one the second file is there already. */
static void names_that_are_one_on_a_disk_are_refused(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  int n = 1;
  (void)state;
  clear();
  OK(save(1, &err));
  for (;; ++n) { /* the openat that makes the second variable's file */
    arm(OPENAT, n, EEXIST);
    const frt_status_t status = save(2, &err);
    fault.on = 0;
    assert_true(fault.hit);
    if (status == FRT_ALREADY_EXISTS) break;
  }
  expect_error(FRT_ALREADY_EXISTS, &err, FRT_ALREADY_EXISTS, FRT_PHASE_CHECKPOINT,
               "two names are one");
  assert_int_equal(1, newest());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_call_of_a_save_fails_once),           /* 3e: 187-189 */
      cmocka_unit_test(every_call_of_a_load_fails_once),           /* 3e: 181, 188 */
      cmocka_unit_test(replacing_a_step_loses_neither),            /* 3e: 187 */
      cmocka_unit_test(a_folder_swapped_for_a_link_leads_nowhere), /* 3e: 185 */
      cmocka_unit_test(a_second_saver_is_told_so),                 /* 3e: 191 */
      cmocka_unit_test(names_that_are_one_on_a_disk_are_refused)}; /* 3b: 71 */
  return cmocka_run_group_tests(tests, setup, teardown);
}
