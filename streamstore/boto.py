"""boto3 in process: its clients and resources, unchanged, answered by a store without a socket.

    session(store)         a boto3 session whose clients of DynamoDB and its streams ask `store`
    with in_process():     every client made inside, by anybody, asks a store in memory

A request is taken where botocore would send it ("before-send"), fully formed, retried, paginated
and waited for by botocore itself, and its answer goes the way of any answer. Whoever is asked for
another service, or leads to AWS, is refused by name, so that nothing leaves the machine by mistake.

Owns: that exchange. Must not know: what any operation does. boto3 comes with the `boto` extra.
"""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import orjson

from .codec.fragments import encode_binary
from .errors import SerializationFailed, StoreError, UnknownOperation
from .operations.faults import fault_of
from .operations.plan import Scope
from .operations.registry import OPERATIONS

if TYPE_CHECKING:
    from .store import Store

# What makes a process nobody at AWS: these set, and those unset.
IDENTITY: Final = {
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "streamstore",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
OTHER_IDENTITIES: Final = (
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
)

_TARGETS: Final = {f"{each.target_prefix}.{each.name}": each.name for each in OPERATIONS.values()}
_CREDENTIAL: Final = re.compile(r"Credential=([^/,]*)/[^/]*/([^/]*)/")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_AT_AWS: Final = re.compile(r"https?://([^/]*\.)?(amazonaws\.com(\.cn)?|api\.aws)(:[0-9]+)?(/|$)")


class NotInProcess(Exception):
    """A client asked for what no store answers in process. The text says for what, and what else
    would do.
    """


class Desk:
    """Answers botocore's prepared requests from one store, which may be taken away again."""

    def __init__(self, store: Store | None) -> None:
        self.store = store

    def __call__(self, request: Any, **_: Any) -> Any:
        """botocore's handler of "before-send": its answer, or None for an endpoint of the caller's
        own. Raises NotInProcess.
        """
        target = _text(request.headers.get("X-Amz-Target", ""))
        if not target.startswith("DynamoDB"):
            if not _AT_AWS.match(request.url):
                return None
            raise NotInProcess(
                f"{request.url} is not answered in process: only DynamoDB and DynamoDB Streams are."
                " Give that client an endpoint_url, or use `streamstore serve`."
            )
        if self.store is None:
            raise NotInProcess(
                "The in_process() block in which this client was made is over; make another one."
            )
        status, body = self._answer(self.store, target, request)
        return _response(request.url, status, body)

    def _answer(self, store: Store, target: str, request: Any) -> tuple[int, bytes]:
        try:
            operation = _TARGETS.get(target)
            if operation is None:
                raise UnknownOperation(target.partition(".")[2])
            reply = store.call(operation, _params(request.body), _scope(store, request))
        except StoreError as error:
            fault = fault_of(error)
            return fault.status, orjson.dumps(fault.body, default=encode_binary)
        return 200, orjson.dumps(reply, default=encode_binary)


def session(store: Store, region: str = "us-east-1", **more: Any) -> Any:
    """A boto3.Session on a store: `session(store).resource("dynamodb").Table("users")`.

    `more` goes to botocore.session.Session. Credentials are made up.
    """
    import boto3
    import botocore.session

    core = botocore.session.Session(**more)
    core.set_credentials(IDENTITY["AWS_ACCESS_KEY_ID"], IDENTITY["AWS_SECRET_ACCESS_KEY"])
    core.register("before-send", Desk(store))
    return boto3.Session(botocore_session=core, region_name=region)


@contextmanager
def in_process(store: Store | None = None) -> Iterator[Store]:
    """Every botocore client that is made inside asks `store`; without one, a new store in memory.

    Also a decorator: `@in_process()`. The environment's credentials are replaced by made-up ones
    until the end, and boto3's default session by a new one. A client made before is not touched.
    """
    import boto3
    from botocore import handlers

    from .store import open as open_store

    answering = store if store is not None else open_store(":memory:", background=False)
    desk = Desk(answering)
    entry = ("before-send", desk)
    default, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, None
    kept = {name: os.environ.get(name) for name in (*IDENTITY, *OTHER_IDENTITIES)}
    for name in OTHER_IDENTITIES:
        os.environ.pop(name, None)
    os.environ.update(IDENTITY)
    handlers.BUILTIN_HANDLERS.append(entry)
    try:
        yield answering
    finally:
        handlers.BUILTIN_HANDLERS.remove(entry)
        desk.store = None
        boto3.DEFAULT_SESSION = default
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if store is None:
            answering.close()


def _params(body: Any) -> Any:
    try:
        return orjson.loads(body or b"")
    except orjson.JSONDecodeError as error:
        raise SerializationFailed from error


def _scope(store: Store, request: Any) -> Scope:
    """The caller's region, and its account where the key id is one, as the server reads them."""
    found = _CREDENTIAL.search(_text(request.headers.get("Authorization", "")))
    if found is None:
        return replace(store.scope, base64_binary=True)
    account = found[1] if _ACCOUNT.fullmatch(found[1]) else store.settings.account
    return Scope(store.engine, found[2], account, base64_binary=True)


class _Body(io.BytesIO):
    """What botocore reads a reply from."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def _response(url: str, status: int, body: bytes) -> Any:
    from botocore.awsrequest import AWSResponse, HeadersDict

    headers = HeadersDict()
    headers["x-amzn-RequestId"] = secrets.token_hex(26).upper()
    headers["x-amz-crc32"] = str(crc32(body))
    headers["Content-Type"] = "application/x-amz-json-1.0"
    headers["Content-Length"] = str(len(body))
    return AWSResponse(url, status, headers, _Body(body))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
