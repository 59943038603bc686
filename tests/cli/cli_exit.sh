#!/bin/sh
# cli_exit.sh - exit codes, complaints, and files that appear whole or not at all
#
#   usage: cli_exit.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016
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
ok 'a reader that goes away is no error' test -z "$( ("$command" plan chunked.tgraph --format=csv | head -1 > /dev/null) 2>&1)"
[ ! -w /dev/full ] || run 'a full disk is one' 4 plan conv.tgraph -o /dev/full << 'END'
ggml-alloc: cannot write /dev/full: No space left on device
END

finish
