/* What a plan decided, in words and as JSON: which op runs where, why not elsewhere, what
 * was pruned, fused, copied, and how much memory it takes. */
#include "runtime/stages.h"

#define ROW_JSON_VERSION 1

static const char *reason_text(int32_t reason) {
  switch (reason) {
#define REASON(name, number, text) case number: return text;
    FRT_REASON_MAP(REASON)
#undef REASON
    default: return "unknown reason";
  }
}

static const char *space_label(const frti_plan_t *p, uint32_t space) {
  const frti_device_t *d = p->exe->rt->spaces[space];
  return space == FRTI_HOST ? "host" : d ? d->provider->api.name : "nothing";
}

static const char *state_text(const frti_node_t *n) {
  switch (n->state) {
    case FRTI_DEAD: return "dead";
    case FRTI_SHAPES: return "shapes";
    case FRTI_FUSED: return "fused";
    case FRTI_HOLDER: return "runtime";
    default: return n->control ? "runtime" : n->place < 0 ? "unplaced" : "run";
  }
}

static const char *place_text(const frti_plan_t *p, const frti_node_t *n) {
  if (n->state == FRTI_FUSED) return frti_node_place(p, n->into)->label;
  if (n->control || n->state == FRTI_HOLDER) return "runtime";
  if (n->state != FRTI_LIVE) return "-";
  return n->place < 0 ? "NOWHERE" : frti_node_place(p, n)->label;
}

/* Why a candidate was not taken; "" for the one that was. */
static void candidate_text(const frti_plan_t *p, const frti_node_t *n,
                           const frti_candidate_t *c, char *to, size_t cap) {
  const frti_node_t *at = n->state == FRTI_FUSED ? n->into : n;
  const frti_place_t *place = frti_node_place(p, at);
  if (place && !strcmp(place->label, c->label)) to[0] = 0;
  else if (c->verdict == FRT_NO)
    snprintf(to, cap, "no: %s: %s", reason_text(c->reason),
             c->detail[0] ? c->detail : "(no detail given)");
  else if (!c->listed) snprintf(to, cap, "could, but is not in the place list");
  else if (place) snprintf(to, cap, "could, listed after %s", place->label);
  else snprintf(to, cap, "could run it");
}

/* ---- walking all ops of the loaded program ------------------------------------------------ */

typedef void (*row_fn)(frti_str_t *s, const frti_plan_t *p, const frti_node_t *n, int depth);

static void walk_rows(frti_str_t *s, const frti_plan_t *p, const frti_list_t *list, int depth,
                      row_fn row);

static void walk_row(frti_str_t *s, const frti_plan_t *p, const frti_node_t *n, int depth,
                     row_fn row) {
  for (uint32_t i = 0; i < n->parts.n && n->parts.v[i]->state == FRTI_FUSED; ++i)
    if (n->parts.v[i]->op == n->op) {
      row(s, p, n->parts.v[i], depth); /* the last part stands in the list as its fusion */
      return;
    }
  row(s, p, n, depth);
  if (n->control) walk_rows(s, p, &n->body, depth + 1, row);
}

static void walk_rows(frti_str_t *s, const frti_plan_t *p, const frti_list_t *list, int depth,
                      row_fn row) {
  for (uint32_t i = 0; i < list->n; ++i) walk_row(s, p, list->v[i], depth, row);
}

typedef struct counts { uint32_t run, dead, fused, fusions, runtime, unplaced, pruned; } counts_t;

static void count_list(const frti_list_t *list, counts_t *c) {
  for (uint32_t i = 0; i < list->n; ++i) {
    const frti_node_t *n = list->v[i];
    c->fusions += n->parts.n != 0;
    c->fused += n->parts.n;
    c->dead += n->state == FRTI_DEAD || n->state == FRTI_SHAPES;
    c->runtime += n->control || n->state == FRTI_HOLDER;
    c->run += n->state == FRTI_LIVE && !n->control && n->place >= 0 && !n->parts.n;
    c->unplaced += n->state == FRTI_LIVE && !n->control && n->place < 0;
    if (n->control && n->state == FRTI_LIVE) count_list(&n->body, c);
  }
}

