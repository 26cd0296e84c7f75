"""uvicorn's own HTTP protocol, borrowed for one request at a time by a Wire.

Imported when the first page is asked for, since it is not needed for calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class PageProtocol(HttpToolsProtocol):
    """Runs the app on the one request it is given; `answered` is called when the response is
    complete.

    Keeping the connection alive, and timing it out, is the Wire's affair.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        answered: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        self._answered = answered

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._answered()
