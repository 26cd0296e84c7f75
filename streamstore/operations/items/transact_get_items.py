"""TransactGetItems: up to 100 items as of one moment (spec H.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...codec.sizes import read_units
from ...engine.model import TableInfo
from ...engine.tables.items import get
from ...engine.writes.mutation import EncodedKey, encode_key
from ...errors import CancellationReason, TransactionCanceled, ValidationFailed
from ...expressions import Projection
from ...metrics import Meters
from ..capacity import Tally
from ..parameters import refuse_paths_into_keys
from ..plan import ReadPlan, Reply, Scope
from ..tables.status import data_plane_table, only_table
from .reading import SHORT_ITEMS_MAX, Params, read_projection
from .transact_write_items import (
    SAME_ITEM,
    VALIDATION_ERROR,
    refuse_payload,
    refused_outright,
)

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request, whose Keys are Readings.

    Raises RequestErrors; a key that doesn't fit its table is a TransactionCanceled.
    """
    gets: list[Params] = [element["Get"] for element in params["TransactItems"]]
    projections = []
    for each in gets:
        if each["Key"].fault is not None:
            raise each["Key"].fault
        projections.append(read_projection(each))
    tables = [data_plane_table(scope, each["TableName"]) for each in gets]
    meters = scope.engine.metrics.meters
    transaction = TransactionRead(params.get("ReturnConsumedCapacity"), meters)
    reasons = []
    seen: set[tuple[int, bytes, bytes]] = set()
    for each, table, projection in zip(gets, tables, projections, strict=True):
        if projection is not None:
            refuse_paths_into_keys(table, projection.paths)
        try:
            key = encode_key(table, each["Key"].values)
        except ValidationFailed as fault:
            if refused_outright(fault):
                raise
            reasons.append(CancellationReason(VALIDATION_ERROR, fault.message))
            continue
        reasons.append(CancellationReason())
        place = (table.table_id, key.pk, key.sk)
        if place in seen:
            raise ValidationFailed(SAME_ITEM)
        seen.add(place)
        transaction.gets.append((each["TableName"], table, key, projection))
    if len(transaction.gets) < len(gets):
        raise TransactionCanceled(reasons)
    return ReadPlan(transaction.read, len(gets) > SHORT_ITEMS_MAX, only_table(tables))


class TransactionRead:
    """Items to be read in one transaction."""

    __slots__ = ("_meters", "_mode", "gets")

    def __init__(self, mode: str | None, meters: Meters) -> None:
        self._mode = mode
        self._meters = meters
        self.gets: list[tuple[str, TableInfo, EncodedKey, Projection | None]] = []

    def read(self, rx: ReadTransaction) -> Reply:
        """The reply. Raises ValidationFailed when the items are too many bytes together."""
        responses: list[dict[str, Any]] = []
        tally = Tally(self._mode, "Read")
        size = 0
        for name, table, key, projection in self.gets:
            found = get(rx, table, key)
            item_bytes = 0 if found is None else found[1]
            size += item_bytes
            refuse_payload(size)
            units = 2 * read_units(item_bytes, consistent=True)
            tally.add(name, units)
            self._meters[table.name].reads.append(units)
            if found is None:
                responses.append({})
                continue
            item = found[0] if projection is None else projection.project(found[0])
            # Unlike GetItem, a projection that finds nothing leaves no Item (spec E.5).
            responses.append({"Item": item} if item else {})
        reply: Reply = {"Responses": responses}
        entries = tally.entries()
        if entries is not None:
            reply["ConsumedCapacity"] = entries
        return reply
