"""Streams and shards read back: order, pages, children."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.engine.streams import descriptions, shards


@given(st.integers(1, 5), st.integers(0, 6), st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_pages_of_shards_are_in_order_and_whole(
    streams_lab: Any, partitions: int, splits: int, limit: int
) -> None:
    lab = streams_lab.Lab()
    lab.create(partitions=partitions)
    for _ in range(splits):
        lab.change(shards.split, None)
    stream = lab.stream()
    names: list[str] = []
    after = ""
    with lab.reading() as rx:
        while page := descriptions.list_shards(rx, stream, after_name=after, limit=limit):
            assert len(page) <= limit
            names += [s.info.name for s in page]
            after = names[-1]
        assert descriptions.list_shards(rx, stream, after_name="zzz") == []
    assert names == sorted(names)
    assert len(names) == partitions + 2 * splits


def test_only_immediate_children_are_given_for_a_parent(lab: Any) -> None:
    parent = lab.create().open_shards[0].name
    children = [s.name for s in lab.change(shards.split, None).open_shards]
    lab.change(shards.split, children[0])
    with lab.reading() as rx:
        found = descriptions.list_shards(rx, lab.stream(), parent_name=parent)
        assert [s.info.name for s in found] == children
        found = descriptions.list_shards(rx, lab.stream(), parent_name=children[1])
        assert found == []


def test_a_shard_is_found_by_its_name_in_its_own_stream_only(lab: Any) -> None:
    name = lab.create().open_shards[0].name
    lab.create("other")
    with lab.reading() as rx:
        found = descriptions.find_shard(rx, lab.stream(), name)
        assert found is not None
        assert found.info == lab.table().open_shards[0]
        assert descriptions.find_shard(rx, lab.stream("other"), name) is None
        assert descriptions.find_shard(rx, lab.stream(), name[:-1]) is None


def test_an_open_shard_has_no_end_and_a_closed_one_has(lab: Any) -> None:
    lab.create(partitions=3)
    lab.append(*"abcdef")
    lab.change(shards.split, None)
    lab.change(shards.roll, lab.table().open_shards[0].name)
    for state in lab.shards():
        assert (state.info.closed_ms is None) == (state.info.end_sequence is None)
        if state.info.end_sequence is not None:
            assert state.info.start_sequence <= state.info.end_sequence == state.last_sequence


def test_a_stream_knows_its_keys_and_place_when_its_table_is_gone(lab: Any) -> None:
    lab.create(view="OLD_IMAGE")
    before = lab.change(shards.disable_stream).last_stream
    lab.run(lambda group: group.tx.run("DELETE FROM table_def"))
    lab.reopen()
    assert lab.engine.catalog.stream_by_arn(before.arn) == before
