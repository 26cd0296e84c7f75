"""A table in a relational database: the sink that is an example for others.

Each page is one transaction of the target: its place, the columns it needs, its rows. So everything
is there exactly once, whatever is killed when. The place is moved first and only if it is where
this sink left it (a version that moves with each page): of two replications into one table the
second to commit is refused, and a page whose COMMIT was lost on the way is found applied, or not,
when the place is read again.

A copy marks the rows that it names with its number; `settle` deletes those that it did not name.
Deleted rows leave nothing behind: their place says that nothing older comes again.

Must not know: the stream, names and conversions (layout), SQL (statements).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import DBAPIError

from ...errors import SinkRefused
from .addresses import engine_of, meaning
from .layout import Column, Layout, column_name, key_of, key_text
from .seam import Change, Place, Source
from .statements import COLUMNS, CONTROL, SINK, AddColumn, Target

_SCHEMA: Final = "streamstore_sink"


class RelationalSink:
    """A table of PostgreSQL or SQLite that holds what a table of a store holds.

    `url` is SQLAlchemy's; `table` the target's name, that of the source unless given. Raises
    SinkRefused for a URL that names a store or no known database; connects in `open`.
    """

    copies = True

    def __init__(self, url: str, *, table: str | None = None) -> None:
        self.engine = engine_of(url)
        self._wanted = table
        self.name = ""
        self._source = Source("", ())
        self._layout: Layout | None = None
        self._target: Target | None = None  # made once, since its statements are compiled once
        self._generation = 0
        self._version = 0

    @property
    def address(self) -> str:
        """The target's URL, without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    # The seam.

    def open(self, source: Source) -> Place | None:
        """The place in the target. SinkRefused where its table is not ours, or has other keys."""
        self._source = source
        self.name = column_name(self._wanted or source.table, (_SCHEMA, COLUMNS.name))
        self.engine.dispose()
        self._layout = self._target = None
        self._generation = self._version = 0
        with self._transaction() as connection:
            self._refuse_encoding(connection)
            CONTROL.create_all(connection)
            row = connection.execute(select(SINK).where(SINK.c.target == self.name)).one_or_none()
            exists = inspect(connection).has_table(self.name)
            if row is None:
                if exists:
                    raise SinkRefused(
                        f"The target has a table {self.name!r} already, which was not made by "
                        "this sink: give another name, or drop it."
                    )
                return None
            self._generation, self._version = row.copy, row.version
            if not exists:
                return None  # it was dropped by its owner, who wants it anew
            self._check(row)
            found = connection.execute(
                select(COLUMNS).where(COLUMNS.c.target == self.name).order_by(COLUMNS.c.number)
            )
            columns = [Column(each.attribute, each.kind, each.name) for each in found]
            self._keep(Layout(source, columns, loose=self._loose))
            return Place(row.stream_arn, row.position, row.phase, key_of(row.copied_to))

    def begin(self, place: Place) -> None:
        """Begin a copy: a table if there is none, and a number that its rows are marked with."""
        with self._transaction() as connection:
            layout = self._layout
            if layout is None:
                layout = self._created(connection)
            self._move(connection, place, self._generation + 1)
        self._keep(layout)
        self._generation += 1
        self._version += 1

    def apply(self, changes: Sequence[Change], place: Place) -> None:
        """One transaction: the place, columns for what is new, then of each key its last change."""
        assert self._layout is not None, "apply before begin"
        assert self._target is not None
        known = len(self._layout.columns)
        layout, target = self._layout.copy(), self._target
        rows, gone = self._net(layout, changes)
        if len(layout.columns) > known:
            target = Target(self.name, layout)
        with self._transaction() as connection:
            self._move(connection, place, self._generation)
            self._widen(connection, target, layout, known)
            if rows:
                connection.execute(target.upsert, rows)
            if gone:
                connection.execute(target.delete, gone)
        self._layout, self._target = layout, target
        self._version += 1

    def settle(self, place: Place) -> int:
        """Delete what the copy did not name."""
        assert self._target is not None, "settle before begin"
        with self._transaction() as connection:
            self._move(connection, place, self._generation)
            removed = connection.execute(self._target.stale(self._generation)).rowcount
        self._version += 1
        return removed

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> RelationalSink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, layout: Layout) -> None:
        self._layout, self._target = layout, Target(self.name, layout)

    # Within a transaction.

    @property
    def _loose(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise meaning(error) from error

    def _refuse_encoding(self, connection: Connection) -> None:
        if self._loose:
            return
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise SinkRefused(
                f"The target database is encoded in {encoding}, which can't hold every string: "
                "create one with ENCODING 'UTF8'."
            )

    def _check(self, row: Any) -> None:
        if row.source != self._source.table:
            raise SinkRefused(
                f"The target's table {self.name!r} replicates {row.source!r}: give another name."
            )
        if row.keys != self._keys:
            raise SinkRefused(
                f"{row.source!r} was made anew with other keys ({self._keys} instead of "
                f"{row.keys}): drop the target's table {self.name!r}, or give another name."
            )

    @property
    def _keys(self) -> str:
        return json.dumps(self._source.keys)

    def _created(self, connection: Connection) -> Layout:
        """The table, and the rows that say whose it is."""
        layout = Layout(self._source, (), loose=self._loose)
        Target(self.name, layout).table.create(connection)
        connection.execute(delete_from(COLUMNS).where(COLUMNS.c.target == self.name))
        self._note(connection, layout, 0)
        known = connection.execute(select(SINK.c.target).where(SINK.c.target == self.name))
        if known.one_or_none() is None:
            self._version = 0
            connection.execute(
                insert(SINK).values(
                    target=self.name,
                    source=self._source.table,
                    keys=self._keys,
                    stream_arn="",
                    position="",
                    phase="copying",
                    copy=self._generation,
                    version=0,
                )
            )
        else:
            named = {"source": self._source.table, "keys": self._keys}
            connection.execute(update(SINK).where(SINK.c.target == self.name).values(named))
        return layout

    def _move(self, connection: Connection, place: Place, generation: int) -> None:
        """Move the place, which locks it for this transaction; refuse if somebody else did."""
        moved = connection.execute(
            update(SINK)
            .where(SINK.c.target == self.name, SINK.c.version == self._version)
            .values(
                stream_arn=place.stream_arn,
                position=place.position,
                phase=place.phase,
                copied_to=key_text(place.copied_to),
                copy=generation,
                version=self._version + 1,
            )
        )
        if moved.rowcount != 1:
            raise SinkRefused(
                f"Another replication writes to {self.name!r} as well; this one ends. Run one."
            )

    def _net(
        self, layout: Layout, changes: Sequence[Change]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What is left of a page when only each key's last change counts: rows, and keys that are
        gone.
        """
        last = {layout.key(change.key): change for change in changes}
        rows, gone = [], []
        for key, change in last.items():
            if change.image is None:
                names = {f"k{at}": part for at, part in enumerate(key)}
                gone.append({**names, "to": change.sequence})
                continue
            row = layout.row(change.image)
            row["sequence"] = change.sequence
            row["generation"] = self._generation
            rows.append(row)
        assert self._layout is not None
        for number in range(len(self._layout.columns), len(layout.columns)):
            for row in rows:
                row.setdefault(f"c{number}", None)
        return rows, gone

    def _widen(self, connection: Connection, target: Target, layout: Layout, known: int) -> None:
        for number in range(known, len(layout.columns)):
            connection.execute(AddColumn(target.column(number)))
        self._note(connection, layout, known)

    def _note(self, connection: Connection, layout: Layout, known: int) -> None:
        added = [
            {"target": self.name, "number": number, **column._asdict()}
            for number, column in enumerate(layout.columns)
            if number >= known
        ]
        if added:
            connection.execute(insert(COLUMNS), added)
