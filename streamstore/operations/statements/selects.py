"""SELECT: which partitions it reads, in which order, and a page of them; or the one item it is.

Where WHERE says what the hash key is (an equality, an IN, or an OR each side of which says so),
only those partitions are read, one after the other, and the sort key's terms bound each; whatever
the bounds don't say is the filter. Else everything is scanned and WHERE is the filter. So the
answer is the same whatever is planned; only what it costs differs.

ORDER BY orders the partitions by the hash key and each of them by the sort key; several partitions
are never merged (as DynamoDB Local has it; AWS is silent). Without it they come as they were named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.keys import encode
from ...codec.sizes import Item, Value
from ...engine.model import IndexInfo, KeySchema, TableInfo
from ...engine.tables import pages
from ...engine.tables.positions import (
    Position,
    keys_of,
    partition_of,
    query_start,
    scan_start,
)
from ...engine.writes.mutation import EncodedKey, encode_key
from ...errors import ValidationFailed
from ...expressions import Condition, KeyConditionTree, KeyRange
from ...expressions.partiql.conditions import Bound, Where
from ...expressions.partiql.selections import Selection, selection_of
from ...expressions.partiql.translation import Translation
from ...expressions.partiql.tree import Select
from ..items.reading import INVALID, Page, check_projected, read_index, ready_json
from ..parameters import refuse_paths_into_keys
from ..plan import Scope
from .next_token import invalid
from .reading import check_type, key_of, where_of

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction

Params = dict[str, Any]

_ORDER_WITHOUT_WHERE: Final = "Must have WHERE clause in the statement when using ORDER BY clause."
_ORDER_WITHOUT_HASH: Final = (
    "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY"
    " clause."
)
_ORDER_BY_OTHER: Final = "Variable reference {} in ORDER BY clause must be part of the primary key"
_TOO_MANY: Final = "The IN operator is provided with too many operands; number of operands: {}"


class SelectPage(Page):
    """A page of a SELECT: of `ranges`, or of everything where that is None. `position` lies in the
    first range.
    """

    __slots__ = ("forward", "position", "ranges")

    ranges: list[KeyRange] | None
    forward: bool
    position: Position | None

    def start_behind(self, last: Item) -> None:
        """Go on behind an item. Raises ValidationFailed if it is not of this page's."""
        try:
            if self.ranges is None:
                self.position = scan_start(self.table, self.index, last)
                return
            keys = keys_of(self.table, self.index)
            own = KeyRange({part.name: last[part.name] for part in keys.hash}, ())
            partition = partition_of(keys, own)
            for at, key_range in enumerate(self.ranges):
                if partition_of(keys, key_range) == partition:
                    self.ranges = self.ranges[at:]
                    self.position = query_start(self.table, self.index, key_range, last)
                    return
        except (ValidationFailed, LookupError):
            raise invalid() from None
        raise invalid()

    def entries(self, rx: ReadTransaction) -> Iterator[pages.Sized]:
        if self.ranges is None:
            yield from pages.scan(rx, self.table, self.index, start=self.position)
            return
        start = self.position
        for key_range in self.ranges:
            yield from pages.query(rx, self.table, self.index, key_range, self.forward, start)
            start = None

    def rows(self, rx: ReadTransaction, limit: int) -> pages.Rows:
        if self.ranges is None:
            return pages.scan_rows(rx, self.table, self.index, 0, 1, self.position, limit)
        if len(self.ranges) == 1:
            return self._rows(rx, self.ranges[0], self.position, limit)
        return self._rows_of_several(rx, limit)

    def _rows_of_several(self, rx: ReadTransaction, limit: int) -> pages.Rows:
        start = self.position
        for key_range in self.ranges or ():
            yield from self._rows(rx, key_range, start, limit)
            start = None

    def _rows(
        self, rx: ReadTransaction, key_range: KeyRange, start: Position | None, limit: int
    ) -> pages.Rows:
        return pages.query_rows(rx, self.table, self.index, key_range, self.forward, start, limit)

    def fetched(self, rx: ReadTransaction) -> Iterator[pages.Whole]:
        assert self.index is not None, "only entries of an index have items behind them"
        if self.ranges is None:
            yield from pages.scan_whole(rx, self.table, self.index, start=self.position)
            return
        start = self.position
        for key_range in self.ranges:
            yield from pages.query_whole(rx, self.table, self.index, key_range, self.forward, start)
            start = None


def page_of(
    table: TableInfo, statement: Select, parameters: list[Value], params: Params, scope: Scope
) -> SelectPage:
    """The page that a SELECT asks for. `params`: TableName, Limit, ConsistentRead,
    ReturnConsumedCapacity. Raises ValidationFailed.
    """
    selection = _selection(statement)
    where = where_of(Translation(parameters), statement.where)
    source = {"IndexName": statement.source.index} if statement.source.index is not None else {}
    index = read_index(table, {**params, **source})
    keys = keys_of(table, index)
    ranges, filtering, forward = _plan(statement, where, keys, index)
    if filtering is not None:
        refuse_paths_into_keys(table, filtering.paths)
        if ranges is not None:
            _check_filter(index, filtering)
    fetching = check_projected(table, index, {}, selection)
    meters, ready = scope.engine.metrics.meters, ready_json(scope)
    page = SelectPage(table, index, params, selection, filtering, fetching, ready, meters)
    page.ranges = ranges
    page.forward = forward
    page.position = None
    return page


