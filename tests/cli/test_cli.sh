#!/bin/sh
# Tests of the command `fluidrt`: what it writes, what it says, how it exits.
# FLUIDRT names the binary, FLUIDRT_SOURCE_DIR the source tree.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"

one_line() {
  checks=$((checks + 1))
  [ "$(wc -l <"$t/err")" -eq 1 ] || fail "not one line on stderr"
}

# npy FILE DTYPE SHAPE: an .npy header (version 1.0); the data is appended by others.
npy() {
  { printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '$2', 'fortran_order': False, 'shape': $3, }"; } >"$1"
}

verbs() {
  expect 0 --help
  for verb in run train verify inspect convert prune providers ops explain conform; do
    says out "  $verb "
  done
  expect 0 --version
  says out 'fluidrt '
  expect 64
  expect 64 trian
  says err "did you mean 'train'?"
  for verb in run train verify inspect convert prune providers ops explain; do
    expect 0 "$verb" --help
    says out '--provider'
    expect 64 "$verb" --no-such-option
  done
}

exit_statuses() {
  expect 64 run
  expect 64 run a b
  expect 64 run "$models/lars_seed" --feed inp
  expect 64 run "$models/lars_seed" --threads many
  expect 64 run "$models/lars_seed" -p ,
  one_line
  expect 66 run "$t/none.pdmodel"
  one_line
  says err "$t/none.pdmodel"
  printf 'no program' >"$t/text.pb"
  expect 65 run "$t/text.pb"
  one_line
  expect 66 run "$models/lars_seed" --feed inp="$t/none.npy"
  expect 65 run "$models/lars_seed" --feed inp="$t/text.pb"
  expect 69 run "$models/lars_seed" -p nosuch
  says err 'nosuch'
  expect 69 run "$models/lars_seed" -p cpu:99
  expect 65 run "$models/lars_seed" --feed inp="$t/inp.npy"
  says err 'not initialized'
  expect 65 run "$models/lars_seed" --feed imp="$t/inp.npy"
  says err "nearest is 'inp'"
  : >"$t/file"
  expect 73 run "$models/lars_seed/startup.pdmodel" --scope-out "$t/file/x"
  expect 73 convert "$models/lars_seed/main.pdmodel" "$t/none/x.pb"
  one_line
  expect 64 convert "$models/lars_seed/main.pdmodel" "$t/x.txt"
  expect 0 convert "$models/lars_seed/main.pbtxt" "$t/x.pb"
  is cmp "$models/lars_seed/main.pdmodel" "$t/x.pb"
  echo 'blocks { idx: nought }' >"$t/x.pbtxt"
  expect 65 convert "$t/x.pbtxt" "$t/y.pb"
  says err 'line 1, column 15'
  expect 0 check "$models/lars_seed/main.pbtxt"
  sed 's/"lars_momentum"/"lars_momentun"/' "$models/lars_seed/main.pbtxt" >"$t/x.pbtxt"
  expect 65 check "$t/x.pbtxt"
  says out "lars_momentun: this op is not known; nearest is 'lars_momentum'"
}

