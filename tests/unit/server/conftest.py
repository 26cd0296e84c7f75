"""A store, a loop and a transport that do what they are told, so that wires run without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.config import Settings
from streamstore.control.control import Control
from streamstore.errors import Busy, Throttled
from streamstore.leading import LoopLeader
from streamstore.metrics import Metrics
from streamstore.operations.plan import ReadPlan, Ready, Scope, WritePlan
from streamstore.server.connection import Connection
from streamstore.server.gate import Gate, ServerSettings
from streamstore.server.protocol import Desk
from streamstore.server.switchboard import Switchboard
from streamstore.server.wire import Wire
from streamstore.storage.writer import Outcome

TARGETS = {
    f"DynamoDB_20120810.{name}": name for name in ("Echo", "Read", "LongRead", "Write", "Break")
} | {"DynamoDBStreams_20120810.Feed": "Feed"}

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc"
)
HEADERS = {
    "Host": "localhost:8000",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": AUTHORIZATION,
}


class FakeWriter:
    """Queues units; leads only when told to."""

    def __init__(self) -> None:
        self.queue: list[tuple[Callable[[Any], Any], Callable[[Outcome], None]]] = []
        self.commit_seconds = 0.0
        self.full = False
        self.held = False
        self.groups = self.units = self.commits = self.syncs = self.wal_bytes = 0

    @property
    def pending(self) -> bool:
        return bool(self.queue)

    def enqueue(self, unit: Any, cost_bytes: int, deliver: Callable[[Outcome], None]) -> None:
        if self.full:
            raise Throttled("too many writes wait")
        self.queue.append((unit, deliver))

    def try_lead(self) -> bool:
        if self.held:
            return False
        while self.queue:
            unit, deliver = self.queue.pop(0)
            outcome = Outcome()
            try:
                outcome.result = unit(None)
            except Exception as error:
                outcome.error = error
            deliver(outcome)
        return True

    lead = try_lead


class FakeReaders:
    """A loop connection that may be busy."""

    def __init__(self) -> None:
        self.busy = False

    def oldest_seconds(self) -> float:
        return 0.0

    def loop_transaction(self) -> FakeReaders:
        if self.busy:
            raise Busy("taken")
        return self

    def __enter__(self) -> str:
        return "rx"

    def __exit__(self, *_: object) -> None:
        pass


class FakeStore:
    """Operations that echo their parameters in all the ways a plan can."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.clock = ManualClock()
        self.engine = SimpleNamespace(settings=self.settings, commits=0)
        self.writer = FakeWriter()
        self.readers = FakeReaders()
        self.started: list[str] = []
        self.latched: Exception | None = None
        self.read_only = False
        self.path = "fake"
        self.seen: list[tuple[str, Any]] = []
        self.scopes: list[Scope] = []
        self.error: BaseException = RuntimeError("secret-value")
        self.metrics = Metrics(self.clock.now_ms())
        self.rules = None
        self.control = Control(self)  # type: ignore[arg-type]

    def plan(self, operation: str, params: Any, scope: Scope) -> Any:
        self.seen.append((operation, params))
        self.scopes.append(scope)
        if operation == "Break":
            raise self.error.with_traceback(None)
        if operation == "Write":
            return WritePlan(lambda group: {"written": params})
        if operation in ("Read", "LongRead"):
            return ReadPlan(lambda rx: {"read": params}, long=operation == "LongRead")
        return Ready({"echo": params})

    def start_background(self) -> None:
        self.started.append("keeper")

    def read(self, plan: ReadPlan) -> Any:
        return plan.read(None)  # type: ignore[arg-type]

    def leader(self, loop: Any) -> LoopLeader:
        return LoopLeader(self.writer, loop)  # type: ignore[arg-type]


class FakeTimer:
    def __init__(self, seconds: float, callback: Callable[[], Any]) -> None:
        self.seconds = seconds
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """call_soon and call_later into lists; `turn` runs what is due now."""

    def __init__(self) -> None:
        self.soon: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.timers: list[FakeTimer] = []

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self.soon.append((callback, args))

    call_soon_threadsafe = call_soon

    def call_later(self, seconds: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        timer = FakeTimer(seconds, partial(callback, *args))
        self.timers.append(timer)
        return timer

    def turn(self) -> None:
        while self.soon:
            due, self.soon = self.soon, []
            for callback, args in due:
                callback(*args)

    def live_timers(self) -> list[FakeTimer]:
        return [timer for timer in self.timers if not timer.cancelled]


class FakeTransport:
    """Collects what is written. `high_water`: a larger write makes its protocol pause."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False
        self.aborted = False
        self.eof = False
        self.reading = True
        self.high_water: int | None = None
        self.protocol: Connection | None = None

    @property
    def out(self) -> bytes:
        return b"".join(self.written)

    def write(self, data: bytes) -> None:
        assert not self.eof, "written after the end"
        self.written.append(bytes(data))
        if self.high_water is not None and len(data) > self.high_water:
            assert self.protocol is not None
            self.protocol.pause_writing()

    def write_eof(self) -> None:
        self.eof = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class FakePage:
    """Stands for uvicorn's protocol: keeps what it was fed, answers when told to."""

    def __init__(self, answered: Callable[[], None]) -> None:
        self.answered = answered
        self.fed = b""
        self.told: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")

    def data_received(self, data: bytes) -> None:
        self.fed += data

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def shutdown(self) -> None:
        self.told.append("shutdown")


class Bench:
    """A desk and a switchboard over fakes, and wires on it."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.loop = FakeLoop()
        self.pages: list[FakePage] = []
        self.connections: set[Any] = set()
        self.desk = Desk(self.store, TARGETS, Gate(ServerSettings()))  # type: ignore[arg-type]
        self.board = Switchboard(self.desk, self.loop, self.page, self.connections)  # type: ignore[arg-type]

    def page(self, answered: Callable[[], None]) -> Any:
        self.pages.append(FakePage(answered))
        return self.pages[-1]

    def wire(self) -> tuple[Wire, FakeTransport]:
        wire, transport = Wire(self.board), FakeTransport()
        transport.protocol = wire
        wire.connection_made(transport)  # type: ignore[arg-type]
        return wire, transport


def request(
    operation: str = "Echo",
    params: Any = None,
    *,
    body: bytes | None = None,
    method: str = "POST",
    path: str = "/",
    prefix: str = "DynamoDB_20120810",
    version: str = "1.1",
    without: tuple[str, ...] = (),
    **headers: str,
) -> bytes:
    """The bytes of one request; keyword headers have _ for -."""
    if body is None:
        body = json.dumps({} if params is None else params).encode()
    lines = {**HEADERS, "X-Amz-Target": f"{prefix}.{operation}", "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    text = f"{method} {path} HTTP/{version}\r\n"
    text += "".join(f"{k}: {v}\r\n" for k, v in lines.items() if k not in without)
    return text.encode("latin-1") + b"\r\n" + body


class Reply:
    """One HTTP reply."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def replies_in(data: bytes) -> list[Reply]:
    """Every reply in a stream of bytes, which must end with one."""
    found = []
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        assert separator, f"half a reply: {data!r}"
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        assert len(rest) >= length, f"half a body: {rest!r}"
        found.append(Reply(int(first.split()[1]), headers, rest[:length]))
        data = rest[length:]
    return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def tools() -> SimpleNamespace:
    """What the tests of this room build requests and read replies with."""
    return SimpleNamespace(
        request=request,
        replies_in=replies_in,
        headers=HEADERS,
        authorization=AUTHORIZATION,
        targets=TARGETS,
        bench=Bench,
        limits=limits,
    )
