"""A store that comes back from a copy begins a new life: nothing of the one it was copied from is
said twice.

The copy's past may have gone on after it was made, elsewhere or in this place. So a number, a
stream's ARN or an iterator that the old life gave out later must never come from the new one for
something else. What a restored store does, in one transaction:

- its counter becomes at least the microseconds since 1970, and the old file's high-water mark where
  there is one (engine.md 5.1);
- every enabled stream ends, its shards close, and the table has a new one with a new ARN, whose
  numbers and shard ids come after all that the copy knows (engine.md 5.4). The ended stream stays
  readable for its time, as DisableStream leaves it: what the copy holds of it is true;
- it has a new id and a new key for iterators. Iterators of the old life have expired by name, so
  that a consumer asks for new ones; the key before is kept to tell them from forged ones;
- items, indexes, eventIDs, client tokens, mappings and checkpoints stay as they are. A mapping of
  an ended stream reads it to its end and is not moved to the new one: whether a consumer may begin
  there is its owner's to say.

What remains: a raw copy of a file, put back by hand together with a clock that is set back, without
`--adopt`.

`restore` makes a new store of a backup, `adopt` takes a file over in the place where another tool
(litestream, cp) put it. Either happens whole or not at all; both may simply be run again after a
crash.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .clock import Clock, SystemClock
from .config import Settings
from .engine.engine import ITERATOR_KEY, ITERATOR_KEY_BYTES, RETIRED_ITERATOR_KEY, Engine
from .engine.streams import shards
from .metrics import Metrics
from .opening import OpenParts
from .storage import copies, statements
from .storage.guards.lock import read_mark
from .storage.maintenance import finish
from .storage.migrate import STORE_ID_BYTES
from .storage.transaction import ReadTransaction
from .storage.writer import Writer

if TYPE_CHECKING:
    from .engine.model import TableInfo
    from .engine.writes.group import Group

# A restored store takes up where it was without the background work of an open one.
_QUIET: Final = Settings(background=False)


class Reborn(NamedTuple):
    """A stream that ended with the restore, and the one its table has now."""

    table: str
    ended_arn: str
    arn: str


class Orphan(NamedTuple):
    """An event source mapping that names an ended stream."""

    uuid: str
    function_name: str
    stream_arn: str


class Restored(NamedTuple):
    """A store that begins a new life. `sequence` is the counter with which it begins."""

    path: str
    sequence: int
    streams: tuple[Reborn, ...]
    orphans: tuple[Orphan, ...]


def restore(
    backup: str | os.PathLike[str], target: str | os.PathLike[str], *, clock: Clock | None = None
) -> Restored:
    """Make a store at `target`, where there is none, of a backup, or of a store that may be open.

    Opening it needs nothing else. Raises FileUnusable if `target` exists, FileLocked if somebody
    owns it, and Corrupted, FileForeign or FileTooNew for the backup.
    """
    now = clock or SystemClock()
    renewed: list[Restored] = []
    # A lock file that was left behind says how far the store had come that lay there.
    mark = read_mark(os.path.realpath(target))
    floor = 0 if mark is None else mark.counter
    claim = copies.unpack(
        backup, target, lambda it: renewed.append(_renew_unfinished(it, now, floor))
    )
    try:
        return renewed[0]._replace(path=claim.path)
    finally:
        claim.release()


def adopt(path: str | os.PathLike[str], *, clock: Clock | None = None) -> Restored:
    """Take over, where it lies, a store's file that another tool put there.

    Raises FileLocked if somebody owns it, FileUnusable if there is none, and Corrupted, FileForeign
    or FileTooNew; the file is as it was then.
    """
    now = clock or SystemClock()
    with copies.reading(path) as connection:  # it is there, it is ours, and it is whole
        copies.verified(connection)
    metrics = Metrics(now.now_ms())
    parts = OpenParts(os.fspath(path), _QUIET, now, metrics, read_only=False, adopt=True)
    try:
        assert parts.writer is not None, "a file is opened for writing"
        restored: Restored = parts.writer.run(lambda group: renew(group, parts.marked))
        return restored._replace(path=os.path.realpath(path))
    finally:
        parts.close()


def renew(group: Group, floor: int = 0) -> Restored:
    """Begin the new life in the group's transaction. `floor`: a counter that must not come again.

    The engine's own secrets are not changed; whoever calls this closes it afterwards.
    """
    group.sequence = max(group.sequence, floor)
    reborn = tuple(
        _reborn(group, table) for table in group.engine.catalog.tables() if table.stream is not None
    )
    for name, value in (
        (RETIRED_ITERATOR_KEY, group.engine.iterator_key),
        (ITERATOR_KEY, secrets.token_bytes(ITERATOR_KEY_BYTES)),
        ("store_id", secrets.token_bytes(STORE_ID_BYTES)),
    ):
        group.tx.run(statements.STATE_PUT, (name, value))
    ended = {stream.ended_arn for stream in reborn}
    mappings = (Orphan(*row) for row in group.tx.all(statements.MAPPING_STREAMS))
    orphans = tuple(mapping for mapping in mappings if mapping.stream_arn in ended)
    return Restored("", group.sequence, reborn, orphans)


def _reborn(group: Group, table: TableInfo) -> Reborn:
    ended = table.stream
    assert ended is not None
    after = shards.enable_stream(group, shards.disable_stream(group, table), ended.view_type)
    assert after.stream is not None
    return Reborn(table.name, ended.arn, after.stream.arn)


def _renew_unfinished(connection: Any, clock: Clock, floor: int) -> Restored:
    """Renew the file behind a writing connection, leave everything in the file, close it."""
    engine = Engine.load(ReadTransaction(connection), _QUIET, clock)
    writer = Writer(connection, lambda tx: engine.open_group(tx), clock, durable=False)
    try:
        restored: Restored = writer.run(lambda group: renew(group, floor))
    finally:
        writer.close(finish)
    return restored
