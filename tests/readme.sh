#!/bin/sh
# readme.sh - what README.md shows is real: its C comes from the examples, its output from the command
#
#   usage: readme.sh ROOT [COMMAND]     without the command, only the C is compared
#
# A block of C stands below a comment that names its file, and is a run of whole lines of that file, indentation aside.  In a block of
# console each line "$ ggml-alloc ..." is run from ROOT and must write what follows; a last line "..." stands for any more.
set -u
root=${1:?usage: readme.sh ROOT [COMMAND]}
command=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
case $command in '' | /*) ;; *) command=$PWD/$command ;; esac
[ -z "$command" ] || ln -s "$command" "$work/bin/ggml-alloc"
cd "$root" || exit 1
count=0

result() { # STATUS TITLE [LOG]
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then echo "ok $count - $2"; return; fi
  echo "not ok $count - $2"
  [ -z "${3:-}" ] || sed 's/^/# /' "$3"
}

# Cuts the README: c.N with its file's name in c.N.from; console.N.M with the command in console.N.M.run.
awk -v work="$work" '
  /^<!-- .* -->$/ { from = $2; next }
  /^```c$/ { out = sprintf("%s/c.%02d", work, ++n_c); print from > (out ".from"); printf "" > out; kind = "c"; next }
  /^```console$/ { kind = "console"; n_console++; n_run = 0; next }
  /^```/ { kind = from = ""; next }
  kind == "c" { print > out }
  kind == "console" && /^\$ / {
    out = sprintf("%s/console.%02d.%02d", work, n_console, ++n_run)
    print substr($0, 3) > (out ".run")
    printf "" > out
    next
  }
  kind == "console" { print > out }
' README.md

# within PART WHOLE: the lines of PART stand in WHOLE one after the other.
within() {
  awk '
    { sub(/^[ \t]+/, ""); sub(/[ \t]+$/, "") }
    NR == FNR { part[++n] = $0; next }
    { whole[++m] = $0 }
    END {
      for (start = 1; start + n - 1 <= m; start++) {
        for (i = 1; i <= n && whole[start + i - 1] == part[i]; i++) {}
        if (i > n) exit 0
      }
      exit 1
    }' "$1" "$2"
}

for block in "$work"/c.[0-9][0-9]; do
  [ -e "$block" ] || continue
  from=$(cat "$block.from")
  title="the C of README.md stands in ${from:-a file that it names}: $(head -n 1 "$block")"
  if [ -f "$from" ]; then within "$block" "$from"; else false; fi
  result $? "$title" "$block"
done

for shown in "$work"/console.[0-9][0-9].[0-9][0-9]; do
  if [ -z "$command" ] || [ ! -e "$shown" ]; then continue; fi
  run=$(cat "$shown.run")
  PATH="$work/bin:$PATH" sh -c "$run" > "$work/said" 2>&1
  if [ "$(tail -n 1 "$shown")" = ... ]; then
    lines=$(($(wc -l < "$shown") - 1))
    head -n "$lines" "$shown" > "$work/expected"
    head -n "$lines" "$work/said" > "$work/head" && mv "$work/head" "$work/said"
  else
    cp "$shown" "$work/expected"
  fi
  diff "$work/expected" "$work/said" > "$work/diff"
  result $? "README.md shows what this writes: $run" "$work/diff"
done
echo "1..$count"
