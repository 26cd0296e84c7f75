"""What other engines get wrong about streams, one test each (streams page, part I)."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TEXT_BYTES = 1000


def keys(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in records]


def numbers(records: list[dict[str, Any]]) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records]


# DynamoDB Local.


def test_latest_on_an_empty_shard_sees_the_next_write_whatever_other_tables_do(desk: Any) -> None:
    arn = desk.make("waiting")
    desk.make("busy")
    iterator = desk.iterator(arn, "LATEST")
    desk.put("busy", "other")
    desk.put("waiting", "mine")
    assert keys(desk.page(iterator)["Records"]) == ["mine"]


def test_removing_from_a_missing_item_makes_no_item(desk: Any) -> None:
    arn = desk.make("removing")
    desk.update("removing", "nobody", "REMOVE x")
    assert "Item" not in desk.tables.get_item(TableName="removing", Key={"id": {"S": "nobody"}})
    assert desk.records(arn) == []


def test_tags_are_kept_and_leave_the_stream_as_it_is(desk: Any) -> None:
    arn = desk.make("tagged")
    table = arn.partition("/stream/")[0]
    tags = [{"Key": "team", "Value": "blue"}]
    desk.tables.tag_resource(ResourceArn=table, Tags=tags)
    assert desk.tables.list_tags_of_resource(ResourceArn=table)["Tags"] == tags
    assert desk.tables.describe_table(TableName="tagged")["Table"]["LatestStreamArn"] == arn


def test_an_acknowledged_transaction_is_there_after_a_kill_with_all_its_records(
    start_server: Callable[..., Any], own_desk: Any
) -> None:
    arn = own_desk.make("killed")
    puts = [
        {"Put": {"TableName": "killed", "Item": {"id": {"S": f"{number:02}"}}}}
        for number in range(8)
    ]
    own_desk.tables.transact_write_items(TransactItems=puts)
    own_desk.server.signal(signal.SIGKILL)
    own_desk.server.wait()
    again = type(own_desk)(start_server("--split-policy", "manual"))
    assert len(again.tables.scan(TableName="killed")["Items"]) == 8
    assert keys(again.records(arn)) == [put["Put"]["Item"]["id"]["S"] for put in puts]


def test_the_region_of_a_record_is_the_request_s(desk: Any) -> None:
    arn = desk.make("placed")
    desk.put("placed", "a")
    iterator = desk.iterator(arn)
    for region in ("eu-west-1", "ap-southeast-2"):
        streams = desk.server.client("dynamodbstreams", region_name=region)
        [record] = streams.get_records(ShardIterator=iterator)["Records"]
        assert record["awsRegion"] == region


def test_the_filter_gives_the_immediate_children_and_nothing_else(desk: Any) -> None:
    arn = desk.make("family")
    [root] = desk.shards(arn)
    child, other = desk.admin("split", table="family")["children"]
    grandchild = desk.admin("roll", table="family", shard=child)["successor"]

    def children(shard: str) -> list[str]:
        family = {"Type": "CHILD_SHARDS", "ShardId": shard}
        described = desk.describe(arn, ShardFilter=family)
        assert described["StreamStatus"] == "ENABLED"
        assert described["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
        return [each["ShardId"] for each in described["Shards"]]

    assert children(root["ShardId"]) == [child, other]
    assert children(child) == [grandchild]
    assert children(other) == children(grandchild) == []
    whole = {"Type": "CHILD_SHARDS", "ShardId": root["ShardId"]}
    for wrong in (
        whole | {"Type": "PARENTS"},
        {"ShardId": root["ShardId"]},
        {"Type": "CHILD_SHARDS"},
        whole | {"ShardId": "qwerty"},
    ):
        code, status, _ = desk.refusal(desk.describe, arn=arn, ShardFilter=wrong)
        assert (code, status) == ("ValidationException", 400)
    text = desk.refusal(desk.describe, arn=arn, ShardFilter=whole | {"ShardId": "qwerty"})[2]
    assert "shardFilter.shardId" in text


def test_numbers_go_on_where_they_were_when_every_record_has_expired_and_the_process_is_new(
    start_server: Callable[..., Any], own_desk: Any
) -> None:
    arn = own_desk.make("ageing")
    own_desk.put("ageing", "a")
    before = numbers(own_desk.records(arn))
    own_desk.admin("clock", advance_seconds=25 * 3600)
    own_desk.admin("compact")
    assert own_desk.records(arn) == []
    own_desk.server.signal(signal.SIGTERM)
    own_desk.server.wait()
    again = type(own_desk)(start_server("--split-policy", "manual"))
    after = again.iterator(arn, "LATEST", shard=again.shards(arn)[-1]["ShardId"])
    again.put("ageing", "a", n={"N": "1"})
    assert numbers(again.page(after)["Records"]) > before


def test_expired_records_are_refused_and_leave_the_file_while_the_server_runs(
    own_desk: Any, tmp_path: Path
) -> None:
    arn = own_desk.make("filling")
    for batch in range(40):
        requests = [
            {"PutRequest": {"Item": {"id": {"S": str(key)}, "t": {"S": str(batch) * TEXT_BYTES}}}}
            for key in range(25)
        ]
        own_desk.tables.batch_write_item(RequestItems={"filling": requests})
    first = own_desk.page(own_desk.iterator(arn), Limit=1)["Records"]
    number = first[0]["dynamodb"]["SequenceNumber"]
    own_desk.admin("compact")
    full = (tmp_path / "store.db").stat().st_size
    own_desk.admin("clock", advance_seconds=24 * 3600 - 300)
    overtaken = own_desk.iterator(arn, "AT_SEQUENCE_NUMBER", SequenceNumber=number)
    own_desk.put("filling", "fresh")
    own_desk.admin("clock", advance_seconds=600)
    trimmed = (
        "TrimmedDataAccessException",
        400,
        "The data you are trying to access has been trimmed",
    )
    # Before the disk is freed and after.
    for _ in range(2):
        assert own_desk.refusal(own_desk.page, iterator=overtaken) == trimmed
        for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            more = {"arn": arn, "kind": kind, "SequenceNumber": number}
            assert own_desk.refusal(own_desk.iterator, **more) == trimmed
        assert keys(own_desk.records(arn)) == ["fresh"]
        early = own_desk.iterator(arn, "AT_TIMESTAMP", Timestamp=0)
        assert keys(own_desk.page(early)["Records"]) == ["fresh"]
        own_desk.admin("compact")
    assert (tmp_path / "store.db").stat().st_size < full / 2


# dynoxide.


def test_a_disabled_stream_stays_and_the_next_one_does_not_show_its_records(desk: Any) -> None:
    old = desk.make("flapping")
    desk.put("flapping", "before")
    early = desk.iterator(old)
    assert desk.disable("flapping")["LatestStreamArn"] == old
    desk.put("flapping", "between")
    desk.tables.update_table(TableName="flapping", StreamSpecification=desk.spec("KEYS_ONLY"))
    desk.put("flapping", "after")
    new = desk.tables.describe_table(TableName="flapping")["Table"]["LatestStreamArn"]
    assert keys(desk.records(old)) == keys(desk.page(early)["Records"]) == ["before"]
    assert keys(desk.records(new)) == ["after"]


def test_an_open_shard_has_a_first_number_before_the_first_write_and_no_last_one(desk: Any) -> None:
    arn = desk.make("opened")
    [shard] = desk.shards(arn)
    assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}
    start = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    early = desk.iterator(arn, "AT_SEQUENCE_NUMBER", SequenceNumber=start)
    desk.put("opened", "a")
    assert keys(desk.page(early)["Records"]) == ["a"]
    assert desk.shards(arn) == [shard]


def test_pages_of_shards_begin_behind_the_shard_that_is_named(desk: Any) -> None:
    arn = desk.make("paged")
    for _ in range(4):
        desk.admin("split", table="paged")
    names = [shard["ShardId"] for shard in desk.shards(arn)]
    assert len(names) == 9
    assert names == sorted(names)
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = desk.describe(arn, Limit=2, **more)
        seen += [shard["ShardId"] for shard in page["Shards"]]
        if "LastEvaluatedShardId" not in page:
            break
        assert page["LastEvaluatedShardId"] == seen[-1]
        more = {"ExclusiveStartShardId": seen[-1]}
    assert seen == names
    assert desk.shards(arn, ExclusiveStartShardId=names[-1]) == []


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_its_range_is_named(desk: Any, limit: int) -> None:
    arn = desk.make(f"limit{limit}")
    get_most, list_most = (1000, 100)
    calls = [
        (lambda n: desk.page(desk.iterator(arn), Limit=n), get_most),
        (lambda n: desk.streams.describe_stream(StreamArn=arn, Limit=n), list_most),
        (lambda n: desk.streams.list_streams(Limit=n), list_most),
    ]
    for call, most in calls:
        over = limit if limit < 1 else most + 1
        word = "less than or equal to" if over > most else "greater than or equal to"
        bound = most if over > most else 1
        text = (
            f"1 validation error detected: Value '{over}' at 'limit' failed to satisfy constraint:"
            f" Member must have value {word} {bound}"
        )
        assert desk.refusal(call, n=over) == ("ValidationException", 400, text)
        assert call(most)


def test_a_write_costs_the_same_however_long_the_stream_is(desk: Any) -> None:
    for name in ("long", "short"):
        desk.make(name)
    for batch in range(120):
        requests = [
            {"PutRequest": {"Item": {"id": {"S": str(key)}, "n": {"N": str(batch)}}}}
            for key in range(25)
        ]
        desk.tables.batch_write_item(RequestItems={"long": requests})
    # In turns, so that whatever else this machine does is in both.
    costs: dict[str, list[float]] = {"long": [], "short": []}
    for number in range(150):
        for name, seconds in costs.items():
            began = time.perf_counter()
            desk.put(name, "a", n={"N": str(-number)})
            seconds.append(time.perf_counter() - began)
    assert statistics.median(costs["long"]) < 2 * statistics.median(costs["short"])


def test_two_thousand_parentheses_are_refused_and_the_server_lives(desk: Any) -> None:
    desk.make("nested")
    deep = "(" * 2000 + "a = :v" + ")" * 2000
    request = {
        "TableName": "nested",
        "Item": {"id": {"S": "a"}},
        "ConditionExpression": deep,
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    }
    assert desk.refusal(desk.tables.put_item, **request)[:2] == ("ValidationException", 400)
    desk.put("nested", "a")


# moto.


def test_no_answer_about_a_disabled_stream_or_a_bogus_iterator_is_the_server_s_fault(
    desk: Any,
) -> None:
    arn = desk.make("off")
    desk.disable("off")
    assert desk.describe(arn)["StreamStatus"] == "DISABLED"
    assert desk.page(desk.iterator(arn))["Records"] == []
    for bogus in ("x", f"{arn}|1|", f"{arn}|1|AAAA", "\ud800", "|1|" + "A" * 76):
        assert desk.refusal(desk.page, iterator=bogus)[1] == 400


def test_pages_of_streams_join_whatever_is_made_and_removed_between_them(own_desk: Any) -> None:
    made = [own_desk.make(f"table-{number}") for number in range(6)]
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = own_desk.streams.list_streams(Limit=2, **more)
        seen += [stream["StreamArn"] for stream in page["Streams"]]
        if "LastEvaluatedStreamArn" not in page:
            break
        assert page["LastEvaluatedStreamArn"] == seen[-1]
        more = {"ExclusiveStartStreamArn": seen[-1]}
        own_desk.make(f"aaa-{len(seen)}")
        own_desk.tables.delete_table(TableName=f"table-{len(seen) - 1}")
    assert [arn for arn in seen if "/table-" in arn] == made
    assert len(set(seen)) == len(seen)
    assert own_desk.streams.list_streams(TableName="nobody-s")["Streams"] == []


# All of them.


def test_a_table_has_as_many_open_shards_as_it_has_been_split_into(own_desk: Any) -> None:
    arn = own_desk.make("wide")
    for _ in range(7):
        own_desk.admin("split", table="wide")
    for number in range(100):
        own_desk.put("wide", str(number))
    opened = [
        shard
        for shard in own_desk.shards(arn)
        if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    ]
    assert len(opened) == 8
    pages = [own_desk.page(own_desk.iterator(arn, shard=s["ShardId"])) for s in opened]
    assert all(page["Records"] for page in pages)
    assert sum(len(page["Records"]) for page in pages) == 100
