/* A report as JSON. Version 2:
 *   version      2
 *   places       labels, in order
 *   devices      per place: place, provider, provider_version, description, present, why,
 *                ops, cost_percent (predicted), time_percent (where ops were timed)
 *   ops          per op of the loaded program: block, op, type, state (run, dead, shapes,
 *                fused, runtime, unplaced, pruned), place; fused_into, fused_type;
 *                inputs and outputs: name, dtype, shape; cost_percent, us, time_percent;
 *                candidates: place, listed, verdict (yes, no), reason, detail
 *   fallbacks    the dearest first: block, op, type, place, copies, bytes, why
 *   copies       value, bytes, from, to, per ("run"), why, reason, op (the reader's, -1: a
 *                fetch), producer and consumer: block, op, type, place, or null
 *   persistables those that go to a device: name, bytes, to, per ("once" or "run": ping-pong)
 *   memory       persistables: bytes in all; temporaries: per space; peak: per space
 *   plan         actions, copies, waits, unplaced: counts
 * Members may be added; what is here keeps its meaning while the version stays. */
#include "runtime/explain.h"

enum { VERSION = 2 };

static void json_member(frti_str_t *s, const char *before, const char *text) {
  frti_str_add(s, before);
  frti_str_add_json(s, text);
}

static void json_percent(frti_str_t *s, const char *before, double part, double all) {
  frti_str_add(s, before);
  frti_str_add_f64(s, frti_percent(part, all));
}

/* A comma, unless this is the first of a list. */
static void json_next(frti_str_t *s) {
  if (s->text && s->len && s->text[s->len - 1] == '}') frti_str_add(s, ",");
}

static void json_dims(frti_str_t *s, const frt_shape_t *shape) {
  frti_str_add(s, "[");
  for (uint32_t i = 0; i < shape->rank; ++i)
    frti_str_addf(s, "%s%lld", i ? "," : "", (long long)shape->dims[i]);
  frti_str_add(s, "]");
}

static void json_args(frti_str_t *s, const char *before, const frti_slots_t *slots) {
  frti_str_add(s, before);
  for (uint32_t i = 0; i < slots->n_args; ++i) {
    json_member(s, i ? ",{\"name\":" : "{\"name\":", slots->args[i].value->name);
    frti_str_addf(s, ",\"dtype\":\"%s\",\"shape\":", frt_dtype_name(slots->shapes[i].dtype));
    json_dims(s, &slots->shapes[i]);
    frti_str_add(s, "}");
  }
  frti_str_add(s, "]");
}

static void json_candidates(frti_str_t *s, const frti_node_t *n) {
  frti_str_add(s, ",\"candidates\":[");
  for (uint32_t i = 0; i < n->n_candidates; ++i) {
    const frti_candidate_t *c = &n->candidates[i];
    json_member(s, i ? ",{\"place\":" : "{\"place\":", c->label);
    frti_str_addf(s, ",\"listed\":%s,\"verdict\":\"%s\",\"reason\":\"%s\"",
                  c->listed ? "true" : "false", c->verdict == FRT_NO ? "no" : "yes",
                  c->verdict == FRT_NO ? frti_reason_text(c->reason) : "");
    json_member(s, ",\"detail\":", c->verdict == FRT_NO ? c->detail : "");
    frti_str_add(s, "}");
  }
  frti_str_add(s, "]");
}

static void json_facts(frti_str_t *s, const frti_report_t *r, const frti_node_t *n) {
  if (n->state != FRTI_LIVE || n->control) return;
  json_percent(s, ",\"cost_percent\":", n->facts.cost, r->all.cost);
  if (n->facts.us <= 0) return;
  frti_str_add(s, ",\"us\":");
  frti_str_add_f64(s, n->facts.us);
  json_percent(s, ",\"time_percent\":", n->facts.us, r->all.us);
}

