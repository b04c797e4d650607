/* Copies of programs; the one for a test loses what trains. */
#include <string.h>

#include "program/parts.h"

enum { ROLE_BACKWARD = 1, ROLE_OPTIMIZE = 2 };

static frt_status_t copy_of(const frt_program_t *p, frt_program_t **out,
                            frt_error_t *err) {
  const frt_load_options_t any = {.struct_size = sizeof any, .max_bytes = UINT64_MAX,
                                  .max_memory = UINT64_MAX};
  void *bytes = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_serialize(p, &bytes, &n, err));
  const frt_status_t status = frt_program_parse(bytes, n, &any, out, err);
  frt_free(bytes);
  return status;
}

static void drop_ops(frti_block_t *b) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < b->n_ops; ++i)
    if (!(frti_op_role(&b->ops[i]) & (ROLE_BACKWARD | ROLE_OPTIMIZE)))
      b->ops[kept++] = b->ops[i];
  b->n_ops = kept;
}

static void mark(bool *named, const frti_slot_t *slots, uint32_t n) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].n; ++i) named[frti_name_id(slots[s].args[i])] = true;
}

static frt_status_t drop_vars(frt_program_t *p, frt_error_t *err) {
  bool *named = frti_calloc(p->names.n + 1, sizeof *named);
  if (!named) return frti_no_memory(err);
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i) {
      const frti_op_t *op = &p->blocks[b].ops[i];
      mark(named, op->in, op->n_in);
      mark(named, op->out, op->n_out);
    }
  for (uint32_t b = 0; b < p->n_blocks; ++b) {
    frti_block_t *block = &p->blocks[b];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < block->n_vars; ++i)
      if (named[frti_name_id(block->vars[i].name)]) block->vars[kept++] = block->vars[i];
    block->n_vars = kept;
  }
  frti_free(named);
  frti_index_release(p);
  return frti_index_build(p) ? FRT_OK : frti_no_memory(err);
}

static frt_status_t set_is_test(frt_program_t *p, frt_error_t *err) {
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i)
      if (frti_op_attr(&p->blocks[b].ops[i], "is_test"))
        FRT_TRY(frt_program_set_attr_bool(p, (int32_t)b, i, "is_test", 1, err));
  return FRT_OK;
}

frt_status_t frt_program_clone(const frt_program_t *p, int for_test, frt_program_t **out,
    frt_error_t *err) {
  *out = NULL;
  FRT_TRY(copy_of(p, out, err));
  if (!for_test) return FRT_OK;
  for (uint32_t b = 0; b < (*out)->n_blocks; ++b) drop_ops(&(*out)->blocks[b]);
  frti_program_touch(*out);
  frt_status_t status = drop_vars(*out, err);
  if (status == FRT_OK) status = set_is_test(*out, err);
  if (status == FRT_OK) return FRT_OK;
  frt_program_release(*out);
  *out = NULL;
  return status;
}
