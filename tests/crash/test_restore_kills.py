"""The process dies at every step of a backup, a restore and an adoption: there is the old state or
the new one, and running the same again gives the new one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore import restoring
from streamstore.errors import TailLost
from streamstore.storage import copies, failpoints

ITEMS = 40


@pytest.fixture(autouse=True)
def nothing_armed() -> Iterator[None]:
    yield
    failpoints.disarm()


def steps_of(action: Callable[[], None]) -> list[str]:
    """Every crash point that the action passes, in order."""
    passed: list[str] = []
    for name in failpoints.POINTS:
        failpoints.arm(name, lambda name=name: passed.append(name))  # type: ignore[misc]
    action()
    failpoints.disarm()
    return passed


def die_at(step: int, action: Callable[[], None]) -> None:
    """Run in a forked child that ends, without another word, at that crash point of its way."""
    pid = os.fork()
    if pid == 0:
        left = iter(range(step))

        def strike() -> None:
            if next(left, None) is None:
                os._exit(77)

        for name in failpoints.POINTS:
            failpoints.arm(name, strike)
        try:
            action()
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 77


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A store with two tables, a stream each, closed."""
    path = tmp_path / "source.db"
    with streamstore.open(path, background=False, first_partitions=2) as store:
        for name in ("left", "right"):
            store.client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            )
            for number in range(ITEMS):
                store.client.put_item(TableName=name, Item={"id": {"S": str(number)}})
    return path


def content(path: Path) -> dict[str, Any]:
    """What a store holds: items and enabled stream by table, and all streams."""
    with streamstore.open(path, background=False) as store:
        client = store.client
        arns = [stream["StreamArn"] for stream in store.call("ListStreams", {})["Streams"]]
        tables = {}
        for name in client.list_tables()["TableNames"]:
            described = client.describe_table(TableName=name)["Table"]
            assert described["StreamSpecification"]["StreamEnabled"]
            count = client.scan(TableName=name)["Count"]
            tables[name] = (count, described["LatestStreamArn"])
            # It takes writes, and tells of them.
            before = sum(shard.record_count for shard in store.shards(name))
            client.delete_item(TableName=name, Key={"id": {"S": "0"}})
            client.put_item(TableName=name, Item={"id": {"S": "0"}})
            assert sum(shard.record_count for shard in store.shards(name)) == before + 2
        return {"tables": tables, "streams": sorted(arns)}


def test_killed_at_any_step_of_a_restore_there_is_no_store_or_the_whole_of_one(
    source: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    copies.back_up(str(source), backup)
    steps = steps_of(lambda: _done(restoring.restore(backup, tmp_path / "counted.db")))
    assert {"backup-unpacked", "group-before-commit", "backup-renewed", "fresh-built"} <= {*steps}
    seen = set()
    for step in range(len(steps)):
        target = tmp_path / f"target-{step}.db"
        die_at(step, lambda target=target: _done(restoring.restore(backup, target)))  # type: ignore[misc]
        seen.add(target.exists())
        if not target.exists():
            restoring.restore(backup, target)
        found = content(target)
        assert {name: count for name, (count, _) in found["tables"].items()} == {
            "left": ITEMS,
            "right": ITEMS,
        }
        assert len(found["streams"]) == 4, "each table has its ended stream and its new one"
        left = [it.name for it in tmp_path.iterdir() if it.name.startswith(target.name)]
        assert sorted(left) == [target.name, f"{target.name}.lock"]
    assert seen == {False, True}


def test_killed_at_any_step_of_an_adoption_the_file_is_still_refused_or_the_new_one(
    source: Path, tmp_path: Path
) -> None:
    """An older copy has taken the place of a store that had come further, as its lock file says."""
    older = tmp_path / "older.db"
    shutil.copyfile(source, older)
    old = {arn for _, arn in content(source)["tables"].values()}  # which also writes
    lock = Path(f"{source}.lock").read_bytes()

    def put_back(target: Path) -> None:
        shutil.copyfile(older, target)
        Path(f"{target}.lock").write_bytes(lock)

    counted = tmp_path / "counted.db"
    put_back(counted)
    steps = steps_of(lambda: _done(restoring.adopt(counted)))
    assert {"group-before-commit", "group-after-commit"} <= {*steps}
    seen = set()
    for step in range(len(steps)):
        target = tmp_path / f"target-{step}.db"
        put_back(target)
        die_at(step, lambda target=target: _done(restoring.adopt(target)))  # type: ignore[misc]
        with streamstore.open(target, background=False) as store:
            refused = isinstance(getattr(store.latched, "cause", None), TailLost)
            arns = {it["StreamArn"] for it in store.call("ListStreams", {})["Streams"]}
        assert arns == old if refused else len(arns - old) == len(old) == 2
        seen.add(refused)
        if refused:
            restoring.adopt(target)
        enabled = {arn for _, arn in content(target)["tables"].values()}
        assert not enabled & old
    assert seen == {False, True}


def test_killed_at_any_step_of_a_backup_there_is_none_or_the_whole_of_one(
    source: Path, tmp_path: Path
) -> None:
    steps = steps_of(lambda: _done(copies.back_up(str(source), tmp_path / "counted.db")))
    assert "backup-copied" in steps
    for step in range(len(steps)):
        target = tmp_path / f"backup-{step}.db"
        die_at(step, lambda target=target: _done(copies.back_up(str(source), target)))  # type: ignore[misc]
        if not target.exists():
            copies.back_up(str(source), target)
        with copies.reading(target) as connection:
            copies.verified(connection)
        assert not list(tmp_path.glob(f"{target.name}?*"))


def _done(result: object) -> None:
    assert result is not None
