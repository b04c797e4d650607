/* Texts of the numbers in status.h. */
#include "base/base.h"
#include "fluidrt/program.h"

const char *frt_status_text(frt_status_t status) {
  switch (status) {
#define TEXT(name, number, text) case FRT_##name: return text;
    FRT_STATUS_MAP(TEXT)
#undef TEXT
  }
  return "unknown status";
}

const char *frt_phase_text(frt_phase_t phase) {
  switch (phase) {
#define TEXT(name, number, text) case FRT_PHASE_##name: return text;
    FRT_PHASE_MAP(TEXT)
#undef TEXT
  }
  return "";
}

const char *frt_version(void) { return FRT_VERSION; }

void frt_free(void *p) { frti_free(p); }
