/* A builder and a small network for the tests of the front end. */
#ifndef UNIT_TRAIN_NET_H
#define UNIT_TRAIN_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fluidrt/layers.h"
#include "fluidrt/train.h"

typedef struct net {
  frt_builder_t *b;
  frt_error_t err;
  frt_var_t x, hidden, out, loss; /* [-1, 4] -> fc 3 tanh -> fc 2 -> mean [1] */
} net_t;

static inline int net_setup(void **state) {
  static net_t n;
  const int64_t dims[] = {-1, 4};
  const frt_fc_options_t tanh = {.act = "tanh"};
  n = (net_t){.err = FRT_ERROR_INIT};
  assert_int_equal(FRT_OK, frt_builder_create(&n.b, &n.err));
  assert_int_equal(FRT_OK, frt_data(n.b, "x", 2, dims, FRT_F32, &n.x, &n.err));
  assert_int_equal(FRT_OK, frt_layers_fc(n.b, n.x, 3, &tanh, &n.hidden, &n.err));
  assert_int_equal(FRT_OK, frt_layers_fc(n.b, n.hidden, 2, NULL, &n.out, &n.err));
  assert_int_equal(FRT_OK, frt_layers_mean(n.b, n.out, &n.loss, &n.err));
  *state = &n;
  return 0;
}

static inline int net_teardown(void **state) {
  frt_builder_release(((net_t *)*state)->b);
  return 0;
}

#define NET_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

#endif
