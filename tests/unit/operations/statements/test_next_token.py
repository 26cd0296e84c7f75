"""NextToken: nobody else makes one, and it goes on with its own question only."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.codec.items import pack
from streamstore.errors import ValidationFailed
from streamstore.operations.statements.next_token import decode, encode, question_of

KEY = bytes(range(32))
LAST = {"pk": {"S": "a"}, "sk": {"N": "1"}, "b": {"B": b"\x00\xff"}}
QUESTION = question_of("SELECT * FROM plays WHERE pk = ?", [{"S": "a"}], "uuid")
INVALID = ("ValidationException", "Invalid NextToken")


def test_a_token_is_read_back() -> None:
    assert decode(KEY, QUESTION, encode(KEY, QUESTION, LAST)) == LAST


@given(st.data())
def test_a_token_that_was_touched_is_refused(data: st.DataObject) -> None:
    token = encode(KEY, QUESTION, LAST)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABab01-_=+/ \u00e9"))
    touched = data.draw(
        st.sampled_from([token[:at] + other + token[at + 1 :], token[:at], token + other])
    )
    if touched != token:
        with pytest.raises(ValidationFailed, match="Invalid NextToken"):
            decode(KEY, QUESTION, touched)


@pytest.mark.parametrize(
    ("text", "parameters", "table"),
    [("SELECT * FROM plays WHERE  pk = ?", [{"S": "a"}], "uuid"),
     ("SELECT * FROM plays WHERE pk = ?", [{"S": "b"}], "uuid"),
     ("SELECT * FROM plays WHERE pk = ?", [{"B": b"a"}], "uuid"),
     ("SELECT * FROM plays WHERE pk = ?", [{"S": "a"}], "another")],
)  # fmt: skip
def test_another_question_is_not_gone_on_with(text: str, parameters: Any, table: str) -> None:
    with pytest.raises(ValidationFailed):
        decode(KEY, question_of(text, parameters, table), encode(KEY, QUESTION, LAST))


def test_another_stores_token_and_one_without_a_mac_are_refused() -> None:
    with pytest.raises(ValidationFailed):
        decode(bytes(32), QUESTION, encode(KEY, QUESTION, LAST))
    with pytest.raises(ValidationFailed):
        decode(KEY, QUESTION, urlsafe_b64encode(bytes(16) + pack(LAST)).decode())


def test_a_token_belongs_to_its_statement_its_parameters_and_its_tables_life(
    statements: Any,
) -> None:
    statements.fill()
    text = "SELECT sk FROM plays WHERE pk = ?"
    token = statements.run(text, {"S": "a"}, Limit=1)["NextToken"]
    assert statements.items(text, {"S": "a"}, Limit=9, NextToken=token)[0] == {"sk": {"N": "1"}}
    assert statements.refusal(text, {"S": "b"}, NextToken=token) == INVALID
    assert statements.refusal("SELECT * FROM plays", NextToken=token) == INVALID
    assert statements.refusal(text, {"S": "a"}, NextToken=token[:-1]) == INVALID
    statements.desk.ask("DeleteTable", TableName="plays")
    statements.desk.table("plays")
    assert statements.refusal(text, {"S": "a"}, NextToken=token) == INVALID
