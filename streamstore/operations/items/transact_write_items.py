"""TransactWriteItems: up to 100 writes and checks of different items, all or nothing (spec H.3).

What is wrong with the request itself is a ValidationException; what is wrong with an action only
in view of its table or item (a key's type, a condition, an update that can't be done) is a reason
to cancel, and every action is judged. A ClientRequestToken makes a repetition within ten minutes
answer without writing; what the first one answered is kept as the units of reading its items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.attributes import Reading
from ...codec.sizes import read_units
from ...engine.model import TableInfo
from ...engine.tables.indexes import check_item, check_targets
from ...engine.writes import tokens
from ...engine.writes.applied import Applied
from ...engine.writes.mutation import Mutation, encode_item_key, encode_key
from ...engine.writes.transact import CONDITION_FAILED, transact
from ...errors import SerializationFailed, TransactionCanceled, ValidationFailed
from ...expressions import Bound, bind
from ..capacity import Tally
from ..parameters import refuse_paths_into_keys
from ..plan import Reply, Scope, WritePlan
from ..shapes.texts import UNEXPECTED_TOKEN
from ..tables.status import data_plane_table, only_table
from .writing import COST_BYTES, ITEM_TOO_LARGE, Metrics, Params, note_units, table_units

if TYPE_CHECKING:
    from ...engine.writes.group import Group

SAME_ITEM: Final = "Transaction request cannot include multiple operations on one item"
VALIDATION_ERROR: Final = "ValidationError"
_SEVERAL: Final = "TransactItems can only contain one of Check, Put, Update or Delete"
_NONE: Final = (
    "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"
)
# An empty key is refused outright, a key of the wrong type is a reason to cancel (spec K.16).
_OUTRIGHT: Final = "One or more parameter values are not valid. "
# Action, the request about it, its expressions.
Action = tuple[str, Params, Bound]


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request, whose Items and Keys are Readings. Raises RequestErrors."""
    elements: list[dict[str, Params]] = params["TransactItems"]
    actions: list[Action] = []
    for element in elements:
        if len(element) != 1:
            raise ValidationFailed(_SEVERAL if element else _NONE)
        ((kind, request),) = element.items()
        actions.append((kind, request, _check(kind, request)))
    payload = sum(_payload(request) for _, request, _ in actions)
    refuse_payload(payload)
    tables = [data_plane_table(scope, request["TableName"]) for _, request, _ in actions]
    transaction = Transaction(params, [request for _, request, _ in actions])
    seen: set[tuple[int, bytes, bytes]] = set()
    for action, table in zip(actions, tables, strict=True):
        try:
            mutation = _mutation(table, action)
        except ValidationFailed as fault:
            if refused_outright(fault):
                raise
            transaction.mutations.append(fault)
            continue
        place = (table.table_id, mutation.key.pk, mutation.key.sk)
        if place in seen:
            raise ValidationFailed(SAME_ITEM)
        seen.add(place)
        transaction.mutations.append(mutation)
    cost_bytes = len(actions) * COST_BYTES + payload
    return WritePlan(transaction.carry_out, cost_bytes, only_table(tables))


def refused_outright(fault: ValidationFailed) -> bool:
    """Whether a fault of a key refuses the request and not one action."""
    return fault.message.startswith(_OUTRIGHT)


def _refuse_outright(canceled: TransactionCanceled) -> None:
    """Raise what is no reason to cancel: an update that would leave an index key empty."""
    for reason in canceled.reasons:
        fault = ValidationFailed(reason.message or "")
        if reason.code == VALIDATION_ERROR and refused_outright(fault):
            raise fault


def refuse_payload(size_bytes: int) -> None:
    """ValidationFailed for more than 4 MiB in one transaction."""
    if size_bytes > limits.TRANSACT_BYTES_MAX:
        raise ValidationFailed(
            f"Transaction payload size cannot exceed 4MB. Payload Size: {size_bytes}"
        )


