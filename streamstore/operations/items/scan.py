"""Scan: a page of the items of a table or the entries of an index, or of a segment of either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...engine.tables import pages
from ...engine.tables.positions import Position, scan_start
from ...errors import ValidationFailed
from ...expressions import bind
from ...expressions.legacy import read_filter
from ..parameters import SCAN, refuse_paths_into_keys
from ..plan import ReadPlan, Scope
from ..tables.status import data_plane_table
from .reading import (
    SHORT_ITEMS_MAX,
    Page,
    Params,
    check_parameters,
    check_projected,
    check_start_values,
    read_index,
    ready_json,
    whole_attributes,
)

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request, whose ExclusiveStartKey is a Reading. Raises RequestErrors."""
    check_parameters(params, SCAN, "")
    segment, total = _segment(params)
    filtering = read_filter(params.get("ScanFilter"), params.get("ConditionalOperator"))
    start = params.get("ExclusiveStartKey")
    check_start_values(start)
    selected = whole_attributes(params.get("AttributesToGet"))
    bound = bind(
        names=params.get("ExpressionAttributeNames"),
        values=params.get("ExpressionAttributeValues"),
        filter=params.get("FilterExpression"),
        projection=params.get("ProjectionExpression"),
    )
    table = data_plane_table(scope, params["TableName"])
    index = read_index(table, params)
    position = None
    if start is not None:
        position = scan_start(table, index, start.values, segment, total)
    filtering = filtering or bound.filter
    if filtering is not None:
        refuse_paths_into_keys(table, filtering.paths)
    projection = selected or bound.projection
    fetching = check_projected(table, index, params, projection)
    meters = scope.engine.metrics.meters
    ready = ready_json(scope)
    page = ScanPage(table, index, params, projection, filtering, fetching, ready, meters)
    page.segment = segment
    page.total = total
    page.position = position
    long = params.get("Limit", SHORT_ITEMS_MAX + 1) > SHORT_ITEMS_MAX
    return ReadPlan(page.read, long, table.name)


class ScanPage(Page):
    """A page of one segment."""

    __slots__ = ("position", "segment", "total")

    position: Position | None
    segment: int
    total: int

    def entries(self, rx: ReadTransaction) -> Iterator[pages.Sized]:
        return pages.scan(rx, self.table, self.index, self.segment, self.total, self.position)

    def rows(self, rx: ReadTransaction, limit: int) -> pages.Rows:
        return pages.scan_rows(
            rx, self.table, self.index, self.segment, self.total, self.position, limit
        )

    def fetched(self, rx: ReadTransaction) -> Iterator[pages.Whole]:
        assert self.index is not None, "only entries of an index have items behind them"
        return pages.scan_whole(rx, self.table, self.index, self.segment, self.total, self.position)


def _segment(params: Params) -> tuple[int, int]:
    """Segment and TotalSegments, (0, 1) if neither is there."""
    segment, total = params.get("Segment"), params.get("TotalSegments")
    if segment is None and total is None:
        return 0, 1
    if total is None:
        raise ValidationFailed(
            "The TotalSegments parameter is required but was not present in the request"
            " when Segment parameter is present"
        )
    if segment is None:
        raise ValidationFailed(
            "The Segment parameter is required but was not present in the request"
            " when parameter TotalSegments is present"
        )
    if segment >= total:
        raise ValidationFailed(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments:"
            f" Segment: {segment} is not less than TotalSegments: {total}"
        )
    return segment, total
