"""`streamstore replicate`: a table of a store, kept in a relational database.

    replicate TABLE --db FILE --to URL          copy it, then follow it until it is interrupted
    replicate TABLE --db FILE --to URL --once   copy or catch up, then end

Without --to it goes into a SQLite database beside the store, FILE-replica.db.

The store is read beside its owner, if it has one. Progress is a line on stderr where that is a
terminal; where stdout is a pipe or a file it gets each step as a JSON line, counts at most once a
second. SIGINT and SIGTERM end it with 0 after the page under way, a second one at once: what is
done is in the target with the place, so the next run goes on from there.

The target's URL is looked at before anything is opened: one that names a store is refused.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import click

from ..errors import StoreError
from .terminal import DB, fail

_COUNTS: Final = ("applied", "copied")
_TELL_SECONDS: Final = 1.0
_ONCE_OUTAGES_MAX: Final = 8


@click.command()
@click.argument("table")
@click.option(
    "--to",
    "url",
    help="postgresql://USER@HOST/NAME or sqlite:///PATH; SQLite beside the store if not given",
)
@click.option("--as", "name", help="the target's table, if not TABLE")
@click.option("--once", is_flag=True, help="end when all that is committed now is there")
@DB
def replicate(table: str, url: str | None, name: str | None, once: bool, db: Path) -> None:
    """Keep TABLE in a relational database, exactly once: first a copy, then its stream, live.

    Its stream has to be of NEW_IMAGE or NEW_AND_OLD_IMAGES.
    """
    from ..consumers.sinks.relational import RelationalSink

    if url is None:
        url = f"sqlite:///{db.absolute().with_name(db.stem + '-replica.db')}"
    try:
        sink = RelationalSink(url, table=name)
        if not db.exists():
            fail(f"there is no store at {db}")
        with sink:
            _replicate(table, db, sink, once)
    except KeyboardInterrupt:
        sys.exit(1)
    except StoreError as error:
        fail(str(error))


def _replicate(table: str, db: Path, sink: Any, once: bool) -> None:
    from .. import store as stores
    from ..consumers.sinks import Replication

    with stores.open(db, read_only=True) as store:
        telling = Telling(table, to_pipe=not sys.stdout.isatty(), drawn=sys.stderr.isatty())
        telling.told({"event": "target", "url": sink.address})
        replication = Replication(
            store,
            table,
            sink,
            once=once,
            report=telling.told,
            outages_max=_ONCE_OUTAGES_MAX if once else None,
        )
        asked = _Asked(replication)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, asked.interrupted)
        try:
            replication.run()
        finally:
            telling.end()


class _Asked:
    """Signals: the first lets the page under way end, the second does not."""

    def __init__(self, replication: Any) -> None:
        self._replication = replication
        self._times = 0

    def interrupted(self, number: int, frame: object) -> None:
        """The handler."""
        self._times += 1
        if self._times > 1:
            raise KeyboardInterrupt
        self._replication.ask_to_stop()


class Telling:
    """Says what a replication reports: JSON lines on stdout, a line that is redrawn on stderr."""

    def __init__(self, table: str, *, to_pipe: bool, drawn: bool) -> None:
        self._table = table
        self._to_pipe = to_pipe
        self._drawn = drawn
        self._held: dict[str, Any] | None = None
        self._since = self._told_at = perf_counter()
        self._records = 0

    def told(self, event: dict[str, Any]) -> None:
        """One step. Counts are summed, and held back until a second has passed or another step
        comes.
        """
        if event["event"] == "applied":
            self._records += event["records"]
            event = {**event, "records": self._records}
        if event["event"] in _COUNTS:
            if self._held is not None and self._held["event"] != event["event"]:
                self._say(self._held)
            self._held = event
            if perf_counter() - self._told_at < _TELL_SECONDS:
                return
            event, self._held = self._held, None
        elif self._held is not None:
            self._say(self._held)
            self._held = None
        self._say(event)

    def end(self) -> None:
        """Say what was held back."""
        if self._held is not None:
            self._say(self._held)
            self._held = None
        if self._drawn:
            click.echo(err=True)

    def _say(self, event: dict[str, Any]) -> None:
        self._told_at = perf_counter()
        if self._to_pipe:
            click.echo(json.dumps({"table": self._table, **event}))
        if self._drawn:
            text = " ".join(f"{k} {v}" for k, v in event.items() if k != "event")
            if event["event"] in _COUNTS:
                count = event.get("records") or event.get("items") or 0
                text += f" ({count / (self._told_at - self._since):,.0f}/s)"
            end = "\r" if event["event"] in (*_COUNTS, "caught-up") else "\n"
            sys.stderr.write(f"\x1b[2K{self._table}: {event['event']} {text}{end}")
            sys.stderr.flush()
