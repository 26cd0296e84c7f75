"""`streamstore shards`: the lineage drawn, and a split by hand.

Showing reads beside the owner; splitting is a write, so it goes through the owner's admin door
where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from .. import store as stores
from ..console import lineage_svg
from ..engine.streams import sequence
from ..engine.streams.descriptions import ShardState
from ..engine.streams.lineage import draw
from ..errors import ResourceNotFound
from .admin import door_of, with_store
from .asking import Unreachable, ask


def facts(shard: ShardState, rates: Mapping[str, float]) -> dict[str, Any]:
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
        "WriteUnitsPerSecond": rates.get(info.name),
    }


def show(table: str, db: Path, as_json: bool) -> None:
    """Draw the shards of the table's newest stream, or print them as JSON."""
    shards, rates = _shards(table, db), _rates(table, db)
    if as_json:
        click.echo(json.dumps([facts(shard, rates) for shard in shards]))
    else:
        click.echo(draw(shards, rates))


def show_svg(table: str, db: Path, out: TextIO) -> None:
    """Draw the shards of the table's newest stream as SVG."""
    shards = _shards(table, db)
    out.write(lineage_svg.draw(f"{table}: {len(shards)} shards", shards, _rates(table, db)))


def _shards(table: str, db: Path) -> list[ShardState]:
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    with stores.open(db, read_only=True) as store:
        try:
            return store.shards(table)
        except ResourceNotFound as missing:
            raise Unreachable(f"there is no table {table!r} in {db}") from missing


def _rates(table: str, db: Path) -> dict[str, float]:
    """Write units a second of the open shards; only a running server knows them."""
    try:
        rates: dict[str, float] = ask(door_of(db), "rates", {"table": table})["rates"]
    except Unreachable:
        return {}
    return rates


def split(table: str, shard: str | None, db: Path) -> None:
    """Split, and print the children's ids."""

    def here(store: stores.Store) -> dict[str, Any]:
        return {"children": store.split_shard(table, shard)}

    try:
        answer = with_store(db, here, "split", {"table": table, "shard": shard})
    except ResourceNotFound as missing:
        raise Unreachable(f"there is no {missing.kind} {missing.name!r} in {db}") from missing
    click.echo(json.dumps(answer))
