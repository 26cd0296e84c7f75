"""What SELECT shows: parts by their last names."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.selections import selection_of
from streamstore.expressions.partiql.statements import parse
from streamstore.expressions.partiql.tree import Select

ITEM: Any = {
    "a": {"M": {"b": {"M": {"c": {"N": "1"}}}}},
    "l": {"L": [{"M": {"b": {"N": "2"}}}, {"L": [{"N": "3"}]}]},
    "x.y": {"S": "dot"},
}


def shown(parts: str) -> Any:
    statement = parse(f"SELECT {parts} FROM t")
    assert isinstance(statement, Select)
    assert statement.projection is not None
    return selection_of(statement.projection).project(ITEM)


@pytest.mark.parametrize(
    ("parts", "names"),
    [("a", {"a": ITEM["a"]}), ("a.b", {"b": ITEM["a"]["M"]["b"]}), ("a.b.c", {"c": {"N": "1"}}),
     ("a['b'].c", {"c": {"N": "1"}}), ("l[0].b", {"b": {"N": "2"}}),
     ("l[1]", {"l[1]": {"L": [{"N": "3"}]}}), ("l[1][0]", {"l[1][0]": {"N": "3"}}),
     ("l[1], a.b.c, nope, l[9]", {"l[1]": {"L": [{"N": "3"}]}, "c": {"N": "1"}}),
     ('"x.y"', {"x.y": {"S": "dot"}}), ("A", {}), ("x.y", {}), ("(a)", {"a": ITEM["a"]})],
)  # fmt: skip
def test_a_part_has_the_last_name_of_its_path(parts: str, names: Any) -> None:
    assert shown(parts) == names


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [("a, a", "Duplicate identifiers in select clause: a"),
     ("a.b, b", "Duplicate identifiers in select clause: b"),
     ("a, a.b", "Two document paths overlap with each other"),
     ("a.b, a[0]", "Two document paths conflict with each other"),
     ("size(a)", "Unexpected path component at 1:8:4"), ("1", "Unexpected path component at 1:8:1"),
     (".".join("a" * 33), "too many nesting levels; nesting levels: 33")],
)  # fmt: skip
def test_parts_that_can_not_be_shown_together_are_refused(parts: str, refusal: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        shown(parts)
    assert refusal in refused.value.message
    assert "Invalid" not in refused.value.message
