"""The documented JSON of attribute values, a row for each kind."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.consumers.sinks.encoding import encode, encode_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"S": 'a"\u00e9'}, '"a\\"\u00e9"'),
        ({"S": "a\x00"}, '{"$S":"YQA="}'),
        ({"N": "-12.5"}, "-12.5"),
        ({"N": "9" * 38}, "9" * 38),
        ({"BOOL": False}, "false"),
        ({"NULL": True}, "null"),
        ({"B": b"\xff\x00"}, '{"$B":"/wA="}'),
        ({"SS": ["a", "b\x00"]}, '{"$SS":["a",{"$S":"YgA="}]}'),
        ({"NS": ["1", "2.5"]}, '{"$NS":[1,2.5]}'),
        ({"BS": [b"", b"x"]}, '{"$BS":["","eA=="]}'),
        ({"L": [{"N": "1"}, {"L": []}]}, "[1,[]]"),
        ({"M": {"$B": {"S": "eA=="}}}, '{"$$B":"eA=="}'),
        ({"M": {"n\x00": {"M": {}}}}, '{"$0bgA=":{}}'),
    ],
)
def test_each_kind_is_written_as_documented(value: dict[str, Any], text: str) -> None:
    assert encode_value(value) == text


def test_attributes_by_name_are_written_as_a_map_is() -> None:
    assert encode({"$x": {"N": "1"}, "y": {"NULL": True}}) == '{"$$x":1,"y":null}'
