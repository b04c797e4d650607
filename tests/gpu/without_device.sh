#!/bin/sh
# The cuda module on a machine without a GPU. Exit 0 as promised, 77 there is a GPU.
set -u
build=$FLUIDRT_BUILD_DIR
fluidrt=$build/bin/fluidrt
failed=0
fail() { echo "FAIL: $*"; failed=1; }

text=$("$fluidrt" providers)
if echo "$text" | grep -q '^cuda  *usable'; then
  echo "skipped: there is a GPU"
  exit 77
fi
echo "$text" | grep -q '^cuda  *loaded, but no device: no ' || fail "providers says: $text"

text=$("$fluidrt" verify -p cuda "$FLUIDRT_SOURCE_DIR/tests/golden/lars_seed_static.zip" 2>&1)
[ $? -eq 69 ] || fail "verify -p cuda does not exit with 69"
echo "$text" | grep -q "provider 'cuda' has no device: no " || fail "verify says: $text"

# With a second place it is the second that runs, and one line says so.
text=$("$fluidrt" verify -p cuda,cpu "$FLUIDRT_SOURCE_DIR/tests/golden/lars_seed_static.zip" 2>&1)
[ $? -eq 0 ] || fail "verify -p cuda,cpu: $text"
[ "$(echo "$text" | grep -c "place 'cuda' is skipped: .* no device: .* its ops go to cpu")" -eq 1 ] ||
  fail "verify -p cuda,cpu says: $text"

text=$("$build/bin/frt_gpu_bench" "$build/lib/fluidrt/frt_cuda.so" 2>&1)
[ $? -eq 69 ] || fail "the module without a device: $text"
echo "$text" | grep -q '^no device (no .*[1-9][0-9]* kernels claimed; relu: yes$' ||
  fail "the claims are not readable: $text"
echo "$text" | grep -q '^opening it: cuda: no ' || fail "opening says: $text"

# Nothing of the driver or of cuBLAS is linked, and one symbol is exported.
module=$build/lib/fluidrt/frt_cuda.so
if command -v readelf >/dev/null; then
  readelf -d "$module" | grep NEEDED | grep -q -e cuda -e cublas -e nvidia &&
    fail "the module needs a library of the driver or toolkit"
fi
exit $failed
