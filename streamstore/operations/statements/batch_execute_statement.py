"""BatchExecuteStatement: up to 25 statements, all reads of one item or all writes, each by itself.

What is wrong with one statement is told in its place and leaves the others alone; mixing reads and
writes, or one item twice, refuses the whole. All reads see one moment. Writes are done in the order
given, in one unit of the writer, so a failure of the machine leaves none of them; a condition that
fails, fails before its own statement has written anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...codec.sizes import Item, read_units
from ...engine.model import TableInfo
from ...engine.tables.items import get
from ...engine.writes.apply import carry_out, judge
from ...engine.writes.mutation import EncodedKey, Mutation
from ...errors import (
    ConditionFailed,
    DuplicateItem,
    RequestError,
    ResourceNotFound,
    ValidationFailed,
)
from ...expressions import Projection
from ...expressions.partiql.tree import Exists, Insert, Parsed, Select, Statement, Unsupported
from ...metrics import Meters
from ..capacity import Tally
from ..faults import fault_of
from ..items.batch_get_item import DUPLICATE_KEYS
from ..items.reading import SHORT_ITEMS_MAX
from ..items.writing import COST_BYTES, note_units, returned, table_units
from ..plan import Plan, ReadPlan, Reply, Scope, WritePlan
from ..tables.status import only_table
from .reading import EXISTS_ELSEWHERE, parameters_of, parsed, table_of
from .selects import item_of_select
from .writes import mutation_of

if TYPE_CHECKING:
    from ...engine.writes.group import Group
    from ...storage.transaction import ReadTransaction

Params = dict[str, Any]

_MIXED: Final = "Read and write requests together in the same batch is not supported."
_SINGLE_ITEM: Final = (
    "Select statements within BatchExecuteStatement must specify the primary key in the where"
    " clause."
)
_INVALID_OPERATION: Final = (
    "Invalid operation. Only select, insert, update and delete operations are valid"
)
# The names that a statement's errors have in a batch, by class.
_CODES: Final[dict[type[RequestError], str]] = {
    ValidationFailed: "ValidationError",
    ConditionFailed: "ConditionalCheckFailed",
    DuplicateItem: "DuplicateItem",
    ResourceNotFound: "ResourceNotFound",
}
_TOLD: Final = tuple(_CODES)


class Refused:
    """A statement that came to nothing, and why. `table`: its name where it got as far."""

    __slots__ = ("error", "table")

    def __init__(self, error: RequestError, table: str = "") -> None:
        self.error = error
        self.table = table

    def response(self) -> dict[str, Any]:
        """Its part of the reply."""
        fault = fault_of(self.error)
        shown: dict[str, Any] = {"Code": _CODES[type(self.error)], "Message": fault.message}
        if "Item" in fault.extra:
            shown["Item"] = fault.extra["Item"]
        return {"Error": shown, **({"TableName": self.table} if self.table else {})}


class SingleRead:
    """A SELECT of one item. `name` is the table's as given."""

    __slots__ = ("consistent", "key", "name", "projection", "table")

    def __init__(
        self,
        name: str,
        table: TableInfo,
        key: EncodedKey,
        projection: Projection | None,
        consistent: bool,
    ) -> None:
        self.name = name
        self.table = table
        self.key = key
        self.projection = projection
        self.consistent = consistent


class SingleWrite:
    """A write of one item. `name` is the table's as given, `params` those of its statement."""

    __slots__ = ("mutation", "name", "params", "statement")

    def __init__(self, name: str, mutation: Mutation, statement: Statement, params: Params) -> None:
        self.name = name
        self.mutation = mutation
        self.statement = statement
        self.params = params

    @property
    def table(self) -> TableInfo:
        return self.mutation.table

    @property
    def key(self) -> EncodedKey:
        return self.mutation.key


Part = SingleRead | SingleWrite


def prepare(params: Params, scope: Scope) -> Plan:
    """The plan of a checked request. Raises ValidationFailed for what refuses the whole batch."""
    requests: list[Params] = params["Statements"]
    values = [parameters_of(request) for request in requests]
    statements = [_read(request) for request in requests]
    reading = {isinstance(each, Select) for each in statements if isinstance(each, Statement)}
    if len(reading) > 1:
        raise ValidationFailed(_MIXED)
    parts = [
        _part(scope, request, statement, parameters)
        for request, statement, parameters in zip(requests, statements, values, strict=True)
    ]
    sound = [part for part in parts if not isinstance(part, Refused)]
    _refuse_duplicates(sound)
    mode = params.get("ReturnConsumedCapacity")
    table = only_table(part.table for part in sound)
    if reading != {False}:
        read = BatchRead(parts, mode, scope.engine.metrics.meters)
        return ReadPlan(read.read, len(parts) > SHORT_ITEMS_MAX, table)
    cost = sum(COST_BYTES + p.mutation.item_size for p in sound if isinstance(p, SingleWrite))
    return WritePlan(BatchWrite(parts, mode).carry_out, cost, table)


