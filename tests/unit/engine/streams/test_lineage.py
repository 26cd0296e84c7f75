"""The drawing of a lineage."""

from __future__ import annotations

from typing import Any

from streamstore.engine.model import ShardInfo
from streamstore.engine.streams import shards
from streamstore.engine.streams.descriptions import ShardState
from streamstore.engine.streams.lineage import draw

DAY = 24 * 3600


def test_a_stream_without_shards_draws_nothing() -> None:
    assert draw([]) == ""


def test_children_stand_under_their_parents(lab: Any) -> None:
    table = lab.create(partitions=2)
    lab.append(*"abcd", pad=2000)
    lab.advance(60)
    table = lab.change(shards.split, table.open_shards[0].name)
    lab.change(shards.roll, table.open_shards[0].name)
    lines = draw(lab.shards()).splitlines()
    assert [line[: line.index("shardId")] for line in lines] == ["", "├─ ", "│  └─ ", "└─ ", ""]
    assert [("open" in line, "closed" in line) for line in lines] == [
        (False, True),
        (False, True),
        (True, False),
        (True, False),
        (True, False),
    ]
    assert "00000000-7fffffff" in lines[0]
    assert "00000000-3fffffff" in lines[1]
    assert "40000000-7fffffff" in lines[3]
    assert len({line.index("-7fffffff") for line in (lines[0], lines[3])}) == 1
    records = sum(int(line.split(" record")[0].rsplit(None, 1)[1]) for line in lines)
    assert records == 4
    assert "KB" in lines[0] + lines[4]


def test_a_trimmed_parent_is_named_where_its_children_begin(lab: Any) -> None:
    first = lab.create().open_shards[0].name
    numbers = lab.append("a")
    lab.change(shards.roll, first)
    lab.append("b")
    lab.advance(2 * DAY)
    lab.append("c")
    lab.trim()
    drawn = draw(lab.shards())
    assert drawn.startswith("shardId")
    assert drawn.endswith(f"(parent {first} is gone)")
    assert "1 record " in drawn
    assert f"trimmed up to 2{numbers[0] + 2:020d}" in drawn


def test_a_lineage_of_many_generations_is_drawn_whole() -> None:
    def state(generation: int) -> ShardState:
        info = ShardInfo(
            generation,
            1,
            1,
            f"shardId-{generation:020d}-00000000",
            f"shardId-{generation - 1:020d}-00000000" if generation else None,
            generation + 1,
            bytes(16),
            b"\xff" * 16,
            generation,
            generation,
        )
        return ShardState(info, generation, 1, 1, 0, 0, 0)

    lines = draw([state(generation) for generation in range(3000)]).splitlines()
    assert len(lines) == 3000


def test_rates_stand_beside_those_shards_whose_rate_is_known(lab: Any) -> None:
    first, second = (shard.name for shard in lab.create(partitions=2).open_shards)
    lines = draw(lab.shards(), {first: 12.34}).splitlines()
    assert "0 B  12.3 units/s" in lines[0]
    assert second in lines[1]
    assert "units/s" not in lines[1]
