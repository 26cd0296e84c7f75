"""The query protocol: forms become the members that botocore wrote, replies are well-formed XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from urllib.parse import urlencode

import pytest

from streamstore.cloudwatch import query
from streamstore.cloudwatch.moments import Moment


def test_a_form_s_flat_names_are_nested_members() -> None:
    form = [("Action", "GetMetricData"), ("Version", "2010-08-01")]
    form += [("A.member.2.B.C", "two"), ("A.member.10.B.C", "ten"), ("A.member.1.B.C", "one")]
    form += [("Plain", "ä & <"), ("Empty", "")]
    action, members = query.loads(urlencode(form).encode())
    assert action == "GetMetricData"
    expected = [{"B": {"C": text}} for text in ("one", "two", "ten")]
    assert members == {"A": expected, "Plain": "ä & <", "Empty": ""}


@pytest.mark.parametrize(
    "body",
    [b"A=1&A.B=2", b"A.member.x=1", b"\xff\xfe=1", b"Action.x=1", b".".join([b"a"] * 50) + b"=1"],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        query.loads(body)


def test_a_reply_is_xml_with_its_texts_escaped() -> None:
    reply = {"Label": "<&>", "Points": [{"At": Moment(0), "Sum": 0.5}]}
    root = ET.fromstring(query.reply_of("Op", reply, "id"))
    space = f"{{{query.NAMESPACE}}}"
    assert root.tag == f"{space}OpResponse"
    result = root.find(f"{space}OpResult")
    assert result is not None
    assert result.findtext(f"{space}Label") == "<&>"
    point = result.find(f"{space}Points/{space}member")
    assert point is not None
    assert [each.text for each in point] == ["1970-01-01T00:00:00Z", "0.5"]
    root = ET.fromstring(query.error_of("Code", "a < b", "id"))
    assert root.findtext(f".//{space}Message") == "a < b"