def _read(request: Params) -> Parsed | Refused:
    try:
        return parsed(request)
    except _TOLD as error:
        return Refused(error)


def _part(
    scope: Scope, request: Params, statement: Parsed | Refused, parameters: list[Any]
) -> Part | Refused:
    if isinstance(statement, Refused):
        return statement
    try:
        return _bound(scope, request, statement, parameters)
    except _TOLD as error:
        return Refused(error)


def _bound(scope: Scope, request: Params, statement: Parsed, parameters: list[Any]) -> Part:
    if isinstance(statement, Unsupported):
        raise ValidationFailed(_INVALID_OPERATION)
    if isinstance(statement, Exists):
        raise ValidationFailed(EXISTS_ELSEWHERE)
    table = table_of(scope, statement)
    name = statement.source.table
    if isinstance(statement, Select):
        key, projection = item_of_select(table, statement, parameters, _SINGLE_ITEM)
        return SingleRead(name, table, key, projection, request.get("ConsistentRead", False))
    return SingleWrite(name, mutation_of(table, statement, parameters), statement, request)


def _refuse_duplicates(parts: list[Part]) -> None:
    places = {(part.table.table_id, part.key.pk, part.key.sk) for part in parts}
    if len(places) != len(parts):
        raise ValidationFailed(DUPLICATE_KEYS)


class BatchRead:
    """Items to be read as of one moment."""

    __slots__ = ("_meters", "_mode", "_parts")

    def __init__(self, parts: list[Part | Refused], mode: str | None, meters: Meters) -> None:
        self._parts = parts
        self._mode = mode
        self._meters = meters

    def read(self, rx: ReadTransaction) -> Reply:
        """The reply: a response for every statement."""
        responses: list[dict[str, Any]] = []
        tally = Tally(self._mode)
        for part in self._parts:
            if isinstance(part, Refused):
                responses.append(part.response())
                continue
            assert isinstance(part, SingleRead), "reads are not mixed with writes"
            found = get(rx, part.table, part.key)
            units = read_units(0 if found is None else found[1], part.consistent)
            tally.add(part.name, units)
            self._meters[part.table.name].reads.append(units)
            response: dict[str, Any] = {"TableName": part.name}
            if found is not None:
                item: Item = found[0]
                response["Item"] = (
                    item if part.projection is None else part.projection.project(item)
                )
            responses.append(response)
        return _reply(responses, tally)


class BatchWrite:
    """Writes to be done one after the other."""

    __slots__ = ("_mode", "_parts")

    def __init__(self, parts: list[Part | Refused], mode: str | None) -> None:
        self._parts = parts
        self._mode = mode

    def carry_out(self, group: Group) -> Reply:
        """Write what can be written; the reply has a response for every statement."""
        responses: list[dict[str, Any]] = []
        tally = Tally(self._mode)
        for part in self._parts:
            if isinstance(part, Refused):
                responses.append(part.response())
                continue
            assert isinstance(part, SingleWrite), "writes are not mixed with reads"
            responses.append(self._written(group, part, tally))
        return _reply(responses, tally)

    def _written(self, group: Group, part: SingleWrite, tally: Tally) -> dict[str, Any]:
        try:
            applied = judge(group, part.mutation)
        except _TOLD as error:
            return Refused(_shown(error, part), part.name).response()
        if applied.changed:
            carry_out(group, applied)
        tally.add(part.name, table_units(applied), applied.index_writes)
        note_units(group, applied)
        response: dict[str, Any] = {"TableName": part.name}
        mode = getattr(part.statement, "returning", None)
        attributes = None if mode is None else returned(mode, part.mutation, applied)
        if attributes:
            response["Item"] = attributes
        return response


def _shown(error: RequestError, part: SingleWrite) -> RequestError:
    """An error as a statement of a batch tells it."""
    if not isinstance(error, ConditionFailed):
        return error
    if isinstance(part.statement, Insert):
        return DuplicateItem()
    wanted = part.params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return error if wanted else ConditionFailed()


def _reply(responses: list[dict[str, Any]], tally: Tally) -> Reply:
    reply: Reply = {"Responses": responses}
    entries = tally.entries()
    if entries is not None:
        reply["ConsumedCapacity"] = entries
    return reply
