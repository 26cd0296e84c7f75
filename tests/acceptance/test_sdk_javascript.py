"""The AWS SDK for JavaScript and four libraries over it use a server unchanged.

`sdk_javascript/program.mjs` is an application written after their documentation: dynamoose,
electrodb, dynamodb-onetable and dynamodb-toolbox beside the SDK's own clients. What it needs is
pinned by package-lock.json and installed by npm into a cache folder outside of the repository.
Skipped where node, npm or the registry are missing. What the SDK stored is read by another SDK.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import Binary

SOURCES = Path(__file__).parent / "sdk_javascript"
NODE_MAJOR_MIN = 20
INSTALL_SECONDS_MAX = 240
RUN_SECONDS_MAX = 90
KEY = ("AKID", "secret")
STEPS = [
    "tables",
    "documents",
    "batches and pages",
    "transactions",
    "a stream through a split",
    "functions",
    "statements",
    "signatures, clocks and connections",
    "electrodb",
    "dynamoose",
    "onetable",
    "toolbox",
    "deletion",
]


@pytest.fixture(scope="module")
def modules() -> Path:
    """The folder `node_modules`; made once for each version of the lock file."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30).stdout
    if int(said.strip().lstrip("v").partition(".")[0]) < NODE_MAJOR_MIN:
        pytest.skip(f"the SDK needs node {NODE_MAJOR_MIN}, and this is {said.strip()}")
    digest = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "streamstore-tests"
    ready = cache / f"javascript-{digest[:16]}"
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="javascript-", dir=cache))
        try:
            install(made)
            made.rename(ready)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return ready / "node_modules"


def install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm had not brought the SDK after {INSTALL_SECONDS_MAX} seconds")
    if done.returncode:
        pytest.skip(f"npm can't bring the SDK: {done.stderr.strip()[:500]}")


def test_the_javascript_sdk_and_the_libraries_over_it_use_a_server_unchanged(
    modules: Path, tmp_path: Path, start_server: Callable[..., Any], aws_environment: dict[str, str]
) -> None:
    for name in ("program.mjs", "handler.mjs"):
        shutil.copy(SOURCES / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    seen = tmp_path / "seen"
    function = f"handler=cmd:node {tmp_path / 'handler.mjs'} {seen}"
    plain = start_server("--split-policy", "manual", "--function", function)
    signed = start_server("--in-memory", "--key", ":".join(KEY))
    environment = aws_environment | {
        "AWS_ENDPOINT_URL": plain.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": KEY[0],
        "AWS_SECRET_ACCESS_KEY": KEY[1],
        "NODE_NO_WARNINGS": "1",
    }
    done = subprocess.run(
        ["node", str(tmp_path / "program.mjs"), "orders", signed.url, str(seen)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert done.stdout.splitlines() == [f"ok {step}" for step in STEPS]
    check_what_another_sdk_reads(plain.url)


def check_what_another_sdk_reads(url: str) -> None:
    """Numbers of 30 and 38 digits, bytes, sets and texts are what the program wrote."""
    resource: Any = boto3.resource(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=KEY[0],
        aws_secret_access_key=KEY[1],
    )
    try:
        item = resource.Table("orders").get_item(Key={"pk": "a", "sk": "1"})["Item"]
    finally:
        resource.meta.client.close()
    assert item["huge"] == Decimal("123456789012345678901234567890")
    assert item["exact"] == Decimal("3.1415926535897932384626433832795028841")
    assert item["bytes"] == Binary(bytes([0, 1, 255]))
    assert (item["labels"], item["counts"]) == ({"x", "y", "z"}, {Decimal("2.5")})
    assert (item["text"], item["empty"], item["cost"]) == (
        "é \N{ELECTRIC LIGHT BULB} \0",
        "",
        Decimal("13.5"),
    )
    assert item["map"] == {"deep": {"er": [{"z": "set"}]}}
