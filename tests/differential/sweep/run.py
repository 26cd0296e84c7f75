"""Every operation that is served, asked thousands of ways: our answers beside the peers'.

By hand:

    python tests/differential/sweep/run.py [--peers /opt/peers] [--only WORD ...] [--width 300]
        [--servers ours dynoxide local] [--keep FILE]

Each server is started in memory on a free port, one after the other, asked the same requests in
the same order and ended; then status, error type, text and good replies are compared (times and
identities left out). Differences that are known and decided are counted, the others are grouped by
what was tried and by both answers, with one example each. `--only` keeps the groups whose name or
operation contains a word. `--keep` writes all answers to a JSON file. Exits 1 if a difference is
open.

shapes.py       each member missing, null, of a wrong type, beyond its bounds; unknown ones; pairs
bases.py        the sound requests that shapes.py bends
values.py       attribute values at every place that takes them; numbers
control.py      tables, streams' settings, tags, time to live
writes.py       what is returned, consumed and measured by writes; keys; indexes
expressions.py  conditions and projections      updates.py  update expressions
reads.py        Query and Scan                  batches.py  batches and transactions
feeds.py        the four calls of streams
model.py        our answers alone, held against the output shapes of botocore's models
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import batches
import control
import expressions
import feeds
import reads
import shapes
import updates
import values
import writes
from case import START, Case
from judge import Findings
from model import deviations
from servers import Answer, Door, resolved, running

MODULES = (shapes, values, control, writes, expressions, updates, reads, batches, feeds)


def all_cases(only: list[str]) -> list[Case]:
    """The cases of all modules, or those whose group or operation has one of the words."""
    made = chain.from_iterable(module.cases() for module in MODULES)
    return [
        case
        for case in made
        if not only or any(word in f"{case.group} {case.operation}" for word in only)
    ]


def record(name: str, peers: Path, cases: list[Case]) -> list[Answer]:
    """One server's answers."""
    answers = []
    with running(name, peers) as door:
        facts = prepare(name, door)
        for case in cases:
            for operation, params in case.before:
                _do(door, facts, operation, params)
            answers.append(door.ask(case.operation, resolved(case.params, facts)))
    return answers


def prepare(name: str, door: Door) -> dict[str, Any]:
    """Make the tables and items that all cases are about; what this server calls its things."""
    for operation, params in START:
        status, body = door.ask(operation, params)
        if status != 200:
            raise SystemExit(f"{name} refuses {operation} {json.dumps(params)[:200]}: {body}")
    facts = feeds.facts_of(door)
    for table in ("plain", "ranged"):
        facts[f"arn_{table}"] = door.ask("DescribeTable", {"TableName": table})[1]["Table"][
            "TableArn"
        ]
    return facts


def _do(door: Door, facts: dict[str, Any], operation: str, params: Any) -> None:
    """A step before a case. "Clear" deletes a table if it is there, protected or not."""
    if operation == "Clear":
        off = {**params, "DeletionProtectionEnabled": False}
        if door.ask("DeleteTable", params)[0] != 200:
            door.ask("UpdateTable", off)
            door.ask("DeleteTable", params)
        return
    door.ask(operation, resolved(params, facts))


def off_model(cases: list[Case], ours: list[Answer]) -> int:
    """Print where our answers are not as modelled; how often they aren't."""
    found = Counter(
        each for case, answer in zip(cases, ours, strict=False) for each in deviations(case, answer)
    )
    for each, times in found.most_common():
        print(f"[model] {times} x {each}")
    return sum(found.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", type=Path, default=Path("/opt/peers"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--servers", nargs="*", default=["ours", "dynoxide", "local"])
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    cases = all_cases(given.only)
    recorded = {}
    for name in given.servers:
        recorded[name] = record(name, given.peers, cases)
        print(f"{name}: {len(cases)} requests answered", file=sys.stderr)
    if given.keep is not None:
        kept = [
            [case.group, case.operation, case.params, {n: r[at] for n, r in recorded.items()}]
            for at, case in enumerate(cases)
        ]
        given.keep.write_text(json.dumps(kept))
    left = off_model(cases, recorded.get("ours", []))
    for peer in given.servers:
        if peer == "ours" or "ours" not in recorded:
            continue
        findings = Findings(peer)
        for at, case in enumerate(cases):
            findings.note(case, {name: answers[at] for name, answers in recorded.items()})
        findings.show(given.width)
        for reason, times in findings.decided.most_common():
            print(f"  {times:5} {reason}")
        left += sum(findings.open.values())
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
