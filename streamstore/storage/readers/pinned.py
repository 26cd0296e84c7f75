"""A read transaction that outlives a page: the one kind that may, and what it may cost.

Owns: a connection of its own, and the two bounds after which the transaction is ended by name
(engine.md 3.2): a deadline, and the size of the WAL, which cannot shrink while somebody reads an
old state. Must not know: what is read.

The user of a pinned read may be asleep, or may have forgotten it, so the bounds are looked at each
second by a thread of the pool as well (`look`), not only at the next read. Each read holds the
pin's own lock, so a transaction never ends under a statement.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import apsw

from ... import limits
from ...errors import SnapshotFailed
from .. import statements
from ..connection import keep_for_ever, on_fork, translate
from ..guards import checksums
from ..transaction import ReadTransaction


class Pinned:
    """One pinned read transaction. Close it. Thread-safe; reads take turns.

    `wal_path`: the WAL whose size is bounded. `checked`: the pages carry checksums.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        monotonic: Callable[[], float],
        wal_path: str,
        checked: bool = False,
    ) -> None:
        self._connection = connection
        self._monotonic = monotonic
        self._wal_path = wal_path
        self._checked = checked
        self._lock = threading.Lock()
        self._over: SnapshotFailed | None = None
        self.since = monotonic()
        self._wal_bytes_first = self._wal_bytes()
        try:
            connection.execute(statements.BEGIN)
            self._rx = ReadTransaction(connection)
            # BEGIN alone reads nothing; the snapshot is what the first statement sees.
            self._rx.one(statements.TOUCH)
        except apsw.Error as error:
            connection.close(True)
            raise translate(error) from error
        on_fork(self)

    @property
    def over(self) -> bool:
        """Whether it was closed, or ended by a bound."""
        return self._over is not None

    @contextmanager
    def reading(self) -> Iterator[ReadTransaction]:
        """`with pinned.reading() as rx:` for a short read. SnapshotFailed once it is over."""
        with self._lock:
            self._end_if_due()
            if self._over is not None:
                raise SnapshotFailed(self._over.bound)
            yield self._rx
            if self._checked:
                checksums.demand(self._connection)

    def look(self) -> None:
        """End the transaction if it is past a bound; nothing where somebody reads just now."""
        if self._lock.acquire(blocking=False):
            try:
                self._end_if_due()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Let go of it. Twice is once."""
        with self._lock:
            self._end("closed")

    def forked(self) -> None:
        """In a forked child: the connection is the parent's."""
        keep_for_ever(self._connection)
        self._lock = threading.Lock()
        self._over = self._over or SnapshotFailed("closed")

    def _end_if_due(self) -> None:
        if self._over is not None:
            return
        if self._monotonic() - self.since >= limits.SNAPSHOT_SECONDS_MAX:
            self._end("deadline")
            return
        size = self._wal_bytes()
        if size > limits.SNAPSHOT_WAL_BYTES_MAX and size > self._wal_bytes_first:
            self._end("wal")

    def _end(self, bound: str) -> None:
        if self._over is None:
            self._over = SnapshotFailed(bound)
            self._rx.end()
            self._connection.close(True)

    def _wal_bytes(self) -> int:
        with suppress(OSError):
            return os.stat(self._wal_path).st_size
        return 0
