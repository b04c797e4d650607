/* fluidrt inspect: what is in a program, or in a tensor file. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *path;
  bool ops, vars, attrs, stats;
} args_t;

enum { KEY_OPS = 0x2001, KEY_VARS, KEY_ATTRS, KEY_STATS };

static const struct argp_option OPTIONS[] = {
    {"ops", KEY_OPS, NULL, 0, "Every op with its inputs and outputs"},
    {"vars", KEY_VARS, NULL, 0, "Every variable"},
    {"attrs", KEY_ATTRS, NULL, 0, "Every op with its attributes too"},
    {"stats", KEY_STATS, NULL, 0, "How often each op type occurs"}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_OPS:
      a->ops = true;
      return 0;
    case KEY_VARS:
      a->vars = true;
      return 0;
    case KEY_ATTRS:
      a->ops = a->attrs = true;
      return 0;
    case KEY_STATS:
      a->stats = true;
      return 0;
    case ARGP_KEY_ARG:
      if (a->path) argp_error(state, "one FILE at a time: '%s' and '%s'", a->path, arg);
      a->path = arg;
      return 0;
    case ARGP_KEY_END:
      if (!a->path) argp_error(state, "which FILE or folder?");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* ---- as JSON --------------------------------------------------------------------- */

static json_t *names_json(const frti_cli_list_t *l) {
  json_t *a = json_array();
  for (size_t i = 0; i < l->n; ++i) json_array_append_new(a, json_string(l->items[i]));
  return a;
}

static json_t *attr_json(const frt_attr_info_t *x) {
  json_t *a;
  switch (x->type) {
    case 0:
    case 8:
    case 9:
      return json_integer(x->i);
    case 6:
      return json_boolean(x->i != 0);
    case 1:
    case 15:
      return frti_cli_json_number(x->f);
    case 2:
      return json_string(x->s);
    default:
      break;
  }
  a = json_array();
  for (uint32_t i = 0; i < x->count; ++i)
    json_array_append_new(a, x->ss   ? json_string(x->ss[i])
                             : x->fs ? frti_cli_json_number(x->fs[i])
                             : x->is ? json_integer(x->is[i])
                                     : json_null());
  return a;
}

static json_t *slots_json(const frt_program_t *p, int32_t b, uint32_t o, bool in) {
  json_t *all = json_object();
  frt_slot_info_t s;
  const uint32_t n =
      in ? frt_program_op_n_inputs(p, b, o) : frt_program_op_n_outputs(p, b, o);
  for (uint32_t i = 0; i < n; ++i) {
    json_t *args = json_array();
    if (in ? frt_program_op_input(p, b, o, i, &s, NULL)
           : frt_program_op_output(p, b, o, i, &s, NULL)) {
      json_decref(args);
      continue;
    }
    for (uint32_t k = 0; k < s.count; ++k)
      json_array_append_new(args, json_string(s.args[k]));
    json_object_set_new(all, s.name, args);
  }
  return all;
}

static json_t *op_json(const args_t *a, const frt_program_t *p, int32_t b, uint32_t o) {
  json_t *op = json_object(), *attrs;
  frt_attr_info_t x;
  json_object_set_new(op, "index", json_integer(o));
  json_object_set_new(op, "type", json_string(frt_program_op_type(p, b, o)));
  json_object_set_new(
      op, "known", json_boolean(frt_op_find(frt_program_op_type(p, b, o)) != NULL));
  json_object_set_new(op, "inputs", slots_json(p, b, o, true));
  json_object_set_new(op, "outputs", slots_json(p, b, o, false));
  if (!a->attrs) return op;
  attrs = json_object();
  for (uint32_t i = 0; i < frt_program_op_n_attrs(p, b, o); ++i)
    if (!frt_program_op_attr(p, b, o, i, &x, NULL))
      json_object_set_new(attrs, x.name, attr_json(&x));
  json_object_set_new(op, "attrs", attrs);
  return op;
}

static json_t *var_json(const frt_var_info_t *v) {
  json_t *o = json_object();
  json_object_set_new(o, "name", json_string(v->name));
  json_object_set_new(o, "kind", json_integer(v->kind));
  json_object_set_new(o, "dtype",
      v->dtype < 0 ? json_null() : json_string(frt_dtype_name((uint32_t)v->dtype)));
  json_object_set_new(o, "dims", frti_cli_json_dims(v->rank, v->dims));
  json_object_set_new(o, "lod_level", json_integer(v->lod_level));
  json_object_set_new(o, "persistable", json_boolean(v->persistable));
  return o;
}

