#!/usr/bin/env python3
"""check_pairs.py - `ggml-alloc check` of intervals, which sweeps over time, says what comparing all two by two says

usage: check_pairs.py GGML_ALLOC
"""
import pathlib
import random
import subprocess
import sys
import tempfile


def make(rng):
    """Some intervals, some of no size, at places that are often too near."""
    rows = []
    for i in range(rng.randrange(1, 14)):
        birth = rng.randrange(12)
        rows.append((f'b{i}', birth, birth + rng.randrange(1, 6), rng.choice([0, 1, 2, 2, 3, 5]), rng.randrange(40)))
    return rows


def collide(a, b):
    _, birth, death, size, at = a
    _, other_birth, other_death, other_size, other_at = b
    together = birth < other_death and other_birth < death
    return together and size and other_size and at < other_at + other_size and other_at < at + size


def write(path, rows, offsets):
    with open(path, 'w', encoding='ascii') as out:
        print('id,lower,upper,size' + (',offset' if offsets else ''), file=out)
        for row in rows:
            print(','.join(map(str, row if offsets else row[:-1])), file=out)


def main():
    command, work, rng, said = sys.argv[1], tempfile.TemporaryDirectory(), random.Random(1), {0: 0, 1: 0}
    given, placed = (str(pathlib.Path(work.name) / name) for name in ('given.csv', 'placed.csv'))
    wrong = []
    for _ in range(400):
        rows = make(rng)
        write(given, rows, False)
        write(placed, rng.sample(rows, len(rows)), True)
        pairs = {frozenset((a[0], b[0])) for i, a in enumerate(rows) for b in rows[:i] if collide(a, b)}
        run = subprocess.run([command, 'check', given, placed], capture_output=True, text=True, check=False)
        names = frozenset(run.stdout.split("'")[1::2])
        said[run.returncode] = said.get(run.returncode, 0) + 1
        if run.returncode != (1 if pairs else 0) or (pairs and names not in pairs):
            wrong.append((rows, run.stdout + run.stderr))
    print('1..1')
    if wrong or min(said[0], said[1]) < 50:
        print(f'not ok 1 - {said}')
        for rows, text in wrong[:3]:
            print(f'# {rows}: {text.strip()}')
    else:
        print(f'ok 1 - {said[1]} collisions found, {said[0]} times none')


main()
