/* Inference models against the folders that PaddlePaddle wrote, and our parameter files
 * against its own, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/fluidrt.h"
#include "unit/golden.h"

static char dir[64];
static frt_runtime_t *rt;
static const char *const cases[] = {"save_load_digits", "save_load_multi"};
#define OK(call)                                                       \
  do {                                                                 \
    frt_error_t err = FRT_ERROR_INIT;                                  \
    if ((call) != FRT_OK) fail_msg("%s: %s", #call, err.message);      \
  } while (0)

static const char *in(const char *fmt, ...) {
  static char path[8][512];
  static int turn;
  char *to = path[turn++ % 8];
  int n = snprintf(to, sizeof path[0], "%s/", dir);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(to + n, sizeof path[0] - (size_t)n, fmt, ap);
  va_end(ap);
  return to;
}

static void extract(const char *name) {
  zip_t *z = golden_open(name);
  if (!z) return;
  for (zip_int64_t i = 0; i < zip_get_num_entries(z, 0); ++i) {
    const char *member = zip_get_name(z, (zip_uint64_t)i, 0);
    char *path = frti_strdup(in("%s/%s", name, member)), *slash = strrchr(path, '/');
    size_t n;
    void *bytes = golden_read(z, name, member, &n);
    *slash = 0;
    frti_make_dir(path, NULL);
    *slash = '/';
    if (bytes && slash[1]) frti_file_write(path, bytes, n, NULL);
    free(bytes);
    frti_free(path);
  }
  zip_close(z);
}

static int make(void **state) {
  FRTI_UNUSED(state);
  strcpy(dir, "/tmp/frt_inference_XXXXXX");
  if (!mkdtemp(dir) || frt_runtime_create(NULL, &rt, NULL) != FRT_OK) return -1;
  for (size_t c = 0; c < FRTI_COUNT(cases); ++c) extract(cases[c]);
  return 0;
}

static int clean(void **state) {
  FRTI_UNUSED(state);
  char command[128];
  frt_runtime_release(rt);
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command);
}

/* ---- equal graphs ------------------------------------------------------------------------ */

static int compare_attrs(const frt_attr_info_t *a, const frt_attr_info_t *b) {
  if (a->type != b->type || a->count != b->count || a->i != b->i || a->f != b->f) return 1;
  if ((a->s && strcmp(a->s, b->s)) || !a->s != !b->s) return 1;
  for (uint32_t i = 0; i < a->count; ++i) {
    if (a->is && a->is[i] != b->is[i]) return 1;
    if (a->fs && a->fs[i] != b->fs[i]) return 1;
    if (a->ss && strcmp(a->ss[i], b->ss[i])) return 1;
  }
  return 0;
}

static void same_attrs(const frt_program_t *got, const frt_program_t *want, uint32_t op) {
  const char *type = frt_program_op_type(want, 0, op);
  const uint32_t n = frt_program_op_n_attrs(want, 0, op);
  assert_int_equal(frt_program_op_n_attrs(got, 0, op), n);
  for (uint32_t i = 0; i < n; ++i) {
    frt_attr_info_t a, b;
    uint32_t k = 0;
    assert_int_equal(frt_program_op_attr(want, 0, op, i, &a, NULL), FRT_OK);
    for (; k < n; ++k)
      if (frt_program_op_attr(got, 0, op, k, &b, NULL) == FRT_OK && !strcmp(a.name, b.name))
        break;
    if (k == n) fail_msg("op %u %s: no attribute %s", op, type, a.name);
    if (compare_attrs(&a, &b)) fail_msg("op %u %s: %s differs", op, type, a.name);
  }
}