static json_t *block_json(const args_t *a, const frt_program_t *p, int32_t b) {
  json_t *block = json_object(), *ops = json_array(), *vars = json_array();
  frt_var_info_t v;
  json_object_set_new(block, "index", json_integer(b));
  json_object_set_new(block, "parent", json_integer(frt_program_parent(p, b)));
  for (uint32_t i = 0; a->ops && i < frt_program_n_ops(p, b); ++i)
    json_array_append_new(ops, op_json(a, p, b, i));
  for (uint32_t i = 0; a->vars && i < frt_program_n_vars(p, b); ++i)
    if (!frt_program_var(p, b, i, &v, NULL)) json_array_append_new(vars, var_json(&v));
  json_object_set_new(block, "n_ops", json_integer(frt_program_n_ops(p, b)));
  json_object_set_new(block, "n_vars", json_integer(frt_program_n_vars(p, b)));
  if (a->ops) json_object_set(block, "ops", ops);
  if (a->vars) json_object_set(block, "vars", vars);
  json_decref(ops);
  json_decref(vars);
  return block;
}

/* ---- what both forms say
 * ---------------------------------------------------------------- */

typedef struct facts {
  uint64_t ops, vars, persistables, bytes;
  frti_cli_list_t types, feeds, fetches, unknown;
  uint64_t *counts; /* of types */
} facts_t;

static uint64_t var_bytes(const frt_var_info_t *v) {
  uint64_t n = v->dtype < 0 ? 0 : frt_dtype_size((uint32_t)v->dtype);
  for (uint32_t i = 0; i < v->rank; ++i) n *= v->dims[i] > 0 ? (uint64_t)v->dims[i] : 0;
  return n;
}

static void gather(const frt_program_t *p, facts_t *f) {
  frt_var_info_t v;
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b) {
    f->ops += frt_program_n_ops(p, b);
    f->vars += frt_program_n_vars(p, b);
    for (uint32_t i = 0; i < frt_program_n_ops(p, b); ++i)
      if (!frti_cli_list_has(&f->types, frt_program_op_type(p, b, i)))
        frti_cli_list_add(&f->types, frt_program_op_type(p, b, i));
    for (uint32_t i = 0; b == 0 && i < frt_program_n_vars(p, b); ++i) {
      if (frt_program_var(p, b, i, &v, NULL) || !v.persistable ||
          v.kind != FRT_VAR_LOD_TENSOR)
        continue;
      ++f->persistables;
      f->bytes += var_bytes(&v);
    }
  }
  frti_cli_list_sort(&f->types);
  f->counts = frti_cli_alloc((f->types.n + 1) * sizeof *f->counts);
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    for (uint32_t i = 0; i < frt_program_n_ops(p, b); ++i)
      for (size_t t = 0; t < f->types.n; ++t)
        f->counts[t] += !strcmp(f->types.items[t], frt_program_op_type(p, b, i));
  frti_cli_feeds(p, &f->feeds);
  frti_cli_fetches(p, &f->fetches);
  frti_cli_unknown_ops(p, &f->unknown);
}

static void print_json(const args_t *a, const frt_program_t *p, const facts_t *f) {
  json_t *root = json_object(), *types = json_object(), *blocks = json_array();
  for (size_t i = 0; i < f->types.n; ++i)
    json_object_set_new(types, f->types.items[i], json_integer((json_int_t)f->counts[i]));
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    json_array_append_new(blocks, block_json(a, p, b));
  json_object_set_new(root, "version", json_integer(frt_program_format_version(p)));
  json_object_set_new(root, "n_ops", json_integer((json_int_t)f->ops));
  json_object_set_new(root, "n_vars", json_integer((json_int_t)f->vars));
  json_object_set_new(root, "n_persistables", json_integer((json_int_t)f->persistables));
  json_object_set_new(root, "persistable_bytes", json_integer((json_int_t)f->bytes));
  json_object_set_new(root, "feeds", names_json(&f->feeds));
  json_object_set_new(root, "fetches", names_json(&f->fetches));
  json_object_set_new(root, "op_types", types);
  json_object_set_new(root, "unknown_ops", names_json(&f->unknown));
  json_object_set_new(root, "blocks", blocks);
  frti_cli_json_print(root);
}

static void print_names(const char *what, const frti_cli_list_t *l) {
  if (!l->n) return;
  printf("%-13s", what);
  for (size_t i = 0; i < l->n; ++i) printf("%s%s", i ? ", " : "", l->items[i]);
  putchar('\n');
}

static void print_slots(const frt_program_t *p, int32_t b, uint32_t o, bool in) {
  frt_slot_info_t s;
  const uint32_t n =
      in ? frt_program_op_n_inputs(p, b, o) : frt_program_op_n_outputs(p, b, o);
  for (uint32_t i = 0; i < n; ++i) {
    if (in ? frt_program_op_input(p, b, o, i, &s, NULL)
           : frt_program_op_output(p, b, o, i, &s, NULL))
      continue;
    printf("%s%s=", i ? ", " : "", s.name);
    for (uint32_t k = 0; k < s.count; ++k) printf("%s%s", k ? "+" : "", s.args[k]);
  }
}

