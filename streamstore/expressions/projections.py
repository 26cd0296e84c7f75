"""Projections: the parts of an item that a text names, each wrapped in its path (spec E.5).

Key attributes are not added, list elements are packed, and a path that leads nowhere leaves
nothing. Parts are shared with the item, so neither may be changed afterwards.
"""

from __future__ import annotations

from .paths import Branch, pick
from .tree import Item, Path, Value


class Projection:
    """A projection. `paths` in the order of the text; `top_names` the attributes they begin
    with."""

    __slots__ = ("_root", "_whole_names", "paths", "top_names")

    def __init__(self, paths: tuple[Path, ...], root: Branch) -> None:
        self.paths = paths
        self.top_names = frozenset(str(path[0]) for path in paths)
        self._root = root
        self._whole_names: tuple[str, ...] | None = None
        if all(len(path) == 1 for path in paths):
            self._whole_names = tuple(str(path[0]) for path in paths)

    def project(self, item: Item) -> Item:
        """What the paths find in an item; {} when that is nothing."""
        names = self._whole_names
        if names is None:
            return pick(item, self._root, _whole)
        return {name: item[name] for name in names if name in item}


def _whole(value: Value | None, position: int) -> Value | None:
    return value
