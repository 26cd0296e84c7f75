"""Document paths: following one through an item, and many of them as one tree of steps.

A path that leads nowhere (a missing parent, an index on a map, a name on a list, an index past the
end) simply finds nothing; whether that is an error is for others to say. `Branch` serves three
ends: it finds paths that overlap or conflict, it picks parts out of an item (projections,
UPDATED_OLD and UPDATED_NEW), and updates rebuild documents along it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from .tree import Item, Path, Step, Value


def show(path: Path) -> str:
    """A path as the service's error texts print it: [m, x, [0]]."""
    steps = (step if isinstance(step, str) else f"[{step}]" for step in path)
    return "[" + ", ".join(steps) + "]"


def find(item: Item, path: Path) -> Value | None:
    """The value at a path, or None."""
    value = item.get(path[0])  # type: ignore[arg-type]  # the first step is a name
    for step in path[1:]:
        if value is None:
            return None
        value = below(value, step)
    return value


def below(value: Value, step: Step) -> Value | None:
    """The element of a map or list, or None."""
    if type(step) is str:
        members = value.get("M")
        return None if members is None else members.get(step)
    elements = value.get("L")
    if elements is None or step >= len(elements):  # type: ignore[operator]  # an index
        return None
    return elements[step]  # type: ignore[no-any-return]


class Branch:
    """A step on the way of one or more paths.

    `leaf` is the position of the path that ends here, or None; `steps` leads on. Steps are all
    indexes (`of_list`) or all names. After `order` indexes ascend, and names stand in the order of
    their paths.
    """

    __slots__ = ("leaf", "of_list", "steps")

    def __init__(self) -> None:
        self.leaf: int | None = None
        self.of_list = False
        self.steps: dict[Step, Branch] = {}

    def plant(self, path: Path, leaf: int) -> tuple[Literal["overlap", "conflict"], int] | None:
        """Adds a path, or tells how it disagrees with one that is here: one begins with the other
        (overlap), or one has a name where the other has an index (conflict)."""
        branch = self
        for step in path:
            if branch.leaf is not None:
                return "overlap", branch.leaf
            indexed = type(step) is int
            if not branch.steps:
                branch.of_list = indexed
            elif branch.of_list is not indexed:
                return "conflict", branch.first_leaf()
            branch = branch.steps.setdefault(step, Branch())
        if branch.leaf is not None or branch.steps:
            return "overlap", branch.first_leaf()
        branch.leaf = leaf
        return None

    def first_leaf(self) -> int:
        """The position of a path through here, the one that was planted first."""
        branch = self
        while branch.leaf is None:
            branch = next(iter(branch.steps.values()))
        return branch.leaf

    def order(self) -> Branch:
        """Sorts the steps of every branch, once all paths are planted."""
        waiting = [self]
        while waiting:
            branch = waiting.pop()
            if branch.of_list:
                branch.steps = dict(sorted(branch.steps.items()))
            else:
                ordered = sorted(branch.steps.items(), key=lambda entry: entry[1].lowest_leaf())
                branch.steps = dict(ordered)
            waiting.extend(branch.steps.values())
        return self

    def lowest_leaf(self) -> int:
        """The lowest position of a path through here."""
        lowest: list[int] = []
        waiting = [self]
        while waiting:
            branch = waiting.pop()
            if branch.leaf is not None:
                lowest.append(branch.leaf)
            waiting.extend(branch.steps.values())
        return min(lowest)


Leaf = Callable[[Value | None, int], Value | None]
"""What to keep at the end of a path: the value that is there (or None) and the path's position."""


def pick(item: Item, root: Branch, leaf: Leaf) -> Item:
    """The parts of an item at the paths of `root`, each wrapped in its path; list elements are
    packed in ascending order. What `leaf` makes None is left out, and so is what then is empty."""
    picked: Item = {}
    for name, branch in root.steps.items():
        part = _pick(item.get(name), branch, leaf)  # type: ignore[arg-type]  # a name
        if part is not None:
            picked[name] = part  # type: ignore[index]
    return picked


def _pick(value: Value | None, branch: Branch, leaf: Leaf) -> Value | None:
    # Deep as a path is long, which is 32 at most.
    if branch.leaf is not None:
        return leaf(value, branch.leaf)
    parts: list[tuple[Step, Value]] = []
    for step, further in branch.steps.items():
        inner = None if value is None else below(value, step)
        part = _pick(inner, further, leaf)
        if part is not None:
            parts.append((step, part))
    if not parts:
        return None
    return {"L": [part for _, part in parts]} if branch.of_list else {"M": dict(parts)}
