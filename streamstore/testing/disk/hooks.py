"""What a disk's hook is shown, and what it may answer.

A hook is called before an operation is made, in the thread that makes it. It may look, fork, end
the process, or answer with a Fault; then the operation fails as the system would let it fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

# Operations that change what is on a disk, and those that only look at it.
CHANGING: Final = frozenset(
    {"create", "write", "truncate", "sync", "delete", "rename", "link", "sync-folder"}
)
LOOKING: Final = frozenset({"read", "lock"})


class Call(NamedTuple):
    """An operation about to be made.

    `layer` is "sqlite" or "system", `kind` one of CHANGING or LOOKING, `name` relative to the
    folder ("" is the folder). `offset` is a truncate's size and a lock's level too, `data` are a
    write's bytes, `size` is a read's.
    """

    layer: str
    kind: str
    name: str
    offset: int = 0
    data: bytes = b""
    size: int = 0


class Fault(NamedTuple):
    """That an operation fails. `error` is "EIO", "ENOSPC", "LOCK" (somebody else holds it) or
    "SHORT": a read that finds half of the bytes, a write that ends half way and then fails.
    """

    error: str


Hook = Callable[[Call], Fault | None]
