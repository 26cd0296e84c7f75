"""An HTTP server of the test's own, on loopback, that answers what it was told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Peer:
    """What came, and what is answered next: (status, headers, body); None hangs up at once.

    `stalled` set means that nothing is answered until the test ends.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: tuple[int, dict[str, str], bytes] | None = (200, {}, b"null")
        self.chunks: list[bytes] = []
        self.stalled = False
        self.over = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                peer.requests.append((self.path, headers, body))
                if peer.stalled:
                    peer.over.wait(60)
                    return
                if peer.answer is None:
                    return
                status, more, text = peer.answer
                self.send_response(status)
                length = sum(map(len, peer.chunks)) if peer.chunks else len(text)
                for name, value in {"Content-Length": str(length), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for chunk in peer.chunks or [text]:
                        self.wfile.write(chunk)
                except OSError:
                    pass  # the client has had enough

            def log_message(self, *_: Any) -> None:
                """Tests say what they have to say by themselves."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()

    def end(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    running = Peer()
    yield running
    running.end()
