/* Valid programs with edited shapes, attributes, edges and ops. Each op is run alone on
 * the same inputs by cpu and by reference: both refuse, or both give the same dtype, shape
 * and, within rounding, the same values. */
#include <math.h>

#include "edit.h"

enum { MAX_VARS = 64 };

typedef struct vars {
  const char *name[MAX_VARS];
  frt_tensor_t *tensor[MAX_VARS]; /* NULL: an output only */
  size_t n;
} vars_t;

static size_t find(const vars_t *v, const char *name) {
  size_t i = 0;
  while (i < v->n && strcmp(v->name[i], name)) ++i;
  return i;
}

/* Declares the variables of one op in `to`, with data for its inputs. */
static int collect(const frt_program_t *p, int32_t b, uint32_t op, frt_program_t *to,
                   vars_t *in, vars_t *out) {
  const uint32_t n_in = frt_program_op_n_inputs(p, b, op);
  const uint32_t n = n_in + frt_program_op_n_outputs(p, b, op);
  for (uint32_t s = 0; s < n; ++s) {
    vars_t *v = s < n_in ? in : out;
    frt_slot_info_t slot;
    if (s < n_in ? frt_program_op_input(p, b, op, s, &slot, NULL)
                 : frt_program_op_output(p, b, op, s - n_in, &slot, NULL))
      return 0;
    for (uint32_t i = 0; i < slot.count; ++i) {
      frt_var_info_t info;
      if (find(v, slot.args[i]) < v->n) {
        if (s >= n_in) return 0; /* two outputs in one variable: the later write stays */
        continue;
      }
      if (v->n == MAX_VARS || frt_program_find_var(p, b, slot.args[i], &info, NULL) ||
          info.kind != FRT_VAR_LOD_TENSOR || info.lod_level > 0)
        return 0;
      info.persistable = 0;
      const int known = find(in, slot.args[i]) < in->n || find(out, slot.args[i]) < out->n;
      v->name[v->n] = slot.args[i];
      v->tensor[v->n++] = NULL;
      if (!known && frt_program_add_var(to, 0, &info, NULL)) return 0;
      if (s < n_in && !(v->tensor[v->n - 1] = fuzz_tensor(&info, s + i))) return 0;
    }
  }
  return out->n > 0;
}

static double element(const frt_tensor_t *t, int64_t i) {
  const void *p = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_F32: return ((const float *)p)[i];
    case FRT_F64: return ((const double *)p)[i];
    case FRT_I32: return ((const int32_t *)p)[i];
    case FRT_I64: return (double)((const int64_t *)p)[i];
    default: return ((const uint8_t *)p)[i];
  }
}

/* Inputs and attributes are of any size: what is compared is relative to the largest
 * value around, and what leaves float's range is not. */
static void same_values(const char *type, const char *name, const frt_tensor_t *a,
                        const frt_tensor_t *b, int wild) {
  double largest = 64;
  if (frt_tensor_dtype(a) != frt_tensor_dtype(b) || frt_tensor_rank(a) != frt_tensor_rank(b) ||
      memcmp(frt_tensor_dims(a), frt_tensor_dims(b), frt_tensor_rank(a) * sizeof(int64_t)))
    WRONG("%s: '%s' has another dtype or shape on cpu", type, name);
  const uint32_t size = (uint32_t)frt_dtype_size(frt_tensor_dtype(a));
  if (size == 2 || wild) return;
  for (int64_t i = 0; i < frt_tensor_numel(a); ++i) {
    const double v = fabs(element(b, i));
    if (!(v < 1e30)) return;
    largest = fmax(largest, v);
  }
  for (int64_t i = 0; i < frt_tensor_numel(a); ++i) {
    const double x = element(a, i), y = element(b, i);
    if (!(fabs(x - y) <= 1e-4 * largest))
      WRONG("%s: '%s'[%lld] is %.9g on cpu, %.9g on reference", type, name, (long long)i, x, y);
  }
}

static frt_status_t run_on(const char *places, const frt_program_t *p, const vars_t *in,
                           const vars_t *out, frt_tensor_t **got, frt_error_t *err) {
  frt_feed_t feed[MAX_VARS];
  frt_fetch_t fetch[MAX_VARS];
  frt_scope_t *scope = NULL;
  frt_executor_t *exe = fuzz_executor(places, 1);
  for (size_t i = 0; i < in->n; ++i) feed[i] = (frt_feed_t){in->name[i], in->tensor[i]};
  for (size_t i = 0; i < out->n; ++i) fetch[i] = (frt_fetch_t){out->name[i], 0, 0};
  if (frt_scope_create(fuzz_runtime(), &scope, err)) WRONG("%s", err->message);
  frt_status_t status = fuzz_run(exe, p, scope, feed, in->n, fetch, out->n, got, err);
  frt_scope_release(scope);
  frt_executor_release(exe);
  return status;
}

