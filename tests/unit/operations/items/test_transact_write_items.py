"""TransactWriteItems: what refuses the request, what cancels it, tokens, units."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import TransactionCanceled

P = "One or more parameter values were invalid: "
EMPTY = "The AttributeValue for a key attribute cannot contain an empty string value."
SAME = "Transaction request cannot include multiple operations on one item"


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def N(text: str) -> dict[str, str]:  # noqa: N802
    return {"N": text}


def key(sk: str) -> dict[str, Any]:
    return {"pk": S("p"), "sk": S(sk)}


def put(sk: str, table: str = "tab", **more: Any) -> dict[str, Any]:
    extra = {name: more.pop(name) for name in list(more) if name[0].isupper()}
    return {"Put": {"TableName": table, "Item": {**key(sk), **more}, **extra}}


def delete(sk: str, table: str = "tab", **more: Any) -> dict[str, Any]:
    return {"Delete": {"TableName": table, "Key": key(sk), **more}}


def update(sk: str, text: str, table: str = "tab", **values: Any) -> dict[str, Any]:
    request = {"TableName": table, "Key": key(sk), "UpdateExpression": text}
    if values:
        request["ExpressionAttributeValues"] = {f":{n}": v for n, v in values.items()}
    return {"Update": request}


def check(sk: str, text: str = "attribute_exists(pk)", **more: Any) -> dict[str, Any]:
    request = {"TableName": "tab", "Key": key(sk), "ConditionExpression": text, **more}
    return {"ConditionCheck": request}


OUTRIGHT = [
    (
        [{**put("1"), **delete("2")}],
        "TransactItems can only contain one of Check, Put, Update or Delete",
    ),
    ([{}], "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"),
    ([put("1", "missing", x={"SS": []})], P + "An string set  may not be empty"),
    (
        [put("1", "missing", ConditionExpression="=")],
        'Invalid ConditionExpression: Syntax error; token: "=", near: "="',
    ),
    (
        [update("1", "SET a = :v, a = :v", "missing", v=S("x"))],
        (
            "Invalid UpdateExpression: Two document paths overlap with each other; must remove or"
            " rewrite one of these paths; path one: [a], path two: [a]"
        ),
    ),
    ([put("1", "missing", x=S("x" * 409_600))], "Item size has exceeded the maximum allowed size"),
    (
        [put(str(n), "missing", x=S("x" * 400_000)) for n in range(11)],
        f"Transaction payload size cannot exceed 4MB. Payload Size: {11 * 400_007 + 1}",
    ),
]


@pytest.mark.parametrize("number", range(len(OUTRIGHT)))
def test_what_needs_no_table_refuses_the_request_first(shop: Any, number: int) -> None:
    elements, text = OUTRIGHT[number]
    assert shop.refusal("TransactWriteItems", TransactItems=elements) == (
        "ValidationException",
        text,
    )


def test_a_missing_expression_of_a_check_or_update_breaks_a_constraint(shop: Any) -> None:
    request = {"TableName": "tab", "Key": key("1")}
    _, text = shop.refusal(
        "TransactWriteItems", TransactItems=[put("0"), {"ConditionCheck": request}]
    )
    assert text == (
        "1 validation error detected: Value null at"
        " 'transactItems.2.member.conditionCheck.conditionExpression' failed to satisfy constraint:"
        " Member must not be null"
    )
    code, _ = shop.refusal("TransactWriteItems", TransactItems=[put(str(n)) for n in range(101)])
    assert code == "ValidationException"


@pytest.mark.parametrize(
    ("elements", "text"),
    [
        ([put("1"), put("1")], SAME),
        ([put("1"), check("1")], SAME),
        ([delete("1"), update("1", "REMOVE a")], SAME),
        ([put("")], f"One or more parameter values are not valid. {EMPTY} Key: sk"),
        ([delete("")], f"One or more parameter values are not valid. {EMPTY} Key: sk"),
        (
            [put("1", g=S(""))],
            (
                "One or more parameter values are not valid."
                " A value specified for a secondary index"
                f" key is not supported. {EMPTY} IndexName: gs1, IndexKey: g"
            ),
        ),
        (
            [put("2"), update("1", "SET g = :v", v=S(""))],
            (
                "One or more parameter values are not valid. The update expression attempted to"
                f" update a secondary index key to a value that is not supported. {EMPTY}"
            ),
        ),
    ],
)
def test_one_item_twice_and_empty_keys_refuse_the_request(
    shop: Any, elements: Any, text: str
) -> None:
    elements = [*elements, put("other")]
    refusal = shop.refusal("TransactWriteItems", TransactItems=elements)
    assert refusal == ("ValidationException", text)
    code, _ = shop.refusal("TransactWriteItems", TransactItems=[*elements, put("1", "missing")])
    assert code == "ResourceNotFoundException"


def reasons(shop: Any, *elements: Any) -> list[tuple[str, str | None, Any]]:
    with pytest.raises(TransactionCanceled) as caught:
        shop.ask("TransactWriteItems", TransactItems=list(elements))
    return [(reason.code, reason.message, reason.item) for reason in caught.value.reasons]


NONE = ("None", None, None)
FAILED = ("ConditionalCheckFailed", "The conditional request failed", None)
CANCELING = [
    ({"Put": {"TableName": "tab", "Item": {"pk": S("p")}}}, P + "Missing the key sk in the item"),
    (
        {"Put": {"TableName": "tab", "Item": {"pk": N("1"), "sk": S("1")}}},
        P + "Type mismatch for key pk expected: S actual: N",
    ),
    (
        put("1", g=N("1")),
        P + "Type mismatch for Index Key g Expected: S Actual: N IndexName: gs1",
    ),
    (
        {"Delete": {"TableName": "tab", "Key": {"pk": S("p")}}},
        "The provided key element does not match the schema",
    ),
    (
        update("1", "SET pk = :v", v=S("x")),
        P + "Cannot update attribute pk. This attribute is part of the key",
    ),
    (
        update("1", "SET a = b"),
        "The provided expression refers to an attribute that does not exist in the item",
    ),
    (
        update("1", "SET a.b = :v", v=S("x")),
        "The document path provided in the update expression is invalid for update",
    ),
    (
        update("1", "SET a = pk + :v", v=N("1")),
        "An operand in the update expression has an incorrect data type",
    ),
    (
        update("1", "SET g = :v", v=N("1")),
        "The update expression attempted to update the secondary index key to unsupported type",
    ),
    (
        update("1", "SET a = :v", v=S("x" * 409_600)),
        "Item size to update has exceeded the maximum allowed size",
    ),
]


@pytest.mark.parametrize("number", range(len(CANCELING)))
def test_what_is_wrong_with_one_action_cancels_and_every_action_is_judged(
    shop: Any, number: int
) -> None:
    element, text = CANCELING[number]
    fault = ("ValidationError", text, None)
    assert reasons(shop, element, put("2"), check("3")) == [fault, NONE, FAILED]
    assert shop.ask("Scan", TableName="tab")["Count"] == 0


def test_a_failed_condition_shows_the_item_where_it_is_asked_for(shop: Any) -> None:
    item = {**key("1"), "a": N("1")}
    shop.ask("PutItem", TableName="tab", Item=item)
    other = {**key("2"), "a": N("2")}
    shop.ask("PutItem", TableName="tab", Item=other)
    show = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    assert reasons(
        shop,
        put("1", ConditionExpression="attribute_not_exists(pk)", **show),
        check("2", "attribute_not_exists(pk)"),
        check("3", **show),
        put("4"),
    ) == [(*FAILED[:2], item), FAILED, FAILED, NONE]


def test_all_is_written_together(shop: Any) -> None:
    for sk in "123":
        shop.ask("PutItem", TableName="tab", Item={**key(sk), "a": N("1")})
    elements = [
        put("new", x=S("x")),
        delete("1", ConditionExpression="attribute_exists(pk)"),
        update("2", "SET a = a + :v", v=N("1")),
        check("3"),
        {"Put": {"TableName": "solo", "Item": {"pk": S("q")}}},
    ]
    assert shop.ask("TransactWriteItems", TransactItems=elements) == {}
    assert shop.ask(
        "Query",
        TableName="tab",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": S("p")},
    )["Items"] == [
        {**key("2"), "a": N("2")},
        {**key("3"), "a": N("1")},
        {**key("new"), "x": S("x")},
    ]
    assert shop.ask("Scan", TableName="solo")["Count"] == 1


def test_units_are_doubled_on_the_table_and_not_on_indexes(shop: Any) -> None:
    reply = shop.ask(
        "TransactWriteItems",
        TransactItems=[
            put("1", g=S("g"), x=S("x" * 1200)),
            {
                "ConditionCheck": {
                    "TableName": "tab",
                    "Key": key("2"),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            {"Put": {"TableName": "solo", "Item": {"pk": S("q")}}},
        ],
        ReturnConsumedCapacity="INDEXES",
        ReturnItemCollectionMetrics="SIZE",
    )
    assert reply == {
        "ConsumedCapacity": [
            {
                "TableName": "tab",
                "CapacityUnits": 8.0,
                "WriteCapacityUnits": 8.0,
                "Table": {"CapacityUnits": 6.0, "WriteCapacityUnits": 6.0},
                "GlobalSecondaryIndexes": {"gs2": {"CapacityUnits": 2.0}},
            },
            {
                "TableName": "solo",
                "CapacityUnits": 2.0,
                "WriteCapacityUnits": 2.0,
                "Table": {"CapacityUnits": 2.0, "WriteCapacityUnits": 2.0},
            },
        ],
        "ItemCollectionMetrics": {
            "tab": [{"ItemCollectionKey": {"pk": S("p")}, "SizeEstimateRangeGB": [0.0, 1.0]}]
        },
    }


def test_a_token_makes_a_repetition_answer_without_writing_for_ten_minutes(shop: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item={**key("1"), "a": N("0")})
    elements = [update("1", "SET a = a + :v", v=N("1")), put("2", x=S("x" * 5000))]
    request = {"TransactItems": elements, "ClientRequestToken": "token"}
    again = {**request, "ReturnConsumedCapacity": "TOTAL"}

    def stored() -> Any:
        return shop.ask("GetItem", TableName="tab", Key=key("1"))["Item"]["a"]

    assert shop.ask("TransactWriteItems", **request) == {}
    shop.clock.advance(599)
    assert shop.ask("TransactWriteItems", **again) == {
        "ConsumedCapacity": [{"TableName": "tab", "CapacityUnits": 6.0, "ReadCapacityUnits": 6.0}]
    }
    assert stored() == N("1")
    other = {**request, "TransactItems": elements[:1]}
    code, _ = shop.refusal("TransactWriteItems", **other)
    assert code == "IdempotentParameterMismatchException"
    shop.clock.advance(2)
    assert shop.ask("TransactWriteItems", **other) == {}
    assert stored() == N("2")


def test_a_canceled_transaction_uses_up_no_token(shop: Any) -> None:
    request = {"TransactItems": [check("1")], "ClientRequestToken": "token"}
    code, _ = shop.refusal("TransactWriteItems", **request)
    assert code == "TransactionCanceledException"
    shop.ask("PutItem", TableName="tab", Item=key("1"))
    assert shop.ask("TransactWriteItems", **request) == {}


def test_equal_content_in_another_spelling_is_the_same_content(shop: Any) -> None:
    one = {"id": N("1"), "bin": {"B": b"b"}, "s": {"SS": ["a", "b"]}}
    other = {"s": {"SS": ["b", "a"]}, "bin": {"B": b"b"}, "id": N("1.0")}
    for item in (one, other):
        element = {"Put": {"TableName": "num", "Item": item}}
        reply = shop.ask("TransactWriteItems", TransactItems=[element], ClientRequestToken="t")
        assert reply == {}
    text = {"Put": {"TableName": "num", "Item": {**one, "s": {"S": "Yg=="}}}}
    code, _ = shop.refusal("TransactWriteItems", TransactItems=[text], ClientRequestToken="t")
    assert code == "IdempotentParameterMismatchException"


def test_placeholders_without_an_expression_are_accepted(shop: Any) -> None:
    element = put("1", ExpressionAttributeNames={"#a": "a"})
    assert shop.ask("TransactWriteItems", TransactItems=[element]) == {}


def test_only_changed_items_make_records(shop: Any) -> None:
    view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    shop.table("fed", StreamSpecification=view)
    shop.ask("PutItem", TableName="fed", Item={"pk": S("same")})
    before = shop.engine.sequence
    elements = [
        {"Put": {"TableName": "fed", "Item": {"pk": S("same")}}},
        {"Put": {"TableName": "fed", "Item": {"pk": S("new")}}},
        {
            "ConditionCheck": {
                "TableName": "fed",
                "Key": {"pk": S("no")},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    ]
    shop.ask("TransactWriteItems", TransactItems=elements)
    assert shop.engine.sequence - before == 1
    elements = [
        elements[1],
        {
            "Delete": {
                "TableName": "fed",
                "Key": {"pk": S("x")},
                "ConditionExpression": "attribute_exists(pk)",
            }
        },
    ]
    assert shop.refusal("TransactWriteItems", TransactItems=elements)[0].startswith("Transaction")
    assert shop.engine.sequence - before == 1


def test_an_updates_result_is_measured_flat(shop: Any) -> None:
    # Alone, an update's ceiling is some bytes lower (spec D.3).
    size = 409_600 - len("pksk") - len("p1") - len("x")
    element = update("1", "SET x = :x", x=S("x" * size))
    code, _ = shop.refusal("UpdateItem", **element["Update"])
    assert code == "ValidationException"
    assert shop.ask("TransactWriteItems", TransactItems=[element]) == {}


def test_a_check_alone_has_no_collection_metrics(shop: Any) -> None:
    element = check("1", "attribute_not_exists(pk)")
    request = {"TransactItems": [element], "ReturnItemCollectionMetrics": "SIZE"}
    assert shop.ask("TransactWriteItems", **request) == {}
