"""The transcript of what expressions answer, line for line.

`expressions.txt` says how it is written. Its answers were recorded from DynamoDB Local, which has
the service's own parser and checker; where we differ on purpose the entry shows both. The script
tests/acceptance/differential_expressions.py asks it again, given the jars.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import bind

from .transcripts import Entry, entries

TRANSCRIPT = Path(__file__).with_name("expressions.txt")
KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}


@dataclass(frozen=True)
class Part:
    name: str
    type: str


def ask(kind: str, text: str, given: dict[str, Any]) -> str:
    """Our answer: of a bound expression, or of one that was run on an item."""
    values = given.get("values")
    reading = None if values is None else read_attributes(values, base64_binary=True)
    parameter = "key_condition" if kind == "key" else kind
    try:
        bound = bind(names=given.get("names"), values=reading, **{parameter: text})
        if bound.key_condition is not None:
            bound.key_condition.resolve([Part("pk", "S")], [Part("sk", "S")])
        if "item" not in given:
            return "ok"
        item = given["item"]
        old = None if item is None else read_attributes({**item, **KEY}, base64_binary=True).values
        if bound.condition is not None:
            return json.dumps(bound.condition.matches(old or {}))
        if bound.projection is not None:
            return shown(bound.projection.project(old or {}))
        assert bound.update is not None
        new = bound.update.apply(old, KEY).new
        if new is None:
            return "no item"
        return shown({name: value for name, value in new.items() if name not in KEY})
    except ValidationFailed as refused:
        return refused.message


def shown(item: Any) -> str:
    return json.dumps(
        item,
        sort_keys=True,
        ensure_ascii=False,
        default=lambda data: base64.b64encode(data).decode(),
    )


ENTRIES = list(entries(TRANSCRIPT.read_text(encoding="utf-8").split("\n")))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-line-{entry.line}")
def test_an_expression_answers_as_recorded(entry: Entry) -> None:
    assert ask(entry.kind, entry.asked, entry.given) == entry.answer


def test_the_transcript_was_read_whole() -> None:
    lines = TRANSCRIPT.read_text(encoding="utf-8").splitlines()
    assert len(ENTRIES) == lines.count("---") >= 150
    assert all(entry.answer and entry.answer != entry.local for entry in ENTRIES)
