/* Parameters and global variables: declared in main and startup, initialised in startup. */
#include <math.h>
#include <string.h>

#include "train/train.h"

static bool written_in(const frt_program_t *p, const char *name) {
  const frti_block_t *b = &p->blocks[0];
  for (uint32_t i = 0; i < b->n_ops; ++i)
    for (uint32_t s = 0; s < b->ops[i].n_out; ++s)
      for (uint32_t k = 0; k < b->ops[i].out[s].n; ++k)
        if (!strcmp(b->ops[i].out[s].args[k], name)) return true;
  return false;
}

static frt_status_t make_global(frt_builder_t *b, const frt_var_info_t *info,
                                frt_program_t *main, const frt_initializer_t *init,
                                const char *device, frt_var_t *out, frt_error_t *err) {
  frt_program_t *startup = frt_builder_startup(b);
  frt_var_info_t there = *info;
  frt_var_t ignored;
  if (b->live) there.persistable = 1; /* with the graph it would go */
  FRT_TRY(frti_declare(b, main, 0, &there, out, err));
  frti_var_note_t *note = frti_var_note(b, main, 0, info->name);
  if (!note) return frti_no_memory(err);
  note->stop_gradient = true;
  there.persistable = 1;
  FRT_TRY(frti_declare(b, startup, 0, &there, &ignored, err));
  return frti_initialise(b, startup, &there, init, device, err);
}

frt_status_t frti_global(frt_builder_t *b, const frt_var_info_t *info, frt_program_t *main,
                         const frt_initializer_t *init, const char *device,
                         frt_var_t *out, frt_error_t *err) {
  const uint32_t n_ops = frt_program_n_ops(main, 0), n_vars = frt_program_n_vars(main, 0);
  const frt_status_t status = make_global(b, info, main, init, device, out, err);
  /* What has no value must not be found by the next attempt. */
  if (status != FRT_OK && b->live) frti_program_cut(main, n_ops, n_vars, false);
  return status;
}

frt_status_t frt_layers_create_global_var(frt_builder_t *b, uint32_t rank,
                                          const int64_t *dims, double value,
                                          frt_dtype_t dtype, int persistable,
                                          const char *name, frt_var_t *out,
                                          frt_error_t *err) {
  frt_var_info_t there;
  frti_enter(b, "create_global_var");
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, 0, err));
  if (b->live && name &&
      frt_program_find_var(frt_builder_main(b), 0, name, &there, NULL) == FRT_OK)
    return frti_fail(b, err, FRT_ALREADY_EXISTS, "name", "'%.80s' is a variable already", name);
  const char *helper = frti_unique_kept(b, "global_var");
  if (!helper) return frti_no_memory(err);
  if (!name) {
    const char *key = frti_internf(b, "%s.tmp", helper);
    name = key ? frti_unique_kept(b, key) : NULL;
  }
  if (!name) return frti_no_memory(err);
  const frt_var_info_t info = {.name = name, .dtype = dtype, .rank = rank, .dims = dims,
                               .persistable = persistable};
  const frt_initializer_t init = {.kind = FRT_INIT_CONSTANT, .value = value};
  return frti_global(b, &info, frt_builder_main(b), &init, NULL, out, err);
}

/* A parameter of that name may stand already: then it is shared, if it is the same. */
static frt_status_t check_shared(frt_builder_t *b, const frt_program_t *p,
                                 const frt_var_info_t *want, frt_error_t *err) {
  frt_var_info_t have;
  char a[96], c[96];
  if (frt_program_find_var(p, 0, want->name, &have, NULL) != FRT_OK) return FRT_OK;
  if (have.dtype == want->dtype && have.rank == want->rank &&
      !memcmp(have.dims, want->dims, have.rank * sizeof *have.dims))
    return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "param_attr",
                   "'%.80s' exists with shape %s; wanted %s", want->name,
                   frti_dims_text(a, sizeof a, have.rank, have.dims),
                   frti_dims_text(c, sizeof c, want->rank, want->dims));
}

frt_status_t frti_parameter(frt_builder_t *b, const char *helper, const char *suffix,
                            const frt_param_attr_t *attr, uint32_t dtype, uint32_t rank,
                            const int64_t *dims, frt_var_t *out, frt_error_t *err) {
  static const frt_param_attr_t nothing = {0};
  frt_program_t *main = frt_builder_main(b), *startup = frt_builder_startup(b);
  frt_var_info_t have;
  if (!attr) attr = &nothing;
  /* Called step after step, the layer would make another parameter each time. */
  if (b->live && !attr->name)
    return frti_fail(b, err, FRT_FAILED_PRECONDITION, "param_attr",
                     "needs a name in imperative mode, under which each call finds it");
  const char *key = frti_internf(b, "%s.%s", helper, suffix);
  const char *name = attr->name ? frti_intern(b, attr->name)
                     : key      ? frti_unique(b, key)
                                : NULL;
  if (!name) return frti_no_memory(err);
  const frt_var_info_t info = {.name = name, .dtype = (int32_t)dtype, .rank = rank,
                               .dims = dims, .persistable = 1};
  for (uint32_t i = 0; i < rank; ++i)
    if (dims[i] <= 0)
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "shape",
                       "of parameter '%.80s': dim %u is %lld; wanted 1 or more", name, i,
                       (long long)dims[i]);
  FRT_TRY(check_shared(b, main, &info, err));
  const bool there = b->live ? frt_program_find_var(main, 0, name, &have, NULL) == FRT_OK
                             : written_in(startup, name);
  FRT_TRY(frti_declare(b, startup, 0, &info, out, err));
  frt_initializer_t init = attr->initializer;
  if (init.kind == FRT_INIT_DEFAULT && suffix[0] == 'b') init.kind = FRT_INIT_CONSTANT;
  if (!there)
    FRT_TRY(frti_initialise(b, startup, &info, &init, NULL, err));
  FRT_TRY(frti_declare(b, main, 0, &info, out, err));
  frti_var_note_t *note = frti_var_note(b, main, 0, name);
  if (!note) return frti_no_memory(err);
  note->parameter = true;
  note->trainable = !attr->not_trainable;
  note->stop_gradient = attr->not_trainable != 0;
  note->learning_rate = FRTI_REAL(attr->learning_rate, 1.0);
  note->regularizer = attr->regularizer;
  return FRT_OK;
}

frt_status_t frt_layers_create_parameter(frt_builder_t *b, uint32_t rank,
                                         const int64_t *dims, frt_dtype_t dtype,
                                         const frt_param_attr_t *attr, frt_var_t *out,
                                         frt_error_t *err) {
  frti_enter(b, "create_parameter");
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, 1, err));
  const char *helper = frti_unique(b, "create_parameter");
  if (!helper) return frti_no_memory(err);
  return frti_parameter(b, helper, "w", attr, (uint32_t)dtype, rank, dims, out, err);
}
