"""Text -> tree: the parser of spec E.2, and the texts of syntax errors.

The service reports a syntax error at the first token that no valid text could have there, so the
parser is a predictive one that never has to guess: where "(" may open a condition or an operand,
it keeps one frame for both and decides when it has seen what is inside (`_Group`). Frames are on
lists, not on Python's stack: 4,096 bytes of "(" or "NOT " are ordinary input.

Only syntax is judged here. Redundant parentheses are seen while parsing but reported after the
whole text has proved well formed, as the service does; all else is in `checks`.
"""

from __future__ import annotations

from typing import Final, Literal, NoReturn

from .. import limits
from ..errors import ValidationFailed
from .tokens import Tokens
from .tree import (
    Action,
    ArithmeticNode,
    BetweenNode,
    CallNode,
    CompareNode,
    ConditionNode,
    InNode,
    Kind,
    LogicNode,
    NotNode,
    Operand,
    PathNode,
    ProjectionTree,
    Section,
    Step,
    Tree,
    UpdateTree,
    ValueNode,
)

_REDUNDANT: Final = "The expression has redundant parentheses;"
_COMPARATORS: Final = frozenset(("=", "<>", "<", "<=", ">", ">="))
_ARITHMETIC: Final[dict[str, Literal["+", "-"]]] = {"+": "+", "-": "-"}
_SECTIONS: Final[dict[str, Section]] = {
    "SET": "SET",
    "REMOVE": "REMOVE",
    "ADD": "ADD",
    "DELETE": "DELETE",
}


def refusal(kind: Kind, detail: str) -> ValidationFailed:
    """The error for an expression of that kind; spec B.3 puts all of them into the prefixed
    family."""
    return ValidationFailed(f"Invalid {kind}Expression: {detail}", prefixed=True)


def parse(kind: Kind, text: str) -> Tree:
    """The tree of a text. Raises ValidationFailed: empty, too long, syntax, redundant
    parentheses."""
    if not text:
        raise refusal(kind, "The expression can not be empty;")
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.EXPRESSION_BYTES_MAX:
        raise refusal(
            kind,
            "Expression size has exceeded the maximum allowed size; expression size: " + str(size),
        )
    parser = _Parser(kind, text)
    tree: Tree
    if kind == "Update":
        tree = parser.update()
    elif kind == "Projection":
        tree = parser.projection()
    else:
        tree = parser.condition()
    if parser.redundant:
        raise refusal(kind, _REDUNDANT)
    return tree


class _Group:
    """What one "(" has opened, or the text as a whole: the terms of a condition so far, or, while
    `untouched`, possibly no more than an operand in parentheses."""

    __slots__ = ("conjunction", "disjunction", "negations")

    def __init__(self) -> None:
        self.negations = 0
        self.conjunction: list[ConditionNode] = []
        self.disjunction: list[ConditionNode] = []

    @property
    def untouched(self) -> bool:
        return not (self.negations or self.conjunction or self.disjunction)

    def join(self, term: ConditionNode, operator: str) -> None:
        """Takes a term that is followed by AND or OR."""
        self.conjunction.append(self._negated(term))
        if operator == "OR":
            self.disjunction.append(_joined("AND", self.conjunction))
            self.conjunction = []

    def close(self, term: ConditionNode) -> ConditionNode:
        """Takes the last term; the condition that all of them are."""
        self.conjunction.append(self._negated(term))
        self.disjunction.append(_joined("AND", self.conjunction))
        return _joined("OR", self.disjunction)

    def _negated(self, term: ConditionNode) -> ConditionNode:
        for _ in range(self.negations):
            term = NotNode(term)
        self.negations = 0
        return term


def _joined(operator: Literal["AND", "OR"], terms: list[ConditionNode]) -> ConditionNode:
    return terms[0] if len(terms) == 1 else LogicNode(operator, tuple(terms))


class _Call:
    """A function whose operands are being read."""

    __slots__ = ("function", "operands")

    def __init__(self, function: str) -> None:
        self.function = function
        self.operands: list[Operand] = []


