"""Read transactions on a store in memory: its one connection, under the writer's lock (engine.md
2.8).

Owns: nothing but the way to it. A second connection would see no tables, and `memdb` has no WAL and
blocks both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ...clock import Clock
from ..transaction import ReadTransaction
from ..writer import Writer


class MemoryReaders:
    """Readers of a store in memory: everything under the writer's lock is one snapshot."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._monotonic = clock.monotonic
        self._since: float | None = None

    @contextmanager
    def transaction(self, wait: bool = True) -> Iterator[ReadTransaction]:
        """As Readers.transaction."""
        with self._writer.holding(wait) as connection:
            rx = ReadTransaction(connection)
            self._since = self._monotonic()
            try:
                yield rx
            finally:
                rx.end()
                self._since = None

    def loop_transaction(self) -> AbstractContextManager[ReadTransaction]:
        """As Readers.loop_transaction: its `with` raises Busy where the lock is taken."""
        return self.transaction(wait=False)

    def data_version(self) -> int:
        """Nobody else can write to memory."""
        return 0

    def oldest_seconds(self) -> float:
        """How long the open read has been open; 0.0 if there is none."""
        since = self._since
        return 0.0 if since is None else self._monotonic() - since

    def close(self) -> None:
        """The connection is closed with the writer."""
