/* fluidrt providers: which execution providers there are, and which can be used. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  frti_cli_list_t files;
  bool verbose;
} args_t;

static const struct argp_option OPTIONS[] = {
    {"verbose", 'v', NULL, 0, "Where each came from; of a FILE, also load it and list its kernels"}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case 'v':
      a->verbose = true;
      return 0;
    case ARGP_KEY_ARG:
      if (!strchr(arg, '/') && !frti_cli_ends_with(arg, ".so"))
        argp_error(state, "'%s' is no file: wanted a path such as ./frt_mine.so", arg);
      frti_cli_list_add(&a->files, arg);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

typedef struct failures {
  frti_cli_list_t paths, texts;
} failures_t;

static void on_failure(void *ctx, const char *path, const char *message) {
  failures_t *f = ctx;
  frti_cli_list_add(&f->paths, path);
  frti_cli_list_add(&f->texts, message);
}

static json_t *provider_json(const frt_provider_info_t *i) {
  json_t *o = json_object();
  json_object_set_new(o, "name", json_string(i->name));
  json_object_set_new(o, "version", json_string(i->version));
  json_object_set_new(o, "description", json_string(i->description));
  json_object_set_new(o, "path", json_string(i->path));
  json_object_set_new(o, "loaded", json_true());
  json_object_set_new(o, "usable", json_boolean(i->n_devices > 0));
  json_object_set_new(o, "why_not", json_string(i->why));
  json_object_set_new(o, "devices", json_integer(i->n_devices));
  json_object_set_new(o, "device", json_string(i->device));
  json_object_set_new(o, "kernels", json_integer(i->n_kernels));
  return o;
}

static void print_provider(const args_t *a, const frt_provider_info_t *i) {
  if (i->n_devices)
    printf("%-10s usable: %u device%s, %u kernels; %s\n", i->name, i->n_devices,
        i->n_devices == 1 ? "" : "s", i->n_kernels, i->device);
  else
    printf("%-10s loaded, but no device: %s\n", i->name,
        i->why[0] ? i->why : "no reason given");
  if (!a->verbose) return;
  printf("           %s, version %s, ABI %u\n           %s\n", i->description, i->version,
      FRT_ABI_MAJOR, i->path[0] ? i->path : "linked in");
}

static void report(const args_t *a, frt_runtime_t *rt, const failures_t *f) {
  json_t *root = a->cli.json ? json_object() : NULL, *list = json_array(),
         *bad = json_array();
  const size_t n = frt_runtime_n_providers(rt);
  for (size_t i = 0; i < n; ++i) {
    frt_provider_info_t info = {0};
    if (frt_runtime_provider(rt, i, &info, NULL)) continue;
    if (root)
      json_array_append_new(list, provider_json(&info));
    else
      print_provider(a, &info);
  }
  for (size_t i = 0; i < f->paths.n; ++i) {
    if (root) {
      json_t *o = json_object();
      json_object_set_new(o, "path", json_string(f->paths.items[i]));
      json_object_set_new(o, "loaded", json_false());
      json_object_set_new(o, "why_not", json_string(f->texts.items[i]));
      json_array_append_new(bad, o);
    } else {
      printf("%s: not loadable: %s\n", f->paths.items[i], f->texts.items[i]);
    }
  }
  if (root) {
    json_object_set(root, "providers", list);
    json_object_set(root, "not_loadable", bad);
    frti_cli_json_print(root);
  } else if (!n && !f->paths.n) {
    printf("no provider was found; FLUIDRT_PROVIDER_PATH names the folders to look in\n");
  }
  json_decref(list);
  json_decref(bad);
}

int frti_cli_providers(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "[FILE...]",
      "Lists the execution providers that are built, and says which can be used and why "
      "others cannot. Of a FILE it says what the file is and needs, without running any of "
      "its code.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "providers"}};
  frti_cli_session_t s = {0};
  failures_t f = {0};
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  code = frti_cli_open_runtime(&a.cli, &s);
  if (!code && a.files.n) {
    code = frti_cli_provider_files(&a.cli, s.rt, &a.files, a.verbose);
  } else if (!code) {
    frt_runtime_load_all(s.rt, on_failure, &f);
    report(&a, s.rt, &f);
  }
  frti_cli_list_release(&a.files);
  frti_cli_list_release(&f.paths);
  frti_cli_list_release(&f.texts);
  frti_cli_close(&s);
  return code;
}
