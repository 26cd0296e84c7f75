"""Opening, closing, splitting and rolling shards: numbers, names, ranges, atomicity."""

from __future__ import annotations

import re
from typing import Any

import pytest

from streamstore import limits
from streamstore.codec import hashing
from streamstore.config import Settings, TableSettings
from streamstore.engine.model import TableInfo
from streamstore.engine.streams import shards
from streamstore.errors import LimitExceeded, ResourceNotFound, ValidationFailed

LABEL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")
NAME = re.compile(r"shardId-\d{20}-[0-9a-f]{8}")


def covers_the_hash_space(table: TableInfo) -> None:
    """Partitions are the whole space without gap or overlap, and the open shards lie on them one
    to one.
    """
    starts = [partition.range_start for partition in table.partitions]
    assert starts[0] == hashing.HASH_MIN
    assert table.partitions[-1].range_end == hashing.HASH_MAX
    for left, right in zip(table.partitions, table.partitions[1:], strict=False):
        assert hashing.successor(left.range_end) == right.range_start
    assert table.range_starts == tuple(starts)
    if table.stream is not None:
        assert [s.partition_id for s in table.open_shards] == [
            p.partition_id for p in table.partitions
        ]
        assert [(s.range_start, s.range_end) for s in table.open_shards] == [
            (p.range_start, p.range_end) for p in table.partitions
        ]


def test_a_new_stream_has_one_root_shard_a_partition(lab: Any) -> None:
    table = lab.create(partitions=4)
    covers_the_hash_space(table)
    assert table.stream is table.last_stream
    assert LABEL.fullmatch(table.stream.label)
    assert all(NAME.fullmatch(s.name) and len(s.name) == 37 for s in table.open_shards)
    assert {(s.depth, s.parent_name, s.closed_ms) for s in table.open_shards} == {(1, None, None)}
    starts = [s.start_sequence for s in table.open_shards]
    assert starts == sorted(set(starts))
    assert starts[0] > lab.clock.now_ms() * 1000
    assert lab.table() == table


def test_a_shard_ends_with_its_last_record_or_with_its_start_where_it_had_none(lab: Any) -> None:
    lab.create(partitions=2)
    numbers = lab.append("a", "b", "c", "d", "e")
    lab.create("empty")
    lab.change(shards.disable_stream)
    lab.change(shards.disable_stream, name="empty")
    assert max(s.info.end_sequence for s in lab.shards()) == numbers[-1]
    (empty,) = lab.shards(lab.stream("empty"))
    assert empty.info.end_sequence == empty.info.start_sequence


def test_labels_made_in_one_millisecond_differ_and_ascend(lab: Any) -> None:
    lab.create(view=None)
    labels = []
    for _ in range(30):
        labels.append(lab.change(shards.enable_stream, "KEYS_ONLY").stream.label)
        lab.change(shards.disable_stream)
    assert labels == sorted(set(labels))


def test_a_label_and_a_depth_are_never_used_again_even_by_a_table_of_the_same_name(
    lab: Any,
) -> None:
    first = lab.create()
    lab.change(shards.split, None)
    lab.change(shards.disable_stream)
    lab.run(lambda group: group.tx.run("DELETE FROM table_def"))
    lab.run(lambda group: group.tx.run("DELETE FROM stream"))
    lab.clock.advance(-3600)
    lab.reopen()
    again = lab.create()
    assert again.stream.label > first.stream.label
    assert [s.depth for s in again.open_shards] == [3]
    assert again.open_shards[0].name > first.open_shards[0].name


@pytest.mark.parametrize("step", [0, 5, -86_400])
def test_shard_ids_sort_by_creation_and_children_after_parents_whatever_the_clock_does(
    lab: Any, step: int
) -> None:
    lab.create(partitions=2)
    for _ in range(8):
        lab.clock.advance(step)
        table = lab.table()
        lab.change(shards.roll, table.open_shards[0].name)
        lab.change(shards.split, table.open_shards[-1].name)
    found = lab.shards()
    assert [s.info.name for s in found] == sorted({s.info.name for s in found})
    by_creation = sorted(found, key=lambda s: s.info.start_sequence)
    assert by_creation == found
    assert len({s.info.name[8:28] for s in found}) == len(found)


