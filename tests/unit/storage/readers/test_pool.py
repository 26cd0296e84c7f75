"""Readers of a file: one snapshot a transaction, few connections, nothing held afterwards."""

from __future__ import annotations

import threading
from typing import Any

import apsw
import pytest

from streamstore.errors import Busy, ReadOnlyStore, StorageError, StoreClosed
from streamstore.limits import READERS_MAX
from streamstore.storage import migrate
from streamstore.storage.readers import Readers, pool

COUNT = "SELECT count(*) FROM record"


def test_two_statements_of_one_transaction_see_one_snapshot(file_rig: Any) -> None:
    """As two transactions, records and shard state disagreed in 103 of 1,500 splits."""
    rig = file_rig
    rig.writer.run(rig.put(1))
    with rig.readers.transaction() as rx:
        assert rx.one(COUNT) == (1,)
        rig.writer.run(rig.put(2))
        assert rx.one(COUNT) == (1,)
    with rig.readers.transaction() as rx:
        assert rx.one(COUNT) == (2,)


def test_a_thread_reads_its_own_acknowledged_write(file_rig: Any) -> None:
    for n in range(50):
        file_rig.writer.run(file_rig.put(n))
        assert file_rig.ids()[-1] == n


def truncated(rig: Any) -> bool:
    """Whether nobody holds a read transaction: a TRUNCATE checkpoint would be busy otherwise."""
    rig.connection.set_busy_timeout(0)
    try:
        return bool(rig.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0))
    except apsw.BusyError:
        return False


def test_no_iterator_holds_a_read_transaction_beyond_its_block(file_rig: Any) -> None:
    rig = file_rig
    for n in range(5):
        rig.writer.run(rig.put(n))
    with rig.readers.transaction() as rx:
        paused = rx.iterate("SELECT record_id FROM record")
        next(paused)
        rig.writer.run(rig.put(9))
        assert not truncated(rig)
    assert truncated(rig)
    with pytest.raises(StorageError):
        next(paused)
    with pytest.raises(StorageError, match="over"):
        rx.one(COUNT)


def test_an_exception_in_the_block_holds_nothing_and_costs_no_reader(file_rig: Any) -> None:
    for _ in range(READERS_MAX * 2):
        with pytest.raises(KeyError), file_rig.readers.transaction() as rx:
            {}[rx.one(COUNT)]
        with pytest.raises(StorageError), file_rig.readers.transaction() as rx:
            rx.one("SELECT * FROM nowhere")
    assert truncated(file_rig)
    assert len(file_rig.readers._all) == 2, "one of the pool, one of the loop"


def test_a_reader_refuses_to_write(file_rig: Any) -> None:
    with file_rig.readers.transaction() as rx, pytest.raises(StorageError):
        rx.all("DELETE FROM record")
    assert issubclass(ReadOnlyStore, StorageError)


def test_there_are_eight_connections_at_most_and_whoever_finds_none_waits(file_rig: Any) -> None:
    rig = file_rig
    together = threading.Barrier(READERS_MAX + 1)
    go = threading.Event()
    done: list[int] = []

    def read() -> None:
        with rig.readers.transaction() as rx:
            rx.one(COUNT)
            together.wait(10)
            go.wait(10)
        done.append(1)

    def wait() -> None:
        with rig.readers.transaction() as rx:
            rx.one(COUNT)
        done.append(2)

    threads = [threading.Thread(target=read) for _ in range(READERS_MAX)]
    for thread in threads:
        thread.start()
    together.wait(10)
    late = threading.Thread(target=wait)
    late.start()
    while not rig.readers._waiting:
        assert late.is_alive()
    assert len(rig.readers._all) == READERS_MAX + 1
    go.set()
    for thread in [*threads, late]:
        thread.join(10)
    assert sorted(done) == [1] * READERS_MAX + [2]
    assert len(rig.readers._all) == READERS_MAX + 1


def test_a_wait_for_a_reader_is_bounded(file_rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "BUSY_SECONDS_THREAD", 0.01)
    blocks = [file_rig.readers.transaction() for _ in range(READERS_MAX)]
    with pytest.raises(Busy, match="readers are in use"):
        file_rig.readers.transaction()
    del blocks
    assert file_rig.ids() == []


def test_the_loops_own_reader_never_waits(file_rig: Any) -> None:
    blocks = [file_rig.readers.transaction() for _ in range(READERS_MAX)]
    file_rig.writer.run(file_rig.put(1))
    with file_rig.readers.loop_transaction() as rx:
        assert rx.one(COUNT) == (1,)
        file_rig.writer.run(file_rig.put(2))
        assert rx.one(COUNT) == (1,)
    with file_rig.readers.loop_transaction() as rx:
        assert rx.one(COUNT) == (2,)
    assert truncated(file_rig)
    del blocks


def test_the_age_of_the_oldest_read_is_told(file_rig: Any) -> None:
    assert file_rig.readers.oldest_seconds() == 0.0
    with file_rig.readers.transaction(), file_rig.readers.loop_transaction():
        first = file_rig.readers.oldest_seconds()
        assert file_rig.readers.oldest_seconds() > first > 0
    assert file_rig.readers.oldest_seconds() == 0.0


def test_closing_refuses_new_reads_and_lets_those_under_way_end(file_rig: Any) -> None:
    rig = file_rig
    rig.writer.run(rig.put(1))
    with rig.readers.transaction() as rx:
        rig.readers.close()
        assert rx.one(COUNT) == (1,)
    for call in (
        rig.readers.transaction,
        rig.readers.loop_transaction,
        rig.readers.data_version,
    ):
        with pytest.raises(StoreClosed):
            call()
    rig.readers.close()
    # Of all connections only the writer's is left.
    assert [it for it in apsw.connections() if it.filename == rig.claim.path] == [rig.connection]


def test_data_version_tells_of_commits_by_others(file_rig: Any) -> None:
    before = file_rig.readers.data_version()
    assert file_rig.readers.data_version() == before
    file_rig.writer.run(file_rig.put(1))
    assert file_rig.readers.data_version() != before


def test_a_failing_read_comes_under_our_name_and_the_pool_goes_on(
    make_rig: Any, faults: Any
) -> None:
    rig = make_rig(vfs="faulty")
    rig.writer.run(rig.put(1))

    def fail(kind: str, suffix: str) -> None:
        if kind == "read":
            raise apsw.IOError("injected")

    faults.fail = fail
    for _ in range(READERS_MAX * 2):
        with pytest.raises(StorageError):
            rig.ids()
    faults.fail = lambda kind, suffix: None
    assert rig.ids() == [1]


def test_read_only_beside_an_owner_in_the_same_process(file_rig: Any) -> None:
    claim = migrate.open_read_only(file_rig.claim.path)
    readers = Readers(claim.path, file_rig.clock, foreign=True)
    before = readers.data_version()
    file_rig.writer.run(file_rig.put(1))
    assert readers.data_version() != before
    with readers.transaction() as rx:
        assert rx.one(COUNT) == (1,)
    readers.close()
    claim.release()
    # The owner's file is still known to be open here, so nobody may sniff it.
    assert claim.inode == file_rig.claim.inode
    file_rig.writer.run(file_rig.put(2))
    assert file_rig.ids() == [1, 2]
