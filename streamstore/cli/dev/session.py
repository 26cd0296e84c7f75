"""One run of `streamstore dev`: everything that a template asks for, from its plan to its end.

The order is what matters: the endpoint answers before handlers are imported, since they may ask it
something while they are; functions are registered before mappings name them; workers stop before
the server and the store.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ... import store as stores
from ...clock import ShiftedClock, SystemClock
from ...config import layered
from ...consumers.dead_letters import DeadLetters
from ...consumers.functions import Functions
from ...consumers.targets.python import PythonTarget
from ...consumers.targets.specs import target_of
from ...consumers.templates import environment
from ...consumers.templates.code import inline
from ...consumers.templates.handlers import Handlers, Loaded, missing_file
from ...consumers.templates.making import make_mappings, make_tables, say_events, stream_arn
from ...consumers.templates.plan import FunctionWanted, Plan, settled
from ...consumers.templates.reading import read_template
from ...errors import TemplateInvalid
from ...server.gate import ServerSettings
from ...server.serve import Running
from ..consuming.served import Served
from ..serving import cloudwatch_routes, from_environment
from .showing import Shown, ShownTarget

if TYPE_CHECKING:
    from ...consumers.targets.target import Target
    from ...store import Store

_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says. `db` is a file or ":memory:"."""

    template: Path
    db: str
    port: int
    parameters: dict[str, str]
    stage: str | None
    lambda_endpoint: str | None
    timeouts: bool


def run(wanted: Wanted, shown: Shown) -> None:
    """Run the template until SIGINT or SIGTERM. Raises TemplateInvalid, StorageError, OSError."""
    own = dict(os.environ)
    settings = layered({"transition_seconds": 0.0}, from_environment(own))
    plan = read_template(
        wanted.template,
        parameters=wanted.parameters,
        stage=wanted.stage,
        environment=own,
        region=settings.region,
        account=settings.account,
    )
    # A function's source may change twice within one second, which compiled files don't notice.
    sys.dont_write_bytecode = True
    stop = _Stop()
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="streamstore-inline-"))
        plan = inline.written(plan, Path(folder))
        _refuse_unrunnable(plan, wanted)
        store = held.enter_context(
            stores.open(wanted.db, settings=settings, clock=ShiftedClock(SystemClock()))
        )
        session = _Session(store, plan, wanted, shown)
        held.callback(session.close)
        server = held.enter_context(
            Running(store, ServerSettings(port=wanted.port), session.routes())
        )
        held.enter_context(environment.installed())
        _stdout_is_for_events(held)
        store.announce(server.url)
        session.begin(server.url, own)
        while not stop.wait(_LOOK_SECONDS) and not shown.gone:
            session.look()
        session.end()


