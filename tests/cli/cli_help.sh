#!/bin/sh
# cli_help.sh - what the command says of itself: helps, completions, the page for man
#
#   usage: cli_help.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016
. "$(dirname "$0")/cases.sh"

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
"$command" --help | sed -n '/^Commands:/,/^$/s/^  \(.\{12\}\) .*/\1/p' | sed 's/ *$//' > names
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

# Every option of any command.
while read -r name; do
  # shellcheck disable=SC2086
  "$command" $name --help < /dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
done < names | sort -u > every-option

# ---- completion ----

# The options of a command's help, a line each; the command may be of two words.
options_of() {
  # shellcheck disable=SC2086
  "$command" $1 --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort
}

# same_as_help FUNCTION: it prints, for each command, the options that the help has and no other.
same_as_help() {
  [ -s names ] || return 1
  while read -r name; do
    "$1" "$name" < /dev/null | sort > offers
    options_of "$name" | diff - offers > differ || { echo "$name:"; cat differ; return 1; }
  done < names
}

# What bash would offer for these words, the last one unfinished; sorted, in one line.
in_bash() {
  bash -c '
    source ./complete.bash
    COMP_WORDS=(ggml-alloc "$@") COMP_CWORD=$#
    _ggml_alloc && echo "${COMPREPLY[*]}"' bash "$@"
}

bash_options() {
  # shellcheck disable=SC2086
  in_bash $1 -- | tr ' ' '\n'
}

"$command" completion bash > complete.bash
if command -v bash > /dev/null; then
  ok 'bash completes commands' test "$(in_bash pl)" = plan
  ok 'bash completes the second word of a command' test "$(in_bash gen '')" = 'perfect random trace'
  ok 'bash completes options as the help has them' same_as_help bash_options
  ok 'bash completes what follows an option' test "$(in_bash plan --effort '')" = 'none online quick search prove'
  ok 'bash completes what follows an equals sign' test "$(in_bash plan --effort = pro)" = prove
  ok 'bash completes values of commands with two words' test "$(in_bash gen random --kind = h)" = heavy
  ok 'bash completes shells' test "$(in_bash completion z)" = zsh
  ok 'bash falls back to files' test -z "$(in_bash plan '')$(in_bash plan --sequence '')"
fi

