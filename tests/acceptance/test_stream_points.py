"""The points about streams that implementers get wrong, one test each (streams page, part G).

All of it through boto3 against a server in a process of its own; boto3's own validation is off, so
that what is malformed reaches the server. Points 13 and 15 to 19 are about consumers and mappings.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

N = {n: {"N": str(n)} for n in range(10)}
ABSENT_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/gone/stream/2020-01-01T00:00:00.000"
ABSENT_SHARD = "shardId-00000001414562045508-2bac9cd2"


def numbers(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def events(records: list[dict[str, Any]]) -> list[str]:
    return [record["eventName"] for record in records]


def test_1_sequence_numbers_rise_as_integers_where_texts_do_not(own_desk: Any) -> None:
    arn = own_desk.make("numbers")
    own_desk.put("numbers", "a", n=N[0])
    for _ in range(9):
        *_, newest = own_desk.shards(arn)
        own_desk.admin("roll", table="numbers", shard=newest["ShardId"])
    own_desk.put("numbers", "a", n=N[1])
    first, last = numbers(own_desk.records(arn))
    assert len(last) == len(first) + 1
    assert int(first) < int(last)
    assert not first < last
    for shard in own_desk.shards(arn):
        for number in shard["SequenceNumberRange"].values():
            assert number.isdigit()
            assert 21 <= len(number) <= 40


def test_2_the_end_of_a_closed_shard_is_an_absent_key(desk: Any) -> None:
    arn = desk.make("ended")
    desk.put("ended", "a")
    desk.disable("ended")
    iterator = desk.iterator(arn)
    for at_a_time in (1, 1000):
        page = desk.wire_page(iterator, Limit=at_a_time)
        assert page.keys() == {"Records"}
        assert len(page["Records"]) == 1
    assert desk.wire_page(desk.iterator(arn, "LATEST")) == {"Records": []}


def test_3_an_open_shard_always_goes_on_and_an_empty_page_is_a_list(desk: Any) -> None:
    iterator = desk.iterator(desk.make("idle"))
    for _ in range(5):
        page = desk.page(iterator)
        assert page["Records"] == []
        iterator = page["NextShardIterator"]
    desk.put("idle", "a")
    page = desk.page(iterator)
    assert events(page["Records"]) == ["INSERT"]
    assert desk.page(page["NextShardIterator"])["Records"] == []


def test_4_an_iterator_lives_fifteen_minutes_from_its_own_issue(own_desk: Any) -> None:
    first = own_desk.iterator(own_desk.make("clocked"))
    own_desk.admin("clock", advance_seconds=14 * 60)
    second = own_desk.page(first)["NextShardIterator"]
    own_desk.admin("clock", advance_seconds=2 * 60)
    assert own_desk.refusal(own_desk.page, iterator=first) == (
        "ExpiredIteratorException",
        400,
        "The provided iterator exceeds the maximum age allowed.",
    )
    own_desk.admin("clock", advance_seconds=12 * 60)
    assert own_desk.page(second)["Records"] == []


ITEM = {
    "n": {"N": "100"},
    "m": {"M": {"x": {"N": "1"}, "y": {"S": "2"}}},
    "s": {"SS": ["a", "b"]},
    "l": {"L": [{"NULL": True}, {"B": b"\x00"}]},
}
NOTHING_CHANGES: dict[str, Any] = {
    "the same put": lambda desk: desk.put("still", "a", **ITEM),
    "a number spelled otherwise": lambda desk: desk.put("still", "a", **ITEM | {"n": {"N": "1e2"}}),
    "a map in another order": lambda desk: desk.put(
        "still", "a", **ITEM | {"m": {"M": {"y": {"S": "2"}, "x": {"N": "1.0"}}}}
    ),
    "a set in another order": lambda desk: desk.put(
        "still", "a", **ITEM | {"s": {"SS": ["b", "a"]}}
    ),
    "attributes in another order": lambda desk: desk.put(
        "still", "a", **dict(reversed(ITEM.items()))
    ),
    "SET to what it is": lambda desk: desk.update("still", "a", "SET n = :v", v={"N": "100.00"}),
    "ADD of zero": lambda desk: desk.update("still", "a", "ADD n :v", v={"N": "0"}),
    "ADD of members it has": lambda desk: desk.update("still", "a", "ADD s :v", v={"SS": ["a"]}),
    "REMOVE of what is missing": lambda desk: desk.update("still", "a", "REMOVE q, m.q"),
    "DELETE of members it lacks": lambda desk: desk.update(
        "still", "a", "DELETE s :v", v={"SS": ["z"]}
    ),
    "an update without actions": lambda desk: desk.update("still", "a"),
    "a delete of what is missing": lambda desk: desk.delete("still", "nobody"),
    "REMOVE on a missing item": lambda desk: desk.update("still", "nobody", "REMOVE x"),
}


@pytest.fixture(scope="module")
def still(desk: Any) -> str:
    """A table `still` with one item in it; its stream."""
    arn: str = desk.make("still")
    desk.put("still", "a", **ITEM)
    return arn


@pytest.mark.parametrize("what", NOTHING_CHANGES)
def test_5_a_write_that_changes_nothing_leaves_no_record(desk: Any, still: str, what: str) -> None:
    after = desk.iterator(still, "LATEST")
    NOTHING_CHANGES[what](desk)
    assert desk.page(after)["Records"] == []
    assert len(desk.tables.scan(TableName="still")["Items"]) == 1


def test_5_a_batch_records_only_the_items_that_it_changes(desk: Any, still: str) -> None:
    after = desk.iterator(still, "LATEST")
    requests = [
        {"PutRequest": {"Item": {"id": {"S": "a"}, **ITEM}}},
        {"PutRequest": {"Item": {"id": {"S": "b"}}}},
        {"DeleteRequest": {"Key": {"id": {"S": "nobody"}}}},
    ]
    desk.tables.batch_write_item(RequestItems={"still": requests})
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in desk.page(after)["Records"]] == ["b"]
    desk.delete("still", "b")


def test_6_a_put_over_an_item_is_one_modify_and_a_creating_update_an_insert(desk: Any) -> None:
    arn = desk.make("kinds")
    desk.put("kinds", "a", n=N[1])
    desk.put("kinds", "a", n=N[2])
    desk.update("kinds", "bare")
    desk.update("kinds", "made", "SET n = :v", v=N[1])
    desk.delete("kinds", "a")
    records = desk.records(arn)
    assert events(records) == ["INSERT", "MODIFY", "INSERT", "INSERT", "REMOVE"]
    assert records[2]["dynamodb"]["NewImage"] == {"id": {"S": "bare"}}


IMAGES = {
    "KEYS_ONLY": [set(), set(), set()],
    "NEW_IMAGE": [{"NewImage"}, {"NewImage"}, set()],
    "OLD_IMAGE": [set(), {"OldImage"}, {"OldImage"}],
    "NEW_AND_OLD_IMAGES": [{"NewImage"}, {"NewImage", "OldImage"}, {"OldImage"}],
}


@pytest.mark.parametrize("view", IMAGES)
def test_7_an_image_is_whole_or_its_key_is_missing(desk: Any, view: str) -> None:
    name = f"view-{view}"
    arn = desk.make(name, view)
    desk.update(name, "a")
    desk.update(name, "a", "SET n = :v", v=N[1])
    desk.delete(name, "a")
    records = desk.wire_page(desk.iterator(arn))["Records"]
    bare, full = {"id": {"S": "a"}}, {"id": {"S": "a"}, "n": N[1]}
    states = [None, bare, full, None]
    for at, (record, expected) in enumerate(zip(records, IMAGES[view], strict=True)):
        change = record["dynamodb"]
        assert change["Keys"] == bare
        assert change["StreamViewType"] == view
        assert set(change) & {"NewImage", "OldImage"} == expected
        if "OldImage" in expected:
            assert change["OldImage"] == states[at]
        if "NewImage" in expected:
            assert change["NewImage"] == states[at + 1]


@pytest.mark.parametrize(
    ("view", "size"),
    [("KEYS_ONLY", 3), ("NEW_IMAGE", 3 + 18), ("OLD_IMAGE", 3 + 6), ("NEW_AND_OLD_IMAGES", 27)],
)
def test_8_size_counts_the_keys_again_inside_each_image_of_the_view(
    desk: Any, view: str, size: int
) -> None:
    name = f"size-{view}"
    arn = desk.make(name, view)
    # The keys are id (2) and "a" (1); then n (1) with 42 (2); then f with BOOL (2), b with 5 bytes
    # (6), and an é of two bytes as a name with 1 (2): 4. Together 3 + 3 + 2 + 6 + 4 = 18.
    desk.put(name, "a", n={"N": "42"})
    new = {"n": {"N": "42"}, "f": {"BOOL": True}, "b": {"B": b"12345"}, "é": {"N": "1"}}
    desk.put(name, "a", **new)
    assert desk.records(arn)[1]["dynamodb"]["SizeBytes"] == size


def test_9_every_enabling_has_its_own_arn_and_dead_streams_stay_readable(own_desk: Any) -> None:
    first = own_desk.make("life")
    own_desk.put("life", "a")
    own_desk.disable("life")
    changed = own_desk.tables.update_table(
        TableName="life", StreamSpecification=own_desk.spec("KEYS_ONLY")
    )
    second = changed["TableDescription"]["LatestStreamArn"]
    own_desk.put("life", "b")
    own_desk.tables.delete_table(TableName="life")
    third = own_desk.make("life")
    listed = own_desk.streams.list_streams(TableName="life")["Streams"]
    assert [each["StreamArn"] for each in listed] == [first, second, third]
    assert len({first, second, third}) == 3
    for arn, key in ((first, "a"), (second, "b")):
        described = own_desk.describe(arn)
        assert (described["StreamStatus"], described["TableName"]) == ("DISABLED", "life")
        assert [r["dynamodb"]["Keys"]["id"]["S"] for r in own_desk.records(arn)] == [key]
    assert own_desk.records(third) == []
    own_desk.admin("clock", advance_seconds=24 * 3600 + 60)
    own_desk.admin("compact")
    listed = own_desk.streams.list_streams(TableName="life")["Streams"]
    assert [each["StreamArn"] for each in listed] == [third]
    assert own_desk.refusal(own_desk.describe, arn=first)[:2] == ("ResourceNotFoundException", 400)


def test_10_a_disabled_stream_leaves_its_name_behind_and_enabling_twice_is_refused(
    desk: Any,
) -> None:
    arn = desk.make("toggled")
    for view in ("NEW_AND_OLD_IMAGES", "KEYS_ONLY"):
        assert desk.refusal(
            desk.tables.update_table, TableName="toggled", StreamSpecification=desk.spec(view)
        ) == ("ValidationException", 400, "Table already has an enabled stream: TableName: toggled")
    desk.disable("toggled")
    described = desk.tables.describe_table(TableName="toggled")["Table"]
    assert "StreamSpecification" not in described
    assert described["LatestStreamArn"] == arn
    assert arn.endswith("/" + described["LatestStreamLabel"])
    assert desk.refusal(desk.disable, table="toggled") == (
        "ValidationException",
        400,
        "Table has no stream to disable: TableName: toggled",
    )


def test_11_what_is_malformed_is_invalid_and_what_is_well_formed_unknown(desk: Any) -> None:
    arn = desk.make("forms")
    shard = desk.shards(arn)[0]["ShardId"]
    invalid = ("ValidationException", 400)
    unknown = ("ResourceNotFoundException", 400)
    describe, get = desk.streams.describe_stream, desk.streams.get_shard_iterator
    for wrong in ("short", "j" * 50, arn.replace("/stream/", "/flow/"), "x" * 1025):
        assert desk.refusal(describe, StreamArn=wrong)[:2] == invalid
        kind = {"ShardId": shard, "ShardIteratorType": "LATEST"}
        assert desk.refusal(get, StreamArn=wrong, **kind)[:2] == invalid
        listing = desk.streams.list_streams
        assert desk.refusal(listing, ExclusiveStartStreamArn=wrong)[:2] == invalid
    assert desk.refusal(describe, StreamArn=ABSENT_STREAM) == (
        *unknown,
        f"Requested resource not found: Stream: {ABSENT_STREAM} not found",
    )
    for wrong in ("shardId-1", "s" * 66):
        request = {"StreamArn": arn, "ShardId": wrong, "ShardIteratorType": "LATEST"}
        assert desk.refusal(get, **request)[:2] == invalid
        assert desk.refusal(describe, StreamArn=arn, ExclusiveStartShardId=wrong)[:2] == invalid
    request = {"StreamArn": arn, "ShardId": ABSENT_SHARD, "ShardIteratorType": "LATEST"}
    assert desk.refusal(get, **request)[:2] == unknown
    assert desk.shards(arn, ExclusiveStartShardId=ABSENT_SHARD) == []
    for number in ("12", "x" * 25, "1" * 41, "-" + "1" * 25):
        code = desk.refusal(
            desk.iterator, arn=arn, kind="AT_SEQUENCE_NUMBER", SequenceNumber=number
        )
        assert code[:2] == invalid
    good = desk.iterator(arn)
    for iterator in ("", "nonsense", good[:-1], good[:-1] + "!", good.replace("forms", "f0rms")):
        assert desk.refusal(desk.page, iterator=iterator)[:2] == invalid
    assert desk.refusal(desk.page, iterator="i" * 2049)[:2] == invalid


def test_12_a_kind_takes_its_own_companion_and_no_other(desk: Any) -> None:
    arn = desk.make("companions")
    desk.put("companions", "a")
    [number] = numbers(desk.records(arn))
    at_zero = {"Timestamp": 0}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("TRIM_HORIZON", {"SequenceNumber": number}),
        ("LATEST", {"SequenceNumber": number}),
        ("AT_SEQUENCE_NUMBER", {}),
        ("AFTER_SEQUENCE_NUMBER", {}),
        ("AT_TIMESTAMP", {}),
        ("AT_TIMESTAMP", {"Timestamp": 4_000_000_000}),
        ("TRIM_HORIZON", at_zero),
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": number, **at_zero}),
        ("AT_TIMESTAMP", {"SequenceNumber": number, **at_zero}),
        ("SOMEWHERE", {}),
    ]
    for kind, more in wrong:
        code, status, _ = desk.refusal(desk.iterator, arn=arn, kind=kind, **more)
        assert (code, status) == ("ValidationException", 400), kind
    counts = {
        "TRIM_HORIZON": ({}, 1),
        "LATEST": ({}, 0),
        "AT_SEQUENCE_NUMBER": ({"SequenceNumber": number}, 1),
        "AFTER_SEQUENCE_NUMBER": ({"SequenceNumber": number}, 0),
        "AT_TIMESTAMP": (at_zero, 1),
    }
    for kind, (more, count) in counts.items():
        assert len(desk.page(desk.iterator(arn, kind, **more))["Records"]) == count, kind


def test_14_a_split_closes_the_parent_and_every_later_write_is_in_a_child(desk: Any) -> None:
    arn = desk.make("halved")
    keys = [str(number) for number in range(40)]
    for key in keys:
        desk.put("halved", key)
    desk.admin("split", table="halved")
    for key in keys:
        desk.put("halved", key, n=N[1])
    parent, *children = desk.shards(arn)
    assert [child["ParentShardId"] for child in children] == [parent["ShardId"]] * 2
    ended = parent["SequenceNumberRange"]["EndingSequenceNumber"]
    pages = [desk.page(desk.iterator(arn, shard=s["ShardId"])) for s in (parent, *children)]
    assert numbers(pages[0]["Records"])[-1] == ended
    assert "NextShardIterator" not in pages[0]
    assert events(pages[0]["Records"]) == ["INSERT"] * 40
    later = [record for page in pages[1:] for record in page["Records"]]
    assert all(page["Records"] and "NextShardIterator" in page for page in pages[1:])
    assert sorted(r["dynamodb"]["Keys"]["id"]["S"] for r in later) == sorted(keys)
    assert all(int(number) > int(ended) for number in numbers(later))
    for child, page in zip(children, pages[1:], strict=True):
        assert "EndingSequenceNumber" not in child["SequenceNumberRange"]
        start = int(child["SequenceNumberRange"]["StartingSequenceNumber"])
        assert all(start <= int(number) for number in numbers(page["Records"]))


def test_20_only_what_time_to_live_deleted_names_who_did_it(own_desk: Any) -> None:
    arn = own_desk.make("expiring")
    own_desk.tables.update_time_to_live(
        TableName="expiring",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"},
    )
    now = own_desk.admin("clock", advance_seconds=0)["now_ms"] // 1000
    own_desk.put("expiring", "expired", until={"N": str(now + 60)})
    own_desk.put("expiring", "deleted", raw={"B": b"\x00\xff"})
    own_desk.delete("expiring", "deleted")
    own_desk.admin("clock", advance_seconds=120)
    while own_desk.tables.scan(TableName="expiring")["Items"]:
        own_desk.admin("clock", advance_seconds=2)
    records = own_desk.wire_page(own_desk.iterator(arn))["Records"]
    assert events(records) == ["INSERT", "INSERT", "REMOVE", "REMOVE"]
    assert [record.get("userIdentity") for record in records] == [
        None,
        None,
        None,
        {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"},
    ]
    assert [record.keys() & {"userIdentity"} for record in records[:3]] == [set()] * 3
    for record in records:
        made = record["dynamodb"]["ApproximateCreationDateTime"]
        assert type(made) is int
        assert now <= made <= now + 300
        assert re.fullmatch("[0-9a-f]{32}", record["eventID"])
        assert record["eventSource"] == "aws:dynamodb"
        assert (record["eventVersion"], record["awsRegion"]) == ("1.1", "eu-west-1")
    assert records[1]["dynamodb"]["NewImage"]["raw"] == {"B": "AP8="}
    again = own_desk.wire_page(own_desk.iterator(arn))["Records"]
    assert [record["eventID"] for record in again] == [record["eventID"] for record in records]
    assert len({record["eventID"] for record in records}) == 4
