"""A store to be damaged: small, with something in each region of its files, and where those are.

Owns: its content, the files after a clean end and after a crash, and the regions of each file.
Must not know: what is damaged, or what comes of it.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any, Final, NamedTuple

from ...clock import ManualClock
from ...config import Settings
from ...limits import PAGE_SIZE_BYTES
from ...storage.connection import open_reader
from ...store import Store

FILE: Final = "store.db"
HEADER_BYTES: Final = 100
CHECKSUM_BYTES: Final = 8
WAL_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
INDEX_HEADER_BYTES: Final = 136
_PAGE_KINDS: Final = "SELECT pageno, pagetype FROM dbstat"
_VIEWS: Final = ("NEW_AND_OLD_IMAGES", "NEW_IMAGE")

Files = dict[str, bytes]


class Span(NamedTuple):
    """A run of bytes in one of the files, by its suffix."""

    suffix: str
    start: int
    size: int


class Subject(NamedTuple):
    """Files by suffix ("" is the store's own), and their spans by region. `clock_ms`: the time in
    them.
    """

    files: Files
    regions: dict[str, list[Span]]
    clock_ms: int


def clean(seed: int, folder: str, settings: Settings) -> Subject:
    """The files that a store leaves which was closed."""
    store = _lived(seed, folder, settings, 60)
    store.close()
    return _subject(folder, store.clock.now_ms())


def crashed(seed: int, folder: str, settings: Settings) -> Subject:
    """The files of a store whose process died: the newest commits are in the log only."""
    store = _lived(seed, folder, settings, 40)
    assert store.writer is not None
    store.maintenance.checkpoint()  # type: ignore[union-attr]
    _write(store, Random(seed + 1), 30)
    # Nobody else has the file open, so reading it here takes nobody's lock away.
    subject = _subject(folder, store.clock.now_ms())
    store.close()
    return subject


def put(files: Files, folder: str) -> str:
    """Write these files into a folder, and nothing else beside them; returns the store's path."""
    path = os.path.join(folder, FILE)
    for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
        if suffix in files:
            descriptor = os.open(path + suffix, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(descriptor, files[suffix])
            os.close(descriptor)
        elif os.path.exists(path + suffix):
            os.unlink(path + suffix)
    return path


def _subject(folder: str, clock_ms: int) -> Subject:
    path = os.path.join(folder, FILE)
    kinds = _page_kinds(path)
    files: Files = {}
    for suffix in ("", "-wal", "-shm", ".lock"):
        if os.path.exists(path + suffix):
            descriptor = os.open(path + suffix, os.O_RDONLY)
            files[suffix] = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            os.close(descriptor)
    return Subject(files, _regions(files, kinds), clock_ms)


def _page_kinds(path: str) -> dict[int, str]:
    connection = open_reader(path, foreign=True)
    try:
        rows: list[Any] = connection.execute(_PAGE_KINDS).fetchall()
        return dict(rows)
    finally:
        connection.close(True)


def _regions(files: Files, kinds: dict[int, str]) -> dict[str, list[Span]]:
    regions: dict[str, list[Span]] = {"header": [Span("", 0, HEADER_BYTES)]}

    def add(region: str, suffix: str, start: int, size: int) -> None:
        regions.setdefault(region, []).append(Span(suffix, start, size))

    for number in range(1, len(files[""]) // PAGE_SIZE_BYTES + 1):
        start = (number - 1) * PAGE_SIZE_BYTES
        content = PAGE_SIZE_BYTES - CHECKSUM_BYTES
        # Pages that no tree has are free ones, and the pointers that auto_vacuum keeps.
        add(kinds.get(number, "free or pointers"), "", start, content)
        add("checksum", "", start + content, CHECKSUM_BYTES)
    if files.get("-wal"):
        add("log header", "-wal", 0, WAL_HEADER_BYTES)
        size = FRAME_HEADER_BYTES + PAGE_SIZE_BYTES
        for start in range(WAL_HEADER_BYTES, len(files["-wal"]) - size + 1, size):
            add("frame header", "-wal", start, FRAME_HEADER_BYTES)
            add("frame", "-wal", start + FRAME_HEADER_BYTES, PAGE_SIZE_BYTES)
    if files.get("-shm"):
        # Its header decides whether the rest is believed.
        add("log index", "-shm", 0, INDEX_HEADER_BYTES)
        add("log index", "-shm", INDEX_HEADER_BYTES, len(files["-shm"]) - INDEX_HEADER_BYTES)
    if files.get(".lock"):
        add("lock", ".lock", 0, len(files[".lock"]))
    return regions


def _lived(seed: int, folder: str, settings: Settings, writes: int) -> Store:
    clock = ManualClock()
    store = Store(os.path.join(folder, FILE), settings, clock)
    for number, view in enumerate(_VIEWS):
        store.call("CreateTable", _definition(f"table{number}", view))
    rng = Random(seed)
    _write(store, rng, writes)
    store.split_shard("table0")
    _write(store, rng, writes // 2)
    clock.advance(25 * 3600)  # records are trimmed, which makes free pages
    store.call("DeleteTable", {"TableName": "table1"})
    while store.tick():
        pass
    _write(store, rng, writes // 2)
    return store


def _write(store: Store, rng: Random, times: int) -> None:
    for _ in range(times):
        item = {
            "a": {"S": f"k{rng.randrange(24)}"},
            "g": {"S": rng.choice("xyz")},
            "x": {"S": "q" * rng.choice([1, 300, 900, 6000])},
        }
        for name in store.call("ListTables", {})["TableNames"]:
            store.call("PutItem", {"TableName": name, "Item": item})
        if rng.random() < 0.2:
            key = {"a": {"S": f"k{rng.randrange(24)}"}}
            store.call("DeleteItem", {"TableName": "table0", "Key": key})


def _definition(name: str, view: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "a", "AttributeType": "S"},
            {"AttributeName": "g", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "byg",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view},
    }
