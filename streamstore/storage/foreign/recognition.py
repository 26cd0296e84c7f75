"""Whether a path belongs to a store, for whoever is about to open it with another library.

Owns the answer, and the trap in finding it: closing any descriptor of a file drops every POSIX lock
that this process holds on it (engine.md 2.5). A file that this process has open as a store is
known by its inode and not opened at all. Of every other file the header is read through a
descriptor that stays open for as long as the process lives, since the file may be a database that
the caller has open already with the standard library's SQLite.

Must not know: what the caller is going to do with the file.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from .. import files

# What lies beside a store under its name. SQLite would make a database of an empty one.
_BESIDE: Final = ("-wal", "-shm", "-journal", ".lock", files.TEMPORARY)
_APPLICATION_ID_AT: Final = 68

_kept: dict[tuple[int, int], int] = {}


def names_store(path: str) -> bool:
    """Whether a path, links followed, is a store's file or one that lies beside a store's."""
    real = os.path.realpath(path)
    # The store's own name first: where that is open here, what lies beside it is not opened either,
    # and its -shm has locks as well.
    names = [*(real.removesuffix(end) for end in _BESIDE if real.endswith(end)), real]
    with files._mutex:
        return any(_is_store(name) for name in names)


def _is_store(path: str) -> bool:
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):
            return False
        inode = facts.st_dev, facts.st_ino
        if inode in files._inodes:
            return True
        if inode not in _kept:
            _kept[inode] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        header = os.pread(_kept[inode], files.HEADER_BYTES, 0)
    except OSError:
        return False
    return (
        header.startswith(files.MAGIC)
        and int.from_bytes(header[_APPLICATION_ID_AT:][:4], "big") == files.APPLICATION_ID
    )
