/* What a provider's table must keep, and how a breach is said. */
#include <stdlib.h>

#include "runtime/internal.h"

enum { MAX_KERNELS = 65536, MAX_STRIDE = 4096 };

/* What a provider must fill; offsets so that a missing one can be named. */
static const struct { const char *name; size_t offset; } mandatory[] = {
#define MUST(field) {#field, offsetof(frt_api_provider_t, field)}
    MUST(name), MUST(device_count), MUST(device_info), MUST(dev_open), MUST(dev_close),
    MUST(queue_open), MUST(queue_sync), MUST(queue_close), MUST(op_query),
    MUST(op_prepare), MUST(op_run), MUST(op_release)
#undef MUST
};

static frt_status_t check_entries(const frt_api_provider_t *api, frt_error_t *err) {
  char list[256] = "";
  for (size_t i = 0; i < FRTI_COUNT(mandatory); ++i) {
    const void *entry;
    memcpy(&entry, (const char *)api + mandatory[i].offset, sizeof entry);
    const size_t at = strlen(list);
    if (!entry)
      snprintf(list + at, sizeof list - at, "%s'%s'", at ? ", " : "", mandatory[i].name);
  }
  return list[0] ? frt_fail(err, FRT_ABI_MISMATCH, "provider table lacks %s", list) : FRT_OK;
}

/* Names stand in place lists ("cpu:1,./x.so") and in file names. */
static frt_status_t check_name(const char *name, frt_error_t *err) {
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  const size_t n = strnlen(name, 32), good = strspn(name, allowed);
  if (!n || n > 31)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider name must have 1 to 31 bytes; '%.31s%s'",
                    name, n > 31 ? "..." : "");
  if (good < n)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider name has byte 0x%02x at %zu; wanted "
                    "letters, digits, '_', '.' and '-'", (unsigned char)name[good], good);
  return FRT_OK;
}

static frt_status_t check_row(const frt_api_provider_t *api, uint32_t i,
                              const frt_api_kernel_decl_t *d, frt_error_t *err) {
  if (!d->type || !d->type[0] || strnlen(d->type, 48) > 47)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s': kernel row %u has %s", api->name, i,
                    !d->type ? "no op type" : "an op type without 1 to 47 bytes");
  if (!d->dtypes)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s': kernel row %u ('%s') claims no "
                    "dtype", api->name, i, d->type);
  if (d->ver_min > d->ver_max)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s': kernel row %u ('%s') is for op "
                    "versions %u to %u", api->name, i, d->type, d->ver_min, d->ver_max);
  return FRT_OK;
}

static int by_type(const void *a, const void *b) {
  return strcmp(((const frt_api_kernel_decl_t *)a)->type,
                ((const frt_api_kernel_decl_t *)b)->type);
}

/* Several rows of one op are for different dtypes. */
static frt_status_t check_twice(const frt_api_provider_t *api, frt_api_kernel_decl_t *rows,
                                frt_error_t *err) {
  uint32_t seen = 0;
  qsort(rows, api->n_kernels, sizeof *rows, by_type);
  for (uint32_t i = 0; i < api->n_kernels; ++i) {
    if (i && strcmp(rows[i - 1].type, rows[i].type)) seen = 0;
    if (seen & rows[i].dtypes)
      return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s' claims op '%s' twice for one dtype",
                      api->name, rows[i].type);
    seen |= rows[i].dtypes;
  }
  return FRT_OK;
}

static frt_status_t check_kernels(const frt_api_provider_t *api, frt_error_t *err) {
  if (!api->n_kernels) return FRT_OK;
  if (api->n_kernels > MAX_KERNELS)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "provider '%s' has %u kernel rows; at most %d",
                    api->name, api->n_kernels, MAX_KERNELS);
  if (!api->kernels)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s' has %u kernel rows, but no table",
                    api->name, api->n_kernels);
  if (api->kernel_stride < sizeof(frt_api_kernel_decl_t) || api->kernel_stride > MAX_STRIDE)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s': kernel_stride is %u; wanted %zu "
                    "to %d", api->name, api->kernel_stride, sizeof(frt_api_kernel_decl_t),
                    MAX_STRIDE);
  frt_api_kernel_decl_t *rows = frti_calloc(api->n_kernels, sizeof *rows);
  if (!rows) return frti_no_memory(err);
  frt_status_t status = FRT_OK;
  for (uint32_t i = 0; i < api->n_kernels && status == FRT_OK; ++i) {
    memcpy(&rows[i], (const char *)api->kernels + (size_t)i * api->kernel_stride,
           sizeof *rows);
    status = check_row(api, i, &rows[i], err);
  }
  if (status == FRT_OK) status = check_twice(api, rows, err);
  frti_free(rows);
  return status;
}

frt_status_t frti_provider_check(const frt_api_provider_t *api, frt_error_t *err) {
  if (api->size < offsetof(frt_api_provider_t, extension))
    return frt_fail(err, FRT_ABI_MISMATCH,
                    "provider table has %u bytes; wanted at least %zu", api->size,
                    offsetof(frt_api_provider_t, extension));
  FRT_TRY(check_entries(api, err));
  FRT_TRY(check_name(api->name, err));
  return check_kernels(api, err);
}
