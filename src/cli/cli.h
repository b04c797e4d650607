/* What the verbs of the command `fluidrt` share. The command stands on the public
 * headers, jansson, libzip and argp alone.
 *
 * A verb is `int frti_cli_<verb>(int argc, char **argv)`, argv[0] being
 * "fluidrt <verb>"; what it returns is the exit status. Errors are one line on
 * stderr; results go to stdout, and JSON has stdout for itself. */
#ifndef FRTI_CLI_H
#define FRTI_CLI_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fluidrt/fluidrt.h"

/* The numbers of sysexits.h, and the shell's for an interrupt. */
enum {
  CLI_OK = 0,
  CLI_NO = 1,
  CLI_USAGE = 64,
  CLI_DATA = 65,
  CLI_NO_INPUT = 66,
  CLI_UNAVAILABLE = 69,
  CLI_INTERNAL = 70,
  CLI_MEMORY = 71,
  CLI_CANNOT_CREATE = 73,
  CLI_CANNOT_WRITE = 74,
  CLI_INTERRUPTED = 130
};

int frti_cli_new(int argc, char **argv);
int frti_cli_run(int argc, char **argv);
int frti_cli_train(int argc, char **argv);
int frti_cli_verify(int argc, char **argv);
int frti_cli_inspect(int argc, char **argv);
int frti_cli_check(int argc, char **argv);
int frti_cli_convert(int argc, char **argv);
int frti_cli_prune(int argc, char **argv);
int frti_cli_export(int argc, char **argv);
int frti_cli_providers(int argc, char **argv);
int frti_cli_ops(int argc, char **argv);
int frti_cli_explain(int argc, char **argv);
int frti_cli_conform(int argc, char **argv);

/* ---- options that all verbs have (options.c) -------------------------------- */

typedef struct frti_cli {
  const char *verb;   /* "run" */
  const char *places; /* NULL: not given */
  uint32_t threads;
  uint64_t seed;
  bool json, no_fuse, no_reuse, check_nan, check_provider, check_plans, spread, quiet;
  const char *trace, *profile; /* files to write; NULL: none */
  bool explain_only; /* devices that are not there do not hinder */
  uint64_t mem_limit, first_run;
  bool no_warnings; /* the verb asks for what would be warned of */
} frti_cli_t;

/* The common options as an argp child: its input is the verb's frti_cli_t. */
extern const struct argp frti_cli_argp;
extern const struct argp_child frti_cli_children[];
/* "12", whole and in range, else argp_error (which exits with 64). */
uint64_t frti_cli_number(
    struct argp_state *state, const char *option, const char *text, uint64_t max);

/* ---- texts, lists (text.c) ---------------------------------------------------- */

typedef struct frti_cli_list {
  char **items;
  size_t n, cap;
} frti_cli_list_t;

void *frti_cli_alloc(size_t bytes); /* zeroed; out of memory ends the command, 71 */
char *frti_cli_strdup(const char *s);
/* Formats into a new string for free(). */
char *frti_cli_text(const char *fmt, ...) FRT_PRINTF(1, 2);
void frti_cli_list_add(frti_cli_list_t *l, const char *item); /* copies */
void frti_cli_list_sort(frti_cli_list_t *l);
bool frti_cli_list_has(const frti_cli_list_t *l, const char *item);
void frti_cli_list_release(frti_cli_list_t *l);
/* The candidate nearest to `word`, NULL if none is near. */
const char *frti_cli_nearest(const char *word, const char *const *candidates, size_t n);
bool frti_cli_ends_with(const char *s, const char *suffix);
/* "[2, 3]" into `to`; returns `to`. */
const char *frti_cli_dims(char *to, size_t cap, uint32_t rank, const int64_t *dims);
/* A number for JSON, which has no nan and no inf: those become strings. */
json_t *frti_cli_json_number(double v);
json_t *frti_cli_json_dims(uint32_t rank, const int64_t *dims);
/* Prints `root` (which it releases) to stdout. */
void frti_cli_json_print(json_t *root);

/* ---- errors and exit status (errors.c) --------------------------------------- */

/* One line on stderr: "fluidrt run: " and the text. Returns `code`. */
int frti_cli_fail(const frti_cli_t *cli, int code, const char *fmt, ...) FRT_PRINTF(3, 4);
/* The same for a library error about `what` (a file, NULL: none): the exit status
 * comes from one table over status and phase. */
int frti_cli_error(const frti_cli_t *cli, const char *what, const frt_error_t *err);
/* The exit status of a library error. */
int frti_cli_status(const frt_error_t *err);
/* The same where a file was being written: 73 or 74. */
int frti_cli_write_error(const frti_cli_t *cli, const char *what, const frt_error_t *err);
void frti_cli_note(const frti_cli_t *cli, const char *fmt, ...) FRT_PRINTF(2, 3);

/* ---- runtime, executor, scope (session.c) ------------------------------------- */

typedef struct frti_cli_trace frti_cli_trace_t;
typedef struct frti_cli_session {
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frti_cli_trace_t *trace;
} frti_cli_session_t;

/* Each prints its error and returns the exit status, 0 if all is well. */
int frti_cli_open_runtime(const frti_cli_t *cli, frti_cli_session_t *s);
int frti_cli_open(const frti_cli_t *cli, frti_cli_session_t *s);
void frti_cli_close(frti_cli_session_t *s);
int frti_cli_executor(const frti_cli_t *cli, frt_runtime_t *rt, const char *places,
    const frt_pin_t *pin, frt_executor_t **out);
