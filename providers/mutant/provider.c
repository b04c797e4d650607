/* mutant: a provider that is wrong on purpose, in one way at a time, to show what
 * `fluidrt conform` notices. It stands in front of another provider, opened through the
 * public ABI, and distorts the calls; the environment names the defect (FRT_MUTANT) and the
 * base (FRT_MUTANT_BASE, default cpu). Without a defect it is as right as its base. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "mutant.h"

#include "base.inc"

FRT_MANIFEST("mutant", "0.1.0");

typedef struct module {
  mutant_t m; /* first: frt_api_provider_t.self is both */
  base_t base;
  frt_api_kernel_decl_t *decls;
  uint32_t n_decls;
  char text[16384];
} module_t;

__attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);

static int is_on(const mutant_t *m, const char *type) {
  return m->defect && !strcmp(m->defect->op, type);
}

/* ---- claims ---------------------------------------------------------------------- */

static frt_status_t copy_claims(module_t *m, frt_error_t *err) {
  const frt_api_provider_t *base = &m->base.api;
  const frt_api_host_t *host = m->m.host;
  m->decls = host->mem_alloc(host->ctx, (base->n_kernels + 1) * sizeof *m->decls, 16);
  if (!m->decls) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "mutant: no memory for claims");
  for (uint32_t i = 0; i < base->n_kernels; ++i) {
    frt_api_kernel_decl_t row;
    memcpy(&row, (const char *)base->kernels + (size_t)i * base->kernel_stride, sizeof row);
    if (is_on(&m->m, row.type) && m->m.defect->claim &&
        !m->m.defect->claim(m->m.defect, &row))
      continue;
    m->decls[m->n_decls++] = row;
  }
  return FRT_OK;
}

static frt_status_t op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_api_support_t *s, frt_error_t *err) {
  const mutant_t *m = self;
  FRT_TRY(m->base->op_query(m->base->self, dev, op, s, err));
  if (is_on(m, op->type) && m->defect->ask) m->defect->ask(m->defect, op, dev != NULL, s);
  return FRT_OK;
}

/* ---- kernels ----------------------------------------------------------------------- */

static double decay_of(const frt_api_op_t *op) {
  for (uint32_t i = 0; i < op->n_attrs; ++i)
    if (!strcmp(op->attrs[i].name, "lars_weight_decay"))
      return op->attrs[i].type == FRT_ATTR_F32 ? op->attrs[i].v.f
             : op->attrs[i].count              ? op->attrs[i].v.fs[0]
                                               : 0;
  return 0;
}

static frt_status_t op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                               frt_prepared_t **out, uint64_t *workspace, frt_error_t *err) {
  const mutant_t *m = self;
  frt_api_attr_t attrs[MUTANT_MAX_ATTRS];
  frt_api_op_t changed = *op;
  frt_prepared_t *k = m->host->mem_alloc(m->host->ctx, sizeof *k, 16);
  uint64_t more = 0;
  frt_status_t status = FRT_OK;
  *out = NULL;
  if (!k) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "mutant: no memory for a kernel");
  memset(k, 0, sizeof *k);
  k->m = m;
  k->runs = &k->count;
  k->on = is_on(m, op->type) && op->n_in <= MUTANT_MAX_SLOTS;
  k->decay = decay_of(op);
  if (k->on && m->defect->ready && op->n_attrs <= MUTANT_MAX_ATTRS) {
    if (op->n_attrs) memcpy(attrs, op->attrs, op->n_attrs * sizeof *attrs);
    changed.attrs = attrs;
    status = m->defect->ready(m->defect, op, attrs, &more, err);
  }
  if (status == FRT_OK)
    status = m->base->op_prepare(m->base->self, dev, &changed, &k->base, workspace, err);
  if (status != FRT_OK) {
    m->host->mem_free(m->host->ctx, k);
    return status;
  }
  if (more) *workspace = (*workspace + 63) & ~(uint64_t)63;
  k->workspace = *workspace;
  *workspace += more;
  *out = k;
  return FRT_OK;
}

_Atomic int frt_mutant_running;

