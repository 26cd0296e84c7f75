"""The `streamstore` command: what it can do, and how it ends.

Every command's own imports are inside it, so that `serve` and `healthcheck` start in a blink.
Results are JSON on stdout where it is not a terminal; messages go to stderr. Exit codes: 0 done, 1
refused or failed, 2 misused.
"""

from __future__ import annotations

import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click

from .. import __version__
from .terminal import DB, KEY, fail

_ELSEWHERE = {
    "backup": ".backups",
    "check": ".proving.checking",
    "consumers": ".consuming.lag",
    "control": ".control",
    "dev": ".dev",
    "dlq": ".consuming.dlq",
    "dump": ".lines.dump",
    "export": ".lines.dump",
    "filter": ".filtering",
    "import": ".lines.importing",
    "mappings": ".consuming.mappings",
    "replicate": ".replicate",
    "restore": ".backups",
    "tail": ".lines.tail",
    "torture": ".proving.torture",
}


_TARGETS = (
    "what a mapping may invoke: module:function, cmd:PROGRAM, lambda:http://HOST/NAME, webhook:URL"
)


class Commands(click.Group):
    """The commands below, and those that have a module of their own, imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted((*super().list_commands(ctx), *_ELSEWHERE))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _ELSEWHERE.get(cmd_name)
        if home is None:
            return super().get_command(ctx, cmd_name)
        # A command that is called like a word of Python's has an underscore behind it.
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(home, __package__), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="streamstore")
def main() -> None:
    """DynamoDB tables and DynamoDB Streams as a durable storage engine on SQLite."""


def split_policy_option(command: Any) -> Any:
    """--split-policy and --first-partitions, for whoever opens a store."""
    policies = click.Choice(["aws", "single", "manual"])
    command = click.option(
        "--first-partitions", type=click.IntRange(1, 1024), help="partitions of a new table"
    )(command)
    return click.option("--split-policy", type=policies, help="when shards split (default aws)")(
        command
    )


@main.command()
@click.option("--db", "-dbPath", "db", type=click.Path(path_type=Path), help="the store file")
@click.option("--port", "-port", type=click.IntRange(0, 65535), help="default 8000")
@click.option("--host", help="default 127.0.0.1; another address needs --key")
@click.option("--in-memory", "-inMemory", is_flag=True, help="keep nothing")
@click.option("-sharedDb", "shared", is_flag=True, hidden=True, help="always so, unless isolated")
@click.option("--isolate-regions", is_flag=True, help="a namespace for each region and account")
@click.option("--key", "keys", multiple=True, help="ACCESS_KEY_ID:SECRET; verifies signatures")
@click.option("--allowed-host", "hosts", multiple=True, help="a further Host name to answer to")
@click.option("--allowed-origin", "origins", multiple=True, help="an Origin that may call")
@click.option("--retention-seconds", type=click.IntRange(0), help="default 86400; 0: for ever")
@click.option("--transition-seconds", type=click.FloatRange(0), help="how long CREATING lasts")
@click.option("--durability", type=click.Choice(["full", "normal", "off"]), help="default full")
@click.option("--checksum", is_flag=True, help="a checksum in every page of a new file")
@click.option("--enable-control", is_flag=True, help="a test's store: reset, control from afar")
@click.option("--function", "functions", multiple=True, metavar="NAME=TARGET", help=_TARGETS)
@click.option(
    "--function-path",
    "function_paths",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="a folder to import functions from; default the current one",
)
@click.option("--webhook-host", "webhook_hosts", multiple=True, help="a host webhooks may be at")
@click.option("--config", type=click.Path(exists=True, path_type=Path), help="a TOML file")
@split_policy_option
def serve(**given: Any) -> None:
    """Serve DynamoDB and DynamoDB Streams on loopback until SIGTERM."""
    from .serving import serve_forever

    serve_forever(given)


@main.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="how long to wait for an answer")
def healthcheck(url: str, seconds: float) -> None:
    """Ask a running server whether it takes requests; ends with 0 if so, else 1."""
    from .admin import ready
    from .asking import Unreachable

    try:
        answer = ready(url, seconds)
    except Unreachable as unreachable:
        fail(str(unreachable))
    else:
        click.echo(answer)


@main.group()
def shards() -> None:
    """The shards of a table's stream."""


@shards.command("show")
@click.argument("table")
@DB
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
@click.option("--svg", type=click.File("w", lazy=True), help="draw an SVG into this file, or -")
def shards_show(table: str, db: Path, output: str | None, svg: Any) -> None:
    """Draw the shard lineage of TABLE's newest stream; beside a running owner too."""
    from .shards import show, show_svg

    if svg is not None:
        _guarded(lambda: show_svg(table, db, svg))
        return
    as_json = output == "json" or (output is None and not sys.stdout.isatty())
    _guarded(lambda: show(table, db, as_json))


@shards.command("split")
@click.argument("table")
@click.argument("shard", required=False)
@DB
def shards_split(table: str, shard: str | None, db: Path) -> None:
    """Split SHARD of TABLE in two, or the widest open shard; beside a running server too."""
    from .shards import split

    _guarded(lambda: split(table, shard, db))


@main.command()
@DB
def compact(db: Path) -> None:
    """Remove records older than the retention and give pages back; beside a running server too."""
    from .admin import compact as run

    _guarded(lambda: run(db))


@main.command()
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="the owned store file")
@click.option("--url", help="the server's, default http://127.0.0.1:8000")
@KEY
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
def stats(db: Path | None, url: str | None, key: str | None, output: str | None) -> None:
    """What a running server has counted: requests, errors, units, commits."""
    from .stats import show

    if db is not None and url is not None:
        raise click.UsageError("give --db or --url, not both")
    as_json = output == "json" or (output is None and not sys.stdout.isatty())
    _guarded(lambda: show(url, db, key, as_json))


@main.group()
def clock() -> None:
    """The clock of a running server."""


@clock.command("advance")
@click.argument("duration")
@DB
def clock_advance(duration: str, db: Path) -> None:
    """Move the server's clock ahead by DURATION: seconds, or 90s, 15m, 24h, 30d."""
    from .admin import advance

    _guarded(lambda: advance(db, duration))


@clock.command("confirm")
@DB
def clock_confirm(db: Path) -> None:
    """Believe the server's clock as it is, where retention holds back after a step of it."""
    from .admin import confirm

    _guarded(lambda: confirm(db))


@main.command()
@click.option(
    "--feed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a change feed (.jsonl or .jsonl.gz); the shipped one if none is named",
)
@click.option("--http", is_flag=True, help="the same through a server process")
def demo(feed: Path | None, http: bool) -> None:
    """Send a change feed through the store and prove what came out."""
    from .demo.feed import FeedInvalid
    from .demo.run import demo as run

    try:
        sys.exit(run(feed, http=http))
    except FeedInvalid as invalid:
        fail(str(invalid))


def _guarded(action: Any) -> None:
    """Run a command's work; what the store refuses ends it with 1 and the reason."""
    from ..errors import StoreError
    from .asking import Unreachable

    try:
        action()
    except (StoreError, Unreachable) as error:
        fail(str(error))
