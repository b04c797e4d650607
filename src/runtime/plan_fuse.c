/* Fusion: Fluid's decompositions become fc and decay where all parts sit on one device
 * and its provider says yes to the whole. What is fetched or kept is never fused away, and
 * no input of an early part may be written before the last part runs. */
#include "runtime/stages.h"

/* ---- questions about nodes ----------------------------------------------------------- */

static bool is_op(const frti_node_t *n, const char *type) {
  return n && n->state == FRTI_LIVE && !n->control && n->place >= 0 &&
         !strcmp(n->schema->type, type);
}

static uint32_t arg_index(const frti_slots_t *s, const frt_slot_def_t *defs,
                          const char *slot) {
  int i = frt_infer_index_(defs, slot);
  return i >= 0 && s->count[i] == 1 ? s->at[i] : UINT32_MAX;
}
static frti_arg_t *in_arg(const frti_node_t *n, const char *slot, const frt_shape_t **shape) {
  uint32_t i = arg_index(&n->in, n->schema->inputs, slot);
  if (i == UINT32_MAX) return NULL;
  if (shape) *shape = &n->in.shapes[i];
  return &n->in.args[i];
}
static frti_arg_t *out_arg(const frti_node_t *n, const char *slot) {
  uint32_t i = arg_index(&n->out, n->schema->outputs, slot);
  return i == UINT32_MAX ? NULL : &n->out.args[i];
}
static const frt_api_attr_t *attr(const frti_node_t *n, const char *name) {
  for (int i = 0; i < FRT_MAX_ATTRS && n->schema->attrs[i].name; ++i)
    if (!strcmp(n->schema->attrs[i].name, name)) return &n->bound.attrs[i];
  return NULL;
}

/* Nobody but `user` will ever read this version. */
static bool only_for(const frti_def_t *d, const frti_node_t *user) {
  return d && !d->kept && !d->value->persistable && !d->value->fed && d->data_uses == 1 &&
         d->user == user && d->writer && d->writer->parent == user->parent;
}

typedef struct find_write { const frti_value_t *value; bool found; } find_write_t;

static void see_write(void *ctx, frti_value_t *v, bool write) {
  find_write_t *f = ctx;
  f->found = f->found || (write && v == f->value);
}

static bool writes_value(const frti_node_t *n, const frti_value_t *v) {
  find_write_t f = {v, false};
  if (n->state != FRTI_LIVE) return false;
  if (n->control) {
    frti_body_touches(n, see_write, &f);
    return f.found;
  }
  for (uint32_t i = 0; i < n->out.n_args; ++i)
    if (n->out.args[i].value == v) return true;
  return false;
}

/* Whether list[from + 1 .. to - 1] leaves `v` alone. */
static bool untouched(const frti_list_t *list, uint32_t from, uint32_t to,
                      const frti_value_t *v) {
  for (uint32_t i = from + 1; i < to; ++i)
    if (writes_value(list->v[i], v)) return false;
  return true;
}

static uint32_t index_of(const frti_list_t *list, uint32_t before, const frti_node_t *n) {
  while (before-- > 0)
    if (list->v[before] == n) return before;
  return UINT32_MAX;
}

/* ---- building the fused node ------------------------------------------------------------ */

typedef struct fusion {
  frti_plan_t *p;
  frti_list_t *list;
  uint32_t at;                 /* the last part's place in the list */
  frti_node_t *parts[3];
  uint32_t n_parts;
  const char *type;
  struct { const char *slot; frti_arg_t arg; frt_shape_t shape; } in[4];
  uint32_t n_in;
  frti_arg_t out;              /* the fused op has one output, "Out" */
  frt_shape_t out_shape;
} fusion_t;

static void add_input(fusion_t *f, const char *slot, const frti_node_t *from,
                      const char *from_slot) {
  const frt_shape_t *shape;
  const frti_arg_t *a = in_arg(from, from_slot, &shape);
  f->in[f->n_in].slot = slot;
  f->in[f->n_in].arg = *a;
  f->in[f->n_in++].shape = *shape;
}

static bool make_side(frti_plan_t *p, frti_slots_t *s, const frt_slot_def_t *defs,
                      uint32_t n_args) {
  while (s->n_slots < FRT_MAX_SLOTS && defs[s->n_slots].name) ++s->n_slots;
  s->args = frti_arena_calloc(&p->arena, n_args + 1, sizeof *s->args);
  s->shapes = frti_arena_calloc(&p->arena, n_args + 1, sizeof *s->shapes);
  s->api = frti_arena_calloc(&p->arena, s->n_slots + 1, sizeof *s->api);
  s->tensors = frti_arena_calloc(&p->arena, n_args + 1, sizeof *s->tensors);
  return s->args && s->shapes && s->api && s->tensors;
}

