"""Single writes: what changes nothing, what an update may become, what is checked again under the
lock.
"""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.codec.records import unpack_record
from streamstore.codec.sizes import item_size
from streamstore.engine.tables.items import get
from streamstore.engine.writes.apply import UPDATE_TOO_DEEP, UPDATE_TOO_LARGE, apply
from streamstore.errors import ConditionFailed, ResourceNotFound, ValidationFailed

KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
M = {"M": {"a": {"S": "1"}, "b": {"N": "2"}}}
M_TURNED = {"M": {"b": {"N": "2"}, "a": {"S": "1"}}}


@pytest.fixture
def streamed(world: Any) -> Any:
    world.create(view_type="NEW_AND_OLD_IMAGES")
    return world


def records(world: Any) -> list[Any]:
    return [
        unpack_record(body) for (body,) in world.rows("SELECT body FROM record ORDER BY sequence")
    ]


def stored(world: Any, key: Any = KEY) -> Any:
    with world.reading() as rx:
        return get(rx, world.table(), world.key_of(key))


STORED = {
    **KEY,
    "n": {"N": "1"},
    "m": M,
    "set": {"SS": ["a", "b"]},
    "words": {"S": "abc"},
}


@pytest.mark.parametrize(
    "write",
    [
        lambda w: w.put_of(STORED),
        lambda w: w.put_of(dict(reversed(STORED.items()))),
        lambda w: w.put_of({**STORED, "m": M_TURNED}),
        lambda w: w.put_of({**STORED, "n": {"N": "1.0e0"}}),
        lambda w: w.put_of({**STORED, "set": {"SS": ["b", "a"]}}),
        lambda w: w.update_of(KEY),
        lambda w: w.update_of(KEY, "SET n = :n", {":n": {"N": "01"}}),
        lambda w: w.update_of(KEY, "SET m = :m", {":m": M_TURNED}),
        lambda w: w.update_of(KEY, "ADD n :n", {":n": {"N": "0"}}),
        lambda w: w.update_of(KEY, "REMOVE nowhere, m.nowhere"),
        lambda w: w.update_of(KEY, "DELETE nowhere :s", {":s": {"SS": ["a"]}}),
        lambda w: w.update_of({**KEY, "pk": {"S": "none"}}, "REMOVE n"),
        lambda w: w.update_of({**KEY, "pk": {"S": "none"}}, "DELETE n :s", {":s": {"SS": ["a"]}}),
        lambda w: w.delete_of({**KEY, "pk": {"S": "none"}}),
    ],
)
def test_a_write_that_leaves_the_item_as_it_was_makes_no_record_and_uses_no_number(
    streamed: Any, write: Any
) -> None:
    streamed.put(STORED)
    before = streamed.engine.sequence, streamed.rows("SELECT * FROM item")
    applied = streamed.do(write(streamed))
    assert not applied.changed
    assert (streamed.engine.sequence, streamed.rows("SELECT * FROM item")) == before
    assert len(records(streamed)) == 1


NEW_KEY = {**KEY, "pk": {"S": "new"}}


@pytest.mark.parametrize(
    ("write", "event", "old", "new"),
    [
        (
            lambda w: w.put_of({**STORED, "words": {"S": "abd"}}),
            "MODIFY",
            STORED,
            {**STORED, "words": {"S": "abd"}},
        ),
        (lambda w: w.put_of(KEY), "MODIFY", STORED, KEY),
        (
            lambda w: w.update_of(KEY, "REMOVE n, m, words"),
            "MODIFY",
            STORED,
            {**KEY, "set": STORED["set"]},
        ),
        (lambda w: w.delete_of(KEY), "REMOVE", STORED, None),
        (lambda w: w.update_of(NEW_KEY), "INSERT", None, NEW_KEY),
    ],
)
def test_an_effective_write_makes_one_record(
    streamed: Any, write: Any, event: str, old: Any, new: Any
) -> None:
    streamed.put(STORED)
    applied = streamed.do(write(streamed))
    assert (applied.changed, applied.old, applied.new) == (True, old, new)
    sizes = [0 if image is None else item_size(image) for image in (old, new)]
    assert [applied.old_size, applied.new_size] == sizes
    keys = applied.key.item
    assert records(streamed)[1:] == [(event, item_size(keys) + sum(sizes), False, keys, new, old)]


def test_a_deletion_by_time_to_live_is_marked_in_its_record(streamed: Any) -> None:
    streamed.put(STORED)
    streamed.do(streamed.delete_of(KEY, ttl=True))
    assert records(streamed)[1][:3] == ("REMOVE", records(streamed)[1][1], True)


