"""Following paths, and trees of paths."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.expressions.paths import Branch, find, pick, show
from streamstore.expressions.tree import Path

ITEM = {
    "m": {"M": {"x": {"N": "1"}, "l": {"L": [{"S": "a"}, {"M": {"y": {"NULL": True}}}]}}},
    "s": {"S": "text"},
    "ss": {"SS": ["a"]},
}

paths = st.tuples(
    st.sampled_from("ab"),
    st.lists(st.one_of(st.sampled_from("ab"), st.integers(0, 2)), max_size=3),
).map(lambda drawn: (drawn[0], *drawn[1]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("s",), {"S": "text"}),
        (("m", "x"), {"N": "1"}),
        (("m", "l", 1, "y"), {"NULL": True}),
        (("zz",), None),
        (("m", "zz"), None),
        (("zz", "x"), None),
        (("m", "l", 2), None),
        (("m", "l", 9, "y"), None),
        (("m", 0), None),
        (("m", "l", "x"), None),
        (("s", 0), None),
        (("s", "S"), None),
        (("ss", 0), None),
    ],
)
def test_a_path_finds_what_is_there_and_nothing_else(path: Path, value: Any) -> None:
    assert find(ITEM, path) == value


def test_a_path_is_shown_as_the_service_does() -> None:
    assert show(("m", "x", 0, "a.b")) == "[m, x, [0], a.b]"


def disagreement(one: Path, other: Path) -> str | None:
    """By the definition: one begins with the other, or they part with a name against an index."""
    for left, right in zip(one, other, strict=False):
        if left != right:
            return "conflict" if type(left) is not type(right) else None
    return "overlap"


@given(st.lists(paths, max_size=6))
def test_paths_are_planted_until_one_disagrees_with_another(drawn: list[Path]) -> None:
    root = Branch()
    planted: list[Path] = []
    for path in drawn:
        against = {disagreement(path, other) for other in planted} - {None}
        clash = root.plant(path, len(planted))
        if clash is None:
            assert not against
            planted.append(path)
            continue
        how, where = clash
        assert disagreement(path, planted[where]) == how
        break
    else:
        assert not any(disagreement(*pair) for pair in combinations(planted, 2))


values = st.recursive(
    st.sampled_from([{"S": "x"}, {"N": "1"}]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda drawn: {"L": drawn}),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(lambda drawn: {"M": drawn}),
    ),
    max_leaves=8,
)


def naive(item: dict[str, Any], asked: list[Path]) -> dict[str, Any]:
    """What is picked, by copying every found value into holes that are closed at the end."""
    picked: dict[Any, Any] = {}
    for path in asked:
        value = find(item, path)
        if value is not None:
            place = picked
            for step in path[:-1]:
                place = place.setdefault(step, {})
            place[path[-1]] = ("leaf", value)

    def closed(part: Any) -> Any:
        if isinstance(part, tuple):
            return part[1]
        if all(isinstance(step, int) for step in part):
            return {"L": [closed(part[step]) for step in sorted(part)]}
        return {"M": {name: closed(inner) for name, inner in part.items()}}

    return {name: closed(part) for name, part in picked.items()}


@given(st.dictionaries(st.sampled_from("ab"), values), st.lists(paths, max_size=5))
def test_picked_parts_are_wrapped_in_their_paths_and_lists_are_packed(
    item: dict[str, Any], drawn: list[Path]
) -> None:
    root = Branch()
    asked = [path for position, path in enumerate(drawn) if root.plant(path, position) is None]
    assert pick(item, root.order(), lambda value, position: value) == naive(item, asked)
