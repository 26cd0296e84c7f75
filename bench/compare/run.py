#!/usr/bin/env python3
"""Our figures beside the peers', in one run on one machine, everything on a file with default
durability.

    python bench/compare/run.py [--seconds 3] [--peers FOLDER] [--install] [--only NAME …]

Needs boto3 and wrk. A peer is measured where it is found in FOLDER (default
~/.cache/streamstore-peers); `--install`
fetches the peers from their registries first: dynoxide with cargo, DynamoDB Local with mvn. One
that can't be had is
left out by name. Every server listens on loopback only where it can (DynamoDB Local can't: it takes
all interfaces).
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
DYNOXIDE_VERSION = "3.2.0"
DDBLOCAL_VERSION = "3.3.1"
READY_SECONDS_MAX = 30
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>peers</groupId><artifactId>peers</artifactId><version>1</version><dependencies><dependency>
<groupId>software.amazon.dynamodb</groupId><artifactId>DynamoDBLocal</artifactId><version>{}</version>
</dependency></dependencies></project>"""


def install(folder: Path) -> None:
    """Fetch what is missing; a registry that refuses leaves that peer out."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dynoxide/bin/dynoxide").exists() and shutil.which("cargo"):
        subprocess.run(
            [
                *("cargo", "install", "dynoxide-rs", "--version", DYNOXIDE_VERSION),
                *("--root", str(folder / "dynoxide")),
            ],
            check=False,
        )
    if not (folder / "ddblocal/lib").is_dir() and shutil.which("mvn"):
        home = folder / "ddblocal"
        home.mkdir(exist_ok=True)
        (home / "pom.xml").write_text(POM.format(DDBLOCAL_VERSION))
        subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"],
            cwd=home,
            check=False,
        )


def commands(peers: Path, data: Path, port: int) -> dict[str, list[str]]:
    """How each server that is there is started on a port of its own."""
    found = {
        "streamstore": [
            *(sys.executable, "-m", "streamstore", "serve"),
            *("--db", str(data / "ours.db"), "--port", str(port)),
        ]
    }
    dynoxide = peers / "dynoxide/bin/dynoxide"
    if dynoxide.exists():
        found["dynoxide"] = [str(dynoxide), "serve", "--port", str(port + 1), "--log", "quiet"]
        found["dynoxide"] += ["--db-path", str(data / "dynoxide.db")]
    lib = peers / "ddblocal/lib"
    if lib.is_dir() and shutil.which("java"):
        (data / "ddblocal").mkdir()
        found["ddblocal"] = ["java", f"-Djava.library.path={lib}", "-cp", f"{lib}/*"]
        found["ddblocal"] += ["software.amazon.dynamodb.services.local.main.ServerRunner"]
        found["ddblocal"] += ["-dbPath", str(data / "ddblocal"), "-port", str(port + 2)]
        # Without this it leaves a file of its telemetry where it was started.
        found["ddblocal"] += ["-disableTelemetry"]
    return found


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """A server from ready to ended; only this process is ended, by its own id."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline and server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} did not start")
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--records", type=int, default=10000)
    parser.add_argument("--port", type=int, default=18100)
    parser.add_argument("--peers", type=Path, default=Path.home() / ".cache/streamstore-peers")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of servers to measure")
    arguments = parser.parse_args()
    if arguments.install:
        install(arguments.peers)
    with tempfile.TemporaryDirectory(prefix="compare-") as folder, ExitStack() as stack:
        urls = []
        for name, command in commands(arguments.peers, Path(folder), arguments.port).items():
            if arguments.only and name not in arguments.only:
                continue
            port = int(command[command.index("--port" if "--port" in command else "-port") + 1])
            stack.enter_context(running(command, port))
            urls.append(f"{name}=http://127.0.0.1:{port}")
        left_out = {"dynoxide", "ddblocal"} - {url.split("=")[0] for url in urls}
        if left_out:
            print(f"not measured: {', '.join(sorted(left_out))}", file=sys.stderr)
        script = [sys.executable, str(HERE / "side_by_side.py"), *urls]
        script += ["--seconds", str(arguments.seconds), "--records", str(arguments.records)]
        raise SystemExit(subprocess.run(script, check=False).returncode)


if __name__ == "__main__":
    main()
