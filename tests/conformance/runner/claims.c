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
  frt_api_support_t s = {.size = sizeof s}, again = {.size = sizeof again};
  frt_error_t err = FRT_ERROR_INIT;
  if (api->op_query(api->self, b->target[0].dev, &p->op, &s, &err) ||
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
  } else {
    return FRTI_PASS;
  }
  return FRTI_FAIL;
}

int frti_run_claims(const frti_bench_t *b, const frt_case_t *c, char *why, size_t cap) {
  const uint32_t mask = frti_claimed(b->target[0].api, c->op);
  frti_probe_t *p = calloc(1, sizeof *p);
  frt_error_t err = FRT_ERROR_INIT;
  frt_api_tensor_t *key;
  uint32_t dtype = FRT_F32;
  int v = FRTI_FAIL;
  if (!p) return v;
  if (mask && unclaimed_dtype(mask) == NO_DTYPE) {
    free(p);
    return 0; /* nothing to refuse */
  }
  for (uint32_t d = 0; d < 32; ++d)
    if ((c->dtypes ? c->dtypes : FRT_FLOATS) & FRT_DTYPE_BIT(d)) dtype = d;
  if (frti_probe_build(p, c, c->sizes ? c->sizes[0] : NULL, dtype, b, &err) != FRT_OK) {
    snprintf(why, cap, "the case cannot be built: %s", err.message);
  } else {
    key = key_of(p);
    if (key && mask) {
      key->dtype = unclaimed_dtype(mask);
      key->bytes = (uint64_t)key->numel * frt_dtype_size(key->dtype);
    }
    v = expect_no(b, p, mask ? FRT_REASON_DTYPE : FRT_REASON_NO_KERNEL, why, cap);
  }
  frti_probe_release(p);
  free(p);
  return v;
}
