/* Growing strings, numbers that no locale touches, and the nearest name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static bool reserve(frti_str_t *s, size_t more) {
  size_t need, cap = s->cap ? s->cap : 32;
  char *text;
  if (s->failed) return false;
  if (!frti_add_size(s->len, more, &need) || !frti_add_size(need, 1, &need)) goto fail;
  if (need <= s->cap) return true;
  while (cap < need)
    if (!frti_mul_size(cap, 2, &cap)) goto fail;
  text = frti_realloc(s->text, cap);
  if (!text) goto fail;
  s->text = text;
  s->cap = cap;
  return true;
fail:
  s->failed = true;
  return false;
}

void frti_str_add_n(frti_str_t *s, const char *text, size_t n) {
  if (!reserve(s, n)) return;
  if (n) memcpy(s->text + s->len, text, n);
  s->len += n;
  s->text[s->len] = 0;
}

void frti_str_add(frti_str_t *s, const char *text) {
  frti_str_add_n(s, text, strlen(text));
}

void frti_str_addf(frti_str_t *s, const char *fmt, ...) {
  va_list ap;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0) s->failed = true;
  if (n < 0 || !reserve(s, (size_t)n)) return;
  va_start(ap, fmt);
  vsnprintf(s->text + s->len, (size_t)n + 1, fmt, ap);
  va_end(ap);
  s->len += (size_t)n;
}

/* Whatever is neither digit, sign nor exponent is the locale's decimal point, which
 * may take several bytes. */
static void add_number(frti_str_t *s, const char *text) {
  while (*text) {
    size_t n = strspn(text, "0123456789+-e");
    frti_str_add_n(s, text, n);
    text += n;
    if (!*text) return;
    frti_str_add_n(s, ".", 1);
    text += strcspn(text, "0123456789+-e");
  }
}

static bool add_special(frti_str_t *s, double v) {
  if (isfinite(v)) return false;
  frti_str_add(s, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
  return true;
}

/* A normal number that 6 (15) digits can say is found by %.6g (%.15g), which drops
 * trailing zeros; a subnormal may need fewer, so there all lengths are tried. */
void frti_str_add_f32(frti_str_t *s, float v) {
  char text[64];
  if (add_special(s, v)) return;
  for (int digits = fpclassify(v) == FP_SUBNORMAL ? 1 : 6; digits <= 9; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, (double)v);
    if (strtof(text, NULL) == v) break;
  }
  add_number(s, text);
}

void frti_str_add_f64(frti_str_t *s, double v) {
  char text[64];
  if (add_special(s, v)) return;
  for (int digits = fpclassify(v) == FP_SUBNORMAL ? 1 : 15; digits <= 17; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (strtod(text, NULL) == v) break;
  }
  add_number(s, text);
}

void frti_str_add_json(frti_str_t *s, const char *text) {
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
  frti_str_add_n(s, "\"", 1);
  for (const char *at; *text; ++text) {
    unsigned char c = (unsigned char)*text;
    if ((at = strchr(from, c)) != NULL) {
      char pair[2] = {'\\', to[at - from]};
      frti_str_add_n(s, pair, 2);
    } else if (c < 0x20 || c == 0x7f) {
      frti_str_addf(s, "\\u%04x", c);
    } else {
      frti_str_add_n(s, text, 1);
    }
  }
  frti_str_add_n(s, "\"", 1);
}

void frti_str_release(frti_str_t *s) {
  frti_free(s->text);
  memset(s, 0, sizeof *s);
}

const char *frti_dims_text(char *to, size_t cap, uint32_t rank, const int64_t *dims) {
  size_t len = 0;
  if (!cap) return to;
  for (uint32_t i = 0; i <= rank && len < cap; ++i) {
    const char *before = i ? i < rank ? ", " : "" : "[";
    int n = i < rank ? snprintf(to + len, cap - len, "%s%lld", before, (long long)dims[i])
                     : snprintf(to + len, cap - len, "%s]", rank ? "" : "[");
    len += (size_t)n;
  }
  if (len >= cap && cap > 4) memcpy(to + cap - 4, "...", 4);
  return to;
}

/* ---- nearest ------------------------------------------------------------------ */

enum { MAX_WORD = 128 };

static size_t edits(const char *a, size_t na, const char *b, size_t nb) {
  size_t row[MAX_WORD + 1];
  for (size_t j = 0; j <= nb; ++j) row[j] = j;
  for (size_t i = 1; i <= na; ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= nb; ++j) {
      size_t swap = diagonal + (a[i - 1] != b[j - 1]), step = FRTI_MIN(row[j], row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = FRTI_MIN(swap, step);
    }
  }
  return row[nb];
}

void frti_nearest_offer(frti_nearest_t *n, const char *candidate) {
  size_t na = strlen(n->wanted), nb = strlen(candidate), limit = (na + 2) / 3, d;
  if (na > MAX_WORD || nb > MAX_WORD || !nb) return;
  if ((na > nb ? na - nb : nb - na) > limit) return;
  d = edits(n->wanted, na, candidate, nb);
  /* Replacing every letter is no likeness: it would pair any two short names. */
  if (d > limit || d >= na || (n->best && d >= n->distance)) return;
  n->best = candidate;
  n->distance = d;
}
