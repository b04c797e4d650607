/* Provider files: what is refused before any of their code runs, and how it is said. */
#define _GNU_SOURCE
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/internal.h"
#include "unit/runtime/fixture.h"

static char folder[64];

static const char *file(const char *name, const void *bytes, size_t n) {
  static char path[128];
  frt_error_t err = FRT_ERROR_INIT;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  OK(frti_file_write(path, bytes, n, &err));
  return path;
}

static void refused(fixture_t *f, const char *path, frt_status_t want, const char *word) {
  frt_error_t err = FRT_ERROR_INIT;
  const size_t before = frt_runtime_n_providers(f->rt);
  assert_int_equal(want, frt_runtime_load_provider(f->rt, path, &err));
  if (!strstr(err.message, word)) fail_msg("'%s' lacks '%s'", err.message, word);
  assert_int_equal(err.phase, FRT_PHASE_PROVIDER);
  assert_int_equal(frt_runtime_n_providers(f->rt), before);
}

static void files_that_are_no_library(void **state) {
  fixture_t *f = *state;
  Elf64_Ehdr h = {.e_ident = ELFMAG, .e_type = ET_DYN};
  h.e_ident[EI_CLASS] = ELFCLASS64;
  h.e_machine = EM_MIPS;
  refused(f, "/nowhere/frt_x.so", FRT_NOT_FOUND, "no such provider file");
  refused(f, folder, FRT_INVALID_ARGUMENT, "not a regular file");
  refused(f, file("frt_empty.so", "", 0), FRT_UNAVAILABLE, "no ELF header");
  refused(f, file("frt_text.so", "hello, world: not a library at all, but long enough to be "
                                 "one if length were all that mattered", 95),
          FRT_UNAVAILABLE, "no ELF header");
  refused(f, file("frt_mips.so", &h, sizeof h), FRT_UNAVAILABLE, "machine 8");
  h.e_ident[EI_CLASS] = ELFCLASS32;
  refused(f, file("frt_32.so", &h, sizeof h), FRT_UNAVAILABLE, "ELF class 1");
  h.e_ident[EI_CLASS] = ELFCLASS64;
#if defined(__x86_64__)
  h.e_machine = EM_X86_64;
#else
  h.e_machine = EM_AARCH64;
#endif
  h.e_type = ET_EXEC;
  refused(f, file("frt_exec.so", &h, sizeof h), FRT_UNAVAILABLE, "not a shared library");
  h.e_type = ET_DYN;
  refused(f, file("frt_short.so", &h, sizeof h), FRT_UNAVAILABLE, "the file is cut");
}

static void another_major_is_refused_by_its_note(void **state) {
  fixture_t *f = *state;
  char path[4096];
  frt_error_t err = FRT_ERROR_INIT;
  uint8_t *bytes;
  size_t n;
  snprintf(path, sizeof path, "%s/frt_reference.so", getenv("FLUIDRT_PROVIDER_PATH"));
  OK(frti_file_read(path, 0, &bytes, &n, &err));
  uint8_t *note = memmem(bytes, n, "frt\0\1\0\0\0", 8);
  assert_non_null(note);
  note[4] = 9; /* abi_major */
  refused(f, file("frt_major.so", bytes, n), FRT_ABI_MISMATCH, "ABI major is 9");
  note[4] = 1;
  note[12] = 200; /* host_minor */
  refused(f, file("frt_minor.so", bytes, n), FRT_ABI_MISMATCH, "ABI minor 200");
  for (size_t cut = 0; cut < n; cut += 997) /* every cut is refused, none crashes */
    refused(f, file("frt_cut.so", bytes, cut), FRT_UNAVAILABLE, "frt_cut.so");
  frti_free(bytes);
}

static void a_library_without_the_entry_is_no_provider(void **state) {
  fixture_t *f = *state;
  char path[4096];
  snprintf(path, sizeof path, "%s/lib/libfluidrt.so", getenv("FLUIDRT_BUILD_DIR"));
  if (access(path, R_OK)) skip();
  refused(f, path, FRT_ABI_MISMATCH, "no symbol 'frt_provider_entry_v1'");
}

static void the_same_file_twice_is_one_provider(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  char path[4096];
  const size_t before = frt_runtime_n_providers(f->rt);
  OK(frt_runtime_load_provider(f->rt, "reference", &err));
  snprintf(path, sizeof path, "%s/./frt_reference.so", getenv("FLUIDRT_PROVIDER_PATH"));
  OK(frt_runtime_load_provider(f->rt, path, &err));
  assert_int_equal(frt_runtime_n_providers(f->rt), before);
}

static void an_unknown_name_says_where_it_looked(void **state) {
  fixture_t *f = *state;
  refused(f, "tpu", FRT_NOT_FOUND, "no provider 'tpu': tried ");
  refused(f, "tpu", FRT_NOT_FOUND, "/frt_tpu.so");
}

/* ---- entries that misbehave --------------------------------------------------------- */

static frt_status_t fails(const frt_api_host_t *host, frt_api_provider_t *io,
                          frt_error_t *err) {
  (void)host;
  (void)io;
  return frt_fail(err, FRT_UNAVAILABLE, "the licence server does not answer");
}
static frt_status_t fills_nothing(const frt_api_host_t *host, frt_api_provider_t *io,
                                  frt_error_t *err) {
  (void)host;
  (void)io;
  (void)err;
  return FRT_OK;
}
static frt_status_t says_junk_size(const frt_api_host_t *host, frt_api_provider_t *io,
                                   frt_error_t *err) {
  (void)host;
  (void)err;
  io->size = 3;
  return FRT_OK;
}

static void entries_that_misbehave_leave_nothing_behind(void **state) {
  static const struct { frt_provider_entry_t entry; frt_status_t want; const char *word; }
  bad[] = {{fails, FRT_UNAVAILABLE, "the licence server does not answer"},
           {fills_nothing, FRT_ABI_MISMATCH, "lacks 'name'"},
           {says_junk_size, FRT_ABI_MISMATCH, "has 3 bytes"}};
  fixture_t *f = *state;
  const size_t before = frt_runtime_n_providers(f->rt);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    assert_int_equal(bad[i].want, frt_runtime_add_provider(f->rt, bad[i].entry, &err));
    assert_non_null(strstr(err.message, bad[i].word));
    assert_int_equal(frt_runtime_n_providers(f->rt), before);
  }
}

static void count_failure(void *ctx, const char *path, const char *message) {
  (void)message;
  if (strstr(path, "frt_broken.so")) ++*(int *)ctx;
}

static void loading_all_reports_what_fails(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  char path[8192];
  int failures = 0;
  file("frt_broken.so", "broken", 6);
  snprintf(path, sizeof path, "%s:%s", folder, getenv("FLUIDRT_PROVIDER_PATH"));
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1,
                                   .provider_path = path};
  OK(frt_runtime_create(&o, &rt, &err));
  frt_runtime_load_all(rt, count_failure, &failures);
  assert_int_equal(failures, 1);
  assert_non_null(frt_runtime_provider_api(rt, "reference"));
  frt_runtime_release(rt);
}

static int make_folder(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/frt_loader_XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  char command[128];
  (void)state;
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(files_that_are_no_library), T(another_major_is_refused_by_its_note),
      T(a_library_without_the_entry_is_no_provider), T(the_same_file_twice_is_one_provider),
      T(an_unknown_name_says_where_it_looked), T(entries_that_misbehave_leave_nothing_behind),
      T(loading_all_reports_what_fails)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
