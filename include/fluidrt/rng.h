/* Fluid's random engine, with identical bits on every provider: the Lehmer engine
 * x <- 48271 x mod (2^31 - 1), and log and erfinv in double with fixed operations.
 * Subset of C that CUDA C and OpenCL C share; no library call but sqrt.
 * Source: PaddlePaddle 1.8 (CPU), as observed. */
#ifndef FLUIDRT_RNG_H
#define FLUIDRT_RNG_H

#include <math.h>
#include <stdint.h>

#ifndef FRT_RNG_FN
#define FRT_RNG_FN static inline
#endif

#define FRT_RNG_MUL 48271u
#define FRT_RNG_MOD 2147483647u

/* The state that a seed starts from: seed mod (2^31 - 1), 0 counts as 1. */
FRT_RNG_FN uint32_t frt_rng_seed(uint64_t seed) {
  uint32_t x = (uint32_t)(seed % FRT_RNG_MOD);
  return x ? x : 1u;
}
/* The next state; the engine yields the state itself. */
FRT_RNG_FN uint32_t frt_rng_next(uint32_t x) {
  return (uint32_t)((uint64_t)x * FRT_RNG_MUL % FRT_RNG_MOD);
}
/* The state after n steps, in O(log n). */
FRT_RNG_FN uint32_t frt_rng_jump(uint32_t x, uint64_t n) {
  uint64_t factor = FRT_RNG_MUL, y = x;
  for (; n; n >>= 1) {
    if (n & 1) y = y * factor % FRT_RNG_MOD;
    factor = factor * factor % FRT_RNG_MOD;
  }
  return (uint32_t)y;
}
/* Unit float in [0, 1) of a state: (float)(x - 1) / 2^31, 1 -> the largest below 1. */
FRT_RNG_FN float frt_rng_unit(uint32_t x) {
  float u = (float)(x - 1u) / 2147483648.0f;
  return u < 1.0f ? u : 0.99999994f;
}

/* A whole number in [0, range], each alike likely, as libstdc++'s
 * uniform_int_distribution draws it from this engine; moves *x. The engine has
 * 2^31 - 2 states: a smaller range takes the quotient of a state, and draws again in
 * the incomplete last interval; a larger one (below 2^32) joins two draws, the
 * leading one of a range so small that it takes the first way. */
FRT_RNG_FN uint32_t frt_rng_range(uint32_t *x, uint32_t range) {
  const uint32_t states = FRT_RNG_MOD - 1u;
  const uint32_t parts = range < states ? range + 1u : range / states + 1u;
  const uint32_t width = (states - 1u) / parts;
  uint32_t v, low;
  for (;;) {
    do v = (*x = frt_rng_next(*x)) - 1u;
    while (width && v >= width * parts);
    if (!width) return v; /* as many numbers as states */
    v /= width;
    if (range < states) return v;
    low = (*x = frt_rng_next(*x)) - 1u;
    if ((uint64_t)v * states + low <= range) return v * states + low;
  }
}

typedef union frt_rng_bits {
  double d;
  uint64_t u;
} frt_rng_bits_t;

/* Natural logarithm, error below 1 ulp: x = 2^k m, m in [sqrt(1/2), sqrt(2)),
 * f = m - 1, s = f / (2 + f), log m = 2 atanh(s) = f - s (f - R(s^2)). The Taylor
 * tail behind s^23 is below 2^-60 there. 0 gives -inf, x < 0 and NaN give NaN. */
FRT_RNG_FN double frt_rng_log(double x) {
  const double ln2_hi = 6.93147180369123816490e-01; /* 0x3fe62e42fee00000 */
  const double ln2_lo = 1.90821492927058770002e-10;
  frt_rng_bits_t b;
  double f, s, z, r, half;
  int k = 0;
  if (x != x) return x;
  if (x <= 0.0) return x == 0.0 ? -1.0 / (x * x) : (x - x) / (x - x);
  if (x > 1.7976931348623157e308) return x;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0; /* 2^54 */
    k = -54;
  }
  b.d = x;
  k += (int)(b.u >> 52) - 1023;
  b.u = (b.u & 0x000fffffffffffffu) | 0x3ff0000000000000u;
  if (b.d > 1.4142135623730951) {
    b.d *= 0.5;
    ++k;
  }
  f = b.d - 1.0;
  s = f / (2.0 + f);
  z = s * s;
  r = 2.0 / 23;
  r = 2.0 / 21 + z * r;
  r = 2.0 / 19 + z * r;
  r = 2.0 / 17 + z * r;
  r = 2.0 / 15 + z * r;
  r = 2.0 / 13 + z * r;
  r = 2.0 / 11 + z * r;
  r = 2.0 / 9 + z * r;
  r = 2.0 / 7 + z * r;
  r = 2.0 / 5 + z * r;
  r = z * (2.0 / 3 + z * r);
  half = 0.5 * f * f; /* s (f - r) = half - s (half + r), which rounds less */
  return k * ln2_hi - ((half - (s * (half + r) + k * ln2_lo)) - f);
}

