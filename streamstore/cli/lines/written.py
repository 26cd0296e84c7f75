"""Lines on stdout, and how their writing ends.

Ctrl-C and a reader that went away are how such a command normally ends: both end it with 0, without
a word and without half a line. What the store refuses ends it with 1 and the reason.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ... import limits
from ...codec.fragments import encode_binary
from ...errors import StoreError
from ..asking import Unreachable
from ..terminal import fail


def json_line(value: Any) -> bytes:
    """A value as one line, binary as base64."""
    return orjson.dumps(value, default=encode_binary) + b"\n"


def joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines joined to pieces that are worth a write."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= limits.LINES_PIECE_BYTES:
            yield b"".join(piece)
            piece.clear()
            size = 0
    yield b"".join(piece)


def written(pieces: Iterator[bytes]) -> None:
    """Write pieces as they come; after an empty one look whether anybody reads. Ends with 0 when
    it is interrupted or nobody reads any more, and with 1 and the reason when the store refuses.
    """
    out = sys.stdout.buffer
    patience = _Patience()
    signal.signal(signal.SIGINT, patience.interrupted)
    try:
        for piece in pieces:
            if piece:
                with patience:
                    out.write(piece)
                    out.flush()
            elif _is_deaf(out.fileno()):
                break
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # Nothing is flushed at exit into a pipe that is gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    except (StoreError, Unreachable) as error:
        fail(str(error))


class _Patience:
    """Holds an interruption back until a line is out; a second one is not held back."""

    def __init__(self) -> None:
        self._writing = self._asked = False

    def interrupted(self, number: int, frame: object) -> None:
        """The handler of SIGINT."""
        if not self._writing or self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def __enter__(self) -> None:
        self._writing = True

    def __exit__(self, *_: object) -> None:
        self._writing = False
        if self._asked:
            raise KeyboardInterrupt


def _is_deaf(descriptor: int) -> bool:
    """Whether stdout is a pipe whose reader is gone, which a tail of a quiet stream would not
    notice.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))
