/* MT19937 by Matsumoto and Nishimura (1998), with numpy's ways of seeding it by one
 * number and of drawing bounded integers (mask, then reject). */
#include "train.h"

enum { N = 624, M = 397 };

void frti_cli_shuffle_seed(frti_cli_shuffle_t *s, uint32_t seed) {
  for (uint32_t i = 0; i < N; ++i) {
    s->state[i] = seed;
    seed = 1812433253u * (seed ^ (seed >> 30)) + i + 1;
  }
  s->at = N;
}

static void refill(frti_cli_shuffle_t *s) {
  for (unsigned i = 0; i < N; ++i) {
    const uint32_t y =
        (s->state[i] & 0x80000000u) | (s->state[(i + 1) % N] & 0x7fffffffu);
    s->state[i] = s->state[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
  }
  s->at = 0;
}

static uint32_t next(frti_cli_shuffle_t *s) {
  uint32_t y;
  if (s->at == N) refill(s);
  y = s->state[s->at++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint32_t frti_cli_shuffle_upto(frti_cli_shuffle_t *s, uint32_t max) {
  uint32_t mask = max, v;
  if (!max) return 0;
  for (unsigned shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
  do v = next(s) & mask;
  while (v > max);
  return v;
}

void frti_cli_shuffle_permutation(frti_cli_shuffle_t *s, int64_t *out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = i;
  for (int64_t i = n - 1; i > 0; --i) {
    const int64_t j = frti_cli_shuffle_upto(s, (uint32_t)i), keep = out[i];
    out[i] = out[j];
    out[j] = keep;
  }
}
