/* Claims: the static kernel table against what op_query answers. */
#include <stdlib.h>

#include "runner/runner.h"

uint32_t frti_claimed(const frt_api_provider_t *api, const char *type) {
  const size_t stride = api->kernel_stride ? api->kernel_stride : sizeof(frt_api_kernel_decl_t);
  uint32_t mask = 0;
  for (uint32_t i = 0; i < api->n_kernels; ++i) {
    const frt_api_kernel_decl_t *d =
        (const void *)((const char *)api->kernels + i * stride);
    if (d->ver_min <= 1 && d->ver_max >= 1 && !strcmp(d->type, type)) mask |= d->dtypes;
  }
  return mask;
}

static frt_api_tensor_t *key_of(frti_probe_t *p) {
  return p->n_in ? &p->in[0].api : p->n_out ? &p->out[0].api : NULL;
}

enum { NO_DTYPE = 31 };
/* A dtype that no row of the op claims; NO_DTYPE if all are claimed. */
static uint32_t unclaimed_dtype(uint32_t mask) {
  static const uint32_t candidates[] = {FRT_F16, FRT_BF16, FRT_I8, FRT_I16, FRT_U8};
  for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; ++i)
    if (!(mask & FRT_DTYPE_BIT(candidates[i]))) return candidates[i];
  return NO_DTYPE;
}

static int expect_no(const frti_bench_t *b, const frti_probe_t *p, int reason, char *why,
                     size_t cap) {
  const frt_api_provider_t *api = b->target[0].api;
  frt_api_support_t s = {.size = sizeof s}, again = {.size = sizeof again},
                    same = {.size = sizeof same};
  frt_error_t err = FRT_ERROR_INIT;
  if (api->op_query(api->self, b->target[0].dev, &p->op, &s, &err) ||
      api->op_query(api->self, b->target[0].dev, &p->op, &same, &err) ||
      api->op_query(api->self, NULL, &p->op, &again, &err)) {
    snprintf(why, cap, "op_query failed: %s", err.message);
    return FRTI_FAIL;
  }
  if (s.verdict != FRT_NO) {
    snprintf(why, cap, "op_query says YES to what the kernel table does not claim");
  } else if (s.reason != reason) {
    snprintf(why, cap, "op_query gives reason %d, wanted %d (%s)", s.reason, reason,
             reason == FRT_REASON_DTYPE ? "dtype" : "no kernel");
  } else if (!s.detail[0] || !memchr(s.detail, 0, sizeof s.detail)) {
    snprintf(why, cap, "op_query says NO without a detail");
  } else if (again.verdict != s.verdict || again.reason != s.reason) {
    snprintf(why, cap, "op_query answers otherwise without a device");
  } else if (same.verdict != s.verdict || strncmp(same.detail, s.detail, sizeof s.detail)) {
    snprintf(why, cap, "op_query answers the same question in two ways");
  } else {
    return FRTI_PASS;
  }
  return FRTI_FAIL;
}

static void set_key(frti_probe_t *p, uint32_t dtype) {
  frt_api_tensor_t *key = key_of(p);
  if (!key) return;
  key->dtype = dtype;
  key->bytes = (uint64_t)key->numel * frt_dtype_size(dtype);
}

/* The dtype that the case is built with where the one in question is no dtype of the op. */
static uint32_t usual_dtype(const frt_case_t *c) {
  uint32_t dtype = FRT_F32;
  for (uint32_t d = 0; d < 32; ++d)
    if ((c->dtypes ? c->dtypes : FRT_FLOATS) & FRT_DTYPE_BIT(d)) dtype = d;
  return dtype;
}

/* Asks about an op whose key slot has this dtype and whose other tensors have `rest`.
 * 1: NO because of a dtype. */
static int refuses_dtype(const frti_bench_t *b, frti_probe_t *p, const frt_case_t *c,
                         uint32_t dtype, uint32_t rest, frt_api_support_t *s) {
  const frt_api_provider_t *api = b->target[0].api;
  frt_error_t err = FRT_ERROR_INIT;
  const int built =
      frti_probe_build(p, c, c->sizes ? c->sizes[0] : NULL, rest, b, &err) == FRT_OK;
  int no = 0;
  *s = (frt_api_support_t){.size = sizeof *s};
  set_key(p, dtype);
  if (built && api->op_query(api->self, b->target[0].dev, &p->op, s, &err) == FRT_OK)
    no = s->verdict != FRT_YES &&
         (s->reason == FRT_REASON_DTYPE || s->reason == FRT_REASON_NO_KERNEL);
  frti_probe_release(p);
  return built ? no : -1;
}

/* The table claims this dtype: a NO for another reason (a shape, an attribute) may be an
 * honest one, a NO because of the dtype, whatever the others are, contradicts it. */
static int contradicts(const frti_bench_t *b, frti_probe_t *p, const frt_case_t *c,
                       uint32_t dtype, char *why, size_t cap) {
  const uint32_t rest[] = {dtype, FRT_F32, FRT_F64, usual_dtype(c)};
  frt_api_support_t s;
  int asked = 0;
  for (size_t i = 0; i < sizeof rest / sizeof rest[0]; ++i) {
    const int no = refuses_dtype(b, p, c, dtype, rest[i], &s);
    if (!no) return 0;
    asked |= no > 0;
  }
  if (asked)
    snprintf(why, cap, "the kernel table claims %s, op_query says NO: %.150s",
             frt_dtype_name(dtype), s.detail[0] ? s.detail : "no detail");
  return asked;
}

int frti_run_claims(const frti_bench_t *b, const frt_case_t *c, char *why, size_t cap) {
  const uint32_t mask = frti_claimed(b->target[0].api, c->op);
  frti_probe_t *p = calloc(1, sizeof *p);
  frt_error_t err = FRT_ERROR_INIT;
  int v = FRTI_FAIL;
  if (!p) return v;
  for (uint32_t d = 0; d < 32; ++d)
    if ((mask & FRT_DTYPE_BIT(d)) && frt_dtype_size(d) && contradicts(b, p, c, d, why, cap)) {
      free(p);
      return FRTI_FAIL;
    }
  if (mask && unclaimed_dtype(mask) == NO_DTYPE) {
    free(p);
    return 0; /* nothing to refuse */
  }
  if (frti_probe_build(p, c, c->sizes ? c->sizes[0] : NULL, usual_dtype(c), b, &err) != FRT_OK) {
    snprintf(why, cap, "the case cannot be built: %s", err.message);
  } else {
    if (mask) set_key(p, unclaimed_dtype(mask));
    v = expect_no(b, p, mask ? FRT_REASON_DTYPE : FRT_REASON_NO_KERNEL, why, cap);
  }
  frti_probe_release(p);
  free(p);
  return v;
}
