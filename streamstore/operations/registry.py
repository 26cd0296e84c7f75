"""Every operation that is served, by name: the table of contents of this room, and the one way in.

`prepare` checks a request's shape and lets the operation's own module plan it. The checks of an
operation are compiled at its first call, so that opening a store costs nothing for what it never
does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..errors import UnknownOperation
from .items import (
    batch_get_item,
    batch_write_item,
    delete_item,
    get_item,
    put_item,
    query,
    scan,
    transact_get_items,
    transact_write_items,
    update_item,
)
from .plan import Plan, Scope
from .shapes import checker
from .streams import describe_stream, get_records, get_shard_iterator, list_streams
from .tables import (
    create_table,
    delete_table,
    describe_limits,
    describe_table,
    list_tables,
    tags,
    update_table,
)
from .ttl import describe_time_to_live, update_time_to_live

Prepare = Callable[[dict[str, Any], Scope], Plan]

TABLES: Final = "DynamoDB_20120810"
STREAMS: Final = "DynamoDBStreams_20120810"


class Operation:
    """One operation: its name, the prefix of its X-Amz-Target, and the function that plans it.

    `prepare` takes parameters whose shape was checked, `plan` those that came.
    """

    __slots__ = ("_checkers", "name", "prepare", "target_prefix")

    def __init__(self, name: str, target_prefix: str, prepare: Prepare) -> None:
        self.name = name
        self.target_prefix = target_prefix
        self.prepare = prepare
        self._checkers: dict[bool, Callable[[Any], dict[str, Any]]] = {}

    def plan(self, params: Any, scope: Scope) -> Plan:
        """The plan of a request as it came; RequestError for whatever is wrong with it."""
        base64_binary = scope.base64_binary
        check = self._checkers.get(base64_binary)
        if check is None:
            check = self._checkers[base64_binary] = checker(self.name, base64_binary)
        return self.prepare(check(params), scope)


OPERATIONS: Final = {
    name: Operation(name, prefix, prepare)
    for name, prefix, prepare in (
        ("PutItem", TABLES, put_item.prepare),
        ("GetItem", TABLES, get_item.prepare),
        ("UpdateItem", TABLES, update_item.prepare),
        ("DeleteItem", TABLES, delete_item.prepare),
        ("Query", TABLES, query.prepare),
        ("Scan", TABLES, scan.prepare),
        ("BatchGetItem", TABLES, batch_get_item.prepare),
        ("BatchWriteItem", TABLES, batch_write_item.prepare),
        ("TransactWriteItems", TABLES, transact_write_items.prepare),
        ("TransactGetItems", TABLES, transact_get_items.prepare),
        ("CreateTable", TABLES, create_table.prepare),
        ("UpdateTable", TABLES, update_table.prepare),
        ("DeleteTable", TABLES, delete_table.prepare),
        ("DescribeTable", TABLES, describe_table.prepare),
        ("ListTables", TABLES, list_tables.prepare),
        ("DescribeLimits", TABLES, describe_limits.prepare),
        ("TagResource", TABLES, tags.prepare_tag),
        ("UntagResource", TABLES, tags.prepare_untag),
        ("ListTagsOfResource", TABLES, tags.prepare_list),
        ("UpdateTimeToLive", TABLES, update_time_to_live.prepare),
        ("DescribeTimeToLive", TABLES, describe_time_to_live.prepare),
        ("ListStreams", STREAMS, list_streams.prepare),
        ("DescribeStream", STREAMS, describe_stream.prepare),
        ("GetShardIterator", STREAMS, get_shard_iterator.prepare),
        ("GetRecords", STREAMS, get_records.prepare),
    )
}

# Operations of the service that are not served (yet), with the subject they come with.
ABSENT: Final = {
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
