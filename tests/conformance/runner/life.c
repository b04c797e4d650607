/* The provider as a whole: opened and closed over and over, unloaded and loaded again, short
 * of memory at every request, asked for what there is not. */
#include <stdatomic.h>
#include <stdlib.h>

#include "runner/life.h"
#include "runner/replay.h"
#include "runner/process.h"

enum { CYCLES = 100, WATCHED = 8, MOST_REQUESTS = 60 };

typedef struct life {
  const frti_options_t *o;
  frti_bench_t b; /* its supply only: every job opens what it needs */
  frti_supply_t supply;
  frti_target_t t;
  frt_runtime_t *rt;
  char why[FRTI_TEXT];
} life_t;

/* Everything is opened on the way: a runtime, the provider, its first device, a queue and,
 * if there are any, an event. */
typedef struct hold { frt_queue_t *queue; frt_event_t *event; } hold_t;

static int say(life_t *l, const char *what, const char *why) {
  snprintf(l->why, sizeof l->why, "%s: %s", what, why);
  return FRTI_FAIL;
}

static frt_status_t load(life_t *l, frt_error_t *err) {
  const frt_runtime_options_t options = {
      .struct_size = sizeof options, .threads = 1, .mem_alloc = frti_supply_alloc,
      .mem_free = frti_supply_free, .mem_ctx = &l->supply};
  frt_provider_info_t info;
  FRT_TRY(frt_runtime_create(&options, &l->rt, err));
  FRT_TRY(frt_runtime_load_provider(l->rt, l->o->provider, err));
  FRT_TRY(frt_runtime_provider(l->rt, 0, &info, err));
  l->t.api = frt_runtime_provider_api(l->rt, info.name);
  l->t.host = frt_runtime_host(l->rt);
  l->t.info.size = sizeof l->t.info;
  return l->t.api->device_info(l->t.api->self, 0, &l->t.info, err);
}

static void unload(life_t *l) {
  frt_runtime_release(l->rt);
  l->rt = NULL;
  memset(&l->t, 0, sizeof l->t);
}

static frt_status_t open_device(life_t *l, hold_t *h, frt_error_t *err) {
  const frt_api_provider_t *api = l->t.api;
  FRT_TRY(api->dev_open(api->self, 0, NULL, 0, &l->t.dev, err));
  FRT_TRY(api->queue_open(l->t.dev, &h->queue, err));
  if (api->event_open) FRT_TRY(api->event_open(l->t.dev, &h->event, err));
  return api->queue_sync(h->queue, err);
}

static void close_device(life_t *l, hold_t *h) {
  const frt_api_provider_t *api = l->t.api;
  if (h->event) api->event_close(h->event);
  if (h->queue) api->queue_close(h->queue);
  if (l->t.dev) api->dev_close(l->t.dev);
  l->t.dev = NULL;
  *h = (hold_t){NULL, NULL};
}

/* ---- over and over ------------------------------------------------------------------ */

static int whole_cycle(life_t *l) {
  frt_error_t err = FRT_ERROR_INIT;
  hold_t h = {NULL, NULL};
  frt_status_t status = load(l, &err);
  if (status == FRT_OK) status = open_device(l, &h, &err);
  if (l->t.api) close_device(l, &h);
  unload(l);
  if (status != FRT_OK) return say(l, "loaded once more", err.message);
  if (!atomic_load(&l->supply.held)) return FRTI_PASS;
  snprintf(l->why, sizeof l->why, "%lld blocks of host memory are left when it is closed",
           (long long)atomic_load(&l->supply.held));
  return FRTI_FAIL;
}

static int device_cycle(life_t *l) {
  frt_error_t err = FRT_ERROR_INIT;
  hold_t h = {NULL, NULL};
  const frt_status_t status = open_device(l, &h, &err);
  close_device(l, &h);
  return status == FRT_OK ? FRTI_PASS : say(l, "opened once more", err.message);
}

/* A hundred times; nothing may rise in each of the last ones. */
static int over_and_over(life_t *l, int (*cycle)(life_t *l)) {
  frti_things_t counts[WATCHED];
  int v = FRTI_PASS;
  for (int i = 0; i < CYCLES && v == FRTI_PASS; ++i) {
    v = cycle(l);
    if (i >= CYCLES - WATCHED) frti_things_count(&counts[i - CYCLES + WATCHED], &l->b);
  }
  if (v == FRTI_PASS && frti_things_grow(counts, WATCHED, l->why, sizeof l->why))
    v = FRTI_FAIL;
  return v;
}

static int loads_and_unloads(life_t *l) { return over_and_over(l, whole_cycle); }

static int devices(life_t *l) {
  frt_error_t err = FRT_ERROR_INIT;
  const int v = load(l, &err) == FRT_OK ? over_and_over(l, device_cycle)
                                        : say(l, "loaded once more", err.message);
  unload(l);
  return v;
}

/* ---- short of memory ------------------------------------------------------------------ */

/* The k-th request is refused. *reached: there was such a request. */
static int refuse(life_t *l, int64_t k, int *reached) {
  frt_error_t err = FRT_ERROR_INIT;
  hold_t h = {NULL, NULL};
  frt_status_t status;
  char what[64];
  snprintf(what, sizeof what, "request %lld to mem_alloc refused", (long long)k);
  atomic_store(&l->supply.left, k);
  status = load(l, &err);
  if (status == FRT_OK) status = open_device(l, &h, &err);
  *reached = atomic_exchange(&l->supply.left, 0) == 0;
  if (l->t.api) close_device(l, &h);
  unload(l);
  if (atomic_load(&l->supply.held)) return say(l, what, "blocks taken before it stay behind");
  if (status == FRT_OK) return FRTI_PASS;
  return status == FRT_RESOURCE_EXHAUSTED && err.message[0]
             ? FRTI_PASS
             : say(l, what, frt_status_text(status));
}

