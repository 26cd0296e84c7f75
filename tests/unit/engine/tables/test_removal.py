"""Rows of dropped tables and indexes: removed in bounded pieces, whatever happens in between."""

from __future__ import annotations

from typing import Any

from streamstore import limits
from streamstore.engine.tables import tables
from streamstore.engine.tables.removal import drop_due, drop_tick
from streamstore.engine.writes.apply import apply

ROWS = limits.TICK_ROWS_MAX + 300


class FrozenClock:
    """The world's clock with a monotonic time that stands still, so that only rows and bytes bound
    a piece.
    """

    def __init__(self, base: Any) -> None:
        self.now_ms = base.now_ms
        self.stepped_ms = base.stepped_ms
        self.advance = base.advance

    def monotonic(self) -> float:
        return 0.0


def fill(world: Any, name: str, count: int, size: int = 1) -> None:
    table = world.table(name)
    puts = [
        world.put_of({"pk": {"S": str(n)}, "sk": {"S": "s"}, "g": {"S": "x" * size}}, table=table)
        for n in range(count)
    ]
    world.writer.run_many([(lambda group, m=put: apply(group, m), 1) for put in puts])


def rows(world: Any) -> tuple[int, ...]:
    names = ("item", "index_entry", "large_body", "partition", "index_def", "table_def")
    return tuple(world.rows(f"SELECT count(*) FROM {name}")[0][0] for name in names)


def test_a_dropped_table_goes_in_pieces_and_survives_a_restart_between_them(worlds: Any) -> None:
    world = worlds()
    world.clock = FrozenClock(world.clock)
    world.reopen()
    indexes = (world.index("gsi", world.keys("g"), "INCLUDE", "more"),)
    world.create("kept", indexes=indexes)
    fill(world, "kept", 3)
    before = rows(world)
    world.create("t", indexes=indexes)
    fill(world, "t", ROWS)
    assert not drop_due(world.engine)
    world.delete()
    assert drop_due(world.engine)
    pieces = []
    while world.run(drop_tick):
        pieces.append(rows(world)[:2])
        world.reopen()
        assert drop_due(world.engine) is (pieces[-1] != (3, 3))
    assert not drop_due(world.engine)
    # Entries first, then items; no piece beyond its bound.
    left = [ROWS + 3 - limits.TICK_ROWS_MAX, 3]
    assert pieces == [(ROWS + 3, left[0]), (ROWS + 3, 3), (left[0], 3), (3, 3)]
    assert rows(world) == before
    assert not world.run(drop_tick)


def test_a_piece_is_bounded_by_bytes_and_takes_large_bodies_along(worlds: Any) -> None:
    world = worlds()
    world.clock = FrozenClock(world.clock)
    world.reopen()
    world.create("t")
    size = 300_000
    fill(world, "t", 40, size)
    world.delete()
    fits = limits.TICK_BYTES_MAX // size
    assert world.run(drop_tick)
    assert rows(world)[:3] == (40 - fits - 1, 0, 40 - fits - 1)
    while world.run(drop_tick):
        pass
    assert rows(world) == (0,) * 6


def test_a_piece_ends_with_its_time(worlds: Any) -> None:
    class Hurried(FrozenClock):
        calls = 0

        def monotonic(self) -> float:
            Hurried.calls += 1
            return Hurried.calls * 1.0

    world = worlds()
    world.create("t")
    fill(world, "t", 600)
    world.delete()
    world.clock = Hurried(world.clock)
    world.reopen()
    counts = [600]
    while world.run(drop_tick):
        counts.append(rows(world)[0])
    assert counts == [600, 350, 100, 0, 0]
    assert rows(world)[0] == 0


def test_a_dropped_index_of_a_living_table_goes_alone(world: Any) -> None:
    world.create(indexes=(world.index("one", world.keys("g")), world.index("two", world.keys("g"))))
    fill(world, "t", 5, 900)
    world.update(delete_index="one")
    while world.run(drop_tick):
        pass
    assert rows(world) == (5, 5, 10, 4, 1, 1)
    assert [index.name for index in world.table().indexes] == ["two"]


def test_nothing_is_removed_before_the_drop_is_committed(world: Any) -> None:
    world.create()
    fill(world, "t", 2)

    def drops_and_fails(group: Any) -> None:
        tables.delete(group, group.find_table("t"))
        raise RuntimeError("after dropping")

    outcomes = world.writer.run_many([(drops_and_fails, 1), (drop_tick, 1)])
    assert isinstance(outcomes[0].error, RuntimeError)
    assert outcomes[1].result is False
    assert rows(world)[0] == 2
