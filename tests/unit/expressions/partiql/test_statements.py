"""Text -> statement. What is refused, and in which words, is in tests/scripts/partiql.txt."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql import statements
from streamstore.expressions.partiql.statements import parse
from streamstore.expressions.partiql.tree import (
    Delete,
    Exists,
    Insert,
    Select,
    Source,
    Unsupported,
    Update,
)

VALID = [
    "SELECT * FROM music",
    'SELECT a.b, c[0] FROM "music"."by_year" WHERE pk = ? AND a IS MISSING ORDER BY pk DESC;',
    "INSERT INTO music VALUE {'pk': ?, 'a': <<1, 2>>}",
    "UPDATE music SET a = a + ?, b = [1] REMOVE c SET d = 'x' WHERE pk = ? RETURNING ALL NEW *",
    "DELETE FROM music WHERE pk = ? RETURNING ALL OLD *",
    "EXISTS(SELECT * FROM music WHERE pk = ? AND a = ?)",
]


def test_a_select_has_its_parts() -> None:
    select = parse(VALID[1])
    assert isinstance(select, Select)
    assert select.source == Source("music", "by_year")
    assert select.parameters == 1
    assert select.projection is not None
    assert len(select.projection) == 2
    assert [(path.steps, down) for path, down in select.order] == [(("pk",), True)]
    assert select.where is not None


def test_the_other_statements_have_theirs() -> None:
    insert, update, delete, exists = map(parse, VALID[2:])
    assert isinstance(insert, Insert)
    assert insert.parameters == 1
    assert isinstance(update, Update)
    assert update.returning == "ALL_NEW"
    assert [change.value is None for change in update.changes] == [False, False, True, False]
    assert isinstance(delete, Delete)
    assert delete.returning == "ALL_OLD"
    assert isinstance(exists, Exists)
    assert exists.parameters == 2


@pytest.mark.parametrize(
    ("text", "operation"),
    [("create table", "CreateTable"), ("DROP TABLE", "DropTable"), ("selec", "VariableReference"),
     ("1", "Literal"), ("{'a': 1}", "Struct"), ("[1]", "Seq"), ("CREATE TABLE", "CreateTable")],
)  # fmt: skip
def test_what_is_no_statement_is_told_by_its_name(text: str, operation: str) -> None:
    assert parse(text) == Unsupported(operation)


def test_a_statement_is_parsed_once() -> None:
    assert parse(VALID[0]) is parse(VALID[0])


def test_what_is_remembered_is_bounded() -> None:
    for number in range(limits.EXPRESSION_CACHE_ENTRIES * 2):
        parse(f"SELECT * FROM music WHERE a{number} = 1")
    assert len(statements._statements) <= limits.EXPRESSION_CACHE_ENTRIES
    assert statements._statements.chars <= limits.EXPRESSION_CACHE_CHARS


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from(VALID),
    st.sampled_from(VALID),
    st.integers(0, 2**16),
    st.integers(0, 2**16),
    st.text(max_size=3),
)
def test_a_bent_statement_is_a_statement_or_refused(
    text: str, other: str, at: int, to: int, between: str
) -> None:
    at, to = at % (len(text) + 1), to % (len(other) + 1)
    for bent in (text[:at] + between + other[to:], text[:at] + between + text[at + 1 :]):
        with suppress(ValidationFailed):
            assert parse(bent) is not None
