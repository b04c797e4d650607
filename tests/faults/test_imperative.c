/* Imperative training with one allocation that fails, and with all from there on: the call
 * says that memory is out, changes nothing, and gives the same bits when it is made again. */
#include "faults.h"

#include <stdbool.h>

#include "base/fault.h"

static struct { uint64_t seen, at; bool from_on, hit; } hook;

static bool hook_fails(void) {
  const uint64_t n = ++hook.seen;
  if (!hook.at || (hook.from_on ? n < hook.at : n != hook.at)) return false;
  return hook.hit = true;
}

enum { CAP = 4096 };
typedef struct world {
  frt_runtime_t *rt;
  frt_imperative_t *im;
  frt_builder_t *b;
  frt_linear_t linear;
  frt_embedding_t table;
  frt_lr_decay_t *decay;
  frt_optimizer_t *lars, *sgd;
  frt_tensor_t *in, *ids;
  frt_var_t x, which, rate, h, rows, product, loss;
  unsigned char answers[CAP]; /* what was read, to be compared */
  size_t n;
} world_t;

static frt_status_t answer(world_t *w, frt_status_t status, frt_tensor_t **out) {
  frt_tensor_t *t = *out;
  if (status != FRT_OK) return status;
  assert_true(w->n + frt_tensor_bytes(t) <= CAP);
  memcpy(w->answers + w->n, frt_tensor_data(t), frt_tensor_bytes(t));
  w->n += frt_tensor_bytes(t);
  frt_tensor_release(t);
  return FRT_OK;
}

static const float start[6] = {0.5f, -1, 2, 0.25f, 1, -0.5f};
static const frt_param_attr_t weights = {
    .initializer = {.kind = FRT_INIT_ARRAY, .data = start, .data_bytes = sizeof start}};

#define STEP(name) static frt_status_t name(world_t *w, frt_error_t *err)
STEP(runtime) {
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1,
                                   .provider_path = "/nonexistent"};
  return frt_runtime_create(&o, &w->rt, err);
}
STEP(provider) { return frt_runtime_add_provider(w->rt, frt_provider_reference_entry, err); }
STEP(guard) {
  FRT_TRY(frt_imperative_create(w->rt, "reference", NULL, &w->im, err));
  w->b = frt_imperative_builder(w->im);
  return FRT_OK;
}
STEP(linear) {
  const frt_linear_options_t o = {.param_attr = &weights, .act = "tanh"};
  FRT_TRY(frt_linear_create(w->im, 2, 3, &o, &w->linear, err));
  assert_string_equal("linear_0.w_0", w->linear.weight.name);
  return FRT_OK;
}
STEP(table) {
  const frt_embedding_options_t o = {.param_attr = &weights};
  return frt_embedding_create(w->im, 2, 3, &o, &w->table, err);
}
STEP(tensors) {
  static const int64_t dims[] = {2, 2}, two[] = {2};
  frt_tensor_release(w->in);
  w->in = NULL;
  FRT_TRY(frt_tensor_create(FRT_F32, 2, dims, &w->in, err));
  memcpy(frt_tensor_data(w->in), start, 4 * sizeof(float));
  FRT_TRY(frt_tensor_create(FRT_I64, 1, two, &w->ids, err));
  ((int64_t *)frt_tensor_data(w->ids))[1] = 1;
  return FRT_OK;
}
STEP(input) { return frt_to_variable(w->im, w->in, NULL, &w->x, err); }
STEP(input_ids) { return frt_to_variable(w->im, w->ids, NULL, &w->which, err); }
STEP(drop_input) { return frt_imperative_drop(w->im, w->x, err); }
STEP(rate) {
  return frt_layers_create_global_var(w->b, 1, (const int64_t[]){1}, 0.25, FRT_F32, 1, "rate",
                                      &w->rate, err);
}
STEP(decay) {
  static const int64_t bounds[] = {1};
  static const double values[] = {0.5, 0.25};
  const frt_lr_decay_options_t o = {.bounds = bounds, .values = values, .n = 1};
  return frt_lr_decay_create(w->im, FRT_LR_PIECEWISE, &o, &w->decay, err);
}
STEP(lars) {
  const char *list[] = {w->linear.weight.name, w->linear.bias.name};
  const frt_optimizer_options_t o = {.momentum = 0.5, .parameter_list = list,
      .n_parameters = 2, .learning_rate_decay = w->decay, .regularization = {FRT_DECAY_L2, 0.5},
      .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1}};
  return frt_optimizer_create(w->b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, &w->lars, err);
}
STEP(sgd) {
  const char *list[] = {w->table.weight.name};
  const frt_optimizer_options_t o = {.learning_rate = 0.5, .parameter_list = list,
                                     .n_parameters = 1};
  return frt_optimizer_create(w->b, FRT_OPTIMIZER_SGD, &o, &w->sgd, err);
}
STEP(forward) { return frt_linear_call(w->im, &w->linear, w->x, &w->h, err); }
STEP(look_up) { return frt_embedding_call(w->im, &w->table, w->which, &w->rows, err); }
STEP(join) { return frt_layers_elementwise_mul(w->b, w->h, w->rows, -1, NULL, &w->product, err); }
STEP(reduce) { return frt_layers_reduce_sum(w->b, w->product, NULL, &w->loss, err); }
STEP(backward) { return frt_imperative_backward(w->im, w->loss, err); }
STEP(lars_step) {
  double before = 0, after = 0;
  const uint64_t at = hook.at;
  frt_error_t mine = FRT_ERROR_INIT;
  hook.at = 0;
  assert_int_equal(FRT_OK, frt_optimizer_current_step_lr(w->lars, &before, &mine));
  hook.seen = 0; /* counting goes on where this did not happen */
  hook.at = at;
  const frt_status_t status = frt_optimizer_minimize(w->lars, w->loss, NULL, NULL, err);
  if (status == FRT_OK) return FRT_OK;
  hook.at = 0; /* refused: the schedule has not moved */
  assert_int_equal(FRT_OK, frt_optimizer_current_step_lr(w->lars, &after, &mine));
  assert_true(before == after);
  return status;
}
STEP(sgd_step) { return frt_optimizer_minimize(w->sgd, w->loss, NULL, NULL, err); }
STEP(bind) { return frt_optimizer_set_lr_var(w->sgd, w->rate, err); }
STEP(set) { return frt_optimizer_set_lr(w->sgd, 0.125, err); }
STEP(clear) { return frt_optimizer_clear_gradients(w->lars, err); }
STEP(end_graph) {
  (void)err;
  frt_imperative_end_graph(w->im);
  return FRT_OK;
}
STEP(read_loss) {
  frt_tensor_t *t = NULL;
  return answer(w, frt_imperative_value(w->im, w->loss, &t, err), &t);
}
STEP(read_weight) {
  frt_tensor_t *t = NULL;
  return answer(w, frt_imperative_value(w->im, w->linear.weight, &t, err), &t);
}
STEP(read_table) {
  frt_tensor_t *t = NULL;
  return answer(w, frt_imperative_value(w->im, w->table.weight, &t, err), &t);
}
STEP(read_gradient) {
  frt_tensor_t *t = NULL;
  return answer(w, frt_imperative_gradient(w->im, w->linear.weight, &t, err), &t);
}
STEP(read_velocity) {
  frt_tensor_t *t = NULL;
  return answer(w, frt_optimizer_state(w->lars, "linear_0.w_0_velocity_0", &t, err), &t);
}
STEP(state_names) {
  const char **names = NULL;
  size_t n = 0;
  FRT_TRY(frt_optimizer_state_names(w->lars, &names, &n, err));
  assert_int_equal(4, n);
  frt_free((void *)names);
  return FRT_OK;
}

