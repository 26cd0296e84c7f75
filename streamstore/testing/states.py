"""Whether a recovered database is a store in order: every invariant, and the model where there is
one. And the folders in which campaigns work.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from ..checking import check_transaction
from ..clock import ManualClock
from ..config import Settings
from ..store import Store
from .disk import fill
from .disk.memory import as_rollback
from .model import Model, differences
from .workload import FILE


@contextmanager
def scratch() -> Iterator[str]:
    """A folder that is gone afterwards, in memory where the system has such a place."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="streamstore-torture-", dir=place) as folder:
        yield folder


def wrongs(content: bytes, model: Model | None, now_ms: int, folder: str) -> list[str]:
    """What is wrong with a recovered database (disk.recover); [] where nothing is.

    It is opened as a store in a room of `folder`, at the store's time `now_ms`.
    """
    connection = apsw.Connection(":memory:")
    try:
        connection.deserialize("main", as_rollback(content))
        found = [str(violation) for violation in check_transaction(connection)]
    finally:
        connection.close(True)
    if model is not None:
        found += compared({FILE: content}, model, now_ms, folder)
    return found


def compared(files: dict[str, bytes], model: Model, now_ms: int, folder: str) -> list[str]:
    """Where the store in these files, opened by streamstore, is not what the model says."""
    where = os.path.join(folder, "compared")
    fill(where, files)
    settings = Settings(background=False)
    with Store(os.path.join(where, FILE), settings, ManualClock(now_ms)) as store:
        return differences(store, model)
