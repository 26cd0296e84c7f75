"""A place in the tokens: paths, faults with their places, and why a text is malformed."""

from __future__ import annotations

import pytest

from streamstore import limits
from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.reader import Reader
from streamstore.expressions.partiql.statements import parse


@pytest.mark.parametrize(
    ("text", "steps", "fault"),
    [("a", ("a",), ""), ("a.b[0]['c'].\"d\"", ("a", "b", 0, "c", "d"), ""),
     ("a[b]", ("a", "b"), ""), ("a[007]", ("a", 7), ""),
     (f"a[{limits.LIST_INDEX_MAX}]", ("a", limits.LIST_INDEX_MAX), ""),
     (f"a[{limits.LIST_INDEX_MAX + 1}]", None, "allowable range; index: [2147483648]"),
     ("a[-1].b[?]", None, "not within the allowable range; index: [-1]"),
     ("a[1.5]", None, "Unexpected path component"), ("a[?]", None, "Unexpected path component")],
)  # fmt: skip
def test_a_path_has_steps_or_a_fault(text: str, steps: object, fault: str) -> None:
    path = Reader(text).path()
    if steps is not None:
        assert path.steps == steps
    assert (fault in path.fault, bool(path.fault)) == (True, bool(fault))


def test_a_fault_has_the_place_of_what_is_looked_at_or_of_another() -> None:
    reader = Reader("SELECT\n a b")
    first = reader.place
    reader.next()
    reader.next()
    assert reader.refusal("It is refused").message == "It is refused at 2:4:1"
    assert reader.refusal("It is refused", first).message == "It is refused at 1:1:6"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("SELECT", "Unexpected term"), ("SELECT * FROM", "Unexpected term"),
     ("SELECT * FROM music WHERE a =", "Missing right-hand side expression of infix operator"),
     ("SELECT * FROM music WHERE a AND", "Missing right-hand side expression of infix operator"),
     ("SELECT * FROM music WHERE value = 1", "Unexpected keyword"),
     ("SELECT * FROM music WHERE (a = 1", "Expected RIGHT_PAREN"),
     ("SELECT * FROM music WHERE a = [1", "Expected RIGHT_BRACKET"),
     ("SELECT * FROM music WHERE a = <<1", "Expected RIGHT_DOUBLE_ANGLE_BRACKET"),
     ("INSERT INTO music VALUE {'a': 1", "Expected RIGHT_CURLY"),
     ("SELECT * FROM music WHERE a IS 5", "Expected type name"),
     ("UPDATE music SET 'a' = 1", "Expected identifier for simple path"),
     ("SELECT * FROM music WHERE a = 1 b", "Unexpected token after expression"),
     ("SELECT * FROM music; x", "Unexpected token after semicolon. (Only one query is allowed.)"),
     ("SELECT * FROM music WHERE a = 'x", "SELECT * FROM music WHERE a = 'x"),
     ("UPDATE music WHERE a = 1", "UPDATE music WHERE a = 1")],
)  # fmt: skip
def test_a_malformed_text_is_refused_with_the_reason_or_itself(text: str, reason: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        parse(text)
    assert refused.value.message == f"Statement wasn't well formed, can't be processed: {reason}"
