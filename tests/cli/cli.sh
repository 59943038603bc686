#!/bin/sh
# cli.sh - what the command writes, where, and what it exits with
#
#   usage: cli.sh ROOT COMMAND
#
# Each case names its title, the exit status and the arguments; what follows is stdout, then stderr, word by word.
set -u
root=${1:?usage: cli.sh ROOT COMMAND}
command=${2:?usage: cli.sh ROOT COMMAND}
case $command in /*) ;; *) command=$PWD/$command ;; esac
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

# ---- plan ----

run 'plan tells peak, bound and what the engine got' 0 plan conv.tgraph --effort=online << 'END'
whisper-tiny-nofa-conv: 11.1 MiB, at most 44.05 % from optimal
  19 tensors, 9 with bytes of their own; found by online

  pool  name                peak       bound      engine  chunks
     0  CPU             11.1 MiB    7.69 MiB    11.1 MiB       1  at most 44.05 % from optimal
END

run 'online places as ggml-alloc did' 0 plan conv.tgraph --effort=online --format=csv << 'END'
id,pool,chunk,offset,size
2,0,0,0,960000
5,0,0,960000,1440000
8,0,0,2400000,4608000
10,0,0,7008000,4608000
11,0,0,7008000,4608000
12,0,0,0,3456000
15,0,0,3456000,2304000
17,0,0,0,2304000
18,0,0,0,2304000
END

run 'plan as JSON is one object' 0 plan conv.tgraph --effort=online --steps=1 --seed=2 --capacity=11616000 --format=json << 'END'
{"schema":1,"file":"conv.tgraph","name":"whisper-tiny-nofa-conv","nodes":19,"storages":9,"effort":"online","steps":STEPS,"peak":11616000,"bound":8064000,"proved":false,"fits":true,"pools":[{"pool":0,"name":"CPU","peak":11616000,"bound":8064000,"proved":false,"fits":true,"extra":0,"chunks":[11616000]}],"recorded_peak":11616000}
END

run 'several graphs: an object a line' 0 plan conv.tgraph train-mnist-cnn-b500-fwd.tgraph --format=json --output=both.json < /dev/null
ok 'two lines' test "$(wc -l < both.json)" -eq 2

run 'what fits exits with 0' 0 plan conv.tgraph --capacity=8.1MB -o out.txt < /dev/null
run 'what was not found to fit exits with 1' 1 plan conv.tgraph --effort=online --capacity=9MB << 'END'
whisper-tiny-nofa-conv: 11.1 MiB, at most 44.05 % from optimal
  19 tensors, 9 with bytes of their own; found by online

  pool  name                peak       bound      engine  chunks
     0  CPU             11.1 MiB    7.69 MiB    11.1 MiB       1  at most 44.05 % from optimal, not known to fit 8.58 MiB
END
run 'what cannot fit exits with 1' 1 plan conv.tgraph --capacity=0:7MiB << 'END'
whisper-tiny-nofa-conv: 7.69 MiB, optimal
  19 tensors, 9 with bytes of their own; found by quick

  pool  name                peak       bound      engine  chunks
     0  CPU             7.69 MiB    7.69 MiB    11.1 MiB       1  optimal, cannot fit 7.00 MiB: proven to need 7.69 MiB
END
run 'a pool that is not there' 2 plan conv.tgraph --capacity=0:7MiB,1:5 << 'END'
ggml-alloc: --capacity names pool 1, which conv.tgraph has not
END

sed 's/^end$/extra\tscratch\t1000000\t0\tmeasured\nend/' conv.tgraph > extra.tgraph
run 'what is beyond the graph counts' 1 plan extra.tgraph --capacity=8064000 << 'END'
whisper-tiny-nofa-conv: 7.69 MiB, optimal
  19 tensors, 9 with bytes of their own; found by quick

  pool  name                peak       bound      engine  chunks
     0  CPU             7.69 MiB    7.69 MiB    11.1 MiB       1  optimal, cannot fit 7.69 MiB: proven to need 8.64 MiB
     0  scratch        976.6 KiB  beyond the graph: measured
END

run 'a limit on buffers cuts chunks' 0 plan conv.tgraph --effort=online --max-chunk=4MiB --align=4096 --format=json << 'END'
{"schema":1,"file":"conv.tgraph","name":"whisper-tiny-nofa-conv","nodes":19,"storages":9,"effort":"online","steps":STEPS,"peak":11620352,"bound":8065024,"proved":false,"fits":null,"pools":[{"pool":0,"name":"CPU","peak":11620352,"bound":8065024,"proved":false,"fits":null,"extra":0,"chunks":[2404352,4608000,4608000]}],"recorded_peak":11616000}
END

# ---- parse sequences ----

printf '5 6 7 8\n9 | 10 11 12 13 14 -1\n15 16 17 18 |' > sequence
run 'a parse sequence makes steps' 0 plan conv.tgraph --sequence=sequence --effort=online --format=csv << 'END'
id,pool,chunk,offset,size
2,0,0,0,960000
5,0,0,960000,1440000
8,0,0,2400000,4608000
10,0,0,7008000,4608000
11,0,0,11616000,4608000
12,0,0,16224000,3456000
15,0,0,0,2304000
17,0,0,2304000,2304000
18,0,0,4608000,2304000
END
printf '5 6\nx 7' > sequence
run 'a sequence of words' 3 plan conv.tgraph --sequence=sequence << 'END'
sequence:2: 'x' is no tensor; write ids from 0 to 18, and | or -1 between steps
END
printf '6 5' > sequence
run 'a sequence against the sources' 3 plan conv.tgraph --sequence=sequence << 'END'
sequence: a tensor is listed twice, or before one that it needs; list each once, sources first
END

# ---- intervals ----

printf 'id,lower,upper,size\r\na,0,2,100\r\nb,1,3,60\r\nc,2,4,100\r\n' > abc.csv
run 'intervals are planned, too' 0 plan abc.csv --format=csv << 'END'
id,lower,upper,size,offset
a,0,2,100,0
b,1,3,60,100
c,2,4,100,0
END
run 'alignment and capacity apply to intervals' 1 plan abc.csv --align=64 --capacity=191 --effort=online << 'END'
abc.csv: 192 B, optimal
  3 tensors, 3 with bytes of their own; found by online

  pool  name                peak       bound      engine  chunks
     0                     192 B       192 B           -       1  optimal, cannot fit 191 B: proven to need 192 B
END
run 'intervals of a graph' 0 intervals conv.tgraph << 'END'
id,lower,upper,size,alignment
2,0,2,960000,32
5,1,5,1440000,32
8,4,7,4608000,32
10,6,8,4608000,32
11,7,9,4608000,32
12,8,12,3456000,32
15,11,14,2304000,32
17,13,15,2304000,32
18,14,16,2304000,32
END
run 'pools are chosen one by one' 2 intervals chunked.tgraph << 'END'
ggml-alloc: chunked.tgraph fills 2 pools; name one with --pool=N
END
input=fixed.csv
printf 'offset,id,size,upper,lower\n64,a,10,2,0\n,b,10,3,1\n' > fixed.csv
run 'an offset is fixed; - is stdin' 0 plan - --format=csv << 'END'
offset,id,size,upper,lower
64,a,10,2,0
0,b,10,3,1
END
unset input

# ---- instances made up ----

run 'a rectangle, cut up' 0 gen perfect --pieces=6 --seed=7 --align=8KiB --fixed=2 << 'END'
id,lower,upper,size,alignment,offset
0,17,24,365568,8192,
1,0,2,683008,1024,
2,2,9,683008,1,
3,0,4,365568,1,
4,9,24,683008,1,365568
5,4,17,365568,1,0
END
run 'the answer goes with it' 0 gen perfect --pieces=200 --seed=3 --drop=0.05 -o perfect.csv << 'END'
END
"$command" gen perfect --pieces=200 --seed=3 --drop=0.05 --solution > answer.csv
run 'and is right' 0 check perfect.csv answer.csv << 'END'
yes: nothing that lives together overlaps; peak 1.00 MiB, bound 1.00 MiB
END
ok 'a twentieth is left out' test "$(wc -l < perfect.csv)" -eq 191
run 'intervals at random' 0 gen random --n=5 --kind=heavy --live=1 << 'END'
id,lower,upper,size
0,35,48,1536
1,40,46,20736
2,26,34,659712
3,7,15,2304
4,34,49,151552
END
"$command" gen random --n=2000 --kind=exp --seed=1 > random.csv
ok 'another seed, another instance' sh -c '"$1" gen random --n=2000 --kind=exp --seed=2 | grep -vqxFf random.csv' sh "$command"
ok 'the same seed, the same instance' sh -c '"$1" gen random --n=2000 --kind=exp --seed=1 | cmp - random.csv' sh "$command"
run 'gen what?' 2 gen << 'END'
ggml-alloc: gen what? There are perfect, random, trace
END
run 'gen misspelt' 2 gen radom --n=5 << 'END'
ggml-alloc: unknown command 'gen'; did you mean 'gen random'?
END
run 'pieces are needed' 2 gen perfect << 'END'
ggml-alloc: gen perfect needs --pieces=N
END
run 'none is none' 2 gen perfect --pieces=0 << 'END'
ggml-alloc: '0' is no value of --pieces=N: how many to cut, 1 to 100000000
END
run 'too many' 2 gen perfect --pieces=100000001 << 'END'
ggml-alloc: '100000001' is no value of --pieces=N: how many to cut, 1 to 100000000
END
run 'not all can be left out' 2 gen perfect --pieces=5 --drop=1.0 << 'END'
ggml-alloc: '1.0' is no value of --drop=SHARE: the share to leave out: 0.05 is one in twenty
END
run 'a share to six places' 2 gen perfect --pieces=5 --drop=0.1234567 << 'END'
ggml-alloc: '0.1234567' is no value of --drop=SHARE: the share to leave out: 0.05 is one in twenty
END
run 'a kind is needed' 2 gen random --n=5 << 'END'
ggml-alloc: gen random needs --n=N and --kind=exp, heavy or mixed
END
run 'a kind that does not exist' 2 gen random --n=5 --kind=hevy << 'END'
ggml-alloc: 'hevy' is no value of --kind; did you mean 'heavy'? There are exp, heavy, mixed
END
run 'more than can live' 2 gen random --n=5 --kind=exp --live=2 << 'END'
ggml-alloc: --live=2 is too many of --n=5; at most a quarter can live at a time
END
run 'nothing is read' 2 gen random file --n=5 --kind=exp << 'END'
ggml-alloc: usage: ggml-alloc gen random; see 'ggml-alloc gen random --help'
END
run 'an option of the other' 2 gen random --n=5 --pieces=5 << 'END'
ggml-alloc: 'gen random' does not know the option '--pieces'; see 'ggml-alloc gen random --help'
END
run 'a flag takes no value' 2 gen perfect --pieces=5 --solution=yes << 'END'
ggml-alloc: --solution takes no value
END

# ---- capacities: fits, cannot, not known ----

printf 'id,lower,upper,size,offset\na,0,4,100,100\nb,2,6,150,\nc,5,8,180,\n' > gap.csv
run 'nothing proves that it cannot fit' 1 plan gap.csv --capacity=340 --format=json << 'END'
{"schema":1,"file":"gap.csv","name":null,"nodes":3,"storages":3,"effort":"quick","steps":STEPS,"peak":350,"bound":330,"proved":false,"fits":null,"pools":[{"pool":0,"name":null,"peak":350,"bound":330,"proved":false,"fits":null,"extra":0,"chunks":[350]}],"recorded_peak":null}
END
run 'a proof does' 1 plan gap.csv --capacity=340 --effort=prove --format=json << 'END'
{"schema":1,"file":"gap.csv","name":null,"nodes":3,"storages":3,"effort":"quick","steps":STEPS,"peak":350,"bound":350,"proved":true,"fits":false,"pools":[{"pool":0,"name":null,"peak":350,"bound":350,"proved":true,"fits":false,"extra":0,"chunks":[350]}],"recorded_peak":null}
END
run 'and says what is needed' 1 plan gap.csv --capacity=340 --effort=prove << 'END'
gap.csv: 350 B, optimal
  3 tensors, 3 with bytes of their own; found by quick

  pool  name                peak       bound      engine  chunks
     0                     350 B       350 B           -       1  optimal, cannot fit 340 B: proven to need 350 B
END
run 'what fits is good enough' 0 plan gap.csv --capacity=1KiB --effort=prove << 'END'
gap.csv: 530 B, at most 60.61 % from optimal
  3 tensors, 3 with bytes of their own; found by online

  pool  name                peak       bound      engine  chunks
     0                     530 B       330 B           -       1  at most 60.61 % from optimal, fits 1.00 KiB
END
ok 'two sizes that look alike are told in bytes' sh -c \
  '"$1" plan perfect.csv --capacity=1048575 | grep -q "cannot fit 1048575 B: proven to need 1048576 B$"' sh "$command"
run 'each pool has its own' 1 measure chunked.tgraph --capacity=0:104868096,1:24MiB << 'END'
chunked.tgraph  pool 0  FGPU0     peak      104868096  bound      104868096   100.0 MiB, fits 100.0 MiB
chunked.tgraph  pool 1  CPU       peak       25178144  bound       25178144    24.0 MiB, cannot fit 25165824 B: proven to need 25178144 B
END
run 'measure with a capacity that online misses' 1 measure chunked.tgraph --capacity=104868096 --effort=online << 'END'
chunked.tgraph  pool 0  FGPU0     peak      121645312  bound      104868096   116.0 MiB, not known to fit 100.0 MiB
chunked.tgraph  pool 1  CPU       peak       25178144  bound       25178144    24.0 MiB, fits 100.0 MiB
END
run 'why with a capacity' 1 why gap.csv --capacity=340 --effort=prove << 'END'
gap.csv, pool 0 : 350 B at time 5
  No plan is lower: the bound is 350 B, too.
  Capacity: cannot fit 340 B: proven to need 350 B.
  20 B of the peak are gaps and padding.
  The largest single tensor takes 180 B: c

        size    share  lives            id
       180 B   51.4 %  5..7             c
       150 B   42.9 %  2..5             b
END
run 'compare with a capacity, up to an effort' 0 compare gap.csv conv.tgraph --capacity=8MiB --effort=quick << 'END'
         pool              none      online       quick       bound      engine     saved
gap.csv  0                530 B       530 B       530 B       330 B           -     0.0 %, fits 8.00 MiB
conv     0 CPU         25.4 MiB    11.1 MiB    7.69 MiB    7.69 MiB    11.1 MiB    30.6 %, fits 8.00 MiB
END
run 'compare proves' 0 compare gap.csv << 'END'
         pool              none      online       quick      search       prove       bound      engine     saved
gap.csv  0                530 B       530 B       350 B       350 B       350 B       350 B           -    34.0 %
END
run 'a pool that is not there, whatever the command' 2 compare conv.tgraph --capacity=1:5 << 'END'
      pool              none      online       quick      search       prove       bound      engine     saved
ggml-alloc: --capacity names pool 1, which conv.tgraph has not
END
run 'steps and seeds are numbers' 2 why conv.tgraph --steps=1e6 << 'END'
ggml-alloc: '1e6' is no value of --steps=N: work to spend at most; the same plan on every machine
END

# ---- order ----

run 'order says what moved and why it helps' 0 order train-mnist-cnn-b500-adamw.tgraph --reach=2 << 'END'
train-mnist-cnn-b500-adamw: 63.6 MiB instead of 77.1 MiB, 17.5 % less
  1 of 72 nodes moved; placed in 63.6 MiB instead of 77.1 MiB
  No order that is allowed needs less.

  The peak was where OUT_PROD grad_for_conv2.kernel_(reshaped) (tensor 68) runs.  When it runs now, these do not live:
        size      id  op                name
    26.9 MiB      66  OUT_PROD          grad_for__(reshaped)

  Moved, the farthest first:
     from       to      id  op                name
       50       52      66  OUT_PROD          grad_for__(reshaped)
END

run 'an order that cannot be better is kept' 0 order conv.tgraph << 'END'
whisper-tiny-nofa-conv: 7.69 MiB, the order given is kept
  No order that is allowed needs less.
END

run 'order as JSON is one object' 0 order conv.tgraph --format=json << 'END'
{"schema":1,"file":"conv.tgraph","name":"whisper-tiny-nofa-conv","bound_before":8064000,"bound_after":8064000,"peak_before":8064000,"peak_after":8064000,"optimal":true,"moved":0,"steps":STEPS,"order":[5,6,7,8,9,10,11,12,13,14,15,16,17,18]}
END

"$command" order train-mnist-cnn-b500-adamw.tgraph --format=json -o new.tgraph > new.json
run 'the order is legal' 0 check --order train-mnist-cnn-b500-adamw.tgraph new.json << 'END'
yes: what is needed comes first, and writes keep their places
END
run 'the graph written needs what was promised' 0 measure new.tgraph << 'END'
new.tgraph  pool 0  CPU       peak       66666656  bound       66666656    63.6 MiB
END
run 'planned in a better order' 0 measure train-mnist-cnn-b500-adamw.tgraph --order << 'END'
train-mnist-cnn-b500-adamw.tgraph  pool 0  CPU       peak       66666656  bound       66666656    63.6 MiB
END
ok 'plan --order' sh -c '"$1" plan --order train-mnist-cnn-b500-adamw.tgraph --format=json | grep -q "\"peak\":66666656,"' sh "$command"
ok 'why says what an order would save' sh -c '"$1" why train-mnist-cnn-b500-adamw.tgraph | grep -q "In another order its nodes would need 63.6 MiB, which is 13.5 MiB less"' sh "$command"
echo 6 5 7 8 9 10 11 12 13 14 15 16 17 18 > early.txt
run 'a list that puts a reader first is refused' 1 check conv.tgraph early.txt --order << 'END'
no: tensor 6 '_(reshaped)' comes before what it needs
END
echo 5 6 7 8 9 10 11 12 13 14 15 16 17 > short.txt
run 'a list that leaves one out is refused' 1 check conv.tgraph short.txt --order << 'END'
no: tensor 18 'embd_conv' is not listed
END
echo 5 6 x > no-list.txt
run 'a list of something else' 3 check conv.tgraph no-list.txt --order << 'END'
no-list.txt: 'x' is no tensor; write ids of the file, or what 'order --format=json' writes
END
run 'an order is no CSV' 2 order conv.tgraph --format=csv << 'END'
ggml-alloc: an order is written as text or json; -o writes the graph in that order
END
run 'intervals have no order' 2 order gap.csv << 'END'
ggml-alloc: gap.csv holds intervals; only nodes of a graph can be put in another order
END

# ---- measure, compare, why ----

run 'measure writes a line per file and pool' 0 measure conv.tgraph chunked.tgraph --effort=online << 'END'
conv.tgraph     pool 0  CPU       peak       11616000  bound        8064000    11.1 MiB
chunked.tgraph  pool 0  FGPU0     peak      121645312  bound      104868096   116.0 MiB
chunked.tgraph  pool 1  CPU       peak       25178144  bound       25178144    24.0 MiB
END
run 'over budget' 1 measure extra.tgraph --budget=8MiB << 'END'
extra.tgraph  pool 0  CPU       peak        8064000  bound        8064000    7.69 MiB + 976.6 KiB beyond the graph, 659.6 KiB over budget; no plan is within
END
run 'compare' 0 compare conv.tgraph chunked.tgraph << 'END'
         pool              none      online       quick      search       prove       bound      engine     saved
conv     0 CPU         25.4 MiB    11.1 MiB    7.69 MiB    7.69 MiB    7.69 MiB    7.69 MiB    11.1 MiB    30.6 %
chunked  0 FGPU0       5.46 GiB   116.0 MiB   100.0 MiB   100.0 MiB   100.0 MiB   100.0 MiB   116.0 MiB    13.8 %
chunked  1 CPU         24.0 MiB    24.0 MiB    24.0 MiB    24.0 MiB    24.0 MiB    24.0 MiB    24.0 MiB     0.0 %
END
run 'why' 0 why conv.tgraph << 'END'
whisper-tiny-nofa-conv, pool 0 CPU: 7.69 MiB at step 8, where IM2COL node_7 runs (tensor 12)
  No plan is lower: the bound is 7.69 MiB, too.
  The largest single tensor takes 4.39 MiB: MUL_MAT node_3 (tensor 8)

        size    share  steps                id  op                name
    4.39 MiB   57.1 %  7..8                 11  UNARY:GELU        node_6
    3.30 MiB   42.9 %  8..11                12  IM2COL            node_7
END

printf 'id,lower,upper,size\na,0,4,100\nb,2,8,150\nd,5,8,80\n' > other.csv
run 'compare tells what became of what' 0 compare other.csv gap.csv --format=changes << 'END'
before  other.csv
after   gap.csv

                         before       after
pool 0                    250 B       350 B  +40.0 %
  bound                   250 B       330 B  +32.0 %
  peak at                     2           5
  tensors                     3           3

1 gone
        80 B  d

1 new
       180 B  c

2 moved
       150 B  b, from 100 B to 200 B
       100 B  a, from 0 B to 100 B

0 the same
END
"$command" plan gap.csv --effort=online --format=plan -o gap.plan
run 'compare holds a plan against another' 1 compare gap.csv gap.plan --format=changes --effort=prove --capacity=340 << 'END'
before  gap.csv, gap.plan
after   gap.csv, prove

                         before       after
pool 0                    530 B       350 B  -34.0 %
  bound                   330 B       350 B  +6.1 %
  peak at                     5           5
  tensors                     3           3

1 moved
       180 B  c, from 350 B to 0 B

2 the same
END
printf 'id,lower,upper,size\na,0,4,100\n' > one.csv
run 'a plan of others' 3 compare one.csv gap.plan gap.plan --format=html << 'END'
ggml-alloc: gap.plan is no plan for one.csv: it is for other intervals
END
"$command" plan conv.tgraph --inplace=more --format=plan -o more.plan
run 'a plan knows its take-overs' 0 compare conv.tgraph more.plan more.plan --format=changes << 'END'
before  whisper-tiny-nofa-conv, more.plan
after   whisper-tiny-nofa-conv, more.plan

                         before       after
pool 0 CPU             7.69 MiB    7.69 MiB
  bound                7.69 MiB    7.69 MiB
  peak at                     8           8
  tensors                     9           9

9 the same
END
run 'two at a time' 2 compare gap.csv gap.csv gap.csv gap.csv --format=html << 'END'
ggml-alloc: two plans are compared at a time: of one FILE, of two, or PLANs behind the FILE that they are for
END

# ---- check ----

"$command" plan chunked.tgraph --format=csv -o chunked.csv
"$command" plan chunked.tgraph --format=plan --inplace=ggml -o chunked.plan
run 'a right CSV' 0 check chunked.tgraph chunked.csv << 'END'
yes: nothing that lives together overlaps; peak 124.0 MiB, bound 124.0 MiB
END
run 'a right plan, whatever was taken over' 0 check chunked.tgraph chunked.plan << 'END'
yes: nothing that lives together overlaps; peak 124.0 MiB, bound 124.0 MiB
END
run 'a plan for another graph' 1 check conv.tgraph chunked.plan << 'END'
no: not a plan for this graph: tensor 0 'leaf_0' has other flags or another pool than the plan was made for
END
"$command" plan conv.tgraph --effort=online --format=csv > conv.csv
sed 's/^8,0,0,2400000/8,0,0,2399968/' conv.csv > bad.csv
run 'two tensors share bytes' 1 check conv.tgraph bad.csv << 'END'
no: tensor 5 'node_0' (steps 1..4) and tensor 8 'node_3' (steps 4..6) share bytes of pool 0, chunk 0
END
sed 's/^18,0,0,[0-9]*/18,0,0,9000001/' conv.csv > bad.csv
run 'a tensor is misaligned' 1 check conv.tgraph bad.csv << 'END'
no: tensor 18 'embd_conv' at 9000001 is not aligned to 32
END
sed '/^8,/d' conv.csv > bad.csv
run 'a tensor has no place' 3 check conv.tgraph bad.csv << 'END'
bad.csv: tensor 8 'node_3' has no place; add a line for it
END
sed 's/4608000$/460800/' conv.csv > bad.csv
run 'a tensor has too few bytes' 3 check conv.tgraph bad.csv << 'END'
bad.csv:4: tensor 8 needs 4608000 bytes, not 460800
END
run 'not taken over in this mode' 1 check conv.tgraph conv.csv --inplace=none << 'END'
no: tensor 10 'node_5' (steps 6..7) and tensor 11 'node_6' (steps 7..8) share bytes of pool 0, chunk 0
END
"$command" plan abc.csv --format=csv > placed.csv
run 'intervals are checked, too' 0 check abc.csv placed.csv << 'END'
yes: nothing that lives together overlaps; peak 160 B, bound 160 B
END
sed 's/^b,1,3,60,.*/b,1,3,60,99/' placed.csv > bad.csv
run 'two intervals share bytes' 1 check abc.csv bad.csv << 'END'
no: 'a' (0..1) and 'b' (1..2) share bytes
END
sed "s/^slot\t\([0-9]*\)\t0\t0\t/&1/" chunked.plan > bad.plan
run 'a plan that was changed' 3 check chunked.tgraph bad.plan << 'END'
bad.plan:383: bytes 158720256 + 8388608 end past their chunk, which has 67108864
END

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