static bool kept(const frti_plan_t *p, uint32_t op) {
  for (uint32_t i = 0; p->origin && i < p->root.n; ++i)
    if (p->origin[i] == op) return true;
  return !p->origin;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void text_row(frti_str_t *s, const frti_plan_t *p, const frti_node_t *n, int depth) {
  char why[256], dims[96] = "", number[32];
  if (n->out.n_args && n->state != FRTI_DEAD && n->state != FRTI_HOLDER && !n->control)
    frti_dims_text(dims, sizeof dims, n->out.shapes[0].rank, n->out.shapes[0].dims);
  if (n->block) snprintf(number, sizeof number, "%d.%d", n->block, n->op);
  else snprintf(number, sizeof number, "%d", n->op);
  frti_str_addf(s, "%*s%5s  %-32s %-10s %-12s", depth * 2, "", number, n->schema->type,
                place_text(p, n), dims);
  if (n->state == FRTI_FUSED)
    frti_str_addf(s, "  fused into %s at #%d", n->into->schema->type, n->into->op);
  if (n->state == FRTI_DEAD)
    frti_str_add(s, "  not run: its outputs reach neither a fetch nor a persistable");
  if (n->state == FRTI_SHAPES) frti_str_add(s, "  not run: only its shapes are needed");
  for (uint32_t i = 0; i < n->n_candidates && n->state != FRTI_FUSED; ++i) {
    candidate_text(p, n, &n->candidates[i], why, sizeof why);
    if (why[0]) frti_str_addf(s, "  [%s: %s]", n->candidates[i].label, why);
  }
  frti_str_add(s, "\n");
}

static void text_head(frti_str_t *s, const frti_plan_t *p) {
  counts_t c = {0};
  count_list(&p->root, &c);
  frti_str_addf(s, "places %s\n", p->exe->list);
  for (uint32_t i = 0; i < p->exe->n_places; ++i)
    frti_str_addf(s, "  %s: %s %s, %s\n", p->exe->places[i].label,
                  p->exe->places[i].device->provider->api.name,
                  p->exe->places[i].device->provider->api.version,
                  p->exe->places[i].device->desc);
  frti_str_addf(s, "block 0 has %u ops", p->n_loaded_ops);
  if (p->origin) frti_str_addf(s, ", pruned to %u", p->root.n);
  frti_str_addf(s, "; bodies included %u run as they are, %u are fused into %u, %u belong to "
                   "the runtime, %u need not run",
                c.run, c.fused, c.fusions, c.runtime, c.dead);
  if (c.unplaced) frti_str_addf(s, ", %u CANNOT BE PLACED", c.unplaced);
  frti_str_add(s, "\n");
  frti_str_add(s, "    #  op                               place      first output  [why not elsewhere]\n");
}

static void text_pruned(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; p->origin && i < p->n_loaded_ops; ++i)
    if (!kept(p, i))
      frti_str_addf(s, "%5u  %-32s %-12s pruned: the fetch list does not need it\n", i,
                    p->loaded->blocks[0].ops[i].type, "-");
}

static void text_copies(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; i < p->n_copies; ++i) {
    const frti_copy_t *c = p->copies[i];
    frti_str_addf(s, "  '%s' %llu bytes, %s -> %s, each run: %s", c->value->name,
                  (unsigned long long)c->bytes, space_label(p, c->from), space_label(p, c->to),
                  c->why);
    if (c->cause) frti_str_addf(s, " of op #%d %s", c->cause->op, c->cause->schema->type);
    frti_str_add(s, "\n");
  }
  for (uint32_t i = 0; i < p->n_persistables; ++i)
    for (uint32_t space = 1; space < FRTI_MAX_SPACES; ++space)
      if (p->persistables[i]->bind & FRTI_SPACE_BIT(space))
        frti_str_addf(s, "  '%s' %llu bytes to %s, once: a persistable read there\n",
                      p->persistables[i]->name,
                      (unsigned long long)frti_shape_bytes(&p->persistables[i]->shape),
                      space_label(p, space));
}

static void text_dense(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; i < p->n_values; ++i)
    if (p->values[i]->dense_rows && p->values[i]->shaped)
      frti_str_addf(s, "  '%s' is declared SELECTED_ROWS (is_sparse) and runs dense\n",
                    p->values[i]->name);
}

