"""Conditions, filters and projections: every function and operator with every type and count,
paths, placeholders, words, bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from case import KEY, RESTORE, Case, Params

TYPED: dict[str, Any] = {
    ":s": {"S": "abc"}, ":n": {"N": "5"}, ":b": {"B": "YWJj"}, ":t": {"BOOL": True},
    ":z": {"NULL": True}, ":ss": {"SS": ["a", "b"]}, ":ns": {"NS": ["1", "2"]},
    ":bs": {"BS": ["YQ=="]}, ":l": {"L": [{"S": "l0"}]},
    ":m": {"M": {"x": {"S": "mx"}}}, ":e": {"S": ""}, ":ty": {"S": "S"}, ":no": {"S": "NOPE"},
}  # fmt: skip
PATHS = (
    "s", "n", "b", "t", "z", "ss", "l", "m", "m.x", "l[0]", "l[9]", "gone", "gone.x", "s.x",
    "s[0]",
)  # fmt: skip
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")
FUNCTIONS = (
    "attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size",
    "if_not_exists", "list_append", "foo", "SIZE", "Contains",
)  # fmt: skip
TEXTS = (
    "", " ", "s", "s =", "= :s", "s = :s AND", "s = :s OR OR n = :n", "NOT", "NOT s",
    "NOT NOT s = :s", "(s = :s)", "((s = :s))", "(((s = :s)))", "(s) = :s", "((s)) = :s",
    "s = (:s)", "(s = :s) = :s", "s = :s = :s", "s == :s", "s != :s", "s === :s", "s < > :s",
    "s && n", "s = 'abc'", "n = 5", "s = \"abc\"", "s BETWEEN :s AND :s", "s BETWEEN :s",
    "s BETWEEN :s OR :s", "s BETWEEN (:s AND :s)", "n BETWEEN :n AND :s",
    "NOT s BETWEEN :s AND :s AND n = :n", "s IN (:s)", "s IN :s", "s IN ()", "s IN (:s,)",
    "s IN (:s :s)", "s in (:s, :n)", "s IN (s)", "s IN (:s, s)", "s between :s and :s",
    "not s = :s and n = :n or t = :t", "s = :s AND n = :n OR t = :t", "s = s", "m.x = m.x",
    "l[0] = l[0]", "m = m.x", "size(s) = size(s)", "size(s) = :n", "size(size(s)) = :n",
    "size(:s) = :n", "size(n) > :n", "size(gone) > :n", "size s = :n", "attribute_exists(size(s))",
    "attribute_exists (s)", "attribute_exists(s", "attribute_exists s)", "attribute_exists((s))",
    "attribute_exists(:s)", "attribute_type(s, s)", "attribute_type(s, :ty)",
    "attribute_type(s, :no)", "attribute_type(:s, :ty)", "attribute_type(gone, :ty)",
    "attribute_type(s, :n)", "contains(s, s)", "contains(:s, s)", "contains(s, :n)",
    "contains(ss, :ss)", "contains(size(s), :n)", "begins_with(s, :e)", "begins_with(s, s)",
    "begins_with(:s, s)", "begins_with(s, :n)", "begins_with(n, :n)", "a.b.c = :s",
    "a[0].b[1] = :s", "a[-1] = :s", "a[01] = :s", "a[x] = :s", "a[] = :s", "a..b = :s", ".a = :s",
    "a. = :s", "a[0]b = :s", "a [0] = :s", "a . b = :s", "a[ 0 ] = :s", "a[99999999999] = :s",
    "_a = :s", "1a = :s", "a-b = :s", "#s = :s", "#s.#x = :s", "#s[0] = :s", "# = :s", "s = :",
    "#1 = :s", "#a-b = :s", "name = :s", "NAME = :s", "m.name = :s", "Size = :s", "convert = :s",
    "select = :s", "set = :s", "and = :s", "between = :s", "s = :undefined", "#undefined = :s",
    "s = :s -- x", "s = :s;", "s = :s /* x */", "s\t=\n:s", "s\u00a0= :s", "ü = :s", "s = :ü",
    "NOT (s = :s OR n = :n) AND t = :t", "s = :s AND (n = :n)", "(s = :s AND n = :n) OR (t = :t)",
    "(s = :s AND (n = :n))", "((s = :s) AND (n = :n))", "attribute_exists(s) = :t", ":s = :s",
    ":s = s", ":n < :n", ":s < :n", "s < :t", "s <> :ss", "m < :m", "gone <> gone2",
    "gone = gone2", "NOT gone = :s", "gone <> :s", "n > s", "n < s", "z = :z", "l = :l", "m = :m",
    "ss = :ss", "n = :s", "b = :b", "b > :b", "s >= :e", "if_not_exists(s, :s) = :s", "s + n = :n",
    "s - n = :n",
)  # fmt: skip
PROJECTIONS = (
    "", " ", "s", "s,", ",s", "s,,n", "s n", "s, n", "s,n", "m.x", "l[0]", "l[9]", "gone",
    "m.gone", "s.x", "l[1], l[0]", "m.x, m.y", "m, m.x", "m.x, m", "m.x, m[0]", "l[0], l",
    "l[0], l.x", "s, s", "*", "(s)", "size(s)", ":s", "#s", "#s, #s", "#s, s", "#s.x",
    "#undefined", "name", "m.name", "l[2][0]", "l[3].x", "pk", "a[99999999999]", "m.l[1], m.l[0]",
    "l[3], l[1]", "gone.x, gone.y", "s = n", "s AND n", "set", "m.x, m.y, m.l", "l[0], l[0]",
    "m.l, m.l[0]", "pk.x", "pk[0]",
)  # fmt: skip


def values_of(text: str) -> Params:
    """The values whose names stand in an expression."""
    padded = text.replace(",", " ").replace(")", " ").replace("(", " ").replace(";", " ") + " "
    return {name: value for name, value in TYPED.items() if f"{name} " in padded}


def condition(group: str, text: str, **more: Any) -> Case:
    """A DeleteItem of nothing under a condition: it is judged and nothing is written."""
    names = {"ExpressionAttributeNames": {"#s": "s"}} if "#s" in text else {}
    values = values_of(text)
    params: Params = {"TableName": "plain", "Key": KEY, "ConditionExpression": text, **names}
    if values:
        params["ExpressionAttributeValues"] = values
    return Case(group, "DeleteItem", {**params, **more}, RESTORE)


def filtering(text: str) -> Case:
    """The same as a Scan's filter."""
    params = dict(condition("filter", text).params)
    del params["Key"]
    params["FilterExpression"] = params.pop("ConditionExpression")
    return Case("filter", "Scan", params, RESTORE)


