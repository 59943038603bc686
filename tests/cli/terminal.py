#!/usr/bin/env python3
"""terminal.py COMMAND: what the command shows on a terminal while it works, in which colours, and how it ends when it is told to.

Each case plans a perfect packing of 800 pieces with steps for years, so that only a signal ends it.  Signals are sent when the line
with the progress is seen: by then the command listens.  Nothing depends on how fast the machine is."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile

COMMAND = sys.argv[1]
LINE = re.compile(rb'\r\033\[K[^\r\n]*: [0-9.]+ [KMG]?i?B, bound 1\.00 MiB, [0-9.]+ ?[kMGT]? steps')
ERASED = b'\r\033[K'
PATIENCE = 100
F_SETPIPE_SZ = 1031  # Linux
count = 0


def result(title, problem):
    global count
    count += 1
    print(f'{"not ok" if problem else "ok"} {count} - {title}')
    for line in problem.splitlines():
        print('#', line)


class Run:
    """The command with stderr on a terminal (or not) and stdout in a pipe."""

    def __init__(self, *arguments, terminal=True, pipe=0):
        out_at, out = os.pipe()
        if pipe:
            fcntl.fcntl(out, F_SETPIPE_SZ, pipe)
        if terminal:
            self.seen_at, err = pty.openpty()
        else:
            self.seen_at, err = os.pipe()
        self.seen = b''
        self.process = subprocess.Popen([COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.out = os.fdopen(out_at, 'rb')
        os.close(out)
        os.close(err)

    def look(self):
        """Reads what is there on stderr; False at its end."""
        if not select.select([self.seen_at], [], [], PATIENCE)[0]:
            raise TimeoutError('nothing was shown')
        try:
            more = os.read(self.seen_at, 4096)
        except OSError:  # a terminal that nobody has open any more
            more = b''
        self.seen += more
        return more != b''

    def until_line(self):
        while not LINE.search(self.seen):
            if not self.look():
                raise EOFError(f'it ended with {self.seen!r}')

    def end(self):
        out = self.out.read()
        self.out.close()
        while self.look():
            pass
        os.close(self.seen_at)
        return self.process.wait(PATIENCE), out


def case(function):
    try:
        function()
        result(function.__doc__, '')
    except Exception as problem:  # each is a test that failed
        result(function.__doc__, f'{type(problem).__name__}: {problem}')
    return function


def expect(condition, *seen):
    if not condition:
        raise AssertionError(' '.join(map(repr, seen)))


folder = tempfile.TemporaryDirectory()
hard = os.path.join(folder.name, 'hard.csv')
subprocess.run([COMMAND, 'gen', 'perfect', '--pieces=800', '-o', hard], check=True)
for_years = ['plan', hard, '--effort=prove', '--steps=18446744073709551615', '--format=json']


def stopped_by(number):
    run = Run(*for_years)
    run.until_line()
    run.process.send_signal(number)
    code, out = run.end()
    plan = json.loads(out)
    expect(code == 0 and plan['peak'] > plan['bound'] == 1048576 and not plan['proved'], code, plan)
    note = run.seen[run.seen.rindex(ERASED) + len(ERASED):]
    expect(note == f'{hard}: stopped; this is the best plan so far\r\n'.encode(), note)


@case
def interrupt():
    """SIGINT ends the work with the best plan so far, and with a note where the line was"""
    stopped_by(signal.SIGINT)


@case
def terminate():
    """SIGTERM does, too"""
    stopped_by(signal.SIGTERM)


@case
def verdict():
    """what is stopped before it is known to fit exits with 1"""
    run = Run(*for_years, '--capacity=1MiB')
    run.until_line()
    run.process.send_signal(signal.SIGINT)
    code, out = run.end()
    expect(code == 1 and json.loads(out)['fits'] is None, code, out)


@case
def twice():
    """the second SIGINT kills, as ever"""
    run = Run(*for_years, '--format=csv', pipe=4096)
    run.until_line()
    run.process.send_signal(signal.SIGINT)
    while b'stopped' not in run.seen:  # then it writes more than a pipe holds, and nobody reads
        expect(run.look(), run.seen)
    run.process.send_signal(signal.SIGINT)
    code = run.process.wait(PATIENCE)
    expect(code == -signal.SIGINT, code)
    run.end()


@case
def nothing_left():
    """what is killed at work leaves no half of a file, nor a whole one"""
    with tempfile.TemporaryDirectory() as place:
        run = Run(*for_years, '-o', os.path.join(place, 'plan.json'))
        run.until_line()
        run.process.kill()
        run.end()
        expect(os.listdir(place) == [], os.listdir(place))


@case
def after():
    """one kills, too, when the work is done"""
    run = Run('plan', hard, '--effort=online', '--format=csv', pipe=4096)
    expect(select.select([run.out], [], [], PATIENCE)[0], 'it writes nothing')
    run.process.send_signal(signal.SIGINT)
    code = run.process.wait(PATIENCE)
    expect(code == -signal.SIGINT, code)
    run.end()


@case
def files():
    """once stopped, the files that follow get the first plan that comes"""
    run = Run('measure', hard, hard, '--effort=prove', '--steps=18446744073709551615')
    run.until_line()
    run.process.send_signal(signal.SIGINT)
    code, out = run.end()
    expect(code == 0 and len(out.splitlines()) == 2 and run.seen.count(b'stopped') == 2, code, out, run.seen)


@case
def compare():
    """what compare does not get to know is not shown"""
    run = Run('compare', hard, '--steps=18446744073709551615')
    run.until_line()
    run.process.send_signal(signal.SIGINT)
    code, out = run.end()
    cells = re.split(r'  +', out.decode().splitlines()[1])
    expect(code == 0 and '1.00 MiB' in cells and cells.count('-') == 2, code, out)  # prove and the engine


@case
def quiet():
    """nothing is shown where stderr is no terminal"""
    run = Run('plan', hard, '--effort=prove', '--steps=8000000', terminal=False)
    code, _ = run.end()
    expect(code == 0 and run.seen == b'', code, run.seen)


@case
def short():
    """nothing is shown of what takes no time"""
    run = Run('gen', 'perfect', '--pieces=10')
    code, _ = run.end()
    expect(code == 0 and run.seen == b'', code, run.seen)


@case
def ignored():
    """what the shell said to ignore is ignored"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = Run(*for_years)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run.until_line()
    run.process.send_signal(signal.SIGINT)
    shown = len(LINE.findall(run.seen))
    while len(LINE.findall(run.seen)) < shown + 5:
        expect(run.look(), run.seen)
    run.process.send_signal(signal.SIGTERM)
    code, _ = run.end()
    expect(code == 0, code)


