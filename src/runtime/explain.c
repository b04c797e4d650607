/* What a plan decided, in words: which op runs where, why not elsewhere, what was pruned,
 * fused, copied, which fallbacks cost most, and how much memory it takes. */
#include "runtime/explain.h"

static void text_number(char *to, size_t cap, const frti_node_t *n) {
  if (n->block) snprintf(to, cap, "%d.%d", n->block, n->op);
  else snprintf(to, cap, "%d", n->op);
}

static void text_row(frti_str_t *s, const frti_report_t *r, const frti_node_t *n, int depth) {
  char why[256], dims[96] = "", number[32];
  if (n->out.n_args && n->state != FRTI_DEAD && n->state != FRTI_HOLDER && !n->control)
    frti_dims_text(dims, sizeof dims, n->out.shapes[0].rank, n->out.shapes[0].dims);
  text_number(number, sizeof number, n);
  frti_str_addf(s, "%*s%5s  %-32s %-10s %-12s", depth * 2, "", number, n->schema->type,
                frti_place_text(r->p, n), dims);
  const frti_node_t *run = n->state == FRTI_FUSED ? n->into : n;
  if (r->all.us > 0 && run->facts.us > 0 && run->op == n->op)
    frti_str_addf(s, "  %.1f us, %.1f %% (predicted %.1f %%)", run->facts.us,
                  frti_percent(run->facts.us, r->all.us),
                  frti_percent(run->facts.cost, r->all.cost));
  if (n->state == FRTI_FUSED)
    frti_str_addf(s, "  fused into %s at #%d", n->into->schema->type, n->into->op);
  if (n->state == FRTI_DEAD)
    frti_str_add(s, "  not run: its outputs reach neither a fetch nor a persistable");
  if (n->state == FRTI_SHAPES) frti_str_add(s, "  not run: only its shapes are needed");
  for (uint32_t i = 0; i < n->n_candidates && n->state != FRTI_FUSED; ++i) {
    frti_candidate_text(r->p, n, &n->candidates[i], why, sizeof why);
    if (why[0]) frti_str_addf(s, "  [%s: %s]", n->candidates[i].label, why);
  }
  frti_str_add(s, "\n");
}

static void text_place(frti_str_t *s, const frti_report_t *r, uint32_t i) {
  const frti_place_t *place = &r->p->exe->places[i];
  const frti_share_t *share = &r->by_place[i];
  frti_str_addf(s, "  %s: %s %s, %s%s%s; %u of %u ops, %.1f %% of the predicted cost",
                place->label, place->device->provider->api.name,
                place->device->provider->api.version,
                place->queue ? place->device->desc : "NOT HERE, answers from its table: ",
                place->why, place->device->single ? "; one thread at a time" : "", share->ops, r->all.ops, frti_percent(share->cost, r->all.cost));
  if (r->all.us > 0)
    frti_str_addf(s, ", %.1f %% of the measured time", frti_percent(share->us, r->all.us));
  frti_str_add(s, "\n");
}

static void text_head(frti_str_t *s, const frti_report_t *r) {
  const frti_plan_t *p = r->p;
  frti_str_addf(s, "places %s\n", p->exe->list);
  for (uint32_t i = 0; i < p->exe->n_places; ++i) text_place(s, r, i);
  for (uint32_t i = 0; i < p->exe->n_skipped; ++i)
    frti_str_addf(s, "  %s: NOT HERE, skipped: %s\n", p->exe->skipped[i].label,
                  p->exe->skipped[i].why);
  frti_str_addf(s, "block 0 has %u ops", p->n_loaded_ops);
  if (p->origin) frti_str_addf(s, ", pruned to %u", p->root.n);
  frti_str_addf(s, "; bodies included %u run as they are, %u are fused into %u, %u belong to "
                   "the runtime, %u need not run",
                r->counts.run, r->counts.fused, r->counts.fusions, r->counts.runtime,
                r->counts.dead);
  if (r->counts.unplaced) frti_str_addf(s, ", %u CANNOT BE PLACED", r->counts.unplaced);
  frti_str_add(s, "\n");
}

