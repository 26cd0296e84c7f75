"""What was asked of a server and what it acknowledged, held against what is there after its death.

Pure: it knows neither sockets nor processes. The work is made so that the truth can be computed
from a few numbers. A connection's writes are numbered; they are executed one after the other, so
what is there is all of them up to some number: at least the last acknowledged one, at most the last
one sent. A number that was sent, and was not there after the restart, must never come.

Connections of even number put and delete single items; those of odd number write three items in a
transaction, each with the write's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

TABLE: Final = "killed"
KEYS: Final = 8  # of a connection that writes single items
TRANSACTION_KEYS: Final = 3
ROUND: Final = 5  # four puts, then a deletion of the last one's item
BODY: Final = "x" * 120
COUNTER: Final = 10**20  # what a sequence number's depth stands before

Item = dict[str, Any]


class Write(NamedTuple):
    """One request: its operation, and (key, number) of each item, number None for a deletion."""

    operation: str
    changes: tuple[tuple[str, int | None], ...]


class Told(NamedTuple):
    """One life of one connection: its writes `first` to `sent`, acknowledged up to `acked`."""

    connection: int
    first: int
    sent: int
    acked: int


def write(connection: int, number: int) -> Write:
    """What the connection's write of that number is."""
    if connection % 2:
        keys = (f"{connection}/t{at}" for at in range(TRANSACTION_KEYS))
        return Write("TransactWriteItems", tuple((key, number) for key in keys))
    if number % ROUND == ROUND - 1:
        return Write("DeleteItem", ((f"{connection}/{(number - 1) % KEYS}", None),))
    return Write("PutItem", ((f"{connection}/{number % KEYS}", number),))


def next_round(number: int) -> int:
    """The first number after it with which a life may begin: a deletion needs its put."""
    return (number // ROUND + 1) * ROUND


def item(key: str, number: int) -> Item:
    """The item that a write puts."""
    return {"id": {"S": key}, "n": {"N": str(number)}, "body": {"S": BODY}}


class Ledger:
    """The items that the stream has told of so far. `wrong` collects what can't be true."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.newest = 0
        self.wrong: list[str] = []

    def settle(
        self, told: list[Told], records: list[dict[str, Any]], served: list[int], found: list[Item]
    ) -> None:
        """One life is over: `records` are those that came since the last call, in order of their
        counters, `served` the counters that a reader was given, `found` all items of the table.
        """
        changes = self._changes(records)
        lives = {life.connection: life for life in told}
        for connection in sorted({*changes, *lives}):
            life = lives.get(connection)
            if life is None:
                self.wrong.append(f"connection {connection} wrote nothing, and there are records")
            else:
                self._prefix(life, changes.get(connection, []))
        numbers = {_counter(record) for record in records}
        gone = sorted({*served} - numbers)
        if gone:
            self.wrong.append(f"{len(gone)} records that were served are gone, the first {gone[0]}")
        there = {it["id"]["S"]: it for it in found}
        if there != self.items:
            keys = [key for key in {*there, *self.items} if there.get(key) != self.items.get(key)]
            key = min(keys)
            self.wrong.append(
                f"{len(keys)} items are not what the records say, the first {key}: item"
                f" {there.get(key)}, records {self.items.get(key)}"
            )

    def _changes(self, records: list[dict[str, Any]]) -> dict[int, list[tuple[str, int | None]]]:
        """(key, number) of each record by connection, while the items are followed."""
        changes: dict[int, list[tuple[str, int | None]]] = {}
        for record in records:
            body = record["dynamodb"]
            counter = _counter(record)
            if counter <= self.newest:
                self.wrong.append(f"number {counter} came after {self.newest}")
            self.newest = max(self.newest, counter)
            key = body["Keys"]["id"]["S"]
            old, new = body.get("OldImage"), body.get("NewImage")
            if old != self.items.pop(key, None):
                self.wrong.append(f"record {counter} of {key}: its old image is not the one before")
            kind = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
            if record["eventName"] != kind:
                self.wrong.append(f"record {counter} of {key} is a {record['eventName']}")
            number = None
            if new is not None:
                self.items[key] = new
                number = int(new["n"]["N"])
                if new != item(key, number):
                    self.wrong.append(f"record {counter} of {key}: half a write is there")
            changes.setdefault(int(key.partition("/")[0]), []).append((key, number))
        return changes

    def _prefix(self, life: Told, changes: list[tuple[str, int | None]]) -> None:
        """The records of one connection must be those of its writes up to some number."""
        whose = f"connection {life.connection}"
        expected = _expected(life)
        reached, left = life.first - 1, list(changes)
        for number, parts in expected:
            if not left:
                break
            if tuple(left[: len(parts)]) != parts:
                self.wrong.append(f"{whose}: write {number} should be {parts}, found {left[:3]}")
                return
            del left[: len(parts)]
            reached = number
        if left:
            self.wrong.append(f"{whose}: {len(left)} records more than writes, first {left[0]}")
        if reached < life.acked:
            self.wrong.append(
                f"{whose}: write {life.acked} was acknowledged, and the last one there is {reached}"
            )


def _expected(life: Told) -> Iterator[tuple[int, tuple[tuple[str, int | None], ...]]]:
    for number in range(life.first, life.sent + 1):
        yield number, write(life.connection, number).changes


def _counter(record: dict[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"]) % COUNTER
