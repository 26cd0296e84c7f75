"""Which target each spelling names."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.targets.command import CommandTarget
from streamstore.consumers.targets.endpoint import EndpointTarget
from streamstore.consumers.targets.python import PythonTarget
from streamstore.consumers.targets.specs import target_of
from streamstore.consumers.targets.webhook import WebhookTarget

INVOKE = "http://127.0.0.1:9000/2015-03-31/functions/function/invocations"


@pytest.mark.parametrize(
    ("spec", "kind", "facts"),
    [
        ("os.path:join", PythonTarget, {"in_process": True}),
        ("cmd:node 'my index.js'", CommandTarget, {"argv": ("node", "my index.js")}),
        ("cmd:/bin/a:b", CommandTarget, {"argv": ("/bin/a:b",)}),
        ("lambda:" + INVOKE, EndpointTarget, {"url": INVOKE}),
        (
            "lambda:http://127.0.0.1:3001/f",
            EndpointTarget,
            {"url": "http://127.0.0.1:3001/2015-03-31/functions/f/invocations"},
        ),
        (INVOKE, EndpointTarget, {"url": INVOKE, "in_process": False}),
        ("webhook:https://h.example/x", WebhookTarget, {"url": "https://h.example/x"}),
    ],
)
def test_a_spelling_names_its_target(spec: str, kind: type, facts: dict[str, Any]) -> None:
    made = target_of(spec, webhook_hosts=("h.example",))
    assert type(made) is kind
    assert {name: getattr(made, name) for name in facts} == facts


@pytest.mark.parametrize("spec", ["os.path:join", "cmd:true", INVOKE, "webhook:http://localhost/"])
def test_a_timeout_is_the_targets_and_only_callables_have_none(spec: str) -> None:
    default = None if spec == "os.path:join" else limits.FUNCTION_SECONDS_DEFAULT
    for seconds, wanted in ((None, default), (3.0, 3.0)):
        made: Any = target_of(spec, seconds)
        assert made.timeout_seconds == wanted


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("", "not module:function"),
        ("cmd:", "at least a program"),
        ("http://127.0.0.1:3001/f", "webhook:http"),
        ("lambda:127.0.0.1:3001/f", "names no function"),
        ("lambda:ftp://h/f", "no http"),
        ("webhook:ftp://localhost/", "no http"),
        ("webhook:http://elsewhere/", "no allowed host"),
    ],
)
def test_a_wrong_spelling_says_what_is_wrong(spec: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        target_of(spec)
