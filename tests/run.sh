#!/bin/sh
# tests/run.sh [--full] [--no-install]: builds and judges everything, on a bare Debian 12
# too. The last line counts; the exit status is 0 only if nothing failed.
#   --full        also the long checks
#   --no-install  name missing packages instead of installing them
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
install=yes full=no with_cxx=yes
for word in "$@"; do
  case $word in
    --full) full=yes ;;
    --no-install) install=no ;;
    *) echo "usage: tests/run.sh [--full] [--no-install]" >&2; exit 64 ;;
  esac
done
. "$root/src/cmake/setup.sh"

passed=0 failed=0 skipped=0
logs=$root/build/logs
began=$(date +%s)

count() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3)); }
tell() { printf '%-44s %s\n' "$1" "$2"; }
# A step that could not even be carried out counts as one failure.
broken() { tell "$1" "FAILED"; count 0 1 0; }

attribute() { sed -n "s/.*<testsuite.*[[:space:]]$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1; }

# suite LABEL PRESET [ctest option...]: runs ctest and reads its own report.
suite() {
  label=$1 preset=$2
  shift 2
  report=$logs/$preset.xml
  rm -f "$report"
  status=0
  (cd "$root" && ctest --preset "$preset" -j 2 --output-junit "$report" "$@") \
    >"$logs/$preset.log" 2>&1 || status=$?
  if [ ! -s "$report" ]; then
    tail -n 20 "$logs/$preset.log"
    broken "$label"
    return
  fi
  tr '\n' ' ' <"$report" | sed 's/<testcase.*//' >"$report.head"
  all=$(attribute "$report.head" tests) bad=$(attribute "$report.head" failures)
  off=$(attribute "$report.head" disabled) left=$(attribute "$report.head" skipped)
  : "${all:=0}" "${bad:=0}" "${off:=0}" "${left:=0}"
  if [ "$status" -ne 0 ] || [ "$all" -eq 0 ]; then
    [ "$bad" -gt 0 ] || bad=1
    grep -E '\(Failed\)|\(Timeout\)|\(Not Run\)|\*\*\*' "$logs/$preset.log" | head -n 40 || true
    say "  see build/logs/$preset.log"
  fi
  good=$((all - bad - off - left))
  [ "$good" -ge 0 ] || good=0
  count "$good" "$bad" $((off + left))
  tell "$label" "$good passed, $bad failed, $((off + left)) skipped"
}

number() { printf '%s\n' "$line" | grep -oE "[0-9]+ $1" | head -n 1 | cut -d' ' -f1; }

# judged LABEL COMMAND...: a command of ours whose last counting line says
# "N passed, M failed[, K skipped]".
judged() {
  label=$1
  shift
  log=$logs/$(printf '%s' "$label" | tr -c 'A-Za-z0-9\n' _).log
  status=0
  "$@" >"$log" 2>&1 || status=$?
  line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
  good=$(number passed) bad=$(number failed) left=$(number skipped)
  if [ -z "$good" ]; then
    tail -n 20 "$log"
    broken "$label"
    return
  fi
  : "${left:=0}"
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$bad" -ne 0 ]; then
    grep -iE 'fail|differ|error' "$log" | head -n 20 || true
    say "  see ${log#"$root/"}"
  fi
  count "$good" "$bad" "$left"
  tell "$label" "$good passed, $bad failed, $left skipped"
}

install_missing
mkdir -p "$logs"
fluidrt=$root/build/release/bin/fluidrt

if build release; then
  suite "release: unit, programs, lint" release
  for place in cpu reference; do
    judged "recorded cases, $place" "$fluidrt" verify -p $place "$root/tests/golden"
    judged "recorded cases, $place, no fusion" \
      "$fluidrt" verify -p $place --no-fuse "$root/tests/golden"
    judged "conformance, $place" "$fluidrt" conform $place
  done
  tell "bad inputs and faults" "$(sh "$root/tests/faults/catalogue.sh" | tail -n 1)"
else
  broken "release build"
fi

# Three that a sanitizer makes slow and finds little in wait for --full.
slow='^(cli_conform|conform_coverage|faults_program_size)$'
[ "$full" = no ] || slow='^$'
if build asan; then
  suite "ASan and UBSan: unit, programs" asan -E "$slow"
else
  broken "ASan and UBSan build"
fi

# Twenty seconds of fuzzing, where clang has libFuzzer; an hour with --full.
fuzz_seconds=20
[ "$full" = yes ] && fuzz_seconds=3600
if echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9; }' |
   clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
  judged "fuzzing, $fuzz_seconds s" sh "$root/tests/fuzz/run.sh" "$fuzz_seconds"
else
  tell "fuzzing" "skipped: no clang with libFuzzer"
  count 0 0 1
fi

# Races: the program in which two executors train at once.
if build tsan program_two_executors; then
  suite "TSan: two executors" tsan -R '^program_two_executors$'
else
  broken "TSan build"
fi

if [ "$full" = yes ]; then
  if build tsan; then
    suite "TSan: everything" tsan -LE lint
  else
    broken "TSan build of everything"
  fi
  for place in cpu reference; do
    judged "recorded cases under ASan, $place" env ASAN_OPTIONS=detect_leaks=1 \
      "$root/build/asan/bin/fluidrt" verify -p $place "$root/tests/golden"
    judged "conformance under ASan, $place" "$root/build/asan/bin/fluidrt" conform $place
  done
  judged "what the conformance suite notices" sh "$root/tests/mutants/run.sh"
  export FRT_KILLS=200
  suite "saving killed at 200 points" release -R '^unit_io_test_checkpoint$'
  unset FRT_KILLS
  host=$root/build/release/lib/fluidrt-tests/frt_cuda_host.so
  if [ -f "$host" ]; then
    judged "conformance, cuda's kernels on this machine" "$fluidrt" conform "$host"
  else
    tell "cuda's kernels on this machine" "skipped: no C++ compiler"
    count 0 0 1
  fi
  judged "recorded cases, places switched each step" \
    "$fluidrt" verify --switch "$root/tests/golden"
  if sh "$root/tests/coverage.sh" >"$logs/coverage.log" 2>&1; then
    tell "coverage" "$(grep '^total' "$logs/coverage.log" | tr -s ' ')"
    count 1 0 0
  else
    tail -n 20 "$logs/coverage.log"
    broken "coverage"
  fi
  # False alarms. Each of 10,000 seeds draws new values for about one case of every tenth op
  # (virtual, which waits on purpose: every hundredth); what has fixed values runs once.
  for place in cpu:0.1 reference:0.1 virtual:0.01; do
    judged "conformance, 10,000 seeds, ${place%:*}" \
      "$fluidrt" conform "${place%:*}" --seeds 10000 --sample "${place#*:}"
  done
  judged "conformance, level full, cpu" "$fluidrt" conform cpu --level full --seeds 1
  judged "conformance, networks, virtual" "$fluidrt" conform virtual --mode train
  judged "recorded cases, each op in turn on another device" \
    env FRT_VIRTUAL_COPY=late FRT_VIRTUAL_DELAY_US=0 "$fluidrt" verify -q --check-plans \
    --force-each -p virtual:0,virtual:1,cpu "$root/tests/golden"
fi

say "$(($(date +%s) - began)) seconds"
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
