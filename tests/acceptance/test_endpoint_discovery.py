"""Endpoint discovery with boto3: a client that asks where to send its requests is sent here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.config import Config


def test_the_address_told_is_the_one_by_which_the_caller_came(server: Any) -> None:
    for name in ("127.0.0.1", "localhost"):
        connection = server.connection()
        host = f"{name}:{server.port}"
        credential = "AKID/20261124/eu-west-1/dynamodb/aws4_request"
        connection.request(
            "POST",
            "/",
            "{}",
            {
                "Host": host,
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.DescribeEndpoints",
                "X-Amz-Date": "20261124T030000Z",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},"
                " SignedHeaders=host;x-amz-date, Signature=abc",
            },
        )
        told = json.loads(connection.getresponse().read())
        connection.close()
        assert told == {"Endpoints": [{"Address": host, "CachePeriodInMinutes": 1440}]}


def test_boto3_works_with_endpoint_discovery_enabled(
    server: Any, client_of: Callable[..., Any]
) -> None:
    client = server.client(config=Config(endpoint_discovery_enabled=True))
    client.create_table(
        TableName="discovered",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    item = {"id": {"S": "a"}}
    client.put_item(TableName="discovered", Item=item)
    assert client.get_item(TableName="discovered", Key=item)["Item"] == item
    (endpoint,) = client.describe_endpoints()["Endpoints"]
    assert endpoint["Address"] == f"{server.host}:{server.port}"
    again = client_of(f"http://{endpoint['Address']}")
    assert again.get_item(TableName="discovered", Key=item)["Item"] == item


def test_botocores_own_discovery_is_sent_here(server: Any) -> None:
    """With an endpoint given botocore asks nobody; its discoverer is asked directly instead."""
    from botocore.discovery import EndpointDiscoveryManager

    manager = EndpointDiscoveryManager(server.client())
    assert manager.describe_endpoint(Operation="GetItem", Identifiers={}) == (
        f"{server.host}:{server.port}"
    )
