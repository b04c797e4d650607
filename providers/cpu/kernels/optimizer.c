#include "fluidrt/op_index.h"
#include "loop.h"

FRT_CPU_LOOP(sgd, A - P * B)

/* ParamOut is Param's own memory. */
static frt_status_t sgd_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_SGD_OUT_PARAMOUT), frt_in_f32(r, FRT_SGD_IN_PARAM),
                    frt_in_f32(r, FRT_SGD_IN_GRAD),
                    frt_in_f32(r, FRT_SGD_IN_LEARNINGRATE)[0], 0};
  (void)state, (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_SGD_IN_PARAM), FRT_CPU_GRAIN, sgd, &e);
  return FRT_OK;
}

FRT_KERNELS(cpu, optimizer) = {
    FRT_KERNEL_PLAIN("sgd", FRT_F32S, sgd, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
