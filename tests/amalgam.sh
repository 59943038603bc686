#!/bin/sh
# amalgam.sh - the library in two files: made alike each time, compiled by nothing but a C compiler, and the same as what was built
#
#   usage: amalgam.sh ROOT PYTHON LIBRARY CC [CXX]     LIBRARY: the one that was built, static or shared
set -u
root=${1:?usage: amalgam.sh ROOT PYTHON LIBRARY CC [CXX]}
python=${2:?usage: amalgam.sh ROOT PYTHON LIBRARY CC [CXX]}
library=${3:?usage: amalgam.sh ROOT PYTHON LIBRARY CC [CXX]}
cc=${4:?usage: amalgam.sh ROOT PYTHON LIBRARY CC [CXX]}
cxx=${5:-}
root=$(cd "$root" && pwd)
library=$(cd "$(dirname "$library")" && pwd)/$(basename "$library")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
count=0

# expect TITLE COMMAND...: the command succeeds.
expect() {
  count=$((count + 1))
  title=$1
  shift
  if "$@" > "$work/log" 2>&1; then
    echo "ok $count - $title"
  else
    echo "not ok $count - $title"
    head -n 40 "$work/log" | sed 's/^/# /'
  fi
}

# skip TITLE WHY
skip() {
  count=$((count + 1))
  echo "ok $count - $1 # SKIP $2"
}

has() {
  command -v "$1" > /dev/null
}

make_it() {
  mkdir "$work/lib" "$work/again" &&
    PYTHONHASHSEED=0 "$python" "$root/ggml_alloc/amalgamate.py" "$work/lib" && (cd / && PYTHONHASHSEED=1 "$python" "$root/ggml_alloc/amalgamate.py" "$work/again") &&
    cmp "$work/lib/ggml_alloc.c" "$work/again/ggml_alloc.c" && cmp "$work/lib/ggml_alloc.h" "$work/again/ggml_alloc.h"
}

# What it says is nothing of this machine, and of no other file.
says_nothing_else() {
  [ -s "$work/lib/ggml_alloc.c" ] && ! grep -n "^#line\|^#include \"[^g]\|^#include \"ggml_alloc/\|$root" "$work/lib/ggml_alloc.c" "$work/lib/ggml_alloc.h"
}

# shellcheck disable=SC2086
compile_with() { # COMPILER OBJECT OPTION...
  compiler=$1 object=$2
  shift 2
  $compiler -std=c11 -Wall -Wextra -Wpedantic -Werror "$@" -c "$work/lib/ggml_alloc.c" -o "$work/$object"
}

compile() { # OBJECT OPTION...
  compile_with "$cc" "$@"
}

# shellcheck disable=SC2086
link() { # PROGRAM OBJECT OPTION...: the program that uses everything, -pthread only where it may be wanted
  program=$1 object=$2
  shift 2
  case " $* " in *' -DGA_NO_THREADS '*) ;; *) set -- "$@" -pthread ;; esac
  $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -DGA_HEADER='"ggml_alloc.h"' -I "$work/lib" "$root/tests/amalgam.c" "$work/$object" \
    "$@" -o "$work/$program"
}

# What the built library answers, through its own headers.
# shellcheck disable=SC2086
ask_library() {
  $cc -std=c11 -DGA_HEADER='<ggml_alloc/ggml_alloc.h>' -I "$root/include" "$root/tests/amalgam.c" "$library" \
    -pthread -Wl,-rpath,"$(dirname "$library")" -o "$work/built" && "$work/built" > "$work/answer" && [ -s "$work/answer" ]
}

same_answers() { # OBJECT OPTION...
  object=$1
  shift
  compile "$object" "$@" && link program "$object" "$@" && "$work/program" > "$work/said" && cmp "$work/answer" "$work/said"
}

# With parts left out the program says the lines that are left, and those as before.
fewer_answers() { # OBJECT OPTION...
  object=$1
  shift
  compile "$object" "$@" && link program "$object" "$@" && "$work/program" > "$work/said" &&
    [ "$(wc -l < "$work/said")" -ge 8 ] || return 1
  diff "$work/answer" "$work/said" > "$work/diff"
  ! grep '^>' "$work/diff"
}

exports() { # OBJECT
  nm -g --defined-only "$work/$1" | awk '{ print $NF }' | sort
}

# A declaration is GA_API ... name(, on what the preprocessor leaves of the header.
# shellcheck disable=SC2086
declared() { # OPTION...
  $cc -std=c11 -E -P -DGA_API=GA_API "$@" "$work/lib/ggml_alloc.h" | tr '\n' ' ' | sed 's/[;{}]/\n/g' |
    sed -n 's/.*GA_API[^(]*[^A-Za-z0-9_(]\([A-Za-z0-9_]*\)(.*/\1/p' | sort
}

