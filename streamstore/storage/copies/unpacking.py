"""A new store's file out of a backup: built under a temporary name, renamed when it is complete.

Owns: the order of steps, so that a crash at any of them leaves no store or the whole of one. Must
not know: what is renewed in it; that is handed in.

The target's lock is held all the while (files.claim). A backup of an older schema revision is
migrated on the way, without another copy of it: the backup is the copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import apsw

from ...config import Settings
from ...errors import FileUnusable, StorageError
from .. import failpoints, files, migrate
from ..connection import open_plain, open_writer, translate
from .backup import copy_into, look, reading, verified

# Nothing is synced before the file is complete: it is thrown away unless it is.
_UNSYNCED = Settings(durability="off")


def unpack(
    backup: str | os.PathLike[str],
    target: str | os.PathLike[str],
    renew: Callable[[apsw.Connection], None],
) -> files.Claim:
    """Make a store at `target`, where there is none, of a verified backup (or of a live store).

    `renew` is given the writing connection of the unfinished file, in WAL mode; it leaves
    everything committed and in the file itself, and closes it. Returns the claim of the new store,
    to be released. Raises FileUnusable if `target` exists, FileLocked if somebody owns it, and
    Corrupted, FileForeign or FileTooNew for the backup; there is no file at `target` then.
    """
    real = files.resolve(target)
    _refuse_existing(real)
    with reading(backup) as source:
        found = verified(source)[0]

        def build(temporary: str) -> None:
            copy_into(source, temporary)
            failpoints.hit("backup-unpacked")
            if found < migrate.REVISION:
                _migrate(temporary, found)
            renew(open_writer(temporary, _UNSYNCED))
            failpoints.hit("backup-renewed")
            reached = look(temporary, verified)[0]
            if reached != migrate.REVISION or files.wal_bytes(temporary):
                raise StorageError(f"{real} was not written as it should be. Try again.")

        claim = files.claim(real, build)
    if not claim.fresh:
        claim.release()
        _refuse_existing(real)
    return claim


def _refuse_existing(target: str) -> None:
    if os.path.exists(target) and os.stat(target).st_size:
        raise FileUnusable(
            f"{target} exists already. Give a path where nothing is, or move it away; a file that"
            " another tool put there is taken over with `streamstore restore --adopt`."
        )


def _migrate(temporary: str, found: int) -> None:
    connection = open_plain(temporary)
    try:
        steps = migrate.render(migrate.scripts_folder(), found, migrate.REVISION)
        migrate.upgrade(connection, steps, migrate.REVISION)
    except apsw.Error as error:
        raise translate(error) from error
    finally:
        connection.close(True)