static void json_row(frti_str_t *s, const frti_report_t *r, const frti_node_t *n, int depth) {
  static const frti_slots_t none = {0};
  FRTI_UNUSED(depth);
  json_next(s);
  frti_str_addf(s, "\n{\"block\":%d,\"op\":%d", n->block, n->op);
  json_member(s, ",\"type\":", n->schema->type);
  frti_str_addf(s, ",\"state\":\"%s\"", frti_state_text(n));
  json_member(s, ",\"place\":", frti_place_text(r->p, n));
  if (n->state == FRTI_FUSED) {
    frti_str_addf(s, ",\"fused_into\":%d", n->into->op);
    json_member(s, ",\"fused_type\":", n->into->schema->type);
  }
  json_facts(s, r, n->state == FRTI_FUSED && n->into->op == n->op ? n->into : n);
  json_args(s, ",\"inputs\":[", n->control || n->state == FRTI_DEAD ? &none : &n->in);
  json_args(s, ",\"outputs\":[", n->control ? &none : &n->out);
  json_candidates(s, n);
  frti_str_add(s, "}");
}

static void json_pruned(frti_str_t *s, const frti_plan_t *p) {
  for (uint32_t i = 0; p->origin && i < p->n_loaded_ops; ++i) {
    if (frti_op_kept(p, i)) continue;
    json_next(s);
    frti_str_addf(s, "\n{\"block\":0,\"op\":%u", i);
    json_member(s, ",\"type\":", p->loaded->blocks[0].ops[i].type);
    frti_str_add(s, ",\"state\":\"pruned\",\"place\":\"-\"}");
  }
}

static void json_op(frti_str_t *s, const frti_plan_t *p, const char *before,
                    const frti_node_t *n) {
  frti_str_add(s, before);
  if (!n) {
    frti_str_add(s, "null");
    return;
  }
  frti_str_addf(s, "{\"block\":%d,\"op\":%d", n->block, n->op);
  json_member(s, ",\"type\":", n->schema->type);
  json_member(s, ",\"place\":", frti_place_text(p, n));
  frti_str_add(s, "}");
}

static void json_copies(frti_str_t *s, const frti_plan_t *p) {
  char reason[300];
  frti_str_add(s, ",\n\"copies\":[");
  for (uint32_t i = 0; i < p->n_copies; ++i) {
    const frti_copy_t *c = p->copies[i];
    json_member(s, i ? ",\n{\"value\":" : "\n{\"value\":", c->value->name);
    frti_str_addf(s, ",\"bytes\":%llu,\"from\":\"%s\",\"to\":\"%s\",\"per\":\"run\",\"op\":%d,"
                     "\"why\":\"%s\"",
                  (unsigned long long)c->bytes, frti_space_label(p, c->from),
                  frti_space_label(p, c->to), c->cause ? c->cause->op : -1, c->why);
    json_member(s, ",\"reason\":", frti_copy_reason(p, c, reason, sizeof reason));
    json_op(s, p, ",\"producer\":", c->producer);
    json_op(s, p, ",\"consumer\":", c->cause);
    frti_str_add(s, "}");
  }
  frti_str_add(s, "]");
}

static void json_persistables(frti_str_t *s, const frti_plan_t *p) {
  frti_str_add(s, ",\n\"persistables\":[");
  for (uint32_t i = 0; i < p->n_persistables; ++i)
    for (uint32_t space = 0; space < FRTI_MAX_SPACES; ++space) {
      const frti_value_t *v = p->persistables[i];
      const bool crosses = frti_ping_pong(p, v);
      if (!(v->bind & FRTI_SPACE_BIT(space)) || (!space && !crosses)) continue;
      json_next(s);
      json_member(s, "\n{\"name\":", v->name);
      frti_str_addf(s, ",\"bytes\":%llu,\"to\":\"%s\",\"per\":\"%s\"}",
                    (unsigned long long)frti_shape_bytes(&v->shape), frti_space_label(p, space),
                    crosses ? "run" : "once");
    }
  frti_str_add(s, "]");
}

