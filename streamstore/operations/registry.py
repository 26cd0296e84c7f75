"""Every operation that is served, by name: the table of contents of this room, and the one way in.

`prepare` checks a request's shape and lets the operation's own module plan it. A module is imported
and its checks are compiled at the operation's first call, so that a store or a server starts
without what it may never do (a third of a server's start otherwise). `preload` does it for all, and
a test resolves every home.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from ..errors import UnknownOperation
from .plan import Plan, Scope

Prepare = Callable[[dict[str, Any], Scope], Plan]
Check = Callable[[Any], dict[str, Any]]

TABLES: Final = "DynamoDB_20120810"
STREAMS: Final = "DynamoDBStreams_20120810"


class Operation:
    """One operation: its name, the prefix of its X-Amz-Target, and the function that plans it.

    `prepare` takes parameters whose shape was checked, `plan` those that came. `home` is a module
    of this room, and its function after a colon where that is not `prepare`.
    """

    __slots__ = ("_checkers", "_prepare", "home", "name", "target_prefix")

    def __init__(self, name: str, target_prefix: str, home: str) -> None:
        self.name = name
        self.target_prefix = target_prefix
        self.home = home
        self._prepare: Prepare | None = None
        self._checkers: dict[bool, Check] = {}

    @property
    def prepare(self) -> Prepare:
        """The operation's own function."""
        found = self._prepare
        if found is None:
            module, _, function = self.home.partition(":")
            found = getattr(import_module(f"{__package__}.{module}"), function or "prepare")
            self._prepare = found
        return found

    def checker(self, base64_binary: bool) -> Check:
        """The check of a request's shape, for binary values as text or as bytes."""
        check = self._checkers.get(base64_binary)
        if check is None:
            from .shapes import checker

            check = self._checkers[base64_binary] = checker(self.name, base64_binary)
        return check

    def plan(self, params: Any, scope: Scope) -> Plan:
        """The plan of a request as it came; RequestError for whatever is wrong with it."""
        base64_binary = scope.base64_binary
        check = self._checkers.get(base64_binary) or self.checker(base64_binary)
        prepare = self._prepare or self.prepare
        return prepare(check(params), scope)


OPERATIONS: Final = {
    name: Operation(name, prefix, home)
    for name, prefix, home in (
        ("PutItem", TABLES, "items.put_item"),
        ("GetItem", TABLES, "items.get_item"),
        ("UpdateItem", TABLES, "items.update_item"),
        ("DeleteItem", TABLES, "items.delete_item"),
        ("Query", TABLES, "items.query"),
        ("Scan", TABLES, "items.scan"),
        ("BatchGetItem", TABLES, "items.batch_get_item"),
        ("BatchWriteItem", TABLES, "items.batch_write_item"),
        ("TransactWriteItems", TABLES, "items.transact_write_items"),
        ("TransactGetItems", TABLES, "items.transact_get_items"),
        ("ExecuteStatement", TABLES, "statements.execute_statement"),
        ("BatchExecuteStatement", TABLES, "statements.batch_execute_statement"),
        ("ExecuteTransaction", TABLES, "statements.execute_transaction"),
        ("CreateTable", TABLES, "tables.create_table"),
        ("UpdateTable", TABLES, "tables.update_table"),
        ("DeleteTable", TABLES, "tables.delete_table"),
        ("DescribeTable", TABLES, "tables.describe_table"),
        ("ListTables", TABLES, "tables.list_tables"),
        ("DescribeLimits", TABLES, "account.describe_limits"),
        ("DescribeEndpoints", TABLES, "account.describe_endpoints"),
        ("DescribeContinuousBackups", TABLES, "tables.continuous_backups:prepare_describe"),
        ("UpdateContinuousBackups", TABLES, "tables.continuous_backups:prepare_update"),
        ("TagResource", TABLES, "tables.tags:prepare_tag"),
        ("UntagResource", TABLES, "tables.tags:prepare_untag"),
        ("ListTagsOfResource", TABLES, "tables.tags:prepare_list"),
        ("UpdateTimeToLive", TABLES, "ttl.update_time_to_live"),
        ("DescribeTimeToLive", TABLES, "ttl.describe_time_to_live"),
        ("ListStreams", STREAMS, "streams.list_streams"),
        ("DescribeStream", STREAMS, "streams.describe_stream"),
        ("GetShardIterator", STREAMS, "streams.get_shard_iterator"),
        ("GetRecords", STREAMS, "streams.get_records"),
    )
}

# Operations of the service that are not served (yet), with the subject they come with.
ABSENT: Final = {
    "CreateBackup": "backups",
    "DeleteBackup": "backups",
    "DescribeBackup": "backups",
    "ListBackups": "backups",
    "RestoreTableFromBackup": "backups",
    "RestoreTableToPointInTime": "backups",
    "ExportTableToPointInTime": "exports and imports",
    "DescribeExport": "exports and imports",
    "ListExports": "exports and imports",
    "ImportTable": "exports and imports",
    "DescribeImport": "exports and imports",
    "ListImports": "exports and imports",
    "StartBulkPutItems": "exports and imports",
    "DescribeBulkOperation": "exports and imports",
    "ListBulkOperations": "exports and imports",
    "CancelBulkOperation": "exports and imports",
    "EnableKinesisStreamingDestination": "Kinesis destinations",
    "DisableKinesisStreamingDestination": "Kinesis destinations",
    "DescribeKinesisStreamingDestination": "Kinesis destinations",
    "UpdateKinesisStreamingDestination": "Kinesis destinations",
    "CreateGlobalTable": "global tables",
    "DescribeGlobalTable": "global tables",
    "DescribeGlobalTableSettings": "global tables",
    "ListGlobalTables": "global tables",
    "UpdateGlobalTable": "global tables",
    "UpdateGlobalTableSettings": "global tables",
    "DescribeTableReplicaAutoScaling": "global tables",
    "UpdateTableReplicaAutoScaling": "global tables",
    "DescribeContributorInsights": "nothing planned: they belong to the cloud around the service",
    "ListContributorInsights": "nothing planned: they belong to the cloud around the service",
    "UpdateContributorInsights": "nothing planned: they belong to the cloud around the service",
    "GetResourcePolicy": "nothing planned: they belong to the cloud around the service",
    "PutResourcePolicy": "nothing planned: they belong to the cloud around the service",
    "DeleteResourcePolicy": "nothing planned: they belong to the cloud around the service",
    "SearchVectors": "nothing planned: they belong to the cloud around the service",
}


def prepare(name: str, params: Any, scope: Scope) -> Plan:
    """The plan of a request as it came.

    UnknownOperation for a name that is not served, SerializationFailed for a wrong type, other
    RequestErrors for what the operation refuses before anything is locked.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise UnknownOperation(name)
    return operation.plan(params, scope)


def preload() -> None:
    """Import and compile every operation for the wire: what a server does once it is ready."""
    for operation in OPERATIONS.values():
        operation.checker(True)
        _ = operation.prepare
