/* The plan verifier: the plans of recorded programs pass on several place lists; with one
 * wait or copy less, two actions exchanged, or two buffers in one place, they do not, and
 * what is said names both ops and the variable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/stages.h"
#include "unit/golden.h"

static const char *const PROGRAMS[][2] = {
    {"digits_mlp_lars", "main.pb"}, {"while_cond", "main.pb"},
    {"lr_warmup_piecewise", "main.pb"}, {"prune_minimize_tuple_piecewise", "main.pb"},
    {"opt_adam", "main.pb"}, {"embedding_adam", "main.pb"}, {"matmul_shape_ops", "main.pb"},
    {"lars_clip_gnorm_bites", "main.pb"}, {"losses_accuracy", "main.pb"}};
static const char *const LISTS[] = {"virtual,cpu", "virtual:0,virtual:1,cpu", "virtual,reference"};

typedef struct tally { int plans, waits, copies, swaps, harmless, buffers; } tally_t;

typedef struct world {
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_program_t *program;
  frti_plan_t *plan;
  char name[128];
} world_t;

static void must(frt_status_t status, const frt_error_t *err, const char *what) {
  if (status != FRT_OK) fail_msg("%s: %s", what, err->message);
}

static frt_program_t *recorded(const char *archive, const char *file) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  size_t n;
  zip_t *z = golden_open(archive);
  assert_non_null(z);
  void *bytes = golden_read(z, archive, file, &n);
  if (!bytes) fail_msg("%s has no %s", archive, file);
  must(frt_program_parse(bytes, n, NULL, &p, &err), &err, archive);
  free(bytes);
  zip_close(z);
  return p;
}

/* Every variable is fetched: nothing is dead, every result is used. */
static size_t fetch_all(const frt_program_t *p, frt_fetch_t *to, size_t cap) {
  size_t n = 0;
  for (uint32_t i = 0; i < p->blocks[0].n_vars && n < cap; ++i) {
    const frti_var_t *v = &p->blocks[0].vars[i];
    if (v->kind == FRT_VAR_LOD_TENSOR && v->persistable != 1) to[n++].var = v->name;
  }
  return n;
}

static void plan(world_t *w, frt_runtime_t *rt, const char *const program[2],
                 const char *list, bool spread, bool all) {
  frt_error_t err = FRT_ERROR_INIT;
  static frt_fetch_t fetches[512];
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_plans = 1,
                                    .spread = spread};
  snprintf(w->name, sizeof w->name, "%s on %s%s", program[0], list, spread ? ", spread" : "");
  w->rt = rt;
  w->program = recorded(program[0], program[1]);
  must(frt_executor_create(rt, list, &o, &w->exe, &err), &err, w->name);
  memset(fetches, 0, sizeof fetches);
  const frti_plan_request_t q = {w->program, NULL, NULL, 0, fetches,
                                 all ? fetch_all(w->program, fetches, 512) : 0, false, true, 4};
  must(frti_plan_create(w->exe, &q, &w->plan, &err), &err, w->name);
}

static void end(world_t *w) {
  frti_plan_release(w->plan);
  frt_executor_release(w->exe);
  frt_program_release(w->program);
}

/* ---- mutations --------------------------------------------------------------------------- */

static bool noticed(const world_t *w, frt_error_t *err) {
  const frt_status_t status = frti_plan_verify(w->plan, err);
  if (status == FRT_OK) return false;
  assert_int_equal(FRT_INTERNAL, status);
  assert_int_equal(FRT_PHASE_PLAN, err->phase);
  return true;
}

/* Two of them, or the one and where its value came from or goes to, or what it does to
 * itself. */
static void names_both(const world_t *w, const frt_error_t *err) {
  const char *first = strstr(err->message, "op #");
  const bool end = strstr(err->message, "a fetch") || strstr(err->message, "the fetch") ||
                   strstr(err->message, "the scope") || strstr(err->message, "the start of") ||
                   strstr(err->message, ", which it ");
  if (!first || (!strstr(first + 1, "op #") && !end))
    fail_msg("%s: names one op only: %s", w->name, err->message);
  if (!strchr(err->message, '\'')) fail_msg("%s: names no variable: %s", w->name, err->message);
}

static void remove_action(frti_plan_t *p, uint32_t at) {
  memmove(&p->actions[at], &p->actions[at + 1],
          (--p->n_actions - at) * sizeof *p->actions);
  for (uint32_t i = 0; i < p->n_actions; ++i)
    if (p->actions[i].kind >= FRTI_JUMP_IF_FALSE && p->actions[i].target > at)
      --p->actions[i].target;
}

static void drop_each(world_t *w, frti_action_kind_t kind, int *count) {
  frti_plan_t *p = w->plan;
  const uint32_t n = p->n_actions;
  if (!n) return;
  frti_action_t *saved = frti_calloc(n, sizeof *saved);
  memcpy(saved, p->actions, n * sizeof *saved);
  for (uint32_t i = 0; i < n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    if (saved[i].kind != kind) continue;
    remove_action(p, i);
    if (!noticed(w, &err))
      fail_msg("%s: %s %u is gone, of '%s' for op #%d, and nobody minds", w->name,
               kind == FRTI_COPY ? "copy" : "wait", i,
               kind == FRTI_COPY ? saved[i].copy->value->name : "",
               saved[i].node ? saved[i].node->op : -1);
    names_both(w, &err);
    ++*count;
    memcpy(p->actions, saved, n * sizeof *saved);
    p->n_actions = n;
  }
  frti_free(saved);
}

