"""Update expressions: grammar, words, paths that overlap, operand types, what the item lacks; and
their predecessors.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from case import KEY, RESTORE, Case, Params, Step
from expressions import FUNCTIONS, PATHS, TYPED, values_of

GONE: tuple[Step, ...] = (("DeleteItem", {"TableName": "plain", "Key": KEY}),)
TEXTS = (
    "", " ", "SET", "SET s", "SET s =", "SET = :s", "SET s = :s,", "SET s = :s, ",
    "SET s = :s n = :n", "SET s = :s SET n = :n", "set s = :s", "Set s = :s remove n", "REMOVE",
    "REMOVE s,", "REMOVE s n", "REMOVE s, s", "ADD", "ADD n", "ADD n :n :n", "ADD n = :n",
    "ADD n n", "ADD n (:n)", "DELETE ss", "DELETE ss :ss", "DELETE ss ss", "ADD n :n, n :n",
    "SET s = :s, s = :s", "SET m = :m, m.x = :s", "SET m.x = :s, m = :m", "SET m.x = :s REMOVE m",
    "SET m.x = :s, m[0] = :s", "SET l[0] = :s REMOVE l", "SET l[0] = :s, l[0] = :s",
    "SET s = :s ADD s :n", "REMOVE s ADD n :n SET t = :t DELETE ss :ss", "SET s = n",
    "SET s = gone", "SET s = gone.x", "SET s = m.x", "SET s = l[0]", "SET s = l[9]",
    "SET gone.x = :s", "SET s.x = :s", "SET s[0] = :s", "SET m[0] = :s", "SET l.x = :s",
    "SET l[99] = :s", "SET m.new.x = :s", "SET l[9].x = :s", "REMOVE gone.x", "REMOVE s.x",
    "REMOVE s[0]", "REMOVE m[0]", "REMOVE l.x", "REMOVE l[99]", "REMOVE m.gone", "SET n = n + :n",
    "SET n = n - :n", "SET n = :n + :n", "SET n = :n - n", "SET n = n + n", "SET n = n + :s",
    "SET n = s + :n", "SET n = gone + :n", "SET n = n + gone", "SET n = n + :n + :n",
    "SET n = (n + :n)", "SET n = (n) + (:n)", "SET n = ((n + :n))", "SET n = (n + :n) + :n",
    "SET n = -:n", "SET n = n * :n", "SET n = n +", "SET n = +n", "SET n = n+:n", "SET n = n -:n",
    "SET n = :m + :n", "SET n = :l - :n", "SET l = list_append(l, :l)",
    "SET l = list_append(:l, l)", "SET l = list_append(l, l)", "SET l = list_append(:l, :l)",
    "SET l = list_append(l, :s)", "SET l = list_append(:s, l)", "SET l = list_append(s, :l)",
    "SET l = list_append(gone, :l)", "SET l = list_append(l)", "SET l = list_append()",
    "SET l = list_append(l, :l, :l)", "SET l = list_append(list_append(l, :l), :l)",
    "SET l = list_append(if_not_exists(l, :l), :l)",
    "SET l = list_append(if_not_exists(gone, :l), :l)",
    "SET l = list_append(:l, if_not_exists(gone, :s))", "SET l = LIST_APPEND(l, :l)",
    "SET s = if_not_exists(s, :s)", "SET s = if_not_exists(gone, :s)",
    "SET s = if_not_exists(:s, s)", "SET s = if_not_exists(gone, gone2)",
    "SET s = if_not_exists(s)", "SET s = if_not_exists()", "SET s = if_not_exists(s, :s, :s)",
    "SET s = if_not_exists(gone, if_not_exists(gone2, :s))",
    "SET s = if_not_exists(gone, list_append(l, :l))", "SET n = if_not_exists(gone, :n) + :n",
    "SET n = :n + if_not_exists(n, :n)", "SET n = if_not_exists(n, :n + :n)",
    "SET n = if_not_exists(z, :n)", "SET n = if_not_exists(s, :n) + :n",
    "SET n = if_not_exists(size(s), :n)", "SET s = size(s)", "SET s = attribute_exists(s)",
    "SET s = foo(s)", "SET s = s = :s", "SET s = :s AND n = :n", "SET (s) = :s", "SET s = (s)",
    "SET s = ((s))", "SET s = (:s)", "SET size(s) = :n", "SET :s = s", "SET 'a' = :s",
    "SET s = 'a'", "SET s = 5", "SET name = :s", "SET m.name = :s", "SET s = name", "REMOVE name",
    "ADD name :n", "SET set = :s", "SET #s = :s", "SET #s.x = :s", "SET #undefined = :s",
    "SET s = :undefined", "SET s = #undefined", "SET pk = :s", "SET pk.x = :s", "REMOVE pk",
    "ADD pk :n", "SET s = pk", "SET x = y, y = x", "SET s = n, n = s", "SET a.b.c = :s",
    "FOO s = :s", "s = :s", "SET s = :s FOO", "SET s = :s;", "SET s := :s", "SET l[0] = l[1]",
    "SET l[0] = l[1], l[1] = l[0] REMOVE l[2]", "REMOVE l[0], l[1], l[2]",
    "SET l[10] = :s, l[9] = :n", "SET l[5] = :s REMOVE l[0]", "REMOVE m.l[0] SET m.l[1] = :s",
    "SET gone = :s, gone2 = gone", "SET m = m.l", "SET m.l = l, l = m.l", "DELETE m.x :ss",
    "DELETE s :ss", "ADD m :m", "ADD l :l", "ADD s :s", "ADD ss :ns", "DELETE ss :ns",
    "DELETE ns :ns", "ADD gone.x :n", "DELETE gone :ss", "DELETE gone.x :ss", "ADD m.new :ss",
    "SET n = n + :n REMOVE n", "SET a[99999999999] = :s", "SET l[-1] = :s",
)  # fmt: skip
ACTIONS = (None, "PUT", "ADD", "DELETE", "NOPE")


def update(group: str, text: str, before: tuple[Step, ...], table: str = "plain") -> Case:
    """An UpdateItem with the values that its expression names."""
    params: Params = {"TableName": table, "Key": KEY, "UpdateExpression": text}
    params["ReturnValues"] = "ALL_NEW"
    if "#s" in text:
        params["ExpressionAttributeNames"] = {"#s": "s"}
    if values_of(text):
        params["ExpressionAttributeValues"] = values_of(text)
    return Case(group, "UpdateItem", params, before)


def cases() -> Iterator[Case]:
    """All."""
    for text in TEXTS:
        yield update("update", text, RESTORE)
        yield update("update of nothing", text, GONE)
        yield update("update missing table", text, RESTORE, "gone")
        params = {k: v for k, v in update("", text, RESTORE).params.items() if k != "ReturnValues"}
        yield Case("update transact", "TransactWriteItems", {
            "TransactItems": [{"Update": params}]}, RESTORE)  # fmt: skip
    for path, value in product(PATHS, TYPED):
        for word in ("ADD", "DELETE"):
            yield update(f"update {word}", f"{word} {path} {value}", RESTORE)
            yield update(f"update {word} nothing", f"{word} {path} {value}", GONE)
        yield update("update plus", f"SET fresh = {path} + {value}", RESTORE)
        yield update("update minus", f"SET fresh = {value} - {path}", RESTORE)
        yield update("update append", f"SET fresh = list_append({path}, {value})", RESTORE)
        yield update("update set", f"SET {path} = {value}", RESTORE)
        yield update("update if", f"SET fresh = if_not_exists({path}, {value})", RESTORE)
    for first, second in product(TYPED, TYPED):
        yield update("update values", f"SET fresh = {first} + {second}", RESTORE)
        yield update("update append values", f"SET fresh = list_append({first}, {second})", RESTORE)
    for function in FUNCTIONS:
        yield update("update function", f"SET fresh = {function}(s, :s)", RESTORE)
        yield update("update function", f"SET fresh = {function}(s)", RESTORE)
    for first, second in product(("m", "m.x", "m[0]", "l[0]", "l", "l[1]", "m.x.y"), repeat=2):
        yield update("update overlap", f"SET {first} = :s, {second} = :s", RESTORE)
        yield update("update overlap", f"SET {first} = :s REMOVE {second}", RESTORE)
        yield update("update overlap", f"REMOVE {first}, {second}", RESTORE)
    yield from _legacy()


def _legacy() -> Iterator[Case]:
    for name, action, value in product(("s", "n", "ss", "l", "m", "gone", "pk"), ACTIONS,
                                       (None, *TYPED.values())):  # fmt: skip
        made: Params = {} if action is None else {"Action": action}
        if value is not None:
            made["Value"] = value
        params = {"TableName": "plain", "Key": KEY, "AttributeUpdates": {name: made}}
        params["ReturnValues"] = "UPDATED_NEW"
        yield Case(f"legacy {action}", "UpdateItem", params, RESTORE)
    operators = ("EQ", "NE", "LE", "LT", "GE", "GT", "NULL", "NOT_NULL", "CONTAINS", "NOT_CONTAINS",
                 "BEGINS_WITH", "IN", "BETWEEN", "NOPE")  # fmt: skip
    for operator, count, value in product(operators, (None, 0, 1, 2, 3), TYPED.values()):
        made = {"ComparisonOperator": operator}
        if count is not None:
            made["AttributeValueList"] = [value] * count
        for name in ("s", "gone"):
            params = {"TableName": "plain", "Key": KEY, "Expected": {name: made}}
            yield Case(f"legacy expected {operator}", "DeleteItem", params, RESTORE)
        yield Case(f"legacy filter {operator}", "Scan", {
            "TableName": "plain", "ScanFilter": {"s": made}}, RESTORE)  # fmt: skip
    for made in (
        {}, {"Exists": True}, {"Exists": False}, {"Value": {"S": "abc"}}, {"Exists": "x"},
        {"Exists": True, "Value": {"S": "abc"}}, {"Exists": False, "Value": {"S": "abc"}},
        {"Exists": False, "ComparisonOperator": "NULL"},
        {"ComparisonOperator": "EQ", "Value": {"S": "abc"}},
        {"AttributeValueList": [{"S": "abc"}]},
        {"AttributeValueList": [{"S": "abc"}], "Value": {"S": "abc"}},
        {"AttributeValueList": [{"S": "abc"}], "Value": {"S": "abc"}, "ComparisonOperator": "EQ"},
        {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "abc"}, {"N": "1"}]},
        {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"S": "z"}, {"S": "a"}]},
        {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"S": "a"}, {"N": "1"}]},
    ):  # fmt: skip
        for name in ("s", "gone"):
            params = {"TableName": "plain", "Key": KEY, "Expected": {name: made}}
            yield Case("legacy expected", "DeleteItem", params, RESTORE)
