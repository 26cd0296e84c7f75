"""The client: one method an operation, each a call of the store with botocore's manners around it.

Parameters are checked by the operation, so a wrong type is a SerializationException; only missing
and unknown ones are refused before the call, as botocore does. Replies get ResponseMetadata,
and their times become datetimes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from ..errors import StoreError
from ..operations.shapes.nodes import tree
from .exceptions import EXCEPTIONS, ParamValidationError, client_error
from .paging import PAGED, Paginator
from .waiting import WAITERS, Waiter

Params = dict[str, Any]
Reply = dict[str, Any]


class Caller(Protocol):
    """What the client asks of a store."""

    def call(self, operation: str, params: Params) -> Reply: ...


def method_name(operation: str) -> str:
    """botocore's name of an operation's method: PutItem is put_item."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()


def _method(operation: str, summary: str) -> Callable[..., Reply]:
    def call(self: Client, **params: Any) -> Reply:
        return self.make_api_call(operation, params)

    call.__name__ = method_name(operation)
    call.__qualname__ = f"Client.{call.__name__}"
    call.__doc__ = f"{operation}: {summary} Parameters and reply as boto3's; raises ClientError."
    return call


class Client:
    """boto3's low-level client over a store in this process; as thread-safe as the store."""

    exceptions = EXCEPTIONS

    batch_execute_statement = _method("BatchExecuteStatement", "up to 25 statements of PartiQL.")
    batch_get_item = _method("BatchGetItem", "up to 100 items by their keys.")
    batch_write_item = _method("BatchWriteItem", "up to 25 puts and deletes, each atomic.")
    create_table = _method("CreateTable", "a new table.")
    delete_item = _method("DeleteItem", "deletes an item, if the condition holds.")
    delete_table = _method("DeleteTable", "deletes a table with its items.")
    describe_continuous_backups = _method(
        "DescribeContinuousBackups", "that point-in-time recovery is disabled."
    )
    describe_endpoints = _method("DescribeEndpoints", "unknown to a store without an address.")
    describe_limits = _method("DescribeLimits", "the quotas of throughput.")
    describe_stream = _method("DescribeStream", "a stream's status and a page of its shards.")
    describe_table = _method("DescribeTable", "a table's keys, indexes, status and sizes.")
    describe_time_to_live = _method("DescribeTimeToLive", "whether and by what items expire.")
    execute_statement = _method("ExecuteStatement", "a statement of PartiQL.")
    execute_transaction = _method("ExecuteTransaction", "up to 100 statements, all or nothing.")
    get_item = _method("GetItem", "an item by its key, or no Item.")
    get_records = _method("GetRecords", "a page of a shard's records.")
    get_shard_iterator = _method("GetShardIterator", "a position in a shard, for GetRecords.")
    list_streams = _method("ListStreams", "a page of streams.")
    list_tables = _method("ListTables", "a page of table names.")
    list_tags_of_resource = _method("ListTagsOfResource", "a table's tags.")
    put_item = _method("PutItem", "writes an item whole, if the condition holds.")
    query = _method("Query", "a page of the items of one partition, in key order.")
    scan = _method("Scan", "a page of the items of a table or an index.")
    tag_resource = _method("TagResource", "adds tags to a table.")
    transact_get_items = _method("TransactGetItems", "up to 100 items as of one moment.")
    transact_write_items = _method("TransactWriteItems", "up to 100 writes, all or nothing.")
    untag_resource = _method("UntagResource", "removes tags from a table.")
    update_continuous_backups = _method(
        "UpdateContinuousBackups", "point-in-time recovery, which can't be enabled."
    )
    update_item = _method("UpdateItem", "changes attributes of an item, or creates it.")
    update_table = _method("UpdateTable", "changes throughput, indexes or the stream.")
    update_time_to_live = _method("UpdateTimeToLive", "lets items expire by an attribute, or not.")

    def __init__(self, store: Caller) -> None:
        self._store = store
        self._requests = itertools.count(1)

    def make_api_call(self, operation: str, params: Params) -> Reply:
        """Any operation by the service's name ("PutItem"); what the methods above call."""
        _check_parameters(operation, params)
        metadata: Reply = {
            "RequestId": f"{next(self._requests):052X}",
            "HTTPStatusCode": 200,
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        }
        try:
            reply = self._store.call(operation, params)
        except StoreError as error:
            raise client_error(operation, error, metadata) from error
        if operation in _TIMED:
            reply = _with_moments(reply)
        elif operation == "GetRecords":
            reply = _with_record_moments(reply)
        return {**reply, "ResponseMetadata": metadata}

    def can_paginate(self, name: str) -> bool:
        """Whether `get_paginator` has one for that method."""
        return name in PAGED

    def get_paginator(self, name: str) -> Paginator:
        """A paginator for that method. Raises ValueError for a method without pages."""
        if name not in PAGED:
            raise ValueError(f"Operation cannot be paginated: {name}")
        return Paginator(getattr(self, name), PAGED[name])

    @property
    def waiter_names(self) -> list[str]:
        """What `get_waiter` takes."""
        return list(WAITERS)

    def get_waiter(self, name: str) -> Waiter:
        """A waiter: "table_exists" or "table_not_exists". Raises ValueError for any other."""
        if name not in WAITERS:
            raise ValueError(f"Waiter does not exist: {name}")
        return Waiter(self.describe_table, name)

    def close(self) -> None:
        """Nothing: the store is closed by who opened it."""


def _check_parameters(operation: str, params: Params) -> None:
    try:
        node = tree(operation)
    except KeyError:
        return  # The store refuses it by name.
    missing = [name for name in node.required if params.get(name) is None]
    if not missing and params.keys() <= node.members.keys():
        return
    lines = [f'Missing required parameter in input: "{name}"' for name in missing]
    lines += [
        f'Unknown parameter in input: "{name}", must be one of: {", ".join(node.members)}'
        for name in params
        if name not in node.members
    ]
    raise ParamValidationError("\n".join(("Parameter validation failed:", *lines)))


# The service sends seconds since 1970, botocore answers datetimes.
_TIMED = frozenset(("CreateTable", "DeleteTable", "DescribeStream", "DescribeTable", "UpdateTable"))


def _with_moments(part: Any) -> Any:
    """A copy of a reply without attribute values whose numbers called ...DateTime are datetimes."""
    if isinstance(part, list):
        return [_with_moments(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _moment(value)
        if name.endswith("DateTime") and isinstance(value, int | float)
        else _with_moments(value)
        for name, value in part.items()
    }


def _with_record_moments(reply: Reply) -> Reply:
    """The same for GetRecords, whose images must be left alone: they may hold such names."""
    records = []
    for record in reply["Records"]:
        change = dict(record["dynamodb"])
        change["ApproximateCreationDateTime"] = _moment(change["ApproximateCreationDateTime"])
        records.append({**record, "dynamodb": change})
    return {**reply, "Records": records}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
