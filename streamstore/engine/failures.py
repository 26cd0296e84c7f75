"""Removing what consumers have failed at from the store's list, once it is too old or too much.

The list is written by consumers/destinations. It is bounded by age, number and bytes; the oldest go
first. Age is counted by the same time as retention, so that a clock set wrong doesn't empty it.
What is beyond is looked for by a reader, so that the writer's lock is held for the removal only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .. import limits
from ..storage import statements_consumers as sql

if TYPE_CHECKING:
    from ..storage.transaction import ReadTransaction
    from .engine import Engine
    from .writes.group import Group

_KEPT_MS: Final = limits.FAILURE_KEPT_SECONDS * 1000


class Beyond(NamedTuple):
    """What is too much: the failures created before a time, and those up to an id (0: none)."""

    created_before_ms: int
    failure_id: int


def failures_due(rx: ReadTransaction, engine: Engine) -> bool:
    """Whether any failure is too old."""
    return rx.one(sql.FAILURE_OLD, (engine.horizon.now_ms() - _KEPT_MS,)) is not None


def failures_beyond(rx: ReadTransaction, engine: Engine) -> Beyond | None:
    """What is to be removed, or None if nothing is."""
    row = rx.one(sql.FAILURES_BEYOND, (limits.FAILURES_KEPT_MAX, limits.FAILURES_KEPT_BYTES_MAX))
    failure_id = (row and row[0]) or 0
    if not failure_id and not failures_due(rx, engine):
        return None
    return Beyond(engine.horizon.now_ms() - _KEPT_MS, failure_id)


def failures_tick(group: Group, beyond: Beyond) -> bool:
    """Remove a bounded piece of what is beyond; True while there may be more."""
    tx, piece = group.tx, limits.FAILURES_REMOVED_AT_ONCE_MAX
    tx.run(sql.FAILURES_EXPIRE, (beyond.created_before_ms, piece))
    removed = tx.changes()
    if removed < piece:
        tx.run(sql.FAILURES_REMOVE, (beyond.failure_id, piece - removed))
        removed += tx.changes()
    return removed == piece