static void same_slots(const frt_program_t *got, const frt_program_t *want, uint32_t op,
                       int input) {
  uint32_t (*count)(const frt_program_t *, int32_t, uint32_t) =
      input ? frt_program_op_n_inputs : frt_program_op_n_outputs;
  frt_status_t (*get)(const frt_program_t *, int32_t, uint32_t, uint32_t, frt_slot_info_t *,
                      frt_error_t *) = input ? frt_program_op_input : frt_program_op_output;
  const uint32_t n = count(want, 0, op);
  assert_int_equal(count(got, 0, op), n);
  for (uint32_t i = 0; i < n; ++i) {
    frt_slot_info_t a, b;
    uint32_t k = 0;
    get(want, 0, op, i, &a, NULL);
    while (k < n && (get(got, 0, op, k, &b, NULL) != FRT_OK || strcmp(a.name, b.name))) ++k;
    assert_true(k < n);
    assert_int_equal(a.count, b.count);
    for (uint32_t j = 0; j < a.count; ++j) assert_string_equal(a.args[j], b.args[j]);
  }
}

static void same_vars(const frt_program_t *got, const frt_program_t *want) {
  assert_int_equal(frt_program_n_vars(got, 0), frt_program_n_vars(want, 0));
  for (uint32_t i = 0; i < frt_program_n_vars(want, 0); ++i) {
    frt_var_info_t a, b;
    OK(frt_program_var(want, 0, i, &a, &err));
    OK(frt_program_find_var(got, 0, a.name, &b, &err));
    assert_int_equal(a.kind, b.kind);
    assert_int_equal(a.dtype, b.dtype);
    assert_int_equal(a.rank, b.rank);
    assert_int_equal(a.lod_level, b.lod_level);
    assert_int_equal(a.persistable, b.persistable);
    assert_int_equal(a.need_check_feed, b.need_check_feed);
    if (a.rank) assert_memory_equal(a.dims, b.dims, a.rank * sizeof *a.dims);
  }
}

/* The order of attributes, slots and variables is a hash's in Paddle's files. */
static void same_graph(const frt_program_t *got, const frt_program_t *want) {
  assert_int_equal(frt_program_format_version(got), 1008005);
  assert_int_equal(frt_program_format_version(want), 1008005);
  assert_int_equal(frt_program_n_blocks(got), frt_program_n_blocks(want));
  assert_int_equal(frt_program_n_ops(got, 0), frt_program_n_ops(want, 0));
  for (uint32_t op = 0; op < frt_program_n_ops(want, 0); ++op) {
    assert_string_equal(frt_program_op_type(got, 0, op), frt_program_op_type(want, 0, op));
    same_slots(got, want, op, 1);
    same_slots(got, want, op, 0);
    same_attrs(got, want, op);
  }
  same_vars(got, want);
}

static void same_file(const char *got, const char *want) {
  uint8_t *a, *b;
  size_t n, m;
  OK(frti_file_read(got, 0, &a, &n, &err));
  OK(frti_file_read(want, 0, &b, &m, &err));
  if (n != m || memcmp(a, b, n)) fail_msg("%s differs from %s", got, want);
  frti_free(a);
  frti_free(b);
}

/* Every file of `want`, but the program's, is in `got` with the same bytes, and no more. */
static void same_records(const char *got, const char *want) {
  const char **a, **b;
  size_t n, m;
  OK(frti_list_dir(got, "", &a, &n, &err));
  OK(frti_list_dir(want, "", &b, &m, &err));
  assert_int_equal(n, m);
  for (size_t i = 0; i < n; ++i) {
    char one[1024], other[1024];
    assert_string_equal(a[i], b[i]);
    if (!strcmp(a[i], "__model__")) continue;
    snprintf(one, sizeof one, "%s/%s", got, a[i]);
    snprintf(other, sizeof other, "%s/%s", want, b[i]);
    same_file(one, other);
  }
  frti_free(a);
  frti_free(b);
}

/* ---- what Paddle was asked to save --------------------------------------------------------- */

typedef struct recorded {
  const char *name, *folder, *feeds[3], *targets[3];
  size_t n_feeds, n_targets;
  int program_only;
} recorded_t;

