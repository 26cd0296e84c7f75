"""Names of destinations, a row for each form and each way to get it wrong."""

from __future__ import annotations

import pytest

from streamstore.consumers.destinations import check_destination
from streamstore.consumers.destinations.naming import read_destination
from streamstore.errors import DeliveryFailed, MappingInvalid


@pytest.mark.parametrize(
    ("text", "kind", "region", "name"),
    [
        ("arn:aws:sqs:eu-west-1:000000000000:dead", "sqs", "eu-west-1", "dead"),
        ("arn:aws-cn:sqs:cn-north-1:000000000000:dead", "sqs", "cn-north-1", "dead"),
        ("arn:aws:sns:us-east-1:000000000000:dead", "sns", "us-east-1", "dead"),
        ("arn:aws:s3:::dead.letters", "s3", "", "dead.letters"),
        ("arn:aws:dynamodb:us-east-1:000000000000:table/dead", "dynamodb", "us-east-1", "dead"),
        ("file:///var/dead.jsonl", "file", "", "/var/dead.jsonl"),
        ("file:///var/with%20space.jsonl", "file", "", "/var/with space.jsonl"),
    ],
)
def test_every_form_is_read_as_what_it_is(text: str, kind: str, region: str, name: str) -> None:
    named = read_destination(text)
    assert (named.kind, named.region, named.name, named.text) == (kind, region, name, text)
    check_destination(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "the forms are"),
        ("arn:aws:lambda:us-east-1:000000000000:function:f", "the forms are"),
        ("arn:aws:sqs:us-east-1:000000000000:dead.fifo", "standard ones only"),
        ("arn:aws:sns:us-east-1:000000000000:dead.fifo", "standard ones only"),
        ("arn:aws:sqs::000000000000:dead", "the forms are"),
        ("arn:aws:s3:us-east-1:000000000000:dead", "the forms are"),
        ("arn:aws:dynamodb:us-east-1:000000000000:index/x", "the forms are"),
        ("file:///var/store.db", "ends in .jsonl"),
        ("file:relative.jsonl", "absolute path"),
        ("file://elsewhere/var/dead.jsonl", "not a file of this machine"),
        ("arn:aws:s3:::" + "b" * 400, "350 characters"),
    ],
)
def test_what_names_no_destination_is_refused_with_what_would(text: str, says: str) -> None:
    with pytest.raises(DeliveryFailed, match=says):
        read_destination(text)
    with pytest.raises(MappingInvalid, match=says) as refused:
        check_destination(text)
    assert refused.value.field == "destination"


def test_no_destination_is_a_destination_too() -> None:
    check_destination("")
