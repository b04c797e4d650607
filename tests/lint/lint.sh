#!/bin/sh
# lint.sh CHECK: what the house promises and a compiler does not check. Exit 0 it holds,
# 1 it does not (the offenders are printed), 77 it cannot be checked here.
set -eu
src=$FLUIDRT_SOURCE_DIR
build=$FLUIDRT_BUILD_DIR
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=$scratch/bad
: >"$bad"

skip() { echo "skipped: $*"; exit 77; }
# Fails with what was collected in $bad under a heading.
verdict() {
  [ -s "$bad" ] || return 0
  echo "$1"
  cat "$bad"
  exit 1
}
built() { [ -f "$build/lib/$1" ] || { echo "not built: lib/$1"; exit 1; }; }
sanitized() { case ${CFLAGS-} in *sanitize*) return 0 ;; *) return 1 ;; esac; }

# Every public header, alone, as strict C11 and as C++17.
check_headers() {
  [ -n "${CXX-}" ] || skip "no C++ compiler for the C++17 half"
  for header in "$src"/include/fluidrt/*.h "$build"/include/fluidrt/*.h; do
    name=fluidrt/$(basename "$header")
    for language in c:c11:"$CC" c++:c++17:"$CXX"; do
      x=${language%%:*} rest=${language#*:}
      echo "#include \"$name\"" |
        "${rest#*:}" -x "$x" -std="${rest%%:*}" -Wall -Wextra -Wpedantic -Werror \
          -fsyntax-only -I"$src/include" -I"$build/include" - 2>"$scratch/log" ||
        { echo "$name as ${rest%%:*}:"; head -n 5 "$scratch/log"; } >>"$bad"
    done
  done
  verdict "headers that do not compile alone:"
}

# What each layer of src/ may include, itself aside.
allowed() {
  case $1 in
    base) ;;
    tensor) echo base ;;
    op) echo base tensor ;;
    ops) echo base tensor op ;;
    program) echo base tensor op ;;
    train | runtime) echo base tensor op program ;;
    io) echo base tensor op program runtime ;;
    imperative) echo base tensor op program train runtime ;;
    # Public headers, tests/conformance/runner, and a model that `new` writes.
    cli) echo runner five_ops ;;
    cmake) ;;
    *) echo "unknown-layer" ;;
  esac
}

includes() { # FOLDER -> "file header" for each #include "header" below it
  find "$1" -name '*.[ch]' -exec grep -H '^ *# *include *"' {} + |
    sed 's/^\([^:]*\):[^"]*"\([^"]*\)".*/\1 \2/'
}