static const recorded_t RECORDED[] = {
    {"save_load_digits", "inference", {"img"}, {"fc_1.tmp_2"}, 1, 1, 0},
    {"save_load_multi", "inference", {"zeta", "alpha", "mid"},
     {"reduce_sum_0.tmp_0", "fc_3.tmp_2"}, 3, 2, 0},
    {"save_load_multi", "order_1", {"alpha", "mid", "zeta"},
     {"fc_3.tmp_2", "reduce_sum_0.tmp_0"}, 3, 2, 1},
    {"save_load_multi", "order_2", {"mid", "zeta", "alpha"},
     {"fc_3.tmp_2", "reduce_sum_0.tmp_0", "fc_2.tmp_2"}, 3, 3, 1},
};

/* The trained state: final/V.npy. */
static frt_scope_t *final_scope(const char *name) {
  frt_scope_t *s;
  OK(frt_scope_create(rt, &s, &err));
  OK(frt_scope_load_dir(s, in("%s/final", name), &err));
  return s;
}

static frt_program_t *program_at(const char *path) {
  frt_program_t *p;
  OK(frt_program_load(path, NULL, &p, &err));
  return p;
}

static void release(frt_program_t *a, frt_program_t *b, frt_program_t *c, frt_scope_t *s) {
  frt_program_release(a);
  frt_program_release(b);
  frt_program_release(c);
  frt_scope_release(s);
}

static void a_saved_folder_equals_paddles(void **state) {
  FRTI_UNUSED(state);
  static const char *const from[] = {"main.pb", "test.pb"}; /* both lead to the same */
  for (size_t i = 0; i < FRTI_COUNT(RECORDED); ++i)
    for (size_t k = 0; k < 2; ++k) {
      const recorded_t *r = &RECORDED[i];
      frt_scope_t *scope = final_scope(r->name);
      frt_program_t *whole = program_at(in("%s/%s", r->name, from[k]));
      frt_program_t *want = program_at(in("%s/saved/%s/__model__", r->name, r->folder));
      const uint64_t version = frt_program_version(whole);
      const char *to = in("out_%zu_%zu", i, k);
      OK(frt_inference_save(to, whole, r->feeds, r->n_feeds, r->targets, r->n_targets, scope,
                            NULL, &err));
      frt_program_t *got = program_at(in("out_%zu_%zu/__model__", i, k));
      same_graph(got, want);
      assert_int_equal(frt_program_version(whole), version);
      if (!r->program_only) same_records(to, in("%s/saved/%s", r->name, r->folder));
      release(got, want, whole, scope);
    }
}

