/* Scopes: records by name, each with an authoritative copy and mirrors. */
#include <stdlib.h>

#include "runtime/internal.h"

static _Atomic uint64_t next_uid = 1;

frt_status_t frt_scope_create(frt_runtime_t *rt, frt_scope_t **out, frt_error_t *err) {
  frt_scope_t *s = frti_calloc(1, sizeof *s);
  *out = NULL;
  if (!s) return frti_no_memory(err);
  atomic_init(&s->refs, 1);
  s->rt = frt_runtime_retain(rt);
  s->uid = atomic_fetch_add(&next_uid, 1);
  frti_names_init(&s->names, &s->arena);
  *out = s;
  return FRT_OK;
}

frt_scope_t *frt_scope_retain(frt_scope_t *s) {
  if (s) atomic_fetch_add(&s->refs, 1);
  return s;
}

static void drop_buffers(frt_scope_t *s, frti_record_t *r) {
  for (uint32_t space = 0; space < FRTI_MAX_SPACES; ++space) {
    frti_space_free(s->rt, space, r->block[space]);
    r->block[space] = r->data[space] = NULL;
    r->cap[space] = 0;
  }
  r->valid = 0;
  r->initialized = false;
}

void frt_scope_release(frt_scope_t *s) {
  if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
  for (size_t i = 0; i < s->names.n; ++i)
    if (s->records[i]) drop_buffers(s, s->records[i]);
  frti_free(s->records);
  frti_names_release(&s->names);
  frti_arena_release(&s->arena);
  frt_runtime_release(s->rt);
  frti_free(s);
}

/* ---- one writer or many readers; never a wait ------------------------------------- */

frt_status_t frti_scope_enter(frt_scope_t *s, bool write, frt_error_t *err) {
  int32_t users = atomic_load(&s->users);
  do {
    if (users < 0 || (write && users > 0))
      return frt_fail(err, FRT_BUSY, "the scope is being %s by another run",
                      users < 0 ? "written" : "read");
  } while (!atomic_compare_exchange_weak(&s->users, &users, write ? -1 : users + 1));
  return FRT_OK;
}

void frti_scope_leave(frt_scope_t *s, bool write) {
  if (write) atomic_store(&s->users, 0);
  else atomic_fetch_sub(&s->users, 1);
}

/* ---- records ------------------------------------------------------------------------ */

frti_record_t *frti_scope_find(frt_scope_t *s, const char *name) {
  const char *known = frti_names_find(&s->names, name, strlen(name));
  return known ? s->records[frti_name_id(known)] : NULL;
}

static frt_status_t make_record(frt_scope_t *s, const char *name, frti_record_t **out) {
  const char *interned = frti_names_find(&s->names, name, strlen(name));
  if (!interned) {
    /* Room first: every name of the table has its entry, even if the rest fails. */
    if (!FRTI_GROW(s->records, s->names.n, s->cap)) return FRT_RESOURCE_EXHAUSTED;
    s->records[s->names.n] = NULL;
    interned = frti_names_add(&s->names, name, strlen(name));
  }
  if (!interned) return FRT_RESOURCE_EXHAUSTED;
  const uint32_t id = frti_name_id(interned);
  if (!s->records[id]) {
    frti_record_t *r = frti_arena_calloc(&s->arena, 1, sizeof *r);
    if (!r) return FRT_RESOURCE_EXHAUSTED;
    r->name = interned;
    s->records[id] = r;
    ++s->layout;
  }
  *out = s->records[id];
  return FRT_OK;
}

frt_status_t frti_scope_record(frt_scope_t *s, const char *name, frti_record_t **out,
                               frt_error_t *err) {
  return make_record(s, name, out) == FRT_OK ? FRT_OK : frti_no_memory(err);
}

frt_status_t frti_record_shape(frt_scope_t *s, frti_record_t *r, uint32_t dtype,
    uint32_t rank, const int64_t *dims, frt_error_t *err) {
  int64_t numel;
  size_t bytes;
  const size_t size = frt_dtype_size(dtype);
  if (!size || rank > FRT_MAX_RANK || !frti_numel(rank, dims, &numel) ||
      !frti_mul_size((size_t)numel, size, &bytes))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "variable '%s': dtype %u rank %u has no size",
                    r->name, dtype, rank);
  if (r->dtype == dtype && r->rank == rank && r->bytes == bytes &&
      !memcmp(r->dims, dims, rank * sizeof *dims))
    return FRT_OK;
  r->dtype = dtype;
  r->rank = rank;
  r->bytes = bytes;
  if (rank) memcpy(r->dims, dims, rank * sizeof *dims);
  r->valid = 0;
  r->initialized = false;
  ++s->layout;
  return FRT_OK;
}

