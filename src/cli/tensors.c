/* Tensors for people and for JSON, and the names of their files. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

static double half(uint16_t h) {
  const int sign = h >> 15, exponent = (h >> 10) & 31, fraction = h & 1023;
  double v = exponent == 31 ? (fraction ? NAN : INFINITY)
             : exponent     ? ldexp(1024 + fraction, exponent - 25)
                            : ldexp(fraction, -24);
  return sign ? -v : v;
}

static double brain(uint16_t h) {
  const uint32_t bits = (uint32_t)h << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return (double)f;
}

double frti_cli_element(const frt_tensor_t *t, int64_t i) {
  const void *data = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_F32:
      return (double)((const float *)data)[i];
    case FRT_F64:
      return ((const double *)data)[i];
    case FRT_I64:
      return (double)((const int64_t *)data)[i];
    case FRT_I32:
      return ((const int32_t *)data)[i];
    case FRT_I16:
      return ((const int16_t *)data)[i];
    case FRT_I8:
      return ((const int8_t *)data)[i];
    case FRT_U8:
    case FRT_BOOL:
      return ((const uint8_t *)data)[i];
    case FRT_F16:
      return half(((const uint16_t *)data)[i]);
    case FRT_BF16:
      return brain(((const uint16_t *)data)[i]);
    default:
      return NAN;
  }
}

static void print_element(FILE *to, const frt_tensor_t *t, int64_t i) {
  switch (frt_tensor_dtype(t)) {
    case FRT_F32:
      fprintf(to, "%.9g", frti_cli_element(t, i));
      return;
    case FRT_F64:
      fprintf(to, "%.17g", frti_cli_element(t, i));
      return;
    case FRT_F16:
    case FRT_BF16:
      fprintf(to, "%.5g", frti_cli_element(t, i));
      return;
    case FRT_I64:
      fprintf(to, "%lld", (long long)((const int64_t *)frt_tensor_data(t))[i]);
      return;
    case FRT_BOOL:
      fputs(frti_cli_element(t, i) != 0 ? "true" : "false", to);
      return;
    default:
      fprintf(to, "%.0f", frti_cli_element(t, i));
      return;
  }
}

void frti_cli_print_tensor(FILE *to, const char *name, const frt_tensor_t *t) {
  enum { EDGE = 3, WHOLE_ROW = 16, WHOLE = 64 };
  const uint32_t rank = frt_tensor_rank(t);
  const int64_t n = frt_tensor_numel(t);
  const int64_t row = rank ? frt_tensor_dims(t)[rank - 1] : 1;
  const int64_t rows = row ? n / row : 0;
  char dims[160];
  fprintf(to, "%s %s %s\n", name, frt_dtype_name((uint32_t)frt_tensor_dtype(t)),
      frti_cli_dims(dims, sizeof dims, rank, frt_tensor_dims(t)));
  for (int64_t r = 0; r < rows; ++r) {
    if (n > WHOLE && rows > 2 * EDGE && r == EDGE) {
      fprintf(to, "  ... (%lld more rows)\n", (long long)(rows - 2 * EDGE));
      r = rows - EDGE;
    }
    fputs("  ", to);
    for (int64_t c = 0; c < row; ++c) {
      if (row > WHOLE_ROW && n > WHOLE && c == EDGE) {
        fputs("... ", to);
        c = row - EDGE;
      }
      print_element(to, t, r * row + c);
      fputc(c + 1 < row ? ' ' : '\n', to);
    }
  }
}

json_t *frti_cli_json_tensor(const char *name, const frt_tensor_t *t) {
  json_t *o = json_object(), *values = json_array();
  const frt_dtype_t dtype = frt_tensor_dtype(t);
  json_object_set_new(o, "name", json_string(name));
  json_object_set_new(o, "dtype", json_string(frt_dtype_name((uint32_t)dtype)));
  json_object_set_new(
      o, "dims", frti_cli_json_dims(frt_tensor_rank(t), frt_tensor_dims(t)));
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i) {
    const double v = frti_cli_element(t, i);
    json_t *e;
    if (dtype == FRT_BOOL)
      e = json_boolean(v != 0);
    else if (dtype == FRT_I64)
      e = json_integer(((const int64_t *)frt_tensor_data(t))[i]);
    else if (FRT_DTYPE_BIT(dtype) &
             (FRT_FLOATS | FRT_DTYPE_BIT(FRT_F16) | FRT_DTYPE_BIT(FRT_BF16)))
      e = frti_cli_json_number(v);
    else
      e = json_integer((json_int_t)v);
    json_array_append_new(values, e);
  }
  json_object_set_new(o, "values", values);
  return o;
}

char *frti_cli_npy_path(const char *dir, const char *name) {
  char file[4096];
  if (frt_name_to_file(name, file, sizeof file, NULL))
    snprintf(file, sizeof file, "unnamed");
  return frti_cli_text("%s%s%s.npy", dir, dir[0] ? "/" : "", file);
}

int frti_cli_make_dir(const frti_cli_t *cli, const char *dir) {
  char *path = frti_cli_strdup(dir);
  int code = CLI_OK;
  struct stat st;
  for (char *p = path + 1; *path; ++p) {
    const char c = *p;
    if (c && c != '/') continue;
    *p = 0;
    if (mkdir(path, 0777) && errno != EEXIST && errno != EISDIR) break;
    *p = c;
    if (!c) break;
  }
  if (stat(dir, &st) || !S_ISDIR(st.st_mode))
    code = frti_cli_fail(cli, CLI_CANNOT_CREATE, "%s: the folder cannot be made: %s", dir,
        errno ? strerror(errno) : "there is a file of that name");
  free(path);
  return code;
}
