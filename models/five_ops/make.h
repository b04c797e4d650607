/* The programs of five_ops, written into empty ones. */
#ifndef MODELS_FIVE_OPS_MAKE_H
#define MODELS_FIVE_OPS_MAKE_H

#include "fluidrt/program.h"

frt_status_t five_ops_startup(frt_program_t *p, frt_error_t *err);
frt_status_t five_ops_main(frt_program_t *p, frt_error_t *err);

#endif
