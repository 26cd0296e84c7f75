"""`streamstore backup` and `streamstore restore`.

A backup is made beside whoever owns the file, a server or an embedding program, since it reads as
any `read_only=True` opener does; so it asks no admin door, and works where there is none. A restore
makes a new file, and `--adopt` takes over one that another tool put in its place.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import StoreError
from .terminal import fail

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.argument("target", type=_FILE)
@click.option("--force", is_flag=True, help="overwrite an earlier backup")
@click.option("--checksum", is_flag=True, help="let the copy's pages carry checksums")
def backup(file: Path, target: Path, force: bool, checksum: bool) -> None:
    """Copy the store FILE to TARGET: one verified file, beside a running owner too."""
    from ..storage import copies

    try:
        made = copies.back_up(str(file), target, force=force, checksum=checksum)
    except StoreError as error:
        fail(str(error))
    else:
        click.echo(json.dumps(made._asdict()))


@click.command()
@click.argument("source", type=_FILE)
@click.argument("target", type=_FILE, required=False)
@click.option("--adopt", is_flag=True, help="take SOURCE over where it lies, without TARGET")
def restore(source: Path, target: Path | None, adopt: bool) -> None:
    """Make a store at TARGET of the backup SOURCE; with --adopt, of a file that another tool put
    back.

    Every stream gets a new ARN, so that nothing of the old life is said twice: point consumers at
    the new ones. The ended streams stay readable for their time.
    """
    from .. import restoring

    if adopt == (target is not None):
        raise click.UsageError("give SOURCE and TARGET, or --adopt and one file")
    try:
        restored = restoring.adopt(source) if target is None else restoring.restore(source, target)
    except StoreError as error:
        fail(str(error))
        return
    for orphan in restored.orphans:
        click.echo(
            f"streamstore: mapping {orphan.uuid} ({orphan.function_name}) reads an ended stream;"
            " make one for the new ARN",
            err=True,
        )
    facts = restored._asdict()
    facts["streams"] = [stream._asdict() for stream in restored.streams]
    facts["orphans"] = [orphan._asdict() for orphan in restored.orphans]
    click.echo(json.dumps(facts))
