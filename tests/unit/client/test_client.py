"""The client is botocore's in shape: names, metadata, times, refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.loaders import Loader

from streamstore import errors
from streamstore.client import Client, ParamValidationError
from streamstore.client.client import method_name
from streamstore.operations.registry import OPERATIONS


class Answers:
    """A store that answers from a list and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any] | errors.StoreError) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, params))
        answer = self.answers.pop(0)
        if isinstance(answer, errors.StoreError):
            raise answer
        return answer


METHODS = {method_name(operation): operation for operation in OPERATIONS}


@pytest.mark.parametrize("service", ["dynamodb", "dynamodbstreams"])
def test_methods_are_named_as_botocore_names_them(service: str) -> None:
    model = Loader().load_service_model(service, "service-2")
    for operation in model["operations"]:
        assert method_name(operation) == xform_name(operation)


def test_every_operation_has_its_method_and_every_method_its_operation() -> None:
    documented = {
        name: (member.__doc__ or "").partition(":")[0]
        for name, member in vars(Client).items()
        if (member.__doc__ or "").endswith("raises ClientError.")
    }
    assert documented == METHODS
    for name in METHODS:
        assert getattr(Client, name).__name__ == name


def test_a_reply_comes_with_metadata_and_the_stores_own_reply_is_left_alone() -> None:
    reply: dict[str, Any] = {"Item": {"id": {"S": "a"}}}
    store = Answers(reply)
    params = {"TableName": "t", "Key": {"id": {"S": "a"}}}
    got = Client(store).get_item(**params)
    assert store.calls == [("GetItem", params)]
    assert got["Item"] == {"id": {"S": "a"}}
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert reply == {"Item": {"id": {"S": "a"}}}


def test_request_ids_differ() -> None:
    client = Client(Answers({}, {}))
    ids = {client.list_tables()["ResponseMetadata"]["RequestId"] for _ in range(2)}
    assert len(ids) == 2


def test_times_of_descriptions_are_datetimes() -> None:
    table = {"TableName": "t", "CreationDateTime": 1.5, "Indexes": [{"LastUpdateDateTime": 0}]}
    got = Client(Answers({"Table": table})).describe_table(TableName="t")
    assert got["Table"]["CreationDateTime"] == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)
    assert got["Table"]["Indexes"][0]["LastUpdateDateTime"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert table["CreationDateTime"] == 1.5


def test_times_of_records_are_datetimes_and_images_stay_as_they_are() -> None:
    image = {"SomeDateTime": {"N": "7"}}
    change = {"ApproximateCreationDateTime": 7, "NewImage": image}
    reply = {"Records": [{"eventID": "1", "dynamodb": change}]}
    got = Client(Answers(reply)).get_records(ShardIterator="i")
    seen = got["Records"][0]["dynamodb"]
    assert seen["ApproximateCreationDateTime"] == datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)
    assert seen["NewImage"] is image
    assert change["ApproximateCreationDateTime"] == 7


def test_an_error_keeps_ours_as_its_cause() -> None:
    failure = errors.ConditionFailed()
    client = Client(Answers(failure))
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as caught:
        client.put_item(TableName="t", Item={"id": {"S": "a"}})
    assert caught.value.__cause__ is failure
    assert caught.value.operation_name == "PutItem"


def test_unknown_and_missing_parameters_are_refused_before_the_call_in_botocores_words() -> None:
    theirs = boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    store = Answers()
    for params in ({"TableName": "t"}, {"Key": {"id": {"S": "a"}}}, {"Nonsense": 1}):
        with pytest.raises(ParamValidationError) as ours:
            Client(store).get_item(**params)
        with pytest.raises(Exception, match="Parameter validation failed") as expected:
            theirs.get_item(**params)
        # The order of the members listed is ours to choose.
        shown = [line.partition(", must be")[0] for line in str(ours.value).splitlines()]
        assert sorted(shown) == sorted(
            line.partition(", must be")[0] for line in str(expected.value).splitlines()
        )
    assert store.calls == []


def test_an_operation_without_a_method_goes_through_by_its_name() -> None:
    store = Answers({})
    Client(store).make_api_call("NoSuchOperation", {"A": 1})
    assert store.calls == [("NoSuchOperation", {"A": 1})]


def test_only_pageable_methods_have_paginators() -> None:
    client = Client(
        Answers({"TableNames": ["a"], "LastEvaluatedTableName": "a"}, {"TableNames": ["b"]})
    )
    assert client.can_paginate("query")
    assert not client.can_paginate("get_item")
    with pytest.raises(ValueError, match="cannot be paginated: get_item"):
        client.get_paginator("get_item")
    pages = client.get_paginator("list_tables").paginate()
    assert [name for page in pages for name in page["TableNames"]] == ["a", "b"]


def _table(status: str) -> dict[str, Any]:
    return {"Table": {"TableName": "t", "TableStatus": status}}


GONE = errors.ResourceNotFound("described-table", "t")
NO_DELAY = {"Delay": 0, "MaxAttempts": 3}


@pytest.mark.parametrize(
    ("waiter", "answers"),
    [
        ("table_exists", (GONE, _table("CREATING"), _table("ACTIVE"))),
        ("table_exists", (_table("ACTIVE"),)),
        ("table_not_exists", (_table("ACTIVE"), _table("DELETING"), GONE)),
    ],
)
def test_a_waiter_returns_when_it_is_so(waiter: str, answers: tuple[Any, ...]) -> None:
    store = Answers(*answers)
    Client(store).get_waiter(waiter).wait(TableName="t", WaiterConfig=NO_DELAY)
    assert store.calls == [("DescribeTable", {"TableName": "t"})] * len(answers)


def test_a_waiter_gives_up_and_says_so() -> None:
    from streamstore.client import WaiterError

    client = Client(Answers(*[_table("CREATING")] * 3))
    with pytest.raises(
        WaiterError, match="Waiter TableExists failed: Max attempts exceeded"
    ) as caught:
        client.get_waiter("table_exists").wait(TableName="t", WaiterConfig=NO_DELAY)
    assert caught.value.last_response["Table"]["TableStatus"] == "CREATING"
    client = Client(Answers(errors.ValidationFailed("bad name")))
    with pytest.raises(WaiterError, match="bad name"):
        client.get_waiter("table_exists").wait(TableName="t", WaiterConfig=NO_DELAY)
    assert client.waiter_names == ["table_exists", "table_not_exists"]
    with pytest.raises(ValueError, match="Waiter does not exist: x"):
        client.get_waiter("x")
