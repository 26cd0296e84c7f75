"""The door: the straight path and the slow one agree on everything."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.attributes import Reading, ValueReading
from streamstore.errors import RequestError
from streamstore.operations.shapes import check
from streamstore.operations.shapes.check import check_slowly
from streamstore.operations.shapes.nodes import Node, model, tree

OPERATIONS = sorted(model()["operations"])
VALUES = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=5)),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.just({"BOOL": True}),
    st.just({"SS": ["a", "b"]}),
    st.just({"SS": []}),
    st.just({"M": {"a": {"L": [{"NULL": True}]}}}),
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"a": None}),
    st.just(("a",)),
)


def plausible(node: Node) -> st.SearchStrategy[Any]:
    """Values for a place in a tree: mostly what is expected there, sometimes on the edge of it."""
    if node.kind == "structure":
        members = {name: plausible(member) for name, member in node.members.items()}
        required = {name: members[name] for name in node.required}
        optional = {name: each for name, each in members.items() if name not in required}
        return st.fixed_dictionaries(required, optional=optional)
    if node.kind in ("attributes", "attribute"):
        one = VALUES
        return (
            one
            if node.kind == "attribute"
            else st.dictionaries(st.text(max_size=3), one, max_size=3)
        )
    if node.kind == "list":
        return st.lists(plausible(node.element), max_size=3)
    if node.kind == "map":
        return st.dictionaries(st.text(max_size=4), plausible(node.element), max_size=2)
    if node.kind == "string":
        texts = [st.text(max_size=6), st.sampled_from(["abc", "a" * 40, "1" * 21, "a" * 256])]
        return st.one_of(*([st.sampled_from(node.enum)] if node.enum else []), *texts)
    if node.kind == "boolean":
        return st.one_of(st.booleans(), st.sampled_from(["true", "x"]))
    return st.one_of(st.integers(-2, 2000), st.floats(0, 10))


def spoilt(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The same with one member replaced by junk now and then."""

    def spoil(params: dict[str, Any], at: int, junk: Any) -> dict[str, Any]:
        names = sorted(params)
        return {**params, names[at % len(names)]: junk} if names and at % 3 == 0 else params

    return st.builds(spoil, good, st.integers(0, 100), JUNK)


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return plain(function(*arguments))
    except RequestError as error:
        return type(error), getattr(error, "message", None)


def plain(value: Any) -> Any:
    if isinstance(value, Reading | ValueReading):
        return repr(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value, type(value)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_straight_path_answers_as_the_slow_one_does(operation: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(spoilt(plausible(tree(operation))), st.booleans())
    def holds(params: dict[str, Any], base64_binary: bool) -> None:
        fast = outcome(check, operation, params, base64_binary)
        assert fast == outcome(check_slowly, operation, params, base64_binary)

    holds()


def test_an_ordinary_request_takes_the_straight_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any) -> None:
        raise AssertionError("the slow path was taken")

    # By name the module is hidden behind the function that the room exports.
    door = import_module("streamstore.operations.shapes.check")
    monkeypatch.setattr(door, "check_slowly", never)
    key = {"pk": {"S": "a"}}
    update = {
        "TableName": "music",
        "Key": key,
        "UpdateExpression": "SET #n = :v",
        "ExpressionAttributeNames": {"#n": "né"},
        "ExpressionAttributeValues": {":v": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
        "ReturnConsumedCapacity": None,
    }
    for base64_binary in (True, False):
        assert check("UpdateItem", update, base64_binary)["Key"].values == key
        assert check("Query", {"TableName": "music", "Limit": 5, "ScanIndexForward": False}, True)
        assert check("GetRecords", {"ShardIterator": "x" * 300, "Limit": 10}, True)


def test_what_was_given_is_not_changed() -> None:
    params = {"TableName": "abc", "Key": {"pk": {"S": "a"}}, "ConsistentRead": None, "Other": 1}
    before = repr(params)
    check("GetItem", params, True)
    assert repr(params) == before
