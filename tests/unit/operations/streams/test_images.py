"""A record's shape: what the view type leaves, identities, numbers (streams page A.9)."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec.items import pack
from streamstore.codec.sizes import item_size
from streamstore.engine.streams.change import record_body
from streamstore.operations.streams.images import shape_records

KEYS = {"pk": {"S": "a"}}
OLD = {"pk": {"S": "a"}, "n": {"N": "1"}, "b": {"B": b"\x00\xff"}}
NEW = {"pk": {"S": "a"}, "n": {"N": "2"}}


def shaped(view: Any, old: Any, new: Any, *, ttl: bool = False, number: int = 7) -> dict[str, Any]:
    body, _ = record_body(
        view,
        pack(KEYS),
        None if old is None else pack(old),
        None if new is None else pack(new),
        item_size(KEYS),
        0 if old is None else item_size(old),
        0 if new is None else item_size(new),
        ttl,
    )
    [record] = shape_records(
        [(number, 1_700_000_000_999, body)],
        depth=12,
        view_type=view,
        region="eu-west-1",
        id_prefix="0123456789abcdef",
    )
    return record


def test_a_modification_with_both_images_is_shaped_as_the_service_shapes_it() -> None:
    assert shaped("NEW_AND_OLD_IMAGES", OLD, NEW) == {
        "eventID": "0123456789abcdef0000000000000007",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_700_000_000,
            "Keys": KEYS,
            "NewImage": NEW,
            "OldImage": OLD,
            "SequenceNumber": "1200000000000000000007",
            "SizeBytes": item_size(KEYS) + item_size(NEW) + item_size(OLD),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


IMAGES = {
    "KEYS_ONLY": (set(), set(), set()),
    "NEW_IMAGE": ({"NewImage"}, {"NewImage"}, set()),
    "OLD_IMAGE": (set(), {"OldImage"}, {"OldImage"}),
    "NEW_AND_OLD_IMAGES": ({"NewImage"}, {"NewImage", "OldImage"}, {"OldImage"}),
}


@pytest.mark.parametrize("view", IMAGES)
def test_a_view_type_s_images_are_there_or_missing_and_never_null(view: str) -> None:
    changes = [(None, NEW, "INSERT"), (OLD, NEW, "MODIFY"), (OLD, None, "REMOVE")]
    for (old, new, event), images in zip(changes, IMAGES[view], strict=True):
        record = shaped(view, old, new)
        assert record["eventName"] == event
        change = record["dynamodb"]
        assert {name for name in change if name.endswith("Image")} == images
        assert change["StreamViewType"] == view
        assert change["Keys"] == KEYS
        sizes = [item_size(change[name]) for name in images]
        assert change["SizeBytes"] == item_size(KEYS) + sum(sizes)


def test_only_what_time_to_live_removed_names_who_did_it() -> None:
    assert "userIdentity" not in shaped("KEYS_ONLY", OLD, None)
    assert shaped("KEYS_ONLY", OLD, None, ttl=True)["userIdentity"] == {
        "PrincipalId": "dynamodb.amazonaws.com",
        "Type": "Service",
    }
