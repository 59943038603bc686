#!/usr/bin/env python3
"""mutate.py ROOT [--module=NAME] [--sample=N] [--seed=S] [--only=FILE:LINE] [--again=FILE] [--list]: do the tests bite?

Breaks one place at a time, in a copy of the tree: an operator, a constant, a condition, a statement left out.  Then a test of that
module must fail.  A mutant is killed when a test fails, crashes or takes far more processor time than it did before; survivors are
printed as file:line with the change.  The same seed breaks the same places.  All mutants of a sample are built at once, each as a copy
of its function (Untch, Offutt, Harrold 1993: mutant schemata).  Tests are run one by one, only those that call the function: the last
that killed a mutant of it first, then the quickest.

Left alone: asserts, and the checks (`*_check`) that tests call after each step, but for the judge of plans.  What mutants.txt lists
with the reason why nobody could tell the difference is counted, not tried."""
import argparse
import collections
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# What is broken, and the programs whose tests must notice.
MODULES = {
    'range': (['range/'], [
        'unit_test_range', 'unit_test_bins', 'unit_test_chunks', 'unit_test_tallocr', 'unit_test_core', 'model_model_range',
        'exact_range_8', 'exact_range_1', 'unit_test_place']),
    'graph': (['graph/'], [
        'unit_test_graph', 'unit_test_signature', 'unit_test_live', 'unit_test_ops', 'unit_test_tgraph', 'unit_test_tgraph_write',
        'unit_test_plan', 'unit_test_fits', 'unit_test_intervals', 'fuzz_graph']),
    'place': (['place/'], [
        'unit_test_fits', 'unit_test_place', 'unit_test_judge', 'unit_test_same', 'unit_test_quick', 'unit_test_search', 'unit_test_fill',
        'unit_test_prove', 'unit_test_hard', 'model_model_place']),
    'cache': (['cache/core', 'cache/carve', 'cache/addrs', 'cache/count'], [
        'unit_test_addrs', 'unit_test_count', 'unit_test_core', 'api_grow', 'api_cache', 'api_cache_tell', 'api_cache_wait', 'api_pool',
        'model_model_grow', 'model_model_cache', 'model_model_places']),
    'judge': (['place/check.c'], ['unit_test_judge', 'unit_test_place', 'unit_test_plan', 'unit_test_search', 'model_model_place']),
    'device': ([
        'cache/d', 'cache/export', 'cache/grow', 'cache/idle', 'cache/o', 'cache/p', 'cache/r', 'cache/s', 'cache/w'], [
        'api_cache', 'api_cache_tell', 'api_cache_wait', 'api_devices', 'api_grow', 'api_guard', 'api_planned', 'api_pool', 'api_rare',
        'api_waiters', 'api_watch', 'api_watch_oom', 'api_pool_capture', 'api_budget', 'model_model_grow', 'model_model_cache',
        'model_model_places', 'model_pool']),
    'heap': (['cache/heap'], [
        'api_heap', 'api_heap_pressure', 'api_heap_tell', 'api_heap_work', 'api_heap_faults', 'model_heap']),
    'host': (['cache/host'], [
        'api_host', 'api_host_limits', 'api_host_more', 'api_host_faults', 'model_model_host']),
}

SWAPS = {
    '<': ['<='], '<=': ['<'], '>': ['>='], '>=': ['>'], '==': ['!='], '!=': ['=='], '&&': ['||'], '||': ['&&'],
    '+': ['-'], '-': ['+'], '*': ['/'], '/': ['*'], '%': ['/'], '<<': ['>>'], '>>': ['<<'], '&': ['|'], '|': ['&'], '^': ['|'],
    '++': ['--'], '--': ['++'], '+=': ['-='], '-=': ['+='], '|=': ['&='], '&=': ['|='], '!': [''], '~': [''],
    'true': ['false'], 'false': ['true'], 'break': ['continue'], 'continue': ['break'],
}
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(?m:^[ \t]*#(?:\\\n|[^\n])*)'
                   r'|0[xX][0-9a-fA-F]+[uUlL]*|[0-9]+\.?[0-9]*[uUlL]*|[A-Za-z_]\w*'
                   r'|<<=|>>=|->|\+\+|--|&&|\|\||<<|>>|[<>=!+\-*/%&|^]=|[^\s\w]', re.S)
