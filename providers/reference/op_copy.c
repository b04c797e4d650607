#include "ref.h"

/* Hands out pieces of one block; with base NULL it only counts. */
typedef struct {
  char *base;
  size_t used;
} arena_t;

static void *take(arena_t *a, const void *from, size_t bytes) {
  void *to = a->base ? a->base + a->used : NULL;
  a->used += (bytes + 15) & ~(size_t)15;
  if (to && from && bytes) memcpy(to, from, bytes);
  return to;
}

static const char *take_text(arena_t *a, const char *text) {
  return text ? (const char *)take(a, text, strlen(text) + 1) : NULL;
}

static const frt_api_tensor_t *take_tensor(arena_t *a, const frt_api_tensor_t *t) {
  frt_api_tensor_t *to;
  const int64_t *dims;
  if (!t) return NULL;
  to = (frt_api_tensor_t *)take(a, NULL, sizeof *to);
  dims = (const int64_t *)take(a, t->dims, t->rank * sizeof *dims);
  if (!to) return NULL;
  memset(to, 0, sizeof *to);
  to->size = sizeof *to;
  to->dtype = t->dtype;
  to->rank = t->rank;
  to->flags = t->flags;
  to->dims = dims;
  to->numel = t->numel;
  to->bytes = t->bytes;
  return to;
}

static const frt_api_slot_t *take_slots(arena_t *a, const frt_api_slot_t *slots,
                                        uint32_t n) {
  frt_api_slot_t *to = (frt_api_slot_t *)take(a, slots, n * sizeof *to);
  for (uint32_t s = 0; s < n; ++s) {
    const char *name = take_text(a, slots[s].name);
    const frt_api_tensor_t **t = (const frt_api_tensor_t **)take(
        a, NULL, slots[s].count * sizeof *t);
    for (uint32_t i = 0; i < slots[s].count; ++i) {
      const frt_api_tensor_t *copy = take_tensor(a, slots[s].t[i]);
      if (t) t[i] = copy;
    }
    if (!to) continue;
    to[s].name = name;
    to[s].t = t;
  }
  return to;
}

static void take_value(arena_t *a, const frt_api_attr_t *from, frt_api_attr_t *to) {
  const void *list = NULL;
  const char **texts = NULL;
  switch (from->type) {
    case FRT_ATTR_STRING: list = take_text(a, from->v.s); break;
    case FRT_ATTR_INTS: list = take(a, from->v.is, from->count * sizeof(int64_t)); break;
    case FRT_ATTR_F32S: list = take(a, from->v.fs, from->count * sizeof(double)); break;
    case FRT_ATTR_STRINGS:
      texts = (const char **)take(a, NULL, from->count * sizeof *texts);
      for (uint32_t i = 0; i < from->count; ++i) {
        const char *text = take_text(a, from->v.ss[i]);
        if (texts) texts[i] = text;
      }
      if (to) to->v.ss = (const char *const *)texts;
      return;
    default: return;
  }
  if (!to) return;
  if (from->type == FRT_ATTR_STRING) to->v.s = (const char *)list;
  else if (from->type == FRT_ATTR_INTS) to->v.is = (const int64_t *)list;
  else to->v.fs = (const double *)list;
}

static frt_op_t *take_op(arena_t *a, const frt_op_t *op) {
  frt_op_t *to = (frt_op_t *)take(a, NULL, sizeof *to);
  const char *type = take_text(a, op->type);
  const frt_api_slot_t *in = take_slots(a, op->in, op->n_in);
  const frt_api_slot_t *out = take_slots(a, op->out, op->n_out);
  frt_api_attr_t *attrs =
      (frt_api_attr_t *)take(a, op->attrs, op->n_attrs * sizeof *attrs);
  for (uint32_t i = 0; i < op->n_attrs; ++i) {
    const char *name = take_text(a, op->attrs[i].name);
    take_value(a, &op->attrs[i], attrs ? &attrs[i] : NULL);
    if (attrs) attrs[i].name = name;
  }
  if (!to) return NULL;
  memset(to, 0, sizeof *to);
  to->size = sizeof *to;
  to->version = op->version;
  to->type = type;
  to->block = op->block;
  to->index = op->index;
  to->in = in;
  to->out = out;
  to->n_in = op->n_in;
  to->n_out = op->n_out;
  to->attrs = attrs;
  to->n_attrs = op->n_attrs;
  to->flags = op->flags;
  return to;
}

frt_op_t *frt_reference_op_copy(const frt_op_t *op, const frt_api_host_t *host) {
  arena_t a = {NULL, 0};
  take_op(&a, op);
  a.base = (char *)host->mem_alloc(host->ctx, a.used, 16);
  if (!a.base) return NULL;
  a.used = 0;
  return take_op(&a, op); /* lies at the start of the block: freeing it frees all */
}
