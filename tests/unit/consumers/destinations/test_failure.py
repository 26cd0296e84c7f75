"""The store's own list of failures: written with the checkpoint, bounded by age, number, bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest

import streamstore
from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.consumers.destinations import Failure, keep
from streamstore.storage import statements_consumers as sql

from .conftest import a_failure


def kept_ids(store: streamstore.Store) -> list[int]:
    with store.readers.transaction() as rx:
        return [row[0] for row in rx.all(sql.FAILURES_PAGE, (0, 1000))]


def keep_one(store: streamstore.Store, failure: Failure) -> int:
    found: int = store.writer.run(lambda group: keep(group, failure))
    return found


def at(failure: Failure, clock: ManualClock) -> Failure:
    return failure._replace(created_ms=clock.now_ms())


def ticked(store: streamstore.Store) -> None:
    while store.tick():
        pass


def test_a_failure_is_listed_only_if_its_unit_commits(store: streamstore.Store) -> None:
    def cut_off(group: object) -> None:
        keep(group, a_failure(1))  # type: ignore[arg-type]
        raise RuntimeError("after it was kept")

    with pytest.raises(RuntimeError):
        store.writer.run(cut_off)
    assert kept_ids(store) == []
    number = keep_one(store, a_failure(2))
    assert kept_ids(store) == [number]


def test_what_is_older_than_two_weeks_of_the_stores_clock_goes(
    store: streamstore.Store, clock: ManualClock
) -> None:
    first = keep_one(store, at(a_failure(1), clock))
    clock.advance(24 * 3600)
    second = keep_one(store, at(a_failure(2), clock))
    clock.advance(limits.FAILURE_KEPT_SECONDS - 24 * 3600)
    ticked(store)
    assert kept_ids(store) == [first, second]
    clock.advance(1)
    ticked(store)
    clock.advance(limits.COMPACTION_EVERY_SECONDS)
    ticked(store)
    assert kept_ids(store) == [second]


@pytest.mark.parametrize(
    ("bound", "value"), [("FAILURES_KEPT_MAX", 3), ("FAILURES_KEPT_BYTES_MAX", 3 * 2600)]
)
def test_the_oldest_go_where_there_are_too_many_or_too_large(
    store: streamstore.Store,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    value: int,
) -> None:
    monkeypatch.setattr(limits, bound, value)
    monkeypatch.setattr(limits, "FAILURES_REMOVED_AT_ONCE_MAX", 2)
    payload = b'"' + b"x" * 1800 + b'"'
    ids = [keep_one(store, at(a_failure(n, payload), clock)) for n in range(8)]
    ticked(store)
    assert kept_ids(store) == ids[-3:]
    clock.advance(limits.COMPACTION_EVERY_SECONDS)
    ticked(store)
    assert kept_ids(store) == ids[-3:]


def test_one_piece_of_the_removal_is_bounded(
    store: streamstore.Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FAILURES_KEPT_MAX", 0)
    monkeypatch.setattr(limits, "FAILURES_REMOVED_AT_ONCE_MAX", 2)
    for n in range(5):
        keep_one(store, at(a_failure(n), clock))
    left = [5]
    while store.tick():
        left.append(len(kept_ids(store)))
    assert all(before - after <= 2 for before, after in pairwise(left))
    assert kept_ids(store) == []