def shown(*arguments, **environment):
    """What show writes to a terminal of its own."""
    at, end = pty.openpty()
    process = subprocess.Popen([COMMAND, 'show', flat, *arguments], stdin=subprocess.DEVNULL, stdout=end,
                               env={'TERM': 'xterm', **environment})
    os.close(end)
    seen = b''
    while select.select([at], [], [], PATIENCE)[0]:
        try:
            more = os.read(at, 4096)
        except OSError:
            more = b''
        if not more:
            break
        seen += more
    os.close(at)
    expect(process.wait(PATIENCE) == 0, seen)
    return seen


flat = os.path.join(folder.name, 'flat.csv')
with open(flat, 'w') as file:
    file.write('id,lower,upper,size\na,0,2,100\nb,1,3,100\n')


@case
def colours():
    """a terminal gets colours, but not when NO_COLOR is set, it is dumb, or none are wanted"""
    expect(b'\033[' in shown())
    expect(b'\033[' in shown(NO_COLOR=''))
    expect(b'\033[' in shown('--color=always', NO_COLOR='1', TERM='dumb'))
    for plain in shown('--color=never'), shown(NO_COLOR='1'), shown(TERM='dumb'):
        expect(b'pool 0' in plain and b'\033' not in plain, plain)


@case
def no_colours():
    """pipes and files get none unless they are asked for"""
    for options, wanted in ([], False), (['--color=always'], True):
        out = subprocess.run([COMMAND, 'show', flat, *options], capture_output=True, check=True).stdout
        expect((b'\033[' in out) == wanted, out)
    drawn = os.path.join(folder.name, 'drawn')
    expect(shown('-o', drawn) == b'')
    with open(drawn, 'rb') as file:
        expect(b'\033' not in file.read())


print(f'1..{count}')
