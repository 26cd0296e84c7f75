"""What a request means: its target, its JSON, its signer and scope, and the reply; no sockets here.

The checks come in the order of spec A.1. What depends on the head alone (host, origin, type,
target, credentials' form) is found out once and remembered for equal head bytes, in a bounded
cache of two generations; with keys configured nothing is remembered, since each signature covers
its body. What remains for each request is its JSON, the plan that the store makes of it, and one
formatting of bytes.

`Desk.answer` gives a finished reply, or the plan that has to wait: a write, or a read too long
for the event loop. Nothing a caller sends may raise out of it.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from .. import limits
from ..errors import AuthenticationFailed, Busy, StoreClosed, StoreError
from ..metrics import FOLD_AT
from ..operations.faults import fault_of
from ..operations.plan import ReadPlan, Ready, Scope, WritePlan
from . import replies
from .framing import CODINGS, CodingError, Head, HeadError, read_head, unpacked
from .gate import Gate
from .signature import Verifier, check_form, quick_signer, read_claim

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..storage.readers import AnyReaders
    from ..store import Store

logger = logging.getLogger("streamstore.server")

_OPENINGS = {kind: replies.opening(200, kind) for kind in (replies.JSON_1_0, b"application/json")}
_ACCOUNT = re.compile(r"\d{12}\Z", re.ASCII)
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_TEXT = re.compile(rb'"[^"]*"')
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
# Opening brackets count 1, closing ones -1, read as signed bytes.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_LEAVES_TAKEN = 8
_LOGGED_FRAMES_MAX = 8

# What a notice says: status, content type, text.
Notice = Callable[[], tuple[int, str, str]]

_loads = orjson.loads


class LoopReads(Protocol):
    """How short reads are carried out on the loop (leading.TurnReads)."""

    def read(self, engine: Engine, readers: AnyReaders, plan: ReadPlan) -> dict[str, Any]: ...


class OneByOne:
    """Each in a read transaction of its own, where there is no loop whose turn could be shared."""

    def read(self, engine: Engine, readers: AnyReaders, plan: ReadPlan) -> dict[str, Any]:
        with readers.loop_transaction() as rx:
            return plan.read(rx)


class Desk:
    """Answers requests for one store. Used by one event loop; it holds no connection.

    `targets`: X-Amz-Target to the operation's name. `notices`: paths that a GET is answered for
    with a short text, made at once: health and the like, which must not wait for anything. `date`
    is a whole header line, kept fresh by the server. `calls` and `failures` (by error code) count
    replies. While `paused` is set, calls are answered with it: the store's connections are being
    exchanged.
    """

    def __init__(
        self,
        store: Store,
        targets: Mapping[str, str],
        gate: Gate,
        verifier: Verifier | None = None,
    ) -> None:
        self.store = store
        self.gate = gate
        self.verifier = verifier
        self.notices: dict[bytes, Notice] = {}
        self.page_headers: list[tuple[bytes, bytes]] = []
        self.reads: LoopReads = OneByOne()
        self.date = b""
        self.paused: StoreClosed | None = None
        self.calls = 0
        self.started = 0.0  # when the call began that was answered or planned last
        self.failures: Counter[str] = Counter()
        self.known: dict[bytes, Head] = {}
        self.next_id = replies.request_ids()
        self._known_before: dict[bytes, Head] = {}
        self._targets = {target.encode(): name for target, name in targets.items()}
        self._scopes: dict[tuple[str, str], Scope] = {}

    # Heads.

    def head(self, raw: bytes) -> Head:
        """The head of these bytes, without the empty line, where `known` hasn't got it.

        Never raises: what can't be served has a `refusal`.
        """
        head = self._known_before.get(raw)
        if head is None:
            try:
                head = read_head(raw)
            except HeadError as fault:
                head = Head()
                head.refusal = replies.refusal(fault.status, fault.text)
                return head
            self._admit(head)
        if head.call and self.verifier is None and len(raw) <= limits.HEAD_CACHED_BYTES_MAX:
            if len(self.known) >= limits.HEAD_CACHE_ENTRIES:
                self._known_before = self.known
                self.known = {}
            head.headers = {}  # all was read out of them, and they are most of what it weighs
            self.known[raw] = head
        return head

    def _admit(self, head: Head) -> None:
        """Host and Origin, before anything is routed; then a call is told from a page."""
        host = head.header(b"host")
        if host is None:
            head.refusal = replies.refusal(400, "A request needs a Host header.")
            return
        if not self.gate.admits_host(host):
            head.refusal = replies.refusal(
                403, "This Host is not answered to; allow it by name in the server's settings."
            )
            return
        origin = head.header(b"origin")
        cors = b""
        if origin is not None:
            if not self.gate.admits_origin(origin, host):
                head.refusal = replies.refusal(
                    403, "This Origin is not allowed; allow it by name in the server's settings."
                )
                return
            if self.gate.wants_origin(origin):
                cors = replies.cors_lines(origin)
                if head.method == b"OPTIONS":
                    asked = head.header(b"access-control-request-headers") or b""
                    head.refusal = replies.closing(replies.preflight(origin, asked))
                    return
        if head.method == b"POST" and head.path == b"/" and not self._is_page(head):
            self._address(head, cors, host)
            if head.coding in CODINGS and head.special is None:
                head.uncoded = copy(head)
                head.uncoded.claim = None
                head.special = self._coded
        elif head.method == b"GET" and head.path in self.notices:
            head.call = True
            head.plain = head.keep_alive and not head.chunked
            head.special = self._notice

    def _is_page(self, head: Head) -> bool:
        """Whether a route was handed in for requests to "/" with such a header."""
        for name, start in self.page_headers:
            if (head.header(name) or b"").lower().startswith(start):
                return True
        return False

    def _address(self, head: Head, cors: bytes, host: bytes) -> None:
        """Content type, target and credentials of a call."""
        head.call = True
        head.plain = head.keep_alive and not head.chunked
        kind = (head.header(b"content-type") or b"").partition(b";")[0].strip().lower()
        if kind not in _OPENINGS:
            head.special = self._not_served
            kind = replies.JSON_1_0
        head.opening = replies.opening(200, kind, cors) if cors else _OPENINGS[kind]
        operation = self._targets.get(head.header(b"x-amz-target") or b"")
        if operation is None:
            head.fault = replies.UNKNOWN_OPERATION_BODY
            return
        head.operation = operation
        if operation == "DescribeEndpoints":
            head.address = host.decode("latin-1")  # it was admitted, so it names this server
        head.latencies = self.store.metrics.latencies(operation)
        signer = quick_signer(head) if self.verifier is None else None
        if signer is None:
            try:
                claim = read_claim(head)
                if self.verifier is None:
                    check_form(claim)
            except AuthenticationFailed as error:
                head.fault = replies.encode(fault_of(error).body)
                return
            head.claim = claim if self.verifier is not None else None
            signer = (claim.key_id, claim.region)
        key_id, region = signer
        account = key_id if len(key_id) == 12 and _ACCOUNT.match(key_id) else ""
        head.region_account = (region, account)

    def _scope(self, head: Head) -> Scope:
        """The scope of a head's region and account in the engine of now: a reopened store has
        another engine.
        """
        engine = self.store.engine
        region, account = head.region_account
        account = account or engine.settings.account
        if head.address:
            head.scope = Scope(engine, region, account, base64_binary=True, address=head.address)
            return head.scope
        scope = self._scopes.get((region, account))
        if scope is None or scope.engine is not engine:
            if len(self._scopes) >= limits.SCOPE_CACHE_ENTRIES:
                self._scopes.clear()
            scope = Scope(engine, region, account, base64_binary=True)
            self._scopes[region, account] = scope
        head.scope = scope
        return scope

    # Calls.

    def answer(self, head: Head, body: bytes) -> bytes | WritePlan | ReadPlan:
        """The reply to a call, or the plan that has to wait for the writer or for a thread."""
        started = self.started = perf_counter()
        if head.special is not None:
            try:
                answer = head.special(head, body)
            except Exception as error:
                answer = self.fail(head, error)
            if answer is not None:
                return answer
        try:
            params = read_json(body) if body else None
        except orjson.JSONDecodeError:
            return self._refused(head, replies.SERIALIZATION_BODY)
        if head.fault is not None:
            return self._refused(head, head.fault)
        try:
            if head.claim is not None:
                assert self.verifier is not None
                self.verifier.verify(head.claim, head, body)
            if type(params) is not dict:
                return self._refused(head, replies.SERIALIZATION_BODY)
            if self.paused is not None:
                return self.fail(head, self.paused)
            store = self.store
            scope = head.scope
            if scope is None or scope.engine is not store.engine:
                scope = self._scope(head)
            plan = store.plan(head.operation, params, scope)
            if isinstance(plan, Ready):
                return self.encode(head, plan.reply, plan.table, started)
            if isinstance(plan, WritePlan) or plan.long:
                return plan
            try:
                reply = self.reads.read(store.engine, store.readers, plan)
            except Busy:
                return plan  # a thread may wait for the lock
            except Exception as error:
                return self.fail(head, error, plan.table)
            return self.encode(head, reply, plan.table, started)
        except Exception as error:
            return self.fail(head, error)

    def encode(self, head: Head, reply: dict[str, Any], table: str, started: float) -> bytes:
        """A good reply's bytes; the call was about `table` and began at `started`."""
        self.calls += 1
        series = head.latencies[table]
        series.append(perf_counter() - started)
        if len(series) >= FOLD_AT:
            series.fold()
        body = replies.encode(reply)
        if head.packs and len(body) >= limits.GZIP_REPLY_BYTES_MIN:
            return replies.packed(head.opening, self.date, self.next_id(), body)
        return replies.finish(head.opening, self.date, self.next_id(), body)

    def fail(self, head: Head, error: BaseException, table: str = "") -> bytes:
        """An error's bytes. What is not ours is logged: where it happened, never with values."""
        fault = fault_of(error)
        if head.operation:
            # A throttled call fails before there is a plan, but its error knows the table.
            table = table or getattr(error, "table", "")
            self.store.metrics.failed(head.operation, table, fault.code, fault.status)
        if not isinstance(error, StoreError):
            log_failure(head.operation, error)
        return self._refused(head, replies.encode(fault.body), fault.status, fault.code)

    def _refused(self, head: Head, body: bytes, status: int = 400, code: str = "") -> bytes:
        self.failures[code or "malformed"] += 1
        if not code:
            self.store.metrics.failed(head.operation, "", "malformed", status)
        start = head.opening.partition(b"\r\n")[2]
        start = replies.status_line(status) + start
        return replies.finish(start, self.date, self.next_id(), body)

    def _not_served(self, head: Head, body: bytes) -> bytes | None:
        """A call whose body, if it has one, is of another type than JSON."""
        if not body:
            return None
        self.failures["malformed"] += 1
        start = replies.opening(404)
        return replies.finish(start, self.date, self.next_id(), replies.NOT_SERVED_BODY)

    def _coded(self, head: Head, body: bytes) -> bytes | WritePlan | ReadPlan:
        """A call whose body came in a coding. Its signature covers what came."""
        if head.claim is not None:
            assert self.verifier is not None
            self.verifier.verify(head.claim, head, body)
        try:
            content = unpacked(body)
        except CodingError as fault:
            return self._refused(head, replies.SERIALIZATION_BODY, fault.status)
        assert head.uncoded is not None
        return self.answer(head.uncoded, content)

    def _notice(self, head: Head, body: bytes) -> bytes:
        status, kind, text = self.notices[head.path]()
        start = replies.opening(status, kind.encode())
        return replies.finish(start, self.date, self.next_id(), text.encode())


