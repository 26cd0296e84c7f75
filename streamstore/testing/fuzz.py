"""Bytes from anywhere, into everything that reads them: no crash, no error of ours, nothing slow.

Surfaces, each of which takes bytes:

    values       attribute values as JSON off the wire             codec
    stored       stored items, records and keys that are damaged   codec
    expressions  all five kinds, bound and carried out             expressions
    statements   PartiQL, as each of its three operations          expressions, operations
    iterators    shard iterators that were tampered with           engine
    wire         heads and bodies of requests, to their replies    server, operations, engine

An input is a valid one with a few changes: bytes flipped, runs dropped, doubled or moved, parts of
another put in. A surface may refuse it in the caller's terms; another exception, a reply that says
500, an iterator that is believed though nobody made it, or more than SECONDS_MAX of processor time
is a violation. It all runs in this process, so that millions of inputs take minutes.
"""

from __future__ import annotations

import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from time import perf_counter
from typing import Any, Final, NamedTuple

from .. import store as stores
from ..clock import ManualClock
from ..codec import items, keys, records
from ..codec.attributes import read_attributes
from ..engine.streams import iterators
from ..engine.streams.log import Position
from ..errors import Corrupted, RequestError, StoreError
from ..expressions import bind
from ..operations.faults import fault_of
from ..operations.plan import ReadPlan, WritePlan
from ..server.gate import Gate, ServerSettings
from ..server.protocol import Desk, read_json
from ..server.serve import targets
from .bits import corpus
from .campaigns import History, Progress, Report, Violation

KIND: Final = "fuzz"
SECONDS_MAX: Final = 0.050
_BATCH: Final = 200
_TOLD_EVERY: Final = 100_000
_VIOLATIONS_MAX: Final = 10
_KEY: Final = bytes(32)
_NOW_MS: Final = 1_700_000_000_000
_OURS: Final = (b"500", b"503")  # 501 and 505 tell what HTTP we don't speak

Feed = Callable[[bytes], None]


class Surface(NamedTuple):
    """What reads bytes: valid examples, and the reader, which raises what it finds wrong."""

    examples: list[bytes]
    feed: Feed


def campaign(seed: int, seconds: float, progress: Progress) -> Report:
    """Feed every surface in turn, once at least and until the time is over; stops at the tenth
    violation.
    """
    started = perf_counter()
    report = Report(KIND, seed)
    rng = Random(seed)
    report.count("inputs", 0)
    with _quiet(), _surfaces() as surfaces:
        while not report.figures["inputs"] or (
            perf_counter() - started < seconds and len(report.violations) < _VIOLATIONS_MAX
        ):
            for name, surface in surfaces.items():
                for _ in range(_BATCH):
                    _one(name, surface.feed, changed(rng, surface.examples), report)
                report.count("inputs", _BATCH)
                report.count(name, _BATCH)
            if report.figures["inputs"] % _TOLD_EVERY < _BATCH * len(surfaces):
                rate = report.figures["inputs"] / (perf_counter() - started)
                progress(f"{report.figures['inputs']} inputs, {rate:.0f}/s")
    report.seconds = perf_counter() - started
    report.figures["inputs a second"] = round(report.figures["inputs"] / report.seconds)
    return report


def replay(history: History, progress: Progress) -> Report:
    """Feed the input of a violation again."""
    report = Report(KIND, history["seed"])
    with _quiet(), _surfaces() as surfaces:
        name = history["surface"]
        _one(name, surfaces[name].feed, b64decode(history["input"]), report)
        report.count("inputs")
    return report


def changed(rng: Random, examples: list[bytes]) -> bytes:
    """One of the examples with one to four changes."""
    data = bytearray(rng.choice(examples))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        size = len(data)
        at = rng.randrange(size + 1)
        upto = min(size, at + rng.choice((1, 1, 2, 8, 64)))
        how = rng.randrange(7)
        if how == 0 and at < size:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            del data[at:upto]
        elif how == 2:
            data[at:at] = data[at:upto] * rng.choice((1, 2, 50))
        elif how == 3:
            other = rng.choice(examples)
            start = rng.randrange(len(other))
            data[at:upto] = other[start : start + rng.choice((1, 4, 40))]
        elif how == 4:
            data[at:upto] = rng.choice(corpus.TOKENS)
        elif how == 5:
            data[at:at] = rng.randbytes(rng.choice((1, 3)))
        else:
            del data[at:]
    return bytes(data)


