/* Inside the conformance runner: a probe is one built case, or one op of a program; a
 * target is one provider on a runtime with a given number of threads. */
#ifndef FRTI_CONFORM_RUNNER_H
#define FRTI_CONFORM_RUNNER_H

#include "fluidrt/runtime.h"
#include "runner/case.h"

/* Tensors: of one op, each way; a sum over the gradients of a large net has many. */
enum { FRTI_MAX_TENSORS = 256, FRTI_MAX_BOUNDS = 8, FRTI_TEXT = 400 };

typedef struct frti_value {
  frt_api_tensor_t api; /* data NULL: what query and prepare see */
  int64_t dims[FRT_MAX_RANK];
  const frt_slot_def_t *def;
  const frt_case_data_t *data; /* inputs of a case */
  const void *raw;             /* inputs: the very bytes, where they were recorded */
  double *d;                   /* inputs: rounded to the dtype; outputs: the oracle's */
  double *mag;                 /* outputs: the oracle's magnitudes */
  int alias;                   /* outputs: the input that it shares memory with, or -1 */
} frti_value_t;

/* Everything a provider is handed, in schema order, as the runtime would build it. */
typedef struct frti_probe {
  frt_case_view_t view; /* first: terms and formulas see the probe through it */
  const frt_case_t *c;
  const frt_op_schema_t *schema;
  const int64_t *row; /* four sizes */
  uint32_t dtype;
  uint64_t seed, rng;
  frti_value_t in[FRTI_MAX_TENSORS], out[FRTI_MAX_TENSORS];
  uint32_t n_in, n_out;
  const frt_api_tensor_t *in_at[FRTI_MAX_TENSORS], *out_at[FRTI_MAX_TENSORS];
  frt_api_slot_t in_slots[FRT_MAX_SLOTS], out_slots[FRT_MAX_SLOTS];
  frt_api_attr_t attrs[FRT_MAX_ATTRS];
  void *lists[FRT_MAX_ATTRS];
  frt_api_op_t op;
} frti_probe_t;

typedef struct frti_spare { /* a slab that one run after the other uses */
  void *slab;
  uint64_t bytes;
  int taken;
} frti_spare_t;

typedef struct frti_target {
  const frt_api_provider_t *api;
  const frt_api_host_t *host;
  frt_dev_t *dev;
  frt_queue_t *queue;
  frt_api_device_info_t info;
  frti_spare_t *spare; /* NULL: every run allocates */
} frti_target_t;

/* The memory that providers ask the host for: how many blocks they hold, and how many
 * requests are granted before one is refused (0: all). supply.c; any thread. */
typedef struct frti_supply {
  _Atomic int64_t held, left;
} frti_supply_t;
void *frti_supply_alloc(void *supply, size_t bytes, size_t align);
void frti_supply_free(void *supply, void *p);

enum { FRTI_N_THREADS = 4 };
typedef struct frti_bench { /* what one worker works with */
  frti_supply_t *supply;
  frt_runtime_t *rt[FRTI_N_THREADS];
  frti_target_t target[FRTI_N_THREADS]; /* 1, 2, 3, 7 threads */
  frti_spare_t spare[FRTI_N_THREADS];
  frti_target_t reference;              /* the oracle, on rt[0] */
  const frt_api_oracle_t *oracle;
  frt_runtime_t *own_rt; /* of --oracle */
  int self; /* the provider under test is the reference */
  uint64_t seed;
} frti_bench_t;
extern const uint32_t frti_bench_threads[FRTI_N_THREADS];

/* build.c: shapes, slots and attributes; no values yet. fill makes the inputs. */
frt_status_t frti_probe_build(frti_probe_t *p, const frt_case_t *c, const int64_t *row,
                              uint32_t dtype, const frti_bench_t *b, frt_error_t *err);
frt_status_t frti_probe_fill(frti_probe_t *p, const frti_bench_t *b, frt_error_t *err);
/* Runs the oracle: fills d and mag of the outputs. */
frt_status_t frti_probe_oracle(frti_probe_t *p, const frti_bench_t *b, frt_error_t *err);
void frti_probe_release(frti_probe_t *p);
/* A stand-in's value in the row of sizes, or the number itself. */
double frti_resolve(const frti_probe_t *p, double v);
int frti_slot_index(const frt_slot_def_t *defs, const char *name);
uint32_t frti_slot_count(const frt_slot_def_t *defs);
void frti_value_shape(frti_value_t *v, uint32_t dtype, uint32_t rank, const int64_t *dims);
/* Fills the shapes of the outputs from those of the inputs. */
frt_status_t frti_probe_infer(frti_probe_t *p, frt_error_t *err);

