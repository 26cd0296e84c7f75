"""Which JSON is a pattern, and why the rest is none."""

from __future__ import annotations

import pytest

from streamstore import limits
from streamstore.consumers.filters import PatternInvalid, compile_pattern

OBJECT = "Filter is not an object"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", OBJECT),
        ('"text"', OBJECT),
        ("[]", OBJECT),
        ("17", OBJECT),
        ('{"eventSource":"aws:sqs"}', '"eventSource" must be an object or an array'),
        ('{"a":{"b":null}}', '"b" must be an object or an array'),
        ('{"eventSource":[]}', "Empty arrays are not allowed"),
        ("{}", "Empty objects are not allowed"),
        ('{"a":{}}', "Empty objects are not allowed"),
        ('{"$or":[{"a":["x"]},{}]}', "Empty objects are not allowed"),
        ('{"$or":[{"a":["x"]}]}', "Unrecognized match type a"),
        ('{"$or":[{"a":["x"]},{"exists":["x"]}]}', "Unrecognized match type a"),
        ('{"$or":[{"a":["x"]},"y"]}', "Unrecognized match type a"),
        ('{"$or":"x"}', '"$or" must be an object or an array'),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PatternInvalid) as refused:
        compile_pattern(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "text", ["", "{", "not json", '{"a":[1,]}', '{"a":[NaN]}', "{'a':[1]}", '{"a":["\\ud800"]}']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(PatternInvalid, match="Pattern is not JSON"):
        compile_pattern(text)


def test_an_object_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(PatternInvalid, match="Pattern is not JSON"):
        compile_pattern({"a": [{1, 2}]})


def test_the_last_of_two_equal_keys_counts() -> None:
    matches = compile_pattern('{"a":["x"],"a":["y"]}').matches
    assert matches({"a": "y"})
    assert not matches({"a": "x"})


def test_or_is_an_ordinary_field_unless_it_holds_two_objects_of_fields() -> None:
    matches = compile_pattern('{"$or":[{"prefix":"x"},{"suffix":"y"}]}').matches
    assert matches({"$or": "xa"})
    assert matches({"$or": "ay"})
    assert not matches({"$or": "z", "prefix": "x"})
    matches = compile_pattern('{"$or":{"a":["x"]}}').matches
    assert matches({"$or": {"a": "x"}})
    assert not matches({"a": "x"})


def test_a_pattern_may_be_as_long_as_lambda_allows() -> None:
    frame = '{"a":["%s"]}'
    room = limits.PATTERN_CHARACTERS_MAX - len(frame % "")
    assert compile_pattern(frame % ("é" * room)).matches({"a": "é" * room})
    with pytest.raises(PatternInvalid, match="longer than 4096 characters"):
        compile_pattern(frame % ("x" * (room + 1)))


@pytest.mark.parametrize("spelling", ["nested", "dotted", "alternatives"])
def test_a_pattern_is_as_deep_as_an_item_can_be_and_not_much_deeper(spelling: str) -> None:
    def deep(levels: int) -> str:
        if spelling == "dotted":
            return '{"' + ".".join("a" * levels) + '":["x"]}'
        if spelling == "nested":
            return '{"a":' * levels + '["x"]' + "}" * levels
        pattern = '{"a":["x"]}'
        for _ in range(levels - 1):
            pattern = '{"$or":[{"b":[1]},' + pattern + "]}"
        return pattern

    record: dict[str, object] = {"a": "x"}
    if spelling != "alternatives":
        for _ in range(limits.PATTERN_DEPTH_MAX - 1):
            record = {"a": record}
    assert compile_pattern(deep(limits.PATTERN_DEPTH_MAX)).matches(record)
    with pytest.raises(PatternInvalid, match="deeper than 100 levels"):
        compile_pattern(deep(limits.PATTERN_DEPTH_MAX + 1))


def test_brackets_without_end_are_refused_and_crash_nothing() -> None:
    for hostile in ("[" * 4096, '{"a":' * 800, '{"a":[' + "[" * 4000):
        with pytest.raises(PatternInvalid):
            compile_pattern(hostile)
