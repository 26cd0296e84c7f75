"""UpdateTable adding, changing and deleting global indexes of a live table (spec C.3)."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.engine.tables import backfill

P = "One or more parameter values were invalid: "
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}
KINDS = {"pk": "S", "g": "S", "n": "N", "o": "S"}
ONE_AT_A_TIME = (
    "LimitExceededException",
    (
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously"
        " per table"
    ),
)


def definitions(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": KINDS[name]} for name in names]


def index(name: str = "index", *keys: str, **more: Any) -> dict[str, Any]:
    schema = [
        {"AttributeName": key, "KeyType": "RANGE" if place else "HASH"}
        for place, key in enumerate(keys or ("g",))
    ]
    return {
        "IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}, **more,
    }  # fmt: skip


def asked(*updates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"TableName": "music", "GlobalSecondaryIndexUpdates": list(updates), **more}


def create(*names: str, **more: Any) -> dict[str, Any]:
    """The addition of an index on `g` and on those names."""
    return asked(
        {"Create": index("index", "g", *names, **more)},
        AttributeDefinitions=definitions("g", *names),
    )


def update(desk: Any, params: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = desk.ask("UpdateTable", **params)["TableDescription"]
    return reply


def refusal(desk: Any, params: dict[str, Any]) -> str:
    before = desk.described()
    code, text = desk.refusal("UpdateTable", **params)
    assert code == "ValidationException"
    assert desk.described() == before
    return str(text)


def indexes(description: dict[str, Any]) -> dict[str, Any]:
    return {i["IndexName"]: i for i in description.get("GlobalSecondaryIndexes", ())}


def put(desk: Any, count: int, start: int = 0) -> None:
    for n in range(start, start + count):
        item = {"pk": {"S": str(n)}, "g": {"S": "g"}, "n": {"N": str(n)}}
        desk.ask("PutItem", TableName="music", Item=item)


def found(desk: Any, name: str = "index") -> list[str]:
    reply = desk.ask(
        "Query",
        TableName="music",
        IndexName=name,
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "g"}},
    )
    return [item["pk"]["S"] for item in reply["Items"]]


def test_an_added_index_holds_what_was_there_and_what_comes(desk: Any) -> None:
    desk.table()
    put(desk, 3)
    reply = update(desk, create("n"))
    assert reply["TableStatus"] == "UPDATING"
    shown = indexes(reply)["index"]
    assert (shown["IndexStatus"], shown["Backfilling"]) == ("CREATING", False)
    assert reply["AttributeDefinitions"] == definitions("pk", "g", "n")
    put(desk, 2, start=3)
    assert found(desk) == ["0", "1", "2", "3", "4"]
    shown = indexes(desk.described())["index"]
    assert shown["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in shown
    assert shown["ItemCount"] == 5
    assert shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 0


@pytest.fixture
def filling(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk whose table has items and an index of which a part is filled."""
    monkeypatch.setattr(limits, "TICK_ROWS_MAX", 1)
    monkeypatch.setattr(backfill, "_STEP_ROWS", 1)
    desk.table(
        AttributeDefinitions=definitions("pk", "o"),
        GlobalSecondaryIndexes=[index("other", "o")],
    )
    put(desk, 4)
    update(desk, create("n"))
    return desk