exports_only() { # OBJECT PREFIX OPTION...
  object=$1 prefix=$2
  shift 2
  exports "$object" > "$work/exported"
  declared "$@" > "$work/declared"
  [ "$(wc -l < "$work/exported")" -ge 30 ] && diff "$work/declared" "$work/exported" && ! grep -v "^${prefix}ga_" "$work/exported"
}

asks_nobody_for() { # OBJECT PATTERN
  nm "$work/$1" > "$work/symbols" && ! awk '$1 == "U" { print $2 }' "$work/symbols" | grep -E "$2"
}

# shellcheck disable=SC2086
includes_no() { # HEADER OPTION...
  header=$1
  shift
  $cc -std=c11 "$@" -M "$work/lib/ggml_alloc.c" > "$work/headers" && ! grep "/$header" "$work/headers"
}

# The one beside the other, in one program.
two_copies() {
  compile your.o -DGA_PREFIX=your_ || return 1
  for copy in my your; do
    $cc -std=c11 -DGA_PREFIX="${copy}_" -Dmain="main_$copy" -DGA_HEADER='"ggml_alloc.h"' -I "$work/lib" -c "$root/tests/amalgam.c" \
      -o "$work/main_$copy.o" || return 1
  done
  printf 'int main_my(void);\nint main_your(void);\nint main(void)\n{\n    return main_my() || main_your();\n}\n' > "$work/both.c"
  $cc "$work/both.c" "$work/main_my.o" "$work/main_your.o" "$work/my.o" "$work/your.o" -pthread -o "$work/both" &&
    "$work/both" > "$work/said" && cat "$work/answer" "$work/answer" | cmp - "$work/said"
}

# shellcheck disable=SC2086
from_cxx() {
  $cxx -std=c++17 -Wall -Wextra -Wpedantic -Werror -DGA_HEADER='"ggml_alloc.h"' -I "$work/lib" -x c++ "$root/tests/amalgam.c" \
    -x none "$work/plain.o" -pthread -o "$work/program" && "$work/program" > "$work/said" && cmp "$work/answer" "$work/said"
}

# Code, constants and data of the planner, at most 96 KiB.
small_planner() {
  compile small.o -Os -DGA_PLANNER_ONLY || return 1
  size=$(size "$work/small.o" | awk 'NR == 2 { print $1 + $2 + $3 }')
  echo "# the planner takes $size bytes" >&3
  [ "$size" -le $((96 * 1024)) ]
}

exec 3>&1
everything='-DGA_PLANNER_ONLY -DGA_NO_IO -DGA_NO_THREADS -DGA_PREFIX=all_'
text_of_libc='printf|scanf|^fopen|^fwrite|^fputs|^puts$|^std(out|err|in)$'

expect 'it is made, and alike each time' make_it
expect 'it names nothing of this machine, and includes no other file' says_nothing_else
expect 'the library that was built answers' ask_library
expect 'one object, not optimised, answers the same' same_answers plain.o -O0
expect 'one object, optimised, answers the same' same_answers fast.o -O3
if has clang && [ "$cc" != clang ]; then
  expect 'clang compiles it' compile_with clang clang.o -O0
else
  skip 'clang compiles it' 'no clang, or it was the compiler already'
fi
expect 'without threads it answers the same' same_answers calm.o -DGA_NO_THREADS
expect 'without io it plans and runs the same' fewer_answers mute.o -DGA_NO_IO
expect 'the planner alone plans the same' fewer_answers planner.o -DGA_PLANNER_ONLY
expect 'under another name it answers the same' same_answers my.o -DGA_PREFIX=my_
# shellcheck disable=SC2086
expect 'all switches at once: it plans the same' fewer_answers all.o $everything
expect 'two copies live in one program' two_copies
expect 'without io there is no stdio' includes_no stdio.h -DGA_NO_IO
expect 'without threads there is no pthread' includes_no pthread.h -DGA_NO_THREADS
if has nm; then
  expect 'it exports what it declares' exports_only plain.o ''
  expect 'it exports what it declares, under another name' exports_only my.o my_ -DGA_PREFIX=my_
  expect 'it exports what it declares, without io' exports_only mute.o '' -DGA_NO_IO
  # shellcheck disable=SC2086
  expect 'it exports what it declares, with all switches' exports_only all.o all_ $everything
  expect 'without io it asks nobody for text' asks_nobody_for mute.o "$text_of_libc"
  expect 'without threads it asks nobody for them' asks_nobody_for calm.o 'pthread|sched_|nanosleep|clock'
else
  skip 'it exports what it declares' 'no nm'
fi
if has size && [ "$(uname -m)" = x86_64 ]; then
  expect 'the planner alone takes at most 96 KiB' small_planner
else
  skip 'the planner alone takes at most 96 KiB' 'no size, or another machine'
fi
if [ -n "$cxx" ]; then
  expect 'C++17 uses it' from_cxx
else
  skip 'C++17 uses it' 'no C++ compiler'
fi
echo "1..$count"
