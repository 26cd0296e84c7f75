"""A command: the event as JSON on its stdin, its answer as JSON on its stdout.

Exit code 0 is an answer, another one an error, whose text is what the command said last on stderr;
an error object of Lambda's form on stdout is taken for it. When the time is over the whole process
group is killed, and what it leaves behind when it ends is killed too. Everything read is bounded.

The command runs with the environment of this process and what Lambda puts there beside it. What can
not be started was not invoked.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from time import perf_counter
from typing import IO, Any, Final

from ... import limits
from .endpoint import parsed
from .target import (
    EXITED,
    NOT_JSON,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
    answer_too_large,
    timed_out,
    told_error,
)

_PIECE_BYTES: Final = 64 * 1024
# How often a process is looked at whose children hold its pipes open.
_LOOK_SECONDS: Final = 0.05


def argv_of(text: str) -> list[str]:
    """A command line as a shell would divide it; nothing else of a shell. ValueError for none."""
    argv = shlex.split(text)
    if not argv:
        raise ValueError("a command needs at least a program")
    return argv


class CommandTarget:
    """A program with its arguments. Runs once for each invocation."""

    in_process = False

    def __init__(self, argv: Sequence[str], timeout_seconds: float) -> None:
        self.argv = tuple(argv)
        self.timeout_seconds = timeout_seconds
        self._groups: set[int] = set()
        self._closed = False
        self._lock = threading.Lock()

    def invoke(self, invocation: Invocation) -> Outcome:
        seconds = min(self.timeout_seconds, invocation.deadline_seconds)
        try:
            process = subprocess.Popen(
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(invocation),
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            return NotInvoked(f"{self.argv[0]} can't be started: {error}")
        with self._lock:
            self._groups.add(process.pid)
        try:
            with process:
                run = _Run(process, invocation.payload, perf_counter() + seconds)
                try:
                    run.go()
                finally:
                    _kill(process.pid)
            if invocation.log is not None:
                invocation.log.write(bytes(run.errors))
            if self._closed and process.returncode == -signal.SIGKILL and not run.overdue:
                # Its owner stops, which is no failure of the function: a batch that may be tried
                # once is not to be given up for that.
                return NotInvoked(f"{self.argv[0]} was killed, because its target was closed")
            return run.outcome(invocation, seconds)
        finally:
            with self._lock:
                self._groups.discard(process.pid)

    def close(self) -> None:
        """Kill what runs; its invocations consume no attempt."""
        with self._lock:
            self._closed = True
            for group in self._groups:
                _kill(group)


class _Run:
    """One run of a process: its pipes, until it has ended, said too much, or its time is over."""

    def __init__(self, process: subprocess.Popen[bytes], payload: bytes, ends: float) -> None:
        self.process = process
        self.overdue = False
        self.output = bytearray()
        self.errors = bytearray()
        self._payload = memoryview(payload)
        self._ends = ends
        self._selector = selectors.DefaultSelector()

    def go(self) -> None:
        """Feed and read the process until one of the three."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with self._selector as selector:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            for pipe in (process.stdout, process.stderr):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ)
            while True:
                # Looked at before the pipes: what it wrote before it ended is read after this.
                ended = process.poll() is not None
                if not self._turn(0 if ended else _LOOK_SECONDS) and ended:
                    return
                if len(self.output) > limits.INVOCATION_BYTES_MAX:
                    return
                if perf_counter() >= self._ends:
                    self.overdue = not ended
                    return

    def _turn(self, wait_seconds: float) -> bool:
        """One wait on the pipes; whether there was anything to read or write."""
        moved = False
        left = max(0.0, self._ends - perf_counter())
        if not self._selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(min(wait_seconds, left))
            return False
        for key, _ in self._selector.select(min(wait_seconds, left)):
            pipe: Any = key.fileobj
            if key.events == selectors.EVENT_WRITE:
                self._feed(pipe)
            else:
                moved = self._take(pipe) or moved
        return moved

    def _feed(self, pipe: IO[bytes]) -> None:
        try:
            self._payload = self._payload[os.write(pipe.fileno(), self._payload) :]
        except BlockingIOError:
            return
        except OSError:  # it does not read its input, which is its own affair
            self._payload = self._payload[:0]
        if not self._payload:
            self._selector.unregister(pipe)
            pipe.close()

    def _take(self, pipe: IO[bytes]) -> bool:
        try:
            piece = os.read(pipe.fileno(), _PIECE_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            self._selector.unregister(pipe)
        elif pipe is self.process.stdout:
            self.output += piece
        else:
            self.errors += piece
            del self.errors[: -limits.FUNCTION_STDERR_BYTES_MAX]
        return bool(piece)

    def outcome(self, invocation: Invocation, seconds: float) -> Outcome:
        """What the run came to; after the process was waited for."""
        if self.overdue:
            return timed_out(invocation, seconds)
        if len(self.output) > limits.INVOCATION_BYTES_MAX:
            return answer_too_large(limits.INVOCATION_BYTES_MAX)
        body = parsed(bytes(self.output))
        code = self.process.returncode
        if code == 0:
            return Answered(body)
        told = None if body is NOT_JSON else told_error(body)
        if told is not None:
            return told
        how = f"exit status {code}" if code > 0 else f"signal: {signal.Signals(-code).name}"
        said = self.errors.decode("utf-8", "replace").strip()
        text = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {how}"
        return FunctionError("Unhandled", EXITED, f"{text}\n{said}" if said else text)


def _kill(group: int) -> None:
    """End a process group that this target started, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _environment(invocation: Invocation) -> dict[str, str]:
    fields = invocation.function_arn.split(":")
    return {
        **os.environ,
        "AWS_LAMBDA_FUNCTION_NAME": fields[6] if len(fields) > 6 else invocation.function_arn,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "STREAMSTORE_FUNCTION_ARN": invocation.function_arn,
        "STREAMSTORE_REQUEST_ID": invocation.request_id,
    }
