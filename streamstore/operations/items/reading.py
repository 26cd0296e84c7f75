"""What the reads share: projections, the rules of Select and of indexes, and a page of a Query or
Scan (spec G).

A page is an object whose `read` runs in one read transaction: it takes items from the engine one by
one, measures, judges and cuts, and says where the next page begins. It keeps no transaction open
behind it.

Pages off an event loop: whether a page will be long is not known before it is read, so the length
of earlier pages of the same table or index stands for it (`Lengths`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.attributes import Reading
from ...codec.items import unpack
from ...codec.sizes import Item, read_units
from ...engine.model import IndexInfo, TableInfo
from ...engine.tables.pages import body_of
from ...engine.tables.positions import BAD_START, page_key
from ...errors import ValidationFailed
from ...expressions import Condition, Projection, bind
from ...expressions.paths import Branch
from ...metrics import Meters
from ..capacity import consumed
from ..parameters import Rules, refuse_mixing, refuse_paths_into_keys, refuse_stray_placeholders
from ..plan import Reply, Scope

if TYPE_CHECKING:
    from ...codec.fragments import Fragments
    from ...engine.tables.pages import Rows, Sized, Whole
    from ...storage.transaction import ReadTransaction

Params = dict[str, Any]

INVALID: Final = "One or more parameter values were invalid: "
_NO_LIMIT: Final = 1 << 62
_PAGE_BYTES_MAX: Final = limits.PAGE_BYTES_MAX


# Projections.


def read_projection(params: Params) -> Projection | None:
    """Stage 6 of a read without other expressions: ProjectionExpression or AttributesToGet, or
    None.
    """
    if "ProjectionExpression" in params:
        return bind(
            names=params.get("ExpressionAttributeNames"),
            values=None,
            projection=params["ProjectionExpression"],
        ).projection
    return whole_attributes(params.get("AttributesToGet"))


def whole_attributes(names: list[str] | None) -> Projection | None:
    """AttributesToGet as a projection. Raises ValidationFailed for a name that is empty or given
    twice.
    """
    if names is None:
        return None
    for place, name in enumerate(names):
        if not name:
            raise ValidationFailed("Empty attribute name")
        if name in names[:place]:
            raise ValidationFailed(f"{INVALID}Duplicate value in attribute name: {name}")
    return Projection(tuple((name,) for name in names), Branch())


# Rules of Query and Scan that need no table (stages 3 and 4).

_CHOOSING: Final = {
    "ALL_ATTRIBUTES": "ALL_ATTRIBUTES",
    "ALL_PROJECTED_ATTRIBUTES": "ALL_PROJECTED_ATTRIBUTES",
    "COUNT": "only the Count",
}
_PROJECTING: Final = ("ProjectionExpression", "AttributesToGet")


def check_parameters(params: Params, rules: Rules, select_prefix: str) -> None:
    """Which parameters go together; `select_prefix` stands before the texts about Select."""
    refuse_mixing(params, rules)
    refuse_stray_placeholders(params, rules)
    select = params.get("Select")
    if select is None:
        return
    given = [name for name in _PROJECTING if name in params]
    if select == "SPECIFIC_ATTRIBUTES":
        if not given:
            raise ValidationFailed(
                f"{select_prefix}Must specify the AttributesToGet or ProjectionExpression"
                " when choosing to get SPECIFIC_ATTRIBUTES"
            )
    elif given:
        raise ValidationFailed(
            f"{select_prefix}Cannot specify the {given[0]} when choosing to get {_CHOOSING[select]}"
        )
    elif select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in params:
        raise ValidationFailed(
            f"{select_prefix}ALL_PROJECTED_ATTRIBUTES can be used only when Querying"
            " using an IndexName"
        )


def check_start_values(start: Reading | None) -> None:
    """ValidationFailed for a bad value in ExclusiveStartKey."""
    if start is None or start.fault is None:
        return
    message = start.fault.message
    if any(part in message for part in _UNWRAPPED_START_FAULTS):
        raise start.fault
    raise ValidationFailed(f"{BAD_START}: {message}")


# Number texts, and those about sets of numbers and duplicates, come as they are (spec G.3).
_UNWRAPPED_START_FAULTS: Final = (
    "cannot be converted to a numeric value",
    "Number overflow",
    "Number underflow",
    "significant digits in a Number",
    "An number set",
    "contains duplicates",
)


def ready_json(scope: Scope) -> Fragments | None:
    """Where whole items are answered as ready JSON: on the wire, where nobody looks into them."""
    return scope.engine.fragments if scope.base64_binary else None


# Rules that look at the table (stage 8).


def read_index(table: TableInfo, params: Params) -> IndexInfo | None:
    """The index that IndexName names, or None. Raises ValidationFailed if it can't be read so."""
    if "IndexName" not in params:
        return None
    name = params["IndexName"]
    index = table.index(name)
    if index is None:
        raise ValidationFailed(f"The table does not have the specified index: {name}")
    if index.kind == "GSI" and params.get("ConsistentRead"):
        raise ValidationFailed("Consistent reads are not supported on global secondary indexes")
    if index.filled_to is not None:
        raise ValidationFailed(f"Cannot read from backfilling global secondary index: {name}")
    return index


