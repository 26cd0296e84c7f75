"""Pinned reads: a state kept for longer than a page, ended by name at its bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore import limits
from streamstore.clock import SystemClock
from streamstore.config import Settings
from streamstore.errors import SnapshotFailed
from streamstore.storage import migrate, statements
from streamstore.storage.readers import Readers


class Hands(SystemClock):
    """A clock whose monotonic time is moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class Place:
    def __init__(self, path: Path) -> None:
        self.clock = Hands()
        self.opened = migrate.open_file(str(path), Settings(), SystemClock())
        self.readers = Readers(str(path), self.clock)

    def put(self, value: bytes) -> None:
        self.opened.connection.execute(statements.STATE_PUT, ("test", value)).fetchall()

    def close(self) -> None:
        self.readers.close()
        self.opened.connection.close(True)
        self.opened.claim.release()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "pinned.db")
    yield made
    made.close()


def value(pinned: Any) -> Any:
    with pinned.reading() as rx:
        return rx.one(statements.STATE_GET, ("test",))


def look_until_over(pinned: Any) -> None:
    """The pool's own thread may be looking just now, and then a look does nothing."""
    for _ in range(100_000):
        pinned.look()
        if pinned.over:
            return
    raise AssertionError("it is not over")


def test_a_pinned_read_sees_one_state_however_long_it_takes(place: Place) -> None:
    place.put(b"before")
    pinned = place.readers.pin()
    place.put(b"after")
    assert value(pinned) == (b"before",)
    assert value(place.readers.pin()) == (b"after",)
    pinned.close()
    with pytest.raises(SnapshotFailed, match="closed"):
        value(pinned)


def test_past_the_deadline_it_ends_by_name_even_if_nobody_reads(place: Place) -> None:
    pinned = place.readers.pin()
    assert place.readers.oldest_seconds() == 0
    place.clock.seconds += limits.SNAPSHOT_SECONDS_MAX - 1
    pinned.look()
    assert not pinned.over
    assert place.readers.oldest_seconds() == limits.SNAPSHOT_SECONDS_MAX - 1
    place.clock.seconds += 1
    look_until_over(pinned)
    assert place.readers.oldest_seconds() == 0
    with pytest.raises(SnapshotFailed) as told:
        value(pinned)
    assert told.value.bound == "deadline"


def test_a_wal_past_its_bound_ends_it_by_name_and_shrinks_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SNAPSHOT_WAL_BYTES_MAX", 100_000)
    pinned = place.readers.pin()
    writer = place.opened.connection
    place.put(bytes(200_000))
    writer.set_busy_timeout(0)
    with pytest.raises(apsw.BusyError):
        writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    with pytest.raises(SnapshotFailed) as told:
        value(pinned)
    assert told.value.bound == "wal"
    assert writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0)


def test_a_wal_that_was_large_before_is_not_its_fault(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(bytes(200_000))
    monkeypatch.setattr(limits, "SNAPSHOT_WAL_BYTES_MAX", 100_000)
    pinned = place.readers.pin()
    assert value(pinned) is not None
    place.put(b"more")
    with pytest.raises(SnapshotFailed):
        value(pinned)


def test_the_pools_own_thread_ends_a_forgotten_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamstore.storage.readers import pool

    monkeypatch.setattr(pool, "PINNED_LOOK_SECONDS", 0.001)
    pinned = place.readers.pin()
    watch = place.readers._watch
    assert watch is not None
    place.clock.seconds += limits.SNAPSHOT_SECONDS_MAX
    watch.join(30)
    assert not watch.is_alive()
    assert pinned.over


def test_a_read_under_way_is_never_cut(place: Place) -> None:
    place.put(b"before")
    pinned = place.readers.pin()
    with pinned.reading() as rx:
        place.clock.seconds += limits.SNAPSHOT_SECONDS_MAX
        looking = threading.Thread(target=pinned.look)
        looking.start()
        looking.join(30)
        assert not looking.is_alive()
        assert rx.one(statements.STATE_GET, ("test",)) == (b"before",)
    look_until_over(pinned)
