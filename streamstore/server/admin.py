"""The admin door, /_streamstore/: what a command does to a store that a server owns. For this
machine only; on a server with keys, who signs may read its info and stats from elsewhere too.

Below it, /_streamstore/control/VERB is what testers may do (control.verbs). That is for this
machine too on a loopback address, and with keys and `enable_control` for whoever signs, so that a
proxy may stand before it. On another address it is off, unless enabled, and then only for whoever
signs, whose credentials are scoped to the service "dynamodb".

Each is a POST with a JSON object (info and stats are GETs); errors come as {"message": ...} with
status 400. A JSON content type is not asked for by form posts of a browser's page, so those are
refused by it; foreign Origins are refused before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from ..control import verbs
from ..engine.streams import shards
from ..errors import ControlRefused, RequestError, StorageError
from ..metrics import LATENCY, facts
from ..operations.faults import fault_of
from . import replies
from .app import JSON, Handler, Route
from .gate import ServerSettings, is_loopback
from .protocol import read_json

if TYPE_CHECKING:
    from ..store import Store

_SIGNED = "signed:dynamodb"


class _RefusedError(Exception):
    """The request can't be done; the text says why."""


def admin_routes(store: Store, settings: ServerSettings | None = None) -> tuple[Route, ...]:
    """The routes of the admin door of one store, on a server with these settings."""

    def compact(request: dict[str, Any]) -> dict[str, Any]:
        return {"records_removed": store.compact().records_removed}

    def split(request: dict[str, Any]) -> dict[str, Any]:
        table = request.get("table")
        shard = request.get("shard")
        if not isinstance(table, str) or not isinstance(shard, str | None):
            raise _RefusedError("'table' must be a table's name and 'shard' a shard id or absent")
        return {"children": store.split_shard(table, shard)}

    def roll(request: dict[str, Any]) -> dict[str, Any]:
        table = request.get("table")
        shard = request.get("shard")
        if not isinstance(table, str) or not isinstance(shard, str):
            raise _RefusedError("'table' must be a table's name and 'shard' a shard id")
        return {"successor": store.roll_shard(table, shard)}

    def clock(request: dict[str, Any]) -> dict[str, Any]:
        return verbs.do(store.control, "clock", request)

    def confirm(request: dict[str, Any]) -> dict[str, Any]:
        return {"held_ms": store.engine.horizon.confirm(), "now_ms": store.clock.now_ms()}

    def rates(request: dict[str, Any]) -> dict[str, Any]:
        table = store.engine.catalog.table(str(request.get("table")))
        return {"rates": store.writer.run(lambda group: shards.rates(group, table))}

    def stats(request: dict[str, Any]) -> dict[str, Any]:
        return stats_of(store)

    def info(request: dict[str, Any]) -> dict[str, Any]:
        latched = store.latched
        return {
            "pid": os.getpid(),
            "path": store.path,
            "durability": durability(store),
            "now_ms": store.clock.now_ms(),
            "latched": None if latched is None else str(latched),
        }

    read = f"local|{_SIGNED}" if settings is not None and settings.keys else "local"
    return (
        _route("POST", "compact", compact),
        _route("POST", "split", split),
        _route("POST", "roll", roll),
        _route("POST", "clock", clock),
        _route("POST", "clock/confirm", confirm),
        _route("POST", "rates", rates),
        _route("GET", "info", info, read),
        _route("GET", "stats", stats, read),
        *_control_routes(store, settings or ServerSettings()),
    )


def _control_routes(store: Store, settings: ServerSettings) -> tuple[Route, ...]:
    """Every verb of control, or what says that it is off."""
    enabled = store.settings.enable_control
    if is_loopback(settings.host):
        access = f"local|{_SIGNED}" if enabled and settings.keys else "local"
    elif enabled:
        access = _SIGNED
    else:
        return (Route("POST", "/_streamstore/control/{verb}", _off, "open"),)

    def asked(verb: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda request: verbs.do(store.control, verb, request)

    return tuple(
        Route("POST", f"/_streamstore/control/{verb}", _handler("POST", asked(verb)), access)
        for verb in verbs.VERBS
    )


def _off(path: dict[str, str], query: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
    text = "Control is off on an address that is not loopback; start with --enable-control."
    return 403, JSON, replies.encode({"message": text})


def stats_of(store: Store) -> dict[str, Any]:
    """What a store counted since it was opened, and the gauges of now."""
    store.metrics.roll(store.clock.now_ms())
    latencies = store.metrics.totals()
    units = sum(
        whole.count
        for name, dimensions, whole in latencies
        if name == LATENCY and ("Operation", "GetRecords") in dimensions
    )
    stats: dict[str, Any] = {
        "now_ms": store.clock.now_ms(),
        "streams_read_request_units": units,
        "oldest_reader_seconds": round(store.readers.oldest_seconds(), 3),
        "metrics": facts(store.metrics),
    }
    if not store.read_only:
        writer = store.writer
        stats["writer"] = {
            "groups": writer.groups,
            "units": writer.units,
            "commits": writer.commits,
            "syncs": writer.syncs,
            "commit_seconds": writer.commit_seconds,
            "wal_bytes": writer.wal_bytes,
        }
    return stats


def durability(store: Store) -> str:
    """What the store promises of acknowledged writes, by its setting's name; "none" in memory."""
    return "none" if store.path == ":memory:" else store.settings.durability


def _route(
    method: str,
    name: str,
    do: Callable[[dict[str, Any]], dict[str, Any]],
    access: str = "local",
) -> Route:
    return Route(method, f"/_streamstore/{name}", _handler(method, do), access)


def _handler(method: str, do: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    def handler(path: dict[str, str], query: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        try:
            request = read_json(body) if body else {}
        except orjson.JSONDecodeError:
            request = None
        if not isinstance(request, dict):
            return 400, JSON, replies.encode({"message": "the body must be a JSON object"})
        try:
            return 200, JSON, replies.encode(do(request))
        except (_RefusedError, ControlRefused) as error:
            return 400, JSON, replies.encode({"message": str(error)})
        except (RequestError, StorageError) as error:
            fault = fault_of(error)
            return fault.status, JSON, replies.encode(fault.body)

    return handler
