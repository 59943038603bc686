#!/bin/sh
# cli_made.sh - instances and traces that are made up, and traces replayed
#
#   usage: cli_made.sh ROOT COMMAND
# shellcheck source=tests/cli/cases.sh disable=SC2016,SC2086
. "$(dirname "$0")/cases.sh"

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

# ---- replay: traces of allocations ----

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
kinds='diffusion llm training'
[ "$(od -An -tu1 -j4 -N1 "$command")" -ne 1 ] || kinds=diffusion # 32 bits have too few addresses for the others
for kind in $kinds; do
  "$command" gen trace --kind=$kind --seed=3 > made.trace
  ok "a made-up trace of $kind is replayed" "$command" replay made.trace -o /dev/null
done
# Counted again, by who knows nothing of allocators: live bytes; and the segments of a cache that never gets one back.
cat > counted.py << 'END'
import json, subprocess, sys
def told(name, *options):
    run = subprocess.run([sys.argv[1], 'replay', name, '--format=json', *options], capture_output=True, text=True)
    return json.loads(run.stdout)
for kind in set(sys.argv[2:]) - {'llm'}:
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
ok 'a replay counts as whoever counts again' python3 counted.py "$command" $kinds
ok 'several policies end with a table' sh -c '"$1" replay small.trace --policy=all | tail -4 | grep -c "^[a-z]" | grep -q 4' sh "$command"
printf '\200\004\225\000\000' > snapshot.pickle
run 'a pickle is told how to become JSON' 3 replay snapshot.pickle << 'END'
snapshot.pickle:1: a pickle; write it as JSON: json.dump(pickle.load(open(FILE, 'rb')), open(NEW, 'w'))
END
run 'a trace that is none' 3 replay conv.tgraph << 'END'
conv.tgraph:1: neither 'alloctrace 1' nor a log of RMM, nor JSON
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

finish
