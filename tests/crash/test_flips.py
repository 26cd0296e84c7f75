"""Flipped bits: found or harmless in every region of the files, and seen by the campaign if not."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from streamstore.testing import campaigns, flips

REGIONS = {
    *("header", "internal", "leaf", "overflow", "free or pointers", "checksum"),
    *("log header", "frame header", "frame", "log index", "lock"),
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of stores say that they are damaged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_no_flipped_bit_makes_a_wrong_answer_where_pages_carry_checksums() -> None:
    report = flips.campaign(7, 60.0, lambda _: None, flips_max=220)
    assert report.violations == []
    assert {
        name.removeprefix("in ") for name in report.figures if name.startswith("in ")
    } == REGIONS
    for outcome in ("harmless", "refused", "told"):
        assert report.figures[outcome] > 3
    assert "wrong" not in report.figures


def test_without_checksums_flipped_bits_do_make_wrong_answers_which_replay() -> None:
    """What shows that the campaign above would see them."""
    report = flips.campaign(1, 60.0, lambda _: None, checksum=False, violations_max=1)
    assert report.violations
    again = campaigns.replay(report.violations[0].history, lambda _: None)
    assert [v.what.split(": ")[0] for v in again.violations] == [
        report.violations[0].what.split(": ")[0]
    ]
