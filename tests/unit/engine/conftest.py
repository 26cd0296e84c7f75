"""A store in memory driven from below operations, and a plain picture of it to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from streamstore.clock import ManualClock
from streamstore.codec.attributes import read_attributes
from streamstore.config import Settings
from streamstore.engine.engine import Engine
from streamstore.engine.model import IndexInfo, KeyPart, KeySchema, TableInfo
from streamstore.engine.tables import tables
from streamstore.engine.writes.applied import Applied
from streamstore.engine.writes.apply import apply
from streamstore.engine.writes.mutation import Mutation, encode_item_key, encode_key
from streamstore.expressions import Bound, bind
from streamstore.storage.migrate import open_in_memory
from streamstore.storage.transaction import ReadTransaction
from streamstore.storage.writer import Writer


def keys(*names: str, hashes: int = 1) -> KeySchema:
    """A key schema: "pk" or "pk:N" a part, the first `hashes` of them hash parts."""
    parts = tuple(KeyPart(name.split(":")[0], name[-1] if ":" in name else "S") for name in names)  # type: ignore[arg-type]
    return KeySchema(parts[:hashes], parts[hashes:])


def index(
    name: str,
    schema: KeySchema,
    projection: str = "ALL",
    *non_key: str,
    kind: str = "GSI",
) -> IndexInfo:
    return IndexInfo(0, name, kind, schema, projection, non_key)  # type: ignore[arg-type]


def expression(values: Mapping[str, Any] | None = None, **expressions: str) -> Bound:
    """Bound expressions; no names."""
    read = None if values is None else read_attributes(values, base64_binary=False)
    return bind(names=None, values=read, **expressions)  # type: ignore[arg-type]


class World:
    """One store: `reopen` forgets what is in memory only."""

    keys = staticmethod(keys)
    index = staticmethod(index)
    expression = staticmethod(expression)

    def __init__(self, clock: ManualClock | None = None, **settings: Any) -> None:
        self.clock = clock or ManualClock()
        self.settings = Settings(**settings)
        self.connection = open_in_memory()
        self.reopen()

    def reopen(self) -> None:
        with self.reading() as rx:
            self.engine = Engine.load(rx, self.settings, self.clock)
        self.writer = Writer(self.connection, self.engine.open_group, self.clock, durable=False)

    @contextmanager
    def reading(self) -> Iterator[ReadTransaction]:
        rx = ReadTransaction(self.connection, self.connection.cursor())
        try:
            yield rx
        finally:
            rx.end()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()

    def run(self, unit: Callable[[Any], Any]) -> Any:
        return self.writer.run(unit)

    # Tables.

    def create(self, name: str = "t", schema: KeySchema | None = None, **options: Any) -> TableInfo:
        schema = schema or keys("pk", "sk")
        parts = [*schema.parts, *(p for i in options.get("indexes", ()) for p in i.keys.parts)]
        return self.run(
            lambda group: tables.create(
                group,
                name=name,
                keys=schema,
                attribute_types={part.name: part.type for part in parts},
                billing_mode="PAY_PER_REQUEST",
                **{"region": "us-east-1", "account": "000000000000", **options},
            )
        )

    def update(self, name: str = "t", **changes: Any) -> TableInfo:
        return self.run(lambda group: tables.update(group, group.find_table(name), **changes))

    def delete(self, name: str = "t") -> TableInfo:
        return self.run(lambda group: tables.delete(group, group.find_table(name)))

    def table(self, name: str = "t") -> TableInfo:
        return self.engine.catalog.table(name)

    # Writes.

    def put_of(self, item: Any, condition: Any = None, table: TableInfo | None = None) -> Mutation:
        table = table or self.table()
        reading = read_attributes(item, base64_binary=False)
        assert reading.fault is None
        return Mutation(
            table,
            encode_item_key(table, reading.values),
            "put",
            item=reading.values,
            item_size=reading.size,
            condition=condition,
        )

    def key_of(self, key: Any, table: TableInfo | None = None) -> Any:
        read = read_attributes(key, base64_binary=False)
        return encode_key(table or self.table(), read.values)

    def update_of(
        self,
        key: Any,
        text: str | None = None,
        values: Any = None,
        table: TableInfo | None = None,
        **options: Any,
    ) -> Mutation:
        table = table or self.table()
        update = None if text is None else expression(values, update=text).update
        return Mutation(table, self.key_of(key, table), "update", update=update, **options)

    def delete_of(self, key: Any, table: TableInfo | None = None, **options: Any) -> Mutation:
        table = table or self.table()
        return Mutation(table, self.key_of(key, table), "delete", **options)

    def do(self, mutation: Mutation) -> Applied:
        return self.run(lambda group: apply(group, mutation))

    def put(self, item: Any, table: TableInfo | None = None) -> Applied:
        return self.do(self.put_of(item, table=table))


@pytest.fixture(scope="session")
def worlds() -> type[World]:
    """The class World."""
    return World


@pytest.fixture
def world() -> World:
    """A fresh store in memory with the default settings."""
    return World()
