#!/bin/sh
# coverage.sh [--write [NAME=FILE...]|--check]: the score cards of all providers of a build side by side.
#   --write  runs every case on every provider (minutes) and writes COVERAGE.md here
#            NAME=FILE: what `conform NAME --format csv` said on a machine that has its device
#   --check  asks the providers what they support (seconds, nothing is run) and compares
#            that with COVERAGE.md; exit 1 and a difference if it is not current
# Without either, what --write would write goes to stdout. Providers that cannot be used on
# this machine keep the column they have. FLUIDRT_BUILD_DIR names the build (build/release).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${FLUIDRT_BUILD_DIR:-$here/../build/release}
[ -x "$build/bin/fluidrt" ] || { echo "not built: $build/bin/fluidrt" >&2; exit 66; }
build=$(cd "$build" && pwd)
fluidrt=$build/bin/fluidrt
card=$here/COVERAGE.md
what=${1-}
case $what in
  '' | --write | --check) ;;
  *) echo "usage: coverage.sh [--write [NAME=FILE...]|--check]" >&2; exit 64 ;;
esac
[ $# -eq 0 ] || shift
elsewhere=$*
FLUIDRT_PROVIDER_PATH=$build/lib/fluidrt
export FLUIDRT_PROVIDER_PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# judge MODE NAME: one line a dtype, "op name dtype" and a mark behind the dtype: nothing
# verified, ! wrong, ~ partly declined, - declined, ? untested. 1: it cannot be used here.
judge() {
  code=0
  "$fluidrt" conform "$2" --mode "$1" --format csv >"$scratch/csv" 2>"$scratch/$2.log" || code=$?
  [ "$code" -lt 64 ] || return 1
  marked "$2" "$scratch/csv"
}

# marked NAME CSV
marked() {
  awk -F, -v name="$1" 'BEGIN { mark["wrong"] = "!"; mark["partly"] = "~"
      mark["declined"] = "-"; mark["untested"] = "?" }
    $1 != "op" { print $1, name, $2 mark[$3] }' "$2"
}

# The table of COVERAGE.md back into such lines.
lines_of() {
  awk -F' *[|] *' '/^\| op / { for (i = 3; i < NF; ++i) name[i] = $i; next }
    /^\| `/ { op = $2; gsub(/`/, "", op)
      for (i = 3; i < NF; ++i) { n = split($i, d, " ")
        for (k = 1; k <= n; ++k) print op, name[i], d[k] } }' "$1"
}

names=
for file in "$build"/lib/fluidrt/frt_*.so; do
  name=$(basename "$file" .so)
  names="$names ${name#frt_}"
done

if [ "$what" = --check ]; then
  [ -f "$card" ] || { echo "there is no $card"; exit 1; }
  known=$(sed -n 's/^| op |//p' "$card" | tr -d '|')
  : >"$scratch/now"
  : >"$scratch/then"
  for name in $known; do
    judge support "$name" >"$scratch/one" || continue
    cat "$scratch/one" >>"$scratch/now"
    lines_of "$card" | awk -v name="$name" '$2 == name' >>"$scratch/then"
  done
  for name in $names; do
    case " $known " in *" $name "*) ;; *) echo "note: $card has no column for $name" ;; esac
  done
  for side in now then; do # what is wrong or declined is claimed all the same
    sed 's/[!~-]$//' "$scratch/$side" | sort >"$scratch/$side.sorted"
  done
  diff -u "$scratch/then.sorted" "$scratch/now.sorted" >"$scratch/diff" && exit 0
  sed -n '3,$s/^[-+]/&/p' "$scratch/diff" | head -n 20
  echo "providers/COVERAGE.md is not current: run providers/coverage.sh --write"
  exit 1
fi

: >"$scratch/all"
used=
for name in $names; do
  if judge claims "$name" >"$scratch/one"; then
    cat "$scratch/one" >>"$scratch/all"
    used="$used $name"
    grep -E '^conform ' "$scratch/$name.log" >>"$scratch/sums"
  fi
done
# The line that conform prints, of what it said elsewhere.
sum_of() { # NAME CSV
  awk -F, -v name="$1" -v all="$(grep -ohE '[0-9]+ ops claimed' "$scratch/reference.log")" '
    $1 == "op" { next } { claimed[$1] } $3 == "wrong" { wrong[$1] }
    $3 == "declined" || $3 == "partly" { declined[$1] }
    END { printf "conform %s: %d ops claimed, %d wrong, %d declined, %d unclaimed\n", name,
        length(claimed), length(wrong), length(declined), all - length(claimed) }' "$2"
}
for pair in $elsewhere; do
  marked "${pair%%=*}" "${pair#*=}" >>"$scratch/all"
  sum_of "${pair%%=*}" "${pair#*=}" >>"$scratch/sums"
  used="$used ${pair%%=*}"
done
for name in $([ ! -f "$card" ] || sed -n 's/^| op |//p' "$card" | tr -d '|'); do
  case " $used " in
    *" $name "*) ;;
    *) lines_of "$card" | awk -v name="$name" '$2 == name' >>"$scratch/all"
       sed -n "s/^    \(conform $name: .*\)/\1/p" "$card" >>"$scratch/sums"
       used="$used $name" ;;
  esac
done
hash=$("$fluidrt" conform reference --level load --ops clip --json | sed -n 's/.*"hash": "\(.*\)".*/\1/p')
{
  printf '# What conformance says of each provider\n\n'
  printf 'Written by `providers/coverage.sh --write`: every case of level core, suite %s.\n' "$hash"
  printf 'A dtype is that of the op'\''s first input. Plain: verified, every case within its bound;\n'
  printf '`!` wrong; `-` claimed and declined; `~` declined in part; `?` claimed, and no case tries it.\n\n'
  sed 's/^/    /' "$scratch/sums"
  printf '\n| op |'
  for name in $used; do printf ' %s |' "$name"; done
  printf '\n|---|'
  for name in $used; do printf -- '---|'; done
  printf '\n'
  cut -d" " -f1 "$scratch/all" | sort -u | awk -v names="$used" -v all="$scratch/all" '
    BEGIN { n = split(names, name, " ")
      while ((getline line <all) > 0) { split(line, f, " ")
        cell[f[1], f[2]] = cell[f[1], f[2]] (cell[f[1], f[2]] == "" ? "" : " ") f[3] } }
    { printf "| `%s` |", $0
      for (i = 1; i <= n; ++i) printf " %s |", cell[$0, name[i]]
      print "" }'
} >"$scratch/card"
if [ "$what" = --write ]; then
  cp "$scratch/card" "$card.tmp" && mv "$card.tmp" "$card"
else
  cat "$scratch/card"
fi
! grep -q '[a-z0-9]!' "$scratch/all"
