/* One run of one probe on one target: buffers between guards, filled with a pattern,
 * checked afterwards. Host memory is used directly; for a device with memory of its
 * own the whole block, guards included, is copied there and back. */
#include <stdlib.h>

#include "runner/runner.h"

enum { GUARD = 64, GUARD_BYTE = 0xA5 };

typedef struct buffer {
  uint8_t *base, *block; /* base: what to free; block: 64-aligned, block_bytes long */
  size_t at, bytes, block_bytes;
  void *dev;             /* the block on the device; NULL in host memory */
  uint8_t *before;       /* an input's bytes before the run */
} buffer_t;

typedef struct run {
  const frti_target_t *t;
  const frti_probe_t *p;
  frti_variant_t v;
  buffer_t in[FRTI_MAX_TENSORS], out[FRTI_MAX_TENSORS], work;
  frt_api_tensor_t in_t[FRTI_MAX_TENSORS], out_t[FRTI_MAX_TENSORS];
  const frt_api_tensor_t *in_at[FRTI_MAX_TENSORS], *out_at[FRTI_MAX_TENSORS];
  frt_api_slot_t in_slots[FRT_MAX_SLOTS], out_slots[FRT_MAX_SLOTS];
  frt_prepared_t *kernel;
} run_t;

static int host_memory(const frti_target_t *t) {
  return (t->info.flags & FRT_DEVICE_HOST_MEMORY) != 0;
}

static frt_status_t buffer_open(run_t *r, buffer_t *b, size_t bytes, size_t elem,
                                uint8_t fill, frt_error_t *err) {
  b->bytes = bytes;
  b->at = GUARD + (r->v.misalign ? (elem > 4 ? elem : 4) : 0);
  b->block_bytes = (b->at + bytes + GUARD + 63) & ~(size_t)63;
  b->base = malloc(b->block_bytes + 64);
  if (!b->base) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  b->block = b->base + (64 - (uintptr_t)b->base % 64) % 64;
  memset(b->block, GUARD_BYTE, b->block_bytes);
  memset(b->block + b->at, fill, bytes);
  if (host_memory(r->t)) return FRT_OK;
  return r->t->api->slab_alloc(r->t->dev, FRT_MEM_DEVICE, b->block_bytes, &b->dev, err);
}

static void buffer_close(const run_t *r, buffer_t *b) {
  if (b->dev) r->t->api->slab_free(r->t->dev, FRT_MEM_DEVICE, b->dev);
  free(b->base);
  free(b->before);
}

static void *buffer_data(const buffer_t *b) {
  return (b->dev ? (uint8_t *)b->dev : b->block) + b->at;
}

static frt_status_t buffer_copy(const run_t *r, buffer_t *b, uint32_t direction,
                                frt_error_t *err) {
  const int to = direction == FRT_COPY_TO_DEVICE;
  if (!b->dev) return FRT_OK;
  return r->t->api->copy(r->t->dev, r->t->queue, direction, to ? b->dev : (void *)b->block,
                         to ? (void *)b->block : b->dev, b->block_bytes, err);
}

static const char *buffer_fault(const buffer_t *b) {
  if (!b->block) return NULL;
  for (size_t i = 0; i < b->at; ++i)
    if (b->block[i] != GUARD_BYTE) return "bytes before the buffer were written";
  for (size_t i = b->at + b->bytes; i < b->block_bytes; ++i)
    if (b->block[i] != GUARD_BYTE) return "bytes after the buffer were written";
  return NULL;
}

/* ---- preparing --------------------------------------------------------------- */

/* Index of the input whose memory output k uses, or -1. */
static int shared_input(const run_t *r, uint32_t k) {
  if (r->p->out[k].alias >= 0) return r->p->out[k].alias;
  return r->v.inplace && k == 0 ? 0 : -1;
}

