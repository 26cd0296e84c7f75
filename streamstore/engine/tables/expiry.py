"""Expiries: when the items of a table with time to live expire, kept in step with the items.

A row of `expiry` says that an item has, in its table's time-to-live attribute, a Number of seconds
since 1970. Rows are found by the second, so what has expired is found without looking at what has
not (tables/ttl). They change in the transaction of their item. While a live table is being entered,
items beyond `filled_to` are left to that. A row is a hint, never the truth: who deletes looks at
the item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...codec.sizes import Item
from ...storage import statements_tables as sql
from ..model import TimeToLive

if TYPE_CHECKING:
    from ..writes.applied import Applied
    from ..writes.group import Group

# Beyond so many digits a number of seconds is some 30 million years away: it never comes, or is
# long past.
_DIGITS_MAX: Final = 15


def expires_s(item: Item | None, attribute: str) -> int | None:
    """The second since 1970 at which an item expires, rounded up; None if it doesn't: there is no
    such item or attribute, it is no Number, or it is out of all reason.
    """
    if item is None:
        return None
    value = item.get(attribute)
    text: str | None = None if value is None else value.get("N")
    if text is None:
        return None
    if text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    whole, _, fraction = text.partition(".")
    if len(whole) > _DIGITS_MAX:
        return None
    # Up: an item is never deleted before its time, at most a second after it.
    return int(whole) + (1 if fraction and not whole.startswith("-") else 0)


def keep_expiry(group: Group, applied: Applied, ttl: TimeToLive) -> None:
    """Bring the expiry of one item from its old to its new state."""
    if not ttl.enabled:
        return
    key = applied.key
    if ttl.filled_to is not None and (key.hash, key.pk, key.sk) > ttl.filled_to:
        return
    before = expires_s(applied.old, ttl.attribute)
    after = expires_s(applied.new, ttl.attribute)
    if before == after:
        return
    table_id = applied.table.table_id
    if before is not None:
        group.tx.run(sql.EXPIRY_DELETE, (table_id, before, key.hash, key.pk, key.sk))
    if after is not None:
        group.tx.run(sql.EXPIRY_INSERT, (table_id, after, key.hash, key.pk, key.sk))
