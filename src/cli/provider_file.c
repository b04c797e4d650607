/* fluidrt providers FILE: what a provider file says of itself before any of its code runs,
 * and, if it may run, what it registers. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fluidrt/kernel.h"

/* ---- the file --------------------------------------------------------------------- */

static void print_facts(const char *path, const frt_provider_file_t *f) {
  printf("%s: %llu bytes\n", path, (unsigned long long)f->bytes);
  if (f->has_manifest)
    printf("  manifest  %s %s, ABI %u.%u, for a host of %u.%u or newer\n", f->name, f->version,
        f->abi_major, f->abi_minor, f->abi_major, f->host_minor);
  else
    printf("  manifest  none\n");
  printf("  entry     %s\n", f->has_entry ? FRT_PROVIDER_ENTRY_NAME : "none: not a provider");
  for (size_t i = 0; i < f->n_needed; ++i)
    printf("%s%s", i ? ", " : "  needs     ", f->needed[i]);
  if (f->n_needed) printf("\n");
  if (f->runpath) printf("  looks in  %s\n", f->runpath);
}

static json_t *facts_json(const char *path, const frt_provider_file_t *f) {
  json_t *o = json_object(), *needs = json_array();
  json_object_set_new(o, "path", json_string(path));
  json_object_set_new(o, "bytes", json_integer((json_int_t)f->bytes));
  json_object_set_new(o, "manifest", json_boolean(f->has_manifest));
  json_object_set_new(o, "entry", json_boolean(f->has_entry));
  json_object_set_new(o, "name", json_string(f->name));
  json_object_set_new(o, "version", json_string(f->version));
  json_object_set_new(o, "abi_major", json_integer(f->abi_major));
  json_object_set_new(o, "abi_minor", json_integer(f->abi_minor));
  json_object_set_new(o, "host_minor", json_integer(f->host_minor));
  json_object_set_new(o, "runpath", f->runpath ? json_string(f->runpath) : json_null());
  for (size_t i = 0; i < f->n_needed; ++i)
    json_array_append_new(needs, json_string(f->needed[i]));
  json_object_set_new(o, "needs", needs);
  return o;
}

/* ---- what it registers ---------------------------------------------------------------- */

static const frt_api_kernel_decl_t *row_at(const frt_api_provider_t *api, uint32_t i) {
  return (const frt_api_kernel_decl_t *)(const void *)((const char *)api->kernels +
                                                       (size_t)i * api->kernel_stride);
}

static void print_table(const frt_provider_info_t *info, const frt_api_provider_t *api) {
  printf("  loads     as %s %s: %s; %u device%s, %u kernel row%s\n", info->name, info->version,
      info->description, info->n_devices, info->n_devices == 1 ? "" : "s", info->n_kernels,
      info->n_kernels == 1 ? "" : "s");
  printf("  device    %s\n", info->n_devices ? info->device : info->why);
  for (uint32_t i = 0; i < api->n_kernels; ++i) {
    const frt_api_kernel_decl_t *d = row_at(api, i);
    char dtypes[160];
    frt_dtype_list(d->dtypes, dtypes, sizeof dtypes);
    printf("  %-28s %s%s%s\n", d->type, dtypes,
        d->flags & FRT_SUPPORT_INPLACE ? "; in place" : "",
        d->flags & FRT_SUPPORT_DETERMINISTIC ? "; deterministic" : "");
  }
}

static void table_json(json_t *o, const frt_provider_info_t *info,
    const frt_api_provider_t *api) {
  json_t *rows = json_array();
  json_object_set_new(o, "registers", json_string(info->name));
  json_object_set_new(o, "devices", json_integer(info->n_devices));
  json_object_set_new(o, "device", json_string(info->device));
  json_object_set_new(o, "why_no_device", json_string(info->why));
  for (uint32_t i = 0; i < api->n_kernels; ++i) {
    const frt_api_kernel_decl_t *d = row_at(api, i);
    char dtypes[160];
    json_t *row = json_object();
    frt_dtype_list(d->dtypes, dtypes, sizeof dtypes);
    json_object_set_new(row, "op", json_string(d->type));
    json_object_set_new(row, "dtypes", json_string(dtypes));
    json_object_set_new(row, "in_place", json_boolean(d->flags & FRT_SUPPORT_INPLACE));
    json_object_set_new(
        row, "deterministic", json_boolean(d->flags & FRT_SUPPORT_DETERMINISTIC));
    json_array_append_new(rows, row);
  }
  json_object_set_new(o, "kernels", rows);
}

/* "x.so" is a name to the loader, "./x.so" a path. */
static char *as_path(const char *file) {
  return frti_cli_text("%s%s", strchr(file, '/') ? "" : "./", file);
}

/* The provider that the runtime got last: the one just loaded. */
static int load_file(const frti_cli_t *cli, frt_runtime_t *rt, const char *file, json_t *o) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_provider_info_t info = {0};
  const size_t before = frt_runtime_n_providers(rt);
  char *path = as_path(file);
  const frt_status_t status = frt_runtime_load_provider(rt, path, &err);
  free(path);
  if (status != FRT_OK) return frti_cli_error(cli, file, &err);
  if (frt_runtime_n_providers(rt) == before) return CLI_OK; /* named twice */
  if (frt_runtime_provider(rt, before, &info, &err)) return frti_cli_error(cli, file, &err);
  const frt_api_provider_t *api = frt_runtime_provider_api(rt, info.name);
  if (o) table_json(o, &info, api);
  else print_table(&info, api);
  frt_runtime_unload_provider(rt, info.name, NULL);
  return CLI_OK;
}

static int one_file(const frti_cli_t *cli, frt_runtime_t *rt, const char *file, bool load,
    json_t *list) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_provider_file_t *facts;
  int code = CLI_OK;
  if (frt_provider_file_read(file, &facts, &err)) return frti_cli_error(cli, file, &err);
  json_t *o = list ? facts_json(file, facts) : NULL;
  if (!o) print_facts(file, facts);
  frt_provider_file_release(facts);
  fflush(stdout); /* foreign code is next */
  if (load) code = load_file(cli, rt, file, o);
  if (o) json_array_append_new(list, o);
  return code;
}

int frti_cli_provider_files(const frti_cli_t *cli, frt_runtime_t *rt,
    const frti_cli_list_t *files, bool load) {
  json_t *list = cli->json ? json_array() : NULL;
  int code = CLI_OK;
  for (size_t i = 0; i < files->n; ++i) {
    const int one = one_file(cli, rt, files->items[i], load, list);
    if (!code) code = one;
  }
  if (list) frti_cli_json_print(json_pack("{s:o}", "files", list));
  return code;
}
