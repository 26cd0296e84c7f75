"""The tables of a relational sink and its statements, in SQLAlchemy's words.

    <table>                 the items: a column for each of the Layout, the key's the primary key,
                            and _sequence, _copy, _rest
    streamstore_sink        a row for each replicated table: what of, and its Place
    streamstore_sink_column a row for each column: which attribute, which kind

A row remembers the last sequence that was applied to it, and the copy that last named it. An older
sequence overwrites nothing, unless the row is from an earlier copy: then it is stale as a whole.

The upsert is one row's, carried out for a page by `executemany`: psycopg sends that as one pipeline
(57,000 rows/s where one statement of arrays did 55,600 and VALUES of 1,000 rows 48,100), sqlite3 as
one prepared statement. Must not know: streams, connections.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Delete,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    bindparam,
    delete,
    or_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.type_api import TypeEngine
from sqlalchemy.types import UserDefinedType

from .layout import COPY, REST, SEQUENCE, Layout

CONTROL: Final = MetaData()
SINK: Final = Table(
    "streamstore_sink",
    CONTROL,
    Column("target", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("keys", Text, nullable=False),  # JSON: [[name, type], …]
    Column("stream_arn", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("copied_to", Text),  # JSON of a key
    Column("copy", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),  # moves with every page
)
COLUMNS: Final = Table(
    "streamstore_sink_column",
    CONTROL,
    Column("target", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("attribute", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
)


class JsonText(UserDefinedType[str]):
    """PostgreSQL's JSONB, given as text that is JSON already."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **kw: Any) -> str:
        return "JSONB"


class LooseNumber(UserDefinedType[Any]):
    """A SQLite column without a type, so that SQLite stores what it is given and rounds nothing."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return ""


class Target:
    """The statements for one state of a table.

    table   keys of its columns: c0, c1, … as in the Layout, sequence, generation, rest
    upsert  takes rows of Layout.row with `sequence` and `generation`
    delete  takes k0, k1 (the key's columns) and `to`, the sequence of the deletion
    stale   deletes rows that the copy `generation` did not name
    """

    def __init__(self, name: str, layout: Layout) -> None:
        json = Text() if layout.loose else JsonText()
        count = len(layout.source.keys)
        columns = [
            Column(
                column.name,
                _type(column.kind, layout, key=at < count),
                key=f"c{at}",
                primary_key=at < count,
                nullable=at >= count,
            )
            for at, column in enumerate(layout.columns)
        ]
        self.table = Table(
            name,
            MetaData(),
            *columns[:count],
            Column(SEQUENCE, BigInteger, key="sequence", nullable=False),
            Column(COPY, BigInteger, key="generation", nullable=False),
            Column(REST, json, key="rest"),
            *columns[count:],
            quote=True,
        )
        self.keys = [f"c{at}" for at in range(count)]
        self.upsert = self._upsert(sqlite if layout.loose else postgresql)
        self.delete = self._delete()

    def column(self, number: int) -> Column[Any]:
        """The Column for the n-th column of the Layout."""
        return self.table.c[f"c{number}"]

    def stale(self, generation: int) -> Delete:
        return delete(self.table).where(self.table.c.generation != generation)

    def _upsert(self, dialect: Any) -> Any:
        c = self.table.c
        insert = dialect.insert(self.table)
        new = insert.excluded
        return insert.on_conflict_do_update(
            index_elements=[c[key] for key in self.keys],
            set_={column: new[column.key] for column in c if column.key not in self.keys},
            where=or_(c.sequence <= new.sequence, c.generation != new.generation),
        )

    def _delete(self) -> Delete:
        c = self.table.c
        same = [c[key] == bindparam(f"k{at}") for at, key in enumerate(self.keys)]
        return delete(self.table).where(*same, c.sequence <= bindparam("to"))


class AddColumn(ExecutableDDLElement):
    """ALTER TABLE … ADD COLUMN, which Core has no word for."""

    def __init__(self, column: Column[Any]) -> None:
        self.column = column


@compiles(AddColumn)
def _add_column(element: AddColumn, compiler: Any, **kw: Any) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(element.column)}"


def _type(kind: str, layout: Layout, *, key: bool) -> TypeEngine[Any]:
    if kind == "text":
        # Keys are in the order of their bytes, as in the source; SQLite's are so by themselves.
        return Text(collation="C") if key and not layout.loose else Text()
    if kind == "number":
        return LooseNumber() if layout.loose else Numeric()
    if kind == "bytes":
        return LargeBinary()
    if kind == "boolean":
        return Boolean()
    assert kind == "json", kind
    return Text() if layout.loose else JsonText()
