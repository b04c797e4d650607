#!/bin/sh
# tests/fuzz/run.sh SECONDS [BUILD]: builds the harnesses with clang and libFuzzer and runs
# them for that many seconds in all, two at a time. An hour: run.sh 3600.
# Inputs that fail are left in BUILD/found; put them into tests/fuzz/finds/<harness>.
set -eu
seconds=${1:?usage: run.sh SECONDS [BUILD]}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${2:-$root/build/fuzz}
mkdir -p "$build"

if ! command -v clang >/dev/null ||
   ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n){return d&&n>9;}' |
     clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
  echo "skipped: no clang with libFuzzer"
  exit 77
fi
flags="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
flags="$flags -fno-omit-frame-pointer -Wno-unknown-warning-option"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DFRT_FUZZ=ON \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O1 -g" \
  -DCMAKE_C_FLAGS="$flags" >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
names=$(cd "$here" && ls fuzz_*.c | sed 's/\.c$//')
# shellcheck disable=SC2086
ninja -C "$build" -j2 $names >"$build.log" 2>&1 || { tail -40 "$build.log"; exit 1; }

n=$(echo "$names" | wc -w)
each=$((seconds * 2 / n)); [ "$each" -gt 0 ] || each=1
mkdir -p "$build/found"

# One harness: its corpus grows in the build folder, seeds and finds come first.
fuzz() {
  what=${1#fuzz_}
  corpus=$build/corpus/$what
  mkdir -p "$corpus"
  set -- "$1" "$corpus"
  for dir in "$here/seeds/$what" "$here/finds/$what" "$here/seeds/models"; do
    case $dir:$what in */models:text|*/models:npy|*/models:paddle) continue ;; esac
    if [ -d "$dir" ]; then set -- "$@" "$dir"; fi
  done
  harness=$1; shift
  ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 \
    "$build/tests/$harness" -max_total_time="$each" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$build/found/$what-" "$@" >"$build/found/$what.log" 2>&1
}

passed=0 failed=0
report() { # harness status
  what=${1#fuzz_}
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/found/$what.log" | tail -1)
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok   $1: ${runs:-?} executions in $each s"
  else
    failed=$((failed + 1))
    echo "FAIL $1: ${runs:-?} executions; see $build/found/$what.log"
    grep -a -m 3 -E 'ERROR|SUMMARY|runtime error|: cpu|is .* on cpu' "$build/found/$what.log" || true
  fi
}

first=
for name in $names; do
  fuzz "$name" & pid=$!
  if [ -n "$first" ]; then
    status=0; wait "$first_pid" || status=$?; report "$first" "$status"
    status=0; wait "$pid" || status=$?; report "$name" "$status"
    first=
  else
    first=$name first_pid=$pid
  fi
done
if [ -n "$first" ]; then
  status=0; wait "$first_pid" || status=$?; report "$first" "$status"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