typedef frt_status_t step_fn(world_t *w, frt_error_t *err);
static step_fn *const steps[] = {
    runtime, provider, guard, linear, table, tensors, input, input_ids, rate, decay, lars, sgd,
    forward, look_up, join, reduce, backward, read_gradient, read_loss, lars_step, sgd_step,
    clear, drop_input, input, /* and once more, in another graph */
    bind, forward, look_up, join, reduce, backward, lars_step, sgd_step, set, sgd_step,
    read_loss, read_weight, read_table, read_velocity, read_gradient, clear, read_gradient,
    state_names, end_graph, forward};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void end_world(world_t *w) {
  frt_tensor_release(w->in);
  frt_tensor_release(w->ids);
  frt_optimizer_release(w->lars);
  frt_optimizer_release(w->sgd);
  frt_lr_decay_release(w->decay);
  frt_imperative_release(w->im);
  frt_runtime_release(w->rt);
}

/* Does everything; allocation `at` of step `which` fails, and the step is done again.
 * Returns how many allocations that step makes, 0 if it did without. */
static uint64_t pass(world_t *w, size_t which, uint64_t at, bool from_on) {
  uint64_t seen = 0;
  memset(w, 0, sizeof *w);
  for (size_t i = 0; i < STEPS; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    memset(&hook, 0, sizeof hook);
    hook.at = i == which ? at : 0;
    hook.from_on = from_on;
    frt_status_t status = steps[i](w, &err);
    if (i == which) seen = hook.seen;
    const bool hit = hook.hit;
    memset(&hook, 0, sizeof hook);
    if (status == FRT_OK) continue;
    if (!hit || status != FRT_RESOURCE_EXHAUSTED)
      fail_msg("step %zu, allocation %llu: %s: %s", i, (unsigned long long)at,
               frt_status_text(status), err.message);
    status = steps[i](w, &err);
    if (status != FRT_OK)
      fail_msg("step %zu again, after allocation %llu: %s: %s", i, (unsigned long long)at,
               frt_status_text(status), err.message);
  }
  end_world(w);
  return seen;
}

static void every_allocation_of_a_training_fails(void **state) {
  static world_t want, got;
  uint64_t points = 0;
  (void)state;
  frti_alloc_fails = hook_fails;
  pass(&want, STEPS, 0, false);
  assert_true(want.n > 100);
  for (size_t which = 0; which < STEPS; ++which) {
    const uint64_t n = pass(&got, which, 0, false);
    for (int from_on = 0; from_on < 2; ++from_on)
      for (uint64_t at = 1; at <= n; at += from_on ? 5 : 1, ++points) {
        pass(&got, which, at, from_on != 0);
        if (got.n != want.n || memcmp(got.answers, want.answers, want.n) != 0)
          fail_msg("step %zu, allocation %llu: other answers", which, (unsigned long long)at);
      }
  }
  frti_alloc_fails = NULL;
  print_message("%d steps, %llu faults\n", STEPS, (unsigned long long)points);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_a_training_fails) /* 3g: 218 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
