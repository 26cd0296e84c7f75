"""The shards a follower reads from, and the quick look for what is new in all of them at once.

A follower that was given everything of a snapshot needs little to go on: the catalogue's version
says that no shard has closed or gone since, and one statement finds the new records of every shard,
each from the ordinal that comes next. That is two statements whatever the number of shards; reading
shard by shard takes four each. Whatever is not as expected (a split, a trim, more than a page) is
left to the follower, who looks at every shard's state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from .. import limits
from ..engine.streams import log
from ..engine.streams.descriptions import ShardState
from ..engine.streams.log import Position
from ..storage import statements_streams as sql
from ..storage import statements_tables

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.model import StreamInfo
    from ..storage.transaction import ReadTransaction

_BITS: Final = limits.RECORD_ORDINAL_BITS


class Source:
    """One shard that is being read: the next place in it, and records read but not yet given."""

    __slots__ = ("buffer", "depth", "ended", "given", "last", "more", "name", "position")

    def __init__(self, shard: ShardState, position: Position) -> None:
        self.name = shard.info.name
        self.depth = shard.info.depth
        self.position = position
        self.buffer: list[log.Record] = []
        self.given = 0  # of the buffer, by the turn under way
        self.ended = False
        # As of the newest snapshot looked at: the shard's last number, and whether it, or its
        # children, may have something behind the buffer.
        self.last = shard.last_sequence
        self.more = True


Sources = dict[int, Source]
Taken = list[tuple[log.Record, Source]]


def exactly(shard: ShardState, after: int) -> Position:
    """The place behind that number in a shard."""
    info = shard.info
    ordinal = shard.next_ordinal if shard.last_sequence <= after else shard.first_ordinal
    return Position(info.shard_id, info.start_sequence, after, ordinal, True)


def json_ids(ids: Iterable[int]) -> str:
    """Ids as the statements SHARDS_MOVED and RECORDS_NEW take them."""
    return "[" + ",".join(map(str, ids)) + "]"


def level(rx: ReadTransaction, sources: Sources) -> int | None:
    """The catalogue's version, by which `news` knows that sources of which everything was given
    are still as they were; None where one has not been read at an exact place yet.
    """
    if all(source.position.exact for source in sources.values()):
        row = rx.one(statements_tables.CATALOGUE_VERSION)
        return None if row is None else int(row[0])
    return None


def news(
    rx: ReadTransaction, engine: Engine, stream: StreamInfo, sources: Sources, version: int
) -> Taken | None:
    """The records that came since everything was given, in order of their numbers, and each source
    moved behind its own. None, and nothing moved, where that can't be told so.
    """
    rows = rx.iterate(sql.RECORDS_NEW, (_places(sources),))
    if next(rows)[0] != version:
        return None
    found: dict[int, list[Any]] = {}
    size = 0
    for count, row in enumerate(rows):
        size += len(row[3])
        if count == limits.FOLLOW_RECORDS_MAX or size > limits.GET_RECORDS_BYTES_MAX:
            return None
        shard_id = row[0] >> _BITS
        of_shard = found.get(shard_id)
        if of_shard is None:
            found[shard_id] = [row]
        else:
            of_shard.append(row)
    if not found:
        return []
    cut_ms = engine.horizon.cut_ms(stream.table_name)
    for shard_id, of_shard in found.items():
        _, _, after, ordinal, _ = sources[shard_id].position
        record_id, number, created_ms, _ = of_shard[0]
        if record_id != (shard_id << _BITS) | ordinal or number <= after or created_ms < cut_ms:
            return None
    taken: Taken = []
    for shard_id, of_shard in found.items():
        source = sources[shard_id]
        _, birth, _, ordinal, _ = source.position
        last = source.last = of_shard[-1][1]
        source.position = Position(shard_id, birth, last, ordinal + len(of_shard), True)
        taken += [(row[1:], source) for row in of_shard]
    if len(found) > 1:
        # Numbers are never equal, so nothing behind them is compared.
        taken.sort(key=number_of)
    return taken


def number_of(taken: tuple[log.Record, Source]) -> int:
    """What records of all shards are ordered by."""
    return taken[0][0]


def _places(sources: Sources) -> str:
    return json_ids((key << _BITS) | source.position.ordinal for key, source in sources.items())
