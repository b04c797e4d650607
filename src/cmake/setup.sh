# Sourced by tests/run.sh and models/demo.sh: finds or installs what a build needs, and
# builds a preset. Expects $root (the repository) and $install (yes or no).

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# PACKAGE is missing unless the rest of the line succeeds.
want() {
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

find_missing() {
  missing=
  want gcc command -v gcc
  want libc6-dev test -e /usr/include/stdio.h
  want cmake command -v cmake
  command -v ninja >/dev/null 2>&1 || want make command -v make
  want pkg-config command -v pkg-config
  want protobuf-c-compiler command -v protoc-c
  want libprotobuf-c-dev pkg-config libprotobuf-c
  want libopenblas-dev pkg-config openblas
  want libcmocka-dev pkg-config cmocka
  want libjansson-dev pkg-config jansson
  want libzip-dev pkg-config libzip
  want libsleef-dev pkg-config sleef
  want libxxhash-dev pkg-config libxxhash
  # For the example provider that wraps a library; without it that one is left out.
  [ "${with_cxx-no}" = no ] || want libdnnl-dev test -e /usr/include/oneapi/dnnl/dnnl.h
  # For the checks that read headers as C++, and for the cuda provider's host build.
  [ "${with_cxx-no}" = no ] || want g++ command -v c++
}

install_missing() {
  find_missing
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 ||
    die "Missing (names of Debian packages):$missing. Install them and start again."
  [ "$install" = yes ] || die "Missing:$missing. Install them, or start without --no-install."
  sudo=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      die "Missing:$missing. Not root and no sudo here: apt-get install$missing"
    sudo=sudo
  fi
  say "installing:$missing"
  $sudo apt-get update -qq || die "apt-get update failed: no network? Missing:$missing"
  # shellcheck disable=SC2086 # a list of words
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    $missing >/dev/null || die "apt-get install failed for:$missing"
}

# Runs a command with its output in a log, which is shown only if it fails.
quietly() {
  log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || { tail -n 40 "$log"; return 1; }
}

# build PRESET [TARGET...]
build() {
  preset=$1 folder=$root/build/$1
  shift
  if [ ! -e "$folder/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then
    set -- Ninja "$@"
  else
    set -- '' "$@"
  fi
  generator=$1
  shift
  (cd "$root" && quietly "$folder/configure.log" cmake --preset "$preset" \
    ${generator:+-G "$generator"}) || return 1
  if [ $# -gt 0 ]; then set -- --target "$@"; fi
  quietly "$folder/build.log" cmake --build "$folder" -j 2 "$@"
}
