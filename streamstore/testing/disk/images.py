"""What a power loss could leave of a disk: images, rebuilt from its log at every position.

The model. A file's bytes are durable when a sync of the file has returned, its name when a sync of
the folder has. Of everything else any subset may be there, applied in the order of the log: a write
wholly, not at all, or torn at multiples of 512 bytes; a truncate or not; an entry or not. A sync
that failed leaves its writes in limbo: there or not, and no later sync makes them durable, as on
Linux, where the failed pages are marked clean.

What it leaves out: sectors are never garbled, a write changes no byte beside its range (SQLite
calls that powersafe overwrite), and entries come one by one, while journaling file systems order
them; the model is harsher there than they are.

An image has a key, the hash of all its files. It is linear in the bytes, so that the key of a
subset costs an addition a write; nothing is built for an image that was seen before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, Final, NamedTuple

from .log import Log, Operation

SECTOR_BYTES: Final = 512
_PRIME: Final = (1 << 128) - 159
_powers: dict[int, int] = {}

Key = tuple[tuple[str, int, int], ...]


def weigh(data: bytes | bytearray | memoryview, offset: int) -> int:
    """The share of bytes at an offset in a file's hash: the file as a number, modulo a prime."""
    power = _powers.get(offset)
    if power is None:
        if len(_powers) > 100_000:
            _powers.clear()
        power = _powers[offset] = pow(256, offset, _PRIME)
    return int.from_bytes(data, "little") % _PRIME * power % _PRIME


class Piece:
    """A write or a truncate that is not durable for certain. `fate`: pending, limbo or firm."""

    __slots__ = ("data", "delta", "fate", "offset")

    def __init__(self, offset: int, data: bytes | None) -> None:
        self.offset = offset
        self.data = data  # None: a truncate to `offset`
        self.delta: int | None = None  # to the hash of the durable bytes, once it was asked for
        self.fate = "pending"

    def apply(self, content: bytearray) -> None:
        """Do it to a file's bytes."""
        if self.data is None:
            _resize(content, self.offset)
        else:
            _write(content, self.offset, self.data)

    def torn(self, rng: Random) -> list[Piece]:
        """Some of its sectors: a prefix, or any."""
        if self.data is None:
            return []
        cuts = list(range(-self.offset % SECTOR_BYTES, len(self.data), SECTOR_BYTES))
        bounds = [0, *(cut for cut in cuts if cut), len(self.data)]
        if rng.random() < 0.5:
            end = bounds[rng.randrange(len(bounds) - 1)]
            return [Piece(self.offset, self.data[:end])] if end else []
        return [
            Piece(self.offset + start, self.data[start:end])
            for start, end in pairwise(bounds)
            if rng.random() < 0.5
        ]


class File:
    """A node: what is durable of it, and the pieces that may be."""

    __slots__ = ("_cached_hash", "_hash", "_ranges", "_regular", "cached", "durable", "pieces")

    def __init__(self, content: bytes = b"") -> None:
        self.durable = bytearray(content)
        self.cached = bytearray(content)
        self._hash = self._cached_hash = weigh(content, 0)
        self.pieces: list[Piece] = []
        self._regular = True  # no two pieces touch the same bytes, and none truncates
        self._ranges: list[tuple[int, int]] = []  # that pieces touch

    def add(self, piece: Piece) -> None:
        """A write or a truncate is made."""
        if piece.data is None:
            self._regular = False
            piece.apply(self.cached)
            self._cached_hash = weigh(self.cached, 0)
        else:
            start, end = piece.offset, piece.offset + len(piece.data)
            if any(start < other_end and other < end for other, other_end in self._ranges):
                self._regular = False
            self._ranges.append((start, end))
            was = weigh(self.cached[start:end], start)
            piece.apply(self.cached)
            self._cached_hash = (self._cached_hash + weigh(piece.data, start) - was) % _PRIME
        self.pieces.append(piece)

    def sync(self) -> None:
        """What is pending is durable now."""
        if any(piece.fate == "limbo" for piece in self.pieces):
            for piece in self.pieces:
                if piece.fate == "pending":
                    piece.fate = "firm"
            return
        for piece in self.pieces:
            piece.apply(self.durable)
        self._hash = self._cached_hash
        self.pieces = []
        self._ranges.clear()
        self._regular = True

    def fail(self) -> None:
        """A sync failed: what was pending is in limbo."""
        for piece in self.pieces:
            if piece.fate == "pending":
                piece.fate = "limbo"

    def build(self, chosen: list[Piece]) -> bytearray:
        """The bytes with these pieces."""
        if chosen is self.pieces:
            return bytearray(self.cached)
        content = bytearray(self.durable)
        for piece in chosen:
            piece.apply(content)
        return content

    def key(self, chosen: list[Piece]) -> tuple[int, int]:
        """The hash and the size with these pieces, without building it where that can be."""
        if chosen is self.pieces:
            return self._cached_hash, len(self.cached)
        if not self._regular and chosen:
            content = self.build(chosen)
            return weigh(content, 0), len(content)
        size = len(self.durable)
        total = self._hash
        for piece in chosen:
            assert piece.data is not None, "truncates are not regular"
            start = piece.offset
            if piece.delta is None:
                was = weigh(self.durable[start : start + len(piece.data)], start)
                piece.delta = weigh(piece.data, start) - was
            total += piece.delta
            size = max(size, start + len(piece.data))
        return total % _PRIME, size