def test_an_index_that_is_being_filled_shows_it_and_cannot_be_read(filling: Any) -> None:
    shown = indexes(filling.described())
    assert (shown["index"]["IndexStatus"], shown["index"]["Backfilling"]) == ("CREATING", True)
    assert shown["other"]["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in shown["other"]
    assert filling.described()["TableStatus"] == "ACTIVE"
    for operation in ("Query", "Scan"):
        params: dict[str, Any] = {"TableName": "music", "IndexName": "index"}
        if operation == "Query":
            params["KeyConditionExpression"] = "g = :g"
            params["ExpressionAttributeValues"] = {":g": {"S": "g"}}
        assert filling.refusal(operation, **params) == (
            "ValidationException",
            "Cannot read from backfilling global secondary index: index",
        )
    while filling.writer.run(backfill.backfill_tick):
        pass
    assert indexes(filling.described())["index"]["IndexStatus"] == "ACTIVE"
    assert found(filling) == ["0", "1", "2", "3"]


def test_beside_an_index_that_is_being_filled_no_other_is_made_or_deleted(filling: Any) -> None:
    another = asked({"Create": index("third")}, AttributeDefinitions=definitions("g"))
    other = {"Delete": {"IndexName": "other"}}
    assert filling.refusal("UpdateTable", **another) == ONE_AT_A_TIME
    assert filling.refusal("UpdateTable", **asked(other)) == ONE_AT_A_TIME
    ceilings = {"IndexName": "index", "OnDemandThroughput": {"MaxReadRequestUnits": 5}}
    assert filling.refusal("UpdateTable", **asked({"Update": ceilings})) == (
        "ResourceInUseException",
        (
            "Attempt to change a resource which is still in use: Index is being updated. "
            " Table: music Index: index"
        ),
    )
    # The one that is being filled may go, and other settings may change.
    update(filling, {"TableName": "music", "DeletionProtectionEnabled": True})
    assert indexes(update(filling, asked({"Delete": {"IndexName": "index"}})))["index"][
        "IndexStatus"
    ] == "DELETING"  # fmt: skip
    assert list(indexes(filling.described())) == ["other"]
    update(filling, another)


def test_a_deleted_index_is_shown_a_last_time_and_takes_its_attributes_along(desk: Any) -> None:
    desk.table(
        AttributeDefinitions=definitions("pk", "g", "n", "o"),
        GlobalSecondaryIndexes=[index("index", "g", "n"), index("second", "g", "o")],
    )
    put(desk, 2)
    reply = update(desk, asked({"Delete": {"IndexName": "index"}}))
    assert list(indexes(reply)) == ["index", "second"]
    assert indexes(reply)["index"]["IndexStatus"] == "DELETING"
    assert indexes(reply)["index"]["ItemCount"] == 2
    assert indexes(reply)["second"]["IndexStatus"] == "ACTIVE"
    after = desk.described()
    assert list(indexes(after)) == ["second"]
    assert after["AttributeDefinitions"] == definitions("pk", "g", "o")
    text = desk.refusal("Scan", TableName="music", IndexName="index")[1]
    assert text == "The table does not have the specified index: index"
    # The name is free at once, and the new index begins with nothing of the old one's.
    update(desk, create("o"))
    assert found(desk) == []


def test_a_redeclared_attribute_keeps_its_type(desk: Any) -> None:
    desk.table()
    update(desk, create("n"))
    again = index("second", "n")
    other = {"AttributeName": "n", "AttributeType": "S"}
    reply = update(desk, asked({"Create": again}, AttributeDefinitions=[other]))
    assert reply["AttributeDefinitions"] == definitions("pk", "g", "n")
    desk.ask("PutItem", TableName="music", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    assert desk.ask("Scan", TableName="music", IndexName="second")["Count"] == 1


def test_the_keys_of_a_new_index_are_defined_in_the_request_itself(desk: Any) -> None:
    desk.table(AttributeDefinitions=definitions("pk", "g"), GlobalSecondaryIndexes=[index("first")])
    text = P + "Some index key attributes are not defined in AttributeDefinitions."
    without = asked({"Create": index("index", "g", "n")})
    assert refusal(desk, without) == f"{text} Keys: [g, n], AttributeDefinitions: []"
    some = {**without, "AttributeDefinitions": definitions("n")}
    assert refusal(desk, some) == f"{text} Keys: [g, n], AttributeDefinitions: [n]"
    update(desk, create("n"))


def test_what_a_new_index_is_refused_for(desk: Any) -> None:
    desk.table()
    update(desk, create())
    assert refusal(desk, create()) == P + "Index already exists: index"
    both = asked({"Create": index("second", "g", "g")}, AttributeDefinitions=definitions("g"))
    assert "have the same name" in refusal(desk, both)
    odd = index("second", Projection={"ProjectionType": "INCLUDE"})
    text = refusal(desk, asked({"Create": odd}, AttributeDefinitions=definitions("g")))
    assert text == P + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
    units = index("second", ProvisionedThroughput=UNITS)
    text = refusal(desk, asked({"Create": units}, AttributeDefinitions=definitions("g")))
    assert text == (
        P + "ProvisionedThroughput should not be specified for index: second when BillingMode is"
        " PAY_PER_REQUEST"
    )


def test_there_is_an_end_to_indexes_and_to_what_they_project(desk: Any) -> None:
    names = [f"a{n}" for n in range(20)]
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": names}
    full = [index(f"full{n}", Projection=projection) for n in range(5)]
    desk.table(AttributeDefinitions=definitions("pk", "g"), GlobalSecondaryIndexes=full)
    params = create(Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["one"]})
    assert "exceeds per-table limit of 100" in refusal(desk, params)
    for n in range(15):
        added = index(f"more{n}")
        update(desk, asked({"Create": added}, AttributeDefinitions=definitions("g")))
    assert refusal(desk, create()) == (
        P + "GlobalSecondaryIndex count exceeds the per-table limit of 20"
    )


def test_one_index_at_a_time(desk: Any) -> None:
    desk.table()
    two = asked(
        {"Create": index()}, {"Create": index("second")}, AttributeDefinitions=definitions("g")
    )
    assert desk.refusal("UpdateTable", **two) == ONE_AT_A_TIME
    update(desk, create())
    swap = asked(
        {"Delete": {"IndexName": "index"}},
        {"Create": index("second")},
        AttributeDefinitions=definitions("g"),
    )
    assert desk.refusal("UpdateTable", **swap) == ONE_AT_A_TIME
    assert list(indexes(desk.described())) == ["index"]


def test_an_element_is_one_change_and_never_two(desk: Any) -> None:
    desk.table(AttributeDefinitions=definitions("pk", "g"), GlobalSecondaryIndexes=[index("index")])
    gone, made = {"IndexName": "index"}, index("other")
    changed = {"IndexName": "index", "OnDemandThroughput": {"MaxReadRequestUnits": 5}}
    for both in (
        {"Delete": gone, "Update": changed},
        {"Delete": gone, "Create": made},
        {"Delete": gone, "Create": made, "Update": changed},
    ):
        params = asked(both, AttributeDefinitions=definitions("g"))
        assert refusal(desk, params).startswith(P + "Only one of GlobalSecondaryIndexUpdate.Update")


def test_an_index_that_is_not_there_can_neither_change_nor_go(desk: Any) -> None:
    local = {**index("local", "pk", "o")}
    desk.table(
        AttributeDefinitions=definitions("pk", "o", "n"),
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"},
        ],
        LocalSecondaryIndexes=[local],
    )  # fmt: skip
    for name in ("gone", "local"):
        change = {"IndexName": name, "ProvisionedThroughput": UNITS}
        assert refusal(desk, asked({"Update": change})) == (
            "This operation cannot be performed with given input values. Please contact DynamoDB"
            " service team for more info: Action Blocked: IndexUpdate"
        )
        assert desk.refusal("UpdateTable", **asked({"Delete": {"IndexName": name}})) == (
            "ResourceNotFoundException",
            "Requested resource not found",
        )


