"""What a pattern says, as a tree of values without behaviour of its own but what each value knows.

    Object      every one of its fields and of its groups of alternatives must hold
    Field       a name, and what must hold below it
    Leaf        an array of conditions, one of which must hold
    Condition   one entry of that array: what it accepts, and in words what it wants

Names hold no dots: reading has split them. What is derived from the shape alone (what a missing
value means, which joined names a record could spell) is computed once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final


class Missing:
    """The type of MISSING: no value at all, which JSON's null is not."""

    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a leaf's array.

    Exactly one of these: `exact` is a literal (then `literal` is true), `absent` is
    {"exists": false}, else `accepts` judges a scalar: str, int, float, bool or None. `wanted` is
    for people; `hint` what people get wrong about it.
    """

    wanted: str
    accepts: Callable[[Any], bool] | None = None
    literal: bool = False
    exact: Any = None
    absent: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An array of conditions, ORed."""

    conditions: tuple[Condition, ...]
    absent: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "absent", any(each.absent for each in self.conditions))

    @property
    def wanted(self) -> str:
        """All of it for people."""
        return " or ".join(each.wanted for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Field:
    """A name without dots, and what must hold for its value."""

    name: str
    below: Leaf | Object


@dataclass(frozen=True, slots=True)
class Object:
    """Fields and groups of alternatives, ANDed; the alternatives of a group are ORed.

    `absent`: a missing value satisfies it. `asks_absence`: {"exists": false} is somewhere in it.
    `joined` are the dotted names by which a record could spell a path of it: for a.b.c "a.b" and
    "a.b.c".
    """

    fields: tuple[Field, ...]
    groups: tuple[tuple[Object, ...], ...]
    absent: bool = field(init=False)
    asks_absence: bool = field(init=False)
    joined: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        belows = [each.below for each in self.fields]
        branches = [branch for group in self.groups for branch in group]
        object.__setattr__(
            self,
            "absent",
            all(below.absent for below in belows)
            and all(any(branch.absent for branch in group) for group in self.groups),
        )
        object.__setattr__(
            self,
            "asks_absence",
            any(
                below.asks_absence if isinstance(below, Object) else below.absent
                for below in (*belows, *branches)
            ),
        )
        object.__setattr__(self, "joined", frozenset(self._joined()))

    def _joined(self) -> Iterator[str]:
        for each in self.fields:
            if isinstance(each.below, Object):
                for name in each.below.names():
                    yield f"{each.name}.{name}"
        for group in self.groups:
            for branch in group:
                yield from branch.joined

    def names(self) -> Iterator[str]:
        """The names of its fields, and its joined names."""
        for each in self.fields:
            yield each.name
        for group in self.groups:
            for branch in group:
                yield from branch.names()
        yield from self.joined
