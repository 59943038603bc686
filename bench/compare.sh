#!/bin/sh
# compare.sh - all known rules on all instances, twice; what they gave, as lines, tables and a page
#
#   usage: compare.sh BENCH_PLACE GGML_ALLOC INSTANCES FOLDER
#
# Nothing in it depends on the clock but the times: no limit is set but in steps, so that every peak is the same in every run.
# PUBLIC=FOLDER in the environment adds the public sets that public.sh got.
set -eu
bench=${1:?usage: compare.sh BENCH_PLACE GGML_ALLOC INSTANCES FOLDER}
command=$2 instances=$3 folder=$4
mkdir -p "$folder"
"$bench" --peers=all --repeat=2 ${PUBLIC:+--public="$PUBLIC"} --instances="$instances" > "$folder/results.jsonl"
"$command" report "$folder/results.jsonl" -o "$folder/results.md"
"$command" report --format=html "$folder/results.jsonl" -o "$folder/results.html"
sed '/^Within/,$d' "$folder/results.md"
echo "all of it: $folder/results.jsonl, results.md, results.html"