# ---- replay: traces of allocations ----

cat > small.trace << 'END'
alloctrace 1
a 1 1000
a 2 3000000
f 1
a 3 500
f 2
f 3
END
cat > replayed.py << 'END'
import json, subprocess, sys
lines = subprocess.run([sys.argv[1], 'replay', 'small.trace', '--policy=all', '--format=json'], capture_output=True, text=True)
told = [json.loads(line) for line in lines.stdout.splitlines()]
assert [one['policy'] for one in told] == ['base', 'segments', 'range']
for one in told:
    assert one['ops'] == 6 and one['failed'] == 0 and one['allocator'] == 'device'
    assert one['live_peak'] == 3001000 <= one['reserved_peak']
    assert one['live_peak'] <= one['used_peak'] <= one['reserved_peak']
assert told[0]['reserved_peak'] == (2 + 20) << 20
short = subprocess.run([sys.argv[1], 'replay', 'small.trace', '--capacity=8MiB', '--format=json'], capture_output=True, text=True)
assert short.returncode == 1 and json.loads(short.stdout)['failed'] == 1
END
ok 'a replay tells what the trace asked for, and what found no space' python3 replayed.py "$command"
for allocator in host heap; do
  ok "by the $allocator allocator, too" sh -c '"$1" replay small.trace --allocator=$2 | grep -q "^$2, base: reserved .* for 2.86 MiB alive"' sh "$command" $allocator
