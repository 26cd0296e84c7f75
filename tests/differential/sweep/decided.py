"""Differences with peers that are known and decided: each with the reason why ours stays.

The specification decides first, AWS's documentation second, and what both peers say third. A
difference with one peer where the other says as we do is not listed: judge.py counts it.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Decision(NamedTuple):
    """A difference with `peer` ("" for any) where our answer, theirs, and group with operation
    match.
    """

    peer: str
    reason: str
    ours: str = ""
    theirs: str = ""
    where: str = ""

    def covers(self, peer: str, where: str, ours: str, theirs: str) -> bool:
        """Whether this decides such a difference."""
        return (
            self.peer in ("", peer)
            and re.search(self.where, where) is not None
            and re.search(self.ours, ours) is not None
            and re.search(self.theirs, theirs) is not None
        )


_ENVELOPE = r"\d+ validation errors? detected: Value"
_CONTROL = "(Create|Update|Describe|Delete)Table|Tag|TimeToLive|ListTables|Limits|Backups"
_STREAMS = "Stream|GetShardIterator|GetRecords"

LOCAL = (
    ("it fails on JSON of wrong types (spec L)", {"theirs": "InternalFailure|HTTP 5"}),
    ("it checks no types of JSON (spec L)", {"ours": "^SerializationException"}),
    ("it has no envelope (spec L, B.2)", {"ours": _ENVELOPE}),
    (
        "it looks the table up before expressions, and in words of its own (spec A.4, B.1)",
        {"theirs": "Cannot do operations on a non-existent table"},
    ),
    (
        "texts of its own for names, keys, values and start keys (spec, trust in [L])",
        {
            "theirs": "Invalid table/index name|Invalid attribute value type|required keys was not"
            " given|Type mismatch for (attribute|key|Index Key)|cannot be converted into a number"
            "|precision up to 38|contains duplicates|[Ss]tarting key|start key|Start Key"
            "|two attributes with the same name|null AttributeValue|invalid value: null"
            "|number of conditions on the keys is invalid|Segment|segment|specified index"
            "|missed key schema element|key condition not supported"
            "|ExpectedAttributeValue must not be null",
        },
    ),
    (
        "control plane: texts, order and checks of its own (spec, trust in [L])",
        {"where": _CONTROL, "ours": "Exception: |reply differs"},
    ),
    (
        "control plane: what it doesn't do (spec L)",
        {
            "where": _CONTROL,
            "ours": "^reply$",
            "theirs": "Nothing to update|not currently supported|Cannot increase provisioned"
            "|[Tt]hroughput|should be of same type|unknown operation",
        },
    ),
    ("it prints long names of types", {"theirs": "(STRING|NUMBER|BINARY|LIST|MAP)$"}),
    (
        "it prints types in an order of its own (spec E.4)",
        {"theirs": "Invalid attribute type name found"},
    ),
    (
        "SIZE and CONVERT are reserved (spec E.1, [B])",
        {"ours": "reserved keyword: (Size|convert)"},
    ),
    (
        "units, metrics and old values by rules of its own (spec L)",
        {
            "ours": r"reply differs in .*(ConsumedCapacity|ItemCollectionMetrics|Attributes)",
            "theirs": "^reply$",
        },
    ),
    ("digits are ASCII (spec D.2)", {"ours": "numeric value: \u0661"}),
    ("empty maps are refused (spec E.4)", {"ours": "can only be specified when using expressions"}),
    (
        "a start key's values are told with their place (spec G.3)",
        {"where": "value in start key", "ours": "starting key is invalid"},
    ),
    ("nesting is bounded in values too (spec D.3)", {"ours": "Nesting Levels"}),
    (
        "mixing is told before an empty expression (spec B.1)",
        {"ours": "Can not use both", "theirs": "can not be empty"},
    ),
    (
        "JSON null is absence (spec A.1)",
        {"where": "null", "theirs": "cannot be null|null or empty|Empty attribute name|has empty"},
    ),
    ("TagResource and its family are not there", {"theirs": "Tagging is not currently"}),
    ("DescribeEndpoints is not there", {"where": "DescribeEndpoints"}),
    ("a statement that is null is none (spec A.1)", {"theirs": "The statement was empty"}),
    (
        "ExecuteStatement: LastEvaluatedKey beside NextToken, as the model has it",
        {"where": "shape several ExecuteStatement", "ours": "reply differs"},
    ),
    (
        "KeyConditions: operators are judged before conditions are counted (spec J.2)",
        {"theirs": "Only scalar types|at least length 1"},
    ),
    ("a key condition is looked at before a filter (spec B.1)", {"ours": "Invalid KeyCondition"}),
    ("ReturnValues has a text of its own (spec I.2)", {"theirs": "Return values set to invalid"}),
    ("it leaves out the size of a long key", {"theirs": "a key that is too long;$"}),
    ("attributes are named in order", {"ours": "does not project", "theirs": "does not project"}),
    (
        "it took numbers for strings, which scans of filters then show (spec L)",
        {"ours": "reply differs", "where": "Scan"},
    ),
)
DYNOXIDE = (
    ("no order of members: types are told as they come", {"where": "shape several"}),
    ("texts and types of its JSON reader (spec A.2)", {"ours": "^SerializationException"}),
    ("texts of its JSON reader", {"theirs": "at line [0-9]+ column|floating point|invalid type"}),
    ("operations and members that it doesn't have", {"theirs": "UnknownOperation|AT_TIMESTAMP"}),
    (
        "declared constraints: few are checked, some in other words (spec B.2, the model)",
        {"ours": _ENVELOPE},
    ),
    (
        "PartiQL: what is no statement in Local's words; LastEvaluatedKey beside NextToken",
        {"where": "ExecuteStatement", "ours": "reply differs"},
    ),
    (
        "a table's name is one character or more on the data plane (spec C.1)",
        {"theirs": "ableName' failed.*greater than or equal to 3"},
    ),
    (
        "expressions: DynamoDB Local's checker is the better oracle (spec, trust in [L])",
        {"ours": "Invalid (Condition|Update|Filter|Projection|KeyCondition)Expression: "},
    ),
    (
        "expressions: it takes fewer of them (spec E.2)",
        {"theirs": "Invalid (Condition|Update|Filter)Expression: Syntax error"},
    ),
    (
        "values and maps of expressions are told with their place (spec D.1, E.4)",
        {"ours": "ExpressionAttribute(Names|Values)"},
    ),
    (
        "it prints the members of a set in quotes, and P: before those of numbers (spec D.1)",
        {"theirs": "Input collection"},
    ),
    (
        "JSON null is absence (spec A.1)",
        {"where": "null|value", "theirs": "AttributeValue is empty"},
    ),
    (
        "control plane: it lets in what spec C refuses",
        {"where": _CONTROL, "ours": "Exception: ", "theirs": "^reply$"},
    ),
    (
        "descriptions: members, zeros and what a change leaves behind as spec C.4 has them",
        {"where": _CONTROL, "ours": "reply differs", "theirs": "^reply$"},
    ),
    (
        "control plane: it refuses in other words, or for another of several reasons",
        {"where": _CONTROL, "ours": "Exception: ", "theirs": "Exception: "},
    ),
    (
        "control plane: booleans as text, ARNs, BillingMode's alias and encryption alone (spec C)",
        {
            "where": "shape type boolean|describe arn|update table|updated",
            "ours": "^reply$",
            "theirs": "Unexpected token|Value 'arn:|Neither ReadCapacityUnits|At least one of",
        },
    ),
    ("streams: texts and checks of its own (streams page A)", {"where": _STREAMS}),
    (
        "a start key is judged by its count, its types and its segment (spec G.3)",
        {
            "ours": "starting key|does not match the schema|AttributeValue for a key",
            "where": "start|shape",
        },
    ),
    (
        "key conditions of the old spelling (spec J.2)",
        {"theirs": "Unsupported KeyConditions|Either the KeyConditions"},
    ),
    (
        "conditions of the old spelling: the fault itself is told first (spec J.2)",
        {"theirs": "ConditionalOperator can only be used"},
    ),
    (
        "it tells Segment without the values (spec G.4)",
        {"theirs": "less than parameter TotalSegments$"},
    ),
    ("DeleteItem has an enum of its own (spec I.2)", {"theirs": "ReturnValues can only be"}),
    (
        "projections add no keys (spec E.5)",
        {"ours": "reply differs", "where": "Transact|projection"},
    ),
    (
        "an LSI fetches what it lacks, and charges for it (spec G.2, I.3)",
        {"ours": "reply differs", "where": "select|consistent"},
    ),
    (
        "key conditions: a parser of its own (spec G.1)",
        {
            "theirs": "Expected (attribute|value)|Unexpected (operator|token)|Invalid KeyCondition"
            "|reserved keyword: size"
        },
    ),
    ("an ARN is as good as a name (spec C.1)", {"theirs": "Value 'arn:"}),
    (
        "names of tables in a batch have one character or more (spec C.1, H.1)",
        {"where": "batch", "theirs": _ENVELOPE + ".* at 'requestItems'"},
    ),
    ("nested sets are sets (spec D.1)", {"ours": "set  may not be empty|contains duplicates"}),
    ("zero has no exponent (spec D.2)", {"where": "number", "ours": "^reply"}),
    (
        "mixing: every expression is named (spec J.1); two faults",
        {"ours": "Can not use both", "theirs": "Can not use both"},
    ),
    (
        "a global index must hold what is asked of it (spec G.2)",
        {"ours": "Global secondary index .* does not project", "theirs": "^reply$"},
    ),
    (
        "units by table, in the order of first mention (spec I.3 has none)",
        {"ours": "ConsumedCapacity", "where": "batch", "theirs": "^reply$"},
    ),
    (
        "keys of a wrong type are reasons, of each action (spec H.3)",
        {"where": "reasons two", "ours": "TransactionCanceled"},
    ),
    ("UntagResource: a resource is a table (spec C.2)", {"where": "untag"}),
    (
        "a function's operand may stand in parentheses (spec E.2)",
        {"theirs": "redundant parentheses", "where": "condition|filter"},
    ),
    (
        "the key condition is looked at before the start key (spec B.1)",
        {"ours": "missed key schema element", "theirs": "starting key is invalid"},
    ),
    ("an empty number is told without a colon (spec D.1)", {"ours": "numeric value$"}),
)
BOTH = (
    (
        "an index's name is 3 to 255 characters of the pattern (spec C.1, the model)",
        {"ours": _ENVELOPE + ".* at 'indexName'", "theirs": "does not have the specified index"},
    ),
    (
        "UPDATED_* show only what lies at a target path (spec I.2)",
        {"ours": "reply differs in .*Attributes", "theirs": "^reply$", "where": "UPDATED_"},
    ),
    (
        "a missing item is not made by REMOVE and DELETE alone (spec E.6)",
        {"where": "not there|nothing", "theirs": "^reply$"},
    ),
    (
        "an index key's type is told in the words of an update (spec E.6, [B])",
        {"ours": "secondary index key to unsupported type"},
    ),
    (
        "an empty batch has a text of its own (spec H.1, H.2)",
        {"ours": "requestItems parameter is required"},
    ),
    (
        "maps of Transact* need no expression (spec E.4, [EX #169])",
        {"ours": "^reply$", "where": "Transact", "theirs": "ExpressionAttributeNames"},
    ),
    (
        "sets in an update's values are told without their place (spec B.3)",
        {"where": "value.* UpdateItem", "theirs": "contains invalid value.*set"},
    ),
    (
        "a token's mismatch has the text of the model (spec H.3)",
        {"ours": "IdempotentParameterMismatch", "theirs": "IdempotentParameterMismatch"},
    ),
    (
        "a number's fault is told before an empty set's; two faults in one value",
        {"ours": "numeric value: x", "theirs": "set  may not be empty"},
    ),
    (
        "numbers of one value are one key (spec K.7)",
        {"ours": "list of item keys contains duplicates", "theirs": "^reply$"},
    ),
    (
        "streams: a form's fault is no missing stream, and texts (streams page A.5 to A.7)",
        {"where": "ListStreams|DescribeStream|GetShardIterator"},
    ),
    (
        "a start key in another segment is refused (spec G.3); hashes are each server's own",
        {"ours": "correct Segment"},
    ),
    (
        "streams outlive their tables, and a table begins with four shards (streams page A)",
        {"ours": "reply differs", "where": "Stream|GetRecords"},
    ),
)
DECIDED = tuple(
    Decision(peer, reason, **facts)
    for peer, decisions in (("local", LOCAL), ("dynoxide", DYNOXIDE), ("", BOTH))
    for reason, facts in decisions
)
