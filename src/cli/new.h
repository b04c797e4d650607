/* fluidrt new: the models it knows, and what can be said about them. */
#ifndef FRTI_NEW_H
#define FRTI_NEW_H

#include "cli.h"

enum { FRTI_CLI_LAYERS = 8 };

/* Options, one bit each: which ones a model takes, which ones were given. */
enum {
  NEW_FEATURES = 1 << 0,
  NEW_HIDDEN = 1 << 1,
  NEW_CLASSES = 1 << 2,
  NEW_VOCAB = 1 << 3,
  NEW_WIDTH = 1 << 4,
  NEW_TOKENS = 1 << 5,
  NEW_BATCH = 1 << 6,
  NEW_OPTIMIZER = 1 << 7,
  NEW_LR = 1 << 8,
  NEW_MOMENTUM = 1 << 9,
  NEW_LARS_COEFF = 1 << 10,
  NEW_L2 = 1 << 11,
  NEW_CLIP = 1 << 12,
  NEW_SEED = 1 << 13,
  NEW_UPDATE = NEW_OPTIMIZER | NEW_LR | NEW_MOMENTUM | NEW_LARS_COEFF | NEW_L2 | NEW_CLIP |
               NEW_SEED
};

typedef struct frti_cli_net {
  unsigned given;
  int64_t features, classes, vocab, width, tokens; /* 0: the model's default */
  int64_t batch;                                   /* -1: any */
  int64_t hidden[FRTI_CLI_LAYERS];
  size_t n_hidden;
  frt_optimizer_kind_t optimizer;
  double lr, momentum, lars_coeff, l2, clip; /* where given */
  int32_t seed;
} frti_cli_net_t;

/* Builds startup and main into the builder's programs; *test, where the model has one,
 * is made before the gradients. The defaults of `net` are filled in. */
typedef frt_status_t (*frti_cli_build_t)(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err);

typedef struct frti_cli_model {
  const char *name, *folder, *what;
  unsigned takes;
  frti_cli_build_t build;
} frti_cli_model_t;

extern const frti_cli_model_t frti_cli_models[];
enum { FRTI_CLI_MODELS = 6 };

typedef struct frti_cli_optimizer_name {
  const char *name;
  frt_optimizer_kind_t kind;
  double lr, momentum; /* where none is given */
} frti_cli_optimizer_name_t;

extern const frti_cli_optimizer_name_t frti_cli_optimizers[];
enum { FRTI_CLI_OPTIMIZERS = 11 };

#endif
