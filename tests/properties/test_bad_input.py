"""Whatever a request holds, the answer is a reply or a refusal of the caller's making: never our
own error.

Valid requests of every operation are bent in a few places (members dropped, renamed, replaced by
values of any shape),
and sent through the public door as they would come off the wire. What was stored before must still
be there.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamstore
from streamstore.errors import RequestError
from streamstore.operations.faults import fault_of
from streamstore.operations.plan import Scope
from streamstore.operations.registry import OPERATIONS

KEY = {"id": {"S": "a"}}
ITEM = {**KEY, "n": {"N": "1"}, "l": {"L": [{"S": "x"}, {"M": {"k": {"NS": ["1", "2"]}}}]}}
VALUES = {":v": {"N": "1"}, ":s": {"S": "x"}}
EXPRESSION = {
    "UpdateExpression": "SET n = if_not_exists(n, :v) + :v, #l[0] = :s REMOVE gone",
    "ConditionExpression": "attribute_exists(id) AND (n < :v OR NOT contains(#l, :s))",
    "ExpressionAttributeNames": {"#l": "l"},
    "ExpressionAttributeValues": VALUES,
}
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/table/stream/2026-11-24T00:00:00.000"
REQUESTS: dict[str, dict[str, Any]] = {
    "PutItem": {"TableName": "table", "Item": ITEM, "ReturnValues": "ALL_OLD"},
    "GetItem": {"TableName": "table", "Key": KEY, "ProjectionExpression": "id, l[0]"},
    "UpdateItem": {"TableName": "table", "Key": KEY, **EXPRESSION, "ReturnValues": "UPDATED_NEW"},
    "DeleteItem": {"TableName": "table", "Key": {"id": {"S": "other"}}},
    "Query": {
        "TableName": "table",
        "KeyConditionExpression": "id = :s",
        "FilterExpression": "n BETWEEN :v AND :v",
        "ExpressionAttributeValues": VALUES,
        "Limit": 3,
        "ExclusiveStartKey": KEY,
    },
    "Scan": {"TableName": "table", "Limit": 2, "Segment": 0, "TotalSegments": 2, "Select": "COUNT"},
    "BatchGetItem": {"RequestItems": {"table": {"Keys": [KEY], "ConsistentRead": True}}},
    "BatchWriteItem": {"RequestItems": {"table": [{"PutRequest": {"Item": ITEM}}]}},
    "TransactWriteItems": {
        "TransactItems": [
            {"Put": {"TableName": "table", "Item": ITEM}},
            {"Delete": {"TableName": "table", "Key": {"id": {"S": "z"}}}},
        ],
        "ClientRequestToken": "token",
    },
    "TransactGetItems": {"TransactItems": [{"Get": {"TableName": "table", "Key": KEY}}]},
    "ExecuteStatement": {
        "Statement": "UPDATE \"table\" SET n = n + ?, l[0] = [1, 'x'] REMOVE gone WHERE id = ?",
        "Parameters": [VALUES[":v"], {"S": "a"}],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    },
    "BatchExecuteStatement": {
        "Statements": [
            {"Statement": 'SELECT id, l[0] FROM "table" WHERE id = ?', "Parameters": [{"S": "a"}]}
        ],
    },
    "ExecuteTransaction": {
        "TransactStatements": [
            {"Statement": "EXISTS(SELECT * FROM \"table\" WHERE id = 'kept' AND v = 'v')"},
            {"Statement": "INSERT INTO \"table\" VALUE {'id': ?}", "Parameters": [{"S": "b"}]},
        ],
        "ClientRequestToken": "statements",
    },
    "CreateTable": {
        "TableName": "fresh",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    },
    "UpdateTable": {"TableName": "fresh", "StreamSpecification": {"StreamEnabled": False}},
    "DeleteTable": {"TableName": "fresh"},
    "DescribeTable": {"TableName": "table"},
    "ListTables": {"Limit": 1, "ExclusiveStartTableName": "aaa"},
    "ListStreams": {"TableName": "table", "Limit": 10, "ExclusiveStartStreamArn": ARN},
    "DescribeStream": {"StreamArn": ARN, "Limit": 5},
    "GetShardIterator": {
        "StreamArn": ARN,
        "ShardId": "shardId-00000001700000000000-00000000",
        "ShardIteratorType": "AT_SEQUENCE_NUMBER",
        "SequenceNumber": "100000000000000000001",
    },
    "GetRecords": {"ShardIterator": f"{ARN}|1|AAAA", "Limit": 10},
    "UpdateContinuousBackups": {
        "TableName": "table",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
    },
    "UpdateTimeToLive": {
        "TableName": "table",
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "ttl"},
    },
}
WORDS = [
    "",
    "a",
    "id",
    "table",
    "#x",
    ":v",
    "NaN",
    "1e999",
    "\x00",
    "\ud800",
    "💥" * 10,
    "x" * 70000,
    "(((",
]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
    st.sampled_from(WORDS), st.text(max_size=8),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL", "id", "#x", ":v"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def store() -> Iterator[streamstore.Store]:
    with streamstore.open(":memory:", background=False) as opened:
        opened.client.create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            # A bent DeleteTable may name this one, and would be right to delete it.
            DeletionProtectionEnabled=True,
        )
        opened.client.put_item(TableName="table", Item={"id": {"S": "kept"}, "v": {"S": "v"}})
        yield opened


def bend(request: Any, dice: random.Random, replacement: Any) -> None:
    """Change one place of a request, chosen by walking down at random."""
    node = request
    while True:
        places: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not places:
            return
        place = dice.choice(places)
        child = node[place]
        if isinstance(child, dict | list) and child and dice.random() < 0.7:
            node = child
            continue
        what = dice.randrange(4)
        if what == 0 and isinstance(node, dict):
            del node[place]
        elif what == 1 and isinstance(node, dict) and isinstance(replacement, str):
            node[replacement] = node.pop(place)
        else:
            node[place] = replacement
        return


def test_the_requests_that_are_bent_cover_every_operation_that_takes_parameters() -> None:
    others = {"DescribeLimits", "TagResource", "UntagResource", "ListTagsOfResource"}
    others |= {"DescribeEndpoints", "DescribeContinuousBackups"}
    assert set(REQUESTS) | others | {"DescribeTimeToLive"} == set(OPERATIONS)


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from(sorted(REQUESTS)),
    st.lists(values, min_size=1, max_size=3),
    st.integers(0, 2**32),
)
def test_a_bent_request_is_answered_or_refused_and_harms_nothing(
    store: streamstore.Store, operation: str, replacements: list[Any], seed: int
) -> None:
    request = copy.deepcopy(REQUESTS[operation])
    dice = random.Random(seed)
    for replacement in replacements:
        bend(request, dice, copy.deepcopy(replacement))
    wire = Scope(store.engine, "us-east-1", "000000000000", base64_binary=True)
    try:
        reply = store.call(operation, request, wire)
    except RequestError as error:
        fault = fault_of(error)
        assert fault.status == 400, (operation, fault.code)
        json.dumps(fault.body).encode()
    else:
        assert isinstance(reply, dict)
    kept = store.call("GetItem", {"TableName": "table", "Key": {"id": {"S": "kept"}}})
    assert kept["Item"]["v"] == {"S": "v"}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(OPERATIONS)), values)
def test_a_request_of_any_shape_is_refused(
    store: streamstore.Store, operation: str, request: Any
) -> None:
    wire = Scope(store.engine, "us-east-1", "000000000000", base64_binary=True)
    try:
        store.call(operation, request if isinstance(request, dict) else {"x": request}, wire)
    except RequestError as error:
        status = fault_of(error).status
    else:
        status = 400
    assert status == 400
