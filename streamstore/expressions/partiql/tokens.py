"""Text -> tokens of PartiQL, and where each stands.

A text always becomes tokens or is malformed as a whole: what no rule knows is UNKNOWN, which no
grammar takes. A word is a keyword in any case when it is one of the grammar's own or reserved by
SQL-92, as the service's parser has it; in double quotes it never is. Statements are short
(limits.STATEMENT_CHARS_MAX), so all tokens are made at once. Nothing here knows what follows what.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final, NamedTuple

from .reserved import KEYWORDS

_TOKEN: Final = re.compile(
    r"(?P<BLANK>[ \t\r\n\f\v]+|--[^\r\n]*|/\*.*?\*/)"
    r"|(?P<STRING>'(?:[^']|'')*')"
    r'|(?P<QUOTED>"(?:[^"]|"")*")'
    r"|(?P<ION>`[^`]*`)"
    r"|(?P<NUMBER>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_$])"
    r"|(?P<WORD>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<SIGN><<|>>|<>|<=|>=|!=|\|\||[-+*/%=<>()\[\]{},.:?;@])"
    r"|(?P<UNKNOWN>.)",
    re.DOTALL,
)


class Place(NamedTuple):
    """Where something stands in a statement: line and column from 1, and its length."""

    line: int
    column: int
    length: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}:{self.length}"


class Token(NamedTuple):
    """One token. `kind`: STRING, NAME, QUOTED, NUMBER, ION, UNKNOWN or EOF; a sign, or a keyword in
    upper case, is its own kind. `text`: a string's or name's content, else as written. `start` and
    `end` are offsets in the text.
    """

    kind: str
    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text; the last one is EOF."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group == "BLANK":
            continue
        written = match.group()
        kind, content = group or "UNKNOWN", written
        if kind == "STRING":
            content = written[1:-1].replace("''", "'")
        elif kind == "QUOTED":
            content = written[1:-1].replace('""', '"')
        elif kind == "WORD":
            upper = written.upper()
            kind = upper if upper in KEYWORDS else "NAME"
        elif kind == "SIGN":
            kind = written
        found.append(Token(kind, content, match.start(), match.end()))
    found.append(Token("EOF", "", len(text), len(text)))
    return found


def line_ends(text: str) -> list[int]:
    """The offsets of a text's line ends, for `place_of`."""
    return [at for at, character in enumerate(text) if character == "\n"]


def place_of(ends: list[int], token: Token) -> Place:
    """Where a token stands in a text with these line ends."""
    start = token.start
    line = bisect_left(ends, start)
    column = start - ends[line - 1] if line else start + 1
    return Place(line + 1, column, token.end - start)
