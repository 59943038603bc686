#!/usr/bin/env python3
"""pictures.py - pictures are well-formed, complete, and the page answers in a browser

  usage: pictures.py COMMAND ROOT

The browser is a headless Chromium; without one its tests are skipped.
"""
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

COMMAND, ROOT = sys.argv[1:3]
LLAMA = os.path.join(ROOT, 'tests/data/llama3.1-8b-c8k-fa-pp.tgraph')
CHUNKED = os.path.join(ROOT, 'tests/cli/data/gpu1-max64m-llama3.1-8b-c8k-fa-pp.tgraph')
SVG = '{http://www.w3.org/2000/svg}'
BROWSER = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
count = 0


def result(passed, title, note=''):
    global count
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {title}{note}", flush=True)


def run(*arguments, text=None):
    return subprocess.run([COMMAND, *arguments], input=text, capture_output=True, check=True, env=dict(os.environ, COLUMNS='80')).stdout


def plan_rows(path):
    return len(run('plan', path, '--format=csv').splitlines()) - 1


def hostile():
    """A graph with names that are markup."""
    with open(os.path.join(ROOT, 'tests/cli/data/whisper-tiny-nofa-conv.tgraph'), encoding='utf-8') as file:
        lines = file.read().splitlines()
    changed = [re.sub(r'node_\d+', '</script><b>&"', line) for line in lines]
    assert changed != lines
    return '\n'.join(changed) + '\n'


def intervals(n):
    rows = (f'{i},{i},{i + 2 + i * 7919 % 60},{1 + i * 104729 % 100000}' for i in range(n))
    return 'id,lower,upper,size\n' + '\n'.join(rows) + '\n'


def data_of(page):
    return json.loads(re.search(r'<script id="data" type="application/json">\n(.*?)</script>', page, re.S).group(1))


def test_svg():
    for title, path, pools in (('a graph', LLAMA, 1), ('pools with chunks', CHUNKED, 2)):
        root = tree.fromstring(run('show', path, '--format=svg'))
        captions = [t.text for t in root.iter(SVG + 'text') if t.text and ' tensors' in t.text]
        tensors = sum(int(re.search(r'(\d+) tensors', c).group(1)) for c in captions)
        small = sum(int(m.group(1)) for m in (re.search(r'(\d+) small', c) for c in captions) if m)
        drawn = sum(r.get('class') == 'r' for r in root.iter(SVG + 'rect'))
        result(len(captions) == pools and tensors == plan_rows(path) == small + drawn, f'{title}: each tensor is drawn or counted')
        named = [r for r in root.iter(SVG + 'rect') if r.get('class') == 'r' and r.find(SVG + 'title') is not None]
        result(len(named) == drawn > 0, f'{title}: what is drawn says what it is')
    for effort in ('online', 'quick'):
        with open(os.path.join(ROOT, f'tests/data/cnn-{effort}.svg'), 'rb') as file:
            drawn = run('show', os.path.join(ROOT, 'tests/data/train-mnist-cnn-b500-fwd.tgraph'), f'--effort={effort}', '--format=svg')
            result(file.read() == drawn, f'the picture in README.md is what show draws: {effort}')
    result(run('plan', LLAMA, '--format=svg') == run('show', LLAMA, '--format=svg'), 'plan draws what show does')
    tree.fromstring(run('show', '-', '--format=svg', text=hostile().encode()))
    result(True, 'markup in names stays text')


def test_text():
    plain, colour = run('show', LLAMA), run('show', LLAMA, '--color=always')
    result(b'\033' not in plain and re.sub(rb'\033\[\d+m', b'', colour) == plain, 'colour only where it is wanted, and nothing else')
    result(max(map(len, plain.splitlines())) <= 80, 'a picture of letters fits a terminal')


def test_html():
    page = run('show', LLAMA, '--format=html').decode()
    plans = data_of(page)
    result(len(plans) == 1 and len(plans[0]['tiles']) == plan_rows(LLAMA), 'the page has all tensors')
    result(not re.search(r'(src|href)=|https?://|@import', page), 'the page fetches nothing')
    page = run('show', '-', '--format=html', text=hostile().encode()).decode()
    names = [tile[6] for tile in data_of(page)[0]['tiles']]
    result('</script><b>&"' in ' '.join(names), 'names that are markup arrive as they are')
    page = run('show', '-', '--format=html', text=intervals(10000).encode())
    result(len(page) < 3 << 20 and len(data_of(page.decode())[0]['tiles']) == 10000, 'ten thousand take less than 3 MiB')


def test_pair():
    page = run('compare', LLAMA, '--format=html').decode()
    changes = json.loads(re.search(r'<script id="changes" type="application/json">\n(.*?)</script>', page, re.S).group(1))
    before, after = (plan['tiles'] for plan in data_of(page))
    result(sorted(c[1] for c in changes) == list(range(len(before))) and sorted(c[2] for c in changes) == list(range(len(after))),
           'two plans of one graph: every tensor has its twin')
    result(all(before[i][6:8] == after[j][6:8] and before[i][4] == after[j][4] for _, i, j in changes),
           'two plans of one graph: twins have one name and one colour')
    page = run('compare', CHUNKED, LLAMA, '--format=html').decode()
    result([len(plan['pools']) for plan in data_of(page)] == [2, 1], 'two graphs need not have the same pools')


