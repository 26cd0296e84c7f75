"""The files of a store: where they may lie, who owns them, and how a durable one is made.

Owns: path, lock file, creation, sniffing, renaming, syncing, the WAL's bytes, and what a forked
child must do. Must not know: SQL, or what is in the file beyond its first hundred bytes.

The trap that shapes this module (engine.md 2.5): POSIX locks belong to a process and an inode, and
closing *any* descriptor of that inode drops them all. So the store file is opened here only while
no connection of this process has it open, which `_inodes` knows, under `_mutex`; the WAL and the
lock file carry no such locks. Nothing else in the package opens files of a store.

One owner a file: `flock` on `PATH.lock`, which is never unlinked, against other processes;
`_inodes` against other Stores of this one. The lock file's own form is in guards/lock.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final

from ..errors import FileForeign, FileLocked, FileUnusable
from . import failpoints
from .connection import on_fork
from .guards import checksums, lock
from .guards.lock import read_owner as read_owner
from .places import refuse_network, refuse_platform, unusable

log = logging.getLogger("streamstore.storage")

APPLICATION_ID: Final = 0x53545231  # "STR1", in the file's header
HEADER_BYTES: Final = 100
MAGIC: Final = b"SQLite format 3\x00"
COPY_BYTES: Final = 1 << 20
TEMPORARY: Final = ".streamstore-new"


_mutex = threading.RLock()
_inodes: dict[tuple[int, int], list[Claim]] = {}


class Claim:
    """A file that this process has open through SQLite. `owner`: it may write, and holds the lock
    file.
    """

    def __init__(
        self, path: str, inode: tuple[int, int], held: int | None, fresh: bool, checksums: bool
    ) -> None:
        self.path = path
        self.inode = inode
        self.owner = held is not None
        self.fresh = fresh
        self.checksums = checksums
        self._lock = held
        _inodes.setdefault(inode, []).append(self)
        on_fork(self)

    def announce(self, url: str | None) -> None:
        """Write this process and its endpoint into the lock file, for those whom it refuses."""
        if self._lock is not None:
            try:
                lock.announce(self._lock, url)
            except OSError as error:
                raise unusable(self.path, error) from error

    def mark(self, store_id_hex: bytes, counter: int) -> None:
        """Write how far the store has come into the lock file: see guards/lock."""
        if self._lock is not None:
            lock.write_mark(self._lock, store_id_hex, counter)

    def clear_mark(self) -> None:
        """Leave no mark in the lock file."""
        if self._lock is not None:
            lock.clear_mark(self._lock)

    def release(self) -> None:
        """Give the file up, after every connection to it is closed. Twice is once."""
        with _mutex:
            claims = _inodes.get(self.inode, [])
            if self in claims:
                claims.remove(self)
                if not claims:
                    del _inodes[self.inode]
            if self._lock is not None:
                lock.give_up(self._lock)
                self._lock = None

    def forked(self) -> None:
        """Close the child's copy of the lock's descriptor: the parent's keeps the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


# ---- where a store may lie ----


def resolve(path: str | os.PathLike[str]) -> str:
    """The absolute path, links followed. Raises FileUnusable where no store can be."""
    refuse_platform(sys.platform)
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\x00" in text:
        raise FileUnusable(f"{text!r} is not a path. Give the path of a file, or ':memory:'.")
    real = os.path.realpath(text)
    folder = os.path.dirname(real)
    if os.path.isdir(real):
        raise FileUnusable(f"{real} is a folder. Give the path of a file in it.")
    if not os.path.isdir(folder):
        raise FileUnusable(f"The folder {folder} does not exist. Create it first.")
    refuse_network(folder, _mountinfo())
    return real


def _mountinfo() -> str:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


# ---- who owns a store ----


def claim(path: str, build: Callable[[str], None]) -> Claim:
    """Own the file at a resolved `path`; `build(temporary)` makes the content of one that isn't
    there yet.

    Raises FileLocked, FileForeign or FileUnusable; the file is untouched then.
    """
    with _mutex:
        _refuse_second_owner(path)
        taken = lock.take(path)
        try:
            fresh = not _exists(path)
            if fresh:
                _make(path, build)
            made = Claim(path, _inode(path), taken, fresh, _looked_at(path))
        except BaseException:
            os.close(taken)
            raise
        try:
            made.announce(None)
        except BaseException:
            made.release()
            raise
        return made


def claim_foreign(path: str) -> Claim:
    """Look at a file that somebody else may own: sniffed, but not locked (read_only=True)."""
    with _mutex:
        if not _exists(path):
            raise FileUnusable(f"{path} does not exist, and read_only=True creates nothing.")
        return Claim(path, _inode(path), None, False, _looked_at(path))


def _refuse_second_owner(path: str) -> None:
    if os.path.exists(path):
        for other in _inodes.get(_inode(path), []):
            if other.owner:
                raise FileLocked(path, f"another Store of this process ({os.getpid()})")


# ---- what a store's file is ----


