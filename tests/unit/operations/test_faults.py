"""The one function from our errors to the service's: total, and exact where the texts are known."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from streamstore import errors
from streamstore.operations.faults import DYNAMODB, SERVICE, VALIDATE, Fault, fault_of

# A value for each parameter that any error of ours takes.
SAMPLES: dict[str, Any] = {
    "message": "text", "operation": "Nonsense", "code": "SomeException", "item": {"pk": {"S": "a"}},
    "reasons": [errors.CancellationReason()], "kind": "table", "name": "abc", "index": "gsi",
    "limit": "too many", "value": 5, "issued_at_ms": 1, "oldest_sequence": None, "token": "t",
    "reason": "full", "detail": "page 3", "cause": ValueError("why"), "found": 2, "known": 1,
    "path": "/x", "what": "a text file", "owner": "pid 1", "batch": [], "field": "BatchSize",
    "bound": "deadline", "marked": 7, "status": 400, "problems": ("no such thing",),
}  # fmt: skip


def every_error() -> list[type[errors.StoreError]]:
    found: list[type[errors.StoreError]] = []
    waiting: list[type[errors.StoreError]] = [errors.StoreError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == errors.__name__:
            found.append(kind)
        waiting += kind.__subclasses__()
    return sorted(found, key=lambda kind: kind.__name__)


def made(kind: type[errors.StoreError]) -> errors.StoreError:
    if kind.__init__ is Exception.__init__:
        return kind("what happened")
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return kind(*(SAMPLES[p.name] for p in positional))


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_words_for_the_wire(kind: type[errors.StoreError]) -> None:
    error = made(kind)
    fault = fault_of(error)
    assert fault.code
    assert fault.prefix in (DYNAMODB, SERVICE, VALIDATE, "")
    expected = 400
    if isinstance(error, errors.StorageError) or not isinstance(
        error, errors.RequestError | errors.MappingInvalid
    ):
        expected = 503 if isinstance(error, errors.StoreClosed) else 500
    assert fault.status == expected
    json.dumps(fault.body)


def test_an_exception_that_is_not_ours_tells_nothing_of_itself() -> None:
    for error in (ValueError("secret"), KeyboardInterrupt("secret"), MemoryError()):
        fault = fault_of(error)
        assert (fault.code, fault.status) == ("InternalServerError", 500)
        assert "secret" not in json.dumps(fault.body)


def test_an_error_made_later_is_worded_as_its_nearest_ancestor() -> None:
    class Newer(errors.ResourceNotFound):
        """Not known to faults."""

    assert fault_of(Newer("table", "abc")).code == "ResourceNotFoundException"


STILL = "Attempt to change a resource which is still in use: "
NOT_FOUND = "Requested resource not found"
TEXTS = [
    (errors.ResourceNotFound("table", "abc"), NOT_FOUND),
    (errors.ResourceNotFound("described-table", "abc"), f"{NOT_FOUND}: Table: abc not found"),
    (errors.ResourceNotFound("stream", "arn:x"), f"{NOT_FOUND}: Stream: arn:x not found"),
    (errors.ResourceNotFound("resource", "arn:x"), f"{NOT_FOUND}: ResourcArn: arn:x not found"),
    (errors.ResourceInUse("existing-table", "abc"), "Table already exists: abc"),
    (errors.ResourceInUse("created-table", "abc"), f"{STILL}Table is being created: abc"),
    (errors.ResourceInUse("updated-table", "abc"), f"{STILL}Table is being updated: abc"),
    (errors.ResourceInUse("deleted-table", "abc"), f"{STILL}Table is being deleted: abc"),
    (errors.ResourceInUse("index", "t", "i"), f"{STILL}Index is being updated.  Table: t Index: i"),
    (errors.ConditionFailed(), "The conditional request failed"),
    (errors.IteratorExpired(1), "The provided iterator exceeds the maximum age allowed."),
    (errors.RecordsTrimmed(), "The data you are trying to access has been trimmed"),
    (errors.TransactionConflict(), "Transaction is ongoing for the item"),
    (errors.ValidationFailed("as it is"), "as it is"),
]


@pytest.mark.parametrize(("error", "text"), TEXTS)
def test_known_texts_are_exact_and_stand_in_message(error: Exception, text: str) -> None:
    assert fault_of(error).body["message"] == text


def test_a_name_with_braces_is_echoed_and_not_formatted() -> None:
    fault = fault_of(errors.ResourceNotFound("resource", "{0}{name}"))
    assert fault.message == f"{NOT_FOUND}: ResourcArn: {{0}}{{name}} not found"


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (errors.SerializationFailed(), {"__type": SERVICE + "SerializationException"}),
        (
            errors.SerializationFailed("no"),
            {"__type": SERVICE + "SerializationException", "Message": "no"},
        ),
        (errors.UnknownOperation("x"), {"__type": SERVICE + "UnknownOperationException"}),
        (
            errors.AuthenticationFailed("AccessDeniedException", "no"),
            {"__type": SERVICE + "AccessDeniedException", "Message": "no"},
        ),
        (
            errors.AuthenticationFailed("InvalidSignatureException", "no"),
            {"__type": SERVICE + "InvalidSignatureException", "message": "no"},
        ),
        (
            errors.ValidationFailed("no"),
            {"__type": VALIDATE + "ValidationException", "message": "no"},
        ),
        (
            errors.ConditionFailed({"pk": {"B": b"x"}}),
            {
                "__type": DYNAMODB + "ConditionalCheckFailedException",
                "message": "The conditional request failed",
                "Item": {"pk": {"B": b"x"}},
            },
        ),
    ],
)
def test_prefixes_and_members_are_those_of_the_service(
    error: Exception, body: dict[str, Any]
) -> None:
    assert fault_of(error).body == body


def test_a_cancelled_transaction_lists_its_reasons_in_order() -> None:
    reasons = [
        errors.CancellationReason(),
        errors.CancellationReason("ConditionalCheckFailed", "no", {"pk": {"S": "a"}}),
        errors.CancellationReason("ValidationError", "bad"),
    ]
    fault = fault_of(errors.TransactionCanceled(reasons))
    assert fault == Fault(
        "TransactionCanceledException",
        DYNAMODB,
        "Transaction cancelled, please refer cancellation reasons for specific reasons"
        " [None, ConditionalCheckFailed, ValidationError]",
        "Message",
        400,
        {
            "CancellationReasons": [
                {"Code": "None"},
                {"Code": "ConditionalCheckFailed", "Message": "no", "Item": {"pk": {"S": "a"}}},
                {"Code": "ValidationError", "Message": "bad"},
            ]
        },
    )
    mismatch = fault_of(errors.IdempotencyMismatch("t"))
    assert mismatch.member == "Message"
