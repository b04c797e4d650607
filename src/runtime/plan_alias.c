/* Storage shared between values, before lifetimes are laid out: a view (reshape2 and its
 * like) is its input under another shape and runs no kernel; an elementwise op whose input
 * ends there may write over it. Both only for temporaries that are written once, outside
 * loops and branches. */
#include "runtime/stages.h"

typedef struct use { uint32_t writes; bool in_body; } use_t;

typedef struct uses { use_t *of; bool body; } uses_t;

static void count_list(uses_t *u, const frti_list_t *list) {
  for (uint32_t i = 0; i < list->n; ++i) {
    const frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    for (int side = 0; side < 2; ++side) {
      const frti_slots_t *s = side ? &n->out : &n->in;
      for (uint32_t k = 0; k < s->n_args; ++k) {
        use_t *use = &u->of[s->args[k].value->id];
        use->writes += (uint32_t)side;
        use->in_body = use->in_body || u->body || n->control;
      }
    }
    if (!n->control) continue;
    const bool outside = u->body;
    u->body = true;
    count_list(u, &n->body);
    u->body = outside;
  }
}

/* The positions that all later stages count in. */
static int64_t number(frti_list_t *list, int64_t at) {
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    n->first = at++;
    if (n->control) at = number(&n->body, at);
    n->last = n->control ? at++ : n->first;
  }
  return at;
}

/* Ops that do nothing to the elements: Out is X under another shape. */
static bool is_view(const frti_node_t *n) { return (n->schema->flags & FRT_OP_VIEW) != 0; }

static frti_arg_t *only_data_input(const frti_node_t *n, uint32_t *at) {
  frti_arg_t *found = NULL;
  for (uint32_t s = 0; s < n->in.n_slots; ++s)
    for (uint32_t k = 0; k < n->in.count[s]; ++k) {
      if (n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY) continue;
      if (found) return NULL;
      *at = n->in.at[s] + k;
      found = &n->in.args[*at];
    }
  return found;
}

static frti_arg_t *first_output(const frti_node_t *n, uint32_t *at) {
  if (!n->out.n_slots || n->out.count[0] != 1) return NULL;
  *at = n->out.at[0];
  return &n->out.args[*at];
}

static bool plain_temp(frti_value_t *v, const uses_t *u) {
  return !v->persistable && !u->of[v->id].in_body && frti_root(v) == v;
}

/* A view: neither side is written again, so that both stay true. */
static void try_view(frti_node_t *n, const uses_t *u) {
  uint32_t i, o;
  frti_arg_t *in = only_data_input(n, &i), *out = first_output(n, &o);
  if (!in || !out || in->value == out->value || !plain_temp(out->value, u) ||
      in->value->persistable || u->of[in->value->id].in_body ||
      u->of[out->value->id].writes != 1 || out->value->fed ||
      u->of[in->value->id].writes != (in->value->fed ? 0u : 1u) ||
      frti_shape_bytes(&n->in.shapes[i]) != frti_shape_bytes(&n->out.shapes[o]) ||
      n->in.shapes[i].dtype != n->out.shapes[o].dtype)
    return;
  out->value->root = frti_root(in->value);
  out->value->root->fetched_set |= out->value->fetched;
  n->view = true;
}

static uint32_t occurrences(const frti_node_t *n, frti_value_t *v) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < n->in.n_args; ++i) count += frti_root(n->in.args[i].value) == frti_root(v);
  for (uint32_t i = 1; i < n->out.n_args; ++i) count += frti_root(n->out.args[i].value) == frti_root(v);
  return count;
}

/* In place: the first input ends here, the first output begins here. */
static void try_inplace(frti_node_t *n, const uses_t *u, const int64_t *last) {
  uint32_t o;
  frti_arg_t *out = first_output(n, &o), *in = NULL;
  if (!(n->support & FRT_SUPPORT_INPLACE) || !out || !n->in.n_args) return;
  for (uint32_t s = 0; s < n->in.n_slots && !in; ++s)
    if (n->in.count[s]) {
      if (n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY) return;
      in = &n->in.args[n->in.at[s]];
    }
  if (!in || in->value == out->value || !plain_temp(out->value, u) || out->value->fed ||
      u->of[out->value->id].writes != 1 || u->of[in->value->id].writes != 1)
    return;
  frti_value_t *root = frti_root(in->value);
  if (root->persistable || root->fed || root->fetched || root->fetched_set ||
      in->value->fetched || u->of[root->id].in_body || u->of[in->value->id].in_body ||
      u->of[root->id].writes != 1 || last[root->id] != n->first ||
      occurrences(n, in->value) != 1 ||
      frti_shape_bytes(&n->in.shapes[in - n->in.args]) !=
          frti_shape_bytes(&n->out.shapes[o]))
    return;
  out->value->root = root;
  root->fetched_set |= out->value->fetched || out->value->fetched_set;
}

/* The last position at which any member of a root's set is read or written. */
static void last_uses(const frti_list_t *list, int64_t *last) {
  for (uint32_t i = 0; i < list->n; ++i) {
    const frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    for (uint32_t s = 0; s < n->in.n_slots; ++s)
      for (uint32_t k = 0; k < n->in.count[s]; ++k)
        if (!(n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY))
          last[frti_root(n->in.args[n->in.at[s] + k].value)->id] = n->last;
    if (n->control) last_uses(&n->body, last);
  }
}

frt_status_t frti_plan_alias(frti_plan_t *p, frt_error_t *err) {
  uses_t u = {frti_arena_calloc(&p->arena, p->n_values + 1, sizeof *u.of), false};
  int64_t *last = frti_arena_calloc(&p->arena, p->n_values + 1, sizeof *last);
  if (!u.of || !last) return frti_no_memory(err);
  number(&p->root, 0);
  if (p->exe->no_reuse) return FRT_OK;
  count_list(&u, &p->root);
  for (uint32_t i = 0; i < p->root.n; ++i) {
    frti_node_t *n = p->root.v[i];
    if (n->state == FRTI_LIVE && !n->control && n->place >= 0 && is_view(n)) try_view(n, &u);
  }
  last_uses(&p->root, last); /* of whole sets: views are merged */
  for (uint32_t i = 0; i < p->root.n; ++i) {
    frti_node_t *n = p->root.v[i];
    if (n->state != FRTI_LIVE || n->control || n->place < 0 || n->view) continue;
    frti_value_t *out = n->out.n_args ? n->out.args[0].value : NULL;
    try_inplace(n, &u, last);
    /* The set now lives as long as its newest member. */
    if (out && frti_root(out) != out)
      last[frti_root(out)->id] = FRTI_MAX(last[frti_root(out)->id], last[out->id]);
  }
  return FRT_OK;
}
