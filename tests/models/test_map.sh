#!/bin/sh
# The map of the page in models/lars_seed/README.md is true: each row names something that
# exists here, and every function, verb, option, case and file it names is there.
. "${FLUIDRT_SOURCE_DIR:?the source tree}/tests/cli/lib.sh"
: >"$t/out"
: >"$t/err"
cd "$FLUIDRT_SOURCE_DIR" || exit 1
map=$models/lars_seed/README.md
grep '^|' "$map" | grep -v '^|---' | grep -v '^| on the page' >"$t/rows"
# What macros declare is seen in the library itself.
{ cat include/fluidrt/*.h
  nm -D --defined-only "$FLUIDRT_BUILD_DIR/lib/libfluidrt.so"; } >"$t/headers"

# words REGEX: what the map says of that kind, once each.
words() { grep -oE "$1" "$map" | sort -u; }

functions_exist() {
  words '\b(frt|FRT)_[A-Za-z0-9_]*[A-Za-z0-9]' | while read -r name; do
    grep -qw "$name" "$t/headers" || echo "no $name in include/fluidrt"
  done >"$t/out"
  is test ! -s "$t/out"
  is test "$(words '\bfrt_[a-z0-9_]*' | wc -l)" -gt 30
}

fields_exist() {
  words '`\.[a-z_]+`' | tr -d '`.' | while read -r field; do
    grep -qw "$field" include/fluidrt/train.h || echo "no field $field in train.h"
  done >"$t/out"
  is test ! -s "$t/out"
}

verbs_exist() {
  "$FLUIDRT" --help >"$t/help"
  words 'fluidrt [a-z]+' | cut -d' ' -f2 | while read -r verb; do
    grep -q "^  $verb " "$t/help" || echo "no verb $verb"
  done >"$t/out"
  is test ! -s "$t/out"
}

files_exist() {
  words '(tests|models)/[a-z_/]+\.(c|sh|zip)|fluidrt/[a-z_]+\.h' | while read -r file; do
    [ -f "$file" ] || [ -f "include/$file" ] || echo "no file $file"
  done >"$t/out"
  is test ! -s "$t/out"
}

# Names of cases in the proof column: everything between backquotes that looks like one.
cases_exist() {
  words '`(lars|lr|prune|opt|op|dy|fc|reduce|fetch)_[a-z0-9_]*\*?`' | tr -d '`' |
    while read -r name; do
      case $name in
        lars_momentum | lars_coeff | lars_weight_decay | lr_scheduler | fetch_list | op_role_var) ;;
        op_device) ;;
        *) ls tests/golden/$name.zip >/dev/null 2>&1 || echo "no case $name" ;;
      esac
    done >"$t/out"
  is test ! -s "$t/out"
}

every_row_names_something() {
  grep -vE '\bfrt_[a-z]|\bFRT_[A-Z]|fluidrt [a-z]+|options `\.|minimize `\.' "$t/rows" >"$t/out"
  is test ! -s "$t/out"
  is test "$(wc -l <"$t/rows")" -gt 35
}

# What the page names is in the map.
page_is_covered() {
  for word in learning_rate momentum parameter_list lars_coeff lars_weight_decay \
      regularization grad_clip name L1Decay L2Decay GradientClipByGlobalNorm \
      GradientClipByNorm GradientClipByValue minimize loss startup_program no_grad_set \
      use_prune fetch_list clear_gradients set_lr current_step_lr ParamAttr Program \
      Executor Variable Parameter PiecewiseDecay LearningRateDecay to_variable Linear \
      Embedding Adam create_global_var reduce_mean reduce_sum CPUPlace \
      default_startup_program append_batch_size local_learning_rate velocity; do
    is grep -qw "$word" "$map"
  done
}

functions_exist
fields_exist
verbs_exist
files_exist
cases_exist
every_row_names_something
page_is_covered
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
