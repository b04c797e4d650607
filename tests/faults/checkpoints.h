/* Two variables in a scope, saved and loaded; in each step both hold its number. */
#ifndef TESTS_CHECKPOINT_H
#define TESTS_CHECKPOINT_H

#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

static struct {
  char dir[512];
  frt_runtime_t *rt;
  frt_scope_t *scope;
  frt_program_t *program;
} w;
static const char *const names[] = {"a", "b/c"};

static inline const char *at(const char *name) {
  static char path[4][1024];
  static int turn;
  char *to = path[turn++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", w.dir, name);
  return to;
}

/* Both variables hold step, step + 1, step + 2. */
static inline void fill(frt_scope_t *s, int step) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = floats(1, THREE, (float)step);
  for (int i = 0; i < 2; ++i) OK(frt_scope_set(s, names[i], t, &err));
  frt_tensor_release(t);
}
/* The step that both variables hold. */
static inline int held(frt_scope_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  int step[2];
  for (int i = 0; i < 2; ++i) {
    frt_tensor_t *t;
    OK(frt_scope_get(s, names[i], &t, &err));
    const float *v = frt_tensor_data(t);
    assert_true(v[1] == v[0] + 1 && v[2] == v[0] + 2);
    step[i] = (int)v[0];
    frt_tensor_release(t);
  }
  assert_int_equal(step[0], step[1]);
  return step[0];
}
static inline frt_status_t save(int step, frt_error_t *err) {
  const frt_checkpoint_info_t info = {sizeof info, (uint64_t)step, 1, 1};
  fill(w.scope, step);
  return frt_checkpoint_save(at("ck"), w.scope, &info, err);
}
/* Loads the newest into a scope of its own. */
static inline int newest(void) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  frt_scope_t *s;
  OK(frt_scope_create(w.rt, &s, &err));
  OK(frt_checkpoint_load(at("ck"), s, &info, &err));
  assert_int_equal(info.step, held(s));
  frt_scope_release(s);
  return (int)info.step;
}
static inline void clear(void) {
  char command[1200];
  snprintf(command, sizeof command, "rm -rf '%s'/* '%s'.out", w.dir, w.dir);
  assert_int_equal(0, system(command));
}
static inline int entries(const char *path, const char *part) {
  DIR *d = opendir(path);
  struct dirent *e;
  int n = 0;
  while (d && (e = readdir(d)) != NULL)
    n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && strstr(e->d_name, part);
  if (d) closedir(d);
  return n;
}

static inline int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  make_folder(w.dir, sizeof w.dir);
  w.rt = linked_runtime(1);
  OK(frt_scope_create(w.rt, &w.scope, &err));
  w.program = new_program();
  for (int i = 0; i < 2; ++i) var(w.program, 0, names[i], FRT_F32, 1, THREE, 1);
  return 0;
}
static inline int teardown(void **state) {
  (void)state;
  clear();
  frt_program_release(w.program);
  frt_scope_release(w.scope);
  frt_runtime_release(w.rt);
  remove_folder(w.dir);
  return 0;
}

#endif
