/* Reading ELF files with every offset checked: a file may be cut, foreign or made up. */
#include "runtime/elf.h"

#include <elf.h>

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#else
#error "fluidrt supports x86-64 and aarch64"
#endif

enum { MAX_MODULE = 1 << 30 };

static const char *machine_name(uint32_t machine) {
  static const struct { uint32_t machine; const char *name; } known[] = {
      {EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "x86"}, {EM_ARM, "arm"},
      {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},     {EM_S390, "s390"}, {EM_MIPS, "mips"}};
  for (size_t i = 0; i < FRTI_COUNT(known); ++i)
    if (known[i].machine == machine) return known[i].name;
  return "unknown to us";
}

static bool inside(const frti_elf_t *e, uint64_t at, uint64_t bytes) {
  return at <= e->n && bytes <= e->n - at;
}

/* ---- the header ------------------------------------------------------------------ */

static frt_status_t check_header(const char *path, const frti_elf_t *e, Elf64_Ehdr *h,
                                 frt_error_t *err) {
  if (!e->n)
    return frt_fail(err, FRT_UNAVAILABLE, "%s: the file is empty: no ELF header", path);
  if (e->n < SELFMAG || memcmp(e->bytes, ELFMAG, SELFMAG))
    return frt_fail(err, FRT_UNAVAILABLE, "%s: not a shared library (no ELF header)", path);
  if (e->n < sizeof *h)
    return frt_fail(err, FRT_UNAVAILABLE, "%s: the file is cut: it has %zu bytes, an ELF "
                    "header %zu", path, e->n, sizeof *h);
  memcpy(h, e->bytes, sizeof *h);
  if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
      h->e_machine != THIS_MACHINE)
    return frt_fail(err, FRT_UNAVAILABLE, "%s: built for ELF class %u machine %u (%s, byte "
                    "order %u); wanted class %d machine %d (%s, byte order %d)", path,
                    h->e_ident[EI_CLASS], h->e_machine, machine_name(h->e_machine),
                    h->e_ident[EI_DATA], ELFCLASS64, THIS_MACHINE,
                    machine_name(THIS_MACHINE), ELFDATA2LSB);
  if (h->e_type != ET_DYN)
    return frt_fail(err, FRT_UNAVAILABLE, "%s: an ELF file, but not a shared library", path);
  return FRT_OK;
}

/* Whether all that the headers point at is in the file: mapping more is a bus error. */
static bool complete(const frti_elf_t *e, const Elf64_Ehdr *h) {
  if (h->e_phentsize != sizeof(Elf64_Phdr) ||
      !inside(e, h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr)) ||
      (h->e_shoff && !inside(e, h->e_shoff, (uint64_t)h->e_shnum * h->e_shentsize)))
    return false;
  for (uint32_t i = 0; i < h->e_phnum; ++i) {
    Elf64_Phdr ph;
    memcpy(&ph, e->bytes + h->e_phoff + (uint64_t)i * sizeof ph, sizeof ph);
    if (!inside(e, ph.p_offset, ph.p_filesz)) return false;
  }
  return true;
}

/* ---- sections ---------------------------------------------------------------------- */

/* Section `index`, if its bytes are in the file. */
static bool section_at(const frti_elf_t *e, const Elf64_Ehdr *h, uint32_t index,
                       Elf64_Shdr *s) {
  if (!h->e_shoff || h->e_shentsize != sizeof *s || index >= h->e_shnum) return false;
  memcpy(s, e->bytes + h->e_shoff + (uint64_t)index * sizeof *s, sizeof *s);
  return s->sh_type != SHT_NOBITS && inside(e, s->sh_offset, s->sh_size);
}

/* The first section of a type, and the strings that go with it. */
static bool find_section(const frti_elf_t *e, const Elf64_Ehdr *h, uint32_t type,
                         Elf64_Shdr *s, Elf64_Shdr *strings) {
  for (uint32_t i = 0; i < h->e_shnum; ++i)
    if (section_at(e, h, i, s) && s->sh_type == type)
      return section_at(e, h, s->sh_link, strings);
  return false;
}

/* The string at an offset, NULL if it does not end inside its section. */
static const char *string_at(const frti_elf_t *e, const Elf64_Shdr *strings, uint64_t at) {
  if (at >= strings->sh_size) return NULL;
  const char *s = (const char *)e->bytes + strings->sh_offset + at;
  return memchr(s, 0, (size_t)(strings->sh_size - at)) ? s : NULL;
}

/* ---- the manifest -------------------------------------------------------------------- */

static void take_manifest(frti_elf_t *e, const uint8_t *note, size_t n, uint32_t descsz) {
  frt_api_manifest_t m = {0};
  frt_provider_file_t *f = &e->facts;
  e->manifest_bytes = 16 + descsz;
  memcpy(&m, note, FRTI_MIN(n, sizeof m));
  f->has_manifest = e->manifest_bytes >= sizeof m && n >= sizeof m;
  if (!f->has_manifest) return;
  f->abi_major = m.abi_major;
  f->abi_minor = m.abi_minor;
  f->host_minor = m.host_minor;
  snprintf(f->name, sizeof f->name, "%.*s", (int)sizeof m.name - 1, m.name);
  snprintf(f->version, sizeof f->version, "%.*s", (int)sizeof m.version - 1, m.version);
}

