"""Conditions become the texts that boto3 makes of them."""

from __future__ import annotations

import re
from typing import Any

import boto3.dynamodb.conditions as theirs
import pytest

from streamstore.table import Attr, Condition, Key
from streamstore.table.conditions import Builder


def _plain(text: str, names: dict[str, str], values: dict[str, Any]) -> str:
    """A text with its placeholders replaced, so that only their spelling may differ."""
    text = re.sub(r"#\w+", lambda m: f"<{names[m[0]]}>", text)
    return re.sub(r":\w+", lambda m: f"<{values[m[0]]!r}>", text)


def _ours(condition: Any) -> str:
    builder = Builder()
    return _plain(builder.text(condition), builder.names, builder.values)


def _boto3s(condition: Any) -> str:
    built = theirs.ConditionExpressionBuilder().build_expression(condition)
    return _plain(
        built.condition_expression,
        built.attribute_name_placeholders,
        built.attribute_value_placeholders,
    )


def _conditions(module: Any) -> list[Any]:
    attr, key = module.Attr, module.Key
    return [
        key("pk").eq("a"),
        key("pk").eq("a") & key("sk").begins_with("2"),
        key("pk").eq("a") & key("sk").between(1, 2),
        key("sk").lt(1) | key("sk").lte(2) | key("sk").gt(3) | key("sk").gte(4),
        ~(attr("a").exists() & attr("b").not_exists()),
        attr("a.b[0].c").ne(None),
        attr("l[0][1]").eq([1, 2]),
        attr("a").is_in([1, "x", [2]]),
        attr("a").contains("x"),
        attr("a").attribute_type("SS"),
        attr("a").size().gt(3),
        attr("a").size().between(1, 2) & ~attr("b").eq({"c"}),
        attr("a").eq(attr("b")),
    ]


@pytest.mark.parametrize("number", range(13))
def test_a_condition_reads_as_boto3_builds_it(number: int) -> None:
    import streamstore.table as ours

    expected = _boto3s(_conditions(theirs)[number])
    assert _ours(_conditions(ours)[number]) == expected
    assert _ours(_conditions(theirs)[number]) == expected, "boto3's own objects are taken too"


def test_each_placeholder_is_used_once() -> None:
    builder = Builder()
    text = builder.text((Attr("a").eq(1) & Attr("a").eq(1)) | Key("b.c").gt(2))
    for placeholder in (*builder.names, *builder.values):
        assert len(re.findall(re.escape(placeholder) + r"\b", text)) == 1


def test_conditions_compare_by_what_they_say() -> None:
    assert (Key("a").eq(1) & Attr("b").ne(2)) == (Key("a").eq(1) & Attr("b").ne(2))
    assert Key("a").eq(1) != Key("a").eq(2)
    assert Key("a") != Attr("a")
    assert Key("a").eq(1) != 1
    assert len({Key("a"), Key("a"), Key("b")}) == 2
    assert isinstance(Attr("a").size(), Condition)
