"""Copies of a store that outlive it, and stores made of copies.

    backup     a verified copy of a store, beside whoever writes to it
    unpacking  a new store's file out of such a copy, before it gets its name

What a restored store must not do again (numbers, ARNs, iterators) is streamstore/restoring's.
"""

from __future__ import annotations

from .backup import Copied, back_up, back_up_memory, reading, verified
from .unpacking import unpack

__all__ = ["Copied", "back_up", "back_up_memory", "reading", "unpack", "verified"]