static frt_status_t op_run(const frt_prepared_t *k, const frt_api_run_t *run,
                           frt_error_t *err) {
  const frt_api_provider_t *base = k->m->base;
  const defect_t *d = k->m->defect;
  call_t c = {.k = k, .d = d};
  frt_status_t status = FRT_OK;
  if (!k->on) return base->op_run(k->base, run, err);
  atomic_fetch_add(k->runs, 1);
  atomic_fetch_add(&frt_mutant_running, 1);
  c.run = *run;
  c.run.workspace_bytes = k->workspace;
  if (run->n_in) memcpy(c.in, run->in, run->n_in * sizeof *c.in);
  c.run.in = c.in;
  if (d->before) status = d->before(&c, err);
  if (status == FRT_OK) status = base->op_run(k->base, &c.run, err);
  if (status == FRT_OK && d->after) d->after(&c);
  atomic_fetch_sub(&frt_mutant_running, 1);
  free(c.saved);
  free(c.fresh.data);
  return status;
}

static void op_release(frt_prepared_t *k) {
  if (!k) return;
  k->m->base->op_release(k->base);
  k->m->host->mem_free(k->m->host->ctx, k);
}

/* ---- the rest is the base's ---------------------------------------------------------- */

static void mutant_close(void *self) {
  module_t *m = self;
  const frt_api_host_t *host = m->m.host;
  base_close(&m->base);
  if (m->decls) host->mem_free(host->ctx, m->decls);
  host->mem_free(host->ctx, m);
}

static uint32_t device_count(void *self, char *why) {
  const mutant_t *m = self;
  return m->base->device_count(m->base->self, why);
}

static frt_status_t device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                frt_error_t *err) {
  const mutant_t *m = self;
  return m->base->device_info(m->base->self, index, out, err);
}

static frt_status_t dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                             uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  const mutant_t *m = self;
  return m->base->dev_open(m->base->self, index, opt, n_opt, out, err);
}

static void fill(module_t *m, frt_api_provider_t *io) {
  frt_api_provider_t p = m->base.api; /* devices and queues are its own handles */
  p.size = io->size;
  p.abi_minor = FRT_ABI_MINOR;
  p.self = m;
  p.name = "mutant";
  p.version = "0.1.0";
  p.description = m->text;
  p.kernels = m->decls;
  p.n_kernels = m->n_decls;
  p.kernel_stride = sizeof *m->decls;
  p.close = mutant_close;
  p.device_count = device_count;
  p.device_info = device_info;
  p.dev_open = dev_open;
  p.op_query = op_query;
  p.op_prepare = op_prepare;
  p.op_run = op_run;
  p.op_release = op_release;
  p.extension = NULL;
  if (m->m.defect && m->m.defect->table) m->m.defect->table(&m->m, &p);
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
}

/* The defect that is asked for; "list" names them all in the description. */
static frt_status_t choose(module_t *m, const char *name, frt_error_t *err) {
  size_t at = 0;
  if (!name || !name[0] || !strcmp(name, "none")) {
    snprintf(m->text, sizeof m->text, "no defect");
    return FRT_OK;
  }
  for (const defect_t *d = frt_mutant_defects; d->name; ++d) {
    if (!strcmp(name, "list") && at < sizeof m->text)
      at += (size_t)snprintf(m->text + at, sizeof m->text - at, "%s%s", at ? " " : "", d->name);
    if (!strcmp(name, d->name)) m->m.defect = d;
  }
  if (at) return FRT_OK;
  if (!m->m.defect)
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "provider mutant has no defect '%.60s'; FRT_MUTANT=list names them", name);
  snprintf(m->text, sizeof m->text, "defect %s of op %s", m->m.defect->name, m->m.defect->op);
  return FRT_OK;
}

frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  const char *asked = secure_getenv("FRT_MUTANT_BASE"), *base = "cpu";
  frt_provider_entry_t self = FRT_PROVIDER_ENTRY;
  const void *mine;
  if (!FRT_HAS(host, frt_api_host_t, parallel_for) ||
      !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider mutant wants a host of ABI %u.%u",
                    FRT_ABI_MAJOR, FRT_ABI_MINOR);
  memcpy(&mine, &self, sizeof mine);
  module_t *m = host->mem_alloc(host->ctx, sizeof *m, 16);
  if (!m) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for provider mutant");
  memset(m, 0, sizeof *m);
  m->m.host = host;
  frt_status_t status = choose(m, secure_getenv("FRT_MUTANT"), err);
  if (m->m.defect && m->m.defect->base) base = m->m.defect->base;
  if (asked && asked[0]) base = asked;
  if (status == FRT_OK) status = base_open(&m->base, host, base, mine, 0, err);
  if (status != FRT_OK) {
    host->mem_free(host->ctx, m);
    return status;
  }
  m->m.base = &m->base.api;
  status = copy_claims(m, err);
  if (status != FRT_OK) {
    mutant_close(m);
    return status;
  }
  fill(m, io);
  return FRT_OK;
}
