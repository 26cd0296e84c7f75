"""A disk under a folder: while it is mounted, what this process does there is logged, and may fail.

Owns: the hook through which every operation passes before it is made, and the mounting: a VFS for
SQLite (vfs.py) that is the process's default meanwhile, and `SystemCalls` in place of the module
`os` in the modules named, for the files that a program makes, renames and syncs by itself. Must not
know: SQL, or whose files these are.

The files are real ones, so that SQLite's shared memory works and many connections may be open: put
the folder on a tmpfs (`/dev/shm`), where a sync costs nothing. What is written through `-shm` or a
memory map is not seen; neither outlives a power loss.

One disk can be mounted at a time in a process.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

import apsw

from .calls import SystemCalls
from .hooks import Call, Fault, Hook
from .log import Log
from .vfs import DiskVFS

UNSEEN: Final = ("-shm",)


class Disk:
    """A folder, the log of what is done in it, and a hook. What is in the folder now is durable."""

    def __init__(self, folder: str, *, log: Log | None = None) -> None:
        self.folder = os.path.realpath(folder)
        self._prefix = self.folder + os.sep
        self.log = log or Log()
        self.base: dict[str, bytes] = {}
        self.hook: Hook | None = None
        self.looks = False  # whether the hook wants to see LOOKING operations as well
        if log is None:
            for name, content in contents(self.folder).items():
                self.base[name] = content
                self.log.adopt(name)

    def name_of(self, path: str | None) -> str | None:
        """A path's name on this disk, or None where it is not there or is not watched."""
        if path is None or not path.startswith(self._prefix) or path.endswith(UNSEEN):
            return None
        return path[len(self._prefix) :]

    def path_of(self, name: str) -> str:
        """The other way round."""
        return self._prefix + name

    def ask(self, call: Call) -> Fault | None:
        """What the hook says of an operation, before it is made."""
        return self.hook(call) if self.hook is not None else None

    @contextmanager
    def mounted(self, *modules: ModuleType) -> Iterator[Disk]:
        """Watch SQLite and these modules' calls of `os`."""
        default = apsw.vfs_names()[0]
        vfs = DiskVFS(self)
        calls: Any = SystemCalls(self)
        real = [module.__dict__["os"] for module in modules]
        try:
            for module in modules:
                module.__dict__["os"] = calls
            yield self
        finally:
            for module, was in zip(modules, real, strict=True):
                module.__dict__["os"] = was
            vfs.unregister()
            # Whoever registered one meanwhile stands first now, wanted or not.
            apsw.set_default_vfs(default)


def contents(folder: str, names: Collection[str] | None = None) -> dict[str, bytes]:
    """The files of a folder by name (or these of them), without those that no power loss leaves."""
    found = {}
    for entry in os.scandir(folder):
        if names is not None and entry.name not in names:
            continue
        if entry.is_file(follow_symlinks=False) and not entry.name.endswith(UNSEEN):
            descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found[entry.name] = os.pread(descriptor, entry.stat().st_size, 0)
            finally:
                os.close(descriptor)
    return found


def fill(folder: str, files: dict[str, bytes]) -> None:
    """Make a folder hold these files, and nothing else."""
    os.makedirs(folder, exist_ok=True)
    for entry in list(os.scandir(folder)):
        if entry.name not in files:
            os.unlink(entry.path)
    for name, content in files.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(os.path.join(folder, name), flags, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
