/* One run of one probe on one target: buffers between guards, filled with a pattern,
 * checked afterwards. Host memory is used directly; for a device with memory of its
 * own the whole arena, guards included, is copied there and back. */
#include <stdlib.h>

#include "runner/exec.h"

struct frti_exec {
  const frti_target_t *t;
  const frti_probe_t *p;
  frti_variant_t v;
  frti_arena_t arena;
  frti_buffer_t in[FRTI_MAX_TENSORS], out[FRTI_MAX_TENSORS], work;
  frt_api_tensor_t in_t[FRTI_MAX_TENSORS], out_t[FRTI_MAX_TENSORS];
  const frt_api_tensor_t *in_at[FRTI_MAX_TENSORS], *out_at[FRTI_MAX_TENSORS];
  frt_api_slot_t in_slots[FRT_MAX_SLOTS], out_slots[FRT_MAX_SLOTS];
  frt_prepared_t *kernel;
  uint64_t workspace;
  int borrowed; /* the kernel is another exec's */
};

/* The exec between pages that runs now, for whoever explains a fault. */
static const frti_exec_t *volatile now;

int frti_exec_locate(const void *address, char *to, size_t cap) {
  const frti_exec_t *x = now;
  char where[80];
  if (!x) return 0;
  for (uint32_t i = 0; i < x->p->n_in; ++i)
    if (frti_buffer_locate(&x->arena, &x->in[i], address, where, sizeof where))
      return snprintf(to, cap, "%s: %s", x->p->in[i].def->name, where);
  for (uint32_t k = 0; k < x->p->n_out; ++k)
    if (frti_buffer_locate(&x->arena, &x->out[k], address, where, sizeof where))
      return snprintf(to, cap, "%s: %s", x->p->out[k].def->name, where);
  if (frti_buffer_locate(&x->arena, &x->work, address, where, sizeof where))
    return snprintf(to, cap, "workspace: %s", where);
  return 0;
}

/* ---- opening ------------------------------------------------------------------ */

/* Index of the input whose memory output k uses, or -1. */
static int shared_input(const frti_exec_t *x, uint32_t k) {
  if (x->p->out[k].alias >= 0) return x->p->out[k].alias;
  return x->v.inplace && k == 0 ? 0 : -1;
}

static int may_change(const frti_exec_t *x, uint32_t i) {
  for (uint32_t k = 0; k < x->p->n_out; ++k)
    if (shared_input(x, k) == (int)i) return 1;
  return 0;
}