run_verb() {
  expect 0 run "$models/lars_seed/startup.pdmodel" --scope-out "$t/s0"
  is test -f "$t/s0/fc_0.w_0.npy"
  is test -f "$t/s0/learning_rate_0.npy"
  # A variable that the program does not know, with a slash and a percent sign.
  cp "$t/inp.npy" "$t/s0/not%2Fmine%25.npy"
  expect 0 run "$models/lars_seed" --scope-in "$t/s0" --scope-out "$t/s1" \
    --feed inp="$t/inp.npy" --fetch fc_0.w_0 --fetch fc_0.w_0@GRAD --out "$t/o1"
  is cmp "$t/o1/fc_0.w_0.npy" "$t/s1/fc_0.w_0.npy"
  is cmp "$t/inp.npy" "$t/s1/not%2Fmine%25.npy"
  is test -f "$t/o1/fc_0.w_0@GRAD.npy"
  checks=$((checks + 1))
  ! cmp -s "$t/s0/fc_0.w_0.npy" "$t/s1/fc_0.w_0.npy" || fail 'the parameter did not move'
  # The same by one process with --startup; and printed, as text and as JSON.
  expect 0 run "$models/lars_seed" --startup "$models/lars_seed/startup.pdmodel" \
    --scope-out "$t/s2" --feed inp="$t/inp.npy"
  is cmp "$t/s1/fc_0.w_0.npy" "$t/s2/fc_0.w_0.npy"
  expect 0 run "$models/lars_seed" --scope-in "$t/s0" --feed inp="$t/inp.npy" \
    --fetch fc_0.w_0@GRAD
  says out 'fc_0.w_0@GRAD float32 [2, 3]'
  expect 0 run "$models/lars_seed" --scope-in "$t/s0" --feed inp="$t/inp.npy" \
    --fetch fc_0.w_0@GRAD --json
  says out '"dtype": "float32"'
  is test ! -s "$t/err"
  # Update op 7 alone: the bias moves, the weight stays.
  expect 0 run "$models/lars_seed" --scope-in "$t/s0" --scope-out "$t/s3" \
    --feed inp="$t/inp.npy" --fetch-ops 7
  is cmp "$t/s0/fc_0.w_0.npy" "$t/s3/fc_0.w_0.npy"
  is cmp "$t/s1/fc_0.b_0.npy" "$t/s3/fc_0.b_0.npy"
}

