"""ExecuteStatement: writes do what the item operations do, down to their change records.

Texts of refusals are in tests/scripts/partiql.txt.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamstore.errors import ConditionFailed, DuplicateItem, RequestError

A: Any = {"pk": {"S": "a"}}
# A statement, and the operation with its parameters that does the same.
SAME: list[tuple[str, str, dict[str, Any]]] = [
    ("INSERT INTO music VALUE {'pk': 'a', 'n': 1, 's': <<'x', 'y'>>}", "PutItem",
     {"Item": {**A, "n": {"N": "1"}, "s": {"SS": ["x", "y"]}}}),
    ("UPDATE music SET n = n + 1 WHERE pk = 'a'", "UpdateItem",
     {"Key": A, "UpdateExpression": "SET n = n + :v",
      "ExpressionAttributeValues": {":v": {"N": "1"}}}),
    ("UPDATE music SET n = 2 WHERE pk = 'a'", "UpdateItem",
     {"Key": A, "UpdateExpression": "SET n = :v",
      "ExpressionAttributeValues": {":v": {"N": "2"}}}),
    ("UPDATE music SET s = set_add(s, <<'z'>>) REMOVE n WHERE pk = 'a' AND n = 2", "UpdateItem",
     {"Key": A, "UpdateExpression": "ADD s :s REMOVE n", "ConditionExpression": "n = :v",
      "ExpressionAttributeValues": {":s": {"SS": ["z"]}, ":v": {"N": "2"}}}),
    ("UPDATE music SET s = set_delete(s, <<'x', 'y', 'z'>>) WHERE pk = 'a'", "UpdateItem",
     {"Key": A, "UpdateExpression": "DELETE s :s",
      "ExpressionAttributeValues": {":s": {"SS": ["x", "y", "z"]}}}),
    ("UPDATE music REMOVE nope WHERE pk = 'a'", "UpdateItem",
     {"Key": A, "UpdateExpression": "REMOVE nope"}),
    ("DELETE FROM music WHERE pk = 'b'", "DeleteItem", {"Key": {"pk": {"S": "b"}}}),
    ("DELETE FROM music WHERE pk = 'a'", "DeleteItem", {"Key": A}),
    ("DELETE FROM music WHERE pk = 'a'", "DeleteItem", {"Key": A}),
]  # fmt: skip


def test_every_write_makes_the_records_of_the_same_item_operation(statements: Any) -> None:
    statements.desk.table(
        "twin", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    lengths = []
    for statement, operation, params in SAME:
        assert statements.run(statement) == {"Items": []}
        statements.desk.ask(operation, TableName="twin", **params)
        records = statements.records("music")
        assert records == statements.records("twin")
        lengths.append(len(records))
    # One each, and none where nothing changed.
    assert lengths == [1, 2, 2, 3, 4, 4, 4, 5, 5]
    assert [record[0] for record in records] == ["INSERT", *["MODIFY"] * 3, "REMOVE"]


def test_what_fails_writes_nothing_and_makes_no_record(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'n': 1}")
    before = statements.records("music")
    for statement, error in [
        ("INSERT INTO music VALUE {'pk': 'a', 'n': 2}", DuplicateItem),
        ("UPDATE music SET n = 2 WHERE pk = 'a' AND n = 7", ConditionFailed),
        ("UPDATE music SET n = 2 WHERE pk = 'b'", ConditionFailed),
        ("DELETE FROM music WHERE pk = 'a' AND n = 7", ConditionFailed),
        ("UPDATE music SET n = nope WHERE pk = 'a'", RequestError),
    ]:
        with pytest.raises(error):
            statements.run(statement)
    assert statements.records("music") == before
    assert statements.items("SELECT * FROM music") == [{**A, "n": {"N": "1"}}]


@pytest.mark.parametrize(
    ("returning", "items"),
    [("", []), ("RETURNING ALL OLD *", [{**A, "n": {"N": "1"}, "m": {"N": "5"}}]),
     ("RETURNING ALL NEW *", [{**A, "n": {"N": "2"}, "m": {"N": "5"}}]),
     ("RETURNING MODIFIED OLD *", [{"n": {"N": "1"}}]),
     ("RETURNING MODIFIED NEW *", [{"n": {"N": "2"}}])],
)  # fmt: skip
def test_what_an_update_returns(statements: Any, returning: str, items: list[Any]) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a', 'n': 1, 'm': 5}")
    assert statements.items(f"UPDATE music SET n = 2 WHERE pk = 'a' {returning}") == items


def test_a_failed_condition_shows_the_item_only_where_it_is_asked_for(statements: Any) -> None:
    statements.run("INSERT INTO music VALUE {'pk': 'a'}")
    for given_, item in (({}, None), ({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}, A)):
        with pytest.raises(ConditionFailed) as failed:
            statements.run("DELETE FROM music WHERE pk = 'a' AND n = 1", **given_)
        assert failed.value.item == item


def test_writes_keep_indexes_and_tell_what_they_cost(statements: Any) -> None:
    reply = statements.run(
        "INSERT INTO plays VALUE {'pk': 'a', 'sk': 1, 'g': 'x', 'l': 'y'}",
        ReturnConsumedCapacity="INDEXES",
    )
    assert reply["ConsumedCapacity"] == {
        "TableName": "plays",
        "CapacityUnits": 3.0,
        "Table": {"CapacityUnits": 1.0},
        "GlobalSecondaryIndexes": {"by_g": {"CapacityUnits": 1.0}},
        "LocalSecondaryIndexes": {"by_l": {"CapacityUnits": 1.0}},
    }
    assert len(statements.items("SELECT * FROM plays.by_g WHERE g = 'x'")) == 1
    statements.run("DELETE FROM plays WHERE pk = 'a' AND sk = 1")
    assert statements.items("SELECT * FROM plays.by_g WHERE g = 'x'") == []


def test_binary_values_are_spelt_as_the_door_spells_them(statements: Any) -> None:
    wire = replace(statements.desk.scope, base64_binary=True)
    text = "INSERT INTO music VALUE {'pk': ?, 'b': ?}"
    encoded = base64.b64encode(b"\x00\xff").decode()
    parameters = [{"S": "a"}, {"B": encoded}]
    statements.desk.ask("ExecuteStatement", wire, Statement=text, Parameters=parameters)
    assert statements.items("SELECT * FROM music WHERE b = ?", {"B": b"\x00\xff"}) == [
        {**A, "b": {"B": b"\x00\xff"}}
    ]


@pytest.mark.parametrize("length", [8192, 8193])
def test_a_statement_has_at_most_8192_characters(statements: Any, length: int) -> None:
    text = "SELECT * FROM music WHERE pk = 'a'"
    text += " " * (length - len(text))
    if length == 8192:
        assert statements.items(text) == []
        return
    code, message = statements.refusal(text)
    assert (code, "length less than or equal to 8192" in message) == ("ValidationException", True)


def test_what_statements_cost_is_metered_as_what_items_cost(statements: Any) -> None:
    meters = statements.desk.engine.metrics.meters
    statements.run("INSERT INTO music VALUE {'pk': 'a'}")
    statements.run("SELECT * FROM music WHERE pk = 'a'")
    assert list(meters["music"].writes) == [1]
    assert list(meters["music"].reads) == [0.5]


PIECES = [
    "SELECT", "*", "FROM", "music", "plays", '"by_g"', ".", "WHERE", "pk", "sk", "=", "'a'", "1",
    "?", "AND", "OR", "NOT", "IN", "[", "]", "(", ")", "<<", ">>", "{", "}", ":", ",", "IS",
    "MISSING", "NULL", "BETWEEN", "ORDER", "BY", "DESC", "UPDATE", "SET", "REMOVE", "DELETE",
    "INSERT", "INTO", "VALUE", "'pk'", "RETURNING", "ALL", "OLD", "NEW", "EXISTS", "size",
    "set_add", "list_append", "begins_with", "a", "b", "+", "-", "`x`", "1e999", "''", "<", "v",
]  # fmt: skip
WHOLE = [statement for statement, _, _ in SAME] + [
    "SELECT a.b, c[0] FROM plays.by_g WHERE g = 'x' AND sk IN [1, 2] ORDER BY sk DESC",
    "SELECT * FROM plays WHERE pk = ? AND (sk BETWEEN 1 AND 2 OR begins_with(l, 'x'))",
    "UPDATE plays SET a = list_append(?, [1]), b.c = 1 + v REMOVE d[0] WHERE pk = 'a' AND sk = 1",
    "EXISTS(SELECT * FROM music WHERE pk = 'a' AND v = 1)",
]


@settings(
    max_examples=1200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 4), st.sampled_from(PIECES))),
    st.lists(st.sampled_from([{"S": "a"}, {"N": "1"}, {"L": []}, {"NULL": True}]), max_size=2),
    st.sampled_from(["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"]),
)
def test_a_bent_statement_is_answered_or_refused(
    statements: Any, text: str, bends: list[tuple[int, int, str]], parameters: Any, operation: str
) -> None:
    words = text.replace("(", " ( ").replace("[", " [ ").replace(",", " , ").split(" ")
    for at, dropped, piece in bends:
        at %= len(words) + 1
        words[at : at + dropped] = [piece]
    statement = {"Statement": " ".join(words) or " "}
    if parameters:
        statement["Parameters"] = parameters
    member = {"BatchExecuteStatement": "Statements", "ExecuteTransaction": "TransactStatements"}
    params = {member[operation]: [statement]} if operation in member else statement
    with suppress(RequestError):
        reply = statements.desk.ask(operation, **params)
        assert "Items" in reply or "Responses" in reply
