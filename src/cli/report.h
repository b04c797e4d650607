/* fluidrt train --report: one HTML file that needs nothing else. */
#ifndef FRTI_REPORT_H
#define FRTI_REPORT_H

#include "chart.h"
#include "train.h"

typedef struct frti_cli_report {
  const frti_cli_train_args_t *args;
  const char *data, *loss;      /* lent */
  const double *losses, *rates; /* by step; NAN: not known */
  int64_t first, done;
  const frti_cli_layer_t *layers; /* their rates are known once all steps are done */
  size_t n_layers;
  const frti_cli_locals_t *locals;
  const frt_op_time_t *times; /* of some steps */
  size_t n_times;
  int64_t timed; /* how many steps */
  int64_t n_train, n_test;
  bool tested;
  double test_loss, accuracy, seconds;
  uint32_t n_ops, threads;
  frt_executor_stats_t stats;
  char *explain; /* frt_executor_explain's JSON, or NULL */
} frti_cli_report_t;

/* To the side, synced, renamed. 0, or the exit status after an error line. */
int frti_cli_report(const frti_cli_report_t *r);

/* report_time.c: where the time of a step goes, by type of op and by op. */
void frti_cli_report_times(
    FILE *to, const frt_op_time_t *times, size_t n, int64_t steps);

#endif
