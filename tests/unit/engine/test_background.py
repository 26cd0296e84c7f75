"""The duties of an open store: when they are due, how far one piece goes, what a failure does."""

from __future__ import annotations

import random
import runpy
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamstore import limits
from streamstore.codec import hashing
from streamstore.config import TableSettings
from streamstore.engine import background
from streamstore.engine.background import DUTIES, Duty, run_due
from streamstore.engine.streams import retention, shards, splits
from streamstore.errors import Busy, LimitExceeded

LAB = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "streams" / "lab.py")))
DAY = 24 * 3600
HOUR = 3600


@pytest.fixture
def lab() -> Any:
    return LAB.Lab()


def store_of(lab: Any, maintenance: Any = None) -> Any:
    return SimpleNamespace(
        engine=lab.engine, writer=lab.writer, readers=lab.readers, maintenance=maintenance
    )


def tick(lab: Any) -> int:
    """Ticks until nothing is due at once; returns how many it took."""
    ticks = 1
    while run_due(store_of(lab)):
        ticks += 1
    return ticks


def load(lab: Any, at: int, units_per_second: int, seconds: int = 300, hot: bool = False) -> None:
    """That many write units a second on one partition for a while, up to now."""
    partition = lab.table().partitions[at]
    low, high = int.from_bytes(partition.range_start), int.from_bytes(partition.range_end)
    source = random.Random(at)
    for second in range(seconds):
        hashes = [source.randint(low, high).to_bytes(16) for _ in range(10)]
        if hot:
            hashes = [partition.range_start] * 10
        writes = [(partition.partition_id, h, units_per_second // 10) for h in hashes]
        lab.engine.samples.observe(writes, lab.clock.now_ms() - 1000 * (seconds - second) + 1000)


# Periods.


def test_each_duty_is_due_at_first_and_then_once_a_period_of_the_stores_clock(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()

    def counting(name: str) -> Any:
        return lambda store: bool(done.update([name]))

    duties = tuple(Duty(d.name, d.every_seconds, counting(d.name)) for d in DUTIES)
    monkeypatch.setattr(background, "DUTIES", duties)
    for _ in range(121):
        tick(lab)
        tick(lab)
        lab.advance(1)
    for duty in DUTIES:
        assert done[duty.name] == (121 if duty.every_seconds == 1 else 3), duty.name
    lab.advance(-DAY)
    tick(lab)
    assert done["trim"] == 4


def test_a_duty_with_more_to_do_stays_due_and_the_others_rest(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    left = [3]

    def long(store: Any) -> bool:
        done.append("long")
        left[0] -= 1
        return left[0] > 0

    def short(store: Any) -> bool:
        done.append("short")
        return False

    monkeypatch.setattr(background, "DUTIES", (Duty("long", 1, long), Duty("short", 1, short)))
    assert [run_due(store_of(lab)) for _ in range(4)] == [True, True, False, False]
    assert done == ["long", "short", "long", "long"]


def test_a_failing_duty_holds_up_no_other_and_waits_for_its_next_time(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def failing(store: Any) -> bool:
        done.append("failing")
        raise Busy("the disk is away")

    duties = (Duty("bad", 1, failing), Duty("good", 1, lambda store: bool(done.append("good"))))
    monkeypatch.setattr(background, "DUTIES", duties)
    with pytest.raises(Busy):
        run_due(store_of(lab))
    assert not run_due(store_of(lab))
    assert done == ["failing", "good"]
    lab.advance(1)
    with pytest.raises(Busy):
        run_due(store_of(lab))


def test_a_store_on_disk_has_its_wal_and_free_pages_looked_after(lab: Any) -> None:
    calls: list[str] = []
    maintenance = SimpleNamespace(
        checkpoint_piece=lambda: bool(calls.append("checkpoint")),
        vacuum_piece=lambda: bool(calls.append("vacuum")),
        compact=lambda: calls.append("compact"),
    )
    run_due(store_of(lab, maintenance))
    assert calls == ["vacuum", "checkpoint"]
    background.compact(store_of(lab, maintenance))
    assert calls[2:] == ["compact"]


# Splits and rollovers.


def test_a_busy_shard_splits_and_its_table_goes_on(lab: Any) -> None:
    lab.create(partitions=2)
    lab.advance(61)
    load(lab, 0, 1500)
    load(lab, 1, 900)
    tick(lab)
    table = lab.table()
    assert len(table.open_shards) == 3
    lower, upper = table.partitions[:2]
    width = int.from_bytes(lower.range_end) - int.from_bytes(lower.range_start)
    assert 0.4 < width / (int.from_bytes(upper.range_end) - int.from_bytes(lower.range_start)) < 0.6
    lab.advance(1)
    tick(lab)
    assert lab.table() == table


def test_every_busy_shard_splits_in_one_round_one_change_a_piece(lab: Any) -> None:
    lab.create(partitions=3)
    lab.advance(61)
    for at in range(3):
        load(lab, at, 2000)
    assert tick(lab) == 4
    assert len(lab.table().open_shards) == 6


def test_refusals_are_counted_by_reason_once_a_round(lab: Any) -> None:
    lab.create(partitions=2)
    load(lab, 1, 1500)
    tick(lab)
    assert lab.engine.samples.refused == {"young": 1}
    lab.advance(61)
    load(lab, 0, 3000, hot=True)
    tick(lab)
    assert lab.engine.samples.refused == {"young": 1, "one-hash": 1}
    assert len(lab.table().open_shards) == 3


def test_a_large_partition_splits_though_nobody_writes_to_it(lab: Any) -> None:
    table = lab.create()
    lab.advance(61)
    pid = table.partitions[0].partition_id
    size = limits.PARTITION_BYTES_MAX + 1
    lab.engine.partition_counters[pid] = (10**7, size)
    tick(lab)
    halves = lab.table().partitions
    assert halves[0].range_end == hashing.midpoint(hashing.HASH_MIN, hashing.HASH_MAX)


def test_a_table_without_a_stream_splits_its_partitions(lab: Any) -> None:
    lab.create(view=None)
    lab.advance(61)
    load(lab, 0, 1500)
    tick(lab)
    assert len(lab.table().partitions) == 2


@pytest.mark.parametrize("policy", ["single", "manual"])
def test_other_policies_leave_their_tables_alone(policy: Any) -> None:
    lab = LAB.Lab(tables={"orders": TableSettings(split_policy=policy)})
    table = lab.create()
    lab.advance(2 * DAY)
    load(lab, 0, 5000)
    tick(lab)
    assert lab.table() == table
    assert not lab.engine.samples.refused


def test_the_cap_of_a_table_ends_its_splits(lab: Any) -> None:
    lab = LAB.Lab(open_shards_max=2)
    lab.create(partitions=2)
    lab.advance(61)
    load(lab, 0, 5000)
    tick(lab)
    assert len(lab.table().open_shards) == 2
    assert lab.engine.samples.refused == {"open-shards": 1}
    with pytest.raises(LimitExceeded):
        lab.change(shards.split, None)


def test_one_shard_a_tick_rolls_over_and_once_only_after_a_long_closure(lab: Any) -> None:
    lab.create("aaa")
    lab.create(partitions=5)
    lab.advance(40 * HOUR)
    lab.reopen()
    old = {s.name for name in ("aaa", "orders") for s in lab.table(name).open_shards}
    left = []
    for _ in range(8):
        tick(lab)
        now = {s.name for name in ("aaa", "orders") for s in lab.table(name).open_shards}
        left.append(len(now & old))
        lab.advance(1)
    assert left == [5, 4, 3, 2, 1, 0, 0, 0]
    assert len(lab.shards(lab.stream("aaa"))) + len(lab.shards(lab.stream("orders"))) == 12


def test_rollovers_of_a_month_come_at_their_times_and_hold_every_record(lab: Any) -> None:
    lab.create(partitions=2)
    written, read = 0, 0
    for hour in range(30 * 24):
        lab.append(*(f"{hour}.{i}" for i in range(4)))
        written += 4
        lab.advance(HOUR)
        tick(lab)
        if hour % 20 == 19:
            recent = sum(len(lab.from_start(s)) for s in lab.shards())
            assert recent == min(24 * 4, (hour + 1) * 4)
            read += recent
    assert read
    found = lab.shards()
    assert 10 <= len(found) <= 18, "about six a day and partition live for two days at most"
    for shard in found:
        if shard.info.closed_ms is not None:
            life = (shard.info.closed_ms - shard.info.opened_ms) / 1000
            assert 0.88 * 4 * HOUR <= life <= 1.12 * 4 * HOUR + HOUR + 60
    assert lab.engine.trimmer.trimmed >= written - 26 * 4


# Opening and compacting.


def test_a_store_is_due_at_open_when_something_waits(lab: Any) -> None:
    def due() -> bool:
        lab.reopen()
        with lab.reading() as rx:
            return background.is_due(lab.engine, rx)

    assert not due()
    lab.create()
    lab.append("a")
    assert not due()
    lab.advance(5 * HOUR)
    assert due(), "a shard has come of age"
    tick(lab)
    assert not due()
    lab.advance(DAY)
    tick(lab)
    lab.change(shards.disable_stream)
    assert not due()
    lab.advance(DAY + 1)
    assert due(), "closed shards and a dead stream"
    tick(lab)
    assert not due()


def test_a_compaction_removes_everything_old_and_says_how_much(lab: Any) -> None:
    lab.create(partitions=3)
    lab.append(*map(str, range(5000)))
    lab.advance(2 * DAY)
    lab.append(*map(str, range(7)))
    compacted = background.compact(store_of(lab))
    assert compacted.records_removed == 5000
    assert compacted.bytes_before >= compacted.bytes_after > 0
    assert sum(s.record_count for s in lab.shards()) == 7
    assert background.compact(store_of(lab)).records_removed == 0


def test_a_compaction_reaches_shards_that_the_round_under_way_has_passed(lab: Any) -> None:
    lab.create(partitions=300)
    lab.append(*map(str, range(900)))
    assert lab.run(retention.trim_tick), "the round has more shards to look at"
    lab.advance(2 * DAY)
    assert background.compact(store_of(lab)).records_removed == 900


def test_facts_name_what_the_policy_needs(lab: Any) -> None:
    table = lab.create(partitions=2)
    load(lab, 1, 100)
    facts = background._facts(
        lab.engine, None, lab.settings.table("orders"), table, 1, lab.clock.now_ms()
    )
    assert facts.shard_name == table.open_shards[1].name
    assert (facts.range_start, facts.range_end) == (
        table.partitions[1].range_start,
        hashing.HASH_MAX,
    )
    assert facts.units_per_second == pytest.approx(100, rel=0.05)
    assert (facts.open_shards, facts.open_shards_max) == (2, 64)
    assert len(facts.sample) > limits.SPLIT_SAMPLE_HASHES / 2
    assert all(facts.range_start <= value <= facts.range_end for value in facts.sample)
    assert splits.decide(facts) is splits.KEEP
