#!/usr/bin/env python3
"""amalgamate.py - makes ggml_alloc.c and ggml_alloc.h, the library in two files, from the tree

  usage: amalgamate.py FOLDER     writes both files there

The header is the public headers, one after the other.  The source is every file that a public function can reach, in the order of
meson.build, each behind the headers that it is the first to need.

What the compiler keeps apart in many files, names with the reach of one file, would collide in one.  Where two files define the same
name, each gets its file's name in front; what other names mean, members, labels, parameters and locals, stays as it is.  So the code is
read as tokens here, not as text.  A mistake would not go unnoticed: no file keeps a name that two define, so it would not compile.
"""
import os
import re
import sys

sys.dont_write_bytecode = True  # nothing but the two files
from c_names import Meaning, code_of, declarations_of, declarators, enum_constants, rename_directive, tags, tokens_of

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

# The public headers of what plans and touches no memory, and the layer that reads and writes.  The rest is the run time.
PLANNER = ('base.h', 'graph.h', 'plan.h', 'tallocr.h')
IO_LAYER = 'io/'
STATIC = {'static', 'GAI_INLINE'}

APPLE = '''#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* for MAP_ANONYMOUS, which _POSIX_C_SOURCE takes away there */
#endif
'''

WARNINGS = '''
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" /* some functions serve the command and the tests only */
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" /* seeing all files at once, gcc believes that a status and an output disagree */
#endif
'''


class Source:
    """A file, and what it says to other files."""

    def __init__(self, path):
        self.path = path
        self.is_public = path.startswith('include/')
        self.is_header = path.endswith('.h')
        with open(os.path.join(ROOT, path), encoding='utf-8') as file:
            self.text = file.read()
        self.tokens = tokens_of(self.text)
        self.code = code_of(self.tokens)
        directives = [token.text for token in self.tokens if token.kind == 'directive']
        self.includes = [locate(found[1]) for found in (re.match(r'#include "(.*)"', d) for d in directives) if found]
        self.macros = [found[1] for found in (re.match(r'#define (\w+)', d) for d in directives) if found]
        self.features = [d for d in directives if re.match(r'#define _\w+_SOURCE', d)]
        self.macros = [name for name in self.macros if not name.endswith(('_SOURCE', '_H'))]
        self.words = {token.text for token in self.code if token.kind == 'name'}
        self.words.update(re.findall(r'\w+', ' '.join(d for d in directives if 'include' not in d)))
        self.outline()

    def outline(self):
        self.names, self.tags = set(self.macros), set()
        self.defines, self.exports, self.starts = set(), [], {}  # beyond the file: functions and objects; the public ones; declarations
        for decl, body in declarations_of(self.code):
            head = decl[:body] if body else decl
            self.tags.update(tags(head))
            self.names.update(enum_constants(head))
            words = {token.text for token in head[:3]}
            is_public = 'GA_API' in words
            for name, is_function in declarators([t for t in head if t.text != 'GA_API']):
                if is_public:
                    self.exports.append(name.text)
                if words & STATIC or decl[0].text == 'typedef':
                    if not is_function or body or not self.is_header:
                        self.names.add(name.text)
                else:  # a header may say `rung_run gai_place_none;`, a function as well
                    if body or not self.is_header:
                        self.defines.add(name.text)
                    if not is_public:
                        self.starts.setdefault(decl[0], name.text)

    @property
    def title(self):
        return self.path.split('ggml_alloc/', 1)[1] if not self.is_public else self.path


def locate(name):
    """The file that #include "name" means, here."""
    if name.startswith('ggml_alloc/'):
        return 'include/' + name
    return 'ggml_alloc/' + name if '/' in name else 'include/ggml_alloc/' + name


class Tree:
    def __init__(self):
        with open(os.path.join(HERE, 'meson.build'), encoding='utf-8') as file:
            listed = re.search(r'lib_sources = files\((.*?)\n\)', file.read(), re.S)[1]
        self.files = {}
        self.sources = [self.load('ggml_alloc/' + name) for name in re.findall(r"'(.*?)'", listed)]
        self.load('include/ggml_alloc/ggml_alloc.h')
        self.public = sorted({name for file in self.files.values() if file.is_public for name in file.exports})
        self.version = '.'.join(re.findall(r'GA_VERSION_\w+ (\d+)', self.files['include/ggml_alloc/base.h'].text))
        self.find_uses()

    def load(self, path):
        if path not in self.files:
            self.files[path] = None  # an include back to it ends here
            self.files[path] = Source(path)
            for include in self.files[path].includes:
                self.load(include)
        return self.files[path]

    def seen_by(self, file):
        """The file, and all that it includes, in the order in which the compiler meets them."""
        seen = []

        def visit(path):
            for include in self.files[path].includes:
                visit(include)
            if path not in seen:
                seen.append(path)

        visit(file.path)
        return [self.files[path] for path in seen]

    def find_uses(self):
        """Who needs each file: the planner, the run time, io.  Nobody: it serves the command or tests only, and stays out."""
        home = {name: file for file in self.sources for name in file.defines}
        self.uses = {path: set() for path in self.files}

        def visit(file, use):
            for seen in self.seen_by(file):
                if seen.is_public or use in self.uses[seen.path]:
                    continue
                self.uses[seen.path].add(use)
                for word in sorted(seen.words & home.keys() - seen.defines):
                    visit(home[word], use)

        declared = {name: file.path for file in self.files.values() if file.is_public for name in file.exports}
        for file in self.sources:
            for name in sorted(file.defines & declared.keys()):
                visit(file, self.use_of(file, declared[name]))

    @staticmethod
    def use_of(file, header):
        if file.path.startswith('ggml_alloc/' + IO_LAYER):
            return 'io'
        return 'planner' if os.path.basename(header) in PLANNER else 'run'


