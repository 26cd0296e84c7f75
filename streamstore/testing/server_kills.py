"""The real server under load, killed with SIGKILL again and again, and held against a log outside.

A life: the server is started and timed to its first reply, what it holds is checked against what
the load process remembers of all lives before (served/ledger.py), the load goes on, now and then a
shard is split meanwhile, and at a random moment the server dies. Now and then it is killed while it
starts, which is in the middle of a recovery. After LIVES_MAX lives a new file begins.

SIGKILL can't see a missing sync: that is for the power losses and for strace. What it sees is
whatever lives in the process: replies before COMMIT, numbers out of memory, half a catalogue.

The seed decides when things happen; what the machine makes of it differs from run to run, so
`replay` can only try again. The folder of a store that was found wrong is kept.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Any, Final

from .campaigns import History, Progress, Report, Violation
from .served import ledger
from .served.door import Served, Unready, environment

KIND: Final = "server"
LIVES_MAX: Final = 60
LOAD_SECONDS: Final = (0.05, 0.5)  # of one life, from its first acknowledgement on
START_KILLED: Final = 0.15  # how often a start is killed, and how soon
START_SECONDS: Final = (0.0, 0.25)
SPLIT: Final = 0.2
LOAD_SECONDS_MAX: Final = 60.0
_STREAMS: Final = "DynamoDBStreams_20120810."
_TABLES: Final = "DynamoDB_20120810."

Tamper = Callable[[str], None]


def campaign(seed: int, seconds: float, progress: Progress) -> Report:
    """Kills until the time is over or something broke."""
    report = Report(KIND, seed)
    rng = Random(seed)
    started = perf_counter()
    restarts: list[float] = []
    while not report.violations and (not restarts or perf_counter() - started < seconds):
        until = started + seconds
        with Lives(report, rng, restarts, progress) as lives:
            lives.run(until)
        report.seconds = perf_counter() - started
    return report


def replay(history: History, progress: Progress) -> Report:
    """The same seed for the same time again."""
    return campaign(history["seed"], history["seconds"], progress)


class Lives:
    """One store file and the lives of its servers. `tamper` may harm the file after each death."""

    def __init__(
        self,
        report: Report,
        rng: Random,
        restarts: list[float],
        progress: Progress,
        tamper: Tamper | None = None,
        db: str | None = None,
    ) -> None:
        self.report = report
        self.restarts = restarts
        self._rng = rng
        self._progress = progress
        self._tamper = tamper
        self.folder = tempfile.mkdtemp(prefix="streamstore-kills-")
        self.db = db or os.path.join(self.folder, "store.db")
        self.ledger = ledger.Ledger()
        self._checkpoints: dict[str, str | None] = {}
        self._load = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.served.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def __enter__(self) -> Lives:
        return self

    def __exit__(self, *_: object) -> None:
        self._load.communicate()
        if not self.report.violations:
            for name in os.listdir(self.folder):
                os.unlink(os.path.join(self.folder, name))
            os.rmdir(self.folder)

    def run(self, until: float, lives_max: int = LIVES_MAX) -> None:
        """Lives until the time is over, one at least; the last death is checked too."""
        told: dict[str, Any] = {"told": [], "served": [], "refused": []}
        for number in range(lives_max + 1):
            last = number == lives_max or (number > 1 and perf_counter() >= until)
            self._die_while_starting()
            server = Served(self.db, "--split-policy", "manual")
            try:
                self._begin(server, told, fresh=number == 0)
                if last or self.report.violations:
                    return
                told = self._live(server)
            finally:
                server.kill()
            self.report.count("kills")
            if self._tamper is not None:
                self._tamper(self.db)
            self._sum_up(told)

    def _die_while_starting(self) -> None:
        if self._rng.random() < START_KILLED:
            server = Served(self.db, "--split-policy", "manual")
            assert server.process.stderr is not None
            select.select([], [], [], self._rng.uniform(*START_SECONDS))
            server.kill()
            self.report.count("killed_while_starting")

    def _begin(self, server: Served, told: dict[str, Any], *, fresh: bool) -> None:
        """Wait for the first reply, and check what the life before has left."""
        try:
            self.restarts.append(server.wait())
            if fresh:
                _make_table(server)
            lives = [ledger.Told(*row) for row in told["told"]]
            records = self._new_records(server)
            self.ledger.settle(lives, records, told["served"], _scan(server))
            self.report.count("records", len(records))
        except (Unready, OSError) as error:
            self.ledger.wrong.append(f"after {self.report.figures.get('kills', 0)} kills: {error}")
        self.ledger.wrong += [f"a request was refused: {text}" for text in told["refused"]]
        seconds = round(self.report.seconds, 1) or 60
        for what in self.ledger.wrong:
            history = {"kind": KIND, "seed": self.report.seed, "seconds": seconds}
            self.report.violations.append(Violation(what, history | {"kept": self.db}))
        self.ledger.wrong.clear()

    def _live(self, server: Served) -> dict[str, Any]:
        """Load until the kill; returns what the load process was told."""
        assert self._load.stdin is not None
        self._load.stdin.write(json.dumps({"port": server.port}) + "\n")
        self._load.stdin.flush()
        self._line("running")
        began = perf_counter()
        seconds = self._rng.uniform(*LOAD_SECONDS)
        if self._rng.random() < SPLIT:
            select.select([], [], [], seconds * self._rng.random())
            server.split(ledger.TABLE)
            self.report.count("splits")
        select.select([], [], [], max(seconds - (perf_counter() - began), 0))
        server.process.kill()
        loaded = self.report.figures.get("load_seconds", 0) + perf_counter() - began
        self.report.figures["load_seconds"] = round(loaded, 3)
        told: dict[str, Any] = json.loads(self._line(None))
        return told

    def _line(self, wanted: str | None) -> str:
        assert self._load.stdout is not None
        if not select.select([self._load.stdout], [], [], LOAD_SECONDS_MAX)[0]:
            self._load.kill()
            raise TimeoutError("the load process says nothing")
        line = self._load.stdout.readline().strip()
        assert wanted is None or line == wanted, line
        return line

    def _new_records(self, server: Served) -> list[dict[str, Any]]:
        """The records since the last look, in order of their counters."""
        table = server.ask(f"{_TABLES}DescribeTable", {"TableName": ledger.TABLE})["Table"]
        arn = table["LatestStreamArn"]
        records: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            asked = {"StreamArn": arn} | ({"ExclusiveStartShardId": after} if after else {})
            described = server.ask(f"{_STREAMS}DescribeStream", asked)["StreamDescription"]
            for shard in described["Shards"]:
                records += self._of_shard(server, arn, shard)
            after = described.get("LastEvaluatedShardId")
            if after is None:
                break
        return sorted(records, key=lambda it: int(it["dynamodb"]["SequenceNumber"]) % 10**20)

    def _of_shard(self, server: Served, arn: str, shard: dict[str, Any]) -> list[dict[str, Any]]:
        name = shard["ShardId"]
        if name in self._checkpoints and self._checkpoints[name] is None:
            return []  # read to its end
        asked = {"StreamArn": arn, "ShardId": name, "ShardIteratorType": "TRIM_HORIZON"}
        if (known := self._checkpoints.get(name)) is not None:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": known}
        iterator = server.ask(f"{_STREAMS}GetShardIterator", asked)["ShardIterator"]
        found: list[dict[str, Any]] = []
        while iterator:
            page = server.ask(f"{_STREAMS}GetRecords", {"ShardIterator": iterator})
            found += page["Records"]
            iterator = page.get("NextShardIterator")
            if not page["Records"]:
                break
        numbers = [int(it["dynamodb"]["SequenceNumber"]) for it in found]
        if numbers != sorted({*numbers}):
            self.ledger.wrong.append(f"the numbers of {name} don't rise")
        if numbers:
            self._checkpoints[name] = str(numbers[-1])
        if not iterator:
            self._checkpoints[name] = None
        return found

    def _sum_up(self, told: dict[str, Any]) -> None:
        figures = self.report.figures
        acknowledged = sum(acked - first + 1 for _, first, _, acked in told["told"])
        self.report.count("acknowledged", acknowledged)
        self.report.count("sent", sum(sent - first + 1 for _, first, sent, _ in told["told"]))
        self.report.count("served", len(told["served"]))
        figures["acknowledged_per_second"] = round(
            figures["acknowledged"] / max(figures["load_seconds"], 0.001)
        )
        ordered = sorted(self.restarts)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            at = min(int(len(ordered) * share), len(ordered) - 1)
            figures[f"restart_{name}_ms"] = round(ordered[at] * 1000)
        self._progress(
            f"server: {figures['kills']} kills, {figures['acknowledged']} acknowledged"
            f" ({figures['acknowledged_per_second']}/s), {len(self.report.violations)} violations,"
            f" restart p50 {figures['restart_p50_ms']} ms, p99 {figures['restart_p99_ms']} ms"
        )


def _make_table(server: Served) -> None:
    server.ask(
        f"{_TABLES}CreateTable",
        {
            "TableName": ledger.TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {
                "StreamEnabled": True,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        },
    )


def _scan(server: Served) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        asked = {"TableName": ledger.TABLE, "ConsistentRead": True, **start}
        page = server.ask(f"{_TABLES}Scan", asked)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
