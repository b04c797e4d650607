/* fluidrt ops: the operators, listed or described from their schemas. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *op, *format;
} args_t;

enum { KEY_FORMAT = 0x2001 };

static const struct argp_option OPTIONS[] = {
    {"format", KEY_FORMAT, "md|json", 0, "The whole description, as Markdown or JSON"},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_FORMAT:
      if (strcmp(arg, "md") && strcmp(arg, "json"))
        argp_error(state, "--format '%s': wanted md or json", arg);
      a->format = arg;
      return 0;
    case ARGP_KEY_ARG:
      if (a->op) argp_error(state, "one OP at a time: '%s' and '%s'", a->op, arg);
      a->op = arg;
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int unknown_op(const args_t *a) {
  const char *near = frt_op_nearest(a->op);
  return near ? frti_cli_fail(
                    &a->cli, CLI_USAGE, "no op '%s'; did you mean '%s'?", a->op, near)
              : frti_cli_fail(
                    &a->cli, CLI_USAGE, "no op '%s'; `fluidrt ops` lists them", a->op);
}

static void list_ops(void) {
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frt_op_schema_t *op = frt_op_at(i);
    printf("%-34s %s\n", op->type, op->doc ? op->doc : "");
  }
  printf("%zu ops\n", frt_op_count());
}

int frti_cli_ops(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "[OP]",
      "Lists the operators, or describes one.", frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "ops"}};
  frt_error_t err = FRT_ERROR_INIT;
  const frt_op_schema_t *op = NULL;
  char *text = NULL;
  bool json;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  json = a.cli.json || (a.format && !strcmp(a.format, "json"));
  if (a.op && !(op = frt_op_find(a.op))) return unknown_op(&a);
  if (!a.op && !json && !a.format) {
    list_ops();
    return CLI_OK;
  }
  if (frt_op_document(op, json, &text, &err)) return frti_cli_error(&a.cli, a.op, &err);
  fputs(text, stdout);
  if (text[0] && text[strlen(text) - 1] != '\n') putchar('\n');
  frt_free(text);
  return CLI_OK;
}
