"""SAM and CloudFormation templates as plans, and everything wrong with one told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamstore.consumers.templates.plan import Plan, stream_token
from streamstore.consumers.templates.reading import read_template
from streamstore.errors import TemplateInvalid

HEAD = """
Parameters:
  Stage: {Type: String, Default: dev}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
Globals:
  Function: {Runtime: python3.12, CodeUri: src, Timeout: 10, Environment: {Variables: {A: 1, B: x}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub orders-${Stage}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: "5", WriteCapacityUnits: 5}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      SSESpecification: {SSEEnabled: true}
"""
FUNCTION = """
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Events:
        S:
          Type: DynamoDB
          Properties: {Stream: !GetAtt Orders.StreamArn, StartingPosition: LATEST%s}
"""
STREAM = stream_token("orders-dev")


def read(folder: Path, text: str, remote: str = "", **parameters: str) -> Plan:
    (folder / "template.yaml").write_text(text)
    return read_template(
        folder / "template.yaml",
        parameters=parameters,
        stage=None,
        environment={remote: "http://127.0.0.1:9324"} if remote else {},
        region="us-east-1",
        account="000000000000",
    )


def test_a_template_becomes_tables_functions_and_mappings(tmp_path: Path) -> None:
    plan = read(tmp_path, HEAD + FUNCTION % ', BatchSize: "7", Enabled: "false"')
    (table,) = plan.tables
    assert table.request == {
        "TableName": "orders-dev",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
    assert table.expires_by == "ttl"
    (function,) = plan.functions
    assert (function.name, function.handler, function.timeout_seconds) == ("Fn", "app.handler", 10)
    assert function.code == tmp_path / "src"
    assert function.environment == {"A": "1", "B": "x"}
    (mapping,) = plan.mappings
    assert mapping.function == "Fn"
    assert mapping.params == {
        "EventSourceArn": STREAM,
        "StartingPosition": "LATEST",
        "BatchSize": 7,
        "Enabled": False,
    }


def test_every_parameter_of_a_mapping_is_passed_on(tmp_path: Path) -> None:
    given = """
      MaximumBatchingWindowInSeconds: 5
      ParallelizationFactor: 2
      BisectBatchOnFunctionError: true
      MaximumRetryAttempts: 3
      MaximumRecordAgeInSeconds: 3600
      TumblingWindowInSeconds: 60
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
      StartingPosition: TRIM_HORIZON
      EventSourceArn: !GetAtt Orders.StreamArn
      FunctionName: !GetAtt Fn.Arn
"""
    mapping = "\n  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:" + given
    bare = FUNCTION.split("      Events")[0]
    (made,) = read(tmp_path, HEAD + bare + mapping).mappings
    assert (made.label, made.function) == ("M", "Fn")
    assert made.params == {
        "EventSourceArn": STREAM,
        "MaximumBatchingWindowInSeconds": 5,
        "ParallelizationFactor": 2,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 3600,
        "TumblingWindowInSeconds": 60,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]},
        "StartingPosition": "TRIM_HORIZON",
    }


def test_parameters_override_defaults_and_decide_conditions(tmp_path: Path) -> None:
    only = "\n  Audit: {Type: AWS::Serverless::SimpleTable, Condition: IsProd}\n"
    assert [t.name for t in read(tmp_path, HEAD + only).tables] == ["orders-dev"]
    plan = read(tmp_path, HEAD + only, Stage="prod")
    assert [table.name for table in plan.tables] == ["orders-prod", "Audit"]
    assert plan.tables[1].request == {
        "TableName": "Audit",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


DLQ = ", DestinationConfig: {OnFailure: {Type: SQS, Destination: %s}}"


@pytest.mark.parametrize(
    ("destination", "name"),
    [
        ("!GetAtt Dlq.Arn", "Dlq"),
        ("arn:aws:sqs:us-east-1:123456789012:elsewhere", "elsewhere"),
        ("!ImportValue shared", "Fn.S.DestinationConfig"),
        ("arn:aws:s3:::bucket", "bucket"),
    ],
)
def test_failures_go_to_a_file_where_the_queue_is_not_here(
    tmp_path: Path, destination: str, name: str
) -> None:
    queue = "\n  Dlq: {Type: AWS::SQS::Queue}\n"
    plan = read(tmp_path, HEAD + queue + FUNCTION % (DLQ % destination))
    path = tmp_path / ".streamstore" / f"{name}.jsonl"
    assert plan.mappings[0].params["DestinationConfig"] == {
        "OnFailure": {"Destination": path.as_uri()}
    }
    assert any(notice.endswith(f"go to {path}") for notice in plan.notices)


EVENTS = """
  Dlq: {Type: AWS::SQS::Queue}
  Other:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.other
      AutoPublishAlias: live
      EventInvokeConfig:
        MaximumRetryAttempts: "1"
        DestinationConfig:
          OnSuccess: {Type: Lambda, Destination: !GetAtt Fn.Arn}
          OnFailure: {Type: SQS, Destination: !GetAtt Dlq.Arn}
  Said:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Other
      Qualifier: $LATEST
      MaximumEventAgeInSeconds: 60
      DestinationConfig: {OnSuccess: {Destination: "arn:aws:events:us-east-1:1:event-bus/b"}}
"""


def test_what_is_said_of_asynchronous_invocations_is_read(tmp_path: Path) -> None:
    head = HEAD.replace("Timeout: 10", "Timeout: 10, EventInvokeConfig: {MaximumRetryAttempts: 0}")
    plan = read(tmp_path, head + FUNCTION % "" + EVENTS)
    to_file = (tmp_path / ".streamstore" / "Dlq.jsonl").as_uri()
    to_fn = "arn:aws:lambda:us-east-1:000000000000:function:Fn"
    assert [(each.function, each.qualifier, each.members) for each in plan.events] == [
        ("Fn", "", {"MaximumRetryAttempts": 0}),
        (
            "Other",
            "live",
            {
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {
                    "OnSuccess": {"Destination": to_fn},
                    "OnFailure": {"Destination": to_file},
                },
            },
        ),
        ("Other", "$LATEST", {"MaximumEventAgeInSeconds": 60}),
    ]
    assert "Said: OnSuccess: there are no event buses here" in plan.notices
    with pytest.raises(TemplateInvalid, match="MaximumRetryAttempts must be a whole number"):
        read(tmp_path, HEAD + FUNCTION % "" + EVENTS.replace('"1"', "some"))
    with pytest.raises(TemplateInvalid, match="Said: the function Fnn is not in the template"):
        read(tmp_path, HEAD + FUNCTION % "" + EVENTS.replace("!Ref Other", "Fnn"))


def test_a_destination_stays_where_there_is_an_endpoint_for_it(tmp_path: Path) -> None:
    arn = "arn:aws:sqs:us-east-1:123456789012:elsewhere"
    plan = read(tmp_path, HEAD + FUNCTION % (DLQ % arn), remote="AWS_ENDPOINT_URL_SQS")
    assert plan.mappings[0].params["DestinationConfig"] == {"OnFailure": {"Destination": arn}}


def test_what_is_not_done_is_told_by_name(tmp_path: Path) -> None:
    more = """
  Api: {Type: AWS::Serverless::Api}
  Role: {Type: AWS::IAM::Role}
  Other:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.other
      Environment: {Variables: {B: !ImportValue x, C: !Ref Orders, D: !GetAtt Orders.StreamArn}}
      Events: {Http: {Type: Api}}
"""
    plan = read(tmp_path, HEAD + FUNCTION % ", BatchSise: 1, MetricsConfig: {}" + more)
    assert plan.notices == [
        "AWS::Serverless::Api is not made here (1 of them)",
        "Fn.S: BatchSise is not known and is left out; did you mean BatchSize?",
        "Other: the variable B is not set, for the function Fn::ImportValue can't be known here",
        "Other.Http: events of type Api don't come here",
    ]
    assert plan.functions[1].environment == {"A": "1", "C": "orders-dev", "D": STREAM}


def test_a_literal_arn_of_a_tables_stream_means_the_one_that_is_here(tmp_path: Path) -> None:
    arn = "arn:aws:dynamodb:eu-west-1:1:table/orders-dev/stream/2020-01-01T00:00:00.000"
    text = (HEAD + FUNCTION % "").replace("!GetAtt Orders.StreamArn", arn)
    assert read(tmp_path, text).mappings[0].params["EventSourceArn"] == STREAM


PLAIN = "\n  Plain: {Type: AWS::Serverless::SimpleTable}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "holds no map"),
        ("a: 1", "neither Resources"),
        ("Resources: 1", "Resources must be a map"),
        ("Resources: {A: {}}", "A: a resource is a map with a Type"),
        ("Resources: {A: {Type: X, Properties: 1}}", "A: Properties must be a map"),
        ("Resources: {A: {Type: X, Condition: Nil}}", "A: the condition Nil can't be known here"),
        (HEAD + FUNCTION % ", BatchSize: many", "Fn.S.BatchSize must be a whole number"),
        (HEAD + FUNCTION % ", Enabled: maybe", "Fn.S.Enabled must be true or false, not 'maybe'"),
        (HEAD + (FUNCTION % "").replace("Orders.Stream", "Order.Stream"), "Order.StreamArn can't"),
        (HEAD + (FUNCTION % "").replace("!GetAtt Orders.StreamArn", "x"), "x is no stream's ARN"),
        (HEAD + (FUNCTION % "").replace(", StartingPosition: LATEST", ""), "StartingPosition is"),
        (HEAD + (FUNCTION % "").replace("Stream: !GetAtt", "X: !GetAtt"), "Stream is needed"),
        (HEAD + (FUNCTION % "").replace("      Handler: app.handler\n", ""), "Handler is needed"),
        (HEAD.replace("Runtime: python3.12, ", "") + FUNCTION % "", "Runtime is needed"),
        (HEAD.replace("CodeUri: src", "CodeUri: s3://x/y") + FUNCTION % "", "must be a folder"),
        (
            HEAD + PLAIN + (FUNCTION % "").replace("Orders.", "Plain."),
            "the table Plain has no StreamSpecification",
        ),
        (HEAD + FUNCTION % ", DestinationConfig: x", "must be a map with OnFailure"),
        (
            HEAD + FUNCTION % "" + FUNCTION.replace("  Fn:", "  Two:") % ""
            + "      FunctionName: Fn",
            "two functions are called Fn",
        ),
        (
            HEAD + FUNCTION % "" + "        T: {Type: DynamoDB, Properties: {Stream: !GetAtt "
            "Orders.StreamArn, StartingPosition: LATEST}}",
            "Fn listens to one stream twice",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_told_by_name(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(TemplateInvalid) as refused:
        read(tmp_path, text)
    assert problem in "\n".join(refused.value.problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = HEAD + FUNCTION % ", BatchSize: many, ParallelizationFactor: few"
    with pytest.raises(TemplateInvalid) as refused:
        read(tmp_path, text, Nobody="1")
    assert len(refused.value.problems) == 3
    assert refused.value.problems[0] == "there is no parameter Nobody; there are Names, Stage"


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [None], {"a": None}, True])
@pytest.mark.parametrize(
    "place",
    [
        ("Parameters",),
        ("Parameters", "P"),
        ("Globals",),
        ("Globals", "Function"),
        ("Conditions",),
        ("Mappings",),
        ("Resources",),
        ("Resources", "T"),
        ("Resources", "T", "Properties"),
        ("Resources", "T", "Properties", "TableName"),
        ("Resources", "T", "Properties", "StreamSpecification"),
        ("Resources", "T", "Properties", "GlobalSecondaryIndexes"),
        ("Resources", "T", "Properties", "ProvisionedThroughput"),
        ("Resources", "F", "Properties"),
        ("Resources", "F", "Properties", "Handler"),
        ("Resources", "F", "Properties", "CodeUri"),
        ("Resources", "F", "Properties", "Timeout"),
        ("Resources", "F", "Properties", "Environment"),
        ("Resources", "F", "Properties", "Environment", "Variables"),
        ("Resources", "F", "Properties", "Events"),
        ("Resources", "F", "Properties", "Events", "E"),
        ("Resources", "F", "Properties", "Events", "E", "Properties"),
        ("Resources", "F", "Properties", "Events", "E", "Properties", "Stream"),
        ("Resources", "F", "Properties", "Events", "E", "Properties", "DestinationConfig"),
        ("Resources", "F", "Properties", "Events", "E", "Properties", "FilterCriteria"),
        ("Resources", "M"),
        ("Resources", "M", "Properties"),
        ("Resources", "M", "Properties", "FunctionName"),
        ("Resources", "M", "Properties", "EventSourceArn"),
    ],
)
def test_a_template_with_anything_anywhere_is_read_or_refused(
    tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    stream = {"Fn::GetAtt": ["T", "StreamArn"]}
    event = {"Type": "DynamoDB", "Properties": {"Stream": stream, "StartingPosition": "LATEST"}}
    template: dict[str, Any] = {
        "Resources": {
            "T": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}},
            },
            "F": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Handler": "a.b",
                    "Runtime": "python3.12",
                    "Environment": {"Variables": {}},
                    "Events": {"E": event},
                },
            },
            "M": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {"FunctionName": "F", "EventSourceArn": stream},
            },
        }
    }
    inner = template
    for name in place[:-1]:
        inner = inner.setdefault(name, {})
    inner[place[-1]] = value
    try:
        read(tmp_path, json.dumps(template))
    except TemplateInvalid as refused:
        problems = refused.problems
    else:
        problems = ["none"]
    assert problems