done
for kind in llm diffusion training; do
  "$command" gen trace --kind=$kind --seed=3 > made.trace
  ok "a made-up trace of $kind is replayed" "$command" replay made.trace -o /dev/null
done
# Counted again, by who knows nothing of allocators: live bytes; and the segments of a cache that never gets one back.
cat > counted.py << 'END'
import json, subprocess, sys
def told(name, *options):
    run = subprocess.run([sys.argv[1], 'replay', name, '--format=json', *options], capture_output=True, text=True)
    return json.loads(run.stdout)
for kind in 'diffusion', 'training':
    sizes, live, peak, calls = {}, 0, 0, 0
    with open(subprocess.run([sys.argv[1], 'gen', 'trace', '--kind=' + kind, '--seed=5', '-o', kind], check=True).args[-1]) as trace:
        for line in list(trace)[1:]:
            word = line.split()
            calls += word[0] in 'af'
            if word[0] == 'a':
                sizes[word[1]] = int(word[2])
                live += sizes[word[1]]
                peak = max(peak, live)
            elif word[0] == 'f':
                live -= sizes.pop(word[1])
    for allocator in 'device', 'host', 'heap':
        got = told(kind, '--allocator=' + allocator)
        assert (got['ops'], got['failed'], got['live_peak']) == (calls, 0, peak), (kind, allocator, calls, peak)
        assert peak <= got['used_peak'] <= got['reserved_peak']
        assert max(live for live, _ in got['samples']) == peak
