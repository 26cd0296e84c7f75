"""Rows of a pinned read in pieces: as much at a time as may be held, the pin's lock only meanwhile.

Whoever writes rows down may be slow; between two pieces the pin can be ended by its bounds, and
other reads take their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from .. import limits

if TYPE_CHECKING:
    from ..storage.readers import Pinned

_Row = TypeVar("_Row")


def pieces(
    pinned: Pinned, rows: Iterator[_Row], size_of: Callable[[_Row], int]
) -> Iterator[list[_Row]]:
    """Rows in lists of at most 256; a list ends with the row that makes it 1 MiB or more."""
    while True:
        piece: list[_Row] = []
        size = 0
        with pinned.reading():
            for row in rows:
                piece.append(row)
                size += size_of(row)
                if len(piece) == limits.SNAPSHOT_PIECE_ROWS or size >= limits.PAGE_BYTES_MAX:
                    break
        if not piece:
            return
        yield piece
