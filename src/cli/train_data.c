/* Arrays of an .npz file (or of a folder of .npy files) as the feeds of a program. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

typedef struct arrays {
  frti_cli_list_t names;
  frt_tensor_t **tensors;
} arrays_t;

static void release_arrays(arrays_t *a) {
  for (size_t i = 0; i < a->names.n; ++i) frt_tensor_release(a->tensors[i]);
  free(a->tensors);
  frti_cli_list_release(&a->names);
}

static int read_arrays(const frti_cli_t *cli, const char *path, arrays_t *out) {
  frt_error_t err = FRT_ERROR_INIT;
  frti_cli_files_t *files = NULL;
  frti_cli_list_t entries = {0};
  int code = CLI_OK;
  if (frti_cli_files_open(path, &files, &err)) return frti_cli_error(cli, path, &err);
  frti_cli_files_list(files, "", &entries);
  out->tensors = frti_cli_alloc((entries.n + 1) * sizeof *out->tensors);
  for (size_t i = 0; !code && i < entries.n; ++i) {
    if (!frti_cli_ends_with(entries.items[i], ".npy")) continue;
    if (frti_cli_files_npy(files, entries.items[i], &out->tensors[out->names.n], &err)) {
      code = frti_cli_error(cli, path, &err);
    } else {
      char *name = frti_cli_strdup(entries.items[i]);
      name[strlen(name) - 4] = 0;
      frti_cli_list_add(&out->names, name);
      free(name);
    }
  }
  if (!code && !out->names.n)
    code = frti_cli_fail(cli, CLI_DATA, "%s: holds no arrays (.npy)", path);
  frti_cli_list_release(&entries);
  frti_cli_files_close(files);
  return code;
}

static bool is_float(int64_t dtype) {
  return dtype >= 0 && dtype < 32 && (FRT_DTYPE_BIT(dtype) & FRT_FLOATS) != 0;
}

/* Elements of one row of a feed as declared; 0 if an extent is open. */
static int64_t declared_row(const frt_var_info_t *v) {
  int64_t n = 1;
  for (uint32_t i = 1; i < v->rank; ++i) n *= v->dims[i] > 0 ? v->dims[i] : 0;
  return n;
}

static int64_t rows_of(const frt_tensor_t *t) {
  return frt_tensor_rank(t) ? frt_tensor_dims(t)[0] : 0;
}

/* Whether an array can be this feed: rows of the same size, whole numbers for a whole
 * number feed, anything but int64 labels for a float feed. */
static bool fits(const frt_var_info_t *v, const frt_tensor_t *t) {
  const int64_t row = declared_row(v), rows = rows_of(t);
  const bool whole = (FRT_DTYPE_BIT(frt_tensor_dtype(t)) & FRT_INTS) != 0;
  if (rows < 1 || (row && frt_tensor_numel(t) != rows * row)) return false;
  return is_float(v->dtype) ? !whole : whole;
}

/* uint8 pictures become 0 .. 1: they are divided by their largest value. */
static double automatic_scale(const frt_tensor_t *t) {
  double largest = 0;
  if (frt_tensor_dtype(t) != FRT_U8) return 1;
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i)
    if (frti_cli_element(t, i) > largest) largest = frti_cli_element(t, i);
  return largest > 0 ? largest : 1;
}

/* Which array is feed `name`, and by what it is divided; -1 after an error line. */
static int64_t choose(const frti_cli_t *cli, const frti_cli_data_options_t *o,
    const frt_var_info_t *v, const arrays_t *all, double *scale) {
  const size_t n = strlen(v->name);
  int64_t found = -1;
  for (size_t m = 0; m < o->maps->n; ++m) {
    const char *map = o->maps->items[m], *array = map + n + 1, *slash;
    if (strncmp(map, v->name, n) || map[n] != '=') continue;
    slash = strrchr(array, '/');
    *scale = slash ? strtod(slash + 1, NULL) : 1;
    for (size_t i = 0; i < all->names.n; ++i)
      if (!strncmp(all->names.items[i], array,
              slash ? (size_t)(slash - array) : strlen(array) + 1) &&
          (!slash || strlen(all->names.items[i]) == (size_t)(slash - array)))
        return (int64_t)i;
    frti_cli_fail(cli, CLI_USAGE, "--map %s: %s has no such array", map, o->file);
    return -1;
  }
  for (size_t i = 0; i < all->names.n; ++i) {
    if (!fits(v, all->tensors[i])) continue;
    if (found >= 0) {
      frti_cli_fail(cli, CLI_USAGE, "feed '%s' could be '%s' or '%s': say --map %s=ARRAY",
          v->name, all->names.items[found], all->names.items[i], v->name);
      return -1;
    }
    found = (int64_t)i;
    *scale = automatic_scale(all->tensors[i]);
  }
  if (found < 0)
    frti_cli_fail(cli, CLI_USAGE, "no array of %s fits feed '%s': say --map %s=ARRAY",
        o->file, v->name, v->name);
  return found;
}

static void convert_element(
    frt_tensor_t *to, int64_t i, const frt_tensor_t *from, double scale) {
  void *data = frt_tensor_data(to);
  const double v = frti_cli_element(from, i) / scale;
  switch (frt_tensor_dtype(to)) {
    case FRT_F32:
      ((float *)data)[i] = (float)v;
      break;
    case FRT_F64:
      ((double *)data)[i] = v;
      break;
    case FRT_I64:
      ((int64_t *)data)[i] = llrint(v);
      break;
    case FRT_I32:
      ((int32_t *)data)[i] = (int32_t)lrint(v);
      break;
    default:
      break;
  }
}

