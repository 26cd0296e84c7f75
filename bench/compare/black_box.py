#!/usr/bin/env python3
"""What servers lose: SIGKILL, a re-created table, more than nine records, 24 hours; us and peers.

    python bench/compare/black_box.py [--kills 6] [--peers FOLDER] [--only NAME …] [--json]

The same requests to every server, over HTTP, each on files of its own with its default durability;
only what was seen is printed. Peers are looked for in FOLDER (default ~/.cache/streamstore-peers;
run.py --install puts dynoxide and DynamoDB Local there): moto as FOLDER/venv/bin/moto_server, made
by `python -m venv FOLDER/venv && FOLDER/venv/bin/pip install 'moto[server]'`. The 24 hours need
Debian's `faketime`: a server is ended and started again with its clock moved (moto, which keeps
nothing on disk, gets its clock moved while it runs); without it they are not tested.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from questions import Door, Refused, image, make_table, read_stream, stream_of
from run import READY_SECONDS_MAX, commands

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
WRITERS = 4  # threads that put; half as many run transactions
LOAD_SECONDS = (0.4, 1.2)
WARM_PUTS, WARM_SECONDS_MAX = 50, 20  # acknowledged before the time to the kill begins
MANY = 25  # records of one shard: numbers of one digit and of two, and several short pages
TRIM_WAIT_SECONDS = 30  # for a server that trims from time to time
Facts = dict[str, str]


class Server:
    """One peer: how it is started, on files and a port of its own."""

    def __init__(self, name: str, version: str, command: list[str], folder: Path) -> None:
        self.name, self.version, self.folder = name, version, folder
        self.in_memory = name == "moto"
        flag = next(it for it in ("--port", "-port", "-p") if it in command)
        self.port = int(command[command.index(flag) + 1])
        self._command = command
        self._clock = folder / f"{name}.clock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, hours: float | None = None) -> Door:
        """Start, and wait until it listens; `hours`: with its clock moved by so many."""
        environment = dict(os.environ)
        if hours is not None:
            # Clocks for waiting go on as they are; a JVM hangs where they are touched.
            environment |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            }
            if self.in_memory:
                self.move_clock(hours)
                environment |= {
                    "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                    "FAKETIME_NO_CACHE": "1",
                }
            else:
                environment["FAKETIME"] = f"+{hours}h"
        log = (self.folder / f"{self.name}.log").open("ab")
        self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        log.close()
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return Door(self.port)
            time.sleep(0.05)
        self.kill()
        raise SystemExit(f"{self.name} did not start; see {self.folder}/{self.name}.log")

    def move_clock(self, hours: float) -> None:
        """Move the clock of a server that keeps nothing and was started with one."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"+{hours}h\n")
        os.replace(fresh, self._clock)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """SIGTERM, and SIGKILL if that is ignored."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()


def servers(peers: Path, folder: Path, port: int) -> list[Server]:
    """Every server that is there."""
    import streamstore

    versions = {"streamstore": streamstore.__version__}
    dynoxide = peers / "dynoxide/bin/dynoxide"
    if dynoxide.exists():
        # The program of crate 3.2.0 calls itself 1.5.0; cargo keeps what it installed.
        kept = peers / "dynoxide/.crates.toml"
        crate = re.search(r"dynoxide-rs ([\w.]+)", kept.read_text() if kept.exists() else "")
        done = subprocess.run([dynoxide, "--version"], capture_output=True, text=True)
        versions["dynoxide"] = crate[1] if crate else done.stdout.split()[-1]
    for jar in (peers / "ddblocal/lib").glob("DynamoDBLocal-*.jar"):
        versions["ddblocal"] = jar.stem.partition("-")[2]
    found = [
        Server(name, versions[name], command, folder)
        for name, command in commands(peers, folder, port).items()
    ]
    moto = peers / "venv/bin/moto_server"
    if moto.exists():
        ask = "from importlib.metadata import version; print(version('moto'))"
        python = moto.with_name("python")
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True)
        command = [str(moto), "-H", "127.0.0.1", "-p", str(port + 3)]
        found.append(Server("moto", done.stdout.strip(), command, folder))
    return found


# ---- SIGKILL ----


class Load:
    """Threads that write until the server is gone, and remember what was acknowledged."""

    def __init__(self, port: int, table: str) -> None:
        self.puts: list[str] = []
        self.transactions: list[str] = []
        self.refused: list[str] = []
        work = [(self._put, at) for at in range(WRITERS)]
        work += [(self._transact, at) for at in range(WRITERS // 2)]
        self._threads = [
            threading.Thread(target=self._run, args=(port, table, one, at)) for one, at in work
        ]

    def wait_warm(self) -> None:
        """Until enough is acknowledged: a JVM takes its time."""
        deadline = time.monotonic() + WARM_SECONDS_MAX
        while len(self.puts) < WARM_PUTS and time.monotonic() < deadline:
            time.sleep(0.01)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, port: int, table: str, one: Callable[[Door, str, str], None], at: int) -> None:
        door = Door(port)
        try:
            for number in range(1_000_000):
                one(door, table, f"{at}-{number}")
        except Refused as refused:
            self.refused.append(str(refused))
        except (OSError, EOFError):
            pass
        finally:
            door.close()

    def _put(self, door: Door, table: str, name: str) -> None:
        door.data("PutItem", TableName=table, Item=image(f"p{name}"))
        self.puts.append(f"p{name}")

    def _transact(self, door: Door, table: str, name: str) -> None:
        items = [image(f"t{name}-{part}") for part in range(3)]
        puts = [{"Put": {"TableName": table, "Item": it}} for it in items]
        door.data("TransactWriteItems", TransactItems=puts)
        self.transactions.append(f"t{name}")


def killed(server: Server, kills: int) -> Facts:
    """What is missing after SIGKILL in the middle of acknowledged writes."""
    rng = random.Random(5)
    sums: Counter[str] = Counter()
    for kill in range(kills):
        table = f"killed-{kill}"
        make_table(server.start(), table)
        with Load(server.port, table) as load:
            load.wait_warm()
            time.sleep(rng.uniform(*LOAD_SECONDS))
            server.kill()
        door = server.start()
        try:
            count_missing(door, table, load, sums)
        finally:
            door.close()
            server.kill()
    puts, transactions = sums["puts"], sums["transactions"]
    return {
        "acknowledged puts lost": f"{sums['lost puts']} of {puts} at {kills} kills",
        "acknowledged transactions lost": f"{sums['lost transactions']} of {transactions}",
        "transactions torn": str(sums["torn"]),
        "items without exactly one record": str(sums["without record"]),
        "records without an item": str(sums["without item"]),
    }


def count_missing(door: Door, table: str, load: Load, sums: Counter[str]) -> None:
    """Add one kill's acknowledgements and what is missing of them."""
    sums["puts"] += len(load.puts)
    sums["transactions"] += len(load.transactions)
    try:
        items = set(door.scan(table))
        records = Counter(
            record["dynamodb"]["Keys"]["id"]["S"] for record in read_stream(door, table)
        )
    except Refused:
        items, records = set(), Counter()  # not even the table is there
    sums["lost puts"] += len(set(load.puts) - items)
    parts = Counter(key.rpartition("-")[0] for key in items if key.startswith("t"))
    sums["lost transactions"] += sum(parts[name] < 3 for name in load.transactions)
    sums["torn"] += sum(count < 3 for count in parts.values())
    sums["without record"] += sum(records[key] != 1 for key in items)
    sums["without item"] += len(set(records) - items)


