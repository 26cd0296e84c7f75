"""`streamstore filter test`: a filter pattern tried on records, before a mapping or a tail uses it.

    filter test PATTERN RECORD     0: a record matches, 1: none does, 2: no pattern, no record

PATTERN is a file, `-`, or the JSON itself. RECORD is a file or `-` with one record in Lambda's form
or as the Streams API gives it, an event of several ({"Records": […]}), or a record a line, as
`streamstore tail` writes them. `matcher` is what `tail --filter` uses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson

from ..consumers.filters import Explanation, Pattern, PatternInvalid, compile_pattern
from ..consumers.plain import lambda_form

_STDIN = "-"


@click.group()
def filter() -> None:  # noqa: A001 - the command's name, by which main finds it
    """Filter patterns, as event source mappings and `tail --filter` take them."""


@filter.command("test")
@click.argument("pattern")
@click.argument("record")
@click.option("--explain", is_flag=True, help="say which condition failed")
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
def test(pattern: str, record: str, explain: bool, output: str | None) -> None:
    """Try PATTERN on RECORD; exits 0 if a record matches, 1 if none does, 2 if either is unusable.

    PATTERN is a file, - for stdin, or the pattern itself; RECORD a file or -: one record, an event
    with Records, or a record a line.
    """
    if pattern == record == _STDIN:
        raise click.UsageError("PATTERN and RECORD can't both be read from stdin")
    compiled = pattern_of(pattern)
    try:
        found = [compiled.explain(lambda_form(each)) for each in _records(_text(record), record)]
    except RecursionError:
        _refuse(f"{_named(record)} is nested too deeply for a record")
    as_json = output == "json" or (output is None and not sys.stdout.isatty())
    for line in _as_json(found, explain) if as_json else _as_text(found, explain):
        click.echo(line)
    sys.exit(0 if any(found) else 1)


def matcher(patterns: tuple[str, ...]) -> Callable[[dict[str, Any]], bool]:
    """What a record of any spelling passes if one of the patterns matches it. Ends the process with
    2 where one is none.
    """
    judges = [pattern_of(each).matches for each in patterns]

    def passes(record: dict[str, Any]) -> bool:
        formed = lambda_form(record)
        return any(judge(formed) for judge in judges)

    return passes


def pattern_of(given: str) -> Pattern:
    """A pattern from a command line. Ends the process with 2 where it is none."""
    text = given if given.lstrip().startswith("{") else _text(given)
    try:
        return compile_pattern(text)
    except PatternInvalid as invalid:
        _refuse(f"bad pattern: {invalid.reason}")


def _refuse(message: str) -> NoReturn:
    click.echo(f"streamstore: {message}", err=True)
    sys.exit(2)


def _text(source: str) -> str:
    try:
        if source == _STDIN:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(source).read_text("utf-8-sig")
    except OSError as error:
        _refuse(f"can't read {source}: {error.strerror or error}")
    except UnicodeDecodeError:
        _refuse(f"{_named(source)} is not UTF-8 text")


def _named(source: str) -> str:
    return "stdin" if source == _STDIN else source


def _records(text: str, source: str) -> list[dict[str, Any]]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = _records_by_line(text)
        if found is None:
            _refuse(f"{_named(source)} is not JSON: {error}")
    if isinstance(found, dict):
        found = found.get("Records", [found])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        _refuse(f"{_named(source)} holds neither a record nor an event of records")
    if not found:
        _refuse(f"{_named(source)} holds no record")
    return found


def _records_by_line(text: str) -> list[Any] | None:
    try:
        return [orjson.loads(line) for line in text.splitlines() if line.strip()] or None
    except orjson.JSONDecodeError:
        return None


def _as_text(found: list[Explanation], explain: bool) -> list[str]:
    lines = []
    for number, each in enumerate(found, 1):
        name = f"{number}: " if len(found) > 1 else ""
        lines.append(f"{name}{'match' if each.matched else 'no match'}")
        if explain and not each.matched:
            lines += [f"  {line}" for unmet in each.unmet for line in unmet.lines()]
    return lines


def _as_json(found: list[Explanation], explain: bool) -> list[str]:
    lines = []
    for each in found:
        told: dict[str, Any] = {"matched": each.matched}
        if explain:
            told["unmet"] = each.unmet
        lines.append(orjson.dumps(told).decode())
    return lines
