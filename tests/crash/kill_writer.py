"""The process that test_kill_nine kills: applies a feed's transactions and acknowledges each on
stdout after COMMIT.

Run as `python kill_writer.py STORE FEED START`; a line a transaction, its number, written only
after its reply.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamstore
from streamstore.cli.demo import feed, feeder


class Embedded:
    """The feeder's door, without a manual clock: time here is the machine's."""

    def __init__(self, store: streamstore.Store) -> None:
        self.call = store.call


def main(path: str, feed_path: str) -> None:
    store = streamstore.open(path, background=False)
    writing = feeder.Feeder(Embedded(store), feed.read(Path(feed_path)))  # type: ignore[arg-type]
    writing.make_tables()
    done = writing.position()
    for commit, piece in writing.pieces[done:]:
        actions = [feeder.action_of(change, commit.number) for change in piece]
        actions.append(feeder.position_action(done + 1))
        store.call("TransactWriteItems", {"TransactItems": actions})
        done += 1
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()
    sys.stdout.write("end\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
