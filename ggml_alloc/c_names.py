"""c_names.py - C as tokens: what a file declares, and what each name in it means

For amalgamate.py, and for code that keeps to the house style: no attribute in front of a declaration, no function that an #if splits.
"""
import re

TOKEN = re.compile(r'''
    (?P<space>\s+ | /\*.*?\*/ | //[^\n]*)
  | (?P<directive>(?<![^\n])\#(?:\\\n|/\*.*?\*/|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
  | (?P<name>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<mark>->|\+\+|--|<<=|>>=|\.\.\.|[-+*/%&|^=!<>]=|&&|\|\||<<|>>|\#\#|.)
''', re.S | re.X)

TYPE_WORDS = set('''const volatile static extern inline register signed unsigned void char short int long float double bool _Bool _Alignas
    struct union enum size_t va_list'''.split())
TAG_WORDS = {'struct', 'union', 'enum'}
KEYWORDS = TYPE_WORDS | set('return if else for while do switch case default break continue goto sizeof typedef'.split())


class Token:
    __slots__ = ('kind', 'text')

    def __init__(self, kind, text):
        self.kind, self.text = kind, text


def tokens_of(text):
    """All of the text, token by token; a directive is one."""
    return [Token(match.lastgroup, match.group()) for match in TOKEN.finditer(text)]


def code_of(tokens):
    """What the compiler sees of them between the directives."""
    return [token for token in tokens if token.kind not in ('space', 'directive')]


def closing(code, at):
    """Where the bracket that opens at `at` closes."""
    depth = 0
    for end in range(at, len(code)):
        depth += code[end].text in ('(', '[', '{')
        depth -= code[end].text in (')', ']', '}')
        if depth == 0:
            return end
    raise SystemExit('amalgamate.py: a bracket is never closed')


def declarations_of(code):
    """Splits a file into its outermost declarations; (tokens, where its body begins or None)."""
    start = at = 0
    while at < len(code):
        text = code[at].text
        if text == '{' and code[at - 1].kind == 'string' or text == '}':  # extern "C" { ... }
            start = at + 1
        elif text == '{':
            end = closing(code, at)
            if code[at - 1].text == ')':
                yield code[start:end + 1], at - start
                start = end + 1
            at = end
        elif text in ('(', '['):
            at = closing(code, at)
        elif text == ';':
            yield code[start:at + 1], None
            start = at + 1
        at += 1


def declarators(code):
    """The names that a declaration without its body declares; each with whether it is a function."""
    at, found = 0, None
    while at < len(code):
        text = code[at].text
        if text in TAG_WORDS:
            at += 2 if code[at + 1].kind == 'name' else 1
            if code[at].text == '{':
                at = closing(code, at) + 1
            continue
        if text == '(' and found is None and code[at + 1].text == '*':
            yield code[at + 2], False
            return
        if text == '(' and found is not None:
            yield found, True
            return
        if text == '[' and found is not None:
            at = closing(code, at)
        elif text in ('=', ',', ';'):
            if found is not None:
                yield found, False
            found = None
            if text == '=':
                while code[at].text not in (',', ';'):
                    at = closing(code, at) + 1 if code[at].text in ('(', '[', '{') else at + 1
        elif code[at].kind == 'name' and text not in KEYWORDS:
            found = code[at]
        at += 1


def enum_constants(code):
    for at in range(len(code)):
        if code[at].text == 'enum' and '{' in (code[at + 1].text, code[at + 2].text):
            at = at + 1 if code[at + 1].text == '{' else at + 2
            end = closing(code, at)
            while at < end:
                if code[at].text in ('{', ',') and code[at + 1].kind == 'name':
                    yield code[at + 1].text
                at = closing(code, at) if code[at].text in ('(', '[') else at + 1


def tags(code):
    for at in range(len(code) - 2):
        if code[at].text in TAG_WORDS and code[at + 1].kind == 'name' and code[at + 2].text == '{':
            yield code[at + 1].text


def rename_directive(text, names, new_tags):
    """A macro's name and its body."""
    head = re.match(r'#define (\w+)(\([^)]*\))?', text)
    if not head:
        return re.sub(r'\b\w+\b', lambda word: names.get(word[0], word[0]), text) if '#if' in text else text
    params = re.findall(r'\w+', head[2] or '')
    body = tokens_of(text[head.end():])
    Meaning(code_of(body), {old: new for old, new in names.items() if old not in params}, new_tags).rename()
    start = text[:head.start(1)] + names.get(head[1], head[1]) + (head[2] or '')
    return start + ''.join(token.text for token in body)


