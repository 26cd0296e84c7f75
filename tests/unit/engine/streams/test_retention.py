"""Trimming: bounded pieces, horizons that only move forward, what goes and what stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.config import TableSettings
from streamstore.engine.streams import positions, retention, shards
from streamstore.errors import RecordsTrimmed

DAY = 24 * 3600


def on_disk(lab: Any) -> int:
    with lab.reading() as rx:
        return rx.one("SELECT count(*) FROM record")[0]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_a_trim_removes_exactly_what_is_older_than_the_retention(
    streams_lab: Any, steps: list[tuple[int, int]]
) -> None:
    lab = streams_lab.Lab(retention_seconds=30)
    lab.create(partitions=2)
    made: list[tuple[str, int]] = []
    for at, (pause, count) in enumerate(steps):
        lab.advance(pause)
        labels = [f"{at}.{i}" for i in range(count)]
        lab.append(*labels)
        made += [(label, lab.clock.now_ms()) for label in labels]
    visible = sorted(lab.readable())
    lab.trim()
    cut = lab.clock.now_ms() - 30_000
    kept = sorted(label for label, created in made if created >= cut)
    assert visible == kept
    assert sorted(lab.readable()) == kept
    assert on_disk(lab) == len(kept)
    assert lab.engine.trimmer.trimmed == len(made) - len(kept)
    assert sum(s.byte_count for s in lab.shards()) == sum(map(len, kept))
    assert lab.trim() == 1


def test_a_piece_is_bounded_in_rows_and_the_next_goes_on(lab: Any) -> None:
    # A piece begins in a small shard and ends in the next one.
    lab.create()
    lab.append(*map(str, range(100)))
    lab.change(shards.roll, lab.shard().info.name)
    lab.append(*map(str, range(2 * limits.TICK_ROWS_MAX + 1)))
    lab.advance(2 * DAY)
    left = [on_disk(lab)]
    while lab.run(retention.trim_tick):
        left.append(on_disk(lab))
        assert 0 <= left[-2] - left[-1] <= limits.TICK_ROWS_MAX
        assert sum(shard.record_count for shard in lab.shards()) == left[-1]
        shard = lab.shards()[-1]
        assert shard.horizon_sequence == shard.last_sequence
    assert on_disk(lab) == 0
    assert len(left) >= 3


def test_a_piece_is_bounded_in_bytes(lab: Any) -> None:
    lab.create()
    for label in map(str, range(40)):
        lab.append(label, pad=400 * 1024)
    lab.advance(2 * DAY)
    before = on_disk(lab)
    assert lab.run(retention.trim_tick)
    assert 1 <= before - on_disk(lab) <= limits.TICK_BYTES_MAX // (400 * 1024) + 1
    lab.trim()
    assert on_disk(lab) == 0


def test_a_piece_ends_when_its_time_is_up(streams_lab: Any) -> None:
    class Slow(streams_lab.ManualClock):  # type: ignore[misc, name-defined]
        looks = 0.0

        def monotonic(self) -> float:
            self.looks += 0.002
            return self.looks

    lab = streams_lab.Lab(Slow(streams_lab.START_MS))
    lab.create()
    lab.append(*map(str, range(2000)))
    lab.advance(2 * DAY)
    assert lab.run(retention.trim_tick)
    assert 0 < 2000 - on_disk(lab) <= 1000


def test_a_trim_goes_on_after_a_crash_between_pieces(lab: Any) -> None:
    lab.create()
    lab.append(*map(str, range(3000)))
    lab.advance(2 * DAY)
    lab.append("young")
    lab.run(retention.trim_tick)
    # The clock is set back while the store is down: what was behind the horizon stays there.
    lab.advance(-2 * DAY)
    lab.reopen()
    assert lab.from_start() == ["young"]
    shard = lab.shard()
    start = f"1{shard.info.start_sequence:020d}"
    with lab.reading() as rx, pytest.raises(RecordsTrimmed):
        positions.at_sequence(rx, lab.engine, lab.stream(), shard, start)
    lab.trim()
    assert on_disk(lab) == 1
    assert lab.from_start() == ["young"]


def test_records_written_after_the_clock_was_set_back_are_kept_and_readable(lab: Any) -> None:
    lab.create()
    lab.append("a")
    lab.advance(3 * DAY)
    lab.trim()
    lab.advance(-3 * DAY)
    lab.append("b")
    lab.trim()
    assert lab.from_start() == ["b"]
    lab.advance(DAY)
    lab.trim()
    assert lab.from_start() == ["b"]


def test_a_clock_that_jumps_does_not_empty_the_store(streams_lab: Any) -> None:
    class Stepping(streams_lab.ManualClock):  # type: ignore[misc, name-defined]
        step_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.step_ms

        def stepped_ms(self) -> int:
            return self.step_ms

    lab = streams_lab.Lab(Stepping(streams_lab.START_MS))
    lab.create()
    lab.append("a")
    lab.clock.step_ms = 30 * DAY * 1000
    lab.trim()
    assert lab.from_start() == ["a"]
    assert lab.engine.horizon.confirm() == 30 * DAY * 1000
    assert lab.from_start() == []
    lab.trim()
    assert on_disk(lab) == 0


def test_a_closed_shard_goes_when_it_is_empty_and_was_closed_for_the_retention(lab: Any) -> None:
    first = lab.create().open_shards[0]
    lab.append("a")
    lab.advance(DAY / 2)
    lab.change(shards.roll, first.name)
    lab.append("b")
    lab.advance(DAY / 2 + 1)
    lab.trim()
    assert [s.record_count for s in lab.shards()] == [0, 1]
    lab.advance(DAY / 2)
    lab.trim()
    (child,) = lab.shards()
    assert (child.info.parent_name, child.info.closed_ms) == (first.name, None)
    assert first.shard_id not in lab.engine.shard_counters


def test_an_open_shard_stays_however_long_it_is_empty(lab: Any) -> None:
    lab.create()
    lab.append("a")
    lab.advance(30 * DAY)
    lab.trim()
    assert lab.shard().record_count == 0
    lab.append("b")
    assert lab.from_start() == ["b"]


def test_a_disabled_stream_stays_a_day_and_then_goes_from_disk_and_catalogue(lab: Any) -> None:
    lab.create()
    lab.append("a")
    stream = lab.stream()
    lab.change(shards.disable_stream)
    lab.advance(DAY)
    lab.trim()
    assert lab.from_start(lab.shard(stream=stream)) == ["a"]
    assert lab.engine.catalog.stream_by_arn(stream.arn) is not None
    lab.advance(1)
    lab.trim()
    assert lab.engine.catalog.stream_by_arn(stream.arn) is None
    assert lab.table().last_stream is None
    before = lab.table().version
    lab.reopen()
    assert lab.table().last_stream is None
    assert lab.engine.catalog.streams() == []
    assert before > 0


def test_a_newer_stream_is_not_touched_when_an_older_one_goes(lab: Any) -> None:
    lab.create()
    old = lab.stream()
    lab.change(shards.disable_stream)
    lab.advance(2 * DAY)
    new = lab.change(shards.enable_stream, "KEYS_ONLY").stream
    lab.append("a")
    lab.trim()
    assert lab.engine.catalog.stream_by_arn(old.arn) is None
    assert lab.table().stream == lab.table().last_stream == new
    assert lab.from_start() == ["a"]


def test_retired_partitions_go_with_the_last_shard_that_names_them(lab: Any) -> None:
    def partitions() -> int:
        with lab.reading() as rx:
            return rx.one("SELECT count(*) FROM partition")[0]

    lab.create()
    lab.change(shards.split, None)
    lab.trim()
    assert partitions() == 3
    lab.advance(2 * DAY)
    lab.trim()
    assert partitions() == 2
    assert len(lab.table().partitions) == 2


def test_each_table_is_trimmed_by_its_own_retention(streams_lab: Any) -> None:
    lab = streams_lab.Lab(
        retention_seconds=100, tables={"long": TableSettings(retention_seconds=300)}
    )
    lab.create("short")
    lab.create("long")
    for name in ("short", "long"):
        lab.append("a", name=name)
    lab.advance(200)
    lab.trim()
    assert lab.from_start(lab.shards(lab.stream("short"))[0]) == []
    assert lab.from_start(lab.shards(lab.stream("long"))[0]) == ["a"]


def test_a_trim_that_fails_leaves_the_counters_as_they_were(lab: Any) -> None:
    lab.create()
    lab.append(*"abc")
    lab.advance(2 * DAY)

    def failing(group: Any) -> None:
        retention.trim_tick(group)
        raise LookupError

    outcomes = lab.writer.run_many([(lambda g: lab.append_in(g, "d"), 1), (failing, 1)])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), LookupError]
    shard = lab.shard()
    assert (shard.first_ordinal, shard.byte_count, on_disk(lab)) == (1, 4, 4)


def test_trimming_a_closed_shard_keeps_it_a_shard_that_nobody_waits_for(lab: Any) -> None:
    closed = lab.create().open_shards[0]
    lab.append(*map(str, range(limits.TICK_ROWS_MAX + 1)))
    lab.change(shards.roll, closed.name)
    lab.advance(2 * DAY)
    assert lab.run(retention.trim_tick)
    assert 0 < lab.shard(closed.name).record_count <= limits.TICK_ROWS_MAX
    assert lab.engine.tail.moved([closed.shard_id], 2**62)


def test_the_newest_time_is_remembered_when_its_records_are_gone_and_their_shard_is_open(
    lab: Any,
) -> None:
    lab.create()
    lab.append("a")
    newest = lab.clock.now_ms()
    lab.advance(2 * DAY)
    lab.trim()
    lab.clock.set_ms(newest - 5000)
    lab.reopen()
    lab.append("b")
    page = lab.read(positions.trim_horizon(lab.shard()))
    assert [created for _, created, _ in page.records] == [newest]


def test_a_round_looks_at_every_shard_however_many_there_are(lab: Any) -> None:
    lab.create(partitions=300)
    lab.append(*map(str, range(900)))
    lab.advance(2 * DAY)
    assert lab.trim() > 1
    assert on_disk(lab) == 0


def test_writes_and_a_trim_in_one_group_agree_on_the_counters(lab: Any) -> None:
    lab.create()
    lab.append(*"abc")
    lab.advance(2 * DAY)
    units = [
        (lambda group: lab.append_in(group, "d"), 1),
        (retention.trim_tick, 1),
        (lambda group: lab.append_in(group, "e"), 1),
    ]
    outcomes = lab.writer.run_many(units)
    assert [outcome.error for outcome in outcomes] == [None, None, None]
    assert lab.from_start() == ["d", "e"]
    shard = lab.shard()
    assert (shard.first_ordinal, shard.next_ordinal, shard.byte_count) == (4, 6, 2)


def test_records_that_are_kept_for_ever_stay_readable_also_when_their_stream_is_dead(
    streams_lab: Any,
) -> None:
    lab = streams_lab.Lab(tables={"kept": TableSettings(retention_seconds=0)})
    for name in ("kept", "others"):
        lab.create(name)
        lab.append("a", "b", name=name)
    lab.change(shards.disable_stream, name="kept")
    lab.advance(10_000 * DAY)
    lab.trim()
    (kept,) = lab.shards(lab.stream("kept"))
    (other,) = lab.shards(lab.stream("others"))
    assert lab.from_start(kept) == ["a", "b"]
    assert lab.from_start(other) == []
