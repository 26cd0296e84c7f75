"""Why a record does not match: each condition that fails, with its path, what it wants and what is
there.

Follows the tree with the exact rule of `weighing`, so what it says agrees with the closures. It
also says what people get wrong: items' values lie under their type, items' numbers are strings,
exists looks at values only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from .operators import is_number, shown
from .tree import MISSING, Field, Leaf, Object
from .weighing import elements, spread, weigh

_SHOWN_CHARACTERS_MAX: Final = 120
_TYPES: Final = frozenset(("S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"))


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that fails: the path in the record, and in words what it wants and what is there.

    `path` is "" for the record itself. `alternatives` are what fails in each branch of an $or; it
    is () elsewhere.
    """

    path: str
    wanted: str
    found: str
    alternatives: tuple[tuple[Unmet, ...], ...] = ()

    def lines(self, indent: str = "") -> Iterator[str]:
        """For people, one line or, for an $or, several."""
        yield f"{indent}{self.path or 'the record'}: wanted {self.wanted}, found {self.found}"
        for number, branch in enumerate(self.alternatives, 1):
            for each in branch:
                for line in each.lines():
                    yield f"{indent}  {number}. {line}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a record matches, and every condition that fails if not."""

    matched: bool
    unmet: tuple[Unmet, ...]

    def __bool__(self) -> bool:
        return self.matched

    def __str__(self) -> str:
        if self.matched:
            return "every condition holds"
        return "\n".join(line for each in self.unmet for line in each.lines())


def explain(pattern: Object, record: Any) -> Explanation:
    """Judge a record, and say why not."""
    if any(weigh(pattern, record)):
        return Explanation(True, ())
    return Explanation(False, tuple(_unmet(pattern, record, "")))


def _unmet(below: Leaf | Object, value: Any, path: str) -> Iterator[Unmet]:
    if isinstance(below, Leaf):
        yield Unmet(path, below.wanted, _found(below, value))
    elif isinstance(value, list):
        yield from _unmet_in_array(below, value, path)
    elif isinstance(value, dict):
        yield from _unmet_in_dict(below, spread(value, below.joined), path)
    else:
        yield from _unmet_in_dict(below, {}, path, "" if value is MISSING else _brief(value))


def _unmet_in_dict(
    wanted: Object, value: dict[str, Any], path: str, instead: str = ""
) -> Iterator[Unmet]:
    """What fails in a dict; `instead` is what is there in its place."""
    for each in wanted.fields:
        found = value.get(each.name, MISSING)
        if not any(weigh(each.below, found)):
            for unmet in _unmet(each.below, found, _joined(path, each.name)):
                yield _beside(unmet, each, value, path, instead)
    for group in wanted.groups:
        if not any(any(weigh(branch, value)) for branch in group):
            branches = tuple(tuple(_unmet(branch, value, path)) for branch in group)
            yield Unmet(_joined(path, "$or"), f"one of {len(group)} alternatives", "none", branches)


def _beside(unmet: Unmet, field: Field, value: dict[str, Any], path: str, instead: str) -> Unmet:
    """The same, with where the path ends if it does."""
    if unmet.found != "nothing" or field.name in value or not (value or instead):
        return unmet
    where = path or "the record"
    if instead:
        found = f"nothing ({where} is {instead})"
    elif len(value) == 1 and set(value) <= _TYPES:
        found = f"nothing ({where} has the type {next(iter(value))})"
    else:
        found = f"nothing ({where} has no {field.name})"
    return replace(unmet, found=found)


def _unmet_in_array(wanted: Object, values: list[Any], path: str) -> Iterator[Unmet]:
    """What fails in an array: in its one object, or that no object of several will do."""
    objects = [each for each in elements(values) if isinstance(each, dict)]
    if len(objects) == 1:
        yield from _unmet(wanted, objects[0], path)
    elif not objects:
        yield from _unmet_in_dict(wanted, {}, path, "an array without objects")
    else:
        conditions = "; ".join(_words(wanted, ""))
        yield Unmet(path, f"one element with {conditions}", f"none in {len(objects)} objects")


def _words(wanted: Object, path: str) -> Iterator[str]:
    for each in wanted.fields:
        name = _joined(path, each.name)
        if isinstance(each.below, Leaf):
            yield f"{name}: {each.below.wanted}"
        else:
            yield from _words(each.below, name)
    for group in wanted.groups:
        yield " | ".join(", ".join(_words(branch, path)) for branch in group)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _found(leaf: Leaf, value: Any) -> str:
    if isinstance(value, dict):
        return f"an object{_hint_of_object(leaf, value)}"
    hints = {each.hint for each in leaf.conditions if each.hint.startswith("an item's")}
    if hints and isinstance(value, str):
        return f"{_brief(value)} ({hints.pop()})"
    return _brief(value)


def _hint_of_object(leaf: Leaf, value: dict[str, Any]) -> str:
    if len(value) == 1 and set(value) <= _TYPES:
        kind = next(iter(value))
        return f" (an item's values lie under their type: write {{{shown(kind)}: [...]}})"
    hints = [each.hint for each in leaf.conditions if each.hint.startswith("exists")]
    return f" ({hints[0]})" if hints else ""


def _brief(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        scalars = [each for each in elements(value) if not isinstance(each, dict)]
        if not scalars:
            return "an empty array" if not value else "an array of objects"
        text = "[" + ", ".join(_brief(each) for each in scalars[:8])
        text += ", …]" if len(scalars) > 8 else "]"
    elif isinstance(value, str) or value is None or isinstance(value, bool) or is_number(value):
        text = shown(value)
    else:
        text = type(value).__name__
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else text[: _SHOWN_CHARACTERS_MAX - 1] + "…"
