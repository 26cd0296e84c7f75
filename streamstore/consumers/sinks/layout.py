"""The columns of a replicated table: which attribute goes where, under which name.

An attribute gets a column when it is first seen, of the kind of its value then:

    S text    N number    B bytes    BOOL boolean    L, M, SS, NS, BS json (encoding)

A value of another kind than the attribute's first gets a column of its own, `price_text` beside
`price`: nothing is rewritten, no digit is lost, and what reads the first column goes on to work.
What has no column is in `_rest`, a JSON object: attributes beyond SINK_COLUMNS_MAX columns, those
with very long names, and NULL, so that it is told from absence. S with U+0000 counts as json.

Names are the attributes' own as far as they go: 63 bytes, no control character, no percent sign,
unequal without regard to case; else they are cut, with a digest of the whole, or numbered. A key
that is too long for an index, or holds U+0000, is stood in for by `$sha256:` and its digest, and
whole in `_rest`.

A Layout is a value of one page: `row` adds columns to it as it goes, and whoever committed them
keeps it. Must not know: databases.
"""

from __future__ import annotations

import copy
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

import orjson

from ... import limits
from .encoding import NUL, Value, encode, encode_value
from .seam import Item, Source

Kind = Literal["text", "number", "bytes", "boolean", "json"]
Row = dict[str, Any]

_S_WITH_NUL: Final = "S with U+0000"
KINDS: Final[dict[str, Kind]] = {
    "S": "text",
    "N": "number",
    "B": "bytes",
    "BOOL": "boolean",
    "L": "json",
    "M": "json",
    "SS": "json",
    "NS": "json",
    "BS": "json",
    _S_WITH_NUL: "json",
}
SEQUENCE: Final = "_sequence"
COPY: Final = "_copy"
REST: Final = "_rest"
# PostgreSQL's own columns, which no other may be named after, and ours.
RESERVED: Final = (SEQUENCE, COPY, REST, "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")
STAND_IN: Final = "$sha256:"

_CUT_BYTES: Final = limits.SINK_NAME_BYTES_MAX - 12  # leaves room for a digest and a number
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**63 - 1


class Column(NamedTuple):
    """A column of the target: of which attribute, of which kind, under which name."""

    attribute: str
    kind: Kind
    name: str


class _Slot(NamedTuple):
    key: str  # of the row
    convert: Callable[[Value], Any] | None  # None: the payload as it is


class Layout:
    """The columns of one table, and rows by them. `loose`: for SQLite, which has no exact number.

    columns  in the order of the table; those of the key first. The n-th is `c<n>` in a row.
    """

    def __init__(self, source: Source, columns: Iterable[Column], *, loose: bool) -> None:
        self.source = source
        self.loose = loose
        self.keys = frozenset(name for name, _ in source.keys)
        self.columns: list[Column] = []
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._taken = {fold(name) for name in RESERVED}
        self._attributes: set[str] = set()
        self._blank: Row = {}
        self._key_slots: list[tuple[str, str, Callable[[Value], Any] | None]] = []
        for column in columns:
            self._add(column)
        for name, kind in source.keys:
            if (name, kind) not in self._slots:
                self._add(Column(name, KINDS[kind], self._name(name)))
            self._key_slots.append((name, kind, self._slots[name, kind].convert))

    def copy(self) -> Layout:
        """A layout that may grow without this one growing."""
        made = copy.copy(self)
        for name in ("columns", "_slots", "_taken", "_attributes", "_blank"):
            setattr(made, name, copy.copy(getattr(self, name)))
        return made

    def key(self, key: Item) -> tuple[Any, ...]:
        """What the key's columns hold for a key."""
        return tuple(
            convert(key[name]) if convert else key[name][kind]
            for name, kind, convert in self._key_slots
        )

    def row(self, item: Item) -> Row:
        """The columns' values for an item; may add columns, which rows made before lack."""
        row = dict(self._blank)
        rest: Item | None = None
        slots, keys = self._slots, self.keys
        for name, value in item.items():
            ((kind, payload),) = value.items()
            if name in keys:
                if self._stands_in(kind, payload):
                    rest = {**(rest or {}), name: value}
            elif kind == "S" and NUL in payload:
                kind = _S_WITH_NUL
            slot = slots.get((name, kind))
            if slot is None:
                slot = self._adopt(name, kind)
                if slot is None:
                    if rest is None:
                        rest = {}
                    rest[name] = value
                    continue
            row[slot.key] = payload if slot.convert is None else slot.convert(value)
        row["rest"] = None if rest is None else encode(rest)
        return row

    def _adopt(self, attribute: str, type_name: str) -> _Slot | None:
        """A column for an attribute that has none of that kind; None where there is to be none."""
        kind = KINDS.get(type_name)
        if kind is None or NUL in attribute:
            return None
        full = len(self.columns) >= limits.SINK_COLUMNS_MAX
        if full or len(attribute.encode()) > limits.SINK_ATTRIBUTE_BYTES_MAX:
            return None
        wanted = f"{attribute}_{kind}" if attribute in self._attributes else attribute
        self._add(Column(attribute, kind, self._name(wanted)))
        return self._slots[attribute, type_name]

    def _add(self, column: Column) -> None:
        key = f"c{len(self.columns)}"
        self.columns.append(column)
        self._attributes.add(column.attribute)
        self._taken.add(fold(column.name))
        self._blank[key] = None
        for type_name, kind in KINDS.items():
            if kind == column.kind:
                slot = _Slot(key, self._conversion(column))
                self._slots[column.attribute, type_name] = slot

    def _name(self, wanted: str) -> str:
        return column_name(wanted, self._taken)

    def _conversion(self, column: Column) -> Callable[[Value], Any] | None:
        if column.kind == "json":
            return encode_value
        if column.kind == "number" and self.loose:
            return lambda value: loose_number(value["N"])
        if column.attribute in self.keys and column.kind == "text":
            return lambda value: _text_key(value["S"])
        if column.attribute in self.keys and column.kind == "bytes":
            return lambda value: _bytes_key(value["B"])
        return None

    @staticmethod
    def _stands_in(kind: str, payload: Any) -> bool:
        if kind == "S":
            return _text_key(payload) is not payload
        return kind == "B" and _bytes_key(payload) is not payload


