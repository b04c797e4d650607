#!/bin/sh
# strict.sh FLUIDRT REFUSED ARGUMENT...: `fluidrt verify ARGUMENT...` on places that do not
# name the host. REFUSED cases, and no others, fail, each because an op asks for host memory
# (op_device "cpu"), and each is told what to add to the list.
set -u
fluidrt=$1 refused=$2
shift 2
out=$("$fluidrt" verify --check-plans -q "$@" 2>&1)
code=$?
failed=$(printf '%s\n' "$out" | grep -c '^FAIL')
told=$(printf '%s\n' "$out" |
  grep -c "wants device 'cpu', which is not in the place list '\(.*\)'; add it: -p \1,cpu$")
passed=$(printf '%s\n' "$out" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
echo "$passed passed; $failed refused, $told told what to add; wanted $refused"
if [ "$code" = 1 ] && [ "$failed" = "$refused" ] && [ "$told" = "$refused" ] &&
  [ $((passed + failed)) -ge 113 ]; then
  exit 0
fi
printf '%s\n' "$out"
exit 1
