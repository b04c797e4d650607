#!/bin/sh
# check.sh MAKE: the files that MAKE writes today equal the committed ones.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" "$scratch"
for file in startup.pdmodel startup.pbtxt main.pdmodel main.pbtxt; do
  cmp "$scratch/$file" "$here/$file"
done