def _exists(path: str) -> bool:
    """Whether there is content. An empty file is nobody's: it becomes a store, as it would become a
    database.
    """
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unusable(path, error) from error
    if not stat.S_ISREG(facts.st_mode):
        raise FileUnusable(f"{path} is not a regular file. Give the path of a file.")
    if facts.st_nlink > 1:
        raise FileUnusable(
            f"{path} has {facts.st_nlink} hard links; under each name SQLite would look for another"
            " write-ahead log. Remove the others, or make a copy."
        )
    return facts.st_size > 0


def _inode(path: str) -> tuple[int, int]:
    facts = os.stat(path)
    return facts.st_dev, facts.st_ino


def _looked_at(path: str) -> bool:
    """Refuse what is not a store; whether its pages carry checksums. A file that this process has
    open is not opened here: it was looked at before.
    """
    for other in _inodes.get(_inode(path), ()):
        return other.checksums
    return _sniff(path)


def _sniff(path: str) -> bool:
    """Refuse what is not a store, before SQLite sees it. Only while this process hasn't the file
    open. Checksums are loaded for a file whose pages carry them.
    """
    assert _inode(path) not in _inodes, "opening it would cancel SQLite's locks"
    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError as error:
        raise unusable(path, error) from error
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise FileForeign(path, "a file of another kind")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise FileForeign(path, "a SQLite database of another program")
    if not checksums.marked(header):
        return False
    checksums.load()
    return True


# ---- durable new files ----


def reserve(path: str) -> None:
    """Create an empty file for this user only, before SQLite sees it. Raises FileUnusable if it
    exists.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise FileUnusable(f"{path} exists already, and is not overwritten.") from error
    except OSError as error:
        raise unusable(path, error) from error


@contextlib.contextmanager
def new_file(path: str, *, replace_empty: bool = False) -> Iterator[str]:
    """A temporary path to build at; on leaving it is synced, renamed to `path`, and the rename is
    synced.

    The temporary file has mode 0600. Its name is fixed, so that what a crash left is found and
    removed.
    """
    temporary = path + TEMPORARY
    try:
        _remove_database(temporary)
    except OSError as error:
        raise unusable(temporary, error) from error
    reserve(temporary)
    failpoints.hit("fresh-reserved")
    try:
        yield temporary
        failpoints.hit("fresh-built")
        sync(temporary)
        failpoints.hit("file-before-rename")
        if replace_empty:
            os.rename(temporary, path)
        else:
            _rename_exclusively(temporary, path)
    except BaseException as error:
        # What can't be removed either is found by the next attempt, under its fixed name.
        with contextlib.suppress(OSError):
            _remove_database(temporary)
        if isinstance(error, OSError):
            raise unusable(path, error) from error
        raise
    sync_entries(path)
    failpoints.hit("file-after-rename")


def _make(path: str, build: Callable[[str], None]) -> None:
    _set_aside(path)
    try:
        with new_file(path, replace_empty=True) as temporary:
            build(temporary)
    except OSError as error:
        raise unusable(path, error) from error


def _set_aside(path: str) -> None:
    """A log without its database must not be replayed into a new one, nor be destroyed."""
    for suffix in ("-wal", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path + suffix).st_size == 0:
                os.unlink(path + suffix)
                continue
            number = 1
            while os.path.exists(aside := f"{path}{suffix}.stale-{number}"):
                number += 1
            os.rename(path + suffix, aside)
            sync(os.path.dirname(path))
            log.warning("%s had no database; it was moved to %s", path + suffix, aside)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + "-shm")


def _rename_exclusively(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise FileUnusable(f"{target} exists already, and is not overwritten.") from error
    except OSError:  # a file system without links
        os.rename(source, target)
    else:
        os.unlink(source)


def _remove_database(path: str) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


def sync(path: str) -> None:
    """Make a closed file's bytes, or a folder's entries, durable. Never for an open store file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _sync_descriptor(descriptor)
    finally:
        os.close(descriptor)


def sync_entries(path: str) -> None:
    """Make the name of a file durable, and those of its companions. Raises FileUnusable."""
    try:
        sync(os.path.dirname(path))
    except OSError as error:
        raise unusable(path, error) from error


def _sync_descriptor(descriptor: int) -> None:
    os.fsync(descriptor)
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)


# ---- the write-ahead log, which carries no locks ----


def wal_bytes(path: str) -> int:
    """The size of the WAL's file, which is the most it has held since it was last truncated."""
    try:
        return os.stat(path + "-wal").st_size
    except FileNotFoundError:
        return 0


def rewrite_wal(path: str) -> int:
    """Write the WAL's own bytes back in place and sync them; returns how many (engine.md 2.2).

    After a sync that failed, the system may hold them as clean pages that are not on the disk. The
    caller holds SQLite's write lock.
    """
    try:
        descriptor = os.open(path + "-wal", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        failpoints.hit("wal-rewrite-begun")
        done = 0
        while piece := os.pread(descriptor, COPY_BYTES, done):
            done += os.pwrite(descriptor, piece, done)
        failpoints.hit("wal-rewrite-written")
        _sync_descriptor(descriptor)
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        os.close(descriptor)
    sync_entries(path)
    return done


def _forget_claims() -> None:
    """In a forked child: the parent's files are not its own, and a thread of the parent may hold
    the mutex.
    """
    global _mutex
    _mutex = threading.RLock()
    _inodes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_claims)
