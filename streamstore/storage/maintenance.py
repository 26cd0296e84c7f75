"""Checkpoints, and giving the disk back: what a store does to its file besides writing to it.

Owns: when the WAL is moved into the file, and by which explicit, checked call; incremental vacuum;
copies. Must not know: tables, or whose thread calls it.

Every checkpoint is a call on the writer's connection, under its lock and behind those who wait, and
its result is looked at (engine.md 2.3). An error other than Busy latches the store: frames that
were written to the file but not synced might be overwritten in the WAL next.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import apsw

from ..errors import Busy, StorageError
from ..limits import (
    BUSY_SECONDS_OPEN,
    CHECKPOINT_PASSIVE_WAL_BYTES,
    CHECKPOINT_RESTART_SECONDS,
    CHECKPOINT_RESTART_WAL_BYTES,
    PAGE_SIZE_BYTES,
    VACUUM_FREE_BYTES,
    VACUUM_FREE_FRACTION,
)
from . import failpoints, files, statements
from .connection import open_plain, remove_on_close, set_busy, translate
from .writer import Writer
from .writer.commit import WAL_FRAME_BYTES

log = logging.getLogger("streamstore.storage")


class Checkpoint(NamedTuple):
    """What a checkpoint found: frames in the WAL, and how many of them are in the file now."""

    frames: int
    moved: int


def checkpoint(connection: apsw.Connection, mode: int, busy_seconds: float) -> Checkpoint:
    """One explicit checkpoint, `mode` of SQLITE_CHECKPOINT_*. Raises Busy or another StorageError.

    On a connection that has read nothing yet the call does nothing and answers (-1, -1); that is an
    error here.
    """
    failpoints.hit("checkpoint-before")
    try:
        set_busy(connection, busy_seconds)
        connection.execute(statements.TOUCH).fetchall()
        result = Checkpoint(*connection.wal_checkpoint(mode=mode))
    except apsw.Error as error:
        raise translate(error) from error
    if result.frames < 0 or (mode == apsw.SQLITE_CHECKPOINT_TRUNCATE and result != (0, 0)):
        raise StorageError(f"A checkpoint answered {tuple(result)}: it did not run to its end.")
    failpoints.hit("checkpoint-after")
    return result


def make_wal_durable(
    connection: apsw.Connection, path: str, busy_seconds: float = BUSY_SECONDS_OPEN
) -> bool:
    """Before the first acknowledged write after an open: everything in the WAL is on the disk
    (engine.md 2.2).

    What an earlier process wrote and could not sync may be in the system's cache only, marked
    clean: no sync writes it any more. So the WAL's own bytes are written again in place and synced,
    and only then moved into the file by a TRUNCATE checkpoint. The checkpoint alone would do, had
    it not a middle: a power loss there leaves pages of a transaction in the file whose frames the
    disk never had. Where a reader of another process keeps the WAL in use, it stays, and False
    tells of that. Raises Busy or another StorageError.

    The folder is synced too: SQLite does that for a WAL that it has created, at its first sync, but
    not for one that was there, created and never synced by a process that was killed.
    """
    if files.wal_bytes(path):
        _rewrite_wal(connection, path)
    files.sync_entries(path)
    try:
        checkpoint(connection, apsw.SQLITE_CHECKPOINT_TRUNCATE, busy_seconds)
    except Busy:
        log.warning(
            "a reader of another process holds the WAL of %s: it was made durable in place", path
        )
        return False
    return True


def _rewrite_wal(connection: apsw.Connection, path: str) -> None:
    """Under SQLite's write lock, so that nobody writes meanwhile."""
    try:
        connection.execute(statements.BEGIN_IMMEDIATE)
        try:
            files.rewrite_wal(path)
        finally:
            connection.execute(statements.ROLLBACK)
    except apsw.Error as error:
        raise translate(error) from error


def finish(connection: apsw.Connection) -> None:
    """Before the writer closes: leave one file without a WAL, unless a reader elsewhere still uses
    it.
    """
    try:
        checkpoint(connection, apsw.SQLITE_CHECKPOINT_TRUNCATE, CHECKPOINT_RESTART_SECONDS)
    except Busy:
        return
    remove_on_close(connection)


def vacuum_into(path: str, target: str, *, vfs: str | None = None) -> None:
    """A compact copy of the store at a path that doesn't exist yet: mode 0600, synced, verified,
    then renamed.

    Safe beside a live writer, of this process or another. Raises FileUnusable if `target` exists.
    """
    with files.new_file(files.resolve(target)) as temporary:
        connection = open_plain(path, vfs=vfs)
        try:
            connection.execute(statements.VACUUM_INTO, (temporary,)).fetchall()
        except apsw.Error as error:
            raise translate(error) from error
        finally:
            connection.close(True)
        verify(temporary)


