"""The file as a SQLite database of ours, and rows without owners: what is seen without reading
content.

Owns: SQLite's own integrity check, the tables of the revision, the facts of the store, I-5 for rows
whose owner is gone, tokens and checkpoints. Must not know: items and
records beyond whose they are.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

import msgpack

from ..errors import TailLost
from ..limits import CHECK_KEPT_MAX
from ..storage import migrate, statements
from ..storage.files import APPLICATION_ID
from ..storage.guards.lock import Mark
from . import statements as sql
from .findings import UNREADABLE, Findings
from .picture import Picture
from .records import BITS

if TYPE_CHECKING:
    from ..storage.transaction import ReadTransaction

_DIGEST_BYTES: Final = 32
_TOLERATED: Final = ("_litestream_", "sqlite_")


def check_integrity(rx: ReadTransaction, found: Findings) -> None:
    """SQLite's own words on its trees, pages and indexes."""
    for (text,) in rx.all(sql.INTEGRITY):
        for line in text.splitlines():
            if line != "ok" and not line.startswith("***"):
                found.add("sqlite", "the file", line)


def check_identity(rx: ReadTransaction, found: Findings, picture: Picture) -> None:
    """The file is ours, of this revision, and has the tables and first facts of it."""
    (application,), (revision,) = (
        rx.one(statement) or (None,)
        for statement in (statements.APPLICATION_ID_GET, statements.REVISION_GET)
    )
    if (application, revision) != (APPLICATION_ID, migrate.REVISION):
        found.add(
            "schema",
            "the file",
            f"its application id is {application} and its revision {revision}, not"
            f" {APPLICATION_ID} and {migrate.REVISION}",
        )
    there = set(rx.all(sql.SCHEMA_NAMES))
    wanted = wanted_names()
    for kind, name in sorted(wanted - there):
        found.add("schema", "the file", f"{kind} {name} is missing")
    for kind, name in sorted(there - wanted):
        if not name.startswith(_TOLERATED):
            found.add("schema", "the file", f"{kind} {name} is not of revision {revision}")
    for name, (kind, size) in {
        "store_id": ("blob", migrate.STORE_ID_BYTES),
        "iterator_key": ("blob", migrate.ITERATOR_KEY_BYTES),
        "sequence": ("integer", None),
        "catalogue_version": ("integer", None),
    }.items():
        stored, value = picture.state.get(name, (None, b""))
        if stored != kind or (size is not None and len(value) != size):
            found.add("schema", "store_state", f"{name} is missing, or not what it should be")


def check_tail(found: Findings, picture: Picture, mark: Mark) -> None:
    """What the file's owner had made durable is there."""
    if picture.state.get("store_id", (None, b""))[1] == mark.store_id and (
        picture.counter < mark.counter
    ):
        found.add("tail", "the file", str(TailLost(picture.counter, mark.counter)))


def wanted_names() -> set[tuple[str, str]]:
    """(kind, name) of all that schema.sql makes."""
    text = resources.files("streamstore.storage").joinpath("schema.sql").read_text("utf-8")
    made = set()
    for line in text.splitlines():
        words = line.replace("UNIQUE ", "").split()
        if words[:1] == ["CREATE"]:
            made.add((words[1].lower(), words[2]))
    return made


def check_owners(rx: ReadTransaction, found: Findings, picture: Picture) -> None:
    """I-5: every row's owner is there."""
    for statement, what, owners in (
        (sql.ITEM_OWNER, "items", picture.table_ids),
        (sql.ENTRY_OWNER, "index entries", picture.index_ids),
        (sql.EXPIRY_OWNER, "expiries", picture.table_ids),
    ):
        at = -(2**63)
        while (row := rx.one(statement, (at,))) is not None:
            if row[0] not in owners:
                found.add("I-5", what, f"some belong to {row[0]}, which is not there")
            at = row[0] + 1
    shards = {shard_id for (shard_id,) in rx.all(sql.SHARD_IDS)}
    at = -(2**63)
    while (row := rx.one(sql.RECORD_OWNER, (at,))) is not None:
        if row[0] >> BITS not in shards:
            found.add(
                "I-5", "records", f"some belong to shard {row[0] >> BITS}, which is not there"
            )
        at = ((row[0] >> BITS) + 1) << BITS
    for (name,) in rx.all(sql.SHARDS_ASTRAY, (CHECK_KEPT_MAX,)):
        found.add("I-5", f"shard {name}", "its stream is not there")
    for index_table in picture.indexes.keys() - picture.table_ids:
        for index in picture.indexes[index_table]:
            found.add("I-5", f"index {index.info.name!r}", "its table is not there")
    for stream in picture.streams.values():
        if stream.disabled_ms is None and (
            stream.table_id not in picture.table_ids or stream.table_id in picture.dropped
        ):
            found.add("I-5", stream.place, "it is enabled, and its table is gone")
    for table_id in picture.tables:
        if len(picture.enabled(table_id)) > 1:
            name = picture.tables[table_id].name
            found.add("I-15", f"table {name!r}", "it has more than one enabled stream")


def check_rest(rx: ReadTransaction, found: Findings, picture: Picture) -> None:
    """Tokens and checkpoints."""
    for token, size, _, reply in rx.all(sql.TOKENS):
        try:
            msgpack.unpackb(reply)
            sound = size == _DIGEST_BYTES
        except UNREADABLE:
            sound = False
        if not sound:
            found.add("token", f"token {token!r}", "its digest or its reply can't be read")
    for mapping_id, shard_id in rx.all(sql.CHECKPOINTS_ASTRAY, (CHECK_KEPT_MAX,)):
        where = f"checkpoint of mapping {mapping_id} in shard {shard_id}"
        found.add("I-5", where, "its mapping is not there")
    counter = picture.counter
    for mapping_id, shard_id, number in rx.all(sql.CHECKPOINTS_BEYOND, (counter, CHECK_KEPT_MAX)):
        where = f"checkpoint of mapping {mapping_id} in shard {shard_id}"
        found.add("I-12", where, f"it stands at {number}, the store's counter is {counter}")
