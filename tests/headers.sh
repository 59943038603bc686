#!/bin/sh
# headers.sh - every public header compiles alone, twice included, as C99, C11, C++11 and C++17, without a warning
#
#   usage: headers.sh ROOT CC [CXX]
set -u
root=${1:?usage: headers.sh ROOT CC [CXX]}
cc=${2:?usage: headers.sh ROOT CC [CXX]}
cxx=${3:-}
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror'
count=0

# compiles HEADER STANDARD COMPILER LANGUAGE; CC may hold arguments of its own.
compiles() {
  count=$((count + 1))
  # shellcheck disable=SC2086
  if said=$(printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
            $3 -x "$4" -std="$2" $warnings -fsyntax-only -I "$root/include" - 2>&1); then
    echo "ok $count - $1 alone as $2"
  else
    echo "not ok $count - $1 alone as $2"
    printf '%s\n' "$said" | sed 's/^/# /'
  fi
}

cd "$root/include" || exit 1
for header in $(find . -name '*.h' | sed 's|^\./||' | LC_ALL=C sort); do
  compiles "$header" c99 "$cc" c
  compiles "$header" c11 "$cc" c
  [ -z "$cxx" ] || compiles "$header" c++11 "$cxx" c++
  [ -z "$cxx" ] || compiles "$header" c++17 "$cxx" c++
done
echo "1..$count"
