"""What every command has of the terminal: the options that name a store and the key to sign with,
and how a failure ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

DB = click.option(
    "--db", type=click.Path(dir_okay=False, path_type=Path), required=True, help="the store file"
)

KEY = click.option(
    "--key",
    envvar="STREAMSTORE_KEY",
    metavar="ACCESS_KEY_ID:SECRET",
    help="sign requests with it; or STREAMSTORE_KEY",
)


def fail(message: str) -> None:
    """Say why on stderr and end with 1."""
    click.echo(f"streamstore: {message}", err=True)
    sys.exit(1)
