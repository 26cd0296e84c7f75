"""BatchGetItem: up to 100 items by their keys, of one or more tables, as of one moment (spec H.1).

Keys are read in the order given; those for which the reply of 16 MiB has no room left are handed
back as UnprocessedKeys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.sizes import Item, read_units
from ...engine.model import TableInfo
from ...engine.tables.items import get
from ...engine.writes.mutation import EncodedKey, encode_key
from ...errors import ValidationFailed
from ...expressions import Projection
from ...metrics import Meters
from ..capacity import Tally
from ..parameters import (
    GET,
    refuse_mixed,
    refuse_paths_into_keys,
    refuse_stray_placeholders,
)
from ..plan import ReadPlan, Reply, Scope
from ..tables.status import data_plane_table, only_table
from .reading import SHORT_ITEMS_MAX, Params, read_projection

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction

_TOO_MANY: Final = "Too many items requested for the BatchGetItem call"
DUPLICATE_KEYS: Final = "Provided list of item keys contains duplicates"


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request, whose Keys are Readings. Raises RequestErrors."""
    requests: dict[str, Params] = params["RequestItems"]
    _refuse_mixing(requests)
    count = sum(len(request["Keys"]) for request in requests.values())
    if count > limits.BATCH_GET_KEYS_MAX:
        raise ValidationFailed(_TOO_MANY)
    projections = {}
    for name, request in requests.items():
        refuse_stray_placeholders(request, GET)
        for reading in request["Keys"]:
            if reading.fault is not None:
                raise reading.fault
        projections[name] = read_projection(request)
        _refuse_duplicates([reading.values for reading in request["Keys"]])
    batch = BatchRead(params.get("ReturnConsumedCapacity"), scope.engine.metrics.meters)
    tables = {name: data_plane_table(scope, name) for name in requests}
    for name, table in tables.items():
        projection = projections[name]
        if projection is not None:
            refuse_paths_into_keys(table, projection.paths)
        keys = [encode_key(table, reading.values) for reading in requests[name]["Keys"]]
        batch.tables.append((name, table, keys, projection, requests[name]))
    return ReadPlan(batch.read, count > SHORT_ITEMS_MAX, only_table(tables.values()))


class BatchRead:
    """Keys to be read, a table after the other."""

    __slots__ = ("_meters", "_mode", "tables")

    def __init__(self, mode: str | None, meters: Meters) -> None:
        self._mode = mode
        self._meters = meters
        # Name as given, table, keys, projection, the request about that table.
        self.tables: list[tuple[str, TableInfo, list[EncodedKey], Projection | None, Params]] = []

    def read(self, rx: ReadTransaction) -> Reply:
        """The reply."""
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, Params] = {}
        tally = Tally(self._mode)
        left = limits.BATCH_GET_BYTES_MAX
        for name, table, keys, projection, request in self.tables:
            found = responses[name] = []
            consistent = request.get("ConsistentRead", False)
            units = 0.0
            for place, key in enumerate(keys):
                got = None if left < 0 else get(rx, table, key)
                if got is not None:
                    left -= got[1]
                if left < 0:
                    unprocessed[name] = {
                        **request,
                        "Keys": [reading.values for reading in request["Keys"][place:]],
                    }
                    break
                units += read_units(0 if got is None else got[1], consistent)
                if got is not None:
                    found.append(got[0] if projection is None else projection.project(got[0]))
            tally.add(name, units)
            self._meters[table.name].reads.append(units)
        reply: Reply = {"Responses": responses, "UnprocessedKeys": unprocessed}
        entries = tally.entries()
        if entries is not None:
            reply["ConsumedCapacity"] = entries
        return reply


def _refuse_mixing(requests: dict[str, Params]) -> None:
    """Neither one table's request nor two of them may mix both kinds of parameters (spec H.1)."""
    given = {name for request in requests.values() for name in request}
    legacy = [name for name in GET.legacy if name in given]
    expressions = [name for name in GET.expressions if name in given]
    if legacy and expressions:
        refuse_mixed(legacy, expressions)


def _refuse_duplicates(keys: list[Item]) -> None:
    """Told before a table is looked for, so by the keys' values, which are in normal form."""
    seen = {repr(sorted(key.items())) for key in keys}
    if len(seen) != len(keys):
        raise ValidationFailed(DUPLICATE_KEYS)
