/* A plan: one program made ready to run for given feeds, fetches, shapes and places.
 * Stages, each a file: build (prune, bind) -> shape -> place -> fuse -> alias -> copy
 * -> prepare -> memory -> wait; `verify` proves what they made. Everything lives in the plan's arena; a run touches nothing else.
 *
 * A *value* is a variable of the program; a *def* is one version of it (each write
 * makes one); its *storage* is where it lies in one memory space. A *node* is an op; an
 * *action* is what a run executes: a flat array with jumps. */
#ifndef FRTI_RUNTIME_PLAN_H
#define FRTI_RUNTIME_PLAN_H

#include "fluidrt/kernel.h"
#include "fluidrt/op.h"
#include "program/bind.h"
#include "runtime/internal.h"

enum { FRTI_MAX_PLACES = 8 };

typedef struct frti_value frti_value_t;
typedef struct frti_node frti_node_t;

/* A tensor as kernels see it, with room for its dims. */
typedef struct frti_tensor {
  frt_api_tensor_t t;
  int64_t dims[FRT_MAX_RANK];
  struct frti_tensor *next;
  struct frti_storage *of;  /* where its data lie */
} frti_tensor_t;

typedef struct frti_storage {
  uint32_t space;
  bool placed;              /* has an offset in the space's arena */
  uint64_t offset;
  frti_tensor_t *tensors;   /* all views of it: their data pointers are set at bind */
  struct frti_storage *next;
} frti_storage_t;

typedef struct frti_def {
  frti_value_t *value;
  frti_node_t *writer;      /* NULL: feed or scope */
  frti_node_t *user;        /* the last one that reads data */
  uint32_t data_uses;
  bool kept;                /* fetched, or the final value of a persistable */
} frti_def_t;

struct frti_value {
  const char *name;         /* interned in the program */
  int32_t owner;            /* the block that declares it */
  uint32_t id;
  const frti_var_t *var;
  frti_value_t *same_name;  /* the next value of this name, in another block */
  bool tensor, persistable, fed, fetched;
  bool dense_rows;          /* declared SELECTED_ROWS, run dense */
  frti_value_t *root;       /* whose storage it uses: itself, unless a view or in place */
  bool fetched_set;         /* some member of its set is fetched */
  bool fed_record;          /* a persistable that is fed: set in the scope first */
  bool read_first;          /* persistable whose value at the start is read */
  bool written;
  bool dirty;               /* written by what was planned so far */
  bool need_data, need_shape; /* liveness, walking backwards */
  bool shaped;              /* `shape` is known, walking forwards */
  frt_shape_t shape, start_shape;
  frti_def_t *def;          /* current version, walking forwards */
  uint32_t valid;           /* spaces that hold it, walking forwards; then the final set */
  uint32_t bind;            /* persistables: spaces wanted at the start */
  const frti_node_t *body_writer; /* the control op being planned whose body writes it */
  uint32_t body_space;      /* where that body writes it last */
  frti_node_t *last_writer; /* walking forward; then of the final version */
  frti_node_t *first_reader;
  int64_t first, last;      /* positions between which storage is held; -1: none yet */
  uint64_t bytes;           /* of the largest version */
  frti_storage_t *storage;
  frti_record_t *record;    /* bound persistables */
};

/* One argument of a node, slot by slot. */
typedef struct frti_arg {
  frti_value_t *value;
  frti_def_t *def;
} frti_arg_t;

typedef struct frti_slots {
  uint32_t n_slots, n_args;
  uint32_t count[FRT_MAX_SLOTS], at[FRT_MAX_SLOTS]; /* args[at .. at + count) */
  frti_arg_t *args;
  frt_shape_t *shapes;                 /* one per arg */
  frt_api_slot_t *api;                 /* n_slots */
  const frt_api_tensor_t **tensors;    /* one per arg: what api points at */
} frti_slots_t;

typedef enum frti_state {
  FRTI_LIVE = 0,
  FRTI_DEAD,      /* its outputs reach neither a fetch nor a persistable */
  FRTI_SHAPES,    /* only its shapes are needed */
  FRTI_FUSED,     /* part of another node */
  FRTI_HOLDER,    /* feed and fetch ops: the executor does them */
} frti_state_t;

