"""Query and Scan against a sorted list: order, ranges, both directions, any start, segments, large
bodies.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.hashing import partition_hash
from streamstore.codec.keys import encode
from streamstore.codec.numbers import compare
from streamstore.codec.sizes import item_size
from streamstore.engine.tables.pages import query, query_whole, scan, scan_whole
from streamstore.engine.tables.positions import page_key, query_start, scan_start
from streamstore.errors import Corrupted
from streamstore.expressions import KeyRange
from streamstore.storage import statements_tables as sql

NUMBERS = st.integers(-3, 3)
OPERATORS = st.sampled_from(["=", "<", "<=", ">", ">=", "BETWEEN"])


def number(value: int) -> Any:
    return {"N": str(value)}


def holds(operator: str, value: int, operands: list[int]) -> bool:
    return {
        "=": value == operands[0],
        "<": value < operands[0],
        "<=": value <= operands[0],
        ">": value > operands[0],
        ">=": value >= operands[0],
        "BETWEEN": operands[0] <= value <= operands[1],
    }[operator]


def condition(operator: str, operands: list[int]) -> Any:
    return operator, [number(o) for o in operands[: 2 if operator == "BETWEEN" else 1]]


@pytest.fixture(scope="module")
def filled(worlds: Any) -> Any:
    """A table of items (pk, sk:N) of all pairs, with indexes in which many share one key."""
    world = worlds()
    world.create(
        schema=world.keys("pk", "sk:N"),
        indexes=(
            world.index("ties", world.keys("g", "t:N"), "INCLUDE", "kept"),
            world.index("parts", world.keys("g", "t:N", "u", "w", hashes=1)),
            world.index("local", world.keys("pk", "t:N"), "KEYS_ONLY", kind="LSI"),
        ),
    )
    for pk in "abcd":
        for sk in range(-3, 4):
            item = {
                "pk": {"S": pk},
                "sk": number(sk),
                "g": {"S": "one" if pk < "c" else "two"},
                "t": number(sk % 2),
                "u": {"S": "uv"[sk % 2]},
                "w": {"S": f"w{abs(sk)}"},
                "kept": {"S": pk + str(sk)},
                "filler": {"S": "x" * (900 if sk == 2 else 10)},
            }
            world.put(item)
    return world


def everything(world: Any) -> list[Any]:
    with world.reading() as rx:
        return [item for item, _ in scan(rx, world.table(), None)]


@settings(max_examples=150, deadline=None)
@given(
    operator=st.none() | OPERATORS,
    operands=st.tuples(NUMBERS, NUMBERS).map(sorted),
    forward=st.booleans(),
    start=st.none() | st.integers(-5, 5),
)
def test_a_query_gives_the_items_of_its_range_in_order_after_any_position(
    filled: Any, operator: str | None, operands: list[int], forward: bool, start: int | None
) -> None:
    table = filled.table()
    conditions = () if operator is None else (condition(operator, operands),)
    key_range = KeyRange({"pk": {"S": "b"}}, conditions)
    position = None
    if start is not None:
        # Even where the caller's check would refuse it, reading goes on after the position.
        sk = encode(number(start))
        position = (partition_hash(encode({"S": "b"})), encode({"S": "b"}), sk)
    expected = [
        sk
        for sk in range(-3, 4)
        if (operator is None or holds(operator, sk, operands))
        and (start is None or (sk > start if forward else sk < start))
    ]
    with filled.reading() as rx:
        found = list(query(rx, table, None, key_range, forward, position))
    assert [int(item["sk"]["N"]) for item, _ in found] == expected[:: 1 if forward else -1]
    assert all(item["pk"] == {"S": "b"} and size == item_size(item) for item, size in found)


@settings(max_examples=100, deadline=None)
@given(
    operator=st.none() | OPERATORS,
    operands=st.tuples(NUMBERS, NUMBERS).map(sorted),
    forward=st.booleans(),
    page=st.integers(1, 5),
)
def test_pages_of_an_index_query_lose_no_ties_and_repeat_none(
    filled: Any, operator: str | None, operands: list[int], forward: bool, page: int
) -> None:
    table = filled.table()
    ties = table.index("ties")
    conditions = () if operator is None else (condition(operator, operands),)
    key_range = KeyRange({"g": {"S": "one"}}, conditions)
    found: list[Any] = []
    position = None
    while True:
        with filled.reading() as rx:
            rows = query(rx, table, ties, key_range, forward, position)
            taken = [item for item, _ in (row for row, _ in zip(rows, range(page), strict=False))]
        found += taken
        if len(taken) < page:
            break
        position = query_start(table, ties, key_range, page_key(table, ties, taken[-1]))
    expected = sorted(
        (
            (int(i["t"]["N"]), i["pk"]["S"], int(i["sk"]["N"]))
            for i in everything(filled)
            if i["g"] == {"S": "one"}
            and (operator is None or holds(operator, int(i["t"]["N"]), operands))
        ),
        reverse=not forward,
    )
    places = [(int(i["t"]["N"]), i["pk"]["S"], int(i["sk"]["N"])) for i in found]
    assert places == expected
    assert all(set(i) == {"pk", "sk", "g", "t", "kept"} for i in found)


U_OF_0: list[Any] = [("=", [number(0)]), ("=", [{"S": "u"}])]
PARTS: list[tuple[list[Any], Any]] = [
    ([("=", [number(1)])], lambda t, u, w: t == 1),
    ([("<", [number(1)])], lambda t, u, w: t < 1),
    ([(">", [number(0)])], lambda t, u, w: t > 0),
    ([("<=", [number(0)])], lambda t, u, w: t <= 0),
    ([(">=", [number(1)])], lambda t, u, w: t >= 1),
    ([("BETWEEN", [number(0), number(1)])], lambda t, u, w: True),
    ([("=", [number(1)]), ("begins_with", [{"S": "v"}])], lambda t, u, w: t == 1 and u == "v"),
    ([*U_OF_0, (">", [{"S": "w1"}])], lambda t, u, w: t == 0 and w > "w1"),
    ([*U_OF_0, ("begins_with", [{"S": "w2"}])], lambda t, u, w: t == 0 and w == "w2"),
    ([*U_OF_0, ("BETWEEN", [{"S": "w0"}] * 2)], lambda t, u, w: t == 0 and w == "w0"),
    ([("=", [number(0)]), ("<=", [{"S": "u"}])], lambda t, u, w: t == 0),
    ([("=", [number(0)]), (">", [{"S": "u"}])], lambda t, u, w: False),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "holds_for"), PARTS)
def test_a_query_of_several_key_parts_gives_exactly_its_range(
    filled: Any, conditions: list[Any], holds_for: Any
) -> None:
    table = filled.table()
    key_range = KeyRange({"g": {"S": "two"}}, tuple(conditions))
    expected = sorted(
        (int(i["t"]["N"]), i["u"]["S"], i["w"]["S"], i["pk"]["S"], int(i["sk"]["N"]))
        for i in everything(filled)
        if i["g"] == {"S": "two"} and holds_for(int(i["t"]["N"]), i["u"]["S"], i["w"]["S"])
    )
    with filled.reading() as rx:
        found = [item for item, _ in query(rx, table, table.index("parts"), key_range)]
    places = [
        (int(i["t"]["N"]), i["u"]["S"], i["w"]["S"], i["pk"]["S"], int(i["sk"]["N"])) for i in found
    ]
    assert places == expected


@pytest.mark.parametrize(
    ("stored", "beginning", "found"),
    [
        (["a", "ab", "abc", "b", "aé"], "a", ["a", "ab", "abc", "aé"]),
        (["a", "ab", "b"], "ab", ["ab"]),
        (["a\x00", "a", "a\U0010ffff"], "a", ["a", "a\x00", "a\U0010ffff"]),
        (["\U0010ffff", "\U0010fffe"], "\U0010ffff", ["\U0010ffff"]),
    ],
)
def test_begins_with_gives_the_texts_that_do(
    world: Any, stored: list[str], beginning: str, found: list[str]
) -> None:
    table = world.create()
    for text in stored:
        world.put({"pk": {"S": "p"}, "sk": {"S": text}})
    key_range = KeyRange({"pk": {"S": "p"}}, (("begins_with", [{"S": beginning}]),))
    with world.reading() as rx:
        assert [i["sk"]["S"] for i, _ in query(rx, table, None, key_range)] == found


@pytest.mark.parametrize("name", [None, "ties", "parts", "local"])
@pytest.mark.parametrize("total", [1, 2, 7])
def test_segments_are_disjoint_ordered_and_together_the_whole(
    filled: Any, name: str | None, total: int
) -> None:
    table = filled.table()
    index = None if name is None else table.index(name)
    seen: list[Any] = []
    for segment in range(total):
        position = None
        while True:
            with filled.reading() as rx:
                rows = scan(rx, table, index, segment, total, position)
                taken = [item for item, _ in (row for row, _ in zip(rows, range(3), strict=False))]
            seen += [page_key(table, index, item) for item in taken]
            if len(taken) < 3:
                break
            position = scan_start(table, index, seen[-1], segment, total)
    keys = [(key["pk"]["S"], key["sk"]["N"]) for key in seen]
    assert len(keys) == len(set(keys)) == 28
    hashed = table.keys.hash[0].name if index is None else index.keys.hash[0].name
    hashes = [partition_hash(encode(key[hashed])) for key in seen]
    assert hashes == sorted(hashes)


@pytest.mark.parametrize("forward", [True, False])
def test_an_lsi_read_whole_gives_the_item_beside_each_entry(filled: Any, forward: bool) -> None:
    table = filled.table()
    local = table.index("local")
    key_range = KeyRange({"pk": {"S": "a"}}, ())
    whole = {(i["pk"]["S"], i["sk"]["N"]): i for i in everything(filled)}
    with filled.reading() as rx:
        queried = list(query_whole(rx, table, local, key_range, forward))
        entries = list(query(rx, table, local, key_range, forward))
        scanned = list(scan_whole(rx, table, local))
    assert [(entry, size) for entry, size, _, _ in queried] == entries
    assert (len(queried), len(scanned)) == (7, 28)
    for entry, size, item, bytes_of_item in queried + scanned:
        assert item == whole[entry["pk"]["S"], entry["sk"]["N"]]
        assert entry == {name: item[name] for name in ("pk", "sk", "t")}
        assert (size, bytes_of_item) == (item_size(entry), item_size(item))


def test_a_generator_that_is_left_early_keeps_nothing_open(filled: Any) -> None:
    with filled.reading() as rx:
        rows = scan(rx, filled.table(), None)
        next(rows)
        rows.close()
        assert not filled.connection.in_transaction


def test_a_lost_body_is_damage_and_not_a_missing_item(world: Any) -> None:
    table = world.create()
    world.put({"pk": {"S": "p"}, "sk": {"S": "s"}, "v": {"S": "x" * 2000}})
    world.rows("DELETE FROM large_body")
    with world.reading() as rx, pytest.raises(Corrupted):
        list(scan(rx, table, None))
    with world.reading() as rx, pytest.raises(Corrupted):
        list(query(rx, table, None, KeyRange({"pk": {"S": "p"}}, ())))


def test_every_range_statement_is_answered_from_the_primary_key_without_sorting(world: Any) -> None:
    for statement in (
        sql.ITEM,
        sql.ITEM_UPDATE,
        sql.ITEM_DELETE,
        sql.ITEMS_FORWARD,
        sql.ITEMS_BACKWARD,
        sql.ITEMS_SCAN,
        sql.ITEMS_PIECE,
        sql.ITEMS_LEFT,
        sql.ITEMS_REMOVE,
        sql.COLLECTION_BYTES,
        sql.ENTRY_UPDATE,
        sql.ENTRY_UPDATE_INLINE,
        sql.ENTRY_DELETE,
        sql.ENTRIES_FORWARD,
        sql.ENTRIES_BACKWARD,
        sql.ENTRIES_SCAN,
        sql.ENTRIES_LEFT,
        sql.ENTRIES_REMOVE,
        sql.ENTRIES_COLLECTION_BYTES,
    ):
        marks = statement.count("?")
        plan = [row[3] for row in world.rows(f"EXPLAIN QUERY PLAN {statement}", *[b""] * marks)]
        steps = [step for step in plan if "large_body" not in step and "SUBQUERY" not in step]
        assert any("USING PRIMARY KEY" in step for step in steps), (statement, plan)
        assert not any("SCAN" in step and "(subquery" not in step for step in steps), plan
        if ">= (?" in statement:
            assert any(")>(?" in step for step in steps), (statement, plan)
        assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)


def test_numbers_of_keys_are_read_in_numeric_order(world: Any) -> None:
    table = world.create(schema=world.keys("pk", "sk:N"))
    texts = ["0", "-1", "1", "10", "9", "-10", "0.5", "1e20", "-0.25"]
    for text in texts:
        world.put({"pk": {"S": "p"}, "sk": {"N": text}})
    with world.reading() as rx:
        rows = query(rx, table, None, KeyRange({"pk": {"S": "p"}}, ()))
        found = [item["sk"]["N"] for item, _ in rows]
    assert all(compare(a, b) < 0 for a, b in pairwise(found))
    assert len(found) == len(texts)
