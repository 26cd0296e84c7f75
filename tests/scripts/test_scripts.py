"""Transcripts of streams: files of commands, `---`, and the exact output that follows from them.

A bug report is a file here. Blocks are separated by blank lines; a line that starts with `#` is a
remark. To write the outputs anew, run with STREAMSTORE_WRITE_SCRIPTS=1 and read the difference.

    set NAME=VALUE ...                settings of the store; before the first table
    table NAME [partitions=N] [view=VIEW]
    write LABEL ...                   a record for each label, in the shard of its hash; one unit
    enable VIEW | disable | split [SHARD] | roll SHARD
    load SHARD UNITS_PER_SECOND [hot] five minutes of that load, up to now
    advance DURATION                  such as 90s, 4h, -1d
    tick | trim | reopen
    shards                            the lineage, drawn
    iterator NAME SHARD trim_horizon|latest|at|after|time [LABEL or DURATION ago]
    get NAME [LIMIT]                  a page from an iterator, which then stands after it
    refused                           splits that were not made

A SHARD is `@` and its place in the order of creation, from 1. Commands act on the table made last.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamstore.codec import hashing
from streamstore.engine import background
from streamstore.engine.streams import iterators, log, positions, sequence, shards
from streamstore.engine.streams.lineage import draw
from streamstore.errors import ResourceNotFound, StoreError

FOLDER = Path(__file__).parent / "streams"
LAB = SimpleNamespace(
    **runpy.run_path(str(FOLDER.parents[1] / "unit" / "engine" / "streams" / "lab.py"))
)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> float:
    unit = "ms" if text.endswith("ms") else text[-1]
    return float(text.removesuffix(unit)) * UNITS[unit]


class Script:
    """One transcript's store. Each command answers with the lines of its output."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.made: Any = None
        self.name = ""
        self.numbers: dict[str, int] = {}
        self.iterators: dict[str, str | None] = {}

    @property
    def lab(self) -> Any:
        if self.made is None:
            self.made = LAB.Lab(**self.settings)
        return self.made

    def run(self, line: str) -> list[str]:
        verb, *words = line.split()
        try:
            return list(getattr(self, f"do_{verb}")(*words) or [])
        except StoreError as error:
            facts = getattr(error, "oldest_sequence", None)
            return [f"{type(error).__name__}: {error}" + (f" oldest {facts}" if facts else "")]

    def do_set(self, *pairs: str) -> None:
        for pair in pairs:
            name, value = pair.split("=")
            self.settings[name] = int(value) if value.isdigit() else value

    def do_table(self, name: str, *pairs: str) -> list[str]:
        given = dict(pair.split("=") for pair in pairs)
        self.name = name
        table = self.lab.create(
            name,
            partitions=int(given.get("partitions", 1)),
            view=given.get("view", "NEW_AND_OLD_IMAGES"),
        )
        return [table.stream.label]

    def do_write(self, *labels: str) -> list[str]:
        numbers = self.lab.append(*labels, name=self.name)
        self.numbers.update(zip(labels, numbers, strict=True))
        places = {state.info.name: at for at, state in enumerate(self.states(), 1)}
        opened = [LAB.open_shard(self.lab.table(self.name), label) for label in labels]
        return [
            f"{label} @{places[shard.name]} {sequence.wire(shard.depth, number)}"
            for label, shard, number in zip(labels, opened, numbers, strict=True)
        ]

    def do_enable(self, view: str) -> list[str]:
        return [self.change(shards.enable_stream, view).stream.label]

    def do_disable(self) -> None:
        self.change(shards.disable_stream)

    def do_split(self, shard: str = "") -> None:
        self.change(shards.split, self.state(shard).info.name if shard else None)

    def do_roll(self, shard: str) -> None:
        self.change(shards.roll, self.state(shard).info.name)

    def do_load(self, shard: str, units: str, how: str = "even") -> list[str]:
        info = self.state(shard).info
        low, high = int.from_bytes(info.range_start), int.from_bytes(info.range_end)
        hashes = [(low + (high - low) * at // 9).to_bytes(16) for at in range(10)]
        if how == "hot":
            hashes = hashes[:1] * 10
        writes = [(info.partition_id, value, int(units) // 10) for value in hashes]
        now = self.lab.clock.now_ms()
        for second in range(300):
            self.lab.engine.samples.observe(writes, now - 1000 * (299 - second))
        rate = self.lab.engine.samples.units_per_second(info.partition_id, now)
        return [f"{rate:.0f} units/s"]

    def do_advance(self, duration: str) -> None:
        self.lab.advance(seconds(duration))

    def do_tick(self) -> None:
        lab = self.lab
        store = SimpleNamespace(
            engine=lab.engine, writer=lab.writer, readers=lab.readers, maintenance=None
        )
        while background.run_due(store):
            pass

    def do_trim(self) -> list[str]:
        before = self.lab.engine.trimmer.trimmed
        pieces = self.lab.trim()
        return [f"{self.lab.engine.trimmer.trimmed - before} records in {pieces} pieces"]

    def do_reopen(self) -> None:
        self.lab.reopen()

    def do_shards(self) -> list[str]:
        return draw(self.states()).splitlines() or ["none"]

    def do_streams(self) -> list[str]:
        return [
            f"{stream.table_name} {stream.label} {'dead' if stream.disabled_ms else 'enabled'}"
            for stream in self.lab.engine.catalog.streams()
        ] or ["none"]

    def do_refused(self) -> list[str]:
        counts = self.lab.engine.samples.refused
        return [f"{reason} {count}" for reason, count in sorted(counts.items())] or ["none"]

    def do_iterator(self, name: str, shard: str, kind: str, argument: str = "") -> None:
        state, stream, engine = self.state(shard), self.lab.stream(self.name), self.lab.engine
        with self.lab.reading() as rx:
            if kind == "trim_horizon":
                position = positions.trim_horizon(state)
            elif kind == "latest":
                position = positions.latest(rx, state)
            elif kind == "time":
                moment = self.lab.clock.now_ms() - round(seconds(argument) * 1000)
                position = positions.at_time(rx, engine, stream, state, moment)
            else:
                number = self.numbers.get(argument, state.info.start_sequence)
                text = sequence.wire(state.info.depth, number)
                begin = positions.at_sequence if kind == "at" else positions.after_sequence
                position = begin(rx, engine, stream, state, text)
        self.keep(name, position)

    def do_get(self, name: str, limit: str = "1000") -> list[str]:
        text = self.iterators[name]
        if text is None:
            return ["ended"]
        engine, stream = self.lab.engine, self.lab.stream(self.name)
        _, position = iterators.decode(engine.iterator_key, text, self.lab.clock.now_ms())
        with self.lab.reading() as rx:
            page = log.read_page(rx, engine, stream, position, int(limit))
        self.keep(name, page.next)
        labels = " ".join(body.decode() for _, _, body in page.records) or "nothing"
        return [labels + (", the shard ends" if page.next is None else "")]

    def keep(self, name: str, position: log.Position | None) -> None:
        self.iterators[name] = (
            None
            if position is None
            else iterators.encode(
                self.lab.engine.iterator_key,
                self.lab.stream(self.name).arn,
                position,
                self.lab.clock.now_ms(),
            )
        )

    def change(self, verb: Any, *args: Any) -> Any:
        return self.lab.change(verb, *args, name=self.name)

    def states(self) -> Any:
        return self.lab.shards(self.lab.stream(self.name))

    def state(self, shard: str) -> Any:
        states = self.states()
        place = int(shard.removeprefix("@"))
        if not 1 <= place <= len(states):
            raise ResourceNotFound("shard", shard)
        return states[place - 1]


def replay(text: str) -> str:
    """The transcript as it is when its commands are run now."""
    script = Script()
    blocks = []
    for block in text.strip("\n").split("\n\n"):
        commands = block.split("\n---", 1)[0].splitlines()
        answers: list[str] = []
        for line in commands:
            if not line.startswith("#"):
                answers += script.run(line)
        if all(line.startswith("#") for line in commands):
            blocks.append(block)
        else:
            blocks.append("\n".join([*commands, "---", *answers]))
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_a_transcript_comes_out_as_it_is_written(path: Path) -> None:
    text = path.read_text()
    replayed = replay(text)
    if os.environ.get("STREAMSTORE_WRITE_SCRIPTS"):
        path.write_text(replayed)
    assert replayed == text


def test_a_transcript_that_is_wrong_is_noticed() -> None:
    wrong = "table orders\nwrite a\n---\n2023-11-14T22:13:20.000\na @1 1\n"
    assert replay(wrong) != wrong
    assert replay(replay(wrong)) == replay(wrong)


def test_a_place_in_the_hash_space_is_the_same_for_ever() -> None:
    """The transcripts say which label goes where; this is what that hangs on."""
    assert hashing.partition_hash(b"a").hex() == "0cc175b9c0f1b6a831c399e269772661"
