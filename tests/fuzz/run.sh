#!/bin/sh
# tests/fuzz/run.sh SECONDS [BUILD [JOBS]]: builds the harnesses with clang and libFuzzer and
# runs them for that many seconds in all, JOBS (1 or 2; default 2) at a time. An hour of both
# cores: run.sh 3600.
# Inputs that fail are left in BUILD/found; put them into tests/fuzz/finds/<harness>.
set -eu
seconds=${1:?usage: run.sh SECONDS [BUILD [JOBS]]}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${2:-$root/build/fuzz}
jobs=${3:-2}
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
ninja -C "$build" -j"$jobs" $names >"$build.log" 2>&1 || { tail -40 "$build.log"; exit 1; }

n=$(echo "$names" | wc -w)
each=$((seconds * jobs / n)); [ "$each" -gt 0 ] || each=1
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

# The finished harness's verdict; $running holds "name:pid" of those at work, oldest first.
running=
finish() {
  oldest=${running%% *} running=${running#* }
  status=0
  wait "${oldest#*:}" || status=$?
  report "${oldest%:*}" "$status"
}
for name in $names; do
  fuzz "$name" &
  running="$running$name:$! "
  # shellcheck disable=SC2086
  [ "$(echo $running | wc -w)" -lt "$jobs" ] || finish
done
while [ -n "$running" ]; do finish; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
