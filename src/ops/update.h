/* Helpers for the schemas of update rules: tensors like Param, scalars of one element,
 * every output an input's own variable. */
#ifndef FRTI_OPS_UPDATE_H
#define FRTI_OPS_UPDATE_H

#include <float.h>

#include "shape.h"

#define UPDATE_PARAM {"Param", FRT_FLOATS, 0, "any shape"}
#define UPDATE_IN(slot) {slot, FRT_FLOATS, 0, "shape of Param"}
#define UPDATE_SCALAR(slot) {slot, FRT_FLOATS, 0, "[1]"}
#define UPDATE_OUT(slot, of) {slot, FRT_FLOATS, 0, "shape of Param", of}
#define UPDATE_SCALAR_OUT(slot, of) {slot, FRT_FLOATS, 0, "[1]", of}

#define UPDATE_F32(name, doc, def) \
  {name, FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE, doc, def, NULL, -FLT_MAX, FLT_MAX}
#define UPDATE_F32_NEEDED(name, doc) \
  {name, FRT_ATTR_F32, FRT_ATTR_RANGE, doc, 0, NULL, -FLT_MAX, FLT_MAX}
#define UPDATE_EPSILON(def)                                                     \
  {"epsilon", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,                  \
   "keeps the divisor from 0, >= 0", def, NULL, 0, FLT_MAX}
/* Of newer programs: only the value without effect. */
#define UPDATE_NO(name) {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "only false is supported"}

static inline bool update_is_scalar(const char *slot) {
  return !strcmp(slot, "LearningRate") || !strcmp(slot, "Beta1Pow") ||
         !strcmp(slot, "Beta2Pow");
}

static inline frt_status_t update_scalar(const char *slot, const frt_shape_t *s,
                                         const frt_shape_t *param, frt_error_t *err) {
  FRT_TRY(shape_same_dtype(slot, s, "Param", param, err));
  if (shape_numel(s) == 1 || shape_numel(s) == -1) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, slot, "%s has shape %s; wanted [1]", slot,
                    shape_text(s).s);
}

/* Refuses attribute `name` when it is true. */
static inline frt_status_t update_false(const frt_infer_t *x, const char *name,
                                        frt_error_t *err) {
  if (!shape_int(x, name)) return FRT_OK;
  return shape_fail(err, FRT_UNIMPLEMENTED, name, "%s is true; only false is supported",
                    name);
}

static inline frt_status_t update_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_op_schema_t *s = x->schema;
  frt_shape_t p = *frt_infer_in(x, "Param");
  FRT_TRY(shape_inputs(x, err));
  for (int i = 0; i < FRT_MAX_SLOTS && s->inputs[i].name; ++i) {
    const char *slot = s->inputs[i].name;
    const frt_shape_t *in = frt_infer_in(x, slot);
    if (!in || !strcmp(slot, "Param")) continue;
    if (update_is_scalar(slot)) {
      FRT_TRY(update_scalar(slot, in, &p, err));
      continue;
    }
    FRT_TRY(shape_same(slot, in, "Param", &p, err));
    shape_join(&p, in);
  }
  for (int i = 0; i < FRT_MAX_SLOTS && s->outputs[i].name; ++i) {
    const char *of = s->outputs[i].alias_of;
    const frt_shape_t *in = frt_infer_in(x, of);
    FRT_TRY(shape_out(x, s->outputs[i].name, in && update_is_scalar(of) ? *in : p, err));
  }
  return FRT_OK;
}

/* So many operations an element. */
static inline frt_cost_t update_cost(const frt_infer_t *x, double flops) {
  return shape_cost(x, flops * shape_elements(frt_infer_in(x, "Param")));
}

#endif
