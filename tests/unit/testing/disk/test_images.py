"""What a power loss may leave, against a slow and simple statement of the same rules."""

from __future__ import annotations

from random import Random

import pytest

from streamstore.testing.disk import Losses, images
from streamstore.testing.disk.images import SECTOR_BYTES, State, weigh
from streamstore.testing.disk.log import Log, Operation

NAMES = ("a", "b")


def random_log(rng: Random) -> tuple[Log, dict[str, bytes]]:
    """Operations of every kind on two files, of which the first is there already."""
    log = Log()
    base = {"a": rng.randbytes(rng.randrange(3000))}
    log.adopt("a")
    for _ in range(rng.randrange(5, 40)):
        name = rng.choice([name for name in NAMES if name in log.names] or ["b"])
        match rng.randrange(9):
            case 0 | 1 | 2 | 3:
                log.write(name, rng.randrange(4000), rng.randbytes(rng.randrange(1, 2000)))
            case 4:
                log.truncate(name, rng.randrange(5000))
            case 5:
                log.sync(name, failed=rng.random() < 0.3)
            case 6:
                log.sync_folder()
            case 7:
                log.write("b", 0, b"new")
            case 8 if len(log.names) > 1:
                log.unlink("b")
            case _:
                log.mark("here")
    return log, base


def plain(log: Log, base: dict[str, bytes], position: int) -> dict[str, bytes]:
    """Every file as the system shows it after an operation: no loss at all."""
    nodes = {number: bytearray(content) for number, content in enumerate(base.values())}
    names: dict[str, int] = {name: number for number, name in enumerate(base)}
    for operation in log.operations[: position + 1]:
        content = nodes.setdefault(operation.node, bytearray())
        if operation.kind == "write":
            end = operation.offset + len(operation.data)
            content.extend(bytes(max(0, operation.offset - len(content))))
            content[operation.offset : end] = operation.data
        elif operation.kind == "truncate":
            del content[operation.offset :]
            content.extend(bytes(operation.offset - len(content)))
        for name, node in operation.entries.items():
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node
    return {name: bytes(nodes.get(node, b"")) for name, node in names.items()}


@pytest.mark.parametrize("seed", range(40))
def test_all_is_what_the_system_shows_and_equal_keys_are_equal_files(seed: int) -> None:
    rng = Random(seed)
    log, base = random_log(rng)
    by_key: dict[object, dict[str, bytes]] = {}
    seen = 0
    for step in images(log, base, Losses(some=8), rng):
        for image in step.images:
            files = {name: bytes(content) for name, content in image.build().items()}
            if image.how == "all":
                assert files == plain(log, base, step.position)
            key = image.key(NAMES)
            assert by_key.setdefault(key, files) == files, "two images of one key differ"
            assert key == tuple((n, weigh(files[n], 0), len(files[n])) for n in sorted(files))
            seen += 1
    assert seen > len(log) / 2


@pytest.mark.parametrize("seed", range(40))
def test_a_byte_is_from_the_durable_file_or_from_a_write_since(seed: int) -> None:
    rng = Random(seed)
    log, base = random_log(rng)
    for step in images(log, base, Losses(some=8), rng):
        for image in step.images:
            for name, content in image.build().items():
                file, _ = image._chosen[name]
                for at in range(0, len(content), 97):
                    possible = {file.durable[at]} if at < len(file.durable) else {0}
                    for piece in file.pieces:
                        if piece.data is None:
                            possible.add(0)
                        elif piece.offset <= at < piece.offset + len(piece.data):
                            possible.add(piece.data[at - piece.offset])
                    assert content[at] in possible


def after(*operations: Operation, base: dict[str, bytes]) -> set[bytes | None]:
    """Every content that the first file has in images of the state after these operations."""
    state = State(base)
    for operation in operations:
        state.apply(operation)
    rng = Random(1)
    made = [state.whole(0), state.bare(0), *(state.some(0, rng) for _ in range(300))]
    return {bytes(files["f"]) if "f" in (files := it.build()) else None for it in made}


def write(at: int, data: bytes) -> Operation:
    return Operation("write", 0, at, data)


SYNC, FAILED = Operation("sync", 0), Operation("sync-failed", 0)
FOLDER = Operation("sync-folder")
CREATE, END = Operation("entries", entries={"f": 0}), Operation("entries", entries={"f": None})


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ((write(0, b"1"), SYNC), {b"1bc"}),
        ((write(0, b"1"),), {b"1bc", b"abc"}),
        ((write(0, b"1"), write(2, b"3")), {b"abc", b"1bc", b"ab3", b"1b3"}),
        ((write(0, b"1"), FAILED), {b"abc", b"1bc"}),
        # What a failed sync has lost, no later one brings back; what was written after it, it does.
        ((write(0, b"1"), FAILED, SYNC), {b"abc", b"1bc"}),
        ((write(0, b"1"), FAILED, write(0, b"1"), SYNC), {b"1bc"}),
        ((write(0, b"1"), FAILED, write(2, b"3"), SYNC), {b"ab3", b"1b3"}),
        ((Operation("truncate", 0, 1),), {b"a", b"abc"}),
        ((END,), {None, b"abc"}),
        ((END, FOLDER), {None}),
        ((END, SYNC), {None, b"abc"}),
    ],
)
def test_what_may_be_left(operations: tuple[Operation, ...], expected: set[bytes | None]) -> None:
    assert after(*operations, base={"f": b"abc"}) == expected


def test_a_new_files_name_is_durable_with_the_folder_and_not_with_the_file() -> None:
    assert after(CREATE, write(0, b"1"), SYNC, base={}) == {None, b"1"}
    assert after(CREATE, write(0, b"1"), SYNC, FOLDER, base={}) == {b"1"}


def test_a_write_is_torn_at_sectors_and_nowhere_else() -> None:
    data = b"".join(bytes([65 + n]) * SECTOR_BYTES for n in range(4))
    found = after(write(0, data), base={"f": bytes(len(data))})
    assert len(found) > 8
    for content in found:
        assert content is not None
        for start in range(0, len(data), SECTOR_BYTES):
            sector = content[start : start + SECTOR_BYTES]
            assert sector in (bytes(SECTOR_BYTES), data[start : start + SECTOR_BYTES])
