#!/bin/sh
# Tests of fluidrt export, of running what it wrote, of parameters converted between
# Paddle's files, npz and safetensors, and of train --report.
# FLUIDRT names the binary, FLUIDRT_SOURCE_DIR the source tree.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"
isnt() {
  checks=$((checks + 1))
  "$@" >/dev/null 2>&1 && fail "so after all: $*"
}

# A trained state in three shapes: a checkpoint, V.npy, and Paddle's files.
train() {
  expect 0 train "$models/digits" --steps 20 -q --save "$t/ck" --scope-out "$t/vars" \
    --report "$t/report.html"
  # 2 images of 64 pixels, all zero: an .npy written by hand.
  { printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 64), }"
    head -c 512 /dev/zero; } >"$t/img.npy"
}

export_verb() {
  expect 0 export "$models/digits" --checkpoint "$t/ck" --feed img \
    --fetch softmax_0.tmp_0 -o "$t/inf"
  says err '4 parameters, 1 feeds, 1 fetches'
  is test -f "$t/inf/__model__"
  is test -f "$t/inf/fc_1.b_0"
  isnt test -e "$t/inf/learning_rate"
  expect 0 export "$models/digits" --scope-in "$t/vars" --feed img \
    --fetch softmax_0.tmp_0,fc_1.tmp_1 -o "$t/two" --combined
  is test -f "$t/two/__params__"
  isnt test -e "$t/two/fc_1.b_0"
  # What was exported is a source of parameters too: its folder, and its one file.
  expect 0 export "$models/digits" --params "$t/inf" --feed img --fetch softmax_0.tmp_0 \
    -o "$t/inf2" -q
  is cmp "$t/inf/__model__" "$t/inf2/__model__"
  is cmp "$t/inf/fc_0.w_0" "$t/inf2/fc_0.w_0"
  expect 0 export "$models/digits" --params "$t/two/__params__" --feed img \
    --fetch softmax_0.tmp_0 -o "$t/inf3" -q
  is cmp "$t/inf/fc_0.w_0" "$t/inf3/fc_0.w_0"
  # A folder that has feed and fetch ops needs no names.
  expect 0 export "$t/inf" --params "$t/inf" -o "$t/inf4" -q
  is cmp "$t/inf/fc_0.w_0" "$t/inf4/fc_0.w_0"
}

export_refusals() {
  expect 64 export "$models/digits"
  expect 64 export "$models/digits" -o "$t/no" --feed img --fetch softmax_0.tmp_0
  expect 64 export "$models/digits" -o "$t/no" --params "$t/inf"
  expect 64 export "$models/digits" -o "$t/no" --params "$t/inf" --checkpoint "$t/ck" \
    --fetch softmax_0.tmp_0
  expect 65 export "$models/digits" -o "$t/no" --params "$t/inf" --feed img,label \
    --fetch softmax_0.tmp_0
  says err "feed 'label': no target needs it"
  expect 65 export "$models/digits" -o "$t/no" --params "$t/inf" --fetch softmax_0.tmp_0
  says err "not fed: 'img'"
  expect 65 export "$models/digits" -o "$t/no" --params "$t/inf" --feed img \
    --fetch softmax_0.tmp_1
  says err "nearest is 'softmax_0.tmp_0'"
  expect 66 export "$models/digits" -o "$t/no" --params "$t/nowhere" --feed img \
    --fetch softmax_0.tmp_0
  isnt test -e "$t/no"
  : >"$t/file"
  expect 73 export "$models/digits" -o "$t/file/x" --params "$t/inf" --feed img \
    --fetch softmax_0.tmp_0
}

