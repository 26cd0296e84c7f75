"""What the service does and its published model does not say: orders, texts' enum lists, tightened
constraints.

model.json is generated and never edited; everything that was learned by looking at answers (spec
B.2, C.1, A.2 of the streams page) stands here by hand, keyed by structure and member, so that a
newer model can be taken over untouched.
"""

from __future__ import annotations

from typing import Any, Final

from ... import limits


def _order(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


# The order in which the service looks at members. Members not named follow in the model's order.
# TableThroughputMode is an alias that the model does not know (ADDED_MEMBERS below).
MEMBER_ORDER: Final = {
    "CreateTableInput": _order(
        "AttributeDefinitions TableName BillingMode TableThroughputMode ProvisionedThroughput",
        "KeySchema LocalSecondaryIndexes GlobalSecondaryIndexes",
    ),
    "UpdateTableInput": _order(
        "TableName ProvisionedThroughput BillingMode TableThroughputMode",
        "GlobalSecondaryIndexUpdates",
    ),
    "ProvisionedThroughput": _order("WriteCapacityUnits ReadCapacityUnits"),
    "GlobalSecondaryIndexUpdate": _order("Update Create Delete"),
    "PutItemInput": _order(
        "ReturnConsumedCapacity TableName Item ConditionalOperator Expected ReturnValues",
        "ReturnItemCollectionMetrics",
    ),
    "GetItemInput": _order("ReturnConsumedCapacity AttributesToGet TableName Key"),
    "UpdateItemInput": _order(
        "ReturnConsumedCapacity TableName ReturnItemCollectionMetrics ReturnValues Key",
        "ConditionalOperator Expected AttributeUpdates",
    ),
    "DeleteItemInput": _order(
        "ReturnConsumedCapacity TableName ReturnValues ReturnItemCollectionMetrics Key",
        "ConditionalOperator Expected",
    ),
    "QueryInput": _order(
        "Select IndexName ReturnConsumedCapacity QueryFilter TableName ConditionalOperator",
        "AttributesToGet Limit KeyConditions ExclusiveStartKey",
    ),
    "ScanInput": _order(
        "Select IndexName TotalSegments ReturnConsumedCapacity TableName ConditionalOperator",
        "ScanFilter Segment Limit AttributesToGet ExclusiveStartKey",
    ),
    "BatchGetItemInput": _order("ReturnConsumedCapacity RequestItems"),
    "BatchWriteItemInput": _order(
        "ReturnConsumedCapacity ReturnItemCollectionMetrics RequestItems"
    ),
    "ListTablesInput": _order("Limit ExclusiveStartTableName"),
}

# The order in which the service prints an enum's values. Enums not named here keep the model's
# order.
ENUM_ORDER: Final = {
    "ReturnConsumedCapacity": _order("INDEXES TOTAL NONE"),
    "ReturnValue": _order("ALL_NEW UPDATED_OLD ALL_OLD NONE UPDATED_NEW"),
    "ReturnItemCollectionMetrics": _order("SIZE NONE"),
    "ReturnValuesOnConditionCheckFailure": _order("ALL_OLD NONE"),
    "Select": _order(
        "SPECIFIC_ATTRIBUTES COUNT ALL_ATTRIBUTES",
        "ALL_PROJECTED_ATTRIBUTES",
    ),
    "ConditionalOperator": _order("OR AND"),
    "ComparisonOperator": _order(
        "IN NULL BETWEEN LT NOT_CONTAINS EQ GT NOT_NULL NE LE",
        "BEGINS_WITH GE CONTAINS",
    ),
    "ScalarAttributeType": _order("B N S"),
    "KeyType": _order("HASH RANGE"),
    "ProjectionType": _order("ALL INCLUDE KEYS_ONLY"),
    "BillingMode": _order("PROVISIONED PAY_PER_REQUEST"),
    "TableClass": _order("STANDARD STANDARD_INFREQUENT_ACCESS"),
    "StreamViewType": _order("OLD_IMAGE KEYS_ONLY NEW_AND_OLD_IMAGES NEW_IMAGE"),
    "ShardIteratorType": _order(
        "AFTER_SEQUENCE_NUMBER LATEST AT_TIMESTAMP",
        "AT_SEQUENCE_NUMBER TRIM_HORIZON",
    ),
}

NAME_PATTERN: Final = "[a-zA-Z0-9_.-]+"
# A data plane table name: one character is enough, and an ARN is as good (spec C.1).
_DATA_NAME: Final = {
    "min": 1,
    "max": limits.TABLE_NAME_CHARS_MAX,
    "pattern": NAME_PATTERN,
    "arn": True,
}
# A control plane table name: absence and length have texts of their own and come before everything
# else.
_CONTROL_NAME: Final = {
    "min": None,
    "max": None,
    "pattern": NAME_PATTERN,
    "arn": True,
    "control": True,
}
_DATA_PLANE: Final = _order(
    "PutItemInput GetItemInput UpdateItemInput DeleteItemInput QueryInput ScanInput",
    "ConditionCheck Put Delete Update Get",
)
_CONTROL_PLANE: Final = _order(
    "CreateTableInput UpdateTableInput DeleteTableInput DescribeTableInput"
)

# (structure, member) -> facts that replace those of the model for this one place.
TIGHTENED: Final[dict[tuple[str, str], dict[str, Any]]] = {
    **{(structure, "TableName"): _DATA_NAME for structure in _DATA_PLANE},
    **{(structure, "TableName"): _CONTROL_NAME for structure in _CONTROL_PLANE},
    # No capture of these was found; they are younger than the texts of the control plane.
    ("UpdateTimeToLiveInput", "TableName"): _DATA_NAME,
    ("DescribeTimeToLiveInput", "TableName"): _DATA_NAME,
    ("DescribeContinuousBackupsInput", "TableName"): _DATA_NAME,
    ("UpdateContinuousBackupsInput", "TableName"): _DATA_NAME,
    # The member has no bound in the model, and one in prose.
    ("ListStreamsInput", "Limit"): {"max": limits.LIST_STREAMS_MAX},
    ("DescribeStreamInput", "Limit"): {"max": limits.DESCRIBE_STREAM_SHARDS_MAX},
    ("GetRecordsInput", "Limit"): {"max": limits.GET_RECORDS_MAX},
    ("GetShardIteratorInput", "SequenceNumber"): {"pattern": "[0-9]+"},
    ("ShardFilter", "Type"): {"required": True},
    ("ShardFilter", "ShardId"): {"required": True},
    # Since copies of global tables exist the model lets these be absent; for a plain table they
    # aren't.
    ("CreateTableInput", "AttributeDefinitions"): {"required": True},
    ("CreateTableInput", "KeySchema"): {"required": True, "max": 2},
    ("LocalSecondaryIndex", "KeySchema"): {"max": 2},
    # An empty list has a text of its own (spec C.2, line 12).
    ("Projection", "NonKeyAttributes"): {"min": None},
    ("DeleteItemInput", "ReturnValues"): {"enum": ("ALL_OLD", "NONE")},
    # Query says it in other words than Scan (spec G.4).
    ("QueryInput", "Limit"): {"label": "Value at 'Limit'"},
    ("KeysAndAttributes", "Keys"): {"hide_value": True},
    # No tables at all has a text of its own, told by REQUIRED_MAP below.
    ("BatchGetItemInput", "RequestItems"): {"min": None, "key_facts": _DATA_NAME},
    ("BatchWriteItemInput", "RequestItems"): {
        "min": None,
        "key_facts": _DATA_NAME,
        "value_as_map": True,
    },
    ("TagResourceInput", "Tags"): {"min": None},
}

# Members that the service takes and its model does not know (spec C.2).
ADDED_MEMBERS: Final = {
    "CreateTableInput": {"TableThroughputMode": "BillingMode"},
    "UpdateTableInput": {"TableThroughputMode": "BillingMode"},
}

# Operations whose required map must not be empty, with a text instead of the envelope (spec H.1,
# H.2).
REQUIRED_MAP: Final = {"BatchGetItem": "RequestItems", "BatchWriteItem": "RequestItems"}
# Since 2026 these name a bad TableName alone (spec B.2); True: of several bad enums only the first
# is told.
TABLE_NAME_FIRST: Final = {"PutItem": False, "UpdateItem": True}
FIRST_ENUM_ORDER: Final = _order(
    "ReturnValues ReturnConsumedCapacity ReturnItemCollectionMetrics",
    "ReturnValuesOnConditionCheckFailure ConditionalOperator",
)
VIOLATIONS_MAX: Final = 10
