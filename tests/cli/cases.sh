# cases.sh - what the tests of the command share: read by each, never run
#
#   usage: . cases.sh     with ROOT and COMMAND as arguments of the reader, which ends with `finish`
#
# A case names its title, the exit status and the arguments; what follows is stdout, then stderr, word by word.
# All run in a folder of their own, with the graphs of tests/cli/data under shorter names.
# shellcheck shell=sh disable=SC2016
set -u
root=${1:?usage: $0 ROOT COMMAND}
command=${2:?usage: $0 ROOT COMMAND}
case $command in /*) ;; *) command=$PWD/$command ;; esac
root=$(cd "$root" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root"/tests/cli/data/* "$root"/tests/data/train-mnist-cnn-b500-fwd.tgraph "$work"
cd "$work" || exit 1
mv whisper-tiny-nofa-conv.tgraph conv.tgraph
mv gpu1-max64m-llama3.1-8b-c8k-fa-pp.tgraph chunked.tgraph
count=0

result() { # STATUS TITLE [LOG]
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then echo "ok $count - $2"; return; fi
  echo "not ok $count - $2"
  [ -z "${3:-}" ] || sed 's/^/# /' "$3"
}

run() { # TITLE STATUS ARGUMENT...     expected text on stdin
  title=$1 wanted=$2
  shift 2
  cat > expected
  "$command" "$@" > out 2> err < "${input:-/dev/null}"
  got=$?
  cat out err | sed 's/"steps":[0-9]*/"steps":STEPS/' > actual # how much work is the planner's business
  { [ $got -eq "$wanted" ] || echo "exit $got, not $wanted"; diff expected actual; } > log 2>&1
  [ -z "${DUMP:-}" ] || cp actual "$DUMP/$((count + 1))"
  [ ! -s log ]
  result $? "$title" log
}

ok() { # TITLE CONDITION...
  title=$1
  shift
  "$@" > log 2>&1
  result $? "$title" log
}

finish() {
  echo "1..$count"
}
