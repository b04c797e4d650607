/* The description of ops, read from their schemas: Markdown for people, JSON for
 * programs. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "fluidrt/op.h"

static const char *attr_type_name(uint32_t type) {
  switch (type) {
    case FRT_ATTR_INT: return "int";
    case FRT_ATTR_F32: return "float";
    case FRT_ATTR_STRING: return "string";
    case FRT_ATTR_INTS: return "ints";
    case FRT_ATTR_F32S: return "floats";
    case FRT_ATTR_STRINGS: return "strings";
    case FRT_ATTR_BOOL: return "bool";
    case FRT_ATTR_BLOCK: return "block";
    default: return "?";
  }
}

typedef struct flag_name { uint32_t bit; const char *name; } flag_name_t;
static const flag_name_t slot_flags[] = {
    {FRT_SLOT_OPTIONAL, "optional"}, {FRT_SLOT_VARIADIC, "variadic"},
    {FRT_SLOT_SHAPE_ONLY, "shape only"}, {FRT_SLOT_INTERMEDIATE, "intermediate"},
    {FRT_SLOT_REFUSED, "refused"}, {0, NULL}};
static const flag_name_t attr_flags[] = {
    {FRT_ATTR_LIST_TOO, "list too"}, {FRT_ATTR_IGNORED, "ignored"}, {0, NULL}};
static const flag_name_t op_flags[] = {
    {FRT_OP_RANDOM, "random"}, {FRT_OP_RUNTIME, "runtime"},
    {FRT_OP_DATA_SHAPE, "data shape"}, {FRT_OP_EXTENSION, "extension"},
    {FRT_OP_OPTIMIZER, "optimizer"}, {FRT_OP_VIEW, "view"}, {0, NULL}};

/* NULL for the markers: there is no gradient op. */
static const char *gradient(const frt_op_schema_t *s) {
  return s->grad && s->grad[0] != '!' ? s->grad : NULL;
}
static const char *no_gradient(const frt_op_schema_t *s) {
  return s->grad && !strcmp(s->grad, FRT_NOT_DIFFERENTIABLE) ? "not differentiable"
                                                             : "none";
}

/* ---- numbers: inf and nan are no JSON ------------------------------------------ */

