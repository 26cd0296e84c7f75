"""From a request's texts, names and values to expressions that can run (spec B.1, stage 6).

Most requests repeat texts and names and bring new values. So what was checked once is kept as a
plan, found by texts and names together: compiled code, the placeholders it uses, and what it
requires of the values' types. A request that a plan suits is bound in a few dictionary look-ups.
For any other one everything is checked in the service's order, which either finds the error to
tell or makes a plan; there is no other place that words errors, so the fast way can't tell a
different one.

Both caches hold what is valid only and are bounded by entries and by characters of text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Generic, TypeVar, cast

from .. import limits
from ..codec.attributes import Reading
from ..codec.refusals import NESTING, NOT_UTF8
from ..errors import SerializationFailed, ValidationFailed
from .checks import Scope
from .conditions import Condition, ConditionCode, compare, compile_condition
from .grammar import parse
from .key_conditions import KeyConditionTree, ShapedCondition, shape
from .projections import Projection
from .tree import ConditionNode, Kind, ProjectionTree, Tree, UpdateTree, Value
from .updates import Update, UpdateCode
from .words import TYPE_NAMES, check_words

# Blanks round a placeholder are overlooked here, but make it one that no text can use.
_NAME_KEY: Final = re.compile(r"[ \t\r\n]*#[A-Za-z0-9_]+[ \t\r\n]*")
_VALUE_KEY: Final = re.compile(r"[ \t\r\n]*:[A-Za-z0-9_]+[ \t\r\n]*")
_NO_VALUES: Final[Mapping[str, Value]] = {}

Key = TypeVar("Key")
Entry = TypeVar("Entry")
PlanKey = tuple[
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    tuple[tuple[str, str], ...] | None,
]


class Cache(Generic[Key, Entry]):
    """The recently used entries: at most limits.EXPRESSION_CACHE_ENTRIES of them, made from at
    most limits.EXPRESSION_CACHE_CHARS characters.

    Two generations stand in for a list by time of use: what the old one still serves moves to the
    young one, and when that is half of what is allowed, it takes the old one's place. Reading a
    young entry changes nothing, so threads need no lock; a race may only forget an entry.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._young: dict[Key, tuple[Entry, int]] = {}
        self._old: dict[Key, tuple[Entry, int]] = {}
        self._young_chars = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    @property
    def chars(self) -> int:
        """Characters that all entries were made from."""
        return sum(chars for half in (self._young, self._old) for _, chars in half.values())

    def get(self, key: Key) -> Entry | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is None:
                return None
            self.put(key, *found)
        return found[0]

    def put(self, key: Key, entry: Entry, chars: int) -> None:
        """`chars`: what the entry was made from; one of more than an eighth of all is not kept."""
        if chars > limits.EXPRESSION_CACHE_CHARS // 8:
            return
        if (
            len(self._young) >= limits.EXPRESSION_CACHE_ENTRIES // 2
            or self._young_chars + chars > limits.EXPRESSION_CACHE_CHARS // 2
        ):
            self._old = self._young
            self._young = {}
            self._young_chars = 0
        self._young[key] = (entry, chars)
        self._young_chars += chars


class Bound:
    """The expressions of a request, ready to run; None for those it doesn't have."""

    __slots__ = ("condition", "filter", "key_condition", "projection", "update")

    def __init__(
        self,
        update: Update | None,
        condition: Condition | None,
        key_condition: KeyConditionTree | None,
        filter: Condition | None,  # noqa: A002  # the name of the parameter on the wire
        projection: Projection | None,
    ) -> None:
        self.update = update
        self.condition = condition
        self.key_condition = key_condition
        self.filter = filter
        self.projection = projection


