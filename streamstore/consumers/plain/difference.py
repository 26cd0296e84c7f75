"""What changed between two images of an item, by path.

    diff({"a": 1, "b": {"c": "x"}}, {"b": {"c": "y"}, "d": [1]})
    -> added {"d": [1]}, removed {"a": 1}, changed {"b.c": ("x", "y")}

Maps are compared name by name and lists place by place, so what is reported is as small as it can
be; a set, a value of another type and a scalar change as a whole. A path is written as in the
service's expressions: "address.city", "lines[0].sku"; a name that could be misread is quoted as
JSON: '["state.code"].since'.

Must not know: records, and how images are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_PLAIN: Final = re.compile(r"[^.\[\]\"]+")


class Difference(NamedTuple):
    """Values by path; `changed` has pairs of the old and the new one. False if nothing differs."""

    added: dict[str, Any]
    removed: dict[str, Any]
    changed: dict[str, tuple[Any, Any]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def diff(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Difference:
    """What `new` has that `old` has not, and so on. None is an item that is not there.

    Numbers are equal by value, whatever their type; true is not 1.
    """
    difference = Difference({}, {}, {})
    _maps(old or {}, new or {}, "", difference)
    return difference


def _maps(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str, difference: Difference
) -> None:
    for name, value in old.items():
        where = _named(path, name)
        if name in new:
            _values(value, new[name], where, difference)
        else:
            difference.removed[where] = value
    for name, value in new.items():
        if name not in old:
            difference.added[_named(path, name)] = value


def _values(old: Any, new: Any, path: str, difference: Difference) -> None:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        _maps(old, new, path, difference)
    elif isinstance(old, list) and isinstance(new, list):
        for at, (one, other) in enumerate(zip(old, new, strict=False)):
            _values(one, other, f"{path}[{at}]", difference)
        for at in range(len(new), len(old)):
            difference.removed[f"{path}[{at}]"] = old[at]
        for at in range(len(old), len(new)):
            difference.added[f"{path}[{at}]"] = new[at]
    elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
        difference.changed[path] = (old, new)


def _named(path: str, name: str) -> str:
    if not _PLAIN.fullmatch(name):
        return f"{path}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{path}.{name}" if path else name