typedef enum frti_control { FRTI_KERNEL = 0, FRTI_COND, FRTI_WHILE } frti_control_t;

typedef struct frti_candidate {
  const char *label;  /* place or provider */
  int32_t verdict, reason;
  bool listed;
  char detail[160];
} frti_candidate_t;

typedef struct frti_list {
  frti_node_t **v;
  uint32_t n;
} frti_list_t;

/* What a report says of an op that runs. */
typedef struct frti_facts {
  double cost, us;          /* predicted, in bytes (see explain_facts.c); measured, 0: not */
  uint32_t copies;          /* each run, because of where it runs */
  uint64_t copy_bytes;
} frti_facts_t;

struct frti_node {
  int32_t block, op;              /* in the loaded program */
  const frti_op_t *src;           /* NULL for a fused node */
  const frt_op_schema_t *schema;
  frti_bound_t bound;
  frti_control_t control;
  frti_state_t state;
  frti_slots_t in, out;
  frti_node_t *parent;            /* the control node whose body this is in */
  int32_t body_block;
  frti_list_t body;
  int32_t place;                  /* index in the executor's list, -1 = runtime */
  uint32_t support;               /* flags of the YES */
  frti_candidate_t *candidates;   /* only when explaining */
  uint32_t n_candidates;
  frti_node_t *into;              /* state FUSED */
  frti_list_t parts;              /* of a fused node */
  int64_t first, last;            /* positions */
  frt_api_op_t api;
  frt_prepared_t *prepared;
  frt_api_run_t run;
  uint64_t workspace, workspace_offset;
  frti_value_t *aside;            /* takes output 0 when it may not overlap its input */
  bool view;                      /* runs no kernel: its output is its input */
  frti_facts_t facts;
  bool draws;                     /* random with seed 0: rng_state set for each run */
};

typedef struct frti_copy {
  frti_value_t *value;
  frti_node_t *cause;             /* the reader; NULL: a fetch */
  frti_node_t *producer;          /* the last writer; NULL: a feed or the scope */
  const char *why;
  uint32_t from, to;
  int32_t place;                  /* whose queue does it; FRTI_BY_HOST: none */
  uint64_t bytes;
  frti_tensor_t *src, *dst;
} frti_copy_t;

/* WAIT: until a queue has done all that it was asked. */
typedef enum frti_action_kind {
  FRTI_RUN = 0, FRTI_RUN_RANDOM, FRTI_COPY, FRTI_WAIT, FRTI_JUMP_IF_FALSE, FRTI_JUMP
} frti_action_kind_t;

/* Who does an action: the calling thread, done when the call returns (devices that are
 * not ASYNC too), or the queue of a place, in its own time. */
enum { FRTI_BY_HOST = -1 };

typedef struct frti_action {
  frti_action_kind_t kind;
  uint32_t target;                /* jumps */
  int32_t by;                     /* a place's index, or FRTI_BY_HOST; WAIT: for whom */
  frti_node_t *node;              /* whose; NULL: of the fetches */
  frt_status_t (*run)(const frt_prepared_t *, const frt_api_run_t *, frt_error_t *);
  const frt_prepared_t *prepared;
  const frt_api_run_t *args;
  frti_copy_t *copy;
  const frti_tensor_t *cond;
  uint64_t runs, ns, slowest_ns;  /* where ops are timed */
} frti_action_t;

/* The place that an action asks; FRTI_BY_HOST: none. */
static inline int32_t frti_action_place(const frti_action_t *a) {
  return a->kind <= FRTI_RUN_RANDOM ? a->node->place
         : a->kind == FRTI_COPY     ? a->copy->place
         : a->kind == FRTI_WAIT     ? a->by
                                    : FRTI_BY_HOST;
}

typedef struct frti_feed_key {
  const char *name;
  uint32_t dtype, rank;
  int64_t dims[FRT_MAX_RANK];
  frti_value_t *value;            /* NULL: not used by this plan */
} frti_feed_key_t;

