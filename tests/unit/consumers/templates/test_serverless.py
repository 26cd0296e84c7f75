"""serverless.yml as a plan, and its variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamstore.consumers.templates.plan import Plan, stream_token
from streamstore.consumers.templates.reading import read_template
from streamstore.errors import TemplateInvalid

HEAD = """
service: shop
provider:
  name: aws
  runtime: python3.12
  stage: ${opt:stage, 'local'}
  environment: {TABLE: "${self:custom.table}", HOME_OF: "${env:OWNER, 'nobody'}"}
custom:
  table: orders-${sls:stage}
resources: ${file(resources.yml)}
"""
RESOURCES = """
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: ${self:custom.table}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""
FUNCTION = """
functions:
  on-order:
    handler: src/app.handler
    events:
      - stream: %s
"""
ARN = "!GetAtt Orders.StreamArn"
STREAM = stream_token("orders-local")


def read(folder: Path, text: str, stage: str | None = None, **environment: str) -> Plan:
    (folder / "resources.yml").write_text(RESOURCES)
    (folder / "serverless.yml").write_text(text)
    return read_template(
        folder / "serverless.yml",
        parameters={"size": "7"},
        stage=stage,
        environment=environment,
        region="us-east-1",
        account="000000000000",
    )


def test_the_short_form_has_the_frameworks_defaults(tmp_path: Path) -> None:
    plan = read(tmp_path, HEAD + FUNCTION % ARN)
    assert [table.name for table in plan.tables] == ["orders-local"]
    (function,) = plan.functions
    assert function.name == "shop-local-on-order"
    assert function.logical == "OnDashorderLambdaFunction"
    assert (function.handler, function.code) == ("src/app.handler", tmp_path)
    assert (function.timeout_seconds, function.memory_mb) == (6, 1024)
    assert function.environment == {"TABLE": "orders-local", "HOME_OF": "nobody"}
    (mapping,) = plan.mappings
    assert mapping.params == {
        "EventSourceArn": STREAM,
        "BatchSize": 10,
        "StartingPosition": "TRIM_HORIZON",
    }


def test_every_parameter_is_passed_on_under_its_name_at_the_service(tmp_path: Path) -> None:
    given = """
          type: dynamodb
          arn: {Fn::GetAtt: [Orders, StreamArn]}
          batchSize: 5
          startingPosition: LATEST
          batchWindow: 5
          enabled: false
          parallelizationFactor: 2
          maximumRetryAttempts: 3
          maximumRecordAgeInSeconds: 3600
          bisectBatchOnFunctionError: true
          functionResponseType: ReportBatchItemFailures
          tumblingWindowInSeconds: 60
          destinations: {onFailure: {arn: "arn:aws:sns:us-east-1:1:dead", type: sns}}
          filterPatterns:
            - eventName: [INSERT]
            - {dynamodb: {Keys: {id: {S: [{prefix: a}]}}}}
"""
    (mapping,) = read(tmp_path, HEAD + FUNCTION % given).mappings
    patterns = [each["Pattern"] for each in mapping.params.pop("FilterCriteria")["Filters"]]
    assert [json.loads(pattern) for pattern in patterns] == [
        {"eventName": ["INSERT"]},
        {"dynamodb": {"Keys": {"id": {"S": [{"prefix": "a"}]}}}},
    ]
    dead = (tmp_path / ".streamstore" / "dead.jsonl").as_uri()
    assert mapping.params == {
        "EventSourceArn": STREAM,
        "BatchSize": 5,
        "StartingPosition": "LATEST",
        "MaximumBatchingWindowInSeconds": 5,
        "Enabled": False,
        "ParallelizationFactor": 2,
        "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 3600,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "TumblingWindowInSeconds": 60,
        "DestinationConfig": {"OnFailure": {"Destination": dead}},
    }


def test_what_a_function_says_of_asynchronous_invocations_is_read(tmp_path: Path) -> None:
    more = """
    maximumRetryAttempts: 1
    maximumEventAge: 120
    destinations: {onSuccess: other, onFailure: {type: sqs, arn: "arn:aws:sqs:us-east-1:1:dead"}}
  other: {handler: src/app.other}
"""
    plan = read(tmp_path, HEAD + FUNCTION % ARN + more)
    (events,) = plan.events
    assert (events.function, events.qualifier) == ("shop-local-on-order", "")
    assert events.members == {
        "MaximumRetryAttempts": 1,
        "MaximumEventAgeInSeconds": 120,
        "DestinationConfig": {
            "OnSuccess": {
                "Destination": "arn:aws:lambda:us-east-1:000000000000:function:shop-local-other"
            },
            "OnFailure": {"Destination": (tmp_path / ".streamstore" / "dead.jsonl").as_uri()},
        },
    }


