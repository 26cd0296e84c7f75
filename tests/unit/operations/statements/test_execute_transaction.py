"""ExecuteTransaction: all or nothing, reasons, EXISTS, tokens."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.errors import IdempotencyMismatch, TransactionCanceled

A: Any = {"pk": {"S": "a"}}
INSERT = "INSERT INTO music VALUE {{'pk': '{}'}}"


def transact(statements: Any, *asked: Any, **given: Any) -> Any:
    listed = [each if isinstance(each, dict) else {"Statement": each} for each in asked]
    return statements.desk.ask("ExecuteTransaction", TransactStatements=listed, **given)


def reasons(statements: Any, *asked: Any) -> list[tuple[str, Any]]:
    with pytest.raises(TransactionCanceled) as canceled:
        transact(statements, *asked)
    return [(reason.code, reason.item) for reason in canceled.value.reasons]


def test_writes_are_done_together_and_make_one_record_each(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'c', 'v': 1}")
    reply = transact(
        statements,
        "EXISTS(SELECT * FROM music WHERE pk = 'c' AND v = 1)",
        INSERT.format("a"),
        "INSERT INTO plays VALUE {'pk': 'a', 'sk': 1, 'g': 'x'}",
        ReturnConsumedCapacity="TOTAL",
    )
    assert reply == {
        "Responses": [],
        "ConsumedCapacity": [
            {"TableName": "music", "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0},
            {"TableName": "plays", "CapacityUnits": 3.0, "WriteCapacityUnits": 3.0},
        ],
    }
    assert [record[0] for record in statements.records("music")] == ["INSERT", "INSERT"]
    assert [record[0] for record in statements.records("plays")] == ["INSERT"]


@pytest.mark.parametrize(
    ("statement", "code"),
    [("INSERT INTO music VALUE {'pk': 'a'}", "DuplicateItem"),
     ("INSERT INTO music VALUE {'pk': 5}", "ValidationError"),
     ("INSERT INTO music VALUE {'v': 5}", "ValidationError"),
     ("UPDATE music SET v = 1 WHERE pk = 'nope'", "ConditionalCheckFailed"),
     ("UPDATE music SET v = 1", "ValidationError"),
     ("UPDATE music SET v = nope WHERE pk = 'a'", "ValidationError"),
     ("DELETE FROM music WHERE pk = 'a' AND v = 7", "ConditionalCheckFailed"),
     ("EXISTS(SELECT * FROM music WHERE pk = 'a' AND v = 7)", "ConditionalCheckFailed"),
     ("EXISTS(SELECT * FROM music WHERE pk = 'no' AND v IS MISSING)", "ConditionalCheckFailed")],
)  # fmt: skip
def test_one_reason_cancels_all(statements: Any, statement: str, code: str) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'v': 1}")
    found = reasons(statements, INSERT.format("b"), statement, INSERT.format("c"))
    assert found == [("None", None), (code, None), ("None", None)]
    assert len(statements.records("music")) == 1


def test_the_item_is_in_the_reasons_of_those_that_ask_for_it(statements: Any) -> None:
    statements.run(INSERT.format("a"))
    statements.run(INSERT.format("b"))
    asking = {
        "Statement": "DELETE FROM music WHERE pk = 'a' AND v = 1",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    found = reasons(statements, asking, "DELETE FROM music WHERE pk = 'b' AND v = 1")
    assert found == [("ConditionalCheckFailed", A), ("ConditionalCheckFailed", None)]


def test_a_delete_of_nothing_cancels_nothing(statements: Any) -> None:
    transact(statements, "DELETE FROM music WHERE pk = 'x' AND v = 1", INSERT.format("a"))
    assert statements.items("SELECT * FROM music") == [A]


def test_reads_are_answered_in_order(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'v': {'x': 1}}")
    reply = transact(
        statements,
        "SELECT v.x FROM music WHERE pk = 'a'",
        "SELECT * FROM music WHERE pk = 'b'",
        ReturnConsumedCapacity="TOTAL",
    )
    assert reply == {
        "Responses": [{"Item": {"x": {"N": "1"}}}, {}],
        "ConsumedCapacity": [
            {"TableName": "music", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}
        ],
    }


def test_a_repeated_token_is_answered_and_not_done_again(statements: Any) -> None:
    parameters = [{"S": "a"}, {"B": b"\x00"}]
    once = {"Statement": "INSERT INTO music VALUE {'pk': ?, 'b': ?}", "Parameters": parameters}
    assert transact(statements, once, ClientRequestToken="t") == {"Responses": []}
    again = transact(statements, once, ClientRequestToken="t", ReturnConsumedCapacity="TOTAL")
    assert again["Responses"] == []
    assert again["ConsumedCapacity"][0]["CapacityUnits"] == 2.0
    assert len(statements.records("music")) == 1
    for other in (
        {**once, "Parameters": [{"S": "b"}, {"B": b"\x00"}]},
        {**once, "Statement": once["Statement"] + " "},  # type: ignore[operator]
    ):
        with pytest.raises(IdempotencyMismatch):
            transact(statements, other, ClientRequestToken="t")
    statements.desk.clock.advance(limits.CLIENT_TOKEN_LIFE_SECONDS + 1)
    with pytest.raises(TransactionCanceled):
        transact(statements, once, ClientRequestToken="t")


def test_a_token_of_one_operation_is_no_token_of_the_other(statements: Any) -> None:
    transact(statements, INSERT.format("a"), ClientRequestToken="t")
    with pytest.raises(IdempotencyMismatch):
        statements.desk.ask(
            "TransactWriteItems",
            TransactItems=[{"Put": {"TableName": "music", "Item": A}}],
            ClientRequestToken="t",
        )


KEYED = "SELECT * FROM music WHERE pk = 'a'"


@pytest.mark.parametrize(
    ("asked", "text"),
    [((KEYED, INSERT.format("b")), "does not support both read and write operations"),
     ((KEYED, KEYED), "cannot include multiple operations on one item"),
     ((INSERT.format("a"), "DELETE FROM music WHERE pk = 'a'"), "multiple operations on one item"),
     ((INSERT.format("a"), "EXISTS(SELECT * FROM music WHERE pk = 'a')"),
      "TransactStatements[1]: EXISTS() must contain a single item read with additional"),
     ((KEYED, "SELECT * FROM music"), "TransactStatements[1]: Select statements within"),
     (("SELECT * FROM plays.by_g WHERE g = 'a'",), "Reads on indices are not supported"),
     (("UPDATE music SET v = 1 WHERE pk = 'a' RETURNING ALL NEW *",), "RETURNING clause is not"),
     (("CREATE TABLE x",), "Unsupported operation: CreateTable"),
     ((KEYED + " AND b = ?",), "TransactStatements[0]: Number of parameters"),
     (("SELECT",), "Statement wasn't well formed"),
     ((), "length greater than or equal to 1"),
     ((KEYED,) * 101, "length less than or equal to 100")],
)  # fmt: skip
def test_what_refuses_the_request(statements: Any, asked: tuple[str, ...], text: str) -> None:
    listed = [{"Statement": each} for each in asked]
    code, message = statements.desk.refusal("ExecuteTransaction", TransactStatements=listed)
    assert (code, text in message) == ("ValidationException", True)


def test_a_transaction_has_at_most_four_mebibytes(statements: Any) -> None:
    big = {"S": "x" * 390_000}
    text = "INSERT INTO music VALUE {'pk': ?, 'b': ?}"
    asked = [{"Statement": text, "Parameters": [{"S": f"{at}"}, big]} for at in range(11)]
    code, message = statements.desk.refusal("ExecuteTransaction", TransactStatements=asked)
    assert (code, "payload size cannot exceed 4MB" in message) == ("ValidationException", True)
    assert transact(statements, *asked[:10]) == {"Responses": []}
    text = "UPDATE music SET b = ? WHERE pk = ?"
    asked = [{"Statement": text, "Parameters": [big, {"S": f"{at}"}]} for at in range(11)]
    code, message = statements.desk.refusal("ExecuteTransaction", TransactStatements=asked)
    assert (code, "payload size cannot exceed 4MB" in message) == ("ValidationException", True)