/* ---- which exchanges matter --------------------------------------------------------------- */

typedef struct touches { frti_touch_t v[64]; size_t n; } touches_t;

static void collect(void *ctx, const frti_touch_t *t) {
  touches_t *all = ctx;
  if (all->n < 64) all->v[all->n++] = *t;
}

static bool conflict(const frti_plan_t *p, const frti_action_t *a, const frti_action_t *b) {
  touches_t x = {.n = 0}, y = {.n = 0};
  frti_action_touches(p, a, collect, &x);
  frti_action_touches(p, b, collect, &y);
  for (size_t i = 0; i < x.n; ++i)
    for (size_t k = 0; k < y.n; ++k)
      if ((x.v[i].write || y.v[k].write) && frti_touch_overlap(&x.v[i], &y.v[k])) return true;
  return false;
}

static bool kernel(const frti_action_t *a) { return a->kind <= FRTI_RUN_RANDOM; }

/* Kernels keep their order, accesses to one memory theirs, a wait stays before what it is
 * for. All else may be exchanged. */
static bool matters(const frti_plan_t *p, const frti_action_t *a, const frti_action_t *b) {
  if (kernel(a) && kernel(b)) return true;
  if (a->kind == FRTI_WAIT || b->kind == FRTI_WAIT)
    return a->kind == FRTI_WAIT && b->kind != FRTI_WAIT && a->node == b->node &&
           a->by != b->by;
  return conflict(p, a, b);
}

static void exchange(frti_action_t *a, frti_action_t *b) {
  const frti_action_t t = *a;
  *a = *b;
  *b = t;
}

static void exchange_each(world_t *w, tally_t *t) {
  frti_plan_t *p = w->plan;
  for (uint32_t i = 0; i + 1 < p->n_actions; ++i) {
    frti_action_t *a = &p->actions[i], *b = a + 1;
    frt_error_t err = FRT_ERROR_INIT;
    if (a->kind >= FRTI_JUMP_IF_FALSE || b->kind >= FRTI_JUMP_IF_FALSE) continue;
    const bool must_notice = matters(p, a, b);
    exchange(a, b);
    if (noticed(w, &err)) ++t->swaps, names_both(w, &err);
    else if (must_notice) fail_msg("%s: actions %u and %u may be exchanged", w->name, i, i + 1);
    else ++t->harmless;
    exchange(a, b);
  }
}

/* Two buffers of one kernel come to lie in one place. */
static void collide(world_t *w, const frti_node_t *n, frti_storage_t *a,
                    const frti_storage_t *b, tally_t *t) {
  frt_error_t err = FRT_ERROR_INIT;
  const uint64_t offset = a->offset;
  a->offset = b->offset;
  if (!noticed(w, &err)) 
    fail_msg("%s: two buffers of op #%d %s lie in one place", w->name, n->op, n->schema->type);
  names_both(w, &err);
  ++t->buffers;
  a->offset = offset;
}

static frti_storage_t *storage_at(const frti_slots_t *s, const frt_slot_def_t *defs,
                                  uint32_t slot, uint32_t k) {
  if (defs[slot].flags & FRT_SLOT_SHAPE_ONLY) return NULL;
  const frt_api_tensor_t *t = s->tensors[s->at[slot] + k];
  frti_storage_t *of = ((const frti_tensor_t *)(const void *)t)->of;
  return of->placed && t->bytes ? of : NULL;
}

static void collide_each(world_t *w, tally_t *t) {
  for (uint32_t i = 0; i < w->plan->n_actions; ++i) {
    const frti_node_t *n = w->plan->actions[i].node;
    if (!kernel(&w->plan->actions[i])) continue;
    for (uint32_t s = 0; s < n->in.n_slots; ++s)
      for (uint32_t k = 0; k < n->in.count[s]; ++k) {
        frti_storage_t *in = storage_at(&n->in, n->schema->inputs, s, k), *other;
        for (uint32_t o = 0; in && o < n->out.n_slots; ++o)
          if (n->out.count[o] && (other = storage_at(&n->out, n->schema->outputs, o, 0)) &&
              other != in && other->space == in->space && (n->in.at[s] + k || n->out.at[o]))
            collide(w, n, other, in, t);
      }
  }
}

static void every_mutation_is_noticed(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1};
  frt_runtime_t *rt;
  tally_t t = {0};
  FRTI_UNUSED(state);
  must(frt_runtime_create(&o, &rt, &err), &err, "runtime");
  for (size_t i = 0; i < FRTI_COUNT(PROGRAMS) * FRTI_COUNT(LISTS) * 2; ++i) {
    world_t w;
    plan(&w, rt, PROGRAMS[i / 2 % FRTI_COUNT(PROGRAMS)],
         LISTS[i / 2 / FRTI_COUNT(PROGRAMS)], i & 1, i & 1);
    ++t.plans;
    drop_each(&w, FRTI_WAIT, &t.waits);
    drop_each(&w, FRTI_COPY, &t.copies);
    exchange_each(&w, &t);
    collide_each(&w, &t);
    end(&w);
  }
  frt_runtime_release(rt);
  printf("%d plans: %d waits and %d copies dropped, %d exchanges and %d collisions noticed, "
         "%d exchanges harmless\n", t.plans, t.waits, t.copies, t.swaps, t.buffers, t.harmless);
  assert_true(t.waits >= 400 && t.copies >= 1500 && t.swaps >= 2000 && t.buffers >= 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_mutation_is_noticed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
