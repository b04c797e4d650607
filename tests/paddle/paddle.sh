#!/bin/sh
# paddle.sh recorded|live: check.py with what the build made. 77: it cannot be done here.
set -eu
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3"; exit 77; }
tests=$FLUIDRT_SOURCE_DIR/tests/paddle
set -- "$1" "$FLUIDRT_BUILD_DIR/tests/make_programs" "$FLUIDRT_BUILD_DIR/bin/fluidrt" \
  "$FLUIDRT_SOURCE_DIR"
mode=$1
shift
export PYTHONDONTWRITEBYTECODE=1
if [ "$mode" = recorded ]; then set -- "$@" --recorded; fi
exec python3 "$tests/check.py" "$@"
