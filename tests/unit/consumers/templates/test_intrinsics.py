"""Every intrinsic function that names need, and what can't be known."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.consumers.templates.intrinsics import NO_VALUE, Scope, Unresolved

SCOPE = Scope(
    values={"Stage": "dev", "Zones": ["a", "b"], "Table": "orders", "AWS::NoValue": NO_VALUE},
    attributes={("Table", "Arn"): "arn:table", ("Q", "Deep.Name"): "deep"},
    conditions={
        "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
        "IsProd": {"Fn::Not": [{"Condition": "IsDev"}]},
        "Both": {"Fn::And": [{"Condition": "IsDev"}, {"Condition": "IsProd"}]},
        "One": {"Fn::Or": [{"Condition": "IsDev"}, {"Condition": "IsProd"}]},
        "Loop": {"Fn::Not": [{"Condition": "Loop"}]},
    },
    tables={"Sizes": {"dev": {"count": 3}}},
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ({"Ref": "Stage"}, "dev"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table"),
        ({"Fn::GetAtt": "Q.Deep.Name"}, "deep"),
        ({"Fn::Sub": "${Stage}-${Table.Arn}-${!Stage}"}, "dev-arn:table-${Stage}"),
        ({"Fn::Sub": ["${x}/${Stage}", {"x": {"Ref": "Table"}}]}, "orders/dev"),
        ({"Fn::Join": ["-", [{"Ref": "Stage"}, 1, True]]}, "dev-1-true"),
        ({"Fn::Select": ["1", {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": [0, {"Fn::Split": ["/", "x/y"]}]}, "x"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "count"]}, 3),
        ({"Fn::If": ["IsDev", "yes", {"Ref": "Nobody"}]}, "yes"),
        ({"Fn::If": ["IsProd", {"Ref": "Nobody"}, "no"]}, "no"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
        ({"Fn::Length": {"Ref": "Zones"}}, 2),
        ({"Ref": "Stage", "Other": 1}, {"Ref": "Stage", "Other": 1}),
    ],
)
def test_a_value_is_resolved(value: Any, expected: Any) -> None:
    assert SCOPE.resolve(value) == expected


def test_conditions_may_name_conditions() -> None:
    assert {name: SCOPE.holds(name) for name in ("IsDev", "IsProd", "Both", "One")} == {
        "IsDev": True,
        "IsProd": False,
        "Both": False,
        "One": True,
    }


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"Ref": "Nobody"}, "!Ref Nobody"),
        ({"Fn::GetAtt": ["Table", "Nothing"]}, "!GetAtt Table.Nothing"),
        ({"Fn::Sub": "${Nobody.Arn}"}, "!GetAtt Nobody.Arn"),
        ({"Fn::Sub": "${Zones}"}, "text in place of"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue"),
        ({"Fn::Join": "x"}, "Fn::Join with x"),
        ({"Fn::Select": [9, ["a"]]}, "Fn::Select"),
        ({"Fn::FindInMap": ["Sizes", "prod", "count"]}, "Fn::FindInMap of Sizes.prod.count"),
        ({"Fn::If": ["Nobody", 1, 2]}, "the condition Nobody"),
        ({"Fn::If": ["Loop", 1, 2]}, "refers to itself"),
        ({"Fn::Split": ["", "x"]}, "Fn::Split"),
        (CYCLE, "refers to itself"),
    ],
)
def test_what_cannot_be_known_is_named(value: Any, named: str) -> None:
    with pytest.raises(Unresolved) as raised:
        SCOPE.resolve(value)
    assert named in str(raised.value)
