/* Checkpoints of fluidrt train, and the rate by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

typedef frti_cli_train_args_t args_t;

int frti_cli_train_resume(args_t *a, frti_cli_session_t *s, int64_t *step) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  if (frt_checkpoint_load(a->resume, s->scope, &info, &err))
    return frti_cli_error(&a->cli, a->resume, &err);
  const uint64_t seed = a->cli.seed ? a->cli.seed : 1;
  if (info.seed != seed)
    return frti_cli_fail(&a->cli, CLI_USAGE,
        "%s was trained with --seed %llu, this run has %llu: the draws would differ",
        a->resume, (unsigned long long)info.seed, (unsigned long long)seed);
  *step = (int64_t)info.step;
  a->cli.first_run = info.run;
  frt_executor_release(s->exe);
  s->exe = NULL;
  frti_cli_note(&a->cli, "resumed from step %llu of %s", (unsigned long long)info.step,
      a->resume);
  const int code = frti_cli_executor(&a->cli, s->rt, a->cli.places, NULL, &s->exe);
  return code ? code : frti_cli_trace_begin(&a->cli, s);
}

int frti_cli_train_keep(const args_t *a, const frti_cli_session_t *s, int64_t step) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_stats_t stats = {.struct_size = sizeof stats};
  frt_executor_stats(s->exe, &stats);
  const frt_checkpoint_info_t info = {.struct_size = sizeof info,
      .step = (uint64_t)step,
      .run = stats.runs,
      .seed = a->cli.seed ? a->cli.seed : 1};
  if (frt_checkpoint_save(a->save, s->scope, &info, &err))
    return frti_cli_write_error(&a->cli, a->save, &err);
  if (frti_cli_interrupted() || step == a->steps)
    frti_cli_note(&a->cli, "checkpoint %s/step-%lld", a->save, (long long)step);
  return CLI_OK;
}

static bool written(const frt_program_t *p, const char *name) {
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    for (uint32_t op = 0; op < frt_program_n_ops(p, b); ++op)
      for (uint32_t i = 0; i < frt_program_op_n_outputs(p, b, op); ++i) {
        frt_slot_info_t slot;
        if (frt_program_op_output(p, b, op, i, &slot, NULL)) continue;
        for (uint32_t k = 0; k < slot.count; ++k)
          if (!strcmp(slot.args[k], name)) return true;
      }
  return false;
}

int frti_cli_train_rate(const args_t *a, const frti_cli_session_t *s,
    const frt_program_t *main, const char *rate) {
  static const int64_t one[] = {1};
  frt_error_t err = FRT_ERROR_INIT;
  frt_var_info_t v;
  char *end = NULL;
  float value = strtof(a->lr, &end);
  frt_tensor_t *t;
  if (end == a->lr || *end || !isfinite(value))
    return frti_cli_fail(&a->cli, CLI_USAGE, "--lr '%s': wanted a number", a->lr);
  if (!rate || frt_program_find_var(main, 0, rate, &v, NULL) || !v.persistable ||
      written(main, rate))
    return frti_cli_fail(&a->cli, CLI_USAGE,
        "--lr: the program computes its rate%s%s itself (a decay schedule), so setting it "
        "would conflict",
        rate ? " " : "", rate ? rate : "");
  if (frt_tensor_wrap(FRT_F32, 1, one, &value, sizeof value, &t, &err))
    return frti_cli_error(&a->cli, NULL, &err);
  frt_status_t status = frt_scope_set(s->scope, rate, t, &err);
  frt_tensor_release(t);
  return status ? frti_cli_error(&a->cli, rate, &err) : CLI_OK;
}
