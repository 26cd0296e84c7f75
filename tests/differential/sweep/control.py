"""The control plane: what tables are made of, how they change, end, are listed and labelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from case import PLAIN, Case, Params, Step, attributes, index, schema

NAME: Params = {"TableName": "fresh"}
CLEAR: tuple[Step, ...] = (("Clear", NAME),)
ON_DEMAND: Params = {"BillingMode": "PAY_PER_REQUEST"}
UNITS: Params = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}
TWO: Params = {"AttributeDefinitions": attributes(pk="S", sk="S"), "KeySchema": schema("pk", "sk")}
ONE: Params = {"AttributeDefinitions": attributes(pk="S"), "KeySchema": schema("pk")}
LONG = [f"a{number}" for number in range(30)]


def units(read: int, write: int) -> Params:
    """A ProvisionedThroughput."""
    return {"ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write}}


def key(name: str, kind: str) -> Params:
    """A KeySchemaElement."""
    return {"AttributeName": name, "KeyType": kind}


def lsi(*indexes: Any) -> Params:
    """A table of two keys with local indexes."""
    return {**TWO, **ON_DEMAND, "LocalSecondaryIndexes": list(indexes)}


def gsi(*indexes: Any, **types: str) -> Params:
    """A table with global indexes."""
    made = {**ONE, **ON_DEMAND, "GlobalSecondaryIndexes": list(indexes)}
    return made | {"AttributeDefinitions": attributes(pk="S", **types)}


CREATED: tuple[Params, ...] = (
    {**ONE, **ON_DEMAND}, {**TWO, **ON_DEMAND}, {**ONE, **UNITS}, {**ONE},
    {**ONE, **ON_DEMAND, **UNITS}, {**ONE, "BillingMode": "PROVISIONED"},
    {**ONE, "TableThroughputMode": "PAY_PER_REQUEST"}, {**ONE, **units(0, 1)},
    {**ONE, **units(1, 0)}, {**ONE, **units(-1, -1)}, {**ONE, **units(10**12, 1)},
    {**ONE, **units(10**12 + 1, 1)}, {**ONE, **units(1, 10**12 + 1)},
    {**ON_DEMAND, **TWO, "KeySchema": schema("pk")},
    {**ON_DEMAND, **ONE, "KeySchema": schema("zz")},
    {**ON_DEMAND, **ONE, "KeySchema": schema("pk", "sk")},
    {**ON_DEMAND, **TWO, "KeySchema": schema("pk", "zz")},
    {**ON_DEMAND, **TWO, "KeySchema": schema("pk", "pk")}, {**ON_DEMAND, **ONE, "KeySchema": []},
    {**ON_DEMAND, **ONE, "KeySchema": [key("pk", "RANGE")]},
    {**ON_DEMAND, **TWO, "KeySchema": [key("pk", "RANGE"), key("sk", "HASH")]},
    {**ON_DEMAND, **TWO, "KeySchema": [key("pk", "HASH"), key("sk", "HASH")]},
    {**ON_DEMAND, **TWO, "KeySchema": [*schema("pk", "sk"), key("zz", "RANGE")]},
    {**ON_DEMAND, **ONE, "AttributeDefinitions": []},
    {**ON_DEMAND, **ONE, "AttributeDefinitions": attributes(pk="BOOL")},
    {**ON_DEMAND, **ONE, "AttributeDefinitions": [*attributes(pk="S"), *attributes(pk="N")]},
    {**ON_DEMAND, **ONE, "AttributeDefinitions": attributes(pk="S", zz="S")},
    {**ONE, **ON_DEMAND, "LocalSecondaryIndexes": []},
    {**ONE, **ON_DEMAND, "GlobalSecondaryIndexes": []},
    {**ONE, **ON_DEMAND, "LocalSecondaryIndexes": [index("lll", schema("pk", "pk"))]},
    lsi(index("lll", schema("pk", "sk"))), lsi(index("lll", schema("pk"))),
    lsi(index("lll", schema("sk", "pk"))), lsi(index("lll", schema("pk", "zz"))),
    lsi(index("lll", schema("pk", "pk"))), lsi(index("lll", [key("pk", "RANGE")])),
    lsi(index("lll", [key("pk", "HASH"), key("sk", "HASH")])),
    lsi(index("ll", schema("pk", "sk"))), lsi(index("l l l", schema("pk", "sk"))),
    lsi(index("l" * 256, schema("pk", "sk"))), lsi(index("l" * 255, schema("pk", "sk"))),
    lsi(index("lll", schema("pk", "sk")), index("lll", schema("pk", "sk"))),
    lsi(*(index(f"ls{n}", schema("pk", "sk")) for n in range(5))),
    lsi(*(index(f"ls{n}", schema("pk", "sk")) for n in range(6))),
    {**lsi(index("lll", schema("pk", "sk"))), "GlobalSecondaryIndexes": [index("lll",
        schema("sk"))]},
    lsi(index("lll", schema("pk", "sk"), "INCLUDE")),
    lsi(index("lll", schema("pk", "sk"), "ALL", "a")),
    lsi(index("lll", schema("pk", "sk"), "KEYS_ONLY", "a")),
    lsi(index("lll", schema("pk", "sk"), "INCLUDE", *LONG[:20])),
    lsi(index("lll", schema("pk", "sk"), "INCLUDE", *LONG[:21])),
    lsi(index("lll", schema("pk", "sk"), "INCLUDE", "a", "a")),
    lsi(index("lll", schema("pk", "sk"), "INCLUDE", "pk")),
    lsi({"IndexName": "lll", "KeySchema": schema("pk", "sk"), "Projection": {}}),
    lsi({"IndexName": "lll", "KeySchema": schema("pk", "sk"),
        "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": []}}),
    lsi({"IndexName": "lll", "KeySchema": schema("pk", "sk"),
        "Projection": { "ProjectionType": "ALL", "NonKeyAttributes": []}}),
    lsi({"IndexName": "lll", "KeySchema": schema("pk", "sk"),
        "Projection": { "NonKeyAttributes": ["a"]}}),
    lsi(*(index(f"ls{n}", schema("pk", "sk"), "INCLUDE", *LONG[:20]) for n in range(5))),
    gsi(index("ggg", schema("g")), g="S"), gsi(index("ggg", schema("g", "h")), g="S", h="N"),
    gsi(index("ggg", schema("g")), g="S", h="N"), gsi(index("ggg", schema("zz")), g="S"),
    gsi(index("ggg", schema("g", "g")), g="S"), gsi(index("ggg", [key("g", "RANGE")]), g="S"),
    gsi(index("ggg", []), g="S"), gsi(index("ggg", schema("g"), "INCLUDE"), g="S"),
    gsi(index("ggg", schema("g"), **UNITS), g="S"),
    {**gsi(index("ggg", schema("g")), g="S"), "BillingMode": "PROVISIONED", **UNITS},
    {**gsi(index("ggg", schema("g"), **units(0, 1)), g="S"), "BillingMode": "PROVISIONED",
        **UNITS},
    {**gsi(index("ggg", schema("g"), **units(10**13, 1)), g="S"), "BillingMode": "PROVISIONED",
        **UNITS},
    gsi(*(index(f"gs{n}", schema("g")) for n in range(20)), g="S"),
    gsi(*(index(f"gs{n}", schema("g")) for n in range(21)), g="S"),
    gsi(*(index(f"gs{n}", schema("g"), "INCLUDE", *LONG[:20]) for n in range(5)), g="S"),
    gsi(*(index(f"gs{n}", schema("g"), "INCLUDE", *LONG[:20]) for n in range(6)), g="S"),
    gsi(index("ggg", [key("g", "HASH"), key("h", "HASH"), key("i", "RANGE"), key("j", "RANGE")]),
        g="S", h="S", i="S", j="N"),
    gsi(index("ggg", [key("g", "HASH"), key("i", "RANGE"), key("h", "HASH")]), g="S", h="S",
        i="S"),
    gsi(index("ggg", [key(n, "HASH") for n in "ghijk"]), g="S", h="S", i="S", j="S", k="S"),
    gsi(index("ggg", [key("pk", "HASH"), *(key(n, "RANGE") for n in "ghijk")]), g="S", h="S",
        i="S", j="S", k="S"),
    gsi(index("ggg", [key("g", "HASH"), key("h", "RANGE"), key("h", "RANGE")]), g="S", h="S"),
    {**ONE, **ON_DEMAND, "StreamSpecification": {"StreamEnabled": True}},
    {**ONE, **ON_DEMAND, "StreamSpecification": {"StreamEnabled": False}},
    {**ONE, **ON_DEMAND, "StreamSpecification": {"StreamEnabled": False,
        "StreamViewType": "KEYS_ONLY"}},
    {**ONE, **ON_DEMAND, "StreamSpecification": {"StreamEnabled": True,
        "StreamViewType": "new_image"}},
    {**ONE, **ON_DEMAND, "StreamSpecification": {"StreamViewType": "NEW_IMAGE"}},
    {**ONE, **ON_DEMAND, "SSESpecification": {}},
    {**ONE, **ON_DEMAND, "SSESpecification": {"Enabled": True}},
    {**ONE, **ON_DEMAND, "SSESpecification": {"Enabled": False, "SSEType": "KMS"}},
    {**ONE, **ON_DEMAND, "SSESpecification": {"Enabled": True, "SSEType": "AES256"}},
    {**ONE, **ON_DEMAND, "TableClass": "STANDARD_INFREQUENT_ACCESS"},
    {**ONE, **ON_DEMAND, "TableClass": "X"},
    {**ONE, **ON_DEMAND, "DeletionProtectionEnabled": True},
    {**ONE, **ON_DEMAND, "OnDemandThroughput": {"MaxReadRequestUnits": 1}},
    {**ONE, **ON_DEMAND, "OnDemandThroughput": {"MaxReadRequestUnits": 0}},
    {**ONE, **ON_DEMAND, "OnDemandThroughput": {"MaxWriteRequestUnits": -1}},
    {**ONE, **ON_DEMAND, "OnDemandThroughput": {}}, {**ONE, **UNITS, "OnDemandThroughput": {}},
    {**ONE, **UNITS, "OnDemandThroughput": {"MaxReadRequestUnits": 5}},
    {**ONE, **ON_DEMAND, "WarmThroughput": {"ReadUnitsPerSecond": 12000,
        "WriteUnitsPerSecond": 4000}},
    {**ONE, **ON_DEMAND, "WarmThroughput": {"ReadUnitsPerSecond": 1, "WriteUnitsPerSecond": 1}},
    {**ONE, **ON_DEMAND, "WarmThroughput": {}}, {**ONE, **ON_DEMAND, "Tags": []},
    {**ONE, **ON_DEMAND, "Tags": [{"Key": "", "Value": ""}]},
    {**ONE, **ON_DEMAND, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
    {**ONE, **ON_DEMAND, "Tags": [{"Key": f"k{n}", "Value": ""} for n in range(50)]},
    {**ONE, **ON_DEMAND, "Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
    {**ONE, **ON_DEMAND, "Tags": [{"Key": "a" * 129, "Value": "a" * 257}]},
)  # fmt: skip
NAMES = ("", "a", "ab", "abc", "a" * 255, "a" * 256, "a b c", "a/b", "abc.d-e_f", "ÄÖÜ", "a b")

STREAM_ON: Params = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
STREAM_OFF: Params = {"StreamSpecification": {"StreamEnabled": False}}
MADE: tuple[Step, ...] = (*CLEAR, ("CreateTable", {**NAME, **ONE, **ON_DEMAND}))
RICH: tuple[Step, ...] = (
    *CLEAR,
    ("CreateTable", {
        **NAME, **TWO, **UNITS, "AttributeDefinitions": attributes(pk="S", sk="S", g="S"),
        "LocalSecondaryIndexes": [index("lll", schema("pk", "g"))],
        "GlobalSecondaryIndexes": [index("ggg", schema("g"), **UNITS)],
        **STREAM_ON, "DeletionProtectionEnabled": True,
        "Tags": [{"Key": "a", "Value": "1"}],
    }),
)  # fmt: skip


def change(action: str, **what: Any) -> Params:
    """A GlobalSecondaryIndexUpdates of one element."""
    return {"GlobalSecondaryIndexUpdates": [{action: what}]}


NEW = index("new", schema("g"))
DEFINED: Params = {"AttributeDefinitions": attributes(g="S")}
UPDATED: tuple[Params, ...] = (
    {}, {"GlobalSecondaryIndexUpdates": []}, {"GlobalSecondaryIndexUpdates": [{}]},
    {"SSESpecification": {}}, {"AttributeDefinitions": attributes(zz="S")}, {"ReplicaUpdates": []},
    {"OnDemandThroughput": {}}, UNITS, units(6, 7), units(4, 3), units(0, 0), units(10**12 + 1, 1),
    ON_DEMAND, {**ON_DEMAND, **UNITS}, {"BillingMode": "PROVISIONED"},
    {"BillingMode": "PROVISIONED", **UNITS}, {"BillingMode": "PROVISIONED", **units(9, 9)},
    {"TableThroughputMode": "PROVISIONED", **units(9, 9)}, STREAM_ON, STREAM_OFF,
    {**STREAM_ON, **UNITS}, {**STREAM_ON, **ON_DEMAND},
    {"StreamSpecification": {"StreamEnabled": True}},
    {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "NEW_IMAGE"}},
    {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}},
    {"DeletionProtectionEnabled": True}, {"DeletionProtectionEnabled": False},
    {"TableClass": "STANDARD"}, {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
    {"OnDemandThroughput": {"MaxReadRequestUnits": 10}},
    {"OnDemandThroughput": {"MaxReadRequestUnits": -1}},
    {"OnDemandThroughput": {"MaxReadRequestUnits": 0}}, {"SSESpecification": {"Enabled": True}},
    {"WarmThroughput": {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 4000}},
    {**DEFINED, **change("Create", **NEW)}, change("Create", **NEW),
    {**DEFINED, **change("Create", **NEW, **UNITS)},
    {**DEFINED, **change("Create", **index("ggg", schema("g")))},
    {**DEFINED, **change("Create", **index("lll", schema("g"), **UNITS))},
    {**DEFINED, **change("Create", **index("new", schema("g"), "INCLUDE"))},
    {**DEFINED, **change("Create", **index("new", schema("zz")))},
    {"AttributeDefinitions": attributes(g="N"), **change("Create", **NEW, **UNITS)},
    {**DEFINED, **change("Create", **NEW), **STREAM_OFF}, change("Delete", IndexName="ggg"),
    change("Delete", IndexName="gone"), change("Delete", IndexName="lll"),
    change("Update", IndexName="ggg", **UNITS), change("Update", IndexName="ggg", **units(8, 8)),
    change("Update", IndexName="gone", **units(8, 8)), change("Update", IndexName="ggg"),
    change("Update", IndexName="lll", **units(8, 8)),
    {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "ggg"}},
        {"Delete": {"IndexName": "ggg"}}]},
    {"GlobalSecondaryIndexUpdates": [ {"Delete": {"IndexName": "ggg"}},
        {"Update": {"IndexName": "ggg", **units(9, 9)}}]},
    {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "ggg"},
        "Update": { "IndexName": "ggg", **units(9, 9)}}]},
    {**DEFINED, "GlobalSecondaryIndexUpdates": [ {"Create": {**NEW, **UNITS}},
        {"Delete": {"IndexName": "ggg"}}]},
    {**DEFINED, "GlobalSecondaryIndexUpdates": [ {"Create": {**NEW, **UNITS}},
        {"Create": index("newer", schema("g"), **UNITS)}]},
    {**units(8, 8), **change("Update", IndexName="ggg", **units(8, 8))},
    {**ON_DEMAND, **change("Update", IndexName="ggg", **units(8, 8))},
)  # fmt: skip


def cases() -> Iterator[Case]:
    """All."""
    for params in CREATED:
        yield Case("create table", "CreateTable", {**NAME, **params}, CLEAR)
        made = ("CreateTable", {**NAME, **params})
        yield Case("described", "DescribeTable", NAME, (*CLEAR, made))
    for name in NAMES:
        for operation in ("CreateTable", "DescribeTable", "DeleteTable", "UpdateTable"):
            more = {"CreateTable": {**ONE, **ON_DEMAND}, "UpdateTable": UNITS}.get(operation, {})
            clear = (("Clear", {"TableName": name}),)
            yield Case("table name", operation, {"TableName": name, **more}, clear)
        yield Case("clean", "DeleteTable", {"TableName": name})
        yield Case("table name", "GetItem", {"TableName": name, "Key": {"pk": {"S": "a"}}})
        yield Case("table name", "DescribeTimeToLive", {"TableName": name})
    yield Case("create again", "CreateTable", PLAIN)
    for params in UPDATED:
        for before in (MADE, RICH):
            yield Case("update table", "UpdateTable", {**NAME, **params}, before)
            after = (*before, ("UpdateTable", {**NAME, **params}))
            yield Case("updated", "DescribeTable", NAME, after)
        yield Case("update missing", "UpdateTable", {"TableName": "gone", **params})
    yield Case("delete", "DeleteTable", NAME, MADE)
    yield Case("delete protected", "DeleteTable", NAME, RICH)
    yield Case("delete missing", "DeleteTable", {"TableName": "gone"})
    yield Case("describe arn", "DescribeTable", {"TableName": "$arn_plain"})
    for params in (
        {}, {"Limit": 1}, {"Limit": 2, "ExclusiveStartTableName": "plain"}, {"Limit": 100},
        {"ExclusiveStartTableName": "zzz"}, {"ExclusiveStartTableName": "ranged"}, {"Limit": 0},
        {"Limit": 101}, {"ExclusiveStartTableName": "ab"},
    ):  # fmt: skip
        yield Case("list tables", "ListTables", params, CLEAR)
    yield from _tags()
    yield from _time_to_live()


def _tags() -> Iterator[Case]:
    tag = {"Tags": [{"Key": "a", "Value": "1"}]}
    gone = "arn:aws:dynamodb:us-east-1:000000000000:table/gone"
    for arn in ("$arn_plain", gone, "plain", "x", "", "${arn_plain}/index/gs1", "$stream"):
        yield Case("tag", "TagResource", {"ResourceArn": arn, **tag})
        yield Case("untag", "UntagResource", {"ResourceArn": arn, "TagKeys": ["a"]})
        yield Case("list tags", "ListTagsOfResource", {"ResourceArn": arn})
    arn = {"ResourceArn": "$arn_plain"}
    for tags in ([], [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
                 [{"Key": "aws:x", "Value": "1"}], [{"Key": "a", "Value": ""}],
                 [{"Key": "a" * 128, "Value": "v" * 256}], [{"Key": "a" * 129, "Value": "v"}],
                 [{"Key": "a", "Value": "v" * 257}], [{"Key": "", "Value": "v"}], [{"Key": "a"}],
                 [{"Key": f"k{n}", "Value": "v"} for n in range(51)]):  # fmt: skip
        yield Case("tags", "TagResource", {**arn, "Tags": tags})
        names = [each["Key"] for each in tags]
        yield Case("tags", "UntagResource", {**arn, "TagKeys": names})
        yield Case("tags listed", "ListTagsOfResource", arn)


def _time_to_live() -> Iterator[Case]:
    def spec(enabled: Any, name: Any) -> Params:
        return {**NAME, "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": name}}

    on = ("UpdateTimeToLive", spec(True, "ttl"))
    for before in (MADE, (*MADE, on)):
        for enabled in (True, False):
            for name in ("ttl", "other", "", "a" * 255, "a" * 256, "pk"):
                yield Case("time to live", "UpdateTimeToLive", spec(enabled, name), before)
        yield Case("time to live told", "DescribeTimeToLive", NAME, before)
    yield Case("time to live", "UpdateTimeToLive", {**spec(True, "a"), "TableName": "gone"})
    yield Case("time to live", "DescribeTimeToLive", {"TableName": "gone"})
