/* The command `fluidrt`: finds the verb and hands over. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct verb {
  const char *name, *what;
  int (*run)(int argc, char **argv);
} verb_t;

static const verb_t VERBS[] = {
    {"new", "write the programs of a model", frti_cli_new},
    {"run", "run a program once, with feeds, fetches and stored variables", frti_cli_run},
    {"train", "run a training program over data, step by step", frti_cli_train},
    {"verify", "run recorded cases and compare with what PaddlePaddle computed",
        frti_cli_verify},
    {"inspect", "say what is in a program or a tensor file", frti_cli_inspect},
    {"check", "list everything that is wrong with a program", frti_cli_check},
    {"convert", "write a program or parameters in another format", frti_cli_convert},
    {"prune", "keep what a fetch list needs", frti_cli_prune},
    {"export", "write a trained program as a folder for inference", frti_cli_export},
    {"providers", "list execution providers, and why one cannot be used",
        frti_cli_providers},
    {"ops", "list or describe the operators", frti_cli_ops},
    {"explain", "say which op runs where and why, and what memory it takes",
        frti_cli_explain},
    {"conform", "certify an execution provider", frti_cli_conform},
};
enum { N_VERBS = sizeof VERBS / sizeof VERBS[0] };

static void help(FILE *to) {
  fputs("Usage: fluidrt VERB [OPTION...] [ARGUMENT...]\n\n", to);
  for (size_t i = 0; i < N_VERBS; ++i)
    fprintf(to, "  %-10s %s\n", VERBS[i].name, VERBS[i].what);
  fputs(
      "\n`fluidrt VERB --help` tells more about a verb.\n"
      "Exit status: 0 done, 1 the answer is no, 64 usage, 65 malformed or unsupported\n"
      "input, 66 input not found, 69 provider or device unavailable, 70 internal error,\n"
      "71 out of memory, 73 cannot create, 74 cannot write, 130 interrupted.\n",
      to);
}

static int unknown_verb(const char *word) {
  const char *names[N_VERBS], *near;
  for (size_t i = 0; i < N_VERBS; ++i) names[i] = VERBS[i].name;
  near = frti_cli_nearest(word, names, N_VERBS);
  if (near)
    fprintf(stderr, "fluidrt: no verb '%s'; did you mean '%s'?\n", word, near);
  else
    fprintf(stderr, "fluidrt: no verb '%s'; `fluidrt --help` lists them\n", word);
  return CLI_USAGE;
}

static int call(const verb_t *verb, int argc, char **argv) {
  char *name = frti_cli_text("fluidrt %s", verb->name);
  int code;
  argv[1] = name;
  code = verb->run(argc - 1, argv + 1);
  free(name);
  if (fflush(stdout) || ferror(stdout)) {
    if (code == CLI_OK) {
      fputs("fluidrt: cannot write to standard output\n", stderr);
      code = CLI_CANNOT_WRITE;
    }
  }
  return code;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    help(stderr);
    return CLI_USAGE;
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
    help(stdout);
    return CLI_OK;
  }
  if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
    printf("fluidrt %s\n", frt_version());
    return CLI_OK;
  }
  for (size_t i = 0; i < N_VERBS; ++i)
    if (!strcmp(argv[1], VERBS[i].name)) return call(&VERBS[i], argc, argv);
  return unknown_verb(argv[1]);
}
