#!/usr/bin/env python3
"""coverage.py ROOT BUILD [LAYER...]: which lines and branches of ggml_alloc/ the tests have run, a row per layer.

BUILD is a build folder of gcc with -Db_coverage=true whose tests were run.  With layers, what they leave out is listed instead, as
file:line with the text: "never run", or how many of the line's branches were never taken.  A branch is a way out of a condition, each
operand of && and || being one.  Counts of inline functions are summed over all that they are part of: nothing is optimised, so that
their branches come in the same order everywhere."""
import collections
import json
import os
import subprocess
import sys

LAYERS = ('base', 'range', 'graph', 'place', 'backend', 'cache', 'plan', 'order', 'bind', 'io', 'ggml')
AT_ONCE = 50


def notes(build):
    for folder, _, names in os.walk(build):
        for name in names:
            if name.endswith('.gcno'):
                yield os.path.join(folder, name)


def reports(build):
    """What gcov says of each object, as it was compiled."""
    found = sorted(notes(build))
    for at in range(0, len(found), AT_ONCE):
        done = subprocess.run(['gcov', '--json-format', '--stdout', '--branch-probabilities', *found[at:at + AT_ONCE]],
                              cwd=build, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if line.startswith('{'):
                yield json.loads(line)


def count(root, build):
    """{file: {line: [times run, {branch: times taken}]}} of what is below ROOT/ggml_alloc, but for the command."""
    inside = os.path.join(root, 'ggml_alloc') + os.sep
    lines = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, collections.Counter()]))
    for report in reports(build):
        for source in report['files']:
            path = os.path.normpath(os.path.join(report['current_working_directory'], source['file']))
            name = path[len(inside):] if path.startswith(inside) else ''
            if name.split(os.sep)[0] not in LAYERS:
                continue
            seen = collections.Counter() # the same line once for each function that it was inlined into
            for entry in source['lines']:
                line, function = lines[name][entry['line_number']], entry.get('function_name', '')
                line[0] += entry['count']
                for branch in entry['branches']:
                    line[1][seen[function, entry['line_number']]] += branch['count']
                    seen[function, entry['line_number']] += 1
    return lines


def row(name, lines):
    counts = [line for file in lines for line in file.values()]
    branches = [taken for line in counts for taken in line[1].values()]
    ran, took = sum(line[0] > 0 for line in counts), sum(taken > 0 for taken in branches)
    return (f'| {name:7} | {ran:5} of {len(counts):5} | {100 * ran / max(1, len(counts)):5.1f} % '
            f'| {took:5} of {len(branches):5} | {100 * took / max(1, len(branches)):5.1f} % |')


def table(lines):
    print('| layer   |   lines        |         | branches       |         |')
    print('|---------|----------------|---------|----------------|---------|')
    for layer in LAYERS:
        print(row(layer, [lines[name] for name in lines if name.startswith(layer + os.sep)]))
    print(row('all', lines.values()))


def missing(root, lines, layer):
    for name in sorted(name for name in lines if name.startswith(layer)):
        with open(os.path.join(root, 'ggml_alloc', name)) as file:
            text = file.read().split('\n')
        for number, (ran, branches) in sorted(lines[name].items()):
            never = sum(taken == 0 for taken in branches.values())
            if ran == 0 or never:
                what = f'{never} of {len(branches)}' if ran else 'never run'
                print(f'{name}:{number}: {what}: {text[number - 1].strip()}')


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    root, build, *layers = sys.argv[1:]
    lines = count(os.path.abspath(root), os.path.abspath(build))
    if not lines:
        sys.exit(f'{build}: nothing was counted')
    for layer in layers:
        missing(root, lines, layer)
    if not layers:
        table(lines)


if __name__ == '__main__':
    main()
