/* Elements of any dtype as double, and finding a call's tensors. */
#ifndef FRT_MUTANT_NUMBER_H
#define FRT_MUTANT_NUMBER_H

#include "mutant.h"

static inline double number_get(const frt_api_tensor_t *t, int64_t i) {
  switch (t->dtype) {
    case FRT_F32: return ((const float *)t->data)[i];
    case FRT_F64: return ((const double *)t->data)[i];
    case FRT_I32: return ((const int32_t *)t->data)[i];
    case FRT_I64: return (double)((const int64_t *)t->data)[i];
    case FRT_BOOL: case FRT_U8: return ((const uint8_t *)t->data)[i];
    default: return 0;
  }
}

static inline void number_set(const frt_api_tensor_t *t, int64_t i, double v) {
  switch (t->dtype) {
    case FRT_F32: ((float *)t->data)[i] = (float)v; break;
    case FRT_F64: ((double *)t->data)[i] = v; break;
    case FRT_I32: ((int32_t *)t->data)[i] = (int32_t)v; break;
    case FRT_I64: ((int64_t *)t->data)[i] = (int64_t)v; break;
    case FRT_BOOL: case FRT_U8: ((uint8_t *)t->data)[i] = (uint8_t)v; break;
    default: break;
  }
}

static inline int is_float(const frt_api_tensor_t *t) {
  return t->dtype == FRT_F32 || t->dtype == FRT_F64;
}

static inline const frt_api_tensor_t *slot_first(const frt_api_slot_t *s, uint32_t n,
                                                 const char *name) {
  for (uint32_t i = 0; i < n; ++i)
    if (s[i].count && (!name || !strcmp(s[i].name, name))) return s[i].t[0];
  return NULL;
}

/* The call's first tensor of that slot, NULL: of the first slot that is there. */
static inline const frt_api_tensor_t *input_of(const call_t *c, const char *name) {
  return slot_first(c->in, c->run.n_in, name);
}

/* The output that the defect is about. */
static inline const frt_api_tensor_t *target(const call_t *c) {
  return slot_first(c->run.out, c->run.n_out, c->d->where);
}

#endif