def overlaps(events):
    """Whether a block is taken where another still is."""
    live = {}
    for event in events:
        start, stop = event['addr'], event['addr'] + event['size']
        if event['action'] == 'alloc':
            if any(start < other and at < stop for at, other in live.items()):
                return True
            live[start] = stop
        elif event['action'] == 'free_completed' and live.pop(start) != stop:
            return True
    return bool(live)


def test_memviz():
    snapshot = pickle.loads(run('show', CHUNKED, '--format=memviz'))
    traces, segments = snapshot['device_traces'], snapshot['segments']
    allocs = sum(event['action'] == 'alloc' for trace in traces for event in trace)
    result(allocs == plan_rows(CHUNKED) and not any(map(overlaps, traces)), 'a snapshot: every block comes and goes, none over another')
    taken = [e['addr'] for trace in traces for e in trace if e['action'] == 'segment_alloc']
    result(sorted(taken) == sorted(s['address'] for s in segments) and len(set(map(len, segments))) == 1
           and all(s['blocks'][0]['state'] == 'inactive' for s in segments), 'a snapshot: chunks are segments')
    frame = next(e for trace in traces for e in trace if e['action'] == 'alloc')['frames'][0]
    result(set(frame) == {'filename', 'name', 'line'}, 'a snapshot: frames tell names')


def test_trace():
    events = json.loads(run('show', LLAMA, '--format=trace'))['traceEvents']
    begun, ended = ({e['id']: e for e in events if e['ph'] == ph} for ph in 'be')
    result(len(begun) == plan_rows(LLAMA) and begun.keys() == ended.keys()
           and all(begun[i]['ts'] < ended[i]['ts'] for i in begun), 'a trace: slices are balanced')
    counts = [e['args']['bytes'] for e in events if e['ph'] == 'C']
    peak = json.loads(run('plan', LLAMA, '--format=json'))['peak']
    result(counts[-1] == 0 and max(counts) <= peak, 'a trace: the counter stays below the peak and ends at none')


def test_header():
    title = 'a header compiles, and has every tensor'
    compiler = shutil.which('cc')
    if not compiler:
        result(True, title, ' # SKIP no cc')
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (('plan.h', run('show', '-', '--format=c', text=hostile().encode())),
                           ('main.c', b'#include "plan.h"\nint main(void) { unsigned n = 0; while (ga_plan_tensors[n].name) n++;\n'
                                      b'return n != GA_PLAN_TENSORS || ga_plan_tensors[n - 1].offset > GA_PLAN_POOL_0_BYTES; }\n')):
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(text)
        program = os.path.join(folder, 'main')
        built = subprocess.run([compiler, '-std=c99', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-o', program,
                                os.path.join(folder, 'main.c')], check=False)
        result(built.returncode == 0 and subprocess.run([program], check=False).returncode == 0, title)


def visit(path, fragment):
    with tempfile.TemporaryDirectory() as profile:
        arguments = ['--headless', '--no-sandbox', '--disable-gpu', f'--user-data-dir={profile}', '--window-size=1200,800',
                     '--virtual-time-budget=2000', '--dump-dom', f'file://{path}#{fragment}']
        return subprocess.run([BROWSER, *arguments], capture_output=True, timeout=120, check=False).stdout.decode()


def visible(dom, name):
    """The text of an element, up to the next one with an id."""
    found = re.search(rf'id="{name}"([^>]*)>(.*?)(?=<[a-z]+ id=|<p class="help"|<script)', dom, re.S)
    return '' if not found or 'hidden' in found.group(1) else re.sub(r'<[^>]*>', '\n', found.group(2))


def test_browser():
    titles = ('hover tells name, op, size and steps', 'what lives at a step is listed', 'search finds', 'ten thousand answer')
    if not BROWSER or not visit('/dev/null', '').strip():
        for title in titles:
            result(True, title, ' # SKIP no chromium')
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'page.html')
        with open(path, 'wb') as file:
            file.write(run('show', LLAMA, '--format=html'))
        with open(path, encoding='utf-8') as file:
            plan = data_of(file.read())[0]
        tile = next(t for t in plan['tiles'] if t[6] == 'ffn_gate-0')
        dom = visit(path, f"step={tile[0]}&at={tile[2] + tile[3] // 2}&find=ffn_gate-0")
        tip = visible(dom, 'tip')
        result(all(word in tip for word in ('MUL_MAT', 'ffn_gate-0', '28.0 MiB', f'steps {tile[0]}..{tile[1] - 1}')), titles[0])
        lives = sum(t[0] <= tile[0] < t[1] for t in plan['tiles'])
        result(f'in {lives}' in visible(dom, 'live') and 'ffn_gate-0' in visible(dom, 'live'), titles[1])
        result('1 found' in visible(dom, 'found'), titles[2])
        with open(path, 'wb') as file:
            file.write(run('show', '-', '--format=html', text=intervals(10000).encode()))
        result('1 found' in visible(visit(path, 'step=500&find=%239999'), 'found'), titles[3])


test_svg()
test_text()
test_html()
test_pair()
test_memviz()
test_trace()
test_header()
test_browser()
print(f'1..{count}')
sys.exit(0)
