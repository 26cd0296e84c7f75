"""Names and values of a statement as placeholders, and words without the parameter nobody sent."""

from __future__ import annotations

import pytest

from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.grammar import expression_of
from streamstore.expressions.partiql.reader import Reader
from streamstore.expressions.partiql.translation import Translation, bottom_up, reworded
from streamstore.expressions.tree import PathNode, ValueNode


def test_a_name_has_one_placeholder_whatever_it_looks_like() -> None:
    translation = Translation([])
    path = translation.simple(expression_of(Reader('"#n0".a[1]."#n0"')))
    assert isinstance(path, PathNode)
    assert path.elements == ("#n0", "#n1", 1, "#n0")
    assert translation.names == {"#n0": "#n0", "#n1": "a"}
    scope = translation.scope()
    with pytest.raises(ValidationFailed):
        translation.simple(expression_of(Reader("a[-1]")))
    assert scope.names is translation.names


def test_values_are_literals_parameters_and_what_stands_in_no_statement() -> None:
    translation = Translation([{"S": "given"}])
    for text in ("?", "<<1, 2>>"):
        assert isinstance(translation.simple(expression_of(Reader(text))), ValueNode)
    translation.value({"S": "NULL"})
    assert list(translation.values.values()) == [
        {"S": "given"}, {"NS": ["1", "2"]}, {"S": "NULL"},
    ]  # fmt: skip
    assert translation.simple(expression_of(Reader("a = 1"))) is None


def test_nodes_come_behind_their_operands_and_literals_whole() -> None:
    nodes = bottom_up(expression_of(Reader("f(a) IN [b, [1]] AND NOT c IS NULL")))
    names = [type(node).__name__ for node in nodes]
    assert names.count("PathRef") == 3
    assert names.count("Sequence") == 1, "[1] is a value, the list behind IN is none"
    assert names[-1] == "Operation"


def test_a_fault_of_the_checks_loses_the_name_of_a_parameter() -> None:
    for said, told in (
        ("Invalid ConditionExpression: Incorrect operand type", "Incorrect operand type"),
        ("Invalid number", "Invalid number"),
    ):
        with pytest.raises(ValidationFailed) as refused, reworded():
            raise ValidationFailed(said, prefixed=True)
        assert refused.value.message == told
