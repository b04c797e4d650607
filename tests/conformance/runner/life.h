/* What is asked of a provider once, whatever its ops are. */
#ifndef FRTI_CONFORM_LIFE_H
#define FRTI_CONFORM_LIFE_H

#include "runner/process.h"

/* What --ops and --replay call it. */
#define FRTI_LIFE "provider"
/* was: the process as it is to stay. */
void frti_run_life(const frti_options_t *o, frti_process_t *was, FILE *to);

#endif
