/* Prints fluidrt/op_index.h: for every op the index of each slot and attribute. */
#include <ctype.h>
#include <stdio.h>

#include "fluidrt/op.h"

#define FRTI_ROW(table) extern const frt_op_schema_t table[];
#include "ops.inc"
#undef FRTI_ROW

static const frt_op_schema_t *const tables[] = {
#define FRTI_ROW(table) table,
#include "ops.inc"
#undef FRTI_ROW
    NULL};

static void put_name(FILE *f, const char *text) {
  for (; *text; ++text)
    fputc(isalnum((unsigned char)*text) ? toupper((unsigned char)*text) : '_', f);
}

static void put(FILE *f, const char *op, const char *kind, const char *name, int index) {
  fputs("  FRT_", f);
  put_name(f, op);
  fprintf(f, "_%s_", kind);
  put_name(f, name);
  fprintf(f, " = %d,\n", index);
}

static void put_op(FILE *f, const frt_op_schema_t *s) {
  fprintf(f, "/* %s */\nenum {\n", s->type);
  for (int i = 0; i < FRT_MAX_SLOTS && s->inputs[i].name; ++i)
    put(f, s->type, "IN", s->inputs[i].name, i);
  for (int i = 0; i < FRT_MAX_SLOTS && s->outputs[i].name; ++i)
    put(f, s->type, "OUT", s->outputs[i].name, i);
  for (int i = 0; i < FRT_MAX_ATTRS && s->attrs[i].name; ++i)
    put(f, s->type, "ATTR", s->attrs[i].name, i);
  put(f, s->type, "OP", "END", 0);
  fputs("};\n", f);
}

int main(int argc, char **argv) {
  FILE *f = argc == 2 ? fopen(argv[1], "w") : NULL;
  if (!f) {
    fprintf(stderr, "usage: op_index_gen FILE\n");
    return 1;
  }
  fputs("/* Generated from the op schemas: do not edit. */\n"
        "#ifndef FLUIDRT_OP_INDEX_H\n#define FLUIDRT_OP_INDEX_H\n\n", f);
  for (int t = 0; tables[t]; ++t)
    for (const frt_op_schema_t *s = tables[t]; s->type; ++s) put_op(f, s);
  fputs("\n#endif\n", f);
  return fclose(f) != 0;
}
