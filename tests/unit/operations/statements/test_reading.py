"""A statement as it came: parameters, tables, keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.statements import parse
from streamstore.expressions.partiql.translation import Translation
from streamstore.operations.shapes import check
from streamstore.operations.statements.reading import (
    key_of,
    parameters_of,
    parsed,
    payload_of,
    table_of,
    where_of,
)


def params(statement: str, *parameters: Any) -> dict[str, Any]:
    given = {"Parameters": list(parameters)} if parameters else {}
    return check("ExecuteStatement", {"Statement": statement, **given}, False)


@pytest.mark.parametrize("given", [0, 1, 3])
def test_there_is_one_parameter_for_every_question_mark(given: int) -> None:
    text = "SELECT * FROM music WHERE pk = ? AND b = ?"
    with pytest.raises(ValidationFailed, match="Number of parameters in request and statement"):
        parsed(params(text, *[{"S": "a"}] * given))
    asked = params(text, {"S": "a"}, {"N": "1.0"})
    assert parsed(asked) is parse(text)
    assert parameters_of(asked) == [{"S": "a"}, {"N": "1"}]
    assert payload_of(asked) == len(text) + 1 + 2


@pytest.mark.parametrize(
    "value",
    [{"N": "x"}, {"SS": []}, {"NS": ["1", "1.0"]}, {"NULL": False}, {}, {"S": "a", "N": "1"}],
)
def test_parameters_keep_the_rules_of_attribute_values(value: Any) -> None:
    with pytest.raises(ValidationFailed):
        parameters_of(params("SELECT * FROM music WHERE pk = ?", value))


@pytest.mark.parametrize(
    ("where", "key"),
    [("pk = 'a' AND sk = 1", {"pk": "a", "sk": "1"}),
     ("1 = sk AND b > 2 AND 'a' = pk", {"pk": "a", "sk": "1"}),
     ("pk = 'a' AND sk = 1 AND sk = 1.0", {"pk": "a", "sk": "1"}),
     ("pk = 'a'", None), ("pk = 'a' AND sk > 1", None), ("pk = 'a' OR sk = 1", None),
     ("pk IN ['a'] AND sk = 1", None), ("NOT (pk = 'a' AND sk = 1)", None)],
)  # fmt: skip
def test_a_key_is_pinned_by_equalities_that_and_joins(
    statements: Any, where: str, key: Any
) -> None:
    statement = parse(f"DELETE FROM plays WHERE {where}")
    table = table_of(statements.desk.scope, statement)  # type: ignore[arg-type]
    found = key_of(table, where_of(Translation([]), statement.where))  # type: ignore[union-attr]
    shown = None if found is None else {n: next(iter(v.values())) for n, v in found[0].items()}
    assert shown == key


def test_a_table_is_found_by_its_name_or_arn(statements: Any) -> None:
    arn = statements.desk.described("plays")["TableArn"]
    for name in ("plays", f'"{arn}"'):
        statement = parse(f"SELECT * FROM {name}")
        assert table_of(statements.desk.scope, statement).name == "plays"  # type: ignore[arg-type]


def test_a_lone_surrogate_is_refused_wherever_it_stands(statements: Any) -> None:
    wire = replace(statements.desk.scope, base64_binary=True)
    insert = "INSERT INTO music VALUE {'pk': 'a'}"
    for operation, params in (
        ("ExecuteStatement", {"Statement": "SELECT * FROM music WHERE pk = '\ud800'"}),
        ("BatchExecuteStatement", {"Statements": [{"Statement": 'SELECT "\ud800" FROM music'}]}),
        (
            "ExecuteTransaction",
            {"TransactStatements": [{"Statement": insert}], "ClientRequestToken": "\ud800"},
        ),
    ):
        for scope in (statements.desk.scope, wire):
            code, _ = statements.desk.refusal(operation, scope, **params)
            assert code == "SerializationException"
    token = statements.desk.refusal(
        "ExecuteStatement", wire, Statement="SELECT * FROM music", NextToken="\ud800"
    )
    assert token == ("ValidationException", "Invalid NextToken")