frt_status_t frti_record_reserve(frt_scope_t *s, frti_record_t *r, uint32_t space,
                                 frt_error_t *err) {
  const uint64_t shift = r->bytes < 4096 ? 0 : frti_name_id(r->name) * FRTI_STAGGER % 4096;
  void *fresh;
  if (r->data[space] && r->cap[space] >= r->bytes) return FRT_OK;
  FRT_TRY(frti_space_alloc(s->rt, space, r->bytes + shift, &fresh, err));
  frti_space_free(s->rt, space, r->block[space]);
  r->block[space] = fresh;
  r->data[space] = (char *)fresh + shift;
  r->cap[space] = r->bytes;
  r->valid &= ~FRTI_SPACE_BIT(space);
  ++s->layout;
  return FRT_OK;
}

frt_status_t frti_record_bring(frt_scope_t *s, frti_record_t *r, uint32_t space,
                               uint64_t *copied, frt_error_t *err) {
  if (r->valid & FRTI_SPACE_BIT(space)) return FRT_OK;
  if (space != FRTI_HOST && !(r->valid & FRTI_SPACE_BIT(FRTI_HOST)))
    FRT_TRY(frti_record_bring(s, r, FRTI_HOST, copied, err));
  FRT_TRY(frti_record_reserve(s, r, space, err));
  uint32_t from = FRTI_HOST;
  while (!(r->valid & FRTI_SPACE_BIT(from))) ++from;
  FRT_TRY(frti_space_copy(s->rt, r->data[space], space, r->data[from], from, r->bytes, err));
  r->valid |= FRTI_SPACE_BIT(space);
  ++*copied;
  return FRT_OK;
}

/* ---- the public calls ------------------------------------------------------------------ */

static frt_status_t set_locked(frt_scope_t *s, const char *name, const frt_tensor_t *t,
                               frt_error_t *err) {
  frti_record_t *r;
  FRT_TRY(frti_scope_record(s, name, &r, err));
  const frti_record_t before = *r;
  FRT_TRY(frti_record_shape(s, r, frt_tensor_dtype(t), frt_tensor_rank(t),
                            frt_tensor_dims(t), err));
  frt_status_t status = frti_record_reserve(s, r, FRTI_HOST, err);
  if (status != FRT_OK) {
    *r = before; /* the buffers are untouched: the old value stays */
    return status;
  }
  if (r->bytes) memcpy(r->data[FRTI_HOST], frt_tensor_data(t), r->bytes);
  r->valid = FRTI_SPACE_BIT(FRTI_HOST);
  r->initialized = true;
  s->partly_updated = 0;
  return FRT_OK;
}

frt_status_t frt_scope_set(frt_scope_t *s, const char *name, const frt_tensor_t *t,
                           frt_error_t *err) {
  if (!name || !name[0])
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a variable needs a name");
  FRT_TRY(frti_scope_enter(s, true, err));
  frt_status_t status = set_locked(s, name, t, err);
  frti_scope_leave(s, true);
  return frti_error_name(err, status, name);
}

static frt_status_t not_found(frt_scope_t *s, const char *name, frt_error_t *err) {
  frti_nearest_t near = {.wanted = name};
  for (size_t i = 0; i < s->names.n; ++i)
    if (s->records[i] && s->records[i]->initialized)
      frti_nearest_offer(&near, s->names.by_id[i]);
  frt_fail(err, FRT_NOT_FOUND, near.best ? "variable '%s': not in the scope; nearest is '%s'"
                                         : "variable '%s': not in the scope%s",
           name, near.best ? near.best : "");
  return frti_error_name(err, FRT_NOT_FOUND, name);
}

static frt_status_t get_locked(frt_scope_t *s, const char *name, frt_tensor_t **out,
                               frt_error_t *err) {
  uint64_t copied = 0;
  frti_record_t *r = frti_scope_find(s, name);
  if (!r) return not_found(s, name, err);
  if (!r->initialized) {
    frt_fail(err, FRT_FAILED_PRECONDITION, "variable '%s' is not initialized", name);
    return frti_error_name(err, FRT_FAILED_PRECONDITION, name);
  }
  FRT_TRY(frti_record_bring(s, r, FRTI_HOST, &copied, err));
  FRT_TRY(frt_tensor_create((frt_dtype_t)r->dtype, r->rank, r->dims, out, err));
  if (r->bytes) memcpy(frt_tensor_data(*out), r->data[FRTI_HOST], r->bytes);
  return FRT_OK;
}

frt_status_t frt_scope_get(frt_scope_t *s, const char *name, frt_tensor_t **out,
                           frt_error_t *err) {
  *out = NULL;
  FRT_TRY(frti_scope_enter(s, true, err)); /* bringing a mirror over writes */
  frt_status_t status = get_locked(s, name, out, err);
  frti_scope_leave(s, true);
  return status;
}

