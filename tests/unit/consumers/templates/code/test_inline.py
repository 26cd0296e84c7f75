"""Code that stands in the template itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamstore.consumers.templates.code.inline import handler_problem, written
from streamstore.consumers.templates.handlers import Handlers
from streamstore.consumers.templates.plan import FunctionWanted, Plan
from streamstore.consumers.templates.reading import read_template
from streamstore.errors import TemplateInvalid

TEMPLATE = """
Resources:
  Sam:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return "sam", event
  Plain:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.main
      Code:
        ZipFile: !Sub |
          # of ${AWS::Region}
          def main(event, context):
              return "plain", event, "ü"
  Node:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs22.x, Handler: index.handler, InlineCode: "exports.handler = 1"}
  Folder:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: app.handler, CodeUri: src}
"""


def read(folder: Path, text: str) -> Plan:
    (folder / "template.yaml").write_text(text)
    return read_template(
        folder / "template.yaml",
        parameters={},
        stage=None,
        environment={},
        region="us-east-1",
        account="000000000000",
    )


def test_inline_code_becomes_the_module_index_of_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    plan = written(read(tmp_path, TEMPLATE), tmp_path / "made")
    by_name = {function.name: function for function in plan.functions}
    assert sorted(each.name for each in (tmp_path / "made").iterdir()) == ["Plain", "Sam"]
    assert "of us-east-1" in (by_name["Plain"].code / "index.py").read_text("utf-8")
    assert by_name["Folder"].code == tmp_path / "src"
    handlers = Handlers([by_name["Sam"], by_name["Plain"]], lambda function: {})
    try:
        assert [error for _, error in handlers.load()] == [None, None]
        assert handlers["Sam"](1, None) == ("sam", 1)
        assert handlers["Plain"](2, None) == ("plain", 2, "ü")
    finally:
        handlers.close()


@pytest.mark.parametrize("handler", ["app.handler", "indexed.handler", "src/index.handler"])
def test_inline_code_has_a_handler_in_index(tmp_path: Path, handler: str) -> None:
    assert handler_problem("index.handler") is None
    with pytest.raises(TemplateInvalid) as invalid:
        read(tmp_path, TEMPLATE.replace("Handler: index.handler\n", f"Handler: {handler}\n"))
    assert invalid.value.problems == [
        f"Sam: inline code is the module index, so its handler is index.NAME, not {handler!r}"
    ]


def test_a_plan_without_inline_code_is_left_as_it_is(tmp_path: Path) -> None:
    function = FunctionWanted("f", "f", "python3.12", "app.handler", tmp_path / "src")
    plan = Plan(tmp_path / "template.yaml", functions=[function])
    assert written(plan, tmp_path / "never made").functions == [function]
