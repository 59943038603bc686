#!/bin/sh
# layers.sh - holds the source tree to the table in ggml_alloc/README.md
#
#   usage: layers.sh ROOT
#
# Each row of the table is a folder of ggml_alloc/, each folder is a row.  A file includes its own layer, the layers of its row by
# path ("base/mem.h"), and their public headers; public headers include only each other; of the rest of the world there is C11's
# library (in cli/ and base/pages.c POSIX's and Windows' too, in base/lock.[ch] threads, and whether there are any).  Some functions
# have one home: memory comes from base/mem.c and base/pages.c, output, exit and the environment belong to cli/ (for ggml/, whose
# callers cannot be asked, to ggml/environment.c).  ggml/ includes "ggml*.h" as well, of whichever ggml it is compiled with.  Answers 0, or 1 and one line for
# every violation: file:line: what is wrong; how to mend it.
set -eu
cd "${1:?usage: layers.sh ROOT}"
# shellcheck disable=SC2016
find include ggml_alloc -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function complain(what, mend) { printf "%s:%d: %s; %s\n", FILENAME, FNR, what, mend; bad = 1 }

# Words of a table cell, each a key of `set`.
function words(cell, set,    list, n, i) {
  gsub(/[`,|]/, " ", cell)
  n = split(cell, list, " ")
  for (i = 1; i <= n; i++) set[list[i]] = 1
}

# One row: | layer | may include | public headers | knows about |
function row(    cell, set, name, word) {
  split($0, cell, "|")
  name = cell[2]
  gsub(/[` ]/, "", name)
  if (name == "layer" || name ~ /^-+$/) return
  layers[name] = 1
  at[name] = FNR
  allowed[name, name] = 1
  words(cell[3], set)
  for (word in set) {
    if (word ~ /\.h$/) open[name, word] = 1
    else if (word in layers) allowed[name, word] = 1
    else complain("layer " name " names " word ", which is no layer above it", "order the rows so that no layer needs a later one")
  }
  split("", set)
  words(cell[4], set)
  for (word in set) owner[word] = name
}

