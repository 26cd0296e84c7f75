"""One template file as a plan, whichever framework wrote it.

A file with `Resources` is SAM's or CloudFormation's, one with `service` or `functions` is
Serverless Framework's.

Must not know: stores, how handlers run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ...errors import TemplateInvalid
from .loading import load
from .plan import Plan
from .sam import read_sam
from .serverless import read_serverless


def read_template(
    path: Path,
    *,
    parameters: Mapping[str, str],
    stage: str | None,
    environment: Mapping[str, str],
    region: str,
    account: str,
) -> Plan:
    """What a template asks for. Raises TemplateInvalid with everything that is wrong with it.

    `parameters` are a SAM template's, or Serverless Framework's ${param:…}; `environment` is what
    ${env:…} reads, and where endpoints of other services are looked for.
    """
    path = path.absolute()
    found = load(path)
    if not isinstance(found, dict):
        raise TemplateInvalid([f"{path} holds no map, so it is no template"])
    remote = _remote(environment)
    try:
        if "Resources" in found:
            return _distinct(read_sam(path, found, parameters, region, account, remote))
        if "functions" in found or "service" in found:
            options = {f"param.{name}": value for name, value in parameters.items()}
            if stage is not None:
                options["stage"] = stage
            return _distinct(
                read_serverless(path, found, options, environment, load, account, remote, region)
            )
    except RecursionError as error:
        raise TemplateInvalid([f"{path} is nested too deeply, or refers to itself"]) from error
    raise TemplateInvalid(
        [f"{path} has neither Resources, as SAM's templates have, nor functions, as serverless.yml"]
    )


def _distinct(plan: Plan) -> Plan:
    """The plan, if its tables and functions have names of their own."""
    names = Counter(("table", table.name) for table in plan.tables)
    names.update(("function", function.name) for function in plan.functions)
    pairs = Counter((each.function, each.params["EventSourceArn"]) for each in plan.mappings)
    problems = [f"two {kind}s are called {name}" for (kind, name), n in names.items() if n > 1]
    problems += [
        f"{function} listens to one stream twice" for (function, _), n in pairs.items() if n > 1
    ]
    if problems:
        raise TemplateInvalid(problems)
    return plan


def _remote(environment: Mapping[str, str]) -> frozenset[str]:
    """The services that have an endpoint of their own here, a queue that runs locally say."""
    services = ("sqs", "sns", "s3")
    if environment.get("AWS_ENDPOINT_URL"):
        return frozenset(services)
    return frozenset(
        each for each in services if environment.get(f"AWS_ENDPOINT_URL_{each.upper()}")
    )
