"""Single items, and the sizes of collections, tables and indexes."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec.sizes import item_size
from streamstore.engine.tables.items import collection_bytes, get, index_totals, table_totals
from streamstore.errors import Corrupted


def item(pk: str, sk: str, size: int = 5, **more: Any) -> Any:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "v": {"S": "x" * size}, **more}


def test_an_item_is_read_with_its_size_whether_its_body_is_inline_or_not(world: Any) -> None:
    table = world.create()
    for size in (5, 5000):
        world.put(item("p", "s", size))
        with world.reading() as rx:
            found = get(rx, table, world.key_of({"pk": {"S": "p"}, "sk": {"S": "s"}}))
        assert found == (item("p", "s", size), item_size(item("p", "s", size)))
    world.rows("DELETE FROM large_body")
    with world.reading() as rx, pytest.raises(Corrupted):
        get(rx, table, world.key_of({"pk": {"S": "p"}, "sk": {"S": "s"}}))


def test_a_collection_counts_its_items_and_their_local_entries_only(world: Any) -> None:
    table = world.create(
        indexes=(
            world.index("local", world.keys("pk", "l"), "KEYS_ONLY", kind="LSI"),
            world.index("global", world.keys("l")),
        )
    )
    items = [item("p", "a", 900), item("p", "b", l={"S": "x"}), item("q", "a", l={"S": "x"})]
    for each in items:
        world.put(each)
    entry = {name: items[1][name] for name in ("pk", "sk", "l")}
    with world.reading() as rx:
        found = collection_bytes(rx, table, world.key_of({"pk": {"S": "p"}, "sk": {"S": "zz"}}))
        assert found == item_size(items[0]) + item_size(items[1]) + item_size(entry)
        assert table_totals(rx, table) == (3, sum(map(item_size, items)))
        assert index_totals(rx, table.index("global")) == (2, sum(map(item_size, items[1:])))


def test_a_table_without_local_indexes_has_no_collections(world: Any) -> None:
    table = world.create(indexes=(world.index("global", world.keys("l")),))
    world.put(item("p", "a", l={"S": "x"}))
    with world.reading() as rx:
        assert collection_bytes(rx, table, world.key_of({"pk": {"S": "p"}, "sk": {"S": "a"}})) == 0