static void a_combined_folder_equals_paddles(void **state) {
  FRTI_UNUSED(state);
  const frt_inference_options_t options = {sizeof options, "model", "params"};
  for (size_t i = 0; i < 2; ++i) {
    const recorded_t *r = &RECORDED[i];
    frt_scope_t *scope = final_scope(r->name);
    frt_program_t *whole = program_at(in("%s/main.pb", r->name));
    OK(frt_inference_save(in("combined_%zu", i), whole, r->feeds, r->n_feeds, r->targets,
                          r->n_targets, scope, &options, &err));
    frt_program_t *got = program_at(in("combined_%zu/model", i));
    frt_program_t *want = program_at(in("%s/saved/inference_combined/model", r->name));
    same_graph(got, want);
    same_file(in("combined_%zu/params", i), in("%s/saved/inference_combined/params", r->name));
    release(got, want, whole, scope);
  }
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void parameter_files_equal_paddles(void **state) {
  FRTI_UNUSED(state);
  static const char *const params[2][9] = {
      {"fc_0.b_0", "fc_0.w_0", "fc_1.b_0", "fc_1.w_0"},
      {"embedding_0.w_0", "fc_0.b_0", "fc_0.w_0", "fc_1.b_0", "fc_1.w_0", "fc_2.b_0",
       "fc_2.w_0", "fc_3.b_0", "fc_3.w_0"}};
  static const size_t n[] = {4, 9};
  for (size_t c = 0; c < FRTI_COUNT(cases); ++c) {
    frt_scope_t *scope = final_scope(cases[c]);
    frt_program_t *p = program_at(in("%s/main.pb", cases[c]));
    OK(frt_params_save(in("all_%zu", c), p, scope, 0, NULL, 0, &err));
    same_records(in("all_%zu", c), in("%s/saved/persistables", cases[c]));
    OK(frt_params_save(in("some_%zu", c), p, scope, 0, params[c], n[c], &err));
    same_records(in("some_%zu", c), in("%s/saved/params", cases[c]));
    if (c == 0) {
      OK(frt_params_save(in("one"), p, scope, 1, NULL, 0, &err));
      same_file(in("one"), in("%s/saved/persistables_combined/all", cases[c]));
    }
    release(p, NULL, NULL, scope);
  }
}

/* ---- running ----------------------------------------------------------------------------------- */

static void near(const frt_tensor_t *got, const frt_tensor_t *want) {
  const float *a = frt_tensor_data(got), *b = frt_tensor_data(want);
  float most = 0;
  assert_int_equal(frt_tensor_dtype(got), FRT_F32);
  assert_int_equal(frt_tensor_bytes(got), frt_tensor_bytes(want));
  for (int64_t i = 0; i < frt_tensor_numel(want); ++i) {
    const float m = b[i] < 0 ? -b[i] : b[i];
    if (m > most) most = m;
  }
  /* The cases' own tolerance: rtol 1e-5 and 2e-5 of the largest element. */
  for (int64_t i = 0; i < frt_tensor_numel(want); ++i) {
    const float d = a[i] - b[i], m = b[i] < 0 ? -b[i] : b[i];
    assert_true((d < 0 ? -d : d) <= 1e-5f * m + 2e-5f * most + 1e-12f);
  }
}

static void run_and_compare(const char *places, const char *name, const char *folder,
                            const char *const *want_files) {
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_program_t *p;
  const char **feeds, **fetches;
  size_t n_feeds, n_fetches;
  frt_feed_t feed[3];
  frt_fetch_t fetch[3] = {{0}};
  frt_tensor_t *out[3] = {NULL};
  OK(frt_executor_create(rt, places, NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_inference_load(folder, NULL, scope, &p, &feeds, &n_feeds, &fetches, &n_fetches,
                        &err));
  for (size_t i = 0; i < n_feeds; ++i) {
    feed[i].name = feeds[i];
    OK(frt_npy_load(in("%s/inference/feed/%s.npy", name, feeds[i]), &feed[i].tensor, &err));
  }
  for (size_t i = 0; i < n_fetches; ++i) fetch[i].var = fetches[i];
  OK(frt_executor_run(exe, p, scope, feed, n_feeds, fetch, n_fetches, out, NULL, &err));
  for (size_t i = 0; i < n_fetches; ++i) {
    frt_tensor_t *want;
    OK(frt_npy_load(in("%s/inference/fetch/%s.npy", name, want_files[i]), &want, &err));
    near(out[i], want);
    frt_tensor_release(want);
    frt_tensor_release(out[i]);
  }
  for (size_t i = 0; i < n_feeds; ++i) frt_tensor_release(feed[i].tensor);
  frt_free(feeds);
  frt_free(fetches);
  release(p, NULL, NULL, scope);
  frt_executor_release(exe);
}

static void paddles_folders_give_the_recorded_values(void **state) {
  FRTI_UNUSED(state);
  static const char *const places[] = {"cpu", "reference"};
  static const char *const digits[] = {"prediction"};
  static const char *const multi[] = {"save_infer_model%2Fscale_0.tmp_0",
                                      "save_infer_model%2Fscale_1.tmp_0"};
  for (size_t i = 0; i < 2; ++i)
    for (size_t c = 0; c < 2; ++c)
      for (int combined = 0; combined < 2; ++combined)
        run_and_compare(places[i], cases[c],
                        in("%s/saved/inference%s", cases[c], combined ? "_combined" : ""),
                        c ? multi : digits);
}

static void names_come_in_column_order(void **state) {
  FRTI_UNUSED(state);
  static const char *const names[] = {"zeta", "alpha", "mid"};
  const frt_inference_options_t options = {sizeof options, "model", "params"};
  frt_scope_t *scope;
  frt_program_t *p;
  const char **feeds, **fetches;
  size_t n_feeds, n_fetches;
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_inference_load(in("save_load_multi/saved/inference_combined"), &options, scope,
                        &p, &feeds, &n_feeds, &fetches, &n_fetches, &err));
  assert_int_equal(n_feeds, 3);
  for (size_t i = 0; i < 3; ++i) assert_string_equal(feeds[i], names[i]);
  assert_int_equal(n_fetches, 2);
  assert_string_equal(fetches[0], "save_infer_model/scale_0.tmp_0");
  assert_string_equal(fetches[1], "save_infer_model/scale_1.tmp_0");
  frt_free(feeds);
  frt_free(fetches);
  release(p, NULL, NULL, scope);
}

/* Saving what was loaded: the old scale stays as an op, the new one gets the next name. */
static void a_loaded_model_is_saved_again(void **state) {
  FRTI_UNUSED(state);
  static const char *const feed[] = {"img"}, *const file[] = {"prediction"};
  static const char *const target[] = {"save_infer_model/scale_0.tmp_0"};
  const char *from = in("save_load_digits/saved/inference");
  frt_scope_t *scope;
  frt_program_t *p, *again;
  const char **fetches;
  size_t n;
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_inference_load(from, NULL, scope, &p, NULL, NULL, NULL, NULL, &err));
  OK(frt_inference_save(in("again"), p, feed, 1, target, 1, scope, NULL, &err));
  OK(frt_inference_load(in("again"), NULL, scope, &again, NULL, NULL, &fetches, &n, &err));
  assert_int_equal(n, 1);
  assert_string_equal(fetches[0], "save_infer_model/scale_0.tmp_1");
  assert_int_equal(frt_program_n_ops(again, 0), frt_program_n_ops(p, 0) + 1);
  run_and_compare("reference", "save_load_digits", in("again"), file);
  frt_free(fetches);
  release(again, p, NULL, scope);
}