def test_the_view_type_decides_which_images_are_kept(world: Any) -> None:
    for view_type, images in (
        ("KEYS_ONLY", (None, None)),
        ("NEW_IMAGE", ("new", None)),
        ("OLD_IMAGE", (None, "old")),
    ):
        table = world.create(view_type, view_type=view_type)
        world.put({**KEY, "v": {"S": "old"}}, table)
        world.put({**KEY, "v": {"S": "new"}}, table)
        _, _, _, _, new, old = records(world)[-1]
        assert (new and new["v"]["S"], old and old["v"]["S"]) == images


SIZES = [None, 10, 660, 671, 672, 673, 680, 5000]


@pytest.mark.parametrize("before", SIZES)
@pytest.mark.parametrize("after", SIZES)
def test_large_bodies_lie_out_of_line_and_none_is_left_behind(
    world: Any, before: int | None, after: int | None
) -> None:
    world.create()
    world.put({**KEY, "sk": {"S": "other"}, "v": {"S": "y" * 2000}})
    for size in (before, after):
        if size is None:
            world.do(world.delete_of(KEY))
        else:
            world.put({**KEY, "v": {"S": "x" * size}})
    expected = None if after is None else {**KEY, "v": {"S": "x" * after}}
    found = stored(world)
    assert found == (None if expected is None else (expected, item_size(expected)))
    (row,) = world.rows("SELECT length(body) FROM item WHERE sk = ?", b"Ss") or [(None,)]
    assert row[0] is None or row[0] <= limits.INLINE_BODY_BYTES_MAX
    ids = world.rows("SELECT body_id FROM item WHERE body_id IS NOT NULL ORDER BY 1")
    assert ids == world.rows("SELECT body_id FROM large_body ORDER BY 1")


def test_a_failed_condition_carries_the_stored_item_and_writes_nothing(streamed: Any) -> None:
    streamed.put(STORED)
    condition = streamed.expression(condition="attribute_not_exists(pk)").condition
    with pytest.raises(ConditionFailed) as failed:
        streamed.do(streamed.put_of(KEY, condition=condition))
    assert failed.value.item == STORED
    assert stored(streamed) == (STORED, item_size(STORED))


def test_a_condition_sees_an_empty_item_where_none_is(streamed: Any) -> None:
    condition = streamed.expression(condition="attribute_exists(pk)").condition
    with pytest.raises(ConditionFailed) as failed:
        streamed.do(streamed.delete_of(KEY, condition=condition))
    assert failed.value.item is None


def test_a_failing_condition_hides_what_the_update_would_have_broken(streamed: Any) -> None:
    condition = streamed.expression(condition="attribute_exists(pk)").condition
    with pytest.raises(ConditionFailed):
        streamed.do(
            streamed.update_of(KEY, "SET n = nowhere + :n", {":n": {"N": "1"}}, condition=condition)
        )


def test_of_two_racing_conditional_puts_in_one_group_one_wins(streamed: Any) -> None:
    condition = streamed.expression(condition="attribute_not_exists(pk)").condition
    writes = [streamed.put_of({**KEY, "v": {"N": str(n)}}, condition=condition) for n in (1, 2)]
    outcomes = streamed.writer.run_many([(lambda g, m=m: apply(g, m), 1) for m in writes])
    assert outcomes[0].error is None
    assert isinstance(outcomes[1].error, ConditionFailed)
    assert outcomes[1].error.item == writes[0].item


def filled(size: int) -> Any:
    """KEY with a text so that the item has exactly that many bytes."""
    return {**KEY, "v": {"S": "x" * (size - item_size({**KEY, "v": {"S": ""}}))}}


@pytest.mark.parametrize(
    ("text", "values", "size", "fits"),
    [
        # Two actions that write: 3 + 19 * 2 bytes less the 6 of the key attributes.
        ("SET v = :v, w = :w", {":w": {"S": ""}}, limits.ITEM_BYTES_MAX - 35, True),
        ("SET v = :v, w = :w", {":w": {"S": ""}}, limits.ITEM_BYTES_MAX - 34, False),
        ("SET v = :v REMOVE w", {}, limits.ITEM_BYTES_MAX - 18, True),
        ("SET v = :v REMOVE w", {}, limits.ITEM_BYTES_MAX - 17, False),
    ],
)
def test_an_updated_item_is_held_to_a_ceiling_that_counts_the_actions(
    streamed: Any, text: str, values: Any, size: int, fits: bool
) -> None:
    own = size - (1 if ":w" in values else 0)
    update = streamed.update_of(KEY, text, {":v": filled(own)["v"], **values})
    if fits:
        assert streamed.do(update).new_size == size
    else:
        with pytest.raises(ValidationFailed, match=UPDATE_TOO_LARGE):
            streamed.do(update)
        assert stored(streamed) is None


