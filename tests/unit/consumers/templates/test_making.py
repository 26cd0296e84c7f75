"""A plan made real in a store, once and again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.consumers.functions import Functions
from streamstore.consumers.mappings import Mappings
from streamstore.consumers.templates.making import (
    make_mappings,
    make_tables,
    say_events,
    stream_arn,
)
from streamstore.consumers.templates.plan import (
    EventsWanted,
    MappingWanted,
    Plan,
    TableWanted,
    stream_token,
)
from streamstore.errors import TemplateInvalid


@pytest.fixture
def store() -> Iterator[streamstore.Store]:
    with streamstore.open(":memory:", transition_seconds=0.0) as store:
        yield store


@pytest.fixture
def mappings(store: streamstore.Store) -> Mappings:
    functions = Functions()
    functions.register("fn", lambda event, context: None)
    return Mappings(store, functions)


def table(view: str = "NEW_IMAGE", key: str = "id", **more: Any) -> TableWanted:
    request: dict[str, Any] = {
        "TableName": "orders",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }
    if view:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    return TableWanted("orders", request, view, "ttl")


def plan(folder: Path, *tables: TableWanted, **params: Any) -> Plan:
    given = {"EventSourceArn": stream_token("orders"), "StartingPosition": "LATEST", **params}
    return Plan(folder / "template.yaml", list(tables), [], [MappingWanted("Fn.S", "fn", given)])


def test_tables_streams_expiry_and_mappings_are_made(
    store: streamstore.Store, mappings: Mappings, tmp_path: Path
) -> None:
    wanted = plan(tmp_path, table(), BatchSize=7)
    assert make_tables(store, wanted) == []
    (made,) = make_mappings(store, mappings, wanted)
    assert (made["BatchSize"], made["EventSourceArn"]) == (7, stream_arn(store, "orders"))
    expiry = store.call("DescribeTimeToLive", {"TableName": "orders"})["TimeToLiveDescription"]
    assert expiry["AttributeName"] == "ttl"


def test_what_is_there_keeps_its_items_and_place_and_takes_the_templates_parameters(
    store: streamstore.Store, mappings: Mappings, tmp_path: Path
) -> None:
    first = plan(tmp_path, table(), BatchSize=7, MaximumRetryAttempts=3)
    make_tables(store, first)
    (before,) = make_mappings(store, mappings, first)
    store.call("PutItem", {"TableName": "orders", "Item": {"id": {"S": "a"}}})
    again = plan(tmp_path, table(), MaximumRetryAttempts=5)
    assert make_tables(store, again) == []
    (after,) = make_mappings(store, mappings, again)
    assert (after["UUID"], after["BatchSize"], after["MaximumRetryAttempts"]) == (
        before["UUID"],
        100,
        5,
    )
    assert store.call("Scan", {"TableName": "orders"})["Count"] == 1


def test_a_table_without_a_stream_is_given_one(store: streamstore.Store, tmp_path: Path) -> None:
    make_tables(store, plan(tmp_path, table(view="")))
    assert make_tables(store, plan(tmp_path, table())) == []
    assert stream_arn(store, "orders")


def test_what_differs_and_is_kept_is_told(store: streamstore.Store, tmp_path: Path) -> None:
    make_tables(store, plan(tmp_path, table()))
    assert make_tables(store, plan(tmp_path, table(view="OLD_IMAGE", key="other"))) == [
        "the table orders is there already, with another key; it is kept",
        "the stream of orders is there already, with NEW_IMAGE; it is kept as it is",
    ]


def test_what_the_store_refuses_is_told_by_name(
    store: streamstore.Store, mappings: Mappings, tmp_path: Path
) -> None:
    with pytest.raises(TemplateInvalid, match=r"^orders: .*billingMode"):
        make_tables(store, plan(tmp_path, table(BillingMode="FREE")))
    make_tables(store, plan(tmp_path, table()))
    filters = [{"Pattern": "{}"}, {"Pattern": '{"a":["x"]}'}, {}]
    for params, problem in [
        ({"BatchSize": 0}, "Fn.S: .*batchSize"),
        ({"FilterCriteria": {"Filters": filters}}, "filter 1: Empty objects .*; .*filter 3 needs"),
        ({"StartingPosition": "SOON"}, "Fn.S: .*startingPosition"),
    ]:
        with pytest.raises(TemplateInvalid, match=problem):
            make_mappings(store, mappings, plan(tmp_path, **params))
    assert mappings.all() == []


def test_the_folder_of_failures_is_made(
    store: streamstore.Store, mappings: Mappings, tmp_path: Path
) -> None:
    path = tmp_path / ".streamstore" / "dead.jsonl"
    destination = {"OnFailure": {"Destination": path.as_uri()}}
    wanted = plan(tmp_path, table(), DestinationConfig=destination)
    make_tables(store, wanted)
    make_mappings(store, mappings, wanted)
    assert path.parent.is_dir()


def test_what_is_said_of_asynchronous_invocations_holds_and_is_checked(tmp_path: Path) -> None:
    functions = Functions()
    path = tmp_path / "results" / "dead.jsonl"
    to_file = {"OnFailure": {"Destination": path.as_uri()}}

    def said(qualifier: str = "", **members: Any) -> Plan:
        return Plan(tmp_path / "t.yaml", events=[EventsWanted("Fn.E", "fn", qualifier, members)])

    say_events(functions, said(MaximumRetryAttempts=1, DestinationConfig=to_file))
    say_events(functions, said("live", MaximumEventAgeInSeconds=60))
    latest, live = (functions.event_configs.get("fn", each) for each in ("$LATEST", "live"))
    assert latest is not None
    assert live is not None
    assert (latest.retries, latest.on_failure, latest.age_seconds_max) == (1, path.as_uri(), None)
    assert (live.retries, live.age_seconds_max) == (None, 60)
    assert path.parent.is_dir()
    with pytest.raises(TemplateInvalid, match=r"Fn\.E: .*less than or equal to 2"):
        say_events(functions, said(MaximumRetryAttempts=3))
