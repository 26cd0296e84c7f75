"""AttributeUpdates: their texts, and what becomes of an item."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec.attributes import read_value
from streamstore.errors import ValidationFailed
from streamstore.expressions import Update
from streamstore.expressions.legacy import read_updates

P = "One or more parameter values were invalid: "
KEY = {"pk": {"S": "k"}}
OLD = {
    **KEY, "s": {"S": "x"}, "n": {"N": "5"}, "ss": {"SS": ["a", "b"]}, "l": {"L": [{"S": "a"}]},
}  # fmt: skip


def change(action: str | None, value: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {} if action is None else {"Action": action}
    if value is not None:
        made["Value"] = read_value(value, base64_binary=False)
    return made


def update(**entries: Any) -> Update:
    read = read_updates(entries)
    assert read is not None
    return read


def refusal(**entries: Any) -> str:
    with pytest.raises(ValidationFailed) as caught:
        read_updates(entries)
    return caught.value.message


@pytest.mark.parametrize("action", [None, "PUT", "ADD"])
def test_only_delete_goes_without_a_value(action: str | None) -> None:
    assert refusal(a=change(action)) == (
        P + "Only DELETE action is allowed when no attribute value is specified"
    )
    assert read_updates({"a": change("DELETE")}) is not None


VALUES: dict[str, Any] = {
    "S": "x", "N": "1", "B": b"x", "BOOL": True, "NULL": True, "SS": ["a"], "NS": ["1"],
    "BS": [b"a"], "L": [], "M": {},
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_add_takes_numbers_sets_and_lists_and_delete_takes_sets(kind: str) -> None:
    value = {kind: VALUES[kind]}
    assert update(a=change("PUT", value)).apply(None, KEY).new == {**KEY, "a": value}
    if kind in ("N", "SS", "NS", "BS", "L"):
        assert update(a=change("ADD", value)).apply(None, KEY).new == {**KEY, "a": value}
    else:
        assert refusal(a=change("ADD", value)) == (
            f"{P}ADD action is not supported for the type {kind}"
        )
    if kind in ("SS", "NS", "BS"):
        assert update(a=change("DELETE", value)).apply(OLD, KEY).new == OLD
    else:
        assert refusal(a=change("DELETE", value)) == (
            f"{P}DELETE action with value is not supported for the type {kind}"
        )


def test_the_first_entry_at_fault_answers() -> None:
    number = change("PUT", {"N": "x"})
    assert "numeric" in refusal(a=number, b=change("PUT"))
    assert "Only DELETE" in refusal(b=change("PUT"), a=number)
    assert refusal(**{"": change("DELETE")}) == "Empty attribute name"


@pytest.mark.parametrize(
    ("entries", "changed"),
    [
        ({"s": change(None, {"N": "1"})}, {"s": {"N": "1"}}),
        ({"n": change("ADD", {"N": "-7"})}, {"n": {"N": "-2"}}),
        ({"new": change("ADD", {"N": "3"})}, {"new": {"N": "3"}}),
        ({"ss": change("ADD", {"SS": ["b", "c"]})}, {"ss": {"SS": ["a", "b", "c"]}}),
        ({"l": change("ADD", {"L": [{"N": "1"}]})}, {"l": {"L": [{"S": "a"}, {"N": "1"}]}}),
        ({"ss": change("DELETE", {"SS": ["a", "z"]})}, {"ss": {"SS": ["b"]}}),
        ({"ss": change("DELETE", {"SS": ["a", "b"]})}, {"ss": None}),
        ({"s": change("DELETE"), "gone": change("DELETE")}, {"s": None}),
        ({"m.x": change("PUT", {"S": "y"})}, {"m.x": {"S": "y"}}),
    ],
)
def test_what_an_action_makes_of_an_item(entries: dict[str, Any], changed: dict[str, Any]) -> None:
    expected: dict[str, Any] = {**OLD, **changed}
    new = update(**entries).apply(OLD, KEY).new
    assert new == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize(
    "entries",
    [
        {"s": change("ADD", {"N": "1"})},
        {"n": change("ADD", {"SS": ["a"]})},
        {"ss": change("ADD", {"NS": ["1"]})},
        {"n": change("ADD", {"L": []})},
        {"ss": change("DELETE", {"NS": ["1"]})},
    ],
)
def test_a_stored_value_of_another_type_has_a_text_of_its_own(entries: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        update(**entries).apply(OLD, KEY)
    assert caught.value.message == "Type mismatch for attribute to update"
    assert not caught.value.prefixed


def test_other_faults_of_an_update_keep_their_text() -> None:
    with pytest.raises(ValidationFailed, match="Number overflow"):
        update(n=change("ADD", {"N": "9" * 38 + "0" * 88})).apply(
            {**OLD, "n": {"N": "9" * 38 + "0" * 88}}, KEY
        )


def test_deletions_alone_create_no_item_and_others_do() -> None:
    alone = update(a=change("DELETE"), b=change("DELETE", {"SS": ["x"]}))
    assert alone.apply(None, KEY).new is None
    assert update(a=change("DELETE"), b=change("ADD", {"L": []})).apply(None, KEY).new == {
        **KEY, "b": {"L": []},
    }  # fmt: skip


def test_updated_attributes_are_those_named() -> None:
    mixed = update(n=change("ADD", {"N": "1"}), s=change("DELETE"), x=change("PUT", {"S": "y"}))
    assert mixed.updated_old(OLD) == {"n": {"N": "5"}, "s": {"S": "x"}}
    assert mixed.updated_new(OLD, KEY) == {"n": {"N": "6"}, "x": {"S": "y"}}
    assert mixed.top_names == {"n", "s", "x"}


def test_no_entries_are_no_update() -> None:
    assert read_updates({}) is None
