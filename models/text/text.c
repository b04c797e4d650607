/* Text: sentences about weather, kitchen and music, as hashed words through an embedding
 * table. Every fourth sentence is kept for the test. `text [FOLDER [SENTENCE]]` leaves
 * losses.npy and the folder `served` there and says what SENTENCE is about; the exit status
 * is 0 if at least ten of the twelve test sentences are right. */
#include <stdio.h>
#include <string.h>

#include <fluidrt/fluidrt.h>

enum { TOPICS = 3, EACH = 16, ALL = TOPICS * EACH, TEST = ALL / 4, WORDS = 12, VOCAB = 2048 };
enum { STEPS = 120 };
static const char *const topics[] = {"weather", "kitchen", "music"};
static const char *const sentences[ALL] = {
    "the rain fell all night over the hills", "dark clouds bring rain and cold wind",
    "a warm wind and clear sky this morning", "snow covered the hills in the cold night",
    "the sky is clear and the sun is warm", "fog and light rain are expected tonight",
    "the storm brought wind and heavy snow", "sun in the morning then clouds and rain",
    "it was cold with frost on the hills", "heavy clouds and thunder before the storm",
    "a clear night with a cold moon and frost", "warm sun after a week of fog",
    "the wind turned and the storm was over", "light snow fell in the morning sun",
    "thunder rolled and heavy rain followed", "no clouds in the sky and no wind today",
    "boil the rice and add a little salt", "fry the onions in butter until brown",
    "add salt and pepper to the soup", "bake the bread in a hot oven",
    "cut the onions and boil the potatoes", "the soup needs pepper and fresh bread",
    "melt the butter and stir in the flour", "a hot oven makes the bread brown",
    "stir the rice with butter and salt", "peel the potatoes and bake them with cheese",
    "mix flour salt and water for the dough", "the dough must rest before you bake it",
    "grate the cheese over the hot soup", "fry the potatoes with onions and pepper",
    "stir the dough and add butter", "serve the rice with cheese and bread",
    "the band played a slow song on stage", "she sings the melody and plays piano",
    "tune the guitar before the concert", "a drum and a bass keep the rhythm",
    "the choir sings a song without piano", "the concert began with a long violin solo",
    "he plays bass in a jazz band", "the rhythm of the drum was fast",
    "a quiet melody for violin and piano", "the band wrote a new song for guitar",
    "jazz needs rhythm and a good solo", "the choir and the band share the stage",
    "she tuned the violin for the concert", "a guitar solo ended the slow song",
    "the piano carries the melody and rhythm", "he sings jazz with drum and bass"};
static float losses[STEPS];
static frt_error_t err = FRT_ERROR_INIT; /* what went wrong, if something did */
static frt_builder_t *b;
static frt_executor_t *exe;
static frt_var_t out, loss;

/* A hash of each word, 1 .. VOCAB - 1; 0 fills the row up. */
static void to_ids(const char *s, int64_t *ids) {
  for (int i = 0; i < WORDS; ++i) {
    uint32_t h = 2166136261u;
    s += strspn(s, " ");
    ids[i] = *s ? 1 : 0;
    for (; *s && *s != ' '; ++s) h = (h ^ (unsigned char)*s) * 16777619u;
    if (ids[i]) ids[i] += h % (VOCAB - 1);
  }
}

static frt_status_t build(void) {
  const int64_t ids_dims[] = {-1, WORDS}, label_dims[] = {-1, 1}, over[] = {1};
  const frt_embedding_options_t table = {.v2 = 1, .has_padding = 1, .padding_idx = 0};
  const frt_reduce_options_t words = {.dim = over, .n_dim = 1};
  const frt_optimizer_options_t adagrad = {.learning_rate = 0.1};
  frt_optimizer_t *o = NULL;
  frt_var_t x, label;
  FRT_TRY(frt_builder_set_seed(b, NULL, 7, &err));
  FRT_TRY(frt_data(b, "ids", 2, ids_dims, FRT_I64, &x, &err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, &err));
  FRT_TRY(frt_layers_embedding(b, x, VOCAB, 16, &table, &x, &err));
  FRT_TRY(frt_layers_reduce_sum(b, x, &words, &x, &err)); /* the sum of the words' rows */
  FRT_TRY(frt_layers_fc(b, x, TOPICS, NULL, &x, &err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, label, NULL, &loss, NULL, &err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, &err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &out, &err));
  FRT_TRY(frt_optimizer_create(b, FRT_OPTIMIZER_ADAGRAD, &adagrad, &o, &err));
  const frt_status_t status = frt_optimizer_minimize(o, loss, NULL, NULL, &err);
  frt_optimizer_release(o);
  return status;
}

static frt_status_t run(const frt_program_t *p, frt_scope_t *scope, const frt_feed_t *feed,
                        size_t n_feed, const char *fetch, frt_tensor_t **result) {
  const frt_fetch_t f = {.var = fetch};
  return frt_executor_run(exe, p, scope, feed, n_feed, &f, fetch != NULL, result, NULL, &err);
}

