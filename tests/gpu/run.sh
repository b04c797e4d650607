#!/bin/sh
# run.sh [BUILD [SOURCE [quick]]]: what only a machine with a GPU can say about the cuda
# provider. Runs a built tree; prints one summary; leaves the logs in $OUT, if that is set.
# Exit 0 all holds, 1 something does not, 77 there is no GPU (with how much was not run).
set -u
build=${1:-build/release}
source=${2:-.}
level=${3:-all}
fluidrt=$build/bin/fluidrt
logs=${OUT:-$(mktemp -d)}
golden=$source/tests/golden
results=$logs/summary.txt
: >"$results"

now() { date +%s; }
# part NAME SECONDS COMMAND...: runs it, keeps its log, notes how it ended.
part() {
  name=$1 limit=$2
  shift 2
  began=$(now)
  timeout "$limit" "$@" >"$logs/$name.log" 2>&1
  code=$?
  case $code in
    0) word=PASS ;;
    124) word="FAIL (over $limit s)" ;;
    *) word="FAIL (exit $code)" ;;
  esac
  echo "$word $name ($(($(now) - began)) s): $(tail -n 1 "$logs/$name.log" | cut -c 1-150)" |
    tee -a "$results"
}
note() { sed "s/^/     /" "$logs/$1.log" | tail -n "$2" | tee -a "$results"; }

"$fluidrt" providers >"$logs/providers.log" 2>&1
if ! grep -q '^cuda  *usable' "$logs/providers.log"; then
  grep '^cuda' "$logs/providers.log" || echo "cuda: not built"
  echo "skipped: 12 parts that want a GPU"
  exit 77
fi
tee -a "$results" <"$logs/providers.log"

# Four cases pin ops to device 'cpu': they want both places. Alone, cuda must run the rest.
part digits_cases 60 "$fluidrt" verify -p cuda "$golden/digits_mlp_lars.zip" \
  "$golden/lars_seed_static.zip" "$golden/save_load_digits.zip"
part golden 120 "$fluidrt" verify -p cuda,cpu "$golden"
[ "$level" = quick ] && { grep -q FAIL "$results" && exit 1; exit 0; }
part golden_switch 120 "$fluidrt" verify --switch -p cpu,cuda "$golden"
part conform_digits 60 "$fluidrt" conform cuda --case "$golden/digits_mlp_lars.zip" --steps 3
part train 60 "$fluidrt" train "$source/models/digits" -p cuda --steps 200 \
  --data "$source/models/data/digits.npz" --compare "$golden/digits_mlp_lars.zip"
note train 4
part bench 120 "$build/bin/frt_gpu_bench" "$build/lib/fluidrt/frt_cuda.so"
note bench 20
part step_cpu 40 "$build/bin/frt_bench" "$source/models" cpu
note step_cpu 12
part step_cuda 40 "$build/bin/frt_bench" "$source/models" cuda
note step_cuda 12
part conform 240 "$fluidrt" conform cuda
grep FAIL "$logs/conform.log" | head -n 20 | tee -a "$results"
if command -v compute-sanitizer >/dev/null; then
  # Only what one process does: a training step and the golden case of lars.
  for tool in memcheck racecheck; do
    part "sanitize_$tool" 90 compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$fluidrt" verify -p cuda "$golden/digits_mlp_lars.zip"
  done
  part sanitize_ops 90 compute-sanitizer --tool racecheck --target-processes all \
    --error-exitcode 9 "$fluidrt" conform cuda --ops 'softmax*'
else
  echo "SKIP sanitize: no compute-sanitizer" | tee -a "$results"
fi
echo "$(grep -c '^PASS' "$results") parts passed, $(grep -c '^FAIL (' "$results") failed" |
  tee -a "$results"
! grep -q '^FAIL (' "$results"