class Image:
    """One thing that a power loss at `position` could leave. `how` says which choice it is."""

    __slots__ = ("_chosen", "how", "position")

    def __init__(
        self, position: int, how: str, chosen: dict[str, tuple[File, list[Piece]]]
    ) -> None:
        self.position = position
        self.how = how
        self._chosen = chosen

    @property
    def names(self) -> list[str]:
        """The files that are there."""
        return sorted(self._chosen)

    def key(self, names: Iterable[str]) -> Key:
        """The hash of these files; two images of one key hold the same."""
        chosen = self._chosen
        return tuple(
            (name, *chosen[name][0].key(chosen[name][1])) for name in names if name in chosen
        )

    def build(self, names: Iterable[str] | None = None) -> dict[str, bytes | bytearray]:
        """The files by name; only before the walk goes on to the next step."""
        chosen = self._chosen
        return {
            name: chosen[name][0].build(chosen[name][1])
            for name in (self.names if names is None else names)
            if name in chosen
        }


class Step(NamedTuple):
    """A position of the log, and the images of a power loss after its operation; none at a mark.
    `state` makes further ones.
    """

    position: int
    operation: Operation
    images: Iterator[Image]
    state: State


@dataclass(frozen=True)
class Losses:
    """How many images a position gives, beside "all" and "none"."""

    some: int = 6
    skip: int = 0  # positions between two that give images other than "all"


class State:
    """The disk at one position of its log."""

    def __init__(self, base: Mapping[str, bytes]) -> None:
        self.files: dict[int, File] = {}
        self.names: dict[str, int] = {}
        self.entries: list[Mapping[str, int | None]] = []  # that are not durable for certain
        for node, (name, content) in enumerate(base.items()):
            self.files[node] = File(content)
            self.names[name] = node

    def apply(self, operation: Operation) -> None:
        """Go one position on."""
        kind, node = operation.kind, operation.node
        if kind == "write":
            self.files[node].add(Piece(operation.offset, operation.data))
        elif kind == "truncate":
            self.files[node].add(Piece(operation.offset, None))
        elif kind == "sync":
            self.files[node].sync()
        elif kind == "sync-failed":
            self.files[node].fail()
        elif kind == "entries":
            self.entries.append(operation.entries)
            for other in operation.entries.values():
                if other is not None:
                    self.files.setdefault(other, File())
        elif kind == "sync-folder":
            for entries in self.entries:
                _bind(self.names, entries)
            self.entries.clear()

    def whole(self, position: int) -> Image:
        """Everything that was done is there: what a kill leaves."""
        names = dict(self.names)
        for entries in self.entries:
            _bind(names, entries)
        chosen = {name: self.files[node] for name, node in names.items()}
        return Image(position, "all", {n: (file, file.pieces) for n, file in chosen.items()})

    def bare(self, position: int) -> Image:
        """Nothing but what is durable for certain."""
        chosen = {name: self.files[node] for name, node in self.names.items()}
        return Image(position, "none", {n: (file, _firm(file)) for n, file in chosen.items()})

    def some(self, position: int, rng: Random) -> Image:
        """A random choice, of one of several kinds."""
        names = dict(self.names)
        mood = rng.choice((0.2, 0.5, 0.8, 1.0))
        for entries in self.entries:
            if rng.random() < mood:
                _bind(names, entries)
        chosen = {}
        for name, node in names.items():
            file = self.files[node]
            chosen[name] = (file, _choose(file, rng))
        return Image(position, "some", chosen)

    @property
    def certain(self) -> bool:
        """Whether there is nothing to choose."""
        return not self.entries and all(not file.pieces for file in self.files.values())


def images(log: Log, base: Mapping[str, bytes], losses: Losses, rng: Random) -> Iterator[Step]:
    """Walk the log: at each position what a power loss could leave there, "all" first.

    `base` is what was durable when the log began (Disk.base). The images of a step are made as they
    are asked for, and belong to the step: look at them before the next one.
    """
    state = State(base)
    for position, operation in enumerate(log.operations):
        state.apply(operation)
        if operation.kind == "mark":
            yield Step(position, operation, iter(()), state)
            continue
        yield Step(position, operation, _of(state, position, losses, rng), state)


def _of(state: State, position: int, losses: Losses, rng: Random) -> Iterator[Image]:
    yield state.whole(position)
    if state.certain or (losses.skip and position % (losses.skip + 1)):
        return
    yield state.bare(position)
    for _ in range(losses.some):
        yield state.some(position, rng)


def _firm(file: File) -> list[Piece]:
    return [piece for piece in file.pieces if piece.fate == "firm"]


def _choose(file: File, rng: Random) -> list[Piece]:
    """Which pieces are there: those up to one that is torn, all but one, only one, or any."""
    pieces = file.pieces
    if not pieces:
        return pieces
    kind = rng.randrange(5)
    at = rng.randrange(len(pieces))
    share = rng.choice((0.1, 0.5, 0.9))
    chosen: list[Piece] = []
    for number, piece in enumerate(pieces):
        if piece.fate == "firm":
            chosen.append(piece)
        elif kind == 0:
            if number < at:
                chosen.append(piece)
            elif number == at:
                chosen += piece.torn(rng)
        elif kind == 1:
            if number != at:
                chosen.append(piece)
        elif kind == 2:
            if number == at:
                chosen.append(piece)
        elif rng.random() < share:
            if kind == 3 and rng.random() < 0.3:
                chosen += piece.torn(rng)
            else:
                chosen.append(piece)
    return chosen


def _bind(names: dict[str, int], entries: Mapping[str, int | None]) -> None:
    for name, node in entries.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _resize(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def _write(content: bytearray, offset: int, data: Any) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
