"""Records of changes: events, images by view type, sizes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.codec import items
from streamstore.codec.records import unpack_record
from streamstore.codec.sizes import item_size
from streamstore.engine.streams.change import VIEW_TYPES, ViewType, record_body

KEYS: dict[str, Any] = {"pk": {"S": "a"}}
OLD: dict[str, Any] = {"pk": {"S": "a"}, "n": {"N": "42"}}
NEW: dict[str, Any] = {"pk": {"S": "a"}, "b": {"B": b"\x00\x01"}, "t": {"BOOL": True}}


def body(view: ViewType, old: Any, new: Any, ttl: bool = False) -> tuple[bytes, int]:
    packed = [None if image is None else items.pack(image) for image in (old, new)]
    sizes = [0 if image is None else item_size(image) for image in (old, new)]
    return record_body(view, items.pack(KEYS), *packed, item_size(KEYS), *sizes, ttl)


# (old there, new there) -> event, and which images each view type keeps of what is there.
@pytest.mark.parametrize("view", VIEW_TYPES)
@pytest.mark.parametrize(
    ("old", "new", "event"),
    [(None, NEW, "INSERT"), (OLD, NEW, "MODIFY"), (OLD, None, "REMOVE"), (KEYS, KEYS, "MODIFY")],
)
def test_a_record_holds_the_event_the_keys_and_the_images_of_the_view_type(
    view: ViewType, old: Any, new: Any, event: str
) -> None:
    keeps_new = view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
    keeps_old = view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")
    stored, size = body(view, old, new)
    name, size_bytes, ttl, keys, new_image, old_image = unpack_record(stored)
    assert (name, ttl, keys) == (event, False, KEYS)
    assert new_image == (new if keeps_new else None)
    assert old_image == (old if keeps_old else None)
    kept = [KEYS, *(image for image in (new_image, old_image) if image is not None)]
    assert size == size_bytes == sum(map(item_size, kept))


def test_a_deletion_by_time_to_live_says_so() -> None:
    stored, _ = body("KEYS_ONLY", OLD, None, ttl=True)
    assert unpack_record(stored)[:3] == ("REMOVE", item_size(KEYS), True)


@given(st.sampled_from(VIEW_TYPES), st.booleans(), st.booleans())
def test_size_counts_the_keys_again_in_every_image(
    view: ViewType, has_old: bool, has_new: bool
) -> None:
    if not (has_old or has_new):
        has_new = True
    _, size = body(view, KEYS if has_old else None, KEYS if has_new else None)
    images = (has_new and "NEW" in view) + (has_old and "OLD" in view)
    assert size == item_size(KEYS) * (1 + images)