class _Plan:
    """Checked expressions of one set of texts and names, and what they require of values."""

    __slots__ = (
        "bounds",
        "condition",
        "filter",
        "key_condition",
        "projection",
        "type_names",
        "types",
        "update",
        "used_values",
    )

    def __init__(self, scope: Scope) -> None:
        self.update: UpdateCode | None = None
        self.condition: ConditionCode | None = None
        self.key_condition: dict[str, ShapedCondition] | None = None
        self.filter: ConditionCode | None = None
        self.projection: Projection | None = None
        self.used_values = frozenset(scope.used_values)
        self.types = tuple(scope.types.items())
        self.bounds = tuple(scope.bounds)
        self.type_names = tuple(scope.type_names)

    def suits(self, reading: Reading | None) -> bool:
        """Whether these values would pass every check."""
        if reading is None:
            return not self.used_values
        values = reading.values
        if (
            not values
            or reading.fault is not None
            or values.keys() != self.used_values
            or reading.size > limits.EXPRESSION_VARIABLES_BYTES_MAX
        ):
            return False
        for key, allowed in self.types:
            (kind,) = values[key]
            if kind not in allowed:
                return False
        for low, high in self.bounds:
            order = compare(values[low], values[high])
            if order is None or order > 0:
                return False
        return all(values[key]["S"] in TYPE_NAMES for key in self.type_names)

    def bind(self, values: Mapping[str, Value]) -> Bound:
        update, condition, filtering = self.update, self.condition, self.filter
        return Bound(
            None if update is None else Update(update, values),
            None if condition is None else Condition(condition, values),
            None if self.key_condition is None else KeyConditionTree(self.key_condition, values),
            None if filtering is None else Condition(filtering, values),
            self.projection,
        )


_plans: Final[Cache[PlanKey, _Plan]] = Cache()
_trees: Final[Cache[tuple[Kind, str], Tree]] = Cache()


def bind(
    *,
    names: Mapping[str, str] | None,
    values: Reading | None,
    update: str | None = None,
    condition: str | None = None,
    key_condition: str | None = None,
    filter: str | None = None,  # noqa: A002  # the name of the parameter on the wire
    projection: str | None = None,
    bare_set_faults: bool = False,
) -> Bound:
    """Checks the expressions of a request and binds them to its values.

    `names` and `values` are ExpressionAttributeNames and ExpressionAttributeValues, None when
    absent; that they come with an expression is checked before, in operations, and with none at
    all only their form is checked here. `bare_set_faults`: UpdateItem and PutItem tell faults of
    sets and NULL in a value without the words around (spec B.3). Raises ValidationFailed, prefixed
    but for what codec finds at fault in a value and for the shape of key conditions.
    """
    key = (
        update,
        condition,
        key_condition,
        filter,
        projection,
        None if names is None else tuple(names.items()),
    )
    plan = _plans.get(key)
    if plan is None or not plan.suits(values):
        plan = _checked(key, names, values, bare_set_faults)
    return plan.bind(_NO_VALUES if values is None else values.values)


def _checked(
    key: PlanKey, names: Mapping[str, str] | None, values: Reading | None, bare_set_faults: bool
) -> _Plan:
    """The plan for a request, after every check in its order."""
    if names is not None:
        _check_keys("ExpressionAttributeNames", names, _NAME_KEY)
    if values is not None:
        _check_keys("ExpressionAttributeValues", values.values, _VALUE_KEY)
        _check_values(values, bare_set_faults)
    if names is not None:
        _check_names(names)
    update, condition, key_condition, filtering, projection, _ = key
    scope = Scope(names or {}, _NO_VALUES if values is None else values.values)
    update_code = condition_code = filter_code = selected = key_root = None
    if update is not None:
        update_tree = cast(UpdateTree, _parsed("Update", update))
        targets = scope.update(update_tree)
        update_code = UpdateCode(update_tree, scope.paths, targets)
    if condition is not None:
        condition_code = compile_condition(_looked_at(scope, "Condition", condition), scope.paths)
    if key_condition is not None:
        key_root = _looked_at(scope, "KeyCondition", key_condition)
    if filtering is not None:
        filter_code = compile_condition(_looked_at(scope, "Filter", filtering), scope.paths)
    if projection is not None:
        projection_tree = cast(ProjectionTree, _parsed("Projection", projection))
        root = scope.projection(projection_tree)
        selected = Projection(tuple(scope.paths[path] for path in projection_tree.paths), root)
    texts = [text for text in key[:5] if text is not None]
    if texts:
        _check_unused("Names", names or {}, scope.used_names)
        _check_unused("Values", scope.values, scope.used_values)
    plan = _Plan(scope)
    plan.update = update_code
    plan.condition = condition_code
    plan.filter = filter_code
    plan.projection = selected
    if key_root is not None:
        plan.key_condition = shape(key_root, scope.paths)
    if texts:
        chars = sum(map(len, texts)) + sum(len(n) + len(v) for n, v in (names or {}).items())
        _plans.put(key, plan, chars)
    return plan


