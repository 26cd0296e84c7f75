"""CloudWatch's clients against a served store: boto3, the AWS CLI, and the other two protocols."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest
from botocore.exceptions import ClientError

AWS = Path(sys.executable).with_name("aws")
XMLNS = "{http://monitoring.amazonaws.com/doc/2010-08-01/}"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/monitoring/aws4_request,"
    " SignedHeaders=host, Signature=ab",
    "X-Amz-Date": "20261124T000000Z",
}


def load(client: Any, streams: Any, table: str) -> None:
    """3 puts, one of which fails its condition, 2 gets, a page of records, a user's error."""
    arn = client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    client.put_item(TableName=table, Item={"id": {"S": "1"}, "t": {"S": "x" * 1500}})
    client.put_item(TableName=table, Item={"id": {"S": "2"}})
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.put_item(
            TableName=table, Item={"id": {"S": "1"}}, ConditionExpression="attribute_not_exists(id)"
        )
    client.get_item(TableName=table, Key={"id": {"S": "1"}})
    client.get_item(TableName=table, Key={"id": {"S": "1"}}, ConsistentRead=True)
    with pytest.raises(ClientError, match="ValidationException"):
        client.get_item(TableName=table, Key={"no": {"S": "1"}})
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        streams.get_records(ShardIterator=iterator)


def hour() -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(minutes=30), "EndTime": now + timedelta(minutes=30)}


def total(cloudwatch: Any, metric: str, statistic: str = "Sum", **dimensions: str) -> float:
    """One statistic over the hour, through boto3."""
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/DynamoDB",
        MetricName=metric,
        Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()],
        Period=3600,
        Statistics=[statistic],
        **hour(),
    )["Datapoints"]
    return float(sum(point[statistic] for point in points))


def test_boto3_lists_and_sums_what_a_table_did(server: Any) -> None:
    load(server.client(), server.client("dynamodbstreams"), "Watched")
    cloudwatch = server.client("cloudwatch")
    listed = cloudwatch.list_metrics(
        Namespace="AWS/DynamoDB", Dimensions=[{"Name": "TableName", "Value": "Watched"}]
    )["Metrics"]
    assert {each["MetricName"] for each in listed} == {
        "SuccessfulRequestLatency",
        "ConditionalCheckFailedRequests",
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReturnedBytes",
        "ReturnedRecordsCount",
    }
    assert total(cloudwatch, "ConsumedWriteCapacityUnits", TableName="Watched") == 2 + 1
    assert total(cloudwatch, "ConsumedReadCapacityUnits", TableName="Watched") == 0.5 + 1
    assert total(cloudwatch, "ConditionalCheckFailedRequests", TableName="Watched") == 1
    assert total(cloudwatch, "UserErrors") >= 1
    latency = {"TableName": "Watched", "Operation": "PutItem"}
    assert total(cloudwatch, "SuccessfulRequestLatency", "SampleCount", **latency) == 2
    assert 0 < total(cloudwatch, "SuccessfulRequestLatency", "Maximum", **latency) < 10_000
    returned = next(each for each in listed if each["MetricName"] == "ReturnedRecordsCount")
    named = {each["Name"]: each["Value"] for each in returned["Dimensions"]}
    assert set(named) == {"Operation", "StreamLabel", "TableName"}
    assert total(cloudwatch, "ReturnedRecordsCount", **named) == 2
    polls = {"TableName": "Watched", "Operation": "GetRecords"}
    assert total(cloudwatch, "SuccessfulRequestLatency", "SampleCount", **polls) == total(
        cloudwatch, "ReturnedRecordsCount", "SampleCount", **named
    )
    pages = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "w",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/DynamoDB",
                        "MetricName": "ConsumedWriteCapacityUnits",
                        "Dimensions": [{"Name": "TableName", "Value": "Watched"}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
        ],
        **hour(),
    )["MetricDataResults"]
    assert sum(pages[0]["Values"]) == 3
    assert pages[0]["StatusCode"] == "Complete"
    assert all(moment.tzinfo is not None for moment in pages[0]["Timestamps"])


