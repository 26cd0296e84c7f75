"""Backups: one file that holds a store as it was at one commit, made beside whoever writes to it.

Owns: which connection copies, what is checked before the copy gets its name, and what it may be
written over. Must not know: what is in the tables.

The copy is VACUUM INTO on a connection of its own, opened read-only: one read transaction, so the
copy is one commit's state; beside an owner in this or another process, server or embedded, since
a reader in WAL mode stops nobody. The backup API was the other choice: beside a writer of another
process it starts again at every commit. The price is that the log can't be reset while the copy
runs, so it grows by what is written meanwhile.

A backup is one file in rollback-journal mode: it needs no log beside it, can lie on read-only
media, and opening it to look changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import apsw

from ...errors import Corrupted, FileForeign, FileTooNew, FileUnusable, StorageError
from .. import failpoints, files, statements, statements_streams
from ..connection import configure, open_plain, open_reader, remove_on_close, translate
from ..guards import checksums
from ..maintenance import identity
from ..migrate import REVISION

FAULTS_TOLD_MAX: Final = 3


class Copied(NamedTuple):
    """A verified copy: its path, size in bytes, schema revision and sequence counter."""

    path: str
    bytes: int
    revision: int
    sequence: int


def back_up(
    source: str, target: str | os.PathLike[str], *, force: bool = False, checksum: bool = False
) -> Copied:
    """Copy the store at `source` to `target`: mode 0600, synced, verified, then renamed.

    Safe beside an owner, of this process or another. `force` overwrites an earlier backup, never a
    store. `checksum`: the copy's pages carry checksums, as they do anyhow where the source's do,
    and so will a store that is restored from it. Raises FileUnusable if `target` exists,
    FileForeign or FileTooNew for a source that is no store of ours, Corrupted where the copy
    doesn't pass; there is no file at `target` then.
    """
    if checksum:
        checksums.load()  # before the connection, since the copy is written through its file system
    with reading(source) as connection:
        if checksum:
            checksums.reserve(connection)
        return _copy(connection, target, force, os.path.realpath(source))


def back_up_memory(
    connection: apsw.Connection, target: str | os.PathLike[str], *, force: bool = False
) -> Copied:
    """The same of a store in memory, on its one connection, under its writer's lock."""
    return _copy(connection, target, force, None)


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[apsw.Connection]:
    """A connection to a store's file or a backup that changes nothing about it, and sees its log.

    Raises FileUnusable, FileForeign, FileTooNew or another StorageError.
    """
    claim = files.claim_foreign(files.resolve(path))
    try:
        connection = open_reader(claim.path, foreign=True)
        try:
            # What is opened read-only stays so; VACUUM INTO is refused where query_only is on.
            configure(connection, ("query_only", "OFF", 0))
            application, found = identity(connection)
            if application != files.APPLICATION_ID or found < 1:
                raise FileForeign(claim.path, "a SQLite database of another program")
            if found > REVISION:
                raise FileTooNew(found, REVISION)
            yield connection
        except apsw.Error as error:
            raise translate(error) from error
        finally:
            connection.close(True)
    finally:
        claim.release()


def copy_into(connection: apsw.Connection, temporary: str) -> None:
    """Write what this connection sees into a reserved, empty file."""
    try:
        connection.execute(statements.VACUUM_INTO, (temporary,)).fetchall()
    except apsw.Error as error:
        raise translate(error) from error


def verified(connection: apsw.Connection) -> tuple[int, int]:
    """The whole of SQLite's integrity check; returns schema revision and sequence counter.

    Raises Corrupted with what the check found, FileForeign for another program's database.
    """
    try:
        rows = connection.execute(statements.INTEGRITY_CHECK).fetchall()
        if rows != [("ok",)]:
            raise Corrupted("; ".join(str(row[0]) for row in rows[:FAULTS_TOLD_MAX]))
        application, revision = identity(connection)
        if application != files.APPLICATION_ID:
            raise FileForeign(connection.filename, "a SQLite database of another program")
        return revision, _counter(connection)
    except apsw.Error as error:
        raise translate(error) from error


def look(path: str, inspect: Callable[[apsw.Connection], tuple[int, int]]) -> tuple[int, int]:
    """`inspect` a file that nobody else has open, and leave nothing beside it."""
    connection = open_plain(path)
    try:
        remove_on_close(connection)
        return inspect(connection)
    finally:
        connection.close(True)


def _copy(
    connection: apsw.Connection, target: str | os.PathLike[str], force: bool, source: str | None
) -> Copied:
    real = files.resolve(target)
    if force and os.path.exists(real):
        _refuse_store(real, source)
    elif os.path.exists(real):
        raise FileUnusable(f"{real} exists already, and is not overwritten.")
    revision = identity(connection)[1]
    counter = _counter(connection)
    with files.new_file(real, replace_empty=force) as temporary:
        copy_into(connection, temporary)
        failpoints.hit("backup-copied")
        found, reached = look(temporary, verified)
        # Everything that was committed before the copy began must be in it.
        if found != revision or reached < counter:
            raise StorageError(f"The copy {real} is not what it was made of. Try again.")
    return Copied(real, os.stat(real).st_size, revision, reached)


def _refuse_store(target: str, source: str | None) -> None:
    """What may be overwritten is an earlier backup: no store, open or not, and nobody else's file.

    A store has a lock file beside it that is never removed, and a log while it is open. A new file
    under an old log would be damaged by it.
    """
    if target == source:
        raise FileUnusable(f"{target} is the store itself. Give another path.")
    for suffix in (".lock", "-wal", "-journal"):
        if os.path.exists(beside := target + suffix):
            raise FileUnusable(
                f"{target} is a store, since {beside} lies beside it: it is not overwritten."
            )
    files.claim_foreign(target).release()


def _counter(connection: apsw.Connection) -> int:
    rows: list[Any] = connection.execute(statements_streams.SEQUENCE).fetchall()
    return int(rows[0][0]) if rows else 0
