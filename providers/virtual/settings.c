/* What the environment and the options of dev_open ask for. A word that is not known is
 * refused: a fault that is misspelt must not look like one that was survived. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "virtual.h"

static frt_status_t number(const char *key, const char *text, uint64_t max, uint64_t *out,
                           frt_error_t *err) {
  char *end;
  errno = 0;
  const unsigned long long n = strtoull(text, &end, 10);
  if (errno || end == text || *end || text[0] == '-' || n > max)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "virtual: %s is '%.60s'; wanted 0 to %llu", key,
                    text, (unsigned long long)max);
  *out = n;
  return FRT_OK;
}

/* One of "oom:K lost:K fail:K copy:K slow:K refuse:OP". */
static frt_status_t fault(settings_t *s, char *word, frt_error_t *err) {
  char *value = strchr(word, ':');
  if (value && value[1]) {
    *value++ = 0;
    if (!strcmp(word, "oom")) return number("oom", value, INT64_MAX, &s->oom, err);
    if (!strcmp(word, "lost")) return number("lost", value, INT64_MAX, &s->lost, err);
    if (!strcmp(word, "fail")) return number("fail", value, INT64_MAX, &s->fail, err);
    if (!strcmp(word, "copy")) return number("copy", value, INT64_MAX, &s->copy, err);
    if (!strcmp(word, "slow")) return number("slow", value, INT64_MAX, &s->slow, err);
    if (!strcmp(word, "refuse") && s->n_refused < VIRTUAL_MAX_REFUSED &&
        strlen(value) < sizeof s->refused[0]) {
      snprintf(s->refused[s->n_refused++], sizeof s->refused[0], "%s", value);
      return FRT_OK;
    }
  }
  return frt_fail(err, FRT_INVALID_ARGUMENT,
                  "virtual: fault '%.60s'; wanted oom:K, lost:K, fail:K, copy:K, slow:K or at most %d "
                  "times refuse:OP", word, VIRTUAL_MAX_REFUSED);
}

static frt_status_t faults(settings_t *s, const char *value, frt_error_t *err) {
  char copy[512], *save = NULL;
  if (strlen(value) >= sizeof copy)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "virtual: more than %zu bytes of faults",
                    sizeof copy - 1);
  snprintf(copy, sizeof copy, "%s", value);
  s->oom = s->lost = s->fail = s->copy = s->slow = 0;
  s->n_refused = 0;
  for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
    FRT_TRY(fault(s, word, err));
  return FRT_OK;
}

/* Misspelt words begin like the word that was meant. */
static frt_status_t unknown_option(const char *key, frt_error_t *err) {
  static const char *const known[] = {"seed", "delay_us", "copy", "fault"};
  const char *near = NULL;
  size_t best = 1;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    size_t n = 0;
    while (key[n] && key[n] == known[i][n]) ++n;
    if (n > best) near = known[i], best = n;
  }
  return frt_fail(err, FRT_INVALID_ARGUMENT, "provider virtual has no option '%.60s'; it has "
                  "seed, delay_us, copy, fault%s%s%s", key, near ? "; nearest is '" : "",
                  near ? near : "", near ? "'" : "");
}

frt_status_t frt_virtual_set(settings_t *s, const char *key, const char *value,
                             frt_error_t *err) {
  if (!strcmp(key, "seed")) return number(key, value, INT64_MAX, &s->seed, err);
  if (!strcmp(key, "delay_us")) return number(key, value, 1000000, &s->delay_us, err);
  if (!strcmp(key, "fault")) return faults(s, value, err);
  if (!strcmp(key, "copy")) {
    if (strcmp(value, "late") && strcmp(value, "early"))
      return frt_fail(err, FRT_INVALID_ARGUMENT,
                      "virtual: copy is '%.60s'; wanted early or late", value);
    s->late = value[0] == 'l';
    return FRT_OK;
  }
  return unknown_option(key, err);
}

frt_status_t frt_virtual_settings(settings_t *s, frt_error_t *err) {
  static const struct { const char *variable, *key; } known[] = {
      {"FRT_VIRTUAL_SEED", "seed"}, {"FRT_VIRTUAL_DELAY_US", "delay_us"},
      {"FRT_VIRTUAL_COPY", "copy"}, {"FRT_VIRTUAL_FAULT", "fault"}};
  const char *base = secure_getenv("FRT_VIRTUAL_BASE");
  const char *devices = secure_getenv("FRT_VIRTUAL_DEVICES");
  uint64_t n = 2;
  memset(s, 0, sizeof *s);
  s->seed = 1;
  s->delay_us = 20;
  snprintf(s->base, sizeof s->base, "%s", base && base[0] ? base : "reference");
  if (base && strlen(base) >= sizeof s->base)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "virtual: base '%.60s' is too long", base);
  if (devices) FRT_TRY(number("devices", devices, VIRTUAL_MAX_DEVICES, &n, err));
  s->n_devices = (uint32_t)n;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    const char *value = secure_getenv(known[i].variable);
    if (value && value[0]) FRT_TRY(frt_virtual_set(s, known[i].key, value, err));
  }
  return FRT_OK;
}
