"""The door of the room: the order of checks over a whole request, and the caches."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import expressions, limits
from streamstore.codec.attributes import read_attributes
from streamstore.errors import SerializationFailed, ValidationFailed
from streamstore.expressions import Bound, bind, binding


def ask(names: Any = None, values: Any = None, **rest: Any) -> Bound:
    reading = None if values is None else read_attributes(values, base64_binary=False)
    return bind(names=names, values=reading, **rest)


def told(names: Any = None, values: Any = None, **rest: Any) -> str:
    with pytest.raises(ValidationFailed) as refused:
        ask(names, values, **rest)
    return refused.value.message


GOOD = {":s": {"S": "x"}}


def test_the_public_names_are_sorted_and_there() -> None:
    assert list(expressions.__all__) == sorted(expressions.__all__)
    assert all(hasattr(expressions, name) for name in expressions.__all__)


def test_faults_of_a_request_are_told_in_the_order_of_the_service() -> None:
    """Each step mends the fault told before it."""
    broken = {
        "update": "SET a = ",
        "condition": "b = ",
        "key_condition": "c = ",
        "filter": "d = ",
        "projection": "e,",
    }
    where = "ExpressionAttribute"
    assert told({}, {}, **broken) == f"{where}Names must not be empty"
    assert (
        told({"n": ""}, {}, **broken)
        == f'{where}Names contains invalid key: Syntax error; key: "n"'
    )
    assert told({"#n": ""}, {}, **broken) == f"{where}Values must not be empty"
    assert told({"#n": ""}, {"s": {}}, **broken) == (
        f'{where}Values contains invalid key: Syntax error; key: "s"'
    )
    assert told({"#n": ""}, {":s": {"N": "x"}}, **broken) == (
        f"{where}Values contains invalid value: The parameter cannot be converted to a numeric "
        "value: x for key :s"
    )
    assert told({"#n": ""}, GOOD, **broken) == (
        f"{where}Names contains invalid value: Empty attribute name for key #n"
    )
    names = {"#n": "name"}
    for kind, mended in (
        ("Update", {"update": "SET a = b"}),
        ("Condition", {"condition": "a = b"}),
        ("KeyCondition", {"key_condition": "c > d"}),
        ("Filter", {"filter": "a = b"}),
        ("Projection", {"projection": "a"}),
    ):
        assert told(names, GOOD, **broken).startswith(f"Invalid {kind}Expression: Syntax error")
        broken |= mended
    unused = f"Value provided in {where}{{}} unused in expressions: keys: {{{{{{}}}}}}"
    assert told(names, GOOD, **broken) == unused.format("Names", "#n")
    assert told(None, GOOD, **broken) == unused.format("Values", ":s")
    assert "Multiple attribute names" in told(None, None, **broken)
    broken["key_condition"] = "c = :s"
    bound = ask(None, GOOD, **broken)
    assert None not in (
        bound.update, bound.condition, bound.key_condition, bound.filter, bound.projection
    )  # fmt: skip


def test_a_placeholder_may_be_used_by_any_expression() -> None:
    bound = ask(
        {"#n": "name", "#m": "map"},
        {":s": {"S": "x"}, ":t": {"S": "y"}},
        update="SET #n = :s",
        condition="#m <> :t",
    )
    assert bound.update is not None
    assert bound.update.targets == (("name",),)
    assert bound.condition is not None
    assert bound.condition.paths == (("map",),)
    assert told({"#n": "a", "#o": "b"}, {**GOOD, ":t": {"S": "y"}}, update="SET #n = :s") == (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#o}"
    )


@pytest.mark.parametrize(
    ("value", "detail", "prefixed"),
    [
        ({"SS": []}, "An string set  may not be empty", True),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates", True),
        ({"L": [{"NULL": False}]}, "Null attribute value types must have the value of true", True),
        ({}, "must contain exactly one of the supported datatypes", False),
        ({"N": "abc"}, "The parameter cannot be converted to a numeric value: abc", False),
    ],
)
def test_faults_of_values_name_the_key_but_bare_ones(
    value: Any, detail: str, prefixed: bool
) -> None:
    values = {":a": {"S": "x"}, ":v": value}
    with pytest.raises(ValidationFailed) as refused:
        ask(None, values, condition="a = :a AND b = :v")
    start = "ExpressionAttributeValues contains invalid value: "
    assert refused.value.message.startswith(start)
    assert refused.value.message.endswith(" for key :v")
    assert detail in refused.value.message
    assert refused.value.prefixed is prefixed
    with pytest.raises(ValidationFailed) as bare:
        ask(None, values, condition="a = :a AND b = :v", bare_set_faults=True)
    wrapped = bare.value.message.startswith(start)
    assert wrapped is not prefixed
    assert bare.value.prefixed is prefixed


def test_values_nested_too_deep_are_told_without_their_key() -> None:
    value: Any = {"S": "x"}
    for _ in range(32):
        value = {"L": [value]}
    assert told(None, {":v": value}, condition="a = :v").startswith("Nesting Levels have exceeded")


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "The expression attribute map contains an empty key;"),
        (
            "{0}" + "k" * 255,
            "The expression attribute map contains a key that is too long; size of key: 256",
        ),
        ("k", 'Syntax error; key: "k"'),
        ("{0}", 'Syntax error; key: "{0}"'),
        ("{0}a.b", 'Syntax error; key: "{0}a.b"'),
        ("{0}a\n{0}", 'Syntax error; key: "{0}a\n{0}"'),
        ("{0}é", 'Syntax error; key: "{0}é"'),
    ],
    ids=range(7),
)
def test_keys_of_the_maps(key: str, fault: str) -> None:
    where = "ExpressionAttribute{} contains invalid key: "
    names = {key.format("#"): "a"}
    assert told(names, GOOD, condition="a = :s") == where.format("Names") + fault.format("#")
    values = {key.format(":"): {"S": "x"}}
    assert told(None, values, condition="a = b") == where.format("Values") + fault.format(":")


def test_a_bad_key_is_told_without_the_prefix_and_an_empty_map_with_it() -> None:
    for names, values in (({"n": "a"}, GOOD), ({"#n": "a"}, {"v": {"S": "x"}})):
        with pytest.raises(ValidationFailed) as refused:
            ask(names, values, condition="#n = :s")
        assert not refused.value.prefixed
    with pytest.raises(ValidationFailed) as refused:
        ask({}, GOOD, condition="a = :s")
    assert refused.value.prefixed


def test_keys_of_255_characters_are_fine() -> None:
    name, value = "#" + "k" * 254, ":" + "k" * 254
    assert ask({name: "a"}, {value: {"S": "x"}}, condition=f"{name} = {value}").condition


def test_names_and_values_have_bounds() -> None:
    long = "n" * limits.ATTRIBUTE_NAME_BYTES_MAX
    assert ask({"#n": long}, None, projection="#n").projection
    assert told({"#n": long + "n"}, None, projection="#n") == (
        "ExpressionAttributeNames contains invalid value: Attribute name is too large, must be "
        "less than 65536 bytes for key #n"
    )
    many = {f"#n{n}": f"{n:0>65000}" for n in range(33)}
    assert told(many, None, projection=", ".join(many)) == (
        "ExpressionAttributeNames exceeds max size"
    )
    large = {"S": "x" * limits.EXPRESSION_VARIABLES_BYTES_MAX}
    ask(None, {":v": {"S": "x"}}, condition="a = :v")
    assert told(None, {":v": large}, condition="a = :v") == (
        "ExpressionAttributeValues exceeds max size"
    )


def test_a_name_without_utf_8_is_refused() -> None:
    with pytest.raises(SerializationFailed):
        ask({"#n": "\ud800"}, None, projection="#n")


def test_maps_without_any_expression_are_judged_by_their_form_alone() -> None:
    bound = ask({"#n": "a"}, GOOD)
    assert bound.update is bound.condition is bound.projection is None
    assert told({"n": "a"}, GOOD).startswith("ExpressionAttributeNames contains invalid key")


TEXTS: list[dict[str, str]] = [
    {"condition": "a < :v AND size(:w) = b"},
    {"condition": "a BETWEEN :v AND :w"},
    {"condition": "begins_with(a, :v) OR contains(:w, a)"},
    {"condition": "attribute_type(a, :v) OR b IN (:v, :w)"},
    {"condition": "a < :v AND size(:v) > :w"},
    {"update": "SET a = :v + b, c = :w"},
    {"update": "SET a = list_append(b, :v) ADD c :w"},
    {"update": "ADD a :v DELETE b :w"},
    {"filter": "NOT (a <> :v AND :w > b)"},
    {"key_condition": "a = :v AND b >= :w"},
]
SAMPLES: list[Any] = [
    {"S": "x"}, {"S": "SS"}, {"S": ""}, {"N": "1"}, {"N": "-2.5"}, {"B": b"x"}, {"B": b""},
    {"BOOL": True}, {"NULL": True}, {"SS": ["a"]}, {"NS": ["1"]}, {"BS": [b"a"]}, {"L": []},
    {"M": {}}, {"N": "z"}, {"SS": []},
]  # fmt: skip


def verdict(values: Any, texts: dict[str, str]) -> str:
    try:
        ask(None, values, **texts)
    except ValidationFailed as refused:
        return refused.message
    return "ok"


@pytest.mark.parametrize("texts", TEXTS, ids=lambda texts: next(iter(texts.values())))
def test_a_cached_plan_lets_through_what_a_full_check_does(texts: dict[str, str]) -> None:
    drawn = [{":v": one, ":w": other} for one in SAMPLES for other in SAMPLES]
    drawn += [{":v": S} for S in SAMPLES] + [{**drawn[3], ":x": {"S": "x"}}, {}, None]
    cold = []
    for values in drawn:
        binding._plans.clear()
        cold.append(verdict(values, texts))
    assert cold.count("ok") > 1
    binding._plans.clear()
    ask(None, drawn[cold.index("ok")], **texts)
    plan = next(iter(binding._plans._young.values()))
    for values, expected in zip(drawn, cold, strict=True):
        assert verdict(values, texts) == expected
    assert next(iter(binding._plans._young.values())) is plan, "one plan served them all"


def test_a_plan_is_used_again_with_other_values() -> None:
    binding._plans.clear()
    first = ask(None, GOOD, condition="a = :s")
    second = ask(None, {":s": {"S": "y"}}, condition="a = :s")
    assert first.condition is not None
    assert second.condition is not None
    assert first.condition.code is second.condition.code
    assert first.condition.matches({"a": {"S": "x"}})
    assert not second.condition.matches({"a": {"S": "x"}})


def test_names_are_part_of_what_a_plan_is_found_by() -> None:
    for name in ("one", "two", "one"):
        bound = ask({"#n": name}, None, condition="attribute_exists(#n)")
        assert bound.condition is not None
        assert bound.condition.top_names == {name}


def test_a_cache_is_bounded_by_entries_and_by_characters() -> None:
    cache: binding.Cache[str, int] = binding.Cache()
    for number in range(3 * limits.EXPRESSION_CACHE_ENTRIES):
        cache.put(str(number), number, 1)
        assert len(cache) <= limits.EXPRESSION_CACHE_ENTRIES
    cache.clear()
    for number in range(200):
        cache.put(str(number), number, 4096)
        assert cache.chars <= limits.EXPRESSION_CACHE_CHARS
    assert cache.chars >= limits.EXPRESSION_CACHE_CHARS // 2 - 4096
    cache.put("too much", 1, limits.EXPRESSION_CACHE_CHARS // 8 + 1)
    assert cache.get("too much") is None


def test_a_cache_keeps_what_is_in_use() -> None:
    cache: binding.Cache[str, int] = binding.Cache()
    cache.put("used", 7, 10)
    for number in range(5 * limits.EXPRESSION_CACHE_ENTRIES):
        cache.put(str(number), number, 10)
        if number % 100 == 0:
            assert cache.get("used") == 7
    assert cache.get("0") is None


def test_nothing_wrong_is_ever_cached() -> None:
    binding._plans.clear()
    binding._trees.clear()
    for text in ("a = ", "name = b", "((a = b))", "a = a", "a = :y"):
        told(None, None, condition=text)
    assert len(binding._plans) == 0
    assert len(binding._trees) == 2, "two texts are right by themselves"
