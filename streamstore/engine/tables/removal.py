"""What is left of dropped tables and indexes: their rows go in bounded pieces, after the name is
free.

A table_def or index_def row with a `dropped_ms` is the whole of the job's memory: while it is
there, rows of its id may be there, and it goes last. So a crash between pieces costs nothing. Ids
are never used again, so nobody sees these rows meanwhile. Streams are not touched: retention ends
them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...storage import statements_tables as sql

if TYPE_CHECKING:
    from ..engine import Engine
    from ..writes.group import Group

# How many rows are deleted between two looks at the time.
_STEP_ROWS: Final = 250


def drop_due(engine: Engine) -> bool:
    """Whether dropped tables or indexes may have rows left."""
    return engine.drops_pending


def drop_tick(group: Group) -> bool:
    """Delete one piece of what dropped tables and indexes left; True while there is more."""
    engine = group.engine
    if not engine.drops_pending:
        return False
    tx = group.tx
    piece = Piece(group)
    row = tx.one(sql.INDEX_DROPPED)
    if row is not None:
        if piece.empty(sql.ENTRIES_LEFT, sql.ENTRIES_REMOVE, row[0]):
            tx.run(sql.INDEX_DELETE, row)
        return True
    row = tx.one(sql.TABLE_DROPPED)
    if row is not None:
        if piece.empty(sql.ITEMS_LEFT, sql.ITEMS_REMOVE, row[0]) and piece.empty(
            sql.EXPIRIES_LEFT, sql.EXPIRIES_REMOVE, row[0]
        ):
            tx.run(sql.PARTITIONS_DELETE, row)
            tx.run(sql.TABLE_DELETE, row)
        return True

    def settle() -> None:
        engine.drops_pending = False

    group.after_commit(settle)
    return False


class Piece:
    """One bounded piece of deleting rows of an owner. However short the time, it deletes some."""

    def __init__(self, group: Group) -> None:
        self._tx = group.tx
        self._monotonic = group.engine.clock.monotonic
        self._deadline = self._monotonic() + limits.TICK_SECONDS_MAX
        self._deleted = False

    def empty(self, select: str, delete: str, owner_id: int) -> bool:
        """Delete the first rows of an owner; True if none is left.

        `select` gives the primary key after the owner's id, then size and body_id; `delete` takes
        the owner's id and the last key to go."""
        tx = self._tx
        rows_left = limits.TICK_ROWS_MAX
        bytes_left = limits.TICK_BYTES_MAX
        while rows_left > 0 and bytes_left > 0:
            if self._deleted and self._monotonic() >= self._deadline:
                break
            going: list[tuple[Any, ...]] = []
            for row in tx.all(select, (owner_id, min(_STEP_ROWS, rows_left))):
                if going and bytes_left <= 0:
                    break
                going.append(row)
                bytes_left -= row[-2]
            if not going:
                return True
            tx.run(delete, (owner_id, *going[-1][:-2]))
            self._deleted = True
            for row in going:
                if row[-1] is not None:
                    tx.run(sql.BODY_DELETE, (row[-1],))
            rows_left -= len(going)
        return False