class Meaning:
    """Walks code with its scopes, and renames what refers to the file's own names."""

    def __init__(self, code, names, new_tags):
        self.code, self.names, self.new_tags = code, names, new_tags
        self.scopes = [set()]    # names declared in blocks, which hide the file's
        self.braces = []         # what each open brace is: 'struct', 'enum', 'block' or 'value'
        self.pending = set()     # parameters of the function whose body may follow

    def text(self, at):
        return self.code[at].text if 0 <= at < len(self.code) else ''

    def rename(self):
        old = [token.text for token in self.code]  # contexts are read in the names as they were written
        new = list(old)
        for at, token in enumerate(self.code):
            if token.text == '{':
                self.open(at)
            elif token.text == '}':
                if self.braces and self.braces.pop() == 'block':
                    self.scopes.pop()
            elif token.kind == 'name':
                self.declare(at)
                new[at] = self.meant(at)
        for token, text in zip(self.code, new):
            token.text = text

    def open(self, at):
        before = self.text(at - 1)
        tagged = self.text(at - 2) if self.code[at - 1].kind == 'name' else before
        if tagged in TAG_WORDS:
            self.braces.append('enum' if tagged == 'enum' else 'struct')
        elif before == '=' or before in (',', '{', '(', ']') and self.braces[-1:] != ['block'] or self.is_literal(at):
            self.braces.append('value')
        elif self.braces and self.braces[-1] == 'value':
            self.braces.append('value')
        else:
            self.braces.append('block')
            self.scopes.append(self.parameters(at) if len(self.braces) == 1 else set())

    def is_literal(self, at):
        """(struct span){ ... } and (uint64_t[]){ ... }, as against if (x) { ... }."""
        if self.text(at - 1) != ')':
            return False
        start = self.opening(at - 1)
        before = self.code[start - 1] if start else None
        return before is not None and before.text not in ('if', 'for', 'while', 'switch') and before.kind != 'name'

    def opening(self, at):
        depth = 0
        while at >= 0:
            depth += self.text(at) in (')', ']', '}')
            depth -= self.text(at) in ('(', '[', '{')
            if depth == 0:
                return at
            at -= 1
        return 0

    def parameters(self, at):
        """Of the function whose body begins here: the last word of each, in front of an array's brackets."""
        if self.text(at - 1) != ')':
            return set()
        return set(self.last_words(self.opening(at - 1) + 1, at - 1))

    def last_words(self, at, end):
        found = None
        while at <= end:
            text = self.text(at)
            if text == '(' and self.text(at + 1) == '*':
                yield self.text(at + 2)
                at = closing(self.code, closing(self.code, at) + 1)
                found = None
            elif text == '[':
                at = closing(self.code, at)
            elif text in (',', ')'):
                if found:
                    yield found
                found = None
            elif self.code[at].kind == 'name':
                found = text
            at += 1

    def declare(self, at):
        """At the first word of a statement that declares: its names hide the file's from here to the end of the block."""
        if self.braces[-1:] != ['block'] or not self.starts_statement(at) or not self.is_declaration(at):
            return
        end = at
        while self.text(end) != ';':
            end = closing(self.code, end) + 1 if self.text(end) in ('(', '[', '{') else end + 1
        for name, _ in declarators(self.code[at:end + 1]):
            self.scopes[-1].add(name.text)

    def starts_statement(self, at):
        return self.text(at - 1) in (';', '{', '}') or (self.text(at - 1) == '(' and self.text(at - 2) == 'for')

    def is_declaration(self, at):
        if self.text(at) in TYPE_WORDS or self.text(at).endswith('_t'):
            return True
        if self.text(at) in KEYWORDS:
            return False
        end = at + 1
        while self.text(end) in ('*', 'const'):
            end += 1
        return end < len(self.code) and self.code[end].kind == 'name' and self.text(end + 1) in ('=', ';', ',', '[')

    def meant(self, at):
        text, before, after = self.text(at), self.text(at - 1), self.text(at + 1)
        if before in TAG_WORDS:
            return self.new_tags.get(text, text)
        if text not in self.names or before in ('.', '->', 'goto'):
            return text
        is_label = after == ':' and before in (';', '{', '}', ':') and self.braces[-1:] == ['block']
        is_member = self.braces[-1:] == ['struct'] and after in (';', ',', '[', ':', ')') and before not in ('[', '(', ':')
        is_hidden = any(text in scope for scope in self.scopes)
        return text if is_label or is_member or is_hidden or self.is_parameter(at) else self.names[text]

    def is_parameter(self, at):
        """In a prototype or the head of a function, where no scope is open yet: the second of two words."""
        before = self.code[at - 1] if at else None
        in_file = not self.braces and before is not None
        return in_file and self.text(at + 1) in (',', ')', '[') and (before.kind == 'name' or before.text == '*') and self.in_parentheses(at)

    def in_parentheses(self, at):
        depth = 0
        while at >= 0 and self.text(at) not in (';', '{', '}'):
            depth += (self.text(at) == '(') - (self.text(at) == ')')
            at -= 1
        return depth > 0
