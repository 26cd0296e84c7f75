"""Code that stands in the template itself: SAM's InlineCode and CloudFormation's Code.ZipFile.

It is the module `index`, as on the service. It is written into a folder of its own, that of the
whole run; a change of the template is read by the next run, as everything else of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from ..plan import FunctionWanted, Plan

MODULE: Final = "index"


def written(plan: Plan, folder: Path) -> Plan:
    """The plan with inline Python in folders below `folder`, which it is written into."""
    functions = [_written(function, folder) for function in plan.functions]
    return replace(plan, functions=functions)


def _written(function: FunctionWanted, folder: Path) -> FunctionWanted:
    if function.inline is None or not function.is_python:
        return function
    code = (folder / function.logical).resolve()
    code.mkdir()
    (code / f"{MODULE}.py").write_text(function.inline, "utf-8")
    return replace(function, code=code)


def handler_problem(handler: str) -> str | None:
    """Why inline code can't have that handler, None if it can."""
    if handler.startswith(f"{MODULE}."):
        return None
    return f"inline code is the module {MODULE}, so its handler is {MODULE}.NAME, not {handler!r}"
