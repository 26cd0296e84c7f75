r"""Wildcards: `*` is any run of characters, the empty one included; `\*` and `\\` are themselves.

A wildcard is matched by finding its pieces one after the other, leftmost first, which needs no
second try. Those that EventBridge's machine would find too complex are refused all the same, since
it would: the measure is the number of places in the wildcard that one string can be at, at once,
counted from above; the bound is ours, the service publishes none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ... import limits
from ...errors import PatternInvalid

_TOO_COMPLEX: Final = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
    "sequences after a wildcard character"
)


def wildcard(text: str) -> Callable[[str], bool]:
    """What a wildcard accepts. Raises PatternInvalid."""
    first, *rest = _pieces(text)
    if not rest:
        return lambda value: value == first
    if 1 + sum(1 + _overlaps(piece) for piece in rest) > limits.WILDCARD_STATES_MAX:
        raise PatternInvalid(_TOO_COMPLEX)
    *middle, last = rest
    shortest = len(first) + len(last)

    def judge(value: str) -> bool:
        end = len(value) - len(last)
        if len(value) < shortest or not value.startswith(first) or not value.endswith(last):
            return False
        at = len(first)
        for piece in middle:
            at = value.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return judge


def _pieces(text: str) -> list[str]:
    """The literal text between the wildcard characters."""
    pieces = [""]
    at = 0
    while at < len(text):
        letter, following = text[at], text[at + 1 : at + 2]
        if letter == "*":
            if following == "*":
                raise PatternInvalid(f"Consecutive wildcard characters at pos {_place(text, at)}")
            pieces.append("")
        elif letter == "\\":
            if following not in ("*", "\\"):
                raise PatternInvalid(f"Invalid escape character at pos {_place(text, at)}")
            pieces[-1] += following
            at += 1
        else:
            pieces[-1] += letter
        at += 1
    return pieces


def _place(text: str, at: int) -> int:
    """A place as the service counts it: in bytes, from the opening quote."""
    return len(text[:at].encode("utf-8", "surrogatepass")) + 1


def _overlaps(piece: str) -> int:
    """How many beginnings of `piece` can end at one place of a string, at most."""
    longest_border = [0] * (len(piece) + 1)
    depth = [0] * (len(piece) + 1)
    border = 0
    for at in range(1, len(piece) + 1):
        if at > 1:
            while border and piece[border] != piece[at - 1]:
                border = longest_border[border]
            if piece[border] == piece[at - 1]:
                border += 1
            longest_border[at] = border
        depth[at] = depth[longest_border[at]] + 1
    return max(depth)
