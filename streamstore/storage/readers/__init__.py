"""Read transactions.

pool     of a file: up to eight connections for threads, one for the event loop
memory   of a store in memory: the writer's connection, under its lock
pinned   of a file: one that outlives a page, for snapshots, with a deadline and a WAL bound
"""

from __future__ import annotations

from .memory import MemoryReaders
from .pinned import Pinned
from .pool import Reader, Readers

AnyReaders = Readers | MemoryReaders

__all__ = ["AnyReaders", "MemoryReaders", "Pinned", "Reader", "Readers"]