def test_a_split_closes_the_parent_and_opens_two_children_that_make_up_its_range(lab: Any) -> None:
    before = lab.create(partitions=2)
    lab.append(*"abcdefgh")
    parent = before.open_shards[1]
    after = lab.change(shards.split, parent.name)
    covers_the_hash_space(after)
    assert after.version > before.version
    closed = lab.shard(parent.name)
    lower, upper = after.open_shards[1:]
    assert closed.info.closed_ms is not None
    assert closed.info.end_sequence == closed.last_sequence
    for child in (lower, upper):
        assert (child.parent_name, child.depth) == (parent.name, parent.depth + 1)
        assert child.start_sequence > closed.info.end_sequence
    assert (lower.range_start, upper.range_end) == (parent.range_start, parent.range_end)
    assert after.open_shards[0] == before.open_shards[0]
    ids = {p.partition_id for p in after.partitions}
    assert before.partitions[1].partition_id not in ids


def test_a_roll_keeps_the_partition_and_opens_one_child(lab: Any) -> None:
    before = lab.create(partitions=2)
    parent = before.open_shards[0]
    after = lab.change(shards.roll, parent.name)
    covers_the_hash_space(after)
    assert after.partitions == before.partitions
    child = after.open_shards[0]
    assert (child.parent_name, child.depth) == (parent.name, parent.depth + 1)
    assert lab.shard(parent.name).info.closed_ms is not None


def test_a_table_without_a_stream_splits_too_and_its_next_stream_has_a_root_for_each_half(
    lab: Any,
) -> None:
    lab.create(view=None)
    table = lab.change(shards.split, None)
    covers_the_hash_space(table)
    assert (len(table.partitions), table.open_shards) == (2, ())
    table = lab.change(shards.enable_stream, "NEW_IMAGE")
    covers_the_hash_space(table)
    assert [s.parent_name for s in table.open_shards] == [None, None]


def test_without_a_name_the_widest_partition_is_split(lab: Any) -> None:
    table = lab.create(partitions=2)
    table = lab.change(shards.split, table.open_shards[0].name)
    wide = table.open_shards[2]
    table = lab.change(shards.split, None)
    assert wide.name not in {s.name for s in table.open_shards}


def test_a_failed_split_leaves_nothing_behind(lab: Any) -> None:
    before = lab.create(partitions=2)
    lab.append(*"abcdefgh")
    states = lab.shards()

    def unit(group: Any) -> None:
        lab.append_in(group, "lost")
        shards.split(group, group.find_table("orders"), before.open_shards[0].name)
        shards.roll(group, group.find_table("orders"), before.open_shards[1].name)
        for label in "klmnopqrstuvw":
            lab.append_in(group, label)
        raise LookupError("the unit fails after all")

    numbers = []

    def pair(group: Any) -> None:
        numbers.extend(lab.append_in(group, label) for label in "ij")

    outcomes = lab.writer.run_many([(pair, 1), (unit, 1), (pair, 1)])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), LookupError, type(None)]
    assert lab.table() == before
    assert [s.info for s in lab.shards()] == [s.info for s in states]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    # The ids that the failed unit took are given again, and nothing remembers what they were.
    lab.change(shards.split, before.open_shards[0].name)
    after = lab.change(shards.roll, before.open_shards[1].name)
    lab.append(*"klmnopqrstuvw")
    for shard in lab.shards():
        assert len(lab.from_start(shard)) == shard.record_count
    assert lab.table() == after


