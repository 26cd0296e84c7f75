"""Client tokens: a transaction that is sent again with its token within ten minutes is answered and
not done again.

A token's row holds a digest of what was asked and the facts its reply was made of. It is looked up,
and written, in the unit of the transaction itself, so two calls with one token can't both run (spec
K.16). It counts from the commit of the first call, by the store's clock; rows of tokens that have
run out are deleted in bounded pieces."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

import msgpack
import orjson

from ... import limits
from ...codec.fragments import encode_binary
from ...errors import IdempotencyMismatch
from ...storage import statements_tables as sql

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction
    from .group import Group

_LIFE_MS: Final = limits.CLIENT_TOKEN_LIFE_SECONDS * 1000


def digest_of(content: Any) -> bytes:
    """A digest of canonical content: maps, lists, texts, numbers, None and bytes. The order of maps
    doesn't count.
    """
    return sha256(
        orjson.dumps(content, default=encode_binary, option=orjson.OPT_SORT_KEYS)
    ).digest()


def claim(group: Group, token: str, digest: bytes) -> Any:
    """The facts that `remember` was given for this token, or None if it is new or has run out.

    Raises IdempotencyMismatch where it stands for other content.
    """
    row = group.tx.one(sql.TOKEN, (token,))
    if row is None:
        return None
    known, created_ms, facts = row
    if group.now_ms - created_ms >= _LIFE_MS:
        return None
    if known != digest:
        raise IdempotencyMismatch(token)
    return msgpack.unpackb(facts)


def remember(group: Group, token: str, digest: bytes, facts: Any) -> None:
    """Keep what a repetition of this transaction is answered from: anything msgpack keeps, but
    None.
    """
    assert facts is not None, "None says that a token is new"
    packed = cast(bytes, msgpack.packb(facts))
    group.tx.run(sql.TOKEN_SET, (token, digest, group.now_ms, packed))


def expire_due(rx: ReadTransaction, now_ms: int) -> bool:
    """Whether any token has run out."""
    row = rx.one(sql.TOKEN_OLDEST)
    return row is not None and row[0] is not None and now_ms - row[0] >= _LIFE_MS


def expire_tick(group: Group) -> bool:
    """Delete a bounded piece of the tokens that have run out; True while there are more."""
    group.tx.run(sql.TOKENS_EXPIRE, (group.now_ms - _LIFE_MS, limits.TICK_ROWS_MAX))
    return group.tx.changes() == limits.TICK_ROWS_MAX


def forget_all(group: Group) -> None:
    """Forget every token, for a tester's reset: what they stand for is gone."""
    group.tx.run(sql.TOKENS_FORGET)
