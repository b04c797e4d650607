/* Finding and opening provider modules. A file is judged by what it says of itself before
 * any of its code runs, and all that is wrong is said at once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

#include "runtime/elf.h"
#include "runtime/internal.h"

/* ---- what is wrong with a file --------------------------------------------------- */

typedef struct problems {
  frti_str_t text;
  frt_status_t status; /* of the first */
} problems_t;

static void problem(problems_t *p, frt_status_t status, const char *fmt, ...)
    FRT_PRINTF(3, 4);
static void problem(problems_t *p, frt_status_t status, const char *fmt, ...) {
  char one[300];
  va_list ap;
  va_start(ap, fmt);
  frt_error_text_(one, sizeof one, fmt, ap);
  va_end(ap);
  if (p->status == FRT_OK) p->status = status;
  frti_str_addf(&p->text, "%s%s", p->text.len ? "; " : "", one);
}

static frt_status_t verdict(problems_t *p, const char *path, frt_error_t *err) {
  const frt_status_t status = p->status;
  if (status != FRT_OK)
    frt_fail(err, status, "%s: %s", path, p->text.text ? p->text.text : "not loadable");
  frti_str_release(&p->text);
  return status;
}

/* Who can put code where it will be run? */
static void judge_trust(const char *given, const char *real, problems_t *p) {
  char folder[4096];
  const char *slash = strrchr(real, '/');
  if (given[0] != '/' || strstr(given, "/../"))
    problem(p, FRT_INVALID_ARGUMENT, "'%s' is no absolute path without '..'", given);
  if (frti_others_may_write(real))
    problem(p, FRT_INVALID_ARGUMENT, "every user may write this file");
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - real) : 0, real);
  if (folder[0] && frti_others_may_write(folder))
    problem(p, FRT_INVALID_ARGUMENT, "every user may write its folder");
}

static void judge_manifest(const frti_elf_t *e, problems_t *p) {
  const frt_provider_file_t *f = &e->facts;
  if (e->manifest_bytes && !f->has_manifest)
    problem(p, FRT_ABI_MISMATCH, "its manifest has %u bytes; wanted %zu", e->manifest_bytes,
            sizeof(frt_api_manifest_t));
  if (f->has_manifest && f->abi_major != FRT_ABI_MAJOR)
    problem(p, FRT_ABI_MISMATCH, "provider ABI major is %u; this library speaks %u",
            f->abi_major, FRT_ABI_MAJOR);
  if (f->has_manifest && f->host_minor > FRT_ABI_MINOR)
    problem(p, FRT_ABI_MISMATCH, "wants a host of ABI minor %u or newer; this one is %u",
            f->host_minor, FRT_ABI_MINOR);
}

/* A sanitizer whose runtime is not in the process ends the process at dlopen. */
static void judge_sanitizer(const frti_elf_t *e, problems_t *p) {
  static const struct { const char *symbol, *name; } known[] = {
      {"__asan_init", "AddressSanitizer"}, {"__tsan_init", "ThreadSanitizer"},
      {"__msan_init", "MemorySanitizer"}, {"__hwasan_init", "HWAddressSanitizer"}};
  for (size_t i = 0; i < FRTI_COUNT(known); ++i)
    if (frti_elf_wants(e, known[i].symbol) && !dlsym(RTLD_DEFAULT, known[i].symbol))
      problem(p, FRT_UNAVAILABLE, "built with %s, which this process is not (preload its "
              "library, or build both alike)", known[i].name);
}

static void judge(const frti_elf_t *e, problems_t *p) {
  judge_manifest(e, p);
  if (e->sections && !e->facts.has_entry)
    problem(p, FRT_ABI_MISMATCH, "no symbol '%s': not a provider of ABI major %u",
            FRT_PROVIDER_ENTRY_NAME, FRT_ABI_MAJOR);
  judge_sanitizer(e, p);
}

/* ---- why a file could not be opened -------------------------------------------------- */

/* `name` in one of the folders of the file's own search path, $ORIGIN replaced. */
static void *open_beside(const frti_elf_t *e, const char *real, const char *name) {
  static const char origin[] = "$ORIGIN";
  const size_t folder = (size_t)(strrchr(real, '/') - real);
  const char *at = e->facts.runpath;
  while (at && *at) {
    char path[4096];
    size_t n = strcspn(at, ":");
    const bool own = n >= sizeof origin - 1 && !strncmp(at, origin, sizeof origin - 1);
    const size_t skip = own ? sizeof origin - 1 : 0;
    const int k = snprintf(path, sizeof path, "%.*s%.*s/%s", own ? (int)folder : 0, real,
                           (int)(n - skip), at + skip, name);
    void *library = k > 0 && (size_t)k < sizeof path ? dlopen(path, RTLD_NOW) : NULL;
    if (library) return library;
    at += n + (at[n] == ':');
  }
  return NULL;
}

