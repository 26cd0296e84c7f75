"""Replicates again and again, each time in a fork of its own that may kill itself at a commit.

    replicate_and_die.py DB URL
    stdin     [n, "before" | "after"]: SIGKILL at the n-th commit of the target, before or after it
    stdout    the fork's end: "killed" or "done"

The parent imports everything and opens nothing, so that a fork costs milliseconds and is as good as
a process.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from sqlalchemy import event

import streamstore
from streamstore import limits
from streamstore.consumers.sinks import replicate
from streamstore.consumers.sinks.relational import RelationalSink


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(db: str, url: str, number: int, when: str) -> None:
    limits.SINK_COPY_ITEMS_MAX = 4  # type: ignore[misc]
    limits.FOLLOW_RECORDS_MAX = 6  # type: ignore[misc]
    commits = 0
    sink = RelationalSink(url)

    def committing(connection: object) -> None:
        nonlocal commits
        commits += 1
        if commits == number and when == "before":
            die()

    def left(*_: object) -> None:
        if commits == number and when == "after":
            die()

    event.listen(sink.engine, "commit", committing)
    event.listen(sink.engine, "checkin", left)
    with streamstore.open(db, read_only=True) as store, sink:
        replicate(store, "orders", sink, once=True)


for line in sys.stdin:
    number, when = json.loads(line)
    child = os.fork()
    if not child:
        run(sys.argv[1], sys.argv[2], number, when)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    told = "killed" if os.WIFSIGNALED(status) else f"ended with {status}"
    print("done" if status == 0 else told, flush=True)
