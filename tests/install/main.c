/* A stranger's program, as C and as C++: makes y = clip(x), runs it, looks at it. */
#include <stdio.h>

#include <fluidrt/fluidrt.h>

#ifdef LINKED_IN
#ifdef __cplusplus
extern "C"
#endif
frt_status_t frt_provider_cpu_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                    frt_error_t *err);
#endif

static frt_status_t make(frt_program_t *p, frt_error_t *err) {
  const int64_t dims[] = {3};
  const char *x = "x", *y = "y";
  frt_var_info_t v = {0};
  uint32_t op;
  v.dtype = FRT_F32;
  v.rank = 1;
  v.dims = dims;
  v.name = x;
  FRT_TRY(frt_program_add_var(p, 0, &v, err));
  v.name = y;
  FRT_TRY(frt_program_add_var(p, 0, &v, err));
  FRT_TRY(frt_program_add_op(p, 0, "clip", &op, err));
  FRT_TRY(frt_program_set_input(p, 0, op, "X", &x, 1, err));
  FRT_TRY(frt_program_set_output(p, 0, op, "Out", &y, 1, err));
  FRT_TRY(frt_program_set_attr_f32(p, 0, op, "min", -1, err));
  return frt_program_set_attr_f32(p, 0, op, "max", 1, err);
}

static frt_status_t run(frt_runtime_t *rt, float *got, frt_error_t *err) {
  const int64_t dims[] = {3};
  frt_program_t *p;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_tensor_t *x, *y = NULL;
  frt_feed_t feed;
  frt_fetch_t fetch = {"y", 0, 0};
  FRT_TRY(frt_program_create(&p, err));
  FRT_TRY(make(p, err));
  FRT_TRY(frt_executor_create(rt, "cpu", NULL, &exe, err));
  FRT_TRY(frt_scope_create(rt, &scope, err));
  FRT_TRY(frt_tensor_create(FRT_F32, 1, dims, &x, err));
  ((float *)frt_tensor_data(x))[0] = -3;
  ((float *)frt_tensor_data(x))[1] = 0.5f;
  ((float *)frt_tensor_data(x))[2] = 3;
  feed.name = "x";
  feed.tensor = x;
  FRT_TRY(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &y, NULL, err));
  memcpy(got, frt_tensor_data(y), 3 * sizeof *got);
  frt_tensor_release(x);
  frt_tensor_release(y);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_program_release(p);
  return FRT_OK;
}

int main(void) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  float y[3] = {0, 0, 0};
  frt_status_t status = frt_runtime_create(NULL, &rt, &err);
#ifdef LINKED_IN
  if (status == FRT_OK) status = frt_runtime_add_provider(rt, frt_provider_cpu_entry, &err);
#endif
  if (status == FRT_OK) status = run(rt, y, &err);
  if (status != FRT_OK) printf("failed: %s\n", err.message);
  else printf("fluidrt %s: %g %g %g\n", frt_version(), y[0], y[1], y[2]);
  if (status == FRT_OK) frt_runtime_release(rt);
  return status != FRT_OK || y[0] != -1 || y[1] != 0.5f || y[2] != 1;
}
