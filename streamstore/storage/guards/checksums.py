"""A checksum in every page: SQLite's own cksumvfs, for files that are made with it.

Owns: loading the extension, the reserved bytes that hold the checksums, and the question whether a
connection verifies. Must not know: which files have them; their header says so.

Why this one: it is SQLite's, it sees every page that is read, from the file or from the log,
whatever it holds (items, indexes, the trees themselves, freelists), and costs the rooms above
nothing to know. Checksums in each stored body would leave keys, trees and counters bare.

The extension puts itself in front of the default file system of this process. Files without
checksums pass through it untouched, and a process that never meets a file with them never loads it.
It goes by one byte of the header, and where that byte is damaged it silently stops to verify. So
`verifies` is asked at open, after each read transaction and before each COMMIT, and a fact in the
store says that it must.
"""

from __future__ import annotations

import threading
from typing import Final

import apsw

from ...errors import Corrupted, FileUnusable

RESERVED_BYTES: Final = 8
_RESERVED_AT: Final = 20  # in the file's header
_EXTENSION: Final = "cksumvfs"
_VERIFIES: Final = "PRAGMA checksum_verification"
_ON: Final = [("1",)]

_gate = threading.Lock()
_loaded = False


def load() -> None:
    """Put checksums in front of every file that this process opens from now on and that has them.

    Raises FileUnusable where this build of apsw comes without the extension.
    """
    import apsw.sqlite_extra  # most processes never need it

    global _loaded
    with _gate:
        if _loaded:
            return
        try:
            path = apsw.sqlite_extra.path(_EXTENSION)
        except apsw.sqlite_extra.NotAvailable as error:
            raise FileUnusable(
                "This installation of apsw has no cksumvfs, which page checksums need: install"
                " apsw from PyPI."
            ) from error
        connection = apsw.Connection(":memory:")
        try:
            connection.enable_load_extension(True)
            connection.load_extension(str(path))
        finally:
            connection.close()
        _loaded = True


def marked(header: bytes) -> bool:
    """Whether a file's first bytes say that its pages carry checksums."""
    return header[_RESERVED_AT] == RESERVED_BYTES


def reserve(connection: apsw.Connection) -> None:
    """Have a database without tables, or one that is made by VACUUM INTO, carry checksums."""
    import ctypes

    load()
    count = ctypes.c_int(RESERVED_BYTES)
    connection.file_control("main", apsw.SQLITE_FCNTL_RESERVE_BYTES, ctypes.addressof(count))


def verifies(connection: apsw.Connection) -> bool:
    """Whether pages are verified. The answer is that of the header's newest reading: 2 µs."""
    return connection.execute(_VERIFIES, can_cache=False).fetchall() == _ON


def demand(connection: apsw.Connection) -> None:
    """Raise Corrupted if a file that has checksums is not verified any more."""
    if not verifies(connection):
        raise unverified()


def unverified() -> Corrupted:
    """What is said of a file that has checksums and whose header doesn't say so any more."""
    return Corrupted("its header no longer says that its pages carry checksums")
