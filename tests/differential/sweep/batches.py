"""Batches and transactions: bounds, duplicates, what is empty, several tables, tokens, reasons."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from case import KEY, RESTORE, THING, Case, Params, Step

CONDITION: Params = {"ConditionExpression": "attribute_not_exists(pk)"}
V: Params = {"ExpressionAttributeValues": {":v": {"S": "x"}}}


def key(number: Any) -> Params:
    """A key of the table `plain`."""
    return {"pk": {"S": f"k{number}"}}


def put(number: Any, **more: Any) -> Params:
    """An action that puts."""
    return {"Put": {"TableName": "plain", "Item": key(number), **more}}


def delete(number: Any, **more: Any) -> Params:
    """An action that deletes."""
    return {"Delete": {"TableName": "plain", "Key": key(number), **more}}


def update(number: Any, text: str = "SET s = :v", **more: Any) -> Params:
    """An action that updates."""
    given = V if ":v" in text else {}
    where = {"TableName": "plain", "Key": key(number)}
    return {"Update": {**where, "UpdateExpression": text, **given, **more}}


def check(number: Any, condition: str = "attribute_not_exists(zz)", **more: Any) -> Params:
    """An action that checks."""
    given = {"TableName": "plain", "Key": key(number), "ConditionExpression": condition, **more}
    return {"ConditionCheck": given}


def cases() -> Iterator[Case]:
    """All."""
    yield from _batch_get()
    yield from _batch_write()
    yield from _transact_write()
    yield from _reasons()
    yield from _tokens()
    yield from _transact_get()


def _batch_get() -> Iterator[Case]:
    for count in (0, 1, 100, 101):
        keys = [key(number) for number in range(count)]
        yield Case("batch get count", "BatchGetItem", {"RequestItems": {"plain": {"Keys": keys}}})
    other = [{"pk": {"S": "p"}, "sk": {"S": f"s{n:02}"}} for n in range(60)]
    plain = [key(number) for number in range(60)]
    for requests in (
        {}, {"gone": {"Keys": [KEY]}}, {"plain": {"Keys": [KEY]}, "gone": {"Keys": [KEY]}},
        {"plain": {"Keys": plain}, "ranged": {"Keys": other}}, {"plain": {"Keys": [KEY, KEY]}},
        {"gone": {"Keys": [KEY, KEY]}},
        {"nums": {"Keys": [ {"id": {"N": "1"}, "bin": {"B": "YQ=="}}, {"id": {"N": "1.0"},
            "bin": {"B": "YQ=="}}]}},
        {"plain": {"Keys": [KEY], "AttributesToGet": ["s"], "ProjectionExpression": "s"}},
        {"plain": {"Keys": [KEY], "AttributesToGet": ["s"]}, "ranged": {"Keys": other[:1],
            "ProjectionExpression": "a"}},
        {"plain": {"Keys": [KEY], "AttributesToGet": ["s", "s"]}},
        {"plain": {"Keys": [KEY], "ExpressionAttributeNames": {"#s": "s"}}},
        {"plain": {"Keys": [KEY], "ProjectionExpression": "s",
            "ExpressionAttributeNames": {"#s": "s"}}},
        {"plain": {"Keys": [KEY], "ProjectionExpression": "#s"}}, {"plain": {"Keys": []}},
        {"plain": {"Keys": [KEY], "AttributesToGet": []}},
        {"plain": {"Keys": [KEY], "ConsistentRead": True}},
        {"plain": {"Keys": [KEY]}, "ranged": {"Keys": other[1:3], "ConsistentRead": True}},
        {"pl": {"Keys": [KEY]}, "x": {"Keys": [KEY]}}, {"p l": {"Keys": [KEY]}},
        {"": {"Keys": [KEY]}}, {"$arn_plain": {"Keys": [KEY]}},
        {"plain": {"Keys": [{**KEY, "x": {"S": "x"}}]}},
        {"plain": {"Keys": [KEY, {"pk": {"N": "1"}}]}}, {"plain": {"Keys": [{"pk": {"S": ""}}]}},
    ):  # fmt: skip
        for mode in ("TOTAL", "INDEXES"):
            params = {"RequestItems": requests, "ReturnConsumedCapacity": mode}
            yield Case("batch get", "BatchGetItem", params, RESTORE)


def _batch_write() -> Iterator[Case]:
    def item(number: Any) -> Params:
        return {"PutRequest": {"Item": key(number)}}

    def gone(number: Any) -> Params:
        return {"DeleteRequest": {"Key": key(number)}}

    for count in (0, 1, 25, 26):
        elements = [item(number) for number in range(count)]
        yield Case("batch write count", "BatchWriteItem", {"RequestItems": {"plain": elements}})
    row = {"PutRequest": {"Item": {"pk": {"S": "bw"}, "sk": {"S": "1"}, "l": {"S": "l"}}}}
    rows = [{"DeleteRequest": {"Key": {"pk": {"S": "bw"}, "sk": {"S": str(n)}}}} for n in range(13)]
    for requests in (
        {}, {"plain": []}, {"gone": [item(1)]}, {"plain": [item(1)], "gone": [item(1)]},
        {"plain": [item(1), item(1)]}, {"plain": [item(1), gone(1)]}, {"gone": [item(1), item(1)]},
        {"plain": [item(1), gone(2)], "ranged": [row]}, {"plain": [{}]},
        {"plain": [{**item(1), **gone(2)}]},
        {"plain": [item(n) for n in range(13)], "ranged": rows},
        {"nums": [{"DeleteRequest": {"Key": {"id": {"N": "7"}, "bin": {"B": "YQ=="}}}},
            {"DeleteRequest": {"Key": {"id": {"N": "7.0"}, "bin": {"B": "YQ=="}}}}]},
        {"plain": [{"PutRequest": {"Item": {"a": {"S": "x"}}}}]},
        {"plain": [{"PutRequest": {"Item": {"pk": {"N": "1"}}}}]},
        {"plain": [{"PutRequest": {"Item": {"pk": {"S": ""}}}}]},
        {"plain": [{"DeleteRequest": {"Key": {}}}]}, {"plain": [{"PutRequest": {}}]},
        {"plain": [{"DeleteRequest": {}}]}, {"x": [item(1)]}, {"p l": [item(1)]},
        {"plain": [gone(n) for n in range(25)]}, {"ranged": [row]}, {"ranged": rows[:2]},
        {"$arn_plain": [item(1)]},
        {"ranged": [{"PutRequest": {"Item": { "pk": {"S": "bw"}, "sk": {"S": "1"},
            "g": {"N": "1"}}}}]},
    ):  # fmt: skip
        for mode in ("TOTAL", "INDEXES"):
            params = {"RequestItems": requests, "ReturnConsumedCapacity": mode}
            params["ReturnItemCollectionMetrics"] = "SIZE"
            yield Case("batch write", "BatchWriteItem", params)
    yield Case("clean", "BatchWriteItem", {"RequestItems": {"plain": [gone(n) for n in range(25)]}})


CLEAN: tuple[Step, ...] = (
    ("BatchWriteItem", {"RequestItems": {"plain": [
        {"DeleteRequest": {"Key": key(n)}} for n in (1, 2, 3, "x")]}}),
    ("PutItem", {"TableName": "plain", "Item": {**THING, "pk": {"S": "kx"}}}),
)  # fmt: skip


def _transact_write() -> Iterator[Case]:
    for count in (0, 1, 100, 101):
        actions = [check(number) for number in range(count)]
        yield Case("transact count", "TransactWriteItems", {"TransactItems": actions})
    for actions in (
        [{}], [{**put(1), **delete(2)}], [put(1), put(1)], [put(1), delete(1)], [put(1), check(1)],
        [check(1), check(1)], [put(1), delete(2), update(3), check("x")], [put(1), {}],
        [update(1, "SET")], [update(1, "")], [check(1, "")], [check(1, "zz")],
        [put(1, ConditionExpression="")], [update(1, "SET s = :u")], [update(1, "SET #u = :v")],
        [update(1, "SET pk = :v")], [put(1, ExpressionAttributeNames={"#a": "a"})], [put(1, **V)],
        [delete(1, **V)], [put(1, **CONDITION, ExpressionAttributeNames={"#a": "a"})],
        [put(1, **CONDITION, **V)], [update(1, "REMOVE a", **V)],
        [{"Put": {"TableName": "gone", "Item": key(1)}}, put(2)],
        [{"Put": {"TableName": "gone", "Item": key(1)}}, {"Put": {"TableName": "gone",
            "Item": key(1)}}],
        [put(1, ReturnValuesOnConditionCheckFailure="NOPE")], [put(1, ReturnValues="ALL_OLD")],
        [{"Put": {"TableName": "plain", "Item": {}}}],
        [{"Put": {"TableName": "plain", "Item": {"a": {"S": "x"}}}}],
        [{"Get": {"TableName": "plain", "Key": key(1)}}], [update(1, "REMOVE a")],
        [update("x", "SET s.x = :v")], [{"Put": {"TableName": "$arn_plain", "Item": key(1)}}],
        [put(1), {"Put": {"TableName": "$arn_plain", "Item": key(1)}}],
    ):  # fmt: skip
        for mode in ("TOTAL", "INDEXES"):
            params = {"TransactItems": actions, "ReturnConsumedCapacity": mode}
            yield Case("transact", "TransactWriteItems", params, CLEAN)


def _reasons() -> Iterator[Case]:
    failing = "attribute_not_exists(pk)"
    faults: tuple[Params, ...] = (
        put("x", **CONDITION),
        put("x", **CONDITION, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        put(1, ConditionExpression="attribute_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        delete("x", ConditionExpression=failing, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        update("x", ConditionExpression=failing),
        check("x", failing, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        update("x", "SET gone.x = :v"), update("x", "SET s = gone"), update("x", "ADD s :v"),
        update("x", "SET n = n + s"), update("x", "SET l = list_append(s, l)"),
        {"Put": {"TableName": "plain", "Item": {"pk": {"N": "1"}}}},
        {"Delete": {"TableName": "plain", "Key": {"pk": {"N": "1"}}}},
        {"Put": {"TableName": "ranged", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"},
            "g": {"N": "1"}}}},
        {"Put": {"TableName": "ranged", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"},
            "g": {"S": ""}}}},
        {"Put": {"TableName": "plain", "Item": {"pk": {"S": ""}}}},
    )  # fmt: skip
    for fault in faults:
        yield Case("reasons", "TransactWriteItems", {"TransactItems": [fault]}, CLEAN)
        yield Case("reasons", "TransactWriteItems", {"TransactItems": [put(2), fault]}, CLEAN)
        yield Case("afterwards", "GetItem", {"TableName": "plain", "Key": key(2)})
    for first, second in product(faults, repeat=2):
        if first is not second:
            params = {"TransactItems": [first, put(3), second]}
            yield Case("reasons two", "TransactWriteItems", params, CLEAN)


def _tokens() -> Iterator[Case]:
    one = {"TransactItems": [put(1)], "ReturnConsumedCapacity": "TOTAL"}
    yield Case("token", "TransactWriteItems", {**one, "ClientRequestToken": "t1"}, CLEAN)
    yield Case("token again", "TransactWriteItems", {**one, "ClientRequestToken": "t1"})
    indexes = {**one, "ReturnConsumedCapacity": "INDEXES", "ClientRequestToken": "t1"}
    yield Case("token again", "TransactWriteItems", indexes)
    other = {"TransactItems": [put(2)], "ClientRequestToken": "t1"}
    yield Case("token other", "TransactWriteItems", other)
    for token in ("", "a", "a" * 36, "a" * 37, 5, None):
        yield Case("token form", "TransactWriteItems", {**one, "ClientRequestToken": token}, CLEAN)
    failed = {"TransactItems": [put("x", **CONDITION)], "ClientRequestToken": "t2"}
    yield Case("token failed", "TransactWriteItems", failed, CLEAN)
    yield Case("token failed again", "TransactWriteItems", failed)


def _transact_get() -> Iterator[Case]:
    def get(number: Any, table: str = "plain", **more: Any) -> Params:
        return {"Get": {"TableName": table, "Key": key(number), **more}}

    for count in (0, 1, 100, 101):
        gets = [get(number) for number in range(count)]
        yield Case("transact get count", "TransactGetItems", {"TransactItems": gets})
    for gets in (
        [{}], [get("x")], [get("x"), get("none")], [get("x"), get("x")], [get("x", "gone")],
        [get("x", "gone"), get("x", "gone")], [get("x", ProjectionExpression="s")],
        [get("x", ProjectionExpression="gone")], [get("x", ProjectionExpression="#s")],
        [get("x", ExpressionAttributeNames={"#s": "s"})], [get("x", ProjectionExpression="")],
        [get("x", ProjectionExpression="s", ExpressionAttributeNames={"#s": "s"})],
        [get("x", "ranged")], [get("x"), get("x", "ranged")],
        [get("x", ProjectionExpression="m, m.x")],
    ):  # fmt: skip
        for mode in ("TOTAL", "INDEXES"):
            params = {"TransactItems": gets, "ReturnConsumedCapacity": mode}
            yield Case("transact get", "TransactGetItems", params, CLEAN)
