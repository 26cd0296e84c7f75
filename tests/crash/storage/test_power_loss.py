"""Power fails: what was acknowledged is there (engine.md 2.1, 2.2), and the controls lose it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.errors import StorageError
from streamstore.storage import files, maintenance, migrate

BODY = b"b" * 700
POSITIONS = 40


def work(store: Any, acknowledged: list[int], numbers: range) -> None:
    """Write until an error; now and then checkpoint."""
    for number in numbers:
        store.put(number, BODY)
        acknowledged.append(number)
        if number % 7 == 6:
            store.maintenance.checkpoint()


def fresh(disk: Any, open_store: Any, tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    open_store(path).close()
    disk.adopt(path)
    return path


@pytest.mark.parametrize("durability", ["full", "off"])
def test_every_acknowledged_write_is_on_the_disk_at_once(
    disk: Any, open_store: Any, read_rows: Any, tmp_path: Path, durability: str
) -> None:
    store = open_store(fresh(disk, open_store, tmp_path), "model", durability=durability)
    lost = 0
    for number in range(30):
        store.put(number, BODY)
        if number % 7 == 6:
            store.maintenance.checkpoint()
        image = disk.after_power_loss(tmp_path / f"image-{number}")
        lost += read_rows(image) != list(range(number + 1))
    store.die()
    assert (lost == 0) == (durability == "full"), "the control, without syncs, must lose"


def fail_and_restart(
    disk: Any,
    open_store: Any,
    path: Path,
    position: int,
    between: Callable[[], None] = lambda: None,
) -> tuple[Any, list[int]]:
    """A sync fails, the process ends, another one opens the file and writes on."""
    acknowledged: list[int] = []
    store = open_store(path, "model")
    disk.fail_sync_in = position
    with contextlib.suppress(StorageError):
        work(store, acknowledged, range(1000))
    assert disk.failed == 1
    assert store.writer.latched is not None
    store.die()
    between()
    again = open_store(path, "model")
    work(again, acknowledged, range(1001, 1004))  # without a checkpoint among them
    return again, acknowledged


def run_positions(
    disk: Any, open_store: Any, read_rows: Any, tmp_path: Path, positions: range
) -> int:
    """How many of the failed syncs, each followed by a restart and a power loss, lost a write."""
    lost = 0
    for position in positions:
        folder = tmp_path / str(position)
        folder.mkdir()
        disk.failed = 0
        store, acknowledged = fail_and_restart(
            disk, open_store, fresh(disk, open_store, folder), position
        )
        image = disk.after_power_loss(folder / "image")
        store.die()
        disk.durable.clear()
        disk.dirty.clear()
        lost += not kept(read_rows, image, acknowledged)
    return lost


def kept(read_rows: Any, image: Path, acknowledged: list[int]) -> bool:
    """Whether the image holds what was acknowledged. A hole in the WAL may even damage the file."""
    try:
        return set(acknowledged) <= set(read_rows(image))
    except apsw.CorruptError:
        return False


def test_a_failed_sync_a_restart_and_a_power_loss_lose_nothing(
    disk: Any, open_store: Any, read_rows: Any, tmp_path: Path
) -> None:
    assert run_positions(disk, open_store, read_rows, tmp_path, range(1, POSITIONS + 1)) == 0


def test_without_making_the_wal_durable_at_open_they_would(
    disk: Any, open_store: Any, read_rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the trap of engine.md 2.2 is real in this model."""
    monkeypatch.setattr(migrate, "make_wal_durable", lambda connection, path: True)
    lost = run_positions(disk, open_store, read_rows, tmp_path, range(1, 13))
    assert lost >= 8


@pytest.mark.parametrize("rewrite", [True, False])
def test_beside_a_reader_that_keeps_the_wal_the_rewritten_bytes_are_on_the_disk(
    disk: Any,
    open_store: Any,
    read_rows: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rewrite: bool,
) -> None:
    lost = 0
    monkeypatch.setattr(
        migrate,
        "make_wal_durable",
        lambda connection, path: maintenance.make_wal_durable(connection, path, 0.0),
    )
    if not rewrite:
        monkeypatch.setattr(files, "rewrite_wal", lambda path: 0)
    readers: list[apsw.Connection] = []
    for position in range(1, 11):
        folder = tmp_path / str(position)
        folder.mkdir()
        path = fresh(disk, open_store, folder)
        disk.failed = 0

        def read(path: Path = path) -> None:
            """Recovers the log, with what was not synced, and stays in it."""
            readers.append(apsw.Connection(str(path)))
            readers[-1].execute("BEGIN")
            readers[-1].execute("SELECT * FROM record").fetchall()

        store, acknowledged = fail_and_restart(disk, open_store, path, position, read)
        image = disk.after_power_loss(folder / "image")
        store.die()
        readers.pop().close(True)
        disk.durable.clear()
        disk.dirty.clear()
        lost += not kept(read_rows, image, acknowledged)
    assert (lost == 0) == rewrite, lost
    assert rewrite or lost >= 6
