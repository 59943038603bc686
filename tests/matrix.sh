#!/bin/bash
# matrix.sh - the same answers from every compiler, C library, processor and operating system that can be had
#
#   usage: matrix.sh ROOT [ROW...]     all rows, or those named; the first one, gcc-O2, is what the others are compared with
#
# Builds library, command, replays of the fuzzers' corpora, examples and the programs of many threads for each row, runs them (by an
# emulator where the processor or the system is another), and compares what they write, byte by byte.  None of them needs Criterion.
# What is not installed is skipped.  Cross compilers are clang with the headers and libraries of libc6-dev-ARCH-cross,
# libgcc-12-dev-ARCH-cross and binutils-ARCH-linux-gnu: Debian's gcc for them cannot be installed beside gcc-multilib.
set -u
root=$(cd "${1:?usage: matrix.sh ROOT [ROW...]}" && pwd)
shift
wanted=" gcc-O2 $* "
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export WINEPREFIX=$work/wine WINEDEBUG=-all VALGRIND_OPTS='-q --error-exitcode=9 --leak-check=full'
cd "$root" || exit 1
count=0

#     name     run by         compiler and options
rows='gcc-O2   -              gcc -O2 -DNDEBUG
      gcc-O0   -              gcc -O0
      gcc-O1   -              gcc -O1
      gcc-O3   -              gcc -O3 -DNDEBUG
      gcc-lto  -              gcc -O2 -flto=2 -DNDEBUG
      clang-O0 -              clang -O0
      clang-O1 -              clang -O1
      clang-O2 -              clang -O2 -DNDEBUG
      clang-O3 -              clang -O3 -DNDEBUG
      m32      -              gcc -m32 -O2
      musl     -              musl-gcc -static -O2
      windows  wine           x86_64-w64-mingw32-gcc -static -O2
      aarch64  qemu-aarch64   clang --target=aarch64-linux-gnu -static -O2
      s390x    qemu-s390x     clang --target=s390x-linux-gnu -static -O2
      valgrind valgrind       gcc -O1 -g'

say() { # STATUS TITLE
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# build NAME COMPILER OPTION...: one archive, and the programs.
build() {
  local out=$work/$1 program
  shift
  local cc=("$@" -std=c11 -Wall -Wextra -Werror -D_FILE_OFFSET_BITS=64 -pthread -I "$root/include" -I "$root/ggml_alloc")
  mkdir -p "$out/objects"
  local file
  for file in "$root"/ggml_alloc/{base,range,graph,place,backend,cache,plan,order,bind,io}/*.c; do
    printf '%s\0' -c "$file" -o "$out/objects/$(basename "$(dirname "$file")")_$(basename "$file" .c).o"
  done | xargs -0 -P "$(nproc)" -n 4 "${cc[@]}" || return 1
  "${cc[@]}" -o "$out/ggml-alloc.exe" "$root"/ggml_alloc/cli/*.c "$out"/objects/*.o -lm || return 1
  for program in graph tgraph gguf plan trace; do
    "${cc[@]}" -o "$out/fuzz_$program.exe" "$root"/tests/fuzz/fuzz_{$program,check,main}.c "$out"/objects/*.o -lm || return 1
  done
  for program in "$root"/tests/examples/*.c "$root"/tests/api/threads_*.c; do
    "${cc[@]}" -o "$out/$(basename "$program" .c).exe" "$program" "$out"/objects/*.o || return 1
  done
}

# answers NAME RUNNER: what a row's programs write, a file each.  Few steps: an emulator takes ten times as long.
answers() {
  local bin=$work/$1 out=$work/$1.out run=(timeout 300) program file effort
  [ "$2" = - ] || run+=("$2")
  mkdir -p "$out"
  for program in "$bin"/*.exe; do
    file=$(basename "$program" .exe)
    case $file in
      ggml-alloc) continue ;;
      fuzz_*) "${run[@]}" "$program" "tests/fuzz/corpus/${file#fuzz_}" ;;
      threads_*) "${run[@]}" "$program" 1 > /dev/null ;; # tells how fast it was
      *) "${run[@]}" "$program" ;;
    esac > "$work/said" 2>> "$out.log"
    echo "status $?" >> "$work/said"
    tr -d '\r' < "$work/said" > "$out/$file" # only the command writes lines as they are
  done
  "${run[@]}" "$bin/ggml-alloc.exe" gen random --n=500 --kind=mixed --seed=1 --live=40 > "$out/random.csv"
  "${run[@]}" "$bin/ggml-alloc.exe" gen perfect --pieces=40 --seed=2 > "$out/perfect.csv"
  for file in tests/data/*.tgraph "$out"/*.csv; do
    for effort in online quick search prove; do
      "${run[@]}" "$bin/ggml-alloc.exe" plan --format=csv --effort=$effort --steps=100000 "$file" > "$out/$(basename "$file").$effort" 2>> "$out.log"
      echo "status $?" >> "$out/$(basename "$file").$effort"
    done
  done
  for file in tests/fuzz/corpus/gguf/*; do # of both byte orders
    "${run[@]}" "$bin/ggml-alloc.exe" gguf "$file" > "$out/$(basename "$file").gguf"
    echo "status $?" >> "$out/$(basename "$file").gguf"
  done 2>> "$out.log"
}

while read -r name run command; do
  case $wanted in '  ' | ' gcc-O2  ' | *" $name "*) ;; *) continue ;; esac
  title="$name: $command"
  # shellcheck disable=SC2086
  if ! command -v ${command%% *} > /dev/null || { [ "$run" != - ] && ! command -v "$run" > /dev/null; } ||
     ! echo '#include <stdio.h>
int main(void) { return 0; }' | $command -x c -o "$work/probe" - 2> /dev/null; then
    count=$((count + 1))
    echo "ok $count - $title # SKIP not installed"
    continue
  fi
  # shellcheck disable=SC2086
  if ! build "$name" $command > "$work/log" 2>&1; then
    say 1 "$title builds"
    head -30 "$work/log" | sed 's/^/# /'
    continue
  fi
  answers "$name" "$run" < /dev/null
  # The first row is held to its own word: every program ended well, every plan was written.
  if [ "$name" = gcc-O2 ]; then
    grep -L 'status 0' "$work/gcc-O2.out"/{fuzz_,threads_,*.tgraph.,*.csv.}* > "$work/log"
    [ ! -s "$work/log" ]
    say $? "$title answers"
  else
    diff -rq "$work/gcc-O2.out" "$work/$name.out" > "$work/log"
    say $? "$title answers as gcc-O2 does, $(find "$work/$name.out" -type f | wc -l) files"
    [ ! -s "$work/log" ] || cat "$work/$name.out.log" >> "$work/log"
  fi
  sed "s|$work/||g; s/^/# /" "$work/log" | head -40
done <<< "$rows"
echo "1..$count"