def _one(name: str, feed: Feed, data: bytes, report: Report) -> None:
    started = time.process_time()
    what = ""
    try:
        feed(data)
    except RecursionError as error:
        what = f"recursion without bound: {error}"
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
    seconds = time.process_time() - started
    if not what and seconds > SECONDS_MAX:
        # Once more: a collection of garbage may have fallen into it.
        started = time.process_time()
        feed(data)
        again = time.process_time() - started
        what = f"{again * 1000:.0f} ms of processor time" if again > SECONDS_MAX else ""
    if what:
        history = {
            "kind": KIND,
            "seed": report.seed,
            "surface": name,
            "input": b64encode(data).decode(),
        }
        report.violations.append(Violation(f"{name}: {what}", history))


@contextmanager
def _quiet() -> Iterator[None]:
    """What is logged of refused requests would be most of what is done."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _surfaces() -> Iterator[dict[str, Surface]]:
    with stores.open(":memory:", clock=ManualClock(_NOW_MS), background=False) as store:
        for operation, params in corpus.PREPARED:
            store.call(operation, params)
        desk = Desk(store, targets(), Gate(ServerSettings()))
        genuine = [iterators.encode(_KEY, arn, place, _NOW_MS) for arn, place in _positions()]
        yield {
            "values": Surface(corpus.values(), _values),
            "stored": Surface(corpus.stored(), _stored),
            "expressions": Surface(corpus.expressions(), _expressions),
            "statements": Surface(corpus.statements(), _statements(store)),
            "iterators": Surface([text.encode() for text in genuine], _iterators(genuine)),
            "wire": Surface(corpus.requests(), _wire(store, desk)),
        }


def _positions() -> Iterator[tuple[str, Position]]:
    for number in range(1, 6):
        arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/t{number}/stream/2023-11-14"
        yield arn, Position(number, 10**15 * number, 10**15 + number, number, number % 2 == 0)


def _values(data: bytes) -> None:
    try:
        raw = read_json(data)
    except ValueError:
        return
    try:
        reading = read_attributes(raw, base64_binary=True)
    except RequestError:
        return
    if reading.fault is None:
        again = items.unpack(items.pack(reading.values))
        assert again == reading.values, "a value that is read is not what is stored"


def _stored(data: bytes) -> None:
    for read in (items.unpack, records.unpack_record, keys.decode, _two_keys):
        try:
            read(data)
        except Corrupted:
            continue


def _two_keys(data: bytes) -> Any:
    return keys.decode_many(data, 2)


def _expressions(data: bytes) -> None:
    text = data.decode(errors="replace")
    for kind in ("condition", "update", "projection", "key_condition", "filter"):
        try:
            values = read_attributes(corpus.BOUND, base64_binary=True)
            wanted: dict[str, Any] = {kind: text}
            bound = bind(names=corpus.NAMES, values=values, **wanted)
            if bound.condition is not None:
                bound.condition.matches(corpus.ITEM)
            if bound.update is not None:
                bound.update.apply(corpus.ITEM, corpus.KEY)
            if bound.projection is not None:
                bound.projection.project(corpus.ITEM)
        except RequestError:
            continue


def _statements(store: stores.Store) -> Feed:
    def feed(data: bytes) -> None:
        one = {"Statement": data.decode(errors="replace")}
        # One operation an input, since its time is what is bounded.
        operation, params = (
            ("ExecuteStatement", one),
            ("BatchExecuteStatement", {"Statements": [one]}),
            ("ExecuteTransaction", {"TransactStatements": [one]}),
        )[len(data) % 3]
        status = 200
        try:
            store.call(operation, params)
        except StoreError as error:
            status = fault_of(error).status
        assert status in (200, 400), f"{operation} answers {status}"

    return feed


def _iterators(genuine: list[str]) -> Feed:
    def feed(data: bytes) -> None:
        text = data.decode(errors="surrogateescape")
        try:
            iterators.decode(_KEY, text, _NOW_MS)
        except RequestError:
            return
        assert text in genuine, "an iterator is believed that nobody made"

    return feed


def _wire(store: stores.Store, desk: Desk) -> Feed:
    def feed(data: bytes) -> None:
        raw, _, body = data.partition(b"\r\n\r\n")
        head = desk.head(raw)
        if head.refusal is not None:
            reply = head.refusal
        elif head.call:
            answer = desk.answer(head, body)
            reply = answer if isinstance(answer, bytes) else _carried_out(store, answer)
        else:
            return
        status = reply.split(b" ", 2)[1]
        assert status not in _OURS, f"the reply says {reply[:200]!r}"

    return feed


def _carried_out(store: stores.Store, plan: WritePlan | ReadPlan) -> bytes:
    """The first line of the reply that a plan would have."""
    try:
        if isinstance(plan, ReadPlan):
            store.read(plan)
        else:
            store.writer.run(plan.apply, plan.cost_bytes)
    except StoreError as error:
        return b"HTTP/1.1 %d refused" % fault_of(error).status
    return b"HTTP/1.1 200 OK"
