"""Read transactions on a file: a pool of connections for threads, one more for the event loop.

Owns: reader connections and who uses them; the age of the oldest read transaction. Must not know:
what is read.

Every read request is one explicit transaction on one connection, so it sees one snapshot (engine.md
3.1), and no transaction outlives its `with` block (3.2). There are at most READERS_MAX connections
for all threads together; a thread that finds none waits. A store in memory has a single connection,
and reads under the writer's lock (2.8).

The pool counts the Reader objects that exist, not the ones that were given back: a thread that an
exception cuts between taking one and its `with` block just drops it, and the pool makes another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakSet

import apsw

from ...clock import Clock
from ...errors import Busy, StorageError, StoreClosed
from ...limits import (
    BUSY_SECONDS_THREAD,
    PINNED_LOOK_SECONDS,
    PINNED_MAX,
    READERS_MAX,
    WAITER_WAKE_SECONDS,
)
from .. import statements
from ..connection import keep_for_ever, on_fork, open_reader, set_busy, translate
from ..guards import checksums
from ..transaction import ReadTransaction
from .pinned import Pinned


class Reader:
    """One connection, and the `with` block of its transaction, which began at `since`."""

    __slots__ = ("__weakref__", "_control", "_idle", "_monotonic", "connection", "rx", "since")

    def __init__(
        self,
        connection: apsw.Connection,
        monotonic: Callable[[], float],
        idle: Callable[[Reader], None] | None,
    ) -> None:
        self.connection = connection
        self.rx = ReadTransaction(connection)
        self.rx.end()
        self.since: float | None = None
        self._control = connection.cursor()
        self._monotonic = monotonic
        self._idle = idle

    def __enter__(self) -> ReadTransaction:
        try:
            self._control.execute(statements.BEGIN)
        except apsw.Error as error:
            if not self.connection.in_transaction:
                raise translate(error) from error
            # Whoever used it last was cut while leaving; only the loop's reader can be met so.
            self._control.execute(statements.ROLLBACK)
            self._control.execute(statements.BEGIN)
        self.since = self._monotonic()
        self.rx.start()
        return self.rx

    def __exit__(self, *_: object) -> None:
        self.rx.end()
        try:
            self._control.execute(statements.COMMIT)
        except apsw.Error as error:
            # SQLite has ended the transaction by itself, or it ends here; either way nothing is
            # held.
            if self.connection.in_transaction:
                self.connection.close(True)
                raise translate(error) from error
        if self.connection.txn_state() != apsw.SQLITE_TXN_NONE:
            self.rx.drop_cursor()
        self.since = None
        if self._idle is not None:
            self._idle(self)


class CheckedReader(Reader):
    """A reader of a file whose pages carry checksums: what was read while they were not verified
    is not handed out.
    """

    __slots__ = ()

    def __exit__(self, *raised: object) -> None:
        verified = checksums.verifies(self.connection)
        super().__exit__(*raised)
        if not verified and raised[0] is None:
            raise checksums.unverified()


class Readers:
    """The readers of one file. Thread-safe. `foreign`: another process owns it (read_only=True).
    `checked`: its pages carry checksums.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        *,
        foreign: bool = False,
        checked: bool = False,
        vfs: str | None = None,
    ) -> None:
        self._path = path
        self._monotonic = clock.monotonic
        self._foreign = foreign
        self._kind = CheckedReader if checked else Reader
        self._vfs = vfs
        self._free: list[Reader] = []
        self._all: WeakSet[Reader] = WeakSet()
        self._pinned: WeakSet[Pinned] = WeakSet()
        self._watch: threading.Thread | None = None
        self._unpinned = threading.Event()
        self._waiting = 0
        self._gate = threading.Condition()
        self._shut: StorageError | None = None
        self._loop = self._make(None)
        set_busy(self._loop.connection, 0)
        on_fork(self)

    def transaction(self) -> AbstractContextManager[ReadTransaction]:
        """`with readers.transaction() as rx:` in any thread. Waits for a free connection.

        Raises Busy after 5 s without one, StoreClosed, or another StorageError.
        """
        try:
            return self._free.pop()
        except IndexError:
            return self._wait_for_reader()

    def loop_transaction(self) -> AbstractContextManager[ReadTransaction]:
        """The same on the event loop's own connection: never waits, for a lock or for a reader.

        For one thread. Raises Busy where a lock is taken: then read in another thread.
        """
        if self._shut is not None:
            raise type(self._shut)(*self._shut.args)
        return self._loop

    def data_version(self) -> int:
        """A number that changes when another connection has committed; on the loop's connection."""
        if self._shut is not None:
            raise type(self._shut)(*self._shut.args)
        try:
            rows: list[Any] = self._loop.connection.execute(statements.DATA_VERSION).fetchall()
        except apsw.Error as error:
            raise translate(error) from error
        version: int = rows[0][0]
        return version

    def pin(self) -> Pinned:
        """A read transaction on a connection of its own, that outlives this call: close it.

        Raises Busy where PINNED_MAX of them are open.
        """
        with self._gate:
            if self._shut is not None:
                raise type(self._shut)(*self._shut.args)
            if sum(not pinned.over for pinned in self._pinned) >= PINNED_MAX:
                raise Busy(f"{PINNED_MAX} snapshots are open. Close one, and try again.")
            connection = open_reader(self._path, foreign=self._foreign, vfs=self._vfs)
            checked = self._kind is CheckedReader
            pinned = Pinned(connection, self._monotonic, self._path + "-wal", checked)
            self._pinned.add(pinned)
            if self._watch is None:
                self._watch = threading.Thread(
                    target=self._watch_pinned, name="streamstore-pinned", daemon=True
                )
                self._watch.start()
            return pinned

    def _watch_pinned(self) -> None:
        """End pinned transactions that are past their bounds, for as long as there are any."""
        while True:
            with self._gate:
                pinned = [each for each in self._pinned if not each.over]
                if not pinned or self._shut is not None:
                    self._watch = None
                    return
            for each in pinned:
                each.look()
            del pinned, each  # else they would not be let go of while this waits
            self._unpinned.wait(PINNED_LOOK_SECONDS)

    def oldest_seconds(self) -> float:
        """How long the oldest open read transaction has been open; 0.0 if there is none."""
        now = self._monotonic()
        with self._gate:
            begun = [reader.since for reader in self._all]
            begun += [pinned.since for pinned in self._pinned if not pinned.over]
        return max((now - since for since in begun if since is not None), default=0.0)

    def close(self) -> None:
        """Close every connection that is not in use; the others close when they are given back."""
        with self._gate:
            if self._shut is None:
                self._shut = StoreClosed("The store is closed. Open it again.")
            free, self._free = self._free, []
            pinned = list(self._pinned)
            self._gate.notify_all()
        self._unpinned.set()
        for each in pinned:
            each.close()
        for reader in (*free, self._loop):
            reader.connection.close(True)

    def forked(self) -> None:
        """In a forked child: never touch the parent's connections, refuse everything."""
        for reader in (*self._free, self._loop, *list(self._all)):
            keep_for_ever(reader)
        self._gate = threading.Condition()
        self._free = []
        self._shut = StoreClosed(
            "This process was forked from the one that opened the store. Open it again here."
        )

    def _make(self, idle: Callable[[Reader], None] | None) -> Reader:
        connection = open_reader(self._path, foreign=self._foreign, vfs=self._vfs)
        reader = self._kind(connection, self._monotonic, idle)
        self._all.add(reader)
        return reader

    def _wait_for_reader(self) -> Reader:
        deadline = self._monotonic() + BUSY_SECONDS_THREAD
        with self._gate:
            self._waiting += 1
            try:
                while True:
                    if self._shut is not None:
                        raise type(self._shut)(*self._shut.args)
                    if self._free:
                        return self._free.pop()
                    if len(self._all) <= READERS_MAX:  # the loop's own one comes on top
                        return self._make(self._give_back)
                    if self._monotonic() > deadline:
                        raise Busy(f"All {READERS_MAX} readers are in use. Try again.")
                    self._gate.wait(WAITER_WAKE_SECONDS)
            finally:
                self._waiting -= 1

    def _give_back(self, reader: Reader) -> None:
        if self._shut is not None:
            reader.connection.close(True)
            return
        self._free.append(reader)
        # A waiter counts itself before it looks at the list, so one of the two sees the other.
        if self._waiting:
            with self._gate:
                self._gate.notify()
        if self._shut is not None:
            self.close()
