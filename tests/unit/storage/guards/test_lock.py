"""The lock file: its owner's line, and the mark that sees a lost end of the log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import streamstore
from streamstore import restoring
from streamstore.checking import check
from streamstore.clock import ManualClock
from streamstore.errors import FileLocked, Latched, TailLost
from streamstore.storage.guards import lock

STORE_ID = bytes(range(16))
NAME = STORE_ID.hex().encode()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "s.db")


@pytest.fixture
def held(path: str) -> Iterator[int]:
    taken = lock.take(path)
    yield taken
    lock.give_up(taken)


def test_a_mark_is_read_as_it_was_written_and_the_owner_beside_it(path: str, held: int) -> None:
    assert lock.read_mark(path) is None
    lock.announce(held, "http://127.0.0.1:8000")
    for counter in (0, 1, 2**63 - 1):
        lock.write_mark(held, NAME, counter)
        assert lock.read_mark(path) == (STORE_ID, counter)
    lock.announce(held, None)
    assert lock.read_owner(path) == (os.getpid(), None)
    assert lock.read_mark(path) == (STORE_ID, 2**63 - 1)
    assert Path(path + ".lock").read_text().splitlines()[1].startswith("mark ")
    lock.clear_mark(held)
    assert lock.read_mark(path) is None
    assert lock.read_owner(path) == (os.getpid(), None)


def test_no_changed_bit_of_a_mark_makes_another_mark(path: str, held: int) -> None:
    lock.write_mark(held, NAME, 1_700_000_000_000_123)
    whole = Path(path + ".lock").read_bytes()
    at = len(whole) - 72
    for place in range(at, len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            Path(path + ".lock").write_bytes(damaged)
            assert lock.read_mark(path) in (None, (STORE_ID, 1_700_000_000_000_123)), (place, bit)


def test_a_torn_or_short_mark_says_nothing(path: str, held: int) -> None:
    lock.write_mark(held, NAME, 12)
    whole = Path(path + ".lock").read_bytes()
    for size in range(lock.OWNER_BYTES, len(whole) - 1):
        Path(path + ".lock").write_bytes(whole[:size])
        assert lock.read_mark(path) is None


def test_an_endpoint_that_is_too_long_is_left_out(path: str, held: int) -> None:
    lock.announce(held, "http://" + "x" * 2000)
    assert lock.read_owner(path) == (os.getpid(), None)


def test_whether_somebody_holds_it_is_seen_without_taking_it(path: str) -> None:
    assert not lock.held(path)
    taken = lock.take(path)
    assert lock.held(path)
    with pytest.raises(FileLocked):
        lock.take(path)
    lock.give_up(taken)
    assert not lock.held(path)
    assert os.path.exists(path + ".lock")


# ---- the mark of a store ----

ITEM = {"id": {"S": "1"}}


def opened(path: str, clock: ManualClock | None = None, **settings: object) -> streamstore.Store:
    return streamstore.open(path, clock=clock or ManualClock(), background=False, **settings)


def made(path: str, **settings: object) -> streamstore.Store:
    store = opened(path, **settings)
    store.client.create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return store


def marked(path: str) -> int:
    mark = lock.read_mark(path)
    assert mark is not None
    return mark.counter


def test_every_commit_that_changes_items_moves_the_mark_stream_or_not(path: str) -> None:
    with made(path) as store:
        before = marked(path)
        for turn in range(3):
            store.client.put_item(TableName="things", Item={**ITEM, "n": {"N": str(turn)}})
            assert marked(path) == store.engine.stored_sequence == before + 1
            before += 1
        store.client.put_item(TableName="things", Item={**ITEM, "n": {"N": "2"}})
        store.client.get_item(TableName="things", Key=ITEM)
        assert marked(path) == before  # nothing was changed
    with opened(path) as store:
        assert store.latched is None


def lost(path: str) -> tuple[streamstore.Store, int, int]:
    """The store after its file was put back to an earlier state: an owner may do it by mistake, a
    disk that lies about syncs does it by itself.
    """
    with made(path):
        pass
    earlier, counter = Path(path).read_bytes(), marked(path)
    clock = ManualClock()
    with opened(path, clock) as store:
        store.client.put_item(TableName="things", Item=ITEM)
    reached = marked(path)
    Path(path).write_bytes(earlier)
    return opened(path, clock), counter, reached


def test_a_store_whose_newest_commits_are_gone_reads_and_refuses_writes_by_name(path: str) -> None:
    store, counter, reached = lost(path)
    with store:
        assert isinstance(store.latched, Latched)
        cause = store.latched.cause
        assert isinstance(cause, TailLost)
        assert (cause.found, cause.marked) == (counter, reached)
        assert counter < reached
        assert store.client.scan(TableName="things")["Items"] == []
        with pytest.raises(Latched, match="streamstore restore --adopt"):
            store.writer.run(lambda group: None)
        store.reopen()
        assert store.latched is not None
    report = check(path)
    assert list(report.counts) == ["tail"]
    assert f"{counter}" in report.violations[0].text


def test_what_is_lost_can_be_accepted_and_its_numbers_are_not_used_again(path: str) -> None:
    store, _, reached = lost(path)
    store.close()
    assert restoring.adopt(path, clock=ManualClock()).sequence >= reached
    assert check(path).clean
    with opened(path) as store:
        assert store.latched is None
        store.client.put_item(TableName="things", Item=ITEM)
        assert store.engine.stored_sequence > reached


def test_a_lost_log_is_seen(path: str, tmp_path: Path) -> None:
    """The log is removed after a crash: what SQLite then opens is older, and sound to its eyes."""
    store = made(path)
    store.maintenance.checkpoint()
    store.client.put_item(TableName="things", Item=ITEM)
    copy = str(tmp_path / "copy.db")
    for suffix in ("", ".lock"):
        Path(copy + suffix).write_bytes(Path(path + suffix).read_bytes())
    store.close()
    assert [v.code for v in check(copy).violations] == ["tail"]
    with opened(copy) as store:
        assert store.latched is not None


def test_files_that_were_copied_replaced_or_made_anew_are_no_loss(
    path: str, tmp_path: Path
) -> None:
    with made(path):
        pass
    copy = str(tmp_path / "copy.db")
    Path(copy).write_bytes(Path(path).read_bytes())  # without its lock file
    with opened(copy) as store:
        assert store.latched is None
    with opened(path, ManualClock(2_000_000_000_000)) as store:
        store.client.put_item(TableName="things", Item=ITEM)
    os.unlink(path)
    with made(path) as store:  # another store beside the old one's mark
        assert store.latched is None
        store.client.put_item(TableName="things", Item=ITEM)
    with opened(path) as store:
        assert store.latched is None
    mark = lock.read_mark(path)
    assert mark is not None
    Path(path + ".lock").write_text("rubbish")
    with opened(path) as store:
        assert store.latched is None


def test_a_crash_between_commit_and_mark_is_no_loss(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made(path) as store:
        before = marked(path)
        monkeypatch.setattr(lock, "write_mark", lambda *_: None)
        store.client.put_item(TableName="things", Item=ITEM)
    assert marked(path) == before
    monkeypatch.undo()
    with opened(path) as store:
        assert store.latched is None
    assert check(path).clean


def test_weaker_durability_leaves_no_mark_since_it_may_lose_commits(path: str) -> None:
    with made(path):
        pass
    assert lock.read_mark(path) is not None
    with opened(path, durability="normal") as store:
        store.client.put_item(TableName="things", Item=ITEM)
    assert lock.read_mark(path) is None