with open('large', 'w') as trace:
    trace.write('alloctrace 1\n' + ''.join('a %d %d\n' % (i, 11000000 + 300000 * i) for i in range(20)))
assert told('large')['reserved_peak'] == sum((11000000 + 300000 * i + (2 << 20) - 1) >> 21 << 21 for i in range(20))
with open('late', 'w') as trace: # a second stream is not done with the first block: its memory is in use, though not alive
    trace.write('alloctrace 1\na 1 30000000\ns 1 1\nw 1 7000000 1\nf 1\na 2 30000000\n')
wide, tight = told('late'), told('late', '--capacity=40MB')
assert (wide['live_peak'], wide['waits'], wide['device_ns'], wide['failed']) == (30000000, 0, 0, 0)
assert wide['used_peak'] >= 60000000 and tight['used_peak'] < 40000000
with open('sync', 'w') as trace:
    trace.write('alloctrace 1\na 1 100\nw 0 5000 1\ny\n')
for allocator in 'device', 'host', 'heap':
    assert told('sync', '--allocator=' + allocator)['device_ns'] == 5000, allocator
assert (tight['device_ns'], tight['failed']) == (7000000, 0) and tight['waits'] > 0
END
ok 'a replay counts as whoever counts again' python3 counted.py "$command"
ok 'several policies end with a table' sh -c '"$1" replay small.trace --policy=all | tail -4 | grep -c "^[a-z]" | grep -q 4' sh "$command"
printf '\200\004\225\000\000' > snapshot.pickle
run 'a pickle is told how to become JSON' 3 replay snapshot.pickle << 'END'
snapshot.pickle:1: a pickle; write it as JSON: json.dump(pickle.load(open(FILE, 'rb')), open(NEW, 'w'))
END
run 'a trace that is none' 3 replay bad.tgraph << 'END'
bad.tgraph:1: neither 'alloctrace 1' nor a log of RMM, nor JSON
END
run 'an allocator that there is not' 2 replay small.trace --allocator=magic << 'END'
ggml-alloc: 'magic' is no value of --allocator; there are device, host, heap
END
run 'one policy that there is, one that there is not' 2 replay small.trace --policy=base,rang << 'END'
ggml-alloc: 'base,rang' is no value of --policy; there are base, segments, range, all
END
run 'a device with no room at all' 2 replay small.trace --capacity=0 << 'END'
ggml-alloc: '0' is no value of --capacity=SIZE: of the simulated device
END
run 'a policy that it has not' 2 replay small.trace --allocator=heap --policy=range << 'END'
ggml-alloc: only the device allocator has other policies than base
END
run 'gen trace of nothing' 2 gen trace << 'END'
ggml-alloc: gen trace needs --kind=llm, diffusion or training
END

