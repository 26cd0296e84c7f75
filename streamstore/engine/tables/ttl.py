"""Time to live: what was set for a table, and deleting what has expired, as a background duty.

How expired items are found. The alternatives were a scan that goes round each table with a kept
cursor, and rows sorted by the second of expiry (tables/expiry). A scan costs every table its whole
content in each round, 3 to 5 µs an item: a million items that live for a month would cost seconds
of a core a minute to find nothing, or else expire hours late. The rows cost a write of an item that
expires one more statement, other writes and other tables nothing, and a sweep looks at what it
deletes and at no more. So a sweep may run each second: an item of a table of any size is deleted
about a second after its time, where the service takes days.

A piece of work is bounded by time, rows and bytes, and says whether there is more. What it goes by
is on disk: `stale` (rows of an earlier setting go first), `filled_to` (then the items that are
there are entered), and the rows. So it goes on after a crash where its last commit left it. Tables
take turns; one with much to delete doesn't hold up the others.

An item has expired when its attribute lies before now, and no more than five years of 365 days.
Now is the time that retention believes (streams/horizon): a clock that jumps ahead by mistake
deletes nothing. Each item is looked at again under the lock, so an update that came first rescues
it. It goes as any deletion does, with its index entries and a change record, but the record says
that the service did it, and no write units are counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.items import unpack
from ...codec.keys import decode
from ...codec.sizes import Item
from ...storage import statements_tables as sql
from ..model import TableInfo, TimeToLive
from ..writes.apply import carry_out, judge
from ..writes.mutation import EncodedKey, Mutation
from .backfill import NOWHERE
from .definitions import pack_table
from .expiry import expires_s
from .removal import Piece

if TYPE_CHECKING:
    from ..engine import Engine
    from ..writes.group import Group

# How many rows are dealt with between two looks at the time.
_STEP_ROWS: Final = 64
_EXPIRED_MS_MAX: Final = limits.EXPIRED_SECONDS_MAX * 1000


def enable(group: Group, table: TableInfo, attribute: str) -> TableInfo:
    """Let items of the table expire by that attribute; ticks enter those that are there."""
    before = table.ttl
    stale = before is not None and (before.stale or before.enabled)
    return _set(group, table, TimeToLive(attribute, True, group.now_ms, NOWHERE, stale))


def disable(group: Group, table: TableInfo) -> TableInfo:
    """Let no more items expire; ticks remove the rows."""
    assert table.ttl is not None, "the caller refuses to disable what was never enabled"
    return _set(group, table, TimeToLive(table.ttl.attribute, False, group.now_ms, stale=True))


def ttl_due(engine: Engine) -> bool:
    """Whether any table has items that may expire, or rows left of a time when they might."""
    return any(_is_live(table.ttl) for table in engine.catalog.tables())


def ttl_tick(group: Group) -> bool:
    """Do one piece of work for the next table that has some; True while there is more."""
    duties = group.engine.duties
    for known in group.engine.catalog.tables():
        if known.table_id <= duties.expiring_after or not _is_live(known.ttl):
            continue
        table = group.table_by_id(known.table_id)
        if table is not None and _piece(group, table):
            duties.expiring_after = table.table_id
            duties.expiring_again = True
            return True
    again = duties.expiring_again
    duties.expiring_after = 0
    duties.expiring_again = False
    return again


def _is_live(ttl: TimeToLive | None) -> bool:
    return ttl is not None and (ttl.enabled or ttl.stale)


def _set(group: Group, table: TableInfo, ttl: TimeToLive) -> TableInfo:
    """Persist a setting, and put the table where later units see it."""
    changed = replace(table, version=group.next_catalogue_version(), ttl=ttl)
    group.tx.run(sql.TABLE_SET, (pack_table(changed), changed.table_id))
    group.put_table(changed)
    return changed


def _piece(group: Group, table: TableInfo) -> bool:
    """One piece for one table; True if it has more to do."""
    ttl = table.ttl
    if ttl is not None and ttl.stale:
        if not Piece(group).empty(sql.EXPIRIES_LEFT, sql.EXPIRIES_REMOVE, table.table_id):
            return True
        ttl = replace(ttl, stale=False)
        table = _set(group, table, ttl)
    if ttl is None or not ttl.enabled:
        return False
    bounds = _Bounds(group)
    if ttl.filled_to is not None:
        _fill(group, table, ttl, bounds)
        return True
    settings = group.engine.settings
    if group.now_ms < ttl.changed_ms + settings.transition_seconds * 1000:
        return False
    return _sweep(group, table, ttl, bounds)


class _Bounds:
    """What is left of a piece's time, rows and bytes."""

    def __init__(self, group: Group) -> None:
        self._monotonic = group.engine.clock.monotonic
        self._deadline = self._monotonic() + limits.TICK_SECONDS_MAX
        self._rows = limits.TICK_ROWS_MAX
        self._bytes = limits.TICK_BYTES_MAX

    def take(self, size_bytes: int) -> None:
        """A row was dealt with, whose item is so large."""
        self._rows -= 1
        self._bytes -= size_bytes

    @property
    def spent(self) -> bool:
        return self._bytes <= 0

    @property
    def over(self) -> bool:
        return self.spent or self._rows <= 0 or self._monotonic() >= self._deadline


