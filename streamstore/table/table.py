"""The table, and its batch writer: client calls with values translated both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import limits
from ..client import Caller, Client, Params, Reply
from .conditions import Builder
from .values import from_item, to_item, to_value

_CONDITIONS = ("ConditionExpression", "KeyConditionExpression", "FilterExpression")
_ITEMS = ("Item", "Key", "ExclusiveStartKey", "ExpressionAttributeValues")
# The predecessors of expressions hold values one level down.
_LEGACY = ("AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter")


def _to_params(name: str, params: Params) -> Params:
    """Native parameters of one call as the client takes them. The caller's dicts are left alone."""
    out: Params = {"TableName": name, **params}
    builder = Builder()
    for member in _CONDITIONS:
        if hasattr(out.get(member), "get_expression"):
            out[member] = builder.text(out[member])
    if builder.names:
        out["ExpressionAttributeNames"] = {
            **(out.get("ExpressionAttributeNames") or {}),
            **builder.names,
        }
    if builder.values:
        out["ExpressionAttributeValues"] = {
            **(out.get("ExpressionAttributeValues") or {}),
            **builder.values,
        }
    for member in _ITEMS:
        if isinstance(out.get(member), Mapping):
            out[member] = to_item(out[member])
    for member in _LEGACY:
        if isinstance(out.get(member), Mapping):
            out[member] = {name: _to_rule(rule) for name, rule in out[member].items()}
    return out


def _to_rule(rule: Mapping[str, Any]) -> Params:
    """What a legacy parameter says of one attribute."""
    out = dict(rule)
    if "Value" in out:
        out["Value"] = to_value(out["Value"])
    if "AttributeValueList" in out:
        out["AttributeValueList"] = [to_value(each) for each in out["AttributeValueList"]]
    return out


def _from_reply(reply: Reply) -> Reply:
    for member in ("Item", "Attributes", "LastEvaluatedKey"):
        if member in reply:
            reply[member] = from_item(reply[member])
    if "Items" in reply:
        reply["Items"] = [from_item(item) for item in reply["Items"]]
    metrics = reply.get("ItemCollectionMetrics")
    if metrics is not None:
        key = from_item(metrics["ItemCollectionKey"])
        reply["ItemCollectionMetrics"] = {**metrics, "ItemCollectionKey": key}
    return reply


# Facts of DescribeTable by boto3's names.
_DESCRIBED = {
    "archival_summary": "ArchivalSummary", "attribute_definitions": "AttributeDefinitions",
    "billing_mode_summary": "BillingModeSummary", "creation_date_time": "CreationDateTime",
    "deletion_protection_enabled": "DeletionProtectionEnabled",
    "global_secondary_indexes": "GlobalSecondaryIndexes", "item_count": "ItemCount",
    "key_schema": "KeySchema", "latest_stream_arn": "LatestStreamArn",
    "latest_stream_label": "LatestStreamLabel", "local_secondary_indexes": "LocalSecondaryIndexes",
    "on_demand_throughput": "OnDemandThroughput",
    "provisioned_throughput": "ProvisionedThroughput", "sse_description": "SSEDescription",
    "stream_specification": "StreamSpecification", "table_arn": "TableArn", "table_id": "TableId",
    "table_class_summary": "TableClassSummary", "table_size_bytes": "TableSizeBytes",
    "table_status": "TableStatus", "warm_throughput": "WarmThroughput",
}  # fmt: skip