/* data.c */
uint64_t frti_mix(uint64_t x);
uint64_t frti_hash_text(const char *text);
double frti_unit(uint64_t key, uint64_t index); /* [0, 1) */
double frti_round_to(uint32_t dtype, double v);
void frti_store(uint32_t dtype, void *to, int64_t index, double v);
double frti_load(uint32_t dtype, const void *from, int64_t index);
void frti_generate(const frt_case_data_t *data, uint32_t dtype, uint64_t key, double *to,
                   int64_t n);

/* exec.c: one run on one target. */
/* MISALIGNED: buffers start one element past 64-byte alignment. AT_PAGE, host memory only:
 * they end or begin at a page that nobody may touch, inputs are for reading only. */
enum { FRTI_ALIGNED, FRTI_MISALIGNED, FRTI_ENDS_AT_PAGE, FRTI_BEGINS_AT_PAGE };
typedef struct frti_variant {
  uint8_t fill;    /* what outputs and workspace hold before */
  uint8_t place;   /* FRTI_ALIGNED ... */
  uint8_t inplace; /* the first output is the first input */
} frti_variant_t;
typedef struct frti_outcome {
  uint8_t *out[FRTI_MAX_TENSORS]; /* bytes of each output */
  char fault[FRTI_TEXT];          /* "" or what was broken: a guard, an input */
} frti_outcome_t;
frt_status_t frti_exec(const frti_target_t *t, const frti_probe_t *p, frti_variant_t v,
                       frti_outcome_t *o, frt_error_t *err);
void frti_outcome_release(frti_outcome_t *o);

/* bound.c: a value passes if one of these admits it. n 0: no case of the op at all. */
typedef struct frti_bounds {
  const frt_case_bound_t *at[FRTI_MAX_BOUNDS];
  uint32_t n, flags; /* flags: FRT_CASE_SIGNED_ZERO */
} frti_bounds_t;
frti_bounds_t frti_bounds_exact(const frti_probe_t *p);
/* What the case itself says of output k. */
frti_bounds_t frti_bounds_of_case(const frti_probe_t *p, uint32_t k);
/* What the cases of the op's type say, whatever the probe was made from (bound_op.c). */
frti_bounds_t frti_bounds_of_op(const frti_probe_t *p, uint32_t k);
typedef struct frti_judged {
  double worst;    /* how many times its bound the worst element is off; 1 passes */
  int64_t at, bad; /* that element (-1: none is off at all), and how many exceed 1 */
  double got, want;
} frti_judged_t;
/* All elements of output k against `ref`; 1 if all are within bounds, else 0 and why. */
int frti_judge(const frti_probe_t *p, uint32_t k, const void *got, const double *ref,
               const frti_bounds_t *bounds, frti_judged_t *out, char *why, size_t cap);
/* The absolute error that a bound admits around each of the oracle's values of output k,
 * the rounding to its dtype included. */
void frti_bound_allowed(const frti_probe_t *p, uint32_t k, const frt_case_bound_t *b,
                        double *allowed);
/* 1 if no magnitude of the oracle is smaller than its value, as SUM takes for granted. */
int frti_magnitudes_hold(const frti_probe_t *p, uint32_t k, char *why, size_t cap);

/* verdicts; 0: there is nothing to do */
enum { FRTI_PASS = 'P', FRTI_FAIL = 'F', FRTI_DECLINED = 'D' };
/* worst: the largest share of a bound, not touched when none was judged. */
int frti_run_case(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                  uint32_t dtype, double *worst, char *why, size_t cap);
/* grad.c: the oracle's gradient against central differences of its forward op.
 * possible: 1 if this case can be checked at all. */
int frti_grad_possible(const frt_case_t *c, const int64_t *row);
int frti_run_grad(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                  char *why, size_t cap);
/* claims.c: an honest, reasoned and repeatable NO. */
uint32_t frti_claimed(const frt_api_provider_t *api, const char *type); /* dtype bits */
int frti_run_claims(const frti_bench_t *b, const frt_case_t *c, char *why, size_t cap);
/* ask.c: does `then` with a probe of the case; FAIL if it cannot be built. */
typedef int (*frti_probed_fn)(void *ctx, const frti_bench_t *b, frti_probe_t *p, char *why,
                              size_t cap);