BESIDE_BINARY = re.compile(r'[\w)\]]$')
CPU_SECONDS, MEMORY = 1, 4 << 30

Token = collections.namedtuple('Token', 'text start end')
Mutant = collections.namedtuple('Mutant', 'file start end new')
Unit = collections.namedtuple('Unit', 'program test')
Function = collections.namedtuple('Function', 'name begin open close params is_void is_check')

# In front of each file: which mutant a program is run with, and where it notes which functions it calls.
CHOOSE = '''#ifndef MUTANT_
#define MUTANT_
extern char *getenv(const char *); extern int atoi(const char *); extern int open(const char *, int, ...);
extern void *mmap(void *, unsigned long, int, int, int, long);
static int mutant_;
static unsigned char *reached_;
__attribute__((constructor)) static void mutant_choose_(void)
{
    const char *number = getenv("GAI_MUTANT"), *reached = getenv("GAI_REACHED");
    mutant_ = number ? atoi(number) : 0;
    reached_ = reached ? mmap(0, 1 << 16, 3, 1, open(reached, 2), 0) : 0;
}
#endif
'''
REACHED = 1 << 16


def tokens_of(source):
    """Without comments, directives and texts."""
    return [Token(m.group(), m.start(), m.end()) for m in TOKEN.finditer(source)
            if not m.group().lstrip().startswith(('/*', '//', '#', '"', "'"))]


def matching(tokens, at):
    """The index of the bracket that closes the one at `at`."""
    pairs, depth = {'(': ')', '{': '}', '[': ']'}, 0
    opens, closes = tokens[at].text, pairs[tokens[at].text]
    for i in range(at, len(tokens)):
        depth += (tokens[i].text == opens) - (tokens[i].text == closes)
        if depth == 0:
            return i
    raise ValueError('a bracket is not closed')


def functions(tokens):
    """Each function that can be copied: with a body, and without "..."."""
    at = begin = 0
    while at < len(tokens):
        if tokens[at].text == '{':
            end = matching(tokens, at)
            if at and tokens[at - 1].text == ')':
                left = at - 1
                depth = 1
                while depth:
                    left -= 1
                    depth += (tokens[left].text == ')') - (tokens[left].text == '(')
                params = names_of(tokens[left + 1:at - 1])
                if '...' not in params:
                    name, result = tokens[left - 1].text, tokens[left - 2].text
                    tells = result == '*' and re.search(r'(^|_)check(_|$)', name) is not None
                    yield Function(name, begin, at, end, params, result == 'void', tells)
                begin = end + 1
            at = end
        elif tokens[at].text == ';':
            begin = at + 1
        at += 1


def names_of(words):
    """The parameters' names."""
    names, depth, last = [], 0, None
    for i, word in enumerate(words):
        depth += (word.text in '([') - (word.text in ')]')
        if word.text == ',' and depth == 0:
            names.append(last)
            last = None
        elif word.text == '.':
            last = '...'
        elif re.match(r'[A-Za-z_]', word.text) and depth == 0:
            last = word.text
        elif i > 1 and (words[i - 2].text, words[i - 1].text) == ('(', '*'): # a function's address
            last = word.text
    return names + [last] if last and last != 'void' else names


def unary(tokens, at):
    return not BESIDE_BINARY.search(tokens[at - 1].text) or tokens[at - 1].text in ('return', 'case')


def is_type_star(tokens, at):
    """`struct range *range`, `(uint64_t *)`: not a product."""
    before, behind = tokens[at - 1].text, tokens[at + 1].text
    return behind in (')', '*', ',', 'const') or (re.fullmatch(r'\w+_t|char|int|void|const|ga_\w+|unsigned', before) is not None) or \
        tokens[at - 2].text in ('struct', 'enum', 'union')


