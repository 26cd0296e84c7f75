"""The group's own memory: exact undo, overlays that later units see, what is handed over after
COMMIT.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamstore.codec.hashing import HASH_MAX, HASH_MIN
from streamstore.engine.tables import tables
from streamstore.engine.writes.apply import apply
from streamstore.errors import ResourceInUse, ResourceNotFound
from streamstore.storage import statements_tables

ITEM = {"pk": {"S": "p"}, "sk": {"S": "s"}}


def create(world: Any, group: Any, name: str = "t") -> Any:
    return tables.create(
        group,
        name=name,
        region="us-east-1",
        account="000000000000",
        keys=world.keys("pk", "sk"),
        attribute_types={"pk": "S", "sk": "S"},
        billing_mode="PAY_PER_REQUEST",
        view_type="NEW_IMAGE",
    )


def fails(error: Exception) -> Any:
    raise error


def test_later_units_of_a_group_see_a_new_table_and_the_catalogue_only_after_commit(
    world: Any,
) -> None:
    seen = []

    def look(group: Any) -> None:
        found = group.find_table("t")
        seen.append((found is group.table_by_id(found.table_id), world.engine.catalog.find("t")))
        apply(group, world.put_of(ITEM, table=found))

    units = [lambda group: create(world, group), look]
    assert [o.error for o in world.writer.run_many([(unit, 1) for unit in units])] == [None, None]
    assert seen == [(True, None)]
    assert world.table().name == "t"
    assert len(world.rows("SELECT 1 FROM record")) == 1


def test_a_table_of_a_failed_unit_is_gone_for_the_rest_of_the_group_and_after_it(
    world: Any,
) -> None:
    def makes_and_fails(group: Any) -> None:
        table = create(world, group)
        apply(group, world.put_of(ITEM, table=table))
        raise RuntimeError("after making and filling a table")

    seen = []

    def look(group: Any) -> None:
        seen.append(group.find_table("t"))

    def makes_another(group: Any) -> None:
        table = create(world, group, "other")
        apply(group, world.put_of(ITEM, table=table))

    units = [lambda group: None, makes_and_fails, look, makes_another]
    outcomes = world.writer.run_many([(unit, 1) for unit in units])
    assert [type(o.error) for o in outcomes] == [type(None), RuntimeError, type(None), type(None)]
    assert seen == [None]
    assert world.engine.catalog.find("t") is None
    # The ids of the failed table's rows were free again, and nothing of its numbers stuck to them.
    assert sum(row[0] for row in world.rows("SELECT item_count FROM partition")) == 1
    assert sum(row[0] - 1 for row in world.rows("SELECT next_ordinal FROM shard")) == 1
    assert world.rows("SELECT record_id & 255 FROM record") == [(1,)]


def test_a_dropped_table_is_gone_for_later_units_and_its_name_is_free(world: Any) -> None:
    old = world.create()

    def look(group: Any) -> None:
        assert group.find_table("t") is None
        assert group.table_by_id(old.table_id) is None
        create(world, group)
        with pytest.raises(ResourceInUse):
            create(world, group)

    units = [lambda group: tables.delete(group, group.find_table("t")), look]
    assert [o.error for o in world.writer.run_many([(unit, 1) for unit in units])] == [None, None]
    assert world.table().table_id > old.table_id


def test_a_failed_deletion_leaves_the_table(world: Any) -> None:
    table = world.create(view_type="NEW_IMAGE")

    def deletes_and_fails(group: Any) -> None:
        tables.delete(group, group.find_table("t"))
        raise RuntimeError("after deleting")

    outcomes = world.writer.run_many(
        [(deletes_and_fails, 1), (lambda group: apply(group, world.put_of(ITEM)), 1)]
    )
    assert [type(o.error) for o in outcomes] == [RuntimeError, type(None)]
    assert world.table() == table


def test_versions_are_never_given_twice_not_even_by_a_unit_that_failed(world: Any) -> None:
    world.create()
    given = []

    def moves_and_fails(group: Any) -> None:
        table = tables.update(group, group.find_table("t"), facts={"x": 1})
        given.append(table.version)
        raise RuntimeError("after a change")

    with pytest.raises(RuntimeError):
        world.run(moves_and_fails)
    assert world.update(facts={"x": 2}).version > given[0] > 0
    assert world.engine.catalog.version == world.table().version


def test_every_stream_that_ends_within_a_group_is_known_as_ended(world: Any) -> None:
    world.create(view_type="NEW_IMAGE")
    first = world.table().stream

    def off(group: Any) -> Any:
        return tables.update(group, group.find_table("t"), disable_stream=True)

    def on(group: Any) -> Any:
        return tables.update(group, group.find_table("t"), view_type="OLD_IMAGE")

    outcomes = world.writer.run_many([(off, 1), (on, 1), (off, 1), (on, 1)])
    assert [o.error for o in outcomes] == [None] * 4
    catalog = world.engine.catalog
    assert [s.disabled_ms is None for s in catalog.streams()] == [False, False, True]
    assert catalog.stream_by_arn(first.arn).disabled_ms == world.clock.now_ms()
    assert world.table().stream == catalog.streams()[-1]


def test_what_is_asked_for_after_commit_is_withdrawn_with_its_unit(world: Any) -> None:
    done: list[str] = []

    def asks_and_fails(group: Any) -> None:
        group.after_commit(lambda: done.append("failed"))
        raise RuntimeError("after asking")

    units = [
        lambda group: group.after_commit(lambda: done.append("first")),
        asks_and_fails,
        lambda group: group.after_commit(lambda: done.append("last")),
    ]
    world.writer.run_many([(unit, 1) for unit in units])
    assert done == ["first", "last"]


def test_numbers_of_shards_and_partitions_that_are_no_more_are_not_kept(world: Any) -> None:
    world.create(view_type="NEW_IMAGE", indexes=(world.index("g", world.keys("g")),))
    world.put({**ITEM, "g": {"S": "x"}})
    engine = world.engine
    assert (len(engine.shard_counters), len(engine.partition_counters)) == (1, 1)
    assert len(engine.index_counters) == 1
    world.update(disable_stream=True)
    assert engine.shard_counters == {}
    world.delete()
    assert (engine.partition_counters, engine.index_counters) == ({}, {})


class Samples:
    """Keeps what the split policy would be shown."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def observe(self, observed: Any, now_ms: int) -> None:
        self.seen += [units for _, _, units in observed]


