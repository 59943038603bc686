#!/bin/sh
# cli_exit.sh - exit codes, complaints, and files that appear whole or not at all
#
#   usage: cli_exit.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016,SC3045
. "$(dirname "$0")/cases.sh"

# ---- what makes no sense ----

run 'no command' 2 << 'END'
ggml-alloc: no command; see 'ggml-alloc --help'
END
run 'an unknown command' 2 plna conv.tgraph << 'END'
ggml-alloc: unknown command 'plna'; did you mean 'plan'?
END
run 'an unknown option' 2 plan conv.tgraph --efort=quick << 'END'
ggml-alloc: 'plan' does not know the option '--efort'; did you mean '--effort'?
END
run 'an option of another command' 2 plan conv.tgraph --budget=5 << 'END'
ggml-alloc: 'plan' does not know the option '--budget'; see 'ggml-alloc plan --help'
END
run 'an effort that does not exist' 2 plan conv.tgraph --effort=best << 'END'
ggml-alloc: 'best' is no value of --effort; there are none, online, quick, search, prove
END
run 'a misspelt value' 2 plan conv.tgraph --inplace=view << 'END'
ggml-alloc: 'view' is no value of --inplace; did you mean 'views'? There are none, ggml, views, more
END
run 'a size that is none' 2 plan conv.tgraph --capacity=1.5XB << 'END'
ggml-alloc: '1.5XB' is no value of --capacity=SIZE: fit into this and stop; or POOL:SIZE,...
END
run 'a missing value' 2 plan conv.tgraph -o << 'END'
ggml-alloc: --output needs a value: --output=FILE
END
run 'no file' 2 plan << 'END'
ggml-alloc: usage: ggml-alloc plan FILE...; see 'ggml-alloc plan --help'
END
run 'too many files' 2 check a b c << 'END'
ggml-alloc: usage: ggml-alloc check FILE PLAN; see 'ggml-alloc check --help'
END
run 'csv of two graphs' 2 plan conv.tgraph conv.tgraph --format=csv << 'END'
ggml-alloc: csv, plan and pictures hold one graph; name one FILE, or write --format=text or json
END
run 'a file that is not there' 3 plan nowhere.tgraph << 'END'
nowhere.tgraph: No such file or directory
END
printf 'a,b\n' > other
run 'a file of another kind' 3 plan other -o nothing << 'END'
other:1: neither a recorded graph, which starts with 'tgraph', nor intervals under a header id,lower,upper,size
END
sed '8s/\t960000\t0/\t95\t0/' conv.tgraph > bad.tgraph
run 'a bad record: file, line, what' 3 plan bad.tgraph << 'END'
bad.tgraph:8: alloc_size 95 is less than nbytes 960000
END
run 'one bad file among good ones' 3 measure bad.tgraph conv.tgraph << 'END'
conv.tgraph  pool 0  CPU       peak        8064000  bound        8064000    7.69 MiB
bad.tgraph:8: alloc_size 95 is less than nbytes 960000
END

run 'a pool that is not there' 2 why conv.tgraph --pool=1 << 'END'
ggml-alloc: conv.tgraph has no pool 1
END
run 'stdin for two' 2 check - - << 'END'
ggml-alloc: stdin, which - stands for, can be read once only
END
run 'stdin for an option, too' 2 plan - --sequence=- << 'END'
ggml-alloc: stdin, which - stands for, can be read once only
END

# ---- every exit status, of every command ----

# A line of each command that is right; where it has files, the first stands behind the name.
"$command" plan conv.tgraph --format=csv > conv.csv
sed 's/^5,0,0,[0-9]*/5,0,0,32/' conv.csv > overlapping.csv
printf 'peer,instance,peak,load,min_ns\nours,A,100,100,500\n' > before.csv
printf 'peer,instance,peak,load,min_ns\nours,A,101,100,500\n' > after.csv
cat > right << 'END'
plan conv.tgraph
show conv.tgraph
measure conv.tgraph
compare conv.tgraph
why conv.tgraph
order conv.tgraph
check conv.tgraph conv.csv
intervals conv.tgraph
gen perfect --pieces=5
gen random --n=5 --kind=exp
gen trace --kind=training
replay small.trace
report before.csv
completion bash
manual
END
python3 "$root/tests/cli/gguf.py" . 2> /dev/null && echo 'gguf plain.gguf' >> right

