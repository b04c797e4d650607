/* The provider check: every kernel runs on copies of its tensors between guards, in memory
 * that is poisoned, and what it leaves of guards, inputs, poison and process is looked at.
 * Slow, on every device, and the first op that breaks the contract is named. */
#include "runtime/stages.h"

enum { GUARD_BYTES = 256 };
static const unsigned char GUARD = 0xa7;
/* A signalling NaN that no arithmetic gives, and no likely integer. */
static const uint32_t POISON = 0x7fa5a5a5u;

/* A tensor of the op, moved between guards. Tensors that share memory share a copy. */
typedef struct moved {
  frt_api_tensor_t t;
  const char *slot, *name;
  bool output;
  void *real;             /* where it lies otherwise */
  struct moved *same;     /* whose copy it uses; itself */
  bool is_input;          /* `same`: read by some slot */
  bool is_output;
  char *block;            /* in the device's memory: guard, bytes, guard */
  unsigned char *image;   /* the same on the host, as it was before the run */
  uint64_t bytes;
} moved_t;

typedef struct checked {
  frt_executor_t *exe;
  const frti_node_t *node;
  const frti_place_t *place;
  frti_arena_t arena;
  moved_t *all;
  uint32_t n, n_in;
  frt_api_run_t run;
  char *workspace;
} checked_t;

static frt_status_t broken(const checked_t *c, const char *what, frt_error_t *err) {
  char text[300];
  snprintf(text, sizeof text, "%s", what);
  frt_fail(err, FRT_INTERNAL, "provider '%s' %s", c->place->device->provider->api.name, text);
  return frti_node_error(c->node, FRT_INTERNAL, FRT_PHASE_PROVIDER, err);
}

/* ---- moving in -------------------------------------------------------------------------- */

static frt_status_t take_side(checked_t *c, const frti_slots_t *s,
                              const frt_slot_def_t *defs, bool output,
                              frt_api_slot_t **slots, frt_error_t *err) {
  const frt_api_tensor_t **pointers =
      frti_arena_calloc(&c->arena, s->n_args + 1, sizeof *pointers);
  *slots = frti_arena_calloc(&c->arena, s->n_slots + 1, sizeof **slots);
  if (!pointers || !*slots) return frti_no_memory(err);
  for (uint32_t k = 0; k < s->n_slots; ++k) {
    (*slots)[k] = s->api[k];
    (*slots)[k].t = pointers + s->at[k];
    for (uint32_t i = s->at[k]; i < s->at[k] + s->count[k]; ++i) {
      moved_t *m = &c->all[c->n++];
      m->t = *s->tensors[i];
      m->real = m->t.data;
      m->slot = defs[k].name;
      m->name = s->args[i].value ? s->args[i].value->name : "";
      m->output = output;
      m->same = m;
      pointers[i] = &m->t;
    }
  }
  return FRT_OK;
}

static void find_shared(checked_t *c) {
  for (uint32_t i = 0; i < c->n; ++i) {
    moved_t *m = &c->all[i];
    for (uint32_t k = 0; k < i && m->same == m && m->real; ++k)
      if (c->all[k].real == m->real) m->same = c->all[k].same;
    m->same->bytes = FRTI_MAX(m->same->bytes, m->t.bytes);
    m->same->is_input = m->same->is_input || !m->output;
    m->same->is_output = m->same->is_output || m->output;
  }
}

static void poison(unsigned char *at, uint64_t bytes) {
  for (uint64_t i = 0; i < bytes; ++i) at[i] = ((const unsigned char *)&POISON)[i % 4];
}

static frt_status_t move_in(checked_t *c, moved_t *m, frt_error_t *err) {
  frt_runtime_t *rt = c->exe->rt;
  const uint32_t space = c->place->device->space;
  const uint64_t all = m->bytes + 2 * GUARD_BYTES;
  void *block;
  m->image = frti_alloc(all);
  if (!m->image) return frti_no_memory(err);
  FRT_TRY(frti_space_alloc(rt, space, all, &block, err));
  m->block = block;
  memset(m->image, GUARD, all);
  poison(m->image + GUARD_BYTES, m->bytes);
  if (m->is_input && m->bytes)
    FRT_TRY(frti_space_copy(rt, m->image + GUARD_BYTES, FRTI_HOST, m->real, space, m->bytes,
                            err));
  return frti_space_copy(rt, m->block, space, m->image, FRTI_HOST, all, err);
}

static frt_status_t move_all_in(checked_t *c, frt_error_t *err) {
  for (uint32_t i = 0; i < c->n; ++i) {
    moved_t *m = &c->all[i];
    if (!m->real) continue; /* only its shape is looked at */
    if (m->same == m) FRT_TRY(move_in(c, m, err));
    m->t.data = m->same->block + GUARD_BYTES;
  }
  return FRT_OK;
}

/* The workspace is an output that is thrown away: its guards count, its content does not. */
static void take_workspace(checked_t *c) {
  moved_t *m = &c->all[c->n];
  if (!c->run.workspace_bytes) return;
  m->slot = "workspace";
  m->name = "";
  m->same = m;
  m->real = c->run.workspace;
  m->bytes = c->run.workspace_bytes;
  ++c->n;
}

static frt_status_t begin(checked_t *c, frt_error_t *err) {
  const frti_node_t *n = c->node;
  frt_api_slot_t *in, *out;
  c->all = frti_arena_calloc(&c->arena, n->in.n_args + n->out.n_args + 2, sizeof *c->all);
  if (!c->all) return frti_no_memory(err);
  FRT_TRY(take_side(c, &n->in, n->schema->inputs, false, &in, err));
  FRT_TRY(take_side(c, &n->out, n->schema->outputs, true, &out, err));
  find_shared(c);
  c->run = n->run;
  take_workspace(c);
  FRT_TRY(move_all_in(c, err));
  c->run.in = in;
  c->run.out = out;
  if (c->run.workspace_bytes) c->run.workspace = c->all[c->n - 1].t.data;
  return FRT_OK;
}

