"""Pacing: readers told by their chains of iterators, rates by the store's clock."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.config import Settings
from streamstore.engine.pacing import Pacing, pacing_of
from streamstore.errors import LimitExceeded, Throttled


def paced(clock: ManualClock, **settings: Any) -> Pacing:
    made = pacing_of(Settings(**settings), clock)
    assert made is not None
    return made


def test_nothing_is_paced_unless_asked_for() -> None:
    assert pacing_of(Settings(), ManualClock()) is None
    with pytest.raises(ValueError, match="list_streams_per_second"):
        Settings(list_streams_per_second=-1)


class Reader:
    """A chain of iterators of one shard."""

    def __init__(self, pacing: Pacing, name: str, shard_id: int = 7) -> None:
        self.pacing, self.name, self.shard_id, self.step = pacing, name, shard_id, 0

    def poll(self) -> None:
        at = f"{self.name}{self.step}"
        self.pacing.read(self.shard_id, at)
        self.pacing.hand_out(self.shard_id, at, f"{self.name}{self.step + 1}")
        self.step += 1


def test_a_third_reader_waits_until_one_is_gone() -> None:
    clock = ManualClock()
    pacing = paced(clock, shard_readers_max=2)
    first, second, third = (Reader(pacing, name) for name in "abc")
    for _ in range(5):
        first.poll()
        second.poll()
        clock.advance(1)
    with pytest.raises(LimitExceeded, match="Too many operations for a given subscriber"):
        third.poll()
    Reader(pacing, "c", shard_id=8).poll()
    second.step -= 1  # its reply was lost, so it asks with the same iterator
    second.poll()
    for _ in range(limits.READER_SEEN_SECONDS):
        first.poll()
        clock.advance(1)
    third.poll()
    with pytest.raises(LimitExceeded):
        second.poll()


def test_a_reader_at_the_end_of_its_shard_makes_room() -> None:
    pacing = paced(ManualClock(), shard_readers_max=1)
    pacing.read(7, "last")
    pacing.hand_out(7, "last", None)
    pacing.read(7, "other")


@pytest.mark.parametrize(
    ("setting", "operation"),
    [("list_streams_per_second", "ListStreams"), ("describe_stream_per_second", "DescribeStream")],
)
def test_calls_beyond_the_rate_are_throttled_and_let_again(setting: str, operation: str) -> None:
    clock = ManualClock()
    pacing = paced(clock, **{setting: 5})
    for _ in range(5):
        pacing.call(operation)
    with pytest.raises(Throttled, match="Rate exceeded") as refused:
        pacing.call(operation, "users")
    assert refused.value.table == "users"
    clock.advance(0.2)
    pacing.call(operation)
    with pytest.raises(Throttled):
        pacing.call(operation)
    clock.advance(-3600)
    with pytest.raises(Throttled):
        pacing.call(operation)
    clock.advance(3600)


def test_polls_of_one_shard_don_t_slow_another() -> None:
    clock = ManualClock()
    pacing = paced(clock, get_records_per_second=2)
    for shard_id in (1, 2):
        for _ in range(2):
            pacing.read(shard_id, "any")
        with pytest.raises(LimitExceeded):
            pacing.read(shard_id, "any")
    clock.advance(1)
    pacing.read(1, "any")
