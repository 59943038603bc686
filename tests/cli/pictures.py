#!/usr/bin/env python3
"""pictures.py - pictures are well-formed, complete, and the page answers in a browser

  usage: pictures.py COMMAND ROOT

The browser is a headless Chromium; without one its tests are skipped.
"""
import itertools
import json
import math
import os
import pickle
import pickletools
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

import browser

COMMAND, ROOT = sys.argv[1:3]
LLAMA = os.path.join(ROOT, 'tests/data/llama3.1-8b-c8k-fa-pp.tgraph')
CHUNKED = os.path.join(ROOT, 'tests/cli/data/gpu1-max64m-llama3.1-8b-c8k-fa-pp.tgraph')
SVG = '{http://www.w3.org/2000/svg}'
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
    with open(os.path.join(ROOT, 'tests/data/cnn.svg'), 'rb') as file:
        drawn = run('compare', os.path.join(ROOT, 'tests/data/train-mnist-cnn-b500-fwd.tgraph'), '--format=svg')
        result(file.read() == drawn, 'the picture in README.md is what compare draws')
    root = tree.fromstring(run('compare', LLAMA, CHUNKED, '--format=svg'))
    captions = [t.text for t in root.iter(SVG + 'text') if t.text and 'pool' in t.text]
    result(len(captions) == 3 and 'pool 0' in captions[0] and 'pool 0' in captions[1] and 'pool 1' in captions[2],
           'two plans are drawn pool by pool')
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


# What people with a deficiency see, of linear light (Machado, Oliveira, Fernandes 2009).
VISION = {
    'any eyes': ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    'protanopia': ((.152286, 1.052583, -.204868), (.114503, .786281, .099216), (-.003882, -.048116, 1.051998)),
    'deuteranopia': ((.367322, .860646, -.227968), (.280085, .672501, .047413), (-.011820, .042940, .968881)),
    'tritanopia': ((1.255528, -.076749, -.178779), (-.078411, .930809, .147602), (.004733, .691367, .303900)),
}
XYZ = ((.4124, .3576, .1805), (.2126, .7152, .0722), (.0193, .1192, .9505))


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def linear(colour):
    return [c / 12.92 if c <= .04045 else ((c + .055) / 1.055) ** 2.4 for c in (byte / 255 for byte in bytes.fromhex(colour[1:]))]


def lightness(colour):
    return times(XYZ, linear(colour))[1]


def lab(light):
    x, y, z = (t ** (1 / 3) if t > .008856 else 7.787 * t + 16 / 116
               for t in (max(c / white, 0) for c, white in zip(times(XYZ, light), (.9505, 1, 1.089))))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_colours():
    page = run('show', LLAMA, '--format=html').decode()
    colours = re.findall(r"'(#[0-9a-f]{6})'", re.search(r'const colours = \[(.*?)\]', page).group(1))
    for who, matrix in VISION.items():
        seen = [lab([min(max(c, 0), 1) for c in times(matrix, linear(colour))]) for colour in colours]
        least = min(math.dist(a, b) for a, b in itertools.combinations(seen, 2))
        result(len(seen) == 8 and least > 15, f'colours are told apart by {who}: {least:.1f}')


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


def test_memviz_page():
    """The page reads numbers of more than eight bytes as another kind, and hands what is appended at once to one call."""
    data = run('show', LLAMA, '--format=memviz')
    widest, most, marks = 0, 0, [0]
    for op, _, at in pickletools.genops(data):
        if op.name == 'LONG1':
            widest = max(widest, data[at + 1])
        if op.name == 'MARK':
            marks.append(0)
        elif op.name in ('APPENDS', 'SETITEMS'):
            most = max(most, marks.pop())
        elif op.name not in ('PROTO', 'STOP'):
            marks[-1] += -1 if op.name == 'TUPLE2' else 1
    result(0 < widest <= 8 and 0 < most <= 1000, f'a snapshot: as the page can read it, {widest} bytes and {most} at once')


def test_trace():
    events = json.loads(run('show', LLAMA, '--format=trace'))['traceEvents']
    open_slices, named, sound = {}, 0, True
    for event in events:
        stack = open_slices.setdefault(event.get('id'), [])
        if event['ph'] == 'b':
            stack.append(event)
            named += 'args' in event
        elif event['ph'] == 'e':
            begun = stack.pop() if stack else event
            sound = sound and begun['ts'] < event['ts'] and all(begun[key] == event[key] for key in ('cat', 'pid', 'name'))
    result(sound and named == plan_rows(LLAMA) and not any(open_slices.values()), 'a trace: slices are balanced')
    processes = {e['pid'] for e in events}
    result(processes == {e['pid'] for e in events if e['ph'] == 'M'} and 0 not in processes, 'a trace: pools have names')
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


# ---- in a browser ----