# The line without comments, strings and characters; sets in_comment for the next one.
function code(text,    out) {
  for (;;) {
    if (in_comment) {
      if (!match(text, /\*\//)) return out
      text = substr(text, RSTART + 2)
      in_comment = 0
    }
    if (!match(text, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/\*|\/\//)) return out text
    out = out substr(text, 1, RSTART - 1) " "
    if (substr(text, RSTART, 2) == "//") return out
    in_comment = substr(text, RSTART, 2) == "/*"
    text = substr(text, RSTART + RLENGTH)
  }
}

function public_header(header) {
  if (!(("include/ggml_alloc/" header) in known)) complain("no public header " header, "see include/ggml_alloc/")
  else if (!(header in owner)) complain("ggml_alloc/" header " belongs to no layer", "name it in ggml_alloc/README.md")
  else if (!((layer, header) in open) && !((layer, owner[header]) in allowed))
    complain("layer " layer " may not include the public header of " owner[header], "see the table in ggml_alloc/README.md")
}

function internal_header(path,    target) {
  target = path
  if (!sub(/\/[^\/]*$/, "", target)) complain("include \"" path "\"", "give the path from ggml_alloc/: \"" layer "/" path "\"")
  else if (!(("ggml_alloc/" path) in known)) complain("no header \"" path "\"", "give the path from ggml_alloc/")
  else if (!((layer, target) in allowed))
    complain("layer " layer " may not include " target, "see the table in ggml_alloc/README.md")
}

function system_header(header) {
  if (header in c11 || (threaded && header ~ /^(pthread|sched|sys\/single_threaded)\.h$/) || (hosted && header in posix)) return
  if (header in posix) complain("<" header "> is not in C11 but of POSIX or Windows", "only cli/ and base/pages.c may")
  else complain("<" header "> is not in C11", "the library needs libc and nothing else")
}

function own_header_first(path,    own) {
  own = FILENAME
  sub(/\.c$/, ".h", own)
  if (n_includes == 1 && own ~ /\.h$/ && own != FILENAME && own in known && own != "ggml_alloc/" path)
    complain("another header comes before its own", "include \"" substr(own, 12) "\" first, so that it is seen to stand alone")
}

function include(text,    path) {
  n_includes++
  path = text
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", path)
  sub(/[ \t]*(\/[\/*].*)?$/, "", path)
  own_header_first(substr(path, 2, length(path) - 2))
  if (path ~ /^<.*>$/) system_header(substr(path, 2, length(path) - 2))
  else if (path !~ /^".*"$/) complain("include of " path, "name a file, so that this script can follow it")
  else {
    path = substr(path, 2, length(path) - 2)
    if (layer == "ggml" && path ~ /^ggml(-[a-z]+)*\.h$/) return
    if (layer == "") { if (path ~ /\// || !((dir "/" path) in known)) complain("a public header includes \"" path "\"", "only its neighbours may be included") }
    else if (path ~ /^ggml_alloc\//) public_header(substr(path, 12))
    else internal_header(path)
  }
}

function banned(text) {
  if (layer == "" || layer == "cli") return
  if (!allocates && match(text, /(^|[^A-Za-z0-9_.>])(malloc|calloc|realloc|aligned_alloc|strdup|free)[ \t]*\(/))
    complain("memory from libc", "take it from the struct ga_mem of the object (base/mem.h)")
  if (match(text, /(^|[^A-Za-z0-9_.>])(abort|exit|_Exit|quick_exit|atexit)[ \t]*\(/)) complain("the library ends the process", "return an enum ga_status")
  if (FILENAME == "ggml_alloc/ggml/environment.c") return
  if (match(text, /(^|[^A-Za-z0-9_.>])(v?f?printf|f?puts|f?putc|putchar|fwrite|perror|fopen)[ \t]*\(/) || text ~ /(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)/)
    complain("the library writes to a file", "write to the caller\047s struct ga_sink (base/text.h) or struct ga_log (base/log.h)")
  if (text ~ /(^|[^A-Za-z0-9_])errno([^A-Za-z0-9_]|$)/) complain("errno", "return an enum ga_status")
  if (match(text, /(^|[^A-Za-z0-9_.>])(getenv|time|clock|rand|srand|setlocale)[ \t]*\(/))
    complain("a hidden input", "one input, one plan: take it as an option (base/rng.h for seeded numbers)")
}

BEGIN {
  n = split("assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbool" \
            " stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype", list, " ")
  for (i = 1; i <= n; i++) c11[list[i] ".h"] = 1
  n = split("dirent fcntl getopt io malloc poll pthread sched strings sys/mman sys/stat sys/time sys/types sys/wait unistd windows", list, " ")
  for (i = 1; i <= n; i++) posix[list[i] ".h"] = 1
  for (i = 2; i < ARGC; i++) known[ARGV[i]] = 1
}

FILENAME == "ggml_alloc/README.md" {
  if (/^\| *layer *\|/) in_table = 1
  else if (!/^\|/) in_table = 0
  if (in_table) row()
  next
}

FNR == 1 {
  in_comment = n_includes = 0
  dir = FILENAME
  sub(/\/[^\/]*$/, "", dir)
  layer = ""
  if (dir ~ /^ggml_alloc/) {
    layer = substr(dir, 12)
    sub(/\/.*/, "", layer)
    seen[layer] = 1
    if (!(layer in layers)) complain("layer \"" layer "\" has no row", "add it to the table in ggml_alloc/README.md")
  }
  threaded = FILENAME ~ /^ggml_alloc\/base\/lock\.[ch]$/
  hosted = layer == "cli" || FILENAME == "ggml_alloc/base/pages.c"
  allocates = hosted || FILENAME == "ggml_alloc/base/mem.c"
}

!in_comment && /^[ \t]*#[ \t]*include/ { include($0); next }
{ banned(code($0)) }

END {
  FILENAME = "ggml_alloc/README.md"
  for (name in layers) if (!(name in seen)) { FNR = at[name]; complain("layer " name " has no folder", "drop the row") }
  exit bad
}
' ggml_alloc/README.md || exit 1
