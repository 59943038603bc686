#!/bin/sh
# names.sh - what the systems that this one replaces offer is here by name: declared in a public header, and used by an API test
#
#   usage: names.sh ROOT
#
# Reads tests/data/names.txt: "what is there | names here", the latter words of C; of enumerators being declared is enough.
set -u
root=${1:?usage: names.sh ROOT}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
cat "$root"/include/ggml_alloc/*.h "$root"/include/ggml-alloc.h | tr -cs 'A-Za-z0-9_' '\n' | sort -u > "$work/declared"
cat "$root"/tests/api/*.c "$root"/tests/ggml/*.c | tr -cs 'A-Za-z0-9_' '\n' | sort -u > "$work/used"

count=0
grep -v '^#' "$root/tests/data/names.txt" | grep '|' > "$work/rows"
while IFS='|' read -r there here; do
  count=$((count + 1))
  missing=
  for word in $(printf '%s\n' "$here" | tr -cs 'A-Za-z0-9_' ' '); do
    grep -qx "$word" "$work/declared" || missing="$missing $word:undeclared"
    case $word in
      [a-z]*) grep -qx "$word" "$work/used" || missing="$missing $word:untested" ;;
    esac
  done
  if [ -z "$missing" ]; then echo "ok $count - $there"; else echo "not ok $count - $there:$missing"; fi
done < "$work/rows"
echo "1..$(wc -l < "$work/rows")"
