/* The plans of an executor: which one is for this program, these feeds and fetches, and this
 * scope; the least recently used one goes. */
#include "runtime/stages.h"

static bool same_feeds(const frti_plan_t *p, const frt_feed_t *feed, size_t n) {
  if (p->n_feeds != n) return false;
  for (size_t i = 0; i < n; ++i) {
    const frti_feed_key_t *k = &p->feeds[i];
    const frt_tensor_t *t = feed[i].tensor;
    if (!feed[i].name || !t || frt_tensor_dtype(t) != (frt_dtype_t)k->dtype ||
        frt_tensor_rank(t) != k->rank ||
        memcmp(frt_tensor_dims(t), k->dims, k->rank * sizeof(int64_t)) ||
        strcmp(k->name, feed[i].name))
      return false;
  }
  return true;
}

static bool same_fetches(const frti_plan_t *p, const frt_fetch_t *fetch, size_t n) {
  if (p->n_fetches != n) return false;
  for (size_t i = 0; i < n; ++i) {
    const frti_fetch_key_t *k = &p->fetches[i];
    if (!k->var != !fetch[i].var) return false;
    if (k->var ? strcmp(k->var, fetch[i].var) != 0
               : k->block != fetch[i].block || k->op != fetch[i].op)
      return false;
  }
  return true;
}

static bool plan_fits(const frti_plan_t *p, const frti_plan_request_t *q) {
  return p->uid == frt_program_uid(q->program) &&
         p->version == frt_program_version(q->program) && p->use_prune == q->use_prune &&
         same_feeds(p, q->feed, q->n_feed) && same_fetches(p, q->fetch, q->n_fetch);
}

/* Whether the scope's records are what the plan was made for. */
static bool records_fit(const frti_plan_t *p, frt_scope_t *s) {
  if (p->scope_uid == s->uid && p->scope_layout == s->layout) return true;
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    const frti_value_t *v = p->persistables[i];
    if (!v->read_first) continue; /* written before it is read: any shape will do */
    const frti_record_t *r = frti_scope_find(s, v->name);
    if (!r || !r->initialized || r->dtype != v->start_shape.dtype ||
        r->rank != v->start_shape.rank ||
        memcmp(r->dims, v->start_shape.dims, r->rank * sizeof(int64_t)))
      return false;
  }
  return true;
}

static void tell_fallback(frt_executor_t *exe, const frti_plan_t *p) {
  if (!p->fallback_ops || exe->told_fallback) return;
  exe->told_fallback = true;
  frti_log(exe->rt, FRT_LOG_WARNING,
           "%llu of %llu ops do not run on '%s' but on a later place of '%s'; "
           "`explain` says which and why",
           (unsigned long long)p->fallback_ops, (unsigned long long)p->live_ops,
           exe->places[0].label, exe->list);
}

static void drop_plan(frt_executor_t *exe, uint32_t i) {
  if (exe->last == exe->plans[i]) exe->last = NULL;
  frti_plan_release(exe->plans[i]);
  exe->plans[i] = exe->plans[--exe->n_plans];
  exe->plan_uids[i] = exe->plan_uids[exe->n_plans];
}

static frt_status_t add_plan(frt_executor_t *exe, const frti_plan_request_t *q,
                             frti_plan_t **out, frt_error_t *err) {
  FRT_TRY(frti_plan_create(exe, q, out, err));
  ++exe->plans_built;
  if (exe->n_plans == exe->max_plans) {
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < exe->n_plans; ++i)
      if (exe->plans[i]->last_used < exe->plans[oldest]->last_used) oldest = i;
    drop_plan(exe, oldest);
    ++exe->plans_evicted;
  }
  exe->plan_uids[exe->n_plans] = (*out)->uid;
  exe->plans[exe->n_plans++] = *out;
  tell_fallback(exe, *out);
  return FRT_OK;
}

frti_plan_t *frti_plan_match(const frt_executor_t *exe, const frti_plan_request_t *q) {
  const uint64_t uid = frt_program_uid(q->program);
  for (uint32_t i = 0; i < exe->n_plans; ++i)
    if (exe->plan_uids[i] == uid && plan_fits(exe->plans[i], q)) return exe->plans[i];
  return NULL;
}

frt_status_t frti_plan_find(frt_executor_t *exe, const frti_plan_request_t *q,
                            frti_plan_t *hint, frti_plan_t **out, frt_error_t *err) {
  *out = hint;
  if (hint && records_fit(hint, q->scope)) return FRT_OK;
  for (uint32_t i = 0; hint && i < exe->n_plans; ++i)
    if (plan_fits(exe->plans[i], q) && records_fit(exe->plans[i], q->scope)) {
      *out = exe->plans[i];
      return FRT_OK;
    }
  return add_plan(exe, q, out, err);
}