static void json_falls(frti_str_t *s, const frti_report_t *r) {
  char why[256];
  frti_str_add(s, "],\n\"fallbacks\":[");
  for (uint32_t i = 0; i < r->n_falls; ++i) {
    const frti_node_t *n = r->falls[i];
    frti_str_addf(s, "%s\n{\"block\":%d,\"op\":%d", i ? "," : "", n->block, n->op);
    json_member(s, ",\"type\":", n->schema->type);
    json_member(s, ",\"place\":", frti_place_text(r->p, n));
    frti_str_addf(s, ",\"copies\":%u,\"bytes\":%llu", n->facts.copies,
                  (unsigned long long)n->facts.copy_bytes);
    json_member(s, ",\"why\":",
                frti_why_not(r->p, n, r->p->exe->places[0].label, why, sizeof why));
    frti_str_add(s, "}");
  }
  frti_str_add(s, "]");
}

static void json_devices(frti_str_t *s, const frti_report_t *r) {
  const frt_executor_t *exe = r->p->exe;
  frti_str_add(s, "],\n\"devices\":[");
  for (uint32_t i = 0; i < exe->n_places; ++i) {
    const frti_place_t *place = &exe->places[i];
    json_member(s, i ? ",\n{\"place\":" : "\n{\"place\":", place->label);
    json_member(s, ",\"provider\":", place->device->provider->api.name);
    json_member(s, ",\"provider_version\":", place->device->provider->api.version);
    json_member(s, ",\"description\":", place->device->desc);
    frti_str_addf(s, ",\"present\":%s", place->queue ? "true" : "false");
    json_member(s, ",\"why\":", place->why);
    frti_str_addf(s, ",\"ops\":%u", r->by_place[i].ops);
    json_percent(s, ",\"cost_percent\":", r->by_place[i].cost, r->all.cost);
    if (r->all.us > 0) json_percent(s, ",\"time_percent\":", r->by_place[i].us, r->all.us);
    frti_str_add(s, "}");
  }
}

/* Entries that are not here; they have what a device has, but ran nothing. */
static void json_skipped(frti_str_t *s, const frti_report_t *r) {
  const frt_executor_t *exe = r->p->exe;
  for (uint32_t i = 0; i < exe->n_skipped; ++i) {
    json_member(s, ",\n{\"place\":", exe->skipped[i].label);
    json_member(s, ",\"provider\":", exe->skipped[i].label);
    frti_str_add(s, ",\"provider_version\":\"\",\"description\":\"\",\"present\":false");
    json_member(s, ",\"why\":", exe->skipped[i].why);
    frti_str_add(s, ",\"ops\":0,\"cost_percent\":0.0}");
  }
}

static void json_spaces(frti_str_t *s, const frti_report_t *r, bool peak) {
  bool first = true;
  for (uint32_t space = 0; space < FRTI_MAX_SPACES; ++space) {
    const uint64_t passing = r->p->space_bytes[space], lasting = r->persistables[space];
    if (space && !passing && !lasting) continue;
    frti_str_addf(s, "%s{\"space\":\"%s\",\"bytes\":%llu}", first ? "" : ",",
                  frti_space_label(r->p, space),
                  (unsigned long long)(passing + (peak ? lasting : 0)));
    first = false;
  }
}

void frti_report_json(frti_str_t *s, const frti_report_t *r) {
  const frti_plan_t *p = r->p;
  frti_str_addf(s, "{\"version\":%d,\"places\":[", VERSION);
  for (uint32_t i = 0; i < p->exe->n_places; ++i)
    json_member(s, i ? "," : "", p->exe->places[i].label);
  json_devices(s, r);
  json_skipped(s, r);
  frti_str_add(s, "],\n\"ops\":[");
  frti_walk_rows(s, r, &p->root, 0, json_row);
  json_pruned(s, p);
  json_falls(s, r);
  json_copies(s, p);
  json_persistables(s, p);
  frti_str_addf(s, ",\n\"memory\":{\"persistables\":%llu,\"temporaries\":[",
                (unsigned long long)p->persistable_bytes);
  json_spaces(s, r, false);
  frti_str_add(s, "],\"peak\":[");
  json_spaces(s, r, true);
  frti_str_addf(s, "]},\n\"plan\":{\"actions\":%u,\"copies\":%u,\"waits\":%u,\"unplaced\":%u}}\n",
                p->n_actions, p->n_copies, p->n_waits, r->counts.unplaced);
}
