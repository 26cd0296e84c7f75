"""`os` as a mounted disk shows it: the calls that change files are logged, the others pass through.

Stands in a module for the module `os` (Disk.mounted puts it there), so a program's own recipes for
durable files are seen: exclusive creation, writes in place, links, renames, the syncs of files and
of folders.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from .hooks import Call

if TYPE_CHECKING:
    from .mount import Disk

_ERRNO = {"EIO": errno.EIO, "SHORT": errno.EIO, "ENOSPC": errno.ENOSPC, "LOCK": errno.EIO}


class SystemCalls:
    """A module, to its users. What is not below is `os`'s own."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._open: dict[int, str] = {}  # descriptors of files of the disk; "" is the folder

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        """As os.open; a file that it creates is logged."""
        text = os.fspath(path)
        name = "" if text == self._disk.folder else self._disk.name_of(text)
        created = bool(flags & os.O_CREAT) and name is not None and not os.path.exists(text)
        if created and name:
            self._ask("create", name)
        descriptor = os.open(path, flags, mode, **more)
        if name is not None:
            self._open[descriptor] = name
            if created:
                self._disk.log.node(name)
            elif flags & os.O_TRUNC:
                self._disk.log.truncate(name, 0)
        return descriptor

    def close(self, descriptor: int) -> None:
        """As os.close."""
        self._open.pop(descriptor, None)
        os.close(descriptor)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """As os.pwrite."""
        name = self._open.get(descriptor)
        if name:
            self._ask("write", name, offset, bytes(data))
        written = os.pwrite(descriptor, data, offset)
        if name:
            self._disk.log.write(name, offset, bytes(data[:written]))
        return written

    def write(self, descriptor: int, data: bytes) -> int:
        """As os.write."""
        if not self._open.get(descriptor):
            return os.write(descriptor, data)
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        written = self.pwrite(descriptor, data, offset)
        os.lseek(descriptor, offset + written, os.SEEK_SET)
        return written

    def ftruncate(self, descriptor: int, size: int) -> None:
        """As os.ftruncate."""
        name = self._open.get(descriptor)
        if name:
            self._ask("truncate", name, size)
        os.ftruncate(descriptor, size)
        if name:
            self._disk.log.truncate(name, size)

    def fsync(self, descriptor: int) -> None:
        """As os.fsync, of a file or of the folder."""
        name = self._open.get(descriptor)
        if name is None:
            os.fsync(descriptor)
        elif not name:
            self._ask("sync-folder", "")
            self._disk.log.sync_folder()
        else:
            try:
                self._ask("sync", name)
            except OSError:
                self._disk.log.sync(name, failed=True)
                raise
            self._disk.log.sync(name)

    fdatasync = fsync

    def rename(self, old: Any, new: Any) -> None:
        """As os.rename; where it leaves the disk or comes from elsewhere, it is not logged."""
        names = self._names(old, new)
        if names:
            self._ask("rename", names[1])
        os.rename(old, new)
        if names:
            self._disk.log.rename(*names)

    replace = rename

    def link(self, old: Any, new: Any) -> None:
        """As os.link."""
        names = self._names(old, new)
        if names:
            self._ask("link", names[1])
        os.link(old, new)
        if names:
            self._disk.log.link(*names)

    def unlink(self, path: Any) -> None:
        """As os.unlink."""
        name = self._disk.name_of(os.fspath(path))
        if name and os.path.lexists(path):
            self._ask("delete", name)
        os.unlink(path)
        if name:
            self._disk.log.unlink(name)

    remove = unlink

    def _names(self, old: Any, new: Any) -> tuple[str, str] | None:
        one, other = self._disk.name_of(os.fspath(old)), self._disk.name_of(os.fspath(new))
        return (one, other) if one and other else None

    def _ask(self, kind: str, name: str, offset: int = 0, data: bytes = b"") -> None:
        fault = self._disk.ask(Call("system", kind, name, offset, data))
        if fault is not None:
            code = _ERRNO[fault.error]
            raise OSError(code, os.strerror(code), name)
