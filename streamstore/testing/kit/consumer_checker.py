"""Does a consumer of a stream keep its promise, whatever the stream does?

    def consume(client, stream_arn, deliver):
        ...                     # read shards with client, keep checkpoints, deliver each record

    ConsumerChecker(consume).prove()                          # at least once, in order
    ConsumerChecker(consume, promise="exactly-once", restarts=3).prove()

Each named scenario of streamstore's control (trimmed while paused, shard gone, 500 closed shards,
throttled, …) is played on a store of its own in memory: some records are written, the consumer
begins, at its second GetRecords the scenario is played under its feet, and when it has been given
everything, or has made `calls_max` calls, its next call ends it. With `restarts` it is also killed
so many times right after it delivered a record and before it can note it, and called again: what it
keeps between calls has to be kept outside of the call.

What was delivered is then held against the stream:

    gaps        records that were never delivered, though a reader who keeps up could read them
    disorders   records of one key whose first deliveries came in another order than the changes
    duplicates  records delivered twice; a breach where the promise is exactly once
    invented    what was delivered and is no record of this stream

A consumer that deduplicates where its effects are (by eventID) says what they are by `effects`: a
function that gives the eventIDs in the order applied, which are judged instead of the deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ... import store as stores
from ...clock import ManualClock
from ...control.scenarios import SCENARIOS
from .watched_client import Stopped, WatchedClient

Deliver = Callable[[dict[str, Any]], None]
Consumer = Callable[[Any, str, Deliver], None]
Promise = Literal["at-least-once", "exactly-once"]

TABLE: Final = "checked"
CALLS_MAX: Final = 20_000
_PLAY_AT: Final = 2  # the GetRecords before which the scenario is played
_KEYS: Final = 7
_WRITES: Final = 40


@dataclass(slots=True)
class Findings:
    """What one scenario brought to light; eventIDs in the lists. `kept` says whether the promise
    was.
    """

    scenario: str
    promise: Promise
    records: int = 0
    calls: int = 0
    gaps: list[str] = field(default_factory=list)
    disorders: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def kept(self) -> bool:
        """No record is missing, none out of order or invented; none came twice, if so promised."""
        broken = self.gaps or self.disorders or self.invented or self.error
        return not broken and not (self.promise == "exactly-once" and self.duplicates)

    def __str__(self) -> str:
        words = [f"{self.scenario}: {self.records} records, {self.calls} calls"]
        for name in ("gaps", "disorders", "duplicates", "invented"):
            found = getattr(self, name)
            if found:
                words.append(f"{len(found)} {name} (first: {found[0]})")
        if self.error:
            words.append(f"the consumer raised {self.error}")
        return ", ".join(words)


class ConsumerChecker:
    """Plays scenarios on a consumer. `begin`, if given, is called before each of them: forget what
    was kept of the one before.
    """

    def __init__(
        self,
        consumer: Consumer,
        *,
        promise: Promise = "at-least-once",
        effects: Callable[[], Iterable[str]] | None = None,
        begin: Callable[[], None] | None = None,
        restarts: int = 0,
        calls_max: int = CALLS_MAX,
    ) -> None:
        self._consumer = consumer
        self._promise = promise
        self._effects = effects
        self._begin = begin
        self._restarts = restarts
        self._calls_max = calls_max

    def prove(self, scenarios: Sequence[str] = tuple(SCENARIOS)) -> list[Findings]:
        """Play the scenarios. Raises AssertionError that tells of each promise that was broken."""
        found = [self.check(scenario) for scenario in scenarios]
        broken = [str(each) for each in found if not each.kept]
        assert not broken, "\n".join(broken)
        return found

    def check(self, scenario: str) -> Findings:
        """Play one scenario, and say what came of it. Raises KeyError for a name there is none
        of.
        """
        SCENARIOS[scenario]
        if self._begin is not None:
            self._begin()
        findings = Findings(scenario, self._promise)
        with stores.open(
            ":memory:", clock=ManualClock(), background=False, split_policy="manual"
        ) as store:
            play = _Play(store, scenario, self._restarts, self._calls_max)
            play.run(self._consumer, findings)
            effects = None if self._effects is None else list(self._effects())
            play.judge(findings, effects)
        return findings


class _Restarted(BaseException):
    """The consumer died right behind a delivery."""


class _Play:
    """One scenario on one store."""

    def __init__(self, store: stores.Store, scenario: str, restarts: int, calls_max: int) -> None:
        self._store, self._scenario = store, scenario
        self._restarts_left, self._calls_max = restarts, calls_max
        self._writes = 0
        self._reads = 0
        self._calls = 0
        self._played = False
        self.delivered: list[str] = []
        store.client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        store.split_shard(TABLE)
        self._write(_WRITES)
        # All records by eventID, with what they are ordered by; what is trimmed is forgotten.
        self._known: dict[str, tuple[str, int]] = {}
        self._missing: set[str] = set()  # of those that can be read once the scenario was played
        self._note()

    def run(self, consumer: Consumer, findings: Findings) -> None:
        """Let it consume, again after each restart, until it has all or its calls are used up."""
        arn = self._store.client.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        client = WatchedClient(self._store.client, self._before_call)
        while True:
            try:
                consumer(client, arn, self._deliver)
            except _Restarted:
                continue
            except Stopped:
                break
            except Exception as error:
                findings.error = repr(error)
                break
            if self._over():
                break
            # It came back by itself: that is how some consumers poll.
            self._calls += 1
        findings.calls = self._calls

    def judge(self, findings: Findings, effects: list[str] | None) -> None:
        """Hold what was delivered, or its effects, against the stream."""
        told = self.delivered if effects is None else effects
        findings.records = len(self._known)
        first: dict[str, int] = {}
        for place, event_id in enumerate(told):
            if event_id in first:
                findings.duplicates.append(event_id)
            else:
                first[event_id] = place
        readable = self._readable()
        findings.gaps = [each for each in readable if each not in first]
        findings.invented = [each for each in first if each not in self._known]
        newest: dict[str, int] = {}
        for event_id in first:
            if event_id not in self._known:
                continue
            key, number = self._known[event_id]
            if number < newest.get(key, 0):
                findings.disorders.append(event_id)
            newest[key] = max(number, newest.get(key, 0))

    def _before_call(self, operation: str) -> None:
        self._calls += 1
        if self._over():
            raise Stopped
        if operation == "get_records" and not self._played:
            self._reads += 1
            if self._reads == _PLAY_AT:
                self._played = True
                self._note()
                self._store.control.scenario(self._scenario, table=TABLE)
                self._note()
                self._write(_WRITES)
                self._note()
                self._missing = set(self._readable()) - set(self.delivered)

    def _over(self) -> bool:
        return self._calls >= self._calls_max or (self._played and not self._missing)

    def _deliver(self, record: dict[str, Any]) -> None:
        event_id = record.get("eventID", "")
        self.delivered.append(event_id)
        self._missing.discard(event_id)
        if self._restarts_left and self._played and len(self.delivered) % 5 == 0:
            self._restarts_left -= 1
            raise _Restarted

    def _readable(self) -> list[str]:
        """The records that can be read at the trim horizon now."""
        return [record["eventID"] for record in self._records()]

    def _note(self) -> None:
        for record in self._records():
            change = record["dynamodb"]
            number = int(change["SequenceNumber"])
            self._known[record["eventID"]] = (change["Keys"]["id"]["S"], number)

    def _records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with self._store.follow(TABLE, "trim-horizon") as follower:
            while page := follower.turn():
                found += page
        return found

    def _write(self, count: int) -> None:
        """Changes of a few keys, so that there is an order to be kept."""
        for _ in range(count):
            self._writes += 1
            item = {"id": {"S": f"k{self._writes % _KEYS}"}, "n": {"N": str(self._writes)}}
            # Past the rules that a scenario arms: they are the consumer's to meet.
            self._store.control.call("PutItem", {"TableName": TABLE, "Item": item})