def joined(prefix, name):
    """prefix_name, with a word that ends the one and begins the other said once."""
    last = prefix.rsplit('_', 1)[-1]
    return prefix + '_' + name if (name + '_').find(last + '_') else prefix + name[len(last):]


class Renamer:
    """New names for what two files define, in the ordinary name space and in that of tags."""

    def __init__(self, tree):
        self.tree = tree
        self.files = [file for file in tree.files.values() if tree.uses[file.path]]
        self.taken = set().union(*(file.words for file in self.files))
        self.stems = [self.stem(file) for file in self.files]
        self.made = {}  # a tag and a function of one name get one new name
        self.new_names = self.choose(lambda file: file.names)
        self.new_tags = self.choose(lambda file: file.tags)

    @staticmethod
    def stem(file):
        return re.sub(r'\W', '_', os.path.splitext(os.path.basename(file.path))[0])

    def choose(self, names_of):
        owners, new = {}, {}
        for file in self.files:
            for name in sorted(names_of(file)):
                owners.setdefault(name, []).append(file)
        for name, files in owners.items():
            headers = [file for file in files if file.is_header]
            for file in files:
                if len(files) > 1 and not (headers == [file]) and not (name in file.macros and not headers):
                    new[file.path, name] = self.fresh(file, name)
        return new

    def fresh(self, file, name):
        if (file.path, name) in self.made:
            return self.made[file.path, name]
        stem = self.stem(file)
        layer = file.title.split('/')[0]
        for prefix in ([stem] if self.stems.count(stem) == 1 else []) + [layer + '_' + stem]:
            made = joined(prefix.upper() if name.isupper() else prefix, name)
            if made not in self.taken:
                self.taken.add(made)
                self.made[file.path, name] = made
                return made
        raise SystemExit(f'amalgamate.py: {file.path}: no new name for {name}')

    def apply(self, file):
        """Renames in place what the file's words mean: its own, or what a header that it sees defines."""
        names, new_tags = {}, {}
        for seen in self.tree.seen_by(file):
            names.update({name: self.new_names.get((seen.path, name), name) for name in seen.names})
            new_tags.update({name: self.new_tags.get((seen.path, name), name) for name in seen.tags})
        names = {old: new for old, new in names.items() if old != new}
        new_tags = {old: new for old, new in new_tags.items() if old != new}
        if names or new_tags:
            Meaning(file.code, names, new_tags).rename()
            for token in file.tokens:
                if token.kind == 'directive':
                    token.text = rename_directive(token.text, names, new_tags)


def hide(tree, file):
    """What reaches beyond its file, but not beyond the library, reaches no farther than this file now."""
    shift = depth = 0
    for token in file.tokens:
        name = file.starts.get(token)
        if name and name not in tree.public:
            shift = 0 if token.text == 'extern' else len('static ')
            token.text = 'static ' + token.text if shift else 'static'
        elif token.kind == 'mark':
            depth += (token.text == '(') - (token.text == ')')
            shift = 0 if token.text in (';', '{') else shift
        elif token.kind == 'space' and '\n' in token.text and depth:
            token.text += ' ' * shift  # what is aligned stays so


def guarded(uses, text):
    """`text`, unless the switches leave out all that needs it."""
    if 'planner' in uses:
        return text
    switch = 'GA_PLANNER_ONLY' if 'run' in uses else 'GA_NO_IO'  # the former defines the latter
    return f'#ifndef {switch}\n{text}#endif\n'


def banner(title):
    return f'\n/* {"-" * 3} {title} {"-" * (122 - len(title))} */\n\n'


