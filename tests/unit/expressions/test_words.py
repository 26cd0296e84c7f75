"""The first look: what a text alone shows to be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.errors import ValidationFailed
from streamstore.expressions import words
from streamstore.expressions.grammar import parse
from streamstore.expressions.reserved import WORDS
from streamstore.expressions.tree import Kind

TOKENS = {"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"}


def look(kind: Kind, text: str) -> str | None:
    tree = parse(kind, text)
    try:
        words.check_words(kind, tree)
    except ValidationFailed as refused:
        return refused.message.removeprefix(f"Invalid {kind}Expression: ")
    return None


def any_case(word: str) -> st.SearchStrategy[str]:
    return st.lists(st.booleans(), min_size=len(word), max_size=len(word)).map(
        lambda raised: "".join(
            c.upper() if up else c.lower() for c, up in zip(word, raised, strict=True)
        )
    )


@given(
    st.sampled_from(sorted(WORDS - TOKENS)).flatmap(any_case),
    st.sampled_from(
        [
            ("Condition", "{} = :v"),
            ("Condition", "a = size(b[0].{})"),
            ("Condition", "a IN (:v, {})"),
            ("Filter", "attribute_exists(#n.{}.c)"),
            ("KeyCondition", "a BETWEEN :v AND {}"),
            ("Update", "SET {} = :v"),
            ("Update", "SET a = :v REMOVE b.{}"),
            ("Update", "SET a = if_not_exists({}, :v)"),
            ("Update", "SET a = b - {}"),
            ("Update", "ADD c.{} :v"),
            ("Projection", "a, {}"),
        ]
    ),
)
def test_a_reserved_word_is_refused_wherever_a_name_stands(
    word: str, place: tuple[Kind, str]
) -> None:
    kind, text = place
    assert look(kind, text.format(word)) == (
        f"Attribute name is a reserved keyword; reserved keyword: {word}"
    )


@pytest.mark.parametrize("word", sorted(TOKENS))
def test_words_of_the_grammar_are_syntax_errors_before(word: str) -> None:
    with pytest.raises(ValidationFailed, match=f'Syntax error; token: "{word}"'):
        parse("Condition", f"a.{word} = :v")


@pytest.mark.parametrize("function", sorted(words.FUNCTIONS))
def test_a_function_may_stand_where_its_kind_may(function: str) -> None:
    """Every function in every position; the verdict follows from its row in the table."""
    row = words.FUNCTIONS[function]
    call = f"{function}({', '.join('abc'[: row.operands])})"
    elsewhere = f"The function is not allowed in a condition expression; function: {function}"
    misused = (
        f"The function is not allowed to be used this way in an expression; function: {function}"
    )
    condition = None if row.answers == "bool" else misused
    operand = misused if row.answers == "bool" else None
    if row.home == "update":
        condition = operand = elsewhere
    assert look("Condition", call) == condition
    assert look("Condition", f"NOT ({call}) AND z = :v") == condition
    assert look("Condition", f"{call} = :v") == operand
    assert look("Condition", f"contains(z, {call})") == operand
    in_update = f"The function is not allowed in an update expression; function: {function}"
    nested = misused if function == "list_append" else None
    whole = None
    if row.home == "condition":
        whole = nested = in_update
    assert look("Update", f"SET z = {call}") == whole
    assert look("Update", f"SET z = ({call})") == whole
    assert look("Update", f"SET z = {call} + :v") == nested
    assert look("Update", f"SET z = list_append(y, {call})") == nested
    assert look("Update", f"SET z = if_not_exists(y, {call})") == nested


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a[2147483647] = :v", None),
        ("a[2147483648] = :v", "[2147483648]"),
        ("a[99999999999999999999999].b = :v", "[99999999999999999999999]"),
        ("a[" + "9" * 4000 + "] = :v", "[" + "9" * 4000 + "]"),
    ],
    ids=["the last", "one more", "many", "thousands of digits"],
)
def test_list_indexes_end_at_31_bits(text: str, fault: str | None) -> None:
    told = f"List index is not within the allowable range; index: {fault}" if fault else None
    assert look("Condition", text) == told


def test_a_section_is_told_to_be_there_twice_behind_its_own_faults() -> None:
    twice = 'The "SET" section can only be used once in an update expression;'
    assert look("Update", "set a = :v REMOVE b SET c = :v REMOVE d") == twice
    assert look("Update", "SET a = :v SET b = foo(c)") == "Invalid function name; function: foo"
    assert look("Update", "SET a = :v SET b = :v REMOVE name") == twice
