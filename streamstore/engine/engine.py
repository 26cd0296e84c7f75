"""The engine of one open store: what its rooms share and keep in memory between groups.

It owns the settings, the clock, the secrets of the store, the catalogue, and the numbers that moved
with the last commits; it begins the groups in which units write (writes/group). All of it changes
only after COMMIT, on the thread that leads, through `Group.published`. It knows no request, and
opens no file: storage hands it transactions.

The sequence counter starts at the greater of what is stored and microseconds since 1970, so a
restored backup can't give a number twice (engine.md 5.1); the first group persists it, together
with the secrets of a fresh store."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ..clock import Clock
from ..codec.fragments import Fragments
from ..config import Settings
from ..metrics import Metrics
from ..storage import statements, statements_streams, statements_tables
from .background import Duties
from .catalog import Catalog
from .model import TableInfo
from .pacing import pacing_of
from .streams import sequence
from .streams.descriptions import load_streams
from .streams.horizon import Horizon
from .streams.iterators import FLOOR_STATE
from .streams.retention import Trimmer
from .streams.splits import Samples
from .streams.tail import Tail
from .writes.group import Group

if TYPE_CHECKING:
    from ..storage.transaction import ReadTransaction, WriteTransaction

ITERATOR_KEY_BYTES: Final = 32
EVENT_ID_PREFIX_BYTES: Final = 8
ITERATOR_KEY: Final = "iterator_key"
# The key of the life before, where the store was restored from a copy (restoring).
RETIRED_ITERATOR_KEY: Final = "retired_iterator_key"
_EVENT_ID_PREFIX: Final = "event_id_prefix"


class Engine:
    """What all of one store's requests share. Make one with `load`; read from any thread, change
    after COMMIT only.
    """

    __slots__ = (
        "_unsaved",
        "catalog",
        "catalogue_version",
        "clock",
        "commits",
        "drops_pending",
        "duties",
        "event_id_prefix",
        "fragments",
        "horizon",
        "index_counters",
        "iterator_floor_ms",
        "iterator_key",
        "last_version",
        "metrics",
        "pacing",
        "partition_counters",
        "retired_iterator_key",
        "samples",
        "sequence",
        "settings",
        "shard_counters",
        "stored_sequence",
        "stream_ms",
        "tail",
        "trimmer",
    )

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self.metrics = metrics or Metrics(clock.now_ms())
        self.pacing = pacing_of(settings, clock)
        self.catalog = Catalog(settings)
        self.fragments = Fragments()
        self.horizon = Horizon(clock, settings)
        self.samples = Samples()
        self.tail = Tail()
        self.trimmer = Trimmer()
        self.duties = Duties()
        self.iterator_key = b""
        self.retired_iterator_key: bytes | None = None
        # Iterators that carry an earlier time have expired (streams/iterators).
        self.iterator_floor_ms = 0
        self.event_id_prefix = b""
        # How many groups have been published: whoever keeps a snapshot sees that it has aged.
        self.commits = 0
        self.sequence = 0
        self.stored_sequence = 0
        # The greatest catalogue version given out, those of groups that failed included.
        self.last_version = 1
        # The stored one, as of the last look; only moved by those who write.
        self.catalogue_version = 0
        # Whether dropped tables or indexes may have rows left (tables/removal).
        self.drops_pending = False
        # Numbers as of the last commit, by id: a cache of rows, so that a group need not read them.
        self.shard_counters: dict[int, tuple[int, int, int]] = {}
        self.partition_counters: dict[int, tuple[int, int]] = {}
        self.index_counters: dict[int, tuple[int, int]] = {}
        self.stream_ms: dict[int, int] = {}
        self._unsaved: dict[str, bytes] = {}

    @classmethod
    def load(
        cls, rx: ReadTransaction, settings: Settings, clock: Clock, metrics: Metrics | None = None
    ) -> Engine:
        """The engine of the store that `rx` reads. A fresh store's secrets are made here and saved
        by its first group.
        """
        engine = cls(settings, clock, metrics)
        engine._read(rx, engine.catalog)
        return engine

    def reload(self, rx: ReadTransaction) -> None:
        """Take the picture of the disk anew, for a store that reads beside its owner's process.

        Nothing is done where it has not moved. Requests that run go on with the picture they began
        with.
        """
        row = rx.one(statements_tables.CATALOGUE_VERSION)
        if row is not None and row[0] == self.catalogue_version:
            return
        self.last_version += 1
        catalog = Catalog(self.settings)
        self._read(rx, catalog)
        self.catalog = catalog

    def _read(self, rx: ReadTransaction, catalog: Catalog) -> None:
        self.iterator_key = self._secret(rx, ITERATOR_KEY, ITERATOR_KEY_BYTES)
        row = rx.one(statements.STATE_GET, (RETIRED_ITERATOR_KEY,))
        self.retired_iterator_key = None if row is None else bytes(row[0])
        self.event_id_prefix = self._secret(rx, _EVENT_ID_PREFIX, EVENT_ID_PREFIX_BYTES)
        row = rx.one(statements.STATE_GET, (FLOOR_STATE,))
        self.iterator_floor_ms = 0 if row is None else row[0]
        row = rx.one(statements_tables.CATALOGUE_VERSION)
        self.catalogue_version = 0 if row is None else row[0]
        row = rx.one(statements_streams.SEQUENCE)
        self.stored_sequence = 0 if row is None else row[0]
        self.sequence = sequence.at_open(self.stored_sequence, self.clock.now_ms())
        catalog.load(rx, load_streams(rx), self.last_version)
        self.drops_pending = (
            rx.one(statements_tables.TABLE_DROPPED) is not None
            or rx.one(statements_tables.INDEX_DROPPED) is not None
        )

    def _secret(self, rx: ReadTransaction, name: str, size: int) -> bytes:
        row = rx.one(statements.STATE_GET, (name,))
        if row is not None:
            self._unsaved.pop(name, None)
            return bytes(row[0])
        return self._unsaved.setdefault(name, secrets.token_bytes(size))

    @property
    def unsaved(self) -> bool:
        """Whether secrets were made that no group has saved yet: run an empty unit before handing
        out iterators.
        """
        return bool(self._unsaved)

    def issue_ms(self) -> int:
        """The time that iterators made now carry: the clock's, or the floor where that is later."""
        return max(self.clock.now_ms(), self.iterator_floor_ms)

    def open_group(self, tx: WriteTransaction) -> Group:
        """Begin a group on the writer's connection; what storage/writer is given."""
        group = Group(self, tx)
        if self._unsaved:
            for name, value in self._unsaved.items():
                tx.run(statements.STATE_PUT, (name, value))
            group.after_commit(self._unsaved.clear)
        return group

    def take_over(self, tables: Iterable[TableInfo]) -> None:
        """Make these states of tables the committed ones; called by Group.published."""
        for table in tables:
            before = self.catalog.by_id(table.table_id)
            self.catalog.take_over((table,))
            if before is not None:
                self._forget_numbers(before, table)

    def _forget_numbers(self, before: TableInfo, after: TableInfo) -> None:
        """Drop the cached numbers of what `after` no longer has: nobody writes there again."""
        gone = after.facts.get("dropped")
        shards = {shard.shard_id for shard in before.open_shards}
        for shard_id in shards - {shard.shard_id for shard in after.open_shards}:
            self.shard_counters.pop(shard_id, None)
        partitions = {partition.partition_id for partition in before.partitions}
        kept = set() if gone else {partition.partition_id for partition in after.partitions}
        for partition_id in partitions - kept:
            self.partition_counters.pop(partition_id, None)
        indexes = {index.index_id for index in before.indexes}
        kept = set() if gone else {index.index_id for index in after.indexes}
        for index_id in indexes - kept:
            self.index_counters.pop(index_id, None)
        if gone or indexes - kept:
            self.drops_pending = True
