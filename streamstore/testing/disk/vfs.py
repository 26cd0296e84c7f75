"""The VFS of a mounted disk: SQLite's operations are shown to the disk's hook, made, and logged.

Files of other folders pass by unseen. A failure is raised as SQLite's own unix VFS would report it.

What the unix VFS does below us without telling is modelled here: when it has created a write-ahead
log or a journal, the first sync of that file syncs the folder too (UNIXFILE_DIRSYNC). One thing
differs and can't be helped: an error raised in Python comes up where SQLite itself would swallow
it, as it does in automatic checkpoints.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import apsw

from .hooks import Call

if TYPE_CHECKING:
    from .mount import Disk

NAME = "streamstore-disk"
_SYNCS_ITS_ENTRY = (
    apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
_CODES = {
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "lock": apsw.SQLITE_IOERR_LOCK,
}


def error_of(kind: str, error: str) -> apsw.Error:
    """What SQLite calls that failure of that operation."""
    if error == "ENOSPC":
        return apsw.FullError("the disk is full")
    if kind == "create":
        return apsw.CantOpenError("the disk failed")
    if error == "LOCK":
        return apsw.BusyError("the lock is held")
    failure: Any = apsw.IOError(f"the disk failed in a {kind}")
    failure.extendedresult = _CODES[kind]
    return failure  # type: ignore[no-any-return]


class DiskFile(apsw.VFSFile):
    """One open file of the disk."""

    def __init__(self, path: str, name: str, filename: Any, flags: Any, disk: Disk) -> None:
        self._name, self._disk = name, disk
        wanted = flags[0]
        created = bool(wanted & apsw.SQLITE_OPEN_CREATE) and not os.path.exists(path)
        if created:
            self._ask("create")
        super().__init__("unix", filename, flags)
        if created:
            disk.log.node(name)
        self._entry_owed = created and bool(wanted & _SYNCS_ITS_ENTRY)

    def _ask(self, kind: str, offset: int = 0, data: bytes = b"", size: int = 0) -> bool:
        """Show it to the hook and raise what it says; True where it is to end half way."""
        disk = self._disk
        if disk.hook is None:
            return False
        fault = disk.hook(Call("sqlite", kind, self._name, offset, data, size))
        if fault is None:
            return False
        if fault.error == "SHORT":
            return True
        if kind == "sync":
            disk.log.sync(self._name, failed=True)
        raise error_of(kind, fault.error)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        short = self._disk.looks and self._ask("read", offset, size=amount)
        if short:
            return super().xRead(amount // 2, offset)
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        data = bytes(data)
        if self._ask("write", offset, data):
            half = data[: len(data) // 2]
            super().xWrite(half, offset)
            self._disk.log.write(self._name, offset, half)
            raise error_of("write", "EIO")
        super().xWrite(data, offset)
        self._disk.log.write(self._name, offset, data)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._ask("truncate", size)
        super().xTruncate(size)
        self._disk.log.truncate(self._name, size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._ask("sync")
        # The real call is left out: on a tmpfs it does nothing, elsewhere it only costs time.
        self._disk.log.sync(self._name)
        if self._entry_owed:
            self._entry_owed = False
            self._disk.log.sync_folder()

    def xLock(self, level: int) -> None:  # noqa: N802
        if self._disk.looks:
            self._ask("lock", level)
        super().xLock(level)


class DiskVFS(apsw.VFS):
    """SQLite's default VFS while the disk is mounted."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(NAME, "unix", makedefault=True)

    def xOpen(self, name: Any, flags: Any) -> apsw.VFSFile:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        known = self._disk.name_of(path)
        if known is None:
            return apsw.VFSFile("unix", name, flags)
        assert path is not None
        return DiskFile(path, known, name, flags, self._disk)

    def xDelete(self, path: str, sync_folder: bool) -> None:  # noqa: N802
        known = self._disk.name_of(path)
        if known is None:
            super().xDelete(path, sync_folder)
            return
        fault = self._disk.ask(Call("sqlite", "delete", known))
        if fault is not None:
            if known.endswith("-wal"):
                # SQLite does this while it closes, and looks at no result; raised here, it would
                # come up as if it did.
                return
            raise error_of("delete", fault.error)
        super().xDelete(path, sync_folder)
        self._disk.log.unlink(known)
        if sync_folder:
            self._disk.log.sync_folder()
