# What the tests of the command share; sourced by them. FLUIDRT names the binary,
# FLUIDRT_SOURCE_DIR the source tree.
set -u
: "${FLUIDRT:?the binary}" "${FLUIDRT_SOURCE_DIR:?the source tree}"
models=$FLUIDRT_SOURCE_DIR/models
golden=$FLUIDRT_SOURCE_DIR/tests/golden
t=$(mktemp -d) || exit 1
trap 'rm -rf "$t"' EXIT
LC_ALL=C
export LC_ALL
checks=0 failures=0

fail() {
  failures=$((failures + 1))
  echo "FAIL: $*"
  sed 's/^/    stdout: /' "$t/out" | head -5
  sed 's/^/    stderr: /' "$t/err" | head -5
}

# expect CODE COMMAND...: runs fluidrt, keeps its output in $t/out and $t/err.
expect() {
  want=$1
  shift
  "$FLUIDRT" "$@" >"$t/out" 2>"$t/err" </dev/null
  got=$?
  checks=$((checks + 1))
  [ "$got" -eq "$want" ] || fail "exit $got, want $want: fluidrt $*"
}
# says FILE TEXT: the last command's out or err holds TEXT.
says() {
  checks=$((checks + 1))
  grep -qF -- "$2" "$t/$1" || fail "no '$2' on std$1"
}
is() {
  checks=$((checks + 1))
  "$@" >/dev/null 2>&1 || fail "not so: $*"
}
