/* Executors: a place list is parsed, its devices are opened, its options kept. */
#include <stdlib.h>

#include "runtime/stages.h"

/* Where nothing is run, a device that is not there is no hindrance: its provider answers
 * from its table. It is taken to have memory of its own, under a number from the end. */
static void stand_in(frt_executor_t *exe, frti_place_t *place, frti_provider_t *provider,
                     uint32_t index, const frt_error_t *why) {
  place->absent.provider = provider;
  place->absent.index = index;
  place->absent.space = FRTI_MAX_SPACES - 1 - exe->n_places;
  place->device = &place->absent;
  snprintf(place->why, sizeof place->why, "%s", why->message);
}

static frt_status_t open_place(frt_executor_t *exe, frti_place_t *place,
                               frti_provider_t *provider, uint32_t index, frt_error_t *err) {
  frt_error_t why = FRT_ERROR_INIT;
  frt_status_t status = frti_device_open(exe->rt, provider, index, &place->device, &why);
  if (status == FRT_UNAVAILABLE && exe->explain_only) {
    stand_in(exe, place, provider, index, &why);
    return FRT_OK;
  }
  if (status == FRT_OK) {
    frti_device_enter(place->device);
    status = provider->api.queue_open(place->device->dev, &place->queue, &why);
    frti_device_leave(place->device);
    if (status != FRT_OK) atomic_fetch_sub(&place->device->users, 1);
  }
  if (status != FRT_OK && err) *err = why;
  return status;
}

static frt_status_t add_place(frt_executor_t *exe, char *text, frt_error_t *err) {
  frti_place_t *place = &exe->places[exe->n_places];
  unsigned long index = 0;
  const bool is_path = strchr(text, '/') != NULL;
  char *end = NULL, *colon = strrchr(text, ':');
  if (exe->n_places + exe->n_skipped == FRTI_MAX_PLACES)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "more than %d places in '%s'",
                    FRTI_MAX_PLACES, exe->list);
  if (colon) {
    *colon = 0;
    index = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || index > 1024)
      return frt_fail(err, FRT_INVALID_ARGUMENT, "place '%s:%s': wanted provider:number",
                      text, colon + 1);
  }
  if (!text[0] || (!is_path && strlen(text) > 31))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "an empty or too long place in '%s'",
                    exe->list);
  FRT_TRY(frt_runtime_load_provider(exe->rt, text, err));
  frti_provider_t *provider =
      is_path ? frti_provider_at(exe->rt, text) : frti_provider_find(exe->rt, text);
  if (!provider)
    return frt_fail(err, FRT_NOT_FOUND, "no provider is named '%s'", text);
  FRT_TRY(open_place(exe, place, provider, (uint32_t)index, err));
  snprintf(place->label, sizeof place->label, index ? "%s:%lu" : "%s",
           provider->api.name, index);
  ++exe->n_places;
  return FRT_OK;
}

/* What is not here is no error in a list: the others serve. A module that was asked for by
 * its path has to load. `text` is without its number. */
static bool may_skip(const frt_executor_t *exe, const char *text, frt_status_t status) {
  return status == FRT_UNAVAILABLE &&
         (!strchr(text, '/') || frti_provider_at(exe->rt, text) != NULL);
}

static void skip(frt_executor_t *exe, const char *label, const frt_error_t *why) {
  frti_skipped_t *s = &exe->skipped[exe->n_skipped++];
  memset(&exe->places[exe->n_places], 0, sizeof *exe->places);
  snprintf(s->label, sizeof s->label, "%s", label);
  snprintf(s->why, sizeof s->why, "%s", why->message);
}

static frt_status_t try_place(frt_executor_t *exe, char *text, frt_error_t *first,
                              frt_error_t *err) {
  frt_error_t why = FRT_ERROR_INIT;
  char label[48];
  snprintf(label, sizeof label, "%s", text);
  const frt_status_t status = add_place(exe, text, &why);
  if (status == FRT_OK) return FRT_OK;
  if (!may_skip(exe, text, status)) {
    if (err) *err = why;
    return status;
  }
  if (!exe->n_skipped) *first = why;
  skip(exe, label, &why);
  return FRT_OK;
}

/* One line for each that was skipped; if none is left, the first says why. */
static frt_status_t settle(const frt_executor_t *exe, const frt_error_t *first,
                           frt_error_t *err) {
  if (!exe->n_places) {
    if (err) *err = *first;
    return FRT_UNAVAILABLE;
  }
  for (uint32_t i = 0; i < exe->n_skipped; ++i)
    frti_log(exe->rt, FRT_LOG_WARNING, "place '%s' is skipped: %s; its ops go to %s",
             exe->skipped[i].label, exe->skipped[i].why, exe->places[0].label);
  return FRT_OK;
}

static frt_status_t parse_places(frt_executor_t *exe, frt_error_t *err) {
  frt_status_t status = FRT_OK;
  frt_error_t first = FRT_ERROR_INIT;
  char *copy = frti_strdup(exe->list), *save = NULL;
  if (!copy) return frti_no_memory(err);
  if (!copy[0] || copy[strlen(copy) - 1] == ',' || copy[0] == ',' || strstr(copy, ",,"))
    status = frt_fail(err, FRT_INVALID_ARGUMENT, "place list '%s' has an empty entry", copy);
  for (char *one = strtok_r(copy, ",", &save); one && status == FRT_OK;
       one = strtok_r(NULL, ",", &save))
    status = try_place(exe, one, &first, err);
  frti_free(copy);
  return status == FRT_OK ? settle(exe, &first, err) : status;
}

