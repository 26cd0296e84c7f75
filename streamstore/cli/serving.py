"""`streamstore serve`: settings from file, environment and flags; the store; the server; their end.

Later layers win: defaults, the TOML file, STREAMSTORE_* environment variables, flags.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import store as stores
from ..clock import ShiftedClock, SystemClock
from ..cloudwatch import NAMES, PREFIX
from ..config import Settings, TableSettings, layered
from ..console import PAGES
from ..errors import StorageError
from ..server.app import Handler, Route
from ..server.gate import ServerSettings, UnsafeError
from ..server.serve import serve
from .consuming.served import Served, functions_of
from .terminal import fail

if TYPE_CHECKING:
    from ..cloudwatch.door import Door
    from ..console.pages import Console

DEFAULT_DB = "streamstore.db"
GC_YOUNG_OBJECTS = 20_000
STORE_FLAGS = (
    "isolate_regions",
    "retention_seconds",
    "transition_seconds",
    "durability",
    "checksum",
    "enable_control",
    "split_policy",
    "first_partitions",
)


def from_file(path: Path | None) -> dict[str, Any]:
    """The settings of a TOML file; a [tables.NAME] section holds the settings of one table."""
    if path is None:
        return {}
    import tomllib  # 8 ms of a start that seldom needs it

    found = tomllib.loads(path.read_text())
    if "tables" in found:
        found["tables"] = {
            name: TableSettings(**section) for name, section in found["tables"].items()
        }
    return found


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """STREAMSTORE_REGION, STREAMSTORE_RETENTION_SECONDS …: every setting but `tables`, by its name
    in capitals.
    """
    found: dict[str, Any] = {}
    for setting in fields(Settings):
        text = environment.get(f"STREAMSTORE_{setting.name.upper()}")
        if text is None or setting.name == "tables":
            continue
        kind = str(setting.type)
        if "bool" in kind:
            found[setting.name] = text.lower() in ("1", "true", "yes", "on")
        elif "float" in kind:
            found[setting.name] = float(text)
        elif "int" in kind:
            found[setting.name] = int(text)
        else:
            found[setting.name] = text
    return found


def store_path(given: Mapping[str, Any]) -> str:
    """Where the store is: --db, a folder as DynamoDB Local takes one, or memory."""
    if given["in_memory"]:
        return ":memory:"
    db = given["db"] or Path(os.environ.get("STREAMSTORE_DB", DEFAULT_DB))
    return str(db / DEFAULT_DB) if db.is_dir() else str(db)


def server_settings(given: Mapping[str, Any]) -> ServerSettings:
    """How the server listens, from the flags."""
    keys: dict[str, str] = {}
    for pair in given["keys"]:
        name, colon, secret = pair.partition(":")
        if not colon or not name or not secret:
            raise UnsafeError("--key takes ACCESS_KEY_ID:SECRET")
        keys[name] = secret
    port = given["port"]
    return ServerSettings(
        host=given["host"] or "127.0.0.1",
        port=8000 if port is None else port,
        keys=keys,
        allowed_hosts=tuple(given["hosts"]),
        allowed_origins=tuple(given["origins"]),
    )


def cloudwatch_routes(store: stores.Store) -> list[Route]:
    """CloudWatch beside DynamoDB, on the same endpoint, in the three protocols of its clients."""

    def door() -> Door:
        from ..cloudwatch.door import Door  # 8 ms of a start that seldom needs it

        return Door(store.metrics, store.clock)

    def json_handler(name: str) -> Handler:
        return lambda *request: door().json(name)(*request)

    access = "signed:monitoring"
    form = ("content-type", "application/x-www-form-urlencoded")
    return [
        Route(
            "POST",
            f"/service/{PREFIX}/operation/{{operation}}",
            lambda *request: door().cbor(*request),
            access,
        ),
        *(
            Route("POST", "/", json_handler(name), access, ("x-amz-target", f"{PREFIX}.{name}"))
            for name in NAMES
        ),
        Route("POST", "/", lambda *request: door().query(*request), access, form),
    ]


def console_routes(store: stores.Store, consumers: Served) -> list[Route]:
    """The pages for people, to this machine; imported with the first one that is asked for."""
    opened: list[Console] = []

    def console() -> Console:
        if not opened:
            from ..console.pages import Console

            opened.append(Console(store, consumers.lags))
        return opened[0]

    def page(name: str) -> Handler:
        return lambda *request: getattr(console(), name)(*request)

    return [Route("GET", path, page(name), "local") for name, path in PAGES.items()]


def serve_forever(given: Mapping[str, Any]) -> None:
    """Open the store, serve it until SIGTERM, close it."""
    # A flag that was not given is None or False; 0 is a value.
    flags = {n: given[n] for n in STORE_FLAGS if given[n] is not None and given[n] is not False}
    try:
        listen = server_settings(given)
        configured = from_file(given["config"])
        functions = functions_of(
            given["functions"],
            configured.pop("functions", {}),
            given["function_paths"],
            given["webhook_hosts"],
        )
        settings = layered(configured, from_environment(os.environ), flags)
        store = stores.open(store_path(given), settings=settings, clock=ShiftedClock(SystemClock()))
    except (StorageError, UnsafeError, ValueError, TypeError) as error:
        fail(str(error))
        return
    # What a start leaves behind lives as long as the process, and requests make hardly any cycles:
    # collections that look through all of it again and again cost a tenth of each request.
    gc.freeze()
    gc.set_threshold(GC_YOUNG_OBJECTS, 20, 20)
    with store:
        consumers = Served(store, functions)
        try:
            store.start_background()
            consumers.start()
            routes = [*cloudwatch_routes(store), *consumers.routes()]
            if not listen.keys:
                # Browsers don't sign, and what follows a stream wants that where there are keys.
                routes += console_routes(store, consumers)
            serve(store, listen, routes, on_ready=store.announce)
        except OSError as error:
            fail(f"can't listen on {listen.host} port {listen.port}: {error}")
        finally:
            consumers.stop()
