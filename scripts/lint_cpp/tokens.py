"""C++ as a list of tokens: comments and preprocessor directives are gone, strings and raw strings are one token each."""

import re
from typing import NamedTuple


class Token(NamedTuple):
    kind: str  # "name", "number", "string", "char", "mark"
    text: str
    line: int


_PATTERN = re.compile(
    r"""
    (?P<space>\s+|\\\r?\n)
  | (?P<comment>//(?:\\\r?\n|[^\n])*|/\*.*?(?:\*/|\Z))
  | (?P<raw>(?:u8|[uUL])?R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"(?:[A-Za-z_]\w*)?)
  | (?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"(?:[A-Za-z_]\w*)?)
  | (?P<char>(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<number>\.?\d(?:'?[\w.]|(?<=[eEpP])[+-])*)
  | (?P<name>[^\W\d]\w*)
  | (?P<mark>::|->\*?|<=>|<<=|\.\.\.|\.\*|\+\+|--|&&|\|\||[-+*/%^&|!=<>]=|<<|\#\#|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w*)((?:\\\r?\n|/\*.*?\*/|(?!//)[^\n])*)", re.DOTALL)
_INCLUDE = re.compile(r'\s*(?:"([^"]+)"|<([^>]+)>)')
_LINE = re.compile(r'\s*(\d+)(?:\s*"([^"]*)")?')
_SPELLED = {"and": "&&", "or": "||", "not": "!"}
_ALLOWED = re.compile(r"coax-lint:\s*allow\s+([\w-]+)")


class Source:
    """The tokens of one text, what it includes, and which rules a comment switches off on which line."""

    def __init__(self, text):
        self.shown = None  # what #line names as the file
        self.includes = []
        self.allowed = set()  # (rule, line)
        self._branches = [[[]]]  # of each #if that is open, the tokens of its branches so far; in front what is in no #if
        self._read(text)
        while len(self._branches) > 1:
            self._end_if()
        self.tokens = self._branches[0][0]

    def _read(self, text):
        position, line, at_line_start = 0, 1, True
        while position < len(text):
            if at_line_start and (directive := _DIRECTIVE.match(text, position)):
                self._directive(directive[1], directive[2].strip())
                line += directive[0].count("\n")
                if directive[1] == "line" and (says := _LINE.match(directive[2])):
                    line, self.shown = int(says[1]) - 1, says[2] or self.shown
                position = directive.end()
                continue
            match = _PATTERN.match(text, position)
            kind, found = match.lastgroup, match[0]
            if kind == "comment":
                self._comment(found, line, at_line_start)
            elif kind == "space":
                at_line_start = at_line_start or "\n" in found.replace("\\\n", "")
            else:
                at_line_start = False
                if found in _SPELLED:
                    kind, found = "mark", _SPELLED[found]
                self._branches[-1][-1].append(Token("string" if kind == "raw" else kind, found, line))
            line += found.count("\n")
            position = match.end()

    def _comment(self, text, line, alone):
        for allowed in _ALLOWED.finditer(text):
            # A comment on a line of its own is about the next one.
            self.allowed.add((allowed[1], line + text.count("\n") + 1 if alone else line))

    def _directive(self, name, rest):
        if name == "include" and (found := _INCLUDE.match(rest)):
            self.includes.append(found[1] or found[2])
        elif name in ("if", "ifdef", "ifndef"):
            self._branches.append([[]])
            if name == "if" and rest in ("0", "false"):
                self._branches[-1][0].append(_DEAD)
        elif name.startswith("el") and len(self._branches) > 1:
            self._branches[-1].append([])
        elif name == "endif" and len(self._branches) > 1:
            self._end_if()

    def _end_if(self):
        """Goes on with all branches of an #if, one after the other, or with one if they leave brackets open or close others."""
        branches = [each for each in self._branches.pop() if each[:1] != [_DEAD]]
        if not all(_balanced(each) for each in branches):
            branches = branches[:1]
        for each in branches:
            self._branches[-1][-1].extend(each)


_DEAD = Token("mark", "#if 0", 0)


def _balanced(tokens):
    depth = 0
    for token in tokens:
        if token.kind == "mark" and token.text in "([{":
            depth += 1
        elif token.kind == "mark" and token.text in ")]}":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0
