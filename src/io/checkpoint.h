/* What saving and loading of checkpoints share. */
#ifndef FRTI_IO_CHECKPOINT_H
#define FRTI_IO_CHECKPOINT_H

#include "fluidrt/checkpoint.h"
#include "io/io.h"

/* No variable can have this name: '%' in a name is written "%25". */
#define FRTI_MANIFEST "%manifest"
#define FRTI_MANIFEST_HEAD "fluidrt checkpoint 1\n"
enum { FRTI_HASH_TEXT = 33 };

/* A path that leaves no room for names below it. */
enum { FRTI_MAX_DIR = 3800 };
static inline frt_status_t frti_long_path(const char *dir, frt_error_t *err) {
  return frt_fail(err, FRT_INVALID_ARGUMENT, "the path '%.60s...' is too long", dir);
}

/* XXH3-128 in hexadecimal. */
void frti_hash_text(const void *bytes, size_t n, char to[FRTI_HASH_TEXT]);
/* "step-12" and "step-12.old" -> 12; false for every other name. */
bool frti_step_of(const char *name, uint64_t *step);
/* The steps that have a folder, newest first, each once: an array for frti_free. */
frt_status_t frti_list_steps(const frti_folder_t *f, uint64_t **steps, size_t *n,
                             frt_error_t *err);

#endif
