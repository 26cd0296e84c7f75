"""The texts of spec A.2 and D.1, their order, and what is marked for the prefix of B.3."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import Any

import pytest

from streamstore.codec import attributes
from streamstore.errors import SerializationFailed

STRUCTURE = "Start of structure or map found where not expected"
FIELD = "Unexpected field type"
ELEMENT = "Unexpected value type in payload"
VALUE = "com.amazonaws.dynamodb.v20120810.AttributeValue"
MAP = f"Unrecognized collection type java.util.Map<java.lang.String, {VALUE}>"
COLLECTION = "Unrecognized collection type class "
P = "One or more parameter values were invalid: "
EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
SEVERAL = (
    "Supplied AttributeValue has more than one datatypes set, "
    "must contain exactly one of the supported datatypes"
)
OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
NOT_NUMERIC = "The parameter cannot be converted to a numeric value"
SURROGATE = "A string holds a lone surrogate, which UTF-8 has no bytes for"
TAIL = "Invalid last non-pad Base64 character dectected"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"S": 1}, "NUMBER_VALUE cannot be converted to String"),
        ({"N": 1}, "NUMBER_VALUE cannot be converted to String"),
        ({"S": 1.0}, "DECIMAL_VALUE cannot be converted to String"),
        ({"S": True}, "TRUE_VALUE cannot be converted to String"),
        ({"N": False}, "FALSE_VALUE cannot be converted to String"),
        ({"S": {}}, STRUCTURE),
        ({"S": ["x"]}, COLLECTION + "java.lang.String"),
        ({"N": {"N": "1"}}, STRUCTURE),
        ({"N": []}, COLLECTION + "java.lang.String"),
        ({"BOOL": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ({"BOOL": 0.5}, "DECIMAL_VALUE cannot be converted to Boolean"),
        ({"BOOL": "on"}, "Unexpected token received from parser"),
        ({"BOOL": {}}, STRUCTURE),
        ({"BOOL": []}, COLLECTION + "java.lang.Boolean"),
        ({"NULL": "maybe"}, "Unexpected token received from parser"),
        ({"NULL": []}, COLLECTION + "java.lang.Boolean"),
        ({"B": 1}, "only base-64-encoded strings are convertible to bytes"),
        ({"B": True}, "only base-64-encoded strings are convertible to bytes"),
        ({"B": {}}, STRUCTURE),
        ({"B": []}, COLLECTION + "java.nio.ByteBuffer"),
        ({"B": "YWJjZ"}, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        ({"B": "YR=="}, TAIL),
        ({"B": "YWJ="}, TAIL),
        ({"B": "YQ==YQ=="}, TAIL),
        ({"B": "!!!!"}, TAIL),
        ({"B": "===="}, TAIL),
        ({"B": "AAAA===="}, TAIL),
        ({"B": "AAAA="}, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        ({"B": "\ud800A=="}, TAIL),
        ({"SS": "a"}, FIELD),
        ({"SS": {}}, STRUCTURE),
        ({"SS": [1]}, "NUMBER_VALUE cannot be converted to String"),
        ({"SS": [["a"]]}, COLLECTION + "java.lang.String"),
        ({"NS": [1]}, "NUMBER_VALUE cannot be converted to String"),
        ({"NS": True}, FIELD),
        ({"BS": [1]}, "only base-64-encoded strings are convertible to bytes"),
        ({"BS": ["YR=="]}, TAIL),
        ({"L": "x"}, FIELD),
        ({"L": {"S": "x"}}, STRUCTURE),
        ({"L": ["x"]}, ELEMENT),
        ({"L": [[]]}, COLLECTION + VALUE),
        ({"L": [[1]]}, COLLECTION + VALUE),
        ({"L": ["L"]}, ELEMENT),
        ({"M": "x"}, FIELD),
        ({"M": []}, MAP),
        ({"M": {"k": 1}}, ELEMENT),
        ({"M": {"k": []}}, COLLECTION + VALUE),
        ({"M": {"__type": {"S": "x"}}}, "No assembly name on stack!"),
        ({"S": "\ud800"}, SURROGATE),
        ({"N": "1\udc00"}, SURROGATE),
        ({"SS": ["ok", "\udfff"]}, SURROGATE),
        ({"M": {"\ud800": {"S": "x"}}}, SURROGATE),
    ],
)
def test_a_wrong_json_type_is_refused_wherever_the_value_stands(value: Any, text: str) -> None:
    for raw in ({"a": value}, {"a": {"L": [value]}}, {"a": {"M": {"m": value}}}):
        with pytest.raises(SerializationFailed) as refusal:
            attributes.read_attributes(raw, base64_binary=True)
        assert refusal.value.message == text
    with pytest.raises(SerializationFailed) as refusal:
        attributes.read_value(value, base64_binary=True)
    assert refusal.value.message == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("x", FIELD),
        (5, FIELD),
        (True, FIELD),
        ([], MAP),
        ({"a": "x"}, ELEMENT),
        ({"a": True}, ELEMENT),
        ({"a": []}, COLLECTION + VALUE),
        ({"a": [1]}, COLLECTION + VALUE),
        ({"a": [0, 1]}, COLLECTION + VALUE),
        ({"a": ["S"]}, COLLECTION + VALUE),
        ({"a": "S"}, ELEMENT),
        ({"__type": {"S": "x"}}, "No assembly name on stack!"),
        ({"\ud800": {"S": "x"}}, SURROGATE),
        ({1: {"S": "x"}}, "NUMBER_VALUE cannot be converted to String"),
        ({b"a": {"S": "x"}}, "bytes cannot be converted to String"),
    ],
)
def test_a_map_of_the_wrong_shape_is_refused(raw: Any, text: str) -> None:
    with pytest.raises(SerializationFailed) as refusal:
        attributes.read_attributes(raw, base64_binary=True)
    assert refusal.value.message == text


def test_the_text_names_the_class_of_the_maps_values() -> None:
    with pytest.raises(SerializationFailed) as refusal:
        attributes.read_attributes([], base64_binary=True, value_class="java.lang.Object")
    assert refusal.value.message is not None
    assert refusal.value.message.endswith("Map<java.lang.String, java.lang.Object>")


@pytest.mark.parametrize(
    ("raw", "as_field", "as_element"),
    [("x", FIELD, ELEMENT), (1, FIELD, ELEMENT), ([], COLLECTION + VALUE, COLLECTION + VALUE)],
)
def test_a_value_alone_is_a_field_or_an_element(raw: Any, as_field: str, as_element: str) -> None:
    with pytest.raises(SerializationFailed) as field:
        attributes.read_value(raw, base64_binary=True)
    with pytest.raises(SerializationFailed) as element:
        attributes.read_value(raw, base64_binary=True, as_element=True)
    assert (field.value.message, element.value.message) == (as_field, as_element)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"B": "YQ=="}, "only bytes, bytearray and memoryview are convertible to bytes"),
        ({"B": 5}, "only bytes, bytearray and memoryview are convertible to bytes"),
        ({"BS": b"ab"}, FIELD),
        ({"BS": ["a"]}, "only bytes, bytearray and memoryview are convertible to bytes"),
        ({"S": b"x"}, "bytes cannot be converted to String"),
        ({"N": Decimal("1.5")}, "DECIMAL_VALUE cannot be converted to String"),
        ({"N": 5}, "NUMBER_VALUE cannot be converted to String"),
        ({"SS": [b"x"]}, "bytes cannot be converted to String"),
        ({"L": object()}, FIELD),
        ({"M": {1}}, FIELD),
        ({"L": [object()]}, ELEMENT),
        ({"S": object()}, "object cannot be converted to String"),
    ],
)
def test_wrong_python_types_of_embedded_callers_are_refused(value: Any, text: str) -> None:
    with pytest.raises(SerializationFailed) as refusal:
        attributes.read_value(value, base64_binary=False)
    assert refusal.value.message == text


def test_a_released_memoryview_is_refused() -> None:
    view = memoryview(b"ab")
    view.release()
    with pytest.raises(SerializationFailed):
        attributes.read_value({"B": view}, base64_binary=False)


def test_subclasses_of_dict_and_str_are_read_as_their_bases() -> None:
    class Name(str):
        __slots__ = ()

    raw = OrderedDict([(Name("a"), OrderedDict(S=Name("x")))])
    reading = attributes.read_attributes(raw, base64_binary=False)
    assert reading.values == {"a": {"S": "x"}}
    [(name, value)] = reading.values.items()
    assert type(name) is str
    assert type(value["S"]) is str


@pytest.mark.parametrize(
    ("value", "text", "prefixed"),
    [
        ({}, EMPTY, False),
        ({"S": None}, EMPTY, False),
        ({"Unknown": "x"}, EMPTY, False),
        ({"S": "x", "N": "1"}, SEVERAL, False),
        ({"S": "x", "BOOL": True, "L": []}, SEVERAL, False),
        ({"S": "x", "N": "abc"}, f"{NOT_NUMERIC}: abc", False),
        ({"S": "x", "SS": []}, P + "An string set  may not be empty", True),
        ({"NULL": False}, P + "Null attribute value types must have the value of true", True),
        ({"NULL": "no"}, P + "Null attribute value types must have the value of true", True),
        ({"SS": []}, P + "An string set  may not be empty", True),
        ({"NS": []}, P + "An number set  may not be empty", True),
        ({"BS": []}, P + "Binary sets should not be empty", True),
        ({"SS": ["b", "a", "b"]}, P + "Input collection [b, a, b] contains duplicates.", True),
        ({"NS": ["1", "2", "1.0"]}, "Input collection contains duplicates", True),
        (
            {"BS": ["YQ==", "", "YQ=="]},
            P + "Input collection [YQ==, , YQ==]of type BS contains duplicates.",
            True,
        ),
        ({"SS": ["a", None]}, P + "An string set may not have a null string as a member", True),
        ({"NS": [None]}, P + "An number set may not have a null number as a member", True),
        ({"BS": [None]}, P + "Binary sets may not contain null values", True),
        ({"N": ""}, NOT_NUMERIC, False),
        ({"N": "abc"}, f"{NOT_NUMERIC}: abc", False),
        ({"NS": ["1", "x", "1"]}, f"{NOT_NUMERIC}: x", False),
        ({"N": "1E126"}, OVERFLOW, False),
        ({"NS": ["1E126"]}, OVERFLOW, False),
        ({"L": [None]}, EMPTY, False),
        ({"L": [{}]}, EMPTY, False),
        ({"M": {"": {"S": "x"}}}, "Empty attribute name", False),
        (
            {"M": {"é" * 32768: {"S": "x"}}},
            "Attribute name is too large, must be less than 65536 bytes",
            False,
        ),
    ],
)
def test_a_fault_of_a_value_is_remembered_with_the_name_it_lies_at(
    value: Any, text: str, prefixed: bool
) -> None:
    later = {"N": "later fault"}
    for raw in ({"a": value}, {"a": {"L": [{"S": "x"}, value]}}, {"a": {"M": {"m": value}}}):
        reading = attributes.read_attributes(
            {"fine": {"S": "x"}, **raw, "z": later}, base64_binary=True
        )
        assert reading.fault is not None
        assert (reading.fault.message, reading.fault.prefixed) == (text, prefixed)
        assert reading.fault_at == "a"
        assert list(reading.values) == ["fine", "a", "z"]
    fault = attributes.read_value(value, base64_binary=True).fault
    assert fault is not None
    assert (fault.message, fault.prefixed) == (text, prefixed)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "Empty attribute name"),
        ("n" * 65536, "Attribute name is too large, must be less than 65536 bytes"),
    ],
)
def test_top_level_names_have_bounds(name: str, text: str) -> None:
    reading = attributes.read_attributes({name: {"S": "x"}}, base64_binary=True)
    assert reading.fault is not None
    assert reading.fault.message == text
    assert reading.fault_at == name
    assert (
        attributes.read_attributes({name[:65535] or "n": {"S": "x"}}, base64_binary=True).fault
        is None
    )


def test_a_wrong_type_later_wins_over_a_fault_before_it() -> None:
    raw = {"a": {"N": "abc"}, "b": {"L": [{"S": "x"}, {"S": 5}]}}
    with pytest.raises(SerializationFailed, match="NUMBER_VALUE"):
        attributes.read_attributes(raw, base64_binary=True)


def test_wrong_types_are_found_depth_first_in_the_order_given() -> None:
    raw = {"a": {"L": [{"M": {"k": {"S": True}}}, {"S": 5}]}, "b": "x"}
    with pytest.raises(SerializationFailed, match="TRUE_VALUE"):
        attributes.read_attributes(raw, base64_binary=True)