static void an_intermediate_feed_cuts_what_makes_it(void **state) {
  FRTI_UNUSED(state);
  static const char *const feed[] = {"fc_0.tmp_2"}, *const target[] = {"fc_1.tmp_2"};
  frt_program_t *whole = program_at(in("save_load_digits/main.pb")), *p;
  frt_var_info_t v;
  OK(frt_inference_program(whole, feed, 1, target, 1, &p, &err));
  /* feed, mul, elementwise_add, softmax, scale, fetch */
  assert_int_equal(frt_program_n_ops(p, 0), 6);
  assert_int_equal(frt_program_find_var(p, 0, "img", &v, NULL), FRT_NOT_FOUND);
  assert_int_equal(frt_program_find_var(p, 0, "fc_0.w_0", &v, NULL), FRT_NOT_FOUND);
  frt_program_release(p);
  frt_program_release(whole);
}

/* ---- refusals ------------------------------------------------------------------------------------ */

static void refused(const frt_program_t *p, const char *const *feeds, size_t n_feeds,
                    const char *const *targets, size_t n_targets, frt_status_t status,
                    const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *out = NULL;
  assert_int_equal(
      frt_inference_program(p, feeds, n_feeds, targets, n_targets, &out, &err), status);
  assert_string_equal(err.message, message);
  assert_null(out);
}

static void wrong_requests_are_refused(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = program_at(in("save_load_digits/main.pb"));
  const char *img[] = {"img", "img"}, *both[] = {"img", "label"}, *none[] = {"imgs"};
  const char *target[] = {"fc_1.tmp_2"}, *no_target[] = {"fc_1.tmp_9"};
  const char *velocity[] = {"fc_0.w_0_velocity_0"};
  refused(p, img, 1, NULL, 0, FRT_INVALID_ARGUMENT, "no target: nothing to save");
  refused(p, img, 2, target, 1, FRT_INVALID_ARGUMENT, "feed 'img' is named twice");
  refused(p, both, 2, target, 1, FRT_INVALID_ARGUMENT, "feed 'label': no target needs it");
  refused(p, NULL, 0, target, 1, FRT_FAILED_PRECONDITION,
          "the targets need 1 inputs that are not fed: 'img'");
  frt_error_t why = FRT_ERROR_INIT;
  frt_program_t *out = NULL;
  assert_int_equal(frt_inference_program(p, none, 1, target, 1, &out, &why), FRT_NOT_FOUND);
  assert_non_null(strstr(why.message, "'img'"));
  assert_int_equal(frt_inference_program(p, img, 1, no_target, 1, &out, &why), FRT_NOT_FOUND);
  assert_non_null(strstr(why.message, "fc_1.tmp_"));
  /* A persistable is a target like any other: it is read as it is. */
  OK(frt_inference_program(p, NULL, 0, velocity, 1, &out, &err));
  assert_int_equal(frt_program_n_ops(out, 0), 2);
  frt_program_release(out);
  frt_program_release(p);
}

