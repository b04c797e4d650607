/* A small reader of ELF files: what a provider file says of itself before any of its code
 * runs. It trusts no number in the file. */
#ifndef FRTI_RUNTIME_ELF_H
#define FRTI_RUNTIME_ELF_H

#include "base/base.h"
#include "fluidrt/runtime.h"

typedef struct frti_elf {
  frt_provider_file_t facts; /* its texts lie in `bytes`, its lists in `lists` */
  uint8_t *bytes;
  size_t n;
  bool sections;         /* has a section table: `has_entry` and undefined are known */
  const char **lists;    /* needed, then undefined: facts.needed points here */
  const char **undefined; /* symbols that others must define, weak ones left out */
  size_t n_undefined;
  uint32_t manifest_bytes; /* what the note says it holds; 0: there is no note */
} frti_elf_t;

/* Reads a file. Errors: NOT_FOUND, UNAVAILABLE, INVALID_ARGUMENT not a regular file;
 * UNAVAILABLE not a whole library for this machine (what it is instead). */
frt_status_t frti_elf_read(const char *path, frti_elf_t *out, frt_error_t *err);
void frti_elf_release(frti_elf_t *elf);

/* Whether `undefined` holds a symbol of that name. */
bool frti_elf_wants(const frti_elf_t *elf, const char *symbol);

#endif
