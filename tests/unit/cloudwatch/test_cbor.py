"""CBOR: what is written reads back; RFC 8949's own examples; anything else is a ValueError."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.cloudwatch import cbor
from streamstore.cloudwatch.moments import Moment

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.integers(0, 2**40).map(Moment),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_is_written_reads_back(value: Any) -> None:
    assert cbor.loads(cbor.dumps(value)) == value


@pytest.mark.parametrize(
    ("hexadecimal", "value"),
    [
        ("00", 0),
        ("1818", 24),
        ("1903e8", 1000),
        ("3903e7", -1000),
        ("1bffffffffffffffff", 2**64 - 1),
        ("f93c00", 1.0),
        ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1),
        ("c11a514b67b0", 1363896240),
        ("c1fb41d452d9ec200000", 1363896240.5),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("6449455446", "IETF"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("f7", None),
    ],
)
def test_the_examples_of_the_rfc_are_read(hexadecimal: str, value: Any) -> None:
    assert cbor.loads(bytes.fromhex(hexadecimal)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        cbor.loads(data)
    except ValueError:
        return


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"\x81\xff", b"\x00\x00", b"\xa1\x01\x02", b"\x81" * 4000 + b"\x00", b"\x1c"],
)
def test_what_is_no_value_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="CBOR"):
        cbor.loads(data)