# ---- report: planners compared ----

cat > once.jsonl << 'END'
{"peer":"ours","instance":"A","n":10,"peak":100,"load":100,"ratio":1.0,"proved":true,"median_ns":2000,"min_ns":1000,"bytes":4096}
{"peer":"theirs","instance":"A","n":10,"peak":125,"load":100,"proved":false,"median_ns":500,"min_ns":500,"bytes":null,"later":{"x":[1,"}"]}}
{"peer":"ours","instance":"B <2>","n":20,"peak":210,"load":200,"proved":false,"median_ns":3000,"min_ns":1000,"bytes":1024}
{"peer":"theirs","instance":"B <2>","n":20,"peak":null,"load":200,"proved":false,"median_ns":500,"min_ns":500,"bytes":0}
END
run 'a report' 0 report once.jsonl << 'END'
2 planners, 2 instances.

| planner | answered | lowest | proved | over load | worst | over lowest | time | memory |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
| ours | 2 | 2 | 1 | +2.47 % | +5.00 % | +0.00 % | 5.00 us | 4.00 KiB |
| theirs | 1 | 0 | 0 | +25.0 % | +25.0 % | +25.0 % | 1.00 us | - |

Within this of the lowest peak, in % of the instances:

| planner | = | +0.1 % | +1 % | +2 % | +5 % | +10 % | +20 % | +50 % | +100 % |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
| ours | 100 | 100 | 100 | 100 | 100 | 100 | 100 | 100 | 100 |
| theirs | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 50 | 50 |