def _looked_at(scope: Scope, kind: Kind, text: str) -> ConditionNode:
    tree = cast(ConditionNode, _parsed(kind, text))
    scope.condition(kind, tree)
    return tree


def _parsed(kind: Kind, text: str) -> Tree:
    """The tree of a text that is right as far as the text alone can tell."""
    tree = _trees.get((kind, text))
    if tree is None:
        tree = parse(kind, text)
        check_words(kind, tree)
        _trees.put((kind, text), tree, len(text))
    return tree


def _refusal(detail: str) -> ValidationFailed:
    return ValidationFailed(detail, prefixed=True)


def _check_names(names: Mapping[str, str]) -> None:
    where = "ExpressionAttributeNames"
    total = 0
    for key, name in names.items():
        try:
            size = len(name.encode())
        except UnicodeEncodeError as error:
            raise SerializationFailed(NOT_UTF8) from error
        if not size:
            raise _refusal(f"{where} contains invalid value: Empty attribute name for key {key}")
        if size > limits.ATTRIBUTE_NAME_BYTES_MAX:
            raise _refusal(
                f"{where} contains invalid value: Attribute name is too large, must be less than "
                f"{limits.ATTRIBUTE_NAME_BYTES_MAX + 1} bytes for key {key}"
            )
        total += size + len(key)
    if total > limits.EXPRESSION_VARIABLES_BYTES_MAX:
        raise _refusal(f"{where} exceeds max size")


def _check_values(reading: Reading, bare_set_faults: bool) -> None:
    where = "ExpressionAttributeValues"
    fault = reading.fault
    if fault is not None:
        if fault.message == NESTING or (bare_set_faults and fault.prefixed):
            raise fault
        raise ValidationFailed(
            f"{where} contains invalid value: {fault.message} for key {reading.fault_at}",
            prefixed=fault.prefixed,
        )
    if reading.size > limits.EXPRESSION_VARIABLES_BYTES_MAX:
        raise _refusal(f"{where} exceeds max size")


def _check_keys(where: str, keys: Mapping[str, object], grammar: re.Pattern[str]) -> None:
    if not keys:
        raise _refusal(f"{where} must not be empty")
    for key in keys:
        if not key:
            detail = "The expression attribute map contains an empty key;"
        elif len(key) > limits.PLACEHOLDER_CHARS_MAX:
            detail = (
                "The expression attribute map contains a key that is too long; "
                f"size of key: {len(key)}"
            )
        elif grammar.fullmatch(key) is None:
            detail = f'Syntax error; key: "{key}"'
        else:
            continue
        # Unlike an empty map, a bad key is told without the prefix of spec B.3.
        raise ValidationFailed(f"{where} contains invalid key: {detail}")


def _check_unused(which: str, given: Mapping[str, object], used: set[str]) -> None:
    unused = [key for key in given if key not in used]
    if unused:
        raise _refusal(
            f"Value provided in ExpressionAttribute{which} unused in expressions: "
            f"keys: {{{', '.join(unused)}}}"
        )
