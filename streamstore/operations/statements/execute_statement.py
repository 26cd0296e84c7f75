"""ExecuteStatement: one statement of PartiQL, a page of a SELECT or one write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...engine.writes.mutation import Mutation
from ...errors import ConditionFailed, DuplicateItem, ValidationFailed
from ...expressions.partiql.tree import Exists, Insert, Select, Unsupported
from ..items.reading import LENGTHS, SHORT_ITEMS_MAX
from ..items.writing import COST_BYTES, ItemWrite
from ..plan import Plan, ReadPlan, Reply, Scope, WritePlan
from .next_token import decode, encode, question_of
from .reading import EXISTS_ELSEWHERE, parameters_of, parsed, table_of
from .selects import SelectPage, page_of
from .writes import Write, mutation_of

if TYPE_CHECKING:
    from ...engine.writes.group import Group
    from ...storage.transaction import ReadTransaction

Params = dict[str, Any]

# What a page or a write of one item is asked by the request itself.
_PASSED_ON: Final[tuple[str, ...]] = (
    "Limit",
    "ConsistentRead",
    "ReturnConsumedCapacity",
    "ReturnValuesOnConditionCheckFailure",
)


def prepare(params: Params, scope: Scope) -> Plan:
    """The plan of a checked request, whose Parameters are ValueReadings. Raises RequestErrors."""
    parameters = parameters_of(params)
    statement = parsed(params)
    if isinstance(statement, Unsupported):
        raise ValidationFailed(f"Unsupported operation: {statement.operation}")
    if isinstance(statement, Exists):
        raise ValidationFailed(EXISTS_ELSEWHERE)
    table = table_of(scope, statement)
    asked = {name: params[name] for name in _PASSED_ON if name in params}
    asked["TableName"] = statement.source.table
    if not isinstance(statement, Select):
        mutation = mutation_of(table, statement, parameters)
        write = StatementWrite(statement, mutation, asked)
        return WritePlan(write.carry_out, COST_BYTES + mutation.item_size, table.name)
    page = page_of(table, statement, parameters, asked, scope)
    key = scope.engine.iterator_key
    question = question_of(params["Statement"], parameters, table.uuid)
    if "NextToken" in params:
        page.start_behind(decode(key, question, params["NextToken"]))
    read = StatementRead(page, key, question)
    long = params.get("Limit", SHORT_ITEMS_MAX + 1) > SHORT_ITEMS_MAX and (
        page.ranges is None or LENGTHS.long(page.source)
    )
    return ReadPlan(read.read, long, table.name)


class StatementRead:
    """A page of a SELECT, and how it is answered."""

    __slots__ = ("_key", "_page", "_question")

    def __init__(self, page: SelectPage, key: bytes, question: bytes) -> None:
        self._page = page
        self._key = key
        self._question = question

    def read(self, rx: ReadTransaction) -> Reply:
        """The reply: Items, and where more may come NextToken and LastEvaluatedKey."""
        found = self._page.read(rx)
        reply: Reply = {"Items": found["Items"]}
        last = found.get("LastEvaluatedKey")
        if last is not None:
            reply["NextToken"] = encode(self._key, self._question, last)
            reply["LastEvaluatedKey"] = last
        if "ConsumedCapacity" in found:
            reply["ConsumedCapacity"] = found["ConsumedCapacity"]
        return reply


class StatementWrite:
    """One write of a statement, and what its caller wants to hear of it."""

    __slots__ = ("_inserts", "_write")

    def __init__(self, statement: Write, mutation: Mutation, asked: Params) -> None:
        returning = getattr(statement, "returning", None)
        self._inserts = isinstance(statement, Insert)
        values = {} if returning is None else {"ReturnValues": returning}
        self._write = ItemWrite(mutation, {**asked, **values})

    def carry_out(self, group: Group) -> Reply:
        """Write and answer. Raises ConditionFailed, or DuplicateItem of an INSERT."""
        try:
            done = self._write.carry_out(group)
        except ConditionFailed:
            if self._inserts:
                raise DuplicateItem from None
            raise
        reply: Reply = {"Items": [done["Attributes"]] if "Attributes" in done else []}
        if "ConsumedCapacity" in done:
            reply["ConsumedCapacity"] = done["ConsumedCapacity"]
        return reply