static void text_pruned(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; p->origin && i < p->n_loaded_ops; ++i)
    if (!frti_op_kept(p, i))
      frti_str_addf(s, "%5u  %-32s %-12s pruned: the fetch list does not need it\n", i,
                    p->loaded->blocks[0].ops[i].type, "-");
}

static void text_end(frti_str_t *s, const frti_plan_t *p, const frti_node_t *n,
                     const char *none) {
  char number[32];
  if (!n) {
    frti_str_add(s, none);
    return;
  }
  text_number(number, sizeof number, n);
  frti_str_addf(s, "#%s %s (%s)", number, n->schema->type, frti_place_text(p, n));
}

static void text_copy(frti_str_t *s, const frti_plan_t *p, const frti_copy_t *c) {
  char reason[300];
  frti_str_addf(s, "  '%s' %llu bytes, %s -> %s, each run: ", c->value->name,
                (unsigned long long)c->bytes, frti_space_label(p, c->from),
                frti_space_label(p, c->to));
  text_end(s, p, c->producer, c->value->fed ? "a feed" : "the scope");
  frti_str_add(s, " -> ");
  text_end(s, p, c->cause, "a fetch");
  if (c->cause && strcmp(c->why, "input")) frti_str_addf(s, ", %s", c->why);
  if (frti_copy_reason(p, c, reason, sizeof reason)[0])
    frti_str_addf(s, ", because %s", reason);
  frti_str_add(s, "\n");
}

static void text_copies(frti_str_t *s, const frti_plan_t *p) {
  frti_str_addf(s, "copies between memories: %u each run, %u waits\n", p->n_copies, p->n_waits);
  for (uint32_t i = 0; i < p->n_copies; ++i) text_copy(s, p, p->copies[i]);
  for (uint32_t i = 0; i < p->n_persistables; ++i)
    for (uint32_t space = 1; space < FRTI_MAX_SPACES; ++space)
      if ((p->persistables[i]->bind & FRTI_SPACE_BIT(space)) &&
          !frti_ping_pong(p, p->persistables[i]))
        frti_str_addf(s, "  '%s' %llu bytes to %s, once: a persistable read there\n",
                      p->persistables[i]->name,
                      (unsigned long long)frti_shape_bytes(&p->persistables[i]->shape),
                      frti_space_label(p, space));
}

static void text_ping_pong(frti_str_t *s, const frti_report_t *r) {
  const frti_plan_t *p = r->p;
  char why[256];
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    const frti_value_t *v = p->persistables[i];
    const frti_node_t *fell = v->last_writer && v->last_writer->place > 0 ? v->last_writer
                                                                           : v->first_reader;
    if (!frti_ping_pong(p, v)) continue;
    frti_str_addf(s, "ping-pong: '%s' %llu bytes crosses between memories each run: read first "
                     "by ", v->name, (unsigned long long)frti_shape_bytes(&v->shape));
    text_end(s, p, v->first_reader, "nobody");
    frti_str_add(s, ", written last by ");
    text_end(s, p, v->last_writer, "nobody");
    if (fell && frti_why_not(p, fell, p->exe->places[0].label, why, sizeof why)[0])
      frti_str_addf(s, "; %s says %s", p->exe->places[0].label, why);
    frti_str_add(s, "\n");
  }
}

