"""Tokens -> expressions: operators by precedence, on lists of its own and never on Python's stack.

Operands and operators wait on two lists (Dijkstra's shunting yard). What opens a bracket is a
`_Frame` among the operators; its parts are gathered in it as they are complete. A statement is at
most 8,192 characters, so the lists are short, and hostile nesting is only a longer list.

Syntax alone is judged here: whatever fits no rule is `malformed`. What an expression may be where
it stands is for others to say. Statements are in `statements`; both read the same tokens.
"""

from __future__ import annotations

from typing import Final, Literal

from ..tree import Value
from .reader import Reader
from .reserved import KEYWORDS
from .tokens import Place
from .tree import (
    Constant,
    Expression,
    Invocation,
    Is,
    Operation,
    Parameter,
    Sequence,
    Tuple,
)

# How tightly an operator binds; NOT and signs stand before their one operand.
_BINDING: Final = {
    "OR": 1,
    "AND": 2,
    "NOT": 3,
    "=": 4,
    "<>": 4,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "IN": 4,
    "NOT IN": 4,
    "LIKE": 4,
    "NOT LIKE": 4,
    "BETWEEN": 4,
    "NOT BETWEEN": 4,
    "||": 5,
    "+": 6,
    "-": 6,
    "*": 7,
    "/": 7,
    "%": 7,
    "SIGN -": 8,
    "SIGN +": 8,
}
_INFIX: Final = frozenset(_BINDING) | {"!="}
_SUBJECT: Final = 4  # of IS
_CLOSING: Final = {"(": ")", "[": "]", "<<": ">>", "{": "}", "CALL": ")"}
_WORDS: Final[dict[str, Value | None]] = {
    "TRUE": {"BOOL": True},
    "FALSE": {"BOOL": False},
    "NULL": {"NULL": True},
    "MISSING": None,
}
# Keywords that are names of functions before a parenthesis.
_FUNCTIONS: Final = frozenset(
    (
        *("AVG", "COUNT", "MAX", "MIN", "SUM"),
        *("BIT_LENGTH", "CHARACTER_LENGTH", "CHAR_LENGTH", "COALESCE", "EXISTS", "LOWER"),
        *("NULLIF", "OCTET_LENGTH", "SIZE", "TRIM", "UPPER"),
    )
)


class _Operator:
    """An operator that waits for its operands. `complete`: BETWEEN has met its AND."""

    __slots__ = ("binding", "complete", "place", "symbol")

    def __init__(self, symbol: str, place: Place) -> None:
        self.symbol = symbol
        self.binding = _BINDING[symbol]
        self.place = place
        self.complete = False


class _Frame:
    """An open bracket, and what is complete in it. `key`: what stood before a tuple's colon."""

    __slots__ = ("entries", "items", "key", "kind", "name", "place")

    def __init__(self, kind: str, place: Place, name: str = "") -> None:
        self.kind = kind
        self.place = place
        self.name = name
        self.items: list[Expression] = []
        self.key: Expression | None = None
        self.entries: list[tuple[Expression, Expression]] = []


def expression_of(reader: Reader) -> Expression:
    """The longest expression from where the reader is. Raises ValidationFailed."""
    return _Expression(reader).read()