def test_the_load_that_is_sampled_is_that_of_writes_that_happened(world: Any) -> None:
    world.create()
    world.engine.samples = Samples()
    puts = [world.put_of({**ITEM, "v": {"S": "x" * size}}) for size in (10, 2000, 10)]

    def writes_and_fails(group: Any) -> None:
        apply(group, puts[1])
        raise RuntimeError("after a write")

    units = [lambda g: apply(g, puts[0]), writes_and_fails, lambda g: apply(g, puts[2])]
    world.writer.run_many([(unit, 1) for unit in units])
    assert world.engine.samples.seen == [1]
    world.put({**ITEM, "v": {"S": "x" * 2000}})
    world.do(world.delete_of(ITEM))
    assert world.engine.samples.seen == [1, 2, 2]


def test_numbers_that_a_failed_unit_read_off_its_own_rows_are_read_again(world: Any) -> None:
    seen = []

    def makes(count: int) -> Any:
        def unit(group: Any) -> None:
            values = (1, HASH_MIN, HASH_MAX, 0, count, 0)
            group.tx.run(statements_tables.PARTITION_INSERT, values)
            partition_id = group.tx.last_rowid()
            seen.append((partition_id, group.partition_counters(partition_id).item_count))
            if count == 7:
                raise RuntimeError("after making a partition")

        return unit

    world.writer.run_many([(lambda group: None, 1), (makes(7), 1), (makes(3), 1)])
    assert seen == [(1, 7), (1, 3)]


def test_publishing_twice_changes_nothing(world: Any) -> None:
    world.create(view_type="NEW_IMAGE")
    world.engine.samples = Samples()
    kept: list[Any] = []

    def unit(group: Any) -> None:
        kept.append(group)
        apply(group, world.put_of(ITEM))
        tables.update(group, group.find_table("t"), facts={"x": 1})

    world.run(unit)
    engine = world.engine
    before = engine.sequence, dict(engine.shard_counters), dict(engine.partition_counters)
    table = world.table()
    kept[0].published()
    assert (engine.sequence, engine.shard_counters, engine.partition_counters) == before
    assert world.table() == table
    assert engine.samples.seen == [1]


def test_the_sequence_starts_at_the_clock_and_never_goes_back(world: Any) -> None:
    world.create(view_type="NEW_IMAGE")
    assert world.engine.sequence >= world.clock.now_ms() * 1000
    world.put(ITEM)
    last = world.engine.sequence
    world.clock.advance(-3600)
    world.reopen()
    assert world.engine.sequence == last
    world.clock.advance(7200)
    world.reopen()
    assert world.engine.sequence == world.clock.now_ms() * 1000
    world.run(lambda group: None)
    assert world.rows("SELECT value FROM store_state WHERE name = 'sequence'") == [
        (world.engine.sequence,)
    ]


def test_the_secrets_are_made_once_and_saved_by_the_first_group(world: Any) -> None:
    engine = world.engine
    secrets = engine.iterator_key, engine.event_id_prefix
    assert engine.unsaved
    with pytest.raises(RuntimeError):
        world.run(lambda group: fails(RuntimeError("the first unit")))
    world.run(lambda group: None)
    assert not engine.unsaved
    world.reopen()
    assert (world.engine.iterator_key, world.engine.event_id_prefix) == secrets
    assert not world.engine.unsaved


def test_a_store_that_reads_beside_its_owner_takes_the_picture_anew(world: Any) -> None:
    owner = world.engine
    world.create("a", view_type="NEW_IMAGE")
    world.reopen()
    reader = world.engine
    world.reopen()
    world.create("b")
    world.delete("a")
    with world.reading() as rx:
        reader.reload(rx)
    assert reader.catalog.names(None, 10) == ["b"]
    assert reader.catalog.table("b") == replace(world.table("b"), version=reader.catalog.version)
    assert [s.table_name for s in reader.catalog.streams()] == ["a"]
    with pytest.raises(ResourceNotFound):
        reader.catalog.table("a")
    assert owner.iterator_key == reader.iterator_key
