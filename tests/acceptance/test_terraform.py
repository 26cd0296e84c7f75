"""The calls that Terraform's AWS provider makes for an `aws_dynamodb_table`, in its order.

Written after the provider's documentation: what is made, read back, changed and deleted, and the
answers on which its waiters go on. The provider itself is not run.

    create   CreateTable, DescribeTable until ACTIVE, UpdateTimeToLive and DescribeTimeToLive
    read     DescribeTable, DescribeContinuousBackups, DescribeTimeToLive, ListTagsOfResource
    update   UpdateTable for each of: protection, billing, indexes (one at a time), stream, class,
             encryption; UpdateContinuousBackups, UpdateTimeToLive, TagResource, UntagResource
    delete   DeleteTable, DescribeTable until ResourceNotFoundException
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "terraformed"
TABLE: dict[str, Any] = {
    "TableName": NAME,
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("id", "at", "who")
    ],
    "KeySchema": [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by-who",
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "who", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    "SSESpecification": {"Enabled": True},
    "TableClass": "STANDARD",
    "DeletionProtectionEnabled": True,
    "Tags": [{"Key": "env", "Value": "test"}],
}
INDEX = {
    "IndexName": "everyone",
    "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
}
RECOVERY = "PointInTimeRecoverySpecification"


@pytest.fixture(scope="module")
def client(server: Any) -> Any:
    """A client whose answers a provider would see."""
    return server.client()


def read(client: Any) -> dict[str, Any]:
    """What a refresh asks, as one description."""
    table = client.describe_table(TableName=NAME)["Table"]
    backups = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    ttl = client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    tags = client.list_tags_of_resource(ResourceArn=table["TableArn"])
    assert "NextToken" not in tags
    assert table["TableStatus"] == "ACTIVE"
    return {"table": table, "backups": backups, "ttl": ttl, "tags": tags["Tags"]}


def test_a_table_lives_its_life_by_the_calls_of_a_provider(client: Any) -> None:
    with pytest.raises(ClientError) as missing:
        client.describe_table(TableName=NAME)
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"
    created(client)
    updated(client)
    deleted(client)


def created(client: Any) -> None:
    client.create_table(**TABLE)
    ttl = {"Enabled": True, "AttributeName": "gone_at"}
    client.update_time_to_live(TableName=NAME, TimeToLiveSpecification=ttl)
    found = read(client)
    table = found["table"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["TableClassSummary"]["TableClass"] == "STANDARD"
    assert table["LatestStreamArn"].startswith(table["TableArn"])
    assert table["DeletionProtectionEnabled"] is True
    assert found["ttl"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "gone_at"}
    assert found["tags"] == TABLE["Tags"]
    assert found["backups"] == {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }


def updated(client: Any) -> None:
    arn = read(client)["table"]["TableArn"]
    changes: tuple[dict[str, Any], ...] = (
        {"DeletionProtectionEnabled": False},
        {"BillingMode": "PAY_PER_REQUEST"},
        {
            "AttributeDefinitions": TABLE["AttributeDefinitions"],
            "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
        },
        {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "everyone"}}]},
        {"StreamSpecification": {"StreamEnabled": False}},
        {"SSESpecification": {"Enabled": False}},
        {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
        {"OnDemandThroughput": {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 100}},
    )
    for change in changes:
        client.update_table(TableName=NAME, **change)
        client.get_waiter("table_exists").wait(TableName=NAME)
    client.update_continuous_backups(
        TableName=NAME, **{RECOVERY: {"PointInTimeRecoveryEnabled": False}}
    )
    with pytest.raises(ClientError, match="point-in-time recovery is not kept"):
        client.update_continuous_backups(
            TableName=NAME, **{RECOVERY: {"PointInTimeRecoveryEnabled": True}}
        )
    off = {"Enabled": False, "AttributeName": "gone_at"}
    client.update_time_to_live(TableName=NAME, TimeToLiveSpecification=off)
    client.untag_resource(ResourceArn=arn, TagKeys=["env"])
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}])
    found = read(client)
    table = found["table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert table["OnDemandThroughput"]["MaxReadRequestUnits"] == 100
    assert "GlobalSecondaryIndexes" not in table
    assert "StreamSpecification" not in table
    assert "SSEDescription" not in table
    assert found["ttl"] == {"TimeToLiveStatus": "DISABLED"}
    assert found["tags"] == [{"Key": "team", "Value": "a"}]


def deleted(client: Any) -> None:
    client.delete_table(TableName=NAME)
    client.get_waiter("table_not_exists").wait(TableName=NAME)
    for call in (client.describe_continuous_backups, client.describe_time_to_live):
        with pytest.raises(ClientError) as gone:
            call(TableName=NAME)
        code = gone.value.response["Error"]["Code"]
        assert code in ("TableNotFoundException", "ResourceNotFoundException")
