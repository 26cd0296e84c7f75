"""Rules across the parameters of one request, before any value or expression is looked at (spec
B.1, stage 3).

Which parameters go with expressions and which with their predecessors (spec J) differs by
operation, so each brings Rules. What the predecessors mean is read in expressions/legacy.

`prefixed` faults are those to which PutItem and UpdateItem put the prefix of spec B.3; they catch
them at their door.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ..engine.model import TableInfo
from ..errors import ValidationFailed
from .shapes import texts

if TYPE_CHECKING:
    from ..expressions import Path


@dataclass(frozen=True, slots=True)
class Rules:
    """One operation's expressions and their predecessors, in the order in which the service prints
    them.

    `values_text`: what is null when ExpressionAttributeValues come without an expression for them;
    None where the operation takes no values.
    """

    legacy: tuple[str, ...]
    expressions: tuple[str, ...]
    values_text: str | None = None


PUT_OR_DELETE: Final = Rules(
    ("Expected", "ConditionalOperator"), ("ConditionExpression",), "ConditionExpression is null"
)
UPDATE: Final = Rules(
    ("AttributeUpdates", "Expected", "ConditionalOperator"),
    ("UpdateExpression", "ConditionExpression"),
    "UpdateExpression and ConditionExpression are null",
)
GET: Final = Rules(("AttributesToGet",), ("ProjectionExpression",))
QUERY: Final = Rules(
    ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"),
    ("ProjectionExpression", "FilterExpression", "KeyConditionExpression"),
    "FilterExpression and KeyConditionExpression are null",
)
SCAN: Final = Rules(
    ("AttributesToGet", "ScanFilter", "ConditionalOperator"),
    ("ProjectionExpression", "FilterExpression"),
    "FilterExpression is null",
)
# Since 2026 PutItem and UpdateItem begin the texts of some families so (spec B.3), Query those
# about Select.
PREFIX: Final = texts.prefixed("")
_NOT_SCALAR: Final = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed:"
)


def refuse_mixing(params: dict[str, Any], rules: Rules) -> None:
    """ValidationFailed for predecessors beside expressions."""
    legacy = [name for name in rules.legacy if name in params]
    if not legacy:
        return
    expressions = [name for name in rules.expressions if name in params]
    mixed = legacy
    if "KeyConditionExpression" not in params:
        mixed = [name for name in legacy if name != "KeyConditions"]
    if mixed and expressions:
        refuse_mixed(mixed, expressions)


def refuse_mixed(legacy: list[str], expressions: list[str]) -> NoReturn:
    """The refusal of both kinds in one request."""
    raise ValidationFailed(
        "Can not use both expression and non-expression parameters in the same request:"
        f" Non-expression parameters: {{{', '.join(legacy)}}}"
        f" Expression parameters: {{{', '.join(expressions)}}}",
        prefixed=True,
    )


def refuse_stray_placeholders(params: dict[str, Any], rules: Rules) -> None:
    """ValidationFailed for ExpressionAttributeNames or -Values without an expression that could use
    them.
    """
    names, values = "ExpressionAttributeNames" in params, "ExpressionAttributeValues" in params
    if not names and not values:
        return
    expressions = [name for name in rules.expressions if name in params]
    if names and not expressions:
        raise ValidationFailed(
            "ExpressionAttributeNames can only be specified when using expressions", prefixed=True
        )
    if values and not [name for name in expressions if name != "ProjectionExpression"]:
        raise ValidationFailed(
            "ExpressionAttributeValues can only be specified when using expressions:"
            f" {rules.values_text}",
            prefixed=True,
        )


def refuse_paths_into_keys(table: TableInfo, paths: Iterable[Path]) -> None:
    """ValidationFailed for a path that goes below a key attribute of the table or of one of its
    indexes.

    Unlike all else here this is stage 8: it looks at the table.
    """
    nested = [path[0] for path in paths if len(path) > 1]
    if not nested:
        return
    index_keys = {name for index in table.indexes for name in index.keys.names}
    for name in nested:
        if name in table.keys.names:
            raise ValidationFailed(f"{_NOT_SCALAR} Key: {name}")
        if name in index_keys:
            raise ValidationFailed(f"{_NOT_SCALAR} IndexKey: {name}")