def swaps(tokens, at):
    text = tokens[at].text
    if text in '+-&*' and text and (unary(tokens, at) or (text == '*' and is_type_star(tokens, at))):
        return []
    if re.match(r'0[xX]|[0-9]+[uUlL]*$', text):
        value, suffix = int(re.match(r'0[xX][0-9a-fA-F]+|\d+', text).group(), 0), re.search(r'[uUlL]*$', text).group()
        return [f'{value + 1}{suffix}'] + ([f'{value - 1}{suffix}'] if value else [])
    return SWAPS.get(text, [])


def statements(tokens, first, last):
    """(first, last) of each call and assignment that ends with ';' and can be left out."""
    begin, depth, at = first, 0, first
    while at < last:
        text = tokens[at].text
        if text in ('if', 'while', 'for', 'switch') and at == begin:
            at = matching(tokens, at + 1)
            begin = at + 1
        elif text in ('else', 'do', '{', '}', ':') and depth == 0:
            begin = at + 1
        elif text in '([':
            at = matching(tokens, at)
        elif text == ';':
            if at > begin and removable(tokens[begin:at]):
                yield begin, at - 1
            begin = at + 1
        at += 1


def removable(words):
    texts = [word.text for word in words]
    if texts[0] in ('return', 'goto', 'break', 'continue', 'case', 'default', 'struct', 'enum', 'const', 'static', 'union', 'assert'):
        return False
    if len(texts) > 1 and re.match(r'\w', texts[0]) and (re.match(r'\w', texts[1]) or (texts[1] == '*' and texts[0] != '(')):
        return False # a declaration
    assigns = any(t in ('=', '+=', '-=', '|=', '&=', '*=', '/=', '^=', '<<=', '>>=', '++', '--') for t in texts)
    return assigns or (len(texts) > 2 and re.match(r'[A-Za-z_]', texts[0]) and texts[1] == '(')


def skipped(tokens, first, last):
    """Indices inside asserts, and inside initialisers of what is static."""
    out = set()
    for at in range(first, last):
        if tokens[at].text in ('assert', 'sizeof', '_Static_assert') and tokens[at + 1].text == '(':
            out.update(range(at, matching(tokens, at + 1) + 1))
    return out


def mutants_of(root, file):
    with open(os.path.join(root, 'ggml_alloc', file)) as text:
        source = text.read()
    tokens, found = tokens_of(source), []
    for function in functions(tokens):
        first, last = function.open + 1, function.close
        if function.is_check:
            continue
        out = skipped(tokens, first, last)
        for at in range(first, last):
            if at in out:
                continue
            token = tokens[at]
            found += [Mutant(file, token.start, token.end, new) for new in swaps(tokens, at)]
            if token.text in ('if', 'while') and tokens[at + 1].text == '(':
                end = matching(tokens, at + 1)
                inner = source[tokens[at + 1].end:tokens[end].start]
                found.append(Mutant(file, tokens[at + 1].end, tokens[end].start, f'!({inner})'))
        found += [Mutant(file, tokens[a].start, tokens[b].end, '') for a, b in statements(tokens, first, last) if a not in out]
    return source, found


def change(source, mutant):
    """The lines concerned, before and after, each as one."""
    begin = source.rfind('\n', 0, mutant.start) + 1
    end = source.find('\n', mutant.end)
    before = ' '.join(source[begin:end].split())
    after = ' '.join((source[begin:mutant.start] + mutant.new + source[mutant.end:end]).split())
    return before, after


def known(path):
    """{(file, before, after)} of mutants.txt, a file, two lines, then the reason; or of survivors, as they are printed."""
    found, file, before, after = set(), None, None, None
    with open(path) as lines:
        for line in lines:
            line = line.rstrip('\n')
            place = re.match(r'== (\S+)$|(\S+):\d+: (?:survived|not run)$', line)
            if place:
                file = place.group(1) or place.group(2)
            elif line.startswith('- '):
                before = ' '.join(line[2:].split())
            elif line.startswith('+ '):
                after = ' '.join(line[2:].split())
                found.add((file, before, after))
    return found


