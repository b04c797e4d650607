#!/bin/sh
# tests/run.sh [--full] [--no-install]: builds and judges everything, on a bare Debian 12
# too. The last line counts; the exit status is 0 only if nothing failed.
#   --full        also the long checks, up to 90 minutes; build/logs/full.txt is the result,
#                 tests/full.txt the last one that was kept
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
result=$logs/result.txt
[ "$full" = no ] || result=$logs/full.txt
began=$(date +%s)

count() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3)); }
note() { printf '%s\n' "$1" | tee -a "$result"; }
# tell LABEL VERDICT: with the seconds since the last one.
told=$began
tell() {
  now=$(date +%s)
  note "$(printf '%-48s %-38s %5d s' "$1" "$2" $((now - told)))"
  told=$now
}
# A step that could not even be carried out counts as one failure.
broken() { tell "$1" "FAILED"; count 0 1 0; }
left_out() { tell "$1" "skipped: $2"; count 0 0 1; }

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

log_of() { printf '%s' "$logs/$(printf '%s' "$1" | tr -c 'A-Za-z0-9\n' _).log"; }

# judged LABEL COMMAND...: a command of ours, judged by its log.
judged() {
  label=$1
  shift
  status=0
  "$@" >"$(log_of "$label")" 2>&1 || status=$?
  verdict "$label" "$status"
}

# verdict LABEL STATUS: what the last counting line of LABEL's log says,
# "N passed, M failed[, K skipped]".
verdict() {
  label=$1 status=$2 log=$(log_of "$1")
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
rm -f "$result"
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

fuzzer() {
  echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9; }' |
    clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null
}
if [ "$full" = yes ]; then
  . "$root/tests/full.sh"
elif fuzzer; then
  judged "fuzzing, 20 s" sh "$root/tests/fuzz/run.sh" 20
else
  left_out "fuzzing" "no clang with libFuzzer"
fi

# Races: the program in which two executors train at once.
if [ "$full" = no ]; then
  if build tsan program_two_executors; then
    suite "TSan: two executors" tsan -R '^program_two_executors$'
  else
    broken "TSan build"
  fi
fi

note "$(($(date +%s) - began)) seconds"
note "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
