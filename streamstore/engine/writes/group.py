"""One commit group's view of the store: what its units have changed so far, on the writer's
connection.

The writer (storage/writer) opens a Group for every transaction and runs each unit on it. A unit
sees what the units before it in the same group did; nobody else does until `published`, which the
writer calls after COMMIT. Counters that change with every write are kept here and written once a
group by `flush`, so that a put costs three statements and not seven. Each change of the group's own
memory goes through a journal, so that a failed unit can be undone exactly: ordinals of records stay
contiguous and sequence numbers are not wasted. Counters are journalled as plain tuples, since a put
makes two of them; rarer changes bring a function. Counters that a unit loaded from disk are
forgotten when it fails: their row may be one that the unit itself made, whose id is then free for
another.

It knows nothing of requests, and decides nothing about shards: engine/streams does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...storage import statements_streams, statements_tables
from ..model import TableInfo

if TYPE_CHECKING:
    from ...storage.transaction import WriteTransaction
    from ..engine import Engine


class ShardCounters:
    """The numbers of one shard that move with every record. `next_ordinal` is the next record's."""

    __slots__ = ("byte_count", "last_sequence", "next_ordinal", "shard_id")

    def __init__(
        self, shard_id: int, last_sequence: int, next_ordinal: int, byte_count: int
    ) -> None:
        self.shard_id = shard_id
        self.last_sequence = last_sequence
        self.next_ordinal = next_ordinal
        self.byte_count = byte_count

    def restore(self, kept: tuple[Any, int, int, int]) -> None:
        """Take back the values of a journal entry."""
        _, self.last_sequence, self.next_ordinal, self.byte_count = kept


class PartitionCounters:
    """The numbers of one partition that move with every item."""

    __slots__ = ("item_bytes", "item_count", "partition_id")

    def __init__(self, partition_id: int, item_count: int, item_bytes: int) -> None:
        self.partition_id = partition_id
        self.item_count = item_count
        self.item_bytes = item_bytes

    def restore(self, kept: tuple[Any, int, int]) -> None:
        """Take back the values of a journal entry."""
        _, self.item_count, self.item_bytes = kept


class IndexCounters:
    """The numbers of one index that move with every entry."""

    __slots__ = ("entry_bytes", "entry_count", "index_id")

    def __init__(self, index_id: int, entry_count: int, entry_bytes: int) -> None:
        self.index_id = index_id
        self.entry_count = entry_count
        self.entry_bytes = entry_bytes

    def restore(self, kept: tuple[Any, int, int]) -> None:
        """Take back the values of a journal entry."""
        _, self.entry_count, self.entry_bytes = kept


Undo = Callable[[], None]


