"""Text -> tokens (spec E.1), and what a syntax error shows of the text around one.

A text always becomes tokens: what no rule knows is a token of one character, UNKNOWN, which no
grammar takes. Words of the grammar are tokens of their own in any case and every kind of
expression; function names and reserved words are identifiers like any other here.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"[ \t\r\n]+"
    r"|(?P<IDENT>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<NAME>#[A-Za-z0-9_]+)"
    r"|(?P<VALUE>:[A-Za-z0-9_]+)"
    r"|(?P<INDEX>0|[1-9][0-9]*)"
    r"|(?P<SIGN><>|<=|>=|[<>=()\[\].,+-])"
    r"|(?P<UNKNOWN>.)",
    re.DOTALL,
)
_KEYWORDS: Final = frozenset(
    ("AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE")
)


class Tokens:
    """The tokens of a text; the last one is EOF.

    `kinds`: IDENT, NAME (#n), VALUE (:v), INDEX, UNKNOWN or EOF; a sign or a word of the grammar,
    in upper case, is its own kind. `words`: the tokens as written.
    """

    __slots__ = ("_spans", "_text", "kinds", "words")

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: list[tuple[int, int]] = []
        self.kinds: list[str] = []
        self.words: list[str] = []
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind is None:
                continue  # blanks
            word = match.group()
            if kind == "SIGN":
                kind = word
            elif kind == "IDENT" and word.upper() in _KEYWORDS:
                kind = word.upper()
            self._add(kind, word, match.start(), match.end())
            if kind == "UNKNOWN" and word > "\uffff":
                # The service's lexer sees two halves of such a character; the second one ends
                # what is shown as being near.
                self._add(kind, "", match.end(), match.end())
        self._add("EOF", "<EOF>", len(text), len(text))

    def _add(self, kind: str, word: str, start: int, end: int) -> None:
        self.kinds.append(kind)
        self.words.append(word)
        self._spans.append((start, end))

    def near(self, at: int) -> str:
        """The text from the token before to the end of the token behind."""
        start = self._spans[at - 1][0] if at else 0
        return self._text[start : self._spans[min(at + 1, len(self._spans) - 1)][1]]
