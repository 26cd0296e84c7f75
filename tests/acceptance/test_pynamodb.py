"""PynamoDB in process: models, indexes, versions, transactions, batches, time to live and its own
retries, unchanged, inside `in_process()`. Skipped where PynamoDB is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streamstore.boto import in_process
from streamstore.control.rules import Rule

pytest.importorskip("pynamodb")

from pynamodb.attributes import (
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.exceptions import GetError, PutError, TableError, TransactWriteError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

POSTED = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
THROTTLED = "ProvisionedThroughputExceededException"


def models() -> Any:
    """The model Thread, with a connection of its own: one that was made in another block is over.

    Its key is (forum, subject); the index by_author has (author, views).
    """

    class ByAuthor(GlobalSecondaryIndex[Any]):
        class Meta:
            index_name = "by_author"
            projection = AllProjection()

        author = UnicodeAttribute(hash_key=True)
        views = NumberAttribute(range_key=True)

    class Place(MapAttribute[Any, Any]):
        city = UnicodeAttribute()

    class Thread(Model):
        class Meta:
            table_name = "Thread"
            billing_mode = "PAY_PER_REQUEST"
            stream_view_type = "NEW_AND_OLD_IMAGES"
            max_retry_attempts = 3
            base_backoff_ms = 1

        forum = UnicodeAttribute(hash_key=True)
        subject = UnicodeAttribute(range_key=True)
        author = UnicodeAttribute(null=True)
        views = NumberAttribute(default=0)
        posted = UTCDateTimeAttribute(null=True)
        tags = UnicodeSetAttribute(null=True)
        notes: ListAttribute[Any] = ListAttribute(null=True)
        place = Place(null=True)
        extra = JSONAttribute(null=True)
        expires = TTLAttribute(null=True)
        version = VersionAttribute()
        by_author = ByAuthor()

    return Thread


@pytest.fixture
def store() -> Iterator[Any]:
    with in_process() as answering:
        yield answering


@pytest.fixture
def thread(store: Any) -> Any:
    made = models()
    made.create_table(wait=True)
    return made


def test_a_table_is_made_waited_for_and_dropped(store: Any) -> None:
    made = models()
    assert not made.exists()
    with pytest.raises(GetError, match="Requested resource not found"):
        made.get("python", "boto3")
    made.create_table(wait=True)
    assert made.exists()
    described = made.describe_table()
    assert described["TableStatus"] == "ACTIVE"
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    expiry = store.client.describe_time_to_live(TableName="Thread")["TimeToLiveDescription"]
    assert expiry == {"AttributeName": "expires", "TimeToLiveStatus": "ENABLED"}
    with pytest.raises(TableError, match="TimeToLive is already enabled"):
        made.create_table(wait=True)
    made.delete_table()
    assert not made.exists()


def test_every_attribute_comes_back_as_it_was(thread: Any) -> None:
    thread(
        "python", "boto3", author="ann", posted=POSTED, tags={"a", "b"}, notes=[1, "two", None],
        place={"city": "Bern"}, extra={"a": [1, None]}, expires=timedelta(hours=1),
    ).save()  # fmt: skip
    found = thread.get("python", "boto3", consistent_read=True)
    assert (found.author, found.posted, found.tags, found.notes, found.place.city, found.extra) == (
        "ann", POSTED, {"a", "b"}, [1, "two", None], "Bern", {"a": [1, None]},
    )  # fmt: skip
    assert found.expires > datetime.now(UTC)
    assert found.version == 1
    found.delete()
    with pytest.raises(thread.DoesNotExist):
        found.refresh()


def test_an_older_version_is_refused_and_updates_count_on(thread: Any) -> None:
    mine = thread("python", "boto3", views=1, notes=["a"], tags={"x", "y"})
    mine.save()
    stale = thread.get("python", "boto3")
    mine.update(
        actions=[
            thread.views.add(5),
            thread.notes.set(thread.notes.append(["b"])),
            thread.tags.delete({"x"}),
            thread.author.set(thread.author | "nobody"),
        ],
        condition=thread.views.between(1, 2) & ~thread.author.exists(),
    )
    assert (mine.views, mine.notes, mine.tags, mine.author) == (6, ["a", "b"], {"y"}, "nobody")
    assert mine.version == 2
    with pytest.raises(PutError) as refused:
        stale.save()
    assert refused.value.cause_response_code == "ConditionalCheckFailedException"
    assert refused.value.cause_response_message == "The conditional request failed"


def test_batches_pages_and_segments_cover_all_items_once(thread: Any) -> None:
    with thread.batch_write() as batch:
        for number in range(60):
            batch.save(thread("bulk", f"{number:03}", author=f"a{number % 2}", views=number))
    numbers = list(range(60))
    assert thread.count("bulk") == 60
    assert [each.views for each in thread.query("bulk", page_size=7)] == numbers
    pages = thread.query("bulk", limit=10, page_size=4)
    first = [each.views for each in pages]
    rest = thread.query("bulk", last_evaluated_key=pages.last_evaluated_key)
    assert first + [each.views for each in rest] == numbers
    index = thread.by_author
    found = index.query("a1", thread.views > 53, scan_index_forward=False)
    assert [each.views for each in found] == [59, 57, 55]
    segments = [list(thread.scan(segment=number, total_segments=3)) for number in range(3)]
    assert sorted(each.views for segment in segments for each in segment) == numbers
    asked = [("bulk", f"{number:03}") for number in range(120)]
    assert sorted(each.views for each in thread.batch_get(asked)) == numbers


def test_a_transaction_is_all_or_nothing_and_says_why(thread: Any) -> None:
    rich, poor = thread("bank", "rich", views=10), thread("bank", "poor", views=0)
    rich.save()
    poor.save()
    connection = thread._get_connection().connection

    def pay(amount: int) -> None:
        with TransactWrite(connection=connection) as pack:
            taken = [thread.views.add(-amount)]
            pack.update(thread.get("bank", "rich"), taken, condition=thread.views >= amount)
            pack.update(thread.get("bank", "poor"), [thread.views.add(amount)])

    pay(4)
    with pytest.raises(TransactWriteError) as refused:
        pay(7)
    reasons = [reason and reason.code for reason in refused.value.cancellation_reasons]
    assert reasons == ["ConditionalCheckFailed", None]
    with TransactGet(connection=connection) as pack:
        left = [pack.get(thread, "bank", name) for name in ("rich", "poor")]
    assert [(each.get().views, each.get().version) for each in left] == [(6, 2), (4, 2)]


def test_its_retries_outlast_a_throttle_and_then_give_up(store: Any, thread: Any) -> None:
    rule = store.control.add_rule(Rule("PutItem", error=THROTTLED, count=3))
    thread("python", "boto3").save()
    assert [each["hits"] for each in store.control.list_rules()] == [3]
    store.control.clear_rules(rule["id"])
    store.control.add_rule(Rule("PutItem", error=THROTTLED, count=4))
    with pytest.raises(PutError) as refused:
        thread("python", "boto3").save()
    assert refused.value.cause_response_code == THROTTLED
