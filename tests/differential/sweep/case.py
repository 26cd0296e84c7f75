"""One request of the sweep, and the tables and items that requests are about.

Every server gets the same requests in the same order. A request that may write brings the steps
that put its item back first, so that a server which let one thing in too much answers the next
request from the same state as the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Step = tuple[str, dict[str, Any]]
Params = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`group` names what is tried, for people and for --only; `before` is done first, unjudged."""

    group: str
    operation: str
    params: Any
    before: tuple[Step, ...] = ()


def attributes(**types: str) -> list[Params]:
    """AttributeDefinitions."""
    return [{"AttributeName": n, "AttributeType": t} for n, t in types.items()]


def schema(first: str, second: str | None = None) -> list[Params]:
    """A KeySchema."""
    keys = [{"AttributeName": first, "KeyType": "HASH"}]
    return keys if second is None else [*keys, {"AttributeName": second, "KeyType": "RANGE"}]


def index(name: str, keys: list[Params], kind: str = "ALL", *more: str, **rest: Any) -> Params:
    """A secondary index; `more` are its NonKeyAttributes."""
    projection: Params = {"ProjectionType": kind}
    if more:
        projection["NonKeyAttributes"] = list(more)
    return {"IndexName": name, "KeySchema": keys, "Projection": projection, **rest}


PLAIN: Params = {
    "TableName": "plain",
    "AttributeDefinitions": attributes(pk="S"),
    "KeySchema": schema("pk"),
    "BillingMode": "PAY_PER_REQUEST",
}
RANGED: Params = {
    "TableName": "ranged",
    "AttributeDefinitions": attributes(pk="S", sk="S", g="S", n="N", l="S"),
    "KeySchema": schema("pk", "sk"),
    "GlobalSecondaryIndexes": [
        index("gs1", schema("g", "n"), "INCLUDE", "a"),
        index("gs2", schema("g")),
    ],
    "LocalSecondaryIndexes": [index("ls1", schema("pk", "l"), "KEYS_ONLY")],
    "BillingMode": "PAY_PER_REQUEST",
}
NUMS: Params = {
    "TableName": "nums",
    "AttributeDefinitions": attributes(id="N", bin="B"),
    "KeySchema": schema("id", "bin"),
    "BillingMode": "PAY_PER_REQUEST",
}
FED: Params = {
    **PLAIN,
    "TableName": "fed",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
PROVISIONED: Params = {
    "TableName": "provisioned",
    "AttributeDefinitions": attributes(pk="S", g="S"),
    "KeySchema": schema("pk"),
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    "GlobalSecondaryIndexes": [
        index(
            "gs3",
            schema("g"),
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        )
    ],
}
TABLES = (PLAIN, RANGED, NUMS, FED, PROVISIONED)

THING: Params = {
    "pk": {"S": "thing"},
    "s": {"S": "abc"},
    "n": {"N": "5"},
    "b": {"B": "YWJj"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": ["YQ==", "Yg=="]},
    "l": {"L": [{"S": "l0"}, {"N": "1"}, {"L": [{"S": "deep"}]}, {"M": {"x": {"N": "3"}}}]},
    "m": {"M": {"x": {"S": "mx"}, "y": {"N": "2"}, "l": {"L": [{"N": "1"}, {"N": "2"}]}}},
}
KEY: Params = {"pk": {"S": "thing"}}
RESTORE: tuple[Step, ...] = (("PutItem", {"TableName": "plain", "Item": THING}),)


def ranged_item(pk: str, sk: str, g: str, n: int, **more: Any) -> Params:
    """An item of the table `ranged`, in all of its indexes."""
    keys = {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "g": {"S": g},
        "n": {"N": str(n)},
        "l": {"S": f"l{n}"},
    }
    return {**keys, "a": {"S": f"a{n}"}, "c": {"N": str(n)}, **more}


ROWS = [
    ranged_item("p", f"s{place:02}", "g1" if place % 3 else "g2", place) for place in range(1, 10)
] + [
    {"pk": {"S": "p"}, "sk": {"S": "t1"}, "c": {"N": "77"}},
    ranged_item("q", "s01", "g1", 3),
]
START: tuple[Step, ...] = (
    *(("CreateTable", table) for table in TABLES),
    *(("PutItem", {"TableName": "ranged", "Item": row}) for row in ROWS),
    *RESTORE,
    ("PutItem", {"TableName": "nums", "Item": {"id": {"N": "1"}, "bin": {"B": "YQ=="}}}),
    ("PutItem", {"TableName": "nums", "Item": {"id": {"N": "1"}, "bin": {"B": "/w=="}}}),
    ("PutItem", {"TableName": "fed", "Item": THING}),
    ("UpdateItem", {
        "TableName": "fed", "Key": KEY, "UpdateExpression": "SET extra = s",
    }),
    ("DeleteItem", {"TableName": "fed", "Key": KEY}),
)  # fmt: skip
