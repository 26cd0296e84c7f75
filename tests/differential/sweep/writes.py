"""Single writes: what they return, consume and measure, keys that don't fit, indexes' keys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from case import KEY, RESTORE, THING, Case, Params, Step

RETURNS = (None, "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
GONE: tuple[Step, ...] = (("DeleteItem", {"TableName": "plain", "Key": KEY}),)
V: Params = {":v": {"S": "x"}, ":n": {"N": "1"}, ":l": {"L": [{"S": "x"}]}, ":e": {"SS": ["a"]}}
UPDATES = (
    "SET s = :v", "SET fresh = :v", "SET m.x = :v", "SET m.fresh = :v", "SET l[0] = :v",
    "SET l[9] = :v", "SET l[1] = :v, l[3].x = :v", "SET m.l[0] = :v, m.y = :n",
    "SET l[8] = :v, l[7] = :v", "SET l = list_append(l, :l)", "SET n = n + :n",
    "SET n = if_not_exists(n, :n)", "SET fresh = if_not_exists(n, :n)", "REMOVE s", "REMOVE gone",
    "REMOVE m.x", "REMOVE l[0]", "REMOVE l[0], l[2]", "REMOVE l[9]", "REMOVE m.gone",
    "REMOVE m.l[0], m.l[1]", "ADD n :n", "ADD fresh :n", "ADD ss :e", "ADD m.y :n",
    "ADD m.fresh :n", "DELETE ss :e", "DELETE fresh :e", "SET s = s", "SET s = :v REMOVE n",
    "SET s = :v, m.x = :v REMOVE l[0] ADD n :n DELETE ss :e", "REMOVE l[1] SET l[0] = :v",
    "SET l[0] = l[1], l[1] = l[0]", "SET l[2][0] = :v", "SET l[3].x = :n", "REMOVE m",
    "REMOVE l[2][0]", "SET m.l = list_append(m.l, :l)",
)  # fmt: skip
KEYS: tuple[Any, ...] = (
    {}, {"pk": {"S": "p"}}, {"sk": {"S": "s"}}, {"pk": {"S": "p"}, "sk": {"S": "s01"}},
    {"pk": {"S": "p"}, "sk": {"N": "1"}}, {"pk": {"N": "1"}, "sk": {"S": "s"}},
    {"pk": {"BOOL": True}, "sk": {"S": "s"}}, {"pk": {"S": ""}, "sk": {"S": "s"}},
    {"pk": {"S": "p"}, "sk": {"S": ""}}, {"pk": {"S": ""}, "sk": {"S": ""}},
    {"pk": {"S": "p"}, "sk": {"S": "s"}, "x": {"S": "x"}}, {"pk": {"S": "p"}, "zz": {"S": "s"}},
    {"pk": {"L": []}, "sk": {"M": {}}}, {"pk": {"S": ""}, "sk": {"N": "1"}},
)  # fmt: skip


def needed(expression: str) -> Params:
    """The values that an expression uses."""
    return {name: value for name, value in V.items() if name in expression}


def cases() -> Iterator[Case]:
    """All."""
    yield from _returned()
    yield from _keys()
    yield from _consumed()
    yield from _index_keys()
    yield from _rules()


def _returned() -> Iterator[Case]:
    for expression, mode in product(UPDATES, RETURNS[1:]):
        params = {"TableName": "plain", "Key": KEY, "UpdateExpression": expression}
        params |= {"ReturnValues": mode}
        if needed(expression):
            params["ExpressionAttributeValues"] = needed(expression)
        for name, before in (("there", RESTORE), ("not there", GONE)):
            yield Case(f"returned {name} {mode}", "UpdateItem", params, before)
            if mode == "ALL_NEW":
                after = (*before, ("UpdateItem", params))
                read = {"TableName": "plain", "Key": KEY}
                yield Case(f"afterwards {name}", "GetItem", read, after)
    bare = {"TableName": "plain", "Key": KEY}
    for mode, failed in product(RETURNS, (None, "NONE", "ALL_OLD")):
        more = {} if mode is None else {"ReturnValues": mode}
        more |= {} if failed is None else {"ReturnValuesOnConditionCheckFailure": failed}
        for condition in (None, "attribute_exists(pk)", "attribute_not_exists(pk)"):
            asked = more if condition is None else {**more, "ConditionExpression": condition}
            for name, before in (("there", RESTORE), ("not there", GONE)):
                group = f"returned {name} {mode}"
                yield Case(group, "PutItem", {"TableName": "plain", "Item": THING, **asked}, before)
                yield Case(group, "DeleteItem", {**bare, **asked}, before)
                yield Case(group, "UpdateItem", {**bare, **asked}, before)


def _keys() -> Iterator[Case]:
    for key in KEYS:
        for table in ("ranged", "plain", "gone"):
            yield Case("keys", "GetItem", {"TableName": table, "Key": key})
            yield Case(
                "keys",
                "DeleteItem",
                {"TableName": table, "Key": key, "ConditionExpression": "attribute_exists(nope)"},
            )
            yield Case(
                "keys",
                "UpdateItem",
                {"TableName": table, "Key": key, "ConditionExpression": "attribute_exists(nope)"},
            )
            yield Case(
                "keys",
                "PutItem",
                {"TableName": table, "Item": key, "ConditionExpression": "attribute_exists(nope)"},
            )
            yield Case("keys batch", "BatchGetItem", {"RequestItems": {table: {"Keys": [key]}}})
            for element in (
                {"DeleteRequest": {"Key": key}}, {"PutRequest": {"Item": {**key, "sk": 5}}},
            ):  # fmt: skip
                yield Case("keys batch", "BatchWriteItem", {"RequestItems": {table: [element]}})
            condition = {"ConditionExpression": "attribute_exists(nope)"}
            for action in (
                {"Put": {"TableName": table, "Item": key, **condition}},
                {"Delete": {"TableName": table, "Key": key, **condition}},
                {"ConditionCheck": {"TableName": table, "Key": key, **condition}},
                {"Update": {"TableName": table, "Key": key, "UpdateExpression": "REMOVE a",
                    **condition}},
            ):  # fmt: skip
                yield Case("keys transact", "TransactWriteItems", {"TransactItems": [action]})
            get = {"Get": {"TableName": table, "Key": key}}
            yield Case("keys transact", "TransactGetItems", {"TransactItems": [get]})


def _consumed() -> Iterator[Case]:
    where = {"pk": {"S": "cc"}, "sk": {"S": "1"}}
    gone = ("DeleteItem", {"TableName": "ranged", "Key": where})
    items: tuple[Params, ...] = (
        {}, {"g": {"S": "g"}}, {"g": {"S": "g"}, "n": {"N": "1"}}, {"l": {"S": "l"}},
        {"g": {"S": "g"}, "n": {"N": "1"}, "l": {"S": "l"}, "a": {"S": "a" * 1100}},
        {"g": {"S": "h"}, "n": {"N": "2"}, "l": {"S": "l"}, "a": {"S": "a"}},
        {"g": {"S": "g"}, "n": {"N": "1"}, "c": {"S": "c" * 2100}},
    )  # fmt: skip
    for mode in ("TOTAL", "INDEXES", "NONE"):
        more = {"TableName": "ranged", "ReturnConsumedCapacity": mode,
                "ReturnItemCollectionMetrics": "SIZE"}  # fmt: skip
        for old, new in product((None, *items), items):
            before: tuple[Step, ...] = (gone,)
            if old is not None:
                before = (*before, ("PutItem", {"TableName": "ranged", "Item": {**where, **old}}))
            put = {**more, "Item": {**where, **new}}
            yield Case(f"consumed {mode}", "PutItem", put, before)
        for old in (None, *items):
            before = (gone,)
            if old is not None:
                before = (*before, ("PutItem", {"TableName": "ranged", "Item": {**where, **old}}))
            yield Case(f"consumed {mode}", "DeleteItem", {**more, "Key": where}, before)
            update = {**more, "Key": where, "UpdateExpression": "SET a = :v"}
            update["ExpressionAttributeValues"] = {":v": {"S": "z"}}
            yield Case(f"consumed {mode}", "UpdateItem", update, before)
            for consistent in (True, False):
                read = {"TableName": "ranged", "Key": where, "ReturnConsumedCapacity": mode}
                read["ConsistentRead"] = consistent
                yield Case(f"consumed {mode}", "GetItem", read, before)
    yield Case("clean", "DeleteItem", gone[1])


def _index_keys() -> Iterator[Case]:
    where = {"pk": {"S": "ik"}, "sk": {"S": "1"}}
    fresh = (("PutItem", {"TableName": "ranged", "Item": {**where, "g": {"S": "g"}}}),)
    for name, value in product("gnl", ({"S": "x"}, {"S": ""}, {"N": "1"}, {"BOOL": True},
                                       {"NULL": True}, {"L": []}, {"SS": ["a"]})):  # fmt: skip
        put = {"TableName": "ranged", "Item": {**where, name: value}}
        yield Case("index key put", "PutItem", put, fresh)
        batch = {"RequestItems": {"ranged": [{"PutRequest": {"Item": put["Item"]}}]}}
        yield Case("index key batch", "BatchWriteItem", batch, fresh)
        transact = {"TransactItems": [{"Put": put}]}
        yield Case("index key transact", "TransactWriteItems", transact, fresh)
        update = {"TableName": "ranged", "Key": where, "UpdateExpression": f"SET {name} = :v"}
        update["ExpressionAttributeValues"] = {":v": value}
        yield Case("index key update", "UpdateItem", update, fresh)
        transact = {"TransactItems": [{"Update": update}]}
        yield Case("index key transact", "TransactWriteItems", transact, fresh)
    for expression in (
        "SET g.x = :v", "SET g[0] = :v", "REMOVE g", "REMOVE g.x", "ADD n :v", "ADD g :v",
        "SET pk = :v", "SET pk.x = :v", "REMOVE sk", "SET sk = :v, pk = :v",
    ):  # fmt: skip
        update = {"TableName": "ranged", "Key": where, "UpdateExpression": expression}
        if ":v" in expression:
            update["ExpressionAttributeValues"] = {":v": {"N": "1"}}
        yield Case("key update", "UpdateItem", update, fresh)
    yield Case("clean", "DeleteItem", {"TableName": "ranged", "Key": where})


def _rules() -> Iterator[Case]:
    """Parameters that don't go together, and which fault is told first."""
    key = {"TableName": "plain", "Key": KEY}
    expected = {"Expected": {"s": {"Value": {"S": "x"}}}}
    names = {"ExpressionAttributeNames": {"#a": "a"}}
    values = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
    condition = {"ConditionExpression": "s = :v", **values}
    update = {"UpdateExpression": "SET s = :v", **values}
    updates = {"AttributeUpdates": {"s": {"Value": {"S": "x"}}}}
    operator = {"ConditionalOperator": "AND"}
    extras: tuple[Params, ...] = (
        expected, names, values, {**names, **values}, condition, {**condition, **names},
        {**condition, **expected}, {**condition, **operator}, operator, {**expected, **operator},
        {"ExpressionAttributeNames": {}}, {"ExpressionAttributeValues": {}},
        {**condition, "ExpressionAttributeNames": {}},
        {**condition, "ExpressionAttributeValues": {}}, {"ConditionExpression": ""},
        {"ConditionExpression": " "}, {"Expected": {}}, {"ConditionExpression": "s = :v"},
        {"ConditionExpression": "#s = :v", **values}, {**condition, "ReturnValues": "NOPE"},
        {**expected, "ReturnValues": "ALL_NEW"},
    )  # fmt: skip
    for table, extra in product(("plain", "gone"), extras):
        put = {"TableName": table, "Item": THING, **extra}
        yield Case("rules", "PutItem", put, RESTORE)
        yield Case("rules", "DeleteItem", {**key, "TableName": table, **extra}, RESTORE)
        yield Case("rules", "UpdateItem", {**key, "TableName": table, **extra}, RESTORE)
        for more in (update, updates, {"UpdateExpression": ""}, {"AttributeUpdates": {}}):
            both = {**key, "TableName": table, **more, **extra}
            yield Case("rules", "UpdateItem", both, RESTORE)
