/* Every layer begins the next graph if the last one has ended: it runs, its value can be
 * read, and what the last graph held is gone. */
#include "guard.h"

static frt_var_t old; /* of the graph that has ended */

/* Ends a graph that holds one value. */
static void end_one(guard_t *g, frt_var_t x) {
  OK(frt_layers_scale(g->b, x, 2, 0, 0, &old, &g->err));
  frt_imperative_end_graph(g->im);
}

static void began(guard_t *g, frt_var_t y, const char *what) {
  frt_tensor_t *t = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_imperative_value(g->im, y, &t, &err) != FRT_OK)
    fail_msg("%s: %s", what, err.message);
  frt_tensor_release(t);
  if (frt_imperative_value(g->im, old, &t, &err) != FRT_NOT_FOUND)
    fail_msg("%s has begun no graph", what);
}

#define RUNS(what, ...)             \
  do {                              \
    end_one(g, x);                  \
    OK(what(g->b, __VA_ARGS__));    \
    began(g, y, #what);             \
  } while (0)

static void elementwise_layers_begin_a_graph(void **state) {
  guard_t *g = *state;
  const frt_var_t x = variable(g, 2, 2, (const float[]){0.5f, 0.25f, 0.75f, 1});
  frt_var_t y = {0};
#define UNARY(name) RUNS(frt_layers_##name, x, &y, &g->err);
#define BINARY(name) RUNS(frt_layers_elementwise_##name, x, x, -1, "relu", &y, &g->err);
#define COMPARE(name) RUNS(frt_layers_##name, x, x, &y, &g->err);
#define REDUCE(name) RUNS(frt_layers_reduce_##name, x, NULL, &y, &g->err);
  FRT_LAYERS_UNARY_MAP(UNARY)
  FRT_LAYERS_ELEMENTWISE_MAP(BINARY)
  COMPARE(less_than) COMPARE(greater_equal) COMPARE(equal)
  FRT_LAYERS_REDUCE_MAP(REDUCE)
  RUNS(frt_layers_mean, x, &y, &g->err);
  RUNS(frt_layers_leaky_relu, x, 0, &y, &g->err);
  RUNS(frt_layers_elu, x, 0, &y, &g->err);
  RUNS(frt_layers_relu6, x, 0, &y, &g->err);
  RUNS(frt_layers_swish, x, 0, &y, &g->err);
  RUNS(frt_layers_hard_sigmoid, x, 0, 0, &y, &g->err);
  RUNS(frt_layers_hard_swish, x, 0, 0, 0, &y, &g->err);
  RUNS(frt_layers_hard_shrink, x, 0, &y, &g->err);
  RUNS(frt_layers_gelu, x, 0, &y, &g->err);
  RUNS(frt_layers_stanh, x, 0, 0, &y, &g->err);
  RUNS(frt_layers_brelu, x, 0, 0, &y, &g->err);
  RUNS(frt_layers_pow, x, 2, &y, &g->err);
  RUNS(frt_layers_cumsum, x, 0, 0, 0, &y, &g->err);
  RUNS(frt_layers_l2_normalize, x, 1, 0, &y, &g->err);
  RUNS(frt_layers_softmax, x, -1, &y, &g->err);
  RUNS(frt_layers_clip, x, 0, 1, &y, &g->err);
  RUNS(frt_layers_clip_by_norm, x, 1, &y, &g->err);
  RUNS(frt_layers_cast, x, FRT_F64, &y, &g->err);
  RUNS(frt_layers_dropout, x, 0.5, NULL, &y, &g->err);
  RUNS(frt_var_op, "add", x, x, &y, &g->err);
  RUNS(frt_var_op_number, "sub", x, 1, 1, &y, &g->err);
}

static void layers_on_shapes_begin_a_graph(void **state) {
  guard_t *g = *state;
  const frt_var_t x = variable(g, 2, 2, (const float[]){0.5f, 0.25f, 0.75f, 1});
  const int64_t one[] = {1}, two[] = {2, 2}, zero[] = {0}, pads[] = {0, 1, 1, 0};
  const frt_var_t both[] = {x, x};
  frt_var_t y = {0}, z;
  RUNS(frt_layers_matmul, x, x, 0, 0, 1, &y, &g->err);
  RUNS(frt_layers_mul, x, x, 1, 1, &y, &g->err);
  RUNS(frt_layers_sums, both, 2, &y, &g->err);
  RUNS(frt_layers_stack, both, 2, 0, &y, &g->err);
  RUNS(frt_layers_slice, x, 1, zero, zero, one, &y, &g->err);
  RUNS(frt_layers_unsqueeze, x, 1, zero, &y, &g->err);
  RUNS(frt_layers_flatten, x, 1, &y, &g->err);
  RUNS(frt_layers_expand, x, 2, two, &y, &g->err);
  RUNS(frt_layers_pad, x, 2, pads, 0, &y, &g->err);
  RUNS(frt_layers_shape, x, &y, &g->err);
  RUNS(frt_layers_argmax, x, 0, &y, &g->err);
  RUNS(frt_layers_argmin, x, 0, &y, &g->err);
  RUNS(frt_layers_argsort, x, 0, 0, &y, &z, &g->err);
  RUNS(frt_layers_top_k, x, 1, &y, &z, &g->err);
  RUNS(frt_layers_uniform_random, 2, two, FRT_F32, 0, 1, 3, &y, &g->err);
  RUNS(frt_layers_gaussian_random, 2, two, FRT_F32, 0, 1, 3, &y, &g->err);
  RUNS(frt_layers_fill_constant, 2, two, FRT_F32, 3, &y, &g->err);
  RUNS(frt_layers_square_error_cost, x, x, &y, &g->err);
  RUNS(frt_layers_huber_loss, x, x, 1, &y, &g->err);
  RUNS(frt_layers_smooth_l1, x, x, 0, &y, &g->err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GUARD_TEST(elementwise_layers_begin_a_graph),
      GUARD_TEST(layers_on_shapes_begin_a_graph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
