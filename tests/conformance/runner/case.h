/* What the suite's own cases share beyond fluidrt/case.h. */
#ifndef FRTI_CONFORM_CASE_H
#define FRTI_CONFORM_CASE_H

#include "fluidrt/case.h"

/* Terms that several families share: a constant number of roundings; all inputs
 * elements per output element; the inner extent of the product of two slots. */
double frt_terms_2(const frt_case_view_t *v, const frt_case_array_t *out);
double frt_terms_3(const frt_case_view_t *v, const frt_case_array_t *out);
double frt_terms_input(const frt_case_view_t *v, const frt_case_array_t *out);
double frt_terms_inner(double a, double b, double out);
/* The extent of attribute `axis` (of the first input), negative counting back. */
double frt_terms_axis(const frt_case_view_t *v, const frt_case_array_t *out);

/* One element, primes, around a vector of 16, several pieces, none at all. */
#define LENGTHS SIZES({1}, {2}, {7}, {15}, {16}, {17}, {31}, {257}, {4099}, {70001}, {0}), \
  .FULL_SIZES({262147}, {1048583})

#endif
