"""Read transactions on a store in memory: its one connection, under the writer's lock (engine.md
2.8).

Owns: nothing but the way to it. A second connection would see no tables, and `memdb` has no WAL and
blocks both ways.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import apsw

from ...clock import Clock
from ..transaction import ReadTransaction
from ..writer import Writer


class _Hold:
    """Lives in the frame of the outermost `with` block that holds the lock."""

    def __init__(self, thread: int, since: float) -> None:
        self.thread = thread
        self.since = since


class MemoryReaders:
    """Readers of a store in memory: everything under the writer's lock is one snapshot."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._monotonic = clock.monotonic
        # Weak: if an interruption cuts the block's end, the hold goes with its frame.
        self._hold: weakref.ref[_Hold] | None = None

    @contextmanager
    def transaction(self, wait: bool = True) -> Iterator[ReadTransaction]:
        """As Readers.transaction; may be nested in one thread, as reads of a file may."""
        outer = self._holding()
        if outer is not None and outer.thread == threading.get_ident():
            with self._reading(self._writer.connection) as rx:
                yield rx
            return
        with self._writer.holding(wait) as connection:
            hold = _Hold(threading.get_ident(), self._monotonic())
            self._hold = weakref.ref(hold)
            try:
                with self._reading(connection) as rx:
                    yield rx
            finally:
                self._hold = None

    @contextmanager
    def _reading(self, connection: apsw.Connection) -> Iterator[ReadTransaction]:
        rx = ReadTransaction(connection)
        try:
            yield rx
        finally:
            rx.end()

    def _holding(self) -> _Hold | None:
        return None if self._hold is None else self._hold()

    def loop_transaction(self) -> AbstractContextManager[ReadTransaction]:
        """As Readers.loop_transaction: its `with` raises Busy where the lock is taken."""
        return self.transaction(wait=False)

    def data_version(self) -> int:
        """Nobody else can write to memory."""
        return 0

    def oldest_seconds(self) -> float:
        """How long the open read has been open; 0.0 if there is none."""
        hold = self._holding()
        return 0.0 if hold is None else self._monotonic() - hold.since

    def close(self) -> None:
        """The connection is closed with the writer."""
