"""The wheel is whole: built, installed into an empty virtual environment, and a store is opened
from it.
"""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys, streamstore
with streamstore.open(sys.argv[1]) as store:
    store.client.create_table(TableName="wheel", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    store.client.put_item(TableName="wheel", Item={"id": {"S": "1"}})
    assert store.client.get_item(TableName="wheel", Key={"id": {"S": "1"}})["Item"]
heavy = {"sqlalchemy", "alembic", "starlette", "uvicorn", "click"} & set(sys.modules)
assert not heavy, f"a fresh file imported {heavy}"
assert "site-packages" in streamstore.__file__
print("opened from the wheel")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(folder), str(ROOT)], check=True, timeout=120)
    return next(folder.glob("*.whl"))


def test_the_wheel_has_one_top_level_name_and_the_migrations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"streamstore"}
    assert any(name.startswith("streamstore/migrations/versions/") for name in names)
    assert "streamstore/storage/schema.sql" in names
    assert {
        "streamstore/py.typed",
        "streamstore/console/live.js",
        "streamstore/console/style.css",
    } <= {*names}


def test_a_store_opens_from_the_wheel_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "empty"
    venv.create(home, with_pip=True)
    python = home / "bin/python"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "-q", str(wheel)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if installed.returncode != 0 and "Could not find a version" in installed.stderr:
        pytest.skip("no package index is reachable for the wheel's dependencies")
    assert installed.returncode == 0, installed.stderr
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ran = subprocess.run(
        [python, "-I", str(script), str(tmp_path / "wheel.db")],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert "opened from the wheel" in ran.stdout
