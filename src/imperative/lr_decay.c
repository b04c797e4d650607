/* Learning-rate decay objects: the static schedule of the same name, built once in a
 * program of its own and run for the position that is asked about. Those that move by
 * epochs have no static twin. */
#include <math.h>
#include <string.h>

#include "imperative/guard.h"

#define COUNTER "@LR_DECAY_COUNTER@"

typedef struct kind kind_t;
struct frt_lr_decay {
  frt_imperative_t *im;
  const kind_t *kind;
  frt_lr_decay_options_t o;
  int64_t position;
  int64_t *bounds;        /* o.bounds; ours */
  frt_program_t *program; /* NULL: by epochs */
  const char *rate;
  frt_builder_t *b;       /* whose strings these are */
  frt_scope_t *scope;
};

struct kind {
  const char *name;
  int64_t begin;
  /* The static schedule, or (by epochs) the rate itself. */
  frt_status_t (*build)(frt_builder_t *b, const frt_lr_decay_options_t *o, frt_var_t *out,
                        frt_error_t *err);
  double (*at)(const frt_lr_decay_options_t *o, int64_t epoch);
};

/* ---- the static ones ---------------------------------------------------------------------- */

#define BUILD(name, call)                                                                   \
  static frt_status_t name(frt_builder_t *b, const frt_lr_decay_options_t *o,               \
                           frt_var_t *out, frt_error_t *err) {                              \
    return call;                                                                            \
  }
BUILD(piecewise, frt_piecewise_decay(b, o->bounds, o->values, o->n, out, err))
BUILD(natural_exp, frt_natural_exp_decay(b, o->learning_rate, o->decay_steps, o->decay_rate,
                                         o->staircase, out, err))
BUILD(exponential, frt_exponential_decay(b, o->learning_rate, o->decay_steps, o->decay_rate,
                                         o->staircase, out, err))
BUILD(inverse_time, frt_inverse_time_decay(b, o->learning_rate, o->decay_steps,
                                           o->decay_rate, o->staircase, out, err))
BUILD(polynomial, frt_polynomial_decay(b, o->learning_rate, o->decay_steps,
                                       FRTI_REAL(o->end_learning_rate, 0.0001),
                                       FRTI_REAL(o->power, 1.0), o->cycle, out, err))
BUILD(cosine, frt_cosine_decay(b, o->learning_rate, o->step_each_epoch, o->epochs, out, err))
BUILD(noam, frt_noam_decay(b, o->d_model, o->warmup_steps, FRTI_REAL(o->learning_rate, 1.0),
                           out, err))
/* It starts at 0 in imperative mode, not at start_lr. */
BUILD(warmup, frt_linear_lr_warmup(b, o->learning_rate, (frt_var_t){0}, o->warmup_steps, 0,
                                   o->end_lr - o->start_lr, out, err))

/* ---- by epochs ----------------------------------------------------------------------------- */

static double decay_rate(const frt_lr_decay_options_t *o) {
  return FRTI_REAL(o->decay_rate, 0.1);
}

static double by_steps(const frt_lr_decay_options_t *o, int64_t epoch) {
  return o->learning_rate * pow(decay_rate(o), (double)(epoch / o->step_size));
}

static double by_milestones(const frt_lr_decay_options_t *o, int64_t epoch) {
  size_t passed = 0;
  while (passed < o->n && epoch >= o->bounds[passed]) ++passed;
  return o->learning_rate * pow(decay_rate(o), (double)passed);
}

static double by_lambda(const frt_lr_decay_options_t *o, int64_t epoch) {
  return o->learning_rate * o->lambda(o->lambda_ctx, epoch);
}

static const kind_t kinds[] = {
    [FRT_LR_PIECEWISE] = {"PiecewiseDecay", 0, piecewise, NULL},
    [FRT_LR_NATURAL_EXP] = {"NaturalExpDecay", 0, natural_exp, NULL},
    [FRT_LR_EXPONENTIAL] = {"ExponentialDecay", 0, exponential, NULL},
    [FRT_LR_INVERSE_TIME] = {"InverseTimeDecay", 0, inverse_time, NULL},
    [FRT_LR_POLYNOMIAL] = {"PolynomialDecay", 0, polynomial, NULL},
    [FRT_LR_COSINE] = {"CosineDecay", 0, cosine, NULL},
    [FRT_LR_NOAM] = {"NoamDecay", 1, noam, NULL},
    [FRT_LR_LINEAR_WARMUP] = {"LinearLrWarmup", 1, warmup, NULL},
    [FRT_LR_STEP] = {"StepDecay", 0, NULL, by_steps},
    [FRT_LR_MULTI_STEP] = {"MultiStepDecay", 0, NULL, by_milestones},
    [FRT_LR_LAMBDA] = {"LambdaDecay", 0, NULL, by_lambda},
};

bool frti_lr_decay_by_epochs(const frt_lr_decay_t *d) { return d->kind->at != NULL; }
int64_t frti_lr_decay_position(const frt_lr_decay_t *d) { return d->position; }

/* ---- life ------------------------------------------------------------------------------------ */

