"""CreateTable's semantic checks: their texts and their order (spec C.2)."""

from __future__ import annotations

from typing import Any

import pytest

Params = dict[str, Any]

P = "One or more parameter values were invalid: "
UNDEFINED = P + "Some index key attributes are not defined in AttributeDefinitions. "
SAME = "Both the Hash Key and the Range Key element in the KeySchema have the same name"
NO_HASH = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
NO_RANGE = "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
NEITHER = (
    P + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is"
    " PAY_PER_REQUEST"
)
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}


def definitions(names: str, kind: str = "S") -> list[Params]:
    return [{"AttributeName": name, "AttributeType": kind} for name in names.split()]


def schema(names: str) -> list[Params]:
    """ "a b" is hash a, range b; "a:RANGE" and "b:HASH" say otherwise."""
    elements = []
    for position, name in enumerate(names.split()):
        name, _, kind = name.partition(":")
        kind = kind or ("RANGE" if position else "HASH")
        elements.append({"AttributeName": name, "KeyType": kind})
    return elements


def index(keys: str, name: str = "index", **changes: Any) -> Params:
    return {
        "IndexName": name,
        "KeySchema": schema(keys),
        "Projection": {"ProjectionType": "ALL"},
        **changes,
    }


def request(defined: str = "a b", keys: str = "a b", **changes: Any) -> Params:
    return {
        "TableName": "music",
        "AttributeDefinitions": definitions(defined),
        "KeySchema": schema(keys),
        "BillingMode": "PAY_PER_REQUEST",
        **changes,
    }


def lsi(*indexes: Params) -> Params:
    return {"LocalSecondaryIndexes": list(indexes)}


def gsi(*indexes: Params) -> Params:
    return {"GlobalSecondaryIndexes": list(indexes)}


PROJECTIONS = [
    ({}, "Unknown ProjectionType: null"),
    (
        {"ProjectionType": "ALL", "NonKeyAttributes": ["x"]},
        "ProjectionType is ALL, but NonKeyAttributes is specified",
    ),
    (
        {"ProjectionType": "KEYS_ONLY", "NonKeyAttributes": ["x"]},
        "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
    ),
    (
        {"ProjectionType": "INCLUDE"},
        "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
    ),
    ({"ProjectionType": "INCLUDE", "NonKeyAttributes": []}, "NonKeyAttributes must not be empty"),
]

# One fault a line, in the order in which the service looks for them.
FAULTS = [
    (request(ProvisionedThroughput=UNITS), NEITHER),
    (
        request(BillingMode=None),
        P + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is"
        " PROVISIONED",
    ),
    (
        request(
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 10**12 + 1, "WriteCapacityUnits": 10**13},
        ),
        "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
    ),
    (
        request(
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 10**12, "WriteCapacityUnits": 10**12 + 1},
        ),
        "Given value 1000000000001 for WriteCapacityUnits is out of bounds",
    ),
    (request("a"), "Invalid KeySchema: Some index key attribute have no definition"),
    (
        request("x y", "a b"),
        UNDEFINED + "Keys: [a, b], AttributeDefinitions: [x, y]",
    ),
    (request("a b", "a a"), SAME),
    (request("a b", "a:RANGE b"), NO_HASH),
    (request("a b", "a b:HASH"), NO_RANGE),
    (
        request("a b c"),
        P + "Number of attributes in KeySchema does not exactly match number of attributes defined"
        " in AttributeDefinitions",
    ),
    (
        request("a b c d", **gsi(index("c"))),
        P + "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c, d], keys used:"
        " [a, b, c]",
    ),
    (request(**lsi()), P + "List of LocalSecondaryIndexes is empty"),
    (request(**gsi()), P + "List of GlobalSecondaryIndexes is empty"),
    (
        request("a b", "a", **lsi(index("a b"))),
        P + "Table KeySchema does not have a range key, which is required when specifying a"
        " LocalSecondaryIndex",
    ),
    (
        request(**lsi(index("a x"))),
        UNDEFINED + "Keys: [a, x], AttributeDefinitions: [a, b]",
    ),
    (request(**lsi(index("a a"))), SAME),
    (request(**lsi(index("a:RANGE b"))), NO_HASH),
    (
        request(**lsi(index("a"))),
        P + "Index KeySchema does not have a range key for index: index",
    ),
    (
        request(**lsi(index("b a"))),
        P + "Index KeySchema does not have the same leading hash key as table KeySchema for index:"
        " index. index hash key: b, table hash key: a",
    ),
    *[(request(**lsi(index("a b", Projection=p))), P + text) for p, text in PROJECTIONS],
    (
        request(**lsi(index("a b"), index("a b"))),
        P + "Duplicate index name: index",
    ),
    (
        request(**lsi(*(index("a b", f"index{i}") for i in range(6)))),
        P + "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
    ),
    (
        request(**gsi(index("x"))),
        UNDEFINED + "Keys: [x], AttributeDefinitions: [a, b]",
    ),
    (request(**gsi(index("b b"))), SAME),
    (request(**gsi(index("b:RANGE a"))), NO_HASH),
    *[(request(**gsi(index("b", Projection=p))), P + text) for p, text in PROJECTIONS],
    (
        request(**lsi(index("a b")), **gsi(index("b"))),
        P + "Duplicate index name: index",
    ),
    (
        request(**gsi(index("b", ProvisionedThroughput=UNITS))),
        P + "ProvisionedThroughput should not be specified for index: index when BillingMode is"
        " PAY_PER_REQUEST",
    ),
    (
        request(BillingMode="PROVISIONED", ProvisionedThroughput=UNITS, **gsi(index("b"))),
        P + "ProvisionedThroughput must be specified for index: index",
    ),
    (
        request(**gsi(*(index("b", f"index{i}") for i in range(21)))),
        P + "GlobalSecondaryIndex count exceeds the per-table limit of 20",
    ),
    (
        request(
            BillingMode="PROVISIONED",
            ProvisionedThroughput=UNITS,
            OnDemandThroughput={"MaxReadRequestUnits": 5},
        ),
        P + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode"
        " is PROVISIONED.",
    ),
    (
        request(OnDemandThroughput={"MaxWriteRequestUnits": 0}),
        P + "Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid"
        " range",
    ),
]