typedef struct frti_fetch_key {
  const char *var; /* NULL: operator */
  int32_t block, op;
  frti_value_t *value;
  frti_tensor_t *tensor;
  frt_tensor_t *fresh; /* made for the run in progress, where the caller's does not fit */
} frti_fetch_key_t;

typedef struct frti_place {
  char label[48];
  frti_device_t *device;
  frt_queue_t *queue;   /* NULL: the device is not there, see `absent` */
  frti_device_t absent; /* stands for it where nothing is run */
  char why[160];
} frti_place_t;

/* An entry of the list that is not here, where others are. */
typedef struct frti_skipped { char label[48], why[200]; } frti_skipped_t;

typedef struct frti_plan {
  frti_arena_t arena;
  frt_executor_t *exe;
  frt_program_t *loaded, *program;    /* the same unless pruned by use_prune */
  uint64_t uid, version;              /* of `loaded` when planned */
  bool use_prune, explain;
  int64_t batch;                      /* explain: stands for unknown extents */
  const uint32_t *origin;             /* block 0 op -> loaded op; NULL: the same */
  uint32_t n_loaded_ops;
  frti_feed_key_t *feeds;
  frti_fetch_key_t *fetches;
  size_t n_feeds, n_fetches;
  frti_value_t **by_name;             /* by name id */
  bool *bodies;                       /* by block: it is the body of an op */
  frti_value_t **values;
  uint32_t n_values;
  size_t values_cap;
  frti_list_t root;
  frti_action_t *actions;
  uint32_t n_actions;
  size_t actions_cap;
  frti_copy_t **copies;
  uint32_t n_copies;
  size_t copies_cap;
  uint64_t space_bytes[FRTI_MAX_SPACES]; /* arena wanted in each space */
  uint64_t base_version[FRTI_MAX_SPACES];
  uint64_t persistable_bytes;
  uint64_t fallback_ops, live_ops;
  frti_value_t **persistables;        /* those this plan touches */
  uint32_t n_persistables;
  uint32_t n_waits;
  uint32_t uses;                      /* places, as bits */
  bool writes, has_async;
  bool feeds_scope;                   /* a persistable is fed */
  frt_scope_t *scope;                 /* while building; NULL when explaining without */
  uint64_t scope_uid, scope_layout;   /* bound to; 0: not bound */
  uint64_t last_used;
} frti_plan_t;

struct frt_executor {
  frt_runtime_t *rt;
  frti_place_t places[FRTI_MAX_PLACES];
  uint32_t n_places;
  frti_skipped_t skipped[FRTI_MAX_PLACES];
  uint32_t n_skipped;
  char *list;
  uint64_t seed, max_memory;
  bool no_fuse, no_reuse, check_nan, check_provider, check_plans, spread, timed, explain_only;
  frt_pin_t *pins;
  size_t n_pins;
  frti_plan_t **plans;
  uint64_t *plan_uids;                /* of their programs: what is looked through */
  uint32_t n_plans, max_plans;
  uint64_t clock, runs, plans_built, plans_evicted, bind_copies;
  const frti_plan_t *last;
  void (*trace)(void *ctx, const frt_trace_span_t *span);
  void *trace_ctx;
  void *base[FRTI_MAX_SPACES];        /* arenas shared by the plans */
  uint64_t base_bytes[FRTI_MAX_SPACES], base_version[FRTI_MAX_SPACES];
  _Atomic int cancel;
  _Atomic int running;
  bool told_fallback;
};

typedef struct frti_plan_request {
  const frt_program_t *program;
  frt_scope_t *scope;
  const frt_feed_t *feed;
  size_t n_feed;
  const frt_fetch_t *fetch;
  size_t n_fetch;
  bool use_prune, explain;
  int64_t batch;
} frti_plan_request_t;

static inline frti_value_t *frti_root(frti_value_t *v) {
  while (v->root != v) v = v->root;
  return v;
}

static inline const frti_place_t *frti_node_place(const frti_plan_t *p,
                                                  const frti_node_t *n) {
  return n->place >= 0 ? &p->exe->places[n->place] : NULL;
}

#endif