check_layers() {
  includes "$src/src" | while read -r file header; do
    path=${file#"$src/src/"}
    layer=${path%%/*} from=${header%%/*}
    case $header in
      program.pb-c.h) # protobuf-c's types stop at one file
        [ "$path" = program/serde.c ] || echo "  src/$path includes $header" ;;
      fluidrt/* | *.inc) ;;
      */*)
        case " $(allowed "$layer" | tr '\n' ' ') $layer " in
          *" $from "*) ;;
          *) echo "  src/$path includes $header" ;;
        esac ;;
      *) [ -f "$(dirname "$file")/$header" ] || echo "  src/$path includes $header" ;;
    esac
  done >>"$bad"
  includes "$src/providers" | while read -r file header; do
    path=${file#"$src/providers/"}
    case $header in
      fluidrt/* | *.inc) ;;
      *) [ -f "$(dirname "$file")/$header" ] || [ -f "$src/providers/${path%%/*}/$header" ] ||
           echo "  providers/$path includes $header" ;;
    esac
  done >>"$bad"
  verdict "includes that cross a layer the wrong way:"
}

# The README's first piece of C is the page's example, which is compiled and run: word for
# word. The second stands so in a program that is a test.
check_readme() {
  awk -v to="$scratch/piece" '/^```c$/ { ++n; in_c = 1; next } /^```/ { in_c = 0 }
    in_c { print >(to n ".c") }' "$src/README.md"
  mv "$scratch/piece1.c" "$scratch/main.c"
  case $(cat "$src/tests/frontend/readme_step.c") in
    *"$(cat "$scratch/piece2.c")"*) ;;
    *) echo "the second piece of C is not in tests/frontend/readme_step.c" >>"$bad" ;;
  esac
  diff "$scratch/main.c" "$src/tests/frontend/page_static.c" >>"$bad" || true
  verdict "README.md and the programs in tests/frontend differ:"
  # shellcheck disable=SC2086 # CFLAGS are words
  "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror ${CFLAGS-} -I"$src/include" \
    -I"$build/include" "$scratch/main.c" -o "$scratch/c" -L"$build/lib" -lfluidrt
  LD_LIBRARY_PATH=$build/lib "$scratch/c" >"$scratch/said"
  grep -q '^reduce_sum_0.tmp_0 = ' "$scratch/said"
}

check_needed() {
  built libfluidrt.so
  ! sanitized || skip "a sanitizer adds its own library"
  "$READELF" -d "$build/lib/libfluidrt.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -v -e '^libc\.so\.' -e '^libm\.so\.' -e '^libprotobuf-c\.so\.' \
      -e '^ld-linux' >>"$bad" || true
  verdict "libfluidrt.so needs more than libc, libm and libprotobuf-c:"
}

modules() {
  built fluidrt/frt_cpu.so
  ls "$build"/lib/fluidrt/frt_*.so
}

check_exports() {
  built libfluidrt.so
  modules >"$scratch/modules"
  "$NM" -D --defined-only "$build/lib/libfluidrt.so" | awk '$NF !~ /^frt_/' >>"$bad"
  while read -r module; do
    "$NM" -D --defined-only "$module" |
      awk -v m="$(basename "$module")" '$NF != "frt_provider_entry_v1" {print m ": " $0}'
  done <"$scratch/modules" >>"$bad"
  verdict "exported symbols that nobody promised:"
}

check_imports() {
  modules >"$scratch/modules"
  while read -r module; do
    "$NM" -D --undefined-only "$module" |
      awk -v m="$(basename "$module")" '$NF ~ /^frti?_/ {print m " wants " $NF}'
  done <"$scratch/modules" >>"$bad"
  verdict "provider modules import from the library:"
}

# Neither the library nor a provider prints, exits or aborts. Assertions are for
# debug builds; the generated decoder has its own.
check_forbidden() {
  built libfluidrt.a
  built provider_cpu.a
  words='abort|exit|_exit|_Exit|quick_exit|puts|putchar|printf|vprintf|__printf_chk|__vprintf_chk|perror|stdout|stderr'
  [ "$BUILD_TYPE" != Release ] || words="$words|__assert_fail"
  for file in "$build/lib/libfluidrt.a" "$build"/lib/provider_*.a; do
    "$NM" -A -u "$file" | grep -v 'program\.pb-c' |
      awk -v words="^($words)(@.*)?\$" '$NF ~ words' || true
  done >>"$bad"
  verdict "calls that a library may not make:"
}

# Functions of at most 60 lines (kernels 100), files of 500, headers of 300.
check_length() {
  find "$src/src" "$src/providers" "$src/tests" "$src/models" "$src/include" \
    \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cc' \) >"$scratch/files"
  while read -r file; do
    limit=500
    case $file in *.h) limit=300 ;; esac
    lines=$(wc -l <"$file")
    [ "$lines" -le $limit ] || echo "  ${file#"$src/"}: $lines lines, limit $limit"
  done <"$scratch/files" >>"$bad"
  if command -v ctags >/dev/null 2>&1; then
    ctags --languages=C,C++ --map-C++=+.cu --kinds-C=f --kinds-C++=f --fields=+ne -L "$scratch/files" -f - |
      awk -F'\t' -v root="$src/" '
        { first = last = 0
          for (i = 4; i <= NF; i++) {
            if ($i ~ /^line:/) first = substr($i, 6)
            if ($i ~ /^end:/) last = substr($i, 5)
          }
          n = last - first + 1
          limit = $2 ~ /\/kernels\// ? 100 : 60
          sub(root, "", $2)
          if (last && n > limit) print "  " $2 ": " $1 ", " n " lines, limit " limit }' >>"$bad"
  else
    echo "no ctags: only files were measured, not functions"
  fi
  verdict "too long:"
}

check_marks() {
  grep -rnwE 'TODO|FIXME|XXX|HACK' "$src/src" "$src/providers" "$src/include" "$src/models" \
    --include='*.[ch]' --include='*.cu' --include='*.cc' --include='*.sh' --include='*.md' \
    >>"$bad" || true
  verdict "marks of unfinished work:"
}

# Where the recordings lie beside the project, each has its zip here.
check_golden() {
  recordings=${FLUIDRT_GOLDEN:-$src/../shared/golden}
  [ -d "$recordings" ] || skip "no recordings at $recordings"
  for case in "$recordings"/*/case.json; do
    name=$(basename "$(dirname "$case")")
    [ -f "$src/tests/golden/$name.zip" ] || echo "  $name"
  done >>"$bad"
  verdict "recorded cases without tests/golden/<case>.zip:"
}

case ${1-} in
  headers | layers | readme | needed | exports | imports | forbidden | length | marks | golden)
    "check_$1"
    echo "$1: holds" ;;
  *) echo "usage: lint.sh CHECK" >&2; exit 64 ;;
esac
