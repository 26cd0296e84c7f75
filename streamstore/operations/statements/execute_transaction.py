"""ExecuteTransaction: up to 100 statements, all reads of one item or all writes, all or nothing.

Reads are carried out as TransactGetItems, writes as TransactWriteItems, so reasons to cancel,
client tokens and capacity are theirs. EXISTS counts as a write: it is a check. What the text of a
statement alone shows to be wrong refuses the request, what shows in view of its table or item is a
reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...engine.model import TableInfo
from ...engine.writes.mutation import Mutation
from ...engine.writes.transact import CONDITION_FAILED
from ...errors import (
    CancellationReason,
    DuplicateItem,
    TransactionCanceled,
    ValidationFailed,
)
from ...expressions.partiql.tree import Insert, Select, Unsupported
from ..faults import fault_of
from ..items.reading import SHORT_ITEMS_MAX
from ..items.transact_get_items import TransactionRead
from ..items.transact_write_items import (
    SAME_ITEM,
    VALIDATION_ERROR,
    Transaction,
    refuse_payload,
    refused_outright,
)
from ..items.writing import COST_BYTES
from ..plan import Plan, ReadPlan, Reply, Scope, WritePlan
from ..tables.status import only_table
from .reading import parameters_of, parsed, payload_of, table_of
from .selects import item_of_select
from .writes import BARE_EXISTS, Write, mutation_of

if TYPE_CHECKING:
    from ...engine.writes.group import Group

Params = dict[str, Any]

_MIXED: Final = (
    "ExecuteTransaction API does not support both read and write operations in the same request."
)
_FAILED: Final = "Validation failed in TransactStatements[{}]: {}"
_FULL_KEY: Final = (
    "Select statements within ExecuteTransaction must specify the primary key in the where clause."
)
_ON_INDEX: Final = "Reads on indices are not supported within transactions."
_RETURNING: Final = "RETURNING clause is not supported in ExecuteTransaction."
# Faults that refuse the request and not one statement.
_OF_TEXT: Final = frozenset((_FULL_KEY, _ON_INDEX, BARE_EXISTS))

Places = set[tuple[int, bytes, bytes]]


def prepare(params: Params, scope: Scope) -> Plan:
    """The plan of a checked request. Raises RequestErrors; a key that doesn't fit its table is a
    TransactionCanceled.
    """
    requests: list[Params] = params["TransactStatements"]
    values = [parameters_of(request) for request in requests]
    statements = [_statement(at, request) for at, request in enumerate(requests)]
    reads = [each for each in statements if isinstance(each, Select)]
    writes = [each for each in statements if not isinstance(each, Select)]
    if reads and writes:
        raise ValidationFailed(_MIXED)
    refuse_payload(sum(payload_of(request) for request in requests))
    tables = [table_of(scope, statement) for statement in statements]
    if reads:
        return _reading(params, reads, values, tables, scope)
    return _writing(params, writes, values, tables)


def _statement(at: int, request: Params) -> Select | Write:
    try:
        statement = parsed(request)
    except ValidationFailed as fault:
        if "well formed" in fault.message:
            raise
        raise ValidationFailed(_FAILED.format(at, fault.message)) from None
    if isinstance(statement, Unsupported):
        raise ValidationFailed(f"Unsupported operation: {statement.operation}")
    if getattr(statement, "returning", None) is not None:
        raise ValidationFailed(_FAILED.format(at, _RETURNING))
    return statement


def _reading(
    params: Params,
    statements: list[Select],
    values: list[list[Any]],
    tables: list[TableInfo],
    scope: Scope,
) -> ReadPlan:
    meters = scope.engine.metrics.meters
    read = TransactionRead(params.get("ReturnConsumedCapacity"), meters)
    reasons: list[CancellationReason] = []
    seen: Places = set()
    for at, (statement, table) in enumerate(zip(statements, tables, strict=True)):
        if statement.source.index is not None:
            raise ValidationFailed(_FAILED.format(at, _ON_INDEX))
        try:
            key, projection = item_of_select(table, statement, values[at], _FULL_KEY)
        except ValidationFailed as fault:
            _refuse(at, fault)
            reasons.append(CancellationReason(VALIDATION_ERROR, fault.message))
            continue
        reasons.append(CancellationReason())
        _take((table.table_id, key.pk, key.sk), seen)
        read.gets.append((statement.source.table, table, key, projection))
    if len(read.gets) < len(statements):
        raise TransactionCanceled(reasons)
    return ReadPlan(read.read, len(statements) > SHORT_ITEMS_MAX, only_table(tables))


def _writing(
    params: Params, statements: list[Write], values: list[list[Any]], tables: list[TableInfo]
) -> WritePlan:
    requests: list[Params] = params["TransactStatements"]
    named = [
        {**request, "TableName": statement.source.table}
        for request, statement in zip(requests, statements, strict=True)
    ]
    # What a token stands for is the texts and their parameters.
    content = [
        [request["Statement"], parameters]
        for request, parameters in zip(requests, values, strict=True)
    ]
    transaction = Transaction({**params, "TransactItems": content}, named)
    seen: Places = set()
    for at, (statement, table) in enumerate(zip(statements, tables, strict=True)):
        try:
            mutation = mutation_of(table, statement, values[at], flat=True)
        except ValidationFailed as fault:
            _refuse(at, fault)
            transaction.mutations.append(fault)
            continue
        _take((table.table_id, mutation.key.pk, mutation.key.sk), seen)
        transaction.mutations.append(mutation)
    size = sum(each.item_size for each in transaction.mutations if isinstance(each, Mutation))
    refuse_payload(size)
    write = TransactionWrite(transaction, statements)
    cost = len(statements) * COST_BYTES + size
    return WritePlan(write.carry_out, cost, only_table(tables))


def _refuse(at: int, fault: ValidationFailed) -> None:
    """ValidationFailed for a fault that is no reason to cancel but refuses the request."""
    if fault.message in _OF_TEXT:
        raise ValidationFailed(_FAILED.format(at, fault.message)) from None
    if refused_outright(fault):
        raise fault


def _take(place: tuple[int, bytes, bytes], seen: Places) -> None:
    if place in seen:
        raise ValidationFailed(SAME_ITEM)
    seen.add(place)


class TransactionWrite:
    """Writes to be done together, as TransactWriteItems does them."""

    __slots__ = ("_statements", "_transaction")

    def __init__(self, transaction: Transaction, statements: list[Write]) -> None:
        self._transaction = transaction
        self._statements = statements

    def carry_out(self, group: Group) -> Reply:
        """Write all and answer, or answer a repetition. Raises as the transaction does."""
        try:
            done = self._transaction.carry_out(group)
        except TransactionCanceled as canceled:
            for statement, reason in zip(self._statements, canceled.reasons, strict=True):
                if reason.code == CONDITION_FAILED and isinstance(statement, Insert):
                    _rename(reason)
            raise TransactionCanceled(canceled.reasons) from None
        return {"Responses": [], **done}


def _rename(reason: CancellationReason) -> None:
    """An INSERT that met an item: the code is that of a batch, the text everybody's."""
    reason.code = "DuplicateItem"
    reason.message = fault_of(DuplicateItem()).message
    reason.item = None