void frti_report_falls(frti_str_t *s, const frti_report_t *r) {
  const char *wanted = r->p->exe->places[0].label;
  char why[256], number[32];
  for (uint32_t i = 0; i < r->n_falls; ++i) {
    const frti_node_t *n = r->falls[i];
    text_number(number, sizeof number, n);
    frti_str_addf(s, "op #%s %s runs %s%s", number, n->schema->type,
                  n->place < 0 ? "" : "on ", frti_place_text(r->p, n));
    if (n->facts.copies)
      frti_str_addf(s, ", costs %u cop%s, %llu bytes, each run", n->facts.copies,
                    n->facts.copies == 1 ? "y" : "ies",
                    (unsigned long long)n->facts.copy_bytes);
    if (frti_why_not(r->p, n, wanted, why, sizeof why)[0])
      frti_str_addf(s, "; %s says %s", wanted, why);
    frti_str_add(s, "\n");
  }
}

static void text_dense(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; i < p->n_values; ++i)
    if (p->values[i]->dense_rows && p->values[i]->shaped)
      frti_str_addf(s, "  '%s' is declared SELECTED_ROWS (is_sparse) and runs dense\n",
                    p->values[i]->name);
}

static void text_memory(frti_str_t *s, const frti_report_t *r) {
  for (uint32_t space = 0; space < FRTI_MAX_SPACES; ++space) {
    const uint64_t lasting = r->persistables[space], passing = r->p->space_bytes[space];
    if (space && !lasting && !passing) continue;
    frti_str_addf(s, "memory of %s: %llu bytes at the peak, %llu of them persistables\n",
                  frti_space_label(r->p, space), (unsigned long long)(lasting + passing),
                  (unsigned long long)lasting);
  }
}

void frti_report_text(frti_str_t *s, const frti_report_t *r) {
  text_head(s, r);
  if (r->n_falls) {
    frti_str_addf(s, "not on %s, the dearest first:\n", r->p->exe->places[0].label);
    frti_report_falls(s, r);
  }
  text_ping_pong(s, r);
  frti_str_add(s, "    #  op                               place      first output  "
                  "[why not elsewhere]\n");
  frti_walk_rows(s, r, &r->p->root, 0, text_row);
  text_pruned(s, r->p);
  text_dense(s, r->p);
  text_copies(s, r->p);
  text_memory(s, r);
}

/* ---- the public call ---------------------------------------------------------------------------- */

static frt_status_t explain_plan(frt_executor_t *exe, const frti_plan_request_t *q, int form,
                                 char **text, frt_error_t *err) {
  frti_str_t s = {0};
  frti_report_t r;
  frti_plan_t *p;
  FRT_TRY(frti_plan_create(exe, q, &p, err));
  const frt_status_t status = frti_report_make(p, &r, err);
  frti_str_add(&s, "");
  if (status == FRT_OK && form == 1) frti_report_json(&s, &r);
  else if (status == FRT_OK && form == 2) frti_report_falls(&s, &r);
  else if (status == FRT_OK) frti_report_text(&s, &r);
  frti_plan_release(p);
  if (status != FRT_OK || s.failed) {
    frti_str_release(&s);
    return status != FRT_OK ? status : frti_no_memory(err);
  }
  *text = s.text;
  return FRT_OK;
}

frt_status_t frt_executor_explain(frt_executor_t *exe, const frt_program_t *program,
    frt_scope_t *scope, const frt_feed_t *feed, size_t n_feed, const frt_fetch_t *fetch,
    size_t n_fetch, int64_t batch, const frt_run_options_t *options, int json, char **text,
    frt_error_t *err) {
  const bool prune = options && FRT_HAS_OPTION(options, frt_run_options_t, use_prune) &&
                     options->use_prune;
  const frti_plan_request_t q = {program, scope, feed, n_feed, fetch, n_fetch, prune, true,
                                 batch > 0 ? batch : 1};
  *text = NULL;
  if (!program) return frt_fail(err, FRT_INVALID_ARGUMENT, "explain needs a program");
  if (scope) FRT_TRY(frti_scope_enter(scope, false, err));
  frt_status_t status = explain_plan(exe, &q, json, text, err);
  if (scope) frti_scope_leave(scope, false);
  return status;
}
