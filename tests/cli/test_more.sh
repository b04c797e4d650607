#!/bin/sh
# More tests of the command `fluidrt`: checking, JSON of every verb, options that are
# refused, and what goes wrong late. FLUIDRT names the binary, FLUIDRT_SOURCE_DIR the tree.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"
# Standard output is one JSON value.
is_json() {
  checks=$((checks + 1))
  if command -v python3 >/dev/null 2>&1; then
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$t/out" 2>/dev/null ||
      fail 'not JSON'
  fi
}

seed=$models/lars_seed

check_verb() {
  expect 64 check
  expect 64 check a b
  expect 64 check "$seed" --batch many
  expect 66 check "$t/none.pb"
  expect 0 check "$seed" --feed inp --fetch reduce_sum_0.tmp_0 --batch 4 --json
  is_json
  says out '"errors": 0'
  expect 65 check "$seed" --feed imp
  says out "nearest is 'inp'"
  expect 65 check "$seed" --fetch nosuch --json
  is_json
  says out '"severity": "error"'
  says out 'nosuch'
  sed 's/"lars_momentum"/"lars_momentun"/' "$seed/main.pbtxt" >"$t/bad.pbtxt"
  expect 65 check "$t/bad.pbtxt" --json
  is_json
  says out '"op_type": "lars_momentun"'
  expect 0 check "$models/digits/test.pdmodel"
  says out '0 errors'
  expect 0 check "$seed" --strict
}

json_of_every_verb() {
  expect 0 inspect "$models/digits" --json
  is_json
  expect 0 inspect "$models/digits" --ops --vars --attrs
  says out 'lars_momentum'
  expect 0 inspect "$models/digits" --vars
  says out 'fc_0.w_0'
  expect 0 inspect "$models/digits" --stats --json
  is_json
  expect 0 prune "$models/digits" --feed img --fetch softmax_0.tmp_0 --json
  is_json
  says out '"kept"'
  expect 0 explain "$models/digits" --batch 8 --fetch mean_0.tmp_0 --prune --json
  is_json
  says out '"state":"pruned"'
  expect 0 providers --json
  is_json
  expect 0 providers -v
  says out 'frt_cpu.so'
  expect 0 ops --format json
  is_json
  expect 0 ops clip --format md
  says out 'clip'
  expect 0 ops clip --format json
  is_json
  expect 64 ops --format html
  expect 0 ops --json
  is_json
  expect 0 conform cpu --ops clip --json
  is_json
  expect 0 verify --json "$golden/lars_plain.zip" "$golden/executor_errors.zip"
  is_json
  expect 0 train "$models/digits" --steps 2 --json -q
  is_json
}

conform_verb() {
  expect 64 conform
  expect 64 conform cpu reference
  expect 64 conform cpu --level deep
  expect 64 conform cpu --feed img
  expect 64 conform cpu --feed img=x.npy
  expect 64 conform cpu --steps 0 --program "$seed"
  expect 64 conform cpu --steps 1
  expect 64 conform cpu --level load --program "$seed"
  expect 64 conform cpu --ops 'no_such_*'
  says err 'no op matches'
  expect 66 conform nosuch
  expect 66 conform cpu --program "$t/none"
  expect 66 conform cpu --case "$t/none.zip"
  expect 65 conform cpu --case "$golden/executor_errors.zip"
  expect 0 conform cpu --ops 'clip*' --verbose --seed 3
  says out ' passed, 0 failed'
}

conform_a_program_with_feeds() {
  expect 0 conform reference --program "$seed" --feed inp="$t/inp.npy" --steps 2
  says out ' passed, 0 failed'
  expect 0 conform cpu --program "$seed/main.pdmodel" --startup "$seed/startup.pdmodel" \
    --feed inp="$t/inp.npy" --json
  is_json
  expect 66 conform cpu --program "$seed" --feed inp="$t/none.npy"
  expect 1 conform cpu --program "$seed" --feed imp="$t/inp.npy"
  says out "'inp' has no value"
}

