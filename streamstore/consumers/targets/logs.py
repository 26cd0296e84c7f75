"""The end of what a function said during one invocation, as Lambda's LogType=Tail shows it.

A `LogTail` is made by whoever wants one and travels with the invocation; a target writes into it
what its function says: a command's stderr, a remote one's own tail, and of a function of this
process whatever is printed or logged by the thread that runs it. For the latter sys.stdout and
sys.stderr are replaced by streams that pass everything on and look, by a context variable, whose
invocation it is, so invocations side by side keep their own; and the root logger has a handler that
does the same, in Lambda's format. They are there only while such an invocation runs.

Threads that a handler starts itself are not followed. What an invocation says after its time is
over is not kept.
"""

from __future__ import annotations

import logging
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

from ... import limits
from .target import EXITED, TIMED_OUT, FunctionError, Outcome

_HERE: ContextVar[LogTail | None] = ContextVar("log_tail", default=None)
_MESSAGE: Final = logging.Formatter("%(message)s")  # with the exception's lines, if any
_MEMORY_MB: Final = 128  # what contexts say


class LogTail:
    """The last FUNCTION_LOG_BYTES_MAX bytes of one invocation's log. Thread-safe."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self._bytes = bytearray()
        self._ended = False
        self._lock = threading.Lock()

    def write(self, said: bytes) -> None:
        """Add to it."""
        with self._lock:
            if not self._ended:
                self._bytes += said
                del self._bytes[: -limits.FUNCTION_LOG_BYTES_MAX]

    def log(self, record: logging.LogRecord) -> None:
        """Add a record of a logger."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        head = f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{self.request_id}"
        self.write(f"{head}\t{_MESSAGE.format(record)}\n".encode(errors="replace"))

    def replace(self, said: bytes) -> None:
        """Be the tail that a remote function's service has made; its own lines are in it."""
        with self._lock:
            self._bytes = bytearray(said[-limits.FUNCTION_LOG_BYTES_MAX :])
            self._ended = True

    def begin(self) -> None:
        """The line before everything."""
        self.write(f"START RequestId: {self.request_id} Version: $LATEST\n".encode())

    def end(self, outcome: Outcome, seconds: float, *, in_process: bool) -> bytes:
        """The lines after everything; returns the whole tail, to which nothing is added then."""
        if self._bytes and not self._bytes.endswith(b"\n"):
            self.write(b"\n")
        self.write(_told(outcome).encode(errors="replace"))
        ms = seconds * 1000
        who = resource.RUSAGE_SELF if in_process else resource.RUSAGE_CHILDREN
        used_mb = ceil(resource.getrusage(who).ru_maxrss / 1024)
        self.write(
            f"END RequestId: {self.request_id}\n"
            f"REPORT RequestId: {self.request_id}\tDuration: {ms:.2f} ms\t"
            f"Billed Duration: {ceil(ms)} ms\tMemory Size: {_MEMORY_MB} MB\t"
            f"Max Memory Used: {used_mb} MB\t\n".encode()
        )
        with self._lock:
            self._ended = True
            return bytes(self._bytes)


def _told(outcome: Outcome) -> str:
    """What Lambda's runtime writes of a failure."""
    if not isinstance(outcome, FunctionError):
        return ""
    if outcome.error_type == TIMED_OUT:
        return f"{outcome.message}\n"
    if outcome.error_type == EXITED:
        return f"{outcome.message.splitlines()[0]}\n{EXITED}\n"
    text = f"[ERROR] {outcome.error_type}: {outcome.message}\n"
    if outcome.stack:
        text += "Traceback (most recent call last):\n" + "".join(outcome.stack)
    return text


# Functions of this process.


class _Listening:
    """A text stream that passes on what is written, and keeps it for whoever's invocation it is."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """As a text stream's."""
        tail = _HERE.get()
        if tail is not None:
            tail.write(text.encode(errors="replace"))
        written: int = self.stream.write(text)
        return written

    def writelines(self, lines: Any) -> None:
        """As a text stream's."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Handler(logging.Handler):
    """Keeps what is logged for whoever's invocation it is."""

    def emit(self, record: logging.LogRecord) -> None:
        tail = _HERE.get()
        if tail is not None:
            try:
                tail.log(record)
            except Exception:
                self.handleError(record)
        last = logging.lastResort
        # Without this handler the record would have gone there, and must not be kept twice.
        if last is not None and record.levelno >= last.level and self._is_alone(record.name):
            token = _HERE.set(None)
            try:
                last.handle(record)
            finally:
                _HERE.reset(token)

    def _is_alone(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            if any(each is not self for each in logger.handlers):
                return False
            logger = logger.parent if logger.propagate else None
        return True


class _Installed:
    """The streams and the handler, while anybody needs them."""

    def __init__(self) -> None:
        self._users = 0
        self._lock = threading.Lock()
        self._handler = _Handler()
        self._streams: dict[str, _Listening] = {}

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                for name in ("stdout", "stderr"):
                    self._streams[name] = _Listening(getattr(sys, name))
                    setattr(sys, name, self._streams[name])
                logging.getLogger().addHandler(self._handler)

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                logging.getLogger().removeHandler(self._handler)
                for name, stream in self._streams.items():
                    # Somebody else may have put another one there meanwhile.
                    if getattr(sys, name) is stream:
                        setattr(sys, name, stream.stream)


_INSTALLED: Final = _Installed()


@contextmanager
def listening(tail: LogTail) -> Iterator[None]:
    """Have `tail` hear what this thread prints and logs."""
    _INSTALLED.begin()
    token = _HERE.set(tail)
    try:
        yield
    finally:
        _HERE.reset(token)
        _INSTALLED.end()
