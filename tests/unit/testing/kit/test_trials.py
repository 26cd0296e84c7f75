"""The kit finds the bug that was planted, says where, finds it again, and leaves what is right
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamstore.testing import Broken, Place, crashes, power_losses

TABLE: dict[str, Any] = {
    "TableName": "users",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


def inserts(synchronous: str) -> Callable[[Place], None]:
    def work(place: Place) -> None:
        db = place.connect()
        db.execute(f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}").fetchall()
        db.execute("CREATE TABLE t (n)")
        for n in range(5):
            db.execute("INSERT INTO t VALUES (?)", (n,))
            place.acknowledge(n)

    return work


def rows_are_there(place: Place, acknowledged: list[Any]) -> None:
    if not acknowledged:
        return
    rows: list[Any] = place.connect().execute("SELECT n FROM t").fetchall()
    assert {n for (n,) in rows} >= set(acknowledged)


def test_what_is_synced_survives_every_power_loss_and_kill() -> None:
    assert power_losses(inserts("FULL"), rows_are_there).images > 50
    assert crashes(inserts("FULL"), rows_are_there).operations > 20


def test_what_is_not_synced_is_found_missing_at_the_same_place_again() -> None:
    with pytest.raises(Broken) as first:
        power_losses(inserts("NORMAL"), rows_are_there, seed=3)
    with pytest.raises(Broken) as second:
        power_losses(inserts("NORMAL"), rows_are_there, seed=3)
    assert first.value.acknowledged
    assert (first.value.position, first.value.how) == (second.value.position, second.value.how)
    assert "seed 3" in str(first.value)
    # No kill shows a missing sync: the system keeps what was written.
    crashes(inserts("NORMAL"), rows_are_there)


def test_a_kill_between_two_commits_shows_half_of_what_belongs_together() -> None:
    def work(place: Place) -> None:
        db = place.connect()
        db.execute("PRAGMA journal_mode=WAL").fetchall()
        db.execute("CREATE TABLE a (n); CREATE TABLE b (n)")
        db.execute("INSERT INTO a VALUES (1)")
        db.execute("INSERT INTO b VALUES (1)")

    def both_or_none(place: Place, acknowledged: list[Any]) -> None:
        db = place.connect()
        counts = {}
        for table in ("a", "b"):
            there: list[Any] = db.execute(
                "SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)
            ).fetchall()
            rows: list[Any] = db.execute(f"SELECT * FROM {table}").fetchall() if there else []
            counts[table] = len(rows)
        assert counts["a"] == counts["b"]

    with pytest.raises(Broken, match="killed before"):
        crashes(work, both_or_none)


def test_a_store_is_tried_like_any_database() -> None:
    def work(place: Place) -> None:
        store = place.store()
        store.client.create_table(**TABLE)
        for n in range(4):
            store.client.put_item(TableName="users", Item={"id": {"S": str(n)}})
            place.acknowledge(str(n))

    def items_and_records(place: Place, acknowledged: list[Any]) -> None:
        if not acknowledged:
            return
        store = place.store()
        items = store.client.scan(TableName="users")["Items"]
        assert {item["id"]["S"] for item in items} >= set(acknowledged)
        assert len(store.follow("users", "trim-horizon").turn()) == len(items)

    assert power_losses(work, items_and_records, images_max=200).images == 200
    assert crashes(work, items_and_records).images > 20


def test_only_work_acknowledges() -> None:
    with pytest.raises(Broken, match="only work acknowledges"):
        power_losses(inserts("FULL"), lambda place, told: place.acknowledge(1))


def test_what_the_work_itself_raises_comes_through() -> None:
    def work(place: Place) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        power_losses(work, rows_are_there)