FRT_RNG_FN double frt_rng_horner_(const double *c, int n, double t) {
  double y = c[0];
  for (int i = 1; i < n; ++i) y = y * t + c[i];
  return y;
}

/* erfinv(x) = x p(w), w = -log(1 - x^2): minimax-like (Chebyshev) fits of our own on
 * w < 6.25 and, in sqrt(w), on [2.5, 4) and [4, 6.25]; relative error some 1e-15.
 * +-1 give infinities, |x| > 1 and NaN give NaN. */
FRT_RNG_FN double frt_rng_erfinv(double x) {
  const double low[] = {
      3.240704459379902e-21, -1.113483769832702e-21, -3.4996044354754177e-19,
      1.150022252066253e-18, 1.557432024623325e-17, -1.3016928016796445e-16,
      -4.0282154327661744e-17, 6.596407712420834e-15, -4.001237735091896e-14,
      -8.118399443074353e-14, 2.6304834740560442e-12, -1.2976885526532075e-11,
      -5.414287198084716e-11, 1.0512181539804128e-09, -4.11266082002324e-09,
      -2.9070382262927266e-08, 4.234788173782339e-07, -1.3654691850603575e-06,
      -1.3882523394405318e-05, 0.00018673420802464837, -0.000740702534154477,
      -0.00603367087142785, 0.2401581824255883, 1.6536545626831027};
  const double mid[] = {
      -1.4414402902576649e-09, 7.602734181548034e-09, -1.1037793186805446e-08,
      -2.069721217948336e-08, 1.261701927382262e-07, -2.4575721605517875e-07,
      -2.3768438869458365e-08, 1.4817686493076977e-06, -3.987383279152877e-06,
      2.9325103785542764e-06, 1.2465490012885596e-05, -4.732066388775043e-05,
      6.828703766281446e-05, 2.4031510350318603e-05, -0.00035503780550499826,
      0.000953289341795833, -0.001688275535921936, 0.0024914420979475155,
      -0.003751208508212327, 0.005370914553555193, 1.0052589676941652,
      3.0838856104922208};
  const double far[] = {
      4.9607257188632866e-14, -9.660236307338924e-13, 5.655554772509098e-12,
      -1.5568310372462464e-11, 1.514561940651134e-11, 5.92936798445925e-11,
      -3.811568542119496e-10, 1.3281858435898696e-09, -3.5339871470683156e-09,
      7.812618906995698e-09, -1.521365778207234e-08, 2.9022632767403333e-08,
      -6.757276694489856e-08, 2.290517119751369e-07, -9.93025484824041e-07,
      4.52605270367526e-06, -1.968177119722139e-05, 7.599527808221637e-05,
      -0.00021503011979913394, -0.0001387193183796813, 1.0103004648645448,
      4.849906401408584};
  double w = -frt_rng_log((1.0 - x) * (1.0 + x));
  if (x != x || w != w) return w;
  if (w < 6.25) return x * frt_rng_horner_(low, 24, w - 3.125);
  if (w > 1e300) return x * w;
  w = sqrt(w);
  if (w < 4.0) return x * frt_rng_horner_(mid, 22, w - 3.25);
  return x * frt_rng_horner_(far, 22, w - 5.0);
}

/* One trial of the polar method in fp32, from two successive states: 1 when it is
 * accepted, then out[0] is delivered first. A rejected trial consumes both. */
FRT_RNG_FN int frt_rng_gaussian_pair(uint32_t s1, uint32_t s2, float out[2]) {
  const float x = 2.0f * frt_rng_unit(s1) - 1.0f, y = 2.0f * frt_rng_unit(s2) - 1.0f;
  const float xx = x * x, yy = y * y, r2 = xx + yy;
  float ln, q, m;
  if (!(r2 <= 1.0f) || r2 == 0.0f) return 0;
  ln = (float)frt_rng_log((double)r2);
  q = -2.0f * ln / r2;
  m = (float)sqrt((double)q); /* one rounding: 53 >= 2 * 24 + 2 */
  out[0] = y * m;
  out[1] = x * m;
  return 1;
}

/* Standard normal limited to (-2, 2), by inversion: with Phi(2) - Phi(-2) =
 * erf(sqrt 2), sqrt2 erfinv(2 p - 1) is sqrt2 erfinv(erf(sqrt 2) (2 u - 1)). The
 * engine's 0 counts as the smallest normal float, as Fluid draws from (FLT_MIN, 1). */
FRT_RNG_FN double frt_rng_truncated(uint32_t s) {
  double u = (double)frt_rng_unit(s);
  if (u < 1.1754943508222875e-38) u = 1.1754943508222875e-38;
  return 1.4142135623730951 * frt_rng_erfinv(0.95449973610364159 * (2.0 * u - 1.0));
}

#endif