def cases() -> Iterator[Case]:
    """All."""
    for text in TEXTS:
        yield condition("condition", text)
        yield condition("condition missing table", text, TableName="gone")
        yield filtering(text)
        update = {**condition("", text).params, "ReturnValues": "NONE"}
        yield Case("condition of update", "UpdateItem", update, RESTORE)
    for path, operator, value in product(PATHS, OPERATORS, TYPED):
        yield condition(f"compare {operator}", f"{path} {operator} {value}")
        yield condition(f"compare NOT {operator}", f"NOT {path} {operator} {value}")
    for low, high in product(TYPED, TYPED):
        yield condition("between", f"s BETWEEN {low} AND {high}")
    for low, high in product(("a", "z", "5", "50"), repeat=2):
        for kind in ("S", "N", "B"):
            values = {":lo": {kind: low}, ":hi": {kind: high}}
            if kind == "N" and not (low.isdigit() and high.isdigit()):
                continue
            if kind == "B":
                values = {":lo": {"B": "YQ=="}, ":hi": {"B": "/w==" if high > low else "YA=="}}
            params = {
                "ConditionExpression": "s BETWEEN :lo AND :hi",
                "TableName": "plain",
                "Key": KEY,
            }
            params["ExpressionAttributeValues"] = values
            yield Case("between order", "DeleteItem", params, RESTORE)
    yield from _functions()
    yield from _bounds()
    for text, name in product(PROJECTIONS, ("GetItem", "Scan", "TransactGetItems", "BatchGetItem")):
        yield _projected(text, name)
    yield from _placeholders()


def _functions() -> Iterator[Case]:
    for function in FUNCTIONS:
        yield condition(f"function {function}", f"{function}()")
        for first in ("s", "m.x", ":s", "size(s)"):
            yield condition(f"function {function}", f"{function}({first})")
            yield condition(f"function {function} compared", f"{function}({first}) = :n")
            for third in ("s", ":s", ":n"):
                yield condition(f"function {function}", f"{function}({first}, n, {third})")
        for first, second in product((*PATHS[:9], *TYPED), TYPED):
            yield condition(f"function {function} of", f"{function}({first}, {second})")
            if function == "size":
                break
    for first, second in product(PATHS, PATHS):
        yield condition("contains paths", f"contains({first}, {second})")
        yield condition("begins paths", f"begins_with({first}, {second})")


