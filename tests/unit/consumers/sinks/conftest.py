"""Targets of both kinds, read back into items; a store with a table to replicate."""

from __future__ import annotations

import json
import random
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock, ShiftedClock, SystemClock
from streamstore.codec.numbers import normalise

Item = dict[str, Any]


class Digits(str):
    """A number of JSON, as it is written."""


def decoded(value: Any) -> Any:
    """The attribute value that the documented JSON stands for."""
    if isinstance(value, Digits):
        return {"N": normalise(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, list):
        return {"L": [decoded(each) for each in value]}
    tag = next(iter(value), "") if len(value) == 1 else ""
    if tag == "$S":
        return {"S": b64decode(value[tag]).decode()}
    if tag == "$B":
        return {"B": b64decode(value[tag])}
    if tag == "$BS":
        return {"BS": [b64decode(each) for each in value[tag]]}
    if tag in ("$SS", "$NS"):
        return {tag[1:]: [next(iter(decoded(each).values())) for each in value[tag]]}
    return {"M": decoded_map(value)}


def decoded_map(value: dict[str, Any]) -> Item:
    return {decoded_name(name): decoded(each) for name, each in value.items()}


def decoded_name(name: str) -> str:
    if name.startswith("$0"):
        return b64decode(name[2:]).decode()
    return name[1:] if name.startswith("$") else name


def from_json(text: str) -> Any:
    return json.loads(text, parse_int=Digits, parse_float=Digits)


class Target:
    """A database that is replicated into."""

    def __init__(self, url: str, connect: Callable[[], Any]) -> None:
        self.url = url
        self._connect = connect
        self.kind = url.partition(":")[0]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = self._connect()
        try:
            cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
            return [tuple(row) for row in rows]
        finally:
            connection.close()

    def columns(self, table: str = "orders") -> list[tuple[str, str, str]]:
        """(attribute, kind, name) of each column, as the target itself says."""
        return self.rows(
            "SELECT attribute, kind, name FROM streamstore_sink_column"
            f" WHERE target = '{table}' ORDER BY number"
        )

    def items(self, table: str = "orders") -> list[Item]:
        """Every row as the item it stands for."""
        columns = [*self.columns(table), ("", "json", "_rest")]
        cast = "::text" if self.kind == "postgresql" else ""
        picked = ", ".join(
            '"' + name.replace('"', '""') + '"' + (cast if kind == "json" else "")
            for _, kind, name in columns
        )
        found = []
        for row in self.rows(f'SELECT {picked} FROM "{table}"'):
            item: Item = {}
            for (attribute, kind, _), value in zip(columns, row, strict=True):
                if value is not None and attribute:
                    item[attribute] = self._value(kind, value)
            if row[-1] is not None:
                item.update(decoded_map(from_json(row[-1])))
            found.append(item)
        return found

    @staticmethod
    def _value(kind: str, value: Any) -> Item:
        if kind == "number":
            exact = Decimal(repr(value) if isinstance(value, float) else value)
            return {"N": normalise(format(exact, "f"))}
        if kind == "json":
            return decoded(from_json(value))
        if kind == "boolean":
            return {"BOOL": bool(value)}
        return {"S": value} if kind == "text" else {"B": bytes(value)}


@pytest.fixture
def sqlite_target(tmp_path: Path) -> Target:
    path = tmp_path / "target.db"
    return Target(f"sqlite:///{path}", lambda: sqlite3.connect(path))


@pytest.fixture
def postgresql_target(postgresql: Any) -> Target:
    url = postgresql.schema()

    def connect() -> Any:
        import psycopg

        return psycopg.connect(url)

    return Target(url, connect)


@pytest.fixture(params=["sqlite_target", "postgresql_target"])
def target(request: Any) -> Target:
    found: Target = request.getfixturevalue(request.param)
    return found


class Shop:
    """A store with the table `orders`, whose keys are `id` (S) and, if asked for, `at` (N)."""

    def __init__(self, path: Any, clock: Any, **settings: Any) -> None:
        self.clock = clock
        given = {"split_policy": "manual", "first_partitions": 4, "durability": "off"}
        settings = {**given, "background": False, **settings}
        self.store = streamstore.open(path, clock=self.clock, **settings)

    def create(self, view: str = "NEW_IMAGE", **keys: str) -> None:
        keys = keys or {"id": "S"}
        self.store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": n, "AttributeType": t} for n, t in keys.items()
            ],
            KeySchema=[
                {"AttributeName": name, "KeyType": kind}
                for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )

    def stream(self, view: str | None) -> None:
        spec: dict[str, Any] = {"StreamEnabled": view is not None}
        if view is not None:
            spec["StreamViewType"] = view
        self.store.client.update_table(TableName="orders", StreamSpecification=spec)

    def put(self, **values: Any) -> None:
        self.store.table("orders").put_item(Item=values)

    def put_item(self, item: Item) -> None:
        self.store.client.put_item(TableName="orders", Item=item)

    def delete(self, **key: Any) -> None:
        self.store.table("orders").delete_item(Key=key)

    def items(self) -> list[Item]:
        found: list[Item] = []
        more: dict[str, Any] = {}
        while True:
            page = self.store.client.scan(TableName="orders", **more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def outlive(self) -> None:
        """Let everything that is in the stream be trimmed."""
        self.clock.advance(25 * 3600)
        while self.store.tick():
            pass


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "shop.db", ManualClock())
    yield made
    made.store.close()


