"""What SELECT shows of an item: its paths, each under the last name on its way.

Unlike a ProjectionExpression's, the parts are not wrapped in their paths: `SELECT a.b` gives `b`,
and `SELECT a[1]` gives an attribute called `a[1]`. So no two parts may have one name. A path that
leads nowhere leaves nothing, and an item of which nothing is left is shown as {}.
"""

from __future__ import annotations

from ...errors import ValidationFailed
from ..paths import find
from ..projections import Projection
from ..tree import Item, Path, ProjectionTree
from .reader import FAULTY_STEP
from .translation import Translation, reworded
from .tree import Expression, PathRef


class Selection(Projection):
    """A projection whose parts have names of their own, in the order of its paths."""

    __slots__ = ("names",)

    names: tuple[str, ...]

    def project(self, item: Item) -> Item:
        """What the paths find in an item, by their names."""
        shown: Item = {}
        for name, path in zip(self.names, self.paths, strict=True):
            value = find(item, path)
            if value is not None:
                shown[name] = value
        return shown


def selection_of(parts: tuple[Expression, ...]) -> Selection:
    """The selection of a SELECT that doesn't say *. Raises ValidationFailed."""
    translation = Translation([])
    paths = []
    for part in parts:
        if not isinstance(part, PathRef):
            raise ValidationFailed(f"{FAULTY_STEP} at {part.place}")
        paths.append(translation.path(part))
    scope = translation.scope()
    tree = ProjectionTree(tuple(paths))
    resolved = [tuple(part.steps) for part in parts if isinstance(part, PathRef)]
    names = tuple(_name(path) for path in resolved)
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValidationFailed(f"Duplicate identifiers in select clause: {name}")
        seen.add(name)
    with reworded():
        root = scope.projection(tree)
    selection = Selection(tuple(resolved), root)
    selection.names = names
    return selection


def _name(path: Path) -> str:
    """The last name of a path, with the indexes behind it."""
    last = max(at for at, step in enumerate(path) if isinstance(step, str))
    return str(path[last]) + "".join(f"[{step}]" for step in path[last + 1 :])
