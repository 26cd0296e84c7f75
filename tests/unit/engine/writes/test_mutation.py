"""Keys against the table's schema: each fault with its text, and what a sound key is stored as."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec.hashing import partition_hash
from streamstore.codec.items import unpack
from streamstore.codec.keys import encode
from streamstore.codec.sizes import item_size
from streamstore.engine.writes.mutation import encode_item_key, encode_key
from streamstore.errors import ValidationFailed

MISMATCH = "The provided key element does not match the schema"
EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot"
    " contain an empty {} value. Key: {}"
)
HASH_SIZE = (
    "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit"
    " of2048 bytes"
)
RANGE_SIZE = (
    "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the"
    " size limit of 1024 bytes"
)
INVALID = "One or more parameter values were invalid: "
S, N, B = {"S": "x"}, {"N": "1"}, {"B": b"x"}


@pytest.fixture(scope="module")
def tables(worlds: Any) -> Any:
    """Tables by their key types."""
    world = worlds()
    made = {}
    for schema in ("pk", "pk sk", "pk:B sk:B", "pk:N sk:N"):
        name = schema.replace(" ", "-").replace(":", "_")
        made[schema] = world.create(name, world.keys(*schema.split()))
    return made


@pytest.mark.parametrize(
    ("schema", "key", "text"),
    [
        ("pk", {}, MISMATCH),
        ("pk", {"pk": N}, MISMATCH),
        ("pk", {"pk": {"BOOL": True}}, MISMATCH),
        ("pk", {"other": S}, MISMATCH),
        ("pk", {"pk": S, "more": S}, MISMATCH),
        ("pk sk", {"pk": S}, MISMATCH),
        ("pk sk", {"sk": S}, MISMATCH),
        ("pk sk", {"pk": S, "other": S}, MISMATCH),
        ("pk sk", {"pk": S, "sk": N}, MISMATCH),
        ("pk sk", {"pk": S, "sk": S, "more": S}, MISMATCH),
        ("pk", {"pk": {"S": ""}}, EMPTY.format("string", "pk")),
        ("pk sk", {"pk": S, "sk": {"S": ""}}, EMPTY.format("string", "sk")),
        ("pk sk", {"pk": {"S": ""}, "sk": {"S": ""}}, EMPTY.format("string", "pk")),
        ("pk:B sk:B", {"pk": {"B": b""}, "sk": B}, EMPTY.format("binary", "pk")),
        ("pk", {"pk": {"S": "x" * 2049}}, HASH_SIZE),
        ("pk", {"pk": {"S": "é" * 1025}}, HASH_SIZE),
        ("pk sk", {"pk": S, "sk": {"S": "x" * 1025}}, RANGE_SIZE),
        ("pk:B sk:B", {"pk": {"B": b"x" * 2049}, "sk": {"B": b"x" * 1025}}, HASH_SIZE),
        ("pk sk", {"pk": {"S": "x" * 2049}, "sk": {"S": ""}}, EMPTY.format("string", "sk")),
        # An empty hash part is told before a range part of another type.
        ("pk sk", {"pk": {"S": ""}, "sk": N}, EMPTY.format("string", "pk")),
        ("pk sk", {"pk": {"S": ""}, "other": N}, MISMATCH),
        ("pk sk", {"pk": {"S": ""}, "sk": N, "other": N}, MISMATCH),
    ],
)
def test_a_key_that_does_not_fit_is_refused(tables: Any, schema: str, key: Any, text: str) -> None:
    with pytest.raises(ValidationFailed) as failed:
        encode_key(tables[schema], key)
    assert failed.value.message == text
    assert not failed.value.prefixed


@pytest.mark.parametrize(
    ("schema", "item", "text"),
    [
        ("pk sk", {}, INVALID + "Missing the key pk in the item"),
        ("pk sk", {"pk": S}, INVALID + "Missing the key sk in the item"),
        ("pk sk", {"pk": N, "sk": S}, INVALID + "Type mismatch for key pk expected: S actual: N"),
        (
            "pk:N sk:N",
            {"pk": N, "sk": {"NULL": True}},
            INVALID + "Type mismatch for key sk expected: N actual: NULL",
        ),
        ("pk sk", {"pk": {"S": ""}, "sk": S}, EMPTY.format("string", "pk")),
        ("pk sk", {"pk": {"S": ""}, "sk": N}, EMPTY.format("string", "pk")),
        ("pk sk", {"pk": {"S": ""}}, INVALID + "Missing the key sk in the item"),
        ("pk sk", {"pk": {"S": "x" * 2049}, "sk": S}, HASH_SIZE),
        ("pk sk", {"pk": S, "sk": {"S": "x" * 1025}}, RANGE_SIZE),
        ("pk sk", {"pk": {"S": "x" * 2049}, "sk": {"S": "x" * 1025}}, HASH_SIZE),
    ],
)
def test_an_item_whose_key_does_not_fit_is_refused(
    tables: Any, schema: str, item: Any, text: str
) -> None:
    with pytest.raises(ValidationFailed) as failed:
        encode_item_key(tables[schema], {**item, "more": S})
    assert failed.value.message == text


@pytest.mark.parametrize("item", [{}, {"pk": S}, {"pk": N, "sk": S}, {"pk": S, "sk": N}])
def test_in_a_batch_an_item_with_a_misfit_key_is_refused_as_a_key_is(
    tables: Any, item: Any
) -> None:
    with pytest.raises(ValidationFailed) as failed:
        encode_item_key(tables["pk sk"], item, in_batch=True)
    assert failed.value.message == MISMATCH


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        ("pk", {"pk": {"S": "x" * 2048}}),
        ("pk sk", {"sk": {"S": "x" * 1024}, "pk": {"S": "é" * 1024}}),
        ("pk:B sk:B", {"pk": {"B": b"\x00"}, "sk": {"B": b"\xff" * 1024}}),
        ("pk:N sk:N", {"pk": {"N": "0"}, "sk": {"N": "-0.5"}}),
    ],
)
def test_a_sound_key_is_stored_as_its_hash_and_two_blobs(
    tables: Any, schema: str, key: Any
) -> None:
    found = encode_key(tables[schema], key)
    from_item = encode_item_key(tables[schema], {**key, "more": S})
    for made in (found, from_item):
        assert made.pk == encode(key["pk"])
        assert made.sk == (encode(key["sk"]) if "sk" in key else b"")
        assert made.hash == partition_hash(made.pk)
        assert made.item == unpack(made.packed) == key
        assert made.size == item_size(key)
