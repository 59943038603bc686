#!/usr/bin/env python3
"""judge.py COMMAND SHARED [all]: every plan of every rung and in-place mode, judged by a program that shares no code with ours.

SHARED holds recorded graphs, the places that the engine's allocator gave, and tools/judge.py.  Each graph is judged as recorded and
with a barrier every 4 nodes.  `online` must give each tensor the recorded place; `quick` must never need more than was recorded.
Without `all` only small graphs are taken.  Writes TAP."""
import csv
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile

RUNGS = ('none', 'online', 'quick')
MODES = ('none', 'ggml', 'views', 'more')


def load_judge(shared):
    spec = importlib.util.spec_from_file_location('shared_judge', os.path.join(shared, 'tools', 'judge.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plan(command, graph, rung, mode, form):
    args = [command, 'plan', graph, '--effort=' + rung, '--inplace=' + mode, '--format=' + form]
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(args)}: exit {done.returncode}: {done.stderr.strip()}')
    return done.stdout


def with_barriers(path, out):
    """The graph with a barrier every 4 nodes."""
    nodes = []
    with open(path) as lines, open(out, 'w') as copy:
        for line in lines:
            record = line.rstrip('\n').split('\t')
            if record[0] == 't' and record[2] == 'n':
                nodes.append(record[1])
            if record[0] == 'end':
                copy.writelines(f'barrier\t{node}\n' for node in nodes[3::4])
            copy.write(line)


def recorded_places(path, bufs):
    with open(path) as lines:
        rows = [[int(x) for x in line.split()] for line in lines]
    return {r[0]: (bufs[r[1]]['pool'], r[2], r[3]) for r in rows if r[4] > 0}


def recorded_chunks(path):
    chunks = {}
    with open(path) as lines:
        for line in lines:
            record = line.rstrip('\n').split('\t')
            if record[0] == 'result_chunk':
                chunks[int(record[1]), int(record[2])] = int(record[3])
    return chunks


def compare_online(rows, report, graph, places, bufs):
    ours = {int(r['id']): (int(r['pool']), int(r['chunk']), int(r['offset'])) for r in rows}
    ids = [i for i in places if ours.get(i) != places[i]]
    if ids or len(ours) != len(places):
        return [f'{len(ids)} places differ, {len(ours)} against {len(places)}; first: ' +
                str([(i, ours.get(i), places[i]) for i in ids[:3]])]
    chunks = {(p['pool'], i): c for p in report['pools'] for i, c in enumerate(p['chunks'])}
    recorded = {at: peak for at, peak in recorded_chunks(graph).items() if peak}
    return [] if chunks == recorded else [f'chunks {chunks}, recorded {recorded}']


def judge_graph(judge, command, graph, path, places, savings):
    """Faults of every plan for the graph at `path`; `places` are what was recorded, None when it was changed."""
    faults = []
    ts, bufs, recorded = judge.load(path)
    for rung in RUNGS:
        for mode in MODES:
            rows = list(csv.DictReader(plan(command, path, rung, mode, 'csv').splitlines()))
            verdict = judge.judge(ts, bufs, rows, mode)
            faults += [f'{rung} {mode}: {fault}' for fault in verdict['faults']]
            report = json.loads(plan(command, path, rung, mode, 'json'))
            if report['peak'] != verdict['peak']:
                faults.append(f'{rung} {mode}: peak {report["peak"]}, judged {verdict["peak"]}')
            if report['bound'] > report['peak']:
                faults.append(f'{rung} {mode}: the bound is above the peak')
            if places is None:
                continue
            if rung == 'online' and mode != 'none':
                faults += [f'online {mode}: {fault}' for fault in compare_online(rows, report, graph, places, bufs)]
            if rung == 'quick' and mode != 'none' and report['peak'] > recorded:
                faults.append(f'quick {mode}: peak {report["peak"]}, the engine got {recorded}')
            if rung == 'quick':
                savings.setdefault(mode, []).append((math.log(recorded / report['peak']), report['proved']))
    return faults


def main():
    command, shared = sys.argv[1:3]
    if not os.path.isdir(os.path.join(shared, 'graphs')):
        print('1..0 # SKIP no recorded graphs beside the project')
        return
    judge = load_judge(shared)
    folder = os.path.join(shared, 'graphs')
    names = sorted(name[:-len('.tgraph')] for name in os.listdir(folder) if name.endswith('.tgraph'))
    if sys.argv[3:] != ['all']:
        names = [name for name in names if os.path.getsize(os.path.join(folder, name + '.tgraph')) < 10000]
    savings, count = {}, 0
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            graph = os.path.join(folder, name + '.tgraph')
            barred = os.path.join(work, name + '.tgraph')
            with_barriers(graph, barred)
            bufs = judge.load(graph)[1]
            places = recorded_places(os.path.join(shared, 'plans', name + '.plan'), bufs)
            for title, path, expected in ((name, graph, places), (name + ', a barrier every 4 nodes', barred, None)):
                faults = judge_graph(judge, command, graph, path, expected, savings)
                count += 1
                print(f'{"not ok" if faults else "ok"} {count} - {title}', flush=True)
                for fault in faults[:10]:
                    print('#', fault)
    for mode, logs in savings.items():
        mean = math.exp(sum(log for log, _ in logs) / len(logs))
        print(f'# quick, {mode}: {mean:.4f} x below the engine, {sum(proved for _, proved in logs)} of {len(logs)} proved optimal')
    print(f'1..{count}')


if __name__ == '__main__':
    main()
