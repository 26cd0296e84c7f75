"""Where a SELECT goes on: NextToken, a text that nobody else can make or alter.

    base64 of: MAC (16 bytes), the packed key attributes of the last item looked at

The MAC is keyed as those of shard iterators are, with the store's key, over a digest of the
statement, its parameters and its table, so a token goes on with the question it was an answer to
and no other, also after a restart. Nothing is remembered about it and it doesn't age.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, Final

from ...codec.items import pack, unpack
from ...codec.sizes import Item
from ...engine.writes.tokens import digest_of
from ...errors import ValidationFailed

_MAC_BYTES: Final = 16
# A person's first domain is the iterators'; a token must never pass for one, nor the other way.
_PERSON: Final = b"NextToken"


def question_of(text: str, parameters: list[Any], table_uuid: str) -> bytes:
    """A digest of what was asked; the statement's text with its blanks as they were."""
    return digest_of([text, parameters, table_uuid])


def encode(key: bytes, question: bytes, last: Item) -> str:
    """The token behind an item. `key`: secret bytes of the store; `last`: the attributes of the
    keys."""
    packed = pack(last)
    return urlsafe_b64encode(_mac(key, question, packed) + packed).decode()


def decode(key: bytes, question: bytes, token: str) -> Item:
    """What `encode` was given as `last`. Raises ValidationFailed for whatever `encode` with this
    key and question has not made.
    """
    try:
        blob = urlsafe_b64decode(token.encode("ascii"))
        if urlsafe_b64encode(blob).decode() != token:
            raise invalid()
    except (Base64Error, ValueError):
        raise invalid() from None
    mac, packed = blob[:_MAC_BYTES], blob[_MAC_BYTES:]
    if not compare_digest(mac, _mac(key, question, packed)):
        raise invalid()
    return unpack(packed)


def invalid() -> ValidationFailed:
    """The refusal of a token."""
    return ValidationFailed("Invalid NextToken")


def _mac(key: bytes, question: bytes, packed: bytes) -> bytes:
    return blake2b(question + packed, digest_size=_MAC_BYTES, key=key, person=_PERSON).digest()
