"""`streamstore shards`: the lineage drawn, and a split by hand.

Showing reads beside the owner; splitting is a write, so it goes through the owner's admin door
where there is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .. import store as stores
from ..engine.streams import sequence
from ..engine.streams.descriptions import ShardState
from ..engine.streams.lineage import draw
from ..errors import ResourceNotFound
from .admin import Unreachable, with_store


def facts(shard: ShardState) -> dict[str, Any]:
    """One shard as JSON: DescribeStream's names, and what only we know of it."""
    info = shard.info
    numbers = {"StartingSequenceNumber": sequence.wire(info.depth, info.start_sequence)}
    if info.end_sequence is not None:
        numbers["EndingSequenceNumber"] = sequence.wire(info.depth, info.end_sequence)
    return {
        "ShardId": info.name,
        "ParentShardId": info.parent_name,
        "SequenceNumberRange": numbers,
        "HashRange": [info.range_start.hex(), info.range_end.hex()],
        "OpenedMs": info.opened_ms,
        "ClosedMs": info.closed_ms,
        "Records": shard.record_count,
        "Bytes": shard.byte_count,
    }


def show(table: str, db: Path, as_json: bool) -> None:
    """Draw the shards of the table's newest stream, or print them as JSON."""
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    with stores.open(db, read_only=True) as store:
        try:
            shards = store.shards(table)
        except ResourceNotFound as missing:
            raise Unreachable(f"there is no table {table!r} in {db}") from missing
    click.echo(json.dumps([facts(shard) for shard in shards]) if as_json else draw(shards))


def split(table: str, shard: str | None, db: Path) -> None:
    """Split, and print the children's ids."""

    def here(store: stores.Store) -> dict[str, Any]:
        return {"children": store.split_shard(table, shard)}

    try:
        answer = with_store(db, here, "split", {"table": table, "shard": shard})
    except ResourceNotFound as missing:
        raise Unreachable(f"there is no {missing.kind} {missing.name!r} in {db}") from missing
    click.echo(json.dumps(answer))
