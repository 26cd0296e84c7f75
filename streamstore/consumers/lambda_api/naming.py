"""The forms of a function's name: bare, partial ARN, ARN, each with a version or alias or without.

Region and account of an ARN tell no functions apart, as everywhere in a store: there is one
namespace. They are only said again to whoever asked by them.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .shapes import FUNCTION_NAME

_FORM: Final = re.compile(FUNCTION_NAME)
_REGION_GROUP: Final = 3
_ACCOUNT_GROUP: Final = 9
_NAME_GROUP: Final = 11
_QUALIFIER_GROUP: Final = 13


class Named(NamedTuple):
    """A function's bare name, and its version or alias, region and account, "" where none is
    named.
    """

    name: str
    qualifier: str
    region: str = ""
    account: str = ""

    @property
    def text(self) -> str:
        """The shortest name that says the same."""
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name


def read_name(text: str) -> Named:
    """The parts of a function's name. ValueError where it has no such form."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no function name")
    return Named(
        match[_NAME_GROUP],
        match[_QUALIFIER_GROUP] or "",
        (match[_REGION_GROUP] or "").rstrip(":"),
        (match[_ACCOUNT_GROUP] or "").rstrip(":"),
    )
