"""Valid inputs for every surface, from which the fuzzer makes its own, and words that they know.

Owns: examples only. Must not know: what is done with them.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ...codec.attributes import read_attributes
from ...codec.items import pack
from ...codec.keys import encode, encode_many
from ...codec.records import pack_record

KEY: Final[dict[str, Any]] = {"id": {"S": "a"}}
ITEM: Final[dict[str, Any]] = {
    **KEY,
    "n": {"N": "12.5"},
    "l": {"L": [{"S": "x"}, {"M": {"k": {"NS": ["1", "2"]}}}]},
    "s": {"SS": ["a", "b"]},
    "t": {"BOOL": True},
    "o": {"NULL": True},
}
NAMES: Final = {"#l": "l", "#n": "n"}
BOUND: Final[dict[str, Any]] = {
    ":v": {"N": "1"},
    ":s": {"S": "x"},
    ":set": {"NS": ["1", "3"]},
    ":list": {"L": [{"N": "2"}]},
}
# What grammars and formats know, so that changes reach further than their first look.
TOKENS: Final = [
    *(b"(", b")", b"((((((((((((((((", b" AND ", b" OR NOT ", b"SET ", b" REMOVE ", b"#n", b":v"),
    *(b"[0]", b"[99999999999]", b".", b", ", b"size(n)", b"if_not_exists(n, :v)", b" BETWEEN "),
    *(b'"', b"{", b"}", b"[" * 200, b'{"L":[' * 40, b"null", b"true", b"1e400", b"-0", b"\\ud800"),
    *(b'{"N":"1E-131"}', b'{"S":""}', b'{"SS":[]}', b'{"B":"=="}', b'{"NULL":false}', b"\x00"),
    *(b"\xc1\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 600, b"\xff\xfe", b"\r\n"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: evil\r\n", b"|1|"),
]
EXPRESSIONS: Final = [
    "attribute_exists(id) AND (n < :v OR NOT contains(#l, :s))",
    "SET n = if_not_exists(n, :v) + :v, #l[0] = :s REMOVE gone ADD #n :v DELETE s :set",
    "SET l = list_append(#l, :list)",
    "id, l[0], #l[1].k, n",
    "id = :s AND begins_with(r, :s)",
    "id = :s AND r BETWEEN :v AND :s",
    "size(#l) > :v AND attribute_type(#n, :s) AND n IN (:v, :v, :s)",
]
TARGETS: Final = "DynamoDB_20120810."
STREAMS: Final = "DynamoDBStreams_20120810."
_SCHEMA: Final[dict[str, Any]] = {
    "TableName": "table",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
PREPARED: Final[list[tuple[str, dict[str, Any]]]] = [
    ("CreateTable", _SCHEMA),
    ("PutItem", {"TableName": "table", "Item": {**KEY, "n": {"N": "1"}}}),
]
_ARN: Final = "arn:aws:dynamodb:us-east-1:000000000000:table/table/stream/2023-11-14T22:13:20.000"
_CALLS: Final[list[tuple[str, dict[str, Any]]]] = [
    (TARGETS + "PutItem", {"TableName": "table", "Item": ITEM, "ReturnValues": "ALL_OLD"}),
    (TARGETS + "GetItem", {"TableName": "table", "Key": KEY, "ProjectionExpression": "id, l[0]"}),
    (
        TARGETS + "UpdateItem",
        {
            "TableName": "table",
            "Key": KEY,
            "UpdateExpression": EXPRESSIONS[1],
            "ConditionExpression": EXPRESSIONS[0],
            "ExpressionAttributeNames": NAMES,
            "ExpressionAttributeValues": {":v": BOUND[":v"], ":s": BOUND[":s"]},
        },
    ),
    (
        TARGETS + "Query",
        {
            "TableName": "table",
            "KeyConditionExpression": "id = :s",
            "FilterExpression": "n BETWEEN :v AND :v",
            "ExpressionAttributeValues": {":v": BOUND[":v"], ":s": BOUND[":s"]},
            "ExclusiveStartKey": KEY,
            "Limit": 3,
        },
    ),
    (TARGETS + "Scan", {"TableName": "table", "Segment": 0, "TotalSegments": 2}),
    (TARGETS + "BatchGetItem", {"RequestItems": {"table": {"Keys": [KEY]}}}),
    (TARGETS + "BatchWriteItem", {"RequestItems": {"table": [{"PutRequest": {"Item": ITEM}}]}}),
    (
        TARGETS + "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "table", "Item": ITEM}}]},
    ),
    (
        TARGETS + "ExecuteStatement",
        {
            "Statement": "UPDATE \"table\" SET n = n + ?, l[0] = [1, 'x'] REMOVE gone"
            " WHERE id = 'a' AND (n IN [1, 2] OR NOT begins_with(s, 'it''s')) RETURNING ALL NEW *",
            "Parameters": [BOUND[":v"]],
        },
    ),
    (
        TARGETS + "BatchExecuteStatement",
        {
            "Statements": [
                {"Statement": "SELECT id, l[0].k FROM \"table\" WHERE id = 'a' ORDER BY id DESC"},
                {"Statement": 'SELECT * FROM "table" WHERE id=?', "Parameters": [BOUND[":s"]]},
            ]
        },
    ),
    (
        TARGETS + "ExecuteTransaction",
        {
            "TransactStatements": [
                {"Statement": "INSERT INTO \"table\" VALUE {'id': 'b', 's': <<1, 2e3>>, 'm': {}}"},
                {"Statement": "EXISTS(SELECT * FROM \"table\" WHERE id = 'c' AND n IS MISSING)"},
            ]
        },
    ),
    (TARGETS + "DescribeTable", {"TableName": "table"}),
    (TARGETS + "CreateTable", {**_SCHEMA, "TableName": "fresh"}),
    (STREAMS + "ListStreams", {"TableName": "table", "Limit": 10}),
    (STREAMS + "DescribeStream", {"StreamArn": _ARN, "Limit": 5}),
    (
        STREAMS + "GetShardIterator",
        {"StreamArn": _ARN, "ShardId": "shardId-0", "ShardIteratorType": "LATEST"},
    ),
    (STREAMS + "GetRecords", {"ShardIterator": _ARN + "|1|AAAA", "Limit": 10}),
]
_AUTHORIZATION: Final = (
    "AWS4-HMAC-SHA256 Credential=a/20231114/us-east-1/dynamodb/aws4_request,"
    " SignedHeaders=host;x-amz-date, Signature=abc"
)


def values() -> list[bytes]:
    """Maps of attribute values, as JSON."""
    deep: dict[str, Any] = {"S": "deep"}
    for _ in range(30):
        deep = {"L": [deep]}
    numbers = {f"n{i}": {"N": text} for i, text in enumerate(("0", "-1.5e3", "9" * 38, "1E-130"))}
    binary = {"b": {"B": "AAEC"}, "bs": {"BS": ["AA==", "AQ=="]}}
    return [json.dumps(each).encode() for each in (ITEM, BOUND, {"d": deep}, numbers, binary)]


def statements() -> list[bytes]:
    """PartiQL, of every kind."""
    texts = [
        """SELECT * FROM "table" WHERE id = 'a' AND n BETWEEN -1 AND 2.5e3""",
        """SELECT id, l[0].k, m."x y" FROM "table"."byn" WHERE n = 1 ORDER BY id DESC""",
        """SELECT * FROM "table" WHERE id IN ['a', 'b'] OR NOT (s IS MISSING OR contains(s, ))""",
        """INSERT INTO "table" VALUE {'id': 'b', 's': <<1, 2e3>>, 'm': {'l': [TRUE, NULL, {}]}}""",
        """UPDATE "table" SET n = n + 1 SET l = list_append(l, ['x']) REMOVE m.x WHERE id = 'a'""",
        """UPDATE "table" SET s = set_add(s, <<'x'>>) WHERE id = 'a' RETURNING MODIFIED NEW *""",
        """DELETE FROM "table" WHERE id = 'a' AND attribute_type(s, 'SS') RETURNING ALL OLD *""",
        """EXISTS(SELECT * FROM "table" WHERE id = 'c' AND size(s) <> 2)""",
    ]
    return [text.encode() for text in texts]


def stored() -> list[bytes]:
    """Packed items, packed records, encoded keys."""
    item = read_attributes(ITEM, base64_binary=True).values
    packed, key = pack(item), pack(KEY)
    made = [packed, key]
    made += [
        pack_record("INSERT", 90, key, packed, None),
        pack_record("MODIFY", 70_000, key, packed, packed),
        pack_record("REMOVE", 9, key, None, None, True),
    ]
    scalars: list[dict[str, Any]] = [
        {"S": "a\x00b"},
        {"N": "-12.5"},
        {"N": "0"},
        {"B": b"\x00\x01"},
    ]
    made += [encode(scalar) for scalar in scalars]
    made += [encode_many([scalars[0], scalars[1]]), encode_many([scalars[3], scalars[0]])]
    return made


def expressions() -> list[bytes]:
    """Expressions of every kind."""
    return [text.encode() for text in EXPRESSIONS]


def requests() -> list[bytes]:
    """Whole requests, heads and bodies."""
    made = []
    for target, params in _CALLS:
        body = json.dumps(params).encode()
        lines = [
            "POST / HTTP/1.1",
            "Host: localhost:8000",
            "Content-Type: application/x-amz-json-1.0",
            f"X-Amz-Target: {target}",
            "X-Amz-Date: 20231114T221320Z",
            f"Authorization: {_AUTHORIZATION}",
            f"Content-Length: {len(body)}",
        ]
        made.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return made
