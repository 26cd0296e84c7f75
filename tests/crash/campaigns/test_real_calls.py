"""Below SQLite's own VFS, at the C library: reads and writes that end short, and a sync that fails.

A Python VFS can't show these: SQLite's unix VFS finishes what the system left half done, below it,
and swallows in a checkpoint what Python would raise (engine.md 2.3). So a small library is put in
front of libc with LD_PRELOAD. Skipped where there is no C compiler, or no LD_PRELOAD.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import streamstore
from streamstore.clock import ManualClock

ROOT = Path(__file__).resolve().parents[3]

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ssize_t (*reader)(int, void *, size_t, off64_t);
typedef ssize_t (*writer)(int, const void *, size_t, off64_t);
typedef int (*syncer)(int);
static unsigned long shortened, failed;

static size_t amount(size_t count) {
    if (getenv("SHIM_SHORT") == NULL || count < 600) return count;
    shortened++;
    return count / 2;
}

ssize_t pread64(int fd, void *data, size_t count, off64_t offset) {
    return ((reader)dlsym(RTLD_NEXT, "pread64"))(fd, data, amount(count), offset);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t offset) {
    return ((writer)dlsym(RTLD_NEXT, "pwrite64"))(fd, data, amount(count), offset);
}

static int fails(int fd) {
    char link[64], path[PATH_MAX];
    const char *victim = getenv("SHIM_FAIL_SYNC");
    if (victim == NULL || access("armed", F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    if (strcmp(path, victim) != 0) return 0;
    failed++;
    errno = EIO;
    return 1;
}

int fdatasync(int fd) { return fails(fd) ? -1 : ((syncer)dlsym(RTLD_NEXT, "fdatasync"))(fd); }
int fsync(int fd) { return fails(fd) ? -1 : ((syncer)dlsym(RTLD_NEXT, "fsync"))(fd); }

__attribute__((destructor)) static void tell(void) {
    fprintf(stderr, "shim %lu short, %lu failed\n", shortened, failed);
}
"""

PRELUDE = """
import sys
import streamstore
from streamstore.clock import ManualClock
from streamstore.errors import StoreError
store = streamstore.open(sys.argv[1], clock=ManualClock(), background=False)
names = store.call("ListTables", {})["TableNames"]
"""

WORK = (
    PRELUDE
    + """
for number in range(40):
    item = {"id": {"S": str(number)}, "text": {"S": "t" * 3000}}
    store.call("PutItem", {"TableName": names[0], "Item": item})
store.maintenance.checkpoint()
assert len(store.call("Scan", {"TableName": names[0]})["Items"]) == 40
print("done", flush=True)
"""
)

FAIL = (
    PRELUDE
    + """
for number in range(5):
    store.call("PutItem", {"TableName": names[0], "Item": {"id": {"S": str(number)}}})
open("armed", "w").close()
try:
    store.maintenance.checkpoint()
    print("checkpointed")
except StoreError as error:
    print(type(error).__name__)
try:
    store.call("PutItem", {"TableName": names[0], "Item": {"id": {"S": "late"}}})
    print("written")
except StoreError as error:
    print(type(error).__name__, flush=True)
"""
)

Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler here, or no LD_PRELOAD")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    command = [compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if built.returncode != 0:
        pytest.skip(f"the C compiler can't build it: {built.stderr[:200]}")
    return library


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one table."""
    path = tmp_path / "store.db"
    with streamstore.open(path, clock=ManualClock(), background=False) as store:
        store.client.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
    return path


def run(shim: Path, path: Path, script: str, **environment: str) -> tuple[str, str]:
    """What a process behind the library printed, and what the library counted."""
    answer = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(shim), **environment},
    )
    return answer.stdout, answer.stderr


def ids(path: Path) -> set[str]:
    with streamstore.open(path, clock=ManualClock(), background=False) as store:
        items = store.call("Scan", {"TableName": "table"})["Items"]
    return {item["id"]["S"] for item in items}


def test_reads_and_writes_that_end_short_are_finished(shim: Path, path: Path) -> None:
    out, err = run(shim, path, WORK, SHIM_SHORT="1")
    assert out == "done\n", err
    assert int(err.split("shim ")[1].split()[0]) > 100, "the library was not in the way"
    assert ids(path) == {str(number) for number in range(40)}


def test_a_checkpoint_that_cannot_sync_the_file_latches_and_loses_nothing(
    shim: Path, path: Path
) -> None:
    out, err = run(shim, path, FAIL, SHIM_FAIL_SYNC=str(path.resolve()))
    assert out == "StorageError\nLatched\n", err
    assert " 0 failed" not in err
    assert ids(path) == {str(number) for number in range(5)}