/* All sentences but every fourth, in each step. */
static frt_status_t train(frt_scope_t *scope) {
  int64_t ids[ALL - TEST][WORDS], label[ALL - TEST];
  const int64_t ids_dims[] = {ALL - TEST, WORDS}, label_dims[] = {ALL - TEST, 1};
  frt_tensor_t *in[2] = {NULL, NULL}, *result = NULL; /* one for all steps */
  for (int i = 0, row = 0; i < ALL; ++i) {
    if (i % 4 == 3) continue;
    to_ids(sentences[i], ids[row]);
    label[row++] = i / EACH;
  }
  frt_status_t status = run(frt_builder_startup(b), scope, NULL, 0, NULL, NULL);
  if (!status) status = frt_tensor_wrap(FRT_I64, 2, ids_dims, ids, sizeof ids, &in[0], &err);
  if (!status)
    status = frt_tensor_wrap(FRT_I64, 2, label_dims, label, sizeof label, &in[1], &err);
  const frt_feed_t feed[] = {{"ids", in[0]}, {"label", in[1]}};
  for (int i = 0; i < STEPS && !status; ++i) {
    status = run(frt_builder_main(b), scope, feed, 2, loss.name, &result);
    if (!status) losses[i] = *(const float *)frt_tensor_data(result);
  }
  frt_tensor_release(result);
  frt_tensor_release(in[0]);
  frt_tensor_release(in[1]);
  return status;
}

/* Loads what was exported into a scope of its own, as a server would, and gives the topic
 * of each text. */
static frt_status_t serve(frt_scope_t *scope, const char *folder, const char *const *texts,
                          int n, int *topic) {
  int64_t ids[TEST][WORDS];
  const int64_t dims[] = {n, WORDS};
  frt_program_t *p = NULL;
  const char **name = NULL;
  frt_tensor_t *in = NULL, *result = NULL;
  for (int i = 0; i < n; ++i) to_ids(texts[i], ids[i]);
  frt_status_t status =
      frt_inference_load(folder, NULL, scope, &p, NULL, NULL, &name, NULL, &err);
  if (!status) status = frt_tensor_wrap(FRT_I64, 2, dims, ids, sizeof ids, &in, &err);
  const frt_feed_t feed = {"ids", in};
  if (!status) status = run(p, scope, &feed, 1, name[0], &result);
  for (int i = 0; i < n * TOPICS && !status; ++i) {
    const float *chance = (const float *)frt_tensor_data(result) + i / TOPICS * TOPICS;
    if (i % TOPICS == 0 || chance[i % TOPICS] > chance[topic[i / TOPICS]])
      topic[i / TOPICS] = i % TOPICS;
  }
  frt_tensor_release(result);
  frt_tensor_release(in);
  frt_free(name);
  frt_program_release(p);
  return status;
}

int main(int argc, char **argv) {
  const char *const folder = argc > 1 ? argv[1] : ".", *const feeds[] = {"ids"};
  const char *tests[TEST], *asked = argc > 2 ? argv[2] : "thunder in the cold night";
  const int64_t dims[] = {STEPS};
  int topic[TEST], its_topic = 0, right = 0;
  char served[4096], curve[4096];
  frt_runtime_t *rt = NULL;
  frt_scope_t *scope = NULL, *other = NULL;
  frt_tensor_t *t = NULL;
  for (int i = 0; i < TEST; ++i) tests[i] = sentences[4 * i + 3];
  snprintf(served, sizeof served, "%s/served", folder);
  snprintf(curve, sizeof curve, "%s/losses.npy", folder);
  int failed = frt_builder_create(&b, &err) || build() || frt_runtime_create(NULL, &rt, &err) ||
      frt_executor_create(rt, NULL, NULL, &exe, &err) || frt_scope_create(rt, &scope, &err) ||
      frt_scope_create(rt, &other, &err) || train(scope) ||
      frt_inference_save(served, frt_builder_main(b), feeds, 1, &out.name, 1, scope, NULL, &err) ||
      frt_tensor_wrap(FRT_F32, 1, dims, losses, sizeof losses, &t, &err) ||
      frt_npy_save(curve, t, &err) || serve(other, served, tests, TEST, topic) ||
      serve(other, served, &asked, 1, &its_topic);
  for (int i = 0; i < TEST && !failed; ++i) right += topic[i] == (4 * i + 3) / EACH;
  if (failed) fprintf(stderr, "%s\n", err.message);
  else printf("loss %.4f, then %.4f; %d of %d new sentences right\n'%s' is about %s\n",
              losses[0], losses[STEPS - 1], right, TEST, asked, topics[its_topic]);
  frt_tensor_release(t);
  frt_scope_release(other);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  frt_builder_release(b);
  return failed || right < 10;
}
