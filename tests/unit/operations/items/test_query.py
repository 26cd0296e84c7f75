"""Query: which stage answers, which items come in which order, and where a page ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

P = "One or more parameter values were invalid: "
V = "1 validation error detected: "
START = "The provided starting key is invalid"


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def N(text: str) -> dict[str, str]:  # noqa: N802
    return {"N": text}


def partition(**more: Any) -> dict[str, Any]:
    """A Query of the partition p."""
    values = {":p": S("p"), **more.pop("values", {})}
    return {
        "TableName": "tab",
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": values,
        **more,
    }


MISSING_TABLE = [
    (
        {"Limit": 0, "AttributesToGet": ["a"]},
        V + "Value at 'Limit' failed to satisfy constraint:"
        " Member must have value greater than or equal to 1",
    ),
    (
        {"AttributesToGet": ["a"], "QueryFilter": {}, "Select": "COUNT"},
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributesToGet, QueryFilter}"
            " Expression parameters: {KeyConditionExpression}"
        ),
    ),
    (
        {"Select": "SPECIFIC_ATTRIBUTES", "ExclusiveStartKey": {"pk": {}}},
        V + "Must specify the AttributesToGet or ProjectionExpression when choosing to get"
        " SPECIFIC_ATTRIBUTES",
    ),
    (
        {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": ","},
        V + "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
    ),
    (
        {"Select": "ALL_PROJECTED_ATTRIBUTES", "ProjectionExpression": ",", "IndexName": "gs1"},
        V + "Cannot specify the ProjectionExpression when choosing to get ALL_PROJECTED_ATTRIBUTES",
    ),
    (
        {"Select": "COUNT", "ProjectionExpression": ","},
        V + "Cannot specify the ProjectionExpression when choosing to get only the Count",
    ),
    (
        {"Select": "ALL_PROJECTED_ATTRIBUTES", "ExclusiveStartKey": {"pk": {}}},
        V + "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    ),
    (
        {"ExclusiveStartKey": {"pk": {"SS": []}}, "FilterExpression": "="},
        f"{START}: {P}An string set  may not be empty",
    ),
    (
        {"ExclusiveStartKey": {"pk": {}}},
        (
            f"{START}: Supplied AttributeValue is empty,"
            " must contain exactly one of the supported datatypes"
        ),
    ),
    ({"ExclusiveStartKey": {"pk": {"NS": []}}}, P + "An number set  may not be empty"),
    (
        {"ExclusiveStartKey": {"pk": N("x")}},
        "The parameter cannot be converted to a numeric value: x",
    ),
    (
        {"ExclusiveStartKey": {"pk": {"SS": ["a", "a"]}}},
        P + "Input collection [a, a] contains duplicates.",
    ),
    (
        {"FilterExpression": "=", "ProjectionExpression": ","},
        'Invalid FilterExpression: Syntax error; token: "=", near: "="',
    ),
    (
        {"KeyConditionExpression": "pk <> :p"},
        "Invalid operator used in KeyConditionExpression: <>",
    ),
]


@pytest.mark.parametrize("number", range(len(MISSING_TABLE)))
def test_what_needs_no_table_is_told_first(shop: Any, number: int) -> None:
    params, text = MISSING_TABLE[number]
    request = partition(**{"TableName": "missing", **params})
    assert shop.refusal("Query", **request) == ("ValidationException", text)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {},
            (
                "Either the KeyConditions or KeyConditionExpression parameter must be specified"
                " in the request."
            ),
        ),
        (
            {"ProjectionExpression": "a,,"},
            'Invalid ProjectionExpression: Syntax error; token: ",", near: ",,"',
        ),
        (
            {"ExpressionAttributeValues": {":v": S("x")}, "ProjectionExpression": "a"},
            (
                "ExpressionAttributeValues can only be specified when using expressions:"
                " FilterExpression and KeyConditionExpression are null"
            ),
        ),
    ],
)
def test_without_a_key_condition(shop: Any, params: Any, text: str) -> None:
    assert shop.refusal("Query", TableName="missing", **params) == ("ValidationException", text)


def on(index: str, condition: str, **more: Any) -> dict[str, Any]:
    values = {":v": S("x"), **more.pop("values", {})}
    used = {name: value for name, value in values.items() if name in condition + str(more)}
    return partition(
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=used,
        **more,
    )


WITH_TABLE = [
    (
        partition(IndexName="none", ConsistentRead=True),
        "The table does not have the specified index: none",
    ),
    (
        partition(IndexName="gs1", ConsistentRead=True),
        "Consistent reads are not supported on global secondary indexes",
    ),
    (
        partition(IndexName="gs1", ExclusiveStartKey={"x": S("x")}),
        "Query condition missed key schema element: g",
    ),
    (
        partition(KeyConditionExpression="pk > :p", ExclusiveStartKey={"x": S("x")}),
        "Query key condition not supported",
    ),
    (
        partition(values={":p": N("1")}, FilterExpression="pk = :p"),
        P + "Condition parameter type does not match schema type",
    ),
    (partition(ExclusiveStartKey={"pk": S("p")}, FilterExpression="pk = :p"), START),
    (partition(ExclusiveStartKey={"pk": S("p"), "sk": S("1"), "x": S("x")}), START),
    (
        partition(ExclusiveStartKey={"pk": S("p"), "sk": N("1")}),
        f"{START}: The provided key element does not match the schema",
    ),
    (
        partition(ExclusiveStartKey={"pk": S("q"), "sk": S("1")}),
        "The provided starting key is outside query boundaries based on provided conditions",
    ),
    (
        partition(
            KeyConditionExpression="pk = :p AND sk > :s",
            values={":s": S("2")},
            ExclusiveStartKey={"pk": S("p"), "sk": S("1")},
        ),
        "The provided starting key does not match the range key predicate",
    ),
    (
        partition(FilterExpression="sk = :p", Select="COUNT"),
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    ),
    (
        on("ls1", "pk = :v", FilterExpression="l = :v"),
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: l",
    ),
    (
        on("ls1", "pk = :v", FilterExpression="z = :v OR a = :v"),
        P + "Secondary index ls1 does not project one or more filter attributes: [a, z]",
    ),
    (
        on("gs1", "g = :v", FilterExpression="z = :v", ProjectionExpression="z"),
        P + "Secondary index gs1 does not project one or more filter attributes: [z]",
    ),
    (
        on("gs1", "g = :v", ProjectionExpression="z, a, b.c"),
        P + "Global secondary index gs1 does not project [b, z]",
    ),
    (
        on("gs1", "g = :v", Select="ALL_ATTRIBUTES"),
        P + "Select type ALL_ATTRIBUTES is not supported for global secondary index gs1"
        " because its projection type is not ALL",
    ),
]


@pytest.mark.parametrize("number", range(len(WITH_TABLE)))
def test_rules_of_indexes_keys_starts_and_filters_in_this_order(shop: Any, number: int) -> None:
    request, text = WITH_TABLE[number]
    assert shop.refusal("Query", **request) == ("ValidationException", text)
    code, _ = shop.refusal("Query", **{**request, "TableName": "missing"})
    assert code == "ResourceNotFoundException"


def test_base_table_keys_may_be_filtered_on_an_index(shop: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item={"pk": S("p"), "sk": S("x"), "g": S("x")})
    reply = shop.ask("Query", **on("gs2", "g = :v", FilterExpression="sk = :v"))
    assert reply["Count"] == 1


def test_a_backfilling_index_can_not_be_read_yet(shop: Any) -> None:
    from dataclasses import replace

    table = shop.engine.catalog.table("tab")
    first, *others = table.indexes
    filling = replace(first, filled_to=(b"", b"", b""))
    shop.engine.catalog.take_over((replace(table, indexes=(filling, *others)),))
    code, text = shop.refusal("Query", **on(first.name, "g = :v"))
    assert (code, text) == (
        "ValidationException",
        f"Cannot read from backfilling global secondary index: {first.name}",
    )


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("pk = :p", {}, ["1", "2", "22", "3"]),
        ("pk = :p AND sk = :s", {":s": S("2")}, ["2"]),
        (":s < sk AND pk = :p", {":s": S("2")}, ["22", "3"]),
        ("pk = :p AND sk <= :s", {":s": S("2")}, ["1", "2"]),
        ("pk = :p AND begins_with(sk, :s)", {":s": S("2")}, ["2", "22"]),
        ("pk = :p AND sk BETWEEN :s AND :t", {":s": S("15"), ":t": S("22")}, ["2", "22"]),
        ("pk = :p AND sk > :s", {":s": S("9")}, []),
    ],
)
def test_items_come_in_the_order_of_the_sort_key(
    shop: Any, condition: str, values: Any, found: list[str]
) -> None:
    for sk in ("3", "1", "22", "2"):
        shop.ask("PutItem", TableName="tab", Item={"pk": S("p"), "sk": S(sk)})
    shop.ask("PutItem", TableName="tab", Item={"pk": S("q"), "sk": S("2")})
    request = partition(KeyConditionExpression=condition, values=values)
    for forward, expected in ((True, found), (False, found[::-1])):
        reply = shop.ask("Query", **request, ScanIndexForward=forward)
        assert [item["sk"]["S"] for item in reply["Items"]] == expected
        assert reply["Count"] == reply["ScannedCount"] == len(found)
        assert "LastEvaluatedKey" not in reply


def test_a_page_of_exactly_limit_items_has_a_last_key_though_nothing_follows(shop: Any) -> None:
    for sk in "12":
        shop.ask("PutItem", TableName="tab", Item={"pk": S("p"), "sk": S(sk), "l": S("x")})
    reply = shop.ask("Query", **partition(Limit=2))
    assert reply["LastEvaluatedKey"] == {"pk": S("p"), "sk": S("2")}
    rest = shop.ask("Query", **partition(Limit=2, ExclusiveStartKey=reply["LastEvaluatedKey"]))
    assert rest == {"Items": [], "Count": 0, "ScannedCount": 0}
    assert "LastEvaluatedKey" not in shop.ask("Query", **partition(Limit=3))
    reply = shop.ask("Query", **partition(Limit=1, IndexName="ls1"))
    assert reply["LastEvaluatedKey"] == {"pk": S("p"), "l": S("x"), "sk": S("1")}


def test_limit_counts_what_is_looked_at_and_the_filter_comes_after(shop: Any) -> None:
    for n in range(6):
        item = {"pk": S("p"), "sk": S(str(n)), "n": N(str(n))}
        shop.ask("PutItem", TableName="tab", Item=item)
    odd = partition(Limit=3, FilterExpression="n IN (:a, :b)", values={":a": N("4"), ":b": N("5")})
    page = shop.ask("Query", **odd)
    assert page == {
        "Items": [],
        "Count": 0,
        "ScannedCount": 3,
        "LastEvaluatedKey": {"pk": S("p"), "sk": S("2")},
    }
    page = shop.ask("Query", **odd, ExclusiveStartKey=page["LastEvaluatedKey"], Select="COUNT")
    assert page == {
        "Count": 2,
        "ScannedCount": 3,
        "LastEvaluatedKey": {"pk": S("p"), "sk": S("5")},
    }


def test_a_page_ends_with_the_item_that_crosses_1_mib(shop: Any) -> None:
    for n in range(12):
        item = {"pk": S("p"), "sk": S(f"{n:02}"), "x": S("x" * 100_000)}
        shop.ask("PutItem", TableName="tab", Item=item)
    request = partition(ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    for more in ({}, {"Select": "COUNT"}, {"ProjectionExpression": "pk"}):
        page = shop.ask("Query", **request, **more)
        assert page["ScannedCount"] == 11
        assert page["LastEvaluatedKey"] == {"pk": S("p"), "sk": S("10")}
        size = 11 * (100_000 + len("pkpsk00x"))
        assert page["ConsumedCapacity"]["CapacityUnits"] == float(-(-size // 4096))
    page = shop.ask("Query", **request, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert page["Count"] == 1
    assert "LastEvaluatedKey" not in page


def test_an_lsi_fetches_what_it_lacks_and_each_fetch_is_a_read_of_the_table(shop: Any) -> None:
    for n in range(3):
        item = {"pk": S("p"), "sk": S(str(n)), "l": S("x"), "z": S("z" * 5000)}
        shop.ask("PutItem", TableName="tab", Item=item)
    request = partition(IndexName="ls1", ReturnConsumedCapacity="INDEXES")
    small = {"LocalSecondaryIndexes": {"ls1": {"CapacityUnits": 0.5}}, "TableName": "tab"}
    entries = [{"pk": S("p"), "sk": S(str(n)), "l": S("x")} for n in range(3)]
    whole = [{**entry, "z": S("z" * 5000)} for entry in entries]
    free = {**small, "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.0}}
    paid = {**small, "CapacityUnits": 3.5, "Table": {"CapacityUnits": 3.0}}
    for more, items, consumed in (
        ({}, entries, free),
        ({"Select": "ALL_PROJECTED_ATTRIBUTES"}, entries, free),
        ({"ProjectionExpression": "sk"}, [{"sk": e["sk"]} for e in entries], free),
        ({"Select": "ALL_ATTRIBUTES"}, whole, paid),
        ({"ProjectionExpression": "z"}, [{"z": e["z"]} for e in whole], paid),
        (
            {"Select": "ALL_ATTRIBUTES", "FilterExpression": "sk = :p"},
            [],
            paid,
        ),
    ):
        reply = shop.ask("Query", **request, **more)
        assert reply["Items"] == items
        assert reply["ScannedCount"] == 3
        assert reply["ConsumedCapacity"] == consumed
    page = shop.ask("Query", **request, Select="ALL_ATTRIBUTES", Limit=2)
    assert page["Items"] == whole[:2]
    assert page["LastEvaluatedKey"] == entries[1]
    assert page["ConsumedCapacity"]["Table"] == {"CapacityUnits": 2.0}


def test_fetched_items_count_toward_the_page(shop: Any) -> None:
    for n in range(5):
        item = {"pk": S("p"), "sk": S(str(n)), "l": S("x"), "z": S("z" * 400_000)}
        shop.ask("PutItem", TableName="tab", Item=item)
    page = shop.ask("Query", **partition(IndexName="ls1", Select="ALL_ATTRIBUTES"))
    assert page["Count"] == 3
    assert page["LastEvaluatedKey"]["sk"] == S("2")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_pages_of_any_size_give_each_entry_once_in_order(shop: Any, data: Any) -> None:
    stored = shop.ask("Scan", TableName="tab", ProjectionExpression="pk, sk")["Items"]
    for key in stored:
        shop.ask("DeleteItem", TableName="tab", Key=key)
    numbers = st.sampled_from(["-5", "0", "3", "10"])
    items = data.draw(
        st.lists(
            st.tuples(st.sampled_from("pq"), st.sampled_from("abcde"), numbers, st.booleans()),
            max_size=12,
            unique_by=lambda item: item[:2],
        )
    )
    for pk, sk, n, shown in items:
        item = {"pk": S(pk), "sk": S(sk), "n": N(n), "g": S("g"), "l": S(n)}
        if shown:
            item["a"] = S("yes")
        shop.ask("PutItem", TableName="tab", Item=item)
    index = data.draw(st.sampled_from([None, "gs1", "ls1"]))
    if index == "gs1":
        mine = [(float(n), pk, sk, shown) for pk, sk, n, shown in items]
        request = on("gs1", "g = :v", values={":v": S("g")})
    else:
        mine = [
            ((n, sk) if index else (sk,)) + (pk, sk, shown)
            for pk, sk, n, shown in items
            if pk == "p"
        ]
        request = partition(IndexName=index) if index else partition()
    forward = data.draw(st.booleans())
    wanted = [(row[-3], row[-2]) for row in sorted(mine, reverse=not forward)]
    filtered = data.draw(st.booleans()) and index != "ls1"
    if filtered:
        request["FilterExpression"] = "attribute_exists(a)"
        keep = {(row[-3], row[-2]) for row in mine if row[-1]}
        wanted = [each for each in wanted if each in keep]
    seen: list[tuple[str, str]] = []
    scanned = 0
    while True:
        limit = data.draw(st.integers(1, 5))
        page = shop.ask("Query", **request, Limit=limit, ScanIndexForward=forward)
        seen += [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        scanned += page["ScannedCount"]
        assert page["Count"] == len(page["Items"])
        assert ("LastEvaluatedKey" in page) == (page["ScannedCount"] == limit)
        if "LastEvaluatedKey" not in page:
            break
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert seen == wanted
    assert scanned == len(mine)