Peaks, over the load:

| instance | n | load | lowest | ours | theirs |
|---|--:|--:|--:|--:|--:|
| A | 10 | 100 | 100 | +0.00 % | +25.0 % |
| B \<2\> | 20 | 200 | 210 | +5.00 % | - |
END
cat > twice.csv << 'END'
peer,instance,peak,load,min_ns
ours,A,101,100,500
theirs,B <2>,200,200,500
END
run 'what changed between two' 1 report once.jsonl twice.csv << 'END'
2 pairs: 0 peaks the same, 1 lower, 1 higher; time x 0.707 (geometric mean of the fastest rounds).

| planner | instance | before | after | |
|---|---|--:|--:|--:|
| ours | A | 100 | 101 | +1.00 % |
| theirs | B \<2\> | none | 200 |  |
END
run 'nothing changed' 0 report once.jsonl once.jsonl << 'END'
4 pairs: 4 peaks the same, 0 lower, 0 higher; time x 1.000 (geometric mean of the fastest rounds).
END
for format in svg html; do
  "$command" report --format=$format -o report.$format once.jsonl
  ok "a report as $format has every planner and instance" sh -c 'grep -q ">theirs<" "$1" || grep -q ">theirs (1 of 2)<" "$1"' sh report.$format
done
ok 'the picture is well-formed' python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse("report.svg")'
ok 'what looks like markup is none' sh -c '! grep -q "B <2>" report.html && grep -q "B &lt;2&gt;" report.html'
while IFS='|' read -r line words; do
  printf '%s\n' "$line" > broken.jsonl
  run "results that are none: $words" 3 report broken.jsonl << END
