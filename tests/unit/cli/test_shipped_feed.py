"""The feed that is shipped: how it was made, and that it has what a demo of change data must have.

`python tests/unit/cli/test_shipped_feed.py` writes it again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from pathlib import Path
from typing import Any

from streamstore.cli.demo import feed


def invent(seed: int = 20261124) -> tuple[list[dict[str, Any]], dict[str, dict[str, str]]]:
    """A made-up history of an orchard's papers: hot files, renames, deletions, re-creations, one
    import of 120.
    """
    rnd = random.Random(seed)
    tree: dict[str, dict[str, str]] = {}
    gone: list[str] = []
    lines: list[dict[str, Any]] = []
    words = [
        "apple",
        "pear",
        "quince",
        "plum",
        "medlar",
        "cherry",
        "graft",
        "frost",
        "ledger",
        "press",
    ]
    now = 1_600_000_000

    def blob() -> str:
        return hashlib.sha1(rnd.randbytes(16)).hexdigest()

    def put(path: str) -> dict[str, Any]:
        op = "update" if path in tree else "put"
        tree[path] = {"mode": rnd.choice(["100644", "100644", "100755"]), "blob": blob()}
        return {"op": op, "path": path, "blob": tree[path]["blob"], "mode": tree[path]["mode"]}

    def delete(path: str) -> dict[str, Any]:
        del tree[path]
        gone.append(path)
        return {"op": "delete", "path": path}

    def rename(path: str, to: str) -> list[dict[str, Any]]:
        kept = tree[path]
        removed = delete(path)
        tree[to] = kept
        return [removed, {"op": "put", "path": to, "blob": kept["blob"], "mode": kept["mode"]}]

    for number in range(260):
        now += rnd.randrange(600, 90_000)
        changes: list[dict[str, Any]] = []
        if number == 40:
            changes = [put(f"archive/{rnd.choice(words)}-{n:03}.txt") for n in range(120)]
        elif number % 17 == 5 and gone:
            changes = [put(gone.pop(rnd.randrange(len(gone))))]
        elif number % 11 == 7 and len(tree) > 5:
            path = rnd.choice(sorted(tree))
            changes = rename(path, f"moved/{number}/{path.rsplit('/', 1)[-1]}")
        elif number % 7 == 3 and len(tree) > 8:
            changes = [delete(path) for path in rnd.sample(sorted(tree), 2)]
        else:
            changes = [put("LEDGER.md")]
            for _ in range(rnd.randrange(0, 4)):
                path = f"{rnd.choice(words)}/{rnd.choice(words)}-{rnd.randrange(30)}.md"
                if all(change["path"] != path for change in changes):
                    changes.append(put(path))
        sha = hashlib.sha1(f"{seed}/{number}".encode()).hexdigest()
        lines.append({"commit": sha, "time": now, "changes": changes})
    return lines, tree


def test_the_shipped_feed_is_the_one_this_file_invents() -> None:
    lines, tree = invent()
    with gzip.open(feed.shipped(), "rt") as file:
        assert [json.loads(line) for line in file] == lines
    beside = feed.tree_beside(feed.shipped())
    assert beside is not None
    assert json.loads(beside.read_text()) == tree


def test_the_shipped_feed_has_what_real_histories_have() -> None:
    commits = feed.read(feed.shipped())
    changes = [change for commit in commits for change in commit.changes]
    assert len(changes) >= 300
    assert max(len(commit.changes) for commit in commits) > 100
    deleted: set[str] = set()
    created_again = 0
    for change in changes:
        if change.op == "delete":
            deleted.add(change.path)
        elif change.op == "put" and change.path in deleted:
            created_again += 1
    assert len(deleted) > 20
    assert created_again > 5
    renames = [c for c in commits if {x.op for x in c.changes} == {"delete", "put"}]
    assert len(renames) > 10


def write() -> None:
    lines, tree = invent()
    target = Path(__file__).resolve().parents[3] / "streamstore/cli/demo" / feed.SHIPPED
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    target.write_bytes(gzip.compress(text.encode(), mtime=0))
    target.with_name("orchard.tree.json").write_text(json.dumps(tree, separators=(",", ":")))


if __name__ == "__main__":
    write()
