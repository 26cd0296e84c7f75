"""The part of a Store that gives followers and snapshots; a class of its own because Store is long.

Not here: how a stream is followed (follower), what a snapshot may hold (snapshots).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.streams import sequence
from ..errors import ResourceNotFound
from ..storage import statements_streams as sql
from .follower import Follower
from .sources import json_ids
from .starts import parse_start, start_of, stream_named

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..storage.readers import AnyReaders
    from .snapshots import Snapshot


class Followed:
    """The part of a Store that gives followers and snapshots."""

    path: str
    engine: Engine
    readers: AnyReaders
    read_only: bool

    def follow(self, table: str, start: str = "latest", *, after: str | None = None) -> Follower:
        """The records of a table's newest stream (or of a stream's ARN) in order of commit, each
        with its ShardId, live across splits: an iterator that the commit wakes.

        `start`: latest, trim-horizon, a sequence number or a time (`parse_start`); `after`: the
        `position` of another follower or of a snapshot, instead of `start`.
        """
        self._follow_owner()
        stream = stream_named(self.engine, table)
        polls = self.read_only and self.path != ":memory:"
        return Follower(self.engine, self.readers, stream, start_of(start, after), polls=polls)

    def wait_for(self, table: str, after: str, timeout: float) -> bool:
        """Block until the table's stream has, or may have, a record beyond the number `after`: what
        a reader with GetRecords calls instead of polling. False if `timeout` seconds ran out.

        For the owner of the file only; beside a live owner nobody is woken. Raises ResourceNotFound
        where no stream is enabled.
        """
        found = self.engine.catalog.table(table)
        if found.stream is None:
            raise ResourceNotFound("stream", table)
        counter = sequence.parse(after)[1]
        ids = [shard.shard_id for shard in found.open_shards]
        with self.readers.transaction() as rx:
            # What was committed before the store was opened is known to the disk only; what comes
            # from now on, to the tail.
            if rx.all(sql.SHARDS_MOVED, (json_ids(ids), counter)):
                return True
        return self.engine.tail.wait_for(ids, counter, timeout)

    def snapshot(self, table: str, at: str | None = None) -> Snapshot:
        """The items of a table as they are now, and the place in its stream to continue from.

        `at`: as they were instead at a time, right after a sequence number, or as far back as is
        known (`trim-horizon`); spelt as `parse_start` reads it. A context manager; see
        snapshots.Snapshot for its bounds, and past.Past for how far back that is.
        """
        from .past import Past
        from .snapshots import Snapshot

        self._follow_owner()
        self.start_background()
        if at is None:
            return Snapshot(self.engine, self.readers, table)
        return Past(self.engine, self.readers, table, parse_start(at))

    def _follow_owner(self) -> None:
        raise NotImplementedError

    def start_background(self) -> None:
        """Start the background thread, which ends snapshots that are past their bounds."""
        raise NotImplementedError