files_verbs() {
  for p in "$models"/lars_seed/*.pdmodel "$models"/digits/*.pdmodel; do
    expect 0 convert "$p" "$t/copy.pb"
    is cmp "$p" "$t/copy.pb"
    expect 0 convert "$p" "$t/copy.pbtxt"
    is cmp "${p%.pdmodel}.pbtxt" "$t/copy.pbtxt"
  done
  expect 0 inspect "$models/digits" --stats
  says out 'feeds        img, label'
  expect 0 inspect "$models/digits" --ops --vars --attrs --json
  says out '"type": "lars_momentum"'
  expect 0 prune "$models/digits" --feed img --fetch softmax_0.tmp_0 --explain -o "$t/p.pb"
  expect 0 inspect "$t/p.pb"
  expect 65 prune "$models/digits" --fetch mean_0.tmp -o "$t/p.pb"
  says err 'nearest is'
  expect 0 providers -v
  says out 'cpu '
  says out 'reference '
  expect 0 providers --json
  cpu=$FLUIDRT_PROVIDER_PATH/frt_cpu.so
  expect 0 providers "$cpu"
  says out 'manifest  cpu 0.1.0, ABI 1.0'
  says out 'libopenblas.so'
  expect 0 providers -v "$cpu" --json
  says out '"op": "lars_momentum"'
  expect 69 providers -v "$p" "$cpu" # the first is no library; the second is still told
  says err 'not a shared library'
  says out 'loads     as cpu'
  expect 64 providers cpu
  says err 'wanted a path'
  expect 0 ops
  says out 'lars_momentum'
  expect 0 ops lars_momentum
  says out 'lars_weight_decay'
  expect 0 ops --format json
  expect 64 ops lars_momentun
  says err "did you mean 'lars_momentum'?"
  expect 0 explain "$models/digits" --batch 64
  says out 'lars_momentum'
  expect 0 explain "$models/digits" --feed-shape img=8,64 --feed-shape label=8,1 --json
}

# A case of our own making, to see that verify finds what is wrong with one.
make_case() {
  rm -rf "$t/case"
  mkdir -p "$t/case/step_000/feed"
  cp "$models/lars_seed/main.pdmodel" "$t/case/main.pb"
  cp "$models/lars_seed/startup.pdmodel" "$t/case/startup.pb"
  cp "$t/inp.npy" "$t/case/step_000/feed/inp.npy"
  "$FLUIDRT" run "$t/case/startup.pb" --scope-out "$t/case/init"
  "$FLUIDRT" run "$t/case/main.pb" --scope-in "$t/case/init" --scope-out "$t/case/final" \
    --feed inp="$t/inp.npy" --fetch fc_0.w_0@GRAD --out "$t/case/step_000/fetch"
  cat >"$t/case/case.json" <<'JSON'
{"name": "own", "kind": "static", "n_steps": 1,
 "programs": {"startup": "startup.pb", "main": "main.pb"},
 "persistables": ["fc_0.b_0", "fc_0.b_0_velocity_0", "fc_0.w_0", "fc_0.w_0_velocity_0",
                  "learning_rate_0"],
 "tolerance": {"rtol": 1e-5, "atol_of_max": 1e-6, "atol_floor": 1e-12},
 "steps": [{"step": 0, "program": "main", "feeds": ["inp"], "fetches": ["fc_0.w_0@GRAD"],
            "use_prune": false}]}
JSON
}
# Writes 4.0 (00 00 80 40) over element 1 of an .npy file of floats.
tamper() {
  printf '\000\000\200\100' | dd of="$1" bs=1 seek=132 conv=notrunc 2>/dev/null
}

verify_verb() {
  make_case
  expect 0 verify "$t/case"
  says out '1 passed, 0 failed, 0 skipped'
  tamper "$t/case/final/fc_0.w_0.npy"
  expect 1 verify "$t/case"
  says out "'fc_0.w_0': element [0, 1] of [2, 3]: got "
  says out 'want 4;'
  says out '0 passed, 1 failed, 0 skipped'
  make_case
  tamper "$t/case/init/fc_0.b_0.npy"
  expect 1 verify "$t/case"
  says out "init: 'fc_0.b_0': element [1] of [3]"
  for gone in final/fc_0.w_0_velocity_0.npy init/fc_0.w_0.npy step_000/fetch/fc_0.w_0@GRAD.npy \
              step_000/feed/inp.npy main.pb case.json; do
    make_case
    rm "$t/case/$gone"
    code=1
    [ "$gone" != case.json ] || code=66
    expect $code verify "$t/case"
  done
  expect 66 verify "$t/none.zip"
  head -c 3000 "$golden/lars_plain.zip" >"$t/half.zip"
  expect 1 verify "$t/half.zip"
  says out '0 passed, 1 failed, 0 skipped'
  expect 0 verify "$golden/lars_plain.zip" "$golden/executor_errors.zip"
  says out 'pinned by tests'
  says out '1 passed, 0 failed, 1 skipped'
  expect 0 verify --switch "$golden/digits_mlp_lars.zip"
  expect 0 verify --force-each "$golden/lars_plain.zip"
  says out 'ops forced'
  expect 64 verify --force-each -p cpu "$golden/lars_plain.zip"
  expect 0 verify --json "$golden/lars_plain.zip"
  says out '"passed": 1'
}

# An imperative case; $1: a sed command that breaks it.
make_script() {
  rm -rf "$t/script"
  mkdir "$t/script"
  sed "$1" >"$t/script/case.json" <<'JSON'
{"name": "own", "kind": "dygraph",
 "tolerance": {"rtol": 1e-5, "atol_of_max": 1e-6, "atol_floor": 1e-12},
 "script": [
  {"op": "guard"},
  {"op": "create_global_var", "name": "v", "shape": [1], "value": 0.5},
  {"op": "create_global_var", "name": "wide", "shape": [2], "value": 0.5},
  {"op": "optimizer", "name": "o", "type": "SGD", "learning_rate": 0.25, "args": {},
   "parameters": ["v"], "regularization": null, "grad_clip": null},
  {"op": "set_lr", "of": "o", "variable": "wide", "raises": "shape"},
  {"op": "record", "key": "error", "what": "error"},
  {"op": "set_lr", "of": "o", "variable": "v"},
  {"op": "record", "key": "rate", "what": "lr", "of": "o"}],
 "records": [{"key": "error", "error_kind": "shape"}, {"key": "rate", "value": 0.5}]}
JSON
}

verify_scripts() {
  make_script ''
  expect 0 verify "$t/script"
  says out '1 passed, 0 failed, 0 skipped'
  expect 0 verify --switch "$t/script"
  expect 0 verify --force-each "$t/script"
  says out '0 passed, 0 failed, 1 skipped'
  while IFS='|' read -r change words; do
    make_script "$change"
    expect 1 verify "$t/script"
    says out "$words"
  done <<'CASES'
s/"value": 0.5}]/"value": 0.75}]/|record: 'rate': element [0] of [1]: got 0.5, want 0.75
s/"error_kind": "shape"/"error_kind": "type"/|got "shape", want "type"
s/"raises": "shape"/"raises": "type"/|script step 4: set_lr: set_lr: value 'global_var_0.tmp_1' has shape [2]; wanted [1]
s/"shape": [[]2]/"shape": [1]/|script step 4: set_lr succeeded; wanted an error (shape)
s/"what": "lr"/"what": "mood"/|'mood' cannot be recorded here
s/"op": "guard"/"op": "dance"/|script step 0: 'dance' is no step that is known here
s/{"op": "guard"},//|'create_global_var' before the first guard
s/"records": [[]/&{"key": "more"}, /|record: 'more' was not made
s/"type": "SGD"/"type": "Guess"/|no such optimizer is known here
s/"parameters": [[]"v"]/"parameters": null/|parameter_list is not given; imperative mode needs it
s/"script": [[]/"scribble": [/|case.json: there is no script
CASES
}

train_verb() {
  expect 0 train "$models/digits" --compare "$golden/digits_mlp_lars.zip" --scope-out "$t/trained"
  says out 'largest difference to PaddlePaddle 1.8.5: '
  says out 'accuracy 0.96' # of the recorded run: 0.9639
  says out 'LARS local learning rates'
  says err 'step 100/100'
  is test -f "$t/trained/fc_0.w_0.npy"
  expect 0 train "$models/digits" --steps 3 --batch 8 --json -q
  says out '"steps": 3'
  is test ! -s "$t/err"
  expect 66 train "$models/digits" --data "$t/none.npz"
  expect 66 train "$models/lars_seed"
  says err '--data FILE.npz: which one holds the samples?'
  expect 64 train "$models/digits" --map img=nothing
  expect 64 train "$models/digits" --epochs 0
  expect 64 train "$models/digits" --epochs 2 --steps 5
  expect 66 train "$t/none"
  expect 64 train "$models/digits" --lr 0.1
  says err 'would conflict'
}

# Two short runs are one long one, to the bit; a checkpoint is written where asked.
resume_verb() {
  expect 0 train "$models/digits" --steps 40 -q --scope-out "$t/whole"
  expect 0 train "$models/digits" --steps 25 --save "$t/kept" --save-every 10
  says err 'kept/step-25'
  is test -d "$t/kept/step-20"
  is test ! -d "$t/kept/step-10"
  expect 0 train "$models/digits" --steps 40 --resume "$t/kept" -q --scope-out "$t/resumed"
  for file in "$t/whole"/*; do
    is cmp -s "$file" "$t/resumed/$(basename "$file")"
  done
  expect 64 train "$models/digits" --steps 10 --resume "$t/kept"
  expect 64 train "$models/digits" --steps 40 --resume "$t/kept" --seed 9
  says err 'draws would differ'
  expect 66 train "$models/digits" --resume "$t/whole"
  expect 64 train "$models/digits" --save-every 5
}

npy "$t/inp.npy" '<f4' '(2, 2)'
printf '\000\000\200\077\000\000\200\077\000\000\000\100\000\000\000\100' >>"$t/inp.npy"
: >"$t/out"
: >"$t/err"
verbs
exit_statuses
run_verb
files_verbs
verify_verb
verify_scripts
train_verb
resume_verb
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
