# Sourced by tests/run.sh --full: the long checks. One core fuzzes for an hour; what needs
# no second one is judged beside it.

machine() {
  note "$(date -u +%Y-%m-%d), commit $(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)"
  note "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1), $(nproc) cores, $(
    . /etc/os-release && echo "$PRETTY_NAME")"
  note "$(gcc --version | head -n 1); OpenBLAS $(pkg-config --modversion openblas); $(
    cmake --version | head -n 1)"
}

# memcheck: the tests that are one program each, and the recorded cases, under valgrind.
# What it writes counts, not what a test says: there is no room for the virtual device's
# address spaces there, long double has 53 bits, and everything takes its time. Leaks are the
# address sanitizer's to find.
memcheck() {
  found=$root/build/release/Testing/Temporary
  rm -f "$found"/MemoryChecker.*.log
  ctest --test-dir "$root/build/release" -T memcheck -j 2 --timeout 1500 -L '^(unit|faults)$' \
    --overwrite "MemoryCheckCommand=$(command -v valgrind)" \
    --overwrite "MemoryCheckCommandOptions=-q --leak-check=no" || true
  for place in cpu reference; do
    log=$found/MemoryChecker.recorded.$place.log
    valgrind -q --leak-check=no --log-file="$log" "$fluidrt" verify -q -p $place \
      "$root/tests/golden" || echo "verify: failed" >>"$log"
  done
  all=0 bad=0
  for log in "$found"/MemoryChecker.*.log; do
    [ -e "$log" ] || break
    all=$((all + 1))
    [ -s "$log" ] || continue
    bad=$((bad + 1))
    echo "FAIL ${log##*/}"
    head -n 20 "$log"
  done
  echo "$((all - bad)) passed, $bad failed"
  [ "$bad" -eq 0 ] && [ "$all" -gt 0 ]
}

# OpenBLAS brings kernels for many processors; those that run here.
blas_kernels() {
  echo Prescott Nehalem
  for has in avx:Sandybridge avx2:Haswell avx2:Zen avx512f:SkylakeX; do
    if grep -q "^flags.* ${has%:*} " /proc/cpuinfo; then echo "${has#*:}"; fi
  done
}

machine
trap 'trap - INT TERM; kill 0' INT TERM # what fuzzes would go on
if fuzzer; then
  sh "$root/tests/fuzz/run.sh" 3600 "$root/build/fuzz" 1 >"$(log_of "fuzzing, 3600 s")" 2>&1 &
  fuzzing=$!
else
  fuzzing=
  left_out "fuzzing" "no clang with libFuzzer"
fi

# Values. Each of 10,000 seeds draws new ones for about one case of every tenth op (virtual,
# which waits on purpose: every hundredth); what has fixed values runs once.
for place in cpu:0.1 reference:0.1 virtual:0.01; do
  judged "conformance, 10,000 seeds, ${place%:*}" \
    "$fluidrt" conform "${place%:*}" --seeds 10000 --sample "${place#*:}"
done
judged "conformance, level full, cpu" "$fluidrt" conform cpu --level full --seeds 1
judged "conformance, networks, virtual" "$fluidrt" conform virtual --mode train
host=$root/build/release/lib/fluidrt-tests/frt_cuda_host.so
if [ -f "$host" ]; then
  judged "conformance, cuda's kernels on this machine" "$fluidrt" conform "$host"
else
  left_out "cuda's kernels on this machine" "no C++ compiler"
fi
if [ "$(uname -m)" = x86_64 ]; then
  for core in $(blas_kernels); do
    judged "conformance, cpu, OpenBLAS for $core" \
      env OPENBLAS_CORETYPE="$core" "$fluidrt" conform cpu
  done
fi
for other in /usr/lib/*/blas/libblas.so.3; do # the plain one of netlib
  [ -f "$other" ] || continue
  judged "conformance, cpu, reference BLAS" env LD_PRELOAD="$other" "$fluidrt" conform cpu
done

# Places.
judged "recorded cases, places switched each step" \
  "$fluidrt" verify --switch "$root/tests/golden"
judged "recorded cases, each op in turn on another device" \
  env FRT_VIRTUAL_COPY=late FRT_VIRTUAL_DELAY_US=0 "$fluidrt" verify -q --check-plans \
  --force-each -p virtual:0,virtual:1,cpu "$root/tests/golden"

# Memory, races, crashes.
for place in cpu reference; do
  judged "recorded cases under ASan, $place" env ASAN_OPTIONS=detect_leaks=1 \
    "$root/build/asan/bin/fluidrt" verify -p $place "$root/tests/golden"
  judged "conformance under ASan, $place" "$root/build/asan/bin/fluidrt" conform $place
done
export FRT_KILLS=200
suite "saving killed at 200 points" release -R '^unit_io_test_checkpoint$'
unset FRT_KILLS
if build tsan; then
  suite "TSan: everything" tsan -LE lint --timeout 900
else
  broken "TSan build of everything"
fi
if command -v valgrind >/dev/null 2>&1; then
  judged "valgrind: unit, faults, recorded cases" memcheck
else
  left_out "valgrind" "not installed"
fi

# The tests themselves.
judged "what the conformance suite notices" sh "$root/tests/mutants/run.sh"
if sh "$root/tests/coverage.sh" >"$logs/coverage.log" 2>&1; then
  note "$(grep '^total' "$logs/coverage.log" | tr -s ' ')"
  tell "coverage" "1 passed, 0 failed, 0 skipped"
  count 1 0 0
else
  tail -n 20 "$logs/coverage.log"
  broken "coverage"
fi

if [ -n "$fuzzing" ]; then
  status=0
  wait "$fuzzing" || status=$?
  verdict "fuzzing, 3600 s" "$status"
  grep '^ok' "$(log_of "fuzzing, 3600 s")" | tee -a "$result" || true
fi
