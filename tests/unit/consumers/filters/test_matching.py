"""Records against patterns: a table of the rules about objects, arrays and names, and a property
against a reference that knows no shortcut: it lays the record out as a list of fields and tries
every choice of them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from streamstore.consumers.filters import compile_pattern

GONE = [{"exists": False}]

# (pattern, record, whether it matches)
RULES: list[tuple[Any, Any, bool]] = [
    # Fields are ANDed, values ORed.
    ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "y"}, True),
    ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}, False),
    ({"a": ["x", "y"]}, {"a": "y"}, True),
    ({"a": ["x", {"exists": False}]}, {}, True),
    ({"a": ["x", {"exists": False}]}, {"a": "y"}, False),
    ({"a": ["x", {"prefix": "y"}, 5, None]}, {"a": "yes"}, True),
    ({"a": ["x", {"prefix": "y"}, 5, None]}, {"a": 5.0}, True),
    ({"a": ["x", {"prefix": "y"}, 5, None]}, {"a": False}, False),
    # Names are exact.
    ({"a": ["x"]}, {"A": "x"}, False),
    ({"a ": ["x"]}, {"a": "x"}, False),
    # Absence looks at leaves, and through missing ancestors.
    ({"a": {"b": GONE}}, {}, True),
    ({"a": {"b": GONE}}, {"a": 1}, True),
    ({"a": {"b": GONE}}, {"a": {"b": 1}}, False),
    ({"a": {"b": GONE}}, {"a": {"b": {"c": 1}}}, True),
    ({"a": {"b": [{"exists": True}]}}, {"a": {"b": {"c": 1}}}, False),
    ({"a": {"b": ["x"], "c": GONE}}, {}, False),
    # $or, at any level, beside fields, nested.
    ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
    ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y", "b": "x"}, False),
    ({"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, False),
    ({"d": {"$or": [{"a": ["x"]}, {"b": ["y"]}]}}, {"d": {"b": "y"}}, True),
    ({"d": {"$or": [{"a": ["x"]}, {"b": ["y"]}]}}, {"b": "y"}, False),
    ({"$or": [{"a": ["x"]}, {"$or": [{"b": ["y"]}, {"c": ["z"]}]}]}, {"c": "z"}, True),
    ({"a": ["x"], "$or": [{"a": ["y"]}, {"b": ["z"]}]}, {"a": "x", "b": "z"}, True),
    ({"$or": [{"a": GONE}, {"b": ["y"]}]}, {"a": 1}, False),
    # Arrays of a record: any element.
    ({"a": ["x"]}, {"a": ["w", "x"]}, True),
    ({"a": ["x"]}, {"a": [["w", ["x"]]]}, True),
    ({"a": ["x"]}, {"a": ["w", {"b": "x"}]}, False),
    ({"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}, True),
    ({"a": [{"anything-but": "x"}]}, {"a": ["x"]}, False),
    ({"a": [None]}, {"a": [None]}, True),
    ({"a": GONE}, {"a": []}, True),
    ({"a": GONE}, {"a": [None]}, False),
    ({"a": [{"exists": True}]}, {"a": []}, False),
    # Arrays of objects: one element for all conditions of an object.
    ({"a": {"b": ["x"], "c": ["y"]}}, {"a": [{"b": "x", "c": "z"}, {"b": "w", "c": "y"}]}, False),
    ({"a": {"b": ["x"], "c": ["y"]}}, {"a": [{"b": "x", "c": "z"}, {"b": "x", "c": "y"}]}, True),
    ({"a": {"b": ["x"]}}, {"a": [1, [{"b": "x"}]]}, True),
    ({"a": {"b": ["x"], "c": GONE}}, {"a": [{"b": "x", "c": 1}, {"b": "x"}]}, True),
    ({"a": {"b": ["x"], "c": GONE}}, {"a": [{"b": "x", "c": 1}, {"b": "w"}]}, False),
    ({"a": {"c": GONE}}, {"a": [{"b": "x"}, {"c": 1}]}, False),
    ({"a": {"c": GONE}}, {"a": [{"b": "x"}, {"b": 1}]}, True),
    ({"a": {"c": GONE}}, {"a": []}, True),
    ({"a": {"$or": [{"b": ["x"]}, {"c": ["y"]}], "d": [1]}}, {"a": [{"b": "x"}, {"d": 1}]}, False),
    ({"a": {"$or": [{"b": ["x"]}, {"c": ["y"]}], "d": [1]}}, {"a": [{"c": "y", "d": 1}]}, True),
    # A name with dots is a path, in patterns and in records.
    ({"a.b": ["x"]}, {"a": {"b": "x"}}, True),
    ({"a": {"b": ["x"]}}, {"a.b": "x"}, True),
    ({"a.b": ["x"]}, {"a.b": "x"}, True),
    ({"a": {"b.c": ["x"]}}, {"a.b": {"c": "x"}}, True),
    ({"a": {"b": ["x"], "c": ["y"]}}, {"a.b": "x", "a": {"c": "y"}}, True),
    ({"a.b": ["x"], "a": {"c": ["y"]}}, {"a": [{"b": "x"}, {"c": "y"}]}, False),
    ({"a": {"b": GONE}}, {"a.b": "x"}, False),
    ({"a": {"b": ["x"]}}, {"a.b": "w", "a": {"b": "x"}}, True),
    ({"$or": [{"a": {"b": ["x"]}}, {"c": ["y"]}]}, {"a.b": "x"}, True),
    # JSON in a string stays a string.
    ({"a": {"b": ["x"]}}, {"a": '{"b":"x"}'}, False),
    # What is no record matches nothing, except by absence.
    ({"a": ["x"]}, None, False),
    ({"a": ["x"]}, "a", False),
    ({"a": GONE}, 5, True),
]


@pytest.mark.parametrize(("pattern", "record", "expected"), RULES, ids=lambda row: str(row)[:70])
def test_a_record_matches_by_the_rules(pattern: Any, record: Any, expected: bool) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.matches(record) is expected
    assert compiled.explain(record).matched is expected


# A record of a table, in Lambda's form: what is recorded of AWS.
RECORD: dict[str, Any] = {
    "eventName": "MODIFY",
    "eventSource": "aws:dynamodb",
    "dynamodb": {
        "ApproximateCreationDateTime": 1664559083.0,
        "Keys": {"id": {"S": "test123"}},
        "NewImage": {
            "id": {"S": "test123"},
            "total": {"N": "300"},
            "presentField": {"M": {}},
            "state.code": {"S": "open"},
            "tags": {"SS": ["new", "sale"]},
            "lines": {"L": [{"M": {"sku": {"S": "a"}, "n": {"N": "1"}}}, {"S": "note"}]},
        },
    },
    "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"total": {"N": [{"numeric": ["=", 300]}]}}, False),
        ({"total": {"N": ["300"]}}, True),
        ({"total": {"N": [300]}}, False),
        ({"total": {"S": GONE}}, True),
        ({"total": [{"exists": True}]}, False),
        ({"total": GONE}, True),
        ({"absent": GONE}, True),
        ({"state.code": {"S": ["open"]}}, True),
        ({"tags": {"SS": ["sale"]}}, True),
        ({"lines": {"L": {"M": {"sku": {"S": ["a"]}, "n": {"N": ["1"]}}}}}, True),
        ({"lines": {"L": {"S": ["note"]}}}, True),
    ],
)
def test_images_are_typed_values_whose_numbers_are_strings(image: Any, expected: bool) -> None:
    assert compile_pattern({"dynamodb": {"NewImage": image}}).matches(RECORD) is expected


def test_every_field_of_a_record_may_be_filtered_on() -> None:
    for pattern in (
        {"eventName": ["MODIFY"], "eventSource": ["aws:dynamodb"]},
        {"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}},
        {"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 0]}]}},
    ):
        assert compile_pattern(pattern).matches(RECORD)


# The reference. A record is its fields (path, value, elements of arrays it lies in); a pattern is
# its alternatives, each a list of (path, conditions).


def fields_of(value: Any, path: str = "", inside: tuple[Any, ...] = ()) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from fields_of(below, f"{path}.{name}" if path else name, inside)
    elif isinstance(value, list):
        for at, below in enumerate(value):
            yield from fields_of(below, path, (*inside, (id(value), at)))
    else:
        yield path, value, inside


def alternatives_of(pattern: dict[str, Any], path: str = "") -> list[list[Any]]:
    parts = []
    for name, below in pattern.items():
        where = f"{path}.{name}" if path else name
        if name == "$or":
            parts.append([one for branch in below for one in alternatives_of(branch, path)])
        elif isinstance(below, dict):
            parts.append(alternatives_of(below, where))
        else:
            parts.append([[(where, below)]])
    return [[each for part in chosen for each in part] for chosen in itertools.product(*parts)]


def equal(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other) or (
        type(one) in (int, float) and type(other) in (int, float) and one == other
    )


def holds(condition: Any, value: Any) -> bool:
    if not isinstance(condition, dict):
        return equal(condition, value)
    ((operator, argument),) = condition.items()
    if operator == "anything-but":
        return not any(equal(each, value) for each in argument)
    return bool(argument) if operator == "exists" else str(value).startswith(argument)


def consistent(inside: Any) -> bool:
    return all(len({at for _, at in group}) == 1 for _, group in grouped(inside))


def grouped(inside: Any) -> Iterator[Any]:
    every = sorted(set(inside))
    return ((key, list(group)) for key, group in itertools.groupby(every, lambda each: each[0]))


def reference(pattern: dict[str, Any], record: dict[str, Any]) -> bool:
    fields = list(fields_of(record))
    for alternative in alternatives_of(pattern):
        choices = []
        for path, conditions in alternative:
            found: list[Any] = [
                field
                for field in fields
                if field[0] == path and any(holds(each, field[1]) for each in conditions)
            ]
            if {"exists": False} in conditions:
                found.append(None)
            choices.append(found)
        for chosen in itertools.product(*choices):
            inside = [place for field in chosen if field is not None for place in field[2]]
            if not consistent(inside):
                continue
            gone = {path for (path, _), f in zip(alternative, chosen, strict=True) if f is None}
            if not any(f[0] in gone and consistent([*inside, *f[2]]) for f in fields):
                return True
    return False


SCALARS = st.sampled_from(["x", "xy", "", 1, 1.0, 2, True, None])
CONDITIONS = st.lists(
    st.one_of(
        SCALARS,
        st.sampled_from([{"exists": False}, {"exists": True}, {"anything-but": ["x", ""]}]),
    ),
    min_size=1,
    max_size=2,
)


def patterns(depth: int, names: str) -> st.SearchStrategy[Any]:
    """Objects whose $or has other names than its siblings, so that no path is written twice."""
    own, others = names[:3], names[3:]
    below = CONDITIONS if depth == 0 else st.one_of(CONDITIONS, patterns(depth - 1, "abcdef"))
    keys = st.sampled_from([*own, f"{own[0]}.{own[1]}"])
    plain = st.dictionaries(keys, below, min_size=1, max_size=2)
    if depth == 0 or len(others) < 3:
        return plain
    branch = st.dictionaries(st.sampled_from(others), below, min_size=1, max_size=2)
    group = st.lists(branch, min_size=2, max_size=2).map(lambda found: {"$or": found})
    return st.one_of(plain, group, st.tuples(plain, group).map(lambda two: {**two[0], **two[1]}))


def records(depth: int) -> st.SearchStrategy[Any]:
    if depth == 0:
        return SCALARS
    below = records(depth - 1)
    named = st.dictionaries(st.sampled_from([*"abcdef", "a.b"]), below, max_size=3)
    return st.one_of(SCALARS, named, named, st.lists(st.one_of(SCALARS, named, below), max_size=2))


def written_once(pattern: dict[str, Any]) -> bool:
    """Whether no alternative names a path twice, or one path below another one."""
    for alternative in alternatives_of(pattern):
        paths = sorted(path for path, _ in alternative)
        for one, other in itertools.pairwise(paths):
            if other == one or other.startswith(one + "."):
                return False
    return True


@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    pattern=patterns(2, "abcdef"),
    record=st.dictionaries(st.sampled_from([*"abcdef", "a.b"]), records(3), max_size=3),
)
def test_matching_agrees_with_trying_every_choice_of_fields(
    pattern: dict[str, Any], record: dict[str, Any]
) -> None:
    assume(written_once(pattern))
    expected = reference(pattern, record)
    compiled = compile_pattern(pattern)
    assert compiled.matches(record) is expected
    explanation = compiled.explain(record)
    assert explanation.matched is expected
    assert bool(explanation.unmet) is not expected