static void explain_text(frti_str_t *s, const frti_plan_t *p) {
  text_head(s, p);
  walk_rows(s, p, &p->root, 0, text_row);
  text_pruned(s, p);
  text_dense(s, p);
  frti_str_addf(s, "copies between memories: %u each run\n", p->n_copies);
  text_copies(s, p);
  frti_str_addf(s, "memory: persistables %llu bytes", (unsigned long long)p->persistable_bytes);
  for (uint32_t space = 0; space < p->exe->rt->n_spaces; ++space)
    frti_str_addf(s, ", temporaries on %s %llu bytes", space_label(p, space),
                  (unsigned long long)p->space_bytes[space]);
  frti_str_add(s, "\n");
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void json_dims(frti_str_t *s, const frt_shape_t *shape) {
  frti_str_add(s, "[");
  for (uint32_t i = 0; i < shape->rank; ++i)
    frti_str_addf(s, "%s%lld", i ? "," : "", (long long)shape->dims[i]);
  frti_str_add(s, "]");
}

static void json_outputs(frti_str_t *s, const frti_node_t *n) {
  frti_str_add(s, ",\"outputs\":[");
  for (uint32_t i = 0; i < n->out.n_args && !n->control; ++i) {
    frti_str_add(s, i ? ",{\"name\":" : "{\"name\":");
    frti_str_add_json(s, n->out.args[i].value->name);
    frti_str_addf(s, ",\"dtype\":\"%s\",\"shape\":", frt_dtype_name(n->out.shapes[i].dtype));
    json_dims(s, &n->out.shapes[i]);
    frti_str_add(s, "}");
  }
  frti_str_add(s, "]");
}

static void json_candidates(frti_str_t *s, const frti_node_t *n) {
  frti_str_add(s, ",\"candidates\":[");
  for (uint32_t i = 0; i < n->n_candidates; ++i) {
    const frti_candidate_t *c = &n->candidates[i];
    frti_str_add(s, i ? ",{\"place\":" : "{\"place\":");
    frti_str_add_json(s, c->label);
    frti_str_addf(s, ",\"listed\":%s,\"verdict\":\"%s\",\"reason\":\"%s\",\"detail\":",
                  c->listed ? "true" : "false", c->verdict == FRT_NO ? "no" : "yes",
                  c->verdict == FRT_NO ? reason_text(c->reason) : "");
    frti_str_add_json(s, c->verdict == FRT_NO ? c->detail : "");
    frti_str_add(s, "}");
  }
  frti_str_add(s, "]");
}

static void json_row(frti_str_t *s, const frti_plan_t *p, const frti_node_t *n, int depth) {
  FRTI_UNUSED(depth);
  if (s->text && s->text[s->len - 1] == '}') frti_str_add(s, ",");
  frti_str_addf(s, "\n{\"block\":%d,\"op\":%d,\"type\":", n->block, n->op);
  frti_str_add_json(s, n->schema->type);
  frti_str_addf(s, ",\"state\":\"%s\",\"place\":", state_text(n));
  frti_str_add_json(s, place_text(p, n));
  if (n->state == FRTI_FUSED) {
    frti_str_addf(s, ",\"fused_into\":%d,\"fused_type\":", n->into->op);
    frti_str_add_json(s, n->into->schema->type);
  }
  json_outputs(s, n);
  json_candidates(s, n);
  frti_str_add(s, "}");
}

static void json_pruned(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; p->origin && i < p->n_loaded_ops; ++i) {
    if (kept(p, i)) continue;
    if (s->text && s->text[s->len - 1] == '}') frti_str_add(s, ",");
    frti_str_addf(s, "\n{\"block\":0,\"op\":%u,\"type\":", i);
    frti_str_add_json(s, p->loaded->blocks[0].ops[i].type);
    frti_str_add(s, ",\"state\":\"pruned\",\"place\":\"-\"}");
  }
}

static void json_copies(frti_str_t *s, const frti_plan_t *p) {
  frti_str_add(s, "],\n\"copies\":[");
  for (uint32_t i = 0; i < p->n_copies; ++i) {
    const frti_copy_t *c = p->copies[i];
    frti_str_add(s, i ? ",\n{\"value\":" : "\n{\"value\":");
    frti_str_add_json(s, c->value->name);
    frti_str_addf(s, ",\"bytes\":%llu,\"from\":\"%s\",\"to\":\"%s\",\"per\":\"run\",\"op\":%d,"
                     "\"why\":\"%s\"}",
                  (unsigned long long)c->bytes, space_label(p, c->from),
                  space_label(p, c->to), c->cause ? c->cause->op : -1, c->why);
  }
  frti_str_add(s, "]");
}

static void explain_json(frti_str_t *s, const frti_plan_t *p) {
  frti_str_addf(s, "{\"version\":%d,\"places\":[", ROW_JSON_VERSION);
  for (uint32_t i = 0; i < p->exe->n_places; ++i) {
    if (i) frti_str_add(s, ",");
    frti_str_add_json(s, p->exe->places[i].label);
  }
  frti_str_add(s, "],\n\"ops\":[");
  walk_rows(s, p, &p->root, 0, json_row);
  json_pruned(s, p);
  json_copies(s, p);
  frti_str_addf(s, ",\n\"memory\":{\"persistables\":%llu,\"temporaries\":[",
                (unsigned long long)p->persistable_bytes);
  for (uint32_t space = 0; space < p->exe->rt->n_spaces; ++space)
    frti_str_addf(s, "%s{\"space\":\"%s\",\"bytes\":%llu}", space ? "," : "",
                  space_label(p, space), (unsigned long long)p->space_bytes[space]);
  counts_t c = {0};
  count_list(&p->root, &c);
  frti_str_addf(s, "]},\n\"plan\":{\"actions\":%u,\"copies\":%u,\"waits\":%u,\"unplaced\":%u}}\n",
                p->n_actions, p->n_copies, p->n_waits, c.unplaced);
}

/* ---- the public call ---------------------------------------------------------------------------- */

static frt_status_t explain_plan(frt_executor_t *exe, const frti_plan_request_t *q, int json,
                                 char **text, frt_error_t *err) {
  frti_str_t s = {0};
  frti_plan_t *p;
  FRT_TRY(frti_plan_create(exe, q, &p, err));
  if (json) explain_json(&s, p);
  else explain_text(&s, p);
  frti_plan_release(p);
  if (s.failed) {
    frti_str_release(&s);
    return frti_no_memory(err);
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