def log_failure(what: str, error: BaseException) -> None:
    """Log an exception by type and place. Its text stays out, since it may quote an item."""
    frames = traceback.extract_tb(error.__traceback__, -_LOGGED_FRAMES_MAX)
    places = " < ".join(
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    logger.error("%s failed: %s at %s", what, type(error).__name__, places)


def read_json(body: bytes) -> Any:
    """The value of a JSON text. Raises orjson.JSONDecodeError.

    A text nested too deeply is never given to the parser; most texts hold too few brackets for it.
    """
    if (
        len(body) > limits.JSON_DEPTH_MAX
        and body.count(b"{") + body.count(b"[") > limits.JSON_DEPTH_MAX
        and is_too_deep(body)
    ):
        raise orjson.JSONDecodeError("nested too deeply", "", 0)
    return _loads(body)


def is_too_deep(body: bytes) -> bool:
    """Whether brackets outside of texts nest deeper than JSON_DEPTH_MAX.

    Right for valid JSON, whatever it says of the rest; linear in the length.
    """
    if b"\\" in body:
        body = _ESCAPE.sub(b"", body)
    structure = body.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure:
        # Some text holds brackets, so texts are cut out of the whole, where quotes still pair up.
        structure = _TEXT.sub(b"", body).translate(None, _NOT_STRUCTURE)
    if structure.count(b"{") + structure.count(b"[") != len(structure) // 2:
        return True  # unbalanced, so no JSON at all
    # Most bodies are gone after a few layers of leaves; only what is not is walked.
    left = structure
    for _ in range(_LEAVES_TAKEN):
        left = left.replace(b"{}", b"").replace(b"[]", b"")
    if not left:
        return False
    steps = memoryview(structure.translate(_STEPS)).cast("b")
    return max(accumulate(steps)) > limits.JSON_DEPTH_MAX
