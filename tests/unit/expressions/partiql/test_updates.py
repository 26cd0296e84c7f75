"""SET and REMOVE do what the same UpdateExpression does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import Update, bind
from streamstore.expressions.partiql.statements import parse
from streamstore.expressions.partiql.translation import Translation
from streamstore.expressions.partiql.tree import Update as Statement
from streamstore.expressions.partiql.updates import update_of

KEY: Any = {"pk": {"S": "k"}}
VALUES: dict[str, tuple[str, Any]] = {
    ":n": ("2", {"N": "2"}),
    ":s": ("'x'", {"S": "x"}),
    ":l": ("[1, 'y']", {"L": [{"N": "1"}, {"S": "y"}]}),
    ":ss": ("<<'a', 'q'>>", {"SS": ["a", "q"]}),
}


def update(changes: str, *parameters: Any) -> Update:
    statement = parse(f"UPDATE t {changes} WHERE pk = 'k'")
    assert isinstance(statement, Statement)
    return update_of(Translation(list(parameters)), statement.changes)


paths = st.sampled_from(["a", "b", "c", "a.a", "a.b", "b[0]", "b[1]", "b[7]", "c.a.b"])
operands = st.one_of(paths, st.sampled_from(sorted(VALUES)))
sides = st.one_of(
    operands,
    st.tuples(operands, st.sampled_from("+-"), operands).map(" ".join),
    st.tuples(operands, operands).map(lambda t: f"list_append({t[0]}, {t[1]})"),
    st.tuples(paths, operands).map(lambda t: f"if_not_exists({t[0]}, {t[1]})"),
)
actions = st.one_of(
    st.tuples(st.just("SET"), paths, sides),
    st.tuples(st.just("REMOVE"), paths, st.just("")),
    st.tuples(st.sampled_from(["ADD", "DELETE"]), paths, st.just(":ss")),
)
documents = st.recursive(
    st.sampled_from([{"S": "x"}, {"N": "1"}, {"N": "2.5"}, {"SS": ["a", "b"]}, {"NS": ["1"]}]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda drawn: {"L": drawn}),
        st.dictionaries(st.sampled_from("ab"), inner, min_size=1).map(lambda drawn: {"M": drawn}),
    ),
    max_leaves=5,
)


def classic(chosen: list[tuple[str, str, str]]) -> str:
    texts = []
    for section in ("SET", "REMOVE", "ADD", "DELETE"):
        joint = " = " if section == "SET" else " "
        mine = [f"{p}{joint}{o}" if o else p for s, p, o in chosen if s == section]
        if mine:
            texts.append(f"{section} {', '.join(mine)}")
    return " ".join(texts)


def changes_of(chosen: list[tuple[str, str, str]]) -> str:
    texts = []
    for section, path, operand in chosen:
        if section == "REMOVE":
            texts.append(f"REMOVE {path}")
        elif section == "SET":
            texts.append(f"SET {path} = {operand}")
        else:
            function = "set_add" if section == "ADD" else "set_delete"
            texts.append(f"SET {path} = {function}({path}, {operand})")
    text = " ".join(texts)
    for placeholder in sorted(VALUES, key=len, reverse=True):
        text = text.replace(placeholder, VALUES[placeholder][0])
    return text


def outcome(make: Any, item: Any) -> Any:
    """The new item, or that it is refused; which fault of several is told may differ."""
    try:
        new = make().apply({**KEY, **item}, KEY).new
    except ValidationFailed:
        return "refused"
    return new


@settings(max_examples=600, deadline=None)
@given(
    st.lists(actions, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("abc"), documents, max_size=3),
)
def test_changes_do_what_the_same_update_expression_does(
    chosen: list[tuple[str, str, str]], item: Any
) -> None:
    text = classic(chosen)
    used = {key: value for key, (_, value) in VALUES.items() if key in text.replace(":ss", "::")}
    if ":ss" in text:
        used[":ss"] = VALUES[":ss"][1]
    reading = read_attributes(used, base64_binary=False) if used else None

    def expected() -> Update:
        bound = bind(names=None, values=reading, update=text).update
        assert bound is not None
        return bound

    assert outcome(lambda: update(changes_of(chosen)), item) == outcome(expected, item)


@pytest.mark.parametrize(
    ("changes", "n"),
    [("SET n = n + 1 + 1", "12"), ("SET n = n - 1 - 1", "8"), ("SET n = 100 - (n - 3)", "93"),
     ("SET n = (n + n) + (n + n)", "40"), ("SET n = 1 + 2", "3"),
     ("SET n = if_not_exists(z, 5) + n - ?", "13")],
)  # fmt: skip
def test_sums_of_sums(changes: str, n: str) -> None:
    parameters = [{"N": "2"}] if "?" in changes else []
    new = update(changes, *parameters).apply({**KEY, "n": {"N": "10"}}, KEY).new
    assert new is not None
    assert new["n"] == {"N": n}


def test_the_levels_of_a_sum_are_bounded() -> None:
    assert update("SET n = 0" + " + 1" * 32).apply(None, KEY).new == {**KEY, "n": {"N": "32"}}
    with pytest.raises(ValidationFailed, match="too many operators"):
        update("SET n = 0" + " + 1" * 33)
    with pytest.raises(ValidationFailed, match="too many operators"):
        update("SET n = " + "1 + (" * 1000 + "1" + ")" * 1000)


OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "AND", "OR", "LIKE", "||", "*", "/", "%"]


@pytest.mark.parametrize(
    "side",
    [*(f"a {operator} b" for operator in OPERATORS), "NOT a", "a IN [1]", "a IN (b, [1])",
     "a NOT IN <<1>>", "a BETWEEN 1 AND 2", "a IS NULL", "1 + (a IN [b])", "f(a IN [1])",
     "list_append(a, b = 1)", "list_append(a IN (b), c)", "-a", "MISSING", "1 + MISSING",
     "set_add(a, <<1>>) + 1", "set_add(b, <<1>>)", "set_add(a)", "set_add(a, b)", "f()", "size(a)",
     "{'x': b}", "[b IN [1]]", "a[-1]", "<<>>"],
)  # fmt: skip
def test_what_no_update_has_on_its_right_side_is_refused(side: str) -> None:
    with pytest.raises(ValidationFailed):
        update(f"SET a = {side}")