def fold(name: str) -> str:
    """Names that a database might take for one name have one fold."""
    return name.casefold()


def column_name(wanted: str, taken: Iterable[str]) -> str:
    """A name for an attribute: the attribute's own where it can be, else one like it, and none
    whose fold is in `taken`.
    """
    # SQLAlchemy takes a percent sign for the beginning of a parameter, even between quotes.
    text = "".join(c if c.isprintable() and c != "%" else "_" for c in wanted) or "_"
    if text != wanted or len(text.encode()) > limits.SINK_NAME_BYTES_MAX:
        digest = sha256(wanted.encode()).hexdigest()[:8]
        text = text.encode()[: _CUT_BYTES - 1].decode("utf-8", "ignore") + "_" + digest
    name, number = text, 1
    while fold(name) in taken:
        number += 1
        end = f"_{number}"
        room = limits.SINK_NAME_BYTES_MAX - len(end)
        name = text.encode()[:room].decode("utf-8", "ignore") + end
    return name


def loose_number(text: str) -> int | float | str:
    """A number for a SQLite column without affinity: INTEGER or REAL where that is the very same
    decimal, else its text.
    """
    if "." not in text:
        whole = int(text)
        if _INTEGER_MIN <= whole <= _INTEGER_MAX:
            return whole
    nearest = float(text)
    return nearest if Decimal(repr(nearest)) == Decimal(text) else text


def _text_key(text: str) -> str:
    short = len(text) * 4 <= limits.SINK_KEY_BYTES_MAX or (
        len(text.encode()) <= limits.SINK_KEY_BYTES_MAX
    )
    if short and NUL not in text and not text.startswith(STAND_IN):
        return text
    return STAND_IN + sha256(text.encode()).hexdigest()


def _bytes_key(payload: bytes) -> bytes:
    mark = STAND_IN.encode()
    if len(payload) <= limits.SINK_KEY_BYTES_MAX and not payload.startswith(mark):
        return payload
    return mark + sha256(payload).digest()


def key_text(key: Item | None) -> str | None:
    """A key as text, for a sink's own notes."""
    return None if key is None else orjson.dumps(key, default=_encoded).decode()


def key_of(text: str | None) -> Item | None:
    """The key of such a text."""
    if text is None:
        return None
    key: Item = orjson.loads(text)
    return {n: {"B": b64decode(v["B"])} if "B" in v else v for n, v in key.items()}


def _encoded(payload: Any) -> str:
    assert isinstance(payload, bytes), payload
    return b64encode(payload).decode()