static void print_ops(const args_t *a, const frt_program_t *p, int32_t b) {
  frt_attr_info_t x;
  for (uint32_t o = 0; o < frt_program_n_ops(p, b); ++o) {
    printf("  %3u %s(", o, frt_program_op_type(p, b, o));
    print_slots(p, b, o, true);
    printf(") -> ");
    print_slots(p, b, o, false);
    puts(frt_op_find(frt_program_op_type(p, b, o)) ? "" : "   [unknown op]");
    for (uint32_t i = 0; a->attrs && i < frt_program_op_n_attrs(p, b, o); ++i) {
      json_t *v;
      char *text;
      if (frt_program_op_attr(p, b, o, i, &x, NULL)) continue;
      v = attr_json(&x);
      text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
      printf("        %s = %s\n", x.name, text ? text : "?");
      free(text);
      json_decref(v);
    }
  }
}

static void print_vars(const frt_program_t *p, int32_t b) {
  frt_var_info_t v;
  char dims[160];
  for (uint32_t i = 0; i < frt_program_n_vars(p, b); ++i) {
    if (frt_program_var(p, b, i, &v, NULL)) continue;
    if (v.dtype < 0) {
      printf("  %s  kind %d\n", v.name, (int)v.kind);
      continue;
    }
    printf("  %s  %s %s%s%s\n", v.name, frt_dtype_name((uint32_t)v.dtype),
        frti_cli_dims(dims, sizeof dims, v.rank, v.dims),
        v.persistable ? "  persistable" : "", v.lod_level ? "  with LoD" : "");
  }
}

static void print_text(const args_t *a, const frt_program_t *p, const facts_t *f) {
  const long long version = (long long)frt_program_format_version(p);
  if (version >= 0) printf("version      %lld\n", version);
  printf("blocks       %d\nops          %" PRIu64 " of %zu types\n",
      (int)frt_program_n_blocks(p), f->ops, f->types.n);
  printf("variables    %" PRIu64 ", %" PRIu64 " persistable (%" PRIu64 " bytes)\n",
      f->vars, f->persistables, f->bytes);
  print_names("feeds", &f->feeds);
  print_names("fetches", &f->fetches);
  print_names("unknown ops", &f->unknown);
  for (size_t i = 0; a->stats && i < f->types.n; ++i)
    printf("  %4" PRIu64 " %s\n", f->counts[i], f->types.items[i]);
  for (int32_t b = 0; (a->ops || a->vars) && b < frt_program_n_blocks(p); ++b) {
    printf("block %d (parent %d)\n", (int)b, (int)frt_program_parent(p, b));
    if (a->vars) print_vars(p, b);
    if (a->ops) print_ops(a, p, b);
  }
}

static int inspect_npy(const args_t *a) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL;
  double least = INFINITY, most = -INFINITY, sum = 0;
  if (frt_npy_load(a->path, &t, &err)) return frti_cli_error(&a->cli, a->path, &err);
  if (a->cli.json) {
    frti_cli_json_print(frti_cli_json_tensor(a->path, t));
  } else {
    for (int64_t i = 0; i < frt_tensor_numel(t); ++i) {
      const double v = frti_cli_element(t, i);
      if (v < least) least = v;
      if (v > most) most = v;
      sum += v;
    }
    frti_cli_print_tensor(stdout, a->path, t);
    if (a->stats && frt_tensor_numel(t))
      printf("min %.9g, max %.9g, mean %.9g\n", least, most,
          sum / (double)frt_tensor_numel(t));
  }
  frt_tensor_release(t);
  return CLI_OK;
}

int frti_cli_inspect(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "FILE|FOLDER",
      "Says what is in a program (.pdmodel, .pb, __model__, or a folder that holds one) "
      "or in an .npy file.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "inspect"}};
  frt_program_t *p = NULL;
  facts_t f = {0};
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  if (frti_cli_ends_with(a.path, ".npy")) return inspect_npy(&a);
  code = frti_cli_load(&a.cli, a.path, &p);
  if (code) return code;
  gather(p, &f);
  if (a.cli.json)
    print_json(&a, p, &f);
  else
    print_text(&a, p, &f);
  frti_cli_list_release(&f.types);
  frti_cli_list_release(&f.feeds);
  frti_cli_list_release(&f.fetches);
  frti_cli_list_release(&f.unknown);
  free(f.counts);
  frt_program_release(p);
  return CLI_OK;
}