def check_projected(
    table: TableInfo, index: IndexInfo | None, params: Params, projection: Projection | None
) -> bool:
    """Whether a read must fetch the items behind the entries of an LSI.

    Raises ValidationFailed for what a GSI doesn't hold.
    """
    if projection is not None:
        refuse_paths_into_keys(table, projection.paths)
    if index is None or not index.attributes:
        return False
    if projection is None:
        if params.get("Select") != "ALL_ATTRIBUTES":
            return False
        if index.kind == "GSI":
            raise ValidationFailed(
                f"{INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index"
                f" {index.name} because its projection type is not ALL"
            )
        return True
    absent = projection.top_names - index.attributes
    if absent and index.kind == "GSI":
        raise ValidationFailed(
            f"{INVALID}Global secondary index {index.name} does not project"
            f" [{', '.join(sorted(absent))}]"
        )
    return bool(absent)


# Pages.


class Lengths:
    """How many bytes the recent pages of a table or index held: a guess at the next one's.

    Approximate on purpose: threads may race, and old tables fall out when there are too many.
    """

    __slots__ = ("_recent",)

    LONG_BYTES: Final = 128 * limits.KIB
    _TABLES_MAX: Final = 4096
    _FADE: Final = 0.9

    def __init__(self) -> None:
        self._recent: dict[tuple[str, str | None], float] = {}

    def long(self, source: tuple[str, str | None]) -> bool:
        """Whether a page of this table or index was long not long ago."""
        return self._recent.get(source, 0.0) > self.LONG_BYTES

    def note(self, source: tuple[str, str | None], size_bytes: int) -> None:
        """A page of so many bytes was read."""
        faded = self._recent.get(source, 0.0) * self._FADE
        if len(self._recent) >= self._TABLES_MAX:
            self._recent.clear()
        self._recent[source] = max(faded, size_bytes)


def _cut(rows: Rows, limit: int) -> tuple[list[bytes], int]:
    """The bodies of a page and their items' bytes: to the limit, or to what crosses 1 MiB."""
    bodies: list[bytes] = []
    size = 0
    for row in rows:
        bodies.append(body_of(row))
        size += row[0]
        if size >= _PAGE_BYTES_MAX or len(bodies) == limit:
            break
    return bodies, size


LENGTHS: Final = Lengths()
# A page of at most so many items is short whatever they are: it ends at 1 MiB.
SHORT_ITEMS_MAX: Final = 25


