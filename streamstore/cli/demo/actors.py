"""The demo's processes: started, listened to, killed and ended, each by its own id.

Every actor says JSON lines on stdout and reads commands on stdin. One thread an actor puts what it
says into a queue, so that the parent can wait for a word with a deadline and never hangs on a dead
process.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

WORD_SECONDS_MAX = 60.0
READY_SECONDS_MAX = 20.0


class ActorDied(Exception):
    """A process of the demo ended or fell silent when it should not have; the text has its last
    words.
    """


class Actor:
    """A process of the demo."""

    def __init__(self, name: str, arguments: list[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.words: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.complaints: list[str] = []
        self._listeners = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._listen_to_complaints, daemon=True),
        ]
        for thread in self._listeners:
            thread.start()

    @classmethod
    def of_module(cls, module: str, *arguments: str) -> Actor:
        """`python -m streamstore.cli.demo.MODULE ARGUMENTS`."""
        return cls(module, [sys.executable, "-m", f"streamstore.cli.demo.{module}", *arguments])

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self.words.put(json.loads(line))
        self.words.put(None)

    def _listen_to_complaints(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.complaints.append(line)
            del self.complaints[:-50]

    def word(self) -> dict[str, Any]:
        """The next thing the actor says. ActorDied after a minute of silence or at its end."""
        try:
            word = self.words.get(timeout=WORD_SECONDS_MAX)
        except queue.Empty:
            silence = f"the {self.name} said nothing for {WORD_SECONDS_MAX:.0f} s"
            raise ActorDied(f"{silence}: {''.join(self.complaints)[-2000:]}") from None
        if word is None:
            self._listeners[1].join(timeout=2)
            raise ActorDied(f"the {self.name} ended: {''.join(self.complaints)[-2000:]}")
        return word

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; what it had said but nobody read yet is still in the
        queue.
        """
        self.process.kill()
        self.process.wait()
        self._listeners[0].join(timeout=5)

    def end(self) -> None:
        """Ask it to end, and insist after ten seconds."""
        if self.process.poll() is None:
            if self.process.stdin is not None:
                self.process.stdin.close()
            if self.name == "server":
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()


def start_server(db: Path, port: int) -> Actor:
    """`streamstore serve` on loopback, waited for until it answers."""
    arguments = [sys.executable, "-m", "streamstore", "serve", "--db", str(db), "--port", str(port)]
    server = Actor("server", arguments)
    pause = threading.Event()
    for _ in range(int(READY_SECONDS_MAX / 0.02)):
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as reply:
                if reply.status == 200:
                    return server
        except OSError:
            pause.wait(0.02)
    server.kill()
    raise ActorDied(f"the server did not become ready: {''.join(server.complaints)[-2000:]}")


def free_port() -> int:
    """A port that is free on loopback now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def interpreter_is_whole() -> bool:
    """Whether this interpreter can start itself again (it can't inside some frozen programs)."""
    return bool(sys.executable) and os.access(sys.executable, os.X_OK)
