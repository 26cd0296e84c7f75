"""The committed picture of tables and streams, in memory: what requests resolve names against.

Readers on any thread look here without a lock; the writer replaces what changed after COMMIT, one
name at a time, so a reader sees each table as it was before or after a change and never between.
What a group has changed but not committed is the group's own (writes/group). Whoever acts under the
lock on what was looked up here before it compares versions.

Tables are one namespace: region and account of an ARN are ignored when it is looked up (engine.md
5.6). With `isolate_regions` they are part of the name. Dead streams stay listed until retention
forgets them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..errors import Corrupted, ResourceNotFound
from ..storage import statements_tables as sql
from .model import IndexInfo, PartitionInfo, StreamInfo, TableInfo
from .tables.definitions import unpack_index, unpack_table

if TYPE_CHECKING:
    from ..config import Settings
    from ..storage.transaction import ReadTransaction
    from .streams.descriptions import StreamsOnDisk

_ARN_FIELDS: Final = 6  # arn:partition:service:region:account:resource
StreamKey = tuple[str, str]


class Catalog:
    """Tables by name, ARN and id, and streams by ARN. `version` is the greatest version taken over
    so far.
    """

    def __init__(self, settings: Settings) -> None:
        self.version = 0
        self._isolated = settings.isolate_regions
        self._region = settings.region
        self._account = settings.account
        self._by_id: dict[int, TableInfo] = {}
        self._by_name: dict[str, TableInfo] = {}
        self._names: list[str] = []
        self._streams: dict[StreamKey, StreamInfo] = {}
        self._stream_keys: list[StreamKey] = []

    # Tables.

    def table(self, name: str, region: str | None = None, account: str | None = None) -> TableInfo:
        """The table of that name or ARN. Raises ResourceNotFound("table", name).

        `region` and `account` are those of the request; they count only where regions are isolated.
        """
        found = self.find(name, region, account)
        if found is None:
            raise ResourceNotFound("table", name)
        return found

    def find(
        self, name: str, region: str | None = None, account: str | None = None
    ) -> TableInfo | None:
        """The table of that name or ARN, or None."""
        if self._isolated:
            return self._by_name.get(self.namespace(name, region, account))
        found = self._by_name.get(name)
        if found is None and name.startswith("arn:"):
            found = self._by_name.get(self.namespace(name))
        return found

    def by_id(self, table_id: int) -> TableInfo | None:
        """The table of that id, or None when it is gone."""
        return self._by_id.get(table_id)

    def tables(self) -> list[TableInfo]:
        """Every table, ascending by id."""
        return [table for _, table in sorted(self._by_id.copy().items())]

    def names(
        self,
        after: str | None,
        limit: int,
        region: str | None = None,
        account: str | None = None,
    ) -> list[str]:
        """At most `limit` names of tables, ascending, after `after` (which need not exist)."""
        names = self._names
        home = self.namespace("", region, account)
        start = bisect_right(names, home + after) if after else bisect_left(names, home)
        page = names[start : start + limit]
        return [name[len(home) :] for name in page if name.startswith(home)] if home else page

    def namespace(self, name: str, region: str | None = None, account: str | None = None) -> str:
        """What a name or ARN is called in the catalogue: unique among live tables."""
        if name.startswith("arn:"):
            fields = name.split(":", _ARN_FIELDS - 1)
            if len(fields) == _ARN_FIELDS and fields[5].startswith("table/"):
                region, account, name = fields[3], fields[4], fields[5][len("table/") :]
        if not self._isolated:
            return name
        return f"{account or self._account}/{region or self._region}/{name}"

    def namespace_of(self, table: TableInfo) -> str:
        """What a table is called in the catalogue."""
        return self.namespace(table.name, table.region, table.account)

    # Streams.

    def stream_by_arn(self, arn: str) -> StreamInfo | None:
        """The stream of that ARN, enabled or not, or None."""
        key = _stream_key(arn)
        found = None if key is None else self._streams.get(key)
        if found is None or (self._isolated and found.arn != arn):
            return None
        return found

    def streams(self) -> list[StreamInfo]:
        """Every stream, enabled or not, ascending by table name and label."""
        return [stream for key in self._stream_keys if (stream := self._streams.get(key))]

    def streams_page(
        self,
        table_name: str | None,
        after_arn: str | None,
        limit: int,
        region: str | None = None,
        account: str | None = None,
    ) -> list[StreamInfo]:
        """At most `limit` streams, enabled or not, ascending by table name and label.

        `table_name`: only those of tables of that name, earlier ones included. `after_arn`: those
        after it, which need not exist any more."""
        keys = self._stream_keys
        start = 0 if table_name is None else bisect_left(keys, (table_name, ""))
        after = None if after_arn is None else _stream_key(after_arn)
        if after is not None:
            start = max(start, bisect_right(keys, after))
        page: list[StreamInfo] = []
        for key in keys[start:]:
            if len(page) == limit or (table_name is not None and key[0] != table_name):
                break
            stream = self._streams.get(key)
            if stream is not None and self._is_home(stream, region, account):
                page.append(stream)
        return page

    def forget_stream(self, stream_id: int) -> None:
        """Drop a stream whose retention has passed; called after COMMIT."""
        for key, stream in list(self._streams.items()):
            if stream.stream_id == stream_id:
                self._stream_keys = [other for other in self._stream_keys if other != key]
                del self._streams[key]

    def _is_home(self, stream: StreamInfo, region: str | None, account: str | None) -> bool:
        if not self._isolated:
            return True
        return stream.region == (region or self._region) and stream.account == (
            account or self._account
        )

    # The committing side.

    def take_over(self, tables: Iterable[TableInfo]) -> None:
        """Make these states the committed ones, in this order; called after COMMIT by one thread at
        a time.

        A table whose facts say "dropped" leaves; its streams stay.
        """
        for table in tables:
            for stream in (table.last_stream, table.stream):
                if stream is not None:
                    self._put_stream(stream)
            name = self.namespace_of(table)
            if table.facts.get("dropped"):
                self._by_id.pop(table.table_id, None)
                held = self._by_name.get(name)
                if held is not None and held.table_id == table.table_id:
                    del self._by_name[name]
                    self._names = [other for other in self._names if other != name]
            else:
                if name not in self._by_name:
                    place = bisect_left(self._names, name)
                    self._names = [*self._names[:place], name, *self._names[place:]]
                self._by_id[table.table_id] = table
                self._by_name[name] = table
            self.version = max(self.version, table.version)

    def _put_stream(self, stream: StreamInfo) -> None:
        key = (stream.table_name, stream.label)
        if key not in self._streams:
            place = bisect_left(self._stream_keys, key)
            self._stream_keys = [*self._stream_keys[:place], key, *self._stream_keys[place:]]
        self._streams[key] = stream

    def load(self, rx: ReadTransaction, on_disk: StreamsOnDisk, version: int) -> None:
        """Take over everything that is on disk; called once, before anybody looks."""
        indexes: dict[int, list[IndexInfo]] = {}
        for table_id, index_id, definition in rx.all(sql.INDEXES):
            indexes.setdefault(table_id, []).append(unpack_index(index_id, definition))
        partitions: dict[int, list[PartitionInfo]] = {}
        for table_id, *columns in rx.all(sql.PARTITIONS):
            partitions.setdefault(table_id, []).append(PartitionInfo(*columns))
        newest: dict[int, StreamInfo] = {}
        for stream in sorted(on_disk.streams.values(), key=lambda stream: stream.stream_id):
            newest[stream.table_id] = stream
            self._streams[stream.table_name, stream.label] = stream
        self._stream_keys = sorted(self._streams)
        for table_id, definition in rx.all(sql.TABLES):
            table = unpack_table(
                table_id,
                definition,
                version=version,
                indexes=tuple(indexes.get(table_id, ())),
                partitions=tuple(partitions.get(table_id, ())),
            )
            if table_id in newest:
                table = _with_stream(table, newest[table_id], on_disk)
            self._by_id[table_id] = table
            self._by_name[self.namespace_of(table)] = table
        self._names = sorted(self._by_name)
        self.version = version


def _with_stream(table: TableInfo, newest: StreamInfo, on_disk: StreamsOnDisk) -> TableInfo:
    """The table with its newest stream, and with that one's open shards while it is enabled."""
    if newest.disabled_ms is not None:
        return replace(table, last_stream=newest)
    opened = on_disk.open_shards.get(newest.stream_id, ())
    if [shard.partition_id for shard in opened] != [p.partition_id for p in table.partitions]:
        raise Corrupted(f"the open shards of table {table.name} don't match its partitions")
    return replace(table, stream=newest, last_stream=newest, open_shards=opened)


def _stream_key(arn: str) -> StreamKey | None:
    """(table name, label) of a stream's ARN, or None for another text."""
    fields = arn.split(":", _ARN_FIELDS - 1)
    if len(fields) != _ARN_FIELDS or fields[0] != "arn":
        return None
    table, stream, label = (*fields[5].split("/", 3)[1:], "", "", "")[:3]
    return (table, label) if stream == "stream" and fields[5].startswith("table/") else None
