#!/bin/sh
# run.sh [--write] [--all-ops] [--sample] [NAME...]: runs `fluidrt conform` once per defect of
# providers/mutant/defects.c and prints which case noticed it. A defect that no case
# notices is a failure of the suite. First, without a defect, nothing may be noticed.
#   --write    also writes the matrix to providers/MUTANTS.md
#   --all-ops  every op's cases for every defect, not only those of the op that has it
#   --sample   the first two defects of each kind only (a kind is a comment of defects.c)
# FLUIDRT_BUILD_DIR names the build (default build/release). Exit 0: all were noticed.
set -eu
src=$(cd "$(dirname "$0")/../.." && pwd)
build=${FLUIDRT_BUILD_DIR:-$src/build/release}
fluidrt=$build/bin/fluidrt
mutant=$build/lib/fluidrt-tests/frt_mutant.so
defects=$src/providers/mutant/defects.c
write= all= sample= wanted=
for word; do
  case $word in
    --write) write=1 ;;
    --all-ops) all=1 ;;
    --sample) sample=1 ;;
    -*) echo "usage: run.sh [--write] [--all-ops] [NAME...]" >&2; exit 64 ;;
    *) wanted="$wanted $word" ;;
  esac
done
[ -x "$fluidrt" ] || { echo "not built: $fluidrt" >&2; exit 66; }
FLUIDRT_PROVIDER_PATH=$build/lib/fluidrt
export FLUIDRT_PROVIDER_PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# "kind name op" a line; rows are {"name", "op", ... and KIND("name", "op", ... and, of the
# provider as a whole, WHOLE("name", ...
awk '/^    \/\*/ { ++kind }
     /^ *WHOLE\("/ { split($0, part, "\""); print kind, part[2], "provider"; next }
     /^ *[A-Z]*[({]"/ { split($0, part, "\""); print kind, part[2], part[4] }' "$defects" |
  if [ -n "$sample" ]; then awk '++seen[$1] <= 2'; else cat; fi |
  cut -d' ' -f2,3 >"$scratch/list"

# judge NAME OP: leaves what conform said in $scratch/out; 0: it noticed nothing.
judge() {
  code=0 ops=$2
  [ -z "$all" ] || ops='*'
  FRT_MUTANT=$1 "$fluidrt" conform "$mutant" --ops "$ops" --time-limit 5 -v >"$scratch/out" 2>"$scratch/err" ||
    code=$?
  # What was declined although it is claimed is counted, not failed: it counts here.
  ! grep -q 'conform mutant:.* [1-9][0-9]* declined' "$scratch/out" || code=1
  return $code
}

# The first complaint, as one short line.
complaint() {
  { grep -m1 '^FAIL' "$scratch/out" || grep -m1 -i 'declined' "$scratch/out" ||
      head -n1 "$scratch/err"; } | tr -d '|`' | cut -c1-150
}

passed=0 failed=0
printf '| defect | op | noticed by |\n|---|---|---|\n' >"$scratch/matrix"
for op in $(cut -d' ' -f2 "$scratch/list" | sort -u); do
  [ -z "$wanted" ] || break # named defects are what is asked for
  if judge none "$op"; then continue; fi
  echo "FAIL without a defect, op $op: $(complaint)"
  failed=$((failed + 1))
done
while read -r name op; do
  case " $wanted " in "  " | *" $name "*) ;; *) continue ;; esac
  if judge "$name" "$op"; then
    failed=$((failed + 1)) said="**not noticed**"
    echo "FAIL $name ($op): not noticed"
  else
    passed=$((passed + 1)) said=$(complaint)
    echo "PASS $name ($op): $said"
  fi
  printf '| %s | %s | %s |\n' "$name" "$op" "$said" >>"$scratch/matrix"
done <"$scratch/list"
if [ -z "$write$wanted" ]; then # the page is about these defects, all noticed
  page=$src/providers/MUTANTS.md
  while read -r name op; do
    grep -q "^| $name | $op | FAIL" "$page" && continue
    echo "FAIL $page does not say what notices $name ($op): run.sh --write"
    failed=$((failed + 1))
  done <"$scratch/list"
fi
if [ -n "$write" ]; then
  {
    echo "# What the conformance suite notices"
    echo
    echo "Provider \`mutant\` stands in front of \`cpu\`, or of \`virtual\` where it is about queues, and"
    echo "is wrong in one way at a time (\`providers/mutant/defects.c\`). \`tests/mutants/run.sh --write\` ran"
    echo "\`fluidrt conform .../frt_mutant.so\` once per defect, with the cases of the op that has it, and"
    echo "wrote this page: $passed of $((passed + failed)) defects were noticed. Without a"
    echo "defect it passes all of these cases."
    echo
    cat "$scratch/matrix"
  } >"$src/providers/MUTANTS.md"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