def verify(path: str) -> tuple[int, int]:
    """Check a file that nobody has open; returns its application id and its revision. Raises
    Corrupted.
    """
    connection = open_plain(path)
    try:
        remove_on_close(connection)
        found = connection.execute(statements.QUICK_CHECK).fetchall()[0][0]
        if found != "ok":
            raise translate(apsw.CorruptError(found))
        return identity(connection)
    except apsw.Error as error:
        raise translate(error) from error
    finally:
        connection.close(True)


def identity(connection: apsw.Connection) -> tuple[int, int]:
    """The application id and the schema revision."""
    application: Any = connection.execute(statements.APPLICATION_ID_GET).fetchall()[0][0]
    revision: Any = connection.execute(statements.REVISION_GET).fetchall()[0][0]
    return application, revision


class Maintenance:
    """The bounded pieces of work on one open file; each answers whether there is more to do now."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.checkpoints = self.checkpoints_busy = 0
        writer.wal_alarm_bytes = CHECKPOINT_PASSIVE_WAL_BYTES

    def checkpoint_piece(self) -> bool:
        """PASSIVE from 4 MiB of WAL on, RESTART within 100 ms from 64 MiB on. Never more to do at
        once.
        """
        if self._writer.wal_bytes >= CHECKPOINT_PASSIVE_WAL_BYTES:
            self.checkpoint()
        return False

    def checkpoint(self) -> Checkpoint:
        """A PASSIVE checkpoint now, and a RESTART where readers let the WAL grow large."""
        return self._writer.exclusive(self._checkpoint)

    def _checkpoint(self, connection: apsw.Connection) -> Checkpoint:
        writer = self._writer
        result = checkpoint(connection, apsw.SQLITE_CHECKPOINT_PASSIVE, 0)
        self.checkpoints += 1
        if result.frames * WAL_FRAME_BYTES >= CHECKPOINT_RESTART_WAL_BYTES:
            try:
                mode = apsw.SQLITE_CHECKPOINT_RESTART
                result = checkpoint(connection, mode, CHECKPOINT_RESTART_SECONDS)
            except Busy:
                self.checkpoints_busy += 1
        writer.wal_bytes = (result.frames - result.moved) * WAL_FRAME_BYTES
        writer.wal_alarm_bytes = writer.wal_bytes + CHECKPOINT_PASSIVE_WAL_BYTES
        return result

    def vacuum_piece(self, *, all_free: bool = False) -> bool:
        """Give up to 256 free pages back, once 10 % and 1 MiB of the file are free, or with
        `all_free` any.

        The file shrinks at the next checkpoint, which the last piece calls.
        """
        more, freed = self._writer.run(lambda group: _vacuum(group, all_free))
        if freed and not more:
            self.checkpoint()
        return bool(more)

    def compact(self) -> None:
        """Give every free page back, and truncate the WAL. Raises Busy where a reader elsewhere
        uses it.
        """
        while self.vacuum_piece(all_free=True):
            pass
        self._writer.exclusive(_truncate)
        self._writer.wal_bytes = 0


def _truncate(connection: apsw.Connection) -> Checkpoint:
    return checkpoint(connection, apsw.SQLITE_CHECKPOINT_TRUNCATE, BUSY_SECONDS_OPEN)


def _vacuum(group: Any, all_free: bool) -> tuple[bool, int]:
    """One piece, as a unit: whether there is more to do, and the pages given back."""
    before = _free_pages(group, all_free)
    if not before:
        return False, 0
    # Drained by `all`: undrained it frees one page.
    group.tx.all(statements.INCREMENTAL_VACUUM)
    left: int = group.tx.one(statements.FREE_PAGES)[0]
    freed = before - left
    return freed > 0 and _free_pages(group, all_free) > 0, freed


def _free_pages(group: Any, all_free: bool) -> int:
    """How many pages are free, or 0 where they are too few to bother."""
    free: int = group.tx.one(statements.FREE_PAGES)[0]
    pages: int = group.tx.one(statements.PAGE_COUNT)[0]
    many = free > pages * VACUUM_FREE_FRACTION and free * PAGE_SIZE_BYTES > VACUUM_FREE_BYTES
    return free if many or all_free else 0