class Schema:
    """A file in which every mutant is a copy of its function: one build serves them all, GAI_MUTANT says which copy is called."""

    def __init__(self, file, source, first):
        """Its functions are numbered from `first` on."""
        self.file, self.source, self.first = file, source, first
        self.tokens = tokens_of(source)
        self.functions = list(functions(self.tokens))

    def function_of(self, mutant):
        """Its number."""
        for at, function in enumerate(self.functions):
            if self.tokens[function.open].start < mutant.start < self.tokens[function.close].start:
                return self.first + at
        raise ValueError('a mutant outside of functions')

    def text(self, numbered):
        """The file with a copy of its function for each (number, mutant)."""
        out, at = [CHOOSE, f'#line 1 "{self.file}"\n'], 0
        for number_of, function in enumerate(self.functions, self.first):
            mine = [(number, mutant) for number, mutant in numbered if self.function_of(mutant) == number_of]
            if not mine:
                continue
            begin, brace = self.tokens[function.begin].start, self.tokens[function.open].start
            end = self.tokens[function.close].end
            out += [self.source[at:begin], self.source[begin:brace], ';\n']
            line = self.source.count('\n', 0, begin) + 1
            for number, mutant in mine:
                body = self.source[brace:mutant.start] + mutant.new + self.source[mutant.end:end]
                out.append(f'#line {line} "mutant-{number}"\n{self.header(function, number)}\n{body}\n')
            out.append(f'#line {line} "{self.file}"\n{self.source[begin:brace]}{{ if (reached_) reached_[{number_of}] = 1;'
                       ' switch (mutant_) {')
            call = 'return {}({});' if not function.is_void else '{}({}); return;'
            out += [f' case {number}: ' + call.format(f'{function.name}_{number}', ', '.join(function.params)) for number, _ in mine]
            out += [' } ', self.source[brace:end], ' }\n']
            at = end
        return ''.join(out) + self.source[at:]

    def header(self, function, number):
        words = self.tokens[function.begin:function.open]
        begin, name = words[0].start, next(w for i, w in enumerate(words) if w.text == function.name and words[i + 1].text == '(')
        prefix = '' if words[0].text in ('static', 'GAI_INLINE') else 'static '
        brace = self.tokens[function.open].start
        return f'{prefix}{self.source[begin:name.end]}_{number}{self.source[name.end:brace]}'


