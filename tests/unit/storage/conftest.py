"""Rigs for the storage room: a store on a real disk or in memory, with a group that only counts.

A unit of these tests writes one row of the `record` table, whose id is the unit's number; what was
acknowledged is compared with what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.clock import Clock, SystemClock
from streamstore.config import Settings
from streamstore.storage import failpoints, files, maintenance, migrate
from streamstore.storage.readers import MemoryReaders, Readers
from streamstore.storage.transaction import WriteTransaction
from streamstore.storage.writer import Writer, commit

PUT = "INSERT INTO record (record_id, sequence, created_ms, body) VALUES (?, 0, 0, ?)"
IDS = "SELECT record_id FROM record ORDER BY record_id"


class CountingGroup:
    """`pending` is what this group did so far; `rig.state` is what memory says after COMMIT."""

    def __init__(self, rig: Rig, tx: WriteTransaction) -> None:
        self.rig = rig
        self.tx = tx
        self.pending: list[int] = []

    def mark(self) -> int:
        return len(self.pending)

    def undo(self, token: int) -> None:
        self.rig.events.append("undo")
        del self.pending[token:]

    def flush(self) -> None:
        self.rig.events.append("flush")

    def published(self) -> None:
        self.rig.events.append("published")
        self.rig.state.update(self.pending)

    def abandoned(self) -> None:
        self.rig.events.append("abandoned")


class Rig:
    """A writer, readers and what a Store would hold. `state`: ids that memory calls committed."""

    def __init__(
        self, path: Path | None, clock: Clock | None = None, vfs: str | None = None
    ) -> None:
        self.events: list[str] = []
        self.state: set[int] = set()
        self.clock = clock or SystemClock()
        self.claim: files.Claim | None = None
        self.readers: Readers | MemoryReaders
        self.closed = False
        if path is None:
            self.connection = migrate.open_in_memory()
            self.writer = Writer(self.connection, self.group, self.clock, durable=False)
            self.readers = MemoryReaders(self.writer, self.clock)
        else:
            opened = migrate.open_file(path, Settings(), self.clock, vfs=vfs)
            self.claim, self.connection = opened.claim, opened.connection
            self.writer = Writer(self.connection, self.group, self.clock)
            self.readers = Readers(self.claim.path, self.clock, vfs=vfs)

    def group(self, tx: WriteTransaction) -> CountingGroup:
        self.events.append("begin")
        return CountingGroup(self, tx)

    def put(self, number: int, body: bytes = b"x") -> Callable[[CountingGroup], int]:
        """A unit that writes row `number` and returns it."""

        def unit(group: CountingGroup) -> int:
            group.tx.run(PUT, (number, body))
            group.pending.append(number)
            return number

        return unit

    def ids(self) -> list[int]:
        """Committed rows, as a reader sees them."""
        with self.readers.transaction() as rx:
            return [row[0] for row in rx.all(IDS)]

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.readers.close()
        try:
            self.writer.close(None if self.claim is None else maintenance.finish)
        finally:
            if self.claim is not None:
                self.claim.release()


@pytest.fixture(autouse=True)
def patient_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups hold what a test put into them, however busy the machine is: they are not cut after
    10 ms. The tests of that bound set it back.
    """
    monkeypatch.setattr(commit, "GROUP_APPLY_SECONDS_MAX", 60.0)


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """make_rig() on a file in tmp_path, make_rig(memory=True), make_rig(vfs=name)."""
    rigs: list[Rig] = []

    def make(
        name: str = "store.db",
        *,
        memory: bool = False,
        clock: Clock | None = None,
        vfs: str | None = None,
    ) -> Rig:
        rig = Rig(None if memory else tmp_path / name, clock, vfs)
        rigs.append(rig)
        return rig

    yield make
    failpoints.disarm()
    for rig in rigs:
        rig.close()


@pytest.fixture(params=["file", "memory"])
def rig(request: pytest.FixtureRequest, make_rig: Callable[..., Rig]) -> Rig:
    """The same test on a file and in memory."""
    return make_rig(memory=request.param == "memory")


@pytest.fixture
def file_rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


class Faults:
    """A plan of failures for a VFS: `fail(operation, suffix, offset)` is asked at each operation.

    It raises an apsw error to fail it. `log` is every write and sync, as (operation, suffix).
    """

    def __init__(self) -> None:
        self.fail: Callable[[str, str], None] = lambda operation, suffix: None
        self.log: list[tuple[str, str]] = []
        self.logging = False

    def meet(self, operation: str, suffix: str) -> None:
        if self.logging:
            self.log.append((operation, suffix))
        self.fail(operation, suffix)


class FaultyFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: Any, faults: Faults) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else (name or "")
        self._suffix = "wal" if path.endswith("-wal") else "db"
        self._faults = faults

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._faults.meet("write", self._suffix)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._faults.meet("sync", self._suffix)
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._faults.meet("read", self._suffix)
        return super().xRead(amount, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._faults.meet("truncate", self._suffix)
        super().xTruncate(size)


class FaultyVFS(apsw.VFS):
    def __init__(self, name: str, faults: Faults) -> None:
        self._faults = faults
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: Any) -> FaultyFile:  # noqa: N802
        return FaultyFile(name, flags, self._faults)


@pytest.fixture
def faults() -> Iterator[Faults]:
    """A VFS called "faulty" that does what the returned plan says."""
    plan = Faults()
    vfs = FaultyVFS("faulty", plan)
    yield plan
    vfs.unregister()