def _bounds() -> Iterator[Case]:
    for count in (2, 100, 299, 300, 301):
        text = " OR ".join(["s = :s"] * ((count + 1) // 2))
        yield condition("operators", text)
        yield condition("operators", " AND ".join(["attribute_exists(s)"] * ((count + 1) // 2)))
    for count in (99, 100, 101):
        params = {"TableName": "plain", "Key": KEY}
        params["ConditionExpression"] = f"s IN ({', '.join(f':v{n}' for n in range(count))})"
        params["ExpressionAttributeValues"] = {f":v{n}": {"S": str(n)} for n in range(count)}
        yield Case("IN bound", "DeleteItem", params, RESTORE)
    for length in (4095, 4096, 4097):
        text = "s = :s".ljust(length)
        yield condition("length", text)
        yield condition("length", "s = :s OR " + "a" * (length - 20) + " = :s")
    for depth in (31, 32, 33):
        yield condition("path depth", ".".join("a" * 1 for _ in range(depth)) + " = :s")
        yield condition("path depth", "a" + "[0]" * (depth - 1) + " = :s")
        yield condition("NOT depth", "NOT " * depth * 5 + "s = :s")
        yield condition("brackets", "(" * depth + "s = :s AND n = :n" + ")" * depth)
    for length in (254, 255, 256):
        for sign in "#:":
            name = sign + "a" * (length - 1)
            params = {"TableName": "plain", "Key": KEY}
            if sign == "#":
                params |= {"ConditionExpression": f"attribute_exists({name})"}
                params |= {"ExpressionAttributeNames": {name: "s"}}
            else:
                params |= {"ConditionExpression": f"s = {name}"}
                params |= {"ExpressionAttributeValues": {name: {"S": "x"}}}
            yield Case("placeholder length", "DeleteItem", params, RESTORE)


def _projected(text: str, operation: str) -> Case:
    inner: Params = {"ProjectionExpression": text}
    if "#s" in text:
        inner["ExpressionAttributeNames"] = {"#s": "s"}
    if operation == "BatchGetItem":
        params: Params = {"RequestItems": {"plain": {"Keys": [KEY], **inner}}}
    elif operation == "TransactGetItems":
        params = {"TransactItems": [{"Get": {"TableName": "plain", "Key": KEY, **inner}}]}
    elif operation == "Scan":
        params = {"TableName": "plain", **inner}
    else:
        params = {"TableName": "plain", "Key": KEY, **inner}
    return Case("projection", operation, params, RESTORE)


def _placeholders() -> Iterator[Case]:
    names: tuple[Any, ...] = (
        {}, {"#a": "a"}, {"a": "a"}, {"#": "a"}, {"": "a"}, {"#a": ""}, {"#a-b": "a"},
        {"#a": "s", "#b": "s"}, {"##a": "a"}, {":a": "a"}, {"#a ": "a"}, {"#é": "a"}, {"#s": "s"},
        {"#s": "s", "#z": "z"}, {"#s": "m.x"},
    )  # fmt: skip
    values: tuple[Any, ...] = (
        {}, {":a": {"S": "a"}}, {"a": {"S": "a"}}, {":": {"S": "a"}}, {"": {"S": "a"}}, {":a": {}},
        {":a-b": {"S": "a"}}, {"#a": {"S": "a"}}, {":v": {"S": "a"}},
        {":v": {"S": "a"}, ":w": {"S": "b"}}, {":v": {"S": "a"}, ":w": {}}, {":v": {"SS": []}},
        {":v": {"N": "x"}},
    )  # fmt: skip
    for given in names:
        for text in ("attribute_exists(#s)", "attribute_exists(s)"):
            params = {"TableName": "plain", "Key": KEY, "ConditionExpression": text}
            params["ExpressionAttributeNames"] = given
            for operation in ("DeleteItem", "UpdateItem"):
                yield Case("names", operation, params, RESTORE)
            read = {"TableName": "plain", "Key": KEY, "ExpressionAttributeNames": given}
            yield Case("names", "GetItem", {**read, "ProjectionExpression": text[17:-1]})
            yield Case("names alone", "GetItem", read)
    for given in values:
        for text in ("s = :v", "attribute_exists(s)"):
            params = {"TableName": "plain", "Key": KEY, "ConditionExpression": text}
            params["ExpressionAttributeValues"] = given
            for operation in ("DeleteItem", "UpdateItem"):
                yield Case("values", operation, params, RESTORE)
            scan = {"TableName": "plain", "ExpressionAttributeValues": given}
            yield Case("values", "Scan", {**scan, "FilterExpression": text})
            yield Case("values alone", "Scan", scan)
