"""Keywords: every one is refused as a bare name and free in double quotes."""

from __future__ import annotations

import pytest

from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.reserved import KEYWORDS
from streamstore.expressions.partiql.statements import parse


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_keyword_names_nothing_but_in_quotes(word: str) -> None:
    with pytest.raises(ValidationFailed):
        parse(f"SELECT * FROM music WHERE a.{word.lower()} = 1")
    assert parse(f'SELECT * FROM music WHERE "{word.lower()}" = 1')


@pytest.mark.parametrize("word", ["status", "name", "year", "data", "owner", "offset", "_a", "$a"])
def test_words_that_only_expressions_reserve_are_free(word: str) -> None:
    assert parse(f"SELECT {word} FROM music WHERE {word} = 1")
