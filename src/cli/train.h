/* The parts of `fluidrt train`: data, random order, pictures in the terminal. */
#ifndef FRTI_TRAIN_H
#define FRTI_TRAIN_H

#include "cli.h"

/* ---- train_options.c --------------------------------------------------------------- */

typedef struct frti_cli_train_args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *program, *data, *loss, *compare, *save, *resume, *scope_out, *report;
  const char *over, *losses;
  char *startup, *test;
  frti_cli_list_t maps;
  int64_t batch, steps, every, epochs, save_every;
  const char *lr;
  bool steps_given;
  uint32_t shuffle_seed, split_seed;
  double test_share;
} frti_cli_train_args_t;

/* Ends the command with 64 if the options are wrong. */
void frti_cli_train_parse(int argc, char **argv, frti_cli_train_args_t *out);

/* ---- train_keep.c: checkpoints and the rate --------------------------------------- */

/* Reads the newest checkpoint of --resume; *step is where it goes on. The executor is
 * made again, so that draws with seed 0 go on too. */
int frti_cli_train_resume(
    frti_cli_train_args_t *a, frti_cli_session_t *s, int64_t *step);
/* Writes a checkpoint to --save and says where (not with -q). */
int frti_cli_train_keep(
    const frti_cli_train_args_t *a, const frti_cli_session_t *s, int64_t step);
/* --lr: the rate variable gets this value; refused where the program computes it. */
int frti_cli_train_rate(const frti_cli_train_args_t *a, const frti_cli_session_t *s,
    const frt_program_t *main, const char *rate);

/* ---- shuffle.c: the Mersenne twister MT19937, seeded and read like numpy's
 * RandomState, so that a recorded order can be drawn again ------------------------- */

typedef struct frti_cli_shuffle {
  uint32_t state[624];
  unsigned at;
} frti_cli_shuffle_t;
void frti_cli_shuffle_seed(frti_cli_shuffle_t *s, uint32_t seed);
/* 0 .. max, both included. */
uint32_t frti_cli_shuffle_upto(frti_cli_shuffle_t *s, uint32_t max);
/* A permutation of 0 .. n - 1. */
void frti_cli_shuffle_permutation(frti_cli_shuffle_t *s, int64_t *out, int64_t n);

/* ---- train_data.c: arrays of an .npz as feeds -------------------------------------- */

typedef struct frti_cli_data {
  frti_cli_list_t names; /* of the feeds */
  frt_tensor_t **arrays; /* one per feed, all rows, in the feed's dtype */
  int64_t n_rows, n_train, n_test;
  int64_t *order; /* the test rows, then the training rows */
  frti_cli_shuffle_t batches;
} frti_cli_data_t;

typedef struct frti_cli_data_options {
  const char *file;
  const frti_cli_list_t *maps; /* "FEED=ARRAY[/SCALE]" */
  uint32_t split_seed, shuffle_seed;
  double test_share;
} frti_cli_data_options_t;

int frti_cli_data_load(const frti_cli_t *cli, const frti_cli_data_options_t *options,
    const frt_program_t *program, frti_cli_data_t *out);
void frti_cli_data_release(frti_cli_data_t *d);
/* A tensor of `rows` rows for feed i. */
frt_tensor_t *frti_cli_data_buffer(const frti_cli_data_t *d, size_t i, int64_t rows);
/* Fills the feeds with rows drawn from the training part, with replacement. */
void frti_cli_data_draw(frti_cli_data_t *d, frt_feed_t *feeds, int64_t rows);
/* Fills the feeds with all test rows. */
void frti_cli_data_test(const frti_cli_data_t *d, frt_feed_t *feeds);

/* ---- lars.c: the local rates of lars_momentum ------------------------------------ */

typedef struct frti_cli_layer {
  const char *param, *grad, *rate; /* variables of block 0, lent by the program */
  double coeff, decay;
  frt_tensor_t *before; /* the parameter before the last step */
  double norm_p, norm_g, lr, local;
} frti_cli_layer_t;

/* About how many steps a report looks into. */
enum { FRTI_CLI_WATCHED = 60 };

/* Local rates as they were at some steps. */
typedef struct frti_cli_locals {
  double *steps; /* n, ascending */
  double *rates; /* of layer i at steps[k]: rates[i * cap + k] */
  size_t n, cap;
} frti_cli_locals_t;

/* The lars_momentum ops of block 0; *n of them, for free(). */
frti_cli_layer_t *frti_cli_layers(const frt_program_t *p, size_t *n);
/* From the gradient and the rate: norms and local rate. */
void frti_cli_layer_rate(
    frti_cli_layer_t *l, const frt_tensor_t *grad, const frt_tensor_t *rate);
/* Keeps the rates of `n` layers, which are those after `step` steps. */
void frti_cli_locals_add(
    frti_cli_locals_t *to, const frti_cli_layer_t *l, size_t n, int64_t step);
void frti_cli_layers_print(const frti_cli_layer_t *l, size_t n);
json_t *frti_cli_layers_json(const frti_cli_layer_t *l, size_t n);

/* ---- curve.c --------------------------------------------------------------------- */

/* Draws y over 1 .. n; dots in braille where the terminal speaks UTF-8. */
void frti_cli_curve(FILE *to, const char *title, const double *y, size_t n);
/* The same over another curve, `behind`. */
void frti_cli_curves(FILE *to, const char *title, const double *y, size_t n,
    const double *behind, size_t n_behind);

/* ---- train_over.c: another run to stand beside ------------------------------------- */

typedef struct frti_cli_over {
  double *losses, accuracy; /* accuracy: nan if it was not tested */
  size_t n;
} frti_cli_over_t;
/* Reads what `train --json` or `--losses` wrote. */
int frti_cli_over_load(const frti_cli_t *cli, const char *path, frti_cli_over_t *out);
void frti_cli_over_release(frti_cli_over_t *o);
/* One line: how far `losses` are from those of the other run. */
void frti_cli_over_print(const frti_cli_over_t *o, const char *path, const double *losses,
    size_t n, double accuracy);

/* ---- progress.c ------------------------------------------------------------------ */

typedef struct frti_cli_progress {
  bool quiet, terminal;
  int64_t steps, every;
  double start, shown;
} frti_cli_progress_t;
double frti_cli_now(void);             /* seconds, monotonic */
double frti_cli_process_seconds(void); /* since this process began */
double frti_cli_peak_bytes(void);
void frti_cli_progress_begin(
    frti_cli_progress_t *p, const frti_cli_t *cli, int64_t steps, int64_t every);
void frti_cli_progress_step(frti_cli_progress_t *p, int64_t step, double loss, double lr);

#endif