def refuse_surrogates(text: str) -> None:
    """SerializationFailed for a lone surrogate, which no JSON off the wire and no row can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SerializationFailed(UNEXPECTED_TOKEN) from None


class Transaction:
    """Writes to be done together, and what their caller wants to hear of them."""

    __slots__ = ("_digest", "_params", "_requests", "mutations")

    def __init__(self, params: Params, requests: list[Params]) -> None:
        self._params = params
        self._requests = requests
        self._digest = b""
        if "ClientRequestToken" in params:
            refuse_surrogates(params["ClientRequestToken"])
            self._digest = tokens.digest_of(_plain(params["TransactItems"]))
        # In the order of the actions; what is wrong with one stands in its place.
        self.mutations: list[Mutation | ValidationFailed] = []

    def carry_out(self, group: Group) -> Reply:
        """Write all and answer, or answer a repetition.

        Raises TransactionCanceled and IdempotencyMismatch.
        """
        token = self.token
        if token is not None:
            done = tokens.claim(group, token, self._digest)
            if done is not None:
                return self._repeated(done)
        try:
            applied = transact(group, self.mutations)
        except TransactionCanceled as canceled:
            _refuse_outright(canceled)
            self.hide_items(canceled)
            raise
        if token is not None:
            units = [_image_units(each) for each in applied]
            tokens.remember(group, token, self._digest, units)
        return self._reply(group, applied)

    @property
    def token(self) -> str | None:
        """Its ClientRequestToken, None without one."""
        token: str | None = self._params.get("ClientRequestToken")
        return token

    def hide_items(self, canceled: TransactionCanceled) -> None:
        """Leave stored items only in the reasons of those actions that ask for them."""
        for request, reason in zip(self._requests, canceled.reasons, strict=True):
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            if reason.code == CONDITION_FAILED and not wanted:
                reason.item = None

    def _reply(self, group: Group, applied: list[Applied]) -> Reply:
        tally = Tally(self._params.get("ReturnConsumedCapacity"), "Write")
        metrics = Metrics(self._params.get("ReturnItemCollectionMetrics"))
        for request, mutation, each in zip(self._requests, self.mutations, applied, strict=True):
            name = request["TableName"]
            # The factor is on the table's arm alone (spec I.3).
            tally.add(name, 2 * table_units(each), each.index_writes)
            note_units(group, each, 2)
            if isinstance(mutation, Mutation) and mutation.kind != "check":
                metrics.note(group, name, each)
        reply: Reply = {}
        entries = tally.entries()
        if entries is not None:
            reply["ConsumedCapacity"] = entries
        if metrics.by_table:
            reply["ItemCollectionMetrics"] = metrics.by_table
        return reply

    def _repeated(self, units: list[int]) -> Reply:
        tally = Tally(self._params.get("ReturnConsumedCapacity"), "Read")
        for request, read in zip(self._requests, units, strict=True):
            tally.add(request["TableName"], read)
        entries = tally.entries()
        return {} if entries is None else {"ConsumedCapacity": entries}


def _image_units(applied: Applied) -> float:
    """What reading the item as the transaction left it, or found it, costs in a transaction."""
    return 2 * read_units(applied.new_size or applied.old_size, consistent=True)


def _check(kind: str, request: Params) -> Bound:
    """What an action says by itself (stages 4 to 6); maps without an expression are accepted."""
    reading: Reading = request["Item"] if kind == "Put" else request["Key"]
    if reading.fault is not None:
        raise reading.fault
    if kind == "Put" and reading.size > limits.ITEM_BYTES_MAX:
        raise ValidationFailed(ITEM_TOO_LARGE)
    return bind(
        names=request.get("ExpressionAttributeNames"),
        values=request.get("ExpressionAttributeValues"),
        update=request.get("UpdateExpression"),
        condition=request.get("ConditionExpression"),
    )


def _payload(request: Params) -> int:
    return sum(part.size for part in request.values() if isinstance(part, Reading))


def _mutation(table: TableInfo, action: Action) -> Mutation:
    """The mutation of an action. Raises ValidationFailed; see `refused_outright`."""
    kind, request, bound = action
    condition = bound.condition
    if condition is not None:
        refuse_paths_into_keys(table, condition.paths)
    if kind == "Put":
        item: Reading = request["Item"]
        key = encode_item_key(table, item.values)
        if table.indexes:
            check_item(table, item.values, "put")
        return Mutation(
            table, key, "put", item=item.values, item_size=item.size, condition=condition
        )
    key = encode_key(table, request["Key"].values)
    if kind == "Delete":
        return Mutation(table, key, "delete", condition=condition)
    if kind == "ConditionCheck":
        return Mutation(table, key, "check", condition=condition)
    if bound.update is not None:
        check_targets(table, bound.update)
    return Mutation(table, key, "update", update=bound.update, condition=condition, flat=True)


def _plain(part: Any) -> Any:
    """A checked request without Readings, for a digest."""
    if isinstance(part, Reading):
        return part.values
    if isinstance(part, dict):
        return {name: _plain(value) for name, value in part.items()}
    return [_plain(each) for each in part] if isinstance(part, list) else part
