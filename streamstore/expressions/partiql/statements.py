"""Text -> statement: SELECT, INSERT, UPDATE, DELETE and EXISTS, and the refusal of all others.

What SQL knows and the service doesn't (joins, groups, aliases, limits, tables to be made) is
refused by name where the service does so; whatever fits no rule at all is malformed. Texts were
learned from DynamoDB Local 3.3, reasons why a text is malformed from PartiQL's reference parser.

Parsed statements are remembered by their text, as programs send few texts with many parameters.
"""

from __future__ import annotations

from typing import Final

from ...errors import ValidationFailed
from ..binding import Cache
from .grammar import expression_of
from .reader import Reader
from .reserved import KEYWORDS
from .tree import (
    Change,
    Delete,
    Exists,
    Expression,
    Insert,
    Parsed,
    PathRef,
    Returning,
    Select,
    Source,
    Unsupported,
    Update,
)

_AFTER_SEMICOLON: Final = "Unexpected token after semicolon. (Only one query is allowed.)"
_AFTER_EXPRESSION: Final = "Unexpected token after expression"
_TERM: Final = "Unexpected term"
_NO_TARGET: Final = "Expected identifier for simple path"
_SINGLE_SOURCE: Final = "Only select from a single table or index is supported."
_INSERTED: Final = (
    "FROM clause may only contain a single table name in data manipulation statements"
)
_CHANGED: Final = "This operation is not supported on an index"
_ORDER_BY_PATH: Final = "Argument to ORDER BY must be of type VariableReference. Type: PATH"
_JOINS: Final = frozenset(
    (",", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "NATURAL")
)
_CLAUSES: Final = {
    "GROUP": "GROUP BY",
    "HAVING": "HAVING",
    "LIMIT": "LIMIT",
    "LET": "LET",
}
_DEFINITIONS: Final = {
    ("CREATE", "TABLE"): "CreateTable",
    ("CREATE", "INDEX"): "CreateIndex",
    ("DROP", "TABLE"): "DropTable",
    ("DROP", "INDEX"): "DropIndex",
}
_RETURNING: Final[dict[tuple[str, str], Returning]] = {
    ("ALL", "OLD"): "ALL_OLD",
    ("ALL", "NEW"): "ALL_NEW",
    ("MODIFIED", "OLD"): "UPDATED_OLD",
    ("MODIFIED", "NEW"): "UPDATED_NEW",
}
# The service's names for kinds of expressions.
_KINDS: Final = {
    "PathRef": "VariableReference",
    "Constant": "Literal",
    "Sequence": "Seq",
    "Tuple": "Struct",
}
_ALL_OLD_ONLY: Final = (
    "Invalid returning clause: RETURNING {} {} *."
    " Only RETURNING ALL OLD * is allowed in DELETE statements."
)

_statements: Final[Cache[str, Parsed]] = Cache()


def parse(text: str) -> Parsed:
    """The statement that a text is. Raises ValidationFailed."""
    statement = _statements.get(text)
    if statement is None:
        statement = _Statements(text).statement()
        _statements.put(text, statement, len(text))
    return statement


