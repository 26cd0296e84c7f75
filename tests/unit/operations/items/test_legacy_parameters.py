"""The parameters that came before expressions (spec J), through the operations that take them."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
PREFIX = "1 validation error detected: "
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
MIXED = (
    "Can not use both expression and non-expression parameters in the same request:"
    " Non-expression parameters: {%s} Expression parameters: {%s}"
)


def compared(operator: str, *values: Any) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


def text(shop: Any, operation: str, **params: Any) -> str:
    code, message = shop.refusal(operation, TableName=params.pop("TableName", "tab"), **params)
    assert code == "ValidationException"
    return str(message)


def put(shop: Any, sort: str, **attributes: Any) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": sort}, **attributes}
    shop.ask("PutItem", TableName="tab", Item=item)


NEW = {"a": {"Exists": False}}
WRITES = [
    ("PutItem", {"Item": KEY}),
    ("DeleteItem", {"Key": KEY}),
    ("UpdateItem", {"Key": KEY, "AttributeUpdates": {"b": {"Value": {"S": "y"}}}}),
]


@pytest.mark.parametrize(("operation", "params"), WRITES)
def test_a_write_is_done_only_if_what_is_expected_is_so(
    shop: Any, operation: str, params: dict[str, Any]
) -> None:
    put(shop, "1", a={"S": "x"})
    failed = shop.refusal(operation, TableName="tab", Expected=NEW, **params)
    assert failed == ("ConditionalCheckFailedException", "The conditional request failed")
    assert shop.ask("Scan", TableName="tab")["Items"] == [{**KEY, "a": {"S": "x"}}]
    either = {**NEW, "z": {"Exists": False}}
    shop.ask(operation, TableName="tab", Expected=either, ConditionalOperator="OR", **params)
    assert shop.ask("Scan", TableName="tab")["Items"] != [{**KEY, "a": {"S": "x"}}]


@pytest.mark.parametrize(("operation", "params"), WRITES)
def test_faults_of_expected_come_before_the_table_and_bare(
    shop: Any, operation: str, params: dict[str, Any]
) -> None:
    faulty = {"a": {"Exists": True}}
    bare = P + "Value must be provided when Exists is true for Attribute: a"
    assert text(shop, operation, TableName="gone", Expected=faulty, **params) == bare
    alone = "ConditionalOperator cannot be used without Filter or Expected"
    assert text(shop, operation, TableName="gone", ConditionalOperator="OR", **params) == alone
    # Faults of the values themselves keep what the operation puts before them.
    empty = {"a": {"Value": {"SS": []}}}
    prefix = "" if operation == "DeleteItem" else PREFIX
    told = text(shop, operation, TableName="gone", Expected=empty, **params)
    assert told == prefix + P + "An string set  may not be empty"


@pytest.mark.parametrize(("operation", "params"), WRITES)
def test_expected_does_not_go_with_a_condition_expression(
    shop: Any, operation: str, params: dict[str, Any]
) -> None:
    told = text(
        shop, operation, TableName="gone", Expected={"a": {}}, ConditionalOperator="AND",
        ConditionExpression="attribute_exists(a)", **params,
    )  # fmt: skip
    names = "Expected, ConditionalOperator"
    if operation == "UpdateItem":
        names = "AttributeUpdates, " + names
    prefix = "" if operation == "DeleteItem" else PREFIX
    assert told == prefix + MIXED % (names, "ConditionExpression")


def test_expected_is_judged_before_the_size_of_an_item_and_after_its_values(shop: Any) -> None:
    faulty = {"a": {"Exists": True}}
    large = {**KEY, "x": {"S": "x" * 410_000}}
    assert "Value must be" in text(shop, "PutItem", Item=large, Expected=faulty)
    assert "exceeded the maximum" in text(shop, "PutItem", Item=large, Expected=NEW)
    bad = {**KEY, "x": {"N": "x"}}
    assert "numeric" in text(shop, "PutItem", Item=bad, Expected=faulty)


def test_attribute_updates_change_an_item_and_return_what_they_named(shop: Any) -> None:
    put(shop, "1", n={"N": "1"}, s={"S": "x"}, t={"SS": ["a", "b"]}, li={"L": []})
    reply = shop.ask(
        "UpdateItem",
        TableName="tab",
        Key=KEY,
        AttributeUpdates={
            "n": {"Action": "ADD", "Value": {"N": "2"}},
            "s": {"Action": "DELETE"},
            "t": {"Action": "DELETE", "Value": {"SS": ["a"]}},
            "li": {"Action": "ADD", "Value": {"L": [{"S": "x"}]}},
            "p.q": {"Value": {"S": "dot"}},
        },
        ReturnValues="UPDATED_NEW",
    )
    changed = {
        "n": {"N": "3"}, "t": {"SS": ["b"]}, "li": {"L": [{"S": "x"}]}, "p.q": {"S": "dot"},
    }  # fmt: skip
    assert reply["Attributes"] == changed
    assert shop.ask("GetItem", TableName="tab", Key=KEY)["Item"] == {**KEY, **changed}


def test_attribute_updates_are_checked_in_their_order_and_against_the_key(shop: Any) -> None:
    def told(table: str = "tab", **entries: Any) -> str:
        return text(shop, "UpdateItem", TableName=table, Key=KEY, AttributeUpdates=entries)

    only = P + "Only DELETE action is allowed when no attribute value is specified"
    assert told("gone", a={"Action": "PUT"}) == only
    assert told(pk={"Value": {"S": "x"}}) == (
        P + "Cannot update attribute pk. This attribute is part of the key"
    )
    assert "secondary index key to unsupported type" in told(g={"Value": {"N": "1"}})
    put(shop, "1", s={"S": "x"})
    add = {"Action": "ADD", "Value": {"N": "1"}}
    assert told(s=add) == "Type mismatch for attribute to update"
    # A condition that fails hides it, and is itself hidden by what the request says.
    failing = {"Expected": {"s": {"Exists": False}}, "Key": KEY, "TableName": "tab"}
    code, _ = shop.refusal("UpdateItem", AttributeUpdates={"s": add}, **failing)
    assert code == "ConditionalCheckFailedException"
    code, _ = shop.refusal("UpdateItem", AttributeUpdates={"s": {"Action": "ADD"}}, **failing)
    assert code == "ValidationException"


def test_an_update_with_nothing_to_do_creates_the_item(shop: Any) -> None:
    shop.ask("UpdateItem", TableName="tab", Key=KEY, AttributeUpdates={})
    assert shop.ask("GetItem", TableName="tab", Key=KEY)["Item"] == KEY
    shop.ask("DeleteItem", TableName="tab", Key=KEY)
    deletes = {"a": {"Action": "DELETE"}}
    shop.ask("UpdateItem", TableName="tab", Key=KEY, AttributeUpdates=deletes)
    assert "Item" not in shop.ask("GetItem", TableName="tab", Key=KEY)


EQUAL = {"pk": compared("EQ", {"S": "a"})}


def test_a_query_by_key_conditions(shop: Any) -> None:
    for sort in "1234":
        put(shop, sort, n={"N": sort}, g={"S": "g"}, b={"S": "x" * int(sort)})
    between = {**EQUAL, "sk": compared("BETWEEN", {"S": "2"}, {"S": "3"})}

    def sorts(**params: Any) -> list[str]:
        reply = shop.ask("Query", TableName="tab", **params)
        return [item["sk"]["S"] for item in reply["Items"]]

    assert sorts(KeyConditions=EQUAL, ScanIndexForward=False) == ["4", "3", "2", "1"]
    assert sorts(KeyConditions=between) == ["2", "3"]
    index = {"g": compared("EQ", {"S": "g"}), "n": compared("GT", {"N": "2"})}
    assert sorts(KeyConditions=index, IndexName="gs1") == ["3", "4"]
    long = {"b": compared("BEGINS_WITH", {"S": "xx"}), "c": compared("NULL")}
    assert sorts(KeyConditions=EQUAL, QueryFilter=long) == ["2", "3", "4"]
    either = {"b": compared("EQ", {"S": "x"}), "n": compared("EQ", {"N": "4"})}
    reply = shop.ask(
        "Query", TableName="tab", KeyConditions=EQUAL, QueryFilter=either,
        ConditionalOperator="OR", AttributesToGet=["sk"],
    )  # fmt: skip
    assert reply["Items"] == [{"sk": {"S": "1"}}, {"sk": {"S": "4"}}]
    assert (reply["Count"], reply["ScannedCount"]) == (2, 4)
    # KeyConditions go with the expressions of the other parts.
    assert sorts(
        KeyConditions=EQUAL,
        FilterExpression="n > :n",
        ProjectionExpression="sk",
        ExpressionAttributeValues={":n": {"N": "3"}},
    ) == ["4"]


def test_what_a_query_tells_before_and_after_its_table(shop: Any) -> None:
    def told(**params: Any) -> str:
        return text(shop, "Query", **params)

    length = "Conditions can be of length 1 or 2 only"
    assert told(TableName="gone", KeyConditions={}) == length
    other = {"pk": compared("NE", {"S": "a"})}
    assert told(TableName="gone", KeyConditions=other) == (
        "Attempted conditional constraint is not an indexable operation"
    )
    bad = {"b": compared("LT", {"SS": ["a"]})}
    not_valid = P + "ComparisonOperator LT is not valid for SS AttributeValue type"
    assert told(TableName="gone", KeyConditions=EQUAL, QueryFilter=bad) == not_valid
    one = {"b": compared("NULL")}
    assert (
        told(TableName="gone", KeyConditions=EQUAL, QueryFilter=one, ConditionalOperator="OR")
        == "ConditionalOperator can only be used when Filter or Expected has two or more elements"
    )
    assert told(QueryFilter=one) == (
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the"
        " request."
    )
    assert told(KeyConditions=EQUAL, QueryFilter={"sk": compared("NULL")}) == (
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk"
    )
    missed = {"sk": compared("EQ", {"S": "a"})}
    assert told(KeyConditions=missed) == "Query condition missed key schema element: pk"
    assert (
        told(KeyConditions={"g": compared("EQ", {"S": "g"})}, IndexName="gs1", QueryFilter=one)
        == P + "Secondary index gs1 does not project one or more filter attributes: [b]"
    )
    assert told(KeyConditions=EQUAL, KeyConditionExpression="pk = :p") == MIXED % (
        "KeyConditions", "KeyConditionExpression",
    )  # fmt: skip


def test_a_scan_by_a_filter_of_the_old_kind(shop: Any) -> None:
    for sort in "123":
        put(shop, sort, n={"N": sort})
    some = {"sk": compared("GE", {"S": "2"}), "n": compared("IN", {"N": "1"}, {"N": "3.0"})}
    reply = shop.ask("Scan", TableName="tab", ScanFilter=some, Select="COUNT")
    assert (reply["Count"], reply["ScannedCount"]) == (1, 3)
    either = shop.ask("Scan", TableName="tab", ScanFilter=some, ConditionalOperator="OR")
    assert either["Count"] == 3
    bad = {"n": compared("EQ")}
    assert text(shop, "Scan", TableName="gone", ScanFilter=bad) == (
        P + "Invalid number of argument(s) for the EQ ComparisonOperator"
    )
    told = text(
        shop, "Scan", ScanFilter=bad, FilterExpression="attribute_exists(a)",
        AttributesToGet=["a"],
    )  # fmt: skip
    assert told == MIXED % ("AttributesToGet, ScanFilter", "FilterExpression")


def test_an_operator_that_there_is_not_is_told_with_the_names_of_all(shop: Any) -> None:
    told = text(shop, "Scan", ScanFilter={"a": compared("LIKE", {"S": "x"})})
    assert "at 'scanFilter.a.member.comparisonOperator' failed to satisfy" in told
    assert "enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ" in told