# What zsh would choose from: its own functions print what they are given.
in_zsh() {
  zsh -f -c '
    _arguments() { print -rl -- "$@" }
    _describe() { print -rl -- ${(P)4} }
    compdef() { }
    source ./complete.zsh
    words=(ggml-alloc "$@") CURRENT=$(( $# + 1 ))
    _ggml_alloc' zsh "$@"
}

zsh_options() {
  # shellcheck disable=SC2086
  in_zsh $1 -- | sed -n 's/^\*\{0,1\}\(--[a-z-]*\).*/\1/p'
}

"$command" completion zsh > complete.zsh
if command -v zsh > /dev/null; then
  ok 'zsh reads its completion' zsh -f -n complete.zsh
  ok 'zsh completes commands' sh -c '"$1" completion zsh | grep -q "^#compdef ggml-alloc$"' sh "$command"
  ok 'zsh completes first words, each once' test "$(in_zsh '' | sed 's/:.*//' | sort)" = "$(sed 's/ .*//' names | sort -u)"
  ok 'zsh completes second words' test "$(in_zsh gen '' | sed 's/:.*//' | paste -sd ' ' -)" = 'perfect random trace'
  ok 'zsh completes options as the help has them' same_as_help zsh_options
  ok 'zsh completes words and files' sh -c 'grep -q "effort=.*:(none online quick search prove)" complete.zsh && grep -q "sequence=.*:_files" complete.zsh'
fi

in_fish() {
  HOME=$work XDG_CONFIG_HOME=$work fish --no-config -c 'source ./complete.fish; complete -C "ggml-alloc $argv"' "$*"
}

fish_options() {
  in_fish "$1 --" | cut -f 1
}

"$command" completion fish > complete.fish
if command -v fish > /dev/null; then
  ok 'fish reads its completion' fish --no-config -n complete.fish
  ok 'fish completes first words, each once' test "$(in_fish '' | cut -f 1 | sort)" = "$(sed 's/ .*//' names | sort -u)"
  ok 'fish completes second words' test "$(in_fish 'gen ' | cut -f 1 | paste -sd ' ' -)" = 'perfect random trace'
  ok 'fish completes options as the help has them' same_as_help fish_options
  ok 'fish completes what follows' test "$(in_fish 'gen random --kind=he' | cut -f 1)" = '--kind=heavy'
  ok 'fish completes files where files go' test "$(in_fish 'plan conv')$(in_fish 'gen random conv')" = conv.tgraph
fi
run 'no completion for other shells' 2 completion nosuch << 'END'
ggml-alloc: no completion for 'nosuch'; there are bash, zsh, fish
END

# ---- the page for man ----

"$command" manual > ggml-alloc.1
manual_options() { # of a command, as the page tells them: "Takes", and a line of bold for each
  { sed -n "/^\.SS ggml\\\\-alloc $1 /,/^\.S/s/^\.B \\\\-\\\\-//p" ggml-alloc.1; echo help; } | sed 's/\\-/-/g; s/^/--/; / /d'
}
ok 'the page has every command' sh -c 'sed -n "s/^\.SS ggml..alloc \(.*\) .fI.*/\1/p" ggml-alloc.1 | diff - names' < /dev/null
ok 'the page has the options of every command' same_as_help manual_options
ok 'the page explains every option' test "$(sed -n 's/^\\fB\(\\-\\-[a-z\\-]*\)\\fR.*/\1/p' ggml-alloc.1 | sed 's/\\-/-/g' | sort -u)" = \
  "$(cat every-option)"
ok 'the page has every exit status of the help' test "$(sed -n '/^\.SH EXIT/,/^\.SH ENV/s/^\.B \([0-9]\)$/\1/p' ggml-alloc.1 | paste -sd ' ' -)" = \
  "$("$command" --help | sed -n '/^Exit status/,$s/^  \([0-9]\) .*/\1/p' | paste -sd ' ' -)"
if command -v mandoc > /dev/null; then
  ok 'mandoc has nothing to say' test -z "$(mandoc -T lint ggml-alloc.1)"
fi
if command -v groff > /dev/null; then
  ok 'nor has groff' test -z "$(groff -man -Tutf8 -ww ggml-alloc.1 2>&1 > /dev/null)"
fi

# ---- README ----

# Command lines that README.md shows, in code or on a console.
grep -o '\(^\$ \|[/`]\|| \)ggml-alloc [a-z][^`|]*' "$root/README.md" | sed 's/^[^a-z]*//; s/ && .*//; s/[),.;:]*$//' > shown
shows_what_there_is() {
  while read -r program words; do
    first=${words%% *}
    name=$(grep -x "$first" names || grep "^$first " names | while read -r two; do case $words in "$two "* | "$two") echo "$two" ;; esac; done)
    [ -n "$name" ] || { echo "$program $words: no such command"; return 1; }
    for option in $(printf '%s\n' "$words" | grep -o -- '--[a-z-]*'); do
      options_of "$name" < /dev/null | grep -qx -- "$option" || { echo "$name has no $option"; return 1; }
    done
  done < shown
}
ok 'README.md shows commands' test "$(wc -l < shown)" -gt 10
ok 'README.md shows commands and options that there are' shows_what_there_is
ok 'README.md tells of every command' sh -c 'sed "s/ .*//" names | sort -u | while read -r name; do
  grep -q "\`\(ggml-alloc \)\{0,1\}$name[\` ]\|ggml-alloc $name" "$1/README.md" || { echo "$name"; exit 1; }
done' sh "$root"
ok 'README.md has no option that there is not' sh -c 'grep -o "\`--[a-z-]*" "$1/README.md" | tr -d "\`" | sort -u | grep -vxFf every-option; test $? -eq 1' sh "$root"
ok 'README.md tells what exit statuses mean' test "$(sed -n 's/^| \([0-9]\) | \(.*\) |$/\1  \2/p' "$root/README.md")" = \
  "$("$command" --help | sed -n '/^Exit status/,$s/^  \([0-9] .*\)/\1/p')"

finish
