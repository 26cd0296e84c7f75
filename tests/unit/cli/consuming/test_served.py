"""What `serve` has of consumers: functions out of flags and configuration, a lazy start, an end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.cli.consuming.served import Served, functions_of
from streamstore.consumers.functions import Functions
from streamstore.store import Store

MODULE = "functions_of_served"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / f"{MODULE}.py").write_text("def f(event, context): return 'f'\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop(MODULE, None)


def test_without_flags_and_configuration_there_are_no_functions_and_no_path_is_touched() -> None:
    before = list(sys.path)
    assert functions_of((), {}, [Path("/somewhere")]) is None
    assert sys.path == before


def test_functions_come_from_both_and_flags_win(module: Path) -> None:
    configured = {
        "f": {"target": "cmd:true", "timeout_seconds": 2, "concurrency": 3},
        "g": {"target": "cmd:false"},
    }
    functions = functions_of([f"g={MODULE}:f", "h=cmd:a=b"], configured, [module])
    assert functions is not None
    assert functions.names() == ["f", "g", "h"]
    f, g, h = (functions.get(name) for name in functions.names())
    assert f is not None
    assert g is not None
    assert h is not None
    assert (f.timeout_seconds, f.concurrency, f.spec) == (2, 3, "cmd:true")
    assert (g.spec, g.in_process) == (f"{MODULE}:f", True)
    assert h.spec == "cmd:a=b"


def test_the_current_folder_is_looked_in_where_no_other_is_named(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(module)
    functions = functions_of([f"f={MODULE}:f"], {})
    assert functions is not None
    assert functions.names() == ["f"]


@pytest.mark.parametrize(
    ("flags", "configured", "text"),
    [
        (["f"], {}, "NAME=TARGET"),
        (["=cmd:true"], {}, "no function name"),
        (["f="], {}, "not module:function"),
        (["f=webhook:http://h.example/"], {}, "no allowed host"),
        ([], {"f": {}}, "needs a target"),
        ([], {"f": "cmd:true"}, "needs a target"),
        ([], {"f": {"target": 3}}, "needs a target"),
        ([], {"f": {"target": "cmd:true", "timeout": 3}}, "no setting 'timeout'"),
        ([], {"f": {"target": "cmd:true", "timeout_seconds": "3"}}, "must be a number"),
        ([], {"f": {"target": "cmd:true", "concurrency": True}}, "must be a whole number"),
        ([], {"f": {"target": "cmd:true", "concurrency": 1.5}}, "must be a whole number"),
        ([], {"f": {"target": "cmd:true", "timeout_seconds": 901}}, "timeout_seconds"),
    ],
)
def test_what_is_wrong_is_a_value_error_with_a_reason(
    flags: list[str], configured: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        functions_of(flags, configured)


def test_webhooks_may_be_at_the_hosts_named() -> None:
    flags = ["f=webhook:http://h.example/"]
    functions = functions_of(flags, {}, webhook_hosts=["h.example"])
    assert functions is not None


NOTHING_LOADED = """
import sys, streamstore
from streamstore.cli.consuming.served import Served
with streamstore.open(":memory:", background=False) as store:
    served = Served(store, None)
    served.start()
    served.routes()
    served.stop()
loaded = [name for name in sys.modules if name.startswith("streamstore.consumers.")]
heavy = ("runtime", "mappings", "functions", "door", "targets", "filters", "destinations")
print([name for name in loaded if name.split(".")[-1] in heavy])
"""


def test_a_server_without_functions_and_mappings_loads_none_of_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", NOTHING_LOADED], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.fixture
def store() -> Iterator[Store]:
    with streamstore.open(":memory:", background=False) as opened:
        yield opened


def put(store: Store, key: str) -> None:
    store.client.put_item(TableName="tab", Item={"id": {"S": key}})


def ask(served: Served, path: str, body: bytes = b"{}") -> Any:
    """The answer of one of the routes."""
    (route,) = (r for r in served.routes() if r.path == path and r.method == "POST")
    status, _, answer, *_ = route.handler({}, {}, body)
    assert status == 200
    assert isinstance(answer, bytes)
    return json.loads(answer)


def test_workers_run_from_start_to_stop_and_tell_how_far_they_are(
    store: Store, make_mapping: Any
) -> None:
    came: list[str] = []
    bell = threading.Semaphore(0)

    def f(event: Any, context: Any) -> None:
        came.extend(r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"])
        bell.release()

    functions = Functions()
    functions.register("f", f)
    uuid = make_mapping(store, functions)
    put(store, "1")
    served = Served(store, functions)
    assert ask(served, "/_streamstore/consumers") == {"consumers": []}
    served.start()
    assert bell.acquire(timeout=30)
    lags = ask(served, "/_streamstore/consumers")["consumers"]
    assert {each["uuid"] for each in lags} == {uuid}
    assert {each["function"] for each in lags} == {"f"}
    served.stop()
    put(store, "2")
    assert came == ["1"]


def test_a_mapping_without_functions_starts_the_workers_too(
    store: Store, make_mapping: Any
) -> None:
    functions = Functions()
    functions.register("f", lambda event, context: None)
    uuid = make_mapping(store, functions)
    put(store, "1")
    served = Served(store, None)
    served.start()
    lags = ask(served, "/_streamstore/consumers")["consumers"]
    assert [each["behind"] for each in lags if each["behind"]] == [1]
    assert (
        ask(served, "/_streamstore/mappings", b'{"verb": "list"}')["EventSourceMappings"][0]["UUID"]
        == uuid
    )
    served.stop()


def test_an_end_waits_a_bounded_time_for_a_handler_that_hangs(
    store: Store, monkeypatch: pytest.MonkeyPatch, make_mapping: Any
) -> None:
    monkeypatch.setattr(limits, "DRAIN_SECONDS_MAX", 0.05)
    monkeypatch.setattr(limits, "EVENTS_END_SECONDS_MAX", 0.05)
    inside, gate = threading.Event(), threading.Event()

    def hang(event: Any, context: Any) -> None:
        inside.set()
        assert gate.wait(60)

    functions = Functions()
    functions.register("f", hang)
    make_mapping(store, functions)
    served = Served(store, functions)
    served.start()
    put(store, "1")
    assert inside.wait(30)
    served.stop()
    assert not gate.is_set()
    gate.set()


def test_an_end_kills_a_command_that_hangs(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    wait_for: Callable[..., None],
    make_mapping: Any,
) -> None:
    monkeypatch.setattr(limits, "DRAIN_SECONDS_MAX", 0.05)
    started = tmp_path / "started"
    code = f"open({str(started)!r}, 'w').close(); import time; time.sleep(600)"
    functions = Functions()
    functions.register("f", f'cmd:{sys.executable} -c "{code}"')
    make_mapping(store, functions)
    served = Served(store, functions)
    served.start()
    put(store, "1")
    wait_for(started.exists)
    served.stop()
    left = [t for t in threading.enumerate() if t.name == "streamstore-stop"]
    assert left == []
