/* Finding and opening provider modules. A file is judged by its ELF header and its
 * manifest before any of its code runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>

#include "runtime/internal.h"

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#else
#error "fluidrt supports x86-64 and aarch64"
#endif

enum { MAX_MODULE = 1 << 30 };

/* The manifest among the notes of one section; NULL if it is not there. */
static const frt_api_manifest_t *find_note(const uint8_t *at, size_t n) {
  while (n >= 12) {
    uint32_t head[3];
    memcpy(head, at, sizeof head);
    size_t size = 12 + (((size_t)head[0] + 3) & ~(size_t)3) +
                  (((size_t)head[1] + 3) & ~(size_t)3);
    if (size > n) return NULL;
    if (head[0] == 4 && !memcmp(at + 12, "frt", 4) && size >= sizeof(frt_api_manifest_t))
      return (const frt_api_manifest_t *)(const void *)at;
    at += size;
    n -= size;
  }
  return NULL;
}

static const frt_api_manifest_t *find_manifest(const uint8_t *bytes, size_t n,
                                               const Elf64_Ehdr *h) {
  if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shoff > n ||
      (uint64_t)h->e_shnum * sizeof(Elf64_Shdr) > n - h->e_shoff)
    return NULL;
  for (uint32_t i = 0; i < h->e_shnum; ++i) {
    Elf64_Shdr s;
    memcpy(&s, bytes + h->e_shoff + (uint64_t)i * sizeof s, sizeof s);
    if (s.sh_type != SHT_NOTE || s.sh_offset > n || s.sh_size > n - s.sh_offset) continue;
    const frt_api_manifest_t *m = find_note(bytes + s.sh_offset, s.sh_size);
    if (m) return m;
  }
  return NULL;
}

/* Whether all that the headers point at is in the file: mapping more is a bus error. */
static bool complete(const uint8_t *bytes, size_t n, const Elf64_Ehdr *h) {
  if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff > n ||
      (uint64_t)h->e_phnum * sizeof(Elf64_Phdr) > n - h->e_phoff ||
      (h->e_shoff && (h->e_shoff > n ||
                      (uint64_t)h->e_shnum * h->e_shentsize > n - h->e_shoff)))
    return false;
  for (uint32_t i = 0; i < h->e_phnum; ++i) {
    Elf64_Phdr ph;
    memcpy(&ph, bytes + h->e_phoff + (uint64_t)i * sizeof ph, sizeof ph);
    if (ph.p_offset > n || ph.p_filesz > n - ph.p_offset) return false;
  }
  return true;
}

static frt_status_t check_bytes(const char *path, const uint8_t *bytes, size_t n,
                                frt_error_t *err) {
  Elf64_Ehdr h;
  frt_api_manifest_t m;
  if (n < sizeof h || memcmp(bytes, ELFMAG, SELFMAG))
    return frt_fail(err, FRT_UNAVAILABLE, "%s: not a shared library (no ELF header)", path);
  memcpy(&h, bytes, sizeof h);
  if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != THIS_MACHINE)
    return frt_fail(err, FRT_UNAVAILABLE,
                    "%s: built for ELF class %u machine %u; wanted class %d machine %d", path,
                    h.e_ident[EI_CLASS], h.e_machine, ELFCLASS64, THIS_MACHINE);
  if (h.e_type != ET_DYN)
    return frt_fail(err, FRT_UNAVAILABLE, "%s: an ELF file, but not a shared library", path);
  if (!complete(bytes, n, &h))
    return frt_fail(err, FRT_UNAVAILABLE, "%s: the file is cut: it has %zu bytes, its headers "
                    "speak of more", path, n);
  const frt_api_manifest_t *found = find_manifest(bytes, n, &h);
  if (!found) return FRT_OK; /* the entry symbol decides */
  memcpy(&m, found, sizeof m);
  if (m.abi_major != FRT_ABI_MAJOR)
    return frt_fail(err, FRT_ABI_MISMATCH,
                    "%s: provider ABI major is %u; this library speaks %u", path, m.abi_major,
                    FRT_ABI_MAJOR);
  if (m.host_minor > FRT_ABI_MINOR)
    return frt_fail(err, FRT_ABI_MISMATCH,
                    "%s: wants a host of ABI minor %u or newer; this one is %u", path,
                    m.host_minor, FRT_ABI_MINOR);
  return FRT_OK;
}

frt_status_t frti_elf_check(const char *path, frt_error_t *err) {
  uint8_t *bytes;
  size_t n;
  FRT_TRY(frti_file_read(path, MAX_MODULE, &bytes, &n, err));
  frt_status_t status = check_bytes(path, bytes, n, err);
  frti_free(bytes);
  return status;
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

static frt_status_t open_real(frt_runtime_t *rt, const char *real, frt_error_t *err) {
  frt_provider_entry_t entry;
  FRT_TRY(frti_elf_check(real, err));
  void *library = dlopen(real, RTLD_NOW | RTLD_LOCAL);
  if (!library) return frt_fail(err, FRT_UNAVAILABLE, "cannot open %s: %s", real, dlerror());
  void *symbol = dlsym(library, FRT_PROVIDER_ENTRY_NAME);
  if (!symbol) {
    dlclose(library);
    return frt_fail(err, FRT_ABI_MISMATCH, "%s: no symbol '%s': not a provider of ABI major %u",
                    real, FRT_PROVIDER_ENTRY_NAME, FRT_ABI_MAJOR);
  }
  memcpy(&entry, &symbol, sizeof entry);
  return frti_provider_register(rt, entry, real, library, err);
}

static frt_status_t open_path(frt_runtime_t *rt, const char *path, frt_error_t *err) {
  char *real = realpath(path, NULL);
  if (!real) return frt_fail(err, FRT_NOT_FOUND, "no such provider file: %s", path);
  frt_status_t status = find_real(rt, real) ? FRT_OK : open_real(rt, real, err);
  free(real);
  return status;
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
    if (frti_is_file(path)) status = open_path(rt, path, err);
    else frti_str_addf(&tried, "%s%s", tried.len ? ", " : "", path);
  }
  if (status == FRT_NOT_FOUND)
    frt_fail(err, status, "no provider '%s': tried %s", name,
             tried.text ? tried.text : "no folder");
  frti_str_release(&tried);
  frti_free(dirs);
  return status;
}

frt_status_t frt_runtime_load_provider(frt_runtime_t *rt, const char *name_or_path,
                                       frt_error_t *err) {
  frt_status_t status = FRT_OK;
  pthread_mutex_lock(&rt->loading); /* two executors may want one module at once */
  if (strchr(name_or_path, '/'))
    status = open_path(rt, name_or_path, err);
  else if (!frti_provider_find(rt, name_or_path))
    status = open_name(rt, name_or_path, err);
  pthread_mutex_unlock(&rt->loading);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_PROVIDER);
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
    frt_status_t status = frt_runtime_load_provider(rt, path, &err);
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
