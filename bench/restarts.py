#!/usr/bin/env python3
"""Restart to first reply after SIGKILL under load, with a file of some size.

    python bench/restarts.py [--bytes 1000000000] [--kills 100] [--folder DIR]

A store is filled with items of 1,500 bytes and their change records until its file is that large;
then the campaign of `streamstore torture --kind server` kills its server under load that many
times, and checks after each restart what was acknowledged. Printed: the campaign's figures, among
them restart_p50_ms and restart_p99_ms, from the start of the process to the first reply.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from time import perf_counter

import streamstore
from streamstore.testing.campaigns import Report
from streamstore.testing.server_kills import Lives

BATCH = 256


def fill(path: Path, size_bytes: int) -> None:
    """A table with a stream, and items in random order until the file is large enough."""
    rng = Random(1)
    with streamstore.open(path, background=False) as store:
        store.client.create_table(
            TableName="filler",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        while os.stat(path).st_size < size_bytes:
            puts = [
                {"id": {"S": str(rng.getrandbits(64))}, "body": {"S": "x" * 1500}}
                for _ in range(BATCH)
            ]
            store.call_many([("PutItem", {"TableName": "filler", "Item": it}) for it in puts])
            store.tick()


def main() -> None:
    """Fill, kill, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="restarts-", dir=arguments.folder) as folder:
        path = Path(folder) / "store.db"
        started = perf_counter()
        fill(path, arguments.bytes)
        filled = f"filled {path.stat().st_size:,} bytes in {perf_counter() - started:.0f} s"
        print(filled, file=sys.stderr)
        report = Report("server", arguments.seed)
        lives = Lives(report, Random(arguments.seed), [], lambda line: None, db=str(path))
        with lives:
            lives.run(float("inf"), lives_max=arguments.kills)
        print(json.dumps({"file_bytes": path.stat().st_size, **report.plain()}))
        raise SystemExit(bool(report.violations))


if __name__ == "__main__":
    main()
