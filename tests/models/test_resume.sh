#!/bin/sh
# Training that is stopped and goes on: to the very bits of one long run, also after
# Ctrl-C, and also where it was stopped on another device.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"
: >"$t/out"
: >"$t/err"
digits=$models/digits
FRT_VIRTUAL_BASE=cpu
FRT_VIRTUAL_DELAY_US=0
export FRT_VIRTUAL_BASE FRT_VIRTUAL_DELAY_US

# equal A B: the same files with the same bytes.
equal() {
  is test "$(ls "$1")" = "$(ls "$2")"
  for file in "$1"/*; do is cmp "$file" "$2/$(basename "$file")"; done
}

# over STOPPED RESUMED: 25 steps there, 15 here, and 40 in one piece on RESUMED.
over() {
  rm -rf "$t/kept" "$t/resumed"
  expect 0 train "$digits" --steps 25 -q -p "$1" --save "$t/kept" --save-every 10
  expect 0 train "$digits" --steps 40 -q -p "$2" --resume "$t/kept" --scope-out "$t/resumed"
  equal "$3" "$t/resumed"
}

# What is the same on both sides: cpu and the devices over it; reference and those over it.
other_places() {
  expect 0 train "$digits" --steps 40 -q -p cpu --scope-out "$t/cpu"
  over cpu cpu "$t/cpu"
  over cpu virtual "$t/cpu"
  over virtual cpu "$t/cpu"
  over virtual:1 virtual,cpu "$t/cpu"
  FRT_VIRTUAL_BASE=reference
  expect 0 train "$digits" --steps 40 -q -p reference --scope-out "$t/reference"
  over reference virtual "$t/reference"
  FRT_VIRTUAL_BASE=cpu
  # Where the kernels differ the bits do: the comparison can fail.
  checks=$((checks + 1))
  cmp -s "$t/cpu/fc_0.w_0.npy" "$t/reference/fc_0.w_0.npy" && fail 'all the same'
  # From reference to cpu it goes on, and ends near.
  expect 0 train "$digits" --steps 25 -q -p reference --save "$t/ref"
  expect 0 train "$digits" --steps 40 -q -p cpu --resume "$t/ref" --json
  says out '"steps": 40'
}

# Draws go on where they were: dropout with the executor's seed.
random_goes_on() {
  expect 0 convert "$digits/main.pdmodel" "$t/main.pbtxt"
  expect 0 convert "$digits/startup.pdmodel" "$t/startup.pbtxt"
  sed -i 's/i: 1234/i: 0/' "$t/startup.pbtxt"
  mkdir "$t/drawn"
  expect 0 convert "$t/startup.pbtxt" "$t/drawn/startup.pdmodel"
  cp "$digits/main.pdmodel" "$digits/test.pdmodel" "$t/drawn"
  set -- "$t/drawn" --data "$models/data/digits.npz" --seed 77 -q
  expect 0 train "$@" --steps 30 --scope-out "$t/long"
  expect 0 train "$@" --steps 12 --save "$t/drawn/kept"
  expect 0 train "$@" --steps 30 --resume "$t/drawn/kept" --scope-out "$t/short"
  equal "$t/long" "$t/short"
}

# Ctrl-C after some steps: 130, a checkpoint, its place on stderr, and on from there.
interrupted() {
  "$FLUIDRT" --version >"$t/out"
  env --default-signal=INT "$FLUIDRT" train "$digits" --steps 10000000 --log-every 1 \
    --save "$t/stopped" --report "$t/stopped.html" >"$t/out" 2>"$t/err" </dev/null &
  child=$!
  tries=0
  while ! grep -q 'step 3/' "$t/err" && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -INT $child
  wait $child
  code=$?
  checks=$((checks + 1))
  [ $code -eq 130 ] || fail "exit $code, want 130"
  says err "checkpoint $t/stopped/step-"
  step=$(sed -n 's/step-//p' "$t/stopped/LATEST")
  is test "$step" -ge 3
  is grep -q '</body></html>' "$t/stopped.html"
  [ "$step" -lt 200000 ] || return 0 # a very fast machine: the long run would take a while
  expect 0 train "$digits" --steps $((step + 5)) -q --scope-out "$t/uninterrupted"
  expect 0 train "$digits" --steps $((step + 5)) -q --resume "$t/stopped" --scope-out "$t/on"
  equal "$t/uninterrupted" "$t/on"
}

# Without --save nothing is written, and it says what was lost is lost.
interrupted_without_save() {
  env --default-signal=INT "$FLUIDRT" train "$digits" --steps 10000000 --log-every 1 \
    >"$t/out" 2>"$t/err" </dev/null &
  child=$!
  tries=0
  while ! grep -q 'step 3/' "$t/err" && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -INT $child
  wait $child
  code=$?
  checks=$((checks + 1))
  [ $code -eq 130 ] || fail "exit $code, want 130"
  says err 'nothing was kept; --save DIR keeps'
}

other_places
random_goes_on
interrupted
interrupted_without_save
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
