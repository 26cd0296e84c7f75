"""What a served function is measured by: the AWS CLI asks CloudWatch, Prometheus reads /metrics."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

AWS = Path(sys.executable).with_name("aws")
SECONDS_MAX = 30


def test_the_aws_cli_and_prometheus_see_invocations_and_ages(
    start_server: Callable[..., Any], tmp_path: Path, aws_environment: dict[str, str]
) -> None:
    (tmp_path / "functions_of_metrics.py").write_text("def f(event, context):\n    pass\n")
    server = start_server("--function-path", str(tmp_path), "--function=f=functions_of_metrics:f")
    client = server.client()
    made = client.create_table(
        TableName="tab",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    uuid = server.client("lambda").create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=made["TableDescription"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        MetricsConfig={"Metrics": ["EventCount"]},
    )["UUID"]
    for number in range(5):
        client.put_item(TableName="tab", Item={"id": {"S": str(number)}})
    wanted = f'streamstore_mapping_invoked_events_total{{mapping="{uuid}"}} 5'
    for _ in range(SECONDS_MAX * 20):
        with urllib.request.urlopen(f"{server.url}/metrics") as reply:
            shown = reply.read().decode()
        if wanted in shown:
            break
        threading.Event().wait(0.05)
    assert wanted in shown
    assert 'streamstore_lambda_iterator_age_milliseconds_count{function="f"}' in shown
    now = datetime.now(UTC)
    run = subprocess.run(
        [
            *(str(AWS), "--endpoint-url", server.url, "--output", "json"),
            *("cloudwatch", "get-metric-statistics", "--namespace", "AWS/Lambda"),
            *("--metric-name", "Invocations", "--dimensions", "Name=FunctionName,Value=f"),
            *("--start-time", (now - timedelta(hours=1)).isoformat()),
            *("--end-time", (now + timedelta(hours=1)).isoformat()),
            *("--period", "3600", "--statistics", "Sum"),
        ],
        env=aws_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    points = json.loads(run.stdout)["Datapoints"]
    assert 1 <= sum(point["Sum"] for point in points) <= 5
    assert {point["Unit"] for point in points} == {"Count"}