class Page:
    """One page of a Query or Scan; a subclass says in which order of which items.

    `fragments` is given where whole items are answered as ready JSON, that is on the wire.
    `fetching`: each entry's item is read too and is what is answered (an LSI, spec I.3).
    """

    __slots__ = (
        "fetching", "filter", "fragments", "index", "meters", "params", "projection", "table",
    )  # fmt: skip

    def __init__(
        self,
        table: TableInfo,
        index: IndexInfo | None,
        params: Params,
        projection: Projection | None,
        filter: Condition | None,  # noqa: A002 - the service's word
        fetching: bool,
        fragments: Fragments | None,
        meters: Meters,
    ) -> None:
        self.meters = meters
        self.table = table
        self.fragments = fragments
        self.index = index
        self.params = params
        self.projection = projection
        self.filter = filter
        self.fetching = fetching

    @property
    def source(self) -> tuple[str, str | None]:
        """What `Lengths` knows it by."""
        return self.table.uuid, None if self.index is None else self.index.name

    def entries(self, rx: ReadTransaction) -> Iterator[Sized]:
        """The items or entries and their sizes, from where the page begins."""
        raise NotImplementedError

    def rows(self, rx: ReadTransaction, limit: int) -> Rows:
        """The same as they are stored."""
        raise NotImplementedError

    def fetched(self, rx: ReadTransaction) -> Iterator[Whole]:
        """The same of an LSI, with the item behind each entry."""
        raise NotImplementedError

    def read(self, rx: ReadTransaction) -> Reply:
        """The reply."""
        counting = self.params.get("Select") == "COUNT"
        if self.fetching:
            return self._read_fetching(rx)
        if counting or self.filter is not None or self.projection is not None:
            return self._read_judging(rx, counting)
        return self._read_whole(rx)

    def _read_whole(self, rx: ReadTransaction) -> Reply:
        """Every item as it is stored."""
        limit = self.params.get("Limit", _NO_LIMIT)
        rows = self.rows(rx, limit)
        size = 0
        if type(rows) is list and (size := sum([row[0] for row in rows])) < _PAGE_BYTES_MAX:
            bodies = [body_of(row) for row in rows]
        else:
            bodies, size = _cut(rows, limit)
        last: Item | None = None
        if size >= _PAGE_BYTES_MAX or len(bodies) == limit:
            last = unpack(bodies[-1])
        shape: Callable[[bytes], Any] = unpack
        if self.fragments is not None:
            shape = self.fragments.json_of
        items = [shape(body) for body in bodies]
        return self._reply(items, len(items), len(items), size, last)

    def _read_judging(self, rx: ReadTransaction, counting: bool) -> Reply:
        matches = None if self.filter is None else self.filter.matches
        project = None if self.projection is None else self.projection.project
        limit = self.params.get("Limit", _NO_LIMIT)
        items: list[Item] = []
        count = scanned = size = 0
        last: Item | None = None
        for item, item_bytes in self.entries(rx):
            scanned += 1
            size += item_bytes
            if matches is None or matches(item):
                count += 1
                if not counting:
                    items.append(item if project is None else project(item))
            if size >= _PAGE_BYTES_MAX or scanned == limit:
                last = item
                break
        return self._reply(None if counting else items, count, scanned, size, last)

    def _read_fetching(self, rx: ReadTransaction) -> Reply:
        matches = None if self.filter is None else self.filter.matches
        project = None if self.projection is None else self.projection.project
        limit = self.params.get("Limit", _NO_LIMIT)
        consistent = self.params.get("ConsistentRead", False)
        items: list[Item] = []
        scanned = size = held = 0
        units = 0.0
        last: Item | None = None
        for entry, entry_bytes, item, item_bytes in self.fetched(rx):
            scanned += 1
            size += entry_bytes
            held += item_bytes
            units += read_units(item_bytes, consistent)
            if matches is None or matches(entry):
                items.append(item if project is None else project(item))
            # What is answered counts toward the page, or it would have no bound.
            if held >= _PAGE_BYTES_MAX or scanned == limit:
                last = entry
                break
        return self._reply(items, len(items), scanned, size, last, units)

    def _reply(
        self,
        items: list[Item] | None,
        count: int,
        scanned: int,
        size_bytes: int,
        last: Item | None,
        fetch_units: float = 0.0,
    ) -> Reply:
        params = self.params
        reply: Reply = {} if items is None else {"Items": items}
        reply["Count"] = count
        reply["ScannedCount"] = scanned
        if last is not None:
            reply["LastEvaluatedKey"] = page_key(self.table, self.index, last)
        LENGTHS.note(self.source, size_bytes)
        units = read_units(size_bytes, params.get("ConsistentRead", False))
        index_name = None if self.index is None else self.index.name
        self.meters.note_page(self.table.name, index_name, units, fetch_units)
        if "ReturnConsumedCapacity" in params:
            mode, name = params["ReturnConsumedCapacity"], params["TableName"]
            if self.index is None:
                entry = consumed(mode, name, units)
            else:
                entry = consumed(mode, name, fetch_units, [(self.index, units)])
            if entry is not None:
                reply["ConsumedCapacity"] = entry
        return reply