SKIPPED = ' # SKIP no chromium'
SHARED = os.environ.get('GGML_ALLOC_SHARED', '')
DEEPSEEK = os.path.join(SHARED, 'graphs/deepseek-v3-nofa-tg.tgraph')
MOST_BYTES, MOST_MS = 3 << 20, 1000


def long_graph(n):
    """A graph of `n` nodes: each reads the one before it, and one from further back."""
    lines = ['tgraph\t1', 'name\tlong', 'buffers\t1', f'buffer\t0\t32\t{2**64 - 1}\t0\tCPU', f'counts\t{n + 1}\t1\t{n}\t0']
    for i in range(n + 1):
        size = 4 * (64 + i * 7919 % 30000) if i else 4096
        srcs = ','.join(str(j) for j in (i - 1, i - 2 - i * 31 % 40) if j >= 0) or '-'
        op = ('MUL_MAT', 'ADD', 'RMS_NORM', 'ROPE', 'SOFT_MAX', 'CONT', 'MUL', 'CPY', 'UNARY:SILU')[i % 9] if i else 'NONE'
        lines.append('\t'.join(map(str, ('t', i, 'n' if i else 'l', op, 'f32', size // 4, 1, 1, 1, 4, size, size, size, size, size, 0,
                                         '-' if i else 'i', -1, 0, srcs, f'blk.{i // 30}.{op.lower()}-{i}' if i else 'input'))))
    return '\n'.join(lines + ['end']) + '\n'


# Where a tile stands on the page, and what is shown of what.
CENTRE = """((name, k) => {
  const s = plans[k].tiles.find(t => t[N] === name), p = panelOf(s), r = p.canvas.getBoundingClientRect();
  const x = (Math.max(X(p, s[B]), LEFT) + Math.min(X(p, s[D]), p.w - RIGHT)) / 2, y = (Y(p, s[A]) + Y(p, s[A] + s[S])) / 2;
  return [r.left + x, r.top + y];
})"""
TIP = "$('tip').hidden ? '' : $('tip').innerText"
# Milliseconds from a mouse that moved to the picture that answers it.
HOVER = """new Promise(done => {
  const p = panels[0], c = p.canvas, s = p.tiles[p.tiles.length >> 1], r = c.getBoundingClientRect(), start = performance.now();
  const clientX = r.left + X(p, (s[B] + s[D]) / 2), clientY = r.top + Y(p, s[A] + s[S] / 2);
  c.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY }));
  requestAnimationFrame(() => setTimeout(() => done($('tip').hidden ? 1e9 : performance.now() - start)));
})"""


def centre(page, name, plan=0):
    return page.value(f'{CENTRE}({json.dumps(name)}, {plan})')


def text_of(page, name):
    return page.value(f"$('{name}').innerText")


def save(folder, name, page):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
        file.write(page)
    return path


def test_mouse(driver, folder):
    path = save(folder, 'page.html', run('show', LLAMA, '--format=html'))
    page = driver.open(path)
    birth, death = page.value("plans[0].tiles.find(t => t[N] === 'Qcur-0').slice(0, 2)")
    page.move(*centre(page, 'inp_embd'))
    tip = page.value(TIP)
    result(all(word in tip for word in ('inp_embd', '8.00 MiB (8,388,608 bytes)', 'steps 0..', 'pool 0')),
           'hover tells name, size, steps and place')
    x, y = centre(page, 'Qcur-0')
    page.wheel(x, y, -600)
    result(page.value('(plans[0].view.to - plans[0].view.from) / (plans[0].end - plans[0].begin)') < .6
           and page.value('panels[0].high') == page.value('panels[0].top'), 'the wheel zooms in time')
    page.wheel(x, y, -600, modifiers=8)
    result(page.value('panels[0].high - panels[0].low < panels[0].top'), 'with Shift it zooms in addresses')
    page.press('Escape')
    page.wheel(x, y, -600)
    moved = page.value('plans[0].view.from')
    page.drag(600, 300, 500, 300)
    result(page.value('plans[0].view.from') > moved, 'dragging moves the view')
    page.press('Escape')
    result(page.value('plans[0].view.from') == page.value('plans[0].begin'), 'Escape shows all of it')
    page.click(*centre(page, 'inp_embd'))
    step = page.value('plans[0].cursor')
    page.move(200, 300)
    page.press('ArrowRight')
    result(page.value('plans[0].cursor') == step + 1 and 'Pinned' in text_of(page, 'live'), 'a click pins the step, arrows move it')
    lives = page.value('plans[0].tiles.filter(t => t[B] <= plans[0].cursor && plans[0].cursor < t[D]).length')
    result(f'{lives} tensors' in text_of(page, 'live') and page.value("$('live').querySelectorAll('button').length") == lives,
           'what lives at the step is listed')
    page.press('/')
    page.type('ffn_gate-0')
    result('1 found' in text_of(page, 'found') and page.value('found.size') == 1, 'typing finds')
    page.value("$('found').querySelector('button').click()")
    page.frame()
    page.move(*centre(page, 'ffn_gate-0'))
    result('MUL_MAT ffn_gate-0' in page.value(TIP) and '28.0 MiB' in page.value(TIP), 'what was found can be gone to')
    page = driver.open(path, fragment=f'step={birth}&find=Qcur-0')
    result(page.value('plans[0].cursor') == birth < death and ' found' in text_of(page, 'found'), 'a link opens at a step')


