"""Stored items: what was packed comes back, and damage is named."""

from __future__ import annotations

import threading
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec import items
from streamstore.errors import Corrupted

bounded = settings(max_examples=100, deadline=None, database=None)
names = st.text(min_size=1, max_size=8)
scalars: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.text().map(lambda text: {"S": text}),
    st.integers().map(lambda number: {"N": str(number)}),
    st.binary().map(lambda data: {"B": data}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    st.lists(st.text(), min_size=1, unique=True).map(lambda texts: {"SS": sorted(texts)}),
    st.lists(st.binary(), min_size=1, unique=True).map(lambda blobs: {"BS": sorted(blobs)}),
)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(names, inner, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=8,
)
all_items = st.dictionaries(names, values, max_size=5)


@bounded
@given(all_items)
def test_an_item_comes_back_as_it_was_in_the_order_it_had(item: dict[str, Any]) -> None:
    found = items.unpack(items.pack(item))
    assert found == item
    assert list(found) == list(item)


@bounded
@given(all_items)
def test_every_unpacking_is_fresh(item: dict[str, Any]) -> None:
    blob = items.pack(item)
    items.unpack(blob)["changed"] = {"S": "x"}
    assert items.unpack(blob) == item


def test_stored_bytes_are_a_version_and_msgpack() -> None:
    blob = items.pack({"pk": {"S": "é"}, "b": {"B": b"\x00"}})
    assert blob.hex() == "01" + "82a2706b81a153a2c3a9a16281a142c40100"
    assert msgpack.unpackb(blob[1:]) == {"pk": {"S": "é"}, "b": {"B": b"\x00"}}


def test_the_deepest_item_comes_back() -> None:
    value: dict[str, Any] = {"S": "deep"}
    for level in range(31):
        value = {"L": [value]} if level % 2 else {"M": {"m": value}}
    assert items.unpack(items.pack({"a": value})) == {"a": value}


def test_a_failed_packing_leaves_nothing_behind() -> None:
    with pytest.raises(TypeError):
        items.pack({"a": {"S": "x"}, "b": object()})  # type: ignore[dict-item]
    assert items.unpack(items.pack({"c": {"S": "y"}})) == {"c": {"S": "y"}}


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x01",
        b"\x02\x80",
        b"\x01\x81",
        b"\x01\x90",
        b"\x01\x80\x80",
        b"\x01\x81\xa1\xff\xc0",
        b"\x00\x80",
        b"\x01\xc1",
        b"\x01\x81\xa1a",
    ],
)
def test_damaged_bytes_raise_corrupted(blob: bytes) -> None:
    with pytest.raises(Corrupted):
        items.unpack(blob)


def test_threads_pack_without_disturbing_each_other() -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        item = {f"a{seed}": {"S": str(seed) * 500}}
        for _ in range(300):
            if items.unpack(items.pack(item)) != item:
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
