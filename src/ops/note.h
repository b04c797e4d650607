/* XShape: what a shape op leaves for its gradient, [0, dims of X...], never any data. */
#ifndef FRTI_OPS_NOTE_H
#define FRTI_OPS_NOTE_H

#include "shape.h"

#define NOTE_DOC "[0, dims of X...], never any data"
#define NOTE_OUT                                                       \
  {"XShape", FRT_ANY_DTYPE, FRT_SLOT_OPTIONAL | FRT_SLOT_INTERMEDIATE | \
   FRT_SLOT_SHAPE_ONLY, NOTE_DOC}
#define NOTE_IN {"XShape", FRT_ANY_DTYPE, FRT_SLOT_SHAPE_ONLY, NOTE_DOC}

/* Fills XShape, if it is asked for. */
static inline frt_status_t note_out(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  frt_shape_t note = {0};
  if (!frt_infer_out(x, "XShape")) return FRT_OK;
  if (s->rank >= FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape %s; wanted rank %d at most, as XShape has one more",
                      shape_text(s).s, FRT_MAX_RANK - 1);
  note.dtype = s->dtype;
  note.rank = s->rank + 1;
  memcpy(note.dims + 1, s->dims, s->rank * sizeof *s->dims);
  return shape_out(x, "XShape", note, err);
}

/* The shape of X, from XShape. */
static inline frt_status_t note_in(const frt_infer_t *x, frt_shape_t *out,
                                   frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Out@GRAD"), *note = frt_infer_in(x, "XShape");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same_dtype("Out@GRAD", g, "XShape", note, err));
  if (!note->rank || !shape_dim_agrees(note->dims[0], 0))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "XShape",
                      "XShape has shape %s; wanted [0, dims of X...]",
                      shape_text(note).s);
  memset(out, 0, sizeof *out);
  out->dtype = note->dtype;
  out->rank = note->rank - 1;
  memcpy(out->dims, note->dims + 1, out->rank * sizeof *out->dims);
  return FRT_OK;
}

#endif
