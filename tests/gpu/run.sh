#!/bin/sh
# run.sh [BUILD [SOURCE [quick]]]: what only a machine with a GPU can say about the cuda
# provider. Runs a built tree; prints one summary; leaves the logs in $OUT, if that is set.
# First what must hold, many at once; then timings, alone; sanitizers last.
# Exit 0 all holds, 1 something does not, 77 there is no GPU (with how much was not run).
set -u
build=${1:-build/release}
source=${2:-.}
level=${3:-all}
fluidrt=$build/bin/fluidrt
logs=${OUT:-$(mktemp -d)}
golden=$source/tests/golden
digits=$golden/digits_mlp_lars.zip
results=$logs/summary.txt
: >"$results"

now() { date +%s; }
end=$(($(now) + ${FRT_GPU_SECONDS:-600})) # no part begins or goes on behind it
# part NAME SECONDS COMMAND...: runs it, keeps its log, notes how it ended.
part() {
  name=$1 limit=$2
  shift 2
  began=$(now)
  [ $((end - began)) -ge "$limit" ] || limit=$((end - began))
  if [ "$limit" -lt 5 ]; then
    echo "SKIP $name: no time left" | tee -a "$results"
    return
  fi
  timeout "$limit" "$@" >"$logs/$name.log" 2>&1
  code=$?
  case $code in
    0) word=PASS ;;
    77) word=SKIP ;;
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
  echo "skipped: 26 parts that want a GPU"
  exit 77
fi
tee -a "$results" <"$logs/providers.log"

# Four cases pin ops to device 'cpu': they want both places. Alone, cuda must run the rest.
part digits_cases 60 "$fluidrt" verify -p cuda "$digits" "$golden/lars_seed_static.zip" \
  "$golden/save_load_digits.zip"
part golden 120 "$fluidrt" verify -p cuda,cpu "$golden"
[ "$level" = quick ] && { grep -q '^FAIL' "$results" && exit 1; exit 0; }

# ---- what must hold: one process each ----------------------------------------------------
part golden_switch 120 "$fluidrt" verify --switch -p cpu,cuda "$golden" &
part conform_digits 60 "$fluidrt" conform cuda --case "$digits" --steps 3 &
part train 60 "$fluidrt" train "$source/models/digits" -p cuda --steps 200 \
  --data "$source/models/data/digits.npz" --compare "$digits" &
part same_bits 90 sh "$source/tests/gpu/same_bits.sh" "$fluidrt" "$source" cuda &
n=0
for ops in '[ab]*' 'c*' '[dg]*' 'e*' 'f*' '[h-k]*' 'l*' '[mno]*' '[pq]*' 'r*' 's*' '[t-z]*'; do
  n=$((n + 1))
  part "conform_$n" 240 "$fluidrt" conform cuda --ops "$ops" &
done
wait
note train 4
grep -h '^FAIL' "$logs"/conform_*.log | head -n 20 | tee -a "$results"

# ---- timings, one at a time --------------------------------------------------------------
part bench 120 "$build/bin/frt_gpu_bench" "$build/lib/fluidrt/frt_cuda.so"
note bench 24
part step_digits 60 "$build/bin/frt_bench_turns" "$source/models/digits" 64 cpu cuda
note step_digits 2
"$fluidrt" new mlp -q -o "$logs/mlp" --features 4096 --hidden 4096,4096 --classes 1024
part step_mlp 90 "$build/bin/frt_bench_turns" "$logs/mlp" 1024 cpu cuda
note step_mlp 2
rm -rf "$logs/mlp"
part peer_torch 90 python3 "$source/tests/bench/peer_torch.py" "$build" "$source/models" cuda
note peer_torch 4

# ---- sanitizers: only what one process does ----------------------------------------------
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck initcheck racecheck; do
    case=$digits
    [ $tool != initcheck ] || case=$golden/lars_seed_static.zip
    part "sanitize_$tool" 90 compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$fluidrt" verify -p cuda "$case" &
  done
  wait
else
  echo "SKIP sanitize: no compute-sanitizer" | tee -a "$results"
fi
echo "$(grep -c '^PASS' "$results") parts passed, $(grep -c '^FAIL (' "$results") failed" |
  tee -a "$results"
! grep -q '^FAIL (' "$results"
