/* Provider files: what is refused before any of their code runs, and how it is said. */
#define _GNU_SOURCE
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
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
  h.e_ident[EI_DATA] = ELFDATA2LSB;
  h.e_machine = EM_MIPS;
  refused(f, "/nowhere/frt_x.so", FRT_NOT_FOUND, "no such provider file");
  refused(f, folder, FRT_INVALID_ARGUMENT, "not a regular file");
  refused(f, file("frt_empty.so", "", 0), FRT_UNAVAILABLE, "file is empty");
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
  frti_free(bytes);
}

/* A small sound provider of the suite. */
static uint8_t *sound_module(size_t *n) {
  char path[4096];
  uint8_t *bytes;
  frt_error_t err = FRT_ERROR_INIT;
  snprintf(path, sizeof path, "%s/tests/broken/frt_sound.so", getenv("FLUIDRT_BUILD_DIR"));
  if (access(path, R_OK)) skip();
  OK(frti_file_read(path, 0, &bytes, n, &err));
  return bytes;
}

/* Every cut is refused; none crashes, none is mapped. */
static void a_file_cut_anywhere_is_refused(void **state) {
  fixture_t *f = *state;
  size_t n;
  uint8_t *bytes = sound_module(&n);
  char path[128];
  snprintf(path, sizeof path, "%s", file("frt_cut.so", bytes, n));
  for (size_t cut = n; cut > 0;) {
    /* Each of headers and section table, now and then in between. */
    const size_t step = cut > 2048 && cut + 4096 < n ? 61 : 1;
    cut -= step;
    assert_int_equal(0, truncate(path, (off_t)cut));
    refused(f, path, FRT_UNAVAILABLE, cut ? "frt_cut.so: " : "the file is empty");
  }
  frti_free(bytes);
}

/* Headers, section table, notes and tables of names, each byte in turn: the reader says
 * something or refuses, and reads nothing that is not there. */
static void a_file_changed_anywhere_is_read_safely(void **state) {
  (void)state;
  size_t n;
  uint8_t *bytes = sound_module(&n);
  char path[128];
  Elf64_Ehdr h;
  memcpy(&h, bytes, sizeof h);
  snprintf(path, sizeof path, "%s", file("frt_flip.so", bytes, n));
  FILE *f = fopen(path, "r+b");
  for (size_t at = 0; at < n; ++at) {
    if (at == 4096 && h.e_shoff > at) at = (size_t)h.e_shoff;
    for (int bit = 0; bit < 8; bit += at < 128 ? 1 : 7) {
      frt_provider_file_t *facts = NULL;
      frt_error_t err = FRT_ERROR_INIT;
      fseek(f, (long)at, SEEK_SET);
      fputc(bytes[at] ^ (1 << bit), f);
      fflush(f);
      if (frt_provider_file_read(path, &facts, &err) != FRT_OK)
        assert_true(err.message[0] != 0);
      frt_provider_file_release(facts);
    }
    fseek(f, (long)at, SEEK_SET);
    fputc(bytes[at], f);
  }
  fclose(f);
  frti_free(bytes);
}

static void a_file_tells_what_it_is_without_running(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_provider_file_t *facts;
  char path[4096];
  bool libc = false;
  snprintf(path, sizeof path, "%s/frt_reference.so", getenv("FLUIDRT_PROVIDER_PATH"));
  OK(frt_provider_file_read(path, &facts, &err));
  assert_true(facts->has_manifest && facts->has_entry);
  assert_string_equal("reference", facts->name);
  assert_string_equal("0.1.0", facts->version);
  assert_int_equal(FRT_ABI_MAJOR, facts->abi_major);
  for (size_t i = 0; i < facts->n_needed; ++i)
    libc = libc || !strcmp(facts->needed[i], "libc.so.6");
  assert_true(libc);
  frt_provider_file_release(facts);
  assert_int_equal(FRT_NOT_FOUND, frt_provider_file_read("/nowhere/x.so", &facts, &err));
}

static void what_is_no_file_is_not_waited_for(void **state) {
  fixture_t *f = *state;
  char path[128];
  snprintf(path, sizeof path, "%s/frt_fifo.so", folder);
  assert_int_equal(0, mkfifo(path, 0600));
  refused(f, path, FRT_INVALID_ARGUMENT, "not a regular file");
  refused(f, "/dev/zero", FRT_INVALID_ARGUMENT, "not a regular file");
  snprintf(path, sizeof path, "%s/frt_nowhere.so", folder);
  assert_int_equal(0, symlink("/nowhere/at/all.so", path));
  refused(f, path, FRT_NOT_FOUND, "no such provider file");
}

static void a_link_to_a_file_is_that_file(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  char path[128], real[4096];
  snprintf(real, sizeof real, "%s/frt_reference.so", getenv("FLUIDRT_PROVIDER_PATH"));
  snprintf(path, sizeof path, "%s/frt_link.so", folder);
  assert_int_equal(0, symlink(real, path));
  OK(frt_runtime_load_provider(f->rt, path, &err)); /* the reference, which is loaded */
  assert_int_equal(frt_runtime_n_providers(f->rt), 1);
}

