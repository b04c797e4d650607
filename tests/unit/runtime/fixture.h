/* A runtime with the reference provider, a scope, and a small training program:
 *   y = x * w (elementwise), loss = reduce_sum(y), w@GRAD = x, sgd on w; counter += 1. */
#ifndef TESTS_RUNTIME_FIXTURE_H
#define TESTS_RUNTIME_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fluidrt/fluidrt.h"

#define OK(call)                                                                   \
  do {                                                                             \
    frt_status_t ok_ = (call);                                                     \
    if (ok_ != FRT_OK) fail_msg("%s: %s: %s", #call, frt_status_text(ok_), err.message); \
  } while (0)

typedef struct fixture {
  frt_runtime_t *rt;
  frt_scope_t *scope;
  frt_program_t *startup, *main;
} fixture_t;

static void add_var(frt_program_t *p, int32_t block, const char *name, int32_t dtype,
                    uint32_t rank, const int64_t *dims, int persistable) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_var_info_t v = {.name = name, .dtype = dtype, .rank = rank, .dims = dims,
                            .persistable = persistable};
  OK(frt_program_add_var(p, block, &v, &err));
}

/* in and out: "Slot=var;Slot=var". Returns the op's index. */
static inline uint32_t add_op(frt_program_t *p, int32_t block, const char *type, const char *in,
                       const char *out) {
  frt_error_t err = FRT_ERROR_INIT;
  uint32_t op;
  OK(frt_program_add_op(p, block, type, &op, &err));
  for (int side = 0; side < 2; ++side) {
    char text[256], *save = NULL;
    snprintf(text, sizeof text, "%s", side ? out : in);
    for (char *pair = strtok_r(text, ";", &save); pair; pair = strtok_r(NULL, ";", &save)) {
      const char *args[8];
      uint32_t n = 0;
      char *inner = NULL, *value = strchr(pair, '=');
      *value++ = 0;
      for (char *a = strtok_r(value, ",", &inner); a; a = strtok_r(NULL, ",", &inner))
        args[n++] = a;
      if (side) OK(frt_program_set_output(p, block, op, pair, args, n, &err));
      else OK(frt_program_set_input(p, block, op, pair, args, n, &err));
    }
  }
  return op;
}

static void fill(frt_program_t *p, int32_t block, const char *name, uint32_t rank,
                 const int64_t *dims, int dtype, float value) {
  frt_error_t err = FRT_ERROR_INIT;
  char out[64];
  snprintf(out, sizeof out, "Out=%s", name);
  uint32_t op = add_op(p, block, "fill_constant", "", out);
  OK(frt_program_set_attr_longs(p, block, op, "shape", dims, rank, &err));
  OK(frt_program_set_attr_int(p, block, op, "dtype", dtype, &err));
  OK(frt_program_set_attr_f32(p, block, op, "value", value, &err));
}

static void make_programs(fixture_t *f) {
  static const int64_t one[] = {1}, three[] = {3}, batch[] = {-1};
  frt_error_t err = FRT_ERROR_INIT;
  OK(frt_program_create(&f->startup, &err));
  OK(frt_program_create(&f->main, &err));
  for (int side = 0; side < 2; ++side) {
    frt_program_t *p = side ? f->main : f->startup;
    add_var(p, 0, "w", FRT_F32, 1, three, 1);
    add_var(p, 0, "lr", FRT_F32, 1, one, 1);
    add_var(p, 0, "counter", FRT_I64, 1, one, 1);
  }
  fill(f->startup, 0, "w", 1, three, FRT_F32, 2.0f);
  fill(f->startup, 0, "lr", 1, one, FRT_F32, 0.5f);
  fill(f->startup, 0, "counter", 1, one, FRT_I64, 0.0f);
  add_var(f->main, 0, "x", FRT_F32, 1, batch, 0);
  add_var(f->main, 0, "y", FRT_F32, 1, three, 0);
  add_var(f->main, 0, "loss", FRT_F32, 1, one, 0);
  add_var(f->main, 0, "unused", FRT_F32, 1, three, 0);
  add_op(f->main, 0, "elementwise_mul", "X=x;Y=w", "Out=y");
  uint32_t op = add_op(f->main, 0, "reduce_sum", "X=y", "Out=loss");
  OK(frt_program_set_attr_bool(f->main, 0, op, "reduce_all", 1, &err));
  add_op(f->main, 0, "sqrt", "X=y", "Out=unused");
  add_op(f->main, 0, "sgd", "Param=w;Grad=x;LearningRate=lr", "ParamOut=w");
  op = add_op(f->main, 0, "increment", "X=counter", "Out=counter");
  OK(frt_program_set_attr_f32(f->main, 0, op, "step", 1.0f, &err));
}

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  fixture_t *f = calloc(1, sizeof *f);
  frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1};
  OK(frt_runtime_create(&o, &f->rt, &err));
  OK(frt_runtime_load_provider(f->rt, "reference", &err));
  OK(frt_scope_create(f->rt, &f->scope, &err));
  make_programs(f);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture_t *f = *state;
  frt_program_release(f->startup);
  frt_program_release(f->main);
  frt_scope_release(f->scope);
  frt_runtime_release(f->rt);
  free(f);
  return 0;
}

static inline frt_tensor_t *vector(float a, float b, float c) {
  static const int64_t dims[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(FRT_F32, 1, dims, &t, &err));
  float *v = frt_tensor_data(t);
  v[0] = a;
  v[1] = b;
  v[2] = c;
  return t;
}

static inline float element(frt_scope_t *s, const char *name, int i) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_scope_get(s, name, &t, &err));
  float v = frt_tensor_dtype(t) == FRT_I64 ? (float)((int64_t *)frt_tensor_data(t))[i]
                                           : ((float *)frt_tensor_data(t))[i];
  frt_tensor_release(t);
  return v;
}

#endif
