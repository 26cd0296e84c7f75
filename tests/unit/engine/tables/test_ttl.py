"""Time to live: what is deleted and what is not, how it is recorded, and pieces that survive
anything.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streamstore import limits
from streamstore.codec.items import unpack
from streamstore.codec.records import unpack_record
from streamstore.engine import background
from streamstore.engine.tables import ttl
from streamstore.engine.tables.removal import drop_tick
from streamstore.engine.writes.apply import apply

NOW = 1_700_000_000  # the second at which a ManualClock begins
YEARS = limits.EXPIRED_SECONDS_MAX


class FrozenClock:
    """The world's clock with a monotonic time that stands still, so that only rows and bytes bound
    a piece; `stepped` is the step of the wall clock that it reports.
    """

    def __init__(self, base: Any) -> None:
        self.now_ms = base.now_ms
        self.advance = base.advance
        self.stepped = 0

    def stepped_ms(self) -> int:
        return self.stepped

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def world(worlds: Any) -> Any:
    """A store with the table `t`, whose items expire by `e`, and a stream on it."""
    made = worlds()
    made.clock = FrozenClock(made.clock)
    made.reopen()
    made.create(schema=made.keys("pk"), view_type="NEW_AND_OLD_IMAGES")
    enable(made)
    finish(made)
    return made


def enable(world: Any, name: str = "t", attribute: str = "e") -> None:
    world.run(lambda group: ttl.enable(group, group.find_table(name), attribute))


def disable(world: Any, name: str = "t") -> None:
    world.run(lambda group: ttl.disable(group, group.find_table(name)))


def finish(world: Any) -> int:
    """Tick until there is nothing more to do; the number of pieces that had more."""
    pieces = 0
    while world.run(ttl.ttl_tick):
        pieces += 1
        assert pieces < 1000, "it never ends"
    return pieces


def put(world: Any, name: str, value: Any, table: str = "t", **more: Any) -> None:
    world.put({"pk": {"S": name}, "e": value, **more}, table=world.table(table))


def left(world: Any, table: str = "t") -> list[str]:
    found = world.rows("SELECT body FROM item WHERE table_id = ?", world.table(table).table_id)
    return sorted(unpack(body)["pk"]["S"] for (body,) in found if body is not None)


def records(world: Any) -> list[tuple[str, bool, str]]:
    read = [unpack_record(body) for (body,) in world.rows("SELECT body FROM record")]
    return [(event, by_service, keys["pk"]["S"]) for event, _, by_service, keys, _, _ in read]


def expiries(world: Any) -> int:
    return int(world.rows("SELECT count(*) FROM expiry")[0][0])


def test_an_item_goes_in_the_moment_after_its_second(world: Any) -> None:
    put(world, "now", {"N": str(NOW)})
    put(world, "half", {"N": f"{NOW}.5"})
    put(world, "next", {"N": str(NOW + 1)})
    finish(world)
    assert left(world) == ["half", "next", "now"]
    world.clock.advance(0.001)
    finish(world)
    assert left(world) == ["half", "next"]
    world.clock.advance(1)
    finish(world)
    assert left(world) == []
    assert expiries(world) == 0


def test_what_lies_more_than_five_years_back_is_left_alone(world: Any) -> None:
    put(world, "oldest", {"N": str(NOW - YEARS)})
    put(world, "older", {"N": str(NOW - YEARS - 1)})
    put(world, "milliseconds", {"N": str(NOW * 1000)})
    put(world, "zero", {"N": "0"})
    put(world, "text", {"S": str(NOW - 5)})
    put(world, "nested", {"M": {"e": {"N": str(NOW - 5)}}})
    finish(world)
    assert left(world) == ["milliseconds", "nested", "older", "text", "zero"]


def test_the_record_says_that_the_service_removed_it(world: Any) -> None:
    put(world, "gone", {"N": str(NOW - 1)}, n={"N": "7"})
    put(world, "kept", {"N": str(NOW + 1)})
    finish(world)
    world.do(world.delete_of({"pk": {"S": "kept"}}))
    assert records(world) == [
        ("INSERT", False, "gone"),
        ("INSERT", False, "kept"),
        ("REMOVE", True, "gone"),
        ("REMOVE", False, "kept"),
    ]
    old = unpack_record(world.rows("SELECT body FROM record")[2][0])[5]
    assert old == {"pk": {"S": "gone"}, "e": {"N": str(NOW - 1)}, "n": {"N": "7"}}


def test_a_deletion_takes_no_write_units_and_its_index_entries_along(worlds: Any) -> None:
    world = worlds()
    index = world.index("gsi", world.keys("g"))
    world.create(schema=world.keys("pk"), indexes=(index,))
    enable(world)
    finish(world)
    put(world, "a", {"N": str(NOW - 1)}, g={"S": "g"}, big={"S": "x" * 5000})
    partition = world.table().partitions[0].partition_id
    at = [p.partition_id for p in world.table().partitions]
    now_ms = world.clock.now_ms()
    before = [world.engine.samples.units_per_second(p, now_ms) for p in at]
    assert sum(before) > 0
    finish(world)
    assert left(world) == []
    assert [world.engine.samples.units_per_second(p, now_ms) for p in at] == before
    for name in ("item", "index_entry", "large_body", "expiry"):
        assert world.rows(f"SELECT count(*) FROM {name}") == [(0,)], name
    assert world.engine.partition_counters.get(partition, (0, 0)) == (0, 0)


def test_an_update_that_comes_first_rescues_the_item(world: Any) -> None:
    put(world, "a", {"N": str(NOW - 1)})
    key = {"pk": {"S": "a"}}
    later = world.update_of(key, "SET e = :e", {":e": {"N": str(NOW + 50)}})
    # In one group: the sweep runs behind the update, and sees what it did.
    world.writer.run_many([(lambda group: apply(group, later), 1), (ttl.ttl_tick, 1)])
    finish(world)
    assert left(world) == ["a"]
    world.clock.advance(51)
    finish(world)
    assert left(world) == []


def test_a_row_that_the_item_does_not_bear_out_goes_alone(world: Any) -> None:
    put(world, "later", {"N": str(NOW + 9)})
    put(world, "text", {"S": "x"})
    for name in ("later", "text", "missing"):
        key = world.key_of({"pk": {"S": name}})
        world.rows(
            "INSERT INTO expiry VALUES (?, ?, ?, ?, ?)",
            world.table().table_id, NOW - 3, key.hash, key.pk, key.sk,
        )  # fmt: skip
    finish(world)
    assert left(world) == ["later", "text"]
    assert world.rows("SELECT expires_s FROM expiry") == [(NOW + 9,)]
    assert len(records(world)) == 2


def test_items_that_were_there_before_are_entered_in_pieces(world: Any) -> None:
    world.create("u", schema=world.keys("pk"))
    table = world.table("u")
    count = limits.TICK_ROWS_MAX + 200
    puts = [
        world.put_of({"pk": {"S": str(n)}, "e": {"N": str(NOW + 100 * (n % 50 == 1))}}, table=table)
        for n in range(count)
    ]
    world.writer.run_many([(lambda group, m=m: apply(group, m), 1) for m in puts])
    enable(world, "u")
    assert world.run(ttl.ttl_tick)
    place = world.table("u").ttl.filled_to
    assert place is not None
    assert 0 < expiries(world) < count
    # A crash in between costs nothing, and writes meanwhile are seen wherever they fall.
    world.reopen()
    assert world.table("u").ttl.filled_to == place
    for n in range(0, count, 100):
        put(world, str(n), {"N": str(NOW + 100)}, "u")
        put(world, f"new{n}", {"N": str(NOW)}, "u")
    finish(world)
    assert world.table("u").ttl.filled_to is None
    added = len(range(0, count, 100))
    assert expiries(world) == count + added
    world.clock.advance(1)
    assert finish(world) >= 1, "one piece deletes no more than its rows"
    assert len(left(world, "u")) == len(range(1, count, 50)) + added


def test_a_piece_is_bounded_by_bytes_too(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TICK_BYTES_MAX", 1000)
    for n in range(5):
        put(world, str(n), {"N": str(NOW - 1)}, x={"S": "x" * 600})
    assert world.run(ttl.ttl_tick)
    assert len(left(world)) == 3
    enable_again(world)
    assert world.run(ttl.ttl_tick)
    assert world.run(ttl.ttl_tick)
    finish(world)
    assert left(world) == []


def enable_again(world: Any) -> None:
    disable(world)
    enable(world)


def test_tables_take_turns(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create("u", schema=world.keys("pk"))
    enable(world, "u")
    finish(world)
    monkeypatch.setattr(limits, "TICK_ROWS_MAX", 1)
    monkeypatch.setattr(ttl, "_STEP_ROWS", 1)
    for n in range(3):
        put(world, str(n), {"N": str(NOW - 1)}, "t")
        put(world, str(n), {"N": str(NOW - 1)}, "u")
    seen = []
    while world.run(ttl.ttl_tick):
        seen.append((len(left(world, "t")), len(left(world, "u"))))
    # The end of a round does nothing, and begins the next.
    assert seen[:4] == [(2, 3), (2, 2), (2, 2), (1, 2)]
    assert left(world, "t") == left(world, "u") == []


def test_disabling_stops_it_and_removes_the_rows(world: Any) -> None:
    put(world, "a", {"N": str(NOW + 1)})
    disable(world)
    put(world, "b", {"N": str(NOW + 1)})
    world.clock.advance(10)
    world.reopen()
    assert ttl.ttl_due(world.engine)
    finish(world)
    assert not ttl.ttl_due(world.engine)
    assert left(world) == ["a", "b"]
    assert expiries(world) == 0
    put(world, "c", {"N": str(NOW + 1)})
    assert expiries(world) == 0


def test_another_attribute_starts_afresh(world: Any) -> None:
    put(world, "old", {"N": str(NOW + 1)}, f={"N": str(NOW + 99)})
    put(world, "new", {"N": str(NOW + 99)}, f={"N": str(NOW + 1)})
    disable(world)
    enable(world, attribute="f")
    world.clock.advance(10)
    finish(world)
    assert left(world) == ["old"]
    assert world.rows("SELECT expires_s FROM expiry") == [(NOW + 99,)]


def test_a_dropped_table_leaves_no_rows(world: Any) -> None:
    world.create("u", schema=world.keys("pk"))
    enable(world, "u")
    finish(world)
    put(world, "a", {"N": str(NOW + 1)})
    put(world, "b", {"N": str(NOW + 1)}, "u")
    world.delete("t")
    world.clock.advance(10)
    while world.run(drop_tick):
        pass
    assert expiries(world) == 1
    finish(world)
    assert left(world, "u") == []
    assert records(world) == [("INSERT", False, "a")]


def test_a_clock_that_jumps_ahead_by_mistake_deletes_nothing(world: Any) -> None:
    put(world, "a", {"N": str(NOW + 60)})
    step = (limits.CLOCK_STEP_SECONDS_MAX + 100) * 1000
    world.clock.stepped = step
    world.clock.advance(step / 1000)
    finish(world)
    assert left(world) == ["a"]
    world.engine.horizon.confirm()
    finish(world)
    assert left(world) == []


def test_nothing_expires_while_the_change_is_shown_as_under_way(worlds: Any) -> None:
    world = worlds(transition_seconds=30)
    world.create(schema=world.keys("pk"))
    put(world, "a", {"N": str(NOW - 1)})
    enable(world)
    finish(world)
    assert left(world) == ["a"]
    world.clock.advance(30)
    finish(world)
    assert left(world) == []


def test_a_store_without_time_to_live_has_nothing_due(worlds: Any) -> None:
    world = worlds()
    world.create()
    assert not ttl.ttl_due(world.engine)
    assert not world.run(ttl.ttl_tick)
    enable(world)
    assert ttl.ttl_due(world.engine)
    world.reopen()
    assert ttl.ttl_due(world.engine)


def test_keys_of_every_type_are_found_again(worlds: Any) -> None:
    world = worlds()
    for name, schema, key in (
        ("num", ("id:N", "bin:B"), {"id": {"N": "-2.5"}, "bin": {"B": b"\x00\xff"}}),
        ("str", ("pk", "sk"), {"pk": {"S": "é😀"}, "sk": {"S": "\x00"}}),
    ):
        world.create(name, schema=world.keys(*schema), view_type="KEYS_ONLY")
        enable(world, name)
        world.put({**key, "e": {"N": str(NOW - 1)}}, table=world.table(name))
        finish(world)
        (body,) = world.rows("SELECT body FROM record ORDER BY record_id DESC")[0]
        event, _, by_service, keys, _, _ = unpack_record(body)
        assert (event, by_service, keys) == ("REMOVE", True, key)
        assert left_rows(world, name) == 0


def left_rows(world: Any, name: str) -> int:
    table_id = world.table(name).table_id
    return int(world.rows("SELECT count(*) FROM item WHERE table_id = ?", table_id)[0][0])


def test_expiring_is_a_duty_of_an_open_store_and_wakes_it(world: Any) -> None:
    put(world, "a", {"N": str(NOW + 1)})
    store = SimpleNamespace(
        engine=world.engine,
        writer=world.writer,
        readers=SimpleNamespace(transaction=world.reading),
        maintenance=None,
    )
    while background.run_due(store):
        pass
    assert left(world) == ["a"]
    world.clock.advance(2)
    while background.run_due(store):
        pass
    assert left(world) == []
    with world.reading() as rx:
        assert background.is_due(world.engine, rx)
