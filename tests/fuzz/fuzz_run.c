/* Bytes -> load -> plan -> one step on one of two places, with tiny limits. Every
 * persistable is put into the scope and everything else that is declared without a
 * producer is fed, so that most programs get as far as running. */
#include "fuzz.h"

enum { MAX_FEEDS = 64 };

static int produced(const frt_program_t *p, const char *name) {
  for (uint32_t o = 0; o < frt_program_n_ops(p, 0); ++o)
    for (uint32_t s = 0; s < frt_program_op_n_outputs(p, 0, o); ++s) {
      frt_slot_info_t slot;
      if (frt_program_op_output(p, 0, o, s, &slot, NULL)) continue;
      for (uint32_t i = 0; i < slot.count; ++i)
        if (!strcmp(slot.args[i], name)) return 1;
    }
  return 0;
}

static void run(const frt_program_t *p, const char *places) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe = fuzz_executor(places, 0);
  frt_scope_t *scope = NULL;
  frt_feed_t feed[MAX_FEEDS];
  frt_fetch_t fetch = {NULL, 0, 0};
  frt_tensor_t *out = NULL;
  size_t n = 0;
  if (frt_scope_create(fuzz_runtime(), &scope, &err)) WRONG("%s", err.message);
  for (uint32_t i = 0; i < frt_program_n_vars(p, 0) && n < MAX_FEEDS; ++i) {
    frt_var_info_t v;
    frt_program_var(p, 0, i, &v, &err);
    frt_tensor_t *t = v.kind == FRT_VAR_LOD_TENSOR ? fuzz_tensor(&v, i) : NULL;
    if (!t) continue;
    if (v.persistable) {
      fuzz_error(frt_scope_set(scope, v.name, t, &err), &err);
      frt_tensor_release(t);
    } else if (produced(p, v.name)) {
      fetch.var = v.name;
      frt_tensor_release(t);
    } else {
      feed[n].name = v.name;
      feed[n++].tensor = t;
    }
  }
  frt_status_t status =
      fuzz_run(exe, p, scope, feed, n, &fetch, fetch.var ? 1 : 0, &out, &err);
  if (status != FRT_OK && out) WRONG("an error and a result");
  frt_tensor_release(out);
  for (size_t i = 0; i < n; ++i) frt_tensor_release(feed[i].tensor);
  frt_scope_release(scope);
  frt_executor_release(exe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const frt_load_options_t o = fuzz_limits();
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_program_parse(data, size, &o, &p, &err) != FRT_OK) return 0;
  run(p, size % 2 ? "cpu,reference" : "reference");
  frt_program_release(p);
  return 0;
}
