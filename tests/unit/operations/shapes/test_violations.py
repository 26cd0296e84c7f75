"""Constraints: the envelope's texts, paths, orders and bounds (spec B.2, C.1; streams page A.2)."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import ValidationFailed
from streamstore.operations.shapes import check

KEY = {"pk": {"S": "a"}}
NAME = "[a-zA-Z0-9_.-]+"
LONG = "a" * 256


def message(operation: str, params: dict[str, Any]) -> str:
    with pytest.raises(ValidationFailed) as caught:
        check(operation, params, True)
    assert not caught.value.prefixed
    return caught.value.message


def one(at: str, constraint: str) -> str:
    return f"1 validation error detected: {at} failed to satisfy constraint: {constraint}"


DATA_PLANE_NAMES = [
    (None, ["Value null at 'tableName' failed to satisfy constraint: Member must not be null"]),
    (
        "",
        [
            (
                f"Value '' at 'tableName' failed to satisfy constraint: Member must satisfy regular"
                f" expression pattern: {NAME}"
            ),
            (
                "Value '' at 'tableName' failed to satisfy constraint: Member must"
                " have length greater"
                " than or equal to 1"
            ),
        ],
    ),
    (
        "a b",
        [
            (
                f"Value 'a b' at 'tableName' failed to satisfy constraint: Member must"
                f" satisfy regular"
                f" expression pattern: {NAME}"
            )
        ],
    ),
    (
        LONG,
        [
            (
                f"Value '{LONG}' at 'tableName' failed to satisfy constraint: Member"
                f" must have length"
                " less than or equal to 255"
            )
        ],
    ),
    (
        "arn:aws:dynamodb:us-east-1:1:table/",
        [
            (
                "Value 'arn:aws:dynamodb:us-east-1:1:table/' at 'tableName' failed to satisfy"
                f" constraint: Member must satisfy regular expression pattern: {NAME}"
            )
        ],
    ),
]


@pytest.mark.parametrize(("name", "expected"), DATA_PLANE_NAMES)
@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem", "Query", "Scan"])
def test_a_bad_data_plane_name_is_told_in_the_envelope(
    operation: str, name: str | None, expected: list[str]
) -> None:
    params = {"TableName": name, "Key": KEY}
    many = "error" if len(expected) == 1 else "errors"
    assert message(operation, params) == (
        f"{len(expected)} validation {many} detected: {'; '.join(expected)}"
    )


@pytest.mark.parametrize(
    "operation", ["CreateTable", "UpdateTable", "DeleteTable", "DescribeTable"]
)
def test_a_control_plane_name_has_texts_of_its_own_that_come_before_everything(
    operation: str,
) -> None:
    required = "The parameter 'TableName' is required but was not present in the request"
    length = "TableName must be at least 3 characters long and at most 255 characters long"
    assert message(operation, {}) == required
    assert message(operation, {"BillingMode": "foo"}) == required
    assert message(operation, {"TableName": "ab", "BillingMode": "foo"}) == length
    assert message(operation, {"TableName": LONG}) == length
    bad = message(operation, {"TableName": "a!c"})
    assert "Value 'a!c' at 'tableName' failed to satisfy constraint: Member must satisfy" in bad


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetItem", {"Key": KEY}),
        ("PutItem", {"Item": KEY}),
        ("DescribeTable", {}),
        ("BatchGetItem", None),
    ],
)
def test_an_arn_is_as_good_as_a_name_and_is_kept_as_given(
    operation: str, params: dict[str, Any] | None
) -> None:
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/music"
    if params is None:
        checked = check(operation, {"RequestItems": {arn: {"Keys": [KEY]}}}, True)
        assert list(checked["RequestItems"]) == [arn]
    else:
        assert check(operation, {"TableName": arn, **params}, True)["TableName"] == arn


def test_several_violations_are_joined_in_the_service_s_member_order() -> None:
    params = {
        "TableName": "",
        "Key": None,
        "ReturnConsumedCapacity": "foo",
        "AttributesToGet": [],
    }
    assert message("GetItem", params) == (
        "5 validation errors detected: Value 'foo' at 'returnConsumedCapacity' failed to satisfy"
        " constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; Value '[]' at"
        " 'attributesToGet' failed to satisfy constraint: Member must have length greater than or"
        f" equal to 1; Value '' at 'tableName' failed to satisfy constraint: Member must satisfy"
        f" regular expression pattern: {NAME}; Value '' at 'tableName' failed to satisfy"
        " constraint: Member must have length greater than or equal to 1;"
        " Value null at 'key' failed to satisfy"
        " constraint: Member must not be null"
    )


def test_at_most_ten_violations_are_listed() -> None:
    definitions = [{"AttributeName": "a", "AttributeType": str(each)} for each in range(30)]
    text = message("CreateTable", {"TableName": "abc", "AttributeDefinitions": definitions})
    assert text.startswith("10 validation errors detected: ")
    assert text.count("; ") == 9


ENUMS = [
    ("GetItem", "ReturnConsumedCapacity", "[INDEXES, TOTAL, NONE]"),
    ("DeleteItem", "ReturnItemCollectionMetrics", "[SIZE, NONE]"),
    ("DeleteItem", "ReturnValuesOnConditionCheckFailure", "[ALL_OLD, NONE]"),
    ("DeleteItem", "ReturnValues", "[ALL_OLD, NONE]"),
    ("DeleteItem", "ConditionalOperator", "[OR, AND]"),
    (
        "Query",
        "Select",
        "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
    ),
]


@pytest.mark.parametrize(("operation", "member", "printed"), ENUMS)
def test_enums_are_printed_in_the_service_s_order(
    operation: str, member: str, printed: str
) -> None:
    params = {"TableName": "abc", "Key": KEY, member: "nonsense"}
    at = member[0].lower() + member[1:]
    expected = one(f"Value 'nonsense' at '{at}'", f"Member must satisfy enum value set: {printed}")
    assert message(operation, params) == expected


def test_delete_item_takes_fewer_return_values_than_update_item() -> None:
    assert "enum value set: [ALL_OLD, NONE]" in message(
        "DeleteItem", {"TableName": "abc", "Key": KEY, "ReturnValues": "ALL_NEW"}
    )
    assert check("UpdateItem", {"TableName": "abc", "Key": KEY, "ReturnValues": "ALL_NEW"}, True)


def test_put_item_tells_a_bad_name_alone_and_then_all_bad_enums() -> None:
    params = {
        "TableName": "a!",
        "Item": KEY,
        "ReturnValues": "x",
        "ReturnConsumedCapacity": "y",
        "ReturnItemCollectionMetrics": "z",
    }
    text = message("PutItem", params)
    assert text.startswith("1 validation error detected: Value 'a!' at 'tableName'")
    text = message("PutItem", {**params, "TableName": "abc"})
    assert text.startswith("3 validation errors detected: Value 'y' at 'returnConsumedCapacity'")
    assert text.index("'returnValues'") < text.index("'returnItemCollectionMetrics'")


def test_update_item_tells_only_the_first_bad_enum() -> None:
    params = {
        "TableName": "abc",
        "Key": KEY,
        "ReturnConsumedCapacity": "y",
        "ReturnItemCollectionMetrics": "z",
    }
    for first, member in (("y", "returnConsumedCapacity"), ("x", "returnValues")):
        text = message("UpdateItem", params)
        assert text.startswith(f"1 validation error detected: Value '{first}' at '{member}'")
        assert ";" not in text
        params["ReturnValues"] = "x"


TABLE = {
    "TableName": "abc",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"KeySchema": [{"AttributeName": "", "KeyType": "HASH"}]},
            one(
                "Value '' at 'keySchema.1.member.attributeName'",
                "Member must have length greater than or equal to 1",
            ),
        ),
        (
            {"KeySchema": [{"AttributeName": "pk"}]},
            one("Value null at 'keySchema.1.member.keyType'", "Member must not be null"),
        ),
        (
            {"KeySchema": None},
            one("Value null at 'keySchema'", "Member must not be null"),
        ),
        (
            {"KeySchema": []},
            one("Value '[]' at 'keySchema'", "Member must have length greater than or equal to 1"),
        ),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 0}},
            (
                "2 validation errors detected: Value null at"
                " 'provisionedThroughput.writeCapacityUnits'"
                " failed to satisfy constraint: Member must not be null; Value '0' at"
                " 'provisionedThroughput.readCapacityUnits' failed to satisfy"
                " constraint: Member must"
                " have value greater than or equal to 1"
            ),
        ),
        (
            {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}},
            one("Value null at 'streamSpecification.streamEnabled'", "Member must not be null"),
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "new_image"}},
            one(
                "Value 'new_image' at 'streamSpecification.streamViewType'",
                "Member must satisfy enum value set: [OLD_IMAGE, KEYS_ONLY, NEW_AND_OLD_IMAGES,"
                " NEW_IMAGE]",
            ),
        ),
        (
            {"TableThroughputMode": "foo"},
            one(
                "Value 'foo' at 'tableThroughputMode'",
                "Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]",
            ),
        ),
        (
            {"GlobalSecondaryIndexes": [{"IndexName": "i!"}]},
            (
                "4 validation errors detected: Value 'i!' at"
                " 'globalSecondaryIndexes.1.member.indexName' failed to satisfy"
                " constraint: Member must"
                f" satisfy regular expression pattern: {NAME}; Value 'i!' at"
                " 'globalSecondaryIndexes.1.member.indexName' failed to satisfy"
                " constraint: Member must"
                " have length greater than or equal to 3; Value null at"
                " 'globalSecondaryIndexes.1.member.keySchema' failed to satisfy"
                " constraint: Member must"
                " not be null; Value null at 'globalSecondaryIndexes.1.member.projection' failed to"
                " satisfy constraint: Member must not be null"
            ),
        ),
    ],
)
def test_create_table_s_constraints_name_their_paths(
    changes: dict[str, Any], expected: str
) -> None:
    assert message("CreateTable", {**TABLE, **changes}) == expected


def test_a_table_has_at_most_two_keys_and_a_global_index_up_to_eight() -> None:
    three = [{"AttributeName": name, "KeyType": "HASH"} for name in ("a", "b", "c")]
    text = message("CreateTable", {**TABLE, "KeySchema": three})
    assert text.endswith(
        "at 'keySchema' failed to satisfy constraint: Member must have length less than or equal"
        " to 2"
    )
    assert "[KeySchemaElement(attributeName=a, keyType=HASH), " in text
    index = {"IndexName": "gsi", "KeySchema": three, "Projection": {"ProjectionType": "ALL"}}
    assert check("CreateTable", {**TABLE, "GlobalSecondaryIndexes": [index]}, True)
    assert "'localSecondaryIndexes.1.member.keySchema'" in message(
        "CreateTable", {**TABLE, "LocalSecondaryIndexes": [index]}
    )


def test_query_and_scan_word_a_limit_of_zero_differently() -> None:
    at_least = "Member must have value greater than or equal to 1"
    params = {"TableName": "abc", "Limit": 0}
    assert message("Query", params) == one("Value at 'Limit'", at_least)
    assert message("Scan", params) == one("Value '0' at 'limit'", at_least)


def test_batches_without_tables_are_told_so_in_words() -> None:
    for operation in ("BatchGetItem", "BatchWriteItem"):
        expected = f"The requestItems parameter is required for {operation}"
        assert message(operation, {"RequestItems": {}}) == expected
        assert message(operation, {}) == one(
            "Value null at 'requestItems'", "Member must not be null"
        )


def test_a_batch_s_lists_are_bounded_and_a_batch_write_tells_it_at_the_map() -> None:
    at = "'requestItems.abc.member.keys'"
    text = message("BatchGetItem", {"RequestItems": {"abc": {"Keys": []}}})
    assert text == one(f"Value at {at}", "Member must have length greater than or equal to 1")
    text = message("BatchGetItem", {"RequestItems": {"abc": {"Keys": [KEY] * 101}}})
    assert text == one(f"Value at {at}", "Member must have length less than or equal to 100")
    put = {"PutRequest": {"Item": KEY}}
    for requests in ([], [put] * 26):
        text = message("BatchWriteItem", {"RequestItems": {"abc": requests}})
        assert " at 'requestItems' failed to satisfy constraint: Map value must satisfy" in text
        assert text.endswith(
            "constraint: [Member must have length less than or equal to 25, Member must have length"
            " greater than or equal to 1]"
        )


def test_a_bad_table_name_as_a_batch_s_key_is_told_at_the_map() -> None:
    text = message("BatchGetItem", {"RequestItems": {"a;b": {"Keys": [KEY]}}})
    assert text.endswith(
        "at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member"
        " must have length less than or equal to 255, Member must have length greater than or equal"
        f" to 1, Member must satisfy regular expression pattern: {NAME}]"
    )


def test_paths_inside_lists_count_from_one_and_end_where_the_fault_is() -> None:
    text = message(
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "abc", "Item": KEY}}, {"ConditionCheck": {}}]},
    )
    for member in ("key", "tableName", "conditionExpression"):
        assert f"Value null at 'transactItems.2.member.conditionCheck.{member}'" in text
    text = message("BatchWriteItem", {"RequestItems": {"abc": [{"PutRequest": {}}]}})
    assert "Value null at 'requestItems.abc.member.1.member.putRequest.item'" in text


ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/abc/stream/2015-05-11T21:21:33.291"
SHARD = "shardId-00000001414562045508-2bac9cd2"


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        (
            "GetRecords",
            {"ShardIterator": "x", "Limit": 1001},
            one("Value '1001' at 'limit'", "Member must have value less than or equal to 1000"),
        ),
        (
            "GetRecords",
            {"ShardIterator": "x", "Limit": 0},
            one("Value '0' at 'limit'", "Member must have value greater than or equal to 1"),
        ),
        (
            "ListStreams",
            {"Limit": 101},
            one("Value '101' at 'limit'", "Member must have value less than or equal to 100"),
        ),
        (
            "DescribeStream",
            {"StreamArn": ARN, "Limit": -1},
            one("Value '-1' at 'limit'", "Member must have value greater than or equal to 1"),
        ),
        (
            "DescribeStream",
            {"StreamArn": ARN, "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": "qwerty"}},
            one(
                "Value 'qwerty' at 'shardFilter.shardId'",
                "Member must have length greater than or equal to 28",
            ),
        ),
        (
            "DescribeStream",
            {"StreamArn": ARN, "ShardFilter": {"Type": "CHILD_SHARDS"}},
            one("Value null at 'shardFilter.shardId'", "Member must not be null"),
        ),
        (
            "GetShardIterator",
            {
                "StreamArn": ARN,
                "ShardId": SHARD,
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "SequenceNumber": "x" * 21,
            },
            one(
                f"Value '{'x' * 21}' at 'sequenceNumber'",
                "Member must satisfy regular expression pattern: [0-9]+",
            ),
        ),
        (
            "GetShardIterator",
            {"StreamArn": ARN, "ShardId": "short", "ShardIteratorType": "LATEST"},
            one(
                "Value 'short' at 'shardId'", "Member must have length greater than or equal to 28"
            ),
        ),
        (
            "ListTables",
            {"Limit": 101, "ExclusiveStartTableName": "ab"},
            (
                "2 validation errors detected: Value '101' at 'limit' failed to satisfy constraint:"
                " Member must have value less than or equal to 100; Value 'ab' at"
                " 'exclusiveStartTableName' failed to satisfy constraint: Member must have length"
                " greater than or equal to 3"
            ),
        ),
    ],
)
def test_streams_and_lists_have_their_own_bounds(
    operation: str, params: dict[str, Any], expected: str
) -> None:
    assert message(operation, params) == expected


@pytest.mark.parametrize(
    ("operation", "member", "good", "bad"),
    [
        ("GetRecords", "Limit", (1, 1000), (0, 1001)),
        ("ListStreams", "Limit", (1, 100), (0, 101)),
        ("DescribeStream", "Limit", (1, 100), (0, 101)),
        ("ListTables", "Limit", (1, 100), (0, 101)),
        ("Scan", "Segment", (0, 999_999), (-1, 1_000_000)),
        ("Scan", "TotalSegments", (1, 1_000_000), (0, 1_000_001)),
        ("Query", "Limit", (1, 2**31 - 1), (0, -5)),
    ],
)
def test_numbers_are_taken_up_to_their_bound_and_not_one_further(
    operation: str, member: str, good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    params = {"TableName": "abc", "StreamArn": ARN, "ShardIterator": "x"}
    for value in good:
        assert check(operation, {**params, member: value}, True)[member] == value
    for value in bad:
        assert f"'{member.lower()}'" in message(operation, {**params, member: value}).lower()
