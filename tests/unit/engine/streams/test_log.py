"""The log: appending, pages, their ends, horizons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.engine.streams import log, positions, shards
from streamstore.engine.streams.log import Position
from streamstore.errors import Corrupted, RecordsTrimmed
from streamstore.storage import statements_streams as sql

DAY = 24 * 3600
BIG = limits.GET_RECORDS_BYTES_MAX // 4


def test_records_come_back_in_order_with_rising_numbers(lab: Any) -> None:
    lab.create()
    numbers = lab.append(*"abc") + lab.append("d")
    page = lab.read(positions.trim_horizon(lab.shard()))
    assert [body for _, _, body in page.records] == [b"a", b"b", b"c", b"d"]
    assert [number for number, _, _ in page.records] == numbers == sorted(set(numbers))
    assert page.depth == 1
    assert page.next is not None


@given(st.integers(0, 30), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_any_page_size_gives_every_record_once(streams_lab: Any, count: int, limit: int) -> None:
    lab = streams_lab.Lab()
    lab.create()
    labels = [str(i) for i in range(count)]
    lab.append(*labels)
    assert lab.from_start(limit=limit) == labels


def test_a_page_ends_at_a_mebibyte_but_holds_at_least_one_record(lab: Any) -> None:
    lab.create()
    lab.append("a", pad=2 * limits.GET_RECORDS_BYTES_MAX)
    lab.append("b", "c", "d", "e", "f", pad=BIG - 1)
    position = positions.trim_horizon(lab.shard())
    sizes = []
    while (page := lab.read(position)).records:
        sizes.append(len(page.records))
        position = page.next
    assert sizes == [1, 4, 1]


def test_reading_again_from_the_same_position_gives_the_same(lab: Any) -> None:
    lab.create()
    lab.append(*"abcdef")
    page = lab.read(positions.trim_horizon(lab.shard()), 2)
    lab.append("g")
    assert lab.read(page.next, 3) == lab.read(page.next, 3)


def test_an_open_shard_always_goes_on_and_a_closed_one_ends_with_its_last_record(lab: Any) -> None:
    lab.create()
    empty = lab.read(positions.trim_horizon(lab.shard()))
    assert empty.records == []
    assert empty.next is not None
    lab.append(*"ab")
    lab.change(shards.disable_stream)
    assert lab.drain(empty.next) == (["a", "b"], None)
    first = lab.read(empty.next, 1)
    assert first.next is not None
    assert lab.read(first.next, 1).next is None
    assert lab.read(first.next, 1).records


def test_a_closed_shard_without_records_ends_at_once(lab: Any) -> None:
    lab.create()
    lab.change(shards.disable_stream)
    assert lab.read(positions.trim_horizon(lab.shard())) == log.Page([], None, 1)


def test_records_of_one_group_have_one_time_and_never_an_earlier_one_than_before(lab: Any) -> None:
    lab.create(partitions=4)
    times = []
    for step in (0, 5, -3600, 10, -DAY):
        lab.advance(step)
        lab.append(*"abcdefgh")
        if step < 0:
            lab.reopen()
        for shard in lab.shards():
            page = lab.read(positions.trim_horizon(shard))
            times.append({created for _, created, _ in page.records[-1:]})
    flat = [time for group in times for time in group]
    assert flat == sorted(flat)
    assert len(set(flat)) == 2


def test_the_newest_time_is_remembered_when_its_records_and_their_shard_are_gone(lab: Any) -> None:
    lab.create()
    lab.append("a")
    newest = lab.clock.now_ms()
    lab.change(shards.roll, lab.shard().info.name)
    lab.advance(2 * DAY)
    lab.trim()
    assert len(lab.shards()) == 1
    lab.clock.set_ms(newest - 5000)
    lab.reopen()
    lab.append("b")
    page = lab.read(positions.trim_horizon(lab.shard()))
    assert [created for _, created, _ in page.records] == [newest]


def test_a_failed_unit_leaves_no_gap_in_ordinals_and_numbers(lab: Any) -> None:
    lab.create()

    def failing(group: Any) -> None:
        lab.append_in(group, "lost")
        raise LookupError

    units = [
        (lambda g: lab.append_in(g, "a"), 1),
        (failing, 1),
        (lambda g: lab.append_in(g, "b"), 1),
    ]
    outcomes = lab.writer.run_many(units)
    assert outcomes[2].result == outcomes[0].result + 1
    shard = lab.shard()
    assert (shard.next_ordinal, shard.byte_count) == (3, 2)
    assert lab.from_start() == ["a", "b"]


# Horizons.


def test_records_past_the_retention_are_invisible_at_once(lab: Any) -> None:
    lab.create()
    lab.append(*"abc")
    old = lab.read(positions.trim_horizon(lab.shard()), 1)
    lab.advance(DAY / 2)
    lab.append(*"de")
    lab.advance(DAY / 2)
    assert lab.from_start() == list("abcde")
    lab.advance(0.001)
    assert lab.from_start() == list("de")
    with pytest.raises(RecordsTrimmed) as caught:
        lab.read(old.next)
    oldest = lab.read(positions.trim_horizon(lab.shard()), 1).records[0][0]
    assert caught.value.oldest_sequence == f"1{oldest:020d}"


@pytest.mark.parametrize("trimmed", [False, True])
def test_a_position_is_refused_only_if_records_behind_it_were_lost(lab: Any, trimmed: bool) -> None:
    lab.create()
    lab.append(*"abc")
    after_a = lab.read(positions.trim_horizon(lab.shard()), 1).next
    after_c = lab.read(after_a).next
    lab.advance(2 * DAY)
    lab.append(*"de")
    if trimmed:
        lab.trim()
    with pytest.raises(RecordsTrimmed):
        lab.read(after_a)
    assert lab.drain(after_c)[0] == ["d", "e"]


def test_an_iterator_that_began_at_the_horizon_is_exact_after_its_first_page(lab: Any) -> None:
    lab.create()
    position = lab.read(positions.trim_horizon(lab.shard())).next
    lab.append("a")
    lab.advance(2 * DAY)
    with pytest.raises(RecordsTrimmed) as caught:
        lab.read(position)
    assert caught.value.oldest_sequence is None
    lab.trim()
    with pytest.raises(RecordsTrimmed):
        lab.read(position)


def test_a_shard_whose_records_are_all_past_the_horizon_goes_on_from_its_last_number(
    lab: Any,
) -> None:
    lab.create()
    lab.append(*"ab")
    lab.advance(2 * DAY)
    page = lab.read(positions.trim_horizon(lab.shard()))
    assert page.records == []
    lab.trim()
    lab.append("c")
    assert lab.drain(page.next)[0] == ["c"]


def test_a_closed_shard_ends_even_if_the_rest_of_it_is_past_the_horizon(lab: Any) -> None:
    lab.create()
    lab.append(*"ab")
    lab.change(shards.disable_stream)
    lab.advance(2 * DAY)
    assert lab.read(positions.trim_horizon(lab.shard())) == log.Page([], None, 1)


def test_positions_of_shards_and_streams_that_are_gone_are_refused(lab: Any) -> None:
    lab.create()
    lab.create("other")
    position = positions.trim_horizon(lab.shard())
    with pytest.raises(RecordsTrimmed):
        lab.read(position, stream=lab.stream("other"))
    with pytest.raises(RecordsTrimmed):
        lab.read(position._replace(birth=position.birth - 1))
    with pytest.raises(RecordsTrimmed):
        lab.read(position._replace(shard_id=99))


# The hint.


@given(st.integers(0, 40), st.integers(0, 12), st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_a_wrong_hint_changes_nothing(streams_lab: Any, hint: int, after: int, gone: int) -> None:
    lab = streams_lab.Lab()
    lab.create()
    numbers = [lab.clock.now_ms() * 1000] + [lab.append(str(i))[0] for i in range(gone)]
    if gone:
        lab.advance(2 * DAY)
        lab.trim()
    numbers += [lab.append(str(i))[0] for i in range(gone, 12)]
    shard = lab.shard()
    position = Position(shard.info.shard_id, shard.info.start_sequence, numbers[after], hint, True)
    if after < gone:
        with pytest.raises(RecordsTrimmed):
            lab.read(position)
    else:
        assert lab.drain(position)[0] == [str(i) for i in range(after, 12)]


def test_an_iterator_from_before_a_restored_backup_misses_nothing(lab: Any) -> None:
    lab.create()
    lab.append(*"abcde")
    position = lab.read(positions.trim_horizon(lab.shard())).next
    assert position.ordinal == 6
    # The backup was taken after "b": its ordinals 3 to 5 are given again, with other numbers.
    shard_id = position.shard_id

    def restore(group: Any) -> None:
        start = shard_id << limits.RECORD_ORDINAL_BITS
        last = log.record_at(group.tx, shard_id, 2)[0]
        group.tx.run(sql.RECORDS_DELETE, (start | 3, start | 6))
        counters = group.shard_counters(shard_id)
        counters.last_sequence, counters.next_ordinal, counters.byte_count = last, 3, 2

    lab.run(restore)
    lab.advance(60)
    lab.reopen()
    lab.append(*"vwxyz")
    assert lab.drain(position)[0] == list("vwxyz")


def test_a_hole_in_the_log_is_damage_and_not_an_empty_page(lab: Any) -> None:
    lab.create()
    lab.append(*"abc")
    shard = lab.shard()
    start = shard.info.shard_id << limits.RECORD_ORDINAL_BITS
    lab.run(lambda group: group.tx.run(sql.RECORDS_DELETE, (start | 2, start | 3)))
    position = positions.trim_horizon(shard)._replace(exact=True, ordinal=3, after=2**62)
    with pytest.raises(Corrupted):
        lab.read(position)
