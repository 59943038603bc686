#!/bin/sh
# coverage.sh - which lines and branches of ggml_alloc/ the tests run, in a table by layer
#
#   usage: coverage.sh ROOT BUILD [LAYER...]     with layers: what they leave out, line by line
#
# BUILD is made when it is missing: gcc, not optimised, without asserts.  Its counts are cleared and all tests run first, but with
# layers what an earlier run left there is shown again.
set -eu
root=${1:?usage: coverage.sh ROOT BUILD [LAYER...]}
build=${2:?usage: coverage.sh ROOT BUILD [LAYER...]}
shift 2
for tool in gcc gcov python3 meson; do
  command -v $tool > /dev/null || { echo "coverage.sh: skipped, there is no $tool" >&2; exit 0; }
done

if [ $# -eq 0 ]; then
  [ -e "$build/build.ninja" ] ||
    CC=gcc meson setup "$build" "$root" -Dbuildtype=plain -Doptimization=0 -Db_ndebug=true -Db_coverage=true -Dbench=disabled \
      -Dtests=enabled > "$build.log"
  find "$build" -name '*.gcda' -delete
  meson test -C "$build" --no-suite tree --timeout-multiplier 10 >> "$build.log" || echo "coverage.sh: some tests failed, see $build.log" >&2
fi
python3 "$root/tests/coverage.py" "$root" "$build" "$@"
