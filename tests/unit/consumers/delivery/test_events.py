"""Records in Lambda's form: GetRecords' form but for the three things that differ."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.codec import items, records
from streamstore.consumers.delivery.events import EVENT_RECORDS_BYTES, json_bytes, lambda_records
from streamstore.operations.streams.images import shape_records

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/tab/stream/2026-01-01T00:00:00.000"
TEXTS = st.text(max_size=20)
LEAVES = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    st.integers(0, 10**9).map(lambda number: {"N": str(number)}),
    st.binary(max_size=20).map(lambda blob: {"B": blob}),
    st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=3, unique=True).map(
        lambda blobs: {"BS": sorted(blobs)}
    ),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: {"L": values}),
        st.dictionaries(TEXTS, inner, max_size=3).map(lambda values: {"M": values}),
    ),
    max_leaves=10,
)
ITEMS = st.dictionaries(TEXTS, VALUES, max_size=4)


def shaped(keys: Any, new: Any, old: Any, ttl: bool = False) -> tuple[Any, Any, bytes]:
    """(Lambda's form, GetRecords' form, stored body)."""
    packed = [None if item is None else items.pack(item) for item in (keys, new, old)]
    assert packed[0] is not None
    body = records.pack_record("MODIFY", 46, packed[0], packed[1], packed[2], ttl)
    rows = [(7, 1_700_000_000_999, body)]
    common: dict[str, Any] = {
        "depth": 3, "view_type": "NEW_AND_OLD_IMAGES", "region": "us-east-1", "id_prefix": "0" * 16,
    }  # fmt: skip
    [one] = lambda_records(rows, **common, stream_arn=ARN)
    [other] = shape_records(rows, **common)
    return one, other, body


def base64_of(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {key: base64_of(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [base64_of(inner) for inner in value]
    return value


@given(ITEMS, st.none() | ITEMS, st.none() | ITEMS)
def test_a_record_is_that_of_get_records_with_base64_and_an_arn(
    keys: Any, new: Any, old: Any
) -> None:
    one, other, _ = shaped(keys, new, old)
    expected = base64_of(other)
    expected["eventSourceARN"] = ARN
    assert one == expected
    assert orjson.loads(orjson.dumps(one)) == one


def test_times_are_floats_of_whole_seconds_and_sweepers_are_spelt_small() -> None:
    one, other, _ = shaped({"pk": {"S": "a"}}, None, {"pk": {"S": "a"}}, ttl=True)
    assert repr(one["dynamodb"]["ApproximateCreationDateTime"]) == "1700000000.0"
    assert one["userIdentity"] == {"principalId": "dynamodb.amazonaws.com", "type": "Service"}
    assert set(other["userIdentity"]) == {"PrincipalId", "Type"}
    assert one["dynamodb"]["SequenceNumber"] == "300000000000000000007"
    assert "userIdentity" not in shaped({"pk": {"S": "a"}}, None, None)[0]


@given(ITEMS, ITEMS)
@pytest.mark.parametrize("batch_size", [1, 100, 10_000])
def test_a_size_is_never_too_small(batch_size: int, keys: Any, new: Any) -> None:
    one, _, body = shaped(keys, new, None)
    exact = len(orjson.dumps(one)) + 1
    reckoned = json_bytes(one, body, batch_size)
    assert reckoned >= exact
    if reckoned * batch_size > EVENT_RECORDS_BYTES:
        assert reckoned == exact
