#!/bin/bash
# tools.sh - every test program, built by each compiler and run under each tool that can be had
#
#   usage: tools.sh ROOT BUILD [ROW...]     all rows, or those named; build directories are kept below BUILD
#
# A row is a build of its own, with warnings as errors, tests/plain instead of Criterion, and `meson test` without the suites that
# look at the tree.  What is not installed is skipped.
set -u
root=$(cd "${1:?usage: tools.sh ROOT BUILD [ROW...]}" && pwd)
mkdir -p "${2:?usage: tools.sh ROOT BUILD [ROW...]}" && build=$(cd "$2" && pwd)
shift 2
wanted=" $* "
count=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 MSAN_OPTIONS=allocator_may_return_null=1
integer=unsigned-integer-overflow,implicit-unsigned-integer-truncation,implicit-signed-integer-truncation,implicit-integer-sign-change

#     name       compiler    times  options
rows="gcc-O0     gcc         1      -Doptimization=0
      gcc-O1     gcc         1      -Doptimization=1
      gcc-O2     gcc         1      -Doptimization=2 -Db_ndebug=true
      gcc-O3     gcc         1      -Doptimization=3 -Db_ndebug=true
      gcc-Os     gcc         1      -Doptimization=s -Db_ndebug=true
      gcc-lto    gcc         1      -Doptimization=2 -Db_lto=true
      clang-O0   clang       1      -Doptimization=0
      clang-O1   clang       1      -Doptimization=1
      clang-O2   clang       1      -Doptimization=2 -Db_ndebug=true
      clang-O3   clang       1      -Doptimization=3 -Db_ndebug=true
      clang-Os   clang       1      -Doptimization=s -Db_ndebug=true
      clang-lto  clang       1      -Doptimization=2 -Db_lto=true
      m32        gcc         1      -Doptimization=2 -Dc_args=-m32 -Dc_link_args=-m32
      musl       musl-gcc    1      -Doptimization=2 -Dc_link_args=-static
      aarch64    clang       10     -Doptimization=2 --cross-file=$root/tests/plain/aarch64.ini
      s390x      clang       10     -Doptimization=2 --cross-file=$root/tests/plain/s390x.ini
      windows    -           10     -Doptimization=2 --cross-file=$root/tests/plain/windows.ini
      asan       gcc         3      -Doptimization=1 -Ddebug=true -Db_sanitize=address,undefined -Db_lundef=false
      msan       clang       3      -Doptimization=1 -Ddebug=true -Db_sanitize=memory -Db_lundef=false
      integer    clang       3      -Doptimization=1 -Ddebug=true -Db_lundef=false -Dc_args=['-fsanitize=$integer','-fno-sanitize-recover=all','-fsanitize-ignorelist=$root/tests/wraps.txt'] -Dc_link_args=['-fsanitize=$integer']
      valgrind   gcc         30     -Doptimization=1 -Ddebug=true
      analyzer   gcc         0      -Doptimization=1 -Dc_args=-fanalyzer -Dtests=disabled -Dcli=enabled"

# row NAME COMPILER TIMES OPTION...: what it says goes to a log.
row() {
  local dir=$build/$1 name=$1 compiler=$2 times=$3 wrap=()
  shift 3
  [ "$compiler" = - ] || export CC=$compiler
  [ "$name" != valgrind ] || wrap=(--wrapper 'valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite')
  rm -rf "$dir"
  meson setup "$dir" "$root" -Dwerror=true -Dcriterion=disabled -Dbench=disabled -Ddefault_library=static "$@" &&
    ninja -C "$dir" && { [ "$times" -eq 0 ] ||
      meson test -C "$dir" --no-rebuild --no-suite tree --timeout-multiplier "$times" --print-errorlogs "${wrap[@]}"; }
}

while read -r name compiler times options; do
  case $wanted in '  ' | *" $name "*) ;; *) continue ;; esac
  count=$((count + 1))
  start=$SECONDS
  # shellcheck disable=SC2086
  if [ "$compiler" != - ] && ! command -v "$compiler" > /dev/null; then
    echo "ok $count - $name # SKIP not installed"
  elif ( row "$name" "$compiler" "$times" $options ) > "$build/$name.log" 2>&1 < /dev/null; then
    echo "ok $count - $name, $(grep -c ' OK ' "$build/$name.log") programs in $((SECONDS - start)) s"
  else
    echo "not ok $count - $name, in $((SECONDS - start)) s; $build/$name.log"
    grep -E ' (FAIL|ERROR|TIMEOUT) |error:|warning:' "$build/$name.log" | head -20 | sed 's/^/# /'
  fi
done <<< "$rows"
echo "1..$count"
