/* What every layer stands on: memory, names, text, checked sizes, errors. */
#ifndef FRTI_BASE_H
#define FRTI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fluidrt/status.h"

#define FRTI_UNUSED(x) ((void)(x))
#define FRTI_MIN(a, b) ((a) < (b) ? (a) : (b))
#define FRTI_MAX(a, b) ((a) > (b) ? (a) : (b))
#define FRTI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- memory: the one door for all allocations (faults are injected here) ---- */

void *frti_alloc(size_t bytes);               /* NULL when out of memory */
void *frti_calloc(size_t n, size_t bytes);    /* zeroed; NULL also on overflow */
void *frti_realloc(void *p, size_t bytes);
void *frti_alloc_aligned(size_t bytes, size_t align);
void frti_free(void *p); /* for all of the above; NULL is fine */
char *frti_strdup(const char *s);

/* An arena: many small pieces, one release. Zero-initialise it. */
typedef struct frti_arena {
  struct frti_arena_block *head;
  size_t used;  /* bytes handed out */
  size_t limit; /* 0 = none; beyond it frti_arena_alloc gives NULL */
} frti_arena_t;
void *frti_arena_alloc(frti_arena_t *a, size_t bytes);  /* 16-aligned, not zeroed */
void *frti_arena_calloc(frti_arena_t *a, size_t n, size_t bytes);
char *frti_arena_strdup(frti_arena_t *a, const char *s);
void frti_arena_release(frti_arena_t *a);

/* Makes room for one more element of a growing array; false = out of memory. */
bool frti_grow(void **array, size_t count, size_t *cap, size_t elem);
#define FRTI_GROW(array, count, cap) \
  frti_grow((void **)&(array), (count), &(cap), sizeof *(array))

/* ---- checked sizes: no raw products of untrusted numbers elsewhere ---------- */

bool frti_mul_size(size_t a, size_t b, size_t *out);
bool frti_add_size(size_t a, size_t b, size_t *out);
/* Elements of a shape; false if a dim is negative or the product overflows. */
bool frti_numel(uint32_t rank, const int64_t *dims, int64_t *out);

/* ---- text ------------------------------------------------------------------- */

/* A growing string; `failed` is set once memory ran out, then nothing happens. */
typedef struct frti_str {
  char *text; /* NUL-terminated, frti_free it; NULL while empty */
  size_t len, cap;
  bool failed;
} frti_str_t;
void frti_str_add(frti_str_t *s, const char *text);
void frti_str_add_n(frti_str_t *s, const char *text, size_t n);
void frti_str_addf(frti_str_t *s, const char *fmt, ...) FRT_PRINTF(2, 3);
/* A float or double with the fewest digits that read back equal, '.' always. */
void frti_str_add_f32(frti_str_t *s, float v);
void frti_str_add_f64(frti_str_t *s, double v);
/* "..." with control characters, quotes and backslashes escaped (JSON's way). */
void frti_str_add_json(frti_str_t *s, const char *text);
void frti_str_release(frti_str_t *s);

/* "[2, 3]" into `to`; -1 stays -1. Returns `to`. */
const char *frti_dims_text(char *to, size_t cap, uint32_t rank, const int64_t *dims);

/* Nearest by edit distance: offer candidates, then ask. */
typedef struct frti_nearest {
  const char *wanted;
  const char *best; /* NULL: nothing within a third of the length */
  size_t distance;
} frti_nearest_t;
void frti_nearest_offer(frti_nearest_t *n, const char *candidate);

/* ---- interned names ----------------------------------------------------------
 * Equal texts are one pointer within a table, and carry a dense id. */
typedef struct frti_names {
  frti_arena_t *arena;
  const char **slots; /* open addressing, power of two */
  const char **by_id;
  size_t n, cap, by_id_cap;
  uint64_t seed;
} frti_names_t;
typedef struct frti_name_head { uint32_t id, len; } frti_name_head_t;
static inline uint32_t frti_name_id(const char *interned) {
  return ((const frti_name_head_t *)(const void *)interned)[-1].id;
}
static inline uint32_t frti_name_len(const char *interned) {
  return ((const frti_name_head_t *)(const void *)interned)[-1].len;
}
/* arena outlives the table. The seed differs per process. */
void frti_names_init(frti_names_t *t, frti_arena_t *arena);
const char *frti_names_add(frti_names_t *t, const char *text, size_t len); /* NULL: memory */
const char *frti_names_find(const frti_names_t *t, const char *text, size_t len);
void frti_names_release(frti_names_t *t); /* not the arena */
uint64_t frti_random_seed(void);
uint64_t frti_hash(const void *bytes, size_t n, uint64_t seed);

/* ---- errors ------------------------------------------------------------------- */

/* Sets phase, block, op and op_type (NULL: none) of an error that is already filled
 * and puts "block B op #N type: " before its message, once. err may be NULL. */
frt_status_t frti_error_at(frt_error_t *err, frt_status_t status, frt_phase_t phase,
                           int32_t block, int32_t op, const char *op_type);
/* `status`, or INTERNAL for a number that there is not: a provider may return anything.
 * The two functions that set a phase do so too. */