class _Expression:
    """One expression being read."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.operands: list[Expression] = []
        self.waiting: list[_Operator | _Frame] = []
        self.open = 0  # frames among those that wait

    def read(self) -> Expression:
        while True:
            self.operand()
            if self.operator():
                self.reduce(0)
                return self.operands[0]

    # Where an operand has to come.

    def operand(self) -> None:
        """Reads what stands before an operand, and the operand if it is a simple one. Frames that
        open are gone into; an empty one is an operand as well."""
        reader = self.reader
        while True:
            kind, place = reader.kind, reader.place
            if kind in ("NOT", "-", "+"):
                symbol = kind if kind == "NOT" else f"SIGN {kind}"
                reader.next()
                self.waiting.append(_Operator(symbol, place))
            elif kind in ("(", "[", "<<", "{"):
                reader.next()
                if self.opened(_Frame(kind, place)):
                    return
            elif (kind in ("NAME", "QUOTED") or kind in _FUNCTIONS) and self.calls():
                name = reader.next().text
                reader.next()
                if kind == "COUNT" and reader.took("*", ")"):
                    self.operands.append(Invocation(name, (), place))
                    return
                if self.opened(_Frame("CALL", place, name)):
                    return
            else:
                self.operands.append(self.simple(kind, place))
                return

    def calls(self) -> bool:
        return self.reader.tokens[self.reader.at + 1].kind == "("

    def opened(self, frame: _Frame) -> bool:
        """Opens a bracket; whether it is closed at once and so is an operand."""
        self.waiting.append(frame)
        self.open += 1
        if frame.kind != "(" and self.reader.took(_CLOSING[frame.kind]):
            self.close(frame)
            return True
        return False

    def simple(self, kind: str, place: Place) -> Expression:
        reader = self.reader
        if kind in _WORDS:
            reader.next()
            return Constant(_WORDS[kind], place)
        if kind == "STRING":
            return Constant({"S": reader.next().text}, place)
        if kind == "NUMBER":
            return Constant({"N": reader.next().text}, place)
        if kind == "?":
            reader.next()
            reader.parameters += 1
            return Parameter(reader.parameters - 1, place)
        if kind in ("NAME", "QUOTED", "@"):
            return reader.path()
        if kind == "SELECT" and reader.tokens[reader.at - 1].kind == "(":
            raise reader.refusal("Unsupported token in expression: SELECT")
        if kind == "CASE":
            raise reader.refusal("Unsupported token in expression: CASE")
        if kind == "ION":
            raise reader.refusal("Ion Literals are not supported")
        if kind == "EOF" and reader.at and reader.tokens[reader.at - 1].kind in _INFIX:
            raise reader.malformed("Missing right-hand side expression of infix operator")
        if kind == "UNKNOWN":
            raise reader.malformed()
        raise reader.malformed("Unexpected keyword" if kind in KEYWORDS else "Unexpected term")

    # Where an operator has to come, or the end.

    def operator(self) -> bool:
        """Reads what follows an operand; whether the expression ends here."""
        reader = self.reader
        while True:
            kind = reader.kind
            if kind == "IS":
                self.test(reader.place)
                continue
            if kind == "AND" and self.ends_low_bound():
                reader.next()
                return False
            at = reader.at
            symbol = self.infix(kind)
            if symbol:
                self.reduce(_BINDING[symbol])
                self.waiting.append(_Operator(symbol, reader.place_at(at)))
                return False
            if not self.open:
                return True
            frame = self.reduce(0)
            assert frame is not None, "a frame is open"
            if kind == ":" and frame.kind == "{" and frame.key is None:
                reader.next()
                frame.key = self.operands.pop()
                return False
            if kind not in (",", _CLOSING[frame.kind]):
                raise reader.expected(_CLOSING[frame.kind])
            reader.next()
            self.gather(frame)
            if kind == ",":
                return False
            self.close(frame)

    def infix(self, kind: str) -> str:
        """The operator between two operands that comes now, stepped over, or ""."""
        reader = self.reader
        if kind == "NOT":
            after = reader.tokens[reader.at + 1].kind
            if after not in ("IN", "LIKE", "BETWEEN"):
                return ""
            reader.at += 2
            return f"NOT {after}"
        symbol = "<>" if kind == "!=" else kind
        if symbol in _BINDING:
            reader.next()
            return symbol
        return ""

    def test(self, place: Place) -> None:
        """IS [NOT] NULL, IS [NOT] MISSING"""
        reader = self.reader
        reader.next()
        negated = reader.took("NOT")
        if reader.kind not in ("NULL", "MISSING"):
            raise reader.malformed("Expected type name")
        self.reduce(_SUBJECT)
        kind: Literal["NULL", "MISSING"] = "NULL" if reader.kind == "NULL" else "MISSING"
        reader.next()
        node: Expression = Is(self.operands.pop(), kind, place)
        self.operands.append(Operation("NOT", (node,), place) if negated else node)

    def ends_low_bound(self) -> bool:
        """Whether an AND here parts the bounds of a BETWEEN."""
        for waiting in reversed(self.waiting):
            if isinstance(waiting, _Frame) or waiting.binding < _SUBJECT:
                return False
            if waiting.symbol.endswith("BETWEEN") and not waiting.complete:
                self.reduce(_SUBJECT + 1)
                waiting.complete = True
                return True
        return False

    def reduce(self, binding: int) -> _Frame | None:
        """Applies what waits and binds at least as tightly; the frame that it stops at, if it
        does."""
        while self.waiting:
            top = self.waiting[-1]
            if isinstance(top, _Frame):
                return top
            if top.binding < binding:
                return None
            self.waiting.pop()
            self.apply(top)
        return None

    def apply(self, operator: _Operator) -> None:
        symbol, operands = operator.symbol, self.operands
        last = operands.pop()
        negated = symbol.startswith("NOT ")
        plain = symbol[4:] if negated else symbol
        node: Expression
        if plain.startswith("SIGN "):
            node = _signed(plain[5:], last, operator.place)
        elif plain == "NOT":
            node = Operation("NOT", (last,), operator.place)
        elif plain == "BETWEEN":
            if not operator.complete:
                raise self.reader.malformed()
            low = operands.pop()
            node = Operation("BETWEEN", (operands.pop(), low, last), operator.place)
        else:
            node = Operation(plain, (operands.pop(), last), operator.place)
        operands.append(Operation("NOT", (node,), operator.place) if negated else node)

    # Brackets.

    def gather(self, frame: _Frame) -> None:
        """Takes the operand that a comma or bracket has ended into its frame."""
        part = self.operands.pop()
        if frame.kind != "{":
            frame.items.append(part)
            return
        if frame.key is None:
            raise self.reader.malformed()
        frame.entries.append((frame.key, part))
        frame.key = None

    def close(self, frame: _Frame) -> None:
        """What the bracket was becomes an operand."""
        self.waiting.pop()
        self.open -= 1
        if frame.kind == "CALL":
            node: Expression = Invocation(frame.name, tuple(frame.items), frame.place)
        elif frame.kind == "{":
            values = [value for _, value in frame.entries]
            node = Tuple(tuple(frame.entries), 1 + _depth(values), frame.place)
        elif frame.kind == "(" and len(frame.items) == 1 and not self.lists():
            node = frame.items[0]
        else:
            bracket: Literal["[", "<<", "("]
            bracket = "(" if frame.kind == "(" else "[" if frame.kind == "[" else "<<"
            items = tuple(frame.items)
            node = Sequence(bracket, items, 1 + _depth(frame.items), frame.place)
        self.operands.append(node)

    def lists(self) -> bool:
        """Whether parentheses that close now are the list behind an IN."""
        top = self.waiting[-1] if self.waiting else None
        return isinstance(top, _Operator) and top.symbol.endswith("IN")


def _depth(parts: list[Expression]) -> int:
    return max((part.depth for part in parts if isinstance(part, Sequence | Tuple)), default=0)


def _signed(sign: str, operand: Expression, place: Place) -> Expression:
    """A number with its sign; the sign of anything else is an operator with one operand."""
    if isinstance(operand, Constant) and operand.value is not None and "N" in operand.value:
        digits: str = operand.value["N"]
        if sign == "-":
            digits = digits[1:] if digits[0] == "-" else "-" + digits
        return Constant({"N": digits}, place)
    return Operation(sign, (operand,), place)