class _Parser:
    """One text. `at` is the token that is looked at.

    `redundant` tells of doubled parentheses. The service meets them when it knows what they
    enclose, which for the start of a condition or right side is only behind it: till then
    (`undecided`) they are no more than `suspected`, and a syntax error is told rather than them.
    """

    def __init__(self, kind: Kind, text: str) -> None:
        self.kind = kind
        self.at = 0
        self.redundant = False
        self.suspected = False
        self.undecided = False
        self.tokens = Tokens(text)
        self.kinds = self.tokens.kinds
        self.words = self.tokens.words

    def fail(self) -> NoReturn:
        """Refuses the token that is looked at, or the doubled parentheses before it."""
        if self.redundant:
            raise refusal(self.kind, _REDUNDANT)
        near = self.tokens.near(self.at)
        raise refusal(self.kind, f'Syntax error; token: "{self.words[self.at]}", near: "{near}"')

    def take(self, kind: str) -> str:
        """The word of a token that has to be there."""
        if self.kinds[self.at] != kind:
            self.fail()
        word = self.words[self.at]
        self.at += 1
        return word

    def enclose(self, enclosed: bool) -> None:
        """Notes a pair of parentheses; `enclosed` when there is one directly inside."""
        if enclosed and self.undecided:
            self.suspected = True
        elif enclosed:
            self.redundant = True

    def decide(self, undecided: bool) -> None:
        """Another start begins, or it is clear what the last one was."""
        self.redundant |= self.suspected
        self.suspected = False
        self.undecided = undecided

    def took(self, kind: str) -> bool:
        """Steps over a token if it is there."""
        if self.kinds[self.at] != kind:
            return False
        self.at += 1
        return True

    def path(self) -> PathNode:
        if self.kinds[self.at] not in ("IDENT", "NAME"):
            self.fail()
        elements: list[Step] = [self.words[self.at]]
        self.at += 1
        while True:
            if self.took("."):
                if self.kinds[self.at] not in ("IDENT", "NAME"):
                    self.fail()
                elements.append(self.words[self.at])
                self.at += 1
            elif self.took("["):
                digits = self.take("INDEX")
                # Digits by the thousand stay text: `words` refuses them anyhow.
                elements.append(int(digits) if len(digits) < 20 else digits)
                self.take("]")
            else:
                return PathNode(tuple(elements))

    def operand(self) -> Operand:
        """A path, a value, a function, or one of them in parentheses."""
        frames: list[_Call | None] = []  # None: "("
        while True:
            if self.took("("):
                frames.append(None)
                continue
            thing: Operand
            if self.kinds[self.at] == "VALUE":
                thing = ValueNode(self.take("VALUE"))
            elif self.kinds[self.at] == "IDENT" and self.kinds[self.at + 1] == "(":
                frames.append(_Call(self.words[self.at]))
                self.at += 2
                continue
            else:
                thing = self.path()
            enclosed = False
            while frames:
                frame = frames[-1]
                if frame is None:
                    self.take(")")
                    self.enclose(enclosed)
                    enclosed = True
                else:
                    frame.operands.append(thing)
                    if self.took(","):
                        break
                    self.take(")")
                    thing = CallNode(frame.function, tuple(frame.operands))
                    enclosed = False
                frames.pop()
            else:
                return thing

    def condition(self) -> ConditionNode:
        groups = [_Group()]
        while True:
            self.decide(True)
            start = len(groups)
            if self.took("NOT"):
                groups[-1].negations += 1
                continue
            while self.took("("):
                groups.append(_Group())
            if self.kinds[self.at] == "NOT":
                continue
            joined = self.term(groups, start, self.operand())
            if joined is not None:
                return joined

    def term(
        self, groups: list[_Group], start: int, thing: Operand | ConditionNode
    ) -> ConditionNode | None:
        """What begins with an operand, up to AND or OR, or to the end, where the whole condition
        is returned. `start`: how many groups were open before those around the operand."""
        enclosed = False
        while True:
            if isinstance(thing, PathNode | ValueNode | CallNode):
                compared = self.comparison(thing)
                if compared is not None:
                    thing, enclosed = compared, False
                    continue
            group = groups[-1]
            condition = None if isinstance(thing, PathNode | ValueNode) else thing
            kind = self.kinds[self.at]
            if kind == ")" and len(groups) > 1 and (group.untouched or condition is not None):
                if condition is None or group.untouched:
                    self.enclose(enclosed)
                else:
                    self.decide(False)
                    thing = group.close(condition)
                self.at += 1
                groups.pop()
                enclosed = True
            elif condition is not None and kind in ("AND", "OR"):
                group.join(condition, kind)
                self.at += 1
                return None
            elif condition is not None and kind == "EOF" and len(groups) == 1:
                self.decide(False)
                return group.close(condition)
            else:
                if condition is not None and len(groups) == start:
                    self.decide(False)
                self.fail()

    def comparison(self, left: Operand) -> ConditionNode | None:
        """What follows an operand to make a condition of it, if it does."""
        kind = self.kinds[self.at]
        if kind in _COMPARATORS:
            self.at += 1
            self.decide(False)
            return CompareNode(kind, left, self.operand())
        if self.took("BETWEEN"):
            self.decide(False)
            low = self.operand()
            self.take("AND")
            return BetweenNode(left, low, self.operand())
        if self.took("IN"):
            self.decide(False)
            self.take("(")
            options = [self.operand()]
            while self.took(","):
                options.append(self.operand())
            self.take(")")
            return InNode(left, tuple(options))
        return None

    def projection(self) -> ProjectionTree:
        paths = [self.path()]
        while self.took(","):
            paths.append(self.path())
        if self.kinds[self.at] != "EOF":
            self.fail()
        return ProjectionTree(tuple(paths))

    def update(self) -> UpdateTree:
        sections: list[tuple[Action, ...]] = []
        while True:
            section = _SECTIONS.get(self.kinds[self.at])
            if section is None:
                self.fail()
            self.at += 1
            actions = [self.action(section)]
            while self.took(","):
                actions.append(self.action(section))
            sections.append(tuple(actions))
            if self.kinds[self.at] == "EOF":
                return UpdateTree(tuple(sections))

    def action(self, section: Section) -> Action:
        path = self.path()
        if section == "SET":
            self.take("=")
            return Action(section, path, self.right_side())
        if section == "REMOVE":
            return Action(section, path, None)
        return Action(section, path, ValueNode(self.take("VALUE")))

    def right_side(self) -> Operand | ArithmeticNode:
        self.decide(True)
        depth = 0
        while self.took("("):
            depth += 1
        thing: Operand | ArithmeticNode = self.operand()
        enclosed = False
        while True:
            kind = self.kinds[self.at]
            operator = _ARITHMETIC.get(kind)
            if operator is not None and not isinstance(thing, ArithmeticNode):
                self.at += 1
                self.decide(False)
                thing, enclosed = ArithmeticNode(operator, thing, self.operand()), False
            elif depth and kind == ")":
                self.at += 1
                depth -= 1
                self.enclose(enclosed)
                enclosed = True
            elif not depth and (kind in _SECTIONS or kind in (",", "EOF")):
                self.decide(False)
                return thing
            else:
                if not depth:
                    self.decide(False)
                self.fail()
