/* Questions to a provider that run nothing: op_query, the kernel table, the devices. */
#include <stdlib.h>

#include "runner/runner.h"

static int same_answer(const frt_api_support_t *a, const frt_api_support_t *b) {
  return a->verdict == b->verdict && a->reason == b->reason && a->flags == b->flags &&
         !strncmp(a->detail, b->detail, sizeof a->detail);
}

/* Both answers must be the same and a NO must say why. */
int frti_ask(const frti_target_t *t, const frt_api_op_t *op, frt_api_support_t *support,
             char *why, size_t cap) {
  frt_api_support_t again = {.size = sizeof again};
  frt_error_t err = FRT_ERROR_INIT;
  *support = again;
  if (t->api->op_query(t->api->self, t->dev, op, support, &err) ||
      t->api->op_query(t->api->self, t->dev, op, &again, &err)) {
    snprintf(why, cap, "op_query failed: %s", err.message);
    return FRTI_FAIL;
  }
  if (!same_answer(support, &again)) {
    snprintf(why, cap, "op_query answers the same question in two ways");
    return FRTI_FAIL;
  }
  if (support->verdict == FRT_YES) return FRTI_PASS;
  if (support->verdict != FRT_NO || !support->reason || !support->detail[0] ||
      !memchr(support->detail, 0, sizeof support->detail)) {
    snprintf(why, cap, "op_query says NO without a reason");
    return FRTI_FAIL;
  }
  snprintf(why, cap, "declined: %s", support->detail);
  return FRTI_DECLINED;
}

/* The sizes a planner does not know yet: the first extent only, or every one. */
static void forget_sizes(frti_value_t *v, uint32_t n, int all) {
  for (uint32_t i = 0; i < n; ++i) {
    int64_t dims[FRT_MAX_RANK];
    memcpy(dims, v[i].dims, sizeof dims);
    for (uint32_t k = 0; k < v[i].api.rank; ++k)
      if (all || !k) dims[k] = -1;
    frti_value_shape(&v[i], v[i].api.dtype, v[i].api.rank, dims);
  }
}

int frti_probe_case(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                    uint32_t dtype, char *why, size_t cap, frti_probed_fn then, void *ctx) {
  frti_probe_t *p = calloc(1, sizeof *p);
  frt_error_t err = FRT_ERROR_INIT;
  int v = FRTI_FAIL;
  if (!p) return v;
  if (frti_probe_build(p, c, row, dtype, b, &err) != FRT_OK)
    snprintf(why, cap, "the case cannot be built: %s", err.message);
  else
    v = then(ctx, b, p, why, cap);
  frti_probe_release(p);
  free(p);
  return v;
}

static int ask_unknown(void *ctx, const frti_bench_t *b, frti_probe_t *p, char *why,
                       size_t cap) {
  frt_api_support_t support;
  (void)ctx;
  for (int all = 0; all < 2; ++all) {
    forget_sizes(p->in, p->n_in, all);
    forget_sizes(p->out, p->n_out, all);
    if (frti_ask(&b->target[0], &p->op, &support, why, cap) == FRTI_FAIL) return FRTI_FAIL;
    why[0] = 0; /* a reasoned NO is a good answer to this */
  }
  return FRTI_PASS;
}

int frti_run_unknown(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                     uint32_t dtype, char *why, size_t cap) {
  return frti_probe_case(b, c, row, dtype, why, cap, ask_unknown, NULL);
}

static int ask_plainly(void *ctx, const frti_bench_t *b, frti_probe_t *p, char *why,
                       size_t cap) {
  frt_api_support_t support;
  (void)ctx;
  return frti_ask(&b->target[0], &p->op, &support, why, cap);
}

int frti_run_support(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                     uint32_t dtype, char *why, size_t cap) {
  return frti_probe_case(b, c, row, dtype, why, cap, ask_plainly, NULL);
}

/* ---- the table and the devices ------------------------------------------------- */

/* Opens the verdict on one thing; the text names it, and is the reason if it is bad. */
static uint32_t say(FILE *to, const char *subject, const char *what, const char *why) {
  fprintf(to, "B\t0\t%s\t%s\t32\n%c\t%s\n", subject, what, why ? FRTI_FAIL : FRTI_PASS,
          why ? why : "");
  fflush(to);
  return why != NULL;
}

static const frt_api_kernel_decl_t *decl_at(const frt_api_provider_t *api, uint32_t i) {
  const size_t stride = api->kernel_stride ? api->kernel_stride : sizeof(frt_api_kernel_decl_t);
  return (const void *)((const char *)api->kernels + i * stride);
}

static const char *fault_of(const frt_api_provider_t *api, uint32_t i) {
  const frt_api_kernel_decl_t *d = decl_at(api, i);
  if (!d->ver_min || d->ver_min > d->ver_max) return "ver_min is 0 or above ver_max";
  if (!d->dtypes) return "claims no dtype";
  if (d->dtypes & ~FRT_ANY_DTYPE) return "claims a number that is no dtype";
  for (uint32_t k = 0; k < i; ++k)
    if (decl_at(api, k)->type && !strcmp(decl_at(api, k)->type, d->type) &&
        (decl_at(api, k)->dtypes & d->dtypes) && decl_at(api, k)->ver_min <= d->ver_max &&
        d->ver_min <= decl_at(api, k)->ver_max)
      return "two rows of the kernel table claim the same dtype";
  return NULL;
}

uint32_t frti_check_table(const frt_api_provider_t *api, FILE *to) {
  uint32_t bad = 0;
  if (!api->name || !api->name[0] || !api->version || !api->version[0])
    bad += say(to, "provider", "name and version", "one of them is missing");
  if (!api->n_kernels || !api->kernels)
    return bad + say(to, "provider", "kernel table", "there is none");
  for (uint32_t i = 0; i < api->n_kernels; ++i) {
    const char *type = decl_at(api, i)->type;
    char number[48];
    snprintf(number, sizeof number, "kernel table row %u", i);
    if (!type || !type[0]) bad += say(to, "provider", number, "has no op type");
    else bad += say(to, type, number, fault_of(api, i));
  }
  return bad;
}

uint32_t frti_check_devices(const frt_api_provider_t *api, FILE *to) {
  char why[160] = "";
  const uint32_t n = api->device_count(api->self, why);
  uint32_t bad = 0;
  for (uint32_t i = 0; i < n; ++i) {
    frt_api_device_info_t info = {.size = sizeof info};
    frt_error_t err = FRT_ERROR_INIT;
    const char *fault = NULL;
    char what[160];
    if (api->device_info(api->self, i, &info, &err)) fault = err.message;
    else if (!info.desc[0] || !memchr(info.desc, 0, sizeof info.desc))
      fault = "has no description";
    else if (info.alloc_align & (info.alloc_align - 1))
      fault = "alloc_align is no power of two";
    else if (!(info.flags & FRT_DEVICE_HOST_MEMORY) && (!api->slab_alloc || !api->copy))
      fault = "memory of its own, but no slab_alloc or no copy";
    snprintf(what, sizeof what, "device %u: %.95s", i, fault ? "" : info.desc);
    bad += say(to, "provider", what, fault);
  }
  return bad;
}