class Table:
    """One table of a store. Parameters and replies as of boto3's Table; raises ClientError.

    Facts of DescribeTable are attributes with boto3's names (`item_count`, `latest_stream_arn`),
    read at first use and kept until `reload()`.
    """

    def __init__(self, store: Caller, name: str, client: Client | None = None) -> None:
        self.name = self.table_name = name
        self.client = client or Client(store)
        self._description: Params | None = None

    def __repr__(self) -> str:
        return f"Table(name={self.name!r})"

    def __getattr__(self, attribute: str) -> Any:
        member = _DESCRIBED.get(attribute)
        if member is None:
            raise AttributeError(f"Table has no attribute {attribute!r}")
        if self._description is None:
            self.load()
        assert self._description is not None
        return self._description.get(member)

    def load(self) -> None:
        """Read the facts of DescribeTable anew."""
        self._description = self.client.describe_table(TableName=self.name)["Table"]

    reload = load

    def put_item(self, **params: Any) -> Reply:
        """PutItem with a native Item."""
        return _from_reply(self.client.put_item(**_to_params(self.name, params)))

    def get_item(self, **params: Any) -> Reply:
        """GetItem by a native Key; Item is native, and absent when there is none."""
        return _from_reply(self.client.get_item(**_to_params(self.name, params)))

    def update_item(self, **params: Any) -> Reply:
        """UpdateItem by a native Key, with native ExpressionAttributeValues."""
        return _from_reply(self.client.update_item(**_to_params(self.name, params)))

    def delete_item(self, **params: Any) -> Reply:
        """DeleteItem by a native Key."""
        return _from_reply(self.client.delete_item(**_to_params(self.name, params)))

    def query(self, **params: Any) -> Reply:
        """One page of a Query; Items are native."""
        return _from_reply(self.client.query(**_to_params(self.name, params)))

    def scan(self, **params: Any) -> Reply:
        """One page of a Scan; Items are native."""
        return _from_reply(self.client.scan(**_to_params(self.name, params)))

    def delete(self) -> Reply:
        """DeleteTable."""
        return self.client.delete_table(TableName=self.name)

    def wait_until_exists(self) -> None:
        """Returns once the table is ACTIVE."""
        self.client.get_waiter("table_exists").wait(TableName=self.name)

    def wait_until_not_exists(self) -> None:
        """Returns once the table is gone."""
        self.client.get_waiter("table_not_exists").wait(TableName=self.name)

    def batch_writer(self, overwrite_by_pkeys: list[str] | None = None) -> BatchWriter:
        """A context manager whose put_item and delete_item are sent 25 at a time.

        Of the collected entries with equal values of `overwrite_by_pkeys` only the last is sent.
        """
        return BatchWriter(self, overwrite_by_pkeys)


class BatchWriter:
    """Collects puts and deletes; what an error left unsent stays collected."""

    def __init__(self, table: Table, overwrite_by_pkeys: list[str] | None) -> None:
        self._table = table
        self._keys = overwrite_by_pkeys
        self._requests: list[Params] = []

    def __enter__(self) -> BatchWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # As boto3: what was collected is written even when the block ends in an error.
        self.flush()

    def put_item(self, Item: Mapping[str, Any]) -> None:  # noqa: N803 - the name is boto3's
        """Collect a put."""
        self._add({"PutRequest": {"Item": to_item(Item)}})

    def delete_item(self, Key: Mapping[str, Any]) -> None:  # noqa: N803 - the name is boto3's
        """Collect a delete."""
        self._add({"DeleteRequest": {"Key": to_item(Key)}})

    def _add(self, request: Params) -> None:
        if self._keys:
            named = self._named(request)
            self._requests = [each for each in self._requests if self._named(each) != named]
        self._requests.append(request)
        if len(self._requests) >= limits.BATCH_WRITE_REQUESTS_MAX:
            self.flush()

    def _named(self, request: Params) -> list[Any]:
        ((kind, entry),) = request.items()
        item = entry["Item" if kind == "PutRequest" else "Key"]
        return [item.get(name) for name in self._keys or ()]

    def flush(self) -> None:
        """Send what was collected."""
        name = self._table.name
        while self._requests:
            sent = self._requests[: limits.BATCH_WRITE_REQUESTS_MAX]
            reply = self._table.client.batch_write_item(RequestItems={name: sent})
            unprocessed = reply["UnprocessedItems"].get(name, [])
            self._requests = unprocessed + self._requests[len(sent) :]