/* An attribute so large that products with it leave float's range on the way, though the
 * result, as double computes it, would not. */
static int is_wild(const frt_program_t *p) {
  for (uint32_t i = 0; i < frt_program_op_n_attrs(p, 0, 0); ++i) {
    frt_attr_info_t a;
    if (frt_program_op_attr(p, 0, 0, i, &a, NULL)) continue;
    if ((a.type == 1 || a.type == 15) && !(fabs(a.f) < 1e15)) return 1;
  }
  return 0;
}

static void compare(const char *type, const frt_program_t *p, const vars_t *in,
                    const vars_t *out) {
  frt_tensor_t *a[MAX_VARS] = {0}, *b[MAX_VARS] = {0};
  frt_error_t on_a = FRT_ERROR_INIT, on_b = FRT_ERROR_INIT;
  const frt_status_t sa = run_on("cpu", p, in, out, a, &on_a);
  const frt_status_t sb = run_on("reference", p, in, out, b, &on_b);
  /* A kernel that only one of them has, and the watchdog, say nothing. */
  const int silent = sa == FRT_UNIMPLEMENTED || sb == FRT_UNIMPLEMENTED ||
                     sa == FRT_CANCELLED || sb == FRT_CANCELLED;
  if (!silent && sa != sb)
    WRONG("%s: cpu says %d (%s), reference %d (%s)", type, (int)sa, on_a.message, (int)sb,
          on_b.message);
  for (size_t i = 0; i < out->n; ++i) {
    if (sa == FRT_OK && sb == FRT_OK) same_values(type, out->name[i], a[i], b[i], is_wild(p));
    frt_tensor_release(a[i]);
    frt_tensor_release(b[i]);
  }
}

static void try_op(const frt_program_t *p, int32_t b, uint32_t op) {
  vars_t in = {.n = 0}, out = {.n = 0};
  frt_program_t *alone = NULL;
  const char *type = frt_program_op_type(p, b, op);
  const frt_op_schema_t *schema = frt_op_find(type);
  if (!schema || schema->flags & FRT_OP_RUNTIME) return;
  if (frt_program_create(&alone, NULL)) return;
  if (collect(p, b, op, alone, &in, &out) && edit_copy_op(p, b, op, alone) == FRT_OK)
    compare(type, alone, &in, &out);
  for (size_t i = 0; i < in.n; ++i) frt_tensor_release(in.tensor[i]);
  frt_program_release(alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const frt_load_options_t o = fuzz_limits();
  frt_program_t *p = NULL;
  uint32_t pick = 1;
  if (frt_program_parse(data, size, &o, &p, NULL) != FRT_OK) return 0;
  for (size_t i = 0; i < size; ++i) pick = pick * 31 + data[i];
  /* A few ops each time, others in the next. */
  for (int k = 0; k < 4; ++k) {
    const int32_t b = (int32_t)(pick % (uint32_t)frt_program_n_blocks(p));
    const uint32_t n = frt_program_n_ops(p, b);
    if (n) try_op(p, b, (pick / 7 + (uint32_t)k) % n);
    if (n <= (uint32_t)k + 1) break;
  }
  frt_program_release(p);
  return 0;
}

#ifdef FRT_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  const frt_load_options_t o = fuzz_limits();
  frt_program_t *p = NULL;
  void *bytes = NULL;
  size_t n = 0;
  if (seed % 16 == 0 || frt_program_parse(data, size, &o, &p, NULL) != FRT_OK)
    return LLVMFuzzerMutate(data, size, max);
  for (uint32_t k = 0; k < 1 + seed % 3; ++k) {
    frt_program_t *next = edit_copy(p, edit_choose(p, seed + k * 7919));
    if (!next) continue;
    frt_program_release(p);
    p = next;
  }
  if (frt_program_serialize(p, &bytes, &n, NULL) == FRT_OK && n && n <= max)
    memcpy(data, bytes, n);
  else
    n = size;
  frt_free(bytes);
  frt_program_release(p);
  return n;
}
#endif