run_folder() {
  expect 0 run "$t/inf" --feed img="$t/img.npy" --out "$t/o1"
  is test -f "$t/o1/save_infer_model%2Fscale_0.tmp_0.npy"
  expect 0 run "$t/two" --feed img="$t/img.npy" --out "$t/o2"
  is cmp "$t/o1/save_infer_model%2Fscale_0.tmp_0.npy" \
    "$t/o2/save_infer_model%2Fscale_0.tmp_0.npy"
  is test -f "$t/o2/save_infer_model%2Fscale_1.tmp_0.npy"
  # The names that others use for the two files.
  mkdir "$t/other"
  cp "$t/two/__model__" "$t/other/model.pdmodel"
  cp "$t/two/__params__" "$t/other/model.pdiparams"
  expect 0 run "$t/other" --feed img="$t/img.npy" --out "$t/o3"
  is cmp "$t/o2/save_infer_model%2Fscale_1.tmp_0.npy" \
    "$t/o3/save_infer_model%2Fscale_1.tmp_0.npy"
  # The test program with the same parameters says the same.
  expect 0 run "$models/digits/test.pdmodel" --scope-in "$t/vars" --prune \
    --feed img="$t/img.npy" --fetch softmax_0.tmp_0 --out "$t/o4"
  is cmp "$t/o4/softmax_0.tmp_0.npy" "$t/o1/save_infer_model%2Fscale_0.tmp_0.npy"
  expect 65 run "$t/inf"
  says err "img"
  mkdir "$t/cut"
  cp "$t/inf/__model__" "$t/inf/fc_0.w_0" "$t/inf/fc_0.b_0" "$t/cut"
  expect 66 run "$t/cut" --feed img="$t/img.npy"
  says err '2 of 4 variables have no file: fc_1.b_0, fc_1.w_0'
  head -c 3000 "$t/two/__params__" >"$t/other/model.pdiparams"
  expect 65 run "$t/other" --feed img="$t/img.npy"
  says err "variable 'fc_0.w_0'"
  mkdir "$t/empty"
  expect 66 run "$t/empty"
  says err '__model__'
}

# convert A B, then B C; C is A again.
round() {
  expect 0 convert "$1" "$2" $4
  expect 0 convert "$2" "$3" $4
}

params() {
  mkdir "$t/paddle"
  cp "$t/inf"/fc_* "$t/paddle"
  for kind in npz safetensors; do
    round "$t/paddle" "$t/a.$kind" "$t/back_$kind" ''
    is diff -r "$t/paddle" "$t/back_$kind"
    round "$t/two/__params__" "$t/b.$kind" "$t/b_$kind.pdiparams" "--program $t/two"
    is cmp "$t/two/__params__" "$t/b_$kind.pdiparams"
    is cmp "$t/a.$kind" "$t/b.$kind"
    expect 0 convert "$t/b.$kind" "$t/c_$kind" --combined
    is cmp "$t/two/__params__" "$t/c_$kind"
  done
  expect 0 convert "$t/a.npz" "$t/n.safetensors"
  is cmp "$t/a.safetensors" "$t/n.safetensors"
  expect 0 convert "$t/a.safetensors" "$t/s.npz"
  is cmp "$t/a.npz" "$t/s.npz"
  expect 64 convert "$t/two/__params__" "$t/x.npz"
  says err 'say --program'
  expect 66 convert "$t/nowhere.npz" "$t/x"
  expect 66 convert "$t/empty" "$t/x.npz"
  expect 65 convert "$t/file" "$t/x.npz" --program "$t/two"
  expect 73 convert "$t/a.npz" "$t/none/x.npz"
  expect 73 convert "$t/a.npz" "$t/none/x.safetensors"
  expect 64 convert "$t/inf/__model__" "$t/x.pbtxt" --combined
  expect 65 convert "$t/img.npy" "$t/x.npz" --program "$t/two"
  expect 65 convert "$t/a.npz" "$t/x.pdiparams" --program "$models/digits"
  says err 'are not initialized'
  # Names that a file cannot have keep in every kind.
  mkdir "$t/odd"
  cp "$t/inf/fc_0.b_0" "$t/odd/a%2Fb%25"
  for kind in npz safetensors; do
    round "$t/odd" "$t/odd.$kind" "$t/odd_$kind" ''
    is diff -r "$t/odd" "$t/odd_$kind"
  done
}

