"""A table of the store itself, and a file of lines.

The table's primary key must be one hash key, `id`, a string; nothing is made silently. The item:

    id              mapping, shard and the batch's first and last number: a second delivery of the
                    same failure puts the same item again
    condition, mapping, shard, createdAt (ISO 8601), recordCount; of an asynchronous invocation
                    condition, function, createdAt
    record          the service's failure record, as a map
    payload         the event as JSON text; left out where the item would be too large for it, and
                    then `payloadOmitted` is its size in bytes (`streamstore dlq show` still has it)

The file has one JSON object a line, {"record": …, "payload": …}, without a payload for a result of
an asynchronous invocation, appended and synced before the
delivery counts. It is made with mode 0600. A line that a full disk cut off is closed by the next
one, so a reader loses no more than that line; a second delivery is a second line.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from ... import limits
from ...errors import DeliveryFailed, ResourceNotFound, StoreError
from ...storage import files

if TYPE_CHECKING:
    from ...store import Store
    from .naming import Named
    from .parcel import Parcel

KEY: Final = "id"
# Room for everything in the item but its payload.
_PAYLOAD_BYTES_MAX: Final = limits.ITEM_BYTES_MAX - 16 * limits.KIB
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def to_table(store: Store, named: Named, parcel: Parcel) -> None:
    """Put a failure into a table of `store`. Raises DeliveryFailed."""
    try:
        keys = store.engine.catalog.table(named.name).keys
        parts = [(part.name, part.type) for part in keys.parts]
        if parts != [(KEY, "S")]:
            raise DeliveryFailed(
                f"The table {named.name} can't take failures: its key must be one hash key,"
                f" {KEY!r}, a string. Name a table that has it."
            )
        store.call("PutItem", {"TableName": named.name, "Item": _item(parcel)})
    except ResourceNotFound as error:
        raise DeliveryFailed(
            f"There is no table {named.name} in this store; create it with the hash key {KEY!r},"
            " a string."
        ) from error
    except StoreError as error:
        raise DeliveryFailed(f"The table {named.name} did not take the failure: {error}") from error


def _item(parcel: Parcel) -> dict[str, Any]:
    moment = datetime.fromtimestamp(parcel.created_ms / 1000, UTC)
    item: dict[str, Any] = {
        KEY: {"S": parcel.key},
        **{name: _value(fact) for name, fact in parcel.facts.items()},
        "createdAt": {"S": f"{moment:%Y-%m-%dT%H:%M:%S}.{parcel.created_ms % 1000:03d}Z"},
        "record": _value(parcel.record),
    }
    payload = parcel.payload
    if payload is None:
        return item
    if len(payload) <= _PAYLOAD_BYTES_MAX:
        item["payload"] = {"S": payload.decode()}
    else:
        item["payloadOmitted"] = {"N": str(len(payload))}
    return item


def _value(value: Any) -> dict[str, Any]:
    """An attribute value of what JSON holds."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {name: _value(each) for name, each in value.items()}}
    return {"L": [_value(each) for each in value]}


def to_file(store_path: str, named: Named, parcel: Parcel) -> None:
    """Append a failure to a file of lines, durably. Raises DeliveryFailed.

    For one thread at a time. Lines of several processes do not mix: each is one write.
    """
    path = named.name
    line = orjson.dumps(_members(parcel)) + b"\n"
    try:
        _refuse_store(store_path, path)
        is_new = not os.path.exists(path)
        descriptor = os.open(path, _FLAGS, 0o600)
        try:
            _append(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            files.sync(os.path.dirname(path))
    except OSError as error:
        raise DeliveryFailed(
            f"{path} did not take the failure: {error.strerror or error}. Check that its folder is"
            " there, that it may be written to, and that the disk has room."
        ) from error


def _members(parcel: Parcel) -> dict[str, Any]:
    payload = parcel.payload
    if payload is None:
        return {"record": parcel.record}
    if b"\n" in payload or b"\r" in payload:
        payload = orjson.dumps(orjson.loads(payload))
    return {"record": parcel.record, "payload": orjson.Fragment(payload)}


def _refuse_store(store_path: str, path: str) -> None:
    """A store's own file must not even be opened here: closing it would drop SQLite's locks."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        with suppress(FileNotFoundError):
            if os.path.samefile(store_path + suffix, path):
                raise DeliveryFailed(f"{path} is the store's own file; name another file.")


def _append(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    written = os.write(descriptor, line)
    if written != len(line):
        raise OSError(f"only {written} of {len(line)} bytes were written")
