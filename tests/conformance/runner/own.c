/* Ops that a module brings itself: schema, cases and formulas come from the module, or
 * the formulas from another one. The suite adds what no author can talk away: values by
 * hand against the formula, and the formula's gradient against its own differences. */
#include <stdlib.h>

#include "runner/runner.h"

static struct own {
  const frt_api_schemas_t *schemas;
  const frt_case_t *cases;
  const frt_api_oracle_t *oracle;
  void *self; /* of the oracle */
} own;

static const void *extension(const frt_api_provider_t *api, const char *name) {
  return FRT_HAS(api, frt_api_provider_t, extension) && api->extension
             ? api->extension(api->self, name) : NULL;
}

size_t frti_own_count(void) { return own.schemas ? own.schemas->n : 0; }
const frt_op_schema_t *frti_own_at(size_t i) { return own.schemas->schemas[i]; }

int frti_is_own(const frt_op_schema_t *s) {
  for (size_t i = 0; i < frti_own_count(); ++i)
    if (frti_own_at(i) == s) return 1;
  return 0;
}

const frt_op_schema_t *frti_schema_of(const char *type) {
  for (size_t i = 0; i < frti_own_count(); ++i)
    if (!strcmp(frti_own_at(i)->type, type)) return frti_own_at(i);
  return frt_op_find(type);
}

const frt_case_t *frti_own_cases(void) {
  static const frt_case_t none[1];
  return own.cases ? own.cases : none;
}

/* Another module's formulas; in a runtime of its own, for it may bring the same ops. */
static frt_status_t open_oracle(frti_bench_t *b, const char *path, frt_error_t *err) {
  const frt_api_provider_t *api;
  frt_provider_info_t info;
  FRT_TRY(frt_runtime_create(NULL, &b->own_rt, err));
  FRT_TRY(frt_runtime_load_provider(b->own_rt, path, err));
  FRT_TRY(frt_runtime_provider(b->own_rt, 0, &info, err));
  api = frt_runtime_provider_api(b->own_rt, info.name);
  own.oracle = extension(api, "frt.oracle.v1");
  own.self = api->self;
  if (own.oracle) return FRT_OK;
  return frt_fail(err, FRT_UNAVAILABLE, "--oracle %s: it has no extension frt.oracle.v1", path);
}

frt_status_t frti_own_open(frti_bench_t *b, const char *oracle, frt_error_t *err) {
  const frt_api_provider_t *api = b->target[0].api;
  const frt_api_cases_t *cases;
  memset(&own, 0, sizeof own);
  own.schemas = extension(api, FRT_SCHEMAS_V1);
  if (!own.schemas) {
    if (!oracle) return FRT_OK;
    return frt_fail(err, FRT_UNAVAILABLE, "--oracle %s: provider %s brings no ops of its own",
                    oracle, api->name);
  }
  cases = extension(api, FRT_CASES_V1);
  if (cases && cases->case_size != sizeof(frt_case_t))
    return frt_fail(err, FRT_ABI_MISMATCH, "%s's cases have %u bytes each, wanted %zu: it was "
                    "built against another fluidrt/case.h", api->name, cases->case_size,
                    sizeof(frt_case_t));
  if (cases) own.cases = cases->cases;
  if (oracle) return open_oracle(b, oracle, err);
  own.oracle = extension(api, "frt.oracle.v1");
  own.self = api->self;
  return FRT_OK;
}

frt_status_t frti_own_eval(const frti_probe_t *p, const double *const *in,
                           double *const *out, double *const *mag, frt_error_t *err) {
  if (!own.oracle)
    return frt_fail(err, FRT_UNAVAILABLE, "nothing says what %s is: the module has no "
                    "extension frt.oracle.v1, and no --oracle is given", p->op.type);
  return own.oracle->eval(own.self, &p->op, p->rng, in, out, mag, err);
}
