"""The exceptions say what botocore's say."""

from __future__ import annotations

import pickle

import botocore.exceptions
import pytest

from streamstore import errors
from streamstore.client import ClientError
from streamstore.client.exceptions import EXCEPTIONS, MODELLED, client_error

METADATA = {"RequestId": "1", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}


@pytest.mark.parametrize(
    "response",
    [
        {"Error": {"Code": "ValidationException", "Message": "no"}},
        {"Error": {"Code": "X"}},
        {"Error": {"Message": "only text"}},
        {"Error": {}},
        {},
    ],
)
def test_a_client_error_reads_like_botocores(response: dict[str, object]) -> None:
    ours = ClientError(response, "PutItem")
    theirs = botocore.exceptions.ClientError(response, "PutItem")  # type: ignore[arg-type]
    assert str(ours) == str(theirs)
    assert ours.response == theirs.response
    assert ours.operation_name == theirs.operation_name


@pytest.mark.parametrize(
    ("error", "code", "text", "status"),
    [
        (
            errors.ConditionFailed(),
            "ConditionalCheckFailedException",
            "The conditional request failed",
            400,
        ),
        (
            errors.ResourceNotFound("table", "t"),
            "ResourceNotFoundException",
            "Requested resource not found",
            400,
        ),
        (errors.Throttled("slow down"), "ThrottlingException", "slow down", 400),
        (errors.DiskFull("no space"), "InternalServerError", "no space", 500),
    ],
)
def test_an_error_with_a_modelled_code_has_a_class_of_that_name(
    error: errors.StoreError, code: str, text: str, status: int
) -> None:
    raised = client_error("GetItem", error, METADATA)
    assert type(raised) is getattr(EXCEPTIONS, code) is not ClientError
    assert isinstance(raised, ClientError)
    assert type(raised).__name__ == code
    assert raised.response["Error"] == {"Code": code, "Message": text}
    assert raised.response["ResponseMetadata"] == {**METADATA, "HTTPStatusCode": status}


def test_a_validation_error_is_a_plain_client_error_as_with_botocore() -> None:
    raised = client_error("GetItem", errors.ValidationFailed("bad"), METADATA)
    assert type(raised) is ClientError
    assert raised.response["Error"] == {"Code": "ValidationException", "Message": "bad"}
    with pytest.raises(AttributeError, match="valid are"):
        _ = EXCEPTIONS.ValidationException


def test_the_item_of_a_failed_condition_and_the_reasons_of_a_transaction_are_in_the_response() -> (
    None
):
    item = {"id": {"S": "a"}}
    assert client_error("PutItem", errors.ConditionFailed(item), METADATA).response["Item"] == item
    reasons = [errors.CancellationReason(), errors.CancellationReason("ValidationError", "why")]
    response = client_error("T", errors.TransactionCanceled(reasons), METADATA).response
    assert response["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ValidationError", "Message": "why"},
    ]


def test_every_listed_exception_is_found_by_its_name_and_listed_by_dir() -> None:
    assert set(dir(EXCEPTIONS)) == {"ClientError", *MODELLED}
    for code in MODELLED:
        assert EXCEPTIONS.from_code(code) is getattr(EXCEPTIONS, code)
        assert issubclass(getattr(EXCEPTIONS, code), EXCEPTIONS.ClientError)


def test_an_exception_survives_pickling() -> None:
    raised = client_error("PutItem", errors.ConditionFailed({"id": {"S": "a"}}), METADATA)
    again = pickle.loads(pickle.dumps(raised))
    assert type(again) is type(raised)
    assert again.response == raised.response
    assert again.operation_name == "PutItem"