broken.jsonl:1: $words
END
done << 'END'
{"peer":"a"|not one object: it ends too early
{"peer":"a","later":[1,{}}|not one object: ',' is expected
{"peer":"a"} {}|not one object: something follows the end
{"peer":"a","load":1}|instance is missing
{"peer":"a","instance":"b","load":1,"load":2}|load stands twice
{"peer":"a","instance":"b","load":1,"peak":-1}|peak is '-1', which is no whole number
{"peer":"a","instance":"b","load":1,"proved":1}|proved is neither true nor false
{"peer":"a","instance":"b","load":1,"proved":maybe}|not one object: a word that is neither true, false nor null
{"peer":"a","instance":["b"],"load":1}|instance has no plain value
{}|peer is missing
peer,load|instance is missing
END
run 'two are told of in words only' 2 report --format=svg once.jsonl twice.csv << 'END'
ggml-alloc: two results are compared as --format=md only
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
ok 'nothing else is left' test -z "$(ls | grep -F .json.)"
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

# ---- gguf ----

if python3 "$root/tests/cli/gguf.py" . 2> /dev/null; then
  run 'gguf tells weights and caches by layer' 0 gguf plain.gguf --parallel=2 --kv-type=q8_0 --extra=scratch=1MiB@GPU << 'END'
plain.gguf: llama, 3 tensors, f16 20.5 KiB
  context 1000: 2 x 512 cells of q8_0

     layers     weights        keys      values       state  cache
       0..1    4.00 KiB    34.0 KiB    34.0 KiB         0 B  full
   no layer    12.5 KiB

  device      what                      size  rests on
  device      weights               20.5 KiB  types and dimensions in the header
  device      keys and values      136.0 KiB  metadata, llama.cpp's cells
  GPU         scratch               1.00 MiB  --extra
  device      all                  156.5 KiB
  GPU         all                   1.00 MiB
  without the compute buffers: --graph tells them from a recorded graph
END
  "$command" gguf plain.gguf --format=json | sed 's/plain/big/' > little
  "$command" gguf big.gguf --format=json > large
  ok 'the other byte order is the same model' cmp little large
  run 'layers that slide, within a budget' 0 gguf gemma.gguf --budget=3MiB << 'END'
gemma.gguf: gemma2, 0 tensors
  context 8192: 1 x 8192 cells of f16, 768 where the window slides

     layers     weights        keys      values       state  cache
          0         0 B    96.0 KiB    96.0 KiB         0 B  sliding
          1         0 B    1.00 MiB    1.00 MiB         0 B  full
   no layer         0 B

  device      what                      size  rests on
  device      weights                    0 B  types and dimensions in the header
  device      keys and values       2.19 MiB  metadata, llama.cpp's cells
  device      all                   2.19 MiB  fits 3.00 MiB
  without the compute buffers: --graph tells them from a recorded graph
END
  run 'a recurrent state, in json' 0 gguf mixed.gguf --format=json << 'END'
{"schema":1,"file":"mixed.gguf","architecture":"lfm2","tensors":2,"whole":true,"ctx":512,"cells":512,"window_cells":512,"types":{"f16":4480},"layers":[{"weights":384,"cache":"recurrent","keys":0,"values":0,"state":512},{"weights":4096,"cache":"full","keys":32768,"values":32768,"state":0}],"needs":[{"device":"device","what":"weights","bytes":4480,"basis":"types and dimensions in the header"},{"device":"device","what":"keys and values","bytes":65536,"basis":"metadata, llama.cpp's cells"},{"device":"device","what":"recurrent states","bytes":512,"basis":"metadata, f32, one per sequence"}]}
END
  run 'MLA, a graph and a trace, over budget' 1 gguf mla.gguf --graph=conv.tgraph --effort=online --trace=small.trace --budget=8MiB << 'END'
mla.gguf: deepseek2, 0 tensors
  context 256: 1 x 256 cells of f16

     layers     weights        keys      values       state  cache
          0         0 B   288.0 KiB         0 B         0 B  mla
   no layer         0 B

  device      what                      size  rests on
  CPU         graph                 11.1 MiB  planned, as recorded
  CPU         weights                    0 B  types and dimensions in the header
  CPU         keys and values      288.0 KiB  metadata, llama.cpp's cells
  CPU         caching allocator     22.0 MiB  replayed, the most reserved
  CPU         all                   33.4 MiB  25.4 MiB over budget
END
  ok 'all parts are added up' sh -c '"$1" gguf part-00001-of-00002.gguf | grep -q "36.5 KiB, in 2 parts"' sh "$command"
  run 'the second part alone' 3 gguf part-00002-of-00002.gguf << 'END'
part-00002-of-00002.gguf: one of 2 parts; give the first, under its name NAME-00001-of-00002.gguf
END
  rm part-00002-of-00002.gguf
  run 'a part that is not there' 3 gguf part-00001-of-00002.gguf << 'END'
part-00002-of-00002.gguf: No such file or directory
END
  run 'a header cut short' 3 gguf short.gguf << 'END'
short.gguf: byte 16: more keys than the file holds
END
fi

# ---- show ----

run 'several drawings do not fit one file' 2 show conv.tgraph conv.tgraph --format=svg << 'END'
ggml-alloc: a picture holds one graph; name one FILE, or let it be text
END
run 'an order is no picture' 2 order conv.tgraph --format=svg << 'END'
ggml-alloc: an order is written as text or json; -o writes the graph in that order
END
COLUMNS=80 run 'show draws with letters' 0 show conv.tgraph --effort=online << 'END'
whisper-tiny-nofa-conv: time to the right, addresses upwards

pool 0 CPU: 11.1 MiB in 9 tensors, bound 7.69 MiB
 11.1 MiB |                         =====ooooooooo
          |                         =====ooooooooo
          |                         =====ooooooooo
          |                         =====ooooooooo
          |                         =====ooooooooo
    bound |                         =====ooooooooo
          |                         =====ooooooooo
          |                 ##############oooooooo
          |                 ##############
          |                 ##############                ##############
          |                 ##############                ##############
          |                 ##############                ##############
          |                 ##############   *************##############
          |                 ##############   ******************
          |    ******************#########   ******************    ====ooooooooo
          |    ******************            ******************    ====ooooooooo
          |+++++*****************            ******************    ====ooooooooo
          |+++++++++                         ******************    ====ooooooooo
      0 B +----------------------------------^----------------------------------
                                             peak at 8                        16

  # MUL_MAT  * IM2COL  o UNARY:GELU  = ADD  + NONE
END

# ---- help ----

run 'help of what has two words' 0 gen --help << 'END'
usage: ggml-alloc gen WHAT [OPTION...]

  gen perfect  a hard instance: a rectangle of 1 MiB, cut into pieces
  gen random   a large instance: lives and sizes at random
  gen trace    a trace of allocations: serving, diffusion or training
END
run 'the short help of a command' 0 intervals -h << 'END'
usage: ggml-alloc intervals GRAPH [OPTION...]
the placement problem of a graph as interval CSV

Options [and what holds without them]:
  --pool=N          which pool, when there are several
  --output=FILE     write there, all or nothing; also -o [stdout]
  --help            all options, after some examples; -h is short
END
run 'the long one' 0 intervals --help << 'END'
usage: ggml-alloc intervals GRAPH [OPTION...]

Examples:
  ggml-alloc intervals graph.tgraph --pool=0 -o buffers.csv
      for another planner

the placement problem of a graph as interval CSV.
Lives are half open, [lower, upper); what may be taken over is not in it.

Options [and what holds without them]:
  --pool=N          which pool, when there are several
  --inplace=WORD    what may be taken over: none, ggml, views, more [views];
                    ggml: what ggml-alloc takes; views: also the window of a
                    view that is all its reader needs; more: by every op whose
                    kernels can
  --sequence=FILE   run these tensor ids, | or -1 between steps
  --max-chunk=SIZE  largest single buffer; 0 is unlimited [the file's]
  --align=SIZE      alignment of every pool, a power of two [the file's]
  --output=FILE     write there, all or nothing; also -o [stdout]
  --help            all options, after some examples; -h is short
END

# Commands as the help has them, a line each.
"$command" --help | sed -n '/^Commands:/,/^$/s/^  \(.\{12\}\) .*/\1/p' > names
"$command" help > long.help
"$command" help gen trace > trace.help
ok 'the short help has the same commands' sh -c '"$1" -h | grep -c "^  [a-z]" | grep -qx "$(wc -l < names)"' sh "$command"
ok 'help is a command, too' sh -c '"$1" --help | cmp - long.help && "$1" gen trace --help | cmp - trace.help' sh "$command"

# Every help fits a terminal; the short one says an option a line, each of them said by the long one, too.
helps_are_neat() {
  while read -r name; do
    # shellcheck disable=SC2086
    "$command" $name -h > short && "$command" $name --help > long || return 1
    [ "$(awk 'length > 80' short long)" = '' ] || { echo "$name: too wide"; return 1; }
    sed -n 's/^  \(--[a-z-]*\).*/\1/p' long > long.names
    sed -n 's/^  \(--[a-z-]*\).*/\1/p' short | grep -vxFf long.names && { echo "$name: -h says more than --help"; return 1; }
    [ "$(sed -n '3s/:.*//p' long)" = Examples ] || { echo "$name: examples do not come first"; return 1; }
  done < names
}
ok 'helps of commands are neat' helps_are_neat
ok 'help is as narrow' test -z "$({ "$command" --help; "$command" -h; } | awk 'length > 80')"
ok '--version' sh -c '"$1" --version | grep -Eq "^ggml-alloc [0-9]+\.[0-9]+\.[0-9]+$"' sh "$command"
# ---- completion ----

# What bash would offer for these words, the last one unfinished; sorted, in one line.
offered() {
  "$command" completion bash > complete.bash && bash -c '
    source ./complete.bash
    COMP_WORDS=(ggml-alloc "$@") COMP_CWORD=$#
    _ggml_alloc && echo "${COMPREPLY[*]}"' bash "$@"
}

# Every option of the help is offered, and no other.
offers_its_help() {
  [ -s names ] || return 1
  while read -r name; do
    # shellcheck disable=SC2086
    [ "$(offered $name --)" = "$("$command" $name --help < /dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | paste -sd ' ')" ] ||
      { echo "$name"; return 1; }
  done < names
}

if command -v bash > /dev/null; then
  ok 'bash completes commands' test "$(offered pl)" = plan
  ok 'bash completes the second word of a command' test "$(offered gen '')" = 'perfect random trace'
  ok 'bash completes options as the help has them' offers_its_help
  ok 'bash completes what follows an option' test "$(offered plan --effort '')" = 'none online quick search prove'
  ok 'bash completes what follows an equals sign' test "$(offered plan --effort = pro)" = prove
  ok 'bash completes values of commands with two words' test "$(offered gen random --kind = h)" = heavy
  ok 'bash falls back to files' test -z "$(offered plan '')$(offered plan --sequence '')"
fi
run 'no completion for other shells' 2 completion nosuch << 'END'
ggml-alloc: no completion for 'nosuch'; there is bash
END

echo "1..$count"
