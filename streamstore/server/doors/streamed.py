"""A response body that goes on: pieces as they come, until they end, the client leaves or the
server drains. What the pieces are is the handler's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response


def streaming(
    ending: asyncio.Event, status: int, headers: dict[str, str], pieces: AsyncIterator[bytes]
) -> Response:
    """The response; no cache keeps it. It ends when `ending` is set."""
    from starlette.responses import StreamingResponse

    headers = {**headers, "Cache-Control": "no-store"}
    return StreamingResponse(until(ending, pieces), status, headers)


async def until(ending: asyncio.Event, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a body, as long as the server doesn't drain."""
    ended = asyncio.ensure_future(ending.wait())
    try:
        while True:
            piece = asyncio.ensure_future(anext(pieces, None))
            try:
                await asyncio.wait((piece, ended), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not piece.done():
                    piece.cancel()
                    await asyncio.wait((piece,))
            if piece.cancelled():
                return
            got = piece.result()
            if got is None:
                return
            yield got
    finally:
        ended.cancel()
