/* Texts and lists. The command ends when memory does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void *must(void *p) {
  if (p) return p;
  fputs("fluidrt: out of memory; close other programs or use a smaller batch\n", stderr);
  exit(CLI_MEMORY);
}

void *frti_cli_alloc(size_t bytes) {
  return must(calloc(1, bytes ? bytes : 1));
}

char *frti_cli_strdup(const char *s) {
  return must(strdup(s));
}

char *frti_cli_text(const char *fmt, ...) {
  va_list ap;
  char *text;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  text = frti_cli_alloc((size_t)(n < 0 ? 0 : n) + 1);
  va_start(ap, fmt);
  vsnprintf(text, (size_t)(n < 0 ? 0 : n) + 1, fmt, ap);
  va_end(ap);
  return text;
}

void frti_cli_list_add(frti_cli_list_t *l, const char *item) {
  if (l->n == l->cap) {
    l->cap = l->cap ? 2 * l->cap : 8;
    l->items = must(realloc(l->items, l->cap * sizeof *l->items));
  }
  l->items[l->n++] = frti_cli_strdup(item);
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void frti_cli_list_sort(frti_cli_list_t *l) {
  if (l->n) qsort(l->items, l->n, sizeof *l->items, by_bytes);
}

bool frti_cli_list_has(const frti_cli_list_t *l, const char *item) {
  for (size_t i = 0; i < l->n; ++i)
    if (!strcmp(l->items[i], item)) return true;
  return false;
}

void frti_cli_list_release(frti_cli_list_t *l) {
  for (size_t i = 0; i < l->n; ++i) free(l->items[i]);
  free(l->items);
  memset(l, 0, sizeof *l);
}

/* Levenshtein's distance of two short words; a swap counts as one more. */
static size_t distance(const char *a, const char *b) {
  size_t row[66], n = strlen(b), m = strlen(a);
  if (n > 64 || m > 64) return SIZE_MAX;
  for (size_t j = 0; j <= n; ++j) row[j] = j;
  for (size_t i = 1; i <= m; ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; ++j) {
      size_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
      if (up + 1 < best) best = up + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = up;
      row[j] = best;
    }
  }
  return row[n];
}

const char *frti_cli_nearest(const char *word, const char *const *candidates, size_t n) {
  const char *best = NULL;
  size_t least = strlen(word) / 3 + 1;
  for (size_t i = 0; i < n; ++i) {
    size_t d = distance(word, candidates[i]);
    if (d < least || (d == least && !best)) {
      least = d;
      best = candidates[i];
    }
  }
  return best;
}

bool frti_cli_ends_with(const char *s, const char *suffix) {
  size_t n = strlen(s), m = strlen(suffix);
  return n >= m && !strcmp(s + n - m, suffix);
}

const char *frti_cli_dims(char *to, size_t cap, uint32_t rank, const int64_t *dims) {
  size_t at = 0;
  to[0] = 0;
  for (uint32_t i = 0; i < rank && at < cap; ++i)
    at +=
        (size_t)snprintf(to + at, cap - at, "%s%lld", i ? ", " : "[", (long long)dims[i]);
  if (at < cap) snprintf(to + at, cap - at, rank ? "]" : "[]");
  return to;
}

json_t *frti_cli_json_number(double v) {
  if (isnan(v)) return json_string("nan");
  if (isinf(v)) return json_string(v < 0 ? "-inf" : "inf");
  return json_real(v);
}

json_t *frti_cli_json_dims(uint32_t rank, const int64_t *dims) {
  json_t *a = json_array();
  for (uint32_t i = 0; i < rank; ++i) json_array_append_new(a, json_integer(dims[i]));
  return a;
}

void frti_cli_json_print(json_t *root) {
  json_object_set_new(root, "schema", json_integer(1));
  json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  fputc('\n', stdout);
  json_decref(root);
}