/* Everything that is wrong stands in one message. */
static void all_that_is_wrong_is_said_at_once(void **state) {
  fixture_t *f = *state;
  char path[4096];
  frt_error_t err = FRT_ERROR_INIT;
  uint8_t *bytes;
  size_t n;
  snprintf(path, sizeof path, "%s/tests/broken/frt_no_entry.so", getenv("FLUIDRT_BUILD_DIR"));
  if (access(path, R_OK)) skip();
  OK(frti_file_read(path, 0, &bytes, &n, &err));
  uint8_t *note = memmem(bytes, n, "frt\0\1\0\0\0", 8);
  note[4] = 3;
  note[12] = 5;
  snprintf(path, sizeof path, "%s", file("frt_all.so", bytes, n));
  refused(f, path, FRT_ABI_MISMATCH, "ABI major is 3");
  refused(f, path, FRT_ABI_MISMATCH, "; wants a host of ABI minor 5");
  refused(f, path, FRT_ABI_MISMATCH, "; no symbol 'frt_provider_entry_v1'");
  frti_free(bytes);
}

/* ---- whom files are trusted from ----------------------------------------------------- */

static void strict_refuses(frt_runtime_t *rt, const char *path, const char *word) {
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_runtime_load_provider(rt, path, &err));
  if (!strstr(err.message, word)) fail_msg("'%s' lacks '%s'", err.message, word);
}

static void strict_files_are_those_that_only_their_owner_writes(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  size_t n;
  uint8_t *bytes = sound_module(&n);
  char path[128], relative[300];
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1, .strict_files = 1};
  snprintf(path, sizeof path, "%s", file("frt_sound.so", bytes, n));
  frti_free(bytes);
  OK(frt_runtime_create(&o, &rt, &err));
  chmod(path, 0666);
  strict_refuses(rt, path, "every user may write this file");
  chmod(path, 0644);
  chmod(folder, 0777);
  strict_refuses(rt, path, "every user may write its folder");
  chmod(folder, 0700);
  snprintf(relative, sizeof relative, "%s/../%s/frt_sound.so", folder, strrchr(folder, '/') + 1);
  strict_refuses(rt, relative, "no absolute path without '..'");
  assert_int_equal(0, frt_runtime_n_providers(rt));
  OK(frt_runtime_load_provider(rt, path, &err));
  frt_runtime_release(rt);
}

/* The same is asked of folders that the environment names; a path that the caller
 * names itself is its own affair. */
static void folders_of_the_environment_are_strict(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  size_t n;
  uint8_t *bytes = sound_module(&n);
  char path[128], *old = strdup(getenv("FLUIDRT_PROVIDER_PATH"));
  snprintf(path, sizeof path, "%s", file("frt_sound.so", bytes, n));
  frti_free(bytes);
  chmod(path, 0666);
  setenv("FLUIDRT_PROVIDER_PATH", folder, 1);
  OK(frt_runtime_create(NULL, &rt, &err));
  strict_refuses(rt, "sound", "every user may write this file");
  OK(frt_runtime_load_provider(rt, path, &err));
  frt_runtime_release(rt);
  setenv("FLUIDRT_PROVIDER_PATH", old, 1);
  chmod(path, 0644);
  free(old);
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

/* ---- out of memory at every place ------------------------------------------------------ */

static long allocations, fail_at;
static bool nth_fails(void) { return ++allocations == fail_at; }

/* Fails allocation 1, 2, ... of one load until a load survives; returns how many failed. */
static long sweep_load(fixture_t *f, const char *path, frt_status_t want) {
  for (fail_at = 1; fail_at < 1000; ++fail_at) {
    frt_error_t err = FRT_ERROR_INIT;
    allocations = 0;
    frti_alloc_fails = nth_fails;
    const frt_status_t status = frt_runtime_load_provider(f->rt, path, &err);
    frti_alloc_fails = NULL;
    const bool survived = allocations < fail_at; /* none was failed */
    if (survived) assert_int_equal(want, status);
    if (status != FRT_OK) assert_int_equal(1, frt_runtime_n_providers(f->rt));
    if (status != FRT_OK && status != want) assert_int_equal(FRT_RESOURCE_EXHAUSTED, status);
    if (status == FRT_OK) OK(frt_runtime_unload_provider(f->rt, "broken", &err));
    if (survived) return fail_at - 1;
  }
  fail_msg("no load survived");
  return 0;
}

static void no_failed_allocation_leaves_half_a_provider(void **state) {
  fixture_t *f = *state;
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/broken/frt_sound.so", getenv("FLUIDRT_BUILD_DIR"));
  if (access(path, R_OK)) skip();
  assert_true(sweep_load(f, path, FRT_OK) >= 5);
  snprintf(path, sizeof path, "%s/tests/broken/frt_missing_libraries.so",
           getenv("FLUIDRT_BUILD_DIR"));
  assert_true(sweep_load(f, path, FRT_UNAVAILABLE) >= 4);
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
      T(files_that_are_no_library), /* 3f: 197 */
      T(another_major_is_refused_by_its_note), /* 3f: 199 */
      T(a_file_cut_anywhere_is_refused), T(a_file_changed_anywhere_is_read_safely),
      T(a_file_tells_what_it_is_without_running), T(what_is_no_file_is_not_waited_for),
      T(a_link_to_a_file_is_that_file), T(all_that_is_wrong_is_said_at_once),
      T(strict_files_are_those_that_only_their_owner_writes), /* 3f: 215 */
      T(folders_of_the_environment_are_strict), /* 3f: 215 */
      T(no_failed_allocation_leaves_half_a_provider), /* 3f: 206 */
      T(a_library_without_the_entry_is_no_provider), /* 3f: 198 */
      T(the_same_file_twice_is_one_provider), /* 3f: 203 */
      T(an_unknown_name_says_where_it_looked), T(entries_that_misbehave_leave_nothing_behind),
      T(loading_all_reports_what_fails)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