class _Stop:
    """Set by the first SIGINT or SIGTERM; a second SIGINT interrupts what is under way."""

    def __init__(self) -> None:
        self._event = threading.Event()
        signal.signal(signal.SIGTERM, self._asked)
        signal.signal(signal.SIGINT, self._asked)

    def _asked(self, number: int, frame: object) -> None:
        if self._event.is_set():
            raise KeyboardInterrupt
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is over, after at most so long."""
        return self._event.wait(seconds)


class _Session:
    """A plan at work on an open store."""

    def __init__(self, store: Store, plan: Plan, wanted: Wanted, shown: Shown) -> None:
        self._store = store
        self._plan = plan
        self._wanted = wanted
        self._shown = shown
        self._functions = Functions()
        self._served = Served(store, self._functions)
        self._handlers: Handlers | None = None
        self._letters = DeadLetters(store)
        self._told = 0  # the last failure that was shown
        self._names: dict[str, str] = {}  # of functions, by their mapping's UUID
        self._ended = False
        self._template = _stamp(plan.path)

    def routes(self) -> list[Any]:
        """What the server answers beside DynamoDB."""
        return [*cloudwatch_routes(self._store), *self._served.routes()]

    def begin(self, url: str, own: dict[str, str]) -> None:
        """Make everything, and start the workers. Raises TemplateInvalid."""
        self._store.start_background()
        notices = [*self._plan.notices, *make_tables(self._store, self._plan)]
        for text in notices:
            self._show("notice", text=text)
        self._told = self._last_failure()
        self._handlers = Handlers(
            [each for each in self._plan.functions if each.is_python],
            lambda function: self._variables(function, url, own),
        )
        self._show_loaded(self._handlers.load(), first=True)
        for function in self._plan.functions:
            self._register(function)
        say_events(self._functions, self._plan)
        self._served.start()
        made = make_mappings(self._store, self._served.mappings, self._plan)
        self._names = {
            each["UUID"]: wanted.function
            for each, wanted in zip(made, self._plan.mappings, strict=True)
        }
        self._show(
            "ready",
            url=url,
            tables=[table.name for table in self._plan.tables],
            mappings=[
                {
                    "function": wanted.function,
                    "source": described["EventSourceArn"],
                    "uuid": described["UUID"],
                }
                for described, wanted in zip(made, self._plan.mappings, strict=True)
            ],
        )

        self._tell_orphans()

    def look(self) -> None:
        """Import what changed, and show what was given up."""
        stamp = _stamp(self._plan.path)
        if stamp != self._template:
            self._template = stamp
            self._show("notice", text="the template has changed; start again to have it so")
        if self._handlers is not None:
            self._show_loaded(self._handlers.reload())
        self._show_failures()

    def end(self) -> None:
        """Stop the workers, and show what is left to show."""
        self._served.stop()
        self._ended = True
        self._show_failures()

    def close(self) -> None:
        """The same without a word, where it did not come to an end of its own."""
        if not self._ended:
            self._served.stop()
        if self._handlers is not None:
            self._handlers.close()

    def _register(self, function: FunctionWanted) -> None:
        try:
            target = self._target(function)
            if target is not None:
                shown = ShownTarget(function.name, target, self._shown, self._store.clock)
                self._functions.register(function.name, shown)
        except ValueError as error:
            raise TemplateInvalid([f"{function.name}: {error}"]) from error

    def _tell_orphans(self) -> None:
        """Tell of mappings that an earlier run left in the store's file."""
        for mapping in self._served.mappings.all():
            if mapping.uuid not in self._names:
                self._show(
                    "notice",
                    text=f"the store has a mapping of {mapping.function_name} that is not in the "
                    f"template: {mapping.uuid}",
                )

    def _target(self, function: FunctionWanted) -> Target | None:
        seconds = function.timeout_seconds if self._wanted.timeouts else None
        if function.is_python:
            assert self._handlers is not None
            return PythonTarget(self._handlers[function.name], timeout_seconds=seconds)
        if self._wanted.lambda_endpoint is None:
            return None
        endpoint = self._wanted.lambda_endpoint.rstrip("/")
        return target_of(f"lambda:{endpoint}/{function.logical}", seconds)

    def _variables(self, function: FunctionWanted, url: str, own: dict[str, str]) -> dict[str, str]:
        """A function's environment: the process's, what Lambda sets, and the template's."""
        region = self._store.settings.region
        given = settled(function.environment, lambda table: stream_arn(self._store, table))
        return {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": "streamstore",
            "AWS_SECRET_ACCESS_KEY": "streamstore",
            **own,
            "AWS_ENDPOINT_URL_DYNAMODB": url,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": url,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "LAMBDA_TASK_ROOT": str(function.code),
            "_HANDLER": function.handler,
            **given,
        }

    def _show(self, event: str, **facts: Any) -> None:
        self._shown.show(self._store.clock.now_ms(), event, **facts)

    def _show_loaded(self, loaded: list[Loaded], first: bool = False) -> None:
        for function, error in loaded:
            if error is not None:
                traceback.print_exception(error, file=sys.stderr)
                self._show("reloaded", function=function.name, error=repr(error))
            elif not first:
                self._show("reloaded", function=function.name)

    def _last_failure(self) -> int:
        return max((letter.failure_id for letter in self._letters.all()), default=0)

    def _show_failures(self) -> None:
        while page := self._letters.list(after=self._told):
            for letter in page:
                name = self._names.get(letter.uuid, letter.uuid)
                self._show("failure", function=name, **letter.facts())
            self._told = page[-1].failure_id


def _refuse_unrunnable(plan: Plan, wanted: Wanted) -> None:
    """Raise TemplateInvalid for functions that can't be run here."""
    problems = []
    mapped = {mapping.function for mapping in plan.mappings}
    for function in plan.functions:
        if function.is_python:
            missing = missing_file(function)
            if missing is not None:
                problems.append(missing)
        elif wanted.lambda_endpoint is None and function.name in mapped:
            problems.append(
                f"{function.name} runs on {function.runtime}, which can't be imported here: run "
                "`sam local start-lambda` and give --lambda-endpoint http://127.0.0.1:3001"
            )
        elif wanted.lambda_endpoint is None:
            plan.notices.append(f"{function.name} runs on {function.runtime}; it is left out")
    if problems:
        raise TemplateInvalid(problems)


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _stdout_is_for_events(held: ExitStack) -> None:
    """Send what handlers print to stderr, so that every line of stdout is an event."""
    out = sys.stdout
    held.callback(setattr, sys, "stdout", out)
    sys.stdout = sys.stderr
