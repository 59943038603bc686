#!/bin/sh
# check.sh - the contest can be trusted: the same peaks twice, every answer judged, a wrong one refused and named
#
#   usage: check.sh BENCH_PLACE INSTANCES
set -u
bench=${1:?usage: check.sh BENCH_PLACE INSTANCES}
instances=$(cd "$(dirname "${2:?usage: check.sh BENCH_PLACE INSTANCES}")" && pwd)/$(basename "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
count=0

result() { # STATUS TITLE [LOG]
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then echo "ok $count - $2"; return; fi
  echo "not ok $count - $2"
  [ -z "${3:-}" ] || sed 's/^/# /' "$3"
}

# All of what is decided, without times.
hold() {
  "$bench" --peers=all --limit=20 --seeds=3 --repeat=2 --perfect=30 --kind=exp --live=20 --random=200 2> "$work/words" |
    sed 's/"median_ns.*//'
}

hold > "$work/once"
result $? "every answer is judged right" "$work/words"
hold > "$work/twice"
cmp -s "$work/once" "$work/twice"
result $? "a second run gives the same peaks"
[ "$(grep -c '"peer":"boxing"' "$work/once")" -eq 6 ]
result $? "each takes part in each"
[ "$(grep -c '"peer":"prove",.*"proved":true' "$work/once")" -eq 6 ]
result $? "what is proved for all of them"

# Pairs that share no code.
for who in ggml online; do grep "\"peer\":\"$who\"" "$work/once" | sed "s/$who//" > "$work/$who"; done
cmp -s "$work/ggml" "$work/online"
result $? "ggml's rule as others tell it, and as we replay it, are the same"
for who in prove canonical; do
  grep "\"peer\":\"$who\",\"instance\":\"perfect" "$work/once" | sed "s/$who//" > "$work/$who"
done
cmp -s "$work/prove" "$work/canonical"
result $? "perfect packings are solved by both that are exact"

# A liar: everything lies at 0.
# shellcheck disable=SC2016 # the contest fills in %I and %O, and its shell the rest
"$bench" --peers=online --external='sed "1s/\$/,offset/; 2,\$s/\$/,0/" %I > %O' --perfect=10 > "$work/lies" 2> "$work/words"
[ $? -eq 1 ] && grep -q 'perfect-10-1: external1: the answer is wrong' "$work/words"
result $? "a wrong answer is refused and named" "$work/words"

"$bench" --peers=nobody > "$work/lies" 2> "$work/words"
[ $? -eq 1 ] && grep -q "no peer is called nobody" "$work/words"
result $? "who is not known is named" "$work/words"
# The list: everything is what it says; what is not, is named.
mkdir "$work/list"
ln -s "$(dirname "$instances")/../tests" "$work/tests"
grep -v '000\trandom\|public' "$instances" > "$work/list/here.tsv"
"$bench" --peers=quick --instances="$work/list/here.tsv" > "$work/listed" 2> "$work/words" &&
  [ "$(wc -l < "$work/listed")" -eq "$(grep -c '	' "$work/list/here.tsv" | awk '{ print $1 - 1 }')" ]
result $? "what is listed is what it says" "$work/words"
sed 's/--seed=2/--seed=7/' "$work/list/here.tsv" > "$work/list/other.tsv"
"$bench" --peers=quick --instances="$work/list/other.tsv" > "$work/listed" 2> "$work/words"
[ $? -eq 1 ] && grep -q '^perfect-100-2: its checksum is [0-9a-f]*, not [0-9a-f]* as listed' "$work/words"
result $? "what is not is named" "$work/words"
echo "1..$count"
