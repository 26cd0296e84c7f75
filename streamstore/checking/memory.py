"""What an open store has in memory, held against the rows it stands for.

Owns: the comparison of an engine's counters, catalogue and sequence with the disk's. Must not know:
whether the rows themselves are right; the other parts of a check say that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..storage import statements_streams, statements_tables
from .findings import Findings
from .picture import Picture

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..storage.transaction import ReadTransaction


def check_memory(rx: ReadTransaction, found: Findings, picture: Picture, engine: Engine) -> None:
    """Nobody may write meanwhile. What is not in memory yet is no fault: it is read when needed."""
    if engine.sequence < picture.counter:
        text = f"it is at {engine.sequence} in memory, at {picture.counter} on disk"
        found.add("memory", "the sequence counter", text)
    for what, cached, statement in (
        ("shard", engine.shard_counters, statements_streams.SHARD_COUNTERS),
        ("partition", engine.partition_counters, statements_tables.PARTITION_COUNTERS),
        ("index", engine.index_counters, statements_tables.INDEX_COUNTERS),
    ):
        for owner_id, numbers in list(cached.items()):
            row = rx.one(statement, (owner_id,))
            if row is not None and tuple(row) != tuple(numbers):
                text = f"its counters are {numbers} in memory, {row} on disk"
                found.add("memory", f"{what} {owner_id}", text)
    live = {i: t for i, t in picture.tables.items() if i not in picture.dropped}
    known = {table.table_id: table for table in engine.catalog.tables()}
    for table_id in live.keys() ^ known.keys():
        where = "in memory only" if table_id in known else "on disk only"
        found.add("memory", f"table {table_id}", f"it is {where}")
    for table_id in live.keys() & known.keys():
        seen, stored = known[table_id], live[table_id]
        name = stored.name
        if seen.partitions != stored.partitions:
            found.add("memory", f"table {name!r}", "its partitions differ from those on disk")
        if {index.index_id for index in seen.indexes} != {i.index_id for i in stored.indexes}:
            found.add("memory", f"table {name!r}", "its indexes differ from those on disk")
        enabled = picture.enabled(table_id)
        if (seen.stream is None) != (not enabled):
            found.add("memory", f"table {name!r}", "whether it has a stream differs from the disk")
