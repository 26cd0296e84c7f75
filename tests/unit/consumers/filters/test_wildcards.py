"""Wildcards, against the definition: a piece of text, or any run, at every star."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from streamstore.consumers.filters.wildcards import wildcard


def translated(text: str) -> re.Pattern[str]:
    pieces = re.findall(r"\\.|[^\\]", text, re.DOTALL)
    return re.compile("".join(".*" if p == "*" else re.escape(p[-1]) for p in pieces), re.DOTALL)


@given(
    pieces=st.lists(st.sampled_from(["a", "b", "ab", r"\*", r"\\", "é"]), max_size=6),
    value=st.one_of(st.text(alphabet="ab", max_size=8), st.text(alphabet="ab*\\é\n", max_size=12)),
    data=st.data(),
)
def test_a_wildcard_accepts_what_its_definition_does(
    pieces: list[str], value: str, data: st.DataObject
) -> None:
    text = "".join(piece + ("*" if data.draw(st.booleans()) else "") for piece in pieces)
    assert wildcard(text)(value) is (translated(text).fullmatch(value) is not None)
