/* fluidrt convert of parameters: Paddle's folder or combined file, npz, safetensors. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arrays.h"

typedef enum kind { NPZ, SAFETENSORS, FOLDER, COMBINED } kind_t;

static bool is_dir(const char *path) {
  struct stat st;
  return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool has_suffix(const char *path) {
  return frti_cli_ends_with(path, ".npz") || frti_cli_ends_with(path, ".safetensors");
}

bool frti_cli_is_params(const char *in, const char *out) {
  return has_suffix(in) || has_suffix(out);
}

/* Of a file to read: what is there decides between folder and file. Of one to write: a
 * name that Paddle gives to combined files, or --combined. */
static kind_t kind_of(const char *path, bool write, bool combined) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  if (frti_cli_ends_with(path, ".npz")) return NPZ;
  if (frti_cli_ends_with(path, ".safetensors")) return SAFETENSORS;
  if (!write) return is_dir(path) ? FOLDER : COMBINED;
  if (combined) return COMBINED;
  if (is_dir(path)) return FOLDER;
  return frti_cli_ends_with(name, ".pdiparams") ||
                 frti_cli_ends_with(name, ".pdparams") || !strcmp(name, "__params__") ||
                 !strcmp(name, "params")
             ? COMBINED
             : FOLDER;
}

/* ---- reading
 * --------------------------------------------------------------------------- */

static frt_status_t read_record(
    frti_cli_files_t *f, const char *file, frti_cli_arrays_t *out, frt_error_t *err) {
  char name[4096];
  void *bytes = NULL;
  size_t n = 0, used = 0;
  frt_tensor_t *t = NULL;
  frt_status_t status;
  FRT_TRY(frt_file_to_name(file, name, sizeof name, err));
  FRT_TRY(frti_cli_files_read(f, file, &bytes, &n, err));
  status = frt_paddle_tensor_parse(bytes, n, &t, &used, err);
  free(bytes);
  if (status == FRT_OK && used != n) {
    frt_tensor_release(t);
    return frt_fail(err, FRT_DATA_LOSS,
        "'%.96s': the tensor record ends at offset %zu of %zu", file, used, n);
  }
  if (status == FRT_OK) {
    frti_cli_arrays_add(out, name, t);
  } else if (err && !strstr(err->message, file)) {
    char *text = frti_cli_strdup(err->message);
    frt_fail(err, status, "'%.96s': %s", file, text);
    free(text);
  }
  return status;
}

