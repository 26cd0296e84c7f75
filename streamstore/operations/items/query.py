"""Query: a page of the items of one partition key, of a table or of an index, in the order of the
sort key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ...engine.model import IndexInfo, TableInfo
from ...engine.tables import pages
from ...engine.tables.positions import Position, keys_of, query_start
from ...errors import ValidationFailed
from ...expressions import Condition, KeyRange, bind
from ...expressions.legacy import read_filter, read_key_conditions
from ..parameters import PREFIX, QUERY, refuse_paths_into_keys
from ..plan import ReadPlan, Scope
from ..tables.status import data_plane_table
from .reading import (
    INVALID,
    LENGTHS,
    SHORT_ITEMS_MAX,
    Page,
    check_parameters,
    check_projected,
    check_start_values,
    read_index,
    ready_json,
    whole_attributes,
)

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction

_NO_KEY_CONDITION: Final = (
    "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
)
_KEY_IN_FILTER: Final = "{} can only contain non-primary key attributes: Primary key attribute: {}"


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request, whose ExclusiveStartKey is a Reading. Raises RequestErrors."""
    check_parameters(params, QUERY, PREFIX)
    key_condition = None
    if "KeyConditions" in params:
        key_condition = read_key_conditions(params["KeyConditions"])
    filtering = read_filter(params.get("QueryFilter"), params.get("ConditionalOperator"))
    start = params.get("ExclusiveStartKey")
    check_start_values(start)
    selected = whole_attributes(params.get("AttributesToGet"))
    bound = bind(
        names=params.get("ExpressionAttributeNames"),
        values=params.get("ExpressionAttributeValues"),
        key_condition=params.get("KeyConditionExpression"),
        filter=params.get("FilterExpression"),
        projection=params.get("ProjectionExpression"),
    )
    key_condition = key_condition or bound.key_condition
    if key_condition is None:
        raise ValidationFailed(_NO_KEY_CONDITION)
    table = data_plane_table(scope, params["TableName"])
    index = read_index(table, params)
    keys = keys_of(table, index)
    key_range = key_condition.resolve(keys.hash, keys.range, None if index is None else index.name)
    position = None
    if start is not None:
        position = query_start(table, index, key_range, start.values)
    filtering = filtering or bound.filter
    if filtering is not None:
        _check_filter(table, index, filtering, "QueryFilter" in params)
    projection = selected or bound.projection
    fetching = check_projected(table, index, params, projection)
    meters = scope.engine.metrics.meters
    ready = ready_json(scope)
    page = QueryPage(table, index, params, projection, filtering, fetching, ready, meters)
    page.key_range = key_range
    page.position = position
    long = params.get("Limit", SHORT_ITEMS_MAX + 1) > SHORT_ITEMS_MAX and LENGTHS.long(page.source)
    return ReadPlan(page.read, long, table.name)


class QueryPage(Page):
    """A page of one partition key."""

    __slots__ = ("key_range", "position")

    key_range: KeyRange
    position: Position | None

    def entries(self, rx: ReadTransaction) -> Iterator[pages.Sized]:
        forward = self.params.get("ScanIndexForward", True)
        return pages.query(rx, self.table, self.index, self.key_range, forward, self.position)

    def rows(self, rx: ReadTransaction, limit: int) -> pages.Rows:
        forward = self.params.get("ScanIndexForward", True)
        return pages.query_rows(
            rx, self.table, self.index, self.key_range, forward, self.position, limit
        )

    def fetched(self, rx: ReadTransaction) -> Iterator[pages.Whole]:
        assert self.index is not None, "only entries of an index have items behind them"
        forward = self.params.get("ScanIndexForward", True)
        return pages.query_whole(rx, self.table, self.index, self.key_range, forward, self.position)


def _check_filter(
    table: TableInfo, index: IndexInfo | None, condition: Condition, is_legacy: bool
) -> None:
    """ValidationFailed for a filter on a key of what is queried, or on what the index lacks."""
    refuse_paths_into_keys(table, condition.paths)
    keys = keys_of(table, index)
    for name in keys.names:
        if name in condition.top_names:
            word = "QueryFilter" if is_legacy else "Filter Expression"
            raise ValidationFailed(_KEY_IN_FILTER.format(word, name))
    if index is not None and index.attributes:
        absent = condition.top_names - index.attributes
        if absent:
            raise ValidationFailed(
                f"{INVALID}Secondary index {index.name} does not project one or more filter"
                f" attributes: [{', '.join(sorted(absent))}]"
            )
