"""Bodies that go on: their pieces, and the ways in which they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from streamstore.server.doors.streamed import until


class Source:
    """Pieces, and then silence, an end or an error; notes that it was closed."""

    def __init__(self, *pieces: bytes, then: str = "silence") -> None:
        self.pieces = pieces
        self.then = then
        self.closed = False

    async def run(self) -> AsyncIterator[bytes]:
        try:
            for piece in self.pieces:
                yield piece
            if self.then == "error":
                raise RuntimeError("broken")
            if self.then == "silence":
                await asyncio.Event().wait()
        finally:
            self.closed = True


def test_pieces_come_as_they_are_and_end() -> None:
    async def run() -> list[bytes]:
        return [p async for p in until(asyncio.Event(), Source(b"a", b"", b"b", then="end").run())]

    assert asyncio.run(run()) == [b"a", b"", b"b"]


def test_a_drain_ends_a_body_that_waits_and_its_source_hears_of_it() -> None:
    source = Source(b"a")

    async def run() -> list[bytes]:
        ending, got = asyncio.Event(), []
        async for piece in until(ending, source.run()):
            got.append(piece)
            asyncio.get_running_loop().call_soon(ending.set)
        return got

    assert asyncio.run(run()) == [b"a"]
    assert source.closed


def test_an_error_of_the_source_is_an_error_of_the_body() -> None:
    async def run() -> None:
        async for _ in until(asyncio.Event(), Source(then="error").run()):
            pass

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(run())


def test_a_reader_that_is_cancelled_takes_the_source_with_it() -> None:
    source = Source(b"a")

    async def read() -> None:
        async for _ in until(asyncio.Event(), source.run()):
            pass

    async def run() -> None:
        reading = asyncio.ensure_future(read())
        for _ in range(5):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
        assert reading.cancelled()

    asyncio.run(run())
    assert source.closed
