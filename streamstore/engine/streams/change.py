"""The record of one change: which event it was, which images the view type keeps, and its size.

It is given items that are packed already and joins them; it neither reads nor compares items.
Whether a write changed anything, and so deserves a record, is for engine/writes/apply to say.
"""

from __future__ import annotations

from typing import Final, Literal

from ...codec.records import INSERT, MODIFY, REMOVE, EventName, pack_record

ViewType = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]

VIEW_TYPES: Final[tuple[ViewType, ...]] = (
    "KEYS_ONLY",
    "NEW_IMAGE",
    "OLD_IMAGE",
    "NEW_AND_OLD_IMAGES",
)


def record_body(
    view_type: ViewType,
    keys_packed: bytes,
    old_packed: bytes | None,
    new_packed: bytes | None,
    key_size: int,
    old_size: int,
    new_size: int,
    ttl: bool = False,
) -> tuple[bytes, int]:
    """(stored body, SizeBytes) of a change from `old` to `new`; None is "no such item", and not
    both are None.

    The packed arguments come from `codec.items.pack`. SizeBytes is the keys plus each image that
    the view type keeps, so the keys count again inside every image (spec A.9). `ttl` marks a
    deletion by the time-to-live service.
    """
    event: EventName
    if old_packed is None:
        event = INSERT
    elif new_packed is None:
        event = REMOVE
    else:
        event = MODIFY
    size = key_size
    if view_type == "NEW_AND_OLD_IMAGES":
        if new_packed is not None:
            size += new_size
        if old_packed is not None:
            size += old_size
    elif view_type == "NEW_IMAGE":
        old_packed = None
        if new_packed is not None:
            size += new_size
    elif view_type == "OLD_IMAGE":
        new_packed = None
        if old_packed is not None:
            size += old_size
    else:
        old_packed = new_packed = None
    return pack_record(event, size, keys_packed, new_packed, old_packed, ttl), size
