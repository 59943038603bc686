#!/bin/sh
# cli_bill.sh - what models need, and what contests of planners gave
#
#   usage: cli_bill.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016
. "$(dirname "$0")/cases.sh"

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
  : > empty.gguf
  run 'an empty file' 3 gguf empty.gguf << 'END'
empty.gguf: byte 0: the file is empty
END
  input=/dev/null run 'nothing at all' 3 gguf - << 'END'
<stdin>: byte 0: the file is empty
END
  mkdir folder.gguf
  run 'a folder' 3 gguf folder.gguf << 'END'
folder.gguf: Is a directory
END
fi

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

finish
