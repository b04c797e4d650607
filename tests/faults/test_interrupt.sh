#!/bin/sh
# Ctrl-C at the command: it stops after the op it is at, says so, exits 130, and what it
# was to keep is kept (3g: 223, 3h: 236). FLUIDRT names the binary.
. "$FLUIDRT_SOURCE_DIR/tests/cli/lib.sh"

# interrupted COMMAND...: runs it, waits until it listens to SIGINT (a shell starts its
# background jobs deaf to it) and `ready` says that it is at work, interrupts it.
listens() { grep -q '^SigCgt:.*[2367abef]$' "/proc/$id/status"; }
interrupted() {
  "$FLUIDRT" "$@" >"$t/out" 2>"$t/err" </dev/null &
  id=$!
  i=0
  until { listens && ready; } || [ "$i" -ge 200 ]; do sleep 0.1; i=$((i + 1)); done
  kill -INT "$id"
  i=0
  while kill -0 "$id" 2>/dev/null && [ "$i" -lt 200 ]; do sleep 0.1; i=$((i + 1)); done
  kill -KILL "$id" 2>/dev/null && fail "not stopped after 20 s: fluidrt $*"
  got=0
  wait "$id" || got=$?
  checks=$((checks + 1))
  [ "$got" -eq 130 ] || fail "exit $got, want 130: fluidrt $*"
}

# i = 0; while (i <= i) i += 0
tensor() { echo "vars { name: '$1' type { type: LOD_TENSOR lod_tensor { tensor { data_type: $2 dims: 1 } } } }"; }
{
  echo "blocks { idx: 0 parent_idx: -1"
  tensor i FP32
  tensor go BOOL
  echo "vars { name: 's' type { type: STEP_SCOPES } }
    ops { type: 'fill_constant' outputs { parameter: 'Out' arguments: 'i' }
      attrs { name: 'shape' type: LONGS longs: 1 } attrs { name: 'dtype' type: INT i: 5 }
      attrs { name: 'value' type: FLOAT f: 0 } }
    ops { type: 'less_equal' inputs { parameter: 'X' arguments: 'i' }
      inputs { parameter: 'Y' arguments: 'i' } outputs { parameter: 'Out' arguments: 'go' } }
    ops { type: 'while' inputs { parameter: 'X' arguments: 'i' }
      inputs { parameter: 'Condition' arguments: 'go' }
      outputs { parameter: 'Out' arguments: 'i' } outputs { parameter: 'StepScopes' arguments: 's' }
      attrs { name: 'sub_block' type: BLOCK block_idx: 1 } } }
  blocks { idx: 1 parent_idx: 0
    ops { type: 'increment' inputs { parameter: 'X' arguments: 'i' }
      outputs { parameter: 'Out' arguments: 'i' } attrs { name: 'step' type: FLOAT f: 0 } } }"
} >"$t/endless.pbtxt"
ready() { sleep 0.3; }
interrupted run "$t/endless.pbtxt" --fetch i
says err cancelled

# A training that would take days: its checkpoint is written, whole, and goes on.
ready() { grep -q . "$t/out" || grep -q . "$t/err"; }
interrupted train "$models/digits" --steps 100000000 --log-every 10 --save "$t/kept"
is test -f "$t/kept/LATEST"
step=$(sed 's/^step-//' "$t/kept/LATEST")
is test "$step" -gt 0
is test -z "$(find "$t/kept" -name '*.tmp*')"
expect 0 train "$models/digits" --steps $((step + 3)) --resume "$t/kept" --save "$t/more"
is test -f "$t/more/step-$((step + 3))/%manifest"

echo "$((checks - failures)) passed, $failures failed"
[ "$failures" -eq 0 ]