def test_a_stage_and_the_environment_decide_variables(tmp_path: Path) -> None:
    plan = read(tmp_path, HEAD + FUNCTION % ARN, stage="prod", OWNER="me")
    assert plan.tables[0].name == "orders-prod"
    assert plan.functions[0].environment == {"TABLE": "orders-prod", "HOME_OF": "me"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${self:service}-${sls:stage}", "shop-local"),
        ("${self:custom.${sls:stage}.size}", "3"),
        ("${self:custom.nothing, 'fall back'}", "fall back"),
        ("${self:custom.nothing, self:service}", "shop"),
        ("${opt:nothing, env:NOTHING, 5}", "5"),
        ("${param:size}", "7"),
        ("${file(more.json):deep.list.1}", "b"),
        ("${AWS::Region}", "${AWS::Region}"),
        ("${cf:stack.Out, 'unknown'}", "unknown"),
    ],
)
def test_a_variable_is_resolved(tmp_path: Path, written: str, value: str) -> None:
    (tmp_path / "more.json").write_text('{"deep": {"list": ["a", "b"]}}')
    text = HEAD.replace("custom:", "custom:\n  local: {size: 3}").replace(
        "environment: {", f'environment: {{V: "{written}", '
    )
    assert read(tmp_path, text + FUNCTION % ARN).functions[0].environment["V"] == value


def test_what_does_not_come_here_is_told_by_name(tmp_path: Path) -> None:
    more = """      - httpApi: "*"
      - schedule: rate(1 hour)
      - stream: {type: kinesis, arn: x}
"""
    misspelt = "{type: dynamodb, arn: !GetAtt Orders.StreamArn, batchSise: 1}"
    assert read(tmp_path, HEAD + FUNCTION % misspelt + more).notices == [
        "on-order.events[1]: batchSise is not known and is left out; did you mean batchSize?",
        "on-order.events[2]: events of type httpApi don't come here",
        "on-order.events[3]: events of type schedule don't come here",
        "on-order.events[4]: streams of type kinesis don't come here",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD.replace("service: shop", "") + FUNCTION % ARN, "service is needed"),
        (HEAD.replace("  runtime: python3.12\n", "") + FUNCTION % ARN, "runtime is needed"),
        (HEAD + "functions: {f: {}}", "f: handler is needed"),
        (HEAD + "functions: {f: 1}", "f: a function is a map"),
        (HEAD + "functions: {f: {handler: a.b, events: 1}}", "f: events must be a list"),
        (HEAD + FUNCTION % "!GetAtt Nobody.StreamArn", "!GetAtt Nobody.StreamArn can't be known"),
        (HEAD.replace("${file(resources.yml)}", "${file(no.yml)}"), "${file(no.yml)} can't be"),
        (HEAD.replace("orders-${sls:stage}", "${self:custom.table}"), "refers to itself"),
        (HEAD.replace("${self:custom.table}", "${ssm:/x}"), "${ssm:/x} can't be known here"),
        (HEAD + FUNCTION % "{arn: !GetAtt Orders.StreamArn, filterPatterns: 1}", "must be a list"),
        (HEAD + FUNCTION % "{arn: !GetAtt Orders.StreamArn, destinations: 1}", "onFailure"),
        (HEAD + FUNCTION % "{arn: !GetAtt Orders.StreamArn, batchSize: x}", "whole number"),
    ],
)
def test_what_cannot_be_run_is_told_by_name(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(TemplateInvalid) as refused:
        read(tmp_path, text)
    assert problem in "\n".join(refused.value.problems)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [None], {"a": None}, True])
@pytest.mark.parametrize(
    "place",
    [
        ("service",),
        ("provider",),
        ("provider", "stage"),
        ("provider", "environment"),
        ("functions",),
        ("functions", "f"),
        ("functions", "f", "handler"),
        ("functions", "f", "timeout"),
        ("functions", "f", "environment"),
        ("functions", "f", "events"),
        ("functions", "f", "name"),
        ("resources",),
        ("resources", "Resources"),
        ("functions", "f", "events", 0),
        ("functions", "f", "events", 0, "stream"),
        ("functions", "f", "events", 0, "stream", "type"),
        ("functions", "f", "events", 0, "stream", "filterPatterns"),
        ("functions", "f", "events", 0, "stream", "destinations"),
    ],
)
def test_a_configuration_with_anything_anywhere_is_read_or_refused(
    tmp_path: Path, place: tuple[Any, ...], value: Any
) -> None:
    config: Any = {
        "service": "shop",
        "provider": {"runtime": "python3.12"},
        "functions": {"f": {"handler": "a.b", "events": [{"stream": {"arn": "x"}}]}},
        "resources": {"Resources": {}},
    }
    inner = config
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    try:
        read(tmp_path, json.dumps(config))
    except TemplateInvalid as refused:
        problems = refused.problems
    else:
        problems = ["none"]
    assert problems
