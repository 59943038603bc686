#!/bin/sh
# layout.sh - the structs of the public headers are as large as tests/data/layout.txt says, on machines with 64 bits
#
#   usage: layout.sh ROOT CC
#
# Callers compile sizes in, so who changes one breaks programs that are not compiled anew: say so by editing the list, and in NEWS.md.
set -u
root=$(cd "${1:?usage: layout.sh ROOT CC}" && pwd)
cc=${2:?usage: layout.sh ROOT CC}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  echo '#include <stdio.h>'
  for header in "$root"/include/ggml_alloc/*.h; do echo "#include \"ggml_alloc/${header##*/}\""; done
  echo 'int main(void) { if (sizeof(void *) != 8) return 77;'
  sed -n 's/^\(typedef \)*struct \(ga_[a-z_]*\) {.*/\2/p' "$root"/include/ggml_alloc/*.h | LC_ALL=C sort |
    sed 's/.*/printf("& %u\\n", (unsigned)sizeof(struct &));/'
  echo 'return 0; }'
} > "$work/sizes.c"
echo 1..2
# What base.h says of structs that grow, for those whose names tell.
if awk '
  /^(typedef )?struct ga_[a-z_]+ \{/ { name = $1 == "typedef" ? $3 : $2; grows = name ~ /(opts|stats|info|oom)$/; last = "" }
  grows && /;/ && !/^}/ { last = $0 }
  grows && /^}/ { n++; if (last !~ / later\[[24]\];/) { print name; bad = 1 } grows = 0 }
  END { if (n < 16) { print n " structs found"; bad = 1 } exit bad }' "$root"/include/ggml_alloc/*.h > "$work/log"; then
  echo 'ok 1 - options and what is told end in words for later versions'
else
  echo 'not ok 1 - options and what is told end in words for later versions'
  sed 's/^/# /' "$work/log"
fi
# shellcheck disable=SC2086
if ! $cc -std=c11 -I "$root/include" -o "$work/sizes" "$work/sizes.c" > "$work/log" 2>&1; then
  echo 'not ok 2 - sizes can be asked for'
  sed 's/^/# /' "$work/log"
  exit
fi
"$work/sizes" > "$work/now" 2> "$work/log"
case $? in
  0) ;;
  *) echo 'ok 2 - sizes # SKIP not a machine of 64 bits, or not this one'; exit ;;
esac
if diff "$root/tests/data/layout.txt" "$work/now" > "$work/log"; then
  echo "ok 2 - $(wc -l < "$work/now") structs are as large as they were"
else
  echo 'not ok 2 - structs are as large as they were: < was, > is'
  sed 's/^/# /' "$work/log"
fi
