"""GetItem: an item by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...codec.items import unpack
from ...codec.sizes import read_units
from ...engine.model import TableInfo
from ...engine.tables.items import get
from ...engine.writes.mutation import EncodedKey, encode_key
from ...expressions import Projection
from ...limits import READ_UNIT_BYTES
from ..capacity import consumed
from ..parameters import GET, refuse_mixing, refuse_paths_into_keys, refuse_stray_placeholders
from ..plan import ReadPlan, Reply, Scope
from ..tables.status import data_plane_table
from .reading import read_projection

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction

_BARE = 2  # TableName and Key


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request, whose Key is a Reading. Raises RequestErrors."""
    reading = params["Key"]
    projection = None
    if len(params) > _BARE:
        refuse_mixing(params, GET)
        refuse_stray_placeholders(params, GET)
    if reading.fault is not None:
        raise reading.fault
    if len(params) > _BARE:
        projection = read_projection(params)
    table = data_plane_table(scope, params["TableName"])
    key = encode_key(table, reading.values)
    if projection is not None:
        refuse_paths_into_keys(table, projection.paths)
    return ReadPlan(ItemRead(table, key, projection, params, scope).read, False, table.name)


class ItemRead:
    """One item to be read, and what of it."""

    __slots__ = ("engine", "key", "params", "projection", "shape", "table")

    def __init__(
        self,
        table: TableInfo,
        key: EncodedKey,
        projection: Projection | None,
        params: dict[str, Any],
        scope: Scope,
    ) -> None:
        self.table = table
        self.key = key
        self.projection = projection
        self.engine = scope.engine
        self.params = params
        # A whole item goes onto the wire as ready JSON.
        ready = projection is None and scope.base64_binary
        self.shape = scope.engine.fragments.json_of if ready else unpack

    def read(self, rx: ReadTransaction) -> Reply:
        """The reply: Item, or none."""
        found = get(rx, self.table, self.key, self.shape)
        reply: Reply = {}
        if found is not None:
            projection = self.projection
            reply["Item"] = found[0] if projection is None else projection.project(found[0])
        params = self.params
        size_bytes = 0 if found is None else found[1]
        # What nearly every request costs is told without a call.
        units = 0.5
        if size_bytes > READ_UNIT_BYTES or "ConsistentRead" in params:
            units = read_units(size_bytes, params.get("ConsistentRead", False))
        self.engine.metrics.meters[self.table.name].reads.append(units)
        if "ReturnConsumedCapacity" in params:
            entry = consumed(params["ReturnConsumedCapacity"], params["TableName"], units)
            if entry is not None:
                reply["ConsumedCapacity"] = entry
        return reply
