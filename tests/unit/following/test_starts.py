"""Words, numbers and times as places to begin at."""

from __future__ import annotations

import pytest

from streamstore.errors import ValidationFailed
from streamstore.following.starts import Start, parse_start, start_of


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("latest", Start("latest")),
        ("LATEST", Start("latest")),
        ("trim-horizon", Start("trim-horizon")),
        ("TRIM_HORIZON", Start("trim-horizon")),
        ("3" + "7".zfill(20), Start("at", 7)),
        ("1700000000", Start("time", 1_700_000_000_000)),
        ("1700000000.5", Start("time", 1_700_000_000_500)),
        ("2023-11-14T22:13:20Z", Start("time", 1_700_000_000_000)),
        ("2023-11-14T22:13:20", Start("time", 1_700_000_000_000)),
        ("2023-11-14T23:13:20+01:00", Start("time", 1_700_000_000_000)),
    ],
)
def test_a_place_to_begin_is_read(text: str, start: Start) -> None:
    assert parse_start(text) == start


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "nan", "inf", "1e300", "0" + "7".zfill(20), "9" * 41, "12:00"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        parse_start(text)


def test_a_number_to_go_on_after_goes_before_the_start() -> None:
    assert start_of("latest", "1" + "9".zfill(20)) == Start("after", 9)
    assert start_of("latest", None) == Start("latest")
