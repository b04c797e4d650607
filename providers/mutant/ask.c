/* Defects of claims, questions and preparation. */
#include <stdatomic.h>

#include "distort.h"

#define ASK(name) \
  void frt_mutant_##name(const defect_t *d, const frt_api_op_t *op, int has_dev, \
                         frt_api_support_t *s)
#define QUIET (void)d, (void)op, (void)has_dev, (void)s

static void say_no(frt_api_support_t *s, int reason, const char *detail) {
  s->verdict = FRT_NO;
  s->reason = reason;
  snprintf(s->detail, sizeof s->detail, "%s", detail);
}

ASK(other_answer) {
  static _Atomic unsigned calls;
  QUIET;
  if (atomic_fetch_add(&calls, 1) % 2) say_no(s, FRT_REASON_SHAPE, "not this time");
}
ASK(no_reason) { QUIET; say_no(s, FRT_REASON_NONE, "no"); }
ASK(no_detail) { QUIET; say_no(s, FRT_REASON_SHAPE, ""); }
ASK(wrong_reason) { QUIET; if (s->reason == FRT_REASON_DTYPE) s->reason = FRT_REASON_SHAPE; }
ASK(yes_to_all) { QUIET; s->verdict = FRT_YES; s->reason = FRT_REASON_NONE; }
ASK(declines) { QUIET; say_no(s, FRT_REASON_DISABLED, "op is switched off"); }
ASK(bad_verdict) { QUIET; s->verdict = 7; }
ASK(no_without_device) { QUIET; if (!has_dev) say_no(s, FRT_REASON_NO_DEVICE, "no device"); }
ASK(promises_inplace) { QUIET; s->flags |= FRT_SUPPORT_INPLACE; }
ASK(other_detail) {
  static _Atomic unsigned calls;
  QUIET;
  if (s->verdict == FRT_NO)
    snprintf(s->detail, sizeof s->detail, "refused for the %uth time",
             atomic_fetch_add(&calls, 1));
}

ASK(busy) {
  QUIET;
  if (atomic_load(&frt_mutant_running)) say_no(s, FRT_REASON_DISABLED, "an op runs");
}

#define READY(name) \
  frt_status_t frt_mutant_##name(const defect_t *d, const frt_api_op_t *op, \
                                 frt_api_attr_t *attrs, uint64_t *more, frt_error_t *err)
#define QUIET_TOO (void)d, (void)op, (void)attrs, (void)more, (void)err

READY(set_attr) {
  QUIET_TOO;
  for (uint32_t i = 0; i < op->n_attrs; ++i) {
    if (strcmp(attrs[i].name, d->where)) continue;
    if (attrs[i].type == FRT_ATTR_F32) attrs[i].v.f = d->value;
    if (attrs[i].type == FRT_ATTR_INT || attrs[i].type == FRT_ATTR_BOOL)
      attrs[i].v.i = (int64_t)d->value;
    if (attrs[i].type == FRT_ATTR_F32S && attrs[i].count) {
      attrs[i].count = 1;
      attrs[i].v.fs = &d->value;
    }
  }
  return FRT_OK;
}

READY(complement) {
  QUIET_TOO;
  for (uint32_t i = 0; i < op->n_attrs; ++i)
    if (!strcmp(attrs[i].name, d->where)) attrs[i].v.f = 1 - attrs[i].v.f;
  return FRT_OK;
}

READY(list_off) {
  /* Of each call's own: providers prepare side by side. */
  static _Thread_local int64_t moved[8];
  QUIET_TOO;
  for (uint32_t i = 0; i < op->n_attrs; ++i) {
    if (strcmp(attrs[i].name, d->where) || attrs[i].type != FRT_ATTR_INTS) continue;
    if (!attrs[i].count || attrs[i].count > 8) continue;
    memcpy(moved, attrs[i].v.is, attrs[i].count * sizeof *moved);
    if (moved[0] + (int64_t)d->value >= 0) moved[0] += (int64_t)d->value;
    attrs[i].v.is = moved;
  }
  return FRT_OK;
}

READY(set_text) {
  const char *text = strchr(d->where, '=');
  QUIET_TOO;
  for (uint32_t i = 0; text && i < op->n_attrs; ++i)
    if (!strncmp(attrs[i].name, d->where, (size_t)(text - d->where)) &&
        attrs[i].type == FRT_ATTR_STRING)
      attrs[i].v.s = text + 1;
  return FRT_OK;
}

READY(other_axis) {
  static const int64_t axes[] = {0, 1, 2, 3};
  const frt_api_tensor_t *x = op->n_in && op->in[op->n_in - 1].count ? op->in[op->n_in - 1].t[0]
                                                                     : NULL;
  QUIET_TOO;
  for (uint32_t i = 0; x && i < op->n_attrs; ++i) {
    const int list = attrs[i].type == FRT_ATTR_INTS;
    if (strcmp(attrs[i].name, d->where) || (list && !attrs[i].count) || x->rank < 2) continue;
    int64_t axis = list ? attrs[i].v.is[0] : attrs[i].v.i;
    if (axis < 0) axis += x->rank;
    const int64_t other = (axis + 1) % x->rank;
    if (axis < 0 || axis >= x->rank || other > 3 || x->dims[axis] != x->dims[other]) continue;
    if (list) {
      attrs[i].count = 1;
      attrs[i].v.is = axes + other;
    } else {
      attrs[i].v.i = other;
    }
  }
  return FRT_OK;
}

READY(other_broadcast) {
  const frt_api_tensor_t *x = op->in[0].count ? op->in[0].t[0] : NULL;
  const frt_api_tensor_t *y = op->n_in > 1 && op->in[1].count ? op->in[1].t[0] : NULL;
  QUIET_TOO;
  for (uint32_t i = 0; x && y && y->rank < x->rank && i < op->n_attrs; ++i) {
    if (strcmp(attrs[i].name, d->where)) continue;
    const int64_t last = (int64_t)x->rank - y->rank;
    const int64_t now = attrs[i].v.i < 0 ? last : attrs[i].v.i;
    for (int64_t axis = 0; axis <= last; ++axis)
      if (axis != now && !memcmp(x->dims + axis, y->dims, y->rank * sizeof *y->dims))
        attrs[i].v.i = axis;
  }
  return FRT_OK;
}

READY(more_workspace) { QUIET_TOO; *more = 64; return FRT_OK; }
READY(cannot_prepare) {
  QUIET_TOO;
  return frt_fail(err, FRT_UNIMPLEMENTED, "no kernel after all");
}

/* Memory by way of the op's host, as kernels get what they keep. */
static void *get(const frt_api_op_t *op) { return op->host->mem_alloc(op->host->ctx, 64, 16); }
static void give(const frt_api_op_t *op, void *p) { op->host->mem_free(op->host->ctx, p); }

READY(careless) {
  void *p = get(op);
  QUIET_TOO;
  memset(p, 0, 64);
  give(op, p);
  return FRT_OK;
}
READY(leaks_refused) {
  void *first = get(op), *second = first ? get(op) : NULL;
  QUIET_TOO;
  if (!second) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for two blocks");
  give(op, first);
  give(op, second);
  return FRT_OK;
}
READY(wrong_status) {
  void *p = get(op);
  QUIET_TOO;
  if (!p) return frt_fail(err, FRT_INTERNAL, "something went wrong");
  give(op, p);
  return FRT_OK;
}
