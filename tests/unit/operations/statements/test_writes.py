"""Statements as writes: what is looked at before anything is locked, and what of WHERE stays."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.engine.writes.mutation import Mutation
from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.statements import parse
from streamstore.operations.statements.reading import table_of
from streamstore.operations.statements.writes import mutation_of

HERE: Any = {"pk": {"S": "a"}, "sk": {"N": "1"}, "v": {"N": "5"}}
OTHER: Any = {**HERE, "v": {"N": "6"}}


def mutation(statements: Any, text: str, *parameters: Any, flat: bool = False) -> Mutation:
    statement: Any = parse(text)
    table = table_of(statements.desk.scope, statement)
    return mutation_of(table, statement, list(parameters), flat=flat)


@pytest.mark.parametrize(
    ("text", "kind", "verdicts"),
    [("INSERT INTO plays VALUE {'pk': 'a', 'sk': 1}", "put", (False, False, True)),
     ("UPDATE plays SET v = 1 WHERE pk = 'a' AND sk = 1", "update", (True, True, False)),
     ("UPDATE plays SET v = 1 WHERE pk = 'a' AND sk = 1 AND v = 5", "update",
      (True, False, False)),
     ("DELETE FROM plays WHERE pk = 'a' AND v = 5 AND sk = 1", "delete", (True, False, True)),
     ("EXISTS(SELECT * FROM plays WHERE pk = 'a' AND sk = 1 AND v = 5)", "check",
      (True, False, False))],
)  # fmt: skip
def test_what_a_write_asks_of_the_item_before(
    statements: Any, text: str, kind: str, verdicts: tuple[bool, ...]
) -> None:
    made = mutation(statements, text)
    assert made.kind == kind
    assert made.key.item == {"pk": {"S": "a"}, "sk": {"N": "1"}}
    assert made.condition is not None
    assert tuple(made.condition.matches(item) for item in (HERE, OTHER, {})) == verdicts


def test_a_delete_by_key_alone_asks_nothing(statements: Any) -> None:
    assert mutation(statements, "DELETE FROM plays WHERE pk = 'a' AND sk = 1").condition is None


def test_a_transaction_measures_flat(statements: Any) -> None:
    text = "UPDATE plays SET v = ? WHERE pk = 'a' AND sk = 1"
    assert [mutation(statements, text, {"N": "1"}, flat=f).flat for f in (False, True)] == [
        False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [("INSERT INTO plays VALUE {'pk': 'a', 'sk': 1, 'g': 5}", "Type mismatch for Index Key"),
     ("INSERT INTO plays VALUE {'pk': 'a', 'sk': 1, 'b': ?}", "Item size has exceeded"),
     ("UPDATE plays SET sk = 2 WHERE pk = 'a' AND sk = 1", "Cannot update attribute sk"),
     ("UPDATE plays SET v = 2 WHERE pk = 'a' AND sk = 1 AND pk.x = 1", "Key attributes must be"),
     ("UPDATE plays SET v = 2 WHERE pk = 'a' AND sk = 1 AND pk = 'b'", "Multiple conditions on"),
     ("UPDATE plays SET v = 2 WHERE pk = 'a'", "mandatory equality on all key attributes"),
     ("UPDATE plays SET v = 2", "mandatory equality on all key attributes"),
     ("DELETE FROM plays WHERE pk = '' AND sk = 1", "cannot contain an empty string value")],
)  # fmt: skip
def test_what_is_refused_before_anything_is_locked(statements: Any, text: str, fault: str) -> None:
    parameters = [{"S": "x" * limits.ITEM_BYTES_MAX}] if "?" in text else []
    with pytest.raises(ValidationFailed, match=fault):
        mutation(statements, text, *parameters)
