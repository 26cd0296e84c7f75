"""PutItem: which stage answers, what is stored and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
V = "1 validation error detected: "
EMPTY = "The AttributeValue for a key attribute cannot contain an empty string value."
NOT_VALID = "One or more parameter values are not valid. "


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def N(text: str) -> dict[str, str]:  # noqa: N802
    return {"N": text}


KEY = {"pk": S("p"), "sk": S("1")}
GOOD = {"TableName": "tab", "Item": KEY}
BIG = {**KEY, "x": S("x" * 409_600)}
NO_TABLE = ("ResourceNotFoundException", "Requested resource not found")

# Every request breaks the rule of its line and all rules of the lines below it that it can: the
# stages of spec B.1, the first of which answers.
STAGES = [
    (
        {"Item": {**BIG, "x": {"SS": []}}, "ReturnValues": "ALL_NEW"},
        V + P + "An string set  may not be empty",
    ),
    (
        {"Item": {**BIG, "y": N("x")}, "ReturnValues": "ALL_NEW"},
        "The parameter cannot be converted to a numeric value: x",
    ),
    (
        {
            "Expected": {"a": {"Exists": False}},
            "ConditionExpression": "= 1",
            "ExpressionAttributeValues": {},
        },
        V + "Can not use both expression and non-expression parameters in the same request:"
        " Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
    ),
    (
        {"ExpressionAttributeNames": {}, "ReturnValues": "ALL_NEW"},
        V + "ExpressionAttributeNames can only be specified when using expressions",
    ),
    (
        {"ExpressionAttributeValues": {":v": {"SS": []}}, "ReturnValues": "ALL_NEW"},
        V + "ExpressionAttributeValues can only be specified when using expressions:"
        " ConditionExpression is null",
    ),
    (
        {"Item": BIG, "ConditionExpression": "= 1", "ReturnValues": "UPDATED_NEW"},
        V + "ReturnValues can only be ALL_OLD or NONE",
    ),
    (
        {"Item": BIG, "ConditionExpression": "= 1"},
        "Item size has exceeded the maximum allowed size",
    ),
    (
        {"ConditionExpression": "= 1", "ExpressionAttributeNames": {}},
        V + "ExpressionAttributeNames must not be empty",
    ),
    (
        {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": {"NULL": False}}},
        V + P + "Null attribute value types must have the value of true",
    ),
    (
        {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": N("x")}},
        (
            "ExpressionAttributeValues contains invalid value:"
            " The parameter cannot be converted to a numeric value: x for key :v"
        ),
    ),
    (
        {"ConditionExpression": "a = = b"},
        V + 'Invalid ConditionExpression: Syntax error; token: "=", near: "= = b"',
    ),
    (
        {"ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeNames": {"#u": "u"}},
        V + "Value provided in ExpressionAttributeNames unused in expressions: keys: {#u}",
    ),
]


@pytest.mark.parametrize("number", range(len(STAGES)))
def test_what_needs_no_table_is_told_before_the_table_is_looked_for(shop: Any, number: int) -> None:
    params, text = STAGES[number]
    request = {**GOOD, "TableName": "missing", **params}
    assert shop.refusal("PutItem", **request) == ("ValidationException", text)


@pytest.mark.parametrize(
    "item", [{"pk": S("p")}, {"pk": N("1"), "sk": S("")}, {"pk": S(""), "sk": S("1")}]
)
def test_a_missing_table_is_told_before_its_keys_are_thought_of(shop: Any, item: Any) -> None:
    assert shop.refusal("PutItem", TableName="missing", Item=item) == NO_TABLE


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"sk": N("1")}, P + "Missing the key pk in the item"),
        ({"pk": S("p"), "g": N("1")}, P + "Missing the key sk in the item"),
        ({"pk": N("1")}, P + "Type mismatch for key pk expected: S actual: N"),
        ({"pk": S(""), "sk": S("")}, f"{NOT_VALID}{EMPTY} Key: pk"),
        ({"pk": S("p"), "sk": S("")}, f"{NOT_VALID}{EMPTY} Key: sk"),
        (
            {"pk": S("p" * 2049), "sk": S("1")},
            P + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (
            {"pk": S("p"), "sk": S("s" * 1025)},
            P + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ),
        (
            {**KEY, "g": N("1"), "n": S("x")},
            P + "Type mismatch for Index Key g Expected: S Actual: N IndexName: gs1",
        ),
        (
            {**KEY, "l": N("1"), "g": S("g")},
            P + "Type mismatch for Index Key l Expected: S Actual: N IndexName: ls1",
        ),
        (
            {**KEY, "g": S("")},
            (
                f"{NOT_VALID}A value specified for a secondary index key is not supported. {EMPTY}"
                " IndexName: gs1, IndexKey: g"
            ),
        ),
    ],
)
def test_keys_and_index_keys_are_told_bare_and_before_the_condition(
    shop: Any, item: Any, text: str
) -> None:
    request = {"TableName": "tab", "Item": item, "ConditionExpression": "attribute_exists(zz)"}
    assert shop.refusal("PutItem", **request) == ("ValidationException", text)


def test_a_path_into_a_key_is_refused(shop: Any) -> None:
    text = (
        "Key attributes must be scalars;"
        " list random access '[]' and map lookup '.' are not allowed:"
    )
    for path, where in (("pk.x", "Key: pk"), ("g[0]", "IndexKey: g")):
        refusal = shop.refusal("PutItem", **GOOD, ConditionExpression=f"attribute_exists({path})")
        assert refusal == ("ValidationException", f"{text} {where}")


def test_an_item_of_exactly_400_kib_is_stored(shop: Any) -> None:
    overhead = len("pk") + len("p") + len("sk") + len("1") + len("x")
    item = {**KEY, "x": S("x" * (409_600 - overhead))}
    assert shop.ask("PutItem", TableName="tab", Item=item) == {}
    assert shop.ask("GetItem", TableName="tab", Key=KEY) == {"Item": item}
    item["x"]["S"] += "x"
    assert shop.refusal("PutItem", TableName="tab", Item=item)[1].startswith("Item size has")


def test_all_old_is_the_item_that_was_there_and_nothing_when_there_was_none(shop: Any) -> None:
    first, second = {**KEY, "a": N("1.0")}, {**KEY, "b": S("x")}
    put = {"TableName": "tab", "ReturnValues": "ALL_OLD"}
    assert shop.ask("PutItem", Item=first, **put) == {}
    assert shop.ask("PutItem", Item=second, **put) == {"Attributes": {**KEY, "a": N("1")}}
    assert shop.ask("PutItem", TableName="tab", Item=first, ReturnValues="NONE") == {}
    assert shop.ask("GetItem", TableName="tab", Key=KEY) == {"Item": {**KEY, "a": N("1")}}


def test_a_failed_condition_shows_the_item_only_if_asked_and_there_is_one(shop: Any) -> None:
    from streamstore.errors import ConditionFailed

    stored = {**KEY, "a": S("1")}
    shop.ask("PutItem", TableName="tab", Item=stored)
    other = {"pk": S("p"), "sk": S("2")}
    for key, condition, mode, shown in (
        (KEY, "attribute_not_exists(pk)", "ALL_OLD", stored),
        (KEY, "attribute_not_exists(pk)", "NONE", None),
        (KEY, "attribute_not_exists(pk)", None, None),
        (other, "attribute_exists(pk)", "ALL_OLD", None),
    ):
        params = {"TableName": "tab", "Item": key, "ConditionExpression": condition}
        if mode:
            params["ReturnValuesOnConditionCheckFailure"] = mode
        with pytest.raises(ConditionFailed) as caught:
            shop.ask("PutItem", **params, ReturnConsumedCapacity="TOTAL")
        assert caught.value.item == shown
    assert shop.ask("GetItem", TableName="tab", Key=KEY) == {"Item": stored}
    assert shop.ask("GetItem", TableName="tab", Key=other) == {}


CAPACITY = [
    # old item, new item, (table, {LSI or GSI: units})
    (None, {}, (1, {})),
    (None, {"x": S("x" * 2000)}, (2, {})),
    ({"x": S("x" * 3000)}, {}, (3, {})),
    (None, {"g": S("g")}, (1, {"gs2": 1})),
    (None, {"g": S("g"), "n": N("1")}, (1, {"gs1": 1, "gs2": 1})),
    (None, {"l": S("l")}, (1, {"ls1": 1})),
    ({"n": N("1")}, {"n": N("2")}, (1, {})),
    ({"g": S("g"), "n": N("1")}, {"g": S("g"), "n": N("1")}, (1, {})),
    ({"g": S("g"), "n": N("1")}, {"g": S("g"), "n": N("2")}, (1, {"gs1": 2, "gs2": 1})),
    ({"g": S("g"), "n": N("1")}, {"g": S("h"), "n": N("1")}, (1, {"gs1": 2, "gs2": 2})),
    ({"g": S("g"), "n": N("1")}, {"g": S("g"), "n": N("1"), "z": S("z" * 1500)}, (2, {"gs2": 2})),
    (
        {"g": S("g"), "n": N("1"), "a": S("a" * 1100)},
        {"g": S("g"), "n": N("1")},
        (2, {"gs1": 2, "gs2": 2}),
    ),
    ({"g": S("g"), "l": S("l")}, {}, (1, {"ls1": 1, "gs2": 1})),
]


@pytest.mark.parametrize(("old", "new", "units"), CAPACITY)
def test_capacity_of_the_table_and_of_every_index_that_was_touched(
    shop: Any, old: Any, new: Any, units: tuple[int, dict[str, int]]
) -> None:
    if old is not None:
        shop.ask("PutItem", TableName="tab", Item={**KEY, **old})
    put = {"TableName": "tab", "Item": {**KEY, **new}, "ReturnConsumedCapacity": "INDEXES"}
    consumed = shop.ask("PutItem", **put)["ConsumedCapacity"]
    table, indexes = units
    expected: dict[str, Any] = {
        "TableName": "tab",
        "CapacityUnits": float(table + sum(indexes.values())),
        "Table": {"CapacityUnits": float(table)},
    }
    for name, count in indexes.items():
        kind = "LocalSecondaryIndexes" if name == "ls1" else "GlobalSecondaryIndexes"
        expected.setdefault(kind, {})[name] = {"CapacityUnits": float(count)}
    assert consumed == expected
    put["ReturnConsumedCapacity"] = "TOTAL"
    again = shop.ask("PutItem", **put)["ConsumedCapacity"]
    assert again == {"TableName": "tab", "CapacityUnits": again["CapacityUnits"]}
    put["ReturnConsumedCapacity"] = "NONE"
    assert shop.ask("PutItem", **put) == {}


def test_a_table_named_by_its_arn_is_echoed_as_it_was_named(shop: Any) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"
    reply = shop.ask("PutItem", TableName=arn, Item=KEY, ReturnConsumedCapacity="TOTAL")
    assert reply["ConsumedCapacity"] == {"TableName": arn, "CapacityUnits": 1.0}
    assert shop.ask("GetItem", TableName="tab", Key=KEY) == {"Item": KEY}


def test_collection_metrics_come_with_an_lsi_only(shop: Any) -> None:
    put = {"Item": KEY, "ReturnItemCollectionMetrics": "SIZE"}
    metrics = {"ItemCollectionKey": {"pk": S("p")}, "SizeEstimateRangeGB": [0.0, 1.0]}
    assert shop.ask("PutItem", TableName="tab", **put) == {"ItemCollectionMetrics": metrics}
    assert (
        shop.ask(
            "PutItem", TableName="solo", Item={"pk": S("p")}, ReturnItemCollectionMetrics="SIZE"
        )
        == {}
    )
    put["ReturnItemCollectionMetrics"] = "NONE"
    assert shop.ask("PutItem", TableName="tab", **put) == {}


def test_a_table_that_went_between_plan_and_lock_is_not_found(shop: Any) -> None:
    from streamstore.errors import ResourceNotFound
    from streamstore.operations import registry

    plan = registry.prepare("PutItem", GOOD, shop.scope)
    shop.ask("DeleteTable", TableName="tab")
    with pytest.raises(ResourceNotFound):
        shop.writer.run(plan.apply)
