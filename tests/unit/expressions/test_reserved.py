"""The list of reserved words is the service's."""

from __future__ import annotations

from hashlib import sha256

from streamstore.expressions.reserved import WORDS


def test_the_words_are_those_of_the_developer_guide() -> None:
    assert len(WORDS) == 573
    assert {"SIZE", "CONVERT", "NAME", "ZONE", "ABORT", "TTL"} <= WORDS
    assert sha256("\n".join(sorted(WORDS)).encode()).hexdigest() == (
        "2269c45be257f14faa7d264a5cad5641164bd21173cfecd0e4f670a599d06347"
    )
