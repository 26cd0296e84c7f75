"""The text of templates: short forms, and where it can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamstore.consumers.templates.loading import load
from streamstore.errors import TemplateInvalid


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !Ref B", {"a": {"Ref": "B"}}),
        ("a: !GetAtt B.C.D", {"a": {"Fn::GetAtt": ["B", "C.D"]}}),
        ("a: !GetAtt [B, C]", {"a": {"Fn::GetAtt": ["B", "C"]}}),
        ("a: !Sub ['${x}', {x: !Ref B}]", {"a": {"Fn::Sub": ["${x}", {"x": {"Ref": "B"}}]}}),
        ("a: !If [C, !Ref D, 1]", {"a": {"Fn::If": ["C", {"Ref": "D"}, 1]}}),
        ("a: !Condition C", {"a": {"Condition": "C"}}),
        ("AWSTemplateFormatVersion: 2010-09-09", {"AWSTemplateFormatVersion": "2010-09-09"}),
        ('{"a": {"Fn::GetAtt": ["B", "C"]}}', {"a": {"Fn::GetAtt": ["B", "C"]}}),
        ("\ufeffa: yes", {"a": True}),
    ],
)
def test_short_forms_are_read_as_their_long_ones(tmp_path: Path, text: str, value: Any) -> None:
    (tmp_path / "t.yaml").write_text(text)
    assert load(tmp_path / "t.yaml") == value


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: [1", "t.yaml:1:6: expected ',' or ']', but got '<stream end>'"),
        (b"a:\n  b: !Nope x", "t.yaml:2:6: the tag !Nope is not known"),
        (b"a: !!python/object/apply:os.system [ls]", "is not known"),
        (b"a: \xff", "is not UTF-8 text"),
        (b"a: " + b"[" * 3000, "is nested too deeply"),
        (b"a: *b", "t.yaml:1:4: found undefined alias 'b'"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "t.yaml").write_bytes(content)
    with pytest.raises(TemplateInvalid) as refused:
        load(tmp_path / "t.yaml")
    assert problem in refused.value.problems[0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TemplateInvalid, match=r"can't read .*no\.yaml: No such file"):
        load(tmp_path / "no.yaml")
