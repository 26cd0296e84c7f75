"""Transcripts of questions and answers: how their files are read.

An entry is a line `KIND JSON` with what is asked, lines `WORD JSON` of what is given beside it, a
line `---`, the answer, and `local:` with DynamoDB Local's where that is another one. An empty line
ends it; a # before it begins a comment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Entry:
    """One question and its answer; `local` is DynamoDB Local's where that is another one. `given`
    holds by word what goes with the question.
    """

    line: int
    kind: str
    asked: Any
    answer: str = ""
    local: str | None = None
    given: dict[str, Any] = field(default_factory=dict)


def entries(lines: list[str]) -> Iterator[Entry]:
    """The entries of a transcript."""
    entry: Entry | None = None
    answering = False
    for number, line in enumerate([*lines, ""], 1):
        word, _, rest = line.partition(" ")
        if not line:
            if entry is not None:
                yield entry
            entry, answering = None, False
        elif line.startswith("#") and entry is None:
            continue
        elif entry is None:
            entry = Entry(number, word, json.loads(rest))
        elif line == "---":
            answering = True
        elif not answering:
            entry.given[word] = json.loads(rest)
        elif word == "local:":
            entry.local = rest
        else:
            assert not entry.answer, f"line {number}: a second answer"
            entry.answer = line