/* Opens each library that is needed; names all that cannot be. Handles stay open. */
static bool try_needed(const frti_elf_t *e, const char *real, void **handles, problems_t *p) {
  bool all = true;
  for (size_t i = 0; i < e->facts.n_needed; ++i) {
    const char *name = e->facts.needed[i], *why;
    handles[i] = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handles[i]) continue;
    why = dlerror();
    char *text = frti_strdup(why ? why : "no reason given");
    handles[i] = open_beside(e, real, name);
    if (!handles[i])
      problem(p, FRT_UNAVAILABLE, "it needs a library that cannot be opened: %s",
              text ? text : name);
    all = all && handles[i];
    frti_free(text);
  }
  return all;
}

static bool defined(const char *symbol, void *const *handles, size_t n) {
  if (dlsym(RTLD_DEFAULT, symbol)) return true;
  for (size_t i = 0; i < n; ++i)
    if (dlsym(handles[i], symbol)) return true;
  return false;
}

static void try_symbols(const frti_elf_t *e, void *const *handles, problems_t *p) {
  for (size_t i = 0; i < e->n_undefined; ++i)
    if (!defined(e->undefined[i], handles, e->facts.n_needed))
      problem(p, FRT_UNAVAILABLE, "symbol '%s' is defined by none of the libraries it needs",
              e->undefined[i]);
}

/* `why`: what the system's loader said, which stops at the first. */
static void diagnose(const frti_elf_t *e, const char *real, const char *why, problems_t *p) {
  void **handles = frti_calloc(e->facts.n_needed + 1, sizeof *handles);
  if (handles && try_needed(e, real, handles, p)) try_symbols(e, handles, p);
  for (size_t i = 0; handles && i < e->facts.n_needed; ++i)
    if (handles[i]) dlclose(handles[i]);
  frti_free(handles);
  if (p->status == FRT_OK) problem(p, FRT_UNAVAILABLE, "cannot be opened: %s", why);
}

/* ---- where providers are looked for ------------------------------------------------ */

/* The folder `fluidrt/` beside this library, "" when that cannot be told. */
static void beside_library(char *to, size_t cap) {
  Dl_info info;
  char *slash, *real;
  to[0] = 0;
  if (!dladdr((const void *)(uintptr_t)&frt_runtime_load_provider, &info) ||
      !(real = realpath(info.dli_fname, NULL)))
    return;
  slash = strrchr(real, '/');
  if (slash) *slash = 0;
  if (strlen(real) + sizeof "/fluidrt" <= cap) snprintf(to, cap, "%s/fluidrt", real);
  free(real);
}