frt_status_t frti_known_status(frt_status_t status);
/* Sets the phase only. */
frt_status_t frti_error_phase(frt_error_t *err, frt_status_t status, frt_phase_t phase);
/* Sets `name` (cut at its size) of a filled error. */
frt_status_t frti_error_name(frt_error_t *err, frt_status_t status, const char *name);
static inline frt_status_t frti_no_memory(frt_error_t *err) {
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
}

/* ---- operating system: the only layer that calls it ---------------------------- */

uint64_t frti_now_ns(void);
void frti_pause(void); /* lets others run for a tenth of a millisecond */
uint32_t frti_cpu_count(void); /* CPUs this process may use, at least 1 */
uint64_t frti_process_id(void); /* another one in a child of fork */

/* Reads a regular file of at most `max` bytes (0 = no limit), NUL-terminated (the NUL
 * does not count). Errors: NOT_FOUND; UNAVAILABLE (native = errno);
 * RESOURCE_EXHAUSTED too large; INVALID_ARGUMENT not a regular file. */
frt_status_t frti_file_read(const char *path, uint64_t max, uint8_t **bytes, size_t *n,
                            frt_error_t *err);
/* The same without a limit, for files in folders from elsewhere: INVALID_ARGUMENT also
 * for a symbolic link, which might lead out of the folder. */
frt_status_t frti_file_read_itself(const char *path, uint8_t **bytes, size_t *n,
                                   frt_error_t *err);
/* Writes path.tmpXXXXXX, fsyncs, renames over path, fsyncs the folder. */
frt_status_t frti_file_write(const char *path, const void *bytes, size_t n,
                             frt_error_t *err);
bool frti_is_dir(const char *path);
bool frti_is_file(const char *path);
bool frti_others_may_write(const char *path); /* every user of the machine */
frt_status_t frti_make_dir(const char *path, frt_error_t *err); /* parents too */
/* Sorted names of the regular files in a folder that end in `suffix` ("" = all); an
 * array of *n strings, one frti_free. */
frt_status_t frti_list_dir(const char *dir, const char *suffix, const char ***names,
                           size_t *n, frt_error_t *err);

/* ---- what a provider may not change in the process -------------------------------- */

typedef struct frti_process_state frti_process_state_t;
/* Notes floating-point mode, locale, folder, signal mask and handlers; NULL: memory. */
frti_process_state_t *frti_process_state_note(void);
/* Puts back what has changed since, names it ("rounding mode, signal mask"; "" nothing)
 * and frees the note. */
void frti_process_state_restore(frti_process_state_t *state, char *changed, size_t cap);

/* An opened folder. Names are those of entries in it, never with '/'. Errors: NOT_FOUND,
 * UNAVAILABLE (native = errno), RESOURCE_EXHAUSTED. */
typedef struct frti_folder {
  int fd;
  char *path; /* for messages */
} frti_folder_t;
#define FRTI_NO_FOLDER {-1, NULL}
typedef enum frti_entry { FRTI_NOTHING = 0, FRTI_FILE, FRTI_FOLDER, FRTI_OTHER } frti_entry_t;
/* By its path, in which links are followed. INVALID_ARGUMENT: no folder. */
frt_status_t frti_folder_open(const char *path, frti_folder_t *out, frt_error_t *err);
/* A folder in it, which must be no link (INVALID_ARGUMENT). */
frt_status_t frti_folder_enter(const frti_folder_t *f, const char *name, frti_folder_t *out,
                               frt_error_t *err);
frt_status_t frti_folder_make(const frti_folder_t *f, const char *name, frti_folder_t *out,
                              frt_error_t *err);
void frti_folder_close(frti_folder_t *f); /* closed is fine */
frti_entry_t frti_folder_has(const frti_folder_t *f, const char *name);
/* INVALID_ARGUMENT: a link, or no regular file. */
frt_status_t frti_folder_read(const frti_folder_t *f, const char *name, uint64_t max,
                              uint8_t **bytes, size_t *n, frt_error_t *err);
/* A new file, synced; the folder is not. ALREADY_EXISTS. */
frt_status_t frti_folder_write_new(const frti_folder_t *f, const char *name,
                                   const void *bytes, size_t n, frt_error_t *err);
/* To the side, synced, renamed over what was there; the folder is not synced. */
frt_status_t frti_folder_write(const frti_folder_t *f, const char *name, const void *bytes,
                               size_t n, frt_error_t *err);
frt_status_t frti_folder_sync(const frti_folder_t *f, frt_error_t *err);
frt_status_t frti_folder_rename(const frti_folder_t *f, const char *from, const char *to,
                                frt_error_t *err); /* and syncs it */
/* Both change their places at once; *done false: this disk cannot. */
frt_status_t frti_folder_exchange(const frti_folder_t *f, const char *a, const char *b,
                                  bool *done, frt_error_t *err);
/* Changes when the entry is another one or its contents change; 0: there is none. */
uint64_t frti_folder_stamp(const frti_folder_t *f, const char *name);
/* A file, or a folder of files; missing is fine. */
frt_status_t frti_folder_remove(const frti_folder_t *f, const char *name, frt_error_t *err);
/* As frti_list_dir; suffix NULL: the folders. */
frt_status_t frti_folder_list(const frti_folder_t *f, const char *suffix,
                              const char ***names, size_t *n, frt_error_t *err);
/* Until it is closed, nobody else has it. Errors: BUSY, at once. */
frt_status_t frti_folder_lock(const frti_folder_t *f, frt_error_t *err);

#endif
