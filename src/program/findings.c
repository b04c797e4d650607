/* What the validator found: kept up to a bound, counted beyond it. */
#include <string.h>

#include "program/check.h"

struct frt_findings {
  frti_arena_t arena;
  frt_finding_t *items;
  size_t n, cap, max;
  uint64_t total[3];
};

frt_findings_t *frti_findings_new(uint32_t max) {
  frt_findings_t *f = frti_calloc(1, sizeof *f);
  if (f) f->max = max;
  return f;
}

void frt_findings_release(frt_findings_t *f) {
  if (!f) return;
  frti_arena_release(&f->arena);
  frti_free(f->items);
  frti_free(f);
}

size_t frt_findings_count(const frt_findings_t *f) { return f->n; }

const frt_finding_t *frt_findings_at(const frt_findings_t *f, size_t index) {
  return index < f->n ? &f->items[index] : NULL;
}

uint64_t frt_findings_total(const frt_findings_t *f, frt_severity_t severity) {
  return (unsigned)severity < FRTI_COUNT(f->total) ? f->total[severity] : 0;
}

const char *frt_severity_text(frt_severity_t severity) {
  static const char *const texts[] = {"error", "warning", "note"};
  return (unsigned)severity < FRTI_COUNT(texts) ? texts[severity] : "";
}

static bool keep(frti_checker_t *c, frt_severity_t severity, const frt_error_t *e) {
  frt_findings_t *f = c->found;
  if (!FRTI_GROW(f->items, f->n, f->cap)) return false;
  frt_finding_t *to = &f->items[f->n];
  *to = (frt_finding_t){.severity = (uint32_t)severity, .status = e->status,
                        .block = c->block, .op = c->op,
                        .op_type = frti_arena_strdup(&f->arena, e->op_type),
                        .name = frti_arena_strdup(&f->arena, e->name),
                        .message = frti_arena_strdup(&f->arena, e->message)};
  f->n += to->op_type && to->name && to->message;
  return to->op_type && to->name && to->message;
}

static void add(frti_checker_t *c, frt_severity_t severity, frt_error_t *e) {
  frt_error_t at = FRT_ERROR_INIT;
  /* Names are anyone's bytes: whatever passes here has no control characters left. */
  frti_error_phase(e, (frt_status_t)e->status, FRT_PHASE_VALIDATE);
  if (c->op >= 0)
    frti_error_at(&at, FRT_OK, FRT_PHASE_VALIDATE, c->block, c->op,
                  c->p->blocks[c->block].ops[c->op].type);
  memcpy(e->op_type, at.op_type, sizeof e->op_type);
  if (!keep(c, severity, e)) c->no_memory = true;
}

/* Counts it; false: there is no room for its text. */
static bool counted(frti_checker_t *c, frt_severity_t *severity) {
  if (c->o.strict && *severity == FRT_SEVERITY_WARNING) *severity = FRT_SEVERITY_ERROR;
  ++c->found->total[*severity];
  return c->found->n < c->found->max;
}

void frti_find(frti_checker_t *c, frt_severity_t severity, frt_status_t status,
               const char *name, const char *fmt, ...) {
  frt_error_t e = FRT_ERROR_INIT;
  va_list ap;
  if (!counted(c, &severity)) return;
  va_start(ap, fmt);
  frt_error_text_(e.message, sizeof e.message, fmt, ap);
  va_end(ap);
  e.status = (uint32_t)status;
  frti_error_name(&e, status, name ? name : "");
  add(c, severity, &e);
}

void frti_find_error(frti_checker_t *c, const frt_error_t *err) {
  frt_severity_t severity = FRT_SEVERITY_ERROR;
  frt_error_t e = *err;
  if (err->status == FRT_RESOURCE_EXHAUSTED) c->no_memory = true;
  if (counted(c, &severity)) add(c, severity, &e);
}
