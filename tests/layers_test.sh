#!/bin/sh
# layers_test.sh - plants violations in a copy of the tree: layers.sh must find each, where it is, and nothing else
#
#   usage: layers_test.sh ROOT
set -u
root=${1:?usage: layers_test.sh ROOT}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$root/ggml_alloc" "$root/include" "$copy"
count=0

result() { # ok|not, what was tried
  count=$((count + 1))
  if [ "$1" = ok ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# planted FILE LINE WORDS: with LINE appended to FILE (made if it is missing), exactly one complaint comes, about that file, in WORDS.
planted() {
  file=$copy/$1
  kept=$copy/kept
  if [ -e "$file" ]; then cp "$file" "$kept"; else : > "$kept.none"; mkdir -p "${file%/*}"; fi
  printf '%s\n' "$2" >> "$file"
  if said=$("$root/tests/layers.sh" "$copy" 2>&1); then verdict=not; else verdict=ok; fi
  [ "$(printf '%s\n' "$said" | wc -l)" -eq 1 ] || verdict=not
  case $said in "$1:"*"$3"*) ;; *) verdict=not ;; esac
  [ $verdict = ok ] || printf '# %s\n' "said: $said"
  result $verdict "finds in $1: $2"
  if [ -e "$kept.none" ]; then rm -f "$file" "$kept.none"; else mv "$kept" "$file"; fi
}

# allowed FILE LINE: that line is no violation.
allowed() {
  cp "$copy/$1" "$copy/kept"
  printf '%s\n' "$2" >> "$copy/$1"
  if said=$("$root/tests/layers.sh" "$copy" 2>&1); then verdict=ok; else verdict=not; printf '# %s\n' "$said"; fi
  result $verdict "allows in $1: $(printf %s "$2" | tr '\n' ' ')"
  mv "$copy/kept" "$copy/$1"
}

if "$root/tests/layers.sh" "$copy"; then result ok 'the tree as it is'; else result not 'the tree as it is'; fi

planted ggml_alloc/base/array.c '#include "range/range.h"' 'layer base may not include range'
planted ggml_alloc/place/place.h '#include "graph/shape.h"' 'layer place may not include graph'
planted ggml_alloc/base/array.c '#include "ggml_alloc/gallocr.h"' 'may not include the public header of bind'
planted ggml_alloc/place/place.h '#include "ggml_alloc/backend.h"' 'may not include the public header of backend'
planted ggml_alloc/range/range.h '#include "bits.h"' 'give the path'
planted ggml_alloc/range/range.h '#include "base/nothing.h"' 'no header'
planted ggml_alloc/range/range.h '#include "ggml_alloc/nothing.h"' 'no public header'
planted ggml_alloc/range/range.h '#include HEADER' 'name a file'
planted ggml_alloc/range/range.h '#include <unistd.h>' 'POSIX'
planted ggml_alloc/range/range.h '#include <alloca.h>' 'not in C11'
planted ggml_alloc/base/array.c 'static void *get(void) { return malloc(1); }' 'memory from libc'
planted ggml_alloc/base/array.c 'static void put(void *p) { free(p); }' 'memory from libc'
planted ggml_alloc/base/array.c 'static void die(void) { abort(); }' 'ends the process'
planted ggml_alloc/base/log.c 'static void say(void) { fprintf(0, "%d", 1); }' 'writes to a file'
planted ggml_alloc/base/array.c 'static int last(void) { return errno; }' 'errno'
planted ggml_alloc/base/mem.c 'static char *home(void) { return getenv("HOME"); }' 'hidden input'
planted ggml_alloc/ggml/tensor.h '#include "llama.h"' 'give the path'
planted ggml_alloc/ggml/legacy_walk.c 'static char *home(void) { return getenv("HOME"); }' 'hidden input'
planted ggml_alloc/ggml/environment.c 'static void die(void) { abort(); }' 'ends the process'
planted ggml_alloc/range/range.h '#include "ggml-alloc.h"' 'give the path'
planted include/ggml_alloc/plan.h '#include "plan/plan.h"' 'only its neighbours'
planted ggml_alloc/extra/new.c 'int x;' 'has no row'
mv "$copy/ggml_alloc/io" "$copy/io"
if said=$("$root/tests/layers.sh" "$copy" 2>&1); then verdict=not; else verdict=ok; fi
case $said in *'layer io has no folder'*) ;; *) verdict=not ;; esac
result $verdict 'finds a row without a folder'
mv "$copy/io" "$copy/ggml_alloc/io"

allowed ggml_alloc/base/array.c '/* free() and abort() in a comment */'
allowed ggml_alloc/base/array.c '/* over two lines: malloc(1)
malloc(2) */'
allowed ggml_alloc/base/array.c 'static const char *words(void) { return "free(it) /* "; } // exit(1)'
allowed ggml_alloc/base/array.c 'static void give(struct ops *ops) { ops->free(0); ops->v.free (0); }'
allowed ggml_alloc/base/array.c '#include <stdatomic.h>'
allowed ggml_alloc/place/place.h '#include "ggml_alloc/plan.h"'
allowed ggml_alloc/graph/shape.h '#include "base/hashset.h" /* why */'
echo "1..$count"
