/* Programs as objects: creation, loading, counting references. */
#include <string.h>

#include "program/parts.h"
#include "program/wire.h"

enum { FORMAT_VERSION = 1008005 }; /* release 1.8.5, whose format this is */

static uint64_t next_uid(void) {
  static _Atomic uint64_t last;
  return atomic_fetch_add(&last, 1) + 1;
}

frt_program_t *frti_program_new(void) {
  frt_program_t *p = frti_calloc(1, sizeof *p);
  if (!p) return NULL;
  atomic_init(&p->refs, 1);
  p->uid = next_uid();
  p->version = 1;
  p->format_version = -1;
  frti_names_init(&p->names, &p->arena);
  return p;
}

void frti_program_touch(frt_program_t *p) { ++p->version; }

frt_program_t *frt_program_retain(frt_program_t *p) {
  if (p) atomic_fetch_add(&p->refs, 1);
  return p;
}

void frt_program_release(frt_program_t *p) {
  if (!p || atomic_fetch_sub(&p->refs, 1) != 1) return;
  frti_index_release(p);
  frti_names_release(&p->names);
  frti_arena_release(&p->arena);
  frti_free(p);
}

uint64_t frt_program_uid(const frt_program_t *p) { return p->uid; }
uint64_t frt_program_version(const frt_program_t *p) { return p->version; }

frt_status_t frt_program_create(frt_program_t **out, frt_error_t *err) {
  *out = NULL;
  frt_program_t *p = frti_program_new();
  if (p) p->blocks = frti_arena_calloc(&p->arena, 1, sizeof *p->blocks);
  if (!p || !p->blocks) {
    frt_program_release(p);
    return frti_no_memory(err);
  }
  p->n_blocks = 1;
  p->blocks_cap = 1;
  p->blocks[0].parent = p->blocks[0].forward_block_idx = -1;
  p->has_version = p->has_version_number = true;
  p->format_version = FORMAT_VERSION;
  frti_index_build(p); /* without it, looking up is a scan */
  *out = p;
  return FRT_OK;
}

/* ---- loading --------------------------------------------------------------------- */

frti_limits_t frti_limits_of(const frt_load_options_t *options) {
  frt_load_options_t o = {0};
  if (options)
    memcpy(&o, options,
           options->struct_size ? FRTI_MIN((size_t)options->struct_size, sizeof o)
                                : sizeof o);
  const uint64_t many = 4u << 20;
  frti_limits_t l = {
      .max_bytes = o.max_bytes ? o.max_bytes : (uint64_t)64 << 20,
      .max_memory = o.max_memory ? o.max_memory : (uint64_t)512 << 20,
      .max_ops = o.max_ops ? o.max_ops : many,
      .max_vars = o.max_vars ? o.max_vars : many,
      .max_args = o.max_args ? o.max_args : many,
      .max_rank = o.max_rank ? o.max_rank : FRT_MAX_RANK,
      .max_depth = o.max_depth ? o.max_depth : 64,
  };
  return l;
}

/* Names what the bytes are instead, where their beginning tells. */
static frt_status_t explain(const uint8_t *bytes, size_t n, frt_status_t status,
                            frt_error_t *err) {
  const char *kind = frti_wire_kind(bytes, n);
  if (status != FRT_DATA_LOSS || !kind || !err) return status;
  char message[sizeof err->message];
  memcpy(message, err->message, sizeof message);
  static const char said[] = "not a ProgramDesc: ";
  const char *rest = message;
  if (!strncmp(message, said, sizeof said - 1)) rest += sizeof said - 1;
  snprintf(err->message, sizeof err->message, "not a ProgramDesc but %s: %.300s", kind,
           rest);
  return status;
}

frt_status_t frt_program_parse(const void *bytes, size_t n,
                               const frt_load_options_t *options, frt_program_t **out,
                               frt_error_t *err) {
  const frti_limits_t limits = frti_limits_of(options);
  *out = NULL;
  if (n > limits.max_bytes) {
    frt_fail(err, FRT_RESOURCE_EXHAUSTED, "the program has %zu bytes; max_bytes is %llu",
             n, (unsigned long long)limits.max_bytes);
    return frti_error_phase(err, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_PARSE);
  }
  frt_program_t *p = frti_program_new();
  if (!p) return frti_no_memory(err);
  frt_status_t status = frti_program_decode(p, n ? bytes : "", n, &limits, err);
  if (status != FRT_OK) {
    explain(n ? bytes : "", n, status, err);
    frti_error_phase(err, status, FRT_PHASE_PARSE);
  } else {
    status = frti_program_check(p, &limits, err);
  }
  if (status != FRT_OK) {
    frt_program_release(p);
    return status;
  }
  frti_index_build(p);
  *out = p;
  return FRT_OK;
}

/* The file to read: `path` itself, or the model file in that folder. */
static frt_status_t find_file(const char *path, frti_str_t *file, frt_error_t *err) {
  static const char *const names[] = {"__model__", "main.pdmodel", "main.pb",
                                      "main.pbtxt"};
  frti_str_add(file, path);
  if (!frti_is_dir(path)) return file->failed ? frti_no_memory(err) : FRT_OK;
  for (size_t i = 0; i < FRTI_COUNT(names); ++i) {
    frti_str_release(file);
    frti_str_addf(file, "%s/%s", path, names[i]);
    if (file->failed) return frti_no_memory(err);
    if (frti_is_file(file->text)) return FRT_OK;
  }
  frt_fail(err, FRT_NOT_FOUND,
           "'%.200s' holds neither __model__ nor main.pdmodel, main.pb or main.pbtxt", path);
  return frti_error_name(err, FRT_NOT_FOUND, path);
}

static bool is_text(const char *path) {
  const size_t n = strlen(path);
  return n > 6 && !strcmp(path + n - 6, ".pbtxt");
}

frt_status_t frt_program_load(const char *path, const frt_load_options_t *options,
                              frt_program_t **out, frt_error_t *err) {
  frti_str_t file = {0};
  uint8_t *bytes = NULL;
  size_t n = 0;
  *out = NULL;
  frt_status_t status = find_file(path, &file, err);
  if (status == FRT_OK)
    status = frti_file_read(file.text, frti_limits_of(options).max_bytes, &bytes, &n, err);
  if (status != FRT_OK) frti_error_phase(err, status, FRT_PHASE_PARSE);
  else if (is_text(file.text))
    status = frt_program_parse_text((const char *)bytes, n, options, out, err);
  else
    status = frt_program_parse(bytes, n, options, out, err);
  frti_free(bytes);
  frti_str_release(&file);
  return status;
}
