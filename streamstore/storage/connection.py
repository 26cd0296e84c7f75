"""Connections to SQLite: how one is opened and configured, and what its errors are called here.

Owns: the pragmas of each kind of connection, read back after they are set, since SQLite ignores
what it can't do; the one mapping from apsw's errors to ours. Must not know: tables, groups, files
beyond a path that files.py has resolved.

Nobody else calls apsw.Connection on a store, and no connection checkpoints by itself, neither every
so many pages nor when it is closed: an automatic checkpoint swallows the errors of the sync it
depends on (engine.md 2.3).
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import apsw

from ..config import Settings
from ..errors import Busy, Corrupted, DiskFull, FileUnusable, StorageError
from ..limits import BUSY_SECONDS_OPEN, BUSY_SECONDS_THREAD
from . import statements

SQLITE_VERSION_MIN = (3, 51, 3)
STATEMENT_CACHE_ENTRIES = 256


def open_writer(
    path: str,
    settings: Settings,
    *,
    inspect: Callable[[apsw.Connection], None] | None = None,
    vfs: str | None = None,
) -> apsw.Connection:
    """The one writing connection of a file that exists; it waits 2 s for a lock until told
    otherwise.

    `inspect(connection)` may refuse the file by raising, before anything in it is changed.
    Raises Busy, Corrupted, FileUnusable or another StorageError; nothing stays open then.
    """
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    with _closing_on_error(connection):
        set_busy(connection, BUSY_SECONDS_OPEN)
        _protect(connection)
        connection.execute(statements.TOUCH).fetchall()
        if inspect is not None:
            inspect(connection)
        # These are the file's own. To set them again, even to what they are, would write.
        expect(connection, *statements.PAGE_SIZE)
        expect(connection, *statements.AUTO_VACUUM)
        if connection.execute(statements.JOURNAL_MODE_GET).fetchall() != [("wal",)]:
            configure(connection, statements.JOURNAL_WAL)
        configure(connection, statements.SYNCHRONOUS[settings.durability])
        configure(connection, *statements.EVERY_CONNECTION, *statements.WRITER)
    return connection


def open_reader(path: str, *, foreign: bool = False, vfs: str | None = None) -> apsw.Connection:
    """A connection that can't write. `foreign`: another process owns the file, which is then opened
    read-only.
    """
    flags = apsw.SQLITE_OPEN_READONLY if foreign else apsw.SQLITE_OPEN_READWRITE
    connection = _connect(path, flags, vfs)
    with _closing_on_error(connection):
        set_busy(connection, BUSY_SECONDS_THREAD)
        _protect(connection)
        connection.execute(statements.TOUCH).fetchall()
        configure(
            connection, *statements.EVERY_CONNECTION, *statements.READER, statements.QUERY_ONLY
        )
    return connection


def open_memory() -> apsw.Connection:
    """A private database in memory, without tables; it is both the writer and the reader of its
    store.
    """
    connection = _connect(":memory:", apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, None)
    with _closing_on_error(connection):
        _protect(connection)
        configure(connection, statements.PAGE_SIZE, statements.AUTO_VACUUM)
        # Neither mmap_size nor a WAL exist in memory, so those pragmas would have nothing to read
        # back.
        configure(connection, ("trusted_schema", "OFF", 0), ("temp_store", "MEMORY", 2))
        configure(connection, ("foreign_keys", "OFF", 0))
    return connection


def open_plain(path: str, *, vfs: str | None = None) -> apsw.Connection:
    """A connection for building, copying or verifying a file: nothing about the file is changed."""
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    with _closing_on_error(connection):
        set_busy(connection, BUSY_SECONDS_OPEN)
        _protect(connection)
        configure(connection, ("temp_store", "MEMORY", 2), ("wal_autocheckpoint", "0", 0))
    return connection


def prepare_fresh(connection: apsw.Connection) -> None:
    """Set what must be set before the first table exists, in the order that makes it stick.

    Nothing is synced while a fresh file is built: it is thrown away unless it is complete, and
    synced as a whole before it gets its name. `finish_fresh` ends this.
    """
    configure(connection, statements.SYNCHRONOUS["off"])
    configure(connection, statements.PAGE_SIZE, statements.AUTO_VACUUM)
    configure(connection, statements.JOURNAL_IN_MEMORY)


def finish_fresh(connection: apsw.Connection) -> None:
    """The file is complete: from now on it is in WAL mode, which auto_vacuum had to precede."""
    configure(connection, statements.JOURNAL_WAL)
    expect(connection, *statements.AUTO_VACUUM)
    remove_on_close(connection)


def set_busy(connection: apsw.Connection, seconds: float) -> None:
    """How long a statement may wait for a lock that another program holds. 0 on the event loop."""
    connection.set_busy_timeout(round(seconds * 1000))


def remove_on_close(connection: apsw.Connection) -> None:
    """Let this connection, the last one, remove the WAL when it closes: only after a checkpoint
    that was checked.
    """
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def translate(error: BaseException) -> StorageError:
    """What an apsw error is called here. A StorageError stays what it is; the cause is chained by
    the caller.
    """
    if isinstance(error, StorageError):
        return error
    text = f"{error} ({_code_name(error)})"
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Busy(f"Another program holds the lock on the store file: {text}. Try again.")
    extended = getattr(error, "extendedresult", None)
    # SQLite gives the -shm file its size at once, and has a code of its own for a disk without it.
    if isinstance(error, apsw.FullError) or extended == apsw.SQLITE_IOERR_SHMSIZE:
        return DiskFull(
            f"No space is left for the store: {text}. Free space, then close and reopen the store."
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Corrupted(text)
    if extended == apsw.SQLITE_IOERR_DATA:
        return Corrupted(f"the checksum of a page is wrong: {text}")
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return FileUnusable(
            f"SQLite can't open or write the store's files: {text}. Check their permissions."
        )
    if isinstance(error, apsw.IOError):
        return StorageError(
            f"The disk under the store refused: {text}. Look at its health, its quota and the"
            " bound on a file's size (ulimit -f)."
        )
    return StorageError(f"SQLite refused: {text}")


def _connect(path: str, flags: int, vfs: str | None) -> apsw.Connection:
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_VERSION_MIN:
        wanted = ".".join(map(str, SQLITE_VERSION_MIN))
        raise StorageError(
            f"SQLite {apsw.sqlite_lib_version()} is too old, {wanted} is needed: upgrade apsw."
        )
    try:
        return apsw.Connection(path, flags, vfs, STATEMENT_CACHE_ENTRIES)
    except apsw.Error as error:
        raise translate(error) from error


@contextlib.contextmanager
def _closing_on_error(connection: apsw.Connection) -> Iterator[None]:
    """Close a connection whose preparation failed, and raise the error under our name for it."""
    try:
        yield
    except BaseException as error:
        connection.close(True)
        if isinstance(error, apsw.Error):
            raise translate(error) from error
        raise


def _protect(connection: apsw.Connection) -> None:
    """Refuse what a store never needs, and leave checkpoints to the calls that look at their
    results.
    """
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


def configure(connection: apsw.Connection, *pragmas: statements.Pragma) -> None:
    """Set pragmas in order, and read each one back. Raises FileUnusable where SQLite keeps another
    value.
    """
    for name, value, expected in pragmas:
        connection.execute(statements.PRAGMA_SET.format(name, value)).fetchall()
        expect(connection, name, value, expected)


def expect(connection: apsw.Connection, name: str, _: str, expected: object) -> None:
    """Read a pragma back. A pragma that SQLite lacks on this system answers with no row."""
    rows = connection.execute(statements.PRAGMA_GET.format(name)).fetchall()
    if rows and rows[0][0] != expected:
        raise FileUnusable(
            f"The store needs {name}={expected}, but SQLite keeps {rows[0][0]!r} for this file."
            " Make a copy with `streamstore backup` or VACUUM INTO, and use the copy."
        )


def _code_name(error: BaseException) -> str:
    code = getattr(error, "extendedresult", None)
    if code is None:
        return type(error).__name__
    names = apsw.mapping_extended_result_codes
    found = names.get(code) or apsw.mapping_result_codes.get(code) or code
    return str(found)


# ---- fork: a child has copies of its parent's connections, and must not even close them ----


class Forked(Protocol):
    """What must hear, in a forked child, that its parent's connections are not its own."""

    def forked(self) -> None:
        """Refuse everything from now on, without touching SQLite and without a lock that may be
        held.
        """


_guarded: list[weakref.ref[Any]] = []


def on_fork(thing: Forked) -> None:
    """Have `thing.forked()` called in a forked child, for as long as `thing` lives."""
    # Pruned here, not by a callback of the reference: an interruption inside one would be lost.
    _guarded[:] = [reference for reference in _guarded if reference() is not None]
    _guarded.append(weakref.ref(thing))


def keep_for_ever(thing: Any) -> None:
    """Make an object immortal: a forked child must not even close its parent's connection
    (engine.md 2.7).
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _tell_the_child() -> None:
    for reference in list(_guarded):
        thing = reference()
        if thing is not None:
            thing.forked()
    _guarded.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell_the_child)
