"""A table into SQLite and PostgreSQL: the copy, and 20,000 changes of its stream.

    pytest bench/bench_sinks.py --benchmark-only -s

One process reads the store, converts and writes. PostgreSQL is a private cluster on a socket, with
its syncs (fsync on); without a server those rows are left out. The last column is what counts:
records a second.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.consumers.sinks import replicate
from streamstore.consumers.sinks.relational import RelationalSink

ITEMS = 20_000


def item(rnd: random.Random, number: int) -> dict[str, Any]:
    return {
        "id": {"S": f"order#{number}"},
        "customer": {"S": f"customer {rnd.randrange(1000)}"},
        "total": {"N": f"{rnd.randrange(10**6)}.{rnd.randrange(1, 10)}"},
        "paid": {"BOOL": True},
        "note": {"S": "x" * 200},
        "lines": {"L": [{"M": {"sku": {"S": "a1"}, "count": {"N": "3"}}} for _ in range(3)]},
    }


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql")
    folder = tempfile.mkdtemp(prefix="streamstore-bench-", dir="/tmp")
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *words: str) -> None:
        command = [found[-1] / program, "-D", f"{folder}/data", *words]
        subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, check=True, **user)

    run("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C")
    options = f"-k {folder} -c listen_addresses=''"
    run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", options)
    yield f"postgresql://tester@/postgres?host={folder}"
    run("pg_ctl", "stop", "-w", "-m", "fast")
    shutil.rmtree(folder)


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'target.db'}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "shop.db", background=False) as store:
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield store


def write(store: streamstore.Store, numbers: list[int]) -> None:
    rnd = random.Random(1)
    for at in range(0, len(numbers), 500):
        store.call_many(
            [
                ("PutItem", {"TableName": "orders", "Item": item(rnd, number)})
                for number in numbers[at : at + 500]
            ]
        )


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("part", ["copy", "stream"])
def test_replicate(
    benchmark: Any, store: streamstore.Store, request: Any, database: str, part: str
) -> None:
    sink = RelationalSink(request.getfixturevalue(database), table=part)
    if part == "stream":
        replicate(store, "orders", sink, once=True)
    write(store, random.Random(2).sample(range(ITEMS), ITEMS))
    benchmark.pedantic(replicate, (store, "orders", sink), {"once": True}, rounds=1, iterations=1)
    sink.close()
    rate = ITEMS / benchmark.stats["mean"]
    benchmark.extra_info["records_per_second"] = round(rate)
    print(f"\n{database} {part}: {rate:,.0f} records/s")
