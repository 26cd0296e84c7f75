"""BatchExecuteStatement: each statement by itself; what refuses the whole; capacity a table."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.operations.shapes.generate import generate

A: Any = {"pk": {"S": "a"}}
KEYED = "SELECT * FROM music WHERE pk = '{}'"


def batch(statements: Any, *asked: Any, **given: Any) -> Any:
    listed = [each if isinstance(each, dict) else {"Statement": each} for each in asked]
    return statements.desk.ask("BatchExecuteStatement", Statements=listed, **given)


def codes(reply: Any) -> list[str]:
    return [each.get("Error", {}).get("Code", "") for each in reply["Responses"]]


def test_one_that_fails_leaves_the_others(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'v': 1}")
    reply = batch(
        statements,
        "INSERT INTO music VALUE {'pk': 'a'}",
        "INSERT INTO music VALUE {'pk': 'b'}",
        "UPDATE music SET v = 2 WHERE pk = 'c'",
        "UPDATE music SET v = nope WHERE pk = 'd'",
        "DELETE FROM nope WHERE pk = 'a'",
        "selec",
        "INSERT INTO music VALUE {'pk': 'e', 'v': [1]}",
        "UPDATE music SET v = 1",
    )
    assert codes(reply) == [
        "DuplicateItem", "", "ConditionalCheckFailed", "ConditionalCheckFailed",
        "ResourceNotFound", "ValidationError", "", "ValidationError",
    ]  # fmt: skip
    assert [each.get("TableName") for each in reply["Responses"]] == [
        "music", "music", "music", "music", None, None, "music", None,
    ]  # fmt: skip
    found = {item["pk"]["S"] for item in statements.items("SELECT pk FROM music")}
    assert found == {"a", "b", "e"}
    assert [record[0] for record in statements.records("music")] == ["INSERT"] * 3


def test_the_codes_are_of_the_models_enum(statements: Any) -> None:
    from botocore.loaders import Loader

    from streamstore.operations.statements.batch_execute_statement import _CODES

    model = Loader().load_service_model("dynamodb", "service-2", "2012-08-10")
    assert set(_CODES.values()) <= set(model["shapes"]["BatchStatementErrorCodeEnum"]["enum"])
    assert generate()["operations"]["BatchExecuteStatement"] == "BatchExecuteStatementInput"


def test_reads_are_of_one_item_each_and_of_one_moment(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'v': {'x': 1}}")
    reply = batch(
        statements,
        KEYED.format("a"),
        KEYED.format("nope"),
        {"Statement": "SELECT v.x FROM music WHERE pk = ?", "Parameters": [{"S": "b"}]},
        "SELECT * FROM music WHERE pk > 'a'",
        ReturnConsumedCapacity="TOTAL",
    )
    assert reply["Responses"][:3] == [
        {"TableName": "music", "Item": {**A, "v": {"M": {"x": {"N": "1"}}}}},
        {"TableName": "music"},
        {"TableName": "music"},
    ]
    assert codes(reply)[3] == "ValidationError"
    assert reply["ConsumedCapacity"] == [{"TableName": "music", "CapacityUnits": 1.5}]


def test_an_item_is_shown_where_it_is_asked_for(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'v': 1}")
    statements.run("INSERT INTO music VALUE {'pk': 'b', 'v': 1}")
    statements.run("INSERT INTO music VALUE {'pk': 'c', 'v': 1}")
    reply = batch(
        statements,
        {
            "Statement": "DELETE FROM music WHERE pk = 'a' AND v = 2",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
        "DELETE FROM music WHERE pk = 'b' AND v = 2",
        "UPDATE music SET v = 5 WHERE pk = 'c' RETURNING MODIFIED NEW *",
    )
    first, second, third = reply["Responses"]
    assert first["Error"]["Item"] == {**A, "v": {"N": "1"}}
    assert "Item" not in second["Error"]
    assert third == {"TableName": "music", "Item": {"v": {"N": "5"}}}


def test_capacity_is_told_by_table(statements: Any) -> None:
    reply = batch(
        statements,
        "INSERT INTO plays VALUE {'pk': 'a', 'sk': 1, 'g': 'x'}",
        "INSERT INTO music VALUE {'pk': 'a'}",
        "INSERT INTO plays VALUE {'pk': 'a', 'sk': 2}",
        ReturnConsumedCapacity="INDEXES",
    )
    assert reply["ConsumedCapacity"] == [
        {
            "TableName": "plays",
            "CapacityUnits": 3.0,
            "Table": {"CapacityUnits": 2.0},
            "GlobalSecondaryIndexes": {"by_g": {"CapacityUnits": 1.0}},
        },
        {"TableName": "music", "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}},
    ]


def test_what_a_batch_costs_is_metered(statements: Any) -> None:
    batch(statements, "INSERT INTO music VALUE {'pk': 'a'}", "DELETE FROM music WHERE pk = 'b'")
    batch(statements, KEYED.format("a"), KEYED.format("b"))
    meters = statements.desk.engine.metrics.meters["music"]
    assert (list(meters.writes), list(meters.reads)) == ([1, 1], [0.5, 0.5])


def test_a_delete_of_nothing_is_no_record(statements: Any) -> None:
    assert codes(batch(statements, "DELETE FROM music WHERE pk = 'b'")) == [""]
    assert statements.records("music") == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [((KEYED.format("a"), "DELETE FROM music WHERE pk = 'b'"), "Read and write requests together"),
     ((KEYED.format("a"), KEYED.format("a")), "list of item keys contains duplicates"),
     (("DELETE FROM music WHERE pk = 'a'", "INSERT INTO music VALUE {'pk': 'a'}"),
      "list of item keys contains duplicates"),
     (({"Statement": KEYED.format("a"), "Parameters": [{"NS": []}]},), "may not be empty"),
     ((), "length greater than or equal to 1"),
     ((KEYED.format("a"),) * 26, "length less than or equal to 25")],
)  # fmt: skip
def test_what_refuses_the_whole(statements: Any, asked: tuple[Any, ...], text: str) -> None:
    listed = [each if isinstance(each, dict) else {"Statement": each} for each in asked]
    code, message = statements.desk.refusal("BatchExecuteStatement", Statements=listed)
    assert (code, text in message) == ("ValidationException", True)
    assert statements.records("music") == []
