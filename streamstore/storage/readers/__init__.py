"""Read transactions.

pool     of a file: up to eight connections for threads, one for the event loop
memory   of a store in memory: the writer's connection, under its lock
"""

from __future__ import annotations

from .memory import MemoryReaders
from .pool import Reader, Readers

AnyReaders = Readers | MemoryReaders

__all__ = ["AnyReaders", "MemoryReaders", "Reader", "Readers"]