static void lay_all(frti_exec_t *x) {
  x->arena.place = x->v.place;
  for (uint32_t i = 0; i < x->p->n_in; ++i) {
    const frti_value_t *v = &x->p->in[i];
    if (v->def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    frti_buffer_lay(&x->arena, &x->in[i], v->api.bytes, frt_dtype_size(v->api.dtype));
  }
  for (uint32_t k = 0; k < x->p->n_out; ++k) {
    const frti_value_t *v = &x->p->out[k];
    if ((v->def->flags & FRT_SLOT_SHAPE_ONLY) || shared_input(x, k) >= 0) continue;
    frti_buffer_lay(&x->arena, &x->out[k], v->api.bytes, frt_dtype_size(v->api.dtype));
  }
  if (x->workspace) frti_buffer_lay(&x->arena, &x->work, x->workspace, 64);
}

static void *address(const frti_exec_t *x, const frti_buffer_t *b) {
  return (x->arena.dev ? x->arena.dev : x->arena.host) + b->at;
}

static frt_status_t fill_inputs(frti_exec_t *x, frt_error_t *err) {
  for (uint32_t i = 0; i < x->p->n_in; ++i) {
    const frti_value_t *v = &x->p->in[i];
    frti_buffer_t *b = &x->in[i];
    uint8_t *to = x->arena.host + b->at;
    x->in_t[i] = v->api;
    x->in_at[i] = &x->in_t[i];
    if (!b->laid) continue;
    frti_buffer_permit(&x->arena, b, 0);
    if (v->raw && b->bytes) memcpy(to, v->raw, b->bytes);
    for (int64_t e = 0; e < v->api.numel && !v->raw; ++e)
      frti_store(v->api.dtype, to, e, v->d[e]);
    b->before = malloc(b->bytes + 1);
    if (!b->before) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
    memcpy(b->before, to, b->bytes);
    if (!may_change(x, i)) frti_buffer_permit(&x->arena, b, 1);
    x->in_t[i].data = address(x, b);
  }
  return FRT_OK;
}

static void fill_outputs(frti_exec_t *x) {
  for (uint32_t k = 0; k < x->p->n_out; ++k) {
    const int shared = shared_input(x, k);
    frti_buffer_t *b = &x->out[k];
    x->out_t[k] = x->p->out[k].api;
    x->out_at[k] = &x->out_t[k];
    if (shared >= 0) x->out_t[k].data = x->in_t[shared].data;
    if (!b->laid) continue;
    frti_buffer_permit(&x->arena, b, 0);
    memset(x->arena.host + b->at, x->v.fill, b->bytes);
    x->out_t[k].data = address(x, b);
  }
  if (!x->work.laid) return;
  frti_buffer_permit(&x->arena, &x->work, 0);
  memset(x->arena.host + x->work.at, x->v.fill, x->work.bytes);
}

static void set_slots(frti_exec_t *x) {
  const frt_api_op_t *op = &x->p->op;
  for (uint32_t s = 0; s < op->n_in; ++s) {
    x->in_slots[s] = op->in[s];
    x->in_slots[s].t = x->in_at + (op->in[s].t - x->p->in_at);
  }
  for (uint32_t s = 0; s < op->n_out; ++s) {
    x->out_slots[s] = op->out[s];
    x->out_slots[s].t = x->out_at + (op->out[s].t - x->p->out_at);
  }
}

static frt_status_t open_buffers(frti_exec_t *x, frt_error_t *err) {
  lay_all(x);
  FRT_TRY(frti_arena_open(&x->arena, x->t, err));
  FRT_TRY(fill_inputs(x, err));
  fill_outputs(x);
  set_slots(x);
  return frti_arena_copy(&x->arena, x->t, FRT_COPY_TO_DEVICE, err);
}

static frti_exec_t *new_exec(const frti_target_t *t, const frti_probe_t *p, frti_variant_t v) {
  frti_exec_t *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->t = t;
  x->p = p;
  x->v = v;
  return x;
}

frt_status_t frti_exec_open(const frti_target_t *t, const frti_probe_t *p, frti_variant_t v,
                            frti_exec_t **out, frt_error_t *err) {
  frti_exec_t *x = new_exec(t, p, v);
  frt_status_t status;
  *out = NULL;
  if (!x) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  status = t->api->op_prepare(t->api->self, t->dev, &p->op, &x->kernel, &x->workspace, err);
  if (status == FRT_OK) status = open_buffers(x, err);
  if (status == FRT_OK) *out = x;
  else frti_exec_close(x);
  return status;
}

frt_status_t frti_exec_share(const frti_exec_t *with, const frti_target_t *t,
                             frti_variant_t v, frti_exec_t **out, frt_error_t *err) {
  frti_exec_t *x = new_exec(t, with->p, v);
  frt_status_t status;
  *out = NULL;
  if (!x) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  x->kernel = with->kernel;
  x->workspace = with->workspace;
  x->borrowed = 1;
  status = open_buffers(x, err);
  if (status == FRT_OK) *out = x;
  else frti_exec_close(x);
  return status;
}

void frti_exec_link(frti_exec_t *x, uint32_t i, const frti_exec_t *from, uint32_t k) {
  x->in_t[i].data = from->out_t[k].data;
}

frt_status_t frti_exec_write(frti_exec_t *x, uint32_t i, const double *d, frt_error_t *err) {
  const frti_value_t *v = &x->p->in[i];
  frti_buffer_t *b = &x->in[i];
  for (int64_t e = 0; e < v->api.numel; ++e)
    frti_store(v->api.dtype, x->arena.host + b->at, e, d[e]);
  memcpy(b->before, x->arena.host + b->at, b->bytes);
  return frti_arena_copy(&x->arena, x->t, FRT_COPY_TO_DEVICE, err);
}

void frti_exec_close(frti_exec_t *x) {
  if (!x) return;
  if (now == x) now = NULL;
  for (uint32_t i = 0; i < x->p->n_in; ++i) free(x->in[i].before);
  frti_arena_close(&x->arena, x->t);
  if (x->kernel && !x->borrowed) x->t->api->op_release(x->kernel);
  free(x);
}

/* ---- running -------------------------------------------------------------------- */

frt_status_t frti_exec_launch(frti_exec_t *x, frt_error_t *err) {
  const frt_api_run_t run = {.size = sizeof run, .queue = x->t->queue,
                             .in = x->in_slots, .out = x->out_slots,
                             .n_in = x->p->op.n_in, .n_out = x->p->op.n_out,
                             .workspace = x->work.laid ? address(x, &x->work) : NULL,
                             .workspace_bytes = x->workspace,
                             .rng_state = x->p->rng, .host = x->t->host};
  if (x->v.place == FRTI_ENDS_AT_PAGE || x->v.place == FRTI_BEGINS_AT_PAGE) now = x;
  return x->t->api->op_run(x->kernel, &run, err);
}

static void check(frti_exec_t *x, frti_outcome_t *o) {
  const frti_arena_t *a = &x->arena;
  const char *fault = frti_buffer_fault(a, &x->work);
  if (fault) snprintf(o->fault, sizeof o->fault, "workspace: %s", fault);
  for (uint32_t k = 0; k < x->p->n_out && !o->fault[0]; ++k)
    if ((fault = frti_buffer_fault(a, &x->out[k])))
      snprintf(o->fault, sizeof o->fault, "%s: %s", x->p->out[k].def->name, fault);
  for (uint32_t i = 0; i < x->p->n_in && !o->fault[0]; ++i) {
    const frti_buffer_t *b = &x->in[i];
    if ((fault = frti_buffer_fault(a, b)))
      snprintf(o->fault, sizeof o->fault, "%s: %s", x->p->in[i].def->name, fault);
    else if (b->laid && !may_change(x, i) && memcmp(b->before, a->host + b->at, b->bytes))
      snprintf(o->fault, sizeof o->fault, "%s: an input was changed",
               x->p->in[i].def->name);
  }
}

frt_status_t frti_exec_finish(frti_exec_t *x, frti_outcome_t *o, frt_error_t *err) {
  memset(o, 0, sizeof *o);
  FRT_TRY(x->t->api->queue_sync(x->t->queue, err));
  if (x->arena.dev) {
    FRT_TRY(frti_arena_copy(&x->arena, x->t, FRT_COPY_FROM_DEVICE, err));
    FRT_TRY(x->t->api->queue_sync(x->t->queue, err));
  }
  for (uint32_t k = 0; k < x->p->n_out; ++k) {
    const int shared = shared_input(x, k);
    const frti_buffer_t *b = shared >= 0 ? &x->in[shared] : &x->out[k];
    const size_t bytes = x->p->out[k].api.bytes;
    o->out[k] = malloc(bytes + 1);
    if (!o->out[k]) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
    if (b->laid) memcpy(o->out[k], x->arena.host + b->at, bytes);
  }
  check(x, o);
  return FRT_OK;
}

frt_status_t frti_exec(const frti_target_t *t, const frti_probe_t *p, frti_variant_t v,
                       frti_outcome_t *o, frt_error_t *err) {
  frti_exec_t *x;
  frt_status_t status;
  memset(o, 0, sizeof *o);
  status = frti_exec_open(t, p, v, &x, err);
  if (status == FRT_OK) status = frti_exec_launch(x, err);
  if (status == FRT_OK) status = frti_exec_finish(x, o, err);
  frti_exec_close(x);
  return status;
}

void frti_outcome_release(frti_outcome_t *o) {
  for (int k = 0; k < FRTI_MAX_TENSORS; ++k) free(o->out[k]);
  memset(o, 0, sizeof *o);
}