/* What the common options ask of an executor; pin may be NULL. */
frt_executor_options_t frti_cli_executor_options(const frti_cli_t *cli, const frt_pin_t *pin);
int frti_cli_load(const frti_cli_t *cli, const char *path, frt_program_t **out);
/* While set, SIGINT cancels the run of this executor; NULL: nothing is watched. */
void frti_cli_watch(frt_executor_t *exe);
/* SIGINT is only noted: the run in progress ends as usual. */
void frti_cli_watch_between_runs(void);
bool frti_cli_interrupted(void);

/* ---- where the time goes (trace.c) ---------------------------------------------- */

/* --trace, --profile: has the session's executor measure and tell. Again after another
 * executor took its place. */
int frti_cli_trace_begin(const frti_cli_t *cli, frti_cli_session_t *s);
/* Ends the file of --trace. */
void frti_cli_trace_end(frti_cli_session_t *s);
/* --profile: what explain says of `p`, with the times that were measured. */
int frti_cli_profile(const frti_cli_t *cli, const frti_cli_session_t *s,
    const frt_program_t *p, const frt_feed_t *feeds, size_t n_feeds,
    const frt_fetch_t *fetches, size_t n_fetches, int64_t batch, bool prune);
/* FOLDER/STEM.pdmodel or FOLDER/STEM.pb, whichever is there, for free(); NULL: neither. */
char *frti_cli_sibling(const char *folder, const char *stem);

/* ---- looking into programs (look.c) -------------------------------------------- */

/* The variables that a run of block 0 must be fed with: what feed ops give in col
 * order, else what is read and never written and not persistable. */
void frti_cli_feeds(const frt_program_t *p, frti_cli_list_t *out);
/* What fetch ops name, in col order. */
void frti_cli_fetches(const frt_program_t *p, frti_cli_list_t *out);
/* The output of the op whose op_role carries the loss bit (256); NULL: none does. */
const char *frti_cli_marked_loss(const frt_program_t *p);
/* The attribute of an op; false if it is not there. */
bool frti_cli_attr(const frt_program_t *p, int32_t block, uint32_t op, const char *name,
    frt_attr_info_t *out);
/* The first argument of a slot, NULL if there is none. */
const char *frti_cli_in(
    const frt_program_t *p, int32_t block, uint32_t op, const char *slot);
const char *frti_cli_out(
    const frt_program_t *p, int32_t block, uint32_t op, const char *slot);
/* The op types of all blocks that the library does not know, sorted, once each. */
void frti_cli_unknown_ops(const frt_program_t *p, frti_cli_list_t *out);

/* ---- feeds by shape (shapes.c) ---------------------------------------------------- */

/* Takes the argument of --feed-shape apart, or argp_error. */
void frti_cli_shape_option(
    struct argp_state *state, char *arg, frti_cli_list_t *names, frti_cli_list_t *shapes);
/* A feed of zeros with the declared dtype and the shape "2,3"; the exit status. */
int frti_cli_feed_shape(const frti_cli_t *cli, const char *program, const frt_program_t *p,
    const char *name, const char *shape, frt_feed_t *out);

/* ---- a folder or a zip file, read alike (files.c) ------------------------------ */

typedef struct frti_cli_files frti_cli_files_t;
/* Errors: NOT_FOUND; DATA_LOSS neither a folder nor a zip file. */
frt_status_t frti_cli_files_open(
    const char *path, frti_cli_files_t **out, frt_error_t *err);
void frti_cli_files_close(frti_cli_files_t *f);
/* *bytes for free(), with a NUL behind. Errors: NOT_FOUND, DATA_LOSS, UNAVAILABLE. */
frt_status_t frti_cli_files_read(
    frti_cli_files_t *f, const char *name, void **bytes, size_t *n, frt_error_t *err);
frt_status_t frti_cli_files_npy(
    frti_cli_files_t *f, const char *name, frt_tensor_t **out, frt_error_t *err);
/* The names of the files directly in `dir` ("" is the top), sorted. */
void frti_cli_files_list(frti_cli_files_t *f, const char *dir, frti_cli_list_t *out);

/* ---- tensors for people (tensors.c) ---------------------------------------------- */

double frti_cli_element(const frt_tensor_t *t, int64_t i); /* as a double */
void frti_cli_print_tensor(FILE *to, const char *name, const frt_tensor_t *t);
json_t *frti_cli_json_tensor(const char *name, const frt_tensor_t *t);
/* DIR/V.npy of a variable, `%` and `/` in its name escaped; for free(). */
char *frti_cli_npy_path(const char *dir, const char *name);
/* Makes a folder and its parents. 0, or the exit status after an error line. */
int frti_cli_make_dir(const frti_cli_t *cli, const char *dir);

/* Writes a program in the kind that the suffix of `path` asks for. */
int frti_cli_save_program(
    const frti_cli_t *cli, const frt_program_t *p, const char *path);
/* The bytes of a serialized program without op_callstack; *out for free(). */
bool frti_cli_strip_callstack(const void *bytes, size_t n, void **out, size_t *out_n);

/* What provider files say of themselves; with `load` also what they register. */
int frti_cli_provider_files(const frti_cli_t *cli, frt_runtime_t *rt,
    const frti_cli_list_t *files, bool load);

#endif
