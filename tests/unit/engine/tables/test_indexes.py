"""Index keys: what an item may hold there, what an update may write to, what a write costs an
index.
"""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.engine.tables.indexes import check_item, check_targets, entry_key
from streamstore.errors import ValidationFailed

INVALID = "One or more parameter values were invalid: "
EMPTY = "The AttributeValue for a key attribute cannot contain an empty {} value."
PUT_EMPTY = (
    "One or more parameter values are not valid. A value specified for a secondary index key is not"
    " supported. " + EMPTY + " IndexName: {}, IndexKey: {}"
)
UPDATE_EMPTY = (
    "One or more parameter values are not valid. The update expression attempted to update a"
    " secondary index key to a value that is not supported. " + EMPTY
)
UPDATE_TYPE = (
    "The update expression attempted to update the secondary index key to unsupported type"
)
UPDATE_SIZE = (
    "The update expression attempted to update the secondary index key beyond allowed size limits"
)
PART_OF_KEY = INVALID + "Cannot update attribute {}. This attribute is part of the key"
NOT_SCALAR = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed:"
    " IndexKey: {}"
)
MISMATCH = INVALID + "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {}"
KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}


@pytest.fixture(scope="module")
def table(worlds: Any) -> Any:
    world = worlds()
    return world.create(
        indexes=(
            world.index("second", world.keys("g", "n:N")),
            world.index("first", world.keys("b:B", "g")),
            world.index("local", world.keys("pk", "l"), kind="LSI"),
            world.index("several", world.keys("x", "y", "z", hashes=2)),
        )
    )


@pytest.mark.parametrize(
    ("item", "put", "update"),
    [
        (
            {"g": {"N": "1"}},
            MISMATCH.format("g", "S", "N", "first"),
            UPDATE_TYPE,
        ),
        (
            {"n": {"NULL": True}},
            MISMATCH.format("n", "N", "NULL", "second"),
            UPDATE_TYPE,
        ),
        # The alphabetically first offending index is named, not the first in the table.
        (
            {"n": {"S": "x"}, "b": {"S": "x"}},
            MISMATCH.format("b", "B", "S", "first"),
            UPDATE_TYPE,
        ),
        (
            {"g": {"S": ""}},
            PUT_EMPTY.format("string", "first", "g"),
            UPDATE_EMPTY.format("string"),
        ),
        (
            {"b": {"B": b""}},
            PUT_EMPTY.format("binary", "first", "b"),
            UPDATE_EMPTY.format("binary"),
        ),
        ({"l": {"S": ""}}, PUT_EMPTY.format("string", "local", "l"), UPDATE_EMPTY.format("string")),
        (
            {"g": {"S": "x" * 1025}},
            INVALID + "Size limit exceeded",
            UPDATE_SIZE,
        ),
        (
            {"x": {"S": "é" * 512}, "y": {"S": "é" * 513}},
            INVALID + "Size limit exceeded",
            UPDATE_SIZE,
        ),
    ],
)
def test_an_unfit_index_key_is_refused_in_the_words_of_put_or_update(
    table: Any, item: Any, put: str, update: str
) -> None:
    for form, text in (("put", put), ("update", update)):
        with pytest.raises(ValidationFailed) as failed:
            check_item(table, {**KEY, **item}, form)
        assert failed.value.message == text
        assert not failed.value.prefixed


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"g": {"S": "x" * 1024}, "n": {"N": "9" * 38}, "b": {"B": b"\x00"}},
        {"b": {"B": b"x" * 2048}},
        {"x": {"S": "x" * 1024}, "y": {"S": "y" * 1024}},
        {"other": {"S": ""}},
    ],
)
def test_a_sound_or_absent_index_key_passes(table: Any, item: Any) -> None:
    check_item(table, {**KEY, **item}, "put")
    check_item(table, {**KEY, **item}, "update", {})


def test_an_update_answers_only_for_values_it_changes(table: Any) -> None:
    old = {**KEY, "g": {"N": "1"}, "b": {"S": "x"}}
    check_item(table, {**old, "other": {"S": "y"}}, "update", old)
    with pytest.raises(ValidationFailed, match="unsupported type"):
        check_item(table, {**old, "g": {"N": "2"}}, "update", old)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET pk = :v", PART_OF_KEY.format("pk")),
        ("SET a = :v, sk.x = :v", PART_OF_KEY.format("sk")),
        ("REMOVE pk[0] SET a = :v", PART_OF_KEY.format("pk")),
        ("SET g.x = :v", NOT_SCALAR.format("g")),
        ("REMOVE l[0] SET a = :v", NOT_SCALAR.format("l")),
        ("SET g = :v, a.g = :v REMOVE n", None),
    ],
)
def test_an_update_may_not_write_to_keys_nor_below_index_keys(
    worlds: Any, table: Any, text: str, message: str | None
) -> None:
    update = worlds.expression({":v": {"S": "x"}}, update=text).update
    if message is None:
        check_targets(table, update)
    else:
        with pytest.raises(ValidationFailed) as failed:
            check_targets(table, update)
        assert failed.value.message == message


@pytest.mark.parametrize(
    "item",
    [
        {"g": {"S": "x"}},
        {"n": {"N": "1"}},
        {"g": {"N": "1"}, "n": {"N": "1"}},
        {"g": {"S": ""}, "n": {"N": "1"}},
        {"g": {"S": "x" * 2049}, "n": {"N": "1"}},
    ],
)
def test_an_item_without_a_sound_key_has_no_entry(table: Any, item: Any) -> None:
    assert entry_key(table.index("second"), {**KEY, **item}, b"h", b"p") is None


BIG = {"S": "x" * 2000}  # three write units with its key
COSTS = [
    # before, after, units by index: "all" holds everything, "keys" holds g and the table's key.
    (None, {"g": "a"}, {"all": 1, "keys": 1}),
    (None, {"g": "a", "v": BIG}, {"all": 2, "keys": 1}),
    (None, {"v": BIG}, {}),
    ({"g": "a"}, {"g": "a", "v": BIG}, {"all": 2}),
    ({"g": "a", "v": BIG}, {"g": "a"}, {"all": 2}),
    ({"g": "a", "v": BIG}, {"g": "b", "v": BIG}, {"all": 4, "keys": 2}),
    ({"g": "a", "v": BIG}, {"g": "b"}, {"all": 3, "keys": 2}),
    ({"g": "a", "v": BIG}, {"v": BIG}, {"all": 2, "keys": 1}),
    ({"g": "a", "v": BIG}, None, {"all": 2, "keys": 1}),
    ({"g": "a", "v": BIG}, {"g": "a", "v": BIG}, {}),
    ({"v": BIG}, {"v": BIG, "w": BIG}, {}),
]


@pytest.mark.parametrize(("before", "after", "units"), COSTS)
def test_a_write_costs_an_index_by_what_happens_to_its_entry(
    world: Any, before: Any, after: Any, units: dict[str, int]
) -> None:
    world.create(
        indexes=(
            world.index("all", world.keys("g")),
            world.index("keys", world.keys("g"), "KEYS_ONLY"),
        )
    )

    def item(content: dict[str, Any]) -> Any:
        typed = {n: v if isinstance(v, dict) else {"S": v} for n, v in content.items()}
        return {**KEY, **typed}

    if before is not None:
        world.put(item(before))
    applied = world.do(world.delete_of(KEY)) if after is None else world.put(item(after))
    assert {index.name: cost for index, cost in applied.index_writes} == units