# Lines that say no; those of one command stand together.
cat > no << 'END'
plan conv.tgraph --capacity=1MiB
plan conv.tgraph --effort=online --capacity=8MiB
show conv.tgraph --capacity=1MiB
measure conv.tgraph --capacity=1MiB
measure conv.tgraph --budget=1MiB
compare conv.tgraph --capacity=1MiB
why conv.tgraph --capacity=1MiB
check conv.tgraph overlapping.csv
replay small.trace --capacity=1MiB
report before.csv after.csv
END
[ ! -e plain.gguf ] || echo 'gguf plain.gguf --budget=1' >> no

# exits STATUS ARGUMENT...: with it, and says why on stderr when it is above 1, else nothing.
exits() {
  wanted=$1
  shift
  "$command" "$@" > out 2> err < /dev/null
  got=$?
  [ $got -eq "$wanted" ] || { echo "$*: exit $got, not $wanted"; cat err; return 1; }
  if [ "$wanted" -gt 1 ]; then [ -s err ]; else [ ! -s err ]; fi || { echo "$*: on stderr:"; cat err; return 1; }
}

# all STATUS LINES [ARGUMENT...]: each line, with more arguments.
all() {
  wanted_of_all=$1 lines=$2
  shift 2
  while read -r line; do
    # shellcheck disable=SC2086
    exits "$wanted_of_all" $line "$@" || return 1
  done < "$lines"
}

commands_of() {
  sed 's/^\(gen [a-z]*\|[a-z]*\).*/\1/' "$1" | sort -u
}

"$command" --help | sed -n '/^Commands:/,/^$/s/^  \(.\{12\}\) .*/\1/p' | sed 's/ *$//' | sort > names
[ -e plain.gguf ] || { grep -vx gguf names > some && mv some names; }
ok 'there is a line for each command' sh -c 'sed "s/^\(gen [a-z]*\|[a-z]*\).*/\1/" right | sort -u | diff - names'
ok '0: what is right' all 0 right
ok '1: what says no' all 1 no
says_that_it_may_say_no() {
  while read -r name; do
    # shellcheck disable=SC2086
    "$command" $name --help < /dev/null | tr '\n' ' ' | tr -s ' ' | grep -q 'xits with 1' && echo "$name"
  done < names | diff - wanted
}
commands_of no > wanted
ok '1 is in the help of who may say no, and in no other' says_that_it_may_say_no
ok '2: an option that there is not' all 2 right --nosuch
ok '2: a word too many' all 2 right --output
mkdir folder
printf 'a,b\n' > other
while read -r name first rest; do
  case $name$first in gen* | completion* | manual) continue ;; esac
  for file in nowhere folder other; do
    echo "$name $file $rest"
  done
done < right > bad
cat >> bad << 'END'
check conv.tgraph nowhere
check conv.tgraph other
plan conv.tgraph --sequence=nowhere
plan conv.tgraph --sequence=other
compare conv.tgraph nowhere --format=changes
report before.csv nowhere
END
[ ! -e plain.gguf ] || printf 'gguf plain.gguf --%s\n' graph=nowhere graph=other trace=nowhere trace=other >> bad
ok '3: files that are not there, or make no sense' all 3 bad
ok '4: where nothing can be written' all 4 right -o nowhere/x
ok '4: nor into a folder' all 4 right -o folder
if [ -w /dev/full ]; then
  full_disk() {
    while read -r line; do
      # shellcheck disable=SC2086
      "$command" $line < /dev/null > /dev/full 2> err
      got=$?
      { [ $got -eq 4 ] && grep -q '^ggml-alloc: cannot write to stdout: No space left' err; } || { echo "$line: $got"; cat err; return 1; }
    done < right
  }
  ok '4: a full disk behind stdout' full_disk
  run '4: a full disk behind -o' 4 plan conv.tgraph -o /dev/full << 'END'
ggml-alloc: cannot write /dev/full: No space left on device
END
fi
closed() {
  "$command" plan conv.tgraph >&- 2> err
  [ $? -eq 4 ] && grep -q '^ggml-alloc: cannot write to stdout' err
}
ok '4: stdout is closed' closed
if (ulimit -v 400000 && "$command" --version) > log 2>&1; then
  little_memory() {
    (ulimit -v 400000 && exec "$command" gen random --n=100000000 --kind=exp) > out 2> err
    [ $? -eq 4 ] && [ ! -s out ] && grep -q '^ggml-alloc: no memory' err
  }
  ok '4: too little memory' little_memory
