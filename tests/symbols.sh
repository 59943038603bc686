#!/bin/sh
# symbols.sh - the shared library exports what the public headers declare and tests/data/symbols.txt lists, no more and no less, and
# keeps no mutable globals
#
#   usage: symbols.sh ROOT SHARED_LIBRARY [NM]
set -u
root=${1:?usage: symbols.sh ROOT SHARED_LIBRARY [NM]}
library=${2:?usage: symbols.sh ROOT SHARED_LIBRARY [NM]}
nm=${3:-nm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# A declaration is GA_API ... name(: comments and directives go first, then everything up to a semicolon or brace is one line.
cat "$root"/include/ggml_alloc/*.h | sed '/^[[:space:]]*#/d' | tr '\n' ' ' | sed 's|/\*|\n&|g; s|\*/|&\n|g' | sed '/^\/\*/d' |
  tr '\n' ' ' | sed 's/[;{}]/\n/g' | sed -n 's/.*GA_API[^(]*[^A-Za-z0-9_(]\([A-Za-z0-9_]*\)(.*/\1/p' | sort > "$work/declared"
"$nm" -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ { print $NF }' | sed 's/@.*//' | sort > "$work/exported"
# Objects in writable sections, but for the linker's own; .data.rel.ro is constant once loaded.
"$nm" -f sysv "$library" | awk -F '|' '{ gsub(/ /, "") } $4 == "OBJECT" && $7 ~ /^\.(data|bss|tdata|tbss)/ && $7 !~ /rel\.ro/ { print $1 }' |
  grep -Ev '^(_|completed\.)' > "$work/mutable"

# empty NUMBER TITLE FILE: passes when the file lists nothing.
empty() {
  if [ -s "$3" ]; then echo "not ok $1 - $2"; sed 's/^/# /' "$3"; else echo "ok $1 - $2"; fi
}

echo 1..6
if [ "$(wc -l < "$work/declared")" -ge 10 ] && [ -z "$(uniq -d "$work/declared")" ]; then
  echo "ok 1 - the headers declare $(wc -l < "$work/declared") functions, each once"
else
  echo 'not ok 1 - the headers declare functions, each once'
  sed 's/^/# /' "$work/declared"
fi
grep -v '^ga_' "$work/exported" > "$work/foreign"
empty 2 'every exported symbol begins with ga_' "$work/foreign"
comm -13 "$work/declared" "$work/exported" > "$work/extra"
empty 3 'nothing is exported that no header declares' "$work/extra"
comm -23 "$work/declared" "$work/exported" > "$work/missing"
empty 4 'everything declared is exported' "$work/missing"
empty 5 'there are no mutable globals' "$work/mutable"
# Who adds, renames or drops a function says so in the list, and in NEWS.md.
diff "$root/tests/data/symbols.txt" "$work/declared" > "$work/changed"
empty 6 'tests/data/symbols.txt lists them: < was taken away, > is new' "$work/changed"
