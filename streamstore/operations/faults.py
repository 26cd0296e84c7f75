"""From an error of ours to the service's: one total function, the only place that knows the wire's
error names.

Errors carry facts (errors.py); here they get the service's code, text and members (spec A.4). What
has no counterpart at the service gets the nearest name that its SDKs treat rightly: a storage error
is an InternalServerError, which they retry; a full queue is a ThrottlingException, for which they
back off. An exception that is not ours is our own mistake: its text stays in the log and never
reaches a caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from .. import errors

VALIDATE: Final = "com.amazon.coral.validate#"
SERVICE: Final = "com.amazon.coral.service#"
DYNAMODB: Final = "com.amazonaws.dynamodb.v20120810#"

_UNKNOWN_FAILURE: Final = (
    "The request processing has failed because of an unknown error, exception or failure."
)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the wire shows it: `__type` is prefix + code, the text stands in `member`,
    `extra` beside it.

    `message` None: the service sends no text at all. `status` is HTTP's.
    """

    code: str
    prefix: str = DYNAMODB
    message: str | None = None
    member: str = "message"
    status: int = 400
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return self.prefix + self.code

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body. Binary values in `extra` are bytes; the wire encodes them."""
        body: dict[str, Any] = {"__type": self.type}
        if self.message is not None:
            body[self.member] = self.message
        body.update(self.extra)
        return body


def fault_of(error: BaseException) -> Fault:
    """What the wire says about `error`. Total: any exception at all gets an answer."""
    for kind in type(error).__mro__:
        word = _WORDS.get(kind)
        if word is not None:
            return word(error)
    return Fault("InternalServerError", message=_UNKNOWN_FAILURE, status=500)


def _serialization(error: Any) -> Fault:
    return Fault("SerializationException", SERVICE, error.message, "Message")


def _unknown_operation(error: Any) -> Fault:
    return Fault("UnknownOperationException", SERVICE)


def _authentication(error: Any) -> Fault:
    member = "Message" if error.code == "AccessDeniedException" else "message"
    return Fault(error.code, SERVICE, error.message, member)


def _validation(error: Any) -> Fault:
    return Fault("ValidationException", VALIDATE, error.message)


def _condition(error: Any) -> Fault:
    extra = {} if error.item is None else {"Item": error.item}
    return Fault(
        "ConditionalCheckFailedException", message="The conditional request failed", extra=extra
    )


def _duplicate(error: Any) -> Fault:
    return Fault("DuplicateItemException", message="Duplicate primary key exists in table")


def _canceled(error: Any) -> Fault:
    codes = ", ".join(reason.code for reason in error.reasons)
    return Fault(
        "TransactionCanceledException",
        message="Transaction cancelled, please refer cancellation reasons for specific reasons"
        f" [{codes}]",
        member="Message",
        extra={"CancellationReasons": [_reason(reason) for reason in error.reasons]},
    )


def _reason(reason: errors.CancellationReason) -> dict[str, Any]:
    shown: dict[str, Any] = {"Code": reason.code}
    if reason.message is not None:
        shown["Message"] = reason.message
    if reason.item is not None:
        shown["Item"] = reason.item
    return shown


_NOT_FOUND: Final = {
    "table": "Requested resource not found",
    "described-table": "Requested resource not found: Table: {} not found",
    "stream": "Requested resource not found: Stream: {} not found",
    "shard": "Requested resource not found: Shard: {} not found",
    "resource": "Requested resource not found: ResourcArn: {} not found",
}
_STILL_IN_USE: Final = "Attempt to change a resource which is still in use: "
_IN_USE: Final = {
    "existing-table": "Table already exists: {name}",
    "created-table": _STILL_IN_USE + "Table is being created: {name}",
    "updated-table": _STILL_IN_USE + "Table is being updated: {name}",
    "deleted-table": _STILL_IN_USE + "Table is being deleted: {name}",
    "index": _STILL_IN_USE + "Index is being updated.  Table: {name} Index: {index}",
}


def _not_found(error: Any) -> Fault:
    if error.kind == "backed-up-table":  # the calls about backups have an error of their own
        return Fault("TableNotFoundException", message=f"Table not found: {error.name}")
    text = _NOT_FOUND.get(error.kind, _NOT_FOUND["table"])
    return Fault("ResourceNotFoundException", message=text.replace("{}", error.name))


def _in_use(error: Any) -> Fault:
    text = _IN_USE.get(error.kind, _STILL_IN_USE + "{name}")
    text = text.replace("{name}", error.name).replace("{index}", str(error.index))
    return Fault("ResourceInUseException", message=text)


def _limit(error: Any) -> Fault:
    return Fault("LimitExceededException", message=error.limit)


def _expired(error: Any) -> Fault:
    return Fault(
        "ExpiredIteratorException", message="The provided iterator exceeds the maximum age allowed."
    )


def _trimmed(error: Any) -> Fault:
    return Fault(
        "TrimmedDataAccessException", message="The data you are trying to access has been trimmed"
    )


def _mismatch(error: Any) -> Fault:
    return Fault(
        "IdempotentParameterMismatchException",
        message="DynamoDB rejected the request because you retried a request with a different"
        " payload but with an idempotent token that was already used.",
        member="Message",
    )


def _conflict(error: Any) -> Fault:
    return Fault("TransactionConflictException", message="Transaction is ongoing for the item")


def _throttled(error: Any) -> Fault:
    return Fault("ThrottlingException", message=error.reason)


def _request(error: Any) -> Fault:
    return Fault("ValidationException", VALIDATE, str(error))


def _storage(error: Any) -> Fault:
    return Fault("InternalServerError", message=str(error), status=500)


def _unavailable(error: Any) -> Fault:
    return Fault("ServiceUnavailable", SERVICE, str(error), status=503)


_LEVEL_EXCEEDED: Final = (
    "The level of configured provisioned throughput for the table was exceeded. Consider"
    " increasing your provisioning level with the UpdateTable API."
)
# Errors of the service that nothing here raises but a tester's rule: prefix, status, usual text.
INJECTED: Final = {
    "ProvisionedThroughputExceededException": (
        DYNAMODB,
        400,
        _LEVEL_EXCEEDED,
    ),
    "RequestLimitExceeded": (
        DYNAMODB,
        400,
        "Throughput exceeds the current throughput limit for your account.",
    ),
    "ItemCollectionSizeLimitExceededException": (
        DYNAMODB,
        400,
        "Collection size exceeded.",
    ),
    "TransactionInProgressException": (
        DYNAMODB,
        400,
        "The transaction with the given request token is already in progress.",
    ),
    "InternalServerError": (DYNAMODB, 500, _UNKNOWN_FAILURE),
    "ServiceUnavailable": (SERVICE, 503, "The service is temporarily unavailable."),
}


def _injected(error: Any) -> Fault:
    prefix, status, text = INJECTED.get(error.code, (DYNAMODB, 400, str(error)))
    return Fault(error.code, prefix, error.message or text, status=status)


def _mapping(error: Any) -> Fault:
    return Fault("InvalidParameterValueException", "", str(error))


_WORDS: Final[dict[type, Callable[[Any], Fault]]] = {
    errors.SerializationFailed: _serialization,
    errors.UnknownOperation: _unknown_operation,
    errors.AuthenticationFailed: _authentication,
    errors.ValidationFailed: _validation,
    errors.ConditionFailed: _condition,
    errors.DuplicateItem: _duplicate,
    errors.TransactionCanceled: _canceled,
    errors.ResourceNotFound: _not_found,
    errors.ResourceInUse: _in_use,
    errors.LimitExceeded: _limit,
    errors.IteratorExpired: _expired,
    errors.RecordsTrimmed: _trimmed,
    errors.IdempotencyMismatch: _mismatch,
    errors.TransactionConflict: _conflict,
    errors.Throttled: _throttled,
    errors.Injected: _injected,
    errors.RequestError: _request,
    errors.StorageError: _storage,
    errors.StoreClosed: _unavailable,
    errors.MappingInvalid: _mapping,
    errors.StoreError: _storage,
}
