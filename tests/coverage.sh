#!/bin/sh
# tests/coverage.sh [LINES [BRANCHES]]: how much of src/ and providers/ the tests reach.
# Builds the preset `coverage`, runs the tests, the recorded cases and the conformance
# suite there, and prints covered lines and branches per folder, the worst files, and the
# total. Exit 1 if a total lies below its threshold (percent; 90 and 80), a test failed, or
# a line of what guards against bad input (the wire scan, the validator, checked
# arithmetic) was not reached. Lines that nothing can reach carry GCOVR_EXCL_LINE and why.
# Takes about ten minutes on two cores.
#   FRT_COVERAGE_BUILD   another build folder (build/coverage)
#   FRT_COVERAGE_JOBS    parallel jobs (2)
# Reports lie in the build folder: coverage.json, and coverage.txt with the lines that were
# not reached. Uses gcovr: from the path, else from a virtual environment under build/.
# Without it, gcov alone: then a line in several objects counts once, a branch as often.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
lines=${1:-90} branches=${2:-80}
build=${FRT_COVERAGE_BUILD:-$root/build/coverage}
jobs=${FRT_COVERAGE_JOBS:-2}
case $lines$branches in
  *[!0-9.]*) echo "usage: tests/coverage.sh [LINES [BRANCHES]]" >&2; exit 64 ;;
esac
say() { printf '%s\n' "$*"; }

cd "$root"
cmake --preset coverage -B "$build" >/dev/null
cmake --build "$build" -j "$jobs" >"$build/build.log" 2>&1 ||
  { tail -n 20 "$build/build.log"; exit 1; }
find "$build" -name '*.gcda' -exec rm -f {} +

failed=0
# step LABEL COMMAND...: a run that counts; its failure is told and remembered.
step() {
  label=$1
  shift
  if "$@" >"$build/step.log" 2>&1; then
    say "$label: $(grep -E 'tests passed|[0-9]+ passed' "$build/step.log" | tail -n 1)"
  else
    say "$label: FAILED"
    tail -n 15 "$build/step.log"
    failed=1
  fi
}
FLUIDRT_PROVIDER_PATH=$build/lib/fluidrt
FRT_STEPS=${FRT_STEPS:-2000}
export FLUIDRT_PROVIDER_PATH FRT_STEPS
step tests ctest --test-dir "$build" -j "$jobs" -LE lint --timeout 600
for place in cpu reference; do
  step "recorded cases, $place" "$build/bin/fluidrt" verify -q -p $place "$root/tests/golden"
  step "conformance, $place" "$build/bin/fluidrt" conform $place
done

# What is wrong on purpose. Only what it reaches counts here: limits on time are not meant
# for an instrumented build.
say "mutants: $(FLUIDRT_BUILD_DIR=$build sh "$root/tests/mutants/run.sh" 2>&1 | tail -n 1)"

# The loops of narrower instruction sets, which a wide machine does not choose by itself.
narrow() {
  cmake --preset coverage -B "$build/isa$1" -DCMAKE_C_FLAGS="--coverage -DFRT_CPU_ISA_MAX=$1" &&
    cmake --build "$build/isa$1" -j "$jobs" --target provider_cpu_MODULE &&
    FLUIDRT_PROVIDER_PATH="$build/isa$1/lib/fluidrt:$build/lib/fluidrt" \
      "$build/bin/fluidrt" conform cpu
}
if [ "$(uname -m)" = x86_64 ]; then
  for level in 0 1; do step "conformance, cpu, instruction set $level" narrow $level; done
fi

find_gcovr() {
  gcovr=$(command -v gcovr || true)
  [ -z "$gcovr" ] || return 0
  venv=$root/build/gcovr
  if [ ! -x "$venv/bin/gcovr" ]; then
    python3 -m venv "$venv" >/dev/null 2>&1 || return 1
    "$venv/bin/pip" -q install gcovr >/dev/null 2>&1 || return 1
  fi
  gcovr=$venv/bin/gcovr
}