static frt_status_t take_pins(frt_executor_t *exe, const frt_executor_options_t *o,
                              frt_error_t *err) {
  exe->pins = frti_calloc(o->n_pins + 1, sizeof *exe->pins);
  if (!exe->pins) return frti_no_memory(err);
  for (; exe->n_pins < o->n_pins; ++exe->n_pins) {
    exe->pins[exe->n_pins] = o->pins[exe->n_pins];
    exe->pins[exe->n_pins].place = frti_strdup(o->pins[exe->n_pins].place);
    if (!exe->pins[exe->n_pins].place) return frti_no_memory(err);
  }
  return FRT_OK;
}

static frt_status_t take_options(frt_executor_t *exe, const frt_executor_options_t *o,
                                 frt_error_t *err) {
  exe->seed = 1;
  exe->max_plans = 16;
  if (!o) return FRT_OK;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, seed) && o->seed) exe->seed = o->seed;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, no_fuse)) exe->no_fuse = o->no_fuse != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, max_memory)) exe->max_memory = o->max_memory;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, first_run)) exe->runs = o->first_run;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, check_nan))
    exe->check_nan = o->check_nan != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, no_reuse)) exe->no_reuse = o->no_reuse != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, check_provider))
    exe->check_provider = o->check_provider != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, check_plans))
    exe->check_plans = o->check_plans != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, spread)) exe->spread = o->spread != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, explain_only))
    exe->explain_only = o->explain_only != 0;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, max_plans) && o->max_plans)
    exe->max_plans = o->max_plans;
  if (FRT_HAS_OPTION(o, frt_executor_options_t, n_pins) && o->n_pins)
    return take_pins(exe, o, err);
  return FRT_OK;
}

frt_status_t frt_executor_create(frt_runtime_t *rt, const char *places,
    const frt_executor_options_t *options, frt_executor_t **out, frt_error_t *err) {
  frt_executor_t *exe = frti_calloc(1, sizeof *exe);
  *out = NULL;
  if (!exe) return frti_no_memory(err);
  exe->rt = frt_runtime_retain(rt);
  exe->list = frti_strdup(places ? places : "cpu,reference");
  frt_status_t status = exe->list ? take_options(exe, options, err) : frti_no_memory(err);
  if (status == FRT_OK) {
    exe->plans = frti_calloc(exe->max_plans, sizeof *exe->plans);
    exe->plan_uids = frti_calloc(exe->max_plans, sizeof *exe->plan_uids);
    if (!exe->plans || !exe->plan_uids) status = frti_no_memory(err);
  }
  if (status == FRT_OK) status = parse_places(exe, err);
  if (status != FRT_OK) {
    frt_executor_release(exe);
    return frti_error_phase(err, status, FRT_PHASE_PROVIDER);
  }
  *out = exe;
  return FRT_OK;
}

static bool has_single(const frt_executor_t *exe) {
  for (uint32_t i = 0; i < exe->n_places; ++i)
    if (exe->places[i].device->single) return true;
  return false;
}

void frti_places_enter(frt_executor_t *exe) {
  if (has_single(exe)) pthread_mutex_lock(&exe->rt->single);
}

void frti_places_leave(frt_executor_t *exe) {
  if (has_single(exe)) pthread_mutex_unlock(&exe->rt->single);
}

void frt_executor_release(frt_executor_t *exe) {
  if (!exe) return;
  while (atomic_load(&exe->running)) {
    frt_executor_cancel(exe);
    frti_pause();
  }
  frti_places_enter(exe);
  for (uint32_t i = 0; i < exe->n_plans; ++i) frti_plan_release(exe->plans[i]);
  frti_free(exe->plans);
  frti_free(exe->plan_uids);
  for (uint32_t i = 0; i < exe->n_places; ++i)
    if (exe->places[i].queue)
      exe->places[i].device->provider->api.queue_close(exe->places[i].queue);
  for (uint32_t i = 0; i < FRTI_MAX_SPACES; ++i)
    if (exe->base[i]) frti_space_free(exe->rt, i, exe->base[i]);
  frti_places_leave(exe);
  for (uint32_t i = 0; i < exe->n_places; ++i)
    atomic_fetch_sub(&exe->places[i].device->users, 1);
  for (size_t i = 0; i < exe->n_pins; ++i) frti_free((void *)(uintptr_t)exe->pins[i].place);
  frti_free(exe->pins);
  frti_free(exe->list);
  frt_runtime_release(exe->rt);
  frti_free(exe);
}

void frt_executor_stats(const frt_executor_t *exe, frt_executor_stats_t *out) {
  const frti_plan_t *p = exe->last;
  frt_executor_stats_t s = {0};
  const uint32_t size = out->struct_size ? out->struct_size : (uint32_t)sizeof s;
  s.struct_size = size;
  s.runs = exe->runs;
  s.plans_built = exe->plans_built;
  s.plans_evicted = exe->plans_evicted;
  if (p) {
    s.ops = p->live_ops;
    s.copies = p->n_copies;
    s.bind_copies = exe->bind_copies;
    s.peak_bytes = p->space_bytes[FRTI_HOST] + p->persistable_bytes;
    s.fallback_ops = p->fallback_ops;
    s.waits = p->n_waits;
  }
  memcpy(out, &s, FRTI_MIN(size, sizeof s));
}
