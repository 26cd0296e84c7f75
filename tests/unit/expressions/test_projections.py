"""Projections of an item."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.expressions import bind

ITEM = {
    "pk": {"S": "p"},
    "a": {"N": "1"},
    "b.c": {"S": "dotted"},
    "l": {"L": [{"S": "0"}, {"M": {"x": {"S": "x"}, "y": {"S": "y"}}}, {"S": "2"}]},
    "m": {"M": {"l": {"L": [{"L": [{"N": "7"}, {"N": "8"}]}]}, "e": {"M": {}}}},
}


@pytest.mark.parametrize(
    ("text", "names", "kept"),
    [
        ("a", None, {"a": {"N": "1"}}),
        ("zz", None, {}),
        ("zz.a, l[9], m.zz.b, a.b, pk[0]", None, {}),
        ("#d, a", {"#d": "b.c"}, {"b.c": {"S": "dotted"}, "a": {"N": "1"}}),
        ("l[2], l[0]", None, {"l": {"L": [{"S": "0"}, {"S": "2"}]}}),
        ("l[1].y, l[1].x", None, {"l": {"L": [{"M": {"x": {"S": "x"}, "y": {"S": "y"}}}]}}),
        ("m.l[0][1], m.zz", None, {"m": {"M": {"l": {"L": [{"L": [{"N": "8"}]}]}}}}),
        ("m.e", None, {"m": {"M": {"e": {"M": {}}}}}),
        ("m.e.f", None, {}),
    ],
)
def test_a_projection_keeps_the_named_paths(
    text: str, names: dict[str, str] | None, kept: dict[str, Any]
) -> None:
    projection = bind(names=names, values=None, projection=text).projection
    assert projection is not None
    assert projection.project(ITEM) == kept
    assert projection.project({}) == {}


def test_a_projection_knows_its_paths_and_attributes() -> None:
    names = {"#n": "name"}
    projection = bind(names=names, values=None, projection="m.l[0], #n, m.e").projection
    assert projection is not None
    assert projection.paths == (("m", "l", 0), ("name",), ("m", "e"))
    assert projection.top_names == {"m", "name"}
