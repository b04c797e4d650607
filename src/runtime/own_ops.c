/* Ops that an application or a provider describes itself. Their types hold a dot
 * ("acme.swish"), so that they never shadow an op of Fluid's. */
#include "fluidrt/op.h"
#include "runtime/internal.h"

struct frti_own_op {
  frt_op_schema_t schema;
  const frti_provider_t *owner; /* NULL: the application */
  struct frti_own_op *next;
};

static bool named(const char *s) { return s && s[0]; }

static bool has_output(const frt_op_schema_t *s) { return named(s->outputs[0].name); }

static frt_status_t check_schema(const frt_op_schema_t *s, frt_error_t *err) {
  if (s->struct_size < offsetof(frt_op_schema_t, grad) + sizeof s->grad)
    return frt_fail(err, FRT_ABI_MISMATCH, "op schema has %u bytes; wanted %zu",
                    s->struct_size, sizeof *s);
  if (!named(s->type) || strlen(s->type) > 47)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "an op type has 1 to 47 bytes");
  if (!strchr(s->type, '.'))
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "op '%s': the type of an op of your own needs a dot, as 'acme.%s'",
                    s->type, s->type);
  if (!named(s->doc) || !s->infer_shape || !named(s->grad) || !has_output(s))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "op '%s' lacks %s", s->type,
                    !named(s->doc)     ? "a doc sentence"
                    : !s->infer_shape ? "infer_shape"
                    : !named(s->grad) ? "grad (or FRT_NO_GRAD, FRT_NOT_DIFFERENTIABLE)"
                                      : "an output");
  if (s->flags & FRT_OP_RUNTIME)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "op '%s': RUNTIME ops are the library's",
                    s->type);
  return FRT_OK;
}

const frt_op_schema_t *frti_op_find(frt_runtime_t *rt, const char *type) {
  if (!strchr(type, '.')) return frt_op_find(type);
  for (const struct frti_own_op *o = atomic_load(&rt->own_ops); o; o = o->next)
    if (!strcmp(o->schema.type, type)) return &o->schema;
  return NULL;
}

static frt_status_t add_locked(frt_runtime_t *rt, const frt_op_schema_t *schema,
                               const frti_provider_t *owner, frt_error_t *err) {
  if (frti_op_find(rt, schema->type))
    return frt_fail(err, FRT_ALREADY_EXISTS, "op '%s' is known already", schema->type);
  if (atomic_load(&rt->planned))
    return frt_fail(err, FRT_FAILED_PRECONDITION,
                    "op '%s' comes too late: this runtime has planned a program",
                    schema->type);
  struct frti_own_op *o = frti_calloc(1, sizeof *o);
  if (!o) return frti_no_memory(err);
  memcpy(&o->schema, schema, FRTI_MIN(schema->struct_size, sizeof o->schema));
  o->owner = owner;
  o->next = atomic_load(&rt->own_ops);
  atomic_store(&rt->own_ops, o);
  return FRT_OK;
}

frt_status_t frt_runtime_add_op(frt_runtime_t *rt, const frt_op_schema_t *schema,
                                frt_error_t *err) {
  FRT_TRY(check_schema(schema, err));
  pthread_mutex_lock(&rt->lock);
  frt_status_t status = add_locked(rt, schema, NULL, err);
  pthread_mutex_unlock(&rt->lock);
  return status;
}

static frt_status_t add_all(frt_runtime_t *rt, const frt_api_schemas_t *x,
                            const frti_provider_t *p, frt_error_t *err) {
  for (uint32_t i = 0; i < x->n; ++i) {
    if (!x->schemas || !x->schemas[i])
      return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s': op schema %u of %u is missing",
                      p->api.name, i, x->n);
    FRT_TRY(check_schema(x->schemas[i], err));
    FRT_TRY(add_locked(rt, x->schemas[i], p, err));
  }
  return FRT_OK;
}

frt_status_t frti_add_provider_ops(frt_runtime_t *rt, const frti_provider_t *p,
                                   frt_error_t *err) {
  const frt_api_provider_t *api = &p->api;
  const frt_api_schemas_t *x =
      FRT_HAS(api, frt_api_provider_t, extension) && api->extension
          ? api->extension(api->self, FRT_SCHEMAS_V1) : NULL;
  frt_status_t status = x ? add_all(rt, x, p, err) : FRT_OK;
  if (status != FRT_OK) frti_drop_provider_ops(rt, p);
  return status;
}

/* Nothing has been planned since they came: nobody is reading the list. */
void frti_drop_provider_ops(frt_runtime_t *rt, const frti_provider_t *p) {
  struct frti_own_op *kept = NULL, *next;
  for (struct frti_own_op *o = atomic_load(&rt->own_ops); o; o = next) {
    next = o->next;
    if (o->owner == p) {
      frti_free(o);
    } else {
      o->next = kept;
      kept = o;
    }
  }
  atomic_store(&rt->own_ops, kept);
}

bool frti_provider_has_ops(frt_runtime_t *rt, const frti_provider_t *p) {
  for (const struct frti_own_op *o = atomic_load(&rt->own_ops); o; o = o->next)
    if (o->owner == p) return true;
  return false;
}

void frti_own_ops_release(frt_runtime_t *rt) {
  for (struct frti_own_op *o = atomic_load(&rt->own_ops), *next; o; o = next) {
    next = o->next;
    frti_free(o);
  }
}