static void put_number(frti_str_t *t, double v, bool json) {
  const bool quote = json && !isfinite(v);
  if (quote) frti_str_add(t, "\"");
  if (v == rint(v) && fabs(v) < 1e9) frti_str_addf(t, "%.0f", v);
  else if (isfinite(v)) frti_str_add_f32(t, (float)v);
  else frti_str_add(t, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
  if (quote) frti_str_add(t, "\"");
}

static void put_default(frti_str_t *t, const frt_attr_def_t *a, bool json) {
  switch (a->type) {
    case FRT_ATTR_STRING: frti_str_add_json(t, a->def_s ? a->def_s : ""); break;
    case FRT_ATTR_BOOL: frti_str_add(t, a->def != 0 ? "true" : "false"); break;
    case FRT_ATTR_INTS: case FRT_ATTR_F32S: case FRT_ATTR_STRINGS:
      frti_str_add(t, "[]");
      break;
    default: put_number(t, a->def, json);
  }
}

/* ---- Markdown -------------------------------------------------------------------- */

/* A '|' would end the cell. */
static void put_cell(frti_str_t *t, const char *text) {
  for (; *text; ++text)
    if (*text == '|') frti_str_add(t, "\\|");
    else frti_str_add_n(t, text, 1);
}

static void put_flags(frti_str_t *t, const flag_name_t *names, uint32_t flags,
                      const char *none) {
  bool any = false;
  for (; names->name; ++names) {
    if (!(flags & names->bit)) continue;
    if (any) frti_str_add(t, ", ");
    frti_str_add(t, names->name);
    any = true;
  }
  if (!any) frti_str_add(t, none);
}

static void put_dtypes(frti_str_t *t, uint32_t mask) {
  bool any = false;
  for (uint32_t d = 0; d < 32; ++d) {
    if (!(mask & FRT_DTYPE_BIT(d)) || !frt_dtype_size(d)) continue;
    if (any) frti_str_add(t, ", ");
    frti_str_add(t, frt_dtype_name(d));
    any = true;
  }
  if (!any) frti_str_add(t, "no tensor");
}

static void md_slots(frti_str_t *t, const char *title, const frt_slot_def_t *slots) {
  if (!slots[0].name) return;
  frti_str_addf(t, "\n| %s | dtypes | shape | |\n|---|---|---|---|\n", title);
  for (int i = 0; i < FRT_MAX_SLOTS && slots[i].name; ++i) {
    const frt_slot_def_t *d = &slots[i];
    frti_str_addf(t, "| `%s` | ", d->name);
    put_dtypes(t, d->dtypes);
    frti_str_add(t, " | ");
    put_cell(t, d->doc ? d->doc : "");
    frti_str_add(t, " | ");
    put_flags(t, slot_flags, d->flags, "");
    if (d->alias_of) frti_str_addf(t, "%sis `%s`", d->flags ? "; " : "", d->alias_of);
    frti_str_add(t, " |\n");
  }
}

static void md_attrs(frti_str_t *t, const frt_attr_def_t *attrs) {
  if (!attrs[0].name) return;
  frti_str_add(t, "\n| attribute | type | default | range | |\n|---|---|---|---|---|\n");
  for (int i = 0; i < FRT_MAX_ATTRS && attrs[i].name; ++i) {
    const frt_attr_def_t *a = &attrs[i];
    frti_str_addf(t, "| `%s` | %s | ", a->name, attr_type_name(a->type));
    if (a->flags & FRT_ATTR_DEFAULT) put_default(t, a, false);
    else frti_str_add(t, "required");
    frti_str_add(t, " | ");
    if (a->flags & FRT_ATTR_RANGE) {
      put_number(t, a->lo, false);
      frti_str_add(t, " to ");
      put_number(t, a->hi, false);
    }
    frti_str_add(t, " | ");
    put_cell(t, a->doc ? a->doc : "");
    if (a->flags & (FRT_ATTR_LIST_TOO | FRT_ATTR_IGNORED)) {
      frti_str_add(t, " (");
      put_flags(t, attr_flags, a->flags, "");
      frti_str_add(t, ")");
    }
    frti_str_add(t, " |\n");
  }
}

static void md_op(frti_str_t *t, const frt_op_schema_t *s) {
  frti_str_addf(t, "## %s\n\n%s\n", s->type, s->doc);
  md_slots(t, "input", s->inputs);
  md_slots(t, "output", s->outputs);
  md_attrs(t, s->attrs);
  frti_str_add(t, "\nGradient: ");
  if (gradient(s)) frti_str_addf(t, "`%s`", gradient(s));
  else frti_str_add(t, no_gradient(s));
  frti_str_addf(t, ". Source: %s.", s->source);
  if (s->flags) {
    frti_str_add(t, " Marks: ");
    put_flags(t, op_flags, s->flags, "none");
    frti_str_add(t, ".");
  }
  frti_str_add(t, "\n");
}

/* ---- JSON ------------------------------------------------------------------------- */

static void js_text(frti_str_t *t, const char *key, const char *value) {
  frti_str_addf(t, "\"%s\": ", key);
  if (value) frti_str_add_json(t, value);
  else frti_str_add(t, "null");
}

static void js_flags(frti_str_t *t, const flag_name_t *names, uint32_t flags) {
  bool any = false;
  frti_str_add(t, "\"flags\": [");
  for (; names->name; ++names) {
    if (!(flags & names->bit)) continue;
    frti_str_addf(t, "%s\"%s\"", any ? ", " : "", names->name);
    any = true;
  }
  frti_str_add(t, "]");
}

static void js_slots(frti_str_t *t, const char *key, const frt_slot_def_t *slots) {
  frti_str_addf(t, ",\n   \"%s\": [", key);
  for (int i = 0; i < FRT_MAX_SLOTS && slots[i].name; ++i) {
    bool any = false;
    frti_str_add(t, i ? ",\n     {" : "\n     {");
    js_text(t, "name", slots[i].name);
    frti_str_add(t, ", \"dtypes\": [");
    for (uint32_t d = 0; d < 32; ++d)
      if ((slots[i].dtypes & FRT_DTYPE_BIT(d)) && frt_dtype_size(d)) {
        frti_str_addf(t, "%s\"%s\"", any ? ", " : "", frt_dtype_name(d));
        any = true;
      }
    frti_str_add(t, "], ");
    js_text(t, "shape", slots[i].doc);
    frti_str_add(t, ", ");
    js_flags(t, slot_flags, slots[i].flags);
    frti_str_add(t, ", ");
    js_text(t, "alias_of", slots[i].alias_of);
    frti_str_add(t, "}");
  }
  frti_str_add(t, "]");
}

static void js_attrs(frti_str_t *t, const frt_attr_def_t *attrs) {
  frti_str_add(t, ",\n   \"attrs\": [");
  for (int i = 0; i < FRT_MAX_ATTRS && attrs[i].name; ++i) {
    const frt_attr_def_t *a = &attrs[i];
    frti_str_add(t, i ? ",\n     {" : "\n     {");
    js_text(t, "name", a->name);
    frti_str_add(t, ", ");
    js_text(t, "type", attr_type_name(a->type));
    if (a->flags & FRT_ATTR_DEFAULT) {
      frti_str_add(t, ", \"default\": ");
      put_default(t, a, true);
    }
    if (a->flags & FRT_ATTR_RANGE) {
      frti_str_add(t, ", \"range\": [");
      put_number(t, a->lo, true);
      frti_str_add(t, ", ");
      put_number(t, a->hi, true);
      frti_str_add(t, "]");
    }
    frti_str_add(t, ", ");
    js_flags(t, attr_flags, a->flags);
    frti_str_add(t, ", ");
    js_text(t, "doc", a->doc);
    frti_str_add(t, "}");
  }
  frti_str_add(t, "]");
}

static void js_op(frti_str_t *t, const frt_op_schema_t *s) {
  frti_str_add(t, "  {");
  js_text(t, "type", s->type);
  frti_str_add(t, ",\n   ");
  js_text(t, "doc", s->doc);
  frti_str_add(t, ",\n   ");
  js_text(t, "source", s->source);
  frti_str_add(t, ",\n   ");
  js_flags(t, op_flags, s->flags);
  js_slots(t, "inputs", s->inputs);
  js_slots(t, "outputs", s->outputs);
  js_attrs(t, s->attrs);
  frti_str_add(t, ",\n   ");
  js_text(t, "gradient", gradient(s));
  if (!gradient(s)) {
    frti_str_add(t, ", ");
    js_text(t, "no_gradient", no_gradient(s));
  }
  frti_str_add(t, "}");
}

frt_status_t frt_op_document(const frt_op_schema_t *one_or_null, int json, char **text,
                             frt_error_t *err) {
  const size_t n = one_or_null ? 1 : frt_op_count();
  frti_str_t t = {0};
  *text = NULL;
  if (json) frti_str_add(&t, "[\n");
  for (size_t i = 0; i < n; ++i) {
    const frt_op_schema_t *s = one_or_null ? one_or_null : frt_op_at(i);
    if (i) frti_str_add(&t, json ? ",\n" : "\n");
    if (json) js_op(&t, s);
    else md_op(&t, s);
  }
  if (json) frti_str_add(&t, "\n]\n");
  if (t.failed) {
    frti_str_release(&t);
    return frti_no_memory(err);
  }
  *text = t.text;
  return FRT_OK;
}
