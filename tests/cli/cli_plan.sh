#!/bin/sh
# cli_plan.sh - where tensors go: plans, sequences, intervals, capacities
#
#   usage: cli_plan.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016
. "$(dirname "$0")/cases.sh"

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
# shellcheck disable=SC2034 # run() reads it
input=fixed.csv
printf 'offset,id,size,upper,lower\n64,a,10,2,0\n,b,10,3,1\n' > fixed.csv
run 'an offset is fixed; - is stdin' 0 plan - --format=csv << 'END'
offset,id,size,upper,lower
64,a,10,2,0
0,b,10,3,1
END
unset input

# ---- capacities: fits, cannot, not known ----

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
"$command" gen perfect --pieces=200 --seed=3 -o perfect.csv
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
gap.csv, pool 0: 350 B at time 5
  No plan is lower: that is proven, though what lives then takes 330 B.
  Capacity: cannot fit 340 B: proven to need 350 B.
  20 B of the peak are gaps and padding.
  Relief at this time alone saves 80 B at most: 250 B live at time 2.
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

finish