def test_ids_that_a_failed_split_took_are_given_again_without_its_numbers(lab: Any) -> None:
    before = lab.create(partitions=2)
    items = {0: 6, 1: 100}

    def fill(group: Any) -> None:
        for at, count in items.items():
            counters = group.partition_counters(before.partitions[at].partition_id)
            counters.item_count, counters.item_bytes = count, 10 * count
        row = "INSERT INTO item (table_id, hash, pk, sk, size) VALUES (?, ?, ?, x'', 10)"
        for at, count in items.items():
            first = int.from_bytes(before.partitions[at].range_start)
            hashes = [(first + i).to_bytes(16) for i in range(count)]
            group.tx.run_each(row, [(before.table_id, h, h) for h in hashes])

    def failing(group: Any) -> None:
        table = shards.split(group, group.find_table("orders"), before.open_shards[0].name)
        for partition in table.partitions:
            group.partition_counters(partition.partition_id)
        for shard in table.open_shards:
            group.shard_counters(shard.shard_id)
        taken.extend(table.open_shards[:2])
        raise LookupError

    taken: list[Any] = []
    lab.run(fill)
    outcomes = lab.writer.run_many([(lambda g: lab.append_in(g, "a"), 1), (failing, 1)])
    assert isinstance(outcomes[1].error, LookupError)
    lab.append(*"abcdefgh")
    table = lab.change(shards.split, before.open_shards[1].name)
    children = table.open_shards[1:]
    assert [c.shard_id for c in children] == [t.shard_id for t in taken]
    assert all(c.start_sequence > t.start_sequence for c, t in zip(children, taken, strict=True))

    def counted(group: Any) -> list[int]:
        return [group.partition_counters(p.partition_id).item_count for p in table.partitions]

    assert lab.run(counted) == [6, 100, 0]
    lab.change(shards.disable_stream)
    for child in children:
        assert lab.shard(child.name).info.end_sequence == child.start_sequence


def test_whoever_waits_for_a_shard_that_closes_wakes(lab: Any) -> None:
    closing = lab.create(partitions=2).open_shards[0]
    newest = lab.engine.sequence
    assert not lab.engine.tail.moved([closing.shard_id], newest)
    lab.change(shards.split, closing.name)
    assert lab.engine.tail.moved([closing.shard_id], newest)


def test_a_split_in_the_middle_of_a_group_is_seen_by_the_units_after_it(lab: Any) -> None:
    before = lab.create()
    units = [
        (lambda group: lab.append_in(group, "before"), 1),
        (lambda group: shards.split(group, group.find_table("orders"), None), 1),
        (lambda group: lab.append_in(group, "after"), 1),
    ]
    outcomes = lab.writer.run_many(units)
    assert [outcome.error for outcome in outcomes] == [None, None, None]
    parent = lab.shard(before.open_shards[0].name)
    assert lab.from_start(parent) == ["before"]
    assert outcomes[0].result == parent.info.end_sequence
    assert lab.readable() == ["before", "after"]


def test_the_boundary_may_be_given_and_must_leave_both_halves_something(lab: Any) -> None:
    parent = lab.create().open_shards[0]
    for boundary in (hashing.HASH_MAX,):
        with pytest.raises(ValidationFailed):
            lab.change(shards.split, parent.name, boundary)
    table = lab.change(shards.split, parent.name, hashing.HASH_MIN)
    covers_the_hash_space(table)
    with pytest.raises(ValidationFailed, match="single hash"):
        lab.change(shards.split, table.open_shards[0].name)
    for boundary in (hashing.HASH_MIN, hashing.HASH_MAX):
        with pytest.raises(ValidationFailed, match="boundary"):
            lab.change(shards.split, table.open_shards[1].name, boundary)


def test_a_manual_split_halves_the_sampled_load(lab: Any) -> None:
    table = lab.create()
    pid = table.partitions[0].partition_id
    low = [bytes([0, i]) + bytes(14) for i in range(1, 11)]
    lab.engine.samples.observe([(pid, h, 1) for h in low], lab.clock.now_ms())
    table = lab.change(shards.split, None)
    assert low[4] <= table.partitions[0].range_end < low[5]


@pytest.mark.parametrize("verb", [shards.split, shards.roll])
def test_names_that_are_no_open_shard_are_refused(lab: Any, verb: Any) -> None:
    closed = lab.create().open_shards[0].name
    lab.change(shards.roll, closed)
    for name in (closed, "shardId-00000000000000000000-00000000"):
        with pytest.raises(ResourceNotFound):
            lab.change(verb, name)