# st LENGTH-BYTE HEADER DATA: a safetensors file; the length is one byte, in octal.
st() {
  { printf "\\$1\\0\\0\\0\\0\\0\\0\\0"
    printf '%s' "$2"
    printf "$3"; } >"$t/x.safetensors"
}
# bad WORDS HEADER DATA: refused with these words.
bad() {
  st "$(printf '%03o' "${#2}")" "$2" "$3"
  expect 65 convert "$t/x.safetensors" "$t/never"
  says err "$1"
}

hostile_safetensors() {
  good='{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'
  st "$(printf '%03o' ${#good})" "$good" 'xy'
  expect 0 convert "$t/x.safetensors" "$t/x.npz"
  meta='{"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}  '
  st "$(printf '%03o' ${#meta})" "$meta" 'x'
  expect 0 convert "$t/x.safetensors" "$t/x.npz"
  a='{"a":{"dtype":"U8","shape":[2],"data_offsets"'
  bad 'bytes follow the last tensor' "$good" 'xyz'
  bad 'not within the data' "$good" 'x'
  bad 'not within the data' "$a:[2,0]}}" 'xy'
  bad 'not within the data' "$a:[0]}}" 'xy'
  bad 'not within the data' "$a:[-2,0]}}" 'xy'
  bad 'not within the data' "$a:[0,2.0]}}" 'xy'
  bad 'needs more bytes' "$a:[0,1]}}" 'x'
  bad 'needs fewer bytes' "$a:[0,3]}}" 'xyz'
  bad 'a gap before' "$a:[1,3]}}" 'xyz'
  bad 'overlap' "$a:[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}" 'xyz'
  bad 'overlap' "$a:[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}" 'xy'
  bad 'duplicate' "$a:[0,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}" 'xyz'
  bad 'wanted dtype, shape' '{"a":{"dtype":"U8","shape":[1]}}' 'x'
  bad 'wanted dtype, shape' '{"a":[]}' ''
  bad 'wanted dtype, shape' '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}' 'x'
  bad "dtype 'F8'" '{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}' 'x'
  bad 'whole numbers' '{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}' 'x'
  bad 'no shape' '{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}' 'x'
  bad 'rank above 9' \
    '{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}' 'x'
  bad 'needs more bytes' \
    '{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}' ''
  bad 'neither 0 nor 1' '{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}' 'x'
  bad 'without a name' '{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}' 'x'
  bad 'is no string' '{"__metadata__":{"k":1}}' ''
  bad 'is no object' '{"__metadata__":[]}' ''
  bad 'no JSON' '{"a":' ''
  bad "begin with '{'" '[1]' ''
  bad "begin with '{'" '' ''
  st 377 "$good" 'xy'
  expect 65 convert "$t/x.safetensors" "$t/never"
  says err 'a header of 255 bytes in a file of'
  printf 'short' >"$t/x.safetensors"
  expect 65 convert "$t/x.safetensors" "$t/never"
  printf '\377\377\377\377\377\377\377\377{}' >"$t/x.safetensors"
  expect 65 convert "$t/x.safetensors" "$t/never"
  isnt test -e "$t/never"
}

hostile_npz() {
  head -c 700 "$t/a.npz" >"$t/cut.npz"
  expect 65 convert "$t/cut.npz" "$t/never"
  cp "$t/a.npz" "$t/flip.npz"
  printf 'XXXX' | dd of="$t/flip.npz" bs=1 seek=600 conv=notrunc 2>/dev/null
  expect 65 convert "$t/flip.npz" "$t/never"
  cp "$t/file" "$t/none.npz"
  expect 65 convert "$t/none.npz" "$t/never"
  isnt test -e "$t/never"
}

report() {
  says_page() {
    checks=$((checks + 1))
    grep -qF -- "$1" "$t/report.html" || fail "the report lacks '$1'"
  }
  says_page '<!DOCTYPE html>'
  says_page '<h2>Loss</h2>'
  says_page '<h2>Learning rate</h2>'
  says_page '<h2>LARS local learning rates</h2>'
  says_page '<h2>Time per op</h2>'
  says_page 'Of 11 steps; logarithmic scale.'
  says_page 'the mean of 9 steps'
  for type in softmax_with_cross_entropy lars_momentum reduce_sum fc; do
    says_page "<td>$type</td><td>cpu</td>"
  done
  says_page 'LARS local learning rates'
  says_page 'fc_1.w_0'
  says_page '</body></html>'
  isnt grep -q -e '<script' -e 'http' -e 'src=' "$t/report.html"
  if command -v xmllint >/dev/null; then is xmllint --noout "$t/report.html"; fi
  expect 73 train "$models/digits" --steps 1 -q --report "$t/none/report.html"
  # Looking changes nothing: the same bits without a report.
  expect 0 train "$models/digits" --steps 20 -q --scope-out "$t/unseen"
  for file in "$t/vars"/*; do is cmp "$file" "$t/unseen/$(basename "$file")"; done
  # A program without LARS, one step, and a place that waits.
  expect 0 new digits -o "$t/plain" --optimizer sgd -q
  expect 0 train "$t/plain" --data "$models/data/digits.npz" --steps 200 -q \
    --report "$t/report.html" -p reference
  isnt grep -q 'LARS' "$t/report.html"
  says_page '<td>sgd</td><td>reference</td>'
  expect 0 train "$models/digits" --steps 1 -q --report "$t/report.html"
  says_page '</body></html>'
}

train
export_verb
export_refusals
run_folder
params
hostile_safetensors
hostile_npz
report
echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