/* ---- looking ------------------------------------------------------------------------------ */

static uint64_t first_change(const unsigned char *at, uint64_t n, unsigned char want) {
  uint64_t i = 0;
  while (i < n && at[i] == want) ++i;
  return i;
}

static frt_status_t check_guards(const checked_t *c, const moved_t *m,
                                 const unsigned char *now, frt_error_t *err) {
  char what[256];
  const unsigned char *behind = now + GUARD_BYTES + m->bytes;
  const uint64_t before = first_change(now, GUARD_BYTES, GUARD);
  const uint64_t after = first_change(behind, GUARD_BYTES, GUARD);
  if (before == GUARD_BYTES && after == GUARD_BYTES) return FRT_OK;
  if (after < GUARD_BYTES)
    snprintf(what, sizeof what, "writes past the end of %s '%.96s': byte %llu of %llu", m->slot,
             m->name, (unsigned long long)(m->bytes + after), (unsigned long long)m->bytes);
  else
    snprintf(what, sizeof what, "writes before the start of %s '%.96s'", m->slot, m->name);
  return broken(c, what, err);
}

static frt_status_t check_input(const checked_t *c, const moved_t *m,
                                const unsigned char *now, frt_error_t *err) {
  char what[256];
  if (!m->is_input || m->is_output ||
      !memcmp(now + GUARD_BYTES, m->image + GUARD_BYTES, m->bytes))
    return FRT_OK;
  snprintf(what, sizeof what, "writes to its input %s '%.96s'", m->slot, m->name);
  return broken(c, what, err);
}

/* Elements that still hold poison; small ones can hold it by chance, unless all do. */
static frt_status_t check_written(const checked_t *c, const moved_t *m,
                                  const unsigned char *now, frt_error_t *err) {
  char what[256];
  const uint64_t size = frt_dtype_size(m->t.dtype), n = size ? m->bytes / size : 0;
  unsigned char pattern[16];
  uint64_t left = 0, first = 0;
  if (!m->is_output || m->is_input || !n) return FRT_OK;
  poison(pattern, sizeof pattern);
  for (uint64_t i = n; i-- > 0;) {
    if (memcmp(now + GUARD_BYTES + i * size, pattern + i * size % 4, (size_t)size)) continue;
    ++left;
    first = i;
  }
  if (!left || (size < 4 && (left < n || n < 4))) return FRT_OK;
  snprintf(what, sizeof what, "leaves %llu of %llu elements of %s '%.96s' unwritten, the "
           "first is %llu", (unsigned long long)left, (unsigned long long)n, m->slot, m->name,
           (unsigned long long)first);
  return broken(c, what, err);
}

static frt_status_t look(const checked_t *c, const moved_t *m, frt_error_t *err) {
  const uint64_t all = m->bytes + 2 * GUARD_BYTES;
  unsigned char *now = frti_alloc(all);
  if (!now) return frti_no_memory(err);
  frt_status_t status = frti_space_copy(c->exe->rt, now, FRTI_HOST, m->block,
                                        c->place->device->space, all, err);
  if (status == FRT_OK) status = check_guards(c, m, now, err);
  if (status == FRT_OK) status = check_input(c, m, now, err);
  if (status == FRT_OK) status = check_written(c, m, now, err);
  frti_free(now);
  return status;
}

static frt_status_t move_out(const checked_t *c, frt_error_t *err) {
  const uint32_t space = c->place->device->space;
  for (uint32_t i = 0; i < c->n; ++i) {
    const moved_t *m = &c->all[i];
    if (m->block) FRT_TRY(look(c, m, err));
  }
  for (uint32_t i = 0; i < c->n; ++i) {
    const moved_t *m = &c->all[i];
    if (m->block && m->is_output && m->bytes)
      FRT_TRY(frti_space_copy(c->exe->rt, m->real, space, m->block + GUARD_BYTES, space,
                              m->bytes, err));
  }
  return FRT_OK;
}

/* ---- the run ------------------------------------------------------------------------------- */

static frt_status_t call(const checked_t *c, const frti_action_t *a, frt_error_t *err) {
  char changed[160], what[256];
  frti_process_state_t *state = frti_process_state_note();
  if (!state) return frti_no_memory(err);
  frt_status_t status = a->run(a->prepared, &c->run, err);
  if (status == FRT_OK) status = frti_place_sync(c->place, err);
  frti_process_state_restore(state, changed, sizeof changed);
  if (status != FRT_OK || !changed[0]) return status;
  snprintf(what, sizeof what, "changed what belongs to the process: %s", changed);
  return broken(c, what, err);
}

frt_status_t frti_checked_run(frt_executor_t *exe, const frti_action_t *a,
                              frt_error_t *err) {
  checked_t c = {.exe = exe, .node = a->node, .place = &exe->places[a->node->place]};
  /* What was moved here may come on another queue than it was written or copied by. */
  frt_status_t status = frti_finish_queues(exe, FRT_OK, err);
  if (status == FRT_OK) status = begin(&c, err);
  if (status == FRT_OK) status = call(&c, a, err);
  if (status == FRT_OK) status = move_out(&c, err);
  for (uint32_t i = 0; i < c.n; ++i) {
    if (c.all[i].block)
      frti_space_free(exe->rt, c.place->device->space, c.all[i].block);
    frti_free(c.all[i].image);
  }
  frti_arena_release(&c.arena);
  return status;
}
