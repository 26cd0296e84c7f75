"""Checkpoints: how far a mapping has come in each shard, as rows.

A row says: everything of the shard up to `sequence` is done. `finished_ms` is set once the shard
was read to its end. `progress` holds what is done beyond `sequence` and what is being retried
(delivery/progress). A row of shard 0 is where the mapping began: the store's counter at that time,
which is what LATEST means in every shard, and tells shards that existed then from those that came
later.

Numbers are the store's counters, never iterators, so they outlive restarts and restored backups.
Must not know: what is delivered, or to whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ..storage import statements_consumers as sql

if TYPE_CHECKING:
    from ..engine.writes.group import Group
    from ..storage.transaction import ReadTransaction

START: Final = 0  # the shard id of the row that says where a mapping began


class Row(NamedTuple):
    """A checkpoint. `sequence` is a counter of the store."""

    mapping_id: int
    shard_id: int
    sequence: int
    finished_ms: int | None = None
    progress: bytes | None = None


def begin(group: Group, mapping_id: int) -> None:
    """Fix where a mapping begins, unless that is fixed already. Creating a mapping may do so in its
    own unit; the runtime does when it first meets one.
    """
    group.tx.run(sql.CHECKPOINT_BEGIN, (mapping_id, START, group.sequence))


def write(group: Group, row: Row) -> None:
    """Write a checkpoint; nothing where the mapping is gone."""
    group.tx.run(sql.CHECKPOINT_SET, row)


def clear_gone(group: Group, mapping_id: int) -> None:
    """Remove the rows of shards that are not there any more."""
    group.tx.run(sql.CHECKPOINTS_CLEAR, (mapping_id, START))


def forget(group: Group, mapping_id: int) -> None:
    """Remove every row of a mapping; for the unit that deletes it."""
    group.tx.run(sql.CHECKPOINTS_FORGET, (mapping_id,))


def not_begun(rx: ReadTransaction) -> list[int]:
    """The mappings whose beginning is not fixed yet."""
    return [row[0] for row in rx.all(sql.CHECKPOINTS_NOT_BEGUN, (START,))]


def load(rx: ReadTransaction, mapping_id: int) -> dict[int, Row]:
    """Every row of a mapping, by shard id."""
    rows = rx.all(sql.CHECKPOINTS, (mapping_id,))
    return {row[0]: Row(mapping_id, *row) for row in rows}


def load_one(rx: ReadTransaction, mapping_id: int, shard_id: int) -> Row | None:
    """The row of one shard, or None."""
    row = rx.one(sql.CHECKPOINT, (mapping_id, shard_id))
    return None if row is None else Row(mapping_id, *row)