/* Every file but a program is a variable's. */
static int read_folder(const frti_cli_t *cli, const char *path, frti_cli_arrays_t *out) {
  frti_cli_files_t *f = NULL;
  frti_cli_list_t names = {0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frti_cli_files_open(path, &f, &err);
  if (status == FRT_OK) frti_cli_files_list(f, "", &names);
  for (size_t i = 0; i < names.n && status == FRT_OK; ++i) {
    const char *file = names.items[i];
    if (strcmp(file, "__model__") && !frti_cli_ends_with(file, ".pdmodel") &&
        !frti_cli_ends_with(file, ".pbtxt"))
      status = read_record(f, file, out, &err);
  }
  frti_cli_files_close(f);
  frti_cli_list_release(&names);
  if (status != FRT_OK) return frti_cli_error(cli, path, &err);
  return out->n ? CLI_OK
                : frti_cli_fail(cli, CLI_NO_INPUT, "%s: holds no parameters", path);
}

/* Through the program, which names them and says what they are. */
static int read_named(const frti_cli_t *cli, const char *path, const char *program,
    frti_cli_arrays_t *out) {
  frti_cli_session_t s = {0};
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  const char **names = NULL;
  size_t n = 0;
  int code = frti_cli_load(cli, program, &p);
  if (!code) code = frti_cli_open_runtime(cli, &s);
  if (!code && (frt_scope_create(s.rt, &s.scope, &err) ||
                   frt_params_load(path, p, s.scope, &err) ||
                   frt_scope_names(s.scope, &names, &n, &err)))
    code = frti_cli_error(cli, path, &err);
  for (size_t i = 0; !code && i < n; ++i) {
    frt_tensor_t *t = NULL;
    if (frt_scope_get(s.scope, names[i], &t, &err))
      code = frti_cli_error(cli, path, &err);
    else
      frti_cli_arrays_add(out, names[i], t);
  }
  frt_free(names);
  frti_cli_close(&s);
  frt_program_release(p);
  return code;
}

static int read_any(const frti_cli_t *cli, const char *path, const char *program,
    frti_cli_arrays_t *out) {
  frt_error_t err = FRT_ERROR_INIT;
  struct stat st;
  if (stat(path, &st))
    return frti_cli_fail(cli, CLI_NO_INPUT, "%s: %s", path, strerror(errno));
  switch (kind_of(path, false, false)) {
    case NPZ:
      return frti_cli_npz_read(path, out, &err) ? frti_cli_error(cli, path, &err)
                                                : CLI_OK;
    case SAFETENSORS:
      return frti_cli_safetensors_read(path, out, &err) ? frti_cli_error(cli, path, &err)
                                                        : CLI_OK;
    case FOLDER:
      return program ? read_named(cli, path, program, out) : read_folder(cli, path, out);
    default:
      if (!program)
        return frti_cli_fail(cli, CLI_USAGE,
            "%s: a combined file holds no names: say --program PROGRAM", path);
      return read_named(cli, path, program, out);
  }
}

/* ---- writing
 * ----------------------------------------------------------------------------- */

static int write_folder(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a) {
  frt_error_t err = FRT_ERROR_INIT;
  int code = frti_cli_make_dir(cli, path);
  for (size_t i = 0; !code && i < a->n; ++i) {
    char file[256];
    void *bytes = NULL;
    size_t n = 0;
    if (frt_name_to_file(a->items[i].name, file, sizeof file, &err) ||
        frt_paddle_tensor_serialize(a->items[i].tensor, &bytes, &n, &err)) {
      code = frti_cli_error(cli, a->items[i].name, &err);
    } else {
      char *to = frti_cli_text("%s/%s", path, file);
      code = frti_cli_write_file(cli, to, bytes, n);
      free(to);
    }
    frt_free(bytes);
  }
  return code;
}

/* Records in bytewise order of names, which is how they are sorted. */
static int write_combined(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a) {
  frt_error_t err = FRT_ERROR_INIT;
  char *all = NULL;
  size_t n_all = 0;
  int code = CLI_OK;
  FILE *f = open_memstream(&all, &n_all);
  if (!f) return frti_cli_fail(cli, CLI_MEMORY, "out of memory");
  for (size_t i = 0; !code && i < a->n; ++i) {
    void *bytes = NULL;
    size_t n = 0;
    if (frt_paddle_tensor_serialize(a->items[i].tensor, &bytes, &n, &err))
      code = frti_cli_error(cli, a->items[i].name, &err);
    else if (fwrite(bytes, 1, n, f) != n)
      code = frti_cli_fail(cli, CLI_MEMORY, "out of memory");
    frt_free(bytes);
  }
  if (fclose(f) && !code) code = frti_cli_fail(cli, CLI_MEMORY, "out of memory");
  if (!code) code = frti_cli_write_file(cli, path, all, n_all);
  free(all);
  return code;
}

/* By a program: its persistables, all of them, in the shapes it declares. */
static int write_named(const frti_cli_t *cli, const char *path, const char *program,
    bool combined, const frti_cli_arrays_t *a) {
  frti_cli_session_t s = {0};
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  int code = frti_cli_load(cli, program, &p);
  if (!code) code = frti_cli_open_runtime(cli, &s);
  if (!code && frt_scope_create(s.rt, &s.scope, &err))
    code = frti_cli_error(cli, NULL, &err);
  for (size_t i = 0; !code && i < a->n; ++i)
    if (frt_scope_set(s.scope, a->items[i].name, a->items[i].tensor, &err))
      code = frti_cli_error(cli, a->items[i].name, &err);
  if (!code && frt_params_save(path, p, s.scope, combined, NULL, 0, &err))
    code = frti_cli_write_error(cli, path, &err);
  frti_cli_close(&s);
  frt_program_release(p);
  return code;
}

int frti_cli_convert_params(const frti_cli_t *cli, const char *in, const char *out,
    const char *program, bool combined) {
  frti_cli_arrays_t a = {0};
  const kind_t kind = kind_of(out, true, combined);
  int code = read_any(cli, in, program, &a);
  if (code) goto done;
  frti_cli_arrays_sort(&a);
  if (kind == NPZ)
    code = frti_cli_npz_write(cli, out, &a);
  else if (kind == SAFETENSORS)
    code = frti_cli_safetensors_write(cli, out, &a);
  else if (program)
    code = write_named(cli, out, program, kind == COMBINED, &a);
  else
    code = kind == COMBINED ? write_combined(cli, out, &a) : write_folder(cli, out, &a);
done:
  frti_cli_arrays_release(&a);
  return code;
}