def test_boto3_sees_cloudwatch_s_errors_by_name(server: Any) -> None:
    cloudwatch = server.client("cloudwatch")
    with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException) as refused:
        cloudwatch.get_metric_statistics(
            Namespace="AWS/DynamoDB",
            MetricName="UserErrors",
            Period=61,
            Statistics=["Sum"],
            **hour(),
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(ClientError, match="UnknownOperationException"):
        cloudwatch.describe_alarms()


def test_the_aws_cli_reads_the_metrics(server: Any, aws_environment: dict[str, str]) -> None:
    load(server.client(), server.client("dynamodbstreams"), "ByCli")

    def aws(*words: str) -> Any:
        done = subprocess.run(
            [AWS, "cloudwatch", *words, "--endpoint-url", server.url, "--output", "json"],
            env=aws_environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    dimensions = "Name=TableName,Value=ByCli"
    metrics = aws("list-metrics", "--namespace", "AWS/DynamoDB", "--dimensions", dimensions)
    assert "ReturnedBytes" in {each["MetricName"] for each in metrics["Metrics"]}
    times = [
        f"--{k}-time={v.isoformat()}"
        for k, v in zip(("start", "end"), hour().values(), strict=True)
    ]
    found = aws(
        "get-metric-statistics", "--namespace", "AWS/DynamoDB", "--metric-name",
        "ConsumedWriteCapacityUnits", "--dimensions", dimensions, "--period", "3600",
        "--statistics", "Sum", "SampleCount", *times,
    )  # fmt: skip
    assert sum(point["Sum"] for point in found["Datapoints"]) == 3
    assert sum(point["SampleCount"] for point in found["Datapoints"]) == 2
    metric = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ConsumedWriteCapacityUnits",
        "Dimensions": [{"Name": "TableName", "Value": "ByCli"}],
    }
    query = {"Id": "w", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Average"}}
    data = aws("get-metric-data", "--metric-data-queries", json.dumps([query]), *times)
    assert data["MetricDataResults"][0]["Values"] == [1.5]


def ask(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=body, headers={**SIGNED, **headers}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def by_cbor(url: str, operation: str, members: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A call in rpc-v2-cbor, with botocore's own serializer and parser of it."""
    protocol = "smithy-rpc-v2-cbor"
    model = botocore.session.get_session().get_service_model("cloudwatch")
    shape = model.operation_model(operation)
    sent = botocore.serialize.create_serializer(protocol).serialize_to_request(members, shape)
    path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
    assert sent["url_path"] == path
    request = urllib.request.Request(
        url + path, data=sent["body"], headers={**SIGNED, **sent["headers"]}, method="POST"
    )
    try:
        reply = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        got = {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.read()}
    assert reply.headers["smithy-protocol"] == "rpc-v2-cbor"
    got["headers"] = {name.lower(): value for name, value in got["headers"].items()}
    parsed = botocore.parsers.create_parser(protocol).parse(got, shape.output_shape)
    return int(reply.status), dict(parsed)


def test_cbor_is_spoken_as_botocore_s_own_codec_does(server: Any) -> None:
    load(server.client(), server.client("dynamodbstreams"), "InCbor")
    dimensions = [{"Name": "TableName", "Value": "InCbor"}]
    status, listed = by_cbor(server.url, "ListMetrics", {"Dimensions": dimensions})
    assert status == 200
    assert "ReturnedBytes" in {each["MetricName"] for each in listed["Metrics"]}
    asked = {
        "Namespace": "AWS/DynamoDB", "MetricName": "ConsumedReadCapacityUnits", "Period": 3600,
        "Dimensions": dimensions, "Statistics": ["Sum"], "ExtendedStatistics": ["p99.9"], **hour(),
    }  # fmt: skip
    status, found = by_cbor(server.url, "GetMetricStatistics", asked)
    assert status == 200
    assert sum(point["Sum"] for point in found["Datapoints"]) == 1.5
    for point in found["Datapoints"]:
        assert point["ExtendedStatistics"]["p99.9"] <= 1
        assert point["Timestamp"].tzinfo is not None
    status, refused = by_cbor(server.url, "GetMetricStatistics", {**asked, "Period": 30})
    assert (status, refused["Error"]["Code"]) == (400, "InvalidParameterValue")
    status, refused = by_cbor(server.url, "DescribeAlarms", {})
    assert (status, refused["Error"]["Message"]) == (400, "DescribeAlarms is not served here.")


def test_json_and_query_answer_the_same(server: Any) -> None:
    load(server.client(), server.client("dynamodbstreams"), "Protocols")
    dimension = {"Name": "TableName", "Value": "Protocols"}
    wanted = {"Namespace": "AWS/DynamoDB", "MetricName": "ConsumedReadCapacityUnits"}
    now = int(time.time())
    asked = {
        **wanted, "Dimensions": [dimension], "Period": 3600, "Statistics": ["Sum", "Maximum"],
        "ExtendedStatistics": ["p50"], "StartTime": now - 1800, "EndTime": now + 1800,
    }  # fmt: skip
    for version in ("1.0", "1.1"):
        status, body = ask(
            server.url,
            json.dumps(asked).encode(),
            {
                "X-Amz-Target": "GraniteServiceVersion20100801.GetMetricStatistics",
                "Content-Type": f"application/x-amz-json-{version}",
            },
        )
        assert status == 200, body
        (point,) = json.loads(body)["Datapoints"]
        assert (point["Sum"], point["Maximum"], point["Unit"]) == (1.5, 1.0, "Count")
    form = {
        "Action": "GetMetricStatistics", "Version": "2010-08-01", **wanted, "Period": "3600",
        "Dimensions.member.1.Name": "TableName", "Dimensions.member.1.Value": "Protocols",
        "Statistics.member.1": "Sum", "ExtendedStatistics.member.1": "p50",
        "StartTime": datetime.fromtimestamp(now - 1800, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndTime": datetime.fromtimestamp(now + 1800, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    status, body = ask(server.url, urllib.parse.urlencode(form).encode(), kind)
    assert status == 200, body
    datapoint = ET.fromstring(body).find(f".//{XMLNS}member")
    assert datapoint is not None
    assert datapoint.findtext(f"{XMLNS}Sum") == "1.5"
    assert datapoint.findtext(f"{XMLNS}ExtendedStatistics/{XMLNS}entry/{XMLNS}key") == "p50"
    status, body = ask(server.url, b"Action=PutMetricAlarm", kind)
    assert status == 400
    assert ET.fromstring(body).findtext(f".//{XMLNS}Code") == "InvalidAction"


def test_a_form_without_a_signature_is_refused(server: Any) -> None:
    request = urllib.request.Request(server.url, data=b"Action=ListMetrics", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    with refused.value as error:
        assert error.code == 403


def test_signatures_for_cloudwatch_are_verified(start_server: Callable[..., Any]) -> None:
    server = start_server("--key", "AKID:s3cret", "--in-memory")
    server.client().list_tables()
    listed = server.client("cloudwatch").list_metrics()["Metrics"]
    assert {each["MetricName"] for each in listed} == {"SuccessfulRequestLatency"}
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        server.client("cloudwatch", aws_secret_access_key="other").list_metrics()


def test_metrics_by_the_minute_follow_the_store_s_clock(start_server: Callable[..., Any]) -> None:
    server = start_server("--in-memory")
    cloudwatch = server.client("cloudwatch")

    def advance(seconds: int) -> float:
        url = f"{server.url}/_streamstore/clock"
        body = json.dumps({"advance_seconds": seconds}).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, headers=kind, method="POST")
        with urllib.request.urlopen(request, timeout=20) as reply:
            return float(json.load(reply)["now_ms"]) / 1000

    begun = advance(0)
    server.client().list_tables()
    server.client().list_tables()
    ended = advance(3600)
    server.client().list_tables()
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/DynamoDB",
        MetricName="SuccessfulRequestLatency",
        Dimensions=[{"Name": "Operation", "Value": "ListTables"}],
        StartTime=begun - 60,
        EndTime=ended + 60,
        Period=60,
        Statistics=["SampleCount"],
    )["Datapoints"]
    assert [point["SampleCount"] for point in points] == [2, 1]
    apart = (points[1]["Timestamp"] - points[0]["Timestamp"]).total_seconds()
    assert 3600 <= apart <= 3660
    advance(3 * 3600)
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_prometheus_and_the_command_tell_the_same(
    start_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = start_server()
    load(server.client(), server.client("dynamodbstreams"), "Told")
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=20) as reply:
        text = reply.read().decode()
    assert 'streamstore_requests_total{operation="PutItem",table="Told"} 2\n' in text
    assert 'streamstore_consumed_write_capacity_units_total{table="Told"} 3\n' in text
    assert 'streamstore_request_seconds_bucket{operation="PutItem",le="+Inf"} 2\n' in text
    assert "# TYPE streamstore_request_seconds histogram" in text
    command = [sys.executable, "-m", "streamstore", "stats"]
    for where in (["--db", str(tmp_path / "store.db")], ["--url", server.url]):
        done = subprocess.run([*command, *where], capture_output=True, text=True, check=True)
        stats = json.loads(done.stdout)
        assert f"streams_read_request_units_total {stats['streams_read_request_units']}\n" in text
        units = [e for e in stats["metrics"] if e["Metric"] == "ConsumedWriteCapacityUnits"]
        assert [(e["Dimensions"], e["Sum"]) for e in units] == [({"TableName": "Told"}, 3.0)]
        assert stats["writer"]["commits"] > 0
    shown = subprocess.run(
        [*command, "--url", server.url, "--output", "table"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "ConsumedWriteCapacityUnits (TableName Told)" in shown


def test_two_readers_of_a_shard_are_let_and_the_third_is_throttled(
    start_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSTORE_SHARD_READERS_MAX", "2")
    monkeypatch.setenv("STREAMSTORE_LIST_STREAMS_PER_SECOND", "1")
    monkeypatch.setenv("STREAMSTORE_FIRST_PARTITIONS", "1")
    server = start_server("--in-memory")
    client, streams = server.client(), server.client("dynamodbstreams")
    load(client, streams, "Crowded")
    (stream,) = streams.list_streams(TableName="Crowded")["Streams"]
    arn = stream["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]

    def begin() -> str:
        time.sleep(0.002)  # iterators of one millisecond and place are equal
        return str(
            streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"]
        )

    first = streams.get_records(ShardIterator=begin())["NextShardIterator"]
    for _ in range(3):
        first = streams.get_records(ShardIterator=first)["NextShardIterator"]
    with pytest.raises(ClientError) as refused:
        streams.get_records(ShardIterator=begin())
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    streams.get_records(ShardIterator=first)
    with pytest.raises(ClientError, match="ThrottlingException"):
        [streams.list_streams() for _ in range(3)]
    assert (
        total(server.client("cloudwatch"), "ThrottledRequests", TableName="Crowded",
              Operation="GetRecords") == 1
    )  # fmt: skip
