"""uvicorn's own HTTP protocol, borrowed for one request at a time by a Wire.

Imported when the first page is asked for: uvicorn and Starlette cost more than the rest of the
server together, and calls need neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class PageProtocol(HttpToolsProtocol):
    """Runs the app on the one request it is given; `answered` is called when that is complete.

    Keeping the connection alive, and timing it out, is the Wire's affair.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        answered: Callable[[], None],
    ) -> None:
        super().__init__(config, state, {}, loop)
        self._answered = answered

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._answered()


class Pages:
    """Makes page protocols for one app on one loop. `date` is put into every response."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._config = Config(
            app,
            interface="asgi3",
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._state = ServerState()
        self._loop = loop

    def make(self, date: bytes, answered: Callable[[], None]) -> PageProtocol:
        """The protocol for one request. `date` is a whole header line."""
        name, _, value = date.strip().partition(b": ")
        self._state.default_headers = [(name, value)] if name else []
        return PageProtocol(self._config, self._state, self._loop, answered)
