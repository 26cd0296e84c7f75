"""What `streamstore dev` shows: JSON, one object a line, or lines for people.

Every object has `event`: ready, notice, invocation, failure, reloaded. An invocation's `attempt`
counts the calls that began with the same record and failed. Handlers' own output is not here; it
goes to stderr.

Must not know: how anything is run.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, BinaryIO, Final

import orjson

from ...clock import Clock
from ...consumers.targets.target import Answered, FunctionError, Invocation, Outcome, Target

_REMEMBERED_MAX: Final = 4096


class Shown:
    """Writes what happens. Thread-safe. `gone` is set when nobody reads any more."""

    def __init__(self, out: BinaryIO, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._lock = threading.Lock()
        self.gone = False

    def show(self, now_ms: int, event: str, **facts: Any) -> None:
        """Write one thing that happened."""
        moment = datetime.fromtimestamp(now_ms / 1000, UTC)
        if self._as_json:
            told = {"at": f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z", "event": event}
            line = orjson.dumps({**told, **facts}, default=str) + b"\n"
        else:
            text = f"{moment.astimezone():%H:%M:%S}  {_LINES[event](facts)}\n"
            line = text.encode("utf-8", "replace")
        with self._lock:
            try:
                self._out.write(line)
                self._out.flush()
            except BrokenPipeError:
                self.gone = True


class ShownTarget:
    """A target whose invocations are shown."""

    def __init__(self, name: str, target: Target, shown: Shown, clock: Clock) -> None:
        self.name = name
        self.in_process = target.in_process
        self._target = target
        self._shown = shown
        self._clock = clock
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function, and show what came of it."""
        started = perf_counter()
        outcome = self._target.invoke(invocation)
        facts = {
            "function": self.name,
            **_of_event(invocation.event),
            **self._judged(invocation.event, outcome),
            "milliseconds": round((perf_counter() - started) * 1000, 1),
        }
        self._shown.show(self._clock.now_ms(), "invocation", **facts)
        return outcome

    def close(self) -> None:
        """Let go of what the target holds."""
        self._target.close()

    def _judged(self, event: Any, outcome: Outcome) -> dict[str, Any]:
        records = _records(event)
        first = str(records[0].get("eventID")) if records else ""
        with self._lock:
            attempt = self._attempts.pop(first, 0) + 1
            if not isinstance(outcome, Answered):
                self._attempts[first] = attempt
                if len(self._attempts) > _REMEMBERED_MAX:
                    self._attempts.popitem(last=False)
        if isinstance(outcome, FunctionError):
            error = {"type": outcome.error_type, "message": outcome.message}
            return {"outcome": "failed", "attempt": attempt, "error": error}
        if not isinstance(outcome, Answered):
            return {"outcome": "not invoked", "attempt": attempt, "reason": outcome.reason}
        value = outcome.value
        reported = value.get("batchItemFailures") if isinstance(value, dict) else None
        if isinstance(reported, list) and reported:
            return {"outcome": "items failed", "attempt": attempt, "items": reported}
        return {"outcome": "ok", "attempt": attempt}


def _records(event: Any) -> list[dict[str, Any]]:
    found = event.get("Records") if isinstance(event, dict) else None
    return found if isinstance(found, list) else []


def _of_event(event: Any) -> dict[str, Any]:
    records = _records(event)
    facts: dict[str, Any] = {
        "records": len(records),
        "kinds": dict(Counter(str(each.get("eventName")) for each in records)),
    }
    if records:
        facts["first"] = records[0]["dynamodb"]["SequenceNumber"]
        facts["last"] = records[-1]["dynamodb"]["SequenceNumber"]
    if isinstance(event, dict) and "window" in event:
        facts["window"] = event["window"]
    return facts


def _ready(facts: dict[str, Any]) -> str:
    lines = [f"serving {facts['url']}"]
    lines += [f"  table {each}" for each in facts["tables"]]
    lines += [f"  {each['function']} listens to {each['source']}" for each in facts["mappings"]]
    return "\n".join(lines)


def _invocation(facts: dict[str, Any]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts["kinds"].items())
    said = f"{facts['function']}  {kinds or 'no records'}  {facts['outcome']}"
    if facts["attempt"] > 1:
        said += f", attempt {facts['attempt']}"
    if "error" in facts:
        said += f": {facts['error']['type']}: {facts['error']['message']}"
    if "reason" in facts:
        said += f": {facts['reason']}"
    if "items" in facts:
        said += f": {len(facts['items'])} reported"
    return _printable(f"{said}  {facts['milliseconds']} ms")


def _reloaded(facts: dict[str, Any]) -> str:
    if facts.get("error"):
        return _printable(f"{facts['function']}  can't be imported: {facts['error']}")
    return f"{facts['function']}  imported again"


def _printable(text: str) -> str:
    """Text of handlers without what a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in text)


_LINES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "ready": _ready,
    "notice": lambda facts: _printable(f"note: {facts['text']}"),
    "invocation": _invocation,
    "reloaded": _reloaded,
    "failure": lambda facts: (
        f"{facts['function']}  gave up on {facts['recordCount']} records:"
        f" {facts['condition']} (failure {facts['id']})"
    ),
}
