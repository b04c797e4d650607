#!/bin/sh
# tests/faults/catalogue.sh [--check]: which rows of CATALOGUE.md have a test. A test says
# so with a tag, the section and the row's numbers: "3c: 107, 111-115", for C where it is
# registered and for scripts in a comment. With --check a row without one is a failure.
#   "3c: 117-124 absent" says that the ops of these rows do not exist and that a test sees
#   them refused as unknown.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
grep -rhoE '\b3[a-h]: ?[0-9]+(-[0-9]+)?(, ?[0-9]+(-[0-9]+)?)*( absent)?' "$here/.." \
  --include='*.c' --include='*.sh' --include='*.cc' --include='*.py' --exclude=catalogue.sh |
  awk -v check="${1-}" '
  FILENAME == "-" {
    absent = sub(/ absent$/, "")
    section = substr($0, 1, 2)
    sub(/^3[a-h]: ?/, "")
    n = split($0, part, /, ?/)
    for (i = 1; i <= n; ++i) {
      split(part[i] "-" part[i], ends, "-")
      for (row = ends[1] + 0; row <= ends[2] + 0; ++row) {
        tagged[row] = section
        if (absent) gone[row] = 1
      }
    }
    next
  }
  /^## 3/ { section = substr($2, 1, 2) }
  /^\| [0-9]+ \|/ {
    row = $2 + 0
    ++rows
    if (!(row in tagged)) {
      if (/cannot be said/) said = said (n_unsaid++ ? ", " : "") row
      else missing[++n_missing] = $0
      next
    }
    if (tagged[row] != section) { print "row " row " is of " section ", tagged " tagged[row]; bad = 1 }
    if (row in gone) list = list (list ? ", " : "") row
    else ++have
    if (row in gone) ++n_gone
  }
  END {
    if (n_missing) print "without a test:"
    for (i = 1; i <= n_missing; ++i) print "  " missing[i]
    if (list) print "op not there, refused as unknown: " list
    if (said) print "cannot be said through the interface: " said
    printf "catalogue: %d of %d rows have a test", have, rows
    if (n_gone) printf ", %d are of ops that do not exist", n_gone
    if (n_unsaid) printf ", %d cannot be said", n_unsaid
    print ""
    exit bad || (check == "--check" && n_missing) || !rows
  }' - "$here/CATALOGUE.md"
