#!/bin/sh
# install.sh BUILD SOURCE: installs a build for a staged prefix, moves the tree elsewhere,
# and uses it as strangers do: find_package, pkg-config, archives, C++, the command, and the
# README's way to a certified op. Exit 0 all worked, 1 something did not.
set -eu
build=$1 source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset FLUIDRT_PROVIDER_PATH LD_LIBRARY_PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH DESTDIR || true
export HOME="$scratch"

# Runs a step with its output kept for the case that it fails.
step() {
  what=$1
  shift
  "$@" >"$scratch/log" 2>&1 || { echo "FAILED: $what"; cat "$scratch/log"; exit 1; }
  echo "$what: $(tail -n 1 "$scratch/log")"
}

# Staged for a prefix that never exists, then moved: nothing may know where it was built.
step "install" env DESTDIR="$scratch/stage" cmake --install "$build" --prefix /opt/nowhere
mv "$scratch/stage/opt/nowhere" "$scratch/moved"
[ -z "$(find "$scratch/stage" -type f)" ] || { echo "files outside the prefix"; exit 1; }
prefix=$scratch/moved
lib=$(dirname "$(find "$prefix" -name libfluidrt.so)")
if grep -rIlF -e "$build" -e "$source" -e /opt/nowhere "$prefix" >"$scratch/log"; then
  echo "FAILED: files that name the build:"
  cat "$scratch/log"
  exit 1
fi
for file in "$prefix/bin/fluidrt" "$lib/libfluidrt.so" "$lib"/fluidrt/frt_*.so; do
  path=$(readelf -d "$file" | sed -n 's/.*(R[UN]*PATH).*\[\(.*\)\].*/\1/p')
  case $path in '' | '$ORIGIN'*) ;; *) echo "FAILED: $file looks in $path"; exit 1 ;; esac
done

# The command, without any environment.
step "command" "$prefix/bin/fluidrt" providers
case $(cat "$scratch/log") in
  *cpu*usable*reference*usable*) ;;
  *) echo "FAILED: the command does not find its providers"; exit 1 ;;
esac
step "conform" "$prefix/bin/fluidrt" conform cpu --ops clip

# A project of CMake's.
mkdir "$scratch/consumer"
cp "$source/tests/install/main.c" "$scratch/consumer/main.c"
cp "$source/tests/install/consumer.cmake" "$scratch/consumer/CMakeLists.txt"
step "find_package" cmake -S "$scratch/consumer" -B "$scratch/consumer/build" \
  -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
step "cmake build" cmake --build "$scratch/consumer/build"
for program in shared linked_in plusplus; do
  [ -x "$scratch/consumer/build/$program" ] || { echo "$program: not built here"; continue; }
  step "$program" "$scratch/consumer/build/$program"
done
if readelf -d "$scratch/consumer/build/linked_in" | grep -q 'NEEDED.*libfluidrt'; then
  echo "FAILED: linked_in needs libfluidrt.so"
  exit 1
fi

# pkg-config, and a linker that gets only what it says.
export PKG_CONFIG_PATH="$lib/pkgconfig"
step "pkg-config" pkg-config --print-errors --exists fluidrt
# shellcheck disable=SC2046 # words
step "pkg-config build" cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$source/tests/install/main.c" \
  -o "$scratch/by_pkg_config" $(pkg-config --cflags --libs fluidrt) -Wl,-rpath,"$lib"
step "by pkg-config" "$scratch/by_pkg_config"

# What the README says of sizes.
[ "$(wc -l <"$source/providers/null/provider.c")" -lt 300 ] ||
  { echo "FAILED: the skeleton has grown past 300 lines"; exit 1; }
[ "$(wc -l <"$source/providers/onednn/provider.c")" -lt 400 ] ||
  { echo "FAILED: the onednn example has grown past 400 lines"; exit 1; }

# The README's steps, word for word, where a clone would be.
mkdir "$scratch/clone"
for name in providers models tests; do ln -s "$source/$name" "$scratch/clone/$name"; done
sed -n '/^## From clone to a certified op/,/^## /{/^```sh$/,/^```$/p}' \
  "$source/providers/README.md" | sed '/^```/d' >"$scratch/steps.sh"
[ "$(grep -c . "$scratch/steps.sh")" -ge 5 ] || { echo "FAILED: no steps in README"; exit 1; }
cd "$scratch/clone"
step "README" env PATH="$prefix/bin:$PATH" sh -eux "$scratch/steps.sh"
# It must have been certified, and must have run something.
grep -qE '1 ops? claimed, 0 wrong' "$scratch/log" && grep -q '^PASS lars' "$scratch/log" ||
  { echo "FAILED: README: nothing was certified"; cat "$scratch/log"; exit 1; }
echo "installation: all of it works from elsewhere"
