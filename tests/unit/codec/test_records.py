"""Stored change records: what was joined comes back, and damage is named."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec import items, records
from streamstore.errors import Corrupted

bounded = settings(max_examples=100, deadline=None, database=None)
images = st.dictionaries(
    st.text(min_size=1, max_size=6),
    st.one_of(
        st.text(max_size=300).map(lambda text: {"S": text}),
        st.binary(max_size=300).map(lambda data: {"B": data}),
        st.lists(st.just({"N": "1"})).map(lambda members: {"L": members}),
    ),
    max_size=4,
)
sizes = st.one_of(
    st.sampled_from([0, 127, 128, 255, 256, 65535, 65536, 1_228_800]), st.integers(0, 2_000_000)
)


@bounded
@given(
    st.sampled_from(records.EVENT_NAMES),
    sizes,
    st.booleans(),
    images,
    st.none() | images,
    st.none() | images,
)
def test_a_record_comes_back_as_it_was(
    event: records.EventName,
    size_bytes: int,
    ttl: bool,
    keys: dict[str, Any],
    new: dict[str, Any] | None,
    old: dict[str, Any] | None,
) -> None:
    body = records.pack_record(
        event,
        size_bytes,
        items.pack(keys),
        None if new is None else items.pack(new),
        None if old is None else items.pack(old),
        ttl=ttl,
    )
    assert records.unpack_record(body) == (event, size_bytes, ttl, keys, new, old)


@pytest.mark.parametrize(("event", "code"), [("INSERT", 0), ("MODIFY", 1), ("REMOVE", 2)])
def test_a_body_is_a_version_and_one_msgpack_array(event: records.EventName, code: int) -> None:
    keys = {"pk": {"S": "a"}}
    body = records.pack_record(event, 300, items.pack(keys), None, items.pack(keys))
    assert body[0] == 1
    assert msgpack.unpackb(body[1:]) == [code, 300, False, keys, None, keys]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x01",
        b"\x02\x96",
        b"\x01\x95\x00\x00\xc2\x80\xc0",
        b"\x01\x96\x00\x00\xc2\x80\xc0",
        b"\x01\x96\x07\x00\xc2\x80\xc0\xc0",
        b"\x01\x96\xa1x\x00\xc2\x80\xc0\xc0",
    ],
)
def test_damaged_bytes_raise_corrupted(body: bytes) -> None:
    with pytest.raises(Corrupted):
        records.unpack_record(body)


@pytest.mark.parametrize("size_bytes", [0, 127, 128, 255, 256, 65535, 65536, 1_228_800, 2**32 - 1])
def test_sizes_of_every_width_come_back(size_bytes: int) -> None:
    empty = items.pack({})
    body = records.pack_record("REMOVE", size_bytes, empty, None, None)
    assert records.unpack_record(body)[1] == size_bytes