frt_status_t frti_provider_dirs(const frt_runtime_t *rt, char ***dirs, size_t *n,
                                frt_error_t *err) {
  char beside[4096];
  const char *path = rt->provider_path;
  *dirs = NULL;
  *n = 0;
  if (!path) path = secure_getenv("FLUIDRT_PROVIDER_PATH");
  if (!path) {
    beside_library(beside, sizeof beside);
    path = beside;
  }
  size_t pieces = 1, len = strlen(path);
  for (const char *c = path; *c; ++c) pieces += *c == ':';
  char **array = frti_alloc(pieces * sizeof *array + len + 1);
  if (!array) return frti_no_memory(err);
  char *text = memcpy((char *)(array + pieces), path, len + 1), *save = NULL;
  for (char *dir = strtok_r(text, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
    array[(*n)++] = dir;
  *dirs = array;
  return FRT_OK;
}

/* ---- opening ------------------------------------------------------------------------- */

static frti_provider_t *find_real(frt_runtime_t *rt, const char *real) {
  pthread_mutex_lock(&rt->lock);
  frti_provider_t *p = rt->providers;
  while (p && strcmp(p->path, real)) p = p->next;
  pthread_mutex_unlock(&rt->lock);
  return p;
}

frti_provider_t *frti_provider_at(frt_runtime_t *rt, const char *path) {
  char *real = realpath(path, NULL);
  frti_provider_t *p = real ? find_real(rt, real) : NULL;
  free(real);
  return p;
}

static frt_status_t register_library(frt_runtime_t *rt, const char *real, void *library,
                                     frt_error_t *err) {
  frt_provider_entry_t entry;
  void *symbol = dlsym(library, FRT_PROVIDER_ENTRY_NAME);
  if (!symbol) {
    dlclose(library);
    return frt_fail(err, FRT_ABI_MISMATCH, "%s: no symbol '%s': not a provider of ABI major %u",
                    real, FRT_PROVIDER_ENTRY_NAME, FRT_ABI_MAJOR);
  }
  memcpy(&entry, &symbol, sizeof entry);
  return frti_provider_register(rt, entry, real, library, err);
}

/* `given`: as the caller named it; NULL when files need not be trusted. */
static frt_status_t open_real(frt_runtime_t *rt, const char *given, const char *real,
                              frt_error_t *err) {
  problems_t p = {0};
  frti_elf_t elf;
  void *library = NULL;
  FRT_TRY(frti_elf_read(real, &elf, err));
  if (given) judge_trust(given, real, &p);
  judge(&elf, &p);
  if (p.status == FRT_OK) {
    library = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    const char *why = library ? NULL : dlerror();
    char *text = library ? NULL : frti_strdup(why ? why : "no reason given");
    if (!library) diagnose(&elf, real, text ? text : "out of memory", &p);
    frti_free(text);
  }
  frti_elf_release(&elf);
  FRT_TRY(verdict(&p, real, err));
  return register_library(rt, real, library, err);
}

static frt_status_t open_path(frt_runtime_t *rt, const char *path, bool strict,
                              frt_error_t *err) {
  char *real = realpath(path, NULL);
  if (!real) return frt_fail(err, FRT_NOT_FOUND, "no such provider file: %s", path);
  frt_status_t status = find_real(rt, real) ? FRT_OK
                        : open_real(rt, strict || rt->strict_files ? path : NULL, real, err);
  free(real);
  return status;
}

/* Whether the folders come from the environment: those are trusted least. */
static bool strict_dirs(const frt_runtime_t *rt) {
  return !rt->provider_path && secure_getenv("FLUIDRT_PROVIDER_PATH");
}

static frt_status_t open_name(frt_runtime_t *rt, const char *name, frt_error_t *err) {
  char path[4096];
  char **dirs;
  size_t n;
  frti_str_t tried = {0};
  frt_status_t status = FRT_NOT_FOUND;
  FRT_TRY(frti_provider_dirs(rt, &dirs, &n, err));
  for (size_t i = 0; i < n && status == FRT_NOT_FOUND; ++i) {
    int k = snprintf(path, sizeof path, "%s/frt_%s.so", dirs[i], name);
    if (k < 0 || (size_t)k >= sizeof path) continue;
    if (frti_is_file(path)) status = open_path(rt, path, strict_dirs(rt), err);
    else frti_str_addf(&tried, "%s%s", tried.len ? ", " : "", path);
  }
  if (status == FRT_NOT_FOUND)
    frt_fail(err, status, "no provider '%s': tried %s", name,
             tried.text ? tried.text : "no folder");
  frti_str_release(&tried);
  frti_free(dirs);
  return status;
}

static frt_status_t load(frt_runtime_t *rt, const char *name_or_path, bool strict,
                         frt_error_t *err) {
  frt_status_t status = FRT_OK;
  pthread_mutex_lock(&rt->loading); /* two executors may want one module at once */
  if (strchr(name_or_path, '/'))
    status = open_path(rt, name_or_path, strict, err);
  else if (!frti_provider_find(rt, name_or_path))
    status = open_name(rt, name_or_path, err);
  pthread_mutex_unlock(&rt->loading);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_PROVIDER);
}

frt_status_t frt_runtime_load_provider(frt_runtime_t *rt, const char *name_or_path,
                                       frt_error_t *err) {
  return load(rt, name_or_path, false, err);
}

static void load_dir(frt_runtime_t *rt, const char *dir,
                     void (*fail)(void *ctx, const char *path, const char *message),
                     void *ctx) {
  const char **names;
  size_t n;
  char path[4096];
  if (frti_list_dir(dir, ".so", &names, &n, NULL) != FRT_OK) return;
  for (size_t i = 0; i < n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    if (strncmp(names[i], "frt_", 4)) continue;
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    frt_status_t status = load(rt, path, strict_dirs(rt), &err);
    if (status != FRT_OK && status != FRT_ALREADY_EXISTS && fail)
      fail(ctx, path, err.message);
  }
  frti_free(names);
}

void frt_runtime_load_all(frt_runtime_t *rt,
    void (*fail)(void *ctx, const char *path, const char *message), void *ctx) {
  char **dirs;
  size_t n;
  if (frti_provider_dirs(rt, &dirs, &n, NULL) != FRT_OK) return;
  for (size_t i = 0; i < n; ++i) load_dir(rt, dirs[i], fail, ctx);
  frti_free(dirs);
}