def without_frame(file):
    """The file's text: no include guard, no local includes, none of what stands at the top of the whole; and includes that go there."""
    text = ''.join(token.text for token in file.tokens)
    if file.is_header:
        text = re.sub(r'\n#ifndef (\w+_H)\n#define \1\n(.*)\n#endif\n*\Z', r'\n\2\n', text, flags=re.S)
    text = re.sub(r'#ifdef __cplusplus\n(extern "C" \{|\})\n#endif\n', '', text)
    depth, kept, hoisted = 0, [], []
    for line in text.split('\n'):
        depth += line.startswith('#if')
        depth -= line.startswith('#endif')
        if line.startswith('#include <') and not depth:  # those that a condition holds stay where they are
            hoisted.append(line)
        elif not re.match(r'#include "|#define _\w+_SOURCE', line):
            kept.append(line)
    return re.sub(r'\n{3,}', '\n\n', '\n'.join(kept)).strip('\n') + '\n', hoisted


def made_by(tree, name, purpose):
    return f'''/*
 * {name} - {purpose}
 *
 * Version {tree.version}.  Made by amalgamate.py from the tree of ggml_alloc: change it there, not here.
'''


def write_header(tree):
    out = made_by(tree, 'ggml_alloc.h', 'plans the memory of tensor graphs, and allocates by the plan: everything public, in one file')
    out += ''' *
 * Compile ggml_alloc.c as C11 beside your own files, and include this as C99 or C++11 and later.  Switches, the same for both:
 *
 *   GA_PLANNER_ONLY   graphs, plans and the linear allocator, which touch no memory: no backend, arena, cache or order, and GA_NO_IO
 *   GA_NO_IO          no reading and writing of graphs and plans as text, and no <stdio.h>
 *   GA_NO_THREADS     no locks and no <pthread.h>: objects that several threads may use at once are of one thread, too
 *   GA_PREFIX=my_     every public function is my_ga_..., to the linker; sources say ga_... still.  So two copies live in one program
 */
#ifndef GGML_ALLOC_AMALGAMATION_H
#define GGML_ALLOC_AMALGAMATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef GA_PREFIX
#define GA_JOIN_NAMES(prefix, name) prefix##name
#define GA_JOIN(prefix, name) GA_JOIN_NAMES(prefix, name)
'''
    out += ''.join(f'#define {name} GA_JOIN(GA_PREFIX, {name})\n' for name in tree.public)
    out += '''#endif

#if defined(GA_PLANNER_ONLY) && !defined(GA_NO_IO)
#define GA_NO_IO
#endif

#ifdef __cplusplus
extern "C" {
#endif
'''
    headers = tree.seen_by(tree.files['include/ggml_alloc/ggml_alloc.h'])[:-1]
    planner = [file for file in headers if os.path.basename(file.path) in PLANNER]
    for file in planner:
        out += banner(file.path) + without_frame(file)[0]
    out += '\n#ifndef GA_PLANNER_ONLY\n'
    for file in headers:
        if file not in planner:
            out += banner(file.path) + without_frame(file)[0]
    return out + '\n#endif\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n'


def write_source(tree):
    """Every file behind the headers that it is the first to include, so that each part is read behind what it builds on."""
    parts = []
    for source in tree.sources:
        if tree.uses[source.path]:
            parts += [file for file in tree.seen_by(source) if not file.is_public and file not in parts]
    renamer = Renamer(tree)
    for file in parts:
        renamer.apply(file)
        hide(tree, file)

    out = made_by(tree, 'ggml_alloc.c', 'plans the memory of tensor graphs, and allocates by the plan: the whole library, in one file')
    out += ' * ggml_alloc.h says how to use it, and which switches there are.\n */\n'
    features = {re.match(r'#define (\w+)', line)[1]: line for file in parts for line in file.features}
    for feature, line in sorted(features.items()):
        out += f'#ifndef {feature}\n{line}\n#endif\n'
    out += APPLE + '\n#include "ggml_alloc.h"\n\n' + write_includes(tree, parts) + WARNINGS
    for file in parts:
        text = without_frame(file)[0]
        if not file.is_header:
            macros = [renamer.new_names.get((file.path, name), name) for name in dict.fromkeys(file.macros)]
            text += ''.join(f'#undef {name}\n' for name in macros)
        out += banner(file.title) + guarded(tree.uses[file.path], text)
    return out


def write_includes(tree, parts):
    uses = {}
    for file in parts:
        for line in without_frame(file)[1]:
            uses.setdefault(line, set()).update(tree.uses[file.path])
    out = ''
    for condition in sorted({guarded(use, '@') for use in uses.values()}, key=lambda text: (len(text), text)):
        lines = sorted(line for line, use in uses.items() if guarded(use, '@') == condition)
        out += condition.replace('@', '\n'.join(lines) + '\n')
    return out


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        raise SystemExit(__doc__.strip())
    tree = Tree()
    for name, text in (('ggml_alloc.h', write_header(tree)), ('ggml_alloc.c', write_source(tree))):
        with open(os.path.join(sys.argv[1], name), 'w', encoding='utf-8', newline='\n') as file:
            file.write(text)


if __name__ == '__main__':
    main()