frt_status_t frt_scope_erase(frt_scope_t *s, const char *name, frt_error_t *err) {
  FRT_TRY(frti_scope_enter(s, true, err));
  frti_record_t *r = frti_scope_find(s, name);
  frt_status_t status = FRT_OK;
  if (!r || !r->initialized) {
    status = not_found(s, name, err);
  } else {
    drop_buffers(s, r);
    ++s->layout;
  }
  frti_scope_leave(s, true);
  return status;
}

/* ---- several variables at once -------------------------------------------------------- */

frt_status_t frti_scope_get_all(frt_scope_t *s, const char *const *names, size_t n,
                                frt_tensor_t **out, frt_error_t *err) {
  frt_status_t status = FRT_OK;
  memset(out, 0, n * sizeof *out);
  FRT_TRY(frti_scope_enter(s, true, err));
  for (size_t i = 0; i < n && status == FRT_OK; ++i) {
    const frti_record_t *r = frti_scope_find(s, names[i]);
    if (r && r->initialized) status = get_locked(s, names[i], &out[i], err);
  }
  frti_scope_leave(s, true);
  for (size_t i = 0; i < n && status != FRT_OK; ++i) {
    frt_tensor_release(out[i]);
    out[i] = NULL;
  }
  return status;
}

/* A record that the variable is to have; it takes the old one's place as a whole. */
static frt_status_t make_value(frt_scope_t *s, const char *name, const frt_tensor_t *t,
                               frti_record_t **record, frti_record_t *value,
                               frt_error_t *err) {
  FRT_TRY(frti_scope_record(s, name, record, err));
  *value = (frti_record_t){.name = (*record)->name};
  FRT_TRY(frti_record_shape(s, value, frt_tensor_dtype(t), frt_tensor_rank(t),
                            frt_tensor_dims(t), err));
  FRT_TRY(frti_record_reserve(s, value, FRTI_HOST, err));
  if (value->bytes) memcpy(value->data[FRTI_HOST], frt_tensor_data(t), value->bytes);
  value->valid = FRTI_SPACE_BIT(FRTI_HOST);
  value->initialized = true;
  return FRT_OK;
}

/* What can fail is done before the first variable changes. */
static frt_status_t set_all_locked(frt_scope_t *s, const char *const *names,
                                   frt_tensor_t *const *tensors, size_t n,
                                   frt_error_t *err) {
  frti_record_t *values = frti_calloc(n, sizeof *values),
                **records = frti_calloc(n, sizeof *records);
  frt_status_t status = values && records ? FRT_OK : frti_no_memory(err);
  for (size_t i = 0; i < n && status == FRT_OK; ++i) {
    status = make_value(s, names[i], tensors[i], &records[i], &values[i], err);
    if (status != FRT_OK) frti_error_name(err, status, names[i]);
  }
  for (size_t i = 0; values && i < n; ++i) {
    if (status == FRT_OK) {
      drop_buffers(s, records[i]);
      *records[i] = values[i];
    } else {
      drop_buffers(s, &values[i]);
    }
  }
  if (status == FRT_OK) s->partly_updated = 0;
  frti_free(values);
  frti_free(records);
  return status;
}

frt_status_t frti_scope_set_all(frt_scope_t *s, const char *const *names,
                                frt_tensor_t *const *tensors, size_t n, frt_error_t *err) {
  for (size_t i = 0; i < n; ++i)
    if (!names[i] || !names[i][0])
      return frt_fail(err, FRT_INVALID_ARGUMENT, "a variable needs a name");
  FRT_TRY(frti_scope_enter(s, true, err));
  const frt_status_t status = set_all_locked(s, names, tensors, n, err);
  frti_scope_leave(s, true);
  return status;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static frt_status_t names_locked(frt_scope_t *s, const char ***names, size_t *n,
                                 frt_error_t *err) {
  size_t bytes = sizeof(char *), count = 0;
  for (size_t i = 0; i < s->names.n; ++i)
    if (s->records[i] && s->records[i]->initialized)
      bytes += sizeof(char *) + frti_name_len(s->names.by_id[i]) + 1;
  const char **array = frti_alloc(bytes);
  if (!array) return frti_no_memory(err);
  for (size_t i = 0; i < s->names.n; ++i)
    if (s->records[i] && s->records[i]->initialized) array[count++] = s->names.by_id[i];
  char *text = (char *)(array + count);
  for (size_t i = 0; i < count; ++i) {
    size_t len = frti_name_len(array[i]) + 1;
    array[i] = memcpy(text, array[i], len);
    text += len;
  }
  qsort(array, count, sizeof *array, compare_names);
  *names = array;
  *n = count;
  return FRT_OK;
}

frt_status_t frt_scope_names(frt_scope_t *s, const char ***names, size_t *n,
                             frt_error_t *err) {
  *names = NULL;
  *n = 0;
  FRT_TRY(frti_scope_enter(s, false, err));
  frt_status_t status = names_locked(s, names, n, err);
  frti_scope_leave(s, false);
  return status;
}

int frt_scope_partly_updated(const frt_scope_t *s) { return s->partly_updated; }
