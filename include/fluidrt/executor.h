/* Executors: a runtime and an ordered list of places. `run` plans a program once
 * per (program version, feeds and their shapes, fetches, options) and from the
 * second run on allocates nothing.
 * One executor runs one program at a time; parallelism is several executors. */
#ifndef FLUIDRT_EXECUTOR_H
#define FLUIDRT_EXECUTOR_H

#include "fluidrt/program.h"
#include "fluidrt/runtime.h"
#include "fluidrt/scope.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_executor frt_executor_t;

typedef struct frt_pin { /* forces one op of block `block` to a listed place */
  int32_t block, op;
  const char *place;
} frt_pin_t;

typedef struct frt_executor_options {
  uint32_t struct_size;
  uint64_t seed;      /* for ops whose seed is 0; 0 = 1 */
  int no_fuse;        /* run Fluid's decomposition op by op */
  const frt_pin_t *pins;
  size_t n_pins;
  uint64_t max_memory; /* bytes a plan may need on one device; 0 = no limit */
  uint64_t first_run; /* number of the first run, for draws with seed 0: resuming */
  int check_nan;      /* look for NaN and infinity after every op, and before one that
                         updates in place (OUT_OF_RANGE) */
  int no_reuse;       /* every value gets memory of its own: for finding faults */
  int check_provider; /* run every kernel between guards, in poisoned memory; INTERNAL
                         (phase PROVIDER) names the first that breaks the contract. Slow */
  int check_plans;    /* prove each plan before it runs (INTERNAL); debug builds always do */
  int explain_only;   /* devices that are not there do not hinder; nothing can be run */
  int spread;         /* op i asks place i % n first: for finding faults of copies */
  uint32_t max_plans; /* kept, the least recently used goes; 0 = 16 */
} frt_executor_options_t;

/* places: "cpu,reference", "cpu", "cuda:1,cpu", "./mine.so,cpu" ...; NULL =
 * "cpu,reference". An op runs on the first place that says yes; one place alone is strict.
 * Of several, one whose device or driver is not here is skipped, with a warning in the log.
 * Errors: INVALID_ARGUMENT the list; NOT_FOUND no such provider; UNAVAILABLE none of the
 *   places is here (of the first), or a module given by its path does not load. */
FRT_API frt_status_t frt_executor_create(frt_runtime_t *rt, const char *places,
    const frt_executor_options_t *options, frt_executor_t **out, frt_error_t *err);
/* A run in progress on another thread is cancelled, and its end awaited. */
FRT_API void frt_executor_release(frt_executor_t *exe);

typedef struct frt_feed {
  const char *name;
  frt_tensor_t *tensor; /* borrowed for the call, read only */
} frt_feed_t;

/* A variable by name, or (var NULL) operator `op` of block `block`. */
typedef struct frt_fetch {
  const char *var;
  int32_t block, op;
} frt_fetch_t;

typedef struct frt_run_options {
  uint32_t struct_size;
  int use_prune; /* Fluid's use_prune, repaired; forced by operators in the list */
} frt_run_options_t;

/* Runs block 0 of `program` once and returns the variables named in `fetch`.
 *   feed   any variable of block 0; shape and dtype as declared (-1: any extent).
 *   out    n_fetch tensors in fetch order, values at the end of the run; operators
 *          give NULL. An entry that is not NULL and fits is overwritten, otherwise
 *          it is released and replaced. NULL when n_fetch is 0.
 * Runs every op that a fetch or a persistable needs. Blocks until results are on
 * the host. On failure `out` is as it was; persistables may be partly updated
 * (frt_scope_partly_updated).
 * Errors: NOT_FOUND a feed or fetch (nearest name); INVALID_ARGUMENT shape, dtype or
 *   program; FAILED_PRECONDITION missing feeds or uninitialized variables (all are
 *   listed); UNIMPLEMENTED no listed place has a kernel (all ops are listed);
 *   OUT_OF_RANGE an id or label, or with check_nan a value (op, output, position); RESOURCE_EXHAUSTED memory; BUSY the scope.
 * Source: Paddle 1.8 Executor.run. */
