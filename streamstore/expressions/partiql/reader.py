"""A place in the tokens of a statement, and the paths and faults that are read off there.

What both the grammar of expressions and that of statements need: stepping over tokens, wording a
fault with its place, and document paths.
"""

from __future__ import annotations

from typing import Final

from ...errors import ValidationFailed
from ...limits import LIST_INDEX_MAX
from ..tree import Step
from .tokens import Place, Token, line_ends, place_of, tokens_of
from .tree import PathRef

FAULTY_STEP: Final = "Unexpected path component"
_MALFORMED: Final = "Statement wasn't well formed, can't be processed: "
_BRACKETS: Final = {
    ")": "RIGHT_PAREN",
    "]": "RIGHT_BRACKET",
    "}": "RIGHT_CURLY",
    ">>": "RIGHT_DOUBLE_ANGLE_BRACKET",
}
_SPREAD: Final = "Changing item's hierarchy while reading isn't supported"


class Reader:
    """One text. `at` is the token that is looked at; `parameters` counts the `?` so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self._line_ends = line_ends(text)
        self.at = 0
        self.parameters = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.at].kind

    @property
    def place(self) -> Place:
        return self.place_at(self.at)

    def place_at(self, at: int) -> Place:
        """Where a token stands in the text."""
        return place_of(self._line_ends, self.tokens[at])

    def next(self) -> Token:
        """The token that is looked at, stepped over."""
        token = self.tokens[self.at]
        self.at += 1
        return token

    def took(self, *kinds: str) -> bool:
        """Steps over tokens of these kinds if all of them come now."""
        for offset, kind in enumerate(kinds):
            if self.tokens[min(self.at + offset, len(self.tokens) - 1)].kind != kind:
                return False
        self.at += len(kinds)
        return True

    def take(self, kind: str) -> Token:
        """A token that has to be there."""
        if self.kind != kind:
            raise self.expected(kind)
        return self.next()

    def malformed(self, reason: str = "") -> ValidationFailed:
        """The refusal of a text that fits no rule. `reason` as the service's parser words it; where
        that is not known, the whole text stands in its place, as DynamoDB Local has it.
        """
        return ValidationFailed(f"{_MALFORMED}{reason or self.text}")

    def expected(self, kind: str) -> ValidationFailed:
        """The refusal of whatever stands where a token of this kind has to."""
        name = _BRACKETS.get(kind)
        return self.malformed(f"Expected {name}" if name else "")

    def refusal(self, message: str, place: Place | None = None) -> ValidationFailed:
        """A fault with what is said, at the token that is looked at or another place."""
        return ValidationFailed(f"{message} at {place or self.place}")

    def name(self, reason: str = "") -> str:
        """A name that has to be there; `reason` is told if there is none."""
        if self.kind not in ("NAME", "QUOTED"):
            raise self.malformed(reason)
        name = self.next().text
        if not name:
            raise ValidationFailed("Path component cannot be an empty string")
        return name

    def path(self, reason: str = "") -> PathRef:
        """A path that has to be there; `reason` is told if there is none."""
        self.took("@")
        place = self.place
        steps: list[Step] = [self.name(reason)]
        fault, fault_place = "", place
        while True:
            if self.took("."):
                if self.kind == "*":
                    raise ValidationFailed(_SPREAD)
                steps.append(self.name())
            elif self.took("["):
                step, wrong, at = self._bracketed()
                if wrong and not fault:
                    fault, fault_place = wrong, at
                steps.append(step)
            else:
                return PathRef(tuple(steps), fault_place, fault)

    def _bracketed(self) -> tuple[Step, str, Place]:
        """A step between square brackets, with what is wrong with it and where that is."""
        negative = self.took("-")
        place = self.place
        token = self.next()
        text, step, fault = token.text, token.text, ""
        if negative and token.kind == "NUMBER":
            fault = f"List index is not within the allowable range; index: [-{text}]"
        elif token.kind == "NUMBER" and text.isdigit():
            if len(text) > 12 or int(text) > LIST_INDEX_MAX:
                fault = f"List index is not within the allowable range; index: [{text}]"
            else:
                self.take("]")
                return int(text), "", place
        elif token.kind not in ("STRING", "NAME", "QUOTED") or negative:
            if token.kind not in ("NUMBER", "?"):
                raise self.malformed()
            fault = FAULTY_STEP
        self.take("]")
        return step, fault, place