static void set_side(frti_slots_t *s, const frt_slot_def_t *defs, const fusion_t *f,
                     bool inputs) {
  for (uint32_t k = 0; k < s->n_slots; ++k) {
    s->api[k].name = defs[k].name;
    s->at[k] = s->n_args;
    for (uint32_t i = 0; i < (inputs ? f->n_in : 1u); ++i) {
      if (strcmp(inputs ? f->in[i].slot : "Out", defs[k].name)) continue;
      s->args[s->n_args] = inputs ? f->in[i].arg : f->out;
      s->shapes[s->n_args++] = inputs ? f->in[i].shape : f->out_shape;
      ++s->count[k];
    }
  }
}

static bool default_attrs(frti_plan_t *p, frti_node_t *n) {
  uint32_t count = 0;
  while (count < FRT_MAX_ATTRS && n->schema->attrs[count].name) ++count;
  n->bound.attrs = frti_arena_calloc(&p->arena, count + 1, sizeof *n->bound.attrs);
  if (!n->bound.attrs) return false;
  n->bound.n_attrs = count;
  for (uint32_t i = 0; i < count; ++i) {
    const frt_attr_def_t *d = &n->schema->attrs[i];
    frt_api_attr_t *a = &n->bound.attrs[i];
    a->name = d->name;
    a->type = d->type;
    a->count = d->type == FRT_ATTR_INTS || d->type == FRT_ATTR_F32S ||
                       d->type == FRT_ATTR_STRINGS ? 0 : 1;
    if (d->type == FRT_ATTR_STRING) a->v.s = d->def_s ? d->def_s : "";
    else if (d->type == FRT_ATTR_F32) a->v.f = (double)(float)d->def;
    else if (a->count) a->v.i = (int64_t)d->def;
  }
  return true;
}

static frti_node_t *new_node(const fusion_t *f) {
  const frti_node_t *last = f->parts[f->n_parts - 1];
  frti_node_t *n = frti_arena_calloc(&f->p->arena, 1, sizeof *n);
  uint32_t cap = 0;
  if (!n) return NULL;
  n->block = last->block;
  n->op = last->op;
  n->parent = last->parent;
  n->place = last->place;
  n->schema = frt_op_find(f->type);
  n->bound.schema = n->schema;
  if (!n->schema || !default_attrs(f->p, n) ||
      !make_side(f->p, &n->in, n->schema->inputs, f->n_in) ||
      !make_side(f->p, &n->out, n->schema->outputs, 1))
    return NULL;
  set_side(&n->in, n->schema->inputs, f, true);
  set_side(&n->out, n->schema->outputs, f, false);
  for (uint32_t i = 0; i < f->n_parts; ++i)
    if (!frti_list_add(f->p, &n->parts, &cap, f->parts[i])) return NULL;
  return n;
}

static frt_api_attr_t *set_attr(frti_node_t *n, const char *name) {
  return (frt_api_attr_t *)(uintptr_t)attr(n, name);
}

/* Puts `n` where its last part stood, if shapes and the provider agree. */
static frt_status_t commit(fusion_t *f, frti_node_t *n, frt_error_t *err) {
  const frti_place_t *place = frti_node_place(f->p, n);
  frt_api_support_t s;
  if (frti_node_infer(f->p, n, NULL) != FRT_OK ||
      !frti_shape_equal(&n->out.shapes[0], &f->out_shape))
    return FRT_OK;
  FRT_TRY(frti_node_api(f->p, n, err));
  FRT_TRY(frti_node_query(n, place->device->provider, place->device->dev, &s, err));
  if (s.verdict == FRT_NO) return FRT_OK;
  n->support = s.flags;
  for (uint32_t i = 0; i < f->n_parts; ++i) {
    f->parts[i]->state = FRTI_FUSED;
    f->parts[i]->into = n;
  }
  for (uint32_t i = 0; i < n->in.n_args; ++i) n->in.args[i].def->user = n;
  n->out.args[0].def->writer = n;
  n->candidates = f->parts[f->n_parts - 1]->candidates;
  n->n_candidates = f->parts[f->n_parts - 1]->n_candidates;
  f->list->v[f->at] = n;
  return FRT_OK;
}

static void set_output(fusion_t *f) {
  const frti_node_t *last = f->parts[f->n_parts - 1];
  f->out = *out_arg(last, "Out");
  f->out_shape = last->out.shapes[last->out.at[0]];
}

/* ---- mul + elementwise_add (+ relu) -> fc --------------------------------------------------- */