static frt_status_t open_inputs(run_t *r, frt_error_t *err) {
  for (uint32_t i = 0; i < r->p->n_in; ++i) {
    const frti_value_t *v = &r->p->in[i];
    buffer_t *b = &r->in[i];
    r->in_t[i] = v->api;
    r->in_at[i] = &r->in_t[i];
    if (v->def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    FRT_TRY(buffer_open(r, b, v->api.bytes, frt_dtype_size(v->api.dtype), 0, err));
    if (v->raw && b->bytes) memcpy(b->block + b->at, v->raw, b->bytes);
    for (int64_t e = 0; e < v->api.numel && !v->raw; ++e)
      frti_store(v->api.dtype, b->block + b->at, e, v->d[e]);
    b->before = malloc(b->bytes + 1);
    if (!b->before) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
    memcpy(b->before, b->block + b->at, b->bytes);
    FRT_TRY(buffer_copy(r, b, FRT_COPY_TO_DEVICE, err));
    r->in_t[i].data = buffer_data(b);
  }
  return FRT_OK;
}

static frt_status_t open_outputs(run_t *r, frt_error_t *err) {
  for (uint32_t k = 0; k < r->p->n_out; ++k) {
    const frti_value_t *v = &r->p->out[k];
    buffer_t *b = &r->out[k];
    const int shared = shared_input(r, k);
    r->out_t[k] = v->api;
    r->out_at[k] = &r->out_t[k];
    if (v->def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    if (shared >= 0) {
      r->out_t[k].data = r->in_t[shared].data;
      continue;
    }
    FRT_TRY(buffer_open(r, b, v->api.bytes, frt_dtype_size(v->api.dtype), r->v.fill, err));
    FRT_TRY(buffer_copy(r, b, FRT_COPY_TO_DEVICE, err));
    r->out_t[k].data = buffer_data(b);
  }
  return FRT_OK;
}

static void set_slots(run_t *r) {
  const frt_api_op_t *op = &r->p->op;
  for (uint32_t s = 0; s < op->n_in; ++s) {
    r->in_slots[s] = op->in[s];
    r->in_slots[s].t = r->in_at + (op->in[s].t - r->p->in_at);
  }
  for (uint32_t s = 0; s < op->n_out; ++s) {
    r->out_slots[s] = op->out[s];
    r->out_slots[s].t = r->out_at + (op->out[s].t - r->p->out_at);
  }
}

/* ---- after the run ------------------------------------------------------------ */

static void check(run_t *r, frti_outcome_t *o) {
  const char *fault = buffer_fault(&r->work);
  if (fault) snprintf(o->fault, sizeof o->fault, "workspace: %s", fault);
  for (uint32_t k = 0; k < r->p->n_out && !o->fault[0]; ++k)
    if ((fault = buffer_fault(&r->out[k])))
      snprintf(o->fault, sizeof o->fault, "%s: %s", r->p->out[k].def->name, fault);
  for (uint32_t i = 0; i < r->p->n_in && !o->fault[0]; ++i) {
    const buffer_t *b = &r->in[i];
    int may_change = 0;
    for (uint32_t k = 0; k < r->p->n_out; ++k)
      if (shared_input(r, k) == (int)i) may_change = 1;
    if ((fault = buffer_fault(b)))
      snprintf(o->fault, sizeof o->fault, "%s: %s", r->p->in[i].def->name, fault);
    else if (!may_change && b->block && memcmp(b->before, b->block + b->at, b->bytes))
      snprintf(o->fault, sizeof o->fault, "%s: an input was changed",
               r->p->in[i].def->name);
  }
}

static frt_status_t collect(run_t *r, frti_outcome_t *o, frt_error_t *err) {
  for (uint32_t i = 0; i < r->p->n_in; ++i)
    FRT_TRY(buffer_copy(r, &r->in[i], FRT_COPY_FROM_DEVICE, err));
  for (uint32_t k = 0; k < r->p->n_out; ++k)
    FRT_TRY(buffer_copy(r, &r->out[k], FRT_COPY_FROM_DEVICE, err));
  FRT_TRY(buffer_copy(r, &r->work, FRT_COPY_FROM_DEVICE, err));
  FRT_TRY(r->t->api->queue_sync(r->t->queue, err));
  for (uint32_t k = 0; k < r->p->n_out; ++k) {
    const int shared = shared_input(r, k);
    const buffer_t *b = shared >= 0 ? &r->in[shared] : &r->out[k];
    const size_t bytes = r->p->out[k].api.bytes;
    o->out[k] = malloc(bytes + 1);
    if (!o->out[k]) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
    if (b->block) memcpy(o->out[k], b->block + b->at, bytes);
  }
  check(r, o);
  return FRT_OK;
}

static frt_status_t run_it(run_t *r, frti_outcome_t *o, frt_error_t *err) {
  const frt_api_provider_t *api = r->t->api;
  uint64_t workspace = 0;
  frt_api_run_t run = {.size = sizeof run, .queue = r->t->queue, .host = r->t->host};
  FRT_TRY(api->op_prepare(api->self, r->t->dev, &r->p->op, &r->kernel, &workspace, err));
  FRT_TRY(open_inputs(r, err));
  FRT_TRY(open_outputs(r, err));
  FRT_TRY(buffer_open(r, &r->work, workspace, 64, r->v.fill, err));
  FRT_TRY(buffer_copy(r, &r->work, FRT_COPY_TO_DEVICE, err));
  set_slots(r);
  run.in = r->in_slots;
  run.out = r->out_slots;
  run.n_in = r->p->op.n_in;
  run.n_out = r->p->op.n_out;
  run.workspace = workspace ? buffer_data(&r->work) : NULL;
  run.workspace_bytes = workspace;
  run.rng_state = r->p->rng;
  FRT_TRY(api->op_run(r->kernel, &run, err));
  FRT_TRY(api->queue_sync(r->t->queue, err));
  return collect(r, o, err);
}

frt_status_t frti_exec(const frti_target_t *t, const frti_probe_t *p, frti_variant_t v,
                       frti_outcome_t *o, frt_error_t *err) {
  run_t *r = calloc(1, sizeof *r);
  frt_status_t status;
  memset(o, 0, sizeof *o);
  if (!r) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  r->t = t;
  r->p = p;
  r->v = v;
  status = run_it(r, o, err);
  for (uint32_t i = 0; i < p->n_in; ++i) buffer_close(r, &r->in[i]);
  for (uint32_t k = 0; k < p->n_out; ++k) buffer_close(r, &r->out[k]);
  buffer_close(r, &r->work);
  if (r->kernel) t->api->op_release(r->kernel);
  free(r);
  return status;
}

void frti_outcome_release(frti_outcome_t *o) {
  for (int k = 0; k < FRTI_MAX_TENSORS; ++k) free(o->out[k]);
  memset(o, 0, sizeof *o);
}
