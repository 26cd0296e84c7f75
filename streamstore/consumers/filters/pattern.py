"""A compiled pattern, and several of them ORed, as a mapping has them.

Compiling costs some hundred microseconds and is done when a mapping starts; matching costs a few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from ...errors import PatternInvalid
from .explaining import Explanation, explain
from .matching import either, judge_of
from .reading import read
from .tree import Object


class Pattern:
    """A pattern ready to judge records. `text` is the pattern as it was given."""

    __slots__ = ("_tree", "matches", "text")

    matches: Callable[[Any], bool]
    """matches(record) says whether a record in Lambda's form matches. Never raises."""

    def __init__(self, text: str, tree: Object) -> None:
        self.text = text
        self._tree = tree
        self.matches = judge_of(tree)

    def explain(self, record: Any) -> Explanation:
        """What `matches` says, with each condition that fails."""
        return explain(self._tree, record)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


def compile_pattern(pattern: str | dict[str, Any]) -> Pattern:
    """A pattern from its JSON, or from an object that will be written as JSON.

    Raises PatternInvalid, whose reason is the one EventBridge gives.
    """
    if not isinstance(pattern, str):
        try:
            pattern = orjson.dumps(pattern).decode()
        except TypeError as error:
            raise PatternInvalid(f"Pattern is not JSON: {error}") from error
    return Pattern(pattern, read(pattern))


def compile_filters(patterns: Sequence[str]) -> Callable[[dict[str, Any]], bool] | None:
    """What passes a record that one of the patterns matches; None where there are none, which lets
    every record pass. Raises PatternInvalid.
    """
    return either(tuple(compile_pattern(each).matches for each in patterns)) if patterns else None