# Versions differ in what they call "go on": each option where it is known.
by_gcovr() {
  "$gcovr" --help >"$build/gcovr.help" 2>/dev/null || return 1
  set -- -j "$jobs" -r "$root" --object-directory "$build" -f "$root/src/" -f "$root/providers/" \
    --txt "$build/coverage.txt" --json-summary "$build/coverage.json"
  if grep -q -- --merge-mode-functions "$build/gcovr.help"; then
    set -- "$@" --merge-mode-functions=merge-use-line-min --gcov-ignore-parse-errors=all
  else
    set -- "$@" --gcov-ignore-parse-errors
  fi
  if grep -q -- --gcov-ignore-errors "$build/gcovr.help"; then
    set -- "$@" --gcov-ignore-errors=all
  fi
  "$gcovr" "$@" "$build" >"$build/gcovr.log" 2>&1 || { tail -n 5 "$build/gcovr.log" >&2; return 1; }
  python3 - "$build/coverage.json" <<'PY'
import json, sys
for f in json.load(open(sys.argv[1]))["files"]:
    print(f["filename"], f["line_covered"], f["line_total"], f["branch_covered"],
          f["branch_total"])
PY
}

# gcov's JSON, merged by source line; branches by their place on the line.
by_gcov() {
  rm -rf "$build/gcov"
  mkdir -p "$build/gcov"
  find "$build" -name '*.gcda' >"$build/gcov/list"
  (cd "$build/gcov" && xargs -n 50 gcov -b -j -p <list >/dev/null 2>&1) || return 1
  python3 - "$root" "$build/gcov" <<'PY'
import glob, gzip, json, os, sys
root, folder = os.path.realpath(sys.argv[1]), sys.argv[2]
files = {}
for path in glob.glob(folder + "/*.gcov.json.gz"):
    report = json.load(gzip.open(path))
    for f in report["files"]:
        name = os.path.realpath(os.path.join(report["current_working_directory"], f["file"]))
        name = os.path.relpath(name, root)
        if not name.startswith(("src/", "providers/")):
            continue
        lines, branches = files.setdefault(name, ({}, {}))
        for l in f["lines"]:
            lines[l["line_number"]] = lines.get(l["line_number"], 0) + l["count"]
            for i, b in enumerate(l["branches"]):
                key = (l["line_number"], l.get("function_name"), i)
                branches[key] = branches.get(key, 0) + b["count"]
for name, (lines, branches) in sorted(files.items()):
    print(name, sum(c > 0 for c in lines.values()), len(lines),
          sum(c > 0 for c in branches.values()), len(branches))
PY
}

rm -f "$build/coverage.json"
if ! find_gcovr || ! by_gcovr >"$build/files.txt"; then
  say "gcovr cannot be had: gcov alone"
  rm -f "$build/coverage.json"
  by_gcov >"$build/files.txt"
fi

# Every line of these is reached.
guards="src/program/wire.c src/program/check.c src/program/check_ops.c src/program/findings.c
  src/program/structure.c src/program/bind.c src/base/alloc.c src/base/arena.c"
guarded() {
  whole=0
  for file in $guards; do
    awk -v file="$file" '$1 == file { found = 1; left = $3 - $2 }
      END { if (!found || left) { print file ": " left + 0 " lines were not reached"; exit 1 } }
    ' "$build/files.txt" || whole=1
  done
  return $whole
}

status=0
awk -v want_lines="$lines" -v want_branches="$branches" '
  function percent(a, b) { return b ? 100 * a / b : 100 }
  function row(name, a, b, c, d) {
    printf "%-32s %6d / %6d lines %5.1f %%   %6d / %6d branches %5.1f %%\n", name, a, b,
           percent(a, b), c, d, percent(c, d)
  }
  {
    folder = $1
    sub(/\/[^\/]*$/, "", folder)
    if (!(folder in lt)) order[++n] = folder
    lc[folder] += $2; lt[folder] += $3; bc[folder] += $4; bt[folder] += $5
    tlc += $2; tlt += $3; tbc += $4; tbt += $5
  }
  END {
    for (i = 1; i <= n; ++i)
      row(order[i], lc[order[i]], lt[order[i]], bc[order[i]], bt[order[i]])
    row("total", tlc, tlt, tbc, tbt)
    if (!tlt) { print "nothing was measured"; exit 1 }
    if (percent(tlc, tlt) < want_lines || percent(tbc, tbt) < want_branches) {
      printf "below the thresholds: %s %% of lines, %s %% of branches\n", want_lines,
             want_branches
      exit 1
    }
  }' "$build/files.txt" || status=1
say "the files with most lines that were not reached:"
awk '{ print $3 - $2, $1 }' "$build/files.txt" | sort -rn | head -n 15
if [ -s "$build/coverage.json" ]; then
  guarded && say "wire scan, validator, checked arithmetic: 100 % of lines" || status=1
fi
[ "$failed" -eq 0 ] && [ "$status" -eq 0 ]
