"""Reading attribute values: canonical forms, sizes, depth, and one answer from both passes."""

from __future__ import annotations

import base64
import copy
import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec import attributes, refusals, sizes
from streamstore.errors import SerializationFailed

bounded = settings(max_examples=100, deadline=None, database=None)

Raw = Any
names = st.text(alphabet="abé\U0001f600.", min_size=1, max_size=4)
number_texts = st.sampled_from(["0", "7", "-8.25", "1.50", "1E2", "19.99", "9000", ".5", "-0"])
encoded = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
scalars: st.SearchStrategy[Raw] = st.one_of(
    st.text(max_size=12).map(lambda text: {"S": text}),
    number_texts.map(lambda number: {"N": number}),
    encoded.map(lambda text: {"B": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    st.lists(st.text(max_size=4), min_size=1, unique=True).map(lambda texts: {"SS": texts}),
    st.lists(st.integers(-50, 50).map(str), min_size=1, unique=True).map(lambda ns: {"NS": ns}),
    st.lists(encoded, min_size=1, unique=True).map(lambda texts: {"BS": texts}),
)


def nested(inner: st.SearchStrategy[Raw]) -> st.SearchStrategy[Raw]:
    return st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(names, inner, max_size=3).map(lambda members: {"M": members}),
    )


ordinary = st.dictionaries(names, st.recursive(scalars, nested, max_leaves=8), max_size=5)

# Payloads and keys that are wrong now and then, in every way JSON allows.
payloads = st.one_of(
    st.sampled_from([None, True, False, 0, 1.5, "", "x", "1", "YQ==", "YR==", "yes", [], {}]),
    st.sampled_from([["a", "a"], ["1", "1.0"], ["YQ==", "YQ=="], [None], [1], ["a", 2], "1E999"]),
    st.sampled_from(["\ud800", ["\udfff"], "é", "a" * 5, ["b", "a"], ["-2", "1"], {"S": "x"}]),
)
kinds = st.sampled_from(["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "X", "__type"])
odd_names = st.sampled_from(["a", "b", "", "__type", "\ud800", "n" * 65536])
odd_values: st.SearchStrategy[Raw] = st.one_of(
    payloads, st.dictionaries(kinds, payloads, max_size=2), scalars
)


def odd_nested(inner: st.SearchStrategy[Raw]) -> st.SearchStrategy[Raw]:
    one_or_ill_named = st.one_of(names, odd_names)
    return st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(one_or_ill_named, inner, max_size=3).map(lambda members: {"M": members}),
    )


odd = st.dictionaries(
    st.one_of(names, odd_names), st.recursive(odd_values, odd_nested, max_leaves=6), max_size=3
)


def answer(values: Any, size: int, fault: Any, fault_at: str | None) -> Any:
    """Comparable facts of a reading; the size counts only where there is no fault."""
    if fault is None:
        return values, size, None
    return values, (fault.message, fault.prefixed), fault_at


@settings(bounded, max_examples=300)
@given(st.one_of(odd, ordinary), st.booleans())
def test_the_fast_pass_never_differs_from_the_full_rules(raw: Raw, base64_binary: bool) -> None:
    try:
        reading = attributes.read_attributes(raw, base64_binary=base64_binary)
        found = answer(reading.values, reading.size, reading.fault, reading.fault_at)
    except SerializationFailed as error:
        found = error.message
    try:
        slow = refusals.read_attributes(raw, base64_binary, refusals.ATTRIBUTE_VALUE_CLASS)
        expected = answer(*slow)
    except SerializationFailed as error:
        expected = error.message
    assert found == expected


@bounded
@given(ordinary)
def test_ordinary_values_never_need_the_slow_pass(raw: Raw) -> None:
    values, size = attributes._read_map(raw, 31, True)
    reading = attributes.read_attributes(raw, base64_binary=True)
    assert (reading.values, reading.size, reading.fault) == (values, size, None)


@bounded
@given(ordinary)
def test_the_size_is_the_size_of_the_canonical_item(raw: Raw) -> None:
    reading = attributes.read_attributes(raw, base64_binary=True)
    assert reading.size == sizes.item_size(reading.values)


@bounded
@given(ordinary)
def test_reading_is_a_round_trip_through_json_and_back(raw: Raw) -> None:
    reading = attributes.read_attributes(raw, base64_binary=True)
    sent = orjson.dumps(reading.values, default=lambda data: base64.b64encode(data).decode())
    again = attributes.read_attributes(orjson.loads(sent), base64_binary=True)
    assert (again.values, again.size) == (reading.values, reading.size)
    embedded = attributes.read_attributes(reading.values, base64_binary=False)
    assert (embedded.values, embedded.size) == (reading.values, reading.size)


@bounded
@given(ordinary)
def test_nothing_that_can_change_is_shared_with_what_was_read(raw: Raw) -> None:
    reading = attributes.read_attributes(raw, base64_binary=True)
    before = copy.deepcopy(reading.values)
    stack: list[Any] = [raw]
    while stack:
        container = stack.pop()
        stack += [
            m
            for m in (container.values() if isinstance(container, dict) else container)
            if isinstance(m, dict | list)
        ]
        container.clear()
    assert reading.values == before


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ({"N": "1.50"}, {"N": "1.5"}),
        (
            {"SS": ["b", "é", "a", "\U0001f600", "\uffff"]},
            {"SS": ["a", "b", "é", "\uffff", "\U0001f600"]},
        ),
        ({"NS": ["10", "9", "-1E1", "0.5"]}, {"NS": ["-10", "0.5", "9", "10"]}),
        ({"BS": ["/w==", "AA==", "fw=="]}, {"BS": [b"\x00", b"\x7f", b"\xff"]}),
        ({"B": ""}, {"B": b""}),
        ({"SS": [""]}, {"SS": [""]}),
        ({"S": ""}, {"S": ""}),
        ({"L": []}, {"L": []}),
        ({"M": {}}, {"M": {}}),
        ({"BOOL": "tRUe"}, {"BOOL": True}),
        ({"BOOL": "No"}, {"BOOL": False}),
        ({"NULL": "1"}, {"NULL": True}),
        ({"S": "x", "N": None}, {"S": "x"}),
        ({"S": "x", "Unknown": 1, "__type": "T"}, {"S": "x"}),
        ({"M": {"gone": None, "here": {"S": "x"}}}, {"M": {"here": {"S": "x"}}}),
    ],
)
def test_canonical_form_of(raw: Raw, canonical: Any) -> None:
    reading = attributes.read_attributes({"gone": None, "a": raw}, base64_binary=True)
    assert reading.fault is None
    assert reading.values == {"a": canonical}
    assert reading.size == sizes.item_size(reading.values)
    single = attributes.read_value(raw, base64_binary=True)
    assert (single.value, single.fault) == (canonical, None)
    assert single.size == sizes.value_size(canonical)


