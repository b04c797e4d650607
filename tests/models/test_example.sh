#!/bin/sh
# test_example.sh NAME PROGRAM: an example learns (its exit status says so), and what it
# leaves is what its README and the command make of it.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"
name=$1 program=$2
folder=$models/$name
: >"$t/err"

# npy FILE DTYPE SHAPE BYTES: zeros.
npy() {
  { printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
    head -c "$4" /dev/zero; } >"$1"
}

learns() {
  checks=$((checks + 1))
  (cd "$FLUIDRT_SOURCE_DIR" && "$program" "$t") >"$t/out" 2>"$t/err" || fail "$name"
  is grep -q 'loss .* then ' "$t/out"
  is test -f "$t/losses.npy"
  : >"$t/file"
  checks=$((checks + 1))
  (cd "$FLUIDRT_SOURCE_DIR" && "$program" "$t/file") >"$t/out" 2>"$t/err" && fail 'into a file?'
  says err "$t/file"
}

# The exported folder, as another process finds it.
served() {
  case $name in
    regression) npy "$t/in.npy" '<f4' '(3, 2)' 24; feed=xy ;;
    digits) npy "$t/in.npy" '<f4' '(3, 64)' 768; feed=img ;;
    text) npy "$t/in.npy" '<i8' '(3, 12)' 288; feed=ids ;;
  esac
  expect 0 run "$t/served" --feed "$feed=$t/in.npy"
  says out 'save_infer_model/scale_0.tmp_0 float32 [3, '
  expect 0 run "$t/served" --feed "$feed=$t/in.npy" --out "$t/answers"
  expect 0 inspect "$t/answers/save_infer_model%2Fscale_0.tmp_0.npy"
  expect 65 run "$t/served"
  says err "$feed"
}

picture() {
  expect 0 convert "$t/losses.npy" "$t/curve.svg"
  is grep -q '^<svg xmlns=' "$t/curve.svg"
  is grep -q 'prefers-color-scheme' "$t/curve.svg"
  if command -v xmllint >/dev/null; then is xmllint --noout "$t/curve.svg"; fi
  is test -f "$folder/curve.svg"
  is grep -q 'curve.svg' "$folder/README.md"
  is grep -q "$name.c" "$folder/README.md"
  expect 66 convert "$t/none.npy" "$t/curve.svg"
  expect 65 convert "$folder/README.md" "$t/curve.svg"
  expect 73 convert "$t/losses.npy" "$t/none/curve.svg"
}

learns
served
picture
if [ "$name" = text ]; then
  checks=$((checks + 1))
  "$program" "$t" 'stir the soup' >"$t/out" 2>&1 || fail "$name"
  says out "'stir the soup' is about kitchen"
fi
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
