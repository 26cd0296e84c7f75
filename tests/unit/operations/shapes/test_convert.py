"""Types: the texts and the order of serialization errors (spec A.2), and what passes for a type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from streamstore.codec.attributes import Reading
from streamstore.errors import SerializationFailed, ValidationFailed
from streamstore.operations.shapes import check

KEY = {"pk": {"S": "a"}}
PACKAGE = "com.amazonaws.dynamodb.v20120810"
NO_STRING = "NUMBER_VALUE cannot be converted to String"
STRUCTURE = "Start of structure or map found where not expected"
COLLECTION = "Unrecognized collection type"
A_STRING = f"{COLLECTION} class java.lang.String"
A_MAP_OF = f"{COLLECTION} java.util.Map<java.lang.String,"
NO_TIME = "cannot be converted to milliseconds since epoch"


def message(operation: str, params: Any, base64_binary: bool = True) -> str | None:
    with pytest.raises(SerializationFailed) as caught:
        check(operation, params, base64_binary)
    return caught.value.message


TYPE_ERRORS = [
    # A string.
    ("GetItem", "TableName", 5, NO_STRING),
    ("GetItem", "TableName", 5.5, "DECIMAL_VALUE cannot be converted to String"),
    ("GetItem", "TableName", True, "TRUE_VALUE cannot be converted to String"),
    ("GetItem", "TableName", False, "FALSE_VALUE cannot be converted to String"),
    ("GetItem", "TableName", {}, STRUCTURE),
    ("GetItem", "TableName", [], A_STRING),
    ("GetItem", "ReturnConsumedCapacity", ["TOTAL"], A_STRING),
    # A boolean.
    ("GetItem", "ConsistentRead", 1, "NUMBER_VALUE cannot be converted to Boolean"),
    ("GetItem", "ConsistentRead", "maybe", "Unexpected token received from parser"),
    ("GetItem", "ConsistentRead", {}, STRUCTURE),
    ("GetItem", "ConsistentRead", [], "Unrecognized collection type class java.lang.Boolean"),
    # A number.
    ("Query", "Limit", "1", "STRING_VALUE cannot be converted to Integer"),
    ("Query", "Limit", True, "TRUE_VALUE cannot be converted to Integer"),
    ("Query", "Limit", {}, STRUCTURE),
    ("Query", "Limit", [], "Unrecognized collection type class java.lang.Integer"),
    ("Query", "Limit", 2**40, "NUMBER_VALUE cannot be converted to Integer"),
    (
        "CreateTable",
        "ProvisionedThroughput",
        {"ReadCapacityUnits": "5"},
        "STRING_VALUE cannot be converted to Long",
    ),
    # A list.
    ("GetItem", "AttributesToGet", "a", "Unexpected field type"),
    ("GetItem", "AttributesToGet", {}, STRUCTURE),
    ("GetItem", "AttributesToGet", [1], NO_STRING),
    # A map.
    ("GetItem", "ExpressionAttributeNames", "a", "Unexpected field type"),
    ("GetItem", "ExpressionAttributeNames", [], f"{A_MAP_OF} java.lang.String>"),
    ("GetItem", "ExpressionAttributeNames", {"#a": 1}, NO_STRING),
    ("GetItem", "Key", "a", "Unexpected field type"),
    ("GetItem", "Key", [], f"{A_MAP_OF} {PACKAGE}.AttributeValue>"),
    ("GetItem", "Key", {"pk": "a"}, "Unexpected value type in payload"),
    ("GetItem", "Key", {"pk": {"N": 1}}, NO_STRING),
    # A structure as a field.
    ("CreateTable", "ProvisionedThroughput", 5, "Unexpected field type"),
    (
        "CreateTable",
        "ProvisionedThroughput",
        [],
        f"{COLLECTION} class {PACKAGE}.ProvisionedThroughput",
    ),
    # A structure as an element or a map's value.
    ("CreateTable", "KeySchema", ["pk"], "Unexpected value type in payload"),
    ("CreateTable", "KeySchema", [[]], f"{COLLECTION} class {PACKAGE}.KeySchemaElement"),
    ("BatchWriteItem", "RequestItems", {"abc": ["x"]}, "Unexpected value type in payload"),
    ("BatchWriteItem", "RequestItems", {"abc": [[]]}, f"{COLLECTION} class {PACKAGE}.WriteRequest"),
    ("BatchWriteItem", "RequestItems", [], f"{A_MAP_OF} java.util.List<{PACKAGE}.WriteRequest>>"),
    ("BatchGetItem", "RequestItems", {"abc": 1}, "Unexpected value type in payload"),
    # A time.
    ("GetShardIterator", "Timestamp", "now", f"STRING_VALUE {NO_TIME}"),
    ("GetShardIterator", "Timestamp", 1e300, f"DECIMAL_VALUE {NO_TIME}"),
]


@pytest.mark.parametrize(("operation", "member", "value", "expected"), TYPE_ERRORS)
def test_a_wrong_json_type_is_worded_as_the_service_words_it(
    operation: str, member: str, value: Any, expected: str
) -> None:
    assert message(operation, {member: value}) == expected


def test_the_first_type_error_in_the_service_s_member_order_wins_depth_first() -> None:
    params = {"Item": 1, "TableName": 2, "ReturnConsumedCapacity": 3.5}
    assert message("PutItem", params) == "DECIMAL_VALUE cannot be converted to String"
    del params["ReturnConsumedCapacity"]
    assert message("PutItem", params) == "NUMBER_VALUE cannot be converted to String"
    params["TableName"] = "abc"
    assert message("PutItem", params) == "Unexpected field type"


def test_types_are_judged_before_any_constraint_and_before_what_is_missing() -> None:
    assert message("GetItem", {"TableName": "", "Key": []}) is not None
    with pytest.raises(ValidationFailed):
        check("GetItem", {"TableName": ""}, True)


@pytest.mark.parametrize("params", [[], "x", 5, None, True])
@pytest.mark.parametrize("base64_binary", [True, False])
def test_parameters_that_are_no_object_are_refused_without_a_text(
    params: Any, base64_binary: bool
) -> None:
    assert message("GetItem", params, base64_binary) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("YES", True), ("1", True), ("False", False), ("no", False), ("0", False)],
)
def test_booleans_are_taken_as_words_too(text: str, expected: bool) -> None:
    checked = check("GetItem", {"TableName": "abc", "Key": KEY, "ConsistentRead": text}, True)
    assert checked["ConsistentRead"] is expected


def test_a_decimal_where_an_integer_belongs_is_cut_off() -> None:
    assert check("Query", {"TableName": "abc", "Limit": 7.9}, True)["Limit"] == 7


def test_null_members_are_absent_everywhere_and_unknown_ones_are_dropped() -> None:
    params = {
        "TableName": "abc",
        "Key": {"pk": {"S": "a"}, "gone": None},
        "ConsistentRead": None,
        "Nonsense": {"deep": [1]},
        "AttributesToGet": ["a", None],
        "ExpressionAttributeNames": {"#a": "a", "#gone": None},
    }
    checked = check("GetItem", params, True)
    assert set(checked) == {"TableName", "Key", "AttributesToGet", "ExpressionAttributeNames"}
    assert checked["AttributesToGet"] == ["a"]
    assert checked["ExpressionAttributeNames"] == {"#a": "a"}
    assert isinstance(checked["Key"], Reading)


def test_attribute_maps_become_readings_wherever_they_stand() -> None:
    batch = {"RequestItems": {"abc": {"Keys": [KEY, KEY]}}}
    for reading in check("BatchGetItem", batch, True)["RequestItems"]["abc"]["Keys"]:
        assert reading.values == KEY
    write = {
        "RequestItems": {"abc": [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": KEY}}]}
    }
    put, delete = check("BatchWriteItem", write, True)["RequestItems"]["abc"]
    assert put["PutRequest"]["Item"].values == delete["DeleteRequest"]["Key"].values == KEY


def test_faults_of_values_are_left_for_later() -> None:
    checked = check("PutItem", {"TableName": "abc", "Item": {"pk": {"SS": []}}}, True)
    assert isinstance(checked["Item"].fault, ValidationFailed)


def test_embedded_callers_may_write_python_where_json_has_its_own_types() -> None:
    class Name(str):
        __slots__ = ()

    table = {
        "TableName": Name("abc"),
        "AttributeDefinitions": ({"AttributeName": "pk", "AttributeType": "S"},),
        "KeySchema": ({"AttributeName": "pk", "KeyType": "HASH"},),
    }
    checked = check("CreateTable", table, False)
    assert checked["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert check("PutItem", {"TableName": "abc", "Item": {"pk": {"B": b"x"}}}, False)
    assert message("CreateTable", table, True) is not None


def test_a_timestamp_is_seconds_or_a_datetime_and_becomes_milliseconds() -> None:
    params = {
        "StreamArn": "a" * 40,
        "ShardId": "s" * 30,
        "ShardIteratorType": "AT_TIMESTAMP",
    }
    moment = datetime(2026, 10, 1, 12, 0, 0, 480_000, tzinfo=UTC)
    for given in (moment, moment.timestamp()):
        checked = check("GetShardIterator", {**params, "Timestamp": given}, False)
        assert checked["Timestamp"] == 1_790_856_000_480


@pytest.mark.parametrize(
    "params",
    [
        {"TableName": "abc", "Key": KEY, "ProjectionExpression": "\ud800"},
        {"TableName": "abc", "Key": KEY, "ExpressionAttributeNames": {"#a": "\udfff"}},
        {"TableName": "abc", "Key": KEY, "ExpressionAttributeNames": {"\ud800": "a"}},
    ],
)
def test_an_embedded_caller_s_lone_surrogate_is_refused_and_never_crashes(
    params: dict[str, Any],
) -> None:
    assert message("GetItem", params, False) == "Unexpected token received from parser"
