"""The lock file beside a store: who owns it, and how far its owner has come.

    {"pid": 4711, "url": "http://127.0.0.1:8000"}          the owner, padded to OWNER_BYTES
    mark 5f…32 hex digits… 00001700000000000123 9b1c02aa   store id, counter, CRC-32

Owns: the file's form, `flock` on it, and the mark. Must not know: the store file.

The mark is the store's counter of sequence numbers, written after each COMMIT and not synced. What
COMMIT made durable can't be behind it, so a counter below the mark means that commits are gone: the
end of the log was lost by a disk that lies about syncs, by damage to a frame (SQLite ends the log
there, without a word), by somebody who removed the log, or because an older copy was put in the
file's place. A mark that is behind, torn, of another store, or not there says nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from binascii import crc32
from typing import Final, NamedTuple

from ...errors import FileLocked
from ..places import unusable

OWNER_BYTES: Final = 1024
LOCK_TRIES: Final = 5  # a reader of the lock file's owner may hold it for a moment
_MARK: Final = b"mark"
_MARK_BYTES: Final = 72
_NO_MARK: Final = b" " * (_MARK_BYTES - 1) + b"\n"


class Owner(NamedTuple):
    """Who holds the lock file. `url` is the endpoint of a serving owner, else None."""

    pid: int | None
    url: str | None

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who} at {self.url}" if self.url else who


class Mark(NamedTuple):
    """How far a store had come: its id (16 bytes) and its counter after some COMMIT."""

    store_id: bytes
    counter: int


def take(path: str) -> int:
    """Lock the lock file of a store's path; returns its descriptor. FileLocked names the owner."""
    try:
        lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(path, error) from error
    for left in reversed(range(LOCK_TRIES)):
        try:
            _flock(lock, "LOCK_EX", "LOCK_NB")
            return lock
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                os.close(lock)
                raise unusable(path, error) from error
            if left:
                threading.Event().wait(0.01)
    os.close(lock)
    raise FileLocked(path, str(read_owner(path)))


def give_up(lock: int) -> None:
    """Unlock and close; the file stays, with its mark."""
    _flock(lock, "LOCK_UN")
    os.close(lock)


def held(path: str) -> bool:
    """Whether somebody holds the lock file of that path just now, this process included."""
    try:
        lock = os.open(path + ".lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        _flock(lock, "LOCK_SH", "LOCK_NB")
        return False
    except OSError:
        return True
    finally:
        os.close(lock)


def _flock(descriptor: int, *flags: str) -> None:
    import fcntl  # not there on Windows, where this module must still import

    fcntl.flock(descriptor, sum(getattr(fcntl, flag) for flag in flags))


# ---- the owner ----


def announce(lock: int, url: str | None) -> None:
    """Write this process and its endpoint, for those whom the lock refuses. The mark stays."""
    text = json.dumps({"pid": os.getpid(), "url": url}).encode()
    if len(text) >= OWNER_BYTES:
        text = json.dumps({"pid": os.getpid(), "url": None}).encode()
    os.pwrite(lock, text.ljust(OWNER_BYTES - 1) + b"\n", 0)


def read_owner(path: str) -> Owner:
    """What the lock file of a path says of its last owner, living or not."""
    try:
        facts = json.loads(_read(path, OWNER_BYTES, 0))
        return Owner(int(facts["pid"]), facts["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return Owner(None, None)


# ---- the mark ----


def write_mark(lock: int, store_id_hex: bytes, counter: int) -> None:
    """Say how far the store has come. Once a group: it costs 2 to 6 µs, and no sync."""
    text = b"mark %b %020d" % (store_id_hex, counter)
    # A disk that is full, or gone, is for COMMIT to tell of.
    with contextlib.suppress(OSError):
        os.pwrite(lock, b"%b %08x\n" % (text, crc32(text)), OWNER_BYTES)


def clear_mark(lock: int) -> None:
    """Say nothing from now on: the owner doesn't make its commits durable, or began a new life."""
    with contextlib.suppress(OSError):
        os.pwrite(lock, _NO_MARK, OWNER_BYTES)


def read_mark(path: str) -> Mark | None:
    """The mark beside a store, or None where there is none that can be relied upon."""
    try:
        text, _, checksum = _read(path, _MARK_BYTES, OWNER_BYTES).rstrip(b"\n").rpartition(b" ")
        if crc32(text) != int(checksum, 16):
            return None
        word, store_id, counter = text.split(b" ")
        return Mark(bytes.fromhex(store_id.decode()), int(counter)) if word == _MARK else None
    except (OSError, ValueError):
        return None


def _read(path: str, size: int, at: int) -> bytes:
    descriptor = os.open(path + ".lock", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, size, at)
    finally:
        os.close(descriptor)
