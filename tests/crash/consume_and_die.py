"""The process that test_consumers_chaos kills: it writes, consumes, splits and trims at once.

Run as `python consume_and_die.py FOLDER ROUND`. A line "key n" goes to `written` after each put's
reply, a line "function key n" to `delivered` at each delivery, both by one write(2).
"""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

import streamstore
from streamstore.consumers import checkpoints
from streamstore.consumers.runtime import Consumers
from streamstore.engine.streams import sequence
from streamstore.errors import ResourceNotFound, StoreError, ValidationFailed

TABLE = "chaos"
KEYS = 12
# (function, parameters): one lane, several lanes, small halves of failing batches, reports.
MAPPINGS: dict[str, dict[str, Any]] = {
    "plain": {"batch_size": 7},
    "lanes": {"batch_size": 5, "parallelization_factor": 4},
    "halves": {"batch_size": 8, "bisect": True, "parallelization_factor": 2},
    "reports": {"batch_size": 10, "report_item_failures": True},
}


def open_store(folder: Path) -> streamstore.Store:
    store = streamstore.open(folder / "chaos.db", split_policy="manual", first_partitions=2)
    if TABLE not in store.client.list_tables()["TableNames"]:
        store.client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
    return store


def mapped(store: streamstore.Store, folder: Path, failing: float, **more: Any) -> Consumers:
    """The consumers of all mappings; each invocation fails with that probability."""
    consumers = Consumers(store, **more)
    log = os.open(folder / "delivered", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    rnd = random.Random()

    def handler_of(name: str) -> Any:
        def handler(event: dict[str, Any], context: object) -> Any:
            for record in event["Records"]:
                item = record["dynamodb"]["NewImage"]
                os.write(log, f"{name} {item['pk']['S']} {item['n']['N']}\n".encode())
                if rnd.random() < failing / len(event["Records"]):
                    if name == "reports":
                        number = record["dynamodb"]["SequenceNumber"]
                        return {"batchItemFailures": [{"itemIdentifier": number}]}
                    raise RuntimeError("as it happens")
            return {"batchItemFailures": []}

        return handler

    for name, parameters in MAPPINGS.items():
        consumers.on(TABLE, name=name, **parameters)(handler_of(name))
    return consumers


def write(store: streamstore.Store, folder: Path, base: int) -> None:
    log = os.open(folder / "written", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    rnd = random.Random(base)
    for number in range(base, base + 10**6):
        key = f"key{rnd.randrange(KEYS)}"
        item = {"pk": {"S": key}, "n": {"N": str(number)}}
        store.call("PutItem", {"TableName": TABLE, "Item": item})
        os.write(log, f"{key} {number}\n".encode())


def disturb(store: streamstore.Store, consumers: Consumers, seed: int) -> None:
    """Split now and then, and trim what every mapping is done with."""
    rnd = random.Random(seed)
    pause = threading.Event()
    while True:
        pause.wait(rnd.random() * 0.1)
        try:
            if rnd.random() < 0.3 and len(store.engine.catalog.table(TABLE).open_shards) < 12:
                shards = store.engine.catalog.table(TABLE).open_shards
                store.split_shard(TABLE, rnd.choice(shards).name)
            else:
                trim(store, consumers)
        except (ValidationFailed, ResourceNotFound):
            continue


def trim(store: streamstore.Store, consumers: Consumers) -> None:
    with store.readers.transaction() as rx:
        rows = [checkpoints.load(rx, mapping.mapping_id) for mapping in consumers.mappings.all()]
    for shard in store.shards(TABLE):
        info = shard.info
        own = [found.get(info.shard_id) for found in rows]
        if any(row is None for row in own):
            continue
        done = min(row.sequence for row in own if row is not None)
        finished = all(row is not None and row.finished_ms is not None for row in own)
        through = sequence.wire(info.depth, done)
        store.control.trim(TABLE, info.name, through=through, forget=finished)


def main(folder: Path, base: int) -> None:
    store = open_store(folder)
    with mapped(store, folder, 0.02) as consumers:
        threading.Thread(target=disturb, args=(store, consumers, base), daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        try:
            write(store, folder, base)
        except StoreError as error:
            sys.stdout.write(f"failed {error!r}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) * 10**6)