FRT_API frt_status_t frt_executor_run(frt_executor_t *exe,
    const frt_program_t *program, frt_scope_t *scope, const frt_feed_t *feed,
    size_t n_feed, const frt_fetch_t *fetch, size_t n_fetch, frt_tensor_t **out,
    const frt_run_options_t *options, frt_error_t *err);

/* Which op runs where, why not elsewhere, what was pruned, fused and copied, which
 * fallbacks cost most, and the peak memory: text (json 0), JSON (1; its members:
 * src/runtime/explain_json.c), or the fallbacks alone, worst first, a line each (2); for
 * frt_free. Nothing is run. If ops of `program` were timed (frt_executor_time_ops), what
 * they took stands beside what was predicted.
 * scope may be NULL (then declared shapes count). Unknown extents of feeds that are
 * not given count as `batch`.
 * Errors: as frt_executor_run, but unplaceable ops are reported, not refused. */
FRT_API frt_status_t frt_executor_explain(frt_executor_t *exe,
    const frt_program_t *program, frt_scope_t *scope, const frt_feed_t *feed,
    size_t n_feed, const frt_fetch_t *fetch, size_t n_fetch, int64_t batch,
    const frt_run_options_t *options, int json, char **text, frt_error_t *err);

/* Figures of the last run's plan and of the plan cache. */
typedef struct frt_executor_stats {
  uint32_t struct_size;
  uint64_t runs, plans_built, plans_evicted;
  uint64_t ops, copies;          /* of the last run's plan, bodies counted once */
  uint64_t bind_copies;          /* made by the last run: mirrors brought over */
  uint64_t peak_bytes;           /* planned: temporaries and persistables */
  uint64_t fallback_ops;         /* not on the first place */
  uint64_t waits;                /* of the host for a device, in that plan; a loop's once */
} frt_executor_stats_t;
FRT_API void frt_executor_stats(const frt_executor_t *exe, frt_executor_stats_t *out);

/* From the next run on (on 1) or no more (0), measures what each op takes; an op on a
 * device with queues is waited for, so that its time is its own. Between runs. */
FRT_API void frt_executor_time_ops(frt_executor_t *exe, int on);

typedef struct frt_op_time {
  int32_t block, op;       /* in the loaded program; a fused op is where its parts end */
  const char *type, *place; /* lent by the executor */
  uint64_t runs, ns;       /* measured so far, all of them together */
  uint64_t slowest_ns;     /* of one run */
} frt_op_time_t;
/* What the measured runs of `program` took by op, in the order they run: an array of *n
 * for frt_free. Plans that were evicted are forgotten. Between runs.
 * Errors: RESOURCE_EXHAUSTED memory. */
FRT_API frt_status_t frt_executor_op_times(const frt_executor_t *exe,
    const frt_program_t *program, frt_op_time_t **out, size_t *n, frt_error_t *err);

/* One action of a run, as it happened. Strings are lent for the call. */
enum { FRT_TRACE_KERNEL = 0, FRT_TRACE_COPY = 1, FRT_TRACE_WAIT = 2 };
typedef struct frt_trace_span {
  uint32_t struct_size, kind;
  const char *name;          /* the op's type; of a copy the variable */
  const char *place;         /* whose kernel or queue it is; "host" */
  const char *from, *to;     /* copies: memories; else NULL */
  int32_t block, op;         /* copies, waits: of the op they are for; op -1: a fetch */
  int32_t made_block, made_op; /* copies: what made the value; op -1: a feed, the scope */
  uint64_t run, bytes;       /* number of the run; of a copy */
  uint64_t begin_ns, end_ns; /* of a monotonic clock */
} frt_trace_span_t;
/* From the next run on calls `fn` after each action, on the thread that runs; NULL: no
 * more. What goes to a queue is waited for, so that a span is what its action took; runs
 * are slower and give the same bits. Between runs. */
FRT_API void frt_executor_trace(frt_executor_t *exe,
    void (*fn)(void *ctx, const frt_trace_span_t *span), void *ctx);

/* Asks a run in progress to stop after the op it is at (CANCELLED). Any thread,
 * signal handlers included. Cleared when that run returns. */
FRT_API void frt_executor_cancel(frt_executor_t *exe);

#ifdef __cplusplus
}
#endif
#endif
