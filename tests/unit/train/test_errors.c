/* Every public function of the front end with arguments that make no sense: the answer's
 * code and its text, which names the layer and the argument. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fluidrt/layers_more.h"
#include "fluidrt/layers_image.h"
#include "fluidrt/layers_norm.h"
#include "net.h"

/* What a call may use: the builder, where results go, variables, shapes. */
typedef struct bag {
  frt_builder_t *b;
  frt_error_t *err;
  frt_var_t *out; /* 8 */
  frt_var_t x, h, loss, none, flag, ids; /* [-1, 4], [-1, 3], [1], -, bool [1], int64 [-1, 1] */
  frt_var_t image; /* [-1, 4, 5, 6] */
} bag_t;

static const int64_t one[] = {1}, two[] = {2, 2}, negative[] = {2, -3}, zero[] = {2, 0},
                     seven[] = {7}, ten[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const double rates[] = {0.1, 0.2};
static const char *const hole[] = {NULL};
static const frt_fc_options_t odd_act = {.act = "wobble"}, flat9 = {.num_flatten_dims = 9},
                              three_attrs = {.n_param_attrs = 3};
static const frt_reduce_options_t far_dim = {seven, 1, 0};
static const frt_embedding_options_t far_row = {.has_padding = 1, .padding_idx = 20};
static const frt_optimizer_options_t nothing = {0}, bare_rate = {.learning_rate = 0.1},
    odd_decay = {.regularization = {(frt_decay_kind_t)7, 1}},
    odd_clip = {.grad_clip = {.kind = FRT_CLIP_BY_NORM}},
    no_list = {.n_parameters = 2}, with_hole = {.parameter_list = hole, .n_parameters = 1};
static const frt_param_attr_t no_parameter = {.none = 1};
static const frt_batch_norm_options_t odd_momentum = {.momentum = NAN},
                                      no_bias = {.bias_attr = &no_parameter};
static const frt_layer_norm_options_t far_axis = {.begin_norm_axis = 2},
                                      large_epsilon = {.epsilon = 0.5};
static const frt_conv2d_options_t three_groups = {.groups = 3},
    odd_padding = {.padding = {.algorithm = "HALF"}}, three_pads = {.padding = {.n = 3}},
    minus_pad = {.padding = {.n = 1, .sides = {-1}}}, minus_stride = {.stride = {-2}},
    odd_format = {.data_format = "CHWN"};
static const frt_pool2d_options_t odd_pool = {.type = "sum"},
    valid_ceil = {.padding = {.algorithm = "VALID"}, .ceil_mode = 1};
static const frt_param_attr_t odd_init = {.initializer = {(frt_initializer_kind_t)99}};
static const frt_op_slot_t no_such_slot = {"Input", 0, NULL}, no_name = {NULL, 0, NULL},
                           no_args = {"X", 1, NULL};
static const frt_attr_info_t no_such_attr = {.name = "alhpa"};

static frt_optimizer_t *sgd(const bag_t *a) {
  static frt_optimizer_t *kept;
  frt_optimizer_release(kept);
  kept = NULL;
  assert_int_equal(FRT_OK, frt_optimizer_create(a->b, FRT_OPTIMIZER_SGD, &bare_rate, &kept,
                                                a->err));
  return kept;
}

static frt_status_t branch(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  (void)ctx;
  return frt_layers_fill_constant(b, 1, one, FRT_F32, 1, out, err);
}
static frt_status_t other(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  (void)ctx;
  return frt_layers_fill_constant(b, 1, one, FRT_I64, 1, out, err);
}
static frt_status_t cond_of(const bag_t *a, frt_var_t pred, frt_branch_t yes,
                            frt_branch_t no) {
  return frt_layers_cond(a->b, pred, yes, no, NULL, 1, a->out, a->err);
}

static frt_status_t switch_call(const bag_t *a, int what) {
  frt_switch_t *s;
  assert_int_equal(FRT_OK, frt_switch_begin(a->b, &s, a->err));
  return what == 0 ? frt_switch_case(s, a->x, a->err)
         : what == 1 ? frt_switch_default(s, a->err)
                     : frt_switch_end_case(s, a->err);
}

static frt_status_t while_ends_twice(const bag_t *a) {
  frt_while_t *w;
  assert_int_equal(FRT_OK, frt_while_begin(a->b, a->flag, 0, &w, a->err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_while_end(w, a->err)); /* does not move */
  return frt_while_end(w, a->err);
}

static frt_status_t pairs_of(const bag_t *a, const char *const *list, size_t n,
                             const char *const *no_grad, size_t n_no_grad, frt_var_t loss) {
  frt_param_grad_t *pairs;
  size_t count;
  return frt_append_backward(a->b, loss, list, n, no_grad, n_no_grad, &pairs, &count, a->err);
}

static frt_status_t optimizer(const bag_t *a, int kind, const frt_optimizer_options_t *o) {
  frt_optimizer_t *made = NULL;
  const frt_status_t status =
      frt_optimizer_create(a->b, (frt_optimizer_kind_t)kind, o, &made, a->err);
  frt_optimizer_release(made);
  return status;
}

static frt_status_t apply(const bag_t *a, const frt_param_grad_t *pairs) {
  return frt_optimizer_apply_gradients(sgd(a), pairs, 1, NULL, a->err);
}

static frt_status_t backward_of(const bag_t *a, frt_var_t loss) {
  frt_param_grad_t *pairs;
  size_t n;
  return frt_optimizer_backward(sgd(a), loss, NULL, &pairs, &n, a->err);
}

static frt_status_t cloned(const bag_t *a) { /* nothing can be wrong but memory */
  frt_program_t *p = NULL;
  const frt_status_t status = frt_builder_clone(a->b, NULL, 1, &p, a->err);
  frt_program_release(p);
  return status;
}

static frt_status_t double_rate(const bag_t *a) {
  double rate;
  return frt_optimizer_current_step_lr(sgd(a), &rate, a->err);
}

static frt_status_t name_of(const bag_t *a, const char *key) {
  const char *name;
  return frt_builder_unique_name(a->b, key, &name, a->err);
}

/* Layers of one variable, of two, of three: each with none. */
#define B a->b
#define OUT a->out, a->err
#define ONE(name) {#name, frt_layers_##name},
static const struct {
  const char *name;
  frt_status_t (*call)(frt_builder_t *, frt_var_t, frt_var_t *, frt_error_t *);
} unary[] = {FRT_LAYERS_UNARY_MAP(ONE) ONE(mean) ONE(logical_not)};
static const struct {
  const char *name;
  frt_status_t (*call)(frt_builder_t *, frt_var_t, frt_var_t, int, const char *, frt_var_t *,
                       frt_error_t *);
} elementwise[] = {
#define TWO(name) {"elementwise_" #name, frt_layers_elementwise_##name},
    FRT_LAYERS_ELEMENTWISE_MAP(TWO)};
static const struct {
  const char *name;
  frt_status_t (*call)(frt_builder_t *, frt_var_t, frt_var_t, frt_var_t *, frt_error_t *);
} compare[] = {FRT_LAYERS_COMPARE_MAP(ONE)};
static const struct {
  const char *name;
  frt_status_t (*call)(frt_builder_t *, frt_var_t, const frt_reduce_options_t *, frt_var_t *,
                       frt_error_t *);
} reduce[] = {
#define RED(name) {"reduce_" #name, frt_layers_reduce_##name},
    FRT_LAYERS_REDUCE_MAP(RED)};

/* X(what, code, text, call) */
#include "bad_calls.inc"

#define FUNCTION(id, code, text, call) \
  static frt_status_t id(const bag_t *a) { return call; }
BAD_CALLS(FUNCTION)

#define ROW(id, code, text, call) {#id, code, text, id},
static const struct {
  const char *id;
  frt_status_t code;
  const char *text;
  frt_status_t (*call)(const bag_t *a);
} bad[] = {BAD_CALLS(ROW)};

static bag_t bag_of(net_t *n, frt_var_t *out) {
  const int64_t id_dims[] = {-1, 1}, image_dims[] = {-1, 4, 5, 6};
  bag_t a = {.b = n->b, .err = &n->err, .out = out, .x = n->x, .h = n->hidden, .loss = n->loss};
  assert_int_equal(FRT_OK, frt_data(n->b, "flag", 1, one, FRT_BOOL, &a.flag, &n->err));
  assert_int_equal(FRT_OK, frt_data(n->b, "ids", 2, id_dims, FRT_I64, &a.ids, &n->err));
  assert_int_equal(FRT_OK, frt_data(n->b, "image", 4, image_dims, FRT_F32, &a.image, &n->err));
  return a;
}

static void bad_calls_are_refused(void **state) {
  int wrong = 0;
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    void *fresh = NULL;
    frt_var_t out[8] = {{0}};
    net_setup(&fresh);
    net_t *n = fresh;
    const bag_t a = bag_of(n, out);
    const frt_status_t status = bad[i].call(&a);
    const char *said = status == FRT_OK ? "" : n->err.message;
    if (status != bad[i].code || strcmp(said, bad[i].text) != 0) {
      print_message("%s: %s: \"%s\"\n", bad[i].id, frt_status_text(status), said);
      ++wrong;
    }
    net_teardown(&fresh);
  }
  assert_int_equal(wrong, 0);
}

static void no_variable(const net_t *n, const char *layer, const char *argument,
                        frt_status_t status) {
  char want[96];
  snprintf(want, sizeof want, "%s: %s is no variable", layer, argument);
  assert_int_equal(status, FRT_INVALID_ARGUMENT);
  assert_string_equal(n->err.message, want);
}

static void layers_refuse_what_is_no_variable(void **state) {
  net_t *n = *state;
  frt_var_t out;
  const frt_var_t none = {0};
  for (size_t i = 0; i < sizeof unary / sizeof *unary; ++i)
    no_variable(n, unary[i].name, "x", unary[i].call(n->b, none, &out, &n->err));
  for (size_t i = 0; i < sizeof elementwise / sizeof *elementwise; ++i) {
    no_variable(n, elementwise[i].name, "x",
                elementwise[i].call(n->b, none, n->x, -1, NULL, &out, &n->err));
    no_variable(n, elementwise[i].name, "y",
                elementwise[i].call(n->b, n->x, none, -1, NULL, &out, &n->err));
  }
  for (size_t i = 0; i < sizeof compare / sizeof *compare; ++i) {
    no_variable(n, compare[i].name, "x", compare[i].call(n->b, none, n->x, &out, &n->err));
    no_variable(n, compare[i].name, "y", compare[i].call(n->b, n->x, none, &out, &n->err));
  }
  for (size_t i = 0; i < sizeof reduce / sizeof *reduce; ++i)
    no_variable(n, reduce[i].name, "input", reduce[i].call(n->b, none, NULL, &out, &n->err));
}

/* ---- every function has a bad call -------------------------------------------------------- */

static char *text_of(const char *file) {
  char path[1024];
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  snprintf(path, sizeof path, "%s/%s", root ? root : ".", file);
  FILE *f = fopen(path, "rb");
  char *text = f ? calloc(1, 1 << 20) : NULL;
  if (text) text[fread(text, 1, (1 << 20) - 1, f)] = 0;
  if (f) fclose(f);
  return text;
}

/* Releases and accessors take what they get; macros are expanded above. */
static int without_errors(const char *name) {
  static const char *const all[] = {"frt_builder_create", "frt_builder_release",
      "frt_builder_main", "frt_builder_startup", "frt_builder_set_seed",
      "frt_builder_push_programs", "frt_builder_push_names", "frt_optimizer_release",
      "frt_minimized_fetches", "frt_switch_begin", "frt_layers_"};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
    if (!strcmp(all[i], name)) return 1;
  return 0;
}

static int check_header(const char *header, const char *tests, const char *calls) {
  char *text = text_of(header), name[80];
  int missing = 0;
  assert_non_null(text);
  for (char *at = text; (at = strstr(at, "FRT_API ")); ++at) {
    const char *open = strchr(at, '('), *from = open;
    while (from > at && from[-1] != ' ' && from[-1] != '*') --from;
    snprintf(name, sizeof name, "%.*s", (int)(open - from), from);
    if (strstr(name, "##") || without_errors(name)) continue;
    char call[96];
    snprintf(call, sizeof call, "%s(", name);
    if (strstr(tests, call) || strstr(calls, call)) continue;
    print_message("%s: no bad call of %s\n", header, name);
    ++missing;
  }
  free(text);
  return missing;
}

static void every_function_has_a_bad_call(void **state) {
  char *tests = text_of("tests/unit/train/test_errors.c");
  char *calls = text_of("tests/unit/train/bad_calls.inc");
  (void)state;
  assert_non_null(tests);
  assert_non_null(calls);
  assert_int_equal(0, check_header("include/fluidrt/builder.h", tests, calls) +
                          check_header("include/fluidrt/layers.h", tests, calls) +
                          check_header("include/fluidrt/layers_more.h", tests, calls) +
                          check_header("include/fluidrt/layers_image.h", tests, calls) +
                          check_header("include/fluidrt/layers_norm.h", tests, calls) +
                          check_header("include/fluidrt/train.h", tests, calls));
  free(tests);
  free(calls);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_calls_are_refused),
      NET_TEST(layers_refuse_what_is_no_variable),
      cmocka_unit_test(every_function_has_a_bad_call),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