class Group:
    """The transaction in which a group of units commits together."""

    __slots__ = (
        "_after_commit",
        "_journal",
        "_put",
        "_tables",
        "catalogue_moved",
        "engine",
        "indexes",
        "now_ms",
        "observed",
        "partitions",
        "sequence",
        "shards",
        "stream_ms",
        "tx",
    )

    def __init__(self, engine: Engine, tx: WriteTransaction) -> None:
        self.engine = engine
        self.tx = tx
        self.now_ms = engine.clock.now_ms()
        self.sequence = engine.sequence
        self.shards: dict[int, ShardCounters] = {}
        self.partitions: dict[int, PartitionCounters] = {}
        self.indexes: dict[int, IndexCounters] = {}
        # (partition id, partition hash, write units) of each effective write, for the split
        # policy's samples.
        self.observed: list[tuple[int, bytes, int]] = []
        # The creation time of this group's records, by stream (streams/log).
        self.stream_ms: dict[int, int] = {}
        # Whether readers of other processes must take the catalogue anew; put_table sees to it.
        self.catalogue_moved = False
        self._tables: dict[int, TableInfo] = {}
        self._put: list[TableInfo] = []
        self._journal: list[Any] = []
        self._after_commit: list[Callable[[], None]] = []

    # What units read and change.

    def table_by_id(self, table_id: int) -> TableInfo | None:
        """The table as this group has left it so far, or None when it is gone."""
        if table_id in self._tables:
            changed = self._tables[table_id]
            return None if changed.facts.get("dropped") else changed
        return self.engine.catalog.by_id(table_id)

    def find_table(
        self, name: str, region: str | None = None, account: str | None = None
    ) -> TableInfo | None:
        """The live table of that name or ARN as this group has left it so far.

        `region` and `account` count only where regions are isolated (Catalog.namespace).
        """
        catalog = self.engine.catalog
        if self._tables:
            wanted = catalog.namespace(name, region, account)
            for table in self._tables.values():
                if not table.facts.get("dropped") and catalog.namespace_of(table) == wanted:
                    return table
        found = catalog.find(name, region, account)
        return None if found is None or found.table_id in self._tables else found

    def put_table(self, table: TableInfo) -> None:
        """Make `table` what this group's later units see, and what the catalogue takes over after
        COMMIT.

        A dropped table is put with facts["dropped"] = True. The row on disk is the caller's to
        write. Every state that a table goes through in a group is handed over, in order, since each
        may end a stream of its own."""
        tables = self._tables
        before = tables.get(table.table_id)
        tables[table.table_id] = table
        self._put.append(table)
        self.catalogue_moved = True

        def undo() -> None:
            self._put.pop()
            if before is None:
                del tables[table.table_id]
            else:
                tables[table.table_id] = before

        self._journal.append(undo)

    def next_catalogue_version(self) -> int:
        """A version no TableInfo has had yet, not even one of a group that was rolled back."""
        self.engine.last_version += 1
        return self.engine.last_version

    def next_sequence(self) -> int:
        """The next number of the store's one counter."""
        self.sequence += 1
        return self.sequence

    def shard_counters(self, shard_id: int) -> ShardCounters:
        """The shard's counters, loaded on first use; journal a change with `keep_shard` before
        making it.
        """
        counters = self.shards.get(shard_id)
        if counters is None:
            known = self.engine.shard_counters.get(shard_id)
            if known is None:
                row = self.tx.one(statements_streams.SHARD_COUNTERS, (shard_id,))
                assert row is not None, f"shard {shard_id} has no row"
                self._journal.append(partial(self.shards.pop, shard_id))
                known = (row[0], row[1], row[2])
            counters = self.shards[shard_id] = ShardCounters(shard_id, *known)
        return counters

    def keep_shard(self, counters: ShardCounters) -> None:
        """Remember the shard's counters as they are now, for `undo`."""
        self._journal.append(
            (counters, counters.last_sequence, counters.next_ordinal, counters.byte_count)
        )

    def partition_counters(self, partition_id: int) -> PartitionCounters:
        """The partition's counters, loaded on first use; journal a change with `keep_partition`."""
        counters = self.partitions.get(partition_id)
        if counters is None:
            known = self.engine.partition_counters.get(partition_id)
            if known is None:
                row = self.tx.one(statements_tables.PARTITION_COUNTERS, (partition_id,))
                assert row is not None, f"partition {partition_id} has no row"
                self._journal.append(partial(self.partitions.pop, partition_id))
                known = (row[0], row[1])
            counters = self.partitions[partition_id] = PartitionCounters(partition_id, *known)
        return counters

    def keep_partition(self, counters: PartitionCounters) -> None:
        """Remember the partition's counters as they are now, for `undo`."""
        self._journal.append((counters, counters.item_count, counters.item_bytes))

    def index_counters(self, index_id: int) -> IndexCounters:
        """The index's counters, loaded on first use; journal a change with `keep_index`."""
        counters = self.indexes.get(index_id)
        if counters is None:
            known = self.engine.index_counters.get(index_id)
            if known is None:
                row = self.tx.one(statements_tables.INDEX_COUNTERS, (index_id,))
                assert row is not None, f"index {index_id} has no row"
                self._journal.append(partial(self.indexes.pop, index_id))
                known = (row[0], row[1])
            counters = self.indexes[index_id] = IndexCounters(index_id, *known)
        return counters

    def keep_index(self, counters: IndexCounters) -> None:
        """Remember the index's counters as they are now, for `undo`."""
        self._journal.append((counters, counters.entry_count, counters.entry_bytes))

    def journal(self, undo: Undo) -> None:
        """Have `undo` called if the unit that is running fails."""
        self._journal.append(undo)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Have `action` called after COMMIT; it must not raise. Withdrawn if the unit fails."""
        self._after_commit.append(action)
        self._journal.append(self._after_commit.pop)

    # What the writer calls.

    def mark(self) -> Any:
        """Begin a unit; the answer is what `undo` needs."""
        self._journal.clear()
        return self.sequence, len(self.observed)

    def undo(self, mark: Any) -> None:
        """Forget all that the unit since `mark` changed in memory. Its rows are rolled back by the
        writer.
        """
        journal = self._journal
        while journal:
            entry = journal.pop()
            if type(entry) is tuple:
                entry[0].restore(entry)
            else:
                entry()
        self.sequence, observed = mark
        del self.observed[observed:]

    def flush(self) -> None:
        """Write the numbers that moved; the last statements before COMMIT."""
        tx = self.tx
        if self.catalogue_moved:
            tx.run(statements_tables.CATALOGUE_MOVE)
        stored = self.engine.stored_sequence
        if self.sequence == stored and (self.observed or self._put):
            # A group that changes tables moves the counter, so that one which is lost shows: the
            # counter is then below the mark beside the file (storage/guards/lock).
            self.sequence += 1
        if self.sequence != stored:
            tx.run(statements_streams.SEQUENCE_SET, (self.sequence,))
        for shard in self.shards.values():
            tx.run(
                statements_streams.SHARD_COUNTERS_SET,
                (shard.last_sequence, shard.next_ordinal, shard.byte_count, shard.shard_id),
            )
        for partition in self.partitions.values():
            tx.run(
                statements_tables.PARTITION_COUNTERS_SET,
                (partition.item_count, partition.item_bytes, partition.partition_id),
            )
        for index in self.indexes.values():
            tx.run(
                statements_tables.INDEX_COUNTERS_SET,
                (index.entry_count, index.entry_bytes, index.index_id),
            )

    def published(self) -> None:
        """After COMMIT: hand the changes to the engine, wake readers of the stream, run what was
        asked for.

        May be called again if it was interrupted (storage/writer); all but the samples are then
        given twice, which changes nothing."""
        engine = self.engine
        engine.commits += 1
        engine.sequence = engine.stored_sequence = self.sequence
        for shard in self.shards.values():
            engine.shard_counters[shard.shard_id] = (
                shard.last_sequence,
                shard.next_ordinal,
                shard.byte_count,
            )
        for partition in self.partitions.values():
            engine.partition_counters[partition.partition_id] = (
                partition.item_count,
                partition.item_bytes,
            )
        for index in self.indexes.values():
            engine.index_counters[index.index_id] = (index.entry_count, index.entry_bytes)
        if self.stream_ms:
            engine.stream_ms.update(self.stream_ms)
        if self._put:
            engine.take_over(self._put)
        if self.observed:
            observed, self.observed = self.observed, []
            engine.samples.observe(observed, self.now_ms)
        if self.shards:
            engine.tail.publish(self.shards.values())
        for action in self._after_commit:
            action()

    def abandoned(self) -> None:
        """The whole group was rolled back: nothing of it is kept."""
        self._journal.clear()
        self._after_commit.clear()