# ---- a re-created table, more than nine records, 24 hours ----


def recreated(server: Server) -> Facts:
    """Whether a table's stream tells of an earlier table of the same name."""
    door = server.start()
    try:
        make_table(door, "again")
        for number in range(3):
            door.data("PutItem", TableName="again", Item=image(f"old-{number}"))
        old = stream_of(door, "again")
        before = read_stream(door, "again")
        door.data("DeleteTable", TableName="again")
        door.wait_gone("again")
        make_table(door, "again")
        door.data("PutItem", TableName="again", Item=image("new"))
        new = stream_of(door, "again")
        records = read_stream(door, "again")
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
        foreign = sum(key.startswith("old") for key in keys)
        numbers = {record["dynamodb"]["SequenceNumber"] for record in before}
        twice = sum(record["dynamodb"]["SequenceNumber"] in numbers for record in records)
        return {
            "re-created table: its ARN": "new" if new != old else "the old one again",
            "re-created table: records of the old one in its stream": str(foreign),
            "re-created table: sequence numbers that came before": str(twice),
            "re-created table: the old stream": old_stream(door, old) if new != old else "is gone",
        }
    finally:
        door.close()
        server.end()


def old_stream(door: Door, arn: str) -> str:
    """What is left of a deleted table's stream: the service keeps it readable for a day."""
    try:
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in door.records(arn)]
    except Refused as refused:
        return f"refused: {refused.code}"
    old = sum(key.startswith("old") for key in keys)
    more = f", and {len(keys) - old} of its successor's" if len(keys) > old else ""
    return f"{old} of 3 records readable{more}"


