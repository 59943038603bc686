#!/bin/sh
# cli_look.sh - what is told of plans: other orders, numbers, explanations, verdicts, letters
#
#   usage: cli_look.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016
. "$(dirname "$0")/cases.sh"

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
ggml-alloc: 'csv' is no value of --format; there are text, json
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
sed 's/^end$/extra\tscratch\t1000000\t0\tmeasured\nend/' conv.tgraph > extra.tgraph
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
  No plan is lower: what lives then takes as much.
  Relief at this step alone saves 1.92 MiB at most: 5.77 MiB live at step 4.
  The largest single tensor takes 4.39 MiB: MUL_MAT node_3 (tensor 8)

        size    share  steps                id  op                name
    4.39 MiB   57.1 %  7..8                 11  UNARY:GELU        node_6
    3.30 MiB   42.9 %  8..11                12  IM2COL            node_7

  IM2COL node_7 (tensor 12) takes over nothing that it reads:
    4.39 MiB  UNARY:GELU node_6 (tensor 11): IM2COL does not run in place
END
awk 'BEGIN { printf "tgraph\t1\nname\trefused\nbuffers\t1\nbuffer\t0\t32\t18446744073709551615\t0\tCPU\ncounts\t7\t1\t6\t0\n" }
  { bytes = $4 * 4; all = bytes "\t" bytes "\t" bytes "\t" bytes "\t" bytes
    printf "t\t%s\t%s\t%s\tf32\t%s\t1\t1\t1\t4\t%s\t0\t%s\t-1\t0\t%s\t%s\n", $1, $2, $3, $4, all, $5, $6, $7 }
  END { print "end" }' > refused.tgraph << 'END'
0 l NONE 16384 i - x
1 n MUL 16384 o 0 result
2 n ADD 16384 - 0 later
3 n NORM 8192 - 2 half
4 n GLU:SWIGLU 65536 - 1,2,3 gate
5 n ADD 65536 r 4 sum
6 n MUL_MAT 1024 - 2,5 last
END
run 'why tells what was not taken over' 0 why refused.tgraph << 'END'
refused, pool 0 CPU: 416.0 KiB at step 4, where GLU:SWIGLU gate runs (tensor 4)
  No plan is lower: what lives then takes as much.
  Relief at this step alone saves 28.0 KiB at most: 388.0 KiB live at step 6.
  The largest single tensor takes 256.0 KiB: GLU:SWIGLU gate (tensor 4)

        size    share  steps                id  op                name
   256.0 KiB   61.5 %  4..5                  4  GLU:SWIGLU        gate
    64.0 KiB   15.4 %  1..7                  1  MUL               result
    64.0 KiB   15.4 %  2..6                  2  ADD               later
    32.0 KiB    7.7 %  3..4                  3  NORM              half

  Of it 64.0 KiB are kept to the end: outputs, or what nobody reads.

  GLU:SWIGLU gate (tensor 4) takes over nothing that it reads:
    64.0 KiB  MUL result (tensor 1): an output, kept to the end
    64.0 KiB  ADD later (tensor 2): needed until step 6
    32.0 KiB  NORM half (tensor 3): GLU:SWIGLU does not run in place
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
printf 'id,lower,upper,size\r\na,0,2,100\r\nb,1,3,60\r\nc,2,4,100\r\n' > abc.csv
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

# ---- show ----

run 'several drawings do not fit one file' 2 show conv.tgraph conv.tgraph --format=svg << 'END'
ggml-alloc: a picture holds one graph; name one FILE, or let it be text
END
printf 'id,lower,upper,size\n0,0,18000000000000000000,8\n1,17000000000000000000,18446744073709551615,8\n' > late.csv
ok 'times near the end of time are told once' sh -c '"$1" show late.csv --format=svg | grep -c "middle.>[0-9]*0000000000<" | grep -qx 3' sh "$command"
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

finish
