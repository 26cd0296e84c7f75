"""Query and Scan: key conditions, Select, projections, filters, limits, segments, start keys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from case import Case, Params, Step, attributes, schema

V: Params = {
    ":p": {"S": "p"}, ":a": {"S": "s03"}, ":b": {"S": "s06"}, ":n": {"N": "3"}, ":m": {"N": "6"},
    ":g": {"S": "g1"}, ":t": {"BOOL": True}, ":e": {"S": ""}, ":l": {"S": "l3"},
    ":bad": {"SS": ["a"]},
}  # fmt: skip
CONDITIONS = (
    "", " ", "pk = :p", ":p = pk", "(pk = :p)", "((pk = :p))", "pk = :p AND sk = :a",
    "sk = :a AND pk = :p", "pk = :p AND sk > :a", "pk = :p AND sk >= :a", "pk = :p AND sk < :a",
    "pk = :p AND sk <= :a", "pk = :p AND :a < sk", "pk = :p AND sk BETWEEN :a AND :b",
    "pk = :p AND sk BETWEEN :b AND :a", "pk = :p AND begins_with(sk, :a)",
    "pk = :p AND begins_with(sk, :e)", "pk = :p AND begins_with(:a, sk)", "pk = :p AND (sk = :a)",
    "(pk = :p) AND (sk = :a)", "(pk = :p AND sk = :a)", "pk = :p AND sk = :a AND sk = :b",
    "pk = :p AND sk > :a AND sk < :b", "pk = :p AND pk = :p", "pk = :p OR sk = :a", "NOT pk = :p",
    "pk = :p AND NOT sk = :a", "pk <> :p", "pk > :p", "pk IN (:p)", "pk = :p AND sk IN (:a)",
    "pk = :p AND sk <> :a", "pk = :p AND contains(sk, :a)", "pk = :p AND attribute_exists(sk)",
    "pk = :p AND size(sk) = :n", "size(pk) = :n", "pk = :p AND c = :n", "c = :n", "sk = :a",
    "pk = sk", "pk = :p AND sk = pk", "pk = :n", "pk = :p AND sk = :n", "pk = :t", "pk = :e",
    "pk = :p AND sk = :e", "pk = :bad", "pk.x = :p", "pk[0] = :p", "pk = :p AND sk.x = :a",
    ":p = :p", "pk = :p AND :a BETWEEN sk AND :b", "pk BETWEEN :p AND :p", "begins_with(pk, :p)",
    "pk = :p AND g = :g", "#k = :p", "#u = :p", "pk = :u", "pk = :p AND sk BETWEEN :a AND :n",
    "pk = :p AND foo(sk, :a)", "pk = :p AND begins_with(sk)", "pk", "pk = :p AND", "AND pk = :p",
    "name = :p", "pk = :p AND begins_with(sk, :n)", "pk = pk", "pk = :p and sk = :a",
)  # fmt: skip
INDEXED = (
    "g = :g", "g = :g AND n = :n", "g = :g AND n > :n", "g = :g AND n BETWEEN :n AND :m",
    "g = :g AND n = :a", "g = :n", "g = :e", "n = :n", "g = :g AND begins_with(n, :n)", "pk = :p",
    "pk = :p AND l = :l", "pk = :p AND l > :l", "pk = :p AND sk = :a", "pk = :p AND l = :n",
    "g > :g", "g = :g AND pk = :p",
)  # fmt: skip
SELECTS = (None, "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT")
PROJECTIONS: tuple[Params, ...] = (
    {}, {"ProjectionExpression": "a"}, {"ProjectionExpression": "c"}, {"AttributesToGet": ["a"]},
    {"ProjectionExpression": "pk, sk, a"}, {"AttributesToGet": ["c", "zz"]},
    {"ProjectionExpression": "a.b"}, {"ProjectionExpression": "pk.x"},
    {"AttributesToGet": ["a", "a"]}, {"ProjectionExpression": "g.x"},
)  # fmt: skip
FILTERS = (
    "a = :p", "c > :n", "pk = :p", "sk = :a", "g = :g", "n = :n", "l = :l", "attribute_exists(a)",
    "zz = :p", "pk.x = :p", "g.x = :p", "a.b = :p", "attribute_not_exists(c)", "contains(a, :p)",
)  # fmt: skip
P, S1, S3, T1 = {"S": "p"}, {"S": "s01"}, {"S": "s03"}, {"S": "t1"}
STARTS: tuple[Any, ...] = (
    {}, {"pk": P}, {"pk": P, "sk": S3}, {"pk": P, "sk": T1}, {"pk": P, "sk": {"S": "zzz"}},
    {"pk": P, "sk": {"S": "none"}}, {"pk": {"S": "q"}, "sk": S1}, {"pk": {"S": "other"}, "sk": S1},
    {"pk": P, "sk": {"N": "1"}}, {"pk": {"N": "1"}, "sk": S3}, {"pk": P, "sk": S3, "zz": P},
    {"pk": P, "zz": S3}, {"pk": P, "sk": S3, "g": {"S": "g1"}}, {"pk": P, "sk": {"S": ""}},
    {"pk": P, "sk": S3, "g": {"S": "g1"}, "n": {"N": "3"}},
    {"pk": P, "sk": S3, "g": {"S": "g2"}, "n": {"N": "3"}},
    {"pk": P, "sk": S3, "g": {"S": "g1"}, "n": {"S": "3"}},
    {"pk": P, "sk": S3, "g": {"N": "1"}, "n": {"N": "3"}},
    {"pk": P, "sk": {"N": "3"}, "g": {"S": "g1"}, "n": {"N": "3"}},
    {"pk": P, "sk": S3, "g": {"S": "g1"}, "zz": {"N": "3"}},
    {"pk": P, "sk": S3, "l": {"S": "l3"}}, {"pk": P, "sk": S3, "l": {"N": "3"}},
    {"pk": {"S": "q"}, "sk": S3, "l": {"S": "l3"}}, {"pk": P, "l": {"S": "l3"}},
    {"g": {"S": "g1"}, "n": {"N": "3"}}, {"pk": P, "sk": {"X": 1}}, {"pk": P, "sk": {}},
)  # fmt: skip


def query(text: str | None, index: str | None = None, **more: Any) -> Params:
    """A Query of `ranged` with the values that its texts name."""
    params: Params = {"TableName": "ranged", **more}
    if text is not None:
        params["KeyConditionExpression"] = text
    if index is not None:
        params["IndexName"] = index
    texts = f"{text} {more.get('FilterExpression', '')} ".replace(")", " ").replace(",", " ")
    values = {name: value for name, value in V.items() if f"{name} " in texts}
    if values:
        params["ExpressionAttributeValues"] = values
    if "#k" in texts:
        params["ExpressionAttributeNames"] = {"#k": "pk"}
    return params


def cases() -> Iterator[Case]:
    """All."""
    for text in CONDITIONS:
        yield Case("key condition", "Query", query(text))
        yield Case("key condition solo", "Query", {**query(text), "TableName": "plain"})
        yield Case("key condition missing table", "Query", {**query(text), "TableName": "gone"})
    for text, index in product(INDEXED, ("gs1", "gs2", "ls1", "nope", "ab")):
        for forward in (True, False):
            yield Case(f"index {index}", "Query", query(text, index, ScanIndexForward=forward))
    yield from _selects()
    yield from _filters()
    yield from _starts()
    yield from _pages()
    yield from _legacy()
    yield from _several_parts()


MULTI: Params = {
    "TableName": "multi",
    "AttributeDefinitions": attributes(pk="S", a="S", b="N", c="S", d="N"),
    "KeySchema": schema("pk"),
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "mm1",
            "KeySchema": [
                *({"AttributeName": name, "KeyType": "HASH"} for name in "ab"),
                *({"AttributeName": name, "KeyType": "RANGE"} for name in "cd"),
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
PARTS: Params = {":a": {"S": "x"}, ":b": {"N": "1"}, ":c": {"S": "y"}, ":d": {"N": "2"}}
SEVERAL = (
    "a = :a", "b = :b", "a = :a AND b = :b", "b = :b AND a = :a", "a = :a AND b > :b",
    "a = :a AND b = :b AND c = :c", "a = :a AND b = :b AND c > :c", "a = :a AND b = :b AND d = :d",
    "a = :a AND b = :b AND c = :c AND d = :d", "a = :a AND b = :b AND c > :c AND d = :d",
    "a = :a AND b = :b AND c = :c AND d < :d", "a = :a AND b = :b AND begins_with(c, :c)",
    "a = :a AND b = :b AND c BETWEEN :c AND :c AND d = :d", "a = :a AND c = :c", "c = :c",
    "pk = :a",
    "a = :a AND b = :b AND pk = :a", "a = :b AND b = :b", "a = :a AND b = :a",
    "a = :a AND b = :b AND c = :d", "a = :a AND b = :b AND a = :a", "a = :a OR b = :b",
)  # fmt: skip


def _several_parts() -> Iterator[Case]:
    """A global index of several attributes."""
    clear: tuple[Step, ...] = (("Clear", {"TableName": "multi"}), ("CreateTable", MULTI))
    yield Case("several parts", "DescribeTable", {"TableName": "multi"}, clear)
    for number in range(16):
        item: Params = {"pk": {"S": f"i{number}"}}
        item |= {n: PARTS[f":{n}"] for place, n in enumerate("abcd") if number & 1 << place}
        yield Case("several parts", "PutItem", {
            "TableName": "multi", "Item": item, "ReturnConsumedCapacity": "INDEXES"})  # fmt: skip
    for text, forward in product(SEVERAL, (True, False)):
        used = {name: value for name, value in PARTS.items() if name in text}
        yield Case("several parts", "Query", {
            "TableName": "multi", "IndexName": "mm1", "KeyConditionExpression": text,
            "ExpressionAttributeValues": used, "ScanIndexForward": forward,
            "ReturnConsumedCapacity": "INDEXES"})  # fmt: skip
    for gone in ("", *"abcd", "pk"):
        start = {"pk": {"S": "i15"}, **{n: PARTS[f":{n}"] for n in "abcd"}}
        start.pop(gone, None)
        yield Case("several parts start", "Query", {
            "TableName": "multi", "IndexName": "mm1", "ExclusiveStartKey": start,
            "KeyConditionExpression": "a = :a AND b = :b", "ExpressionAttributeValues": {
                ":a": PARTS[":a"], ":b": PARTS[":b"]}})  # fmt: skip
        yield Case("several parts start", "Scan", {
            "TableName": "multi", "IndexName": "mm1", "ExclusiveStartKey": start})  # fmt: skip
    yield Case("clean", "DeleteTable", {"TableName": "multi"})


GOOD = {None: "pk = :p", "gs1": "g = :g", "gs2": "g = :g", "ls1": "pk = :p"}


def _selects() -> Iterator[Case]:
    for index, select, projection in product(GOOD, SELECTS, PROJECTIONS):
        more = dict(projection)
        if select is not None:
            more["Select"] = select
        where = {} if index is None else {"IndexName": index}
        if "AttributesToGet" not in projection:
            yield Case(f"select {select}", "Query", query(GOOD[index], index, **more))
        yield Case(f"select {select}", "Scan", {"TableName": "ranged", **where, **more})
    for index, consistent in product(GOOD, (True, False)):
        for mode in ("TOTAL", "INDEXES"):
            more = {"ConsistentRead": consistent, "ReturnConsumedCapacity": mode}
            yield Case(f"consistent {mode}", "Query", query(GOOD[index], index, **more))
            more["ProjectionExpression"] = "c"
            yield Case(f"consistent {mode}", "Query", query(GOOD[index], index, **more))
            more["Limit"] = 2
            where = {} if index is None else {"IndexName": index}
            yield Case(f"consistent {mode}", "Scan", {"TableName": "ranged", **where, **more})


def _filters() -> Iterator[Case]:
    for index, text in product(GOOD, FILTERS):
        params = query(GOOD[index], index, FilterExpression=text)
        yield Case("filter", "Query", params)
        yield Case("filter limit", "Query", {**params, "Limit": 3})
        yield Case("filter count", "Query", {**params, "Select": "COUNT"})
        scan = {k: v for k, v in params.items() if k != "KeyConditionExpression"}
        used = {k: v for k, v in V.items() if f"{k} " in text.replace(")", " ") + " "}
        scan.pop("ExpressionAttributeValues", None)
        yield Case(
            "filter", "Scan", {**scan, **({"ExpressionAttributeValues": used} if used else {})}
        )


def _starts() -> Iterator[Case]:
    for index, start in product(GOOD, STARTS):
        params = query(GOOD[index], index, ExclusiveStartKey=start)
        yield Case(f"start {index}", "Query", params)
        yield Case(f"start {index} back", "Query", {**params, "ScanIndexForward": False})
        where = {} if index is None else {"IndexName": index}
        yield Case(
            f"start {index}", "Scan", {"TableName": "ranged", **where, "ExclusiveStartKey": start}
        )
    for text in (
        "pk = :p AND sk = :a", "pk = :p AND sk > :a", "pk = :p AND sk < :a",
        "pk = :p AND sk BETWEEN :a AND :b", "pk = :p AND begins_with(sk, :a)",
    ):  # fmt: skip
        for start in STARTS[:12]:
            yield Case("start in range", "Query", query(text, ExclusiveStartKey=start))
            back = query(text, ExclusiveStartKey=start, ScanIndexForward=False)
            yield Case("start in range back", "Query", back)
    for start in STARTS[:8]:
        where = {"TableName": "plain", "ExclusiveStartKey": start}
        yield Case("start solo", "Scan", where)
        yield Case(
            "start solo",
            "Query",
            {**where, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": P}},
        )
    for segment, start in product(range(4), STARTS[2:8]):
        yield Case(
            "start in segment",
            "Scan",
            {
                "TableName": "ranged",
                "Segment": segment,
                "TotalSegments": 4,
                "ExclusiveStartKey": start,
            },
        )


def _pages() -> Iterator[Case]:
    for index, limit in product(GOOD, (1, 2, 9, 10, 11, 1000, 0, -1)):
        for forward in (True, False):
            yield Case(
                "limit", "Query", query(GOOD[index], index, Limit=limit, ScanIndexForward=forward)
            )
    for limit in (0, -1, 11, 12, 100):
        yield Case("limit", "Scan", {"TableName": "ranged", "Limit": limit})
    for segment, total in product(
        (None, -1, 0, 1, 2, 999_999, 1_000_000), (None, 0, 1, 2, 1_000_000, 1_000_001)
    ):
        params: Params = {"TableName": "ranged", "Select": "COUNT"}
        if segment is not None:
            params["Segment"] = segment
        if total is not None:
            params["TotalSegments"] = total
        if segment in (0, 1) and total not in (None, 1):
            continue  # which items lie in a segment is each server's own affair
        yield Case("segments", "Scan", params)
    yield Case("no table", "Scan", {"TableName": "gone"})
    yield Case("no index", "Scan", {"TableName": "ranged", "IndexName": "nope"})
    yield Case("no index", "Scan", {"TableName": "gone", "IndexName": "nope"})
    yield Case("no condition", "Query", query(None))
    yield Case("no condition", "Query", query(None, "nope"))


def _legacy() -> Iterator[Case]:
    operators = ("EQ", "NE", "LE", "LT", "GE", "GT", "NULL", "NOT_NULL", "CONTAINS", "NOT_CONTAINS",
                 "BEGINS_WITH", "IN", "BETWEEN")  # fmt: skip
    first = {"ComparisonOperator": "EQ", "AttributeValueList": [P]}
    for operator, count in product(operators, (0, 1, 2)):
        made = {"ComparisonOperator": operator, "AttributeValueList": [S3, {"S": "s05"}][:count]}
        for conditions in (
            {"pk": first, "sk": made}, {"pk": made}, {"pk": first, "c": made}, {"sk": made},
            {"pk": first, "sk": made, "c": made},
        ):  # fmt: skip
            yield Case("legacy keys", "Query", {"TableName": "ranged", "KeyConditions": conditions})
        for name in ("a", "sk", "c", "zz"):
            yield Case(
                "legacy query filter",
                "Query",
                {
                    "TableName": "ranged",
                    "KeyConditions": {"pk": first},
                    "QueryFilter": {name: made},
                },
            )
    yield Case("legacy keys", "Query", {"TableName": "ranged", "KeyConditions": {}})
    for more in ({"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": P}},
                 {"FilterExpression": "attribute_exists(a)"}, {"ProjectionExpression": "a"},
                 {"ConditionalOperator": "OR"}, {"AttributesToGet": ["a"]}):  # fmt: skip
        yield Case(
            "legacy mixing",
            "Query",
            {"TableName": "ranged", "KeyConditions": {"pk": first}, **more},
        )
        yield Case(
            "legacy mixing",
            "Query",
            {
                "TableName": "ranged",
                "KeyConditions": {"pk": first},
                "QueryFilter": {"a": {"ComparisonOperator": "NOT_NULL"}},
                **more,
            },
        )
        yield Case(
            "legacy mixing",
            "Scan",
            {
                "TableName": "ranged",
                "ScanFilter": {"a": {"ComparisonOperator": "NOT_NULL"}},
                **{
                    k: v
                    for k, v in more.items()
                    if not k.startswith(("Key", "ExpressionAttributeV"))
                },
            },
        )
