"""What a template's layers put on the path of its functions, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamstore.consumers.templates.plan import Plan
from streamstore.consumers.templates.reading import read_template
from streamstore.errors import TemplateInvalid

TEMPLATE = """
Parameters: {Elsewhere: {Type: String, Default: "arn:aws:lambda:us-east-1:1:layer:powertools:7"}}
Globals: {Function: {Runtime: python3.12, CodeUri: src, Layers: [!Ref First]}}
Resources:
  First:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/first}
  Second:
    Type: AWS::Lambda::LayerVersion
    Properties: {LayerName: second-of-them, Content: layers/second}
  Third:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/third}
  Built:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: python3.12}
    Properties: {ContentUri: layers/built}
  Remote:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: {S3Bucket: b, S3Key: k}}
  Fn:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, Layers: [%s]}
  Bare:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.12, Handler: app.handler, Code: src}
"""


def read(folder: Path, layers: str) -> Plan:
    for path in ("first/python/lib/python3.12/site-packages", "second/python",
                 "third/python/lib/python3.12/site-packages",
                 "second/python/lib/python3.9/site-packages", "built"):  # fmt: skip
        (folder / "layers" / path).mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(TEMPLATE % layers)
    return read_template(
        folder / "template.yaml",
        parameters={},
        stage=None,
        environment={},
        region="us-east-1",
        account="000000000000",
    )


@pytest.mark.parametrize(
    ("layers", "roots"),
    [
        ("", ["first/python/lib/python3.12/site-packages", "first/python"]),
        # A later layer lies over an earlier one; libraries come first, of the function's version.
        ("!Ref Second",
         ["first/python/lib/python3.12/site-packages", "second/python", "first/python"]),
        ("!Ref Third",
         ["third/python/lib/python3.12/site-packages", "first/python/lib/python3.12/site-packages",
          "third/python", "first/python"]),
        ("!Ref Second, !Ref Built",
         ["first/python/lib/python3.12/site-packages", "built", "second/python", "first/python"]),
    ],
)  # fmt: skip
def test_layers_lie_over_each_other_as_they_are_listed(
    tmp_path: Path, layers: str, roots: list[str]
) -> None:
    plan = read(tmp_path, layers)
    function, bare = plan.functions
    assert [str(each.relative_to(tmp_path / "layers")) for each in function.layers] == roots
    assert bare.layers == ()
    assert plan.notices == []


@pytest.mark.parametrize(
    ("layers", "notice"),
    [
        ("!Ref Elsewhere", "Fn.Layers: arn:aws:lambda:us-east-1:1:layer:powertools:7 is not in"),
        ("!Ref Remote", "Remote: its content is not on this machine"),
    ],
)
def test_a_layer_that_is_elsewhere_is_told_and_left_out(
    tmp_path: Path, layers: str, notice: str
) -> None:
    plan = read(tmp_path, layers)
    assert len(plan.functions[0].layers) == 2
    (told,) = plan.notices
    assert told.startswith(notice)


def test_a_layer_without_a_python_folder_is_told_and_one_that_is_not_there_is_a_problem(
    tmp_path: Path,
) -> None:
    read(tmp_path, "")
    for folder in sorted((tmp_path / "layers" / "second").rglob("*"), reverse=True):
        folder.rmdir()
    text = TEMPLATE % "!Ref Second"
    (tmp_path / "template.yaml").write_text(text)

    def again() -> Plan:
        return read_template(
            tmp_path / "template.yaml",
            parameters={},
            stage=None,
            environment={},
            region="us-east-1",
            account="000000000000",
        )

    (told,) = again().notices
    assert told.endswith("layers/second has no folder python")
    (tmp_path / "layers" / "second").rmdir()
    with pytest.raises(TemplateInvalid) as invalid:
        again()
    assert invalid.value.problems == [
        f"Second: there is no folder {tmp_path / 'layers' / 'second'}"
    ]
