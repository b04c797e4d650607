/* Programs that record what was run: the end is taken back, or all but some variables. */
#include <string.h>

#include "program/parts.h"

void frti_program_cut(frt_program_t *p, uint32_t n_ops, uint32_t n_vars, bool keep) {
  frti_block_t *b = &p->blocks[0];
  uint32_t n = n_vars;
  for (uint32_t i = n_vars; i < b->n_vars; ++i)
    if (keep && b->vars[i].persistable == 1) b->vars[n++] = b->vars[i];
  b->n_ops = n_ops;
  if (n != b->n_vars) {
    b->n_vars = n;
    frti_index_build(p); /* without it, looking up is a scan */
  }
  frti_program_touch(p);
}

/* Contents change owners, identities do not. */
static void swap_contents(frt_program_t *a, frt_program_t *b) {
  const frt_program_t was = *a;
  a->arena = b->arena;
  a->names = b->names;
  a->blocks = b->blocks;
  a->n_blocks = b->n_blocks;
  a->blocks_cap = b->blocks_cap;
  a->index = b->index;
  b->arena = was.arena;
  b->names = was.names;
  b->blocks = was.blocks;
  b->n_blocks = was.n_blocks;
  b->blocks_cap = was.blocks_cap;
  b->index = was.index;
  a->names.arena = &a->arena;
  b->names.arena = &b->arena;
  frti_program_touch(a);
}

frt_status_t frti_program_renew(frt_program_t *p,
                                bool (*keep)(void *ctx, const frti_var_t *v), void *ctx,
                                frt_error_t *err) {
  frt_program_t *fresh = NULL;
  FRT_TRY(frt_program_create(&fresh, err));
  frt_status_t status = FRT_OK;
  for (uint32_t i = 0; status == FRT_OK && i < p->blocks[0].n_vars; ++i) {
    const frti_var_t *v = &p->blocks[0].vars[i];
    const frt_var_info_t info = {
        .name = v->name, .kind = v->kind, .dtype = v->dtype, .rank = v->rank,
        .dims = v->dims, .lod_level = v->lod_level, .persistable = v->persistable == 1,
        .need_check_feed = v->need_check_feed == 1};
    if (keep(ctx, v)) status = frt_program_add_var(fresh, 0, &info, err);
  }
  if (status == FRT_OK) swap_contents(p, fresh);
  frt_program_release(fresh);
  return status;
}
