/* fluidrt train --report: one HTML file that needs nothing else. */
#ifndef FRTI_REPORT_H
#define FRTI_REPORT_H

#include "train.h"

typedef struct frti_cli_report {
  const frti_cli_train_args_t *args;
  const char *data, *loss;      /* lent */
  const double *losses, *rates; /* by step; NAN: not known */
  int64_t first, done;
  const frti_cli_layer_t *layers; /* their rates are known once all steps are done */
  size_t n_layers;
  int64_t n_train, n_test;
  bool tested;
  double test_loss, accuracy, seconds;
  uint32_t n_ops, threads;
  frt_executor_stats_t stats;
  char *explain; /* frt_executor_explain's JSON, or NULL */
} frti_cli_report_t;

/* To the side, synced, renamed. 0, or the exit status after an error line. */
int frti_cli_report(const frti_cli_report_t *r);

/* ---- report_chart.c: pictures in SVG --------------------------------------------------
 */

/* Text with & < > " escaped. */
void frti_cli_html(FILE *to, const char *text);
/* y over steps first + 1 .. first + n; what is not finite leaves a hole. */
void frti_cli_chart(FILE *to, const char *title, const char *label, const double *y,
    int64_t first, size_t n);
/* One bar for each local rate. */
void frti_cli_bars(FILE *to, const frti_cli_layer_t *l, size_t n);

#endif