def item_of_select(
    table: TableInfo, statement: Select, parameters: list[Value], refusal: str
) -> tuple[EncodedKey, Selection | None]:
    """The key of the one item that a SELECT of a batch or transaction reads, and what of it.

    Raises ValidationFailed(refusal) where it reads more or asks more than its key.
    """
    selection = _selection(statement)
    where = where_of(Translation(parameters), statement.where)
    pinned = key_of(table, where)
    if where is None or pinned is None or where.rest(pinned[1]) is not None:
        raise ValidationFailed(refusal)
    if statement.source.index is not None:
        raise ValidationFailed(refusal)
    _order(statement, table.keys)
    if selection is not None:
        refuse_paths_into_keys(table, selection.paths)
    return encode_key(table, pinned[0]), selection


def _selection(statement: Select) -> Selection | None:
    return None if statement.projection is None else selection_of(statement.projection)


def _check_filter(index: IndexInfo | None, condition: Condition) -> None:
    """ValidationFailed for a filter on what the index lacks, as Query has it."""
    if index is None or not index.attributes:
        return
    absent = condition.top_names - index.attributes
    if absent:
        raise ValidationFailed(
            f"{INVALID}Secondary index {index.name} does not project one or more filter"
            f" attributes: [{', '.join(sorted(absent))}]"
        )


def _plan(
    statement: Select, where: Where | None, keys: KeySchema, index: IndexInfo | None
) -> tuple[list[KeyRange] | None, Condition | None, bool]:
    """Ranges or None, what is left to filter by, and whether sort keys ascend."""
    descending = _order(statement, keys)
    if where is None:
        if descending:
            raise ValidationFailed(_ORDER_WITHOUT_WHERE)
        return None, None, True
    partitions, used = _partitions(where, keys)
    if partitions is None:
        if descending:
            raise ValidationFailed(_ORDER_WITHOUT_HASH)
        return None, where.compiled(), True
    first = keys.hash[0].name
    if descending:
        backward = descending.get(first, False)
        partitions.sort(key=lambda item: encode(item[first]), reverse=backward)
    bounds: dict[str, Bound] = {}
    for part in keys.range:
        for value_type in where.types_of(part.name):
            check_type(part, {value_type: None})
        found = where.bound(part.name)
        if found is None:
            break
        used.add(found[0])
        bounds[part.name] = found[1]
        if found[1][0] != "=":
            break
    name = None if index is None else index.name
    ranges = [_range(partition, bounds, where, keys, name) for partition in partitions]
    forward = not any(descending.get(part.name, False) for part in keys.range)
    return ranges, where.compiled(used), forward


def _order(statement: Select, keys: KeySchema) -> dict[str, bool]:
    """Whether it descends, by attribute of ORDER BY."""
    descending: dict[str, bool] = {}
    for path, is_descending in statement.order:
        name = str(path.steps[0])
        if name not in keys.names:
            raise ValidationFailed(_ORDER_BY_OTHER.format(name))
        descending.setdefault(name, is_descending)
    return descending


def _partitions(where: Where, keys: KeySchema) -> tuple[list[Item] | None, set[int]]:
    """The hash keys that an item must have one of, in the order given; None if there is no telling.
    With them the positions of the terms that say no more than this.
    """
    if len(keys.hash) > 1:
        together: Item = {}
        used = set()
        for part in keys.hash:
            pinned = where.pinned(part.name)
            if pinned is None:
                return None, set()
            check_type(part, pinned[1])
            together[part.name] = pinned[1]
            used.add(pinned[0])
        return [together], used
    part = keys.hash[0]
    chosen = where.choices(part.name)
    if chosen is None:
        return None, set()
    at, values = chosen
    if len(values) > limits.SELECTED_PARTITIONS_MAX:
        raise ValidationFailed(_TOO_MANY.format(len(values)))
    distinct: dict[bytes, Item] = {}
    for value in values:
        check_type(part, value)
        distinct.setdefault(encode(value), {part.name: value})
    return list(distinct.values()), set() if at is None else {at}


def _range(
    partition: Item, bounds: dict[str, Bound], where: Where, keys: KeySchema, index: str | None
) -> KeyRange:
    values = dict(where.scope.values)
    conditions: dict[str, Bound] = {}
    for at, (name, value) in enumerate(partition.items()):
        values[f":h{at}"] = value
        conditions[name] = "=", (f":h{at}",)
    conditions.update(bounds)
    return KeyConditionTree(conditions, values).resolve(keys.hash, keys.range, index)