def test_modes(driver, folder):
    path = save(folder, 'page.html', run('show', CHUNKED, '--format=html'))
    for mode, back in (('light', 'rgb(255, 255, 255)'), ('dark', 'rgb(22, 24, 28)')):
        page = driver.open(path, features=[('prefers-color-scheme', mode)])
        x, y = centre(page, 'inp_embd')
        box = page.value("panels.map(p => p.canvas.getBoundingClientRect()).map(r => [r.left, r.top])")
        seen = [page.value(f"[...panels[{k}].canvas.getContext('2d').getImageData({x - left}, {y - top}, 1, 1).data]")
                for k, (left, top) in enumerate(box)]
        colour = page.value("colours[plans[0].tiles.find(t => t[N] === 'inp_embd')[H]]")
        result(page.value('getComputedStyle(document.body).backgroundColor') == back and [*bytes.fromhex(colour[1:]), 255] in seen,
               f'drawn in {mode} mode')
    # WCAG's least for text.
    inks = page.value('colours.map((c, i) => [c, inks[i]])')
    worst = min((max(pair) + .05) / (min(pair) + .05) for pair in ((lightness(c), lightness('#' + ink[1] * 6)) for c, ink in inks))
    result(worst >= 4.5, f'names are readable on every colour: contrast {worst:.1f}')


def test_two_plans(driver, folder):
    page = driver.open(save(folder, 'two.html', run('compare', LLAMA, '--format=html')))
    page.move(*centre(page, 'inp_embd', 1))
    result(page.value('plans[0].cursor === plans[1].cursor && panels[0].high === panels[1].high'), 'two plans share cursor and scale')
    page.wheel(*centre(page, 'inp_embd', 0), -600)
    result(page.value('plans.every(p => p.view.to - p.view.from < (p.end - p.begin) * .6)'), 'both zoom')
    page.press('Escape')
    page.wheel(*centre(page, 'ffn_gate-0', 0), -6000)
    page.wheel(*centre(page, 'ffn_gate-0', 0), -2000)
    page.move(*centre(page, 'ffn_gate-0', 0))
    result('moved; after:' in page.value(TIP), 'hover tells what became of it')
    result('moved' in text_of(page, 'fates'), 'what changed is listed')


def test_speed(driver, folder):
    graphs = [('10,000 nodes', run('show', '-', '--format=html', text=long_graph(10000).encode()), 9000),
              ('10,000 intervals', run('show', '-', '--format=html', text=intervals(10000).encode()), 10000)]
    if os.path.exists(DEEPSEEK):
        graphs.append(('deepseek-v3', run('show', DEEPSEEK, '--format=html'), 3000))
    for title, html, least in graphs:
        page = driver.open(save(folder, 'speed.html', html))
        opened = page.value("performance.getEntriesByType('navigation')[0].loadEventEnd")
        work = page.work()
        hovered = page.value(HOVER)
        again = page.work() - work
        result(page.value('plans[0].tiles.length') >= least and len(html) <= MOST_BYTES and work < MOST_MS and again < MOST_MS,
               f'{title}: {len(html) / 1e6:.2f} MB, opens in {work:.0f} ms (here in {opened:.0f}), answers a mouse in {again:.0f} ms (in {hovered:.0f})')


def test_browser():
    if not browser.PROGRAM:
        result(True, 'pages in a browser', SKIPPED)
        return
    try:
        driver = browser.Browser()
        driver.call('Browser.getVersion')
    except (OSError, TimeoutError):
        result(True, 'pages in a browser', SKIPPED)
        return
    with driver, tempfile.TemporaryDirectory() as folder:
        test_mouse(driver, folder)
        test_modes(driver, folder)
        test_two_plans(driver, folder)
        test_speed(driver, folder)
        thrown = [e['params']['exceptionDetails'] for e in driver.events if e['method'] == 'Runtime.exceptionThrown']
        result(not thrown, f'no script fails{str(thrown)[:300] if thrown else ""}')


test_svg()
test_text()
test_html()
test_pair()
test_colours()
test_memviz()
test_memviz_page()
test_trace()
test_header()
test_browser()
print(f'1..{count}')
sys.exit(0)
