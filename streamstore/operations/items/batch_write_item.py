"""BatchWriteItem: up to 25 puts and deletes, each atomic by itself (spec H.2).

All are checked before the first is written, and all are written in one unit, so nothing is ever
handed back as unprocessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...engine.model import TableInfo
from ...engine.tables.indexes import check_item
from ...engine.writes.apply import apply
from ...engine.writes.mutation import Mutation, encode_item_key, encode_key
from ...errors import ValidationFailed
from ..capacity import Tally
from ..plan import Reply, Scope, WritePlan
from ..tables.status import data_plane_table, only_table
from .batch_get_item import DUPLICATE_KEYS
from .writing import COST_BYTES, ITEM_TOO_LARGE, Metrics, Params, note_units, table_units

if TYPE_CHECKING:
    from ...engine.writes.group import Group

_TOO_MANY: Final = "Too many items requested for the BatchWriteItem call"
# The service says so of an element that is no put or delete, or both.
_NOT_ONE_REQUEST: Final = (
    "Supplied AttributeValue has more than one datatypes set,"
    " must contain exactly one of the supported datatypes"
)


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request, whose Items and Keys are Readings. Raises RequestErrors."""
    requests: dict[str, list[Params]] = params["RequestItems"]
    if sum(map(len, requests.values())) > limits.BATCH_WRITE_REQUESTS_MAX:
        raise ValidationFailed(_TOO_MANY)
    for elements in requests.values():
        for element in elements:
            _check(element)
    tables = {name: data_plane_table(scope, name) for name in requests}
    batch = BatchWrite(params)
    cost_bytes = 0
    seen: set[tuple[int, bytes, bytes]] = set()
    for name, elements in requests.items():
        for element in elements:
            mutation = _mutation(tables[name], element)
            place = (mutation.table.table_id, mutation.key.pk, mutation.key.sk)
            if place in seen:
                raise ValidationFailed(DUPLICATE_KEYS)
            seen.add(place)
            batch.mutations.append((name, mutation))
            cost_bytes += COST_BYTES + mutation.item_size
    return WritePlan(batch.carry_out, cost_bytes, only_table(tables.values()))


class BatchWrite:
    """Writes to be done one after the other, and what their caller wants to hear of them."""

    __slots__ = ("_params", "mutations")

    def __init__(self, params: Params) -> None:
        self._params = params
        self.mutations: list[tuple[str, Mutation]] = []

    def carry_out(self, group: Group) -> Reply:
        """Write all and answer."""
        tally = Tally(self._params.get("ReturnConsumedCapacity"))
        metrics = Metrics(self._params.get("ReturnItemCollectionMetrics"))
        for name, mutation in self.mutations:
            applied = apply(group, mutation)
            tally.add(name, table_units(applied), applied.index_writes)
            note_units(group, applied)
            metrics.note(group, name, applied)
        reply: Reply = {"UnprocessedItems": {}}
        entries = tally.entries()
        if entries is not None:
            reply["ConsumedCapacity"] = entries
        if metrics.by_table:
            reply["ItemCollectionMetrics"] = metrics.by_table
        return reply


def _check(element: Params) -> None:
    """What an element's own values say (stages 3 to 5)."""
    if len(element) != 1:
        raise ValidationFailed(_NOT_ONE_REQUEST)
    if "PutRequest" in element:
        reading = element["PutRequest"]["Item"]
    else:
        reading = element["DeleteRequest"]["Key"]
    if reading.fault is not None:
        raise reading.fault
    if "PutRequest" in element and reading.size > limits.ITEM_BYTES_MAX:
        raise ValidationFailed(ITEM_TOO_LARGE)


def _mutation(table: TableInfo, element: Params) -> Mutation:
    if "DeleteRequest" in element:
        key = encode_key(table, element["DeleteRequest"]["Key"].values)
        return Mutation(table, key, "delete")
    reading = element["PutRequest"]["Item"]
    key = encode_item_key(table, reading.values, in_batch=True)
    if table.indexes:
        check_item(table, reading.values, "put")
    return Mutation(table, key, "put", item=reading.values, item_size=reading.size)
