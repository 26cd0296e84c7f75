"""Which states of a database an image may hold, and whether it does.

A state is what recovery finds, every page of it (memory.recover). The states of a history are those
that its "all" images go through, in order: one a commit. What is acknowledged is the newest state
of that moment; a power loss may lead back to it or to any later one, never further, and never to
anything between two. That one rule holds all tables together: an item, its index entries, its
record and the counters are pages of one state.

Pages that no table uses may differ without harm (SQLite doesn't log what a free page holds): where
bytes differ, rows decide, and the integrity check.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .images import Image, Key
from .memory import RecoveryFailed, logical, recover

Content = bytes | None


class Verdict(NamedTuple):
    """What is wrong with an image, in words; `state` is the one that it went back to, if any."""

    what: str
    state: int | None


class Judge:
    """The states of one history, as they come, and the verdicts on images of it.

    `main` is the name of the database on the disk.
    """

    def __init__(self, main: str, first: Content = None) -> None:
        self.main = main
        self.names = (main, main + "-wal", main + "-journal")
        self._numbers: dict[int, int] = {hash(first): 0}
        self._recent: dict[int, Content] = {0: first}
        self._rows: dict[int, Any] = {}
        self.required = 0
        self.newest = 0
        self.seen: dict[Key, int] = {}  # the state of every image so far; -1: of none
        self.looked = 0
        self.slow = 0

    @property
    def distinct(self) -> int:
        """How many different images were reopened."""
        return len(self.seen)

    def content(self, state: int) -> Content:
        """A state's database, from the one required on."""
        return self._recent[state]

    def acknowledge(self) -> int:
        """Somebody was told: the newest state is required from here on. Returns its number."""
        self.required = self.newest
        for state in [s for s in self._recent if s < self.required]:
            del self._recent[state]
            self._rows.pop(state, None)
        return self.required

    def look(self, image: Image) -> Verdict | None:
        """Reopen an image, unless one like it was seen, and compare. None: all is well.

        An "all" image may bring a new state.
        """
        self.looked += 1
        key = image.key(self.names)
        state = self.seen.get(key)
        why = "it was seen before, and held no state of the history"
        if state is None:
            try:
                content = recover(image.build(self.names), self.main)
                state, why = self._state_of(content, image.how == "all")
            except RecoveryFailed as error:
                state, why = -1, str(error)
            self.seen[key] = state
        return self.verdict(state, why)

    def judge(self, content: Content, *, whole: bool = False) -> Verdict | None:
        """The same of a database that somebody else has recovered."""
        self.looked += 1
        return self.verdict(*self._state_of(content, whole))

    def verdict(self, state: int, why: str) -> Verdict | None:
        """What to say of an image that holds a state."""
        if state < 0:
            return Verdict(f"it holds no state that was ever committed: {why}", None)
        if state < self.required:
            return Verdict(
                f"state {self.required} was acknowledged, and it is back at state {state}", state
            )
        return None

    def _state_of(self, content: Content, whole: bool) -> tuple[int, str]:
        for state in range(self.newest, self.required - 1, -1):
            if self._recent[state] == content:
                return state, ""
        known = self._numbers.get(hash(content))
        if known is not None:
            return known, ""
        if whole:
            self.newest += 1
            self._recent[self.newest] = content
            self._numbers[hash(content)] = self.newest
            return self.newest, ""
        return self._by_rows(content)

    def _by_rows(self, content: Content) -> tuple[int, str]:
        if content is None:
            return -1, "there is no database"
        self.slow += 1
        verdict, rows = logical(content)
        if verdict != "ok":
            return -1, f"integrity check: {verdict}"
        for state, other in self._recent.items():
            if other is None:
                continue
            if state not in self._rows:
                self._rows[state] = logical(other)[1]
            if self._rows[state] == rows:
                return state, ""
        return -1, f"its rows are those of none of the states {self.required} to {self.newest}"