static void wrong_folders_are_refused(void **state) {
  FRTI_UNUSED(state);
  static const char *const feed[] = {"img"}, *const target[] = {"fc_1.tmp_2"};
  const frt_inference_options_t outside = {sizeof outside, "../model", NULL};
  const frt_inference_options_t same = {sizeof same, "x", "x"};
  frt_error_t why = FRT_ERROR_INIT;
  frt_program_t *p = program_at(in("save_load_digits/main.pb")), *loaded = p;
  frt_scope_t *empty;
  OK(frt_scope_create(rt, &empty, &err));
  assert_int_equal(frt_inference_save(in("no"), p, feed, 1, target, 1, empty, NULL, &why),
                   FRT_FAILED_PRECONDITION);
  assert_non_null(strstr(why.message, "4 variables to save are not initialized"));
  assert_false(frti_is_file(in("no/__model__")));
  assert_int_equal(frt_inference_save(in("no"), p, feed, 1, target, 1, empty, &outside, &why),
                   FRT_INVALID_ARGUMENT);
  assert_int_equal(frt_inference_save(in("no"), p, feed, 1, target, 1, empty, &same, &why),
                   FRT_INVALID_ARGUMENT);
  assert_int_equal(frt_inference_load(in("nowhere"), NULL, empty, &loaded, NULL, NULL, NULL,
                                      NULL, &why), FRT_NOT_FOUND);
  assert_null(loaded);
  OK(frt_program_save(p, in("no/__model__"), &err));
  assert_int_equal(frt_inference_load(in("no"), NULL, empty, &loaded, NULL, NULL, NULL, NULL,
                                      &why), FRT_INVALID_ARGUMENT);
  assert_string_equal(why.message, "no inference model: the program has no fetch op");
  release(p, NULL, NULL, empty);
}

static void missing_parameters_are_listed(void **state) {
  FRTI_UNUSED(state);
  frt_error_t why = FRT_ERROR_INIT;
  frt_scope_t *scope;
  frt_program_t *p;
  const char **names;
  size_t n;
  extract("save_load_digits");
  assert_int_equal(0, remove(in("save_load_digits/saved/inference/fc_1.b_0")));
  OK(frt_scope_create(rt, &scope, &err));
  assert_int_equal(frt_inference_load(in("save_load_digits/saved/inference"), NULL, scope, &p,
                                      NULL, NULL, NULL, NULL, &why), FRT_NOT_FOUND);
  assert_non_null(strstr(why.message, "1 of 4 variables have no file: fc_1.b_0"));
  assert_null(p);
  OK(frt_scope_names(scope, &names, &n, &err));
  assert_int_equal(n, 0);
  frt_free(names);
  frt_scope_release(scope);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_saved_folder_equals_paddles),
      cmocka_unit_test(a_combined_folder_equals_paddles),
      cmocka_unit_test(parameter_files_equal_paddles),
      cmocka_unit_test(paddles_folders_give_the_recorded_values),
      cmocka_unit_test(names_come_in_column_order),
      cmocka_unit_test(a_loaded_model_is_saved_again),
      cmocka_unit_test(an_intermediate_feed_cuts_what_makes_it),
      cmocka_unit_test(wrong_requests_are_refused),
      cmocka_unit_test(wrong_folders_are_refused),
      cmocka_unit_test(missing_parameters_are_listed),
  };
  return cmocka_run_group_tests(tests, make, clean);
}
