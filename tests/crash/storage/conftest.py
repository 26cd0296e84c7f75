"""A model of a disk with a page cache, for power loss and for syncs that fail.

SQLite writes real files, which are what the system's cache would show. Beside them the model keeps
what is on the disk: blocks that a successful sync has written. A sync that fails marks its blocks
clean without writing them, as Linux does, so that no later sync writes them either.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.clock import SystemClock
from streamstore.config import Settings
from streamstore.storage import maintenance, migrate
from streamstore.storage.readers import Readers
from streamstore.storage.transaction import WriteTransaction
from streamstore.storage.writer import Writer

BLOCK_BYTES = 512
PUT = "INSERT INTO record (record_id, sequence, created_ms, body) VALUES (?, 0, 0, ?)"
IDS = "SELECT record_id FROM record ORDER BY record_id"


class PlainGroup:
    """The least that a writer needs."""

    def __init__(self, tx: WriteTransaction) -> None:
        self.tx = tx

    def mark(self) -> None: ...
    def undo(self, token: None) -> None: ...
    def flush(self) -> None: ...
    def published(self) -> None: ...
    def abandoned(self) -> None: ...


class OpenStore:
    """A store as a Store would hold it, whose units write one record each."""

    def __init__(self, path: Path, vfs: str | None = None, **settings: Any) -> None:
        clock = SystemClock()
        opened = migrate.open_file(path, Settings(**settings), clock, vfs=vfs)
        self.claim, self.connection = opened.claim, opened.connection
        self.writer = Writer(opened.connection, PlainGroup, clock)
        self.maintenance = maintenance.Maintenance(self.writer)
        self.readers = Readers(self.claim.path, clock, vfs=vfs)

    def put(self, number: int, body: bytes = b"x") -> None:
        self.writer.run(lambda group: group.tx.run(PUT, (number, body)))

    def ids(self) -> list[int]:
        with self.readers.transaction() as rx:
            return [row[0] for row in rx.all(IDS)]

    def close(self) -> None:
        self.readers.close()
        try:
            self.writer.close(maintenance.finish)
        finally:
            self.claim.release()

    def die(self) -> None:
        """As a killed process ends: nothing is checkpointed, nothing removed."""
        self.readers.close()
        self.writer.close()
        self.claim.release()


class ModelDisk:
    """What is on the disk, by path; `fail_sync_in` counts down to a sync that fails (0: none)."""

    def __init__(self) -> None:
        self.durable: dict[str, bytearray] = {}
        self.dirty: dict[str, set[int]] = {}
        self.fail_sync_in = 0
        self.syncs = self.failed = 0

    def adopt(self, path: Path) -> None:
        """What is there now is on the disk."""
        self.durable[str(path)] = bytearray(path.read_bytes())

    def wrote(self, path: str, offset: int, length: int) -> None:
        blocks = range(offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES + 1)
        self.dirty.setdefault(path, set()).update(blocks)

    def sync(self, path: str) -> bool:
        """False if this one fails."""
        self.syncs += 1
        if self.fail_sync_in:
            self.fail_sync_in -= 1
            if not self.fail_sync_in:
                self.failed += 1
                self.dirty.pop(path, None)
                return False
        cached = Path(path).read_bytes()
        disk = self.durable.setdefault(path, bytearray())
        disk[len(cached) :] = b""
        disk.extend(bytes(len(cached) - len(disk)))
        for block in self.dirty.pop(path, set()):
            piece = slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
            disk[piece] = cached[piece]
        return True

    def deleted(self, path: str) -> None:
        self.durable.pop(path, None)
        self.dirty.pop(path, None)

    def after_power_loss(self, folder: Path) -> Path:
        """Write what is on the disk into another folder; the path of the store there."""
        folder.mkdir()
        for path, content in self.durable.items():
            (folder / os.path.basename(path)).write_bytes(content)
        return folder / "store.db"


class ModelFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: Any, disk: ModelDisk) -> None:
        super().__init__("", name, flags)
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._disk.wrote(self._path, offset, len(data))

    def xSync(self, flags: int) -> None:  # noqa: N802
        if not self._disk.sync(self._path):
            raise apsw.IOError("the disk failed")


class ModelVFS(apsw.VFS):
    def __init__(self, disk: ModelDisk) -> None:
        self._disk = disk
        super().__init__("model", "")

    def xOpen(self, name: Any, flags: Any) -> ModelFile:  # noqa: N802
        return ModelFile(name, flags, self._disk)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        super().xDelete(name, sync_folder)
        self._disk.deleted(name)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelDisk]:
    """The model, as the VFS "model", and below what files.py writes and syncs by itself."""
    model = ModelDisk()
    vfs = ModelVFS(model)
    real_write, real_sync = os.pwrite, os.fsync

    def path_of(descriptor: int) -> str:
        return os.readlink(f"/proc/self/fd/{descriptor}")

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        written = real_write(descriptor, data, offset)
        model.wrote(path_of(descriptor), offset, written)
        return written

    def fsync(descriptor: int) -> None:
        if path_of(descriptor) in model.durable and not model.sync(path_of(descriptor)):
            raise OSError("the disk failed")
        real_sync(descriptor)

    monkeypatch.setattr(os, "pwrite", pwrite)
    monkeypatch.setattr(os, "fsync", fsync)
    yield model
    vfs.unregister()


@pytest.fixture
def open_store() -> type[OpenStore]:
    return OpenStore


def rows(path: Path) -> list[int]:
    """What a store holds, by a connection that is not ours; its integrity is checked too."""
    connection = apsw.Connection(str(path))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found: list[Any] = connection.execute(IDS).fetchall()
        return [row[0] for row in found]
    finally:
        connection.close()


@pytest.fixture
def read_rows() -> Any:
    return rows
