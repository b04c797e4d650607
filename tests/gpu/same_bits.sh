#!/bin/sh
# same_bits.sh FLUIDRT SOURCE PLACES: trains the digits classifier three times, the third time
# with another layout of the device's memory, and compares what was saved bit for bit.
set -eu
fluidrt=$1 source=$2 places=$3
steps=${STEPS:-100}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

train() { # NAME OPTION...
  name=$1
  shift
  "$fluidrt" train "$source/models/digits" -p "$places" -q --steps "$steps" \
    --data "$source/models/data/digits.npz" --save "$scratch/$name" "$@" >"$scratch/log" 2>&1 ||
    { cat "$scratch/log"; exit 1; }
}
train first
train again
train apart --no-reuse
train other --shuffle-seed 6
files=$(find "$scratch/first/step-$steps" -type f ! -name '%manifest' | wc -l)
[ "$files" -ge 8 ] || { echo "only $files variables were saved"; exit 1; }
diff -r "$scratch/first" "$scratch/again"
diff -r "$scratch/first" "$scratch/apart"
# What can differ does: else the comparison would say nothing.
! diff -rq "$scratch/first" "$scratch/other" >/dev/null || { echo "other rows, same bits"; exit 1; }
echo "$files variables after $steps steps on $places: the same bits in a second run and without" \
  "reuse of memory"
