/* Opens the provider on four runtimes, one for each number of threads, and the
 * reference provider as oracle beside the first. */
#include "runner/runner.h"

const uint32_t frti_bench_threads[FRTI_N_THREADS] = {1, 2, 3, 7};

static frt_status_t target_open(frti_target_t *t, frt_runtime_t *rt, const char *name,
                                frt_error_t *err) {
  char why[160] = "";
  t->api = frt_runtime_provider_api(rt, name);
  t->host = frt_runtime_host(rt);
  if (!t->api) return frt_fail(err, FRT_NOT_FOUND, "provider '%s' was not loaded", name);
  if (!t->api->device_count(t->api->self, why))
    return frt_fail(err, FRT_UNAVAILABLE, "%s has no device: %s", name, why);
  t->info.size = sizeof t->info;
  FRT_TRY(t->api->device_info(t->api->self, 0, &t->info, err));
  FRT_TRY(t->api->dev_open(t->api->self, 0, NULL, 0, &t->dev, err));
  return t->api->queue_open(t->dev, &t->queue, err);
}

static void target_close(frti_target_t *t) {
  if (t->spare && t->spare->slab)
    t->api->slab_free(t->dev, FRT_MEM_DEVICE, t->spare->slab);
  if (t->queue) t->api->queue_close(t->queue);
  if (t->dev) t->api->dev_close(t->dev);
}

static frt_status_t open_one(frti_bench_t *b, int k, const frti_options_t *o,
                             frt_error_t *err) {
  const frt_runtime_options_t options = {
      .struct_size = sizeof options, /* What is timed has all CPUs. */
      .threads = o->mode == FRTI_PERF ? 0 : frti_bench_threads[k],
      .mem_alloc = frti_supply_alloc, .mem_free = frti_supply_free, .mem_ctx = b->supply};
  frt_provider_info_t info;
  FRT_TRY(frt_runtime_create(&options, &b->rt[k], err));
  FRT_TRY(frt_runtime_load_provider(b->rt[k], o->provider, err));
  FRT_TRY(frt_runtime_provider(b->rt[k], 0, &info, err));
  if (!k) b->self = !strcmp(info.name, "reference");
  b->target[k].spare = &b->spare[k];
  return target_open(&b->target[k], b->rt[k], info.name, err);
}

frt_status_t frti_bench_open(frti_bench_t *b, const frti_options_t *o, int targets,
                             int oracle, frt_error_t *err) {
  static frti_supply_t supply; /* a worker has one bench */
  memset(b, 0, sizeof *b);
  b->supply = &supply;
  b->seed = o->seed;
  for (int k = 0; k < targets; ++k)
    FRT_TRY(open_one(b, k, o, err));
  FRT_TRY(frti_own_open(b, o->oracle, err));
  if (!oracle) return FRT_OK;
  FRT_TRY(frt_runtime_load_provider(b->rt[0], "reference", err));
  FRT_TRY(target_open(&b->reference, b->rt[0], "reference", err));
  if (b->reference.api->extension)
    b->oracle = b->reference.api->extension(b->reference.api->self, "frt.oracle.v1");
  if (!b->oracle)
    return frt_fail(err, FRT_UNAVAILABLE, "the reference provider has no oracle");
  return FRT_OK;
}

void frti_bench_close(frti_bench_t *b) {
  frt_runtime_release(b->own_rt);
  target_close(&b->reference);
  for (int k = 0; k < FRTI_N_THREADS; ++k) {
    target_close(&b->target[k]);
    frt_runtime_release(b->rt[k]);
  }
}
