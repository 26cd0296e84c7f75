"""Comparing strings without regard to case, letter by letter as EventBridge does it.

A letter of the pattern stands for its lower and its upper form and for nothing else: ß for ß and
SS, not for ss; k for k and K, not for the Kelvin sign. Everything here is linear in the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Judge = Callable[[str], bool]


def equal(text: str) -> Judge:
    """Whether a value is `text` in any case."""
    matched = re.compile(_folded(text)).fullmatch
    return lambda value: matched(value) is not None


def starting(text: str) -> Judge:
    """Whether a value starts with `text` in any case."""
    matched = re.compile(_folded(text)).match
    return lambda value: matched(value) is not None


def ending(text: str) -> Judge:
    """Whether a value ends with `text` in any case."""
    # Read backwards, so that one place in the value is tried and not each.
    matched = re.compile(_folded(text, step=-1)).match
    longest = sum(max(map(len, _ways(letter))) for letter in text)
    return lambda value: matched(value[: -longest - 1 : -1]) is not None


def _folded(text: str, step: int = 1) -> str:
    """A regular expression of every way to write `text`; backwards if `step` is -1."""
    pieces = []
    for letter in text[::step]:
        ways = [re.escape(way[::step]) for way in _ways(letter)]
        pieces.append(ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})")
    return "".join(pieces)


def _ways(letter: str) -> list[str]:
    return sorted({letter, letter.lower(), letter.upper()})
