"""Key conditions: shapes and the keys of tables and indexes (spec G.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import KeyConditionTree, KeyRange, bind


@dataclass(frozen=True)
class Part:
    name: str
    type: str


VALUES: dict[str, Any] = {
    ":s": {"S": "x"},
    ":t": {"S": "y"},
    ":n": {"N": "1.0"},
    ":b": {"B": b"b"},
    ":e": {"S": ""},
    ":eb": {"B": b""},
    ":l": {"L": []},
    ":h": {"S": "h" * 2048},
    ":h1": {"S": "h" * 2049},
    ":r": {"S": "é" * 512},
    ":r1": {"S": "é" * 512 + "r"},
}
PK, SK = Part("pk", "S"), Part("sk", "S")


def tree(text: str) -> KeyConditionTree:
    used = {key: VALUES[key] for key in dict.fromkeys(re.findall(r":\w+", text))}
    reading = read_attributes(used, base64_binary=False) if used else None
    bound = bind(names=None, values=reading, key_condition=text).key_condition
    assert bound is not None
    return bound


def told(text: str, hash_parts: Any, range_parts: Any, index_name: str | None = None) -> str:
    with pytest.raises(ValidationFailed) as refused:
        tree(text).resolve(hash_parts, range_parts, index_name)
    assert not refused.value.prefixed
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "range_parts", "ranges"),
    [
        ("pk = :s", [], ()),
        ("pk = :s", [SK], ()),
        (":s = pk", [SK], ()),
        ("sk = :t AND pk = :s", [SK], (("=", ["y"]),)),
        ("(pk = :s) AND ((sk) < (:t))", [SK], (("<", ["y"]),)),
        ("(pk = :s AND :t < sk)", [SK], ((">", ["y"]),)),
        (":t >= sk AND pk = :s", [SK], (("<=", ["y"]),)),
        (":t > sk AND pk = :s", [SK], (("<", ["y"]),)),
        (":t <= sk AND pk = :s", [SK], ((">=", ["y"]),)),
        ("pk = :s AND sk between :s AND :t", [SK], (("BETWEEN", ["x", "y"]),)),
        ("pk = :s AND begins_with(sk, :t)", [SK], (("begins_with", ["y"]),)),
    ],
)
def test_a_condition_means_one_partition_and_a_range_of_it(
    text: str, range_parts: list[Part], ranges: Any
) -> None:
    found = tree(text).resolve([PK], range_parts)
    assert isinstance(found, KeyRange)
    assert found.hash == {"pk": {"S": "x"}}
    assert found.range == tuple(
        (operator, [{"S": value} for value in values]) for operator, values in ranges
    )


def test_numbers_are_equal_by_value() -> None:
    found = tree("pk = :n").resolve([Part("pk", "N")], [])
    assert repr(found) == "KeyRange({'pk': {'N': '1'}}, ())"


OPERATOR = "Invalid operator used in KeyConditionExpression: "
SHAPE = "Invalid condition in KeyConditionExpression: "
NESTED = (
    "Invalid KeyConditionExpression: "
    "KeyConditionExpressions cannot have conditions on nested attributes"
)
OPERATIONS = "KeyConditionExpressions cannot contain nested operations"
TWICE = "KeyConditionExpressions must only contain one condition per key"
SEVERAL = SHAPE + "Multiple attribute names used in one condition"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("pk = :s OR sk = :t", OPERATOR + "OR"),
        ("NOT pk = :s", OPERATOR + "NOT"),
        ("NOT pk = :s OR pk.a = :t", OPERATOR + "OR"),
        ("pk = :s AND sk IN (:t)", OPERATOR + "IN"),
        ("pk = :s AND sk <> :t", OPERATOR + "<>"),
        ("pk = :s AND contains(sk, :t)", OPERATOR + "contains"),
        ("attribute_exists(pk.a)", OPERATOR + "attribute_exists"),
        ("size(pk) <> :n", OPERATOR + "<>"),
        ("size(pk) = :n", OPERATIONS),
        ("pk = :s AND sk BETWEEN size(a) AND pk", OPERATIONS),
        ("pk = :s AND pk = :t", TWICE),
        ("pk = :s AND sk = :t AND sk = :s AND a = :s", TWICE),
        ("pk.a = :s", NESTED),
        ("a.b = pk", NESTED),
        ("pk = :s AND sk[0] = :t", NESTED),
        ("pk = sk", SEVERAL),
        ("pk = a.b", SEVERAL),
        ("pk = :s AND sk BETWEEN :s AND pk", SEVERAL),
        (":s = :t", SHAPE + "No key attribute specified"),
        (
            "pk = :s AND :s BETWEEN sk AND pk",
            SHAPE + "BETWEEN operator must have the key attribute as its first operand",
        ),
        (
            "pk = :s AND begins_with(:s, sk)",
            SHAPE + "begins_with operator must have the key attribute as its first operand",
        ),
    ],
)
def test_the_shape_is_judged_before_any_table(text: str, fault: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        tree(text)
    assert refused.value.message == fault


INVALID = "One or more parameter values were invalid: "
TYPE = INVALID + "Condition parameter type does not match schema type"
UNSUPPORTED = "Query key condition not supported"
MISSED = "Query condition missed key schema element: "
EMPTY = "The AttributeValue for a key attribute cannot contain an empty {} value."
NOT_VALID = "One or more parameter values are not valid. "


@pytest.mark.parametrize(
    ("text", "parts", "fault"),
    [
        ("sk = :s", [PK, SK], MISSED + "pk"),
        ("a = :s", [PK, None], MISSED + "pk"),
        ("pk = :s AND a = :t", [PK, SK], MISSED + "sk"),
        ("pk = :s AND a = :t", [PK, None], UNSUPPORTED),
        ("pk = :s AND sk = :t AND a = :s", [PK, SK], "Conditions can be of length 1 or 2 only"),
        ("pk > :s", [PK, None], UNSUPPORTED),
        ("pk > :s AND a = :s", [PK, SK], UNSUPPORTED),
        ("begins_with(pk, :s)", [PK, SK], UNSUPPORTED),
        ("pk > :n AND sk = :s", [PK, SK], TYPE),
        ("pk = :n AND sk = :e", [PK, SK], TYPE),
        ("pk = :l", [PK, SK], TYPE),
        ("pk = :s AND sk BETWEEN :n AND :n", [PK, SK], TYPE),
        ("pk = :eb", [PK, SK], TYPE),
        ("pk = :e AND sk = :n", [PK, SK], NOT_VALID + EMPTY.format("string") + " Key: pk"),
        ("pk = :s AND begins_with(sk, :e)", [PK, SK],
         NOT_VALID + EMPTY.format("string") + " Key: sk"),
        ("pk = :eb", [Part("pk", "B"), None], NOT_VALID + EMPTY.format("binary") + " Key: pk"),
        ("pk = :h1", [PK, None],
         INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ("pk = :h AND sk = :r1", [PK, SK], INVALID + "Aggregated size of all range keys has "
         "exceeded the size limit of 1024 bytes"),
    ],
)  # fmt: skip
def test_the_key_of_a_table_is_asked_for(text: str, parts: Any, fault: str) -> None:
    assert told(text, [parts[0]], [part for part in parts[1:] if part]) == fault


def test_keys_as_long_as_allowed_are_fine() -> None:
    assert len(tree("pk = :h AND sk = :r").resolve([PK], [SK]).range) == 1


def test_an_empty_key_value_of_an_index_has_a_text_of_its_own() -> None:
    assert told("pk = :s AND sk = :e", [PK], [SK], "gs1") == (
        NOT_VALID + "A value specified for a secondary index key is not supported. "
        f"{EMPTY.format('string')} IndexName: gs1, IndexKey: sk"
    )


WIDE = [Part("a", "S"), Part("b", "S")], [Part("c", "S"), Part("d", "S"), Part("e", "S")]


def lacking(kind: str, names: str, because: str = "") -> str:
    told = f"{kind} key attributes {names} must have equality conditions specified in the query"
    if because:
        told += f" because a condition is present on key attribute {because}"
    return told


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = :s", lacking("HASH", "b")),
        ("c = :s", lacking("HASH", "a, b")),
        ("a > :n AND b = :t", lacking("HASH", "a")),
        ("a = :s AND f = :s", lacking("HASH", "b")),
        ("a = :s AND b = :t AND e = :s", lacking("RANGE", "c, d", "e")),
        ("a = :s AND b = :t AND c > :n AND d = :s", lacking("RANGE", "c", "d")),
        ("a = :s AND b = :t AND c = :s AND d > :s AND e = :s", lacking("RANGE", "d", "e")),
        ("a = :s AND b = :t AND f = :s", MISSED + "c"),
        ("a = :s AND b = :t AND c > :s AND f = :s", MISSED + "d"),
        ("a = :s AND b = :t AND c = :s AND d = :s AND e = :s AND f = :s", UNSUPPORTED),
        ("a = :s AND b = :n", TYPE),
        ("a = :s AND b = :t AND c = :n", TYPE),
    ],
)
def test_keys_of_several_attributes_have_rules_of_their_own(text: str, fault: str) -> None:
    assert told(text, *WIDE) == fault


def test_a_key_of_several_attributes_is_ranged_from_the_left() -> None:
    found = tree("d BETWEEN :s AND :t AND b = :t AND c = :s AND a = :s").resolve(*WIDE)
    assert found.hash == {"a": {"S": "x"}, "b": {"S": "y"}}
    assert found.range == (("=", [{"S": "x"}]), ("BETWEEN", [{"S": "x"}, {"S": "y"}]))


def test_the_attributes_of_a_condition_are_known() -> None:
    assert tree("sk > :t AND pk = :s").names == ("sk", "pk")
