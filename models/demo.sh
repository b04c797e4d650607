#!/bin/sh
# models/demo.sh [--no-install]: builds fluidrt on a bare Debian 12 too, and trains a
# classifier of handwritten digits with LARS on the CPU.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
install=yes
case ${1-} in
  '') ;;
  --no-install) install=no ;;
  *) echo "usage: models/demo.sh [--no-install]" >&2; exit 64 ;;
esac
. "$root/src/cmake/setup.sh"

install_missing
[ -x "$root/build/release/bin/fluidrt" ] || say "building into build/release (a minute or two) ..."
build release fluidrt_command provider_cpu_MODULE provider_reference_MODULE ||
  die "the build failed: see build/release/build.log"

cd "$root"
fluidrt=build/release/bin/fluidrt
$fluidrt providers
say
# 300 steps; --compare then repeats Paddle's own 100 and measures the distance.
$fluidrt train models/digits --steps 300 -p cpu --log-every 30 \
  --compare tests/golden/digits_mlp_lars.zip
