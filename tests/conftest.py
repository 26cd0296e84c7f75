"""What every test may ask for: the real inputs, and a place of its own on a real disk."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[1]

# A busy machine takes a moment off now and then, which says nothing about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# For seeded defects (crash/controls): the same cases each time, and no time spent on making a
# failure small.
settings.register_profile(
    "controls", phases=(Phase.explicit, Phase.generate), derandomize=True, database=None
)


KILLED = 77


@pytest.fixture(scope="session")
def killed() -> Callable[[Callable[[], object]], bool]:
    """Runs something in a forked child: True if it was ended there by os._exit(77), as at a crash
    point, and False if it came to its end.
    """

    def run(action: Callable[[], object]) -> bool:
        pid = os.fork()
        if pid == 0:
            try:
                action()
            except BaseException:
                os._exit(9)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code in (0, KILLED), f"the child failed by itself ({code})"
        return code == KILLED

    return run


def shared_folder() -> Path:
    return Path(os.environ.get("STREAMSTORE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs; the test skips without it, and fails where CI says that it is
    there.
    """
    folder = shared_folder() / "data"
    if not folder.is_dir():
        if os.environ.get("STREAMSTORE_REAL_DATA_REQUIRED"):
            pytest.fail(f"{folder} was there when the run began")
        pytest.skip(f"no real inputs at {folder}; set STREAMSTORE_SHARED")
    return folder


@pytest.fixture
def closed_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes every boto3 client that this test makes: a socket left to the collector is a warning,
    raised in whichever test it happens to be collected in.
    """
    import boto3

    made: list[Any] = []
    real = boto3.session.Session.client

    def client(*given: Any, **more: Any) -> Any:
        made.append(real(*given, **more))
        return made[-1]

    monkeypatch.setattr(boto3.session.Session, "client", client)
    yield
    for each in made:
        each.close()
    if made:
        # A reply whose stream was not read keeps its connection out of the client's pool.
        made.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


class PostgreSQL:
    """A private cluster of Debian's PostgreSQL, on a socket in a folder of its own. It never runs
    as root, which initdb refuses: as root it is run by the user that the package made.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = tempfile.mkdtemp(prefix="streamstore-pg-", dir="/tmp")
        self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        else:
            self._user = {}
        self._made = 0
        self._run("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, "-D", f"{self.folder}/data", *words],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **self._user,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-l", f"{self.folder}/log", "-o", options)

    def stop(self) -> None:
        """At once, as if it had crashed."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def url(self, database: str) -> str:
        return f"postgresql://tester@/{database}?host={self.folder}"

    def database(self, *words: str) -> str:
        """The URL of a new database."""
        return self.url(self._create("DATABASE", *words))

    def schema(self) -> str:
        """The URL of a new schema, which is as empty as a database and made in no time."""
        return self.url("postgres") + f"&options=-csearch_path%3D{self._create('SCHEMA')}"

    def _create(self, *words: str) -> str:
        import psycopg

        self._made += 1
        kind, *more = words
        name = f"made{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE {kind} {name} {' '.join(more)}".encode())
        return name

    def end(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL; the test skips where there is no server, or no driver."""
    pytest.importorskip("psycopg", reason="PostgreSQL's driver psycopg is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql; apt-get install postgresql")
    cluster = PostgreSQL(found[-1])
    yield cluster
    cluster.end()