convert_verb() {
  expect 64 convert "$seed/main.pdmodel"
  expect 64 convert a.pb b.pb c.pb
  expect 64 convert "$seed/main.pdmodel" "$t/x.pb" --strip everything
  # No op_callstack in these, so that stripping changes nothing.
  expect 0 convert "$seed/main.pdmodel" "$t/x.pb" --strip callstack
  is cmp "$seed/main.pdmodel" "$t/x.pb"
  expect 73 convert "$seed/main.pdmodel" "$t/none/x.pbtxt"
  sed 's/^  ops {$/  ops {\
    attrs { name: "op_callstack" type: STRINGS strings: "a" strings: "b" }/' \
    "$seed/main.pbtxt" >"$t/stack.pbtxt"
  expect 0 convert "$t/stack.pbtxt" "$t/bare.pb" --strip callstack
  is cmp "$seed/main.pdmodel" "$t/bare.pb"
  expect 0 convert "$t/stack.pbtxt" "$t/stack.pb"
  checks=$((checks + 1))
  ! cmp -s "$seed/main.pdmodel" "$t/stack.pb" || fail 'the call stack was not there'
}

prune_verb() {
  expect 64 prune "$seed"
  expect 64 prune a b -o "$t/p.pb" --fetch x
  expect 64 prune --fetch x -o "$t/p.pb"
  expect 64 prune "$seed" -o "$t/p.pb"
  expect 64 prune "$seed" --fetch-ops one -o "$t/p.pb"
  expect 65 prune "$seed" --fetch-ops 0 -o "$t/p.pb"
  expect 65 prune "$seed" --fetch-ops 99 -o "$t/p.pb"
  expect 0 prune "$seed" --feed inp --fetch-ops 7 --paddle-rule --explain
  says out ' ops stay'
  expect 73 prune "$seed" --fetch reduce_sum_0.tmp_0 -o "$t/none/p.pb"
}

run_options() {
  expect 64 run "$seed" --mem-limit much
  expect 64 run "$seed" --mem-limit 99999999999999999999G
  expect 64 run "$seed" --seed -1
  expect 64 run "$seed" --fetch-ops x
  expect 0 run "$seed" --startup "$seed/startup.pdmodel" --feed inp="$t/inp.npy" \
    --mem-limit 1M --check-nan --no-reuse --no-fuse --threads 1 --seed 4 -q
  is test ! -s "$t/out"
  expect 65 run "$seed" --startup "$seed/startup.pdmodel" --feed inp="$t/inp.npy" \
    --fetch nosuch
  expect 65 run "$seed" --startup "$seed/startup.pdmodel" --feed inp="$t/label.npy"
  expect 0 run "$seed/startup.pdmodel" --fetch fc_0.w_0 --json
  is_json
  expect 0 run "$seed" --startup "$seed/startup.pdmodel" --feed inp="$t/inp.npy" \
    --fetch reduce_sum_0.tmp_0 --prune
  says out 'reduce_sum_0.tmp_0 float32 [1]'
  "$FLUIDRT" run "$seed" --startup "$seed/startup.pdmodel" --feed inp="$t/inp.npy" \
    --mem-limit 10 >"$t/out" 2>"$t/err"
  is test $? -ne 0
  says err 'the limit is 10'
}

explain_options() {
  expect 64 explain
  expect 64 explain a b
  expect 64 explain "$seed" --batch none
  expect 64 explain "$seed" --feed-shape inp
  expect 64 explain "$seed" --feed-shape inp=2,x
  expect 65 explain "$seed" --feed-shape imp=2,2
  expect 65 explain "$seed" --fetch nosuch
  expect 69 explain "$seed" -p nosuch
  expect 0 explain "$seed" --feed-shape inp=2,2 --no-fuse -p reference,cpu
  says out '0 are fused into 0'
}

train_options() {
  for word in '--steps x' '--batch 0' '--test-share 101' '--lr fast' \
              '--map img' '--shuffle-seed -1' '--log-every x'; do
    # shellcheck disable=SC2086 # two words on purpose
    expect 64 train "$models/digits" $word
  done
  expect 64 train
  expect 64 train a b
  expect 0 train "$models/digits" --steps 3 --batch 16 --shuffle-seed 6 --split-seed 1 \
    --test-share 10 --log-every 1 --fetch mean_0.tmp_0
  says err 'step 3/3'
}

npy() {
  { printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '$2', 'fortran_order': False, 'shape': $3, }"; } >"$1"
}
npy "$t/inp.npy" '<f4' '(2, 2)'
printf '\000\000\200\077\000\000\200\077\000\000\000\100\000\000\000\100' >>"$t/inp.npy"
npy "$t/label.npy" '<i8' '(1, 1)'
printf '\000\000\000\000\000\000\000\000' >>"$t/label.npy"
: >"$t/out"
: >"$t/err"
check_verb
json_of_every_verb
conform_verb
conform_a_program_with_feeds
convert_verb
prune_verb
run_options
explain_options
train_options
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