static frt_status_t try_fc(frti_plan_t *p, frti_list_t *list, uint32_t at, bool *fused,
                           frt_error_t *err) {
  fusion_t f = {.p = p, .list = list, .at = at, .type = "fc"};
  frti_node_t *last = list->v[at], *relu = is_op(last, "relu") ? last : NULL;
  frti_node_t *add = relu ? in_arg(relu, "X", NULL)->def->writer : last;
  const frt_shape_t *x, *w, *bias;
  if (!is_op(add, "elementwise_add")) return FRT_OK;
  if (relu && !only_for(in_arg(relu, "X", NULL)->def, relu)) return FRT_OK;
  frti_arg_t *sum = in_arg(add, "X", NULL), *b = in_arg(add, "Y", &bias);
  frti_node_t *mul = sum && b ? sum->def->writer : NULL;
  if (!is_op(mul, "mul") || !only_for(sum->def, add)) return FRT_OK;
  const frti_arg_t *xa = in_arg(mul, "X", &x), *wa = in_arg(mul, "Y", &w);
  const int64_t cols = attr(mul, "x_num_col_dims")->v.i, axis = attr(add, "axis")->v.i;
  const uint32_t from = index_of(list, at, mul), mid = relu ? index_of(list, at, add) : at;
  if (from == UINT32_MAX || mid == UINT32_MAX || mul->place != last->place ||
      add->place != last->place || w->rank != 2 || bias->rank != 1 ||
      bias->dims[0] != w->dims[1] || attr(mul, "y_num_col_dims")->v.i != 1 ||
      (axis != -1 && axis != cols) || !untouched(list, from, at, xa->value) ||
      !untouched(list, from, at, wa->value) || !untouched(list, mid, at, b->value))
    return FRT_OK;
  f.parts[f.n_parts++] = mul;
  f.parts[f.n_parts++] = add;
  if (relu) f.parts[f.n_parts++] = relu;
  add_input(&f, "Input", mul, "X");
  add_input(&f, "W", mul, "Y");
  add_input(&f, "Bias", add, "Y");
  set_output(&f);
  frti_node_t *n = new_node(&f);
  if (!n) return frti_no_memory(err);
  set_attr(n, "in_num_col_dims")->v.i = cols;
  set_attr(n, "activation_type")->v.s = relu ? "relu" : "";
  FRT_TRY(commit(&f, n, err));
  *fused = mul->state == FRTI_FUSED;
  return FRT_OK;
}

/* ---- scale(Param) [of sign(Param)] + sum [grad, term] -> decay --------------------------------- */

static bool plain_scale(const frti_node_t *n) {
  return is_op(n, "scale") && attr(n, "bias")->v.f == 0.0;
}

static frt_status_t try_decay(frti_plan_t *p, frti_list_t *list, uint32_t at, bool *fused,
                              frt_error_t *err) {
  fusion_t f = {.p = p, .list = list, .at = at, .type = "decay"};
  frti_node_t *sum = list->v[at];
  if (!is_op(sum, "sum") || sum->in.n_args != 2) return FRT_OK;
  frti_node_t *scale = sum->in.args[1].def->writer;
  if (sum->in.args[0].value == sum->in.args[1].value || !plain_scale(scale) ||
      !only_for(sum->in.args[1].def, sum) || scale->place != sum->place)
    return FRT_OK;
  frti_node_t *sign = in_arg(scale, "X", NULL)->def->writer;
  if (!is_op(sign, "sign") || !only_for(in_arg(scale, "X", NULL)->def, scale) ||
      sign->place != sum->place)
    sign = NULL;
  frti_node_t *first = sign ? sign : scale;
  const frt_shape_t *param;
  const frti_arg_t *pa = in_arg(first, "X", &param);
  const uint32_t from = index_of(list, at, first);
  if (from == UINT32_MAX || !untouched(list, from, at, pa->value) ||
      !frti_shape_equal(param, &sum->in.shapes[0]))
    return FRT_OK;
  if (sign) f.parts[f.n_parts++] = sign;
  f.parts[f.n_parts++] = scale;
  f.parts[f.n_parts++] = sum;
  f.in[0].slot = "Grad";
  f.in[0].arg = sum->in.args[0];
  f.in[0].shape = sum->in.shapes[0];
  f.n_in = 1;
  add_input(&f, "Param", first, "X");
  set_output(&f);
  frti_node_t *n = new_node(&f);
  if (!n) return frti_no_memory(err);
  set_attr(n, "mode")->v.s = sign ? "l1" : "l2";
  set_attr(n, "coeff")->v.f = attr(scale, "scale")->v.f;
  FRT_TRY(commit(&f, n, err));
  *fused = sum->state == FRTI_FUSED;
  return FRT_OK;
}

typedef frt_status_t (*rule_fn)(frti_plan_t *p, frti_list_t *list, uint32_t at, bool *fused,
                                frt_error_t *err);

/* The add of a mul + add + relu chain waits for its relu: rules go by the last part. */
static bool relu_follows(const frti_node_t *add) {
  const frti_arg_t *out = is_op(add, "elementwise_add") ? out_arg(add, "Out") : NULL;
  return out && is_op(out->def->user, "relu") && only_for(out->def, out->def->user);
}

static frt_status_t fuse_list(frti_plan_t *p, frti_list_t *list, frt_error_t *err) {
  static const rule_fn rules[] = {try_fc, try_decay};
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    bool fused = false;
    if (n->state == FRTI_LIVE && n->control) FRT_TRY(fuse_list(p, &n->body, err));
    if (relu_follows(n)) continue;
    for (size_t k = 0; k < FRTI_COUNT(rules) && !fused; ++k)
      FRT_TRY(rules[k](p, list, i, &fused, err));
  }
  return FRT_OK;
}

frt_status_t frti_plan_fuse(frti_plan_t *p, frt_error_t *err) {
  return p->exe->no_fuse ? FRT_OK : fuse_list(p, &p->root, err);
}