def provisioned(desk: Any) -> None:
    desk.table(
        BillingMode="PROVISIONED",
        ProvisionedThroughput=UNITS,
        AttributeDefinitions=definitions("pk", "g"),
        GlobalSecondaryIndexes=[index(ProvisionedThroughput=UNITS)],
    )


def throughput(name: str, read: int, write: int) -> dict[str, Any]:
    units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
    return {"Update": {"IndexName": name, "ProvisionedThroughput": units}}


def test_capacity_of_an_index_changes_on_a_provisioned_table(desk: Any) -> None:
    provisioned(desk)
    shown = indexes(update(desk, asked(throughput("index", 5, 6))))["index"]
    assert shown["IndexStatus"] == "UPDATING"
    shown = indexes(desk.described())["index"]
    assert shown["IndexStatus"] == "ACTIVE"
    units = shown["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (5, 6)
    text = refusal(desk, asked(throughput("index", 5, 6)))
    assert text.startswith("The provisioned throughput for the index index will not change.")
    assert "Requested WriteCapacityUnits: 6. " in text
    much = limits.CAPACITY_UNITS_MAX + 1
    assert "out of bounds for index index" in refusal(desk, asked(throughput("index", much, 1)))
    assert "must be specified for index: index" in refusal(
        desk, asked({"Update": {"IndexName": "index"}})
    )


def test_a_new_index_of_a_provisioned_table_brings_its_capacity(desk: Any) -> None:
    provisioned(desk)
    params = asked({"Create": index("second")}, AttributeDefinitions=definitions("g"))
    assert refusal(desk, params) == P + "ProvisionedThroughput must be specified for index: second"
    added = index("second", ProvisionedThroughput=UNITS)
    update(desk, asked({"Create": added}, AttributeDefinitions=definitions("g")))
    units = indexes(desk.described())["second"]["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (1, 2)


def test_on_demand_an_index_has_ceilings_and_no_capacity(desk: Any) -> None:
    desk.table()
    update(desk, create())
    assert refusal(desk, asked(throughput("index", 1, 1))) == (
        P + "ProvisionedThroughput should not be specified for index: index when BillingMode is"
        " PAY_PER_REQUEST"
    )
    for asked_for, kept in (
        ({"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}, (5, 6)),
        ({"MaxReadRequestUnits": -1}, (None, 6)),
    ):
        update(desk, asked({"Update": {"IndexName": "index", "OnDemandThroughput": asked_for}}))
        shown = indexes(desk.described())["index"]["OnDemandThroughput"]
        assert (shown.get("MaxReadRequestUnits"), shown.get("MaxWriteRequestUnits")) == kept


def test_a_switch_to_provisioned_may_bring_the_capacity_of_each_index(desk: Any) -> None:
    desk.table(
        AttributeDefinitions=definitions("pk", "g"),
        GlobalSecondaryIndexes=[index("one"), index("two")],
    )
    switch: dict[str, Any] = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    lacking = P + "ProvisionedThroughput must be specified for index: "
    assert refusal(desk, asked(**switch)) == lacking + "one,two"
    assert refusal(desk, asked(throughput("one", 3, 4), **switch)) == lacking + "two"
    update(desk, asked(throughput("one", 3, 4), throughput("two", 1, 1), **switch))
    units = indexes(desk.described())["one"]["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (3, 4)


def test_a_transition_shows_the_new_index_as_being_made(make_desk: Any) -> None:
    desk = make_desk(transition_seconds=60)
    desk.table(
        AttributeDefinitions=definitions("pk", "o"), GlobalSecondaryIndexes=[index("old", "o")]
    )
    desk.clock.advance(60)
    update(desk, create())
    shown = indexes(desk.described())
    assert (shown["index"]["IndexStatus"], shown["index"]["Backfilling"]) == ("CREATING", False)
    assert shown["old"]["IndexStatus"] == "ACTIVE"
    code, text = desk.refusal("UpdateTable", **asked({"Delete": {"IndexName": "old"}}))
    assert code == "ResourceInUseException"
    assert text.endswith("Table is being updated: music")
    desk.clock.advance(60)
    assert {each["IndexStatus"] for each in indexes(desk.described()).values()} == {"ACTIVE"}
