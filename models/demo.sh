#!/bin/sh
# models/demo.sh [--no-install] [--build-dir DIR]: builds fluidrt on a bare Debian 12 too, then
# three acts: digits trained with LARS on the CPU; the same file on an accelerator with
# memory and queues of its own; and a broken kernel that a loss curve cannot see.
# --build-dir runs what is built there. Ends with 1 if an act does not show what it says.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
install=yes built=
while [ $# -gt 0 ]; do
  case $1 in
    --no-install) install=no ;;
    --build-dir) built=${2-} && shift ;;
    *) echo "usage: models/demo.sh [--no-install] [--build-dir DIR]" >&2; exit 64 ;;
  esac
  shift
done
. "$root/src/cmake/setup.sh"

if [ -z "$built" ]; then
  built=$root/build/release
  install_missing
  [ -x "$built/bin/fluidrt" ] || say "building into build/release (a minute or two) ..."
  build release fluidrt_command provider_cpu_MODULE provider_reference_MODULE \
    provider_virtual_MODULE provider_mutant_MODULE ||
    die "the build failed: see build/release/build.log"
fi
fluidrt=$built/bin/fluidrt mutant=$built/lib/fluidrt-tests/frt_mutant.so
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" # so that the file of act one has a short name
ln -s "$root/models" "$root/tests" .

# shows FILE TEXT: the file holds it, or the demo failed.
shows() { grep -q -- "$2" "$1" || die "the demo failed: '$2' is not in what was said"; }
# The accuracy on the rows held out.
accuracy() { sed -n 's/^test on .*accuracy \([0-9.]*\).*/\1/p' "$1"; }

say "ACT ONE. Handwritten digits, trained with LARS on the CPU."
"$fluidrt" providers
say
# 300 steps; --compare then repeats Paddle's own 100 and measures the distance.
"$fluidrt" train models/digits --steps 300 -p cpu --log-every 100 --losses act_one \
  --compare tests/golden/digits_mlp_lars.zip | tee one
shows one 'largest difference to PaddlePaddle 1.8.5'

say
say "ACT TWO. The same file on an accelerator: memory that the host cannot touch, queues that"
say "are late. The same kernels, so the same curve."
FRT_VIRTUAL_BASE=cpu "$fluidrt" train models/digits --steps 300 -p virtual -q --over act_one >two
grep -v '^t' two # not what the curve says already
shows two 'all 300 losses are the same, to the bit'
shows two 'each step runs [0-9]* kernels, copies [0-9]* times between memories'
say "If it had no softmax_with_cross_entropy, this is what that would cost:"
FRT_VIRTUAL_FAULT=refuse:softmax_with_cross_entropy "$fluidrt" explain models/digits \
  -p virtual,cpu --batch 64 -q 2>/dev/null | tee refused
shows refused '^op #6 softmax_with_cross_entropy runs on cpu, costs 3 copies, .*; virtual says no'

say
say "ACT THREE. An accelerator whose LARS never updates the last eight elements of a parameter."
export FRT_MUTANT=lars_tail8_not_updated
"$fluidrt" train models/digits --steps 300 -p "$mutant" -q --over act_one >three
grep -v '^t' three
near=$(awk "BEGIN { d = $(accuracy one) - $(accuracy three); print (d < 0.02 && d > -0.02) }")
[ "$near" = 1 ] || die "the demo failed: the accuracy shows the defect"
say "The curve is fine, the accuracy is fine, the kernel is broken. fluidrt conform:"
code=0
"$fluidrt" conform "$mutant" --ops lars_momentum >verdict || code=$?
[ "$code" = 1 ] || die "the demo failed: conform ended with $code, not with 1"
shows verdict '^FAIL lars_momentum/.*ParamOut\[[0-9]*\]: got .* wanted .*; 8 of [0-9]* elements'
grep -m1 '^FAIL .*; 8 of [0-9]* elements' verdict
tail -n 1 verdict
