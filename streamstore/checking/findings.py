"""What a check found: violations with stable codes, and the report that they make up.

Owns: the codes and what each of them means, the bound on how many are kept, the form of a report.
Must not know: how anything is looked at.

A code is that of the invariant that is broken, as the reliability page numbers them ("I-11"), or a
word of CODES for what has no number there. Codes never change their meaning: scripts and tests go
by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..errors import Corrupted, StorageError
from ..limits import CHECK_KEPT_MAX

CODES: Final[dict[str, str]] = {
    "sqlite": "SQLite itself finds the file damaged",
    "schema": "the file has not the tables and indexes of its revision, or its first facts",
    "tail": "writes that were acknowledged are missing: the end of the write-ahead log was lost",
    "bytes": "stored bytes can't be read, or are not as they were written",
    "key": "an item or entry lies under another key than its own",
    "expiry": "the rows that say when items expire are not those of the items",
    "token": "a client token's row can't be what a transaction left",
    "memory": "what the open store has in memory is not what is on disk",
    "I-2": "counters don't count what is there: a write is there in part",
    "I-5": "a row has lost its owner, or what it names is missing",
    "I-6": "replaying the stream does not give the table",
    "I-7": "a record's old image is not the new image of the record before it",
    "I-8": "a record's event name does not agree with its images",
    "I-10": "a record's keys are not those of its images, or it shows what its view type hides",
    "I-11": "an index is not the projection of its table",
    "I-12": "sequence numbers don't rise, come twice, or lie beyond the store's counter",
    "I-14": "a record lies in a shard whose hash range is not its own",
    "I-15": "open shards or partitions don't divide the hash space",
    "I-16": "a shard and its parent don't fit each other",
    "I-17": "a shard's end and its state don't agree",
    "I-23": "records of a shard are missing between others, or the trim horizon is wrong",
}


# What reading damaged bytes may end in: whatever code that trusts them does then.
UNREADABLE: Final = (
    Corrupted,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
)


class Violation(NamedTuple):
    """One thing that is wrong: the invariant's code, where it is, and what it is in plain words."""

    code: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}  {self.where}: {self.text}"


class Findings:
    """What is found while a check runs. Of each code CHECK_KEPT_MAX are kept, all are counted."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()

    def add(self, code: str, where: str, text: str) -> None:
        """Something is wrong."""
        assert code in CODES, code
        self.counts[code] += 1
        if self.counts[code] <= CHECK_KEPT_MAX:
            self.violations.append(Violation(code, where, text))

    @contextmanager
    def section(self, where: str) -> Iterator[None]:
        """A part of the check: where SQLite can't read on, it ends, and the next one begins."""
        try:
            yield
        except StorageError as error:
            self.add("sqlite", where, f"can't be read to its end. {error}")
        except UNREADABLE as error:
            # Rows of other types than any transaction wrote.
            self.add("bytes", where, f"its rows make no sense ({error!r})")


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of one file found.

    `violations` holds at most CHECK_KEPT_MAX of a code, `counts` all of them by code; `facts` are
    what was looked at: tables, items, entries, records, bytes of the file. `beside` names the
    owner where the file was read beside one.
    """

    path: str
    violations: list[Violation] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)
    beside: str | None = None
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts

    @property
    def exit_code(self) -> int:
        """0 clean, 1 otherwise. A file that can't be checked has no report; it is 2 then."""
        return 0 if self.clean else 1
