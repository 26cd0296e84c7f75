"""TableDescription: which members are there, and when (spec C.4)."""

from __future__ import annotations

from typing import Any

ALWAYS = {
    "AttributeDefinitions", "TableName", "KeySchema", "TableStatus", "CreationDateTime",
    "ProvisionedThroughput", "TableSizeBytes", "ItemCount", "TableArn", "TableId",
    "DeletionProtectionEnabled", "WarmThroughput",
}  # fmt: skip
UNITS = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 2}


def with_indexes(desk: Any, **changes: Any) -> dict[str, Any]:
    names = ("pk", "sk", "g")
    made: dict[str, Any] = desk.table(
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "local",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "g", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
            }
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "world",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
                **({} if "BillingMode" not in changes else {"ProvisionedThroughput": UNITS}),
            }
        ],
        **changes,
    )
    return made


def test_a_provisioned_table_that_was_never_switched_has_no_billing_summary(desk: Any) -> None:
    desk.table(BillingMode=None, ProvisionedThroughput=UNITS)
    found = desk.described()
    assert set(found) == ALWAYS
    assert found["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **UNITS}
    assert found["WarmThroughput"] == {
        "ReadUnitsPerSecond": 3,
        "WriteUnitsPerSecond": 2,
        "Status": "ACTIVE",
    }


def test_an_on_demand_table_has_zero_units_and_both_summaries(desk: Any) -> None:
    desk.table()
    found = desk.described()
    since = {"LastUpdateToPayPerRequestDateTime": desk.clock.now_ms() / 1000}
    assert set(found) == ALWAYS | {"BillingModeSummary", "TableThroughputModeSummary"}
    assert found["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST", **since}
    assert found["TableThroughputModeSummary"] == {
        "TableThroughputMode": "PAY_PER_REQUEST",
        **since,
    }
    assert found["ProvisionedThroughput"] == {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": 0,
        "WriteCapacityUnits": 0,
    }
    assert found["WarmThroughput"]["WriteUnitsPerSecond"] == 4000


def test_indexes_are_described_by_kind_and_only_the_global_have_a_status(desk: Any) -> None:
    with_indexes(desk, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    found = desk.described()
    [local], [world] = found["LocalSecondaryIndexes"], found["GlobalSecondaryIndexes"]
    assert local == {
        "IndexName": "local",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "g", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
        "IndexSizeBytes": 0,
        "ItemCount": 0,
        "IndexArn": f"{found['TableArn']}/index/local",
    }
    assert world["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert world["IndexStatus"] == "ACTIVE"
    assert world["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **UNITS}
    assert world["WarmThroughput"]["ReadUnitsPerSecond"] == 3
    assert "Backfilling" not in world


def test_indexes_of_an_on_demand_table_have_zero_units(desk: Any) -> None:
    with_indexes(desk)
    [world] = desk.described()["GlobalSecondaryIndexes"]
    assert world["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert world["WarmThroughput"]["WriteUnitsPerSecond"] == 4000


def test_counts_follow_every_write_exactly_in_table_and_indexes(desk: Any) -> None:
    with_indexes(desk)
    for number in range(5):
        item = {"pk": {"S": "p"}, "sk": {"S": str(number)}, "g": {"S": "g"}, "y": {"S": "yy"}}
        if number == 4:
            del item["g"]
        desk.ask("PutItem", TableName="music", Item=item)
    desk.ask("DeleteItem", TableName="music", Key={"pk": {"S": "p"}, "sk": {"S": "0"}})
    found = desk.described()
    # pk 2 + 1, sk 2 + 1, g 1 + 1, y 1 + 2
    assert (found["ItemCount"], found["TableSizeBytes"]) == (4, 3 * 11 + 9)
    [world] = found["GlobalSecondaryIndexes"]
    assert (world["ItemCount"], world["IndexSizeBytes"]) == (3, 3 * 8)
    assert desk.ask("DeleteTable", TableName="music")["TableDescription"]["ItemCount"] == 4


def test_settings_are_described_only_when_set(desk: Any) -> None:
    desk.table(
        TableClass="STANDARD_INFREQUENT_ACCESS",
        SSESpecification={"Enabled": True, "KMSMasterKeyId": "1234"},
        OnDemandThroughput={"MaxReadRequestUnits": 7},
        WarmThroughput={"ReadUnitsPerSecond": 15_000},
        DeletionProtectionEnabled=True,
    )
    found = desk.described()
    assert found["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert found["SSEDescription"] == {
        "Status": "ENABLED",
        "SSEType": "KMS",
        "KMSMasterKeyArn": "arn:aws:kms:us-east-1:000000000000:key/1234",
    }
    assert found["OnDemandThroughput"] == {"MaxReadRequestUnits": 7}
    assert found["WarmThroughput"]["ReadUnitsPerSecond"] == 15_000
    assert found["WarmThroughput"]["WriteUnitsPerSecond"] == 4000
    assert found["DeletionProtectionEnabled"] is True


def test_a_description_survives_a_restart_word_for_word(desk: Any) -> None:
    from streamstore.engine.engine import Engine

    with_indexes(
        desk,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        TableClass="STANDARD",
        Tags=[{"Key": "k", "Value": "v"}],
    )
    before = desk.described()
    desk.engine = Engine.load(desk._reading(), desk.engine.settings, desk.clock)
    desk.scope = type(desk.scope)(desk.engine, desk.scope.region, desk.scope.account)
    assert desk.described() == before
