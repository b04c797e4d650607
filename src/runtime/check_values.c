/* The NaN check: after every op, on whatever device, so that the first bad op is named. */
#include <math.h>

#include "runtime/stages.h"

typedef struct bad { int64_t first, n_nan, n_inf; } bad_t;

static void see(bad_t *b, int64_t i, double v) {
  if (isfinite(v)) return;
  if (b->first < 0) b->first = i;
  if (isnan(v)) ++b->n_nan;
  else ++b->n_inf;
}

static bad_t scan(uint32_t dtype, const void *data, int64_t n) {
  bad_t b = {-1, 0, 0};
  for (int64_t i = 0; dtype == FRT_F32 && i < n; ++i) see(&b, i, ((const float *)data)[i]);
  for (int64_t i = 0; dtype == FRT_F64 && i < n; ++i) see(&b, i, ((const double *)data)[i]);
  return b;
}

static frt_status_t report(const bad_t *b, const char *what, const char *name, uint32_t rank,
                           const int64_t *dims, frt_error_t *err) {
  char text[96];
  frt_fail(err, FRT_OUT_OF_RANGE, "%s '%s' of shape %s has %lld nan and %lld inf, the first "
           "at element %lld", what, name, frti_dims_text(text, sizeof text, rank, dims),
           (long long)b->n_nan, (long long)b->n_inf, (long long)b->first);
  return frti_error_name(err, FRT_OUT_OF_RANGE, name);
}

static frt_status_t check_tensor(frt_executor_t *exe, uint32_t space,
                                 const frt_api_tensor_t *t, const char *slot,
                                 const char *name, frt_error_t *err) {
  const void *data = t->data;
  void *copy = NULL;
  if ((t->dtype != FRT_F32 && t->dtype != FRT_F64) || !t->numel || !data) return FRT_OK;
  if (space != FRTI_HOST) {
    FRT_TRY(frti_space_alloc(exe->rt, FRTI_HOST, t->bytes, &copy, err));
    frt_status_t status =
        frti_space_copy(exe->rt, copy, FRTI_HOST, t->data, space, t->bytes, err);
    if (status != FRT_OK) {
      frti_space_free(exe->rt, FRTI_HOST, copy);
      return status;
    }
    data = copy;
  }
  const bad_t b = scan(t->dtype, data, t->numel);
  frti_space_free(exe->rt, FRTI_HOST, copy);
  return b.first < 0 ? FRT_OK : report(&b, slot, name, t->rank, t->dims, err);
}

static frt_status_t check_slots(frt_executor_t *exe, const frti_node_t *n,
                                const frti_slots_t *slots, const frt_slot_def_t *slot_defs,
                                frt_error_t *err) {
  const frti_place_t *place = &exe->places[n->place];
  if (place->device->flags & FRT_DEVICE_ASYNC)
    FRT_TRY(frti_place_sync(place, err));
  for (uint32_t s = 0; s < slots->n_slots; ++s)
    for (uint32_t k = 0; k < slots->count[s]; ++k) {
      const uint32_t i = slots->at[s] + k;
      FRT_TRY(check_tensor(exe, place->device->space, slots->tensors[i], slot_defs[s].name,
                           slots->args[i].value->name, err));
    }
  return FRT_OK;
}

frt_status_t frti_check_outputs(frt_executor_t *exe, const frti_node_t *n,
                                frt_error_t *err) {
  return check_slots(exe, n, &n->out, n->schema->outputs, err);
}

frt_status_t frti_check_update(frt_executor_t *exe, const frti_node_t *n,
                               frt_error_t *err) {
  for (uint32_t s = 0; s < n->out.n_slots; ++s)
    if (n->schema->outputs[s].alias_of)
      return check_slots(exe, n, &n->in, n->schema->inputs, err);
  return FRT_OK;
}

frt_status_t frti_check_feed(const char *name, const frt_tensor_t *t, frt_error_t *err) {
  const bad_t b = scan(frt_tensor_dtype(t), frt_tensor_data(t), frt_tensor_numel(t));
  if (b.first < 0) return FRT_OK;
  frt_status_t status =
      report(&b, "feed", name, frt_tensor_rank(t), frt_tensor_dims(t), err);
  return frti_error_phase(err, status, FRT_PHASE_FEED);
}
