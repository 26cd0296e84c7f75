"""A new index of a table that has items: filled in pieces beside writers, exact at the end."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamstore.codec.items import unpack
from streamstore.codec.sizes import item_size
from streamstore.engine.tables import backfill
from streamstore.engine.tables.backfill import backfill_due, backfill_tick
from streamstore.engine.tables.items import index_totals
from streamstore.engine.tables.pages import scan
from streamstore.engine.writes.apply import apply


class Hurried:
    """A clock by which every look at the time is past the deadline: each piece is one step."""

    def __init__(self, base: Any) -> None:
        self.now_ms = base.now_ms
        self.stepped_ms = base.stepped_ms
        self.calls = 0

    def monotonic(self) -> float:
        self.calls += 1
        return float(self.calls)


def put(world: Any, number: int, g: Any) -> Any:
    item = {"pk": {"S": str(number)}, "sk": {"S": "s"}, "v": {"S": "x" * (number * 100)}}
    return world.put_of({**item, **({} if g is None else {"g": g})})


def check(world: Any) -> None:
    table = world.table()
    index = table.index("new")
    with world.reading() as rx:
        items = [item for item, _ in scan(rx, table, None)]
        totals = index_totals(rx, index)
    entries = world.rows(
        "SELECT coalesce(body, (SELECT b.body FROM large_body b WHERE b.body_id = e.body_id))"
        " FROM index_entry e WHERE index_id = ?",
        index.index_id,
    )
    expected = [i for i in items if i.get("g", {}).get("S")]
    by_key = {i["pk"]["S"]: i for i in expected}
    assert {(e := unpack(body))["pk"]["S"]: e for (body,) in entries} == by_key
    assert totals == (len(expected), sum(map(item_size, expected)))


def test_a_small_table_is_filled_within_the_update(world: Any) -> None:
    world.create()
    for number in range(5):
        world.do(put(world, number, {"S": "x"}))
    changed = world.update(create_index=world.index("new", world.keys("g")))
    assert changed.index("new").filled_to is None
    assert not backfill_due(world.engine)
    check(world)


def test_items_with_an_unfit_key_are_passed_over(world: Any) -> None:
    world.create()
    for number, g in enumerate([{"S": "x"}, {"N": "1"}, {"S": ""}, None, {"S": "y" * 2049}]):
        world.do(put(world, number, g))
    world.update(create_index=world.index("new", world.keys("g")))
    assert world.rows("SELECT base_pk FROM index_entry") == [(b"S0",)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 19), st.sampled_from(["a", "b", None, "delete", "set"])),
        max_size=40,
    )
)
def test_writes_beside_the_filling_leave_the_index_exact(worlds: Any, steps: list[Any]) -> None:
    world = worlds()
    world.create()
    puts = [put(world, number, {"S": "a"} if number % 3 else None) for number in range(20)]
    world.writer.run_many([(lambda group, m=m: apply(group, m), 1) for m in puts])
    world.clock = Hurried(world.clock)
    world.reopen()
    backfill_rows, backfill._STEP_ROWS = backfill._STEP_ROWS, 3  # type: ignore[misc]
    try:
        world.update(create_index=world.index("new", world.keys("g")))
        assert backfill_due(world.engine)
        for number, what in steps:
            key = {"pk": {"S": str(number)}, "sk": {"S": "s"}}
            if what == "delete":
                world.do(world.delete_of(key))
            elif what == "set":
                world.do(world.update_of(key, "SET g = :g", {":g": {"S": "set"}}))
            else:
                world.do(put(world, number, None if what is None else {"S": what}))
            if number % 2:
                world.run(backfill_tick)
            if number == 7:
                world.reopen()
        while world.run(backfill_tick):
            pass
    finally:
        backfill._STEP_ROWS = backfill_rows  # type: ignore[misc]
    assert not backfill_due(world.engine)
    check(world)
    world.reopen()
    assert world.table().index("new").filled_to is None
