"""The committed picture: names, ARNs, pages of names and streams."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import ResourceNotFound


def test_a_table_is_found_by_name_and_by_any_arn_of_that_name(world: Any) -> None:
    table = world.create()
    catalog = world.engine.catalog
    for name in ("t", table.arn, "arn:aws:dynamodb:eu-west-1:999999999999:table/t"):
        assert catalog.table(name) is catalog.find(name) is table
    assert catalog.by_id(table.table_id) is table


@pytest.mark.parametrize(
    "name",
    ["", "T", "tt", "arn:", "arn:aws:dynamodb:eu-west-1:1:index/t", "arn:aws:dynamodb:r:1:table/u",
     "table/t", "arn:aws:dynamodb:r:1:table/t/index/i", "arn:aws:dynamodb:r:1:table/t/stream/l"],
)  # fmt: skip
def test_what_names_no_table_is_not_found(world: Any, name: str) -> None:
    world.create()
    assert world.engine.catalog.find(name) is None
    with pytest.raises(ResourceNotFound) as failed:
        world.engine.catalog.table(name)
    assert (failed.value.kind, failed.value.name) == ("table", name)


def test_names_come_in_ascending_pages_after_any_name(world: Any) -> None:
    for name in ("ccc", "aaa", "Zzz", "bbb"):
        world.create(name)
    names = world.engine.catalog.names
    assert names(None, 10) == ["Zzz", "aaa", "bbb", "ccc"]
    assert names(None, 2) == ["Zzz", "aaa"]
    assert names("aaa", 10) == ["bbb", "ccc"]
    assert names("aab", 1) == ["bbb"]
    assert names("ccc", 10) == []
    world.delete("bbb")
    assert names("aaa", 10) == ["ccc"]


def test_isolated_names_are_those_of_the_asking_region(worlds: Any) -> None:
    world = worlds(isolate_regions=True)
    for region, name in (("eu-west-1", "b"), ("us-east-1", "a"), ("eu-west-1", "a")):
        world.create(name, region=region)
    names = world.engine.catalog.names
    assert names(None, 10) == ["a"]
    assert names(None, 10, "eu-west-1") == ["a", "b"]
    assert names("a", 10, "eu-west-1") == ["b"]
    assert names(None, 1, "eu-west-1") == ["a"]
    assert names(None, 10, "eu-west-1", "999999999999") == []


def test_streams_of_a_table_are_listed_with_those_of_its_earlier_lives(world: Any) -> None:
    made = []
    for _ in range(3):
        made.append(world.create("t", view_type="NEW_IMAGE").stream)
        world.delete("t")
    other = world.create("s", view_type="NEW_IMAGE").stream
    catalog = world.engine.catalog
    assert [s.label for s in catalog.streams_page("t", None, 10)] == [s.label for s in made]
    assert [s.disabled_ms is None for s in catalog.streams_page(None, None, 10)] == [True] + [
        False
    ] * 3
    assert [s.arn for s in catalog.streams_page(None, None, 2)] == [other.arn, made[0].arn]
    assert [s.arn for s in catalog.streams_page(None, made[0].arn, 10)] == [s.arn for s in made[1:]]
    assert [s.arn for s in catalog.streams_page("t", made[1].arn, 10)] == [made[2].arn]
    assert catalog.streams_page("u", None, 10) == []


def test_streams_of_a_table_may_be_asked_for_after_one_of_another_table(world: Any) -> None:
    made = [world.create(name, view_type="NEW_IMAGE").stream for name in ("a", "b", "c")]
    catalog = world.engine.catalog
    assert catalog.streams_page("c", made[0].arn, 10) == [made[2]]
    assert catalog.streams_page("a", made[2].arn, 10) == []


def test_paging_of_streams_goes_on_after_one_that_is_gone(world: Any) -> None:
    made = [world.create(name, view_type="NEW_IMAGE").stream for name in ("a", "b", "c")]
    catalog = world.engine.catalog
    catalog.forget_stream(made[1].stream_id)
    assert catalog.stream_by_arn(made[1].arn) is None
    assert [s.table_name for s in catalog.streams_page(None, made[1].arn, 10)] == ["c"]
    assert [s.table_name for s in catalog.streams_page(None, None, 10)] == ["a", "c"]


def test_a_stream_is_found_by_the_name_and_label_of_its_arn_alone(world: Any) -> None:
    stream = world.create(view_type="NEW_IMAGE").stream
    catalog = world.engine.catalog
    elsewhere = f"arn:aws:dynamodb:eu-west-1:999999999999:table/t/stream/{stream.label}"
    assert catalog.stream_by_arn(stream.arn) is catalog.stream_by_arn(elsewhere)
    for arn in (
        "",
        "arn:aws",
        stream.arn + "x",
        stream.arn[:-1],
        stream.arn.replace("/stream/", "/index/"),
    ):
        assert catalog.stream_by_arn(arn) is None


def test_isolated_streams_are_those_of_the_asking_region(worlds: Any) -> None:
    world = worlds(isolate_regions=True)
    here = world.create(view_type="NEW_IMAGE").stream
    there = world.create(region="eu-west-1", view_type="NEW_IMAGE").stream
    catalog = world.engine.catalog
    assert catalog.streams_page(None, None, 10) == [here]
    assert catalog.streams_page("t", None, 10, "eu-west-1") == [there]
    assert catalog.stream_by_arn(there.arn) == there
    assert catalog.stream_by_arn(there.arn.replace("eu-west-1", "us-east-1")) is None
