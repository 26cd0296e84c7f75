"""streamstore: DynamoDB tables and DynamoDB Streams as a durable storage engine on SQLite.

`streamstore.open("app.db")` gives a Store. Nothing heavy is imported before a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Client
    from .clock import ManualClock, SystemClock
    from .config import Settings, TableSettings
    from .consumers.plain import unmarshal
    from .consumers.runtime import Consumers
    from .errors import ConsumerError, RequestError, StorageError, StoreError
    from .store import Store, open  # noqa: A004 - streamstore.open, as dbm.open and gzip.open
    from .table import Table

__version__ = "0.1.0"

__all__ = [
    "Client",
    "ConsumerError",
    "Consumers",
    "ManualClock",
    "RequestError",
    "Settings",
    "StorageError",
    "Store",
    "StoreError",
    "SystemClock",
    "Table",
    "TableSettings",
    "__version__",
    "open",
    "unmarshal",
]

_HOMES = {
    "Client": "client",
    "ConsumerError": "errors",
    "Consumers": "consumers.runtime",
    "ManualClock": "clock",
    "RequestError": "errors",
    "Settings": "config",
    "StorageError": "errors",
    "Store": "store",
    "StoreError": "errors",
    "SystemClock": "clock",
    "Table": "table",
    "TableSettings": "config",
    "open": "store",
    "unmarshal": "consumers.plain",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'streamstore' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{home}", __name__), name)