/* The whole array in the feed's dtype and shape. */
static frt_tensor_t *convert(const frti_cli_t *cli, const frt_var_info_t *v,
    const frt_tensor_t *from, double scale) {
  int64_t dims[FRT_MAX_RANK] = {rows_of(from)};
  const int64_t row = declared_row(v);
  const uint32_t rank = row ? v->rank : frt_tensor_rank(from);
  const uint32_t ok = FRT_FLOATS | FRT_INTS;
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL;
  if (!v->rank || v->dtype < 0 || v->dtype > 31 || !(FRT_DTYPE_BIT(v->dtype) & ok) ||
      !(scale > 0) || (row && frt_tensor_numel(from) != dims[0] * row)) {
    frti_cli_fail(cli, CLI_DATA,
        "feed '%s': the array does not fit its declared type and shape", v->name);
    return NULL;
  }
  for (uint32_t i = 1; i < rank; ++i)
    dims[i] = row ? v->dims[i] : frt_tensor_dims(from)[i];
  if (frt_tensor_create((frt_dtype_t)v->dtype, rank, dims, &t, &err)) {
    frti_cli_error(cli, v->name, &err);
    return NULL;
  }
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i) convert_element(t, i, from, scale);
  return t;
}

static int make_feeds(const frti_cli_t *cli, const frti_cli_data_options_t *o,
    const frt_program_t *program, const arrays_t *all, frti_cli_data_t *d) {
  frti_cli_feeds(program, &d->names);
  if (!d->names.n) return frti_cli_fail(cli, CLI_DATA, "the program has no feeds");
  d->arrays = frti_cli_alloc(d->names.n * sizeof *d->arrays);
  for (size_t i = 0; i < d->names.n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_var_info_t v;
    double scale = 1;
    int64_t array;
    if (frt_program_find_var(program, 0, d->names.items[i], &v, &err))
      return frti_cli_error(cli, NULL, &err);
    array = choose(cli, o, &v, all, &scale);
    if (array < 0) return CLI_USAGE;
    d->arrays[i] = convert(cli, &v, all->tensors[array], scale);
    if (!d->arrays[i]) return CLI_DATA;
    if (!i) d->n_rows = rows_of(d->arrays[0]);
    if (rows_of(d->arrays[i]) != d->n_rows)
      return frti_cli_fail(cli, CLI_DATA, "%s: '%s' has %lld rows, '%s' %lld", o->file,
          d->names.items[i], (long long)rows_of(d->arrays[i]), d->names.items[0],
          (long long)d->n_rows);
  }
  return CLI_OK;
}

int frti_cli_data_load(const frti_cli_t *cli, const frti_cli_data_options_t *options,
    const frt_program_t *program, frti_cli_data_t *out) {
  arrays_t all = {0};
  int code = read_arrays(cli, options->file, &all);
  memset(out, 0, sizeof *out);
  if (!code) code = make_feeds(cli, options, program, &all, out);
  release_arrays(&all);
  if (code) return code;
  out->n_test = (int64_t)ceil(options->test_share * (double)out->n_rows);
  out->n_train = out->n_rows - out->n_test;
  if (out->n_train < 1 || out->n_rows > INT32_MAX)
    return frti_cli_fail(
        cli, CLI_USAGE, "%lld rows leave none to train on", (long long)out->n_rows);
  out->order = frti_cli_alloc((size_t)out->n_rows * sizeof *out->order);
  frti_cli_shuffle_seed(&out->batches, options->split_seed);
  frti_cli_shuffle_permutation(&out->batches, out->order, out->n_rows);
  frti_cli_shuffle_seed(&out->batches, options->shuffle_seed);
  return CLI_OK;
}

void frti_cli_data_release(frti_cli_data_t *d) {
  for (size_t i = 0; d->arrays && i < d->names.n; ++i) frt_tensor_release(d->arrays[i]);
  free(d->arrays);
  free(d->order);
  frti_cli_list_release(&d->names);
}

frt_tensor_t *frti_cli_data_buffer(const frti_cli_data_t *d, size_t i, int64_t rows) {
  int64_t dims[FRT_MAX_RANK];
  const uint32_t rank = frt_tensor_rank(d->arrays[i]);
  frt_tensor_t *t = NULL;
  memcpy(dims, frt_tensor_dims(d->arrays[i]), rank * sizeof *dims);
  dims[0] = rows;
  return frt_tensor_create(frt_tensor_dtype(d->arrays[i]), rank, dims, &t, NULL) ? NULL
                                                                                 : t;
}

static void copy_row(
    const frti_cli_data_t *d, frt_feed_t *feeds, int64_t to, int64_t from) {
  for (size_t i = 0; i < d->names.n; ++i) {
    const size_t bytes = frt_tensor_bytes(d->arrays[i]) / (size_t)d->n_rows;
    memcpy((char *)frt_tensor_data(feeds[i].tensor) + (size_t)to * bytes,
        (const char *)frt_tensor_data(d->arrays[i]) + (size_t)from * bytes, bytes);
  }
}

void frti_cli_data_draw(frti_cli_data_t *d, frt_feed_t *feeds, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r)
    copy_row(d, feeds, r,
        d->order[d->n_test +
                 frti_cli_shuffle_upto(&d->batches, (uint32_t)(d->n_train - 1))]);
}

void frti_cli_data_test(const frti_cli_data_t *d, frt_feed_t *feeds) {
  for (int64_t r = 0; r < d->n_test; ++r) copy_row(d, feeds, r, d->order[r]);
}
