/* What the files of the verb `conform` share. */
#ifndef FRTI_CLI_CONFORM_H
#define FRTI_CLI_CONFORM_H

#include "case.h"
#include "runner/replay.h"

typedef struct frti_cli_conform {
  frti_cli_t cli;
  frti_options_t o;
  const char *program, *startup, *recorded; /* recorded: a case */
  frti_cli_list_t feeds;                    /* "NAME=FILE" */
  uint64_t steps;                           /* 0: all steps of the case, or one run */
} frti_cli_conform_t;

/* The whole of `conform --program` and `--case`; ctx: frti_cli_conform_t. */
int frti_cli_conform_program(void *ctx, frti_progress_t *progress);

/* --mode train: the case that was given, or the bundled ones. ctx: frti_cli_conform_t. */
void frti_cli_conform_train(void *ctx, struct frti_tally *t);

#endif
