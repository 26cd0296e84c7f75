"""What `streamstore dev` shows of events, retries and failures: for people, and for programs."""

from __future__ import annotations

import io
import json
import os
import re
from typing import Any

import pytest

from streamstore.cli.dev.showing import Shown, ShownTarget
from streamstore.clock import ManualClock
from streamstore.consumers.targets.target import (
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)

NOW_MS = 1_700_000_000_123


class Scripted:
    """A target that answers with what it is told."""

    in_process = True

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.closed = False

    def invoke(self, invocation: Invocation) -> Outcome:
        return self.outcomes.pop(0)

    def close(self) -> None:
        self.closed = True


def event(*kinds: str, first: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {"eventID": f"{n:032}", "eventName": kind, "dynamodb": {"SequenceNumber": f"{n:021}"}}
            for n, kind in enumerate(kinds, first)
        ]
    }


def shown(*calls: tuple[Any, Outcome], as_json: bool) -> list[str]:
    out = io.BytesIO()
    scripted = Scripted(*(outcome for _, outcome in calls))
    clock = ManualClock(NOW_MS)
    target = ShownTarget("fn", scripted, Shown(out, as_json=as_json), clock)
    for given, outcome in calls:
        assert target.invoke(Invocation("id", "arn", given, 3.0)) is outcome
    target.close()
    assert scripted.closed
    return out.getvalue().decode().splitlines()


FAILED = FunctionError("Unhandled", "ValueError", "no\x1b[31m way")
CALLS = (
    (event("INSERT", "MODIFY", "INSERT"), FAILED),
    (event("INSERT", first=9), FAILED),
    (event("INSERT"), FAILED),
    (event("INSERT"), NotInvoked("it is too busy")),
    (event("INSERT"), Answered({"batchItemFailures": [{"itemIdentifier": "1"}]})),
    (event("INSERT"), Answered(None)),
    ({"Records": [], "window": {"start": "a", "end": "b"}}, Answered({"state": {}})),
)


def test_invocations_are_lines_for_people() -> None:
    lines = shown(*CALLS, as_json=False)
    assert [re.sub(r"^\d\d:\d\d:\d\d  |  [\d.]+ ms$", "", line) for line in lines] == [
        "fn  2 INSERT, 1 MODIFY  failed: ValueError: no [31m way",
        "fn  1 INSERT  failed: ValueError: no [31m way",
        "fn  1 INSERT  failed, attempt 2: ValueError: no [31m way",
        "fn  1 INSERT  not invoked, attempt 3: it is too busy",
        "fn  1 INSERT  items failed, attempt 4: 1 reported",
        "fn  1 INSERT  ok",
        "fn  no records  ok",
    ]


def test_invocations_are_objects_for_programs() -> None:
    told = [json.loads(line) for line in shown(*CALLS, as_json=True)]
    assert {each.pop("at") for each in told} == {"2023-11-14T22:13:20.123Z"}
    assert all(each.pop("milliseconds") >= 0 for each in told)
    assert told[0] == {
        "event": "invocation",
        "function": "fn",
        "records": 3,
        "kinds": {"INSERT": 2, "MODIFY": 1},
        "first": f"{1:021}",
        "last": f"{3:021}",
        "outcome": "failed",
        "attempt": 1,
        "error": {"type": "ValueError", "message": "no\x1b[31m way"},
    }
    assert [each["attempt"] for each in told] == [1, 1, 2, 3, 4, 1, 1]
    assert told[-1]["window"] == {"start": "a", "end": "b"}


@pytest.mark.parametrize(
    ("event", "facts", "line"),
    [
        ("notice", {"text": "a\nb"}, "note: a b"),
        ("reloaded", {"function": "fn"}, "fn  imported again"),
        ("reloaded", {"function": "fn", "error": "E"}, "fn  can't be imported: E"),
        (
            "failure",
            {"function": "fn", "recordCount": 2, "condition": "RecordAgeExceeded", "id": 7},
            "fn  gave up on 2 records: RecordAgeExceeded (failure 7)",
        ),
        (
            "ready",
            {"url": "http://x", "tables": ["t"], "mappings": [{"function": "f", "source": "s"}]},
            "serving http://x\n  table t\n  f listens to s",
        ),
    ],
)
def test_everything_else_is_a_line_too(event: str, facts: dict[str, Any], line: str) -> None:
    out = io.BytesIO()
    Shown(out, as_json=False).show(NOW_MS, event, **facts)
    assert out.getvalue().decode()[10:] == line + "\n"


def test_a_reader_that_went_away_is_noticed_and_ends_nothing_at_once() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as out:
        target = Shown(out, as_json=True)
        target.show(NOW_MS, "notice", text="x")
    assert target.gone