static void read_notes(frti_elf_t *e, const uint8_t *at, size_t n) {
  while (n >= 16) {
    uint32_t head[3]; /* bytes of the owner's name, bytes of the content, type */
    memcpy(head, at, sizeof head);
    const size_t size = 12 + (((size_t)head[0] + 3) & ~(size_t)3) +
                        (((size_t)head[1] + 3) & ~(size_t)3);
    if (head[0] == 4 && !memcmp(at + 12, "frt", 4)) {
      take_manifest(e, at, FRTI_MIN(size, n), head[1]);
      return;
    }
    if (size > n) return;
    at += size;
    n -= size;
  }
}

static void find_manifest(frti_elf_t *e, const Elf64_Ehdr *h) {
  Elf64_Shdr s;
  for (uint32_t i = 0; i < h->e_shnum && !e->manifest_bytes; ++i)
    if (section_at(e, h, i, &s) && s.sh_type == SHT_NOTE)
      read_notes(e, e->bytes + s.sh_offset, (size_t)s.sh_size);
}

/* ---- what it needs, what it has ------------------------------------------------------- */

static void read_dynamic(frti_elf_t *e, const Elf64_Shdr *s, const Elf64_Shdr *strings) {
  Elf64_Dyn d;
  for (uint64_t at = 0; at + sizeof d <= s->sh_size; at += sizeof d) {
    memcpy(&d, e->bytes + s->sh_offset + at, sizeof d);
    if (d.d_tag == DT_NULL) return;
    const char *text = string_at(e, strings, d.d_un.d_val);
    if (!text) continue;
    if (d.d_tag == DT_NEEDED) e->lists[e->facts.n_needed++] = text;
    if (d.d_tag == DT_SONAME) e->facts.soname = text;
    if (d.d_tag == DT_RUNPATH || d.d_tag == DT_RPATH) e->facts.runpath = text;
  }
}

static void read_symbols(frti_elf_t *e, const Elf64_Shdr *s, const Elf64_Shdr *strings) {
  Elf64_Sym y;
  for (uint64_t at = 0; at + sizeof y <= s->sh_size; at += sizeof y) {
    memcpy(&y, e->bytes + s->sh_offset + at, sizeof y);
    const char *name = string_at(e, strings, y.st_name);
    if (!name || !name[0]) continue;
    if (y.st_shndx == SHN_UNDEF) {
      if (ELF64_ST_BIND(y.st_info) == STB_GLOBAL) e->undefined[e->n_undefined++] = name;
    } else if (!strcmp(name, FRT_PROVIDER_ENTRY_NAME)) {
      e->facts.has_entry = 1;
    }
  }
}

static frt_status_t read_lists(frti_elf_t *e, const Elf64_Ehdr *h, frt_error_t *err) {
  Elf64_Shdr dynamic = {0}, dynamic_text = {0}, symbols = {0}, symbols_text = {0};
  const bool has_dynamic = find_section(e, h, SHT_DYNAMIC, &dynamic, &dynamic_text);
  e->sections = find_section(e, h, SHT_DYNSYM, &symbols, &symbols_text);
  const size_t needed = has_dynamic ? (size_t)dynamic.sh_size / sizeof(Elf64_Dyn) : 0;
  const size_t undefined = e->sections ? (size_t)symbols.sh_size / sizeof(Elf64_Sym) : 0;
  e->lists = frti_calloc(needed + undefined + 1, sizeof *e->lists);
  if (!e->lists) return frti_no_memory(err);
  e->undefined = e->lists + needed;
  e->facts.needed = e->lists;
  if (has_dynamic) read_dynamic(e, &dynamic, &dynamic_text);
  if (e->sections) read_symbols(e, &symbols, &symbols_text);
  return FRT_OK;
}

static frt_status_t read_elf(const char *path, frti_elf_t *e, frt_error_t *err) {
  Elf64_Ehdr h;
  FRT_TRY(check_header(path, e, &h, err));
  if (!complete(e, &h))
    return frt_fail(err, FRT_UNAVAILABLE, "%s: the file is cut: it has %zu bytes, its "
                    "headers speak of more", path, e->n);
  find_manifest(e, &h);
  return read_lists(e, &h, err);
}

frt_status_t frti_elf_read(const char *path, frti_elf_t *out, frt_error_t *err) {
  memset(out, 0, sizeof *out);
  out->facts.struct_size = sizeof out->facts;
  FRT_TRY(frti_file_read(path, MAX_MODULE, &out->bytes, &out->n, err));
  out->facts.bytes = out->n;
  frt_status_t status = read_elf(path, out, err);
  if (status != FRT_OK) frti_elf_release(out);
  return status;
}

void frti_elf_release(frti_elf_t *elf) {
  frti_free(elf->lists);
  frti_free(elf->bytes);
  memset(elf, 0, sizeof *elf);
}

bool frti_elf_wants(const frti_elf_t *elf, const char *symbol) {
  for (size_t i = 0; i < elf->n_undefined; ++i)
    if (!strcmp(elf->undefined[i], symbol)) return true;
  return false;
}

/* ---- the public reader ------------------------------------------------------------------ */

frt_status_t frt_provider_file_read(const char *path, frt_provider_file_t **out,
                                    frt_error_t *err) {
  frti_elf_t *elf = frti_alloc(sizeof *elf);
  *out = NULL;
  if (!elf) return frti_no_memory(err);
  frt_status_t status = frti_elf_read(path, elf, err);
  if (status == FRT_OK) *out = &elf->facts; /* the first member */
  else frti_free(elf);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_PROVIDER);
}

void frt_provider_file_release(frt_provider_file_t *file) {
  if (!file) return;
  frti_elf_release((frti_elf_t *)(void *)file);
  frti_free(file);
}