def many(server: Server) -> Facts:
    """Order and paging of records whose numbers differ in length, or would if they were texts."""
    door = server.start()
    try:
        make_table(door, "many")
        for number in range(MANY):
            door.data("PutItem", TableName="many", Item=image("one", n=number))
        arn = stream_of(door, "many")
        wrong_order = wrong_after = total = digits = 0
        for shard in door.shards(arn):
            whole = door.shard(arn, shard)
            written = [int(it["dynamodb"]["NewImage"]["n"]["N"]) for it in whole]
            texts = [it["dynamodb"]["SequenceNumber"] for it in whole]
            wrong_order += sum(int(a) >= int(b) for a, b in pairwise(texts))
            wrong_order += written != sorted(written)
            total += len(whole)
            digits = max(digits, *(len(text) for text in texts), 0)
            assert len(whole) < MANY or door.shard(arn, shard, limit=4) == whole, "short pages"
            for at, text in enumerate(texts):
                wrong_after += door.shard(arn, shard, after=text) != whole[at + 1 :]
        return {
            f"{MANY} records: found": str(total),
            f"{MANY} records: out of order as numbers": str(wrong_order),
            f"{MANY} records: AFTER_SEQUENCE_NUMBER gives other than the rest": str(wrong_after),
            f"{MANY} records: digits of a sequence number (the service: 21 to 40)": str(digits),
        }
    except AssertionError as wrong:
        return {f"{MANY} records: found": f"paging by 4 gives something else ({wrong})"}
    finally:
        door.close()
        server.end()


def readable(door: Door) -> str:
    """How many records are read from the start, or the refusal."""
    try:
        return str(len(read_stream(door, "day")))
    except Refused as refused:
        return f"refused: {refused.code}"


def day(server: Server) -> Facts:
    """Whether records are there for 24 hours, and gone after them."""
    names = (
        "24 hours: records of 3 readable after 23 h",
        f"24 hours: after 25 h (looked at for {TRIM_WAIT_SECONDS} s)",
    )
    if not FAKETIME.exists():
        return dict.fromkeys(names, "not testable: no faketime")
    door = server.start(0)
    make_table(door, "day")
    for number in range(3):
        door.data("PutItem", TableName="day", Item=image(f"k{number}"))
    facts = {}
    for name, hours in zip(names, (23, 25), strict=True):
        if not server.in_memory:
            door.close()
            server.end()
            door = server.start(hours)
        else:
            server.move_clock(hours)
        deadline = time.monotonic() + TRIM_WAIT_SECONDS * (hours > 24)
        facts[name] = readable(door)
        while facts[name] == "3" and time.monotonic() < deadline:
            time.sleep(1)
            facts[name] = readable(door)
    door.close()
    server.end()
    return facts


def main() -> None:
    """Every question to every server, and the table of answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--port", type=int, default=18200)
    parser.add_argument("--peers", type=Path, default=Path.home() / ".cache/streamstore-peers")
    parser.add_argument("--only", nargs="*", help="names of servers to ask")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table: dict[str, Facts] = {}
    folder = Path(tempfile.mkdtemp(prefix="black-box-"))
    for server in servers(arguments.peers, folder, arguments.port):
        if arguments.only and server.name not in arguments.only:
            continue
        facts: Facts = {}
        questions = (lambda it: killed(it, arguments.kills), recreated, many, day)
        for question in questions:
            try:
                facts |= question(server)
            except Refused as refused:
                name = getattr(question, "__name__", "?")
                facts[f"({name})"] = f"ended by {refused}"
                server.kill()
        table[f"{server.name} {server.version}"] = facts
        print(f"{server.name}: done", file=sys.stderr)
    shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(table))
        return
    print("| | " + " | ".join(table) + " |\n|" + " --- |" * (len(table) + 1))
    for row in dict.fromkeys(name for facts in table.values() for name in facts):
        print(f"| {row} | " + " | ".join(facts.get(row, "") for facts in table.values()) + " |")


if __name__ == "__main__":
    main()
