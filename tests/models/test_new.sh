#!/bin/sh
# Tests of fluidrt new: the committed models come out of it again; what it writes is
# sound, trains, and is whole or not there. SAME compares two programs as graphs.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"
: "${SAME:?the comparison}"
: >"$t/out"
: >"$t/err"

same_graph() {
  checks=$((checks + 1))
  "$SAME" "$1" "$2" >"$t/out" 2>&1 || fail "not the same graph: $1 $2"
}

# lars_seed and digits are Paddle's own files: the same graphs. five_ops is ours: the
# same bytes.
committed_models() {
  expect 0 new lars-seed -o "$t/lars_seed"
  says err 'main 9 ops'
  expect 0 new digits -o "$t/digits" -q
  is test ! -s "$t/err"
  for model in lars_seed digits; do
    for file in "$models/$model"/*.pdmodel; do
      same_graph "$t/$model/$(basename "$file")" "$file"
    done
  done
  expect 0 new five-ops -o "$t/five_ops"
  for file in "$models"/five_ops/*.pdmodel "$models"/five_ops/*.pbtxt; do
    is cmp "$t/five_ops/$(basename "$file")" "$file"
  done
}

# The comparison can fail: another size, another rate, one more layer.
comparison_can_fail() {
  for option in '--hidden 127' '--momentum 0.8' '--hidden 128,128' '--seed 1'; do
    # shellcheck disable=SC2086 # two words on purpose
    expect 0 new digits -o "$t/other" --force -q $option
    checks=$((checks + 1))
    "$SAME" "$t/other/main.pdmodel" "$models/digits/main.pdmodel" >"$t/out" 2>&1 &&
      "$SAME" "$t/other/startup.pdmodel" "$models/digits/startup.pdmodel" >"$t/out" 2>&1 &&
      fail "the same in spite of $option"
  done
}

text_and_binary_agree() {
  for model in mlp embedding digits lenet; do
    expect 0 new $model -o "$t/$model" --force -q
    for stem in startup main test; do
      expect 0 convert "$t/$model/$stem.pbtxt" "$t/back.pdmodel"
      is cmp "$t/back.pdmodel" "$t/$model/$stem.pdmodel"
      expect 0 check "$t/$model/$stem.pdmodel"
      says out '0 errors, 0 warnings'
    done
    is grep -q "$model" "$t/$model/README.md"
  done
  is test -z "$(find "$t" -name '*.tmp*')"
}

# learns NAME FOLDER STEPS: better than by chance, which is 0.1.
learns() {
  expect 0 train "$2" --data "$models/data/digits.npz" --steps "$3" --json -q
  checks=$((checks + 1))
  sed -n 's/.*"test_accuracy": *\([0-9.]*\).*/\1/p' "$t/out" |
    awk '{ exit !($1 > 0.4) }' || fail "$1 does not learn"
}

sizes_and_updates() {
  expect 0 new mlp -o "$t/sized" --features 5 --hidden 7,6 --classes 3 --batch 2 \
    --optimizer adam --lr 0.01 --l2 0.001 --clip 5 -q
  expect 0 inspect "$t/sized" --vars
  says out 'x  float32 [2, 5]'
  says out 'fc_0.w_0  float32 [5, 7]'
  says out 'fc_1.w_0  float32 [7, 6]'
  says out 'fc_2.w_0  float32 [6, 3]'
  says out 'fc_2.w_0_moment1_0'
  expect 0 new mlp -o "$t/line" --classes 1 -q
  expect 0 inspect "$t/line" --ops
  says out 'square'
  expect 0 new embedding -o "$t/emb" --vocab 50 --width 4 --tokens 3 --classes 5 -q
  expect 0 inspect "$t/emb" --vars
  says out 'embedding_0.w_0  float32 [50, 4]'
  says out 'ids  int64 [-1, 3]'
  expect 0 new lenet -o "$t/images" -q
  expect 0 inspect "$t/images" --ops
  says out 'conv2d_grad'
  says out 'batch_norm_grad'
  learns lenet "$t/images" 60
  for name in lars sgd momentum adam adamax adagrad decayed_adagrad adadelta rmsprop ftrl \
              lamb; do
    expect 0 new digits -o "$t/by_$name" --hidden 16 --optimizer $name -q
    learns $name "$t/by_$name" 80
  done
}

refusals() {
  expect 64 new
  says err 'which MODEL?'
  expect 64 new digit
  says err "did you mean 'digits'?"
  expect 64 new digits mlp
  expect 64 new digits --hiden 3
  says err "did you mean '--hidden'?"
  expect 64 new digits --hidden 0
  expect 64 new digits --hidden x
  expect 64 new digits --hidden 1,2,3,4,5,6,7,8,9
  says err 'at most 8 layers'
  expect 64 new digits --lr fast
  expect 64 new digits --lr -1
  expect 64 new digits --vocab 3
  says err 'digits takes no --vocab; it takes --hidden'
  expect 64 new five-ops --lr 1
  says err 'takes none'
  expect 64 new digits --optimizer adm
  says err 'nearest is adam'
  expect 73 new digits -o "$t/digits"
  says err '--force'
  : >"$t/file"
  expect 73 new digits -o "$t/file/x"
  expect 73 new digits -o "$t/file"
}

committed_models
comparison_can_fail
text_and_binary_agree
sizes_and_updates
refusals
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
