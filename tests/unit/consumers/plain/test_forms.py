"""Records of every origin in Lambda's form: a follower's, boto3's, the wire's, Lambda's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.dynamodb.types import Binary

import streamstore
from streamstore.consumers.filters import compile_pattern
from streamstore.consumers.plain import lambda_form, unmarshal

LAMBDA = {
    "eventName": "REMOVE",
    "dynamodb": {
        "ApproximateCreationDateTime": 1664559083,
        "Keys": {"b": {"B": "Zm9v"}},
        "OldImage": {"b": {"B": "Zm9v"}, "l": {"L": [{"BS": ["Zm9v"]}]}},
    },
    "userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"},
}


def test_what_has_lambdas_form_keeps_it() -> None:
    assert lambda_form(LAMBDA) == LAMBDA
    for odd in ({}, {"dynamodb": None}, {"dynamodb": {"Keys": None}, "userIdentity": "x"}):
        assert lambda_form(odd) == odd


@pytest.mark.parametrize("binary", [b"foo", bytearray(b"foo"), Binary(b"foo")])
def test_bytes_and_members_of_the_wire_are_spelt_as_lambda_does(binary: Any) -> None:
    wire = {
        "eventName": "REMOVE",
        "dynamodb": {
            "ApproximateCreationDateTime": 1664559083,
            "Keys": {"b": {"B": binary}},
            "OldImage": {"b": {"B": binary}, "l": {"L": [{"BS": [binary]}]}},
        },
        "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"},
    }
    assert lambda_form(wire) == LAMBDA
    assert wire["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


@pytest.fixture
def followed() -> Iterator[dict[str, Any]]:
    with streamstore.open(":memory:", settings=streamstore.Settings()) as store:
        store.client.create_table(
            TableName="items",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "B"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        store.client.put_item(TableName="items", Item={"k": {"B": b"\x01"}, "n": {"N": "5"}})
        with store.follow("items", "trim-horizon") as follower:
            yield next(follower)


def test_a_followers_record_is_filtered_and_read_like_the_others(
    followed: dict[str, Any],
) -> None:
    formed = lambda_form(followed)
    json.dumps(formed)
    image = {"k": {"B": ["AQ=="]}, "n": {"N": ["5"]}}
    assert compile_pattern({"dynamodb": {"NewImage": image}}).matches(formed)
    assert unmarshal(followed)["dynamodb"]["Keys"] == {"k": b"\x01"}
    assert unmarshal(formed)["dynamodb"]["Keys"] == {"k": b"\x01"}