fi
ok 'of several files the worst counts' exits 3 measure conv.tgraph nowhere conv.tgraph
ok 'also when another says no' exits 3 measure conv.tgraph other --budget=1

# ---- readers that go away ----

cat right no > any
ignored() {
  rm -f statuses
  { sleep 0.2
    while read -r line; do
      # shellcheck disable=SC2086
      "$command" $line < /dev/null 2>> err.all
      echo $? >> statuses
    done < any; } | :
  [ ! -s err.all ] || { cat err.all; return 1; }
  [ "$(wc -l < statuses)" -eq "$(wc -l < any)" ] && ! grep -vx '[01]' statuses
}
: > err.all
ok 'nobody reads: no complaint, and the status that it would have been' ignored
ok 'a reader that has enough is no error' test -z "$( ("$command" plan chunked.tgraph --format=csv | head -1 > /dev/null) 2>&1)"

# ---- stdin ----

from_stdin() {
  while read -r line; do
    # shellcheck disable=SC2086
    set -- $line
    case $1 in gen | completion | manual) continue ;; esac
    name=$1 file=$2
    shift 2
    "$command" "$name" "$file" "$@" | sed "s/$file/<stdin>/g; s/^${file%.*} /<stdin> /" > named
    # shellcheck disable=SC2002 # a pipe, which cannot be sought in
    cat "$file" | "$command" "$name" - "$@" | sed 's/"-"/"<stdin>"/g' > piped
    sed 's/\.tgraph//; s/  *$//' named | tr -s ' ' > a
    sed 's/  *$//' piped | tr -s ' ' > b
    diff a b || { echo "$line"; return 1; }
  done < right
}
ok 'stdin instead of any file' from_stdin
ok 'JSON has what was given' sh -c 'for line in plan order; do "$1" $line - --format=json < conv.tgraph; done | grep -c "\"file\":\"-\"" | grep -qx 2 &&
  "$1" replay - --format=json < small.trace | grep -q "\"file\":\"-\""' sh "$command"
ok 'stdin as what follows' sh -c '"$1" check conv.tgraph - < conv.csv && echo 5 6 7 8 9 10 11 12 13 14 15 16 17 18 | "$1" plan conv.tgraph --sequence=-' sh "$command"
ok 'a better order through a pipe' sh -c '"$1" order train-mnist-cnn-b500-adamw.tgraph -o - | "$1" measure - | grep -q "peak  *66666656 "' sh "$command"

# ---- files appear whole or not at all ----

echo before > kept.json
run 'a failure keeps the old file' 3 plan bad.tgraph --format=json -o kept.json << 'END'
bad.tgraph:8: alloc_size 95 is less than nbytes 960000
END
ok 'the old file is there' test "$(cat kept.json)" = before
run 'success replaces it' 0 plan conv.tgraph --format=json -o kept.json << 'END'
END
ok 'the new file is there' grep -q schema kept.json
ok 'nothing else is left' test "$(echo kept.json*)" = kept.json
run 'a folder that is not there' 4 plan conv.tgraph -o nowhere/x << 'END'
ggml-alloc: cannot write nowhere/x: No such file or directory
END
ln -s kept.json link
"$command" plan conv.tgraph --format=csv -o link
ok 'a link stays a link' test -L link
ok 'a file as large as the disk has room for' sh -c 'echo before > kept.csv; ulimit -f 1; "$1" plan chunked.tgraph --format=csv -o kept.csv 2> err
  [ $? -eq 4 ] && [ "$(cat kept.csv)" = before ] && [ "$(echo kept.csv*)" = kept.csv ] && grep -q "^ggml-alloc: cannot write kept.csv: " err' sh "$command"
same_in_place() {
  cp conv.csv in.csv
  "$command" intervals conv.tgraph -o in.csv && "$command" plan in.csv --format=csv > once &&
    "$command" plan in.csv --format=csv -o in.csv && cmp in.csv once
}
ok 'a file may be written over by what is made of it' same_in_place
ok 'a new file is for whom the umask allows' sh -c 'umask 027; rm -f new; "$1" plan conv.tgraph -o new && [ "$(ls -l new | cut -c 1-10)" = -rw-r----- ]' sh "$command"
ok 'an old file stays for whom it was' sh -c 'chmod 600 new; "$1" plan conv.tgraph -o new && [ "$(ls -l new | cut -c 1-10)" = -rw------- ]' sh "$command"

finish
