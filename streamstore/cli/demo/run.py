"""The demo itself: a feed goes through a store while it is followed, split, killed and compacted;
then the proof.

Progress goes to stderr, as a bar where it is a terminal; the drawing, the figures and the claims go
to stdout.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from ... import store as stores
from ...clock import SystemClock
from ...engine.streams.lineage import draw
from . import feed
from .actors import Actor, free_port, start_server
from .door import open_door
from .feeder import CLOCK_JUMP_SECONDS, TABLE, Feeder
from .proof import Claim, claims

KILL_AT = 0.5


@dataclass
class Story:
    """What happened, for the figures at the end."""

    total: int = 0
    acked: int = 0
    acked_when_killed: int = 0
    found_after_kill: int = 0
    splits: list[str] = field(default_factory=list)
    read_before_compaction: int = 0
    removed: int = 0
    feed_seconds: float = 0.0


class Demo:
    """One run. `http` puts a server between the feeder, the followers and the store."""

    def __init__(
        self, feed_path: Path, db: Path, *, http: bool, note: Callable[[str], None]
    ) -> None:
        self.feed_path = feed_path
        self.db = db
        self.http = http
        self.note = note
        self.story = Story()
        self.port = free_port() if http else 0
        self.place = f"http://127.0.0.1:{self.port}" if http else str(db)
        self.server: Actor | None = None

    def run(self, copies: Path, progress: Callable[[int, int], None]) -> list[Claim]:
        """Everything, in order; the claims at the end."""
        if self.http:
            self.server = start_server(self.db, self.port)
        follower = feeder = None
        try:
            if not self.http:
                stores.open(self.db).close()  # so that followers find a store to read
            follower = Actor.of_module("follower", self.place, str(copies))
            follower.word()
            started = perf_counter()
            feeder = Actor.of_module("feeder", self.place, str(self.feed_path))
            feeder = self._feed(feeder, follower, progress)
            self.story.feed_seconds = perf_counter() - started
            follower.tell("mark")
            follower.word()
            follower.end()
            feeder.end()
            return self._prove(copies)
        finally:
            for actor in (follower, feeder, self.server):
                if actor is not None:
                    actor.end()

    def _feed(self, feeder: Actor, follower: Actor, progress: Callable[[int, int], None]) -> Actor:
        """Listen to the feeder until it is done; kill and start again once on the way."""
        story = self.story
        killed = False
        while True:
            word = feeder.word()
            story.total = word.get("total", story.total)
            if "acked" in word:
                story.acked = word["acked"]
                progress(story.acked, story.total)
                if not killed and story.acked >= story.total * KILL_AT:
                    killed = True
                    feeder = self._kill(feeder)
            elif "split" in word:
                story.splits.append(word["split"])
                self.note(f"split {word['split']}" + (", a child" if word["child"] else ""))
            elif "paused" in word:
                follower.tell("mark")
                story.read_before_compaction = follower.word()["caught_up"]
                feeder.tell("go on")
            elif "compacted" in word:
                story.removed = story.read_before_compaction
                self.note("a day and an hour later: compacted")
            elif "done" in word:
                return feeder

    def _kill(self, feeder: Actor) -> Actor:
        """SIGKILL the process that owns the store, and start it again on the same file."""
        story = self.story
        story.acked_when_killed = story.acked
        if self.http:
            assert self.server is not None
            self.server.kill()
            self.server = start_server(self.db, self.port)
            door = open_door(self.place)
            story.found_after_kill = Feeder(door, feed.read(self.feed_path)).position()
            door.close()
            self.note(f"killed the server at {story.acked} acknowledged, started it again")
            return feeder
        feeder.kill()
        while not feeder.words.empty():  # what it had acknowledged and we had not heard yet
            word = feeder.words.get()
            if word and "acked" in word:
                story.acked_when_killed = word["acked"]
        again = Actor.of_module("feeder", self.place, str(self.feed_path))
        story.found_after_kill = again.word()["start"]
        self.note(
            f"killed the writer at {story.acked_when_killed} acknowledged; "
            f"{story.found_after_kill} were there when it came back"
        )
        return again

    def _prove(self, copies: Path) -> list[Claim]:
        story = self.story
        later = SystemClock().now_ms() + CLOCK_JUMP_SECONDS * 1000
        door = open_door(self.place, clock_ms=later)
        try:
            found = list(claims(door, self.feed_path, copies, story.read_before_compaction))
            survived = story.found_after_kill >= story.acked_when_killed
            found.insert(
                0,
                Claim(
                    "no acknowledged transaction was lost when it was killed",
                    survived and story.acked_when_killed > 0,
                    f"{story.acked_when_killed} acknowledged, {story.found_after_kill} found",
                ),
            )
            self.drawing = self._drawing()
            return found
        finally:
            door.close()

    def _drawing(self) -> str:
        """The lineage, read from the file beside whoever owns it."""
        with stores.open(self.db, read_only=True) as store:
            return draw(store.shards(TABLE))


def bar(stream: Any) -> Callable[[int, int], None]:
    """A progress bar on a terminal; a line each tenth elsewhere."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        part = done * 40 // max(total, 1) if stream.isatty() else done * 10 // max(total, 1) * 4
        if part == shown:
            return
        shown = part
        line = f"[{'#' * part}{'.' * (40 - part)}] {done}/{total} transactions"
        stream.write(f"\r{line}" if stream.isatty() else f"{line}\n")
        if done == total and stream.isatty():
            stream.write("\n")
        stream.flush()

    return show


def demo(feed_path: Path | None, *, http: bool) -> int:
    """Run it; 0 when every claim holds, else 1."""
    path = feed_path or feed.shipped()
    started = perf_counter()
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="streamstore-demo-") as folder:
        copies = Path(folder) / "copies"
        copies.mkdir()
        play = Demo(path, Path(folder) / "demo.db", http=http, note=notes.append)
        found = play.run(copies, bar(sys.stderr))
    story = play.story
    for note in notes:
        print(note)
    print()
    print(play.drawing)
    print()
    rate = story.total / story.feed_seconds
    print(
        f"{story.total} transactions in {story.feed_seconds:.1f} s ({rate:,.0f}/s, each synced), "
        f"{len(story.splits)} splits, {story.removed} records trimmed and compacted away, "
        f"{perf_counter() - started:.1f} s in all"
    )
    for claim in found:
        print(f"{'holds' if claim.holds else 'FAILS'}: {claim.text} ({claim.seen})")
    return 0 if all(claim.holds for claim in found) else 1
