"""`streamstore dev TEMPLATE`: a SAM template or serverless.yml, run on this machine.

Makes the tables and streams, creates the mappings, imports the Python handlers and again when their
files change, serves the endpoint, and shows events, retries and failures as they happen. Ends with
2 where the template can't be run, with 1 where the machine refuses.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..terminal import fail


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--parameter takes NAME=VALUE, not {pair!r}")
        found[name] = value
    return found


@click.command()
@click.argument("template", type=click.Path(path_type=Path))
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="default: in memory")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--stage", help="Serverless Framework's; default the provider's, or dev")
@click.option("--lambda-endpoint", metavar="URL", help="runs what is not Python: sam local's")
@click.option("--no-timeouts", is_flag=True, help="handlers take as long as they take, to debug")
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
def dev(
    template: Path,
    db: Path | None,
    port: int,
    parameters: tuple[str, ...],
    stage: str | None,
    lambda_endpoint: str | None,
    no_timeouts: bool,
    output: str | None,
) -> None:
    """Run TEMPLATE, a SAM template or a serverless.yml: tables, streams, mappings and handlers.

    Until it is interrupted; a handler whose file changes is imported again.
    """
    try:
        import yaml  # noqa: F401 - what is missing is said before anything is done
    except ImportError:
        fail("templates need PyYAML: pip install 'streamstore[dev]'")
    from ...errors import StorageError, TemplateInvalid
    from .session import Wanted, run
    from .showing import Shown

    as_json = output == "json" or (output is None and not sys.stdout.isatty())
    wanted = Wanted(
        template=template,
        db=":memory:" if db is None else str(db),
        port=port,
        parameters=_parameters(parameters),
        stage=stage,
        lambda_endpoint=lambda_endpoint,
        timeouts=not no_timeouts,
    )
    try:
        run(wanted, Shown(sys.stdout.buffer, as_json=as_json))
    except TemplateInvalid as invalid:
        for problem in invalid.problems:
            click.echo(f"streamstore: {problem}", err=True)
        sys.exit(2)
    except (StorageError, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"can't listen on 127.0.0.1 port {port}: {error}")
