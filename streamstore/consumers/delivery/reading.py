"""Reading one shard in order: pages, the end of a closed shard, and the trim horizon.

A reader that finds its place behind the horizon goes on at the horizon and counts what it missed:
records that expired before the function took them are lost to it, as on the service. It owns the
position; the checkpoint is somebody else's. Every page is one read transaction.

Must not know: lanes, batches, functions.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from ... import limits
from ...engine.streams import log, positions
from ...engine.streams.descriptions import ShardState, find_shard
from ...engine.streams.log import Position, Record
from ...errors import RecordsTrimmed
from ...storage import statements_streams as sql

if TYPE_CHECKING:
    from ...engine.model import StreamInfo
    from ...storage.transaction import ReadTransaction
    from ...store import Store

_ENDLESS: Final = 2**63 - 1
# A page that ends this far below its bound of bytes did not end because of it: no record is larger.
_SURELY_ALL_BYTES: Final = limits.GET_RECORDS_BYTES_MAX - 2 * limits.ITEM_BYTES_MAX - 64 * 1024


class ShardReader:
    """Reads a shard from a place on. For one thread at a time.

    raw       records read and not yet taken
    through   the counter up to which everything was read
    drained   the last page held all that was there
    ended     the shard is closed and all of it was read, or it is gone
    missed    records that expired before they were read, since `take_missed` was last called
    """

    def __init__(self, store: Store, stream: StreamInfo, shard: ShardState, after: int) -> None:
        """From behind the counter `after` on; -1 is TRIM_HORIZON."""
        self._store = store
        self._stream = stream
        info = self.info = shard.info
        self.raw: deque[Record] = deque()
        self.drained = self.ended = False
        self._missed = 0
        self.through = max(after, info.start_sequence)
        if after < 0:
            self.position = positions.trim_horizon(shard)
        else:
            ordinal = shard.first_ordinal
            if shard.last_sequence <= self.through:
                ordinal = shard.next_ordinal
            self.position = Position(
                info.shard_id, info.start_sequence, self.through, ordinal, True
            )

    def moved(self) -> bool:
        """Whether the shard has, or may have, something that was not read."""
        ids = (self.info.shard_id,)
        return not self.ended and self._store.engine.tail.moved(ids, self.position.after)

    def read(self) -> int:
        """Read a page; returns how many records it held."""
        limit = limits.GET_RECORDS_MAX
        with self._store.readers.transaction() as rx:
            engine = self._store.engine
            try:
                page = log.read_page(rx, engine, self._stream, self.position, limit)
            except RecordsTrimmed:
                if not self._skip(rx):
                    return 0
                page = log.read_page(rx, engine, self._stream, self.position, limit)
        records = page.records
        self.raw.extend(records)
        if records:
            self.through = max(self.through, records[-1][0])
        if page.next is None:
            self.ended = self.drained = True
        else:
            self.position = page.next
            self.through = max(self.through, page.next.after)
            size = sum(len(record[2]) for record in records)
            self.drained = len(records) < limit and size < _SURELY_ALL_BYTES
        return len(records)

    def take_missed(self) -> int:
        """How many records expired unread since this was last asked."""
        missed, self._missed = self._missed, 0
        return missed

    def horizon(self) -> int:
        """The counter up to which records of this shard were trimmed."""
        with self._store.readers.transaction() as rx:
            row = rx.one(sql.SHARD_TO_READ, (self.info.shard_id,))
        return _ENDLESS if row is None else int(row[6])

    def _skip(self, rx: ReadTransaction) -> bool:
        """Go on at the trim horizon; False where the shard is gone."""
        engine, info = self._store.engine, self.info
        shard = find_shard(rx, self._stream, info.name)
        if shard is None or shard.info.shard_id != info.shard_id:
            self.ended = self.drained = True
            return False
        first, beyond = shard.first_ordinal, shard.next_ordinal
        cut_ms = engine.horizon.cut_ms(self._stream.table_name)
        kept = log.search(
            rx, info.shard_id, first, beyond, log.BY_SEQUENCE, shard.horizon_sequence + 1
        )
        visible = log.search(rx, info.shard_id, kept, beyond, log.BY_TIME, cut_ms)
        self._missed += max(visible - self.position.ordinal, 0)
        self.position = positions.trim_horizon(shard)
        return True
