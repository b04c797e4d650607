/* --feed-shape NAME=2,3: feeds that have a shape and no contents yet. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void frti_cli_shape_option(
    struct argp_state *state, char *arg, frti_cli_list_t *names, frti_cli_list_t *shapes) {
  char *equals = strchr(arg, '=');
  if (!equals || equals == arg)
    argp_error(state, "--feed-shape '%s': wanted NAME=2,3", arg);
  *equals = 0;
  frti_cli_list_add(names, arg);
  frti_cli_list_add(shapes, equals + 1);
}

int frti_cli_feed_shape(const frti_cli_t *cli, const char *program, const frt_program_t *p,
    const char *name, const char *shape, frt_feed_t *out) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_var_info_t v;
  int64_t dims[FRT_MAX_RANK];
  uint32_t rank = 0;
  const char *at = shape;
  while (*at) {
    char *end = NULL;
    const long long extent = strtoll(at, &end, 10);
    if (end == at || extent < 0 || rank == FRT_MAX_RANK || (*end && *end != ','))
      return frti_cli_fail(cli, CLI_USAGE,
          "--feed-shape %s=%s: wanted extents such as 2,3", name, shape);
    dims[rank++] = extent;
    at = *end ? end + 1 : end;
  }
  if (frt_program_find_var(p, 0, name, &v, &err)) {
    err.phase = FRT_PHASE_FEED;
    return frti_cli_error(cli, program, &err);
  }
  out->name = name;
  if (frt_tensor_create(
          v.dtype < 0 ? FRT_F32 : (frt_dtype_t)v.dtype, rank, dims, &out->tensor, &err))
    return frti_cli_error(cli, name, &err);
  return CLI_OK;
}