class Tree:
    """A copy of the tree, and a build folder in it."""

    def __init__(self, root):
        self.dir = tempfile.mkdtemp(prefix='mutate-')
        self.source, self.build = os.path.join(self.dir, 'tree'), os.path.join(self.dir, 'build')
        for name in subprocess.run(['git', '-C', root, 'ls-files', '-co', '--exclude-standard'], capture_output=True, text=True,
                                   check=True).stdout.split('\n'):
            if name and os.path.exists(os.path.join(root, name)):
                os.makedirs(os.path.dirname(os.path.join(self.source, name)), exist_ok=True)
                shutil.copy2(os.path.join(root, name), os.path.join(self.source, name))
        subprocess.run(['meson', 'setup', self.build, self.source, '-Dbuildtype=plain', '-Doptimization=1', '-Db_ndebug=false',
                        '-Ddefault_library=static', '-Dbench=disabled', '-Dtests=enabled', '-Dwarning_level=0'],
                       check=True, stdout=subprocess.DEVNULL)
        tests = json.loads(subprocess.run(['meson', 'introspect', '--tests', self.build], capture_output=True, check=True).stdout)
        self.tests = {test['name']: test for test in tests}
        self.seconds, self.calls, self.killers = {}, {}, collections.defaultdict(list)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def make(self, names):
        """What the compiler said; '' when all is well."""
        programs = [os.path.relpath(self.tests[name]['cmd'][0], self.build) for name in names]
        done = subprocess.run(['ninja', '-k', '0', '-C', self.build, *programs], capture_output=True, text=True)
        return done.stdout if done.returncode else ''

    def plant(self, schemas, chosen, names):
        """Builds the programs with all mutants in them, but for those that do not compile: their numbers."""
        broken = set()
        while True:
            for file, schema in schemas.items():
                mine = [(number, m) for number, m in chosen if m.file == file and number not in broken]
                with open(os.path.join(self.source, 'ggml_alloc', file), 'w') as out:
                    out.write(schema.text(mine))
            said = self.make(names)
            found = {int(number) for number in re.findall(r'mutant-(\d+):\d+:\d+: error', said)}
            if not said:
                return broken
            if not found - broken:
                sys.exit(said)
            broken |= found

    def run(self, unit, limit, **env):
        """'passed', 'failed' or 'late'."""
        def limits():
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        test = self.tests[unit.program]
        options = ['--filter', unit.test, '-j1'] if unit.test else []
        with open(os.devnull, 'r+b') as nothing:
            child = subprocess.Popen(test['cmd'] + options, env={**os.environ, **test['env'], **env}, stdin=nothing,
                                     stdout=nothing, stderr=nothing, start_new_session=True, preexec_fn=limits, cwd=self.dir)
            try:
                return 'passed' if child.wait(60 + 10 * limit) == 0 else 'failed'
            except subprocess.TimeoutExpired:
                return 'late'
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()

    def units_of(self, name):
        """A program's tests; itself when it has none."""
        test, suite = self.tests[name], None
        if '--tap=-' not in test['cmd']:
            yield Unit(name, None)
            return
        for line in subprocess.run([test['cmd'][0], '--list'], capture_output=True, text=True, check=True).stdout.splitlines():
            word = re.search(r'\w+', line)
            if re.match(r'\w+: \d+ tests?$', line):
                suite = word.group()
            elif word:
                yield Unit(name, f'{suite}/{word.group()}')

    def learn(self, names):
        """How long each test takes, and which functions it calls; all must pass while no mutant is chosen."""
        reached = os.path.join(self.dir, 'reached')
        for unit in [unit for name in names for unit in self.units_of(name)]:
            with open(reached, 'wb') as file:
                file.write(bytes(REACHED))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if self.run(unit, 300, GAI_REACHED=reached) != 'passed':
                sys.exit(f'{unit.program} {unit.test or ""} fails before anything is broken')
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.seconds[unit] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            with open(reached, 'rb') as file:
                self.calls[unit] = {at for at, called in enumerate(file.read()) if called}

    def verdict(self, number, function, names):
        """What the first test that notices says, and its name; what is not run by any test is lived through by all."""
        units = sorted((u for u, calls in self.calls.items() if function in calls and u.program in names), key=lambda u: self.seconds[u])
        quick = self.killers[function]
        for unit in quick + [unit for unit in units if unit not in quick]:
            result = self.run(unit, int(CPU_SECONDS + 4 * self.seconds[unit]), GAI_MUTANT=str(number))
            if result != 'passed':
                self.killers[function] = [unit] + [other for other in quick if other != unit]
                return result, unit
        return 'survived' if units else 'not run', None


def files_of(root, prefixes):
    out = subprocess.run(['git', '-C', root, 'ls-files', 'ggml_alloc'], capture_output=True, text=True, check=True).stdout.split()
    names = [name[len('ggml_alloc/'):] for name in out if name.endswith(('.c', '.h'))]
    return sorted(n for n in names if n.startswith(tuple(prefixes)) and (n in prefixes or not n.endswith('check.c')))


