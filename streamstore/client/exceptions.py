"""What a client raises: botocore's exception names and `response`, made from errors of ours.

The words are those of operations/faults. botocore itself is not imported, so its own ClientError
catches none of these; `client.exceptions` holds the classes, as on a client of boto3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import StoreError
from ..operations.faults import fault_of


class ClientError(Exception):
    """An operation's refusal, as botocore's.

    `response["Error"]` holds Code and Message, beside it what the service sends with some errors
    (Item, CancellationReasons); `operation_name` is the call. The StoreError is the `__cause__`.
    """

    def __init__(self, error_response: Mapping[str, Any], operation_name: str) -> None:
        error = error_response.get("Error", {})
        super().__init__(
            f"An error occurred ({error.get('Code', 'Unknown')}) when calling the {operation_name}"
            f" operation: {error.get('Message', 'Unknown')}"
        )
        self.response = dict(error_response)
        self.operation_name = operation_name

    def __reduce__(self) -> tuple[Any, ...]:
        # The class of a code is made at import and can't be found by its name.
        code = self.response.get("Error", {}).get("Code", "")
        return _revive, (code, self.response, self.operation_name)


class ParamValidationError(ValueError):
    """A parameter that the operation doesn't know, or one missing that it requires."""


class WaiterError(Exception):
    """A waiter gave up. `last_response` is what it saw last."""

    def __init__(self, name: str, reason: str, last_response: Any) -> None:
        super().__init__(f"Waiter {name} failed: {reason}")
        self.last_response = last_response


# The errors that botocore's models name and a store of ours can raise. Other codes, such as
# ValidationException, are a plain ClientError there and here.
MODELLED = (
    "ConditionalCheckFailedException",
    "DuplicateItemException",
    "ExpiredIteratorException",
    "IdempotentParameterMismatchException",
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "TableNotFoundException",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "TrimmedDataAccessException",
)
_CLASSES = {code: type(code, (ClientError,), {}) for code in MODELLED}


class Exceptions:
    """`client.exceptions`: the classes by botocore's names, the same for every client."""

    def __getattr__(self, name: str) -> type[ClientError]:
        if name == "ClientError":
            return ClientError
        if name in _CLASSES:
            return _CLASSES[name]
        raise AttributeError(f"no exception {name!r}; valid are {', '.join(MODELLED)}")

    def __dir__(self) -> list[str]:
        return ["ClientError", *MODELLED]

    def from_code(self, code: str) -> type[ClientError]:
        """The class for an error code; ClientError where there is none."""
        return _CLASSES.get(code, ClientError)


EXCEPTIONS = Exceptions()


def _revive(code: str, response: Mapping[str, Any], operation: str) -> ClientError:
    return EXCEPTIONS.from_code(code)(response, operation)


def client_error(operation: str, error: StoreError, metadata: Mapping[str, Any]) -> ClientError:
    """The exception for an error of ours."""
    fault = fault_of(error)
    response: dict[str, Any] = {
        "Error": {"Message": fault.message or "", "Code": fault.code},
        "ResponseMetadata": {**metadata, "HTTPStatusCode": fault.status},
        **fault.extra,
    }
    if fault.message is not None:
        response[fault.member] = fault.message
    return EXCEPTIONS.from_code(fault.code)(response, operation)
