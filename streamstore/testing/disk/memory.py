"""Images opened in memory: what SQLite's own recovery makes of them.

A VFS over a dict of files, without shared memory: a connection in exclusive locking mode keeps its
wal-index on the heap, so that recovery is the one a lone process goes through. What is read is a
database as SQLite sees it after recovery, every page of it; the files given are not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

NAME = "streamstore-image"
MAIN = "/image"
_SUFFIXES = ("-wal", "-journal")


class RecoveryFailed(Exception):
    """SQLite can't open the image, or can't read it to its end."""


class MemoryFile:
    """A file: bytes until somebody writes, then a copy of them."""

    def __init__(self, files: dict[str, Any], name: str) -> None:
        self._files, self._name = files, name
        self._content = files.setdefault(name, b"")

    def _own(self) -> bytearray:
        content = self._content
        if not isinstance(content, Owned):
            content = self._content = self._files[self._name] = Owned(content)
        return content

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return self._content[offset : offset + amount]  # type: ignore[no-any-return]

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        content = self._own()
        if offset > len(content):
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data

    def xTruncate(self, size: int) -> None:  # noqa: N802
        del self._own()[size:]

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Nothing is durable here."""

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._content)

    def xLock(self, level: int) -> None:  # noqa: N802
        """Nobody else is here."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Nobody else is here."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:  # noqa: N802
        """The dict keeps it."""


class Owned(bytearray):
    """A copy that may be written to."""


class MemoryVFS(apsw.VFS):
    """The dict of the image that is open now."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        super().__init__(NAME, "unix")

    def xOpen(self, name: Any, flags: Any) -> Any:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return MemoryFile(self.files, str(path))

    def xAccess(self, path: str, flags: int) -> bool:  # noqa: N802
        return path in self.files

    def xDelete(self, path: str, sync_folder: bool) -> None:  # noqa: N802
        self.files.pop(path, None)

    def xFullPathname(self, path: str) -> str:  # noqa: N802
        return path


_vfs: list[MemoryVFS] = []


def recover(files: Mapping[str, bytes | bytearray], main: str) -> bytes | None:
    """The database that opening `main` of an image would find, as one file's bytes; None if there
    is none (no file of that name, or an empty one). Not for two threads at once.

    Raises RecoveryFailed.
    """
    content = files.get(main)
    if not content:
        return None
    if not _vfs:
        _vfs.append(MemoryVFS())
    opened: dict[str, Any] = {MAIN: content}
    for suffix in _SUFFIXES:
        beside = files.get(main + suffix)
        if beside is not None:
            opened[MAIN + suffix] = beside
    _vfs[0].files = opened
    try:
        connection = apsw.Connection(MAIN, apsw.SQLITE_OPEN_READWRITE, NAME, 0)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            # Read once, for serialize says nothing of what it can't read.
            connection.execute("PRAGMA schema_version").fetchall()
            recovered = connection.serialize("main")
            if not recovered:
                raise RecoveryFailed("its pages can't be read")
            return recovered
        finally:
            connection.close(True)
    except apsw.Error as error:
        raise RecoveryFailed(f"{type(error).__name__}: {error}") from error


def logical(content: bytes) -> tuple[str, tuple[Any, ...]]:
    """What a database says of its integrity, and every row of every table, with the schema."""
    connection = apsw.Connection(":memory:")
    try:
        connection.deserialize("main", as_rollback(content))
        verdict: Any = connection.execute("PRAGMA integrity_check").fetchall()[0][0]
        schema: list[Any] = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"
        ).fetchall()
        facts: list[Any] = [tuple(schema)]
        facts += connection.execute("PRAGMA user_version").fetchall()
        facts += connection.execute("PRAGMA application_id").fetchall()
        for kind, name, _ in schema:
            if kind == "table":
                quoted = name.replace('"', '""')
                rows: list[Any] = connection.execute(f'SELECT * FROM "{quoted}"').fetchall()
                facts.append((name, tuple(sorted(rows, key=repr))))
        return str(verdict), tuple(facts)
    except apsw.Error as error:
        return f"{type(error).__name__}: {error}", ()
    finally:
        connection.close(True)


def as_rollback(content: bytes) -> bytes:
    """The same database, marked as not being in WAL mode, which memory hasn't."""
    return content[:18] + b"\x01\x01" + content[20:]