class _Statements(Reader):
    """A text that is a statement."""

    def statement(self) -> Parsed:
        kind = self.kind
        for words, operation in _DEFINITIONS.items():
            if self.took(*words):
                return Unsupported(operation)
        statement: Parsed
        if kind == "SELECT":
            statement = self.select()
        elif kind == "INSERT":
            statement = self.insert()
        elif kind == "UPDATE":
            statement = self.update()
        elif kind == "DELETE":
            statement = self.delete()
        elif self.took("EXISTS", "("):
            inner = self.select()
            self.take(")")
            statement = Exists(inner.source, inner.parameters, inner.where)
        else:
            kind = type(expression_of(self)).__name__
            statement = Unsupported(_KINDS.get(kind, kind))
        ended = self.took(";")
        if self.kind != "EOF":
            raise self.malformed(_AFTER_SEMICOLON if ended else _AFTER_EXPRESSION)
        return statement

    # SELECT

    def select(self) -> Select:
        self.take("SELECT")
        if self.kind == "DISTINCT":
            raise ValidationFailed("Unsupported token in expression: DISTINCT")
        self.took("ALL")
        if self.kind in ("VALUE", "PIVOT"):
            raise ValidationFailed("Select projection doesn't support value or pivot keywords")
        projection = None
        if not self.took("*"):
            projection = self.projection()
        self.take("FROM")
        source = self.source()
        if self.kind in _JOINS:
            raise ValidationFailed(_SINGLE_SOURCE)
        self.refuse_alias()
        where = self.where()
        self.refuse_clauses()
        order = self.order()
        self.refuse_clauses()
        return Select(source, self.parameters, where, projection, order)

    def projection(self) -> tuple[Expression, ...]:
        parts = [expression_of(self)]
        self.refuse_alias()
        while self.took(","):
            parts.append(expression_of(self))
            self.refuse_alias()
        return tuple(parts)

    def refuse_alias(self) -> None:
        if self.kind in ("AS", "AT", "BY", "NAME", "QUOTED"):
            raise ValidationFailed("Aliasing is not supported")

    def refuse_clauses(self) -> None:
        clause = _CLAUSES.get(self.kind)
        if clause == "GROUP BY":
            raise ValidationFailed(f"Unsupported clause: {clause}")
        if clause is not None:
            self.next()
            raise self.refusal(f"Unsupported clause: {clause}")

    def order(self) -> tuple[tuple[PathRef, bool], ...]:
        if not self.took("ORDER"):
            return ()
        self.take("BY")
        keys = []
        while True:
            path = self.path()
            if len(path.steps) > 1:
                raise ValidationFailed(_ORDER_BY_PATH)
            descending = self.took("DESC")
            if not descending:
                self.took("ASC")
            keys.append((path, descending))
            if not self.took(","):
                return tuple(keys)

    # INSERT, UPDATE, DELETE

    def insert(self) -> Insert:
        self.take("INSERT")
        self.take("INTO")
        source = self.source(_INSERTED)
        if self.kind == "{":
            raise ValidationFailed("Unsupported operation: InsertOp")
        self.take("VALUE")
        item = expression_of(self)
        if self.kind == "RETURNING":
            raise ValidationFailed("RETURNING is not supported in INSERT")
        return Insert(source, self.parameters, None, item)

    def update(self) -> Update:
        self.take("UPDATE")
        source = self.source(_CHANGED)
        self.refuse_alias()
        changes: list[Change] = []
        while self.kind in ("SET", "REMOVE"):
            if self.took("REMOVE"):
                changes.append(Change(self.target(), None))
                continue
            self.next()
            changes.append(self.assignment())
            while self.took(","):
                changes.append(self.assignment())
        if not changes:
            raise self.malformed()
        where = self.where()
        verdict = self.returning()
        kept = None if verdict is None else _RETURNING[verdict]
        return Update(source, self.parameters, where, tuple(changes), kept)

    def assignment(self) -> Change:
        path = self.target()
        self.take("=")
        return Change(path, expression_of(self))

    def target(self) -> PathRef:
        path = self.path(_NO_TARGET)
        if path.fault:
            raise self.refusal(path.fault, path.place)
        return path

    def delete(self) -> Delete:
        self.take("DELETE")
        self.take("FROM")
        source = self.source(_CHANGED)
        self.refuse_alias()
        where = self.where()
        verdict = self.returning()
        if verdict is not None and verdict != ("ALL", "OLD"):
            raise ValidationFailed(_ALL_OLD_ONLY.format(*verdict))
        kept: Returning | None = None if verdict is None else "ALL_OLD"
        return Delete(source, self.parameters, where, kept)

    # Parts of several.

    def source(self, on_index: str = "") -> Source:
        """The table and its index; `on_index` refuses one."""
        if self.kind not in ("NAME", "QUOTED"):
            if self.kind in ("STRING", "NUMBER", "?", "(", "[", "<<", "{"):
                raise ValidationFailed("Unexpected from source")
            raise self.malformed("Unexpected keyword" if self.kind in KEYWORDS else _TERM)
        names = [self.name()]
        while self.took("."):
            names.append(self.name())
        if len(names) > 2:
            raise ValidationFailed("A path may contain at most 2 components in the FROM clause")
        if len(names) == 1:
            return Source(names[0])
        if on_index:
            raise ValidationFailed(on_index)
        return Source(*names)

    def where(self) -> Expression | None:
        return expression_of(self) if self.took("WHERE") else None

    def returning(self) -> tuple[str, str] | None:
        """The words of RETURNING, (ALL or MODIFIED, OLD or NEW)."""
        if not self.took("RETURNING"):
            return None
        which = self.kind
        age = self.tokens[min(self.at + 1, len(self.tokens) - 1)].kind
        if (which, age) not in _RETURNING:
            raise self.malformed()
        self.at += 2
        if self.kind == "EOF":
            raise self.malformed()
        if not self.took("*"):
            raise ValidationFailed(
                "Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause"
            )
        if self.kind == ",":
            raise ValidationFailed(
                "Invalid syntax with multiple returning elements in RETURNING clause"
            )
        return which, age