def draw(root, module, args):
    """[(mutant, source)]: those to be tried; how many there are, and how many of those drawn are explained."""
    sources, drawn = {}, []
    for file in files_of(root, MODULES[module][0]):
        sources[file], found = mutants_of(root, file)
        drawn += found
    total = len(drawn)
    if args.only:
        drawn = [m for m in drawn if args.only in (m.file, f'{m.file}:{sources[m.file].count(chr(10), 0, m.start) + 1}')]
    elif args.sample and not args.again:
        drawn = random.Random(args.seed).sample(drawn, min(args.sample, len(drawn)))
    if args.again:
        survivors = known(args.again)
        drawn = [m for m in drawn if (m.file, *change(sources[m.file], m)) in survivors]
    explained = known(os.path.join(root, 'tests', 'mutants.txt'))
    tried = [m for m in drawn if (m.file, *change(sources[m.file], m)) not in explained]
    return [(m, sources[m.file]) for m in tried], total, len(drawn) - len(tried)


def show(mutant, source, what):
    before, after = change(source, mutant)
    print(f'{mutant.file}:{source.count(chr(10), 0, mutant.start) + 1}{what}\n- {before}\n+ {after}', flush=True)


def try_all(root, drawn):
    """Tells the survivors of each module; {module: {verdict: how many}}."""
    in_turn = [(k, module, m, source) for module, pairs in drawn.items() for k, (m, source) in enumerate(pairs)]
    numbered = list(enumerate(((module, m, source) for _, module, m, source in sorted(in_turn, key=lambda each: each[0])), 1))
    programs = list(dict.fromkeys(name for module in drawn for name in MODULES[module][1]))
    tally, schemas, first = collections.defaultdict(collections.Counter), {}, 0
    for _, (_, m, source) in numbered:
        if m.file not in schemas:
            schemas[m.file] = Schema(m.file, source, first)
            first += len(schemas[m.file].functions)
    with Tree(root) as tree:
        broken = tree.plant(schemas, [(number, m) for number, (_, m, _) in numbered], programs)
        tree.learn(programs)
        print(f'# {len(tree.seconds)} tests, {sum(tree.seconds.values()):.0f} s', flush=True)
        for number, (module, mutant, source) in numbered:
            verdict, unit = 'does not compile', None
            if number not in broken:
                verdict, unit = tree.verdict(number, schemas[mutant.file].function_of(mutant), MODULES[module][1])
            tally[module][verdict] += 1
            print(f'{number} of {len(numbered)}: {module} {verdict}', *(unit or [mutant.file]), file=sys.stderr, flush=True)
            if verdict in ('survived', 'not run'):
                show(mutant, source, f': {verdict}')
    return tally


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root')
    parser.add_argument('--module', choices=MODULES, action='append')
    parser.add_argument('--sample', type=int, default=100, help='how many of each module; 0: all')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', help='FILE or FILE:LINE')
    parser.add_argument('--again', help='the survivors printed in this file')
    parser.add_argument('--list', action='store_true', help='only show what would be broken')
    args = parser.parse_args()
    drawn, totals, explained = {}, {}, {}
    for module in args.module or MODULES:
        drawn[module], totals[module], explained[module] = draw(args.root, module, args)
    if args.list:
        for mutant, source in (pair for pairs in drawn.values() for pair in pairs):
            show(mutant, source, '')
        return
    started = time.time()
    tally = try_all(args.root, drawn)
    print(f'# {time.time() - started:.0f} s\n\n'
          '| module | mutants | drawn | do not compile | explained | killed | survived | killed of all | of those not explained |\n'
          '|--------|---------|-------|----------------|-----------|--------|----------|---------------|------------------------|')
    for module, verdicts in tally.items():
        killed, lived, told = verdicts['failed'] + verdicts['late'], verdicts['survived'] + verdicts['not run'], explained[module]
        print(f'| {module:6} | {totals[module]:7} | {sum(verdicts.values()) + told:5} | {verdicts["does not compile"]:14} | {told:9} '
              f'| {killed:6} | {lived:8} | {100 * killed / max(1, killed + lived + told):11.1f} % '
              f'| {100 * killed / max(1, killed + lived):20.1f} % |')


if __name__ == '__main__':
    main()
