/* What the verifier of plans knows at a point of a plan: who touched which memory last,
 * what lies there, and who may rely on it. */
#ifndef FRTI_RUNTIME_PLAN_MARKS_H
#define FRTI_RUNTIME_PLAN_MARKS_H

#include "runtime/stages.h"

/* Those who act: the host is bit 0, the queue of place i is bit i + 1. */
#define FRTI_ACTOR_BIT(by) (1u << ((by) + 1))
#define FRTI_ALL_ACTORS ((1u << (FRTI_MAX_PLACES + 1)) - 1)

/* One access that may still matter: a write, for what lies there, or a read that not all
 * know to have happened. `known`: whose later actions happen after it. `content`: what a
 * write left, by number; 0 when that is partly gone. */
typedef struct frti_mark {
  frti_touch_t at;
  const frti_action_t *action; /* NULL: the start of the run */
  uint32_t known, content;
} frti_mark_t;

typedef struct frti_marks {
  frti_mark_t *v;
  size_t n, cap;
  uint32_t *current; /* by value id: the content that the program means; 0: none yet */
  uint32_t n_values;
} frti_marks_t;

/* Numbers of contents, and what wrote them. */
typedef struct frti_contents {
  struct frti_content {
    const frti_action_t *writer; /* NULL: the start of the run */
    const frti_value_t *value;
  } *v;
  size_t n, cap;
} frti_contents_t;
/* 0: out of memory. */
uint32_t frti_content_new(frti_contents_t *c, const frti_action_t *writer,
                          const frti_value_t *value);

bool frti_marks_copy(const frti_marks_t *from, frti_marks_t *to);
void frti_marks_release(frti_marks_t *m);
/* A mark that conflicts with `t` and that `by` does not know to have happened, or NULL. */
const frti_mark_t *frti_marks_race(const frti_marks_t *m, const frti_touch_t *t, int32_t by);
/* A write that covers `t`; NULL: what lies there is not one value. */
const frti_mark_t *frti_marks_covering(const frti_marks_t *m, const frti_touch_t *t);
/* A write that overlaps `t`, whatever is left of it. */
const frti_mark_t *frti_marks_any(const frti_marks_t *m, const frti_touch_t *t);
bool frti_marks_add(frti_marks_t *m, const frti_touch_t *t, const frti_action_t *a,
                    int32_t by, uint32_t content);
/* The host has waited for the queue of place `by`. */
void frti_marks_waited(frti_marks_t *m, int32_t by);
/* A mark that the host does not know to have happened, or NULL. */
const frti_mark_t *frti_marks_unknown(const frti_marks_t *m);
/* Two ways meet: `m` becomes what holds after either. */
bool frti_marks_join(frti_marks_t *m, const frti_marks_t *other, frti_contents_t *c);

#endif