def test_a_transaction_measures_updates_flat(streamed: Any) -> None:
    size = limits.ITEM_BYTES_MAX
    update = streamed.update_of(KEY, "SET v = :v", {":v": filled(size)["v"]}, flat=True)
    assert streamed.do(update).new_size == size
    update = streamed.update_of(KEY, "SET w = :w", {":w": {"S": ""}}, flat=True)
    with pytest.raises(ValidationFailed, match=UPDATE_TOO_LARGE):
        streamed.do(update)


@pytest.mark.parametrize(("levels", "fits"), [(16, True), (17, False)])
@pytest.mark.parametrize("kind", ["L", "M"])
def test_an_update_may_not_nest_deeper_than_an_item_may(
    streamed: Any, levels: int, fits: bool, kind: str
) -> None:
    def nested(depth: int, core: Any) -> Any:
        for _ in range(depth):
            core = {"L": [core]} if kind == "L" else {"M": {"a": core}}
        return core

    streamed.put({**KEY, "v": nested(15, {kind: [] if kind == "L" else {}})})
    path = "v" + "[0]" * 15 + "[0]" if kind == "L" else "v" + ".a" * 15 + ".a"
    values = {":x": nested(levels - 1, {"S": "core"})}
    update = streamed.update_of(KEY, f"SET {path} = :x", values)
    if fits:
        assert streamed.do(update).changed
    else:
        with pytest.raises(ValidationFailed) as failed:
            streamed.do(update)
        assert failed.value.message == UPDATE_TOO_DEEP


def test_what_was_prepared_before_a_change_of_the_table_is_checked_again(streamed: Any) -> None:
    put = streamed.put_of({**KEY, "g": {"N": "1"}})
    nested = streamed.update_of(KEY, "SET g.x = :x", {":x": {"S": "1"}})
    changed = streamed.update_of(KEY, "SET g = :x", {":x": {"N": "1"}})
    streamed.update(
        create_index=streamed.index("gs1", streamed.keys("g")), attribute_types={"g": "S"}
    )
    with pytest.raises(
        ValidationFailed, match="Type mismatch for Index Key g Expected: S Actual: N"
    ):
        streamed.do(put)
    with pytest.raises(ValidationFailed, match="are not allowed: IndexKey: g"):
        streamed.do(nested)
    with pytest.raises(ValidationFailed, match="secondary index key to unsupported type"):
        streamed.do(changed)
    assert stored(streamed) is None


def test_a_write_prepared_before_a_stream_was_enabled_makes_a_record(world: Any) -> None:
    world.create()
    put = world.put_of(STORED)
    world.update(view_type="KEYS_ONLY")
    world.do(put)
    assert len(records(world)) == 1


def test_a_write_never_reaches_the_next_table_of_the_name(world: Any) -> None:
    world.create()
    put = world.put_of(STORED)
    world.delete()
    with pytest.raises(ResourceNotFound) as failed:
        world.do(put)
    assert (failed.value.kind, failed.value.name) == ("table", "t")
    world.create()
    with pytest.raises(ResourceNotFound):
        world.do(put)
    assert stored(world) is None


def test_a_failed_unit_leaves_the_numbers_of_its_group_without_a_gap(streamed: Any) -> None:
    puts = [streamed.put_of({**KEY, "v": {"N": str(n)}}) for n in range(4)]

    def fails(group: Any) -> None:
        apply(group, puts[1])
        apply(group, puts[2])
        raise RuntimeError("after two writes")

    before = streamed.engine.sequence
    units = [lambda g: apply(g, puts[0]), fails, lambda g: apply(g, puts[3])]
    outcomes = streamed.writer.run_many([(unit, 1) for unit in units])
    assert [type(o.error) for o in outcomes] == [type(None), RuntimeError, type(None)]
    assert streamed.engine.sequence == before + 2
    sequences = streamed.rows("SELECT sequence FROM record ORDER BY record_id")
    assert sequences == [(before + 1,), (before + 2,)]
    assert [new["v"]["N"] for _, _, _, _, new, _ in records(streamed)] == ["0", "3"]
    observed = streamed.rows("SELECT sum(item_count), sum(item_bytes) FROM partition")
    assert observed == [(1, item_size(puts[3].item))]
