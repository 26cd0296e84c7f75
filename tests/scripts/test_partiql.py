"""The transcript of what statements of PartiQL answer, line for line.

`partiql.txt` says how it is written. Its answers were recorded from DynamoDB Local, whose parser is
the service's; where we differ on purpose the entry shows both. The script
tests/acceptance/differential_partiql.py asks it again, given the jars. The entries are one story:
each finds what those before it have written.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.errors import StoreError
from streamstore.operations.faults import fault_of

from .transcripts import Entry, entries

TRANSCRIPT = Path(__file__).with_name("partiql.txt")
Call = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What asks: an operation and its parameters; a refusal is {"Error": "Code: text", ...}."""

TABLES: tuple[dict[str, Any], ...] = (
    {
        "TableName": "music",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
    {
        "TableName": "plays",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (("pk", "S"), ("sk", "N"), ("g", "S"), ("l", "S"))
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "LocalSecondaryIndexes": [
            {
                "IndexName": "by_l",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "l", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    },
)
# Words of an entry and the parameter that they are.
GIVEN = {
    "parameters": "Parameters",
    "limit": "Limit",
    "consistent": "ConsistentRead",
    "capacity": "ReturnConsumedCapacity",
    "failed": "ReturnValuesOnConditionCheckFailure",
    "token": "ClientRequestToken",
}


def ask(call: Call, entry: Entry) -> str:
    """What a store answers to an entry."""
    given = {GIVEN[word]: value for word, value in entry.given.items()}
    if entry.kind == "execute":
        reply = call("ExecuteStatement", {"Statement": entry.asked, **given})
        ordered = "ORDER BY" in entry.asked
    else:
        operation, member = {
            "batch": ("BatchExecuteStatement", "Statements"),
            "transact": ("ExecuteTransaction", "TransactStatements"),
        }[entry.kind]
        statements = [
            {"Statement": each} if isinstance(each, str) else named(each) for each in entry.asked
        ]
        reply = call(operation, {member: statements, **given})
        ordered = True
    return shown(reply, ordered)


def named(each: dict[str, Any]) -> dict[str, Any]:
    return {GIVEN.get(word, word): value for word, value in each.items()}


def shown(reply: dict[str, Any], ordered: bool) -> str:
    """A reply as a line; an error as "Code: text", with what stands beside it behind."""
    rest = {
        name: value
        for name, value in reply.items()
        if name not in ("Error", "NextToken", "LastEvaluatedKey")
    }
    if not ordered and "Items" in rest:
        rest["Items"] = sorted(rest["Items"], key=line_of)
    if "Error" not in reply:
        return line_of(rest)
    return f"{reply['Error']} {line_of(rest)}" if rest else str(reply["Error"])


def line_of(part: Any) -> str:
    return json.dumps(
        sets_sorted(part),
        sort_keys=True,
        ensure_ascii=False,
        default=lambda data: base64.b64encode(data).decode(),
    )


def with_bytes(part: Any) -> Any:
    """Parameters as an embedded caller gives them: binary values as bytes."""
    if isinstance(part, list):
        return [with_bytes(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: base64.b64decode(value)
        if name == "B"
        else [base64.b64decode(each) for each in value]
        if name == "BS"
        else with_bytes(value)
        for name, value in part.items()
    }


def sets_sorted(part: Any) -> Any:
    """Local keeps a set's members in the order of a hash table."""
    if isinstance(part, dict):
        return {
            name: sorted(value)
            if name in ("SS", "NS") and isinstance(value, list)
            else sets_sorted(value)
            for name, value in part.items()
        }
    return [sets_sorted(each) for each in part] if isinstance(part, list) else part


ENTRIES = list(entries(TRANSCRIPT.read_text(encoding="utf-8").split("\n")))


@pytest.fixture(scope="module")
def answers() -> Iterator[list[str]]:
    """Our answers to all entries, one after the other."""
    with streamstore.open(":memory:", clock=streamstore.ManualClock()) as store:

        def call(operation: str, params: dict[str, Any]) -> dict[str, Any]:
            try:
                return store.call(operation, with_bytes(params))
            except StoreError as error:
                fault = fault_of(error)
                return {"Error": f"{fault.code}: {fault.message}", **fault.extra}

        for table in TABLES:
            store.call("CreateTable", table)
        yield [ask(call, entry) for entry in ENTRIES]


@pytest.mark.parametrize("at", range(len(ENTRIES)), ids=lambda at: f"line-{ENTRIES[at].line}")
def test_a_statement_answers_as_recorded(answers: list[str], at: int) -> None:
    assert answers[at] == ENTRIES[at].answer


def test_the_transcript_was_read_whole() -> None:
    lines = TRANSCRIPT.read_text(encoding="utf-8").splitlines()
    assert len(ENTRIES) == lines.count("---") >= 250
    assert all(entry.answer and entry.answer != entry.local for entry in ENTRIES)