int frti_probe_case(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                    uint32_t dtype, char *why, size_t cap, frti_probed_fn then, void *ctx);
/* op_query while sizes are unknown: any answer, given twice, a NO with its reason. */
int frti_run_unknown(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                     uint32_t dtype, char *why, size_t cap);
/* op_query alone, all sizes known; nothing is run. */
int frti_run_support(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                     uint32_t dtype, char *why, size_t cap);
/* speed.c: writes a line "T seconds spread flops bytes" to the suite. */
int frti_run_speed(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                   uint32_t dtype, FILE *to, char *why, size_t cap);
void frti_time_copies(const frti_bench_t *b, FILE *to);
/* Asks twice: PASS yes, DECLINED no and why, FAIL an answer that is none. */
int frti_ask(const frti_target_t *t, const frt_api_op_t *op, frt_api_support_t *support,
             char *why, size_t cap);
/* The kernel table and the devices; returns the number of things found wrong. */
uint32_t frti_check_table(const frt_api_provider_t *api, FILE *to);
uint32_t frti_check_devices(const frt_api_provider_t *api, FILE *to);

/* own.c: the ops that a provider brings itself, with their cases and their oracle. One
 * worker works with one provider, so these are the process's. oracle: the module with the
 * formulas, NULL: the provider itself. */
frt_status_t frti_own_open(frti_bench_t *b, const char *oracle, frt_error_t *err);
size_t frti_own_count(void);
const frt_op_schema_t *frti_own_at(size_t index);
int frti_is_own(const frt_op_schema_t *s);
/* Its values are drawn, and those of the library's reference provider are right. */
static inline int frti_drawn(const frt_op_schema_t *s) {
  return (s->flags & FRT_OP_RANDOM) && !frti_is_own(s);
}
const frt_case_t *frti_own_cases(void); /* never NULL */
frt_status_t frti_own_eval(const frti_probe_t *p, const double *const *in,
                           double *const *out, double *const *mag, frt_error_t *err);
/* The library's op of this type, or the provider's own; NULL: neither. */
const frt_op_schema_t *frti_schema_of(const char *type);
extern const frt_case_calls_t frti_case_calls; /* fill.c */

/* What is asked of a run. */
enum { FRTI_LOAD, FRTI_CORE, FRTI_FULL, FRTI_STRESS };
enum { FRTI_ALL, FRTI_TEST, FRTI_GRAD, FRTI_TRAIN, FRTI_PERF, FRTI_CLAIMS, FRTI_SUPPORT };
enum { FRTI_PLAIN, FRTI_TABLE, FRTI_MD, FRTI_CSV };
struct frti_tally;
typedef struct frti_options {
  const char *provider, *ops; /* ops: glob or NULL */
  uint64_t seed, seeds, seconds; /* seconds: of level stress */
  double sample; /* cases of each op and seed; 0: all */
  int json, verbose, level, mode, format;
  uint32_t time_limit;        /* seconds of CPU time that a case may take */
  const char *replay;         /* the only case, as it was reported; NULL: all */
  const char *oracle;         /* module with the oracle of the provider's own ops */
  const char *xfail, *report, *junit, *baseline; /* files */
  /* --mode train: judges programs too, before the end is told; NULL: none. */
  void (*programs)(void *ctx, struct frti_tally *t);
  void *ctx;
} frti_options_t;
extern const char *const frti_level_names[], *const frti_mode_names[],
    *const frti_format_names[]; /* end in NULL */

/* bench.c. targets: how many of the numbers of threads to open; oracle: 0, or 1. */
frt_status_t frti_bench_open(frti_bench_t *b, const frti_options_t *o, int targets,
                             int oracle, frt_error_t *err);
void frti_bench_close(frti_bench_t *b);

/* worker.c: runs in a child; writes lines to `to`. first: the job to begin with;
 * skip: an op whose jobs are left out, or "". */
typedef struct frti_family { const char *name; const frt_case_t *cases; } frti_family_t;
extern const frti_family_t frti_families[];
extern const size_t frti_n_families;
const frt_case_t *frti_cases_of(size_t family); /* frti_n_families: the provider's own */
int frti_worker_claims(const frti_options_t *o, FILE *to);
int frti_worker_family(const frti_options_t *o, size_t family, uint32_t first,
                       const char *skip, FILE *to);

/* suite.c: the whole run; the process's exit status. */
int frti_suite_run(const frti_options_t *o);
/* 1 if the glob matches any op of the registry. */
int frti_suite_matches(const char *glob);

#endif