static int short_of_memory(life_t *l) {
  int v = FRTI_PASS, reached = 1;
  for (int64_t k = 1; k <= MOST_REQUESTS && v == FRTI_PASS && reached; ++k)
    v = refuse(l, k, &reached);
  return v == FRTI_PASS ? whole_cycle(l) : v;
}

/* ---- what there is not ------------------------------------------------------------------ */

/* A name that is misspelt must not look like one that was heeded. */
static int unknown_option(life_t *l) {
  const frt_api_option_t option = {"no_such_option", "1"};
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = load(l, &err);
  int v = FRTI_PASS;
  if (status != FRT_OK) {
    v = say(l, "loaded once more", err.message);
  } else {
    status = l->t.api->dev_open(l->t.api->self, 0, &option, 1, &l->t.dev, &err);
    if (status == FRT_OK) {
      v = say(l, "dev_open", "takes an option that it cannot know");
      l->t.api->dev_close(l->t.dev);
    } else if (!strstr(err.message, option.key)) {
      v = say(l, "dev_open refuses an option without naming it", err.message);
    }
  }
  l->t.dev = NULL;
  unload(l);
  return v;
}

static int unknown_device(life_t *l) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_dev_t *dev = NULL;
  int v = FRTI_PASS;
  if (load(l, &err) != FRT_OK) {
    v = say(l, "loaded once more", err.message);
  } else {
    const frt_api_provider_t *api = l->t.api;
    const uint32_t n = api->device_count(api->self, NULL);
    frt_api_device_info_t info = {.size = sizeof info};
    if (api->device_info(api->self, n, &info, &err) == FRT_OK || !err.message[0])
      v = say(l, "device_info", "describes a device that there is not, or fails silently");
    err.message[0] = 0;
    if (api->dev_open(api->self, n, NULL, 0, &dev, &err) == FRT_OK || !err.message[0])
      v = say(l, "dev_open", "opens a device that there is not, or fails silently");
  }
  unload(l);
  return v;
}

/* More than any machine has, then what every machine has. */
static int slabs_of(life_t *l, uint32_t kind, int optional) {
  const frt_api_provider_t *api = l->t.api;
  frt_error_t err = FRT_ERROR_INIT;
  void *p = NULL;
  frt_status_t status = api->slab_alloc(l->t.dev, kind, 64, &p, &err);
  if (status != FRT_OK) return optional ? FRTI_PASS : say(l, "64 bytes", err.message);
  api->slab_free(l->t.dev, kind, p);
  p = NULL;
  status = api->slab_alloc(l->t.dev, kind, (uint64_t)1 << 62, &p, &err);
  if (status != FRT_RESOURCE_EXHAUSTED || !err.message[0])
    return say(l, "2^62 bytes are not RESOURCE_EXHAUSTED with a text", frt_status_text(status));
  if (api->slab_alloc(l->t.dev, kind, 4096, &p, &err) != FRT_OK)
    return say(l, "4096 bytes after 2^62 that there are not", err.message);
  api->slab_free(l->t.dev, kind, p);
  return FRTI_PASS;
}

static int slabs(life_t *l) {
  frt_error_t err = FRT_ERROR_INIT;
  hold_t h = {NULL, NULL};
  int v = 0;
  if (load(l, &err) != FRT_OK) {
    v = say(l, "loaded once more", err.message);
  } else if (l->t.api->slab_alloc) {
    v = open_device(l, &h, &err) == FRT_OK ? slabs_of(l, FRT_MEM_DEVICE, 0)
                                           : say(l, "opened", err.message);
    if (v == FRTI_PASS) v = slabs_of(l, FRT_MEM_PINNED, 1);
    close_device(l, &h);
  }
  unload(l);
  return v;
}

/* ---- all of it ---------------------------------------------------------------------------- */

void frti_run_life(const frti_options_t *o, frti_process_t *was, FILE *to) {
  static const struct { const char *name; int (*fn)(life_t *l); } jobs[] = {
      {"loaded_100_times", loads_and_unloads}, {"device_opened_100_times", devices},
      {"short_of_memory", short_of_memory}, {"unknown_option", unknown_option},
      {"unknown_device", unknown_device}, {"slabs", slabs}};
  life_t *l = calloc(1, sizeof *l);
  if (!l) return;
  l->o = o;
  l->b.supply = &l->supply;
  for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; ++i) {
    char name[64];
    int v;
    snprintf(name, sizeof name, FRTI_LIFE "/%s", jobs[i].name);
    if (o->replay && strcmp(o->replay, name)) continue;
    frti_set_cpu_limit(o->time_limit);
    fprintf(to, "B\t0\t" FRTI_LIFE "\t%s\t32\n", jobs[i].name);
    fflush(to);
    l->why[0] = 0;
    v = jobs[i].fn(l);
    if (v != FRTI_FAIL && frti_process_changed(was, l->why, sizeof l->why)) v = FRTI_FAIL;
    frti_process_look(was);
    for (char *s = l->why; *s; ++s)
      if (*s == '\n' || *s == '\t') *s = ' ';
    fprintf(to, "%c\t%s\t0\n", v ? v : 'S', l->why);
    fflush(to);
  }
  free(l);
}
