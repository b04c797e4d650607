/* Runs a harness over files and folders of files, where there is no libFuzzer. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static int replay_file(const char *path) {
  FILE *f = fopen(path, "rb");
  long n;
  if (!f) {
    perror(path);
    return -1;
  }
  fseek(f, 0, SEEK_END);
  n = ftell(f);
  rewind(f);
  /* Exactly as large as the file: a sanitizer sees the first byte too many. */
  uint8_t *bytes = malloc(n > 0 ? (size_t)n : 1);
  const size_t got = bytes ? fread(bytes, 1, (size_t)n, f) : 0;
  fclose(f);
  if (got == (size_t)n) LLVMFuzzerTestOneInput(bytes, got);
  free(bytes);
  return got == (size_t)n ? 1 : -1;
}

static int replay_folder(const char *path) {
  DIR *d = opendir(path);
  struct dirent *e;
  int n = 0;
  while (d && (e = readdir(d)) != NULL) {
    char file[4096];
    if (e->d_name[0] == '.') continue;
    snprintf(file, sizeof file, "%s/%s", path, e->d_name);
    const int got = replay_file(file);
    if (got < 0) n = -1;
    else if (n >= 0) n += got;
  }
  if (d) closedir(d);
  return n;
}

int main(int argc, char **argv) {
  int all = 0;
  for (int i = 1; i < argc; ++i) {
    struct stat st;
    if (stat(argv[i], &st)) continue; /* a harness may have no finds */
    const int n = S_ISDIR(st.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);
    if (n < 0) return 1;
    all += n;
  }
  printf("%d inputs\n", all);
  return 0;
}
