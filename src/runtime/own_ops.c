/* Ops that an application or a provider describes itself. Their types hold a dot
 * ("acme.swish"), so that they never shadow an op of Fluid's. */
#include "fluidrt/op.h"
#include "runtime/internal.h"

struct frti_own_op {
  frt_op_schema_t schema;
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
                               frt_error_t *err) {
  if (frti_op_find(rt, schema->type))
    return frt_fail(err, FRT_ALREADY_EXISTS, "op '%s' is known already", schema->type);
  if (atomic_load(&rt->planned))
    return frt_fail(err, FRT_FAILED_PRECONDITION,
                    "op '%s' comes too late: this runtime has planned a program",
                    schema->type);
  struct frti_own_op *o = frti_calloc(1, sizeof *o);
  if (!o) return frti_no_memory(err);
  memcpy(&o->schema, schema, FRTI_MIN(schema->struct_size, sizeof o->schema));
  o->next = atomic_load(&rt->own_ops);
  atomic_store(&rt->own_ops, o);
  return FRT_OK;
}

frt_status_t frt_runtime_add_op(frt_runtime_t *rt, const frt_op_schema_t *schema,
                                frt_error_t *err) {
  FRT_TRY(check_schema(schema, err));
  pthread_mutex_lock(&rt->lock);
  frt_status_t status = add_locked(rt, schema, err);
  pthread_mutex_unlock(&rt->lock);
  return status;
}

frt_status_t frti_add_provider_ops(frt_runtime_t *rt, const frt_api_provider_t *api,
                                   frt_error_t *err) {
  const frt_api_schemas_t *x =
      api->size >= sizeof *api && api->extension ? api->extension(api->self, FRT_SCHEMAS_V1)
                                                 : NULL;
  for (uint32_t i = 0; x && i < x->n; ++i) FRT_TRY(frt_runtime_add_op(rt, x->schemas[i], err));
  return FRT_OK;
}

void frti_own_ops_release(frt_runtime_t *rt) {
  for (struct frti_own_op *o = atomic_load(&rt->own_ops), *next; o; o = next) {
    next = o->next;
    frti_free(o);
  }
}