@pytest.fixture
def live_shop(tmp_path: Path) -> Iterator[Shop]:
    """On the time of the machine, by which readers in other processes know what is trimmed."""
    made = Shop(tmp_path / "shop.db", ShiftedClock(SystemClock()))
    yield made
    made.store.close()


NAMES = ["a", "A", "price", "Price", "odd name", 'q"uote', "per%cent", "co:lon", "_rest", "ctid"]
NAMES += ["\u00e9" * 60, "nul\x00", "$B", "new\nline", "x" * 300, "select", "price_text", "%(c0)s"]


class Randomly:
    """Items of every kind, some of them at the bounds of what a database takes."""

    def __init__(self, seed: int, names: list[str] = NAMES, kinds: str = "SNBOL0MT") -> None:
        self.rng = random.Random(seed)
        self._names = names
        self._kinds = kinds

    def number(self) -> str:
        digits = str(self.rng.randrange(1, 10 ** self.rng.choice((1, 3, 15, 18, 19, 20, 38))))
        text = digits + "E" + str(self.rng.choice((0, 0, 0, -1, -3, -20, 30, 80)))
        return normalise(("-" if self.rng.random() < 0.3 else "") + text)

    def text(self) -> str:
        alphabet = 'ab"\\\x00\u00e9\U0001f600%${}:' if self.rng.random() < 0.2 else "abc"
        return "".join(self.rng.choices(alphabet, k=self.rng.randrange(0, 12)))

    def blob(self) -> bytes:
        return self.rng.randbytes(self.rng.randrange(0, 9))

    def value(self, depth: int = 0) -> Item:
        kind = self.rng.choice(self._kinds)
        if kind == "S" or (kind in "LM" and depth == 3):
            return {"S": self.text()}
        if kind == "N":
            return {"N": self.number()}
        if kind == "B":
            return {"B": self.blob()}
        if kind == "O":
            return {"BOOL": self.rng.random() < 0.5}
        if kind == "0":
            return {"NULL": True}
        if kind == "L":
            return {"L": [self.value(depth + 1) for _ in range(self.rng.randrange(3))]}
        if kind == "M":
            names = self.rng.sample([*self._names, "$0", "$$"], self.rng.randrange(3))
            return {"M": {name: self.value(depth + 1) for name in names}}
        return self.set_value()

    def set_value(self) -> Item:
        make: dict[str, Callable[[], Any]] = {"SS": self.text, "NS": self.number, "BS": self.blob}
        kind = self.rng.choice(list(make))
        return {kind: list({make[kind]() for _ in range(self.rng.randrange(1, 4))})}

    def item(self, **key: Item) -> Item:
        names = self.rng.sample(self._names, self.rng.randrange(len(self._names)))
        return {**{name: self.value() for name in names}, **key}


@pytest.fixture
def randomly() -> type[Randomly]:
    return Randomly