static frt_status_t check_epochs(frt_imperative_t *im, const kind_t *kind,
                                 const frt_lr_decay_options_t *o, frt_error_t *err) {
  if (kind->at == by_steps && o->step_size < 1)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "step_size", "is %lld; wanted 1 or more",
                     (long long)o->step_size);
  if (kind->at == by_lambda && !o->lambda)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "lambda", "is NULL");
  if (kind->at == by_milestones && o->n && !o->bounds)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "milestones", "are NULL");
  for (size_t i = 1; kind->at == by_milestones && i < o->n; ++i)
    if (o->bounds[i] <= o->bounds[i - 1])
      return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "milestones",
                       "[%zu] is %lld, not above the one before", i, (long long)o->bounds[i]);
  if (kind->at && (o->has_begin || o->step))
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, o->step ? "step" : "begin",
                     "is given; it moves by epochs from 0");
  return FRT_OK;
}

static frt_status_t build(frt_lr_decay_t *d, frt_error_t *err) {
  frt_var_t rate;
  if (!d->kind->build) return FRT_OK;
  FRT_TRY(frt_builder_create(&d->b, err));
  FRT_TRY(d->kind->build(d->b, &d->o, &rate, err));
  FRT_TRY(frt_scope_create(d->im->rt, &d->scope, err));
  d->program = frt_builder_main(d->b);
  d->rate = rate.name;
  return frt_executor_run(d->im->exe, frt_builder_startup(d->b), d->scope, NULL, 0, NULL, 0,
                          NULL, NULL, err);
}

static frt_status_t copy_bounds(frt_lr_decay_t *d, frt_error_t *err) {
  if (!d->o.n || !d->o.bounds) return FRT_OK;
  d->bounds = frti_calloc(d->o.n, sizeof *d->bounds);
  if (!d->bounds) return frti_no_memory(err);
  memcpy(d->bounds, d->o.bounds, d->o.n * sizeof *d->bounds);
  d->o.bounds = d->bounds;
  return FRT_OK;
}

frt_status_t frt_lr_decay_create(frt_imperative_t *im, frt_lr_decay_kind_t kind,
                                 const frt_lr_decay_options_t *options,
                                 frt_lr_decay_t **out, frt_error_t *err) {
  *out = NULL;
  frti_say(im->b, "lr_decay");
  if ((size_t)kind >= FRTI_COUNT(kinds))
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "kind", "%d is no decay", (int)kind);
  frti_say(im->b, kinds[kind].name);
  if (!options) return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "options", "are NULL");
  if (options->after && options->after->im != im)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "after", "is of another guard");
  FRT_TRY(check_epochs(im, &kinds[kind], options, err));
  frt_lr_decay_t *d = frti_calloc(1, sizeof *d);
  if (!d) return frti_no_memory(err);
  *d = (frt_lr_decay_t){.im = im, .kind = &kinds[kind], .o = *options};
  d->position = options->has_begin ? options->begin : d->kind->begin;
  if (!d->o.step) d->o.step = 1;
  frt_status_t status = copy_bounds(d, err);
  if (status == FRT_OK) status = build(d, err);
  d->o.values = NULL; /* the program has them */
  if (status == FRT_OK) *out = d;
  else frt_lr_decay_release(d);
  return status;
}

void frt_lr_decay_release(frt_lr_decay_t *d) {
  if (!d) return;
  frt_builder_release(d->b);
  frt_scope_release(d->scope);
  frti_free(d->bounds);
  frti_free(d);
}

/* ---- where it stands --------------------------------------------------------------------------- */

/* The program's counter moves by one before it is read. */
static frt_status_t set_counter(frt_lr_decay_t *d, frt_error_t *err) {
  static const int64_t one[1] = {1};
  frt_tensor_t *t = NULL;
  FRT_TRY(frt_tensor_create(FRT_I64, 1, one, &t, err));
  *(int64_t *)frt_tensor_data(t) = d->position - 1;
  const frt_status_t status = frt_scope_set(d->scope, COUNTER, t, err);
  frt_tensor_release(t);
  return status;
}

frt_status_t frti_lr_decay_value(frt_lr_decay_t *d, double *out, frt_error_t *err) {
  const frt_fetch_t fetch = {.var = d->rate};
  frt_tensor_t *t = NULL;
  if (d->kind->at) {
    *out = d->kind->at(&d->o, d->position);
    return FRT_OK;
  }
  if (d->o.after && (double)d->position >= d->o.warmup_steps)
    return frti_lr_decay_value(d->o.after, out, err);
  FRT_TRY(set_counter(d, err));
  FRT_TRY(frt_executor_run(d->im->exe, d->program, d->scope, NULL, 0, &fetch, 1, &t, NULL,
                           err));
  *out = *(const float *)frt_tensor_data(t);
  frt_tensor_release(t);
  return FRT_OK;
}

void frti_lr_decay_advance(frt_lr_decay_t *d) {
  if (d->kind->at) return;
  d->position += d->o.step;
  if (d->o.after) frti_lr_decay_advance(d->o.after);
}

frt_status_t frt_lr_decay_epoch(frt_lr_decay_t *d, frt_error_t *err) {
  frti_say(d->im->b, d->kind->name);
  if (!d->kind->at)
    return frti_fail(d->im->b, err, FRT_FAILED_PRECONDITION, NULL, "moves with minimize");
  ++d->position;
  return FRT_OK;
}
