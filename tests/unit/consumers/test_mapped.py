"""Which shards a mapping reads: parents first, children once, those of before by its position."""

from __future__ import annotations

from typing import Any

import pytest

from .scene import Scene, crash, ok


def chain(scene: Scene, count: int, first: int = 0) -> None:
    """A record in each of `count` shards, each the parent of the next."""
    for number in range(first, first + count):
        scene.put(f"a:{number}")
        [shard] = scene.store.engine.catalog.table("tab").open_shards
        scene.store.roll_shard("tab", shard.name)


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [
        int(record["dynamodb"]["NewImage"]["n"]["S"].partition(":")[2])
        for event in events
        for record in event["Records"]
    ]


def test_a_long_lineage_is_read_in_order(scene: Scene) -> None:
    function = scene.function(ok)
    chain(scene, 120)
    scene.play()
    assert numbers(function.events) == list(range(120))


def test_latest_skips_shards_that_were_closed_before_and_no_later_one(scene: Scene) -> None:
    chain(scene, 5)
    function = scene.function(ok, starting_position="LATEST")
    chain(scene, 5, 5)
    scene.play()
    assert numbers(function.events) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_a_worker_that_takes_over_reads_no_shard_twice_and_none_never(
    filed: Scene, position: str
) -> None:
    function = filed.function(ok, starting_position=position)
    expected = 0
    for _ in range(4):
        chain(filed, 3, expected)
        expected += 3
        filed.consumers.run_due()
        filed.reborn()
        chain(filed, 2, expected)
        expected += 2
        filed.reborn()
    filed.play()
    assert numbers(function.events) == list(range(expected))


def test_a_child_waits_for_a_parent_that_another_worker_has_left_undone(filed: Scene) -> None:
    function = filed.function(crash)
    chain(filed, 3)
    filed.consumers.run_due()
    filed.reborn()
    filed.play(1)
    assert set(numbers(function.events)) == {0}
    function.script = ok
    filed.play(60)
    assert numbers(function.events)[-3:] == [0, 1, 2]


def test_rows_of_shards_that_are_gone_go_too(scene: Scene) -> None:
    scene.function(ok)
    chain(scene, 5)
    scene.play()
    assert len(scene.checkpoints()) == 5, "the open shard has had nothing to say yet"
    scene.clock.advance(24 * 3600 + 1)
    scene.store.compact()
    assert len(scene.store.shards("tab")) == 1
    chain(scene, 1, 5)
    scene.play()
    assert len(scene.checkpoints()) == 1


def test_a_stream_of_a_table_that_is_gone_is_read_to_its_end(scene: Scene) -> None:
    function = scene.function(ok)
    scene.put("a:0 b:1")
    scene.store.client.delete_table(TableName="tab")
    scene.play()
    assert sorted(numbers(function.events)) == [0, 1]
    scene.consumers.drain()
    scene.clock.advance(48 * 3600)
    scene.store.compact()
    scene.play(60)
    scene.consumers.drain()