def _fill(group: Group, table: TableInfo, ttl: TimeToLive, bounds: _Bounds) -> None:
    """Enter the expiries of the next items, and persist how far that came."""
    place = ttl.filled_to
    while place is not None and not bounds.over:
        beyond = (place[0], place[1], place[2] + b"\x00")
        place = None
        entered = []
        for hash_, pk, sk, size, body in group.tx.iterate(
            sql.ITEMS_PIECE, (table.table_id, *beyond, _STEP_ROWS)
        ):
            place = (hash_, pk, sk)
            second = expires_s(unpack(body), ttl.attribute)
            if second is not None:
                entered.append((table.table_id, second, *place))
            bounds.take(size)
            if bounds.spent:
                break
        for row in entered:
            group.tx.run(sql.EXPIRY_INSERT, row)
    _set(group, table, replace(ttl, filled_to=place))


def _sweep(group: Group, table: TableInfo, ttl: TimeToLive, bounds: _Bounds) -> bool:
    """Delete expired items; True if the bounds came first."""
    now_ms = group.engine.horizon.now_ms()
    # From the first to the last whole second that lies before now, and not too long before.
    first, last = -((_EXPIRED_MS_MAX - now_ms) // 1000), (now_ms - 1) // 1000
    while not bounds.over:
        due = group.tx.all(sql.EXPIRIES_DUE, (table.table_id, first, last, _STEP_ROWS))
        if not due:
            return False
        for second, pk, sk in due:
            bounds.take(_expire(group, table, ttl, second, EncodedKey(pk, sk, _key(table, pk, sk))))
            if bounds.spent:
                break
    return True


def _expire(group: Group, table: TableInfo, ttl: TimeToLive, second: int, key: EncodedKey) -> int:
    """Delete one item if it says itself that it has expired then; its size in bytes."""
    decision = judge(group, Mutation(table, key, "delete", ttl=True))
    if decision.changed and expires_s(decision.old, ttl.attribute) == second:
        carry_out(group, decision)
        group.engine.metrics.expired(table.name, 1)
    else:
        group.tx.run(sql.EXPIRY_DELETE, (table.table_id, second, key.hash, key.pk, key.sk))
    return decision.old_size


def _key(table: TableInfo, pk: bytes, sk: bytes) -> Item:
    """The key attributes of stored key bytes."""
    keys = table.keys
    key: dict[str, Any] = {keys.hash[0].name: decode(pk)}
    if keys.range:
        key[keys.range[0].name] = decode(sk)
    return key
