"""What a table and an index keep on disk of their definitions, as msgpack: written and read back
here only.

Ids, names and the time of a drop are columns beside the blob; partitions, streams and shards are
rows of their own. A member that a later version adds is read with a default, so an older file needs
no rewriting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import msgpack

from ..model import IndexInfo, KeyPart, KeySchema, PartitionInfo, TableInfo, TimeToLive

Packed = bytes


def pack_table(table: TableInfo) -> Packed:
    """The definition of a table. Its facts must hold nothing but what msgpack keeps: no tuples, no
    sets.
    """
    facts = {name: value for name, value in table.facts.items() if name != "dropped"}
    return cast(
        bytes,
        msgpack.packb(
            {
                "name": table.name,
                "uuid": table.uuid,
                "region": table.region,
                "account": table.account,
                "keys": _packed_keys(table.keys),
                "types": list(table.attribute_types.items()),
                "billing": table.billing_mode,
                "created_ms": table.created_ms,
                "updated_ms": table.updated_ms,
                "read_units": table.read_units,
                "write_units": table.write_units,
                "protected": table.deletion_protection,
                "facts": facts,
                "ttl": _packed_ttl(table.ttl),
            }
        ),
    )


def unpack_table(
    table_id: int,
    blob: Packed,
    *,
    version: int,
    indexes: tuple[IndexInfo, ...],
    partitions: tuple[PartitionInfo, ...],
) -> TableInfo:
    """The table of a row, without its stream."""
    read: dict[str, Any] = msgpack.unpackb(blob)
    keys = _read_keys(read["keys"])
    return TableInfo(
        table_id=table_id,
        version=version,
        name=read["name"],
        uuid=read["uuid"],
        region=read["region"],
        account=read["account"],
        keys=keys,
        attribute_types=dict(read["types"]),
        billing_mode=read["billing"],
        created_ms=read["created_ms"],
        updated_ms=read["updated_ms"],
        read_units=read["read_units"],
        write_units=read["write_units"],
        deletion_protection=read["protected"],
        indexes=tuple(with_attributes(index, keys) for index in indexes),
        partitions=partitions,
        range_starts=tuple(partition.range_start for partition in partitions),
        facts=read["facts"],
        ttl=_read_ttl(read.get("ttl")),
    )


def pack_index(index: IndexInfo) -> Packed:
    """The definition of an index. Its facts are restricted as those of a table."""
    return cast(
        bytes,
        msgpack.packb(
            {
                "name": index.name,
                "kind": index.kind,
                "keys": _packed_keys(index.keys),
                "projection": index.projection,
                "non_key": index.non_key_attributes,
                "read_units": index.read_units,
                "write_units": index.write_units,
                "created_ms": index.created_ms,
                "facts": index.facts,
                "filled_to": index.filled_to,
            }
        ),
    )


def unpack_index(index_id: int, blob: Packed) -> IndexInfo:
    """The index of a row, without `attributes`, which need the table's keys."""
    read: dict[str, Any] = msgpack.unpackb(blob)
    filled_to = read.get("filled_to")
    return IndexInfo(
        index_id=index_id,
        name=read["name"],
        kind=read["kind"],
        keys=_read_keys(read["keys"]),
        projection=read["projection"],
        non_key_attributes=tuple(read["non_key"]),
        read_units=read["read_units"],
        write_units=read["write_units"],
        created_ms=read["created_ms"],
        facts=read["facts"],
        filled_to=None if filled_to is None else (filled_to[0], filled_to[1], filled_to[2]),
    )


def with_attributes(index: IndexInfo, table_keys: KeySchema) -> IndexInfo:
    """The index with the names of what its entries hold worked out."""
    if index.projection == "ALL":
        return replace(index, attributes=frozenset())
    names = frozenset((*table_keys.names, *index.keys.names, *index.non_key_attributes))
    return replace(index, attributes=names)


def _packed_ttl(ttl: TimeToLive | None) -> tuple[Any, ...] | None:
    if ttl is None:
        return None
    return ttl.attribute, ttl.enabled, ttl.changed_ms, ttl.filled_to, ttl.stale


def _read_ttl(read: list[Any] | None) -> TimeToLive | None:
    if read is None:
        return None
    attribute, enabled, changed_ms, filled_to, stale = read
    return TimeToLive(
        attribute,
        enabled,
        changed_ms,
        None if filled_to is None else (filled_to[0], filled_to[1], filled_to[2]),
        stale,
    )


def _packed_keys(keys: KeySchema) -> dict[str, list[tuple[str, str]]]:
    return {
        "hash": [(part.name, part.type) for part in keys.hash],
        "range": [(part.name, part.type) for part in keys.range],
    }


def _read_keys(read: dict[str, Any]) -> KeySchema:
    return KeySchema(
        tuple(KeyPart(name, kind) for name, kind in read["hash"]),
        tuple(KeyPart(name, kind) for name, kind in read["range"]),
    )
