"""Consumers as people use them: decorators, threads, drain, ends and takeovers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.runtime import Consumers
from streamstore.errors import LambdaFault, ResourceNotFound, RolledBack, StoreClosed

Event = dict[str, Any]


def make_table(store: streamstore.Store, name: str = "orders") -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def put(store: streamstore.Store, key: str, table: str = "orders", **more: Any) -> None:
    store.call("PutItem", {"TableName": table, "Item": {"pk": {"S": key}, **more}})


def keys(event: Event) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[streamstore.Store]:
    path = tmp_path / "store.db" if request.param == "file" else ":memory:"
    with streamstore.open(path, background=False, split_policy="manual") as opened:
        make_table(opened)
        yield opened


@pytest.fixture
def manual() -> Iterator[streamstore.Store]:
    with streamstore.open(background=False, clock=ManualClock(), split_policy="manual") as opened:
        make_table(opened)
        yield opened


def test_a_decorated_function_gets_what_is_written(store: streamstore.Store) -> None:
    seen: list[str] = []
    consumers = Consumers(store)

    @consumers.on("orders", batch_size=10)
    def handle(event: Event, context: Any) -> None:
        assert context.function_name == "handle"
        seen.extend(keys(event))

    assert handle.mapping.batch_size == 10  # type: ignore[attr-defined]
    with consumers:
        for number in range(50):
            put(store, f"k{number}")
        consumers.drain()
        assert sorted(seen) == sorted(f"k{number}" for number in range(50))
        store.split_shard("orders")
        for number in range(50, 80):
            put(store, f"k{number}")
        consumers.drain()
        assert len(seen) == 80
    put(store, "after the end")
    assert len(seen) == 80


def test_a_decorator_again_changes_the_mapping_that_is_there(manual: streamstore.Store) -> None:
    consumers = Consumers(manual, inline=True)

    def handle(event: Event, context: Any) -> None: ...

    first = consumers.on("orders", batch_size=10)(handle).mapping  # type: ignore[attr-defined]
    again = consumers.on("orders", batch_size=20, starting_position="LATEST")(handle).mapping  # type: ignore[attr-defined]
    assert (again.uuid, again.batch_size) == (first.uuid, 20)
    assert again.starting_position == "TRIM_HORIZON"
    assert len(consumers.mappings.all()) == 1


def test_every_parameter_of_a_mapping_may_be_given(manual: streamstore.Store) -> None:
    given = {
        "batch_size": 7,
        "window_seconds": 3,
        "starting_position": "LATEST",
        "parallelization_factor": 2,
        "bisect": True,
        "retry_attempts_max": 5,
        "record_age_seconds_max": 90,
        "report_item_failures": True,
        "filters": ('{"eventName": ["INSERT"]}',),
        "event_count_metrics": True,
        "destination": "arn:aws:sqs:us-east-1:000000000000:dead",
    }
    consumers = Consumers(manual, inline=True)
    mapping = consumers.on("orders", name="f", **given)(lambda event, context: None).mapping  # type: ignore[attr-defined]
    assert {name: getattr(mapping, name) for name in given} == given
    consumers.on("orders", name="g", tumbling_window_seconds=30)(lambda event, context: None)
    assert consumers.mappings.all()[1].tumbling_window_seconds == 30


@pytest.mark.parametrize(
    ("table", "parameters", "error"),
    [
        ("nowhere", {}, ResourceNotFound),
        ("orders", {"batch_size": 0}, LambdaFault),
        ("orders", {"colour": "red"}, TypeError),
    ],
)
def test_a_wrong_decorator_says_so(
    manual: streamstore.Store, table: str, parameters: Event, error: type[Exception]
) -> None:
    consumers = Consumers(manual, inline=True)
    with pytest.raises(error):
        consumers.on(table, name="f", **parameters)(lambda event, context: None)


def test_in_line_nothing_runs_by_itself(manual: streamstore.Store) -> None:
    threads = threading.active_count()
    seen: list[str] = []
    with Consumers(manual, inline=True) as consumers:

        @consumers.on("orders")
        def handle(event: Event, context: Any) -> None:
            seen.extend(keys(event))

        put(manual, "a")
        assert threading.active_count() == threads
        assert seen == []
        assert consumers.run_due()
        assert seen == ["a"]
        assert not consumers.run_due()


def test_drain_moves_a_clock_by_hand_only_if_it_may(manual: streamstore.Store) -> None:
    calls: list[int] = []
    clock = manual.clock
    assert isinstance(clock, ManualClock)
    consumers = Consumers(manual, inline=True)

    @consumers.on("orders")
    def handle(event: Event, context: Any) -> None:
        calls.append(clock.now_ms())
        if len(calls) < 4:
            raise RuntimeError("not yet")

    put(manual, "a")
    before = clock.now_ms()
    with pytest.raises(TimeoutError, match="handle is 1 records behind in shardId"):
        consumers.drain()
    assert clock.now_ms() == before
    consumers.drain(advance=True)
    assert len(calls) == 4
    assert 2.8 <= (clock.now_ms() - before) / 1000 <= 3.3


def test_drain_waits_for_a_function_that_is_registered_for_one_alias(
    manual: streamstore.Store,
) -> None:
    consumers = Consumers(manual, inline=True)
    seen: list[list[str]] = []

    def handle(event: Event, context: Any) -> None:
        seen.append(keys(event))
        if len(seen) < 3:
            raise ValueError

    consumers.functions.register("orders:live", handle)
    arn = manual.client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    asked = {"EventSourceArn": arn, "FunctionName": "orders:live"}
    consumers.mappings.create({**asked, "StartingPosition": "TRIM_HORIZON"})
    put(manual, "a")
    consumers.drain(advance=True)
    assert seen == [["a"]] * 3


def test_drain_with_threads_names_who_is_behind(store: streamstore.Store) -> None:
    gate = threading.Event()
    with Consumers(store) as consumers:

        @consumers.on("orders")
        def handle(event: Event, context: Any) -> None:
            gate.wait(10)

        put(store, "a")
        with pytest.raises(TimeoutError, match="handle is 1 records behind"):
            consumers.drain(0.05)
        gate.set()
        consumers.drain()


def test_drain_doesn_t_wait_for_what_comes_later(store: streamstore.Store) -> None:
    """A handler that writes to its own table makes its stream endless; drain ends nevertheless."""
    with Consumers(store) as consumers:
        count = 0

        @consumers.on("orders", batch_size=1)
        def handle(event: Event, context: Any) -> None:
            nonlocal count
            count += 1
            put(store, keys(event)[0], n={"N": str(count)})

        put(store, "a")
        consumers.drain(10)


def test_lag_says_how_far_each_mapping_is(manual: streamstore.Store) -> None:
    clock = manual.clock
    assert isinstance(clock, ManualClock)
    consumers = Consumers(manual, inline=True)

    @consumers.on("orders", batch_size=1)
    def handle(event: Event, context: Any) -> None:
        if keys(event) == ["b"]:
            raise RuntimeError("no")

    manual.call("PutItem", {"TableName": "orders", "Item": {"pk": {"S": "b"}}})
    clock.advance(5)
    manual.call("PutItem", {"TableName": "orders", "Item": {"pk": {"S": "b"}, "n": {"N": "2"}}})
    consumers.run_due()
    clock.advance(1)
    behind = [lag for lag in consumers.lag() if lag.behind]
    assert [(lag.function_name, lag.behind, lag.age_ms) for lag in behind] == [("handle", 2, 6000)]


def test_a_mapping_that_is_made_while_the_workers_run_is_taken_up(store: streamstore.Store) -> None:
    seen: list[str] = []
    with Consumers(store) as consumers:
        put(store, "a")
        consumers.functions.register("later", lambda event, context: seen.extend(keys(event)))
        arn = store.client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
        consumers.mappings.create(
            {"EventSourceArn": arn, "FunctionName": "later", "StartingPosition": "TRIM_HORIZON"}
        )
        consumers.drain()
        assert seen == ["a"]


def test_latest_is_when_the_mapping_was_made_also_for_who_starts_later(
    manual: streamstore.Store,
) -> None:
    seen: list[str] = []
    consumers = Consumers(manual, inline=True)
    put(manual, "before")

    @consumers.on("orders", starting_position="LATEST")
    def handle(event: Event, context: Any) -> None:
        seen.extend(keys(event))

    put(manual, "after")
    manual.split_shard("orders")
    put(manual, "in a child")
    consumers.drain()
    assert sorted(seen) == ["after", "in a child"]


def test_stopping_waits_for_the_invocation_under_way_and_keeps_its_checkpoint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    begun, gate = threading.Event(), threading.Event()
    seen: list[str] = []

    def handle(event: Event, context: Any) -> None:
        begun.set()
        gate.wait(10)
        seen.extend(keys(event))

    with streamstore.open(path, background=False) as store:
        make_table(store)
        consumers = Consumers(store)
        consumers.on("orders", name="handle")(handle)
        put(store, "a")
        consumers.start()
        assert begun.wait(10)
        stopping = threading.Thread(target=consumers.stop)
        stopping.start()
        gate.set()
        stopping.join(10)
        assert seen == ["a"]
        with pytest.raises(StoreClosed):
            consumers.start()
    with streamstore.open(path, background=False) as store:
        consumers = Consumers(store, inline=True)
        consumers.on("orders", name="handle")(handle)
        consumers.drain()
        assert seen == ["a"]


def test_a_commit_that_fails_is_followed_by_another_delivery(manual: streamstore.Store) -> None:
    seen: list[list[str]] = []
    consumers = Consumers(manual, inline=True)
    run = manual.writer.run

    def failing(unit: Any, cost: int = 512) -> Any:
        manual.writer.run = run  # type: ignore[method-assign]
        raise RolledBack("as it happens")

    @consumers.on("orders")
    def handle(event: Event, context: Any) -> None:
        seen.append(keys(event))
        if len(seen) == 1:
            manual.writer.run = failing  # type: ignore[method-assign]

    put(manual, "a")
    consumers.drain(advance=True)
    put(manual, "b")
    consumers.drain()
    assert seen == [["a"], ["a"], ["b"]]


def test_user_code_never_runs_under_the_writer_s_lock(store: streamstore.Store) -> None:
    """A handler may write, read and make mappings itself."""
    with Consumers(store) as consumers:

        @consumers.on("orders", filters=['{"eventName": ["INSERT"]}'])
        def handle(event: Event, context: Any) -> None:
            done = threading.Event()

            def other() -> None:
                put(store, keys(event)[0], seen={"BOOL": True})
                done.set()

            threading.Thread(target=other).start()
            assert done.wait(5), "the writer's lock is held"

        put(store, "a")
        consumers.drain()


def test_threads_end_with_stop(store: streamstore.Store) -> None:
    consumers = Consumers(store, threads=2)
    consumers.on("orders", name="f")(lambda event, context: None)
    with consumers:
        put(store, "a")
        consumers.drain()
    assert not [t for t in threading.enumerate() if t.name.startswith("streamstore-consumer")]


@pytest.mark.parametrize("threads", [0, 65])
def test_threads_are_bounded(manual: streamstore.Store, threads: int) -> None:
    with pytest.raises(ValueError, match="threads must lie in"):
        Consumers(manual, threads=threads)


def test_a_store_that_is_closed_under_its_workers_hangs_nobody(store: streamstore.Store) -> None:
    consumers = Consumers(store)
    consumers.on("orders", name="f")(lambda event, context: None)
    consumers.start()
    put(store, "a")
    consumers.drain()
    store.close()
    stopping = threading.Thread(target=consumers.stop)
    stopping.start()
    stopping.join(10)
    assert not stopping.is_alive()


def test_workers_go_on_after_the_store_was_reopened(tmp_path: Path) -> None:
    seen: list[str] = []
    with streamstore.open(tmp_path / "store.db", background=False) as store:
        make_table(store)
        with Consumers(store) as consumers:
            consumers.on("orders", name="f")(lambda event, context: seen.extend(keys(event)))
            put(store, "a")
            consumers.drain()
            store.reopen()
            put(store, "b")
            consumers.drain()
    assert seen == ["a", "b"]


def test_an_interrupted_handler_in_line_is_given_its_batch_again(
    manual: streamstore.Store,
) -> None:
    calls: list[list[str]] = []
    consumers = Consumers(manual, inline=True)

    @consumers.on("orders")
    def handle(event: Event, context: Any) -> None:
        calls.append(keys(event))
        if len(calls) == 1:
            raise KeyboardInterrupt

    put(manual, "a")
    with pytest.raises(KeyboardInterrupt):
        consumers.drain()
    consumers.drain()
    assert calls == [["a"], ["a"]]


def test_lanes_of_a_slow_handler_go_side_by_side(store: streamstore.Store) -> None:
    """Also after many short invocations, when lanes share a thread."""
    slow = threading.Event()
    both = threading.Barrier(2, timeout=10)
    met: list[int] = []

    with Consumers(store) as consumers:

        @consumers.on("orders", batch_size=1, parallelization_factor=10)
        def handle(event: Event, context: Any) -> None:
            if slow.is_set() and not met:
                met.append(both.wait())

        for number in range(60):
            put(store, f"k{number}")
        consumers.drain()
        slow.set()
        store.call_many(
            [
                ("PutItem", {"TableName": "orders", "Item": {"pk": {"S": f"m{n}"}}})
                for n in range(60)
            ]
        )
        consumers.drain()
    assert met


def test_records_that_went_by_filtered_are_consumed_and_stay_so(manual: streamstore.Store) -> None:
    consumers = Consumers(manual, inline=True)
    seen: list[str] = []

    @consumers.on("orders", filters=['{"eventName": ["INSERT"]}'])
    def handle(event: Event, context: Any) -> None:
        seen.extend(record["eventName"] for record in event["Records"])

    put(manual, "a")
    put(manual, "a", n={"N": "1"})
    consumers.drain()
    put(manual, "a", n={"N": "2"})
    consumers.drain()
    put(manual, "a", n={"N": "3"})
    consumers.run_due()
    uuid = handle.mapping.uuid  # type: ignore[attr-defined]
    consumers.mappings.update(uuid, {"FilterCriteria": {"Filters": []}})
    put(manual, "a", n={"N": "4"})
    consumers.drain()
    assert seen == ["INSERT", "MODIFY"]


def test_drain_looks_once_a_turn_whatever_went_by(
    manual: streamstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumers = Consumers(manual, inline=True)
    consumers.on("orders", name="f", filters=['{"eventName": ["REMOVE"]}'])(lambda e, c: None)
    looks: list[bool] = []
    lagging = consumers._lagging

    def counted(*, registered: bool = False) -> Any:
        looks.append(registered)
        return lagging(registered=registered)

    monkeypatch.setattr(consumers, "_lagging", counted)
    for word in "ab":
        put(manual, word)
        consumers.drain()
    assert looks == [True, True]


def test_drain_does_not_wait_for_a_mapping_whose_function_is_somebody_else_s(
    manual: streamstore.Store,
) -> None:
    first = Consumers(manual, inline=True)
    first.on("orders", name="theirs")(lambda event, context: None)
    first.stop()
    consumers = Consumers(manual, inline=True)
    seen: list[str] = []
    consumers.on("orders", name="ours")(lambda event, context: seen.extend(keys(event)))
    put(manual, "a")
    consumers.drain()
    assert seen == ["a"]
    assert [lag.behind for lag in consumers.lag() if lag.function_name == "theirs"] == [1]
