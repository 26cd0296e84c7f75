"""Campaigns are found by their kind, and hand back what can be found again."""

from __future__ import annotations

import json

import pytest

from streamstore.testing import campaigns
from streamstore.testing.campaigns import CampaignAbsent, Report, Violation


@pytest.mark.parametrize("kind", campaigns.KINDS)
def test_each_kind_that_is_there_has_what_a_campaign_needs(kind: str) -> None:
    try:
        module = campaigns.module(kind)
    except CampaignAbsent:
        pytest.fail(f"{kind} is listed and not there")
    assert callable(module.campaign)
    assert callable(module.replay)


def test_an_unknown_kind_and_a_missing_module_are_absent_and_a_broken_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CampaignAbsent, match="there are power, kill"):
        campaigns.module("flood")
    monkeypatch.setitem(campaigns.HOMES, "power", "nowhere_at_all")
    with pytest.raises(CampaignAbsent, match="this installation"):
        campaigns.module("power")
    monkeypatch.setattr(campaigns, "import_module", _broken)
    with pytest.raises(ModuleNotFoundError):
        campaigns.module("kill")


def _broken(_: str) -> None:
    raise ModuleNotFoundError("inside", name="something.else")


def test_a_report_is_plain_data() -> None:
    report = Report("power", 3, 1.23456)
    report.count("images")
    report.count("images", 4)
    report.violations.append(Violation("it broke", {"kind": "power", "seed": 3}))
    assert json.loads(json.dumps(report.plain())) == {
        "kind": "power",
        "seed": 3,
        "seconds": 1.235,
        "images": 5,
        "violations": [{"what": "it broke", "history": {"kind": "power", "seed": 3}}],
    }
