"""Every operation that is served, by name: the table of contents of this room, and the one way in.

`prepare` checks a request's shape and lets the operation's own module plan it. What a module needs
is imported with it, at the first call of its operation, so that opening a store costs nothing for
what it never does.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from ..errors import UnknownOperation
from .plan import Plan, Scope
from .shapes import checker

TABLES: Final = "DynamoDB_20120810"
STREAMS: Final = "DynamoDBStreams_20120810"


class Operation:
    """One operation: its name, the prefix of its X-Amz-Target, and the function that plans it."""

    __slots__ = ("_home", "_plans", "name", "target_prefix")

    def __init__(self, name: str, target_prefix: str, home: str) -> None:
        self.name = name
        self.target_prefix = target_prefix
        self._home = home  # module under this room, colon, function
        self._plans: dict[bool, Callable[[Any, Scope], Plan]] = {}

    def plan(self, params: Any, scope: Scope) -> Plan:
        """The plan of a request as it came; RequestError for whatever is wrong with it."""
        planned = self._plans.get(scope.base64_binary)
        if planned is None:
            planned = self._plans[scope.base64_binary] = self._planning(scope.base64_binary)
        return planned(params, scope)

    def prepare(self, params: dict[str, Any], scope: Scope) -> Plan:
        """The plan of a request whose shape was checked."""
        return self._function()(params, scope)

    def _planning(self, base64_binary: bool) -> Callable[[Any, Scope], Plan]:
        check, prepare = checker(self.name, base64_binary), self._function()
        return lambda params, scope: prepare(check(params), scope)

    def _function(self) -> Callable[[dict[str, Any], Scope], Plan]:
        module, _, function = self._home.partition(":")
        found: Callable[[dict[str, Any], Scope], Plan]
        found = getattr(import_module(f"{__package__}.{module}"), function)
        return found


OPERATIONS: Final = {
    name: Operation(name, prefix, home)
    for name, prefix, home in (
        ("PutItem", TABLES, "items.put_item:prepare"),
        ("GetItem", TABLES, "items.get_item:prepare"),
        ("UpdateItem", TABLES, "items.update_item:prepare"),
        ("DeleteItem", TABLES, "items.delete_item:prepare"),
        ("Query", TABLES, "items.query:prepare"),
        ("Scan", TABLES, "items.scan:prepare"),
        ("BatchGetItem", TABLES, "items.batch_get_item:prepare"),
        ("BatchWriteItem", TABLES, "items.batch_write_item:prepare"),
        ("TransactWriteItems", TABLES, "items.transact_write_items:prepare"),
        ("TransactGetItems", TABLES, "items.transact_get_items:prepare"),
        ("CreateTable", TABLES, "tables.create_table:prepare"),
        ("UpdateTable", TABLES, "tables.update_table:prepare"),
        ("DeleteTable", TABLES, "tables.delete_table:prepare"),
        ("DescribeTable", TABLES, "tables.describe_table:prepare"),
        ("ListTables", TABLES, "tables.list_tables:prepare"),
        ("DescribeLimits", TABLES, "tables.describe_limits:prepare"),
        ("TagResource", TABLES, "tables.tags:prepare_tag"),
        ("UntagResource", TABLES, "tables.tags:prepare_untag"),
        ("ListTagsOfResource", TABLES, "tables.tags:prepare_list"),
        ("ListStreams", STREAMS, "streams.list_streams:prepare"),
        ("DescribeStream", STREAMS, "streams.describe_stream:prepare"),
        ("GetShardIterator", STREAMS, "streams.get_shard_iterator:prepare"),
        ("GetRecords", STREAMS, "streams.get_records:prepare"),
    )
}

# Operations of the service that are not served (yet), with the subject they come with.
ABSENT: Final = {
    "UpdateTimeToLive": "time to live",
    "DescribeTimeToLive": "time to live",
    "ExecuteStatement": "PartiQL",
    "BatchExecuteStatement": "PartiQL",
    "ExecuteTransaction": "PartiQL",
    "CreateBackup": "backups",
    "DeleteBackup": "backups",
    "DescribeBackup": "backups",
    "ListBackups": "backups",
    "DescribeContinuousBackups": "backups",
    "UpdateContinuousBackups": "backups",
    "RestoreTableFromBackup": "backups",
    "RestoreTableToPointInTime": "backups",
    "DescribeEndpoints": "a door that knows its own address; the service's would mislead clients",
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