def test_the_cap_on_open_shards_holds_for_splits_by_hand(streams_lab: Any) -> None:
    lab = streams_lab.Lab(tables={"orders": TableSettings(open_shards_max=3)})
    lab.create(partitions=2)
    lab.change(shards.split, None)
    with pytest.raises(LimitExceeded):
        lab.change(shards.split, None)


def test_a_table_of_one_shard_for_ever_is_not_split(streams_lab: Any) -> None:
    lab = streams_lab.Lab(split_policy="single")
    lab.create()
    with pytest.raises(ValidationFailed, match="single"):
        lab.change(shards.split, None)


@pytest.mark.parametrize("items", [0, 7, limits.TICK_ROWS_MAX, limits.TICK_ROWS_MAX + 1])
def test_a_split_divides_the_counters_of_items_exactly_or_in_proportion(
    lab: Any, items: int
) -> None:
    table = lab.create()
    hashes = [hashing.partition_hash(str(i).encode()) for i in range(items)]

    def fill(group: Any) -> None:
        row = "INSERT INTO item (table_id, hash, pk, sk, size) VALUES (?, ?, ?, x'', 10)"
        group.tx.run_each(row, [(table.table_id, h, h) for h in hashes])
        counters = group.partition_counters(table.partitions[0].partition_id)
        counters.item_count, counters.item_bytes = items, items * 10

    lab.run(fill)
    quarter = hashing.even_ranges(4)[0][1]
    halves = lab.change(shards.split, None, quarter).partitions
    rows = lab.run(lambda group: [group.partition_counters(half.partition_id) for half in halves])
    below = sum(h <= quarter for h in hashes)
    counts = [row.item_count for row in rows]
    assert sum(counts) == items
    assert sum(row.item_bytes for row in rows) == items * 10
    if items <= limits.TICK_ROWS_MAX:
        assert counts[0] == below
        assert rows[0].item_bytes == below * 10
    else:
        assert counts[0] == items // 4
        assert abs(counts[0] - below) < items // 20


@pytest.mark.parametrize(
    ("settings", "billing", "units", "count"),
    [
        (Settings(), "PAY_PER_REQUEST", 0, 4),
        (Settings(), "PROVISIONED", 0, 1),
        (Settings(), "PROVISIONED", 1000, 1),
        (Settings(), "PROVISIONED", 1001, 2),
        (Settings(), "PROVISIONED", 40_000, 40),
        (Settings(), "PROVISIONED", 10**9, limits.OPEN_SHARDS_DEFAULT_MAX),
        (Settings(open_shards_max=2), "PAY_PER_REQUEST", 0, 2),
        (Settings(split_policy="single"), "PAY_PER_REQUEST", 0, 1),
        (Settings(split_policy="single", first_partitions=8), "PROVISIONED", 0, 1),
        (Settings(split_policy="manual"), "PAY_PER_REQUEST", 0, 1),
        (Settings(first_partitions=7), "PAY_PER_REQUEST", 0, 7),
        (Settings(tables={"orders": TableSettings(first_partitions=3)}), "PROVISIONED", 0, 3),
    ],
)
def test_a_table_begins_with_the_partitions_of_its_policy(
    settings: Settings, billing: str, units: int, count: int
) -> None:
    ranges = shards.first_ranges(settings, "orders", billing, units)
    assert ranges == hashing.even_ranges(count)


def test_streams_and_open_shards_are_loaded_as_they_were(lab: Any) -> None:
    lab.create(partitions=3)
    lab.append(*"abc")
    lab.change(shards.split, None)
    lab.create("other", view="KEYS_ONLY")
    lab.change(shards.disable_stream, name="other")
    lab.create("third", view=None)
    before = {name: lab.table(name) for name in ("orders", "other", "third")}
    lab.reopen()
    for name, table in before.items():
        again = lab.table(name)
        assert (again.stream, again.last_stream) == (table.stream, table.last_stream)
        assert again.open_shards == table.open_shards
        assert again.partitions == table.partitions