@pytest.mark.parametrize("data", [b"ab", bytearray(b"ab"), memoryview(b"ab")])
def test_embedded_callers_give_bytes_of_any_kind(data: Any) -> None:
    for raw in ({"B": data}, {"BS": [data]}, {"L": [{"B": data}]}):
        reading = attributes.read_value(raw, base64_binary=False)
        assert reading.fault is None
        member = next(iter(reading.value.values()))
        member = member[0] if isinstance(member, list) else member
        member = member["B"] if isinstance(member, dict) else member
        assert type(member) is bytes
        assert member == b"ab"


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ({"SS": {"b", "a"}}, {"SS": ["a", "b"]}),
        ({"NS": frozenset({"2", "1"})}, {"NS": ["1", "2"]}),
        ({"BS": (b"b", bytearray(b"a"))}, {"BS": [b"a", b"b"]}),
        (
            {"L": ({"S": "x"}, {"M": {"n": {"N": "01"}}})},
            {"L": [{"S": "x"}, {"M": {"n": {"N": "1"}}}]},
        ),
    ],
)
def test_embedded_callers_may_give_tuples_and_sets(raw: Raw, canonical: Any) -> None:
    assert attributes.read_value(raw, base64_binary=False).value == canonical
    with pytest.raises(SerializationFailed, match="Unexpected field type"):
        attributes.read_value(raw, base64_binary=True)


def test_a_reading_shows_its_facts() -> None:
    reading = attributes.read_attributes({"a": {"N": "x"}}, base64_binary=True)
    assert "'a'" in repr(reading)
    assert "numeric value: x" in repr(reading)
    assert "'S': 'y'" in repr(attributes.read_value({"S": "y"}, base64_binary=True))


def deep(levels: int, kinds: str, core: Raw) -> Raw:
    """`levels` L and M, by turns as `kinds` says, around `core`."""
    for level in range(levels):
        core = {"L": [core]} if kinds[level % len(kinds)] == "L" else {"M": {"m": core}}
    return core


@pytest.mark.parametrize("kinds", ["L", "M", "LM", "MLL"])
@pytest.mark.parametrize("core", [{"S": "x"}, {"N": "1"}, {"BOOL": "yes"}, {"SS": ["a"]}])
def test_31_levels_are_read_and_32_are_not(kinds: str, core: Raw) -> None:
    reading = attributes.read_attributes({"a": deep(31, kinds, core)}, base64_binary=True)
    assert reading.fault is None
    assert reading.size == sizes.item_size(reading.values)
    for levels in (32, 33, 100_000):
        raw = {"ok": {"S": "x"}, "bad": deep(levels, kinds, core)}
        reading = attributes.read_attributes(raw, base64_binary=True)
        assert reading.fault is not None
        assert reading.fault.message == refusals.NESTING
        assert reading.fault.prefixed is False
        assert reading.fault_at == "bad"
        value_fault = attributes.read_value(raw["bad"], base64_binary=True).fault
        assert value_fault is not None
        assert value_fault.message == refusals.NESTING


def test_a_structure_that_holds_itself_is_only_too_deep() -> None:
    loop: Raw = {"L": []}
    loop["L"].append(loop)
    fault = attributes.read_value(loop, base64_binary=False).fault
    assert fault is not None
    assert fault.message == refusals.NESTING


@pytest.mark.parametrize(
    "text", ["YR==", "YWJ=", "YQ", "YQ=", "Y Q=", "YQ==YQ==", "AAAA=", "AAAA====", "é===", "===="]
)
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError):
        attributes.decode_base64(text)


def test_text_is_base64_exactly_when_its_bytes_spell_it() -> None:
    tried = 0
    for length in range(7):
        for characters in itertools.product("AQE= é", repeat=length):
            text = "".join(characters)
            tried += 1
            try:
                expected = base64.b64decode(text)
                is_exact = base64.b64encode(expected).decode() == text
            except ValueError:
                is_exact = False
            try:
                assert attributes.decode_base64(text) == expected
            except ValueError:
                assert not is_exact
            else:
                assert is_exact
    assert tried > 50_000
