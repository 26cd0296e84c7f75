"""Attribute values, sound and faulty, at every place that takes them; numbers near the edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from case import KEY, RESTORE, Case, Params

NINES = "9" * 38


def nested(depth: int, kind: str = "L") -> Any:
    """A scalar inside of `depth` lists or maps."""
    value: Any = {"S": "x"}
    for _ in range(depth):
        value = {"L": [value]} if kind == "L" else {"M": {"a": value}}
    return value


FAULTS: tuple[Any, ...] = (
    {}, {"S": None}, {"X": "a"}, {"S": "a", "N": "1"}, {"S": "a", "X": 1}, {"S": "a", "N": "x"},
    {"SS": ["a"], "S": "a"}, {"N": "x", "SS": []}, {"S": ""}, {"B": ""}, {"SS": [""]},
    {"NULL": False}, {"NULL": "true"}, {"NULL": "x"}, {"BOOL": "true"}, {"BOOL": "x"},
    {"BOOL": 1}, {"S": 1}, {"S": True}, {"S": []}, {"S": {}}, {"N": 1}, {"N": 1.5}, {"N": []},
    {"B": 1}, {"B": "a"}, {"B": "YR=="}, {"B": "YWJj?"}, {"B": "YWI"}, {"SS": []}, {"NS": []},
    {"BS": []}, {"SS": ["a", "a"]}, {"NS": ["1", "1"]}, {"NS": ["1", "1.0"]}, {"NS": ["x"]},
    {"BS": ["YQ==", "YQ=="]}, {"SS": "a"}, {"SS": [1]}, {"SS": [None]}, {"NS": [1]},
    {"BS": [1]}, {"SS": {}}, {"L": "a"}, {"L": {}}, {"L": [1]}, {"L": ["a"]}, {"L": [None]},
    {"L": [{}]}, {"L": [{"N": "x"}]}, {"L": []}, {"M": {}}, {"M": []}, {"M": "a"},
    {"M": {"a": 1}}, {"M": {"a": None}}, {"M": {"a": {}}}, {"M": {"": {"S": "x"}}},
    {"M": {"a": {"SS": []}}}, {"L": [{"NULL": False}]}, {"M": {"a": {"SS": ["b", "b"]}}},
    nested(31), nested(32), nested(31, "M"), nested(32, "M"), nested(40), 5, "x", [], True,
)  # fmt: skip
KEY_SIZES = (1023, 1024, 1025, 2047, 2048)
NUMBERS = (
    "0", "-0", "0.0", "+1", "01", "1.", ".5", "5e", "e5", "", " ", " 1", "1 ", "1e1", "1E+2",
    "1e-2", "1e+0125", "--1", "+-1", "1,5", "1_0", "0x1", "NaN", "Infinity", "-Infinity", "١",
    "1" * 38, "1" * 39, "1" * 38 + "00", "0." + "1" * 38, "0." + "1" * 39, "0" * 50 + "1",
    "1.50", "-1.50", "100000", "1e125", "1e126", "9.9999999999999999999999999999999999999E+125",
    "-9.9999999999999999999999999999999999999E+125", NINES + "e87", NINES + "e88", NINES + "e89",
    "1e-130", "1e-131", "-1e-130", "9e-131", "0e500", "1e99999999999", "1e-99999999999",
    "0.000000000000000000000000000000000000001", "123456789012345678901234567890123456.78",
    "1" + "0" * 125, "1" + "0" * 126, "0." + "0" * 129 + "1", "0." + "0" * 130 + "1",
)  # fmt: skip


def cases() -> Iterator[Case]:
    """All."""
    for value in FAULTS:
        yield from _places("value", value)
    for text in NUMBERS:
        yield from _number(text)
    yield from _names()
    yield from _sizes()
    for key in (*"van", "none", *("k" * size for size in KEY_SIZES)):
        yield Case("clean", "DeleteItem", {"TableName": "plain", "Key": {"pk": {"S": key}}})
        where = {"pk": {"S": "p"}, "sk": {"S": key}}
        yield Case("clean", "DeleteItem", {"TableName": "ranged", "Key": where})


def _places(group: str, value: Any) -> Iterator[Case]:
    item = {"pk": {"S": "v"}, "a": value}
    yield Case(f"{group} in item", "PutItem", {"TableName": "plain", "Item": item})
    yield Case(f"{group} as key", "PutItem", {"TableName": "plain", "Item": {"pk": value}})
    yield Case(f"{group} as key", "GetItem", {"TableName": "plain", "Key": {"pk": value}})
    for table in ("plain", "gone"):
        update = {"TableName": table, "Key": KEY, "ExpressionAttributeValues": {":v": value}}
        update["UpdateExpression"] = "SET a = :v"
        yield Case(f"{group} in update", "UpdateItem", update, RESTORE)
    query = {"TableName": "plain", "KeyConditionExpression": "pk = :v"}
    query["ExpressionAttributeValues"] = {":v": value}
    yield Case(f"{group} in key condition", "Query", query)
    scan = {"TableName": "plain", "FilterExpression": "a = :v"}
    yield Case(f"{group} in filter", "Scan", {**scan, "ExpressionAttributeValues": {":v": value}})
    delete = {"TableName": "plain", "Key": {"pk": {"S": "none"}}}
    condition = {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": value}}
    yield Case(f"{group} in condition", "DeleteItem", {**delete, **condition})
    start = {"TableName": "plain", "ExclusiveStartKey": {"pk": value}}
    yield Case(f"{group} in start key", "Scan", start)
    yield Case(
        f"{group} in Expected", "DeleteItem", {**delete, "Expected": {"a": {"Value": value}}}
    )
    change = {"AttributeUpdates": {"a": {"Value": value}}}
    yield Case(f"{group} in updates", "UpdateItem", {**delete, **change}, RESTORE)
    batch = {"RequestItems": {"plain": [{"PutRequest": {"Item": item}}]}}
    yield Case(f"{group} in batch", "BatchWriteItem", batch)
    put = {"TransactItems": [{"Put": {"TableName": "plain", "Item": item}}]}
    yield Case(f"{group} in transaction", "TransactWriteItems", put)
    get = {"TransactItems": [{"Get": {"TableName": "plain", "Key": {"pk": value}}}]}
    yield Case(f"{group} in transaction", "TransactGetItems", get)


def _number(text: str) -> Iterator[Case]:
    item = {"pk": {"S": "n"}, "a": {"N": text}}
    read = {"TableName": "plain", "Key": {"pk": {"S": "n"}}}
    yield Case("number put", "PutItem", {"TableName": "plain", "Item": item})
    yield Case("number got", "GetItem", read, (("PutItem", {"TableName": "plain", "Item": item}),))
    update: Params = {**read, "ReturnValues": "UPDATED_NEW"}
    update["ExpressionAttributeValues"] = {":v": {"N": text}}
    zero = (("PutItem", {"TableName": "plain", "Item": {"pk": {"S": "n"}, "a": {"N": "1"}}}),)
    for expression in ("SET a = :v", "SET a = a + :v", "SET a = a - :v", "ADD a :v"):
        yield Case("number update", "UpdateItem", {**update, "UpdateExpression": expression}, zero)
    key = {"id": {"N": text}, "bin": {"B": "YQ=="}}
    yield Case("number key", "GetItem", {"TableName": "nums", "Key": key})
    query = {"TableName": "nums", "KeyConditionExpression": "id = :v"}
    yield Case("number key", "Query", {**query, "ExpressionAttributeValues": {":v": {"N": text}}})
    yield Case("number set", "PutItem", {
        "TableName": "plain", "Item": {"pk": {"S": "n"}, "a": {"NS": ["7", text]}},
    })  # fmt: skip


def _names() -> Iterator[Case]:
    for length in (0, 1, 255, 256, 65535, 65536):
        name = "a" * length
        item = {"pk": {"S": "v"}, name: {"S": "x"}}
        yield Case("name in item", "PutItem", {"TableName": "plain", "Item": item})
        inner = {"pk": {"S": "v"}, "m": {"M": {name: {"S": "x"}}}}
        yield Case("name in map", "PutItem", {"TableName": "plain", "Item": inner})
        update = {"TableName": "plain", "Key": KEY, "UpdateExpression": "SET #n = :v"}
        update["ExpressionAttributeNames"] = {"#n": name}
        update["ExpressionAttributeValues"] = {":v": {"S": "x"}}
        yield Case("name by placeholder", "UpdateItem", update, RESTORE)


def _sizes() -> Iterator[Case]:
    for size in (409_590, 409_595, 409_596, 409_597, 409_600, 409_601, 410_000):
        item = {"pk": {"S": "v"}, "a": {"S": "x" * size}}
        yield Case("size", "PutItem", {"TableName": "plain", "Item": item})
        yield Case(
            "size", "BatchWriteItem", {"RequestItems": {"plain": [{"PutRequest": {"Item": item}}]}}
        )
        yield Case("size missing table", "PutItem", {"TableName": "gone", "Item": item})
        update = {"TableName": "plain", "Key": KEY, "UpdateExpression": "SET a = :v"}
        update["ExpressionAttributeValues"] = {":v": {"S": "x" * size}}
        yield Case("size", "UpdateItem", update, RESTORE)
    for size in KEY_SIZES:
        text = "k" * size
        yield Case("size of hash", "PutItem", {"TableName": "plain", "Item": {"pk": {"S": text}}})
        yield Case("size of hash", "GetItem", {"TableName": "plain", "Key": {"pk": {"S": text}}})
        key = {"pk": {"S": "p"}, "sk": {"S": text}}
        yield Case("size of range", "PutItem", {"TableName": "ranged", "Item": key})
        yield Case("size of range", "DeleteItem", {"TableName": "ranged", "Key": key})
        for name in ("g", "l"):
            item = {"pk": {"S": "size"}, "sk": {"S": "1"}, name: {"S": text}}
            yield Case("size of index key", "PutItem", {"TableName": "ranged", "Item": item})
            yield Case(
                "clean",
                "DeleteItem",
                {"TableName": "ranged", "Key": {"pk": {"S": "size"}, "sk": {"S": "1"}}},
            )
