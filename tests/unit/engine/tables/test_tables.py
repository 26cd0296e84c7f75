"""Making, changing and deleting tables, and that what is read back after a restart is the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamstore.codec.hashing import HASH_MAX, HASH_MIN
from streamstore.engine.tables.items import get, table_totals
from streamstore.errors import ResourceInUse

ITEM = {"pk": {"S": "p"}, "sk": {"S": "s"}}


def everything(world: Any) -> Any:
    """A table that uses every member of its definition."""
    return world.create(
        schema=world.keys("pk", "sk:N"),
        read_units=3,
        write_units=4,
        deletion_protection=True,
        view_type="OLD_IMAGE",
        facts={"tags": {"a": "b"}, "list": [1, 2.5, None, b"x"]},
        indexes=(
            replace(
                world.index("gsi", world.keys("g", "h:B", "i:N", hashes=2), "INCLUDE", "x", "y"),
                read_units=5,
                write_units=6,
                facts={"warm": [1, 2]},
            ),
            world.index("lsi", world.keys("pk", "l"), "KEYS_ONLY", kind="LSI"),
        ),
    )


def test_a_table_is_read_back_as_it_was_made(world: Any) -> None:
    made = everything(world)
    assert world.table() == made
    world.reopen()
    assert replace(world.table(), version=made.version) == made


def test_a_changed_table_is_read_back_as_it_was_changed(world: Any) -> None:
    everything(world)
    world.clock.advance(10)
    gsi = world.table().index("gsi")
    changed = world.update(
        billing_mode="PROVISIONED",
        read_units=7,
        write_units=8,
        deletion_protection=False,
        facts={"tags": None, "more": "x"},
        change_indexes=[replace(gsi, read_units=9)],
        disable_stream=True,
    )
    assert (changed.billing_mode, changed.read_units, changed.write_units) == ("PROVISIONED", 7, 8)
    assert changed.facts == {"list": [1, 2.5, None, b"x"], "more": "x"}
    assert changed.index("gsi").read_units == 9
    assert changed.updated_ms == world.clock.now_ms() > changed.created_ms
    assert (changed.stream, changed.open_shards) == (None, ())
    assert changed.last_stream.disabled_ms == world.clock.now_ms()
    world.reopen()
    assert replace(world.table(), version=changed.version) == changed


def test_partitions_cover_the_hash_space_and_hold_one_open_shard_each(world: Any) -> None:
    table = world.create(view_type="NEW_IMAGE")
    assert len(table.partitions) == len(table.open_shards) == 4
    assert table.partitions[0].range_start == HASH_MIN
    assert table.partitions[-1].range_end == HASH_MAX
    assert [s.partition_id for s in table.open_shards] == [p.partition_id for p in table.partitions]
    for position, partition in enumerate(table.partitions):
        assert table.route(partition.range_start) == table.route(partition.range_end) == position


def test_a_taken_name_is_refused_in_either_spelling(world: Any) -> None:
    world.create()
    with pytest.raises(ResourceInUse) as refused:
        world.create()
    assert (refused.value.kind, refused.value.name) == ("existing-table", "t")


def test_a_change_that_is_no_update_leaves_its_time(world: Any) -> None:
    table = world.create()
    world.clock.advance(5)
    changed = world.update(facts={"tags": {"a": "b"}}, is_update=False)
    assert (changed.updated_ms, changed.version > table.version) == (table.updated_ms, True)


@pytest.mark.parametrize(
    ("delta", "create", "delete", "expected"),
    [
        ({"g": "N"}, None, None, {"pk": "S", "sk": "S", "g": "S"}),
        ({"z": "S"}, None, None, {"pk": "S", "sk": "S", "g": "S"}),
        ({"h": "N"}, "h:N", None, {"pk": "S", "sk": "S", "g": "S", "h": "N"}),
        ({"h": "N", "g": "B"}, "h:N", "gsi", {"pk": "S", "sk": "S", "h": "N"}),
        (None, None, "gsi", {"pk": "S", "sk": "S"}),
    ],
)
def test_attribute_definitions_are_a_delta_and_lose_what_no_key_uses(
    world: Any, delta: Any, create: str | None, delete: str | None, expected: Any
) -> None:
    world.create(indexes=(world.index("gsi", world.keys("g")),))
    changed = world.update(
        attribute_types=delta,
        create_index=None if create is None else world.index("new", world.keys(create)),
        delete_index=delete,
    )
    assert changed.attribute_types == expected
    assert list(changed.attribute_types) == list(expected)
    assert world.table() == changed


def test_a_dropped_index_keeps_its_rows_to_itself_and_a_new_one_of_the_name_is_empty(
    world: Any,
) -> None:
    world.create(indexes=(world.index("gsi", world.keys("g")),))
    world.put({**ITEM, "g": {"S": "x"}})
    world.update(delete_index="gsi")
    world.do(world.delete_of(ITEM))
    changed = world.update(create_index=world.index("gsi", world.keys("g")))
    assert changed.indexes[0].filled_to is None
    assert world.rows(
        "SELECT count(*) FROM index_entry WHERE index_id = ?", changed.indexes[0].index_id
    ) == [(0,)]


def test_a_deleted_table_leaves_its_name_and_its_stream_to_be_found(world: Any) -> None:
    table = everything(world)
    dropped = world.delete()
    assert dropped.facts["dropped"]
    catalog = world.engine.catalog
    assert (catalog.find("t"), catalog.by_id(table.table_id)) == (None, None)
    assert catalog.stream_by_arn(table.stream.arn).disabled_ms == world.clock.now_ms()
    again = world.create(view_type="KEYS_ONLY")
    assert again.table_id != table.table_id
    assert again.stream.label != table.stream.label
    world.reopen()
    assert replace(world.table(), version=again.version) == again
    assert len(world.engine.catalog.streams()) == 2


def test_the_next_table_of_a_name_never_sees_the_rows_of_the_one_before(world: Any) -> None:
    world.create()
    world.put({**ITEM, "v": {"S": "x" * 2000}})
    world.delete()
    world.create()
    with world.reading() as rx:
        assert get(rx, world.table(), world.key_of(ITEM)) is None
        assert table_totals(rx, world.table()) == (0, 0)


def test_isolated_regions_are_namespaces_of_their_own(worlds: Any) -> None:
    world = worlds(isolate_regions=True)
    here = world.create()
    there = world.create(region="eu-west-1")
    other = world.create(account="111111111111")
    catalog = world.engine.catalog
    assert catalog.table("t") == here
    assert catalog.table("t", "eu-west-1") == there
    assert catalog.table("t", None, "111111111111") == other
    assert catalog.table(there.arn) == there
    with pytest.raises(ResourceInUse):
        world.create(region="eu-west-1")
    world.reopen()
    assert world.engine.catalog.table("t", "eu-west-1").table_id == there.table_id