@pytest.mark.parametrize(("params", "text"), FAULTS)
def test_a_faulty_definition_is_refused_in_the_service_s_words(
    desk: Any, params: Params, text: str
) -> None:
    assert desk.refusal("CreateTable", **params) == ("ValidationException", text)
    assert desk.ask("ListTables") == {"TableNames": []}


ORDERED = [
    # (what is wrong, its text); each request below has one of these and all that follow it.
    ({"ProvisionedThroughput": UNITS}, NEITHER),
    ({"KeySchema": schema("a x")}, UNDEFINED + "Keys: [a, x], AttributeDefinitions: [a, b, c]"),
    ({"KeySchema": schema("a a")}, SAME),
    ({"KeySchema": schema("a:RANGE b")}, NO_HASH),
    (
        {"AttributeDefinitions": definitions("a b c")},
        P + "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys used:"
        " [a, b]",
    ),
    (lsi(index("a")), P + "Index KeySchema does not have a range key for index: index"),
    (
        gsi(index("b", "other", ProvisionedThroughput=UNITS)),
        P + "ProvisionedThroughput should not be specified for index: other when BillingMode is"
        " PAY_PER_REQUEST",
    ),
    (
        {"OnDemandThroughput": {"MaxReadRequestUnits": 0}},
        P + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid"
        " range",
    ),
    (
        {"StreamSpecification": {"StreamEnabled": True}},
        P + "Table is being created with a stream enabled, UpdateViewType is required",
    ),
]


@pytest.mark.parametrize("first", range(len(ORDERED)))
def test_of_several_faults_the_earlier_one_in_the_service_s_order_answers(
    desk: Any, first: int
) -> None:
    params = request()
    for fault, _ in reversed(ORDERED[first:]):
        params.update(fault)
    assert desk.refusal("CreateTable", **params)[1] == ORDERED[first][1]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("a:RANGE b:RANGE c:HASH", "The first KeySchemaElement is not a HASH key type"),
        (
            "a b:RANGE c:HASH",
            "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ),
        (
            "a b:HASH c:HASH d:HASH e:HASH",
            "The KeySchema exceeds the maximum allowed number of HASH key attributes",
        ),
        (
            "a b c d e f",
            "The KeySchema exceeds the maximum allowed number of RANGE key attributes",
        ),
        ("a b a", SAME),
        ("a b:HASH x", UNDEFINED + "Keys: [a, b, x], AttributeDefinitions: [a, b]"),
    ],
)
def test_a_global_index_s_several_keys_are_checked_with_texts_of_their_own(
    desk: Any, keys: str, text: str
) -> None:
    wrong = index(keys)
    named = {each["AttributeName"] for each in wrong["KeySchema"]} - {"x"}
    params = request(" ".join(sorted({"a", "b", *named})), "a b", **gsi(wrong))
    assert desk.refusal("CreateTable", **params)[1] == text


def test_a_global_index_takes_four_hash_and_four_range_attributes(desk: Any) -> None:
    keys = "a b:HASH c:HASH d:HASH e:RANGE f:RANGE g:RANGE h:RANGE"
    made = desk.ask("CreateTable", **request("a b c d e f g h", "a b", **gsi(index(keys))))
    described = made["TableDescription"]["GlobalSecondaryIndexes"][0]
    assert described["KeySchema"] == schema(keys)
    table = desk.engine.catalog.table("music")
    assert [part.name for part in table.indexes[0].keys.hash] == ["a", "b", "c", "d"]
    assert [part.name for part in table.indexes[0].keys.range] == ["e", "f", "g", "h"]


def test_all_indexes_together_name_a_hundred_attributes_and_not_one_more(desk: Any) -> None:
    def params(extra: int) -> Params:
        made = []
        for i in range(5 + (extra > 0)):
            names = [f"n{i}_{j}" for j in range(20 if i < 5 else extra)]
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": names}
            made.append(index("b", f"index{i}", Projection=projection))
        return request(**gsi(*made))

    assert "per-table limit of 100" in desk.refusal("CreateTable", **params(1))[1]
    assert desk.ask("CreateTable", **params(0))


def test_the_alias_of_the_billing_mode_counts_only_where_the_mode_is_absent(desk: Any) -> None:
    both = request(BillingMode="PAY_PER_REQUEST", TableThroughputMode="PROVISIONED")
    assert desk.ask("CreateTable", **both)
    alone = request(BillingMode=None, TableThroughputMode="PAY_PER_REQUEST")
    desk.ask("CreateTable", **{**alone, "TableName": "other"})
    assert desk.described("other")["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    text = desk.refusal("CreateTable", **{**alone, "ProvisionedThroughput": UNITS})[1]
    assert text == NEITHER
