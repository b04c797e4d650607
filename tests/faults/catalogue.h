/* Bad programs as text, and what is said of them. Every variable of V is persistable, so
 * that no op is left out of a plan as unused. */
#ifndef TESTS_CATALOGUE_H
#define TESTS_CATALOGUE_H

#include "faults.h"

#include <stdbool.h>

#define V(name, type, dims)                                                        \
  "vars { name: '" name "' persistable: true type { type: LOD_TENSOR lod_tensor { " \
  "tensor { data_type: " type " dims: [" dims "] } } } } "
#define X23 V("x", "FP32", "2, 3")
#define X4 V("x", "FP32", "4")
#define O V("o", "FP32", "")
#define IN(slot, args) "inputs { parameter: '" slot "' arguments: [" args "] } "
#define OUT(slot, args) "outputs { parameter: '" slot "' arguments: [" args "] } "
#define ATTR(name, type, value) "attrs { name: '" name "' type: " type " " value " } "
#define OP(type, rest) "ops { type: '" type "' " rest "} "
/* X = x, Out = o, and attributes. */
#define UNARY(type, attrs) OP(type, IN("X", "'x'") OUT("Out", "'o'") attrs)
#define BINARY(type, attrs) OP(type, IN("X", "'x'") IN("Y", "'y'") OUT("Out", "'o'") attrs)

typedef struct row { const char *blocks, *word; frt_status_t status; } row_t;
#define BAD(program, word) {program, word, FRT_INVALID_ARGUMENT}
#define NOT_YET(program, word) {program, word, FRT_UNIMPLEMENTED}

/* Block 0 of that contents. */
static inline frt_program_t *read_block(const char *contents) {
  static char text[1 << 16];
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  const int n = snprintf(text, sizeof text, "blocks { idx: 0 parent_idx: -1 %s }", contents);
  OK(frt_program_parse_text(text, (size_t)n, NULL, &p, &err));
  return p;
}

static inline frt_findings_t *check(const frt_program_t *p) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_findings_t *f = NULL;
  OK(frt_program_check(p, NULL, &f, &err));
  return f;
}

/* The validator has an error of that status that says the word. */
static inline void check_finds(const frt_program_t *p, frt_status_t status,
                               const char *word) {
  frt_findings_t *f = check(p);
  bool found = false;
  for (size_t i = 0; i < frt_findings_count(f) && !found; ++i) {
    const frt_finding_t *x = frt_findings_at(f, i);
    found = x->severity == FRT_SEVERITY_ERROR && x->status == (uint32_t)status &&
            strstr(x->message, word);
  }
  if (!found)
    fail_msg("no finding says '%s' (of %zu; first: %s)", word, frt_findings_count(f),
             frt_findings_count(f) ? frt_findings_at(f, 0)->message : "-");
  frt_findings_release(f);
}

static frt_runtime_t *catalogue_rt;
static frt_executor_t *catalogue_exe;

static inline int open_catalogue(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  catalogue_rt = linked_runtime(1);
  OK(frt_executor_create(catalogue_rt, "cpu,reference", NULL, &catalogue_exe, &err));
  return 0;
}
static inline int close_catalogue(void **state) {
  (void)state;
  frt_executor_release(catalogue_exe);
  frt_runtime_release(catalogue_rt);
  return 0;
}

/* Plans without running. */
static inline frt_status_t plan(const frt_program_t *p, frt_error_t *err) {
  char *text = NULL;
  const frt_status_t status = frt_executor_explain(catalogue_exe, p, NULL, NULL, 0, NULL, 0,
                                                   2, NULL, 0, &text, err);
  frt_free(text);
  return status;
}

/* Refused twice, in the same words: by the validator and by the planner. */
static inline void refused(const row_t *rows, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_program_t *p = read_block(rows[i].blocks);
    check_finds(p, rows[i].status, rows[i].word);
    const frt_status_t got = plan(p, &err);
    expect_error(got, &err, rows[i].status, FRT_PHASE_PLAN, rows[i].word);
    frt_program_release(p);
  }
}
#define REFUSED(...)                                   \
  do {                                                 \
    const row_t rows_[] = {__VA_ARGS__};               \
    refused(rows_, sizeof rows_ / sizeof rows_[0]);    \
  } while (0)

static inline void accepted(const char *contents) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = read_block(contents);
  frt_findings_t *f = check(p);
  if (frt_findings_total(f, FRT_SEVERITY_ERROR))
    fail_msg("%s", frt_findings_at(f, 0)->message);
  OK(plan(p, &err));
  frt_findings_release(f);
  frt_program_release(p);
}

#endif
