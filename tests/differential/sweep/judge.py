"""Answers made comparable, differences grouped, and those that are decided told from the rest."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from case import Case
from decided import DECIDED
from servers import Answer

# Members that differ by nature: times, identities and what peers measure in their own way.
_OWN = {
    "CreationDateTime", "TableId", "TableArn", "IndexArn", "LatestStreamArn", "LatestStreamLabel",
    "LastIncreaseDateTime", "LastDecreaseDateTime", "LastUpdateToPayPerRequestDateTime",
    "LastUpdateDateTime", "StreamArn", "StreamLabel", "CreationRequestDateTime", "ShardId",
    "ShardIterator", "NextShardIterator", "SequenceNumber", "StartingSequenceNumber",
    "EndingSequenceNumber", "eventID", "ApproximateCreationDateTime", "awsRegion",
    "ParentShardId", "LastEvaluatedShardId", "LastEvaluatedStreamArn",
}  # fmt: skip
# Members of a table's description that one of the peers doesn't have, or fills later.
_LEFT_OUT = {
    "WarmThroughput", "LastUpdateToPayPerRequestDateTime", "LastUpdateDateTime", "Backfilling",
    "LastIncreaseDateTime", "LastDecreaseDateTime", "TableThroughputModeSummary", "TableSizeBytes",
    "IndexSizeBytes", "ItemCount", "IndexStatus", "TableStatus",
}  # fmt: skip
_SETS = ("SS", "NS", "BS")
_UNORDERED = ("AttributeDefinitions", "GlobalSecondaryIndexes", "Tags")


def reply_of(case: Case, answer: Answer) -> Any:
    """A good reply made comparable; a Scan's order is each server's own, and where it begins or
    ends in the middle so are its items.
    """
    made = canonical(answer[1])
    if case.operation == "Scan" and isinstance(made, dict):
        made["Items"] = _sorted(made.get("Items"))
        if case.params.keys() & {"Limit", "ExclusiveStartKey"}:
            made = dict.fromkeys(made, "...")
    return made


def canonical(part: Any) -> Any:
    """A reply without what differs by nature, sets and unordered lists sorted."""
    if isinstance(part, dict):
        made = {}
        for name, value in part.items():
            if name in _LEFT_OUT:
                continue
            if name in _OWN:
                value = "..."
            elif name in _SETS and isinstance(value, list):
                value = sorted(map(str, value))
            elif name in _UNORDERED:
                value = _sorted(value)
            made[name] = canonical(value)
        return made
    if isinstance(part, list):
        return [canonical(each) for each in part]
    if isinstance(part, int | float) and not isinstance(part, bool):
        return float(part)
    return part


def _sorted(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return sorted(value, key=lambda each: json.dumps(each, sort_keys=True))


def error_of(answer: Answer) -> tuple[str, str] | None:
    """(type without its prefix, text) of an error, None for a good reply."""
    status, body = answer
    if status == 200:
        return None
    if not isinstance(body, dict):
        return f"HTTP {status}", str(body)[:200]
    kind = str(body.get("__type", "")).rpartition("#")[2]
    text = str(body.get("message", body.get("Message", "")))
    text = re.sub(r"arn:aws:dynamodb:[\w-]*:\d*:", "arn:", text)
    if kind == "TransactionCanceledException":
        text += json.dumps(canonical(body.get("CancellationReasons")), sort_keys=True)
    return kind, text


def same(case: Case, ours: Answer, theirs: Answer) -> bool:
    """Whether two answers to a case say the same."""
    mine, other = error_of(ours), error_of(theirs)
    if mine is None and other is None:
        return bool(reply_of(case, ours) == reply_of(case, theirs))
    return ours[0] == theirs[0] and mine == other


def difference(case: Case, ours: Answer, theirs: Answer) -> str:
    """The top members in which two good replies differ."""
    mine, other = reply_of(case, ours), reply_of(case, theirs)
    names = sorted(n for n in mine.keys() | other.keys() if mine.get(n) != other.get(n))
    inner = [name for name in names if isinstance(mine.get(name), dict)]
    more = [
        f"{name}.{each}"
        for name in inner
        if isinstance(other.get(name), dict)
        for each in sorted(mine[name].keys() | other[name].keys())
        if mine[name].get(each) != other[name].get(each)
    ]
    return f"reply differs in {more or names}"


def told(answer: Answer | None) -> str:
    """An answer in a line."""
    if answer is None:
        return "-"
    error = error_of(answer)
    return "reply" if error is None else f"{error[0]}: {error[1]}"


def bare(text: str) -> str:
    """A line without the prefix that some families of errors got in 2026."""
    return text.replace("1 validation error detected: ", "", 1)


def sketch(text: str) -> str:
    """A line without what varies from case to case."""
    text = re.sub(r'"[^"]*"', '".."', text)
    text = re.sub(r"'[^']*'", "'..'", text)
    text = re.sub(r"\[[^\]]*\]|\{[^}]*\}", "[..]", text)
    return re.sub(r"\d+", "0", text)[:240]


@dataclass
class Findings:
    """What a comparison with one peer has found."""

    peer: str
    compared: int = 0
    agreed: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    open: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str, str], tuple[Case, dict[str, Answer]]] = field(
        default_factory=dict
    )

    def note(self, case: Case, answers: dict[str, Answer]) -> None:
        """Compare the answers to one case."""
        ours, theirs = answers["ours"], answers[self.peer]
        self.compared += 1
        if same(case, ours, theirs):
            self.agreed += 1
            return
        mine, other = told(ours), told(theirs)
        if mine == other == "reply":
            mine = difference(case, ours, theirs)
        reason = why(self.peer, case, mine, other)
        if reason is None and self._another_agrees(case, answers):
            reason = "another peer says as we do"
        if reason is not None:
            self.decided[reason] += 1
            return
        key = (case.group, case.operation, sketch(mine), sketch(other))
        self.open[key] += 1
        self.examples.setdefault(key, (case, answers))

    def _another_agrees(self, case: Case, answers: dict[str, Answer]) -> bool:
        return any(
            same(case, answers["ours"], answer)
            for name, answer in answers.items()
            if name not in ("ours", self.peer)
        )

    def show(self, width: int) -> None:
        """Print the open groups, most frequent first, and the count of the decided."""
        for key, times in self.open.most_common():
            case, answers = self.examples[key]
            print(f"\n[{self.peer}] {times} x {case.group} {case.operation}")
            print(f"  asked {json.dumps(case.params)[:width]}")
            for name, answer in answers.items():
                line = told(answer)
                if line == "reply":
                    line += " " + json.dumps(canonical(answer[1]), sort_keys=True)
                print(f"  {name:9}{line[:width]}")
        print(
            f"\n[{self.peer}] {self.compared} requests, {self.agreed} agree,"
            f" {sum(self.decided.values())} differ as decided, {sum(self.open.values())} open in"
            f" {len(self.open)} groups"
        )


def why(peer: str, case: Case, ours: str, theirs: str) -> str | None:
    """The reason of the decision that covers a difference, or None."""
    if bare(ours) == bare(theirs):
        return "the prefix of spec B.3, which is on its way from operation to operation"
    for each in DECIDED:
        if each.covers(peer, f"{case.group} {case.operation}", ours, theirs):
            return each.reason
    return None
