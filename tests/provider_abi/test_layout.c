/* provider_layout FILE: the structures of the provider ABI lie in memory as FILE says. A
 * change of FILE is a change of the ABI: within a major, fields are only added at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fluidrt/provider.h"

typedef struct line { const char *type, *field; size_t offset, size; } line_t;

/* FIELD(type, name): the type is written without frt_api_ and _t. A line without a field
 * is the size of the whole. */
#define FIELD(T, f) {#T, #f, offsetof(frt_api_##T##_t, f), sizeof(((frt_api_##T##_t *)0)->f)}
#define WHOLE(T) {#T, "", 0, sizeof(frt_api_##T##_t)}
#define ERROR(f) {"error", #f, offsetof(frt_error_t, f), sizeof(((frt_error_t *)0)->f)}

static const line_t LINES[] = {
    ERROR(size), ERROR(status), ERROR(phase), ERROR(native), ERROR(block), ERROR(op),
    ERROR(op_type), ERROR(name), ERROR(message), {"error", "", 0, sizeof(frt_error_t)},
    FIELD(tensor, size), FIELD(tensor, dtype), FIELD(tensor, rank), FIELD(tensor, flags),
    FIELD(tensor, data), FIELD(tensor, dims), FIELD(tensor, strides), FIELD(tensor, numel),
    FIELD(tensor, bytes), WHOLE(tensor),
    FIELD(slot, name), FIELD(slot, count), FIELD(slot, reserved), FIELD(slot, t), WHOLE(slot),
    FIELD(attr, name), FIELD(attr, type), FIELD(attr, count), FIELD(attr, v), WHOLE(attr),
    FIELD(op, size), FIELD(op, version), FIELD(op, type), FIELD(op, block), FIELD(op, index),
    FIELD(op, in), FIELD(op, out), FIELD(op, n_in), FIELD(op, n_out), FIELD(op, attrs),
    FIELD(op, n_attrs), FIELD(op, flags), FIELD(op, host), WHOLE(op),
    FIELD(support, size), FIELD(support, verdict), FIELD(support, reason),
    FIELD(support, flags), FIELD(support, detail), WHOLE(support),
    FIELD(kernel_decl, type), FIELD(kernel_decl, ver_min), FIELD(kernel_decl, ver_max),
    FIELD(kernel_decl, dtypes), FIELD(kernel_decl, flags), WHOLE(kernel_decl),
    FIELD(device_info, size), FIELD(device_info, flags), FIELD(device_info, desc),
    FIELD(device_info, mem_total), FIELD(device_info, mem_free),
    FIELD(device_info, alloc_align), WHOLE(device_info),
    FIELD(run, size), FIELD(run, flags), FIELD(run, queue), FIELD(run, in), FIELD(run, out),
    FIELD(run, n_in), FIELD(run, n_out), FIELD(run, workspace), FIELD(run, workspace_bytes),
    FIELD(run, rng_state), FIELD(run, host), WHOLE(run),
    FIELD(option, key), FIELD(option, value), WHOLE(option),
    FIELD(host, size), FIELD(host, abi_minor), FIELD(host, ctx), FIELD(host, log),
    FIELD(host, mem_alloc), FIELD(host, mem_free), FIELD(host, parallel_for),
    FIELD(host, cancelled), FIELD(host, now_ns), WHOLE(host),
    FIELD(provider, size), FIELD(provider, abi_minor), FIELD(provider, self),
    FIELD(provider, name), FIELD(provider, version), FIELD(provider, description),
    FIELD(provider, kernels), FIELD(provider, n_kernels), FIELD(provider, kernel_stride),
    FIELD(provider, close), FIELD(provider, device_count), FIELD(provider, device_info),
    FIELD(provider, dev_open), FIELD(provider, dev_close), FIELD(provider, slab_alloc),
    FIELD(provider, slab_free), FIELD(provider, copy), FIELD(provider, queue_open),
    FIELD(provider, queue_sync), FIELD(provider, queue_close), FIELD(provider, event_open),
    FIELD(provider, event_record), FIELD(provider, event_wait), FIELD(provider, event_close),
    FIELD(provider, op_query), FIELD(provider, op_prepare), FIELD(provider, op_run),
    FIELD(provider, op_release), FIELD(provider, extension), WHOLE(provider),
    FIELD(oracle, size), FIELD(oracle, reserved), FIELD(oracle, eval), WHOLE(oracle),
    FIELD(manifest, namesz), FIELD(manifest, descsz), FIELD(manifest, type),
    FIELD(manifest, owner), FIELD(manifest, abi_major), FIELD(manifest, abi_minor),
    FIELD(manifest, host_minor), FIELD(manifest, reserved), FIELD(manifest, name),
    FIELD(manifest, version), WHOLE(manifest)};
enum { N_LINES = sizeof LINES / sizeof LINES[0] };

static const char *file;

static void print_line(char *to, size_t cap, const line_t *l) {
  if (l->field[0]) snprintf(to, cap, "%s.%s %zu %zu", l->type, l->field, l->offset, l->size);
  else snprintf(to, cap, "%s %zu", l->type, l->size);
}

static void the_layout_is_the_one_of_the_file(void **state) {
  char want[160], got[160];
  (void)state;
  FILE *f = fopen(file, "r");
  assert_non_null(f);
  for (int i = 0; i < N_LINES; ++i) {
    print_line(got, sizeof got, &LINES[i]);
    assert_non_null(fgets(want, sizeof want, f));
    want[strcspn(want, "\n")] = 0;
    assert_string_equal(got, want);
  }
  assert_null(fgets(want, sizeof want, f));
  fclose(f);
}

/* Each field begins where the one before ends and the last ends the structure, but for
 * padding to 8 bytes: a field that this file forgot would leave a gap. */
static void no_field_is_forgotten(void **state) {
  size_t end = 0;
  (void)state;
  for (int i = 0; i < N_LINES; ++i) {
    const line_t *l = &LINES[i];
    const size_t at = l->field[0] ? l->offset : l->size;
    const size_t align = l->field[0] && l->size < 8 ? l->size : 8;
    if (at > ((end + align - 1) & ~(align - 1)))
      fail_msg("%s: something lies between %zu and %zu, before '%s'", l->type, end, at, l->field);
    end = l->field[0] ? at + l->size : 0;
  }
}

/* The statuses and dtypes are part of it. */
static void the_numbers_are_what_they_were(void **state) {
  (void)state;
  assert_int_equal(1, FRT_ABI_MAJOR);
  assert_string_equal("frt_provider_entry_v1", FRT_PROVIDER_ENTRY_NAME);
  assert_int_equal(14, FRT_UNAVAILABLE);
  assert_int_equal(34, FRT_ABI_MISMATCH);
  assert_int_equal(3, FRT_I64);
  assert_int_equal(5, FRT_F32);
  assert_int_equal(8, FRT_ATTR_BLOCK);
  assert_int_equal(13, FRT_REASON_VERSION);
  assert_int_equal(4, FRT_DEVICE_SINGLE_THREAD);
  assert_int_equal(2, FRT_COPY_WITHIN);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_layout_is_the_one_of_the_file),
                                     cmocka_unit_test(no_field_is_forgotten),
                                     cmocka_unit_test(the_numbers_are_what_they_were)};
  char line[160];
  if (argc != 2) return 64;
  file = argv[1];
  if (!file[0]) { /* prints a new one */
    for (int i = 0; i < N_LINES; ++i) {
      print_line(line, sizeof line, &LINES[i]);
      puts(line);
    }
    return 0;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
