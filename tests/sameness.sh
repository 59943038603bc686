#!/bin/sh
# sameness.sh - one problem, one plan: whatever compiled the command
#
#   usage: sameness.sh ROOT
#
# Builds the command with optimising gcc, with clang and no optimisation, and for 32 bits; compares what they write, byte by byte.
# What is not installed is skipped.
set -u
root=$(cd "${1:?usage: sameness.sh ROOT}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

say() { # STATUS TITLE
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

build() { # NAME COMPILER OPTION...
  name=$1
  shift
  command -v "$1" > /dev/null &&
    "$@" -std=c11 -D_FILE_OFFSET_BITS=64 -pthread -I "$root/include" -I "$root/ggml_alloc" -o "$work/$name" \
      "$root"/ggml_alloc/base/*.c "$root"/ggml_alloc/range/*.c "$root"/ggml_alloc/graph/*.c "$root"/ggml_alloc/place/*.c \
      "$root"/ggml_alloc/backend/*.c "$root"/ggml_alloc/cache/*.c "$root"/ggml_alloc/plan/*.c "$root"/ggml_alloc/order/*.c \
      "$root"/ggml_alloc/bind/*.c "$root"/ggml_alloc/io/*.c "$root"/ggml_alloc/cli/*.c -lm > "$work/log" 2>&1
}

generate() { # with the first command: what it makes is compared, too
  for kind in exp heavy mixed; do
    "$work/$1" gen random --n=4000 --kind=$kind --seed=1 --live=60 -o "$2/random-$kind.csv"
  done
  "$work/$1" gen perfect --pieces=40 --seed=2 -o "$2/perfect.csv"
  "$work/$1" gen perfect --pieces=150 --seed=3 --drop=0.05 -o "$2/dropped.csv"
  "$work/$1" gen perfect --pieces=80 --seed=4 --fixed=8 --align=64 -o "$2/fixed.csv"
}

# Every instance under every effort, one file per plan.  Steps are few, since what is slow is slow thrice.
plan() { # NAME
  mkdir -p "$work/$1.made" "$work/$1.plans"
  generate "$1" "$work/$1.made"
  for instance in "$root"/tests/data/*.tgraph "$work/$1.made"/*.csv; do
    for effort in none online quick search prove; do
      for options in '--inplace=ggml' '--inplace=more --seed=5' '--inplace=more --max-chunk=48MiB'; do
        case $instance in *.csv) [ "$options" = '--inplace=ggml' ] || continue; options=--seed=6 ;; esac
        # shellcheck disable=SC2086
        "$work/$1" plan --format=csv --effort=$effort --steps=3000000 $options "$instance" \
          > "$work/$1.plans/$(basename "$instance") $effort $options" 2>&1
      done
    done
  done
}

reference=
while read -r name command; do
  # shellcheck disable=SC2086
  if ! build "$name" $command; then
    count=$((count + 1))
    echo "ok $count - $command # SKIP cannot build with it"
    continue
  fi
  plan "$name"
  if [ -z "$reference" ]; then
    reference=$name
    [ "$(grep -l '^id,' "$work/$name.plans"/* | wc -l)" -eq "$(find "$work/$name.plans" -type f | wc -l)" ]
    say $? "$command writes plans"
    continue
  fi
  diff -r "$work/$reference.made" "$work/$name.made" > "$work/log" && diff -r "$work/$reference.plans" "$work/$name.plans" >> "$work/log"
  say $? "$command writes what $reference does"
  grep -E '^(diff|Only)' "$work/log" | head -20 | sed "s|$work/||g; s/^/# /"
done << 'END'
gcc-O3 gcc -O3 -DNDEBUG
clang-O0 clang -O0
gcc-m32 gcc -m32 -O2
END
echo "1..$count"
