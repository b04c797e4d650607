#!/bin/sh
# explain, check --plan and train --over, as people use them.
. "$(dirname "$0")/lib.sh"
digits=$models/digits

# A plan is proved, or it is said why there is none.
check_plan() {
  expect 0 check "$digits" --plan -p cpu --batch 8
  says out 'every read finds what was written'
  expect 0 check "$digits" --plan -p virtual,cpu --feed-shape img=8,64 --feed-shape label=8,1 --json
  says out '"unplaced": 0'
  expect 64 check "$digits" --feed-shape img=8,64
  expect 64 check "$digits" --plan --feed-shape img
  expect 65 check "$digits" --plan --feed-shape imp=8,64
  FRT_VIRTUAL_FAULT=refuse:mean expect 65 check "$digits" --plan -p virtual
  says err '1 ops cannot run on these places'
}

# The device's share as a gate.
min_share() {
  expect 0 explain "$digits" -p virtual,cpu -q --min-share virtual=95%
  is test ! -s "$t/out"
  FRT_VIRTUAL_FAULT=refuse:lars_momentum expect 1 explain "$digits" -p virtual,cpu -q \
    --min-share virtual=95% --batch 64
  says err 'of the predicted cost (49 of 53 ops); wanted 95 %'
  says out 'op #60 lars_momentum runs on cpu, costs 2 copies, 65536 bytes, each run; virtual says no: disabled'
  is test "$(wc -l <"$t/out")" = 4
  expect 64 explain "$digits" --min-share cpu
  expect 64 explain "$digits" --min-share cpu=101
  expect 64 explain "$digits" -p cpu --min-share cup=1
}

# Neither a device nor a driver is needed.
no_hardware() {
  FRT_VIRTUAL_DEVICES=0 expect 0 explain "$digits" -p virtual,cpu
  says out 'NOT HERE, answers from its table: provider '
  says out '53 of 53 ops'
  FRT_VIRTUAL_DEVICES=0 expect 69 run "$digits" -p virtual
  FRT_VIRTUAL_DEVICES=0 expect 0 verify -p virtual,cpu "$FLUIDRT_SOURCE_DIR/tests/golden/lars_seed_static.zip"
  says err "place 'virtual' is skipped: provider 'virtual' has no device: FRT_VIRTUAL_DEVICES is 0; its ops go to cpu"
}

# op_device "cpu" on a list without it: refused, and told what to add.
strict_says_what_to_add() {
  sed '/name: "op_device"/,/ s: /s/ s: ""/ s: "cpu"/' "$digits/startup.pbtxt" >"$t/startup.pbtxt"
  expect 69 run "$t/startup.pbtxt" -p virtual
  says err "not in the place list 'virtual'; add it: -p virtual,cpu"
  expect 0 run "$t/startup.pbtxt" -p virtual,cpu
}

# Two runs, one picture.
train_over() {
  expect 0 train "$digits" --steps 20 -p cpu -q --losses "$t/first.json"
  FRT_VIRTUAL_BASE=cpu expect 0 train "$digits" --steps 20 -p virtual -q --over "$t/first.json"
  says out 'all 20 losses are the same, to the bit'
  says out 'each step runs 53 kernels, copies '
  expect 0 train "$digits" --steps 20 -p cpu -q --shuffle-seed 6 --over "$t/first.json"
  says out 'of 20 losses differ'
  expect 66 train "$digits" --steps 20 --over "$t/none.json"
  echo '{}' >"$t/empty.json"
  expect 65 train "$digits" --steps 20 --over "$t/empty.json"
  expect 73 train "$digits" --steps 20 -q --losses "$t/none/first.json"
}

# Measured beside predicted; what was run, as a trace viewer reads it.
is_json() {
  checks=$((checks + 1))
  python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$1" 2>/dev/null ||
    ! command -v python3 >/dev/null || fail "no JSON: $1"
}
profile_and_trace() {
  expect 0 explain "$digits" -p virtual,cpu --batch 16 --run 4 --trace "$t/trace.json"
  says out ' of the measured time'
  is test "$(grep -c ' us, .*% (predicted ' "$t/out")" -ge 47
  is_json "$t/trace.json"
  is grep -q '"ph":"X","name":"lars_momentum","cat":"kernel","pid":1,"tid":0,"ts":' "$t/trace.json"
  is grep -q '"cat":"copy".*"bytes":4096,"from":"host","to":"virtual"' "$t/trace.json"
  is grep -q '"ph":"s","name":"copy"' "$t/trace.json"
  is test "$(grep -c '"ph":"s"' "$t/trace.json")" = "$(grep -c '"ph":"f"' "$t/trace.json")"
  expect 0 train "$digits" -p cpu --steps 8 -q --profile "$t/profile.json" --trace "$t/trace.json"
  is_json "$t/profile.json"
  is_json "$t/trace.json"
  is test "$(grep -c '"time_percent":' "$t/profile.json")" -ge 47
  expect 0 run "$models/lars_seed" --startup "$models/lars_seed/startup.pdmodel" \
    --profile "$t/profile.json"
  expect 73 train "$digits" --steps 1 -q --trace "$t/none/trace.json"
  expect 73 train "$digits" --steps 1 -q --profile "$t/none/profile.json"
  expect 64 explain "$digits" --run many
  FRT_VIRTUAL_DEVICES=0 expect 69 explain "$digits" -p virtual --run 1
}

check_plan
min_share
no_hardware
strict_says_what_to_add
train_over
profile_and_trace
echo "$checks checks, $failures failures"
[ "$failures" = 0 ]
