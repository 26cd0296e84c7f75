"""What one mutation came to: the stored item before it, the item after it, and what that touched.

apply makes it in two steps, judging and carrying out; in between it is a decision that nothing has
been written for yet. The old image is unpacked only if somebody looks at it. It holds no more than
two images of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...codec.items import unpack
from ...codec.sizes import Item
from ..model import IndexInfo, TableInfo

if TYPE_CHECKING:
    from .mutation import EncodedKey, Mutation


class Applied:
    """The outcome of a mutation, or, before it is carried out, the decision.

    table         as it was under the lock
    old_packed    the stored item before, None if there was none; `old` is the same, unpacked
    new           the item afterwards, None if there is none; `new_packed` only where it is to be
    written
    old_size, new_size   bytes by the service's rules, 0 where there is no item
    changed       whether anything was written, and so a change record made
    index_writes  (index, write units) of the indexes that the change touched
    """

    __slots__ = (
        "_old",
        "body_id",
        "changed",
        "index_writes",
        "key",
        "new",
        "new_packed",
        "new_size",
        "old_packed",
        "old_size",
        "table",
        "ttl",
    )

    def __init__(self, mutation: Mutation, table: TableInfo, row: tuple[Any, ...] | None) -> None:
        self.table = table
        self.key: EncodedKey = mutation.key
        self.ttl = mutation.ttl
        self.old_packed: bytes | None
        self.body_id: int | None
        if row is None:
            self.old_size = 0
            self.old_packed = self.body_id = None
        else:
            self.old_size, self.old_packed, self.body_id = row
        self._old: Item | None = None
        self.new: Item | None = None
        self.new_packed: bytes | None = None
        self.new_size = 0
        self.changed = True
        self.index_writes: list[tuple[IndexInfo, int]] = []

    @property
    def old(self) -> Item | None:
        """The item before. Nobody changes it: whoever asks gets the same one."""
        if self._old is None and self.old_packed is not None:
            self._old = unpack(self.old_packed)
        return self._old
